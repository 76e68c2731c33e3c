//! The data folder: one process at a time, readable by its owner only.
//!
//! Promise: while a `DataFolder` lives no other process of this product works on the files; the lock goes with the process,
//! so a killed one leaves none behind. Never: another user's folder, in which our files would lock the daemon out.

use std::collections::BTreeSet;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Access;
use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::accessat;
use rustix::io::Errno;

use super::error::Error;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::key;
use super::key::DatabaseKey;
use super::key::MARK_FILE;
use super::open::MOVING;
use super::visits;

/// Says in plain text how new the databases are. FROZEN: read by the package's scripts of every later release.
const SCHEMAS_FILE: &str = "schemas";

/// Bytes read of it: two short lines.
const LONGEST_NOTE: u64 = 200;

/// The locked folder.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Refuses a file of another account that is closed to this one. Opens nothing: whoever closes a database's file drops the locks of all who have it open here.
/// In a folder that is not ours either, it is this account that is the wrong one, which is told elsewhere.
pub(super) fn refuse_closed(path: &Path, access: Access) -> Result<(), Error> {
    let account = rustix::process::geteuid().as_raw();
    let owner_of = |path: &Path| fs::metadata(path).map(|found| found.uid());
    let Some(owner) = owner_of(path).ok().filter(|owner| *owner != account) else { return Ok(()) };
    let is_in_ours = path.parent().is_some_and(|folder| owner_of(folder).is_ok_and(|owner| owner == account));
    if is_in_ours && accessat(CWD, path, access, AtFlags::EACCESS) == Err(Errno::ACCESS) {
        return Err(Error::NotOurs { path: path.to_owned(), owner, account });
    }
    Ok(())
}

/// Refuses a folder in which no service has worked: a disk that is not mounted, or a path that was mistyped. What may not be looked at is left to whoever
/// opens it.
pub fn refuse_unused(path: &Path) -> Result<(), Error> {
    let may_be_there = |name| path.join(name).try_exists().unwrap_or(true);
    // The mark of the key gets lost where nothing but the databases is put back.
    if may_be_there(MARK_FILE) || may_be_there(visits::FILE) { Ok(()) } else { Err(Error::NoData { folder: path.to_owned() }) }
}

impl DataFolder {
    /// Makes the folder if needed, locks it, and checks that the key is the one its databases were made with.
    pub fn lock(path: &Path, key: &DatabaseKey) -> Result<Self, Error> {
        let folder = Self::hold(path)?;
        key.check_mark(path)?;
        Ok(folder)
    }

    /// The same whatever its key is.
    pub fn hold(path: &Path) -> Result<Self, Error> {
        create_private(path)?;
        let owner = fs::metadata(path).map_err(Error::file(path, "cannot be read"))?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(Error::OtherOwner { folder: path.to_owned() });
        }
        // Somebody else may have made it, for everyone to read; SQLite makes its files as the umask says, so the folder is what closes them.
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(unwritten(path, "cannot be closed to others"))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(unwritten(&lock_path, "cannot be opened"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::file(lock_path, "cannot be locked")(source)),
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether `init` may make keys for a folder: nobody else owns it, and it was not made with a key that is missing now. Changes nothing.
    pub fn may_be_begun(path: &Path, key: &Path) -> Result<(), Error> {
        let Ok(found) = fs::metadata(path) else { return Ok(()) };
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(Error::OtherOwner { folder: path.to_owned() });
        }
        let is_in_use = path.join(MARK_FILE).exists() || path.join(super::visits::FILE).exists();
        if is_in_use && !key.exists() {
            return Err(Error::Key { path: key.to_owned(), what: "is missing", source: std::io::ErrorKind::NotFound.into() });
        }
        Ok(())
    }

    /// Notes in plain text to what the databases are brought by this program, for the package's scripts: they have no key, and must refuse to put an older
    /// program over them. Before the first migration, so that a cut errs on the careful side; a number only rises. Returns what was noted before.
    pub fn note_schemas(&self, ours: &[(&str, u32)]) -> Result<String, Error> {
        let noted = self.noted_schemas()?;
        let before = |name| noted_schema(&noted, name).unwrap_or(0);
        let lines: Vec<_> = ours.iter().map(|(name, version)| format!("{name} {}\n", before(*name).max(*version))).collect();
        self.write_schemas(&noted, &lines.concat())?;
        Ok(noted)
    }

