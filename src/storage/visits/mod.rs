//! `visits.db`: this station's own record of who came, and what the province has confirmed of it.
//!
//! Promise: "saved" means that visit and outbox row are on the disk, in one transaction, at `synchronous=FULL`; what was found
//! in the log of an earlier connection is copied into the file and flushed before anything is called saved because of it. Reading is not deleting: a row
//! leaves the outbox's pending state only with the province's receipt. A damaged file is set aside untouched, never deleted, and a new
//! one with a new install id goes on; so it does, with the same alarm, for one that is missing, empty or replaced. Never: a change to a saved visit;
//! a visit twice under one id and revision.

mod access;
mod agreed;
mod aside;
mod audit;
mod backups;
mod contact;
mod coverage;
mod desks;
mod held;
mod ledger;
mod log;
mod opener;
mod operators;
mod outages;
mod outbox;
mod parked;
mod person;
mod printing;
mod queue;
mod recheck;
mod restored;
mod retention;
mod room;
mod row;
mod salvage;
mod same_day;
mod seen;
mod traffic;
mod tries;
mod unwritten;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::Transaction;
use tokio::sync::watch;
use uuid::Uuid;

use super::error::Error;
use super::integrity;
use super::integrity::Whole;
use super::key::DatabaseKey;
use super::open;
use super::open::OnDamage;
use super::open::Schema;
use super::readers::Readers;
use super::restore;
use super::worker::Worker;
use crate::domain::clock::TimeKeeper;
use crate::domain::visit::Circumstances;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Receipt;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;

use opener::Opener;
use opener::Writer;
use unwritten::Unwritten;

pub use access::Confirmed;
pub use access::LoggedAccess;
pub(super) use aside::Handed;
pub(super) use aside::facility;
pub use aside::refuse_other_facility;
pub use audit::Verified;
pub use backups::Backups;
pub use desks::OpenPairing;
pub use ledger::PastReceipt;
pub use ledger::SentAgain;
pub use ledger::Skipped;
pub use ledger::StickWord;
pub use ledger::TakenReceipts;
pub use log::Saved;
pub use operators::AccountChange;
pub use operators::Unfitting;
pub use outbox::Closing;
pub use outbox::Counts;
pub use outbox::Day;
pub use outbox::LONGEST_PUT_OFF;
pub use outbox::LoggedVisit;
pub use outbox::PutOff;
pub use outbox::Unfit;
pub use outbox::Walk;
pub use person::Erased;
pub use person::Numbers;
pub use printing::Paper;
pub use printing::Printing;
pub use queue::QueueDay;
pub use recheck::ListedRecheck;
pub use restored::Former;
pub(super) use restored::begin_restored;
pub use retention::Pruned;
pub use retention::Rule;
pub use room::Room;
pub use room::Unsaved;
pub use salvage::Aside;
pub use salvage::Dropped;
pub use salvage::Holds;
pub use salvage::Salvaged;
pub use salvage::SetAside;
pub use seen::Seen;
pub use tries::Announced;
pub use tries::Counted;
pub use tries::Subject;
pub use tries::TooSoon;

/// FROZEN: `visits.db` since version 1.
pub static SCHEMA: Schema = Schema {
    migrations: &[
        include_str!("migrations/0001.sql"),
        include_str!("migrations/0002.sql"),
        include_str!("migrations/0003.sql"),
        include_str!("migrations/0004.sql"),
        include_str!("migrations/0005.sql"),
        include_str!("migrations/0006.sql"),
        include_str!("migrations/0007.sql"),
        include_str!("migrations/0008.sql"),
        include_str!("migrations/0009.sql"),
        include_str!("migrations/0010.sql"),
        include_str!("migrations/0011.sql"),
        include_str!("migrations/0012.sql"),
        include_str!("migrations/0013.sql"),
        include_str!("migrations/0014.sql"),
        include_str!("migrations/0015.sql"),
        include_str!("migrations/0016.sql"),
        include_str!("migrations/0017.sql"),
        include_str!("migrations/0018.sql"),
        include_str!("migrations/0019.sql"),
    ],
    application_id: 0x4248_5956,
    synchronous: "FULL",
};

