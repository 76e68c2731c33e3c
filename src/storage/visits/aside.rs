//! What a record knows of others: whose it is, what was set aside beside it, and which numbers were given before.
//!
//! Promise: a number that another record of this station gave is not given to another visit, so that what is taken back keeps its own, and the province knows it
//! again. Never: a person.

use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::FILE;
use super::SCHEMA;
use super::VisitStore;
use super::contact;
use super::ledger;
use super::log;
use super::retention;
use super::row;
use crate::domain::contact::Ahead;
use crate::domain::facility::FacilityCode;
use crate::domain::visit::Sequence;
use crate::storage::error::Error;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::salvage;
use crate::storage::vacuum;

/// A visit that was taken out: its id, why and when.
type Removed = (String, String, String);

/// What a record that ends hands to the one that takes its place.
#[derive(Default)]
pub(crate) struct Handed {
    highest: u64,
    /// What it was called, and since when: whoever knows it by that name means the new one.
    names: Vec<(String, String)>,
    removed: Vec<Removed>,
    /// Single numbers of visits that were taken out and that the province had confirmed, and when that was.
    gone: Vec<(u64, String)>,
    /// Of which ledger of the province its receipts are, and until when that one is complete.
    ledger: Option<(String, String)>,
}

impl Handed {
    /// Out of a file that may be damaged: as far as SQLite reads it, else page by page. What cannot be read is not known.
    pub(crate) fn of(path: &Path, key: &DatabaseKey) -> Self {
        let read = || -> Result<Self, Error> {
            let connection = open::reader_of_rest(path, key, &SCHEMA)?;
            Ok(Self {
                highest: contact::last_given(&connection)?,
                names: names(&connection)?,
                removed: removed(&connection)?,
                gone: gone(&connection)?,
                ledger: ledger::stored(&connection)?,
            })
        };
        read().or_else(|_| salvage::read(path, key).map(Self::found)).unwrap_or_default()
    }

    fn found(found: salvage::Found) -> Self {
        let highest = found.numbers.last().and_then(|number| u64::try_from(*number).ok()).unwrap_or_default();
        let is_removal = |at: &String| found.removed.iter().any(|(_, _, removed_at)| removed_at == at);
        let gone = found.gone.into_iter().filter(|(_, at)| is_removal(at));
        let gone = gone.filter_map(|(number, at)| Some((u64::try_from(number).ok()?, at))).collect();
        let (names, removed) = (found.names.into_iter().collect(), found.removed.into_iter().collect());
        Self { highest, names, removed, gone, ledger: found.ledger }
    }

    /// Into the new one. Returns how many visits of it were taken out because they had been before.
    pub(crate) fn take_in(self, connection: &mut Connection, (path, key): (&Path, &DatabaseKey), at: DateTime<Utc>) -> Result<u64, Error> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let own = contact::last_given(&transaction)?;
        if self.highest > own {
            contact::raise_sequence(&transaction, Sequence(self.highest))?;
            let mut first = own + 1;
            for (number, gone_at) in self.gone.iter().filter(|(number, _)| *number > own && *number <= self.highest) {
                note_gap(&transaction, first, number - 1, &row::instant(at))?;
                note_gap(&transaction, *number, *number, gone_at)?;
                first = number + 1;
            }
            note_gap(&transaction, first, contact::last_given(&transaction)?, &row::instant(at))?;
        }
        for (name, since) in &self.names {
            transaction.execute("INSERT OR IGNORE INTO former_identity VALUES (?1, ?2, ?3)", (name, since, row::instant(at)))?;
        }
        if let Some((ledger, complete_to)) = &self.ledger {
            ledger::take_along(&transaction, (ledger, complete_to))?;
        }
        let mut again = 0;
        for (id, why, removed_at) in &self.removed {
            if log::has_visit(&transaction, id)? {
                // When it was: what is noted with it is told by that instant from what is noted now.
                retention::remove(&transaction, id, why, row::read_instant(removed_at, 2)?)?;
                again += 1;
            }
            keep_removed(&transaction, (id, why, removed_at))?;
        }
        transaction.commit()?;
        if again > 0 {
            vacuum::anew(connection, path, key)?;
        }
        Ok(again)
    }
}

