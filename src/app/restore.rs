//! Bringing visits back: a backup in the place of `visits.db`, and a lost key out of its sealed copy.
//!
//! Promise: only while no daemon runs; a key that is there stays, and what is no key makes room for it; without the right key nothing is changed, and once
//! the backup is in its place nothing is called a failure. Never: an identity kept longer than it is needed; a key printed.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;

use super::AppError;
use super::Opened;
use super::escrow;
use super::escrow::Unopened;
use super::no_key;
use super::no_key::Present;
use super::opened;
use super::wipe;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::storage;
use crate::storage::backup;
use crate::storage::folder;
use crate::storage::key::DatabaseKey;
use crate::storage::open::OnDamage;
use crate::storage::restore;
use crate::storage::restore::PutBack;
use crate::storage::rotate;

/// Why nothing was brought back. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// This station's key does not open it, and no identity was given.
    #[error("no key opens this backup")]
    NoKey,
    /// What was given as an identity is none.
    #[error("this is no age identity")]
    NoIdentity,
    /// The identity is not one of those to whom the key was sealed.
    #[error("the identity is none of this backup's recipients")]
    NoRecipient,
    /// There is no such file.
    #[error("there is no such file")]
    NoFile,
    /// It is a folder, or nothing that could be a backup or a sealed key.
    #[error("this is no backup")]
    NotABackup,
    /// It is another station's.
    #[error("the backup is of station {theirs}, and this is {ours}")]
    OtherStation {
        /// Whose it is.
        theirs: String,
        /// Whose computer this is.
        ours: String,
    },
    /// It is a database with a log beside it, and alone not all that was saved.
    #[error("a log lies beside the file")]
    HasLog,
    /// The key opens it, and it is not what was written.
    #[error("the backup is damaged")]
    Damaged,
    /// This account may not read it.
    #[error("{} cannot be read by this account", .0.display())]
    Closed(PathBuf),
    /// There is a key already.
    #[error("there is a database key already")]
    KeyIsThere {
        /// Where.
        path: PathBuf,
        /// Where it may go if it is not the right one.
        aside: PathBuf,
        /// Whether it is the one that the files were made with, as far as they tell.
        fits: bool,
    },
    /// Our own files.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl From<Unopened> for RestoreError {
    fn from(why: Unopened) -> Self {
        match why {
            Unopened::NoIdentity => Self::NoIdentity,
            Unopened::NoRecipient => Self::NoRecipient,
            Unopened::Damaged => Self::Damaged,
        }
    }
}

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    /// Into `visits.db`.
    pub put_back: PutBack,
    /// When the backup was made, by its name.
    pub made_at: Option<DateTime<Utc>>,
    /// Whether the backup's key became the station's.
    pub key_too: bool,
    /// What a file is called now that was no key and lay in its place.
    pub no_key_aside: Option<String>,
    /// Visits in files set aside that are not in the backup and that the province has not confirmed; or why the station could not be opened to look, and to
    /// note the restore in its own access log.
    pub unsent_aside: Result<u64, AppError>,
}

/// Puts a backup back. `identity`: the text of an age identity to whom its key was sealed.
pub async fn restore(config: &Config, file: &Path, identity: Option<&str>) -> Result<Restored, RestoreError> {
    wipe::go_on(config)?;
    opened::settled(config).await?;
    let own = match no_key::look(&config.keys.database_key())? {
        Present::Key(own) => Some(own),
        Present::Nothing | Present::NoKey => None,
    };
    let former = if own.is_some() { rotate::former(config.keys.dir()) } else { Vec::new() };
    let of_file = key_of(file, own.iter().chain(&former), identity)?;
    let by_name = backup::facility_by_name(file).map(|station| station.as_str().to_owned());
    let ours = config.facility.as_str();
    if let Some(theirs) = backup::facility(file, &of_file)?.into_iter().chain(by_name).find(|theirs| theirs != ours) {
        return Err(RestoreError::OtherStation { theirs, ours: ours.to_owned() });
    }
    let key_too = own.is_none();
    let key = own.unwrap_or_else(|| of_file.clone());
    let folder = opened::locked(config, &key).await?;
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    // Before the file it opens: a record without its key would be one that nothing opens.
    let mut no_key_aside = None;
    let with_its_key = || {
        if key_too {
            no_key_aside = keep_key(config, &key, &time)?;
        }
        Ok(())
    };
    let put_back = restore::put_back(&folder, file, (&of_file, &key), &time, with_its_key)?;
    drop(folder);
    let unsent_aside = note(config, put_back.contents.visits).await;
    Ok(Restored { put_back, made_at: backup::made_at(file, &config.facility), key_too, no_key_aside, unsent_aside })
}

