//! Giving up all that this computer holds, by order of the province.
//!
//! What has not reached the province is sealed to it in a folder beside the data, and flushed. When that folder gets another name it is decided: from then on
//! every start goes on with the removal, keys first, until nothing is left, and does nothing else. At last the folder gets the order's number, and stays for
//! whoever carries it to the province.
//! Promise: a cut anywhere leaves everything as it was, or is made up for by the next start. Never: a file removed before what is to stay is on the disk; while
//! anybody else works on the folder.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use super::error::Error;
use super::files;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::folder;
use super::folder::DataFolder;
use super::key;
use super::open;
use super::visits;
use crate::domain::wipe::Order;

/// Where what is to stay is put before it is decided,
const STAGED: &str = "wipe.staged";
/// its name from the decision on,
const DECIDED: &str = "wiped";
/// and the beginning of its name when all else is gone; the order's number follows.
const OVER: &str = "wiped-";
/// What was ordered, and what became of it.
const RECORD: &str = "order.json";
/// Files that were set aside and may hold visits that nobody here could read stay, sealed.
const ASIDE: &str = "quarantine";
/// Stays: whoever works on the folder holds it; and what every file system has of its own.
const NOT_OURS: [&str; 2] = ["lock", "lost+found"];
/// The longest record read, and the longest file written over before it is removed: a key has a few hundred bytes.
const LONGEST: u64 = 64 << 10;

/// What stands in the record.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Record {
    /// The order's number.
    pub order: u64,
    /// When it was given, by the province.
    pub given_at: DateTime<Utc>,
    /// When it was decided that it is obeyed.
    pub wiped_at: DateTime<Utc>,
    /// How many revisions of visits were sealed.
    pub sealed: u64,
    /// Whether files that were set aside stay beside them.
    pub keeps_aside: bool,
}

impl Record {
    /// What is written of an order that is obeyed now.
    pub fn of(order: &Order, wiped_at: DateTime<Utc>, sealed: u64, keeps_aside: bool) -> Self {
        Self { order: order.number, given_at: order.given_at, wiped_at, sealed, keeps_aside }
    }
}

/// A wipe that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiped {
    /// Where the sealed visits are.
    pub folder: PathBuf,
    /// What is known of it; `None`: its record cannot be read.
    pub record: Option<Record>,
}

impl From<Wiped> for Error {
    fn from(wiped: Wiped) -> Self {
        let Wiped { folder, record } = wiped;
        Self::Wiped { folder, at: record.as_ref().map(|record| record.wiped_at), sealed: record.map(|record| record.sealed) }
    }
}

/// An empty folder for what is to stay. What an attempt before has left there is thrown away.
pub fn stage(folder: &Path) -> Result<PathBuf, Error> {
    unstage(folder)?;
    let staged = folder.join(STAGED);
    folder::create_private(&staged)?;
    Ok(staged)
}

/// Throws away what was put there. Without anything it changes nothing.
pub fn unstage(folder: &Path) -> Result<(), Error> {
    remove_all(&folder.join(STAGED))
}

/// Decides. Returns after the disk has it.
pub fn decide(folder: &DataFolder, record: &Record) -> Result<(), Error> {
    let (staged, decided) = (folder.path().join(STAGED), folder.path().join(DECIDED));
    let text = serde_json::to_vec(record).map_err(|error| Error::file(&staged, "cannot be described")(error.into()))?;
    key::write_new_secret(&staged.join(RECORD), &text)?;
    open::sync_folder(&staged)?;
    open::sync_folder(folder.path())?;
    fs::rename(&staged, &decided).map_err(Error::file(&decided, "cannot be put in its place"))?;
    open::sync_folder(folder.path())
}

/// Whether a wipe was decided and is not over.
pub fn is_decided(data: &Path) -> bool {
    data.join(DECIDED).is_dir()
}

