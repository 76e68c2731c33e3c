//! `visits.db`: this station's own record of who came, and what the province has confirmed of it.
//!
//! Promise: "saved" means that visit and outbox row are on the disk, in one transaction, at `synchronous=FULL`; what was found
//! in the log of an earlier connection is copied into the file and flushed before anything is called saved because of it. Reading is not deleting: a row
//! leaves the outbox's pending state only with the province's receipt. A damaged file is set aside untouched, never deleted, and a new
//! one with a new install id goes on. Never: a change to a saved visit; a visit twice under one id and revision.

mod log;
mod outbox;
mod row;

use std::path::Path;
use std::thread::JoinHandle;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::Transaction;
use tokio::sync::watch;
use uuid::Uuid;

use super::error::Error;
use super::key::DatabaseKey;
use super::open;
use super::open::Schema;
use super::readers::Readers;
use super::worker::Worker;
use crate::domain::clock::TimeKeeper;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;

pub use log::Saved;
pub use outbox::Counts;
pub use outbox::LoggedVisit;

/// FROZEN: `visits.db` since version 1.
pub static SCHEMA: Schema = Schema { migrations: &[include_str!("migrations/0001.sql")], application_id: 0x4248_5956, synchronous: "FULL" };

/// Where a station's own record is kept in the data folder.
pub const FILE: &str = "visits.db";

/// Handle to the database. Clones share it.
#[derive(Clone)]
pub struct VisitStore {
    writer: Worker<Connection>,
    readers: Readers,
    counts: watch::Sender<Counts>,
}

impl VisitStore {
    /// Opens `visits.db` in the data folder, making it where there is none. A damaged one is set aside first.
    pub fn open(folder: &Path, key: &DatabaseKey, time: TimeKeeper) -> Result<(Self, JoinHandle<()>), Error> {
        let path = folder.join(FILE);
        let connection = open_or_set_aside(&path, key, &time)?;
        let readers = Readers::new(path.clone(), key.clone(), &SCHEMA);
        let (counts, _) = watch::channel(outbox::counts(&connection)?);
        let (turned, told, key) = (readers.clone(), counts.clone(), key.clone());
        let settled = match open::settle(&connection, &path) {
            // Questions can be answered all the same; before a visit is, the writer tries again.
            Err(error @ (Error::Full | Error::ReadOnly | Error::Busy)) => {
                tracing::warn!(%error, "what the last run left in the log of visits.db cannot be made certain yet: nothing is saved until it is");
                None
            }
            settled => settled.map(|()| Some(connection))?,
        };
        let reopen = move || {
            // Nobody new asks meanwhile, so only questions under way can hold up the settling; while they do, the store stays closed and says so.
            let connection = turned.turn(|| {
                let connection = open_or_set_aside(&path, &key, &time)?;
                open::settle(&connection, &path)?;
                Ok((path.clone(), connection))
            })?;
            told.send_replace(outbox::counts(&connection)?);
            Ok(connection)
        };
        let (writer, thread) = Worker::start("visits", settled, reopen, |connection| {
            if let Err(error) = open::checkpoint(&connection) {
                tracing::warn!(%error, "visits.db was closed without emptying its log; nothing is lost");
            }
        })?;
        Ok((Self { writer, readers, counts }, thread))
    }

    /// Counts of the outbox, now and whenever they change.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// Saves a revision of a visit with its outbox row. Returns after the disk has both. Saving the same id and revision again changes nothing
    /// and says so. If the file turns out to be damaged it is set aside and the visit is saved in the new one.
    pub async fn append(&self, visit: NewVisit) -> Result<Saved, Error> {
        let again = visit.clone();
        match self.save(visit).await {
            Err(Error::Corrupt(_)) => self.save(again).await,
            saved => saved,
        }
    }

    /// What a new visit adds to the counts is known: counting anew would take longer than saving it once a month of visits is unsent.
    async fn save(&self, visit: NewVisit) -> Result<Saved, Error> {
        let told = self.counts.clone();
        self.writer
            .call(move |db| {
                let saved = log::append(db, &visit)?;
                if let Saved::New(_) = saved {
                    told.send_modify(|counts| counts.add(visit.arrived_at));
                }
                Ok(saved)
            })
            .await
    }

    /// Stores the province's answers. Returns after the disk has them. Answers for visits that are not ours are left out and counted.
    pub async fn store_receipts(&self, receipts: Vec<Receipt>, now: DateTime<Utc>) -> Result<usize, Error> {
        self.change(move |db| outbox::store_receipts(db, &receipts, now)).await
    }

    /// The oldest visits that may be sent now.
    pub async fn due(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Visit>, Error> {
        self.ask(move |db| outbox::due(db, limit, now)).await
    }

    /// The visits of a day, newest first, with how far they are.
    pub async fn of_day(&self, day: NaiveDate) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::of_day(db, day)).await
    }

    /// What is not delivered: parked first, then pending, oldest first.
    pub async fn undelivered(&self, limit: usize) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::undelivered(db, limit)).await
    }

    /// Who this database is.
    pub async fn install_id(&self) -> Result<Uuid, Error> {
        self.ask(|db| log::install_id(db)).await
    }

    /// When the last visit came that was saved while the clock was plausible: an instant known to have passed.
    pub async fn last_arrival(&self) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(|db| log::last_arrival(db)).await
    }

    /// Moves the write-ahead log into the file.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        self.writer.call(|db| open::checkpoint(db)).await
    }

    /// Damage met by a question has the writer verify the file, which sets it aside; then the question goes to the new one.
    async fn ask<R: Send + 'static>(
        &self,
        question: impl Fn(&Transaction<'_>) -> Result<R, Error> + Copy + Send + 'static,
    ) -> Result<R, Error> {
        match self.readers.ask(question).await {
            Err(Error::Corrupt(source)) => {
                self.writer.verify(source).await?;
                self.readers.ask(question).await
            }
            answer => answer,
        }
    }

    async fn change<R: Send + 'static>(&self, job: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
        let told = self.counts.clone();
        self.writer
            .call(move |db| {
                let result = job(db)?;
                told.send_replace(outbox::counts(db)?);
                Ok(result)
            })
            .await
    }
}

fn open_or_set_aside(path: &Path, key: &DatabaseKey, time: &TimeKeeper) -> Result<Connection, Error> {
    if !path.exists() && path.with_extension("db-wal").exists() {
        // Setting aside was cut short, or the file was taken away; SQLite would delete a log without its file.
        tracing::error!("a log of visits.db is there without its file: it is set aside too");
        open::quarantine(path, &time.quarantine_stamp())?;
    }
    let connection = match open::writer(path, key, &SCHEMA) {
        Err(Error::Corrupt(error)) => {
            tracing::error!(%error, "visits.db is damaged: it is set aside untouched, and a new one goes on with a new install id");
            open::quarantine(path, &time.quarantine_stamp())?;
            open::writer(path, key, &SCHEMA)?
        }
        opened => opened?,
    };
    log::make_identity(&connection, time.now().at)?;
    Ok(connection)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
