//! A look at both databases while no service runs, for whoever examines a station.
//!
//! Promise: the folder is locked for the look, and not looked into where somebody works on it; nothing is made, migrated, set aside or emptied; the check
//! takes no longer than it is given. Never: a key's mark written; a row.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::cards;
use super::cards::Roster;
use super::error::Error;
use super::folder;
use super::folder::DataFolder;
use super::integrity;
use super::integrity::Whole;
use super::key::DatabaseKey;
use super::open;
use super::open::Schema;
use super::restore::REPLACED;
use super::visits;
use super::visits::Seen;

/// A database as it was found.
#[derive(Debug)]
pub enum Found<T> {
    /// There is none yet.
    Missing,
    /// There was one, and it is gone, or empty.
    Lost,
    /// It cannot be opened, or the check found damage.
    Failed(Error),
    /// From an older program: the service migrates it when it starts.
    Older {
        /// Its version.
        version: u32,
    },
    /// Whole as far as it was looked at.
    Whole {
        /// Its version.
        version: u32,
        /// Whether there was time for all of it.
        is_checked: bool,
        /// What it tells.
        told: T,
    },
}

/// Both of them.
#[derive(Debug)]
pub struct Examined {
    /// The record of visits.
    pub visits: Found<Seen>,
    /// The roster.
    pub cards: Found<Roster>,
}

/// Looks at both databases of a data folder. `None`: no service has worked there. `InUse`: somebody works on it. `WrongKey`: they were made with another
/// one. `boot_id` is this run of the machine; each check takes at most `patience`. Blocks.
pub fn examine(path: &Path, key: &DatabaseKey, boot_id: &str, patience: Duration) -> Result<Option<Examined>, Error> {
    if !path.try_exists().map_err(Error::file(path, "cannot be looked at"))? || folder::refuse_unused(path).is_err() {
        return Ok(None);
    }
    let _lock = lock(path)?;
    if key.is_marked(path)? == Some(false) {
        return Err(Error::WrongKey { folder: path.to_owned() });
    }
    let visits = if is_lost(path) {
        Found::Lost
    } else {
        look(Some(&path.join(visits::FILE)), key, &visits::SCHEMA, patience, |db| Seen::of(db, boot_id))
    };
    let cards = match cards::current_file(&path.join("cards")) {
        Ok(file) => look(file.as_deref(), key, &cards::SCHEMA, patience, cards::read_roster),
        Err(error) => Found::Failed(error),
    };
    Ok(Some(Examined { visits, cards }))
}

/// Notes for the package's scripts how new the databases are now, after a start that failed. `before`: what was noted before it. Where one cannot be asked
/// the note of the start stays: it errs on the careful side.
pub fn note_as_they_are(folder: &DataFolder, key: &DatabaseKey, before: &str) {
    let version = |path: Option<PathBuf>, schema| {
        let path = path.filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0));
        path.map(|path| open::look(&path, key, schema, Duration::ZERO).map(|looked| looked.version)).transpose()
    };
    let correct = || {
        let visits = version(Some(folder.path().join(visits::FILE)), &visits::SCHEMA)?;
        let cards = version(cards::current_file(&folder.path().join("cards"))?, &cards::SCHEMA)?;
        folder.correct_schemas(&[("visits", visits), ("cards", cards)], before)
    };
    if let Err(error) = correct() {
        tracing::warn!(name: "storage.schemas-unwritten", %error, "how new the databases are could not be noted for the next upgrade");
    }
}

/// Whether each of both databases is whole, every page looked at. One that is not there is.
pub fn whole(path: &Path, key: &DatabaseKey) -> Result<(Whole, Whole), Error> {
    let _lock = lock(path)?;
    let of_visits = if is_lost(path) { Whole::No } else { look_whole(Some(&path.join(visits::FILE)), key, &visits::SCHEMA)? };
    Ok((of_visits, look_whole(cards::current_file(&path.join("cards"))?.as_deref(), key, &cards::SCHEMA)?))
}

/// Whether there was a record of visits, and it is gone or empty.
fn is_lost(folder: &Path) -> bool {
    let file = folder.join(visits::FILE);
    (visits::is_made(folder) || open::is_half_moved(&file)) && fs::metadata(&file).map_or(true, |found| found.len() == 0)
}

fn look_whole(path: Option<&Path>, key: &DatabaseKey, schema: &Schema) -> Result<Whole, Error> {
    let Some(path) = path.filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)) else { return Ok(Whole::Yes) };
    match open::look(path, key, schema, integrity::LONGEST).and_then(|looked| open::examine(&looked.connection)) {
        Ok(()) => Ok(Whole::Yes),
        Err(Error::Corrupt(_)) => Ok(Whole::No),
        Err(error) => Err(error),
    }
}

