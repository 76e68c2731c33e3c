//! Ends of the stations' access logs, as they were told in contacts.
//!
//! Promises: what a station has told once stays, whatever it tells later; an end that lies behind or beside an earlier one is seen. Must never take a
//! station's word for what its log said before.

use chrono::{DateTime, FixedOffset};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::{Ledger, contact::instant};
use crate::{
    Error,
    wire::{ContactRequest, Instant, LogHead},
};

/// Ends that are kept of an install: years of them. The furthest stays in any case.
const MOST_HEADS: u32 = 10_000;

/// An end that a station has told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToldHead {
    /// Of which record of visits.
    pub install: Uuid,
    /// What was told.
    pub head: LogHead,
    /// When first.
    pub first_at: Instant,
    /// And when last.
    pub last_at: Instant,
    /// It was told first after another one with as many lines or more: lines were cut, altered, or the file was replaced by an older one.
    pub fell_back: bool,
}

/// What an end that somebody read at a station is, held against those that were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It was told.
    Told,
    /// More lines than were ever told: the furthest one told is to be held against the log there.
    Beyond,
    /// Not one that was told, although that many lines or more were.
    Another,
    /// Nothing was ever told.
    Nothing,
}

impl Compared {
    /// Holds an end against those told.
    pub fn of(lines: u64, sha256: &str, told: &[ToldHead]) -> Self {
        let furthest = told.iter().map(|told| told.head.lines).max();
        match furthest {
            None => Self::Nothing,
            Some(_) if told.iter().any(|told| told.head.lines == lines && told.head.sha256 == sha256) => Self::Told,
            Some(furthest) if lines > furthest => Self::Beyond,
            Some(_) => Self::Another,
        }
    }
}

/// Notes what a contact told, and returns the furthest end ever told; of several, the first.
pub(super) fn hear(transaction: &Transaction<'_>, at: DateTime<FixedOffset>, said: &ContactRequest) -> Result<Option<LogHead>, Error> {
    let (station, install, at) = (&said.station, said.install.to_string(), at.to_rfc3339());
    if let Some(LogHead { lines, sha256 }) = &said.log {
        let lines = i64::try_from(*lines).map_err(|_| Error::Unreadable("an access log".into()))?;
        transaction.execute(
            "INSERT INTO log_heads (station, install, lines, sha256, first_at, last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT (station, install, lines, sha256) DO UPDATE SET last_at = ?5",
            params![station, install, lines, sha256, at],
        )?;
        transaction.execute(
            "DELETE FROM log_heads WHERE station = ?1 AND install = ?2
             AND position <= (SELECT position FROM log_heads WHERE station = ?1 AND install = ?2 ORDER BY position DESC LIMIT 1 OFFSET ?3)
             AND lines < (SELECT max(lines) FROM log_heads WHERE station = ?1 AND install = ?2)",
            params![station, install, MOST_HEADS],
        )?;
    }
    furthest(transaction, station, &install)
}

fn furthest(connection: &Connection, station: &str, install: &str) -> Result<Option<LogHead>, Error> {
    let sql = "SELECT lines, sha256 FROM log_heads WHERE station = ?1 AND install = ?2 ORDER BY lines DESC, position LIMIT 1";
    let read =
        |row: &rusqlite::Row<'_>| Ok(LogHead { lines: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(), sha256: row.get(1)? });
    Ok(connection.query_row(sql, [station, install], read).optional()?)
}

impl Ledger {
    /// The ends that a station has told, in the order in which it did first.
    pub(crate) fn log_heads(&self, station: &str) -> Result<Vec<ToldHead>, Error> {
        self.station(station)?;
        let mut query = self.connection.prepare(
            "SELECT install, lines, sha256, first_at, last_at,
                 lines <= coalesce(max(lines) OVER (PARTITION BY install ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1)
             FROM log_heads WHERE station = ?1 ORDER BY position",
        )?;
        let mut rows = query.query([station])?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |index| row.get::<_, String>(index);
            told.push(ToldHead {
                install: text(0)?.parse().map_err(|_| Error::Unreadable("install".into()))?,
                head: LogHead { lines: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(), sha256: text(2)? },
                first_at: Instant(instant(&text(3)?)?),
                last_at: Instant(instant(&text(4)?)?),
                fell_back: row.get(5)?,
            });
        }
        Ok(told)
    }
}
