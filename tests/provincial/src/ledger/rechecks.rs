//! Rechecks in the ledger: each kept once.
//!
//! Promises: a message is one transaction, committed before its answer; the first word about a state of the roster
//! stays. Must never touch a visit.

use chrono::{DateTime, FixedOffset};
use rusqlite::params;
use serde::Serialize;
use uuid::Uuid;

use super::{Ledger, contact::instant};
use crate::{
    Error,
    wire::{Instant, Recheck, RechecksRequest},
};

/// A recheck as the province keeps it. Holds no name and no number of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredRecheck {
    /// Who sent it.
    pub station: String,
    /// From which record of visits.
    pub install: Uuid,
    /// When it came first.
    pub received_at: Instant,
    /// What it says.
    pub recheck: Recheck,
}

impl Ledger {
    /// Keeps what it does not hold yet.
    pub(crate) fn keep_rechecks(&mut self, at: DateTime<FixedOffset>, said: &RechecksRequest) -> Result<(), Error> {
        let transaction = self.begin()?;
        for recheck in &said.rechecks {
            transaction.execute(
                "INSERT OR IGNORE INTO rechecks (station, id, revision, session, serial, install, received_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    said.station,
                    recheck.id.to_string(),
                    recheck.revision,
                    recheck.now.session.map_or_else(String::new, |session| session.to_string()),
                    i64::try_from(recheck.now.serial.unwrap_or_default()).unwrap_or(i64::MAX),
                    said.install.to_string(),
                    at.to_rfc3339(),
                    serde_json::to_string(recheck)?,
                ],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Every recheck, in the order of arrival.
    pub(crate) fn rechecks(&self) -> Result<Vec<StoredRecheck>, Error> {
        let mut query = self.connection.prepare("SELECT station, install, received_at, body FROM rechecks ORDER BY rowid")?;
        let mut rows = query.query([])?;
        let mut rechecks = Vec::new();
        while let Some(row) = rows.next()? {
            rechecks.push(StoredRecheck {
                station: row.get(0)?,
                install: row.get::<_, String>(1)?.parse().map_err(|_| Error::Unreadable("install".into()))?,
                received_at: Instant(instant(&row.get::<_, String>(2)?)?),
                recheck: serde_json::from_str(&row.get::<_, String>(3)?)?,
            });
        }
        Ok(rechecks)
    }
}
