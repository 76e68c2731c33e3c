//! Who has a name: through an index of the names in memory, to the rows themselves.
//!
//! Promise: an answer is about one state of the roster, that of its own transaction: an index of another state is made anew first, and every person named
//! was read and judged in that transaction. Nothing folded is on the disk, so that no file has to be migrated when the folding learns something,
//! and a roster file of any age is searched as it is. Never: a search that waits for the writer, or a load that waits for an index.
//!
//! In memory because words in a table of their own would be three rows per person more to write: measured on 72,012 people by the benchmark
//! `search`, which prints size and time of both.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use super::apply;
use super::row;
use crate::domain::card::CardRecord;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::search;
use crate::domain::search::Candidate;
use crate::domain::search::NameIndex;
use crate::domain::search::NameIndexBuilder;
use crate::domain::search::Query;
use crate::storage::error::Error;

/// Rows that are read to be ranked by their accents too: more than are shown, so that whoever is written just as typed comes first.
const READ: usize = 4 * search::SHOWN;

/// Whom a name fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Whether there is a roster to search.
    pub has_roster: bool,
    /// How many it fits.
    pub total: usize,
    /// How many of them without a mistake.
    pub unmistaken: usize,
    /// The best, best first.
    pub best: Vec<Candidate>,
}

/// An index with the state of the roster that it is of.
#[derive(Debug)]
struct Held {
    of: (SessionId, Serial, Sha256Digest),
    index: Arc<NameIndex>,
}

/// The index that is held, if one is. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<Option<Held>>>);

impl Names {
    /// The index of the state that the transaction sees; `None`: there is no roster. One builds, and others who ask meanwhile wait for that.
    pub(super) fn of(&self, connection: &Connection) -> Result<Option<Arc<NameIndex>>, Error> {
        let Some(cursor) = apply::cursor(connection)? else { return Ok(None) };
        let state = (cursor.session, cursor.serial, cursor.state);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Held { of, index }) = held.as_ref()
            && *of == state
        {
            return Ok(Some(Arc::clone(index)));
        }
        // The old one first: two at once would be twice the memory.
        *held = None;
        let index = Arc::new(read(connection)?);
        *held = Some(Held { of: state, index: Arc::clone(&index) });
        Ok(Some(index))
    }
}

fn read(connection: &Connection) -> Result<NameIndex, Error> {
    let mut builder = NameIndexBuilder::default();
    let mut statement = connection.prepare("SELECT id, name, born FROM card WHERE name IS NOT NULL AND born IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
        builder.add(text(0)?, text(1)?, text(2)?);
    }
    Ok(builder.finish())
}

pub(super) fn search(connection: &Connection, names: &Names, query: &Query) -> Result<Sought, Error> {
    let Some(index) = names.of(connection)? else {
        return Ok(Sought { has_roster: false, total: 0, unmistaken: 0, best: Vec::new() });
    };
    let hits = index.find(query, READ);
    let mut records: Vec<CardRecord> = Vec::with_capacity(hits.best.len());
    let mut by_id = connection.prepare_cached(&format!("SELECT {} FROM card WHERE id = ?1", row::ALL))?;
    for id in &hits.best {
        // A row with a value that cannot be read is nobody who can be shown; under its number it is said to be that.
        records.extend(by_id.query_row([id], row::read).optional()?.and_then(|row| row.to_record().ok()));
    }
    let mut best = search::rank(query, records);
    best.truncate(search::SHOWN);
    Ok(Sought { has_roster: true, total: hits.total, unmistaken: hits.unmistaken, best })
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
