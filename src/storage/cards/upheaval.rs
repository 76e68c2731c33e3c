//! What a change of the roster takes away from the people who were on it.
//!
//! Promise: everybody held before is counted once at most: gone, or stopped, or neither. Whoever has got another key but kept the insurance number is
//! still there, and a new session with the same people takes nobody away. For deltas only the rows they touch are looked at. Never: a reason to keep data
//! that contradict themselves; whether the change fits is asked first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use crate::domain::card::Mark;
use crate::domain::roster::Column;
use crate::domain::roster::Guard;
use crate::domain::roster::RosterChange;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::storage::error::Error;
use crate::storage::error::Mismatch;

/// Key, insurance number and standing of everybody. The insurance number is the row's key while the province knows no personal id.
const PEOPLE: &str = "SELECT id, CASE WHEN length(id) = 10 THEN id ELSE substr(card, 6) END, standing FROM card";

/// A person as held before the change.
struct Person {
    number: Option<Box<str>>,
    is_stopped: bool,
}

impl Person {
    /// From columns 1 and 2 of [`PEOPLE`].
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { number: row.get(1)?, is_stopped: is_stopped(row.get_ref(2)?.as_str_or_null().ok().flatten()) })
    }

    /// Counts what the roster as it is now takes from this person.
    fn count(&self, id: &str, now: &Connection, upheaval: &mut Upheaval) -> Result<(), Error> {
        match stopped_now(now, id, self.number.as_deref())? {
            None => upheaval.gone += 1,
            Some(true) if !self.is_stopped => upheaval.stopped += 1,
            Some(_) => {}
        }
        Ok(())
    }
}

fn is_stopped(standing: Option<&str>) -> bool {
    standing.is_some_and(Mark::is_stop_word)
}

/// Whether the person's card is stopped; `None`: the person is not there, under this key or another.
fn stopped_now(now: &Connection, id: &str, number: Option<&str>) -> Result<Option<bool>, Error> {
    let by_id = "SELECT standing FROM card WHERE id = ?1";
    let by_number = "SELECT standing FROM card WHERE id = ?1 UNION ALL SELECT standing FROM card WHERE substr(card, 6) = ?1 LIMIT 1";
    for (sql, value) in [(by_id, Some(id)), (by_number, number)] {
        let Some(value) = value else { continue };
        let standing = |row: &rusqlite::Row<'_>| Ok(is_stopped(row.get_ref(0)?.as_str_or_null().ok().flatten()));
        if let Some(is_stopped) = now.prepare_cached(sql)?.query_row([value], standing).optional()? {
            return Ok(Some(is_stopped));
        }
    }
    Ok(None)
}

/// What one whole roster takes away from another.
pub(super) fn between(old: &Connection, new: &Connection) -> Result<Upheaval, Error> {
    let mut upheaval = Upheaval::default();
    let mut statement = old.prepare(PEOPLE)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        upheaval.held += 1;
        Person::read(row)?.count(row.get_ref(0)?.as_str().unwrap_or_default(), new, &mut upheaval)?;
    }
    Ok(upheaval)
}

/// Stops a change that goes too far.
pub(super) fn check(upheaval: Upheaval, guard: Guard, state: Sha256Digest) -> Result<(), Error> {
    if upheaval.is_let_through(guard, state) { Ok(()) } else { Err(Mismatch::Upheaval(upheaval).into()) }
}

/// The people that deltas touch, as they were before the first of them.
pub(super) struct Before {
    held: u64,
    /// `None`: came with these deltas.
    touched: HashMap<Box<str>, Option<Person>>,
}

impl Before {
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        Ok(Self { held: connection.query_row("SELECT count(*) FROM card", [], |row| row.get(0))?, touched: HashMap::new() })
    }

    /// To be called before the change is made.
    pub(super) fn note(&mut self, connection: &Connection, change: &RosterChange) -> Result<(), Error> {
        match change {
            RosterChange::New(new) => self.came(new.value(Column::Id)),
            RosterChange::Gone { id } => self.keep(connection, id)?,
            RosterChange::Changed { id, values } => {
                if values.iter().any(|(column, _)| matches!(column, Column::Id | Column::Standing)) {
                    self.keep(connection, id)?;
                }
                let key = values.iter().find(|(column, _)| *column == Column::Id);
                self.came(key.and_then(|(_, value)| value.as_deref()));
            }
        }
        Ok(())
    }

    fn came(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.touched.entry(id.into()).or_insert(None);
        }
    }

    fn keep(&mut self, connection: &Connection, id: &str) -> Result<(), Error> {
        if let Entry::Vacant(place) = self.touched.entry(id.into()) {
            let mut statement = connection.prepare_cached(&format!("{PEOPLE} WHERE id = ?1"))?;
            place.insert(statement.query_row([id], Person::read).optional()?);
        }
        Ok(())
    }

    /// What the deltas took away.
    pub(super) fn compare(&self, connection: &Connection) -> Result<Upheaval, Error> {
        let mut upheaval = Upheaval { held: self.held, ..Upheaval::default() };
        for (id, person) in &self.touched {
            if let Some(person) = person {
                person.count(id, connection, &mut upheaval)?;
            }
        }
        Ok(upheaval)
    }
}

#[cfg(test)]
#[path = "upheaval_tests.rs"]
mod tests;
