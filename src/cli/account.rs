//! Which account a verb works as.
//!
//! Promise: root becomes the account that owns the station's data before it touches them, so that no file of root's lies where the service could not open
//! it; whoever is no root stays who they are. Never: a shell or a helper in between, nor an account guessed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::output;
use crate::ops::config::Config;
use crate::ops::config::damaged::Damaged;
use crate::ops::exit_code::ExitCode;

/// The account that the package makes.
pub(super) const SERVICE: &str = "bhyt-agent";

/// An account of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Where an administrator puts the database's key, sealed to this machine.
const SEALED_KEY: &str = "/etc/credstore.encrypted/database.key";
/// Says to the account's process that there is one.
const IS_SEALED: &str = "BHYT_KEY_IS_SEALED";

/// Says that this was tried: where it changes nothing it is not tried for ever.
const HAS_BECOME: &str = "BHYT_HAS_BECOME_ACCOUNT";

/// Whether root has seen a sealed key before it became this account.
pub(super) fn has_sealed_key() -> bool {
    env::var_os(IS_SEALED).is_some()
}

/// Whether this process may become somebody else.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whoever owns the data folder; where there is none yet, or root made it, the account that the package makes. `None`: there is neither.
pub(super) fn of_service(data: &Path) -> Option<Account> {
    let owner = fs::metadata(data).ok().map(|found| Account { user: found.uid(), group: found.gid() });
    chosen(owner, || named(SERVICE))
}

/// Root is no service's account, unless there is no other.
fn chosen(owner: Option<Account>, packaged: impl FnOnce() -> Option<Account>) -> Option<Account> {
    owner.filter(|owner| owner.user != 0).or_else(packaged).or(owner)
}

/// The same, by the configuration; one with mistakes tells it too, as long as the folder is not among them.
fn of_config(path: &Path) -> Option<Account> {
    match Config::load(path) {
        Ok(config) => of_service(&config.data_dir),
        Err(error) => match Damaged::look(error) {
            Some(damaged) if !damaged.is_open("data-dir") => of_service(&damaged.config.data_dir),
            _ => named(SERVICE),
        },
    }
}

/// Longest list of accounts that is read: those of a machine, not of a domain.
const LONGEST: u64 = 1 << 20;

pub(super) fn named(name: &str) -> Option<Account> {
    let mut text = String::new();
    File::open("/etc/passwd").ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    in_list(&text, name)
}

fn in_list(text: &str, name: &str) -> Option<Account> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse::<u32>);
    Some(Account { user: numbers.next()?.ok()?, group: numbers.next()?.ok()? })
}

/// This program again, as an account. Its file is opened by what runs now: the account need not be able to walk to it.
pub(super) fn again_as(account: Account, arguments: impl IntoIterator<Item = OsString>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("bhyt-agent").args(arguments).uid(account.user).gid(account.group);
    command
}

/// Root goes on as the service's account, with the same arguments. Returns for everybody else, and for root where the data are root's own, or where
/// nothing tells whose they should be.
pub(super) fn become_service(config: &Path) -> Result<(), ExitCode> {
    if !is_root() || env::var_os(HAS_BECOME).is_some() {
        return Ok(());
    }
    let Some(account) = of_config(config).filter(|account| account.user != 0) else { return Ok(()) };
    let mut command = again_as(account, env::args_os().skip(1));
    command.env(HAS_BECOME, "1");
    // The folder is root's alone.
    if Path::new(SEALED_KEY).exists() {
        command.env(IS_SEALED, "1");
    }
    let error: io::Error = command.exec();
    output::say(&format!("bhyt-agent: {error}"));
    Err(ExitCode::NoPermission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_services_account_only_where_there_is_no_other() {
        let of = |user| Some(Account { user, group: user });
        for (owner, packaged, expected) in
            [(of(7), of(991), of(7)), (of(0), of(991), of(991)), (None, of(991), of(991)), (of(0), None, of(0)), (None, None, None)]
        {
            assert_eq!(chosen(owner, || packaged), expected);
        }
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let list = "root:x:0:0:root:/root:/bin/bash\nbhyt-agent-old:x:990:990::/:/bin/false\nbhyt-agent:x:991:992:BHYT:/var/lib/bhyt-agent:/usr/sbin/nologin\n";
        assert_eq!(in_list(list, SERVICE), Some(Account { user: 991, group: 992 }));
        assert_eq!(in_list("bhyt-agent:x:many:2::/:\n", SERVICE), None);
        assert_eq!(in_list("", SERVICE), None);
    }
}