/// Where a station's own record is kept in the data folder.
pub const FILE: &str = "visits.db";

/// Says that [`FILE`] was made: from then on a missing or empty one is an alarm and no first start.
const MARK_FILE: &str = "visits.mark";

/// Whether there was a record of visits in a folder: then it must be there.
pub(super) fn is_made(folder: &Path) -> bool {
    folder.join(MARK_FILE).exists()
}

/// Handle to the database. Clones share it.
#[derive(Clone)]
pub struct VisitStore {
    writer: Worker<Writer>,
    readers: Readers,
    counts: watch::Sender<Counts>,
    accounts: watch::Sender<operators::OpenAccounts>,
    backups: watch::Sender<Backups>,
    reach: Arc<contact::Reach>,
    saving: room::Saving,
    unwritten: Arc<Unwritten>,
    home: Arc<Home>,
}

/// Where the files are, and what opens those that were set aside.
struct Home {
    folder: PathBuf,
    key: DatabaseKey,
    former: Vec<DatabaseKey>,
}

impl Home {
    fn keys(&self) -> Vec<DatabaseKey> {
        core::iter::once(&self.key).chain(&self.former).cloned().collect()
    }
}

impl VisitStore {
    /// Opens `visits.db` in the data folder, making it where there is none. A damaged one is set aside first. One of a newer program is refused
    /// and not touched: it is the only record of who came, and a second one begun beside it would be another.
    pub fn open(folder: &Path, key: &DatabaseKey, time: TimeKeeper) -> Result<(Self, JoinHandle<()>), Error> {
        Self::open_or(OnDamage::SetAside, folder, key, time)
    }

    /// The same, where damage is met in another way.
    pub fn open_or(on_damage: OnDamage, folder: &Path, key: &DatabaseKey, time: TimeKeeper) -> Result<(Self, JoinHandle<()>), Error> {
        let path = folder.join(FILE);
        restore::settle(folder)?;
        // Before anything of it, or beside it, is written.
        open::refuse_newer(&path, key, &SCHEMA)?;
        let saving = room::Saving::new(folder.to_owned(), time.clone());
        let unwritten = Arc::new(Unwritten::open(folder));
        let mut opener = Opener { path: path.clone(), key: key.clone(), time, last: None, on_damage };
        let writer = opener.open()?;
        let readers = Readers::new(path.clone(), key.clone(), &SCHEMA);
        let (counts, _) = watch::channel(outbox::counts(&writer.connection)?);
        let (accounts, _) = watch::channel(operators::open_ones(&writer.connection)?);
        let (backups, _) = watch::channel(backups::read(&writer.connection)?);
        let reach = Arc::new(contact::Reach::of(&writer.connection)?);
        let (turned, told, reached, signing) = (readers.clone(), counts.clone(), Arc::clone(&reach), accounts.clone());
        let copied = backups.clone();
        let settled = match opener.settle(&writer) {
            // Questions can be answered all the same; before a visit is, the writer tries again.
            Err(error @ (Error::Full | Error::ReadOnly | Error::Busy)) => {
                tracing::warn!(name: "storage.uncertain", %error, "what the last run left in the log of visits.db cannot be made certain yet: nothing is saved until it is");
                saving.failed(&error);
                None
            }
            settled => settled.map(|()| Some(writer))?,
        };
        let reopen = move || {
            // Nobody new asks meanwhile, so only questions under way can hold up the settling; while they do, the store stays closed and says so.
            let writer = turned.turn(|| {
                let writer = opener.open()?;
                opener.settle(&writer)?;
                Ok((path.clone(), writer))
            })?;
            told.send_replace(outbox::counts(&writer.connection)?);
            signing.send_replace(operators::open_ones(&writer.connection)?);
            reached.opened_again(&writer.connection)?;
            copied.send_replace(backups::read(&writer.connection)?);
            Ok(writer)
        };
        let (writer, thread) = Worker::start("visits", settled, reopen, |writer| {
            if let Err(error) = open::checkpoint(&writer.connection) {
                tracing::warn!(name: "storage.log-kept", %error, "visits.db was closed without emptying its log; nothing is lost");
            }
        })?;
        let home = Arc::new(Home { folder: folder.to_owned(), key: key.clone(), former: Vec::new() });
        Ok((Self { writer, readers, counts, accounts, backups, reach, saving, unwritten, home }, thread))
    }