/// The last wipe that is over, unless the computer has been set up anew since: then it has a mark again. `own_key`: the key file of its own.
pub fn is_wiped(data: &Path, own_key: &Path) -> Option<Wiped> {
    if data.join(key::MARK_FILE).exists() || own_key.exists() {
        return None;
    }
    let last = obeyed(data).into_iter().max()?;
    Some(found(data.join(format!("{OVER}{last}"))))
}

/// The numbers of the orders that were obeyed here.
pub fn obeyed(data: &Path) -> Vec<u64> {
    let entries = fs::read_dir(data).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(OVER)?.parse().ok()).collect()
}

/// Removes everything, however often that was cut off before: the keys in their order, the roster, the visits, the rest. What cannot be removed keeps nothing
/// else from going; it is told at the end, and tried again.
pub fn finish(folder: &DataFolder, keys: &[PathBuf]) -> Result<Wiped, Error> {
    let (data, decided) = (folder.path(), folder.path().join(DECIDED));
    let mut failed = Ok(());
    let mut note = |done: Result<(), Error>| {
        if failed.is_ok() {
            failed = done;
        }
    };
    let record = found(decided.clone()).record;
    for key in keys {
        note(erase(key));
        note(erase(&files::beside(key, ".new")));
    }
    let mut homes: Vec<_> = keys.iter().filter_map(|key| key.parent()).filter(|home| home.is_dir()).collect();
    homes.dedup();
    for home in homes {
        note(open::sync_folder(home));
    }
    if record.as_ref().is_some_and(|record| record.keeps_aside) {
        note(keep_aside(data, &decided));
    }
    note(remove_all(&data.join("cards")));
    for end in ["", LOG, LOG_INDEX] {
        note(files::remove(&files::beside(&data.join(visits::FILE), end)));
    }
    for entry in fs::read_dir(data).map_err(Error::file(data, "cannot be read"))? {
        let entry = entry.map_err(Error::file(data, "cannot be read"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !NOT_OURS.contains(&&*name) && name != DECIDED && !name.starts_with(OVER) {
            note(remove_all(&entry.path()));
        }
    }
    note(open::sync_folder(data));
    failed?;
    let number = record.as_ref().map_or(0, |record| record.order);
    let over = data.join(format!("{OVER}{number}"));
    fs::rename(&decided, &over).map_err(Error::file(&over, "cannot be put in its place"))?;
    open::sync_folder(data)?;
    Ok(found(over))
}

fn found(folder: PathBuf) -> Wiped {
    let mut text = Vec::new();
    let read = File::open(folder.join(RECORD)).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    let record = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    Wiped { folder, record }
}

/// What nobody here could read goes to the province as it is; it is encrypted, and the key to it is sealed beside it.
fn keep_aside(data: &Path, decided: &Path) -> Result<(), Error> {
    let (from, to) = (data.join(ASIDE), decided.join(ASIDE));
    match fs::rename(&from, &to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(to, "cannot be put in its place")(error)),
        _ => open::sync_folder(decided),
    }
}

/// Removes a key's file. It is written over first, which on many disks leaves less of it behind; where that fails it goes all the same.
fn erase(path: &Path) -> Result<(), Error> {
    if let Ok(found) = fs::metadata(path)
        && found.is_file()
    {
        let written_over = || -> io::Result<()> {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(&vec![0; usize::try_from(found.len().min(LONGEST)).unwrap_or_default()])?;
            file.sync_all()
        };
        if let Err(error) = written_over() {
            tracing::debug!(%error, "a key is removed without being written over");
        }
    }
    files::remove(path)
}

/// A file, or a folder with everything in it. Links are removed, not followed.
fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file(path, "cannot be removed")(error)),
        Ok(found) if !found.is_dir() => return files::remove(path),
        Ok(_) => {}
    }
    for entry in fs::read_dir(path).map_err(Error::file(path, "cannot be read"))? {
        remove_all(&entry.map_err(Error::file(path, "cannot be read"))?.path())?;
    }
    fs::remove_dir(path).map_err(Error::file(path, "cannot be removed"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::storage::test_support::names;

    fn order() -> Order {
        let at = "2026-11-22T01:00:00Z".parse().unwrap();
        Order { number: 7, station: "99001".into(), install: Uuid::nil(), given_at: at, expires_at: at }
    }

    /// A folder as a station has it, and its keys.
    fn station(home: &Path) -> (DataFolder, Vec<PathBuf>) {
        let (data, keys) = (home.join("data"), home.join("keys"));
        for folder in ["cards", "quarantine", "rules", "parts"] {
            fs::create_dir_all(data.join(folder)).unwrap();
            fs::write(data.join(folder).join("a"), "a").unwrap();
        }
        fs::create_dir_all(keys.join("next")).unwrap();
        for name in ["visits.db", "visits.db-wal", "visits.salt", "key.mark", "schemas", "last-index.json"] {
            fs::write(data.join(name), "a").unwrap();
        }
        let keys = vec![keys.join("database.key"), keys.join("station.key.pem"), keys.join("next/feed.key")];
        for key in &keys {
            fs::write(key, "secret").unwrap();
            fs::set_permissions(key, Permissions::from_mode(0o400)).unwrap();
        }
        (DataFolder::hold(&data).unwrap(), keys)
    }

    #[test]
    fn f59_all_goes_but_what_was_staged_and_again_is_the_same() {
        let home = tempfile::tempdir().unwrap();
        let (folder, keys) = station(home.path());
        let data = folder.path().to_owned();
        let staged = stage(&data).unwrap();
        fs::write(staged.join("left"), "by an attempt before").unwrap();
        let staged = stage(&data).unwrap();
        fs::write(staged.join("sealed"), "visits").unwrap();
        assert!(!is_decided(&data) && keys.iter().all(|key| key.exists()));
        decide(&folder, &Record::of(&order(), order().given_at, 3, false)).unwrap();
        assert!(is_decided(&data) && is_wiped(&data, &keys[0]).is_none());

        let wiped = finish(&folder, &keys).unwrap();
        assert_eq!((wiped.folder.clone(), wiped.record.as_ref().unwrap().sealed), (data.join("wiped-7"), 3));
        assert_eq!(names(&data), ["lock", "wiped-7"]);
        assert_eq!(names(&data.join("wiped-7")), ["order.json", "sealed"]);
        assert!(keys.iter().all(|key| !key.exists()));
        assert!(!is_decided(&data) && obeyed(&data) == [7]);
        assert_eq!(is_wiped(&data, &keys[0]), Some(wiped));
        // Set up anew: by its own key file, or by the mark of one that systemd hands over.
        for begun in [keys[0].clone(), data.join("key.mark")] {
            fs::write(&begun, "").unwrap();
            assert_eq!(is_wiped(&data, &keys[0]), None, "{}", begun.display());
            fs::remove_file(begun).unwrap();
        }
    }

    #[test]
    fn f59_a_key_that_cannot_be_removed_keeps_no_data_from_going_and_is_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let (folder, mut keys) = station(home.path());
        let data = folder.path().to_owned();
        stage(&data).unwrap();
        decide(&folder, &Record::of(&order(), order().given_at, 0, true)).unwrap();
        // A folder in its place is no file to remove, for root neither.
        fs::create_dir(home.path().join("keys/odd")).unwrap();
        keys.insert(0, home.path().join("keys/odd"));
        finish(&folder, &keys).unwrap_err();
        assert!(is_decided(&data) && keys[1..].iter().all(|key| !key.exists()));
        assert_eq!(names(&data), ["lock", "wiped"]);
        fs::remove_dir(&keys[0]).unwrap();
        let wiped = finish(&folder, &keys).unwrap();
        assert_eq!(names(&wiped.folder), ["order.json", "quarantine"], "what nobody could read stays, sealed");
    }
}
