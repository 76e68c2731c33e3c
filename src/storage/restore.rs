//! Putting `visits.db` back from a backup.
//!
//! Promise: the backup is examined before anything is touched, and again as it lies here; what was here is set aside and never deleted; what is put back
//! bears a new install id, so that the province takes none of its numbers for those of the record it was copied from, and remembers what to ask the
//! province about. Once the copy is whole a file says so, and from then on whoever opens the folder first ends what was cut off: what the record before
//! handed over is in the copy already. Never: while anybody else works on the folder; half a file under the name of `visits.db`, or none.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use uuid::Uuid;

use super::backup;
use super::backup::Contents;
use super::error::Error;
use super::files;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::folder::DataFolder;
use super::key;
use super::key::DatabaseKey;
use super::open;
use super::vacuum;
use super::visits;
use super::visits::Handed;
use crate::domain::clock::TimeKeeper;

/// What it is called until it is whole.
const UNFINISHED: &str = "visits.db.restoring";

/// Says that the copy is whole and takes the place of `visits.db`, and what that is called once it is set aside. In the data folder.
const DECIDED: &str = "restore.decided";
/// Bytes read of it.
const LONGEST_STAMP: u64 = 100;

/// What was put back.
#[derive(Debug)]
pub struct PutBack {
    /// What is in it.
    pub contents: Contents,
    /// Who it is now.
    pub install: Uuid,
    /// Whether something was here and was set aside.
    pub set_aside: bool,
    /// Visits of the copy that had been taken out since, by rule or on request, and were again.
    pub removed: u64,
    /// All was decided, and the files could not be moved: whoever opens the folder next does it.
    pub unfinished: Option<Error>,
}

/// Puts a backup in the place of `visits.db`. `of_file` is the backup's key, `key` the folder's. `ready` is done when the copy is whole and nothing has been
/// moved yet: if it fails, or anything before it, nothing has changed.
pub fn put_back(
    folder: &DataFolder,
    file: &Path,
    (of_file, key): (&DatabaseKey, &DatabaseKey),
    time: &TimeKeeper,
    ready: impl FnOnce() -> Result<(), Error>,
) -> Result<PutBack, Error> {
    backup::check(file, of_file)?;
    settle(folder.path())?;
    let beside = folder.path().join(UNFINISHED);
    clear(&beside)?;
    let stamp = format!("{}{REPLACED}", time.quarantine_stamp());
    let decided = copy(folder, file, &beside, (of_file, key), time).and_then(|put_back| {
        ready()?;
        key::write_new_secret(&folder.path().join(DECIDED), format!("{stamp}\n").as_bytes())?;
        Ok(put_back)
    });
    let put_back = decided.inspect_err(|_| {
        // Half of it would keep room that visits need. Where it cannot be removed, the next try does it.
        let _ = clear(&beside);
    })?;
    Ok(PutBack { unfinished: finish(folder.path(), &stamp).err(), ..put_back })
}

/// Ends a restore that was cut off after it was decided, and removes what one left that was cut off before. Whoever calls holds the folder.
pub fn settle(home: &Path) -> Result<(), Error> {
    let decided = home.join(DECIDED);
    let mut stamp = String::new();
    match File::open(&decided).and_then(|file| file.take(LONGEST_STAMP).read_to_string(&mut stamp)) {
        Ok(_) => {
            tracing::warn!(name: "storage.restore-settled", "a restore was cut off after it was decided: it is ended now");
            finish(home, stamp.trim())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A disk that takes no writes refuses to remove even what is not there.
            if home.join(UNFINISHED).exists() { clear(&home.join(UNFINISHED)) } else { Ok(()) }
        }
        Err(error) => Err(Error::file(decided, "cannot be read")(error)),
    }
}

/// Sets aside what is here and moves the copy into its place, however often that is cut off.
fn finish(home: &Path, stamp: &str) -> Result<(), Error> {
    let (path, beside, decided) = (home.join(visits::FILE), home.join(UNFINISHED), home.join(DECIDED));
    // What has its place already is not set aside.
    if beside.try_exists().map_err(Error::file(&beside, "cannot be looked at"))? {
        open::quarantine(&path, stamp)?;
        fs::rename(&beside, &path).map_err(Error::file(&path, "cannot be put in its place"))?;
        open::sync_folder(home)?;
    }
    files::remove(&decided)?;
    open::sync_folder(home)
}

/// Whether a log lies beside a file: then the file alone is not all that was saved.
pub fn has_log(file: &Path) -> bool {
    fs::metadata(files::beside(file, LOG)).is_ok_and(|log| log.len() > 0)
}

/// Whatever knows what the record before has taken out and which numbers it gave: the file in use, and where it is gone those that were set aside.
fn before(folder: &DataFolder) -> Vec<PathBuf> {
    let path = folder.path().join(visits::FILE);
    if path.exists() || has_log(&path) {
        return vec![path];
    }
    let aside = folder.set_aside().into_iter().filter(|name| name.ends_with(visits::FILE));
    aside.map(|name| folder.path().join("quarantine").join(name)).collect()
}

fn copy(
    folder: &DataFolder,
    file: &Path,
    beside: &Path,
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
    let handed: Vec<_> = before(folder).iter().map(|path| Handed::of(path, key)).collect();
    let (install, contents, removed) = {
        let mut connection = open::writer(beside, key, &visits::SCHEMA)?;
        let install = visits::begin_restored(&mut connection, time.now().at)?;
        let mut removed = 0;
        for handed in handed {
            removed += handed.take_in(&mut connection, (beside, key), time.now().at)?;
        }
        open::checkpoint(&connection)?;
        open::examine(&connection)?;
        (install, backup::contents(&connection)?, removed)
    };
    // Its log is empty; whoever opens the file next makes one under its own name.
    for suffix in [LOG, LOG_INDEX] {
        files::remove(&files::beside(beside, suffix))?;
    }
    File::open(beside).and_then(|file| file.sync_all()).map_err(Error::file(beside, "cannot be flushed"))?;
    let path = folder.path().join(visits::FILE);
    let set_aside = path.exists() || files::beside(&path, LOG).exists();
    Ok(PutBack { contents, install, set_aside, removed, unfinished: None })
}

/// In the name of what was set aside because something else was put in its place, and not because of damage.
pub(super) const REPLACED: &str = "-replaced";

/// What a try that was cut short has left.
fn clear(beside: &Path) -> Result<(), Error> {
    vacuum::clear(beside)?;
    ["", LOG, LOG_INDEX, "-journal"].iter().try_for_each(|suffix| files::remove(&files::beside(beside, suffix)))
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
