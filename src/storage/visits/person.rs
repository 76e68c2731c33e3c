//! One person's visits: given to the person, and taken out because the person asked for it.
//!
//! Promise: a visit is of whom its latest revision names, by any number that a visit of theirs ties to the one asked with; given is what bears a number of the
//! person and nothing else; what was taken out is in none of the file's bytes once the erasure is finished, and one that was cut off is known and finished later.
//! Never: another person's visit taken out, or handed over, because it bore this person's number by mistake.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use rusqlite::types::Value;

use super::FILE;
use super::VisitStore;
use super::aside;
use super::log;
use super::outbox;
use super::outbox::LoggedVisit;
use super::retention;
use super::retention::IS_SETTLED;
use super::row;
use crate::domain::card::InsuranceNumber;
use crate::domain::person::CitizenId;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage::error::Error;
use crate::storage::files;
use crate::storage::key;
use crate::storage::open;
use crate::storage::vacuum;

/// Says in the data folder that visits were taken out whose bytes may still be in the file.
const ERASING: &str = "visits.erasing";

/// What became of one person's visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Taken out.
    pub removed: u64,
    /// Still here, because something of them is to be sent or waits for a person.
    pub kept: u64,
    /// Of others, and stay: they bore a number of the person until they were corrected.
    pub corrected: u64,
    /// In files set aside, and not to be taken back any more: visits,
    pub aside: u64,
    /// and those there that the province may not have, which can be.
    pub aside_unsent: u64,
    /// Files set aside that cannot be read: whom they hold is not known.
    pub aside_unread: u64,
    /// An erasure before this one, perhaps of the same person, was cut off before it was finished.
    pub was_cut: bool,
}

/// By which numbers a person is asked for.
#[derive(Clone)]
pub struct Numbers {
    /// The personal id.
    pub personal_id: Option<CitizenId>,
    /// The insurance number, also of a card.
    pub insurance_number: Option<InsuranceNumber>,
}

/// All numbers that are known to be of one person.
#[derive(Clone, Default)]
struct Known {
    personal_ids: BTreeSet<String>,
    insurance_numbers: BTreeSet<String>,
}

const OF_PERSON: &str = "(personal_id IN (SELECT value FROM json_each(?1)) OR insurance_number IN (SELECT value FROM json_each(?2)) \
    OR substr(card_number, 6) IN (SELECT value FROM json_each(?2)))";

const IS_LATEST: &str = "NOT EXISTS (SELECT 1 FROM visit newer WHERE newer.id = visit.id AND newer.revision > visit.revision)";

