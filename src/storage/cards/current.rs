//! Which file is `cards.db`, and how another one takes its place.
//!
//! Promise: the pointer file `current` names one whole database at every instant, also after a power cut: it is written beside, flushed,
//! renamed, and its folder flushed. What it does not name is a left-over and is removed at the next opening; where it is lost, the newest whole
//! database is named first. Never: removal of a file that the pointer names.

use core::mem;
use std::cmp::Reverse;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use super::SCHEMA;
use super::Writer;
use super::apply;
use crate::domain::clock::TimeKeeper;
use crate::storage::error::Error;
use crate::storage::files;
use crate::storage::files::LOG;
use crate::storage::files::LOG_INDEX;
use crate::storage::folder;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::open::OnDamage;

const POINTER: &str = "current";

/// Where this program keeps the roster: in `folder`, or, while a newer program's is in there, in one beside it. The roster is the province's, so a second one is
/// no second truth, and a station that got an older program back looks people up as soon as it has fetched it. What is in `folder` is not touched; once it can be
/// read again, the one beside it goes.
pub(super) fn home(folder: &Path, key: &DatabaseKey) -> Result<PathBuf, Error> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.with_file_name(format!("{name}-of-version-{}", SCHEMA.version()));
    let held = if folder.exists() { generations(folder)? } else { Vec::new() };
    for path in held {
        match open::refuse_newer(&path, key, &SCHEMA) {
            Err(Error::TooNew { file, found, known }) => {
                tracing::warn!(name: "roster.newer", file = %file.display(), found, known, "cards.db was written by a newer program: it stays as it is, and a roster is fetched beside it");
                return Ok(beside);
            }
            looked => looked?,
        }
    }
    if let Err(error) = fs::remove_dir_all(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(name: "roster.leftover", %error, "a roster that is not needed any more stays for now");
    }
    Ok(folder.to_owned())
}

/// The folder, and how its current file is opened.
pub(super) struct Files {
    folder: PathBuf,
    key: DatabaseKey,
    time: TimeKeeper,
    on_damage: OnDamage,
    /// Looked at, and not opened since.
    is_looked_at: bool,
}

impl Files {
    pub(super) fn new(folder: &Path, key: DatabaseKey, time: TimeKeeper, on_damage: OnDamage) -> Result<Self, Error> {
        folder::create_private(folder)?;
        // At the start only: later a snapshot may be half built beside the current file.
        let files = Self { folder: folder.to_owned(), key, time, on_damage, is_looked_at: true };
        files.refuse_damaged()?;
        files.finish_moves()?;
        let current = files.find()?;
        remove_left_overs(folder, current.as_deref())?;
        Ok(files)
    }

    /// A file that was being set aside when the program ended lies there whole; a roster is fetched, so nothing is taken over from it.
    fn finish_moves(&self) -> Result<(), Error> {
        if self.on_damage == OnDamage::Refuse {
            return Ok(());
        }
        let begun = open::begun_in(&self.folder, "cards-").into_iter();
        begun.filter_map(|path| open::half_moved(&path).transpose()).try_for_each(|moving| moving?.done())
    }

    /// Where damage is not to be set aside, nothing is removed or made because of it either.
    fn refuse_damaged(&self) -> Result<(), Error> {
        if self.on_damage == OnDamage::SetAside {
            return Ok(());
        }
        let mut looked = Ok(());
        let files = match read_pointer(&self.folder)? {
            Some(path) => vec![path],
            None => generations(&self.folder)?,
        };
        for path in files {
            looked = open::refuse_damaged(&path, &self.key, &SCHEMA);
            if looked.is_ok() {
                break;
            }
        }
        looked
    }

    /// Opens the current file for its writer. A damaged one is set aside and an empty one made.
    pub(super) fn open(&mut self) -> Result<Writer, Error> {
        if !mem::take(&mut self.is_looked_at) {
            self.refuse_damaged()?;
        }
        let path = match self.find()? {
            Some(path) => path,
            None => self.make_empty()?,
        };
        match open::writer(&path, &self.key, &SCHEMA) {
            Ok(connection) => Ok(Writer { connection, path }),
            Err(Error::Corrupt(source)) if self.on_damage == OnDamage::Refuse => Err(Error::Damaged { file: path, source }),
            Err(Error::Corrupt(error)) => {
                tracing::error!(name: "storage.cards-damaged", %error, "cards.db is damaged: it is set aside, and the roster is fetched again");
                open::quarantine(&path, &self.time.quarantine_stamp())?;
                let path = self.make_empty()?;
                let connection = open::writer(&path, &self.key, &SCHEMA)?;
                Ok(Writer { connection, path })
            }
            Err(error) => Err(error),
        }
    }

