//! Wipe orders: what a station is told that is to give up what it holds.
//!
//! Promises: a number is given once; the newest order for a record of visits stands until it ends or is taken back. Must never read what is signed.

use chrono::{DateTime, FixedOffset};
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::Ledger;
use crate::Error;

pub(super) const SCHEMA: &str = "
-- What stands in the place of an order in the answers to an install; no end: until it is taken back.
CREATE TABLE wipe_orders (
    station TEXT, install TEXT, envelope TEXT NOT NULL, expires_at INTEGER, PRIMARY KEY (station, install)
) STRICT, WITHOUT ROWID;
";

/// Where the last number is kept.
const LAST: &str = "last wipe order";

impl Ledger {
    /// The next number.
    pub(crate) fn next_wipe_number(&self) -> Result<u64, Error> {
        let last: u64 = self.meta(LAST).ok().and_then(|last| last.parse().ok()).unwrap_or(0);
        self.set_meta(LAST, &(last + 1).to_string())?;
        Ok(last + 1)
    }

    /// Which record of visits a station enrolled last.
    pub(crate) fn install_in_force(&self, station: &str) -> Result<Uuid, Error> {
        let install: Option<String> =
            self.connection.query_row("SELECT install FROM stations WHERE code = ?1", [station], |row| row.get(0)).optional()?.flatten();
        let install = install.ok_or_else(|| Error::NotEnrolled(station.to_owned()))?;
        install.parse().map_err(|_| Error::Unreadable("install".into()))
    }

    /// Puts one in the answers to an install; `None`: takes it back.
    pub(crate) fn put_wipe(
        &self,
        station: &str,
        install: Uuid,
        envelope: Option<&serde_json::Value>,
        expires_at: Option<DateTime<FixedOffset>>,
    ) -> Result<(), Error> {
        match envelope {
            Some(envelope) => self.connection.execute(
                "INSERT OR REPLACE INTO wipe_orders VALUES (?1, ?2, ?3, ?4)",
                params![station, install.to_string(), envelope.to_string(), expires_at.map(|at| at.timestamp())],
            )?,
            None => self
                .connection
                .execute("DELETE FROM wipe_orders WHERE station = ?1 AND install = ?2", params![station, install.to_string()])?,
        };
        Ok(())
    }
}

/// What stands for an install now.
pub(super) fn of(
    transaction: &Transaction<'_>,
    at: DateTime<FixedOffset>,
    station: &str,
    install: Uuid,
) -> Result<Option<serde_json::Value>, Error> {
    let found: Option<String> = transaction
        .query_row(
            "SELECT envelope FROM wipe_orders WHERE station = ?1 AND install = ?2 AND coalesce(expires_at > ?3, 1)",
            params![station, install.to_string(), at.timestamp()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.map(|text| serde_json::from_str(&text)).transpose()?)
}
