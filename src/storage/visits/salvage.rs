//! Visits taken out of files that were set aside, into the record that goes on.
//!
//! Promise: what is taken is what was saved, under its own id and revision, so that nothing is saved or delivered twice; what has its receipt keeps it, and
//! all else waits to be sent: a province that has it only confirms. Numbers that are missing are named. The file that was set aside stays as it is. Never: a
//! row that its own types refuse; the desk held up for longer than a few hundred rows take.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::NaiveDateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::FILE;
use super::VisitStore;
use super::row;
use crate::domain::visit::Delivery;
use crate::domain::visit::VisitId;
use crate::storage::aside;
use crate::storage::error::Error;
use crate::storage::key;
use crate::storage::restore::REPLACED;
use crate::storage::salvage;
use crate::storage::salvage::Columns;
use crate::storage::salvage::Found;
use crate::storage::salvage::SALT_END;

/// Rows taken in between two of the desk's own.
const AT_ONCE: usize = 200;

/// Why a file is not used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// It was damaged.
    Damaged,
    /// It was emptied or removed, and only its log, or nothing, was left.
    Emptied,
    /// Something else was put in its place on purpose.
    Replaced,
}

impl Aside {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Emptied => "emptied",
            Self::Replaced => "replaced",
        }
    }
}

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its name.
    pub name: String,
    /// Since when.
    pub at: Option<DateTime<Utc>>,
    /// Why.
    pub why: Aside,
    /// Its bytes, with its log.
    pub bytes: u64,
    /// Of a record of visits: what can be read of it; `None`: a roster, which is fetched again, or nothing can be read.
    pub holds: Option<Holds>,
}

impl SetAside {
    /// Whether visits may be in it that are not in the record.
    pub fn holds_more(&self) -> bool {
        let is_of_visits = self.name.ends_with(FILE);
        is_of_visits && self.holds.map_or(self.why != Aside::Replaced, |holds| holds.not_here > 0)
    }
}

/// What can be read of a file that was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Revisions of visits.
    pub visits: u64,
    /// Of these, not in the record that goes on,
    pub not_here: u64,
    /// and of those, without the province's receipt.
    pub unsent: u64,
    /// Numbers that must have been visits and cannot be read.
    pub missing: u64,
}

/// What was taken out of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Revisions that are here now and were not before.
    pub taken: Vec<VisitId>,
    /// Of these, those that wait to be sent.
    pub unsent: u64,
    /// Revisions that were here already.
    pub already: u64,
    /// Rows whose values their types refuse.
    pub refused: Vec<u64>,
    /// Numbers whose rows were not found: their pages are damaged, or they were taken out by rule before.
    pub missing: Vec<u64>,
    /// Whether the last number is known: else later ones may be missing that nothing tells of.
    pub end_is_known: bool,
    /// Pages, and how many of them are not what was written.
    pub pages: u64,
    /// See there.
    pub damaged: u64,
}

impl VisitStore {
    /// The files that were set aside, oldest first, with what can be read of them.
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, Error> {
        let files = self.files_aside();
        let mut listed = Vec::new();
        for (name, path) in files {
            let holds = match self.found_in(&path).await {
                Ok(Some(found)) => {
                    let found = Arc::new(*found);
                    Some(self.ask(move |db| holds(db, &found)).await?)
                }
                Ok(None) | Err(_) => None,
            };
            let log = fs::metadata(with(&path, "-wal")).map_or(0, |log| log.len());
            let bytes = fs::metadata(&path).map_or(0, |file| file.len()) + log;
            let why = match bytes {
                _ if name.contains(REPLACED) => Aside::Replaced,
                bytes if bytes == log => Aside::Emptied,
                _ => Aside::Damaged,
            };
            listed.push(SetAside { at: set_aside_at(&name), why, bytes, holds, name });
        }
        Ok(listed)
    }

    /// Takes the visits out of one of them that are not here. `None`: there is no such file of visits.
    pub async fn salvage(&self, name: &str) -> Result<Option<Salvaged>, Error> {
        let Some((_, path)) = self.files_aside().into_iter().find(|(found, _)| found == name) else { return Ok(None) };
        let Some(found) = self.found_in(&path).await? else { return Ok(None) };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut salvaged = Salvaged {
            missing: found.missing().into_iter().filter_map(|number| u64::try_from(number).ok()).collect(),
            end_is_known: found.end_is_known,
            pages: count(found.pages),
            damaged: count(found.damaged),
            ..Salvaged::default()
        };
        let Found { visits, mut receipts, mut circumstances, .. } = *found;
        let mut rows: Vec<_> = visits
            .into_iter()
            .map(|(number, visit)| Row { number, visit, receipt: receipts.remove(&number), circumstance: circumstances.remove(&number) })
            .collect();
        while !rows.is_empty() {
            let part: Vec<_> = rows.drain(..rows.len().min(AT_ONCE)).collect();
            let told = self.change(move |db| take_in(db, &part)).await?;
            salvaged.taken.extend(told.taken);
            salvaged.unsent += told.unsent;
            salvaged.already += told.already;
            salvaged.refused.extend(told.refused);
        }
        Ok(Some(salvaged))
    }

