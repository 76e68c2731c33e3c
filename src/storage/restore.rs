//! Putting `visits.db` back from a backup.
//!
//! Promise: the backup is examined before anything is touched, and again as it lies here; what was here is set aside and never deleted; what is put back
//! bears a new install id, so that the province takes none of its numbers for those of the record it was copied from, and remembers what to ask the
//! province about. Never: while anybody else works on the folder; half a file under the name of `visits.db`.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uuid::Uuid;

use super::backup;
use super::backup::Contents;
use super::error::Error;
use super::files;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::folder::DataFolder;
use super::key::DatabaseKey;
use super::open;
use super::visits;
use super::visits::Handed;
use crate::domain::clock::TimeKeeper;

/// What it is called until it is whole.
const UNFINISHED: &str = "visits.db.restoring";

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    /// What is in it.
    pub contents: Contents,
    /// Who it is now.
    pub install: Uuid,
    /// Whether something was here and was set aside.
    pub set_aside: bool,
    /// Visits of the copy that had been taken out since, by rule or on request, and were again.
    pub removed: u64,
}

/// Puts a backup in the place of `visits.db`. `of_file` is the backup's key, `key` the folder's.
pub fn put_back(folder: &DataFolder, file: &Path, of_file: &DatabaseKey, key: &DatabaseKey, time: &TimeKeeper) -> Result<PutBack, Error> {
    backup::check(file, of_file)?;
    let (path, beside) = (folder.path().join(visits::FILE), folder.path().join(UNFINISHED));
    clear(&beside)?;
    let put = put(folder, file, (&path, &beside), (of_file, key), time);
    put.inspect_err(|_| {
        // Half of it would keep room that visits need. Where it cannot be removed, the next try does it.
        let _ = clear(&beside);
    })
}

fn put(
    folder: &DataFolder,
    file: &Path,
    (path, beside): (&Path, &Path),
    (of_file, key): (&DatabaseKey, &DatabaseKey),
    time: &TimeKeeper,
) -> Result<PutBack, Error> {
    // Not with the mode of the backup: on a disc or a stick it may be anybody's, or nobody's to write.
    let mut from = File::open(file).map_err(Error::file(file, "cannot be read"))?;
    let mut to =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside).map_err(Error::file(beside, "cannot be written"))?;
    io::copy(&mut from, &mut to).map_err(Error::file(beside, "cannot be written"))?;
    if of_file.text() != key.text() {
        open::rekey(beside, of_file, key)?;
    }
    let handed = if path.exists() { Handed::of(path, key) } else { Handed::default() };
    let (install, contents, taken_out) = {
        let mut connection = open::writer(beside, key, &visits::SCHEMA)?;
        let install = visits::begin_restored(&mut connection, time.now().at)?;
        let removed = handed.take_in(&mut connection, time.now().at)?;
        open::checkpoint(&connection)?;
        open::examine(&connection)?;
        (install, backup::contents(&connection)?, removed)
    };
    // Its log is empty; whoever opens the file next makes one under its own name.
    for suffix in [LOG, LOG_INDEX] {
        files::remove(&files::beside(beside, suffix))?;
    }
    File::open(beside).and_then(|file| file.sync_all()).map_err(Error::file(beside, "cannot be flushed"))?;
    let set_aside = path.exists() || files::beside(path, LOG).exists();
    if set_aside {
        open::quarantine(path, &format!("{}{REPLACED}", time.quarantine_stamp()))?;
    }
    fs::rename(beside, path).map_err(Error::file(path, "cannot be put in its place"))?;
    open::sync_folder(folder.path())?;
    Ok(PutBack { contents, install, set_aside, removed: taken_out })
}

/// In the name of what was set aside because something else was put in its place, and not because of damage.
pub(super) const REPLACED: &str = "-replaced";

/// What a try that was cut short has left.
fn clear(beside: &Path) -> Result<(), Error> {
    ["", LOG, LOG_INDEX, "-journal"].iter().try_for_each(|suffix| files::remove(&files::beside(beside, suffix)))
}
