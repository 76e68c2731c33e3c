//! How `visits.db` is opened, again and again, and what becomes of one that is damaged, missing or replaced.
//!
//! Promise: what is set aside is moved as it is, and the one that goes on takes over the accounts and the numbers; whoever may not set aside changes nothing. Never: a
//! success that went into a file that somebody has removed meanwhile.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;

use super::MARK_FILE;
use super::SCHEMA;
use super::aside;
use super::log;
use super::operators;
use super::salvage;
use crate::domain::clock::TimeKeeper;
use crate::storage::error::Error;
use crate::storage::files;
use crate::storage::key;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::open::Moving;
use crate::storage::open::OnDamage;

/// The file at a path, whatever its name: device and number. An emptied one is no file: its log alone is no database.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().filter(|file| file.len() > 0).map(|file| (file.dev(), file.ino()))
}

/// SQLite takes an empty file for a new database and then deletes its log.
fn is_missing_or_empty(path: &Path) -> bool {
    fs::metadata(path).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |file| file.len() == 0)
}

/// The write connection, and which file it writes to.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) file: Option<(u64, u64)>,
}

impl Writer {
    /// Runs a job, and does not believe its success if it went into a file that somebody has removed, emptied or replaced meanwhile.
    pub(super) fn run<R>(&mut self, job: impl FnOnce(&mut Connection) -> Result<R, Error>) -> Result<R, Error> {
        let result = job(&mut self.connection)?;
        if identity(&self.path) == self.file {
            return Ok(result);
        }
        Err(Error::Corrupt(open::moved("visits.db was removed, emptied or replaced while it was open")))
    }
}

/// How the database is opened, again and again.
pub(super) struct Opener {
    pub(super) path: PathBuf,
    pub(super) key: DatabaseKey,
    pub(super) time: TimeKeeper,
    /// The file that was open last.
    pub(super) last: Option<(u64, u64)>,
    pub(super) on_damage: OnDamage,
}

impl Opener {
    /// Opens the file, or sets it aside and makes a new one. What comes out is not settled yet.
    pub(super) fn open(&mut self) -> Result<Writer, Error> {
        let connection = match self.half_moved()? {
            Some(moving) => {
                tracing::error!(name: "storage.visits-damaged", "visits.db was being set aside when this program ended: that is finished, and a new one goes on");
                self.go_on_after(moving)?
            }
            None => self.open_whole()?,
        };
        log::make_identity(&connection, self.time.now().at)?;
        self.last = identity(&self.path);
        Ok(Writer { connection, path: self.path.clone(), file: self.last })
    }

    fn half_moved(&mut self) -> Result<Option<Moving>, Error> {
        if self.on_damage == OnDamage::Refuse && open::is_half_moved(&self.path) {
            return Err(Error::Damaged { file: self.path.clone(), source: open::moved("visits.db is being set aside") });
        }
        let moving = open::half_moved(&self.path)?;
        if moving.is_some() {
            self.forget()?;
        }
        Ok(moving)
    }

    fn open_whole(&mut self) -> Result<Connection, Error> {
        let is_replaced = self.last.is_some() && identity(&self.path) != self.last;
        let was_made = self.mark().exists() || self.log().exists();
        let is_gone = is_replaced || (was_made && is_missing_or_empty(&self.path));
        if self.on_damage == OnDamage::Refuse {
            if is_gone {
                return Err(Error::Damaged { file: self.path.clone(), source: open::moved("visits.db was removed, emptied or replaced") });
            }
            open::refuse_damaged(&self.path, &self.key, &SCHEMA)?;
        }
        if is_gone {
            tracing::error!(
                name: "storage.visits-replaced",
                "visits.db was removed, emptied or replaced by somebody else: what is left of it is set aside, and a new one goes on with a new install id"
            );
            if !self.path.exists() && !self.log().exists() {
                // What is missing is put on the list of what was set aside by an empty file.
                File::create_new(&self.path).map_err(Error::file(&self.path, "cannot be created"))?;
            }
            self.set_aside()?.done()?;
        }
        match open::writer(&self.path, &self.key, &SCHEMA) {
            Err(Error::Corrupt(source)) if self.on_damage == OnDamage::Refuse => Err(Error::Damaged { file: self.path.clone(), source }),
            Err(Error::Corrupt(error)) => {
                tracing::error!(name: "storage.visits-damaged", %error, "visits.db is damaged: it is set aside untouched, and a new one goes on with a new install id");
                let moving = self.set_aside()?;
                self.go_on_after(moving)
            }
            opened => opened,
        }
    }

    /// Makes the one that goes on, with the accounts and the numbers of the one that was set aside. Whatever cuts this off, the next opening does it again.
    fn go_on_after(&self, moving: Moving) -> Result<Connection, Error> {
        let accounts = operators::taken_along(&moving.to, &self.key);
        let handed = aside::Handed::of(&moving.to, &self.key);
        let mut connection = open::writer(&self.path, &self.key, &SCHEMA)?;
        operators::take_in(&connection, &accounts)?;
        handed.take_in(&mut connection, (&self.path, &self.key), self.time.now().at)?;
        moving.done()?;
        Ok(connection)
    }

    /// Makes certain that what was opened is on the disk, and from then on will be missed.
    pub(super) fn settle(&self, writer: &Writer) -> Result<(), Error> {
        open::settle(&writer.connection, &self.path)?;
        salvage::keep_salt(&writer.connection, &self.path)?;
        let mark = self.mark();
        if mark.exists() { Ok(()) } else { key::write_new_secret(&mark, b"visits.db was made here and must not be missing\n") }
    }

    fn set_aside(&mut self) -> Result<Moving, Error> {
        let moving = open::set_aside(&self.path, &self.time.quarantine_stamp())?;
        self.forget()?;
        Ok(moving)
    }

    fn forget(&mut self) -> Result<(), Error> {
        self.last = None;
        // The alarm stands now: until the new one is made, on a full disk perhaps many attempts later, nothing more is missing.
        files::remove(&self.mark())
    }

    fn mark(&self) -> PathBuf {
        self.path.with_file_name(MARK_FILE)
    }

    fn log(&self) -> PathBuf {
        self.path.with_extension("db-wal")
    }
}