fn names(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT install_id, created_at FROM identity UNION SELECT install_id, created_at FROM former_identity";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn removed(connection: &Connection) -> Result<Vec<Removed>, Error> {
    let mut statement = connection.prepare("SELECT id, why, removed_at FROM removed_visit")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// A gap of one number that was noted as a visit was taken out: the province had confirmed that one (`retention::remove`).
const IS_GONE: &str = "first = last AND at IN (SELECT removed_at FROM removed_visit)";

fn gone(connection: &Connection) -> Result<Vec<(u64, String)>, Error> {
    let mut statement = connection.prepare(&format!("SELECT first, at FROM number_gap WHERE {IS_GONE} ORDER BY first"))?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// How many of the visits that the province tells of beyond a number are not missing here: they were taken out on purpose, or are here again.
pub(super) fn accounted_for(connection: &Connection, beyond: Sequence, ahead: Ahead) -> Result<u64, Error> {
    let sql = format!(
        "SELECT (SELECT count(*) FROM number_gap WHERE {IS_GONE} AND first > ?1 AND first <= ?2) \
         + (SELECT count(*) FROM receipt WHERE sequence > ?1 AND sequence <= ?2 AND received_at BETWEEN ?3 AND ?4)"
    );
    let (first, last) = (row::instant(ahead.first_received_at), row::instant(ahead.last_received_at));
    let values = (contact::number(beyond), contact::number(ahead.highest), first, last);
    Ok(connection.query_row(&sql, values, |row| row.get(0))?)
}

pub(super) fn keep_removed(connection: &Connection, removed: (&str, &str, &str)) -> Result<(), Error> {
    connection.prepare_cached("INSERT OR IGNORE INTO removed_visit VALUES (?1, ?2, ?3)")?.execute(removed)?;
    Ok(())
}

pub(super) fn is_removed(connection: &Connection, id: &str) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM removed_visit WHERE id = ?1")?;
    Ok(statement.query_row([id], |_| Ok(())).optional()?.is_some())
}

/// No visit of this record is to be looked for under these numbers.
pub(super) fn note_gap(connection: &Connection, first: u64, last: u64, at: &str) -> Result<(), Error> {
    if last >= first {
        let sql = "INSERT OR REPLACE INTO number_gap VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute((first, last, at))?;
    }
    Ok(())
}

/// Whose record a file is; `None`: it does not say.
pub(crate) fn facility(connection: &Connection) -> Result<Option<String>, Error> {
    let has_table: bool = connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'station'", [], |row| row.get(0))?;
    if !has_table {
        return Ok(None);
    }
    Ok(connection.query_row("SELECT facility FROM station", [], |row| row.get(0)).optional()?)
}

/// Refuses a record of visits that is another station's, before anything of it is written. One in which nobody was ever saved, and of which no province ever
/// heard, is anybody's: who set up with a wrong code sets up again. `certified`: the station that the certificate beside it was given to.
pub fn refuse_other_facility(folder: &Path, key: &DatabaseKey, ours: &FacilityCode, certified: Option<&FacilityCode>) -> Result<(), Error> {
    let looked = open::without_a_write(&folder.join(FILE), key, |db| facility(db)?.map(|theirs| Ok((theirs, is_in_use(db)?))).transpose());
    // What cannot be read is met by whoever opens it.
    let Ok(Some(Some((theirs, is_in_use)))) = looked else { return Ok(()) };
    let is_certified = certified.is_some_and(|certified| certified.as_str() == theirs);
    if theirs == ours.as_str() || !(is_in_use || is_certified) {
        return Ok(());
    }
    Err(Error::OtherFacility { folder: folder.to_owned(), theirs: theirs.into(), ours: ours.as_str().into() })
}

/// Whether it holds or held visits, or the province has heard of it. A file that says whose it is has all it takes to tell.
pub(super) fn is_in_use(connection: &Connection) -> Result<bool, Error> {
    Ok(contact::last_given(connection)? > 0 || contact::standing(connection)?.is_some())
}

impl VisitStore {
    /// Writes into the record whose it is.
    pub async fn belongs_to(&self, facility_code: &FacilityCode) -> Result<(), Error> {
        let code = facility_code.as_str().to_owned();
        let asked = code.clone();
        if self.ask(move |db| Ok(facility(db)?.as_deref() == Some(asked.as_str()))).await? {
            return Ok(());
        }
        self.write(move |db| Ok(db.execute("INSERT OR REPLACE INTO station VALUES (1, ?1)", [code]).map(|_| ())?)).await
    }
}

/// How many visits the files set aside hold that are neither here nor confirmed.
pub(super) fn note_unsent(connection: &mut Connection, files: &[(String, u64)]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM set_aside", [])?;
    for (name, unsent) in files {
        transaction.execute("INSERT INTO set_aside VALUES (?1, ?2)", (name, unsent))?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[path = "aside_tests.rs"]
mod tests;
