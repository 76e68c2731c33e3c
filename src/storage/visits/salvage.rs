//! Visits taken out of files that were set aside, into the record that goes on.
//!
//! Promise: what is taken is what was saved, under its own id and revision, so that nothing is saved or delivered twice; what has its receipt keeps it, but
//! for one of a ledger that the province has left, and all else waits to be sent: a province that has it only confirms. Numbers that are missing are named. The file that was set aside stays as it is. Never: a
//! row that its own types refuse; the desk held up for longer than a few hundred rows take.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::FILE;
use super::VisitStore;
use super::access;
use super::aside;
use super::contact;
use super::ledger;
use super::log;
use super::row;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::Ahead;
use crate::domain::visit::Delivery;
use crate::domain::visit::VisitId;
use crate::storage::aside as thread;
use crate::storage::error::Error;
use crate::storage::files;
use crate::storage::files::LOG;
use crate::storage::files::LOG_INDEX;
use crate::storage::folder;
use crate::storage::key;
use crate::storage::open;
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

/// What became of a file that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is gone, with so many visits that were neither here nor confirmed.
    Gone(u64),
    /// It holds so many, or cannot be read: that number is to be named first.
    Holds(u64),
    /// There is no such file.
    Missing,
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
    /// Revisions that stay out because their visits were taken out by rule or on request.
    pub removed: u64,
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
        let mut listed: Vec<SetAside> = Vec::new();
        // What one file has told, another one holds too: a visit is told once.
        let mut told = Arc::new(BTreeSet::new());
        for (name, path) in files {
            let holds = match self.found_in(&path).await {
                Ok(Some(found)) => {
                    let (found, before) = (Arc::new(*found), Arc::clone(&told));
                    let (holds, seen) = self.ask(move |db| holds(db, &found, &before)).await?;
                    Arc::make_mut(&mut told).extend(seen);
                    Some(holds)
                }
                Ok(None) | Err(_) => None,
            };
            let bytes = length(&path);
            let why = match bytes {
                _ if name.contains(REPLACED) => Aside::Replaced,
                _ if fs::metadata(&path).map_or(0, |file| file.len()) == 0 => Aside::Emptied,
                _ => Aside::Damaged,
            };
            listed.push(SetAside { at: TimeKeeper::quarantined_at(&name), why, bytes, holds, name });
        }
        let unsent: Vec<_> =
            listed.iter().filter_map(|file| Some((file.name.clone(), file.holds?.unsent))).filter(|(_, unsent)| *unsent > 0).collect();
        self.change(move |db| aside::note_unsent(db, &unsent)).await?;
        Ok(listed)
    }

    /// Removes one of them for good. `unsent`: with so many visits in it that are neither here nor confirmed; without, only if there are none.
    pub async fn drop_aside(&self, name: &str, unsent: Option<u64>) -> Result<Dropped, Error> {
        let files = self.set_aside().await?;
        let Some(file) = files.into_iter().find(|file| file.name == name) else { return Ok(Dropped::Missing) };
        let lost = file.holds.map_or(0, |holds| holds.unsent);
        // What cannot be read may hold anything: whoever removes it says so.
        let is_certain = lost == 0 && (file.holds.is_some() || !name.ends_with(FILE));
        if unsent != Some(lost) && !(is_certain && unsent.is_none()) {
            return Ok(Dropped::Holds(lost));
        }
        let Some((_, path)) = self.files_aside().into_iter().find(|(found, _)| found == name) else { return Ok(Dropped::Missing) };
        for end in [LOG, LOG_INDEX, ".salt", ""] {
            files::remove(&files::beside(&path, end))?;
        }
        open::sync_folder(path.parent().unwrap_or(&self.home.folder))?;
        self.set_aside().await?;
        Ok(Dropped::Gone(lost))
    }

    /// Takes the visits out of one of them that are not here, each with its line in the log. `None`: there is no such file of visits. What the files still hold
    /// is known after [`set_aside`](Self::set_aside).
    pub async fn salvage(&self, name: &str, now: Now) -> Result<Option<Salvaged>, Error> {
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
        let Found { visits, mut receipts, mut circumstances, removed, ledger, .. } = *found;
        let ledger = ledger.map(|(ledger, _)| ledger);
        self.change(move |db| {
            removed.iter().try_for_each(
                |(id, why, at)| {
                    if log::has_visit(db, id)? { Ok(()) } else { aside::keep_removed(db, (id, why, at)) }
                },
            )
        })
        .await?;
        // What an earlier run left to be said comes before these lines.
        self.write_access(Vec::new()).await?;
        let mut rows: Vec<_> = visits
            .into_iter()
            .map(|(number, visit)| Row { number, visit, receipt: receipts.remove(&number), circumstance: circumstances.remove(&number) })
            .collect();
        while !rows.is_empty() {
            let part: Vec<_> = rows.drain(..rows.len().min(AT_ONCE)).collect();
            let of = ledger.clone();
            let told = self.change(move |db| take_in(db, &part, of.as_deref(), now)).await?;
            salvaged.taken.extend(told.taken);
            salvaged.unsent += told.unsent;
            salvaged.already += told.already;
            salvaged.removed += told.removed;
            salvaged.refused.extend(told.refused);
        }
        Ok(Some(salvaged))
    }

    /// Whether a file of this name was set aside. Reads none.
    pub fn is_set_aside(&self, name: &str) -> bool {
        self.files_aside().iter().any(|(found, _)| found == name)
    }

    pub(super) fn files_aside(&self) -> Vec<(String, PathBuf)> {
        let folders = [self.home.folder.join("quarantine"), self.home.folder.join("cards/quarantine")];
        let in_folder = |folder: &PathBuf| -> Vec<_> {
            folder::names_set_aside(folder).into_iter().map(|name| (name.clone(), folder.join(name))).collect()
        };
        let mut found: Vec<_> = folders.iter().flat_map(in_folder).collect();
        found.sort();
        found
    }

    /// What can be read of one; `None`: it is no record of visits, or no key of ours opens a page of it.
    pub(super) async fn found_in(&self, path: &Path) -> Result<Option<Box<Found>>, Error> {
        if !path.to_string_lossy().ends_with(FILE) || !(path.exists() || files::beside(path, LOG).exists()) {
            return Ok(None);
        }
        let (home, path) = (self.home.clone(), path.to_owned());
        thread::run("salvage", move || {
            for key in home.keys() {
                let found = salvage::read(&path, &key)?;
                if found.opened > 0 {
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

/// Bytes of a file and its log.
pub(super) fn length(path: &Path) -> u64 {
    [path.to_owned(), files::beside(path, LOG)].iter().map(|path| fs::metadata(path).map_or(0, |file| file.len())).sum()
}

fn id_of(visit: &Columns) -> Option<String> {
    match visit.get(1) {
        Some(Value::Text(id)) => Some(id.clone()),
        _ => None,
    }
}

type Told = BTreeSet<(String, i64)>;

fn holds(connection: &Connection, found: &Found, before: &Told) -> Result<(Holds, Told), Error> {
    let mut holds = Holds { visits: found.visits.len() as u64, not_here: 0, unsent: 0, missing: found.missing().len() as u64 };
    let mut told = Told::new();
    for (number, visit) in &found.visits {
        let (Some(id), Some(Value::Integer(revision))) = (id_of(visit), visit.get(2)) else { continue };
        let is_told = before.contains(&(id.clone(), *revision));
        if !is_told && !is_here(connection, visit)? && !aside::is_removed(connection, &id)? {
            holds.not_here += 1;
            holds.unsent += u64::from(!found.receipts.contains_key(number));
            told.insert((id, *revision));
        }
    }
    Ok((holds, told))
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

impl Row {
    /// Whether it is one of the visits that only the province held, as far as anybody can tell.
    fn is_of(&self, missing: Ahead) -> bool {
        let Some(Value::Text(received_at)) = self.receipt.as_ref().and_then(|receipt| receipt.get(2)) else { return false };
        let (first, last) = (row::instant(missing.first_received_at), row::instant(missing.last_received_at));
        self.number <= contact::number(missing.highest) && (first..=last).contains(received_at)
    }
}

/// `of`: the province's record of visits that their receipts are of, if that is known.
fn take_in(connection: &mut Connection, rows: &[Row], of: Option<&str>, now: Now) -> Result<Salvaged, Error> {
    let mut told = Salvaged::default();
    let columns: Vec<String> = {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info('visit') ORDER BY cid")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let missing = contact::standing(&transaction)?.and_then(|(_, ahead, _)| ahead);
    let mut found = 0;
    for row in rows {
        if is_here(&transaction, &row.visit)? {
            told.already += 1;
            continue;
        }
        if id_of(&row.visit).map_or(Ok(false), |id| aside::is_removed(&transaction, &id))? {
            told.removed += 1;
            continue;
        }
        let savepoint = transaction.savepoint()?;
        match insert(&savepoint, row, of, &columns) {
            Ok((id, is_proven)) => {
                savepoint.commit()?;
                told.unsent += u64::from(!is_proven);
                found += u64::from(missing.is_some_and(|missing| row.is_of(missing)));
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
    if found > 0 {
        contact::lacks_fewer(&transaction, Some(found))?;
    }
    // With the visits or not at all: a visit here that no line tells of would be called a change by somebody else.
    let line = |id: &VisitId| Access {
        at: now.at,
        clock: now.state,
        operator: None,
        place: Place::command_line(),
        act: Act::Salvaged,
        about: About::visit(*id),
    };
    access::append_within(&transaction, &told.taken.iter().map(line).collect::<Vec<_>>())?;
    transaction.commit()?;
    Ok(told)
}

/// Returns whether the province has it for certain.
fn insert(connection: &Connection, row: &Row, of: Option<&str>, columns: &[String]) -> Result<(VisitId, bool), Error> {
    // Under its own number, which is part of what the province has of it; another visit has it only if the one before could not be read when this one began.
    let is_taken = connection.prepare_cached("SELECT 1 FROM visit WHERE sequence = ?1")?.exists([row.number])?;
    let number = if is_taken { Value::Null } else { Value::Integer(row.number) };
    let values: Vec<_> = core::iter::once(&number).chain(row.visit.iter().skip(1).take(columns.len() - 1)).collect();
    let names = columns[..values.len()].join(", ");
    let places = vec!["?"; values.len()].join(", ");
    connection.prepare_cached(&format!("INSERT INTO visit ({names}) VALUES ({places})"))?.execute(params_from_iter(values))?;
    let sequence = connection.last_insert_rowid();
    let sql = format!("SELECT {} FROM visit WHERE sequence = ?1", row::COLUMNS);
    let visit = connection.prepare_cached(&sql)?.query_row([sequence], row::read)?;
    let left = match row.receipt.as_ref().map(|receipt| &receipt[2]) {
        Some(Value::Text(received_at)) => ledger::unproven(connection, of, received_at)?,
        _ => None,
    };
    let is_proven = row.receipt.is_some() && left.is_none();
    let state = if is_proven { Delivery::Delivered } else { Delivery::Pending };
    let sql = "INSERT INTO outbox (sequence, state, arrived_at) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute((sequence, state.code(), row::instant(visit.content.arrived_at)))?;
    let beside = [("receipt", 5, &row.receipt), ("circumstance", 4, &row.circumstance)];
    for (table, width, columns) in beside {
        let Some(columns) = columns else { continue };
        let places = vec!["?"; width].join(", ");
        let values = core::iter::once(Value::Integer(sequence)).chain(columns.iter().skip(1).cloned());
        connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?.execute(params_from_iter(values))?;
    }
    if let Some(ledger) = left {
        ledger::receipt_is_past(connection, sequence, &ledger)?;
    }
    Ok((visit.content.id, is_proven))
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