/// The names of what was set aside because of damage, oldest first. Needs no lock.
pub fn quarantined(path: &Path) -> Vec<String> {
    // What something else was put in the place of is no damage.
    set_aside(path).into_iter().filter(|name| !was_replaced(name)).collect()
}

/// Whether something else was put in the place of a file that was set aside, by its name.
pub fn was_replaced(name: &str) -> bool {
    name.contains(REPLACED)
}

/// All that was set aside, oldest first.
pub fn set_aside(path: &Path) -> Vec<String> {
    let beside = |folder: &Path| folder::names_set_aside(&folder.join("quarantine"));
    let mut names = beside(path);
    names.extend(beside(&path.join("cards")));
    names.sort();
    names
}

/// Keeps everybody else out while it lives. A folder in which nobody has worked has no lock, and gets none.
fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let path = folder.join("lock");
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::file(&path, "cannot be opened"))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::file(path, "cannot be locked")(source)),
    }
}

fn look<T>(
    path: Option<&Path>,
    key: &DatabaseKey,
    schema: &Schema,
    patience: Duration,
    read: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Found<T> {
    let Some(path) = path else { return Found::Missing };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing,
        Err(error) => return Found::Failed(Error::file(path, "cannot be looked at")(error)),
        Ok(_) => {}
    }
    let looked = open::look(path, key, schema, patience).and_then(|looked| {
        let open::Looked { connection, version, is_checked } = looked;
        if version < schema.version() {
            return Ok(Found::Older { version });
        }
        Ok(Found::Whole { version, is_checked, told: read(&connection)? })
    });
    looked.unwrap_or_else(Found::Failed)
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

    const PATIENCE: Duration = Duration::from_mins(1);

    fn look_at(path: &Path) -> Result<Option<Examined>, Error> {
        examine(path, &key(), "a start", PATIENCE)
    }

    #[tokio::test]
    async fn a_look_tells_what_is_there_and_changes_no_byte_of_it() {
        let station = Station::new();
        assert!(look_at(&station.path().join("nowhere")).unwrap().is_none());
        drop(DataFolder::lock(station.path(), &key()).unwrap());
        let (visits, cards) = (station.visits(), station.cards());
        visits.append(visit(1)).await.unwrap();
        cards.load(&people([person(1), person(2)]), 1).await;
        visits.close();
        cards.close();
        let content = || files(station.path()).into_keys().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
        // The log's index is made anew by whoever comes first.
        let kept = || content().into_iter().filter(|(_, path)| !path.to_string_lossy().ends_with("-shm")).collect::<Vec<_>>();
        let before = kept();
        let Examined { visits, cards } = look_at(station.path()).unwrap().unwrap();
        let Found::Whole { is_checked: true, told: visits, .. } = visits else { panic!("{visits:?}") };
        let Found::Whole { is_checked: true, told: cards, .. } = cards else { panic!("{cards:?}") };
        assert_eq!((visits.counts.pending, visits.accounts, cards.cards), (1, 0, 2));
        assert!(kept() == before, "nothing has changed");
    }

    #[tokio::test]
    async fn damage_a_newer_file_another_key_and_a_folder_in_use_are_told_apart() {
        let station = Station::new();
        let folder = DataFolder::lock(station.path(), &key()).unwrap();
        assert!(matches!(look_at(station.path()), Err(Error::InUse { .. })));
        drop(folder);
        let visits = station.visits();
        for n in 0..60 {
            visits.append(visit(n)).await.unwrap();
        }
        visits.close();
        let path = station.path().join(visits::FILE);
        // A process that another test starts holds a copy of the lock from its fork to its exec.
        let again = |key: &DatabaseKey| {
            let tries = core::iter::repeat_with(|| examine(station.path(), key, "a start", PATIENCE));
            tries.take(100_000).inspect(|_| std::thread::yield_now()).find(|looked| !matches!(looked, Err(Error::InUse { .. }))).unwrap()
        };
        assert!(matches!(again(&other_key()), Err(Error::WrongKey { .. })));
        let ours = open::look(&path, &key(), &visits::SCHEMA, Duration::ZERO).unwrap();
        assert_eq!(ours.version, visits::SCHEMA.version());
        let older = Schema { migrations: &visits::SCHEMA.migrations[..3], ..visits::SCHEMA };
        assert!(matches!(open::look(&path, &key(), &older, PATIENCE), Err(Error::TooNew { .. })));
        damage(&path);
        let looked = again(&key()).unwrap().unwrap();
        assert!(matches!(looked.visits, Found::Failed(Error::Corrupt(_))), "{looked:?}");
        assert!(matches!(looked.cards, Found::Missing), "{looked:?}");
        assert_eq!(quarantined(station.path()), Vec::<String>::new(), "a look sets nothing aside");
    }
}
