//! Which sticks are in, and word from the kernel when that may have changed.
//!
//! Promise: only folders that the configuration names, and of these only what is mounted there, or is marked by a person to be used like a stick. Never:
//! a link followed; a search through anything else.

use core::time::Duration;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::io::Errno;

/// A file of this name makes a folder count as a stick where nothing is mounted, as for a folder that is shared in some other way.
pub const MARK: &str = "bhyt.stick";

/// More are not shown: each is a button.
const MOST: usize = 8;

/// Where the kernel lists what is mounted for this process. Whoever polls it is woken by each mount and unmount (proc(5)).
const MOUNTED: &str = "/proc/self/mountinfo";

/// The kernel's word of mounts: a stick that comes or goes is heard of at once, and nobody looks for it meanwhile.
pub struct Mounts {
    /// `None`: it cannot be read here, and every wait lasts its time.
    table: Option<File>,
    calls: UnixStream,
}

impl Mounts {
    /// Listens from now on. Whoever has the other end ends a wait by a byte, and all of them by dropping it.
    pub fn listen() -> io::Result<(Self, UnixStream)> {
        let (calls, caller) = UnixStream::pair()?;
        for end in [&calls, &caller] {
            end.set_nonblocking(true)?;
        }
        Ok((Self { table: File::open(MOUNTED).ok(), calls }, caller))
    }

    /// Blocks until something was mounted or unmounted since the last time, somebody calls, or so long. `false`: nobody is left to wait for.
    pub fn wait(&mut self, longest: Duration) -> io::Result<bool> {
        // A change shows as something urgent: readable the table always is.
        let table = self.table.iter().map(|table| PollFd::new(table, PollFlags::PRI));
        let mut waited: Vec<_> = table.chain([PollFd::new(&self.calls, PollFlags::IN)]).collect();
        match poll(&mut waited, Timespec::try_from(longest).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match self.calls.read(&mut [0; 16]) {
            Ok(0) => Ok(false),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(true),
        }
    }
}

/// The sticks that fit the patterns now, sorted. In a pattern one whole part of the path may be `*`. Blocks as long as the disks do.
pub fn find(patterns: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<_> = patterns.iter().flat_map(|pattern| matching(pattern)).filter(|path| is_stick(path)).collect();
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        if part.as_os_str() == "*" {
            let entries = found.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten()).filter_map(Result::ok);
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            found = folders.map(|entry| entry.path()).collect();
        } else {
            for path in &mut found {
                path.push(part);
            }
        }
    }
    found
}

