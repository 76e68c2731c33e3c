//! `cards.db`: the province's roster for this station, with the cursor that says which state it is.
//!
//! Promise: what a reader sees is a whole serial, always. A delta is one transaction with its cursor and is undone unless the state digest
//! fits ([`apply`]); a snapshot is built in a new file, checked, flushed, and only then made current by the pointer file ([`snapshot`]). Neither takes
//! more people away at once than the guard lets through ([`upheaval`]). A damaged
//! file is set aside and an empty one takes its place, so that the desk hears "no roster" and the next pull fetches it again. One of a newer program stays as it
//! is, and a roster of this program's own is fetched beside it. Never: a row without
//! its cursor; a rename over an open database.

mod answer;
mod apply;
mod current;
mod find;
mod renewals;
mod row;
mod search;
mod snapshot;
mod upheaval;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Transaction;
use tokio::sync::watch;

use super::aside;
use super::error::Error;
use super::error::Mismatch;
use super::integrity;
use super::integrity::Whole;
use super::key::DatabaseKey;
use super::open;
use super::open::OnDamage;
use super::open::Schema;
use super::readers::Readers;
use super::worker::Worker;
use crate::domain::clock::TimeKeeper;
use crate::domain::roster::Answered;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Guard;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Serial;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Wanted;
use crate::domain::scan::Scan;
use crate::domain::search::NameIndex;
use crate::domain::search::Query;

pub use answer::Asked;
pub use answer::Said;
pub use find::Found;
pub use find::Holding;
pub use renewals::Passed;
pub use search::Sought;

use search::Names;

/// FROZEN: `cards.db` since version 1.
pub static SCHEMA: Schema = Schema {
    migrations: &[
        include_str!("migrations/0001.sql"),
        include_str!("migrations/0002.sql"),
        include_str!("migrations/0003.sql"),
        include_str!("migrations/0004.sql"),
    ],
    application_id: 0x4248_5943,
    synchronous: "NORMAL",
};

/// What we hold, as the rest of the program follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Which state; `None`: nothing.
    pub cursor: Option<PullCursor>,
    /// People in it.
    pub cards: u64,
    /// Of these, people with a value that we cannot read.
    pub unreadable: u64,
}

struct Writer {
    connection: Connection,
    path: PathBuf,
}

/// Handle to the database. Clones share it.
#[derive(Clone)]
pub struct CardStore {
    folder: PathBuf,
    key: DatabaseKey,
    writer: Worker<Writer>,
    readers: Readers,
    roster: watch::Sender<Roster>,
    names: Names,
}

impl CardStore {
    /// Opens the current file of `folder`, making an empty one where there is none or where it is damaged.
    pub fn open(folder: &Path, key: &DatabaseKey, time: TimeKeeper) -> Result<(Self, JoinHandle<()>), Error> {
        Self::open_or(OnDamage::SetAside, folder, key, time)
    }

    /// The same, where damage is met in another way.
    pub fn open_or(on_damage: OnDamage, folder: &Path, key: &DatabaseKey, time: TimeKeeper) -> Result<(Self, JoinHandle<()>), Error> {
        let folder = &current::home(folder, key)?;
        let mut files = current::Files::new(folder, key.clone(), time, on_damage)?;
        let writer = files.open()?;
        let readers = Readers::new(writer.path.clone(), key.clone(), &SCHEMA);
        let (roster, _) = watch::channel(read_roster(&writer.connection)?);
        let (turned, told) = (readers.clone(), roster.clone());
        let reopen = move || {
            let writer = turned.turn(|| files.open().map(|writer| (writer.path.clone(), writer)))?;
            told.send_replace(read_roster(&writer.connection)?);
            Ok(writer)
        };
        let (worker, thread) = Worker::start("cards", Some(writer), reopen, |writer| {
            if let Err(error) = open::checkpoint(&writer.connection) {
                tracing::warn!(name: "storage.log-kept", %error, "cards.db was closed without emptying its log; nothing is lost");
            }
        })?;
        Ok((Self { folder: folder.to_owned(), key: key.clone(), writer: worker, readers, roster, names: Names::default() }, thread))
    }

    /// What we hold, now and whenever it changes.
    pub fn roster(&self) -> watch::Receiver<Roster> {
        self.roster.subscribe()
    }

    /// Looks a person up by every number the scan carries.
    pub async fn find(&self, scan: &Scan) -> Result<Found, Error> {
        let scan = scan.clone();
        self.ask(move |db| find::find(db, &scan)).await
    }

    /// Looks at every page, beside the writer.
    pub async fn whole(&self) -> Result<Whole, Error> {
        integrity::look(&self.readers).await
    }

    /// The same on this thread, for benchmarks.
    pub fn find_now(&self, scan: &Scan) -> Result<Found, Error> {
        self.readers.ask_now(|db| find::find(db, scan))
    }

    /// Searches people by name, in the state of the roster that is held when it is asked.
    pub async fn search(&self, query: &Query) -> Result<Sought, Error> {
        let (names, query) = (self.names.clone(), query.clone());
        self.ask(move |db| search::search(db, &names, &query)).await
    }

    /// The same on this thread, for benchmarks.
    pub fn search_now(&self, query: &Query) -> Result<Sought, Error> {
        self.readers.ask_now(|db| search::search(db, &self.names, query))
    }

    /// Makes the index of names ready for the state that is held now, so that the first search has not to wait for it. `None`: there is no roster.
    pub async fn read_names(&self) -> Result<Option<Arc<NameIndex>>, Error> {
        let names = self.names.clone();
        self.ask(move |db| names.of(db)).await
    }

