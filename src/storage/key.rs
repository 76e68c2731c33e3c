//! The key both databases are encrypted with, and the mark by which a wrong key is told from a damaged file.
//!
//! Promise: 32 random bytes in a file of their own, never beside the databases, wiped from memory when dropped. Never: a passphrase (a raw key
//! opens in milliseconds), and never a quarantine because of a wrong key: SQLCipher cannot tell the two apart, so we must.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::Access;
use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::Error;
use super::files;
use super::folder;
use super::open;
use super::visits;
use crate::domain::roster::hex;

/// A raw database key as 64 hex digits, in lower case: one key has one text, and one mark.
#[derive(Clone)]
pub struct DatabaseKey(Zeroizing<String>);

impl core::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DatabaseKey(…)")
    }
}

/// Longest key file read: the digits and a line end.
const LONGEST_FILE: u64 = 80;

/// Room for the longest, and more, so that reading it moves nothing.
const ROOM: usize = 256;

/// File that says which key the databases in a folder were made with.
pub(super) const MARK_FILE: &str = "key.mark";

impl DatabaseKey {
    /// Makes a key from 32 random bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(hex(bytes)))
    }

    /// Reads a key file. Anything but 64 hex digits is refused.
    pub fn read(path: &Path) -> Result<Self, Error> {
        // A service that has no key is not started again by itself; a disk that is slow to come, or a table of files that is full, passes.
        let refused = |what| {
            move |source: io::Error| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData => {
                    Error::Key { path: path.to_owned(), what, source }
                }
                _ => Error::file(path, what)(source),
            }
        };
        folder::refuse_closed(path, Access::READ_OK)?;
        let file = fs::File::open(path).map_err(refused("cannot be opened"))?;
        let mut text = Zeroizing::new(String::with_capacity(ROOM));
        file.take(LONGEST_FILE).read_to_string(&mut text).map_err(refused("cannot be read"))?;
        Self::parse(&text).ok_or_else(|| refused("is not a database key (64 hex digits)")(io::ErrorKind::InvalidData.into()))
    }

    /// Writes the key to a new file, readable by its owner only, and flushes it. Fails if the file exists: a key is never replaced by accident.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        write_new_secret(path, secret(["", self.0.as_str(), "\n"]).as_bytes())
    }

    /// The statement that unlocks a connection.
    pub(super) fn pragma(&self) -> Zeroizing<String> {
        secret(["PRAGMA key = \"x'", self.0.as_str(), "'\";"])
    }

    /// What says in a data folder that its files are under this key.
    pub(super) fn mark(&self) -> String {
        mark_of(&self.0)
    }

    /// The statement that writes an unlocked database anew under this key.
    pub(super) fn other_pragma(&self) -> Zeroizing<String> {
        secret(["PRAGMA rekey = \"x'", self.0.as_str(), "'\";"])
    }

    /// The key as its file holds it, for whoever seals it.
    pub fn text(&self) -> Zeroizing<String> {
        secret(["", self.0.as_str(), "\n"])
    }

    /// Reads what a key file holds.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end();
        let is_key = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_key.then(|| Self(Zeroizing::new(digits.to_ascii_lowercase())))
    }

    /// Compares the key with the mark of a data folder; a folder without a mark gets one, unless it holds visits that the key does not open. The
    /// mark is a hash of a random 256-bit key: it tells nothing about it.
    pub fn check_mark(&self, folder: &Path) -> Result<(), Error> {
        match self.is_marked(folder)? {
            Some(true) => Ok(()),
            Some(false) => Err(Error::WrongKey { folder: folder.to_owned() }),
            None if self.does_not_open(&folder.join(visits::FILE)) => Err(Error::WrongKey { folder: folder.to_owned() }),
            None => write_new_secret(&folder.join(MARK_FILE), format!("{}\n", self.mark()).as_bytes()),
        }
    }

    /// Whether the mark of a data folder is this key's; `None`: there is no mark. Changes nothing.
    pub fn is_marked(&self, folder: &Path) -> Result<Option<bool>, Error> {
        let path = folder.join(MARK_FILE);
        match fs::read_to_string(&path) {
            // Programs before this one marked a key that was written in upper case as another one.
            Ok(text) => {
                Ok(Some([self.mark(), mark_of(&Zeroizing::new(self.0.to_ascii_uppercase()))].contains(&text.trim_end().to_owned())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file(path, "cannot be read")(error)),
        }
    }

    /// A folder as one that was begun with this key.
    #[cfg(test)]
    pub(super) fn check_mark_as_made(&self, folder: &Path) {
        fs::write(folder.join(MARK_FILE), format!("{}\n", self.mark())).unwrap();
    }

    /// Without a mark a file that does not open speaks against the key: restored databases are likelier than lost mark and damage at once.
    fn does_not_open(&self, path: &Path) -> bool {
        path.exists() && matches!(open::reader(path, self, &visits::SCHEMA), Err(Error::Corrupt(_)))
    }
}

fn mark_of(digits: &str) -> String {
    hex(&Sha256::digest(secret(["bhyt-agent key mark 1:", digits, ""]).as_bytes()))
}

/// Text around a key, wiped when dropped. It never grows: a text that grows moves, and leaves what it held behind.
fn secret(parts: [&str; 3]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.push_str(part);
    }
    text
}

/// Creates a file that only its owner may read (0400), whole or not at all, and flushes file and folder. Fails if the file exists.
pub fn write_new_secret(path: &Path, content: &[u8]) -> Result<(), Error> {
    place(path, content, RenameFlags::NOREPLACE)
}

/// The same in the place of a file that may be there: at every moment the old one or the new one, whole.
pub fn replace_secret(path: &Path, content: &[u8]) -> Result<(), Error> {
    place(path, content, RenameFlags::empty())
}