impl VisitStore {
    /// All that is kept of a person's visits, oldest first: the revisions that bear a number of the person.
    pub async fn all_of_person(&self, numbers: &Numbers) -> Result<Vec<LoggedVisit>, Error> {
        let numbers = numbers.clone();
        self.ask(move |db| {
            let known = Known::of(db, &numbers)?;
            let sql = format!("SELECT DISTINCT id FROM visit WHERE {OF_PERSON}");
            let ids: Vec<String> = db.prepare(&sql)?.query_map(known.lists(), |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut visits = Vec::new();
            for id in ids {
                let revisions = outbox::revisions(db, VisitId(row::read_uuid(&id, 0)?))?;
                visits.extend(revisions.into_iter().filter(|logged| known.are_of(&Shown::of(&logged.visit.content.person))));
            }
            visits.sort_by_key(|logged| logged.visit.sequence);
            Ok(visits)
        })
        .await
    }

    /// The numbers by which a person is known here: those asked with, and those that the person's visits tie to them.
    pub async fn all_numbers(&self, numbers: &Numbers) -> Result<Vec<String>, Error> {
        let numbers = numbers.clone();
        let known = self.ask(move |db| Known::of(db, &numbers)).await?;
        Ok(known.personal_ids.into_iter().chain(known.insurance_numbers).collect())
    }

    /// Takes a person's visits out, as far as nothing of them is still to be done. Their bytes go with [`finish_erasure`](Self::finish_erasure).
    pub async fn erase_person(&self, numbers: &Numbers, now: DateTime<Utc>) -> Result<Erased, Error> {
        let mark = self.erasing();
        let was_cut = mark.exists();
        let (rows, aside_unread) = self.rows_aside().await?;
        let numbers = numbers.clone();
        let erased = self.change(move |db| erase(db, &numbers, &rows, &mark, now)).await?;
        Ok(Erased { aside_unread, was_cut, ..erased })
    }

    /// Brings an erasure to its end: no byte of what was taken out is in the file or its log any more. Without one it does nothing.
    pub async fn finish_erasure(&self) -> Result<(), Error> {
        let mark = self.erasing();
        if !mark.exists() {
            return Ok(());
        }
        // Deleted rows are overwritten where they lay; pages that were moved before are not, so the file is written anew.
        let home = Arc::clone(&self.home);
        self.write(move |db| vacuum::anew(db, &home.folder.join(FILE), &home.key)).await?;
        self.checkpoint().await?;
        files::remove(&mark)?;
        open::sync_folder(&self.home.folder)
    }

    /// Has the file written anew; if that is cut off, [`finish_erasure`](Self::finish_erasure) does it.
    pub(super) async fn write_anew(&self) -> Result<(), Error> {
        let mark = self.erasing();
        if !mark.exists() {
            key::write_new_secret(&mark, b"visits were taken out: their bytes may still be in visits.db\n")?;
        }
        self.finish_erasure().await
    }

    fn erasing(&self) -> PathBuf {
        self.home.folder.join(ERASING)
    }

    /// The visits in files that were set aside, and how many of these cannot be read.
    async fn rows_aside(&self) -> Result<(Vec<Lying>, u64), Error> {
        let (mut rows, mut unread) = (Vec::new(), 0);
        for (name, path) in self.files_aside().into_iter().filter(|(name, _)| name.ends_with(FILE)) {
            match self.found_in(&path).await {
                Ok(Some(found)) => {
                    rows.extend(found.visits.iter().filter_map(|(number, visit)| Lying::of(visit, found.receipts.contains_key(number))));
                }
                Ok(None) if super::salvage::length(&path) == 0 => {}
                Ok(None) | Err(_) => {
                    tracing::warn!(name: "salvage.unread", file = name, "a file that was set aside cannot be read: whom it holds is not known");
                    unread += 1;
                }
            }
        }
        Ok((rows, unread))
    }
}

/// The numbers that a revision bears.
struct Shown {
    personal_id: Option<String>,
    /// Its own, and that of the card.
    insurance_numbers: [Option<String>; 2],
}

impl Shown {
    fn of(person: &VisitPerson) -> Self {
        let of_card = person.card_number.as_ref().map(|card| card.insurance_number());
        Self {
            personal_id: person.personal_id.as_ref().map(|id| id.as_str().to_owned()),
            insurance_numbers: [person.insurance_number.clone(), of_card].map(|number| number.map(|number| number.as_str().to_owned())),
        }
    }
}

/// A revision as it lies in a file that was set aside.
struct Lying {
    id: String,
    revision: i64,
    shown: Shown,
    has_receipt: bool,
}

impl Lying {
    fn of(visit: &[Value], has_receipt: bool) -> Option<Self> {
        let text = |at: usize| match visit.get(at) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let Some(Value::Integer(revision)) = visit.get(2) else { return None };
        let insurance_numbers = [text(8), text(7).and_then(|card| card.get(5..))].map(|number| number.map(str::to_owned));
        let shown = Shown { personal_id: text(9).map(str::to_owned), insurance_numbers };
        Some(Self { id: text(1)?.to_owned(), revision: *revision, shown, has_receipt })
    }
}

impl Known {
    fn of(connection: &Connection, numbers: &Numbers) -> Result<Self, Error> {
        let mut known = Self {
            personal_ids: numbers.personal_id.iter().map(|id| id.as_str().to_owned()).collect(),
            insurance_numbers: numbers.insurance_number.iter().map(|number| number.as_str().to_owned()).collect(),
        };
        let sql = format!("SELECT personal_id, insurance_number, substr(card_number, 6) FROM visit WHERE {OF_PERSON} AND {IS_LATEST}");
        let mut statement = connection.prepare(&sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok(Shown { personal_id: row.get(0)?, insurance_numbers: [row.get(1)?, row.get(2)?] });
        let tied: Vec<Shown> = statement.query_map(known.lists(), read)?.collect::<Result<_, _>>()?;
        for shown in &tied {
            known.learn(shown);
        }
        Ok(known)
    }

    /// A visit of the person bears these.
    fn learn(&mut self, shown: &Shown) {
        self.personal_ids.extend(shown.personal_id.clone());
        self.insurance_numbers.extend(shown.insurance_numbers.iter().flatten().cloned());
    }

    fn are_of(&self, shown: &Shown) -> bool {
        let mut insurance_numbers = shown.insurance_numbers.iter().flatten();
        shown.personal_id.as_ref().is_some_and(|id| self.personal_ids.contains(id))
            || insurance_numbers.any(|number| self.insurance_numbers.contains(number))
    }

    /// The values of [`OF_PERSON`].
    fn lists(&self) -> (String, String) {
        let list = |numbers: &BTreeSet<String>| serde_json::json!(numbers).to_string();
        (list(&self.personal_ids), list(&self.insurance_numbers))
    }
}

fn erase(connection: &mut Connection, numbers: &Numbers, lying: &[Lying], mark: &Path, now: DateTime<Utc>) -> Result<Erased, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = Known::of(&transaction, numbers)?;
    let sql = format!(
        "SELECT id, min({IS_SETTLED}), max(ifnull({OF_PERSON}, 0) AND {IS_LATEST}) FROM visit \
         WHERE id IN (SELECT id FROM visit WHERE {OF_PERSON}) GROUP BY id"
    );
    let found: Vec<(String, bool, bool)> = transaction
        .prepare(&sql)?
        .query_map(known.lists(), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut erased = Erased::default();
    for (id, is_settled, is_of_person) in &found {
        match (is_of_person, is_settled) {
            (false, _) => erased.corrected += 1,
            (true, false) => erased.kept += 1,
            (true, true) => {
                retention::remove(&transaction, id, "request", now)?;
                erased.removed += 1;
            }
        }
    }
    erase_lying(&transaction, known, lying, &mut erased, now)?;
    if erased.removed > 0 && !mark.exists() {
        // Before the commit: whatever ends this program after it, what is left to do is known.
        key::write_new_secret(mark, b"visits were taken out on request: their bytes may still be in visits.db\n")?;
    }
    transaction.commit()?;
    Ok(erased)
}

/// Has a person's visits in files set aside not be taken back any more, as far as the province has all of them.
fn erase_lying(connection: &Connection, mut known: Known, lying: &[Lying], erased: &mut Erased, now: DateTime<Utc>) -> Result<(), Error> {
    let mut latest: BTreeMap<&str, &Lying> = BTreeMap::new();
    for revision in lying {
        let entry = latest.entry(&revision.id).or_insert(revision);
        if revision.revision > entry.revision {
            *entry = revision;
        }
    }
    let tied: Vec<_> = latest.values().filter(|revision| known.are_of(&revision.shown)).collect();
    for revision in tied {
        known.learn(&revision.shown);
    }
    let unsent: BTreeSet<&str> = lying.iter().filter(|revision| !revision.has_receipt).map(|revision| &*revision.id).collect();
    for (id, _) in latest.iter().filter(|(_, revision)| known.are_of(&revision.shown)) {
        if log::has_visit(connection, id)? || aside::is_removed(connection, id)? {
            continue;
        }
        if unsent.contains(id) {
            erased.aside_unsent += 1;
        } else {
            aside::keep_removed(connection, (id, "request", &row::instant(now)))?;
            erased.aside += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
