//! Visits in the ledger: stored exactly once.
//!
//! Promises: a whole batch is one transaction, committed before the receipts are returned; the same id and revision
//! with the same content gives the first answer again, other content never replaces the first; `received_at` never
//! falls. Must never delete.

use chrono::{DateTime, FixedOffset};
use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::{Ledger, contact::instant};
use crate::Error;

/// A visit that passed every check, as the intake presents it.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) id: uuid::Uuid,
    pub(crate) revision: u32,
    pub(crate) sequence: u64,
    pub(crate) content_sha256: String,
    pub(crate) body: String,
}

/// What the ledger did with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    Stored { reference: String, received_at: String },
    HadSame { reference: String, received_at: String },
    HadOther,
}

/// A visit as the province keeps it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StoredVisit {
    /// Order of arrival, from 1.
    pub position: u64,
    /// The station's id.
    pub id: uuid::Uuid,
    /// The station's revision.
    pub revision: u32,
    /// The station's running number.
    pub sequence: u64,
    /// Who sent it.
    pub station: String,
    /// From which record of visits, the first time.
    pub install: Uuid,
    /// The province's proof.
    pub reference: String,
    /// When it was stored. Never falls.
    pub received_at: String,
    /// When the person came by the province's time, where a contact of the same start of the machine tells.
    pub placed_at: Option<String>,
    /// How often this content was sent, the first time included.
    pub times_seen: u32,
    /// The content, with the keys of the protocol.
    pub body: serde_json::Value,
}

impl Ledger {
    /// Stores a batch.
    pub(crate) fn keep_visits(
        &mut self,
        station: &str,
        install: Uuid,
        now: DateTime<FixedOffset>,
        visits: &[Presented],
    ) -> Result<Vec<Keeping>, Error> {
        let transaction = self.begin()?;
        let last: Option<String> =
            transaction.query_row("SELECT received_at FROM visits ORDER BY position DESC LIMIT 1", [], |row| row.get(0)).optional()?;
        // A clock that was set back must not put a receipt before the end of a backup.
        let received_at = last.as_deref().map(instant).transpose()?.map_or(now, |last| last.max(now)).to_rfc3339();
        let kept = visits
            .iter()
            .map(|visit| keep(&transaction, station, &install.to_string(), &received_at, visit))
            .collect::<Result<Vec<_>, Error>>()?;
        transaction.commit()?;
        Ok(kept)
    }

    /// Every visit, in the order of arrival.
    pub(crate) fn visits(&self) -> Result<Vec<StoredVisit>, Error> {
        let mut query = self.connection.prepare(
            "SELECT position, id, revision, sequence, station, reference, received_at, times_seen, body, install
             FROM visits ORDER BY position",
        )?;
        let anchors = self.anchors()?;
        let mut rows = query.query([])?;
        let mut visits = Vec::new();
        while let Some(row) = rows.next()? {
            let number = |index| Ok::<u64, Error>(u64::try_from(row.get::<_, i64>(index)?).unwrap_or_default());
            let small = |index| number(index).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
            let (station, body): (String, String) = (row.get(4)?, row.get(8)?);
            let body: serde_json::Value = serde_json::from_str(&body)?;
            let clock = &body["clock"];
            let placed_at = clock["boot_id"].as_str().zip(clock["boot_ms"].as_u64()).and_then(|(boot_id, boot_ms)| {
                let anchor = anchors.get(&(station.clone(), boot_id.to_owned()))?;
                Some(anchor.place(boot_ms)?.to_rfc3339())
            });
            visits.push(StoredVisit {
                position: number(0)?,
                id: row.get::<_, String>(1)?.parse().map_err(|_| Error::Unreadable("visit id".into()))?,
                revision: small(2)?,
                sequence: number(3)?,
                station,
                install: row.get::<_, String>(9)?.parse().map_err(|_| Error::Unreadable("install".into()))?,
                reference: row.get(5)?,
                received_at: row.get(6)?,
                placed_at,
                times_seen: small(7)?,
                body,
            });
        }
        Ok(visits)
    }
}

fn keep(transaction: &Transaction<'_>, station: &str, install: &str, received_at: &str, visit: &Presented) -> Result<Keeping, Error> {
    let id = visit.id.to_string();
    let first: Option<(i64, String, String, String, String)> = transaction
        .query_row(
            "SELECT position, content_sha256, reference, received_at, station FROM visits WHERE id = ?1 AND revision = ?2",
            params![id, visit.revision],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()?;
    if let Some((position, content_sha256, reference, received_at, owner)) = first {
        // The same id from another station is other content, whatever it says.
        if content_sha256 != visit.content_sha256 || owner != station {
            return Ok(Keeping::HadOther);
        }
        transaction.execute("UPDATE visits SET times_seen = times_seen + 1 WHERE position = ?1", [position])?;
        return Ok(Keeping::HadSame { reference, received_at });
    }
    let position: i64 = transaction.query_row("SELECT coalesce(max(position), 0) + 1 FROM visits", [], |row| row.get(0))?;
    let reference = format!("99-{position:08}");
    let sequence = i64::try_from(visit.sequence).unwrap_or(i64::MAX);
    transaction.execute(
        "INSERT INTO visits (position, id, revision, station, install, sequence, content_sha256, body, reference, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![position, id, visit.revision, station, install, sequence, visit.content_sha256, visit.body, reference, received_at],
    )?;
    Ok(Keeping::Stored { reference, received_at: received_at.to_owned() })
}