    fn files_aside(&self) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        for folder in [self.home.folder.join("quarantine"), self.home.folder.join("cards/quarantine")] {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let name_of =
                |name: String| ["-wal", "-shm", ".salt"].iter().find_map(|end| name.strip_suffix(end).map(str::to_owned)).unwrap_or(name);
            found.extend(entries.filter_map(Result::ok).map(|entry| name_of(entry.file_name().to_string_lossy().into_owned())).map(
                |name| {
                    let path = folder.join(&name);
                    (name, path)
                },
            ));
        }
        found.sort();
        found.dedup();
        found
    }

    /// What can be read of one; `None`: it is no record of visits, or no key of ours opens a page of it.
    async fn found_in(&self, path: &Path) -> Result<Option<Box<Found>>, Error> {
        if !path.to_string_lossy().ends_with(FILE) || !path.exists() {
            return Ok(None);
        }
        let (home, path) = (self.home.clone(), path.to_owned());
        aside::run("salvage", move || {
            for key in home.keys() {
                let found = salvage::read(&path, &key)?;
                if !found.numbers.is_empty() {
                    return Ok(Some(Box::new(found)));
                }
            }
            Ok(None)
        })
        .await
    }
}

/// Keeps the file's salt beside it: without it no page could be read any more.
pub(super) fn keep_salt(connection: &Connection, path: &Path) -> Result<(), Error> {
    let salt: String = connection.query_row("PRAGMA cipher_salt", [], |row| row.get(0))?;
    let path = path.with_extension(SALT_END);
    let is_kept = fs::read_to_string(&path).is_ok_and(|kept| kept.trim() == salt);
    if is_kept { Ok(()) } else { key::replace_secret(&path, format!("{salt}\n").as_bytes()) }
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn set_aside_at(name: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(name.split('-').next()?, "%Y%m%dT%H%M%SZ").ok().map(|at| at.and_utc())
}

fn holds(connection: &Connection, found: &Found) -> Result<Holds, Error> {
    let mut holds = Holds { visits: found.visits.len() as u64, not_here: 0, unsent: 0, missing: found.missing().len() as u64 };
    for (number, visit) in &found.visits {
        if !is_here(connection, visit)? {
            holds.not_here += 1;
            holds.unsent += u64::from(!found.receipts.contains_key(number));
        }
    }
    Ok(holds)
}

fn is_here(connection: &Connection, visit: &Columns) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM visit WHERE id = ?1 AND revision = ?2")?;
    Ok(statement.query_row([&visit[1], &visit[2]], |_| Ok(())).optional()?.is_some())
}

struct Row {
    number: i64,
    visit: Columns,
    receipt: Option<Columns>,
    circumstance: Option<Columns>,
}

fn take_in(connection: &mut Connection, rows: &[Row]) -> Result<Salvaged, Error> {
    let mut told = Salvaged::default();
    let columns: Vec<String> = {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info('visit') ORDER BY cid")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for row in rows {
        if is_here(&transaction, &row.visit)? {
            told.already += 1;
            continue;
        }
        let savepoint = transaction.savepoint()?;
        match insert(&savepoint, row, &columns) {
            Ok(id) => {
                savepoint.commit()?;
                told.unsent += u64::from(row.receipt.is_none());
                told.taken.push(id);
            }
            // What our own types or the table's conditions refuse was not written by this program.
            Err(Error::Bug(error)) => {
                tracing::warn!(name: "salvage.row-refused", number = row.number, %error, "a row of a file that was set aside is refused");
                told.refused.push(u64::try_from(row.number).unwrap_or_default());
            }
            Err(error) => return Err(error),
        }
    }
    transaction.commit()?;
    Ok(told)
}

fn insert(connection: &Connection, row: &Row, columns: &[String]) -> Result<VisitId, Error> {
    // The number is given anew: those of this record are its own.
    let values: Vec<_> = row.visit.iter().skip(1).take(columns.len() - 1).collect();
    let names = columns[1..=values.len()].join(", ");
    let places = vec!["?"; values.len()].join(", ");
    connection.prepare_cached(&format!("INSERT INTO visit ({names}) VALUES ({places})"))?.execute(params_from_iter(values))?;
    let sequence = connection.last_insert_rowid();
    let sql = format!("SELECT {} FROM visit WHERE sequence = ?1", row::COLUMNS);
    let visit = connection.prepare_cached(&sql)?.query_row([sequence], row::read)?;
    let state = if row.receipt.is_some() { Delivery::Delivered } else { Delivery::Pending };
    let sql = "INSERT INTO outbox (sequence, state, arrived_at) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute((sequence, state.code(), row::instant(visit.content.arrived_at)))?;
    let beside = [("receipt", 5, &row.receipt), ("circumstance", 4, &row.circumstance)];
    for (table, width, columns) in beside {
        let Some(columns) = columns else { continue };
        let places = vec!["?"; width].join(", ");
        let values = core::iter::once(Value::Integer(sequence)).chain(columns.iter().skip(1).cloned());
        connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?.execute(params_from_iter(values))?;
    }
    Ok(visit.content.id)
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