    /// Digests of the deltas known for the session held.
    pub async fn known_deltas(&self) -> Result<Vec<(Serial, Sha256Digest)>, Error> {
        self.ask(|db| apply::known_deltas(db)).await
    }

    /// Applies deltas, in order, as one transaction that ends at the index's state. Returns after the commit. [`Mismatch::Upheaval`]: they fit and
    /// were undone, because they go further than `guard` allows; the snapshot of that state would too.
    pub async fn apply_deltas(&self, deltas: Vec<FeedLines>, index: Index, cursor: PullCursor, guard: Guard) -> Result<Roster, Error> {
        self.change(move |writer| apply::deltas(&mut writer.connection, deltas, &index, &cursor, guard)).await
    }

    /// Notes that the index still offers the serial we hold, at a newer as-of.
    pub async fn confirm(&self, index: Index, cursor: PullCursor) -> Result<Roster, Error> {
        self.change(move |writer| apply::confirm(&mut writer.connection, &index, &cursor)).await
    }

    /// Builds a snapshot in a new file, below whatever else this computer does, and makes it current. The writer is free meanwhile. Returns after the pointer is on the disk. [`Mismatch::Upheaval`] as for deltas, measured against what is held now.
    pub async fn replace(&self, snapshot: FeedLines, index: Index, cursor: PullCursor, guard: Guard) -> Result<Roster, Error> {
        let (folder, key, held) = (self.folder.clone(), self.key.clone(), self.readers.clone());
        let basis = self.roster.borrow().cursor.clone();
        let mut built = aside::run("snapshot", move || snapshot::build(&folder, &key, &held, snapshot, &index, &cursor, guard)).await?;
        let (folder, readers) = (self.folder.clone(), self.readers.clone());
        self.change(move |writer| {
            let placed = place(&built, writer, basis.as_ref(), &folder, &readers);
            if placed.is_ok() {
                core::mem::swap(writer, &mut built);
            }
            current::remove(&folder, built);
            placed
        })
        .await
    }

    /// Keeps what the province answered about one person, so that [`CardStore::find`] has it where the roster cannot speak. The answers kept are bounded in
    /// number and age, and lost with a damaged file.
    pub async fn keep_answer(&self, wanted: Wanted, answered: Answered, asked_at: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |writer| answer::keep(&mut writer.connection, &wanted, answered, asked_at)).await
    }

    /// Forgets what the province answered about whoever has one of these numbers; no byte of it stays in the file or its log. Returns how many
    /// answers that were.
    pub async fn forget_answers(&self, numbers: Vec<String>) -> Result<usize, Error> {
        self.write(move |writer| {
            let gone = answer::forget_all(&mut writer.connection, &numbers)?;
            open::checkpoint(&writer.connection)?;
            Ok(gone)
        })
        .await
    }

    /// Damage met by a question, or a file that is gone, has the writer verify what is there; then the question goes to the empty roster.
    async fn ask<R: Send + 'static>(
        &self,
        question: impl Fn(&Transaction<'_>) -> Result<R, Error> + Clone + Send + 'static,
    ) -> Result<R, Error> {
        match self.readers.ask(question.clone()).await {
            Err(Error::Corrupt(source) | Error::Disk(source)) => {
                self.writer.verify(source).await?;
                self.readers.ask(question).await
            }
            answer => answer,
        }
    }

    /// Everyone is told on the writer's thread, so in the order of the changes and also when the caller went away.
    async fn change(&self, job: impl FnOnce(&mut Writer) -> Result<(), Error> + Send + 'static) -> Result<Roster, Error> {
        let told = self.roster.clone();
        self.write(move |writer| {
            job(writer)?;
            let roster = read_roster(&writer.connection)?;
            told.send_replace(roster.clone());
            Ok(roster)
        })
        .await
    }

    async fn write<R: Send + 'static>(&self, job: impl FnOnce(&mut Writer) -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
        self.writer
            .call(move |writer| {
                let done = job(writer);
                if let Err(Error::Full) = done {
                    make_room(&writer.connection);
                }
                done
            })
            .await
    }
}

/// Makes a built file current, if what it was built beside is still what we hold.
fn place(built: &Writer, held: &Writer, basis: Option<&PullCursor>, folder: &Path, readers: &Readers) -> Result<(), Error> {
    match apply::cursor(&held.connection) {
        Err(Error::Corrupt(error)) => tracing::warn!(name: "storage.cards-damaged", %error, "a damaged roster is replaced"),
        Ok(cursor) if cursor.as_ref() == basis => {}
        cursor => return cursor.and(Err(Mismatch::CursorMoved.into())),
    }
    // Questions go to the old file until the pointer is flushed; it is removed only after that.
    readers.turn_to(&built.path, || current::point_to(folder, &built.path))
}

/// What was undone still takes room in the log, and that room belongs to the visits.
fn make_room(connection: &Connection) {
    if let Err(error) = open::checkpoint(connection) {
        tracing::warn!(name: "storage.log-kept", %error, "the log of cards.db keeps its size for now");
    }
}

/// The file that is current, if one is. Changes nothing.
pub(super) fn current_file(folder: &Path) -> Result<Option<PathBuf>, Error> {
    current::read_pointer(folder)
}

/// What a file holds. It is of the version that this program knows.
pub(super) fn read_roster(connection: &Connection) -> Result<Roster, Error> {
    let cursor = apply::cursor(connection)?;
    let cards = connection.query_row("SELECT count(*) FROM card", [], |row| row.get(0))?;
    let unreadable = connection.query_row("SELECT unreadable FROM cursor", [], |row| row.get(0)).optional()?.unwrap_or(0);
    Ok(Roster { cursor, cards, unreadable })
}

#[cfg(test)]
mod rot_tests;