fn place(path: &Path, content: &[u8], how: RenameFlags) -> Result<(), Error> {
    let beside = &files::beside(path, ".new");
    // Whatever an attempt that was cut short has left there is not whole.
    files::remove(beside)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o400).open(beside).map_err(Error::file(beside, "cannot be created"))?;
    let placed =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| Ok(rustix::fs::renameat_with(CWD, beside, CWD, path, how)?));
    if placed.is_err() {
        let _ = fs::remove_file(beside);
    }
    placed.map_err(Error::file(path, "cannot be written"))?;
    open::sync_folder(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::storage::test_support::key;
    use crate::storage::test_support::names;
    use crate::storage::test_support::other_key;
    use crate::storage::test_support::said;

    #[test]
    fn a_key_is_read_as_it_was_written_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        key().write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        assert_eq!(*DatabaseKey::read(&path).unwrap().0, *key().0);
        assert_eq!(names(folder.path()), ["db.key"], "and nothing is left beside it");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        key().write_new(&path).unwrap();
        let error = other_key().write_new(&path).unwrap_err();
        assert!(matches!(&error, Error::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists), "{error:?}");
        assert_eq!(*DatabaseKey::read(&path).unwrap().0, *key().0);
        assert_eq!(names(folder.path()), ["db.key"]);
    }

    #[test]
    fn what_may_be_replaced_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("station.crt.pem");
        for content in ["the first", "another one"] {
            replace_secret(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        }
        assert_eq!(names(folder.path()), ["station.crt.pem"]);
    }

    /// What a power cut in the middle of an earlier attempt leaves.
    #[test]
    fn a_half_written_secret_hinders_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        fs::write(folder.path().join("db.key.new"), "0707").unwrap();
        key().write_new(&path).unwrap();
        assert_eq!(*DatabaseKey::read(&path).unwrap().0, *key().0);
        assert_eq!(names(folder.path()), ["db.key"]);
    }

    #[test]
    fn only_a_key_is_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        let digits = "07".repeat(32);
        for (content, good) in [
            (digits.clone(), true),
            (format!("{digits}\n"), true),
            (format!("{digits}\r\n"), true),
            (digits.to_uppercase().replace('7', "A"), true),
            (digits[1..].to_owned(), false),
            (format!("{digits}0"), false),
            (format!(" {digits}"), false),
            (digits.replace('7', "g"), false),
            (format!("{digits}{}", "\n".repeat(100)), true),
            (format!("{digits}{}7", "\n".repeat(10)), false),
            (String::new(), false),
            ("\u{ff17}".repeat(64), false),
        ] {
            fs::write(&path, &content).unwrap();
            assert_eq!(DatabaseKey::read(&path).is_ok(), good, "{content:?}");
        }
        assert!(matches!(DatabaseKey::read(&folder.path().join("none")), Err(Error::Key { .. })));
    }

    #[test]
    fn only_a_key_that_is_missing_closed_or_no_key_is_a_matter_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        assert!(matches!(DatabaseKey::read(&path), Err(Error::Key { .. })), "missing");
        for content in [&b"no key"[..], b"\xff\xfe"] {
            fs::write(&path, content).unwrap();
            assert!(matches!(DatabaseKey::read(&path), Err(Error::Key { .. })), "{content:?}");
        }
        // What the system says for other reasons.
        let below = path.join("db.key");
        for (other, name) in [(folder.path(), "a folder"), (&below, "below a file")] {
            let error = DatabaseKey::read(other).unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{name}: {error:?}");
        }
    }

    #[test]
    fn the_key_is_written_out_without_a_copy_that_is_not_wiped() {
        let made: Zeroizing<String> = key().pragma();
        assert_eq!(*made, format!("PRAGMA key = \"x'{}'\";", "07".repeat(32)));
        assert_eq!(made.capacity(), made.len(), "it was made in one place");
        assert_eq!(key().0.capacity(), 64);
    }

    #[test]
    fn nothing_that_is_printed_shows_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        fs::write(&path, format!("{}zz", "07".repeat(31))).unwrap();
        let refused = DatabaseKey::read(&path).unwrap_err();
        for shown in [format!("{:?}", key()), format!("{:#?}", Some(key())), said(&refused)] {
            assert!(!shown.contains("0707"), "{shown}");
        }
    }

    #[test]
    fn a_key_in_upper_case_is_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let upper = "AB".repeat(32);
        let [ours, theirs] = [upper.to_lowercase(), upper.clone()].map(|text| DatabaseKey::parse(&text).unwrap());
        assert_eq!((&*ours.0, ours.mark(), ours.text()), (&*theirs.0, theirs.mark(), theirs.text()));
        ours.check_mark(folder.path()).unwrap();
        theirs.check_mark(folder.path()).unwrap();
        // A folder of a program that held them for two.
        fs::remove_file(folder.path().join(MARK_FILE)).unwrap();
        fs::write(folder.path().join(MARK_FILE), format!("{}\n", mark_of(&upper))).unwrap();
        theirs.check_mark(folder.path()).unwrap();
        assert!(matches!(other_key().check_mark(folder.path()), Err(Error::WrongKey { .. })));
    }

    #[test]
    fn the_mark_knows_its_key() {
        let folder = tempfile::tempdir().unwrap();
        key().check_mark(folder.path()).unwrap();
        let mark = fs::read_to_string(folder.path().join(MARK_FILE)).unwrap();
        assert!(!mark.contains("0707"));
        key().check_mark(folder.path()).unwrap();
        assert!(matches!(other_key().check_mark(folder.path()), Err(Error::WrongKey { .. })));
        assert_eq!(fs::read_to_string(folder.path().join(MARK_FILE)).unwrap(), mark);
    }
}