    /// The same with keys that were in use before: files set aside may be under one of them.
    #[must_use]
    pub fn with_former_keys(self, former: Vec<DatabaseKey>) -> Self {
        let Home { folder, key, .. } = &*self.home;
        let home = Arc::new(Home { folder: folder.clone(), key: key.clone(), former });
        Self { home, ..self }
    }

    /// Counts of the outbox, now and whenever they change.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// Saves a revision of a visit with its outbox row. Returns after the disk has both. Saving the same id and revision again changes nothing
    /// and says so. A correction follows the latest revision, else it is `NotLatest`; if that one was refused, the correction goes instead of it.
    /// If the file turns out to be damaged, removed or replaced, what is there is set aside and the visit is saved in a new one.
    pub async fn append(&self, visit: NewVisit) -> Result<Saved, Error> {
        self.append_under(visit, None).await
    }

    /// The same, with what is to be kept beside it.
    pub async fn append_under(&self, visit: NewVisit, circumstances: Option<Circumstances>) -> Result<Saved, Error> {
        let (again, beside) = (visit.clone(), circumstances.clone());
        let saved = match self.change(move |db| log::append(db, &visit, circumstances.as_ref())).await {
            Err(Error::Corrupt(_)) => self.change(move |db| log::append(db, &again, beside.as_ref())).await,
            saved => saved,
        };
        self.saving.ended(&saved);
        saved
    }

    /// Stores the province's answers. Returns after the disk has them. Answers for visits that are not ours are left out and counted.
    pub async fn store_receipts(&self, receipts: Vec<Receipt>, now: DateTime<Utc>) -> Result<usize, Error> {
        self.change(move |db| outbox::store_receipts(db, &receipts, now)).await
    }

    /// The same for answers that were asked for while `ledger` was the province's record of visits, as far as known. If the station has heard of another
    /// one since, they may tell of what is lost: nothing is stored, and the answer is `false`.
    pub async fn store_receipts_under(&self, ledger: Option<Uuid>, receipts: Vec<Receipt>, now: DateTime<Utc>) -> Result<bool, Error> {
        self.change(move |db| outbox::store_receipts_under(db, ledger, &receipts, now)).await
    }