/// Puts a key into its place, where none is. Returns what a file is called now that was in the way and no key.
fn keep_key(config: &Config, key: &DatabaseKey, time: &TimeKeeper) -> Result<Option<String>, storage::Error> {
    folder::create_private(config.keys.dir())?;
    let path = config.keys.database_key();
    let aside = no_key::set_aside(&path, time)?;
    key.write_new(&path)?;
    Ok(aside)
}

/// Brings the station's lost key back out of a sealed copy, if it is the one its files were made with. Returns what a file is called now that was in its
/// place and no key.
pub async fn recover_key(config: &Config, sealed: &Path, identity: &str) -> Result<Option<String>, RestoreError> {
    wipe::go_on(config)?;
    let path = config.keys.database_key();
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    if let Present::Key(own) = no_key::look(&path)? {
        // A folder that cannot be read tells nothing of it.
        let fits = matches!(own.is_marked(&config.data_dir), Ok(Some(true)));
        return Err(RestoreError::KeyIsThere { aside: no_key::place_aside(&path, &time), path, fits });
    }
    let key = escrow::open(&read_sealed(sealed)?, identity)?;
    let _folder = opened::locked(config, &key).await?;
    Ok(keep_key(config, &key, &time)?)
}

/// What can be told without a key: another key is the last thing that is blamed.
fn refuse_no_file(file: &Path, shortest: u64) -> Result<(), RestoreError> {
    match fs::metadata(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Err(RestoreError::NoFile),
        Err(error) => Err(unread(file)(error)),
        Ok(found) if !found.is_file() || found.len() < shortest => Err(RestoreError::NotABackup),
        // SQLite tells a file that it may not open like a disk that fails. Nobody has it open here, whose locks would go.
        Ok(_) => File::open(file).map(drop).map_err(unread(file)),
    }
}

/// Why a file that somebody named is not read.
fn unread(file: &Path) -> impl FnOnce(io::Error) -> RestoreError {
    move |error| match error.kind() {
        io::ErrorKind::PermissionDenied => RestoreError::Closed(file.to_owned()),
        _ => storage::Error::file(file, "cannot be read")(error).into(),
    }
}

/// The key of a backup: one of this station's, the present one first, or the one that is sealed beside it.
fn key_of<'a>(file: &Path, own: impl Iterator<Item = &'a DatabaseKey>, identity: Option<&str>) -> Result<DatabaseKey, RestoreError> {
    refuse_no_file(file, backup::SHORTEST)?;
    if restore::has_log(file) {
        return Err(RestoreError::HasLog);
    }
    for own in own {
        match backup::check(file, own) {
            Ok(_) => return Ok(own.clone()),
            // SQLCipher cannot tell another key from damage; a page that this key opens can.
            Err(storage::Error::Corrupt(_)) if backup::is_under(file, own)? => return Err(RestoreError::Damaged),
            Err(storage::Error::Corrupt(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let sealed = backup::sealed_key_of(file);
    if !sealed.is_file() {
        return Err(RestoreError::NotABackup);
    }
    let identity = identity.ok_or(RestoreError::NoKey)?;
    let key = escrow::open(&read_sealed(&sealed)?, identity)?;
    match backup::check(file, &key) {
        Ok(_) => Ok(key),
        Err(storage::Error::Corrupt(_)) => Err(RestoreError::Damaged),
        Err(error) => Err(error.into()),
    }
}

fn read_sealed(sealed: &Path) -> Result<Vec<u8>, RestoreError> {
    refuse_no_file(sealed, 1)?;
    let mut bytes = Vec::new();
    let read = File::open(sealed).and_then(|file| file.take(escrow::LONGEST).read_to_end(&mut bytes));
    read.map_err(unread(sealed))?;
    if escrow::is_sealed(&bytes) { Ok(bytes) } else { Err(RestoreError::NotABackup) }
}

/// That visits were put back stands in their own access log. Returns how many wait in files set aside.
async fn note(config: &Config, visits: u64) -> Result<u64, AppError> {
    let opened = Opened::open_when_free(config, Arc::new(SystemClock::new()), OnDamage::Refuse).await?;
    opened.desk.noted(Act::Restored, About::detail(Detail::numbered("visits", visits))).await;
    let aside = opened.desk.set_aside().await;
    opened.close().await;
    Ok(aside?.iter().filter_map(|file| file.holds).map(|holds| holds.unsent).sum())
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
