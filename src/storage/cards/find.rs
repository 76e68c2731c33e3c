//! Finding a person on the roster by whatever numbers were shown.
//!
//! Promise: one read transaction, so that the record and the position it is from belong together; several people under one number are told
//! apart by what else was shown or reported as several. Where the roster cannot speak, what the province answered about this person alone is
//! there beside it. Never: the first of several.

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use super::answer;
use super::answer::Asked;
use super::apply;
use super::row;
use crate::domain::card::CardRecord;
use crate::domain::roster::Column;
use crate::domain::roster::PullCursor;
use crate::domain::roster::RosterRow;
use crate::domain::scan::Scan;
use crate::storage::error::Error;

/// What the roster holds for a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// One person.
    Held(Box<CardRecord>),
    /// One person, with a value that cannot be read.
    Unreadable,
    /// Several, and nothing shown tells them apart.
    Several,
    /// Somebody who left.
    Left,
    /// Nobody.
    NotHeld,
    /// There is no roster.
    NoRoster,
}

impl Holding {
    /// Whether the roster cannot speak and the province may. Not of several: the province has the same several, and would name one. Not of a row that
    /// cannot be read: the province would send the same row.
    pub fn is_silent(&self) -> bool {
        match self {
            Self::Left | Self::NotHeld | Self::NoRoster => true,
            Self::Held(_) | Self::Unreadable | Self::Several => false,
        }
    }
}

/// What was found, and in which state of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub holding: Holding,
    /// Where.
    pub cursor: Option<PullCursor>,
    /// What the province answered about this person, asked alone; only where the roster holds nobody ([`Holding::is_silent`]).
    pub asked: Option<Asked>,
}

pub(super) fn find(connection: &Connection, scan: &Scan) -> Result<Found, Error> {
    let cursor = apply::cursor(connection)?;
    let holding = if cursor.is_some() { holding(connection, scan)? } else { Holding::NoRoster };
    let asked = if holding.is_silent() { answer::find(connection, scan)? } else { None };
    Ok(Found { holding, cursor, asked })
}

fn holding(connection: &Connection, scan: &Scan) -> Result<Holding, Error> {
    let personal_id = scan.personal_id.as_ref().map(|id| id.as_str());
    let insurance_number = scan.insurance_number.as_ref().map(|number| number.as_str());
    let rows = rows(connection, personal_id, insurance_number)?;
    Ok(match rows.as_slice() {
        [] if has_left(connection, personal_id, insurance_number)? => Holding::Left,
        [] => Holding::NotHeld,
        [row] => row.to_record().map_or(Holding::Unreadable, |record| Holding::Held(Box::new(record))),
        rows => tell_apart(rows, scan),
    })
}

fn rows(connection: &Connection, personal_id: Option<&str>, insurance_number: Option<&str>) -> Result<Vec<RosterRow>, Error> {
    let mut found: Vec<RosterRow> = Vec::new();
    // The insurance number is a key too: that of a person whose personal id the province does not know.
    for (condition, value) in [("id = ?1", personal_id), ("id = ?1", insurance_number), ("substr(card, 6) = ?1", insurance_number)] {
        add_rows(connection, condition, value, &mut found)?;
    }
    // The number of a card before this one. A number that somebody has now is that person's, whose ever it was before.
    if found.is_empty() {
        add_rows(connection, "predecessor IS NOT NULL AND substr(predecessor, 6) = ?1", insurance_number, &mut found)?;
    }
    Ok(found)
}

fn add_rows(connection: &Connection, condition: &str, value: Option<&str>, found: &mut Vec<RosterRow>) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    let mut statement = connection.prepare_cached(&format!("SELECT {} FROM card WHERE {condition}", row::ALL))?;
    for row in statement.query_map([value], row::read)? {
        let row = row?;
        if found.iter().all(|other| other.value(Column::Id) != row.value(Column::Id)) {
            found.push(row);
        }
    }
    Ok(())
}

fn has_left(connection: &Connection, personal_id: Option<&str>, insurance_number: Option<&str>) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM tombstone WHERE id IN (?1, ?2) OR substr(card, 6) = ?2";
    Ok(connection.prepare_cached(sql)?.query_row((personal_id, insurance_number), |_| Ok(())).optional()?.is_some())
}

fn tell_apart(rows: &[RosterRow], scan: &Scan) -> Holding {
    let person = |record: &CardRecord| {
        let name = scan.name.as_ref().is_none_or(|name| name.same_as(&record.name));
        name && scan.birth_date.is_none_or(|born| born.agrees_with(record.birth_date))
    };
    let records: Vec<_> = rows.iter().filter_map(|row| row.to_record().ok()).collect();
    let has_shown_card = |record: &CardRecord| scan.card_number.as_ref() == Some(&record.card_number);
    // A card number that is listed belongs to that row alone; an older print of one, with another digit, tells nothing.
    let is_listed = records.iter().any(has_shown_card);
    let fits = |record: &CardRecord| person(record) && if is_listed { has_shown_card(record) } else { scan.name.is_some() };
    let mut fitting = records.into_iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(record), None) => Holding::Held(Box::new(record)),
        _ => Holding::Several,
    }
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
