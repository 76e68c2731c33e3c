//! Hears from the kernel when the machine gets an address or a route.
//!
//! Promise: one call for each time something appears, however many messages say so; a kernel or a sandbox that does not tell is said once in the log, and
//! everything else goes on. Never: a judgement about the link; that is who is called.

use core::time::Duration;
use std::io;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::bind;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::socket_with;
use tokio::net::UnixDatagram;
use tokio::time;
use tokio_util::sync::CancellationToken;

/// Groups of the kernel's `rtnetlink`: addresses and routes of both families.
const GROUPS: u32 = 0x10 | 0x40 | 0x100 | 0x400;
/// Messages: an address, a route is there.
const NEW: [u16; 2] = [20, 24];
/// An interface that comes up sends several messages: they are one event.
const SETTLING: Duration = Duration::from_secs(1);

/// Calls `up` for each time a link seems to have come up, until stopped.
pub async fn watch(up: impl Fn() + Send, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        if let Err(error) = listen(&up).await {
            tracing::info!(name: "link.kernel-silent", %error, "the kernel does not tell when a link comes up: the timetables do without");
            std::future::pending::<()>().await;
        }
    })
    .await;
}

async fn listen(up: &impl Fn()) -> io::Result<()> {
    let socket = open()?;
    let mut buffer = vec![0; 8192];
    loop {
        let received = socket.recv(&mut buffer).await;
        if speaks_of_new(received, &buffer)? {
            time::sleep(SETTLING).await;
            while socket.try_recv(&mut buffer).is_ok() {}
            up();
        }
    }
}

fn open() -> io::Result<UnixDatagram> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // No protocol is the one for links, addresses and routes.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    // For waiting and receiving, one kind of datagram socket is as good as another.
    UnixDatagram::from_std(socket.into())
}

fn speaks_of_new(received: io::Result<usize>, buffer: &[u8]) -> io::Result<bool> {
    match received {
        Ok(length) => Ok(holds_new(buffer.get(..length).unwrap_or(buffer))),
        // More than the kernel keeps for us: something was among it.
        Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether one of the messages says that an address or a route is there. Each begins with its length, its type, and eight bytes more.
fn holds_new(mut messages: &[u8]) -> bool {
    const HEADER: usize = 16;
    while let [a, b, c, d, e, f, ..] = *messages {
        if NEW.contains(&u16::from_ne_bytes([e, f])) {
            return true;
        }
        let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap_or(usize::MAX).max(HEADER);
        let Some(rest) = length.checked_next_multiple_of(4).and_then(|length| messages.get(length..)) else { return false };
        messages = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    fn message(kind: u16, length: u32) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).unwrap().next_multiple_of(4).max(16)];
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes
    }

    #[test]
    fn only_what_appears_counts() {
        assert!(holds_new(&message(20, 77)) && holds_new(&message(24, 16)));
        assert!(!holds_new(&message(21, 77)) && !holds_new(&message(25, 16)));
        assert!(holds_new(&[message(21, 33), message(16, 16), message(20, 20)].concat()));
        assert!(!holds_new(&[]) && !holds_new(&[20, 0, 0, 0, 20]));
        // A length that leads nowhere ends the list, and none at all is that of the header.
        assert!(holds_new(&[message(21, 0), message(24, 16)].concat()));
        assert!(!holds_new(&[u32::MAX.to_ne_bytes().to_vec(), vec![21; 40]].concat()));
    }

    fn ip(arguments: &[&str]) -> bool {
        Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
    }

    /// Takes the address away again.
    struct Address(&'static str);

    impl Drop for Address {
        fn drop(&mut self) {
            ip(&["address", "del", self.0, "dev", "lo"]);
        }
    }

    #[tokio::test]
    async fn an_address_that_appears_is_heard_of() {
        let address = Address("127.77.12.34/32");
        ip(&["address", "del", address.0, "dev", "lo"]);
        let (heard, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let ring = Arc::clone(&heard);
        let watching = tokio::spawn(watch(move || ring.notify_one(), stop.clone()));
        // Until the socket is there nobody listens: the address comes until it is heard of.
        for _ in 0..20 {
            if !ip(&["address", "add", address.0, "dev", "lo"]) {
                println!("skipped: no right to add an address, or no `ip`");
                return;
            }
            if time::timeout(Duration::from_secs(3), heard.notified()).await.is_ok() {
                stop.cancel();
                watching.await.unwrap();
                return;
            }
            ip(&["address", "del", address.0, "dev", "lo"]);
        }
        panic!("never heard of");
    }
}