    /// The oldest visits that may be sent now. From here on they count as sent, unless [`kept_back`](Self::kept_back) is told otherwise.
    pub async fn due(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Visit>, Error> {
        self.walk(Walk { unfit_too: true, ..Walk::default() }, limit, now).await
    }

    /// The same for one who goes through them place by place.
    pub async fn walk(&self, walk: Walk, limit: usize, now: DateTime<Utc>) -> Result<Vec<Visit>, Error> {
        let visits = self.ask(move |db| outbox::due(db, walk, limit, now)).await?;
        self.reach.hand_out(&visits);
        Ok(visits)
    }

    /// Where the visits are that the province could not take even alone and that may be tried again: those refused least often first.
    pub async fn unfit(&self, put_off_too: bool, now: DateTime<Utc>) -> Result<Vec<Sequence>, Error> {
        self.ask(move |db| outbox::unfit(db, put_off_too, now)).await
    }

    /// A visit that is pending, handed out like those that are [`due`](Self::due).
    pub async fn pending(&self, sequence: Sequence) -> Result<Option<Visit>, Error> {
        let visit = self.ask(move |db| outbox::pending(db, sequence)).await?;
        self.reach.hand_out(visit.as_slice());
        Ok(visit)
    }

    /// The province cannot take a visit even alone: it is put off for the longest time there is.
    pub async fn put_off_unfit(&self, sequence: Sequence, why: Unfit, now: DateTime<Utc>) -> Result<(), Error> {
        self.change(move |db| outbox::put_off_unfit(db, sequence, why, now)).await
    }

    /// All revisions of a visit with how far they are, oldest first.
    pub async fn revisions(&self, id: VisitId) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::revisions(db, id)).await
    }

    /// Which visit a number is of.
    pub async fn id_of(&self, sequence: Sequence) -> Result<Option<VisitId>, Error> {
        self.ask(move |db| outbox::id_of(db, sequence)).await
    }

    /// The visits of a day, newest first, with how far they are.
    pub async fn of_day(&self, day: NaiveDate) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::of_day(db, day)).await
    }

    /// The newest visits of a day, each once, and how many there are: what it costs hardly depends on how many.
    pub async fn newest_of_day(&self, day: NaiveDate, most: usize) -> Result<Day, Error> {
        self.ask(move |db| outbox::newest_of_day(db, day, most)).await
    }

    /// The last visits that were saved while the clock could not be right, newest first, whatever day they were saved under.
    pub async fn doubted(&self) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(|db| outbox::doubted(db)).await
    }

    /// The last visits of a run of the machine since so many milliseconds of it, newest first.
    pub async fn of_run(&self, boot_id: Box<str>, since_ms: u64) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::of_run(db, &boot_id, since_ms)).await
    }

    /// The first visit that was saved on a day while the clock was believed: what is saved later came on that day or after it.
    pub async fn first_of_day(&self, day: NaiveDate) -> Result<Option<Sequence>, Error> {
        self.ask(move |db| outbox::first_of_day(db, day)).await
    }

    /// What is not delivered and not ended: parked first, then pending, oldest first.
    pub async fn undelivered(&self, limit: usize) -> Result<Vec<LoggedVisit>, Error> {
        self.ask(move |db| outbox::undelivered(db, limit)).await
    }

    /// What the province has not confirmed and nobody has ended, also what it refused, in the station's order: those beyond a sequence.
    pub async fn unconfirmed(&self, after: Sequence, limit: usize) -> Result<Vec<Visit>, Error> {
        self.ask(move |db| outbox::unconfirmed(db, after, limit)).await
    }

    /// Who this database is.
    pub async fn install_id(&self) -> Result<Uuid, Error> {
        self.ask(|db| log::install_id(db)).await
    }

    /// Comes back after everything the writer was asked for before. Whether it could write is not told.
    pub async fn turn(&self) {
        let _: Result<(), Error> = self.writer.call(|_| Ok(())).await;
    }

    /// When this database became who it is.
    pub async fn install_since(&self) -> Result<DateTime<Utc>, Error> {
        self.ask(|db| log::install_since(db)).await
    }

    /// When the last visit came that was saved while the clock was plausible: an instant known to have passed.
    pub async fn last_arrival(&self) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(|db| log::last_arrival(db)).await
    }

    /// Looks at every page, beside the writer.
    pub async fn whole(&self) -> Result<Whole, Error> {
        integrity::look(&self.readers).await
    }

    /// Moves the write-ahead log into the file.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        self.writer.call(|writer| writer.run(|db| open::checkpoint(db))).await
    }

    /// Damage met by a question, or a file that is gone, has the writer verify what is there, which sets it aside; then the question goes to the new one.
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

    /// A change that the counts know nothing of.
    async fn write<R: Send + 'static>(&self, job: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
        self.writer.call(move |writer| writer.run(job)).await
    }

    async fn change<R: Send + 'static>(&self, job: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
        let told = self.counts.clone();
        self.writer
            .call(move |writer| {
                let result = writer.run(job)?;
                // The job is on the disk: what comes after must not say that it is not.
                match outbox::counts(&writer.connection) {
                    Ok(counts) => {
                        told.send_if_modified(|told| core::mem::replace(told, counts) != counts);
                    }
                    Err(error) => {
                        tracing::warn!(name: "storage.write-failed", %error, "the outbox was changed and could not be counted: its counts are old until the next change");
                    }
                }
                Ok(result)
            })
            .await
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod old_tests;
#[cfg(test)]
mod scale_tests;
