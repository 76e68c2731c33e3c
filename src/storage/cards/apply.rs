//! Deltas and cursor: the two things that move within one file.
//!
//! Promise: a transaction ends at a whole serial with the digest the index names, or changes nothing. Never: a row applied to a state it was
//! not made for.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::answer;
use super::row;
use super::upheaval;
use super::upheaval::Before;
use crate::domain::roster::Column;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Guard;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::RosterChange;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::SignerId;
use crate::domain::roster::StateDigest;
use crate::storage::error::Error;
use crate::storage::error::Mismatch;
use crate::storage::stored::unreadable;

/// The cursor, if anything was ever applied.
pub(super) fn cursor(connection: &Connection) -> Result<Option<PullCursor>, Error> {
    let sql = "SELECT session, serial, state_sha256, as_of, published_at, fetched_at, signed_by FROM cursor";
    let cursor = connection
        .prepare_cached(sql)?
        .query_row([], |row| {
            let instant =
                |at: usize| -> rusqlite::Result<DateTime<Utc>> { row.get::<_, String>(at)?.parse().map_err(|e| unreadable(at, e)) };
            let session = Uuid::parse_str(&row.get::<_, String>(0)?).map_err(|e| unreadable(0, e))?;
            let state = Sha256Digest::parse(&row.get::<_, String>(2)?).map_err(|problem| unreadable(2, problem.code()))?;
            Ok(PullCursor {
                session: SessionId(session),
                serial: Serial(row.get(1)?),
                state,
                as_of: instant(3)?,
                published_at: instant(4)?,
                fetched_at: instant(5)?,
                signed_by: row.get::<_, Option<Box<str>>>(6)?.map(SignerId),
            })
        })
        .optional()?;
    Ok(cursor)
}

pub(super) fn known_deltas(connection: &Connection) -> Result<Vec<(Serial, Sha256Digest)>, Error> {
    let mut statement = connection.prepare_cached("SELECT serial, sha256 FROM known_delta ORDER BY serial")?;
    let rows = statement.query_map([], |row| Ok((Serial(row.get(0)?), row.get::<_, String>(1)?)))?;
    // A digest that cannot be read is no digest: the next index writes it again.
    rows.filter_map(|row| row.map(|(serial, text)| Sha256Digest::parse(&text).ok().map(|digest| (serial, digest))).transpose())
        .collect::<Result<_, _>>()
        .map_err(Error::from)
}

/// Applies deltas that follow the cursor, checks the state they lead to, and moves the cursor, in one transaction.
pub(super) fn deltas(
    connection: &mut Connection,
    deltas: Vec<FeedLines>,
    index: &Index,
    target: &PullCursor,
    guard: Guard,
) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let held = cursor(&transaction)?.ok_or(Mismatch::Header)?;
    let mut before = Before::new(&transaction)?;
    let (mut serial, as_of) = (held.serial, target.as_of.to_rfc3339());
    for delta in deltas {
        let header = &delta.header;
        if header.session != held.session || header.from != Some(serial) || header.serial.0 != serial.0 + 1 {
            return Err(Mismatch::Header.into());
        }
        serial = header.serial;
        let (rows, mut lines) = (header.rows, 0);
        for change in delta.changes {
            let change = change.map_err(Error::Feed)?;
            before.note(&transaction, &change)?;
            change_row(&transaction, change, serial, &as_of)?;
            lines += 1;
        }
        if lines != rows {
            return Err(Mismatch::RowCount.into());
        }
    }
    if serial != index.serial || held.session != index.session {
        return Err(Mismatch::Header.into());
    }
    let unreadable = check_state(&transaction, index.state)?;
    forget_old_tombstones(&transaction, target)?;
    upheaval::check(before.compare(&transaction)?, guard, index.state)?;
    write_cursor(&transaction, index, target, unreadable)?;
    Ok(transaction.commit()?)
}

