//! What lies where the database's key should be and is none: an empty file, half a key, something else.
//!
//! Promise: it makes room for the key that comes back, and is never deleted: cut off, it may still tell a person something. Its name is nobody's who looks for
//! keys of before. Never: a key that is there moved, whether it is the right one or not.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use rustix::fs::renameat_with;

use crate::domain::clock::TimeKeeper;
use crate::storage;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::rotate;

/// What such a file is called from then on, by when. Not [`storage::rotate::FORMER`], under which keys are looked for.
const NO_KEY: &str = "database.key.not-a-key-";
/// What a person is told to call a key that is in the way of the right one.
const PUT_ASIDE: &str = "database.key.put-aside-";

/// What lies where the key should be.
#[derive(Debug)]
pub(super) enum Present {
    /// Nothing, as on a new computer.
    Nothing,
    /// A file that is no key.
    NoKey,
    /// A key.
    Key(DatabaseKey),
}

/// Looks. What cannot be looked at may be there.
pub(super) fn look(path: &Path) -> Result<Present, storage::Error> {
    if !path.try_exists().map_err(storage::Error::file(path, "cannot be looked at"))? {
        return Ok(Present::Nothing);
    }
    match DatabaseKey::read(path) {
        Ok(key) => Ok(Present::Key(key)),
        Err(storage::Error::Key { source, .. }) if source.kind() == io::ErrorKind::InvalidData => Ok(Present::NoKey),
        Err(error) => Err(error),
    }
}

/// Moves what is no key out of the key's place, if it is still none. Returns what it is called now. Whoever calls holds the data folder.
pub(super) fn set_aside(path: &Path, time: &TimeKeeper) -> Result<Option<String>, storage::Error> {
    if !matches!(look(path)?, Present::NoKey) {
        return Ok(None);
    }
    let name = format!("{NO_KEY}{}", time.quarantine_stamp());
    let moved = renameat_with(CWD, path, CWD, path.with_file_name(&name), RenameFlags::NOREPLACE);
    moved.map_err(|error| storage::Error::file(path, "cannot be set aside")(error.into()))?;
    open::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    Ok(Some(name))
}

/// Where a person may move a key that is not the right one.
pub(super) fn place_aside(path: &Path, time: &TimeKeeper) -> PathBuf {
    path.with_file_name(format!("{PUT_ASIDE}{}", time.quarantine_stamp()))
}

/// All that was moved out of the key's place: half a key is half of a secret.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    rotate::files_called(dir, &[NO_KEY, PUT_ASIDE])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::app::wipe;
    use crate::ops::clock::RELEASED_AT;
    use crate::ops::clock::SystemClock;
    use crate::ops::config::Keys;

    #[test]
    fn half_a_key_that_was_moved_was_taken_for_a_key_of_before_or_left_by_a_wipe() {
        let dir = tempfile::tempdir().unwrap();
        let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
        let path = dir.path().join("database.key");
        fs::write(&path, "07".repeat(31)).unwrap();
        let name = set_aside(&path, &time).unwrap().unwrap();
        assert!(!path.exists() && fs::read_to_string(dir.path().join(&name)).unwrap() == "07".repeat(31));
        assert_eq!(set_aside(&path, &time).unwrap(), None, "there is nothing any more");
        DatabaseKey::from_bytes(&[7; 32]).write_new(&path).unwrap();
        assert_eq!(set_aside(&path, &time).unwrap(), None, "a key stays where it is");
        assert!(path.exists());
        fs::write(place_aside(&path, &time), "as a person was told to").unwrap();
        assert!(rotate::former_files(dir.path()).is_empty());
        let going = wipe::key_files(&Keys::new(dir.path().to_owned(), None));
        let moved = files(dir.path());
        assert!(moved.len() == 2 && moved.iter().all(|path| going.contains(path)), "{going:?}");
    }
}