    /// Notes how new the databases are after a start that failed. `None`: one that was not there, and has the number of `before`, if it had any.
    pub(super) fn correct_schemas(&self, found: &[(&str, Option<u32>)], before: &str) -> Result<(), Error> {
        let now = |name: &str, version: Option<u32>| version.or_else(|| noted_schema(before, name));
        let lines: Vec<_> = found.iter().filter_map(|(name, version)| Some(format!("{name} {}\n", now(name, *version)?))).collect();
        self.write_schemas(&self.noted_schemas()?, &lines.concat())
    }

    fn noted_schemas(&self) -> Result<String, Error> {
        let path = self.path.join(SCHEMAS_FILE);
        match File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                // What is no text of ours is written anew.
                let _ = file.take(LONGEST_NOTE).read_to_string(&mut text);
                Ok(text)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Error::file(path, "cannot be read")(error)),
        }
    }

    fn write_schemas(&self, noted: &str, text: &str) -> Result<(), Error> {
        if text == noted { Ok(()) } else { key::replace_secret(&self.path.join(SCHEMAS_FILE), text.as_bytes()) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Databases set aside because of damage, oldest first. They stay until a person has looked at them.
    pub fn quarantined(&self) -> Vec<String> {
        super::examine::quarantined(&self.path)
    }

    /// All that was set aside, oldest first.
    pub fn set_aside(&self) -> Vec<String> {
        super::examine::set_aside(&self.path)
    }
}

fn noted_schema(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The databases in a folder of what was set aside.
pub(super) fn names_set_aside(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    // A log may have been set aside without its database; both are one case.
    let database_of =
        |name: String| [LOG, LOG_INDEX, ".salt", MOVING].iter().find_map(|end| name.strip_suffix(end).map(str::to_owned)).unwrap_or(name);
    let names = entries.filter_map(Result::ok).map(|entry| database_of(entry.file_name().to_string_lossy().into_owned()));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A file system that takes no writes is told as what it is.
fn unwritten(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Error {
    let told = Error::file(path, what);
    move |error| if error.kind() == io::ErrorKind::ReadOnlyFilesystem { Error::ReadOnly } else { told(error) }
}

/// Makes a folder, and the missing ones above it, for the owner only.
pub fn create_private(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unwritten(path, "cannot be created"))
}

/// The same for another account, by root: the missing ones above are for everybody to walk through, as any folder of the system is.
pub fn create_reachable(path: &Path) -> Result<(), Error> {
    let missing: Vec<_> = path.ancestors().skip(1).take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    for above in missing.into_iter().rev() {
        let made = fs::create_dir(above).and_then(|()| fs::set_permissions(above, Permissions::from_mode(0o755)));
        made.map_err(Error::file(above, "cannot be created"))?;
    }
    create_private(path)
}

/// Room left to the visits on any disk: downloads stop first.
pub const RESERVED: u64 = 64 << 20;

/// Bytes a plain user can still write on the file system of a path.
pub fn free_bytes(path: &Path) -> Result<u64, Error> {
    let disk = rustix::fs::statvfs(path).map_err(|e| Error::file(path, "has no file system to ask")(e.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Which folder or file this is, whatever its name: device and number. Two who see different things under one name have different ones.
pub fn place(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Whether two folders lie on one disk, as far as the system tells: on one file system, or on two parts of one drive.
pub fn are_on_one_disk(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (place(one)?.0, place(other)?.0);
    Ok(one == other || drive(one).is_some_and(|one| drive(other) == Some(one)))
}

/// The drive that a device is, or is a part of; `None`: it is no drive of this computer.
fn drive(device: u64) -> Option<PathBuf> {
    let path = format!("/sys/dev/block/{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let device = fs::canonicalize(path).ok()?;
    if device.join("partition").exists() { device.parent().map(Path::to_owned) } else { Some(device) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::damage;
    use crate::storage::test_support::files;
    use crate::storage::test_support::key;
    use crate::storage::test_support::other_key;
    use crate::storage::test_support::people;
    use crate::storage::test_support::person;
    use crate::storage::test_support::visit;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// Locks a folder that was locked a moment ago: a process that another test starts holds a copy of the lock from its fork to its exec.
    fn lock_again(folder: &Path) -> DataFolder {
        let tries = core::iter::repeat_with(|| DataFolder::lock(folder, &key()));
        let last = tries.take(100_000).inspect(|_| std::thread::yield_now()).find(|locked| !matches!(locked, Err(Error::InUse { .. })));
        last.expect("locked for ever").unwrap()
    }

    /// F14: with the one thread that owns the write connection ([`crate::storage::worker`]), this is what makes the writer the only one.
    #[test]
    fn a_folder_is_locked_once_and_freed_with_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::lock(folder.path(), &key()).unwrap();
        let error = DataFolder::lock(folder.path(), &key()).unwrap_err();
        assert!(matches!(&error, Error::InUse { folder: named } if named == folder.path()), "{error:?}");
        drop(first);
        let again = lock_again(folder.path());
        assert_eq!(again.path(), folder.path());
    }

    /// Another process: `flock` takes the same lock and tells so by running `cat`, which ends with its input.
    #[test]
    fn a_folder_that_another_process_uses_is_refused_until_that_is_killed() {
        use std::io::Read;
        use std::io::Write;
        use std::process::Command;
        use std::process::Stdio;
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::lock(folder.path(), &key()).unwrap());
        let mut holder = Command::new("flock");
        holder.args(["--no-fork", "--timeout", "10"]).arg(folder.path().join("lock")).arg("cat");
        let Ok(mut holder) = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            println!("skipped: there is no flock here");
            return;
        };
        holder.stdin.as_mut().unwrap().write_all(b"!").unwrap();
        holder.stdout.as_mut().unwrap().read_exact(&mut [0]).expect("the lock was free");
        assert!(matches!(DataFolder::lock(folder.path(), &key()), Err(Error::InUse { .. })));
        holder.kill().unwrap();
        holder.wait().unwrap();
        lock_again(folder.path());
    }

    #[test]
    fn a_folder_of_another_user_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        if std::os::unix::fs::chown(folder.path(), Some(64_999), None).is_err() {
            println!("skipped: only root can give a folder away");
            return;
        }
        assert!(matches!(DataFolder::lock(folder.path(), &key()), Err(Error::OtherOwner { .. })));
        assert_eq!(mode(folder.path()), 0o755);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_the_databases_are_brought_to_is_noted_and_only_rises() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::lock(home.path(), &key()).unwrap();
        let path = home.path().join(SCHEMAS_FILE);
        for (ours, noted) in [
            ([("visits", 3), ("cards", 2)], "visits 3\ncards 2\n"),
            ([("visits", 4), ("cards", 2)], "visits 4\ncards 2\n"),
            ([("visits", 3), ("cards", 5)], "visits 4\ncards 5\n"),
        ] {
            folder.note_schemas(&ours).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), noted);
        }
        let written = fs::metadata(&path).unwrap().ino();
        folder.note_schemas(&[("visits", 4), ("cards", 5)]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), written, "nothing new, nothing written");
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"\xff what is this").unwrap();
        folder.note_schemas(&[("visits", 4), ("cards", 5)]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "visits 4\ncards 5\n");
    }

    #[test]
    fn a_folder_is_made_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let _folder = DataFolder::lock(&path, &key()).unwrap();
        assert_eq!((mode(&path), mode(&home.path().join("a"))), (0o700, 0o700));
        assert_eq!(mode(&path.join("lock")), 0o600);
        assert_eq!(mode(&path.join("key.mark")), 0o400);
    }

    #[test]
    fn folders_above_one_for_another_account_are_no_wall_around_it() {
        let home = tempfile::tempdir().unwrap();
        let closed = home.path().join("closed");
        DirBuilder::new().mode(0o700).create(&closed).unwrap();
        for above in [home.path(), &closed] {
            create_reachable(&above.join("a/b/c")).unwrap();
            let modes = ["a", "a/b", "a/b/c"].map(|name| mode(&above.join(name)));
            assert_eq!(modes, [0o755, 0o755, 0o700]);
        }
        assert_eq!(mode(&closed), 0o700, "what was there stays as it was");
        create_reachable(&home.path().join("a/b/c")).unwrap();
    }

    /// As a service manager or a restored backup may have made it.
    #[test]
    fn a_folder_that_others_may_read_is_closed_to_them() {
        let folder = tempfile::tempdir().unwrap();
        for others in [0o755, 0o750, 0o777] {
            fs::set_permissions(folder.path(), Permissions::from_mode(others)).unwrap();
            let _folder = lock_again(folder.path());
            assert_eq!(mode(folder.path()), 0o700, "was {others:o}");
        }
    }

    #[tokio::test]
    async fn every_folder_with_databases_is_closed_to_others() {
        let station = Station::new();
        let _folder = DataFolder::lock(station.path(), &key()).unwrap();
        let visits = station.visits();
        for n in 0..60 {
            visits.append(visit(n)).await.unwrap();
        }
        visits.close();
        damage(&station.path().join("visits.db"));
        station.visits().close();
        station.cards().close();
        for folder in [station.path(), &station.cards_folder(), &station.path().join("quarantine")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }

    #[tokio::test]
    async fn a_wrong_key_is_told_from_damage_and_nothing_is_set_aside() {
        let station = Station::new();
        drop(DataFolder::lock(station.path(), &key()).unwrap());
        let (visits, cards) = (station.visits(), station.cards());
        visits.append(visit(1)).await.unwrap();
        cards.load(&people([person(1)]), 1).await;
        visits.close();
        cards.close();
        let before = files(station.path());
        let error = DataFolder::lock(station.path(), &other_key()).unwrap_err();
        assert!(matches!(&error, Error::WrongKey { folder } if folder == station.path()), "{error:?}");
        assert_eq!(files(station.path()), before);
        // Also where the mark got lost, as with a backup of the databases alone.
        fs::remove_file(station.path().join("key.mark")).unwrap();
        let error = DataFolder::lock(station.path(), &other_key()).unwrap_err();
        assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        let folder = DataFolder::lock(station.path(), &key()).unwrap();
        assert_eq!(folder.quarantined(), Vec::<String>::new());
        assert!(station.path().join("key.mark").exists());
        let visits = station.visits();
        assert_eq!(visits.counts().borrow().pending, 1);
        visits.close();
    }

    #[tokio::test]
    async fn what_was_set_aside_is_listed_oldest_first() {
        let station = Station::new();
        let folder = DataFolder::lock(station.path(), &key()).unwrap();
        assert_eq!(folder.quarantined(), Vec::<String>::new());
        for _ in 0..2 {
            let visits = station.visits();
            for n in 0..60 {
                visits.append(visit(n)).await.unwrap();
            }
            visits.close();
            damage(&station.path().join("visits.db"));
            station.visits().close();
        }
        let listed = folder.quarantined();
        assert_eq!(listed.len(), 2);
        assert!(
            listed.is_sorted() && listed.iter().all(|name| name.starts_with("20261122T010000Z-") && name.ends_with("-visits.db")),
            "{listed:?}"
        );
    }

    #[test]
    fn two_folders_of_one_disk_are_told_from_those_of_two() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(are_on_one_disk(one.path(), other.path()).unwrap());
        assert_ne!(place(one.path()).unwrap(), place(other.path()).unwrap());
        assert!(!are_on_one_disk(one.path(), Path::new("/proc")).unwrap());
        assert!(are_on_one_disk(one.path(), &one.path().join("nowhere")).is_err());
        let parts = fs::read_dir("/sys/class/block").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        for part in parts.filter(|path| path.join("partition").exists()) {
            let numbers = fs::read_to_string(part.join("dev")).unwrap();
            let (major, minor) = numbers.trim().split_once(':').unwrap();
            let device = rustix::fs::makedev(major.parse().unwrap(), minor.parse().unwrap());
            let whole = fs::canonicalize(&part).unwrap();
            assert_eq!(drive(device).as_deref(), whole.parent(), "{}", part.display());
        }
    }

    #[test]
    fn free_bytes_are_known_of_a_folder_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert!(matches!(free_bytes(&folder.path().join("nowhere")), Err(Error::File { .. })));
    }

    #[tokio::test]
    async fn no_name_and_no_number_is_found_in_any_file() {
        let station = Station::new();
        let _folder = DataFolder::lock(station.path(), &key()).unwrap();
        let (visits, cards) = (station.visits(), station.cards());
        visits.append(visit(1)).await.unwrap();
        let (first, second) = (people((1..=50).map(person)), people((2..=51).map(person)));
        cards.load(&first, 1).await;
        cards.apply(vec![crate::storage::test_support::delta(&first, &second, 2)], &second, 2).await.unwrap();
        let contents = || files(station.path()).into_keys().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
        let secrets = [
            "Trần Thị Ví Dụ",
            "TRẦN",
            "THỊ",
            "097100000001",
            "GD4990000000001",
            "0000000001",
            "ghi chú",
            "female",
            "CREATE TABLE",
            "SQLite format",
        ];
        let search = |when: &str| {
            let contents = contents();
            assert!(contents.iter().any(|(content, path)| path.ends_with("visits.db-wal") && !content.is_empty()) || when == "closed");
            for (content, path) in contents {
                for secret in secrets {
                    let found = content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
                    assert!(!found, "{secret} in {} while {when}", path.display());
                }
            }
        };
        search("open");
        visits.close();
        cards.close();
        search("closed");
    }
}