fn change_row(connection: &Connection, change: RosterChange, serial: Serial, as_of: &str) -> Result<(), Error> {
    match change {
        RosterChange::New(new) => {
            row::insert(&mut *connection.prepare_cached(row::INSERT)?, &new)?;
            connection.prepare_cached("DELETE FROM tombstone WHERE id = ?1")?.execute([new.value(Column::Id)])?;
            answer::forget_person(connection, &new)?;
        }
        RosterChange::Changed { id, values } => {
            for (column, value) in values {
                if !row::set(connection, &id, column, value.as_deref())? {
                    return Err(Mismatch::MissingPerson.into());
                }
            }
        }
        RosterChange::Gone { id } => {
            let keep = "INSERT OR REPLACE INTO tombstone SELECT id, card, ?2, ?3 FROM card WHERE id = ?1";
            if connection.prepare_cached(keep)?.execute((&id, serial.0, as_of))? != 1 {
                return Err(Mismatch::MissingPerson.into());
            }
            connection.prepare_cached("DELETE FROM card WHERE id = ?1")?.execute([&id])?;
        }
    }
    Ok(())
}

/// How long it is known that somebody was here: longer than a card that has no newer one stays in use. No delta needs a tombstone, and whoever has none
/// is not on the roster either, so nothing depends on this but the words. By the province's time, for serials begin anew with every session.
const REMEMBERED: TimeDelta = TimeDelta::days(2 * 366);

/// Tombstones do not pile up for as long as the file lives.
pub(super) fn forget_old_tombstones(connection: &Connection, target: &PullCursor) -> Result<(), Error> {
    let oldest = target.as_of.checked_sub_signed(REMEMBERED).unwrap_or(target.as_of);
    connection.execute("DELETE FROM tombstone WHERE as_of < ?1", [oldest.to_rfc3339()])?;
    Ok(())
}

/// Compares the digest of all rows with the one the index names; returns how many rows hold a value that we cannot read.
pub(super) fn check_state(connection: &Connection, expected: Sha256Digest) -> Result<u64, Error> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM card ORDER BY id", row::ALL))?;
    let mut rows = statement.query([])?;
    let (mut digest, mut unreadable) = (StateDigest::default(), 0);
    while let Some(row) = rows.next()? {
        let row = row::read(row)?;
        digest.add(&row);
        unreadable += u64::from(row.to_record().is_err());
    }
    if digest.finish() == expected { Ok(unreadable) } else { Err(Mismatch::StateDigest.into()) }
}

/// Writes the cursor and the digests of the index's deltas.
pub(super) fn write_cursor(connection: &Connection, index: &Index, target: &PullCursor, unreadable: u64) -> Result<(), Error> {
    let values = (
        target.session.0.to_string(),
        target.serial.0,
        target.state.to_hex(),
        target.as_of.to_rfc3339(),
        target.published_at.to_rfc3339(),
        target.fetched_at.to_rfc3339(),
        unreadable,
        target.signed_by.as_ref().map(|signer| &signer.0),
    );
    connection.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", values)?;
    // Only what the index lists now can be listed again: older serials never come back in a session.
    connection.execute("DELETE FROM known_delta", [])?;
    for delta in &index.deltas {
        // An index that lists one serial twice contradicts itself, and that is its mistake.
        if connection.execute("INSERT OR IGNORE INTO known_delta VALUES (?1, ?2)", (delta.serial.0, delta.sha256.to_hex()))? != 1 {
            return Err(Mismatch::Header.into());
        }
    }
    Ok(())
}

/// Moves as-of and signing time of the serial we hold.
pub(super) fn confirm(connection: &mut Connection, index: &Index, target: &PullCursor) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let held = cursor(&transaction)?.ok_or(Mismatch::Header)?;
    if (held.session, held.serial, held.state) != (target.session, target.serial, target.state) {
        return Err(Mismatch::CursorMoved.into());
    }
    let unreadable = transaction.query_row("SELECT unreadable FROM cursor", [], |row| row.get(0))?;
    write_cursor(&transaction, index, target, unreadable)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
