//! A roster row as SQLite holds it: one text column per value, in the order of the protocol.
//!
//! Promise: what is read back is what was written, byte for byte. Never: a judgement of a value.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::Statement;
use rusqlite::ffi;
use rusqlite::params_from_iter;

use crate::domain::roster::COLUMNS;
use crate::domain::roster::Column;
use crate::domain::roster::RosterRow;
use crate::storage::error::Error;
use crate::storage::error::Mismatch;

/// All columns, in the order of `RosterRow`.
pub(super) const ALL: &str = "id, card, name, born, sex, hamlet, facility, valid_from, valid_until, five_years_on, copay_exempt_from, area, \
    standing, predecessor, successor_card, successor_valid_from, successor_valid_until, successor_facility";

/// Inserts a row.
pub(super) const INSERT: &str = "INSERT INTO card VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

/// Reads a row selected as [`ALL`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RosterRow> {
    let mut values = RosterRow::default();
    for (at, value) in values.0.iter_mut().enumerate().take(COLUMNS) {
        *value = row.get(at)?;
    }
    Ok(values)
}

/// Runs [`INSERT`].
pub(super) fn insert(statement: &mut Statement<'_>, row: &RosterRow) -> Result<(), Error> {
    statement.execute(params_from_iter(row.0.iter())).map(|_| ()).map_err(contradiction)
}

/// Sets one column of one row. Returns whether the row is there.
pub(super) fn set(connection: &Connection, id: &str, column: Column, value: Option<&str>) -> Result<bool, Error> {
    let sql = format!("UPDATE card SET {} = ?2 WHERE id = ?1", name(column));
    Ok(connection.prepare_cached(&sql)?.execute((id, value)).map_err(contradiction)? == 1)
}

/// A key that is there already, or no key at all, is the feed's mistake and not ours.
fn contradiction(error: rusqlite::Error) -> Error {
    match error.sqlite_error().map(|e| e.extended_code) {
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => Mismatch::KnownPerson.into(),
        Some(ffi::SQLITE_CONSTRAINT_NOTNULL) => Mismatch::MissingPerson.into(),
        _ => error.into(),
    }
}

/// The column's name in the table.
fn name(column: Column) -> &'static str {
    ALL.split(", ").nth(column as usize).map_or("id", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_columns() {
        assert_eq!(ALL.split(", ").count(), COLUMNS);
        assert_eq!(name(Column::Id), "id");
        assert_eq!(name(Column::ValidUntil), "valid_until");
        assert_eq!(name(Column::Standing), "standing");
        assert_eq!(name(Column::SuccessorFacility), "successor_facility");
    }
}
