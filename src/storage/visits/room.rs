//! Whether a visit can be saved now, and how much room is left.
//!
//! Promise: a save that failed for want of room, or for a fault of the files, is remembered until one succeeds. Where less is left than one takes, that is
//! said before one fails. Room is looked at without a write; only after a save has failed, and where there is room, is it tried with one as large as a
//! visit. Never: a write to a disk that is well, nor one that takes the last room; a path.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use tokio::sync::watch;

use super::VisitStore;
use crate::domain::clock::TimeKeeper;
use crate::storage::error::Error;
use crate::storage::folder;

/// What a save takes at most: visit, outbox row and what finds them, in the log, and the log's index.
const ONE_SAVE: u64 = 128 << 10;
/// What is written to see whether one would succeed: more pages than a visit changes.
const TRIAL: i64 = 48 << 10;

/// What is known of the room for visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Visits cannot be saved.
    pub unsaved: Option<Unsaved>,
    /// Bytes left, if they have been looked at.
    pub free: Option<u64>,
}

impl Room {
    /// Bytes left, where they are fewer than downloads leave to the visits.
    pub fn is_little(&self) -> Option<u64> {
        self.free.filter(|free| *free < folder::RESERVED)
    }
}

/// A save that failed and has not been followed by one that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsaved {
    /// Since when, by the station's clock.
    pub since: DateTime<Utc>,
    /// For want of room, and not for a fault of disk or files.
    pub is_full: bool,
}

/// What is told of it, and what it is learned from. Clones share it.
#[derive(Clone)]
pub(super) struct Saving {
    told: watch::Sender<Room>,
    folder: PathBuf,
    time: TimeKeeper,
    /// How much was left, as far as known, when a save last succeeded: the log may have room for one where the disk has none.
    worked_with: Arc<Mutex<Option<u64>>>,
}

impl Saving {
    pub(super) fn new(folder: PathBuf, time: TimeKeeper) -> Self {
        Self { told: watch::channel(Room::default()).0, folder, time, worked_with: Arc::default() }
    }

    /// Notes how a save ended.
    pub(super) fn ended<R>(&self, outcome: &Result<R, Error>) {
        match outcome {
            Ok(_) => {
                *self.worked_with.lock().unwrap_or_else(PoisonError::into_inner) = self.told.borrow().free;
                self.change(|room| room.unsaved = None);
            }
            Err(error) => self.failed(error),
        }
    }

    /// Notes why nothing can be saved, unless it is no fault of disk or files.
    pub(super) fn failed(&self, error: &Error) {
        let is_full = match error {
            Error::Full => true,
            Error::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Error::Busy | Error::Stopped | Error::NotLatest | Error::Mismatch(_) | Error::Feed(_) | Error::Bug(_) | Error::InUse { .. } => {
                return;
            }
            _ => false,
        };
        let now = self.time.now().at;
        self.change(|room| room.unsaved = Some(Unsaved { since: room.unsaved.map_or(now, |unsaved| unsaved.since), is_full }));
    }

    fn change(&self, change: impl FnOnce(&mut Room)) {
        self.told.send_if_modified(|room| {
            let before = *room;
            change(room);
            *room != before
        });
    }

    /// Takes what is left into account. Returns whether it has to be tried if visits can be saved.
    fn looked(&self, free: Option<u64>) -> bool {
        self.change(|room| room.free = free);
        let unsaved = self.told.borrow().unsaved;
        let is_short = free.is_some_and(|free| free < ONE_SAVE);
        if is_short && unsaved.is_none() && *self.worked_with.lock().unwrap_or_else(PoisonError::into_inner) != free {
            self.failed(&Error::Full);
        }
        // A try would take what a visit may still get: where so little is left, a save is what tells.
        unsaved.is_some() && !is_short
    }
}

impl VisitStore {
    /// Whether visits can be saved and how much room is left, as far as known now.
    pub fn room(&self) -> Room {
        *self.saving.told.borrow()
    }

    /// Looks at the room that is left, and whether visits can be saved where that is in doubt.
    pub async fn look_at_room(&self) {
        let folder = self.saving.folder.clone();
        let free = tokio::task::spawn_blocking(move || folder::free_bytes(&folder)).await;
        // A folder that cannot be asked is one that the next save tells about.
        let free = free.ok().and_then(Result::ok);
        if self.saving.looked(free) {
            let tried = self.write(attempt).await;
            self.saving.ended(&tried);
        }
    }
}

/// Saves as much as a visit takes, and takes it out again.
fn attempt(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("INSERT OR REPLACE INTO trial VALUES (1, zeroblob(?1))", [TRIAL])?;
    transaction.commit()?;
    // What stays of it takes no more room with the next one.
    if let Err(error) = connection.execute("DELETE FROM trial", []) {
        tracing::debug!(%error, "what was written to see whether visits can be saved stays for now");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::visit;

    #[tokio::test]
    async fn a_fault_of_disk_or_files_is_told_until_a_save_succeeds_and_a_disk_that_is_well_is_not_written() {
        let station = Station::new();
        let visits = station.visits();
        visits.append(visit(0)).await.unwrap();
        let log = || fs::read(station.path().join("visits.db-wal")).unwrap();
        let before = log();
        visits.look_at_room().await;
        assert!(log() == before && visits.room().free.is_some_and(|free| free > ONE_SAVE), "looked at without a write");
        let disk = || Error::Disk(rusqlite::Error::InvalidQuery);
        let file = |kind: io::ErrorKind| Error::file("visits.db", "cannot be created")(kind.into());
        for (error, is_full) in [
            (Error::Full, true),
            (file(io::ErrorKind::StorageFull), true),
            (Error::ReadOnly, false),
            (Error::Corrupt(rusqlite::Error::InvalidQuery), false),
            (disk(), false),
            (file(io::ErrorKind::PermissionDenied), false),
        ] {
            visits.saving.ended(&Err::<(), _>(error));
            let unsaved = visits.room().unsaved.unwrap();
            assert_eq!(unsaved.is_full, is_full);
            visits.saving.ended(&Err::<(), _>(disk()));
            assert_eq!(visits.room().unsaved.map(|again| again.since), Some(unsaved.since), "since it first was");
            visits.look_at_room().await;
            assert_eq!(visits.room().unsaved, None, "it was tried");
        }
        for passing in [Error::Busy, Error::Stopped, Error::NotLatest] {
            visits.saving.ended(&Err::<(), _>(passing));
            assert_eq!(visits.room().unsaved, None, "nothing is wrong with the disk");
        }
        visits.saving.ended(&Err::<(), _>(disk()));
        visits.append(visit(1)).await.unwrap();
        assert_eq!(visits.room().unsaved, None, "a visit was saved");
        visits.close();
    }

    #[tokio::test]
    async fn less_room_than_a_visit_takes_is_told_before_one_fails_unless_one_was_saved_with_it() {
        let station = Station::new();
        let visits = station.visits();
        let saving = &visits.saving;
        assert!(!saving.looked(Some(ONE_SAVE)) && visits.room().unsaved.is_none());
        assert!(!saving.looked(Some(ONE_SAVE - 1)) && visits.room().unsaved.unwrap().is_full);
        assert!(!saving.looked(Some(100)), "what is left is left to a visit");
        visits.append(visit(0)).await.unwrap();
        assert!(!saving.looked(Some(100)) && visits.room().unsaved.is_none(), "it was saved with as little");
        assert!(!saving.looked(Some(99)) && visits.room().unsaved.is_some());
        assert!(saving.looked(Some(ONE_SAVE)) && visits.room().unsaved.is_some(), "now it is tried");
        visits.close();
    }
}