/// What is mounted where a stick would be, and cannot be looked into by this account. The kernel names it all the same.
pub fn out_of_reach(patterns: &[PathBuf]) -> Vec<PathBuf> {
    let mut table = String::new();
    let read = File::open(MOUNTED).and_then(|file| file.take(LONGEST_TABLE).read_to_string(&mut table));
    if read.is_err() {
        return Vec::new();
    }
    let is_closed = |path: &Path| fs::read_dir(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    let mut found: Vec<_> = mounted(&table).filter(|path| patterns.iter().any(|pattern| fits(path, pattern)) && is_closed(path)).collect();
    found.sort();
    found.dedup();
    found
}

/// Longest table read: a machine has some dozen mounts.
const LONGEST_TABLE: u64 = 1 << 20;

/// Where something is mounted, by the kernel's table: the fifth field, with blanks and the like as octal numbers.
fn mounted(table: &str) -> impl Iterator<Item = PathBuf> {
    table.lines().filter_map(|line| {
        let mut parts = line.split(' ').nth(4)?.split('\\');
        let mut path = parts.next()?.as_bytes().to_vec();
        for part in parts {
            path.push(u8::from_str_radix(part.get(..3)?, 8).ok()?);
            path.extend(part.bytes().skip(3));
        }
        Some(PathBuf::from(OsString::from_vec(path)))
    })
}

fn fits(path: &Path, pattern: &Path) -> bool {
    let (path, pattern): (Vec<_>, Vec<_>) = (path.components().collect(), pattern.components().collect());
    path.len() == pattern.len() && path.iter().zip(&pattern).all(|(part, wanted)| wanted.as_os_str() == "*" || part == wanted)
}

fn is_stick(path: &Path) -> bool {
    let Ok(own) = fs::symlink_metadata(path) else { return false };
    if !own.is_dir() {
        return false;
    }
    let outer = path.parent().and_then(|outer| fs::symlink_metadata(outer).ok());
    let is_mounted = outer.is_some_and(|outer| outer.dev() != own.dev());
    is_mounted || fs::symlink_metadata(path.join(MARK)).is_ok_and(|mark| mark.is_file())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use tokio::time::Instant;

    use super::*;

    fn done(program: &str, arguments: &[&str]) -> bool {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    }

    /// Other tests may mount too: a word need not be about this place, so that what is found there decides.
    fn hears(mounts: &mut Mounts, pattern: &[PathBuf], expected: &[PathBuf]) -> bool {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            let began = Instant::now();
            assert!(mounts.wait(Duration::from_secs(20)).unwrap());
            if began.elapsed() < Duration::from_secs(20) && find(pattern) == expected {
                return true;
            }
        }
        false
    }

    #[test]
    fn a_mount_and_an_unmount_are_heard_of() {
        let folder = tempfile::tempdir().unwrap();
        let (place, pattern) = (folder.path().join("BHYT"), [folder.path().join("*")]);
        fs::create_dir(&place).unwrap();
        let (mut mounts, _caller) = Mounts::listen().unwrap();
        let name = place.to_str().unwrap();
        if !done("mount", &["-t", "tmpfs", "-o", "size=4k", "tmpfs", name]) {
            println!("skipped: no right to mount");
            return;
        }
        let came = hears(&mut mounts, &pattern, core::slice::from_ref(&place));
        assert!(done("umount", &[name]) && came);
        assert!(hears(&mut mounts, &pattern, &[]));
    }

    #[test]
    fn a_wait_ends_by_a_call_by_itself_and_for_good_with_whoever_calls() {
        let (mut mounts, mut caller) = Mounts::listen().unwrap();
        assert!(mounts.wait(Duration::from_millis(1)).unwrap());
        caller.write_all(&[0]).unwrap();
        assert!(mounts.wait(Duration::from_hours(1)).unwrap());
        drop(caller);
        assert!(!mounts.wait(Duration::from_hours(1)).unwrap());
    }

    /// As udisks mounts it on a desktop: the folder above belongs to root and is open to whoever has signed in alone.
    #[test]
    fn a_stick_that_a_desktop_has_mounted_for_its_user_is_known_from_the_kernels_table() {
        let table = "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                     61 24 8:17 / /media/bs\\040Hoa/BHYT rw,nosuid shared:1 - vfat /dev/sdb1 rw,uid=1000\n\
                     62 24 8:33 / /media/hoa/OTHER rw - vfat /dev/sdc1 rw\nnonsense\n";
        let patterns = [PathBuf::from("/media/*/BHYT"), "/mnt/BHYT".into()];
        let found: Vec<_> = mounted(table).filter(|path| patterns.iter().any(|pattern| fits(path, pattern))).collect();
        assert_eq!(found, [PathBuf::from("/media/bs Hoa/BHYT")]);
        // What everybody may read is not out of reach.
        assert_eq!(out_of_reach(&["/proc".into()]), Vec::<PathBuf>::new());
    }

    #[test]
    fn only_what_is_named_and_mounted_or_marked_is_a_stick() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a/BHYT", "b/BHYT", "c/OTHER"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let patterns = [at("*/BHYT"), at("a/BHYT"), at("none/*/BHYT")];
        assert_eq!(find(&patterns), Vec::<PathBuf>::new(), "a folder alone is no stick");
        for name in ["a/BHYT", "b/BHYT", "c/OTHER"] {
            fs::write(at(name).join(MARK), "").unwrap();
        }
        symlink(at("a"), at("d")).unwrap();
        fs::create_dir(at("e")).unwrap();
        symlink(at("a/BHYT"), at("e/BHYT")).unwrap();
        let found = find(&patterns);
        assert_eq!(found, [at("a/BHYT"), at("b/BHYT")], "a link leads to none");
        // Something is mounted here on any machine.
        assert!(find(&["/proc".into()]).contains(&PathBuf::from("/proc")));
    }
}