    /// The file the pointer names. Where it names none, the newest whole one is pointed to: a pointer of a few bytes that was damaged must not cost
    /// the roster, least of all where there is no link to fetch it again.
    fn find(&self) -> Result<Option<PathBuf>, Error> {
        if let Some(path) = read_pointer(&self.folder)? {
            return Ok(Some(path));
        }
        let mut found = generations(&self.folder)?;
        found.sort_by_key(|path| Reverse(generation(path)));
        for path in found {
            if self.is_whole(&path)? {
                tracing::warn!(name: "storage.cards-pointer-lost", file = %path.display(), "the pointer to cards.db is lost: the newest whole roster is taken");
                point_to(&self.folder, &path)?;
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Whether a file is undamaged and has its cursor, which is written in one transaction with its rows, and the state that it names. Only damage
    /// says no: whatever else hinders the look must not lead to the removal of a good file.
    fn is_whole(&self, path: &Path) -> Result<bool, Error> {
        let looked = open::writer(path, &self.key, &SCHEMA).and_then(|connection| {
            let cursor = apply::cursor(&connection)?;
            // Its rows are those of its cursor: a file that was never flushed before a power cut may be a mixture that looks undamaged.
            cursor.as_ref().map(|cursor| apply::check_state(&connection, cursor.state)).transpose()
        });
        match looked {
            Ok(rows) => Ok(rows.is_some()),
            Err(error @ (Error::Corrupt(_) | Error::Bug(_) | Error::Mismatch(_))) => {
                tracing::warn!(name: "storage.cards-pointer-lost", %error, file = %path.display(), "a cards file that nothing points to is not whole");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn make_empty(&self) -> Result<PathBuf, Error> {
        let path = new_file(&self.folder)?;
        open::writer(&path, &self.key, &SCHEMA)?;
        point_to(&self.folder, &path)?;
        Ok(path)
    }
}

/// Makes an empty file under a name that is ours from now on, above all others of the folder.
pub(super) fn new_file(folder: &Path) -> Result<PathBuf, Error> {
    loop {
        let newest = generations(folder)?.iter().filter_map(|path| generation(path)).max().unwrap_or(0);
        let path = folder.join(format!("cards-{:06}.db", newest + 1));
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|_| path.clone()).map_err(Error::file(path, "cannot be created")),
        }
    }
}

fn generation(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("cards-")?.strip_suffix(".db")?.parse().ok()
}

fn generations(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "cannot be listed"))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| generation(path).is_some()).collect())
}

pub(super) fn read_pointer(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let pointer = folder.join(POINTER);
    match fs::read_to_string(&pointer) {
        Ok(text) => Ok(Some(folder.join(text.trim_end())).filter(|path| generation(path).is_some() && path.exists())),
        // What is no text names nothing either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
        Err(error) => Err(Error::file(pointer, "cannot be read")(error)),
    }
}

/// Makes a file current. Returns after the pointer is on the disk.
pub(super) fn point_to(folder: &Path, path: &Path) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!("{POINTER}.new"));
    let mut file = File::create(&beside).map_err(Error::file(&beside, "cannot be created"))?;
    writeln!(file, "{name}").and_then(|()| file.sync_all()).map_err(Error::file(&beside, "cannot be written"))?;
    fs::rename(&beside, folder.join(POINTER)).map_err(Error::file(&beside, "cannot be renamed"))?;
    open::sync_folder(folder)
}

/// Closes and removes a file unless it is current. Readers that still ask keep their open file until they are done.
pub(super) fn remove(folder: &Path, unwanted: Writer) {
    let Writer { connection, path } = unwanted;
    drop(connection);
    let removed =
        read_pointer(folder).and_then(|current| if current.as_deref() == Some(path.as_path()) { Ok(()) } else { remove_files(&path) });
    if let Err(error) = removed {
        tracing::warn!(name: "roster.leftover", %error, "an unwanted cards file stays until the next start");
    }
}

fn remove_left_overs(folder: &Path, current: Option<&Path>) -> Result<(), Error> {
    for path in generations(folder)?.iter().filter(|path| Some(path.as_path()) != current) {
        remove_files(path)?;
    }
    Ok(())
}

pub(super) fn remove_files(path: &Path) -> Result<(), Error> {
    // The database last: as long as it is there, whatever stops us now is made up for at the next start.
    [LOG, LOG_INDEX, "-journal", ""].iter().try_for_each(|end| files::remove(&files::beside(path, end)))
}

#[cfg(test)]
#[path = "current_tests.rs"]
mod tests;
