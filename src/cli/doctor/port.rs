//! Who holds the page's port while no service runs.
//!
//! Promise: nothing is connected to, which would start a service that systemd listens for; the page of refusals, which stands in the service's place, and systemd's own
//! socket of the page are nobody else. Never: a port opened.

use std::fs;
use std::net::SocketAddr;

use super::machine;

/// Another program's listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) address: SocketAddr,
    /// What it calls itself, where this account may see that.
    pub(super) name: Option<String>,
}

/// Who listens, by the kernel's table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listener {
    user: u32,
    inode: String,
}

/// What the kernel calls a socket that listens.
const LISTENS: &str = "0A";

/// Asks the kernel. `None`: nobody else holds it, or nobody can tell.
pub(super) fn look(address: SocketAddr) -> Option<Taken> {
    let found = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| listener(&fs::read_to_string(table).ok()?, address))?;
    let name = name_of(&found.inode);
    let is_ours = match name.as_deref() {
        Some(name) => matches!(name, "bhyt-agent" | "systemd"),
        // Of root's programs nothing more can be seen from here.
        None => found.user == 0 && machine::is_page_socket_up(),
    };
    (!is_ours).then_some(Taken { address, name })
}

fn listener(table: &str, address: SocketAddr) -> Option<Listener> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (local, state, user, inode) = (fields.get(1)?, fields.get(3)?, fields.get(7)?, fields.get(9)?);
        let (host, port) = local.split_once(':')?;
        let is_everywhere = host.bytes().all(|digit| digit == b'0');
        let is_here = match address {
            SocketAddr::V4(address) => {
                host.len() == 8 && u32::from_str_radix(host, 16).is_ok_and(|host| host == u32::from_ne_bytes(address.ip().octets()))
            }
            SocketAddr::V6(_) => host.len() == 32,
        };
        let is_it = u16::from_str_radix(port, 16) == Ok(address.port()) && (is_here || is_everywhere) && *state == LISTENS;
        is_it.then(|| Some(Listener { user: user.parse().ok()?, inode: (*inode).to_owned() })).flatten()
    })
}

/// So many processes are looked at: a desk's computer runs a few hundred.
const MOST: usize = 5000;

/// The name of the process that has a socket open, as far as this account may look.
fn name_of(inode: &str) -> Option<String> {
    let wanted = format!("socket:[{inode}]");
    let has_it = |process: &fs::DirEntry| {
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().filter_map(Result::ok);
        files.take(MOST).any(|file| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str()))
    };
    let process = fs::read_dir("/proc").ok()?.filter_map(Result::ok).take(MOST).find(has_it)?;
    let name = fs::read_to_string(process.path().join("comm")).ok()?;
    Some(name.trim().chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_tells_who_listens_at_an_address_and_not_who_is_connected() {
        let rows = [
            "sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode",
            "0: 0100007F:21EE 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 1000 0 111 1",
            "1: 0100007F:21EE 00000000:0000 0A 00000000:00000000 00:00000000 00000000 999 0 222 1",
            "2: 00000000:21EF 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 333 1",
        ];
        let table = &rows.join("\n");
        let at = |address: &str| listener(table, address.parse().unwrap()).map(|found| (found.user, found.inode));
        assert_eq!(at("127.0.0.1:8686"), Some((999, "222".to_owned())));
        assert_eq!(at("127.0.0.1:8687"), Some((0, "333".to_owned())), "at every address");
        assert_eq!((at("127.0.0.2:8686"), at("127.0.0.1:8688")), (None, None));
        assert_eq!(listener("no table", "127.0.0.1:8686".parse().unwrap()), None);
    }

    #[test]
    fn a_port_that_another_program_holds_is_found_with_its_name() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = look(address).unwrap();
        assert!(taken.address == address && taken.name.is_some_and(|name| !name.is_empty()));
        drop(listener);
        assert_eq!(look(address), None);
    }
}
