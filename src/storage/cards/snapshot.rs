//! A whole new roster, built beside the one in use.
//!
//! Promise: the file returned holds exactly the state the index names, its cursor, the province's answers about people who are not on it, and a
//! tombstone for whoever was on the old roster and is not on the new one; it has been checked and flushed. A failure leaves no file. Never: a change
//! to the file in use.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

use super::SCHEMA;
use super::Writer;
use super::answer;
use super::apply;
use super::current;
use super::row;
use super::upheaval;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Guard;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::RosterChange;
use crate::storage::error::Error;
use crate::storage::error::Mismatch;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::readers::Readers;

pub(super) fn build(
    folder: &Path,
    key: &DatabaseKey,
    held: &Readers,
    snapshot: FeedLines,
    index: &Index,
    cursor: &PullCursor,
    guard: Guard,
) -> Result<Writer, Error> {
    let path = current::new_file(folder)?;
    let built = fill(&path, key, held, snapshot, index, cursor, guard);
    match built {
        Ok(connection) => Ok(Writer { connection, path }),
        Err(error) => {
            if let Err(error) = current::remove_files(&path) {
                tracing::warn!(name: "roster.leftover", %error, "a half-built cards file stays until the next start");
            }
            Err(error)
        }
    }
}

fn fill(
    path: &Path,
    key: &DatabaseKey,
    held: &Readers,
    snapshot: FeedLines,
    index: &Index,
    cursor: &PullCursor,
    guard: Guard,
) -> Result<Connection, Error> {
    let header = &snapshot.header;
    if header.from.is_some() || (header.session, header.serial) != (index.session, index.serial) {
        return Err(Mismatch::Header.into());
    }
    let rows = header.rows;
    let connection = open::builder(path, key, &SCHEMA)?;
    // One transaction without a log: whatever stops it, the file is thrown away as a whole.
    let transaction = connection.unchecked_transaction()?;
    let mut lines = 0;
    {
        let mut insert = transaction.prepare(row::INSERT)?;
        for change in snapshot.changes {
            let RosterChange::New(new) = change.map_err(Error::Feed)? else { return Err(Mismatch::MissingPerson.into()) };
            row::insert(&mut insert, &new)?;
            lines += 1;
        }
    }
    if lines != rows {
        return Err(Mismatch::RowCount.into());
    }
    let unreadable = apply::check_state(&transaction, index.state)?;
    let carried = held.ask_now(|old| {
        upheaval::check(upheaval::between(old, &transaction)?, guard, index.state)?;
        keep_tombstones(old, &transaction, cursor)?;
        answer::carry(old, &transaction, cursor.as_of)
    });
    match carried {
        // A damaged roster must be replaced, and nobody can say what that takes away.
        Err(Error::Corrupt(error)) => {
            tracing::warn!(name: "storage.cards-damaged", %error, "the old roster is damaged: who left it is not known any more");
        }
        kept => kept?,
    }
    apply::forget_old_tombstones(&transaction, cursor)?;
    apply::write_cursor(&transaction, index, cursor, unreadable)?;
    transaction.commit()?;
    drop(connection);
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::file(path, "cannot be flushed"))?;
    open::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    open::writer(path, key, &SCHEMA)
}

/// Whoever was on the old roster, or had left it before, and is not on the new one.
fn keep_tombstones(old: &Connection, new: &Connection, cursor: &PullCursor) -> Result<(), Error> {
    let mut is_listed = new.prepare("SELECT 1 FROM card WHERE id = ?1")?;
    let mut keep = new.prepare("INSERT OR REPLACE INTO tombstone VALUES (?1, ?2, ?3, ?4)")?;
    let as_of = cursor.as_of.to_rfc3339();
    for sql in ["SELECT id, card, serial, as_of FROM tombstone", "SELECT id, card, NULL, NULL FROM card"] {
        let mut statement = old.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, card): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let (serial, since): (Option<u64>, Option<String>) = (row.get(2)?, row.get(3)?);
            if !is_listed.exists([&id])? {
                keep.execute((id, card, serial.unwrap_or(cursor.serial.0), since.as_ref().unwrap_or(&as_of)))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
