//! What sticks need of the ledger: what a station is to be told of the visits it has sent on one.
//!
//! Promises: a refusal of a carried visit is kept until the visit is taken or the same is refused for another reason,
//! so that the next stick tells of it. Must never judge.

use chrono::{DateTime, FixedOffset};
use rusqlite::params;

use super::Ledger;
use crate::{
    Error,
    wire::{Instant, Outcome, Receipt},
};

pub(super) const SCHEMA: &str = "
-- Nobody waits for the answer to a stick: what was refused is told by the next one.
CREATE TABLE stick_refusals (
    station TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (station, id, revision)
) STRICT;
";

impl Ledger {
    /// Remembers what became of carried visits, where the visits themselves do not tell.
    pub(crate) fn keep_stick_outcomes(&mut self, station: &str, at: DateTime<FixedOffset>, receipts: &[Receipt]) -> Result<(), Error> {
        let transaction = self.begin()?;
        for Receipt { id, revision, outcome } in receipts {
            let key = params![station, id.to_string(), revision];
            match outcome {
                Outcome::Accepted { .. } | Outcome::Duplicate { .. } => {
                    // A conflict stays one: that what is kept came once more, on an older stick, says nothing of the other content.
                    transaction.execute(
                        "DELETE FROM stick_refusals WHERE station = ?1 AND id = ?2 AND revision = ?3
                         AND outcome NOT LIKE '{\"outcome\":\"conflict\"%'",
                        key,
                    )?;
                }
                Outcome::Conflict { .. } | Outcome::Rejected { .. } => {
                    transaction.execute(
                        "INSERT OR REPLACE INTO stick_refusals (station, id, revision, outcome, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![station, id.to_string(), revision, serde_json::to_string(outcome)?, at.to_rfc3339()],
                    )?;
                }
                Outcome::Retry { .. } => {}
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// What a station is told of the visits it has sent since an instant, on whatever way.
    pub(crate) fn receipts_since(&self, station: &str, since: DateTime<FixedOffset>) -> Result<Vec<Receipt>, Error> {
        // A visit refused first and taken later is taken; one that differs from what is kept under its id is not.
        let mut query = self.connection.prepare(
            "SELECT id, revision, reference, received_at, NULL FROM visits
             WHERE station = ?1 AND unixepoch(received_at) >= ?2
               AND NOT EXISTS (SELECT 1 FROM stick_refusals r WHERE r.station = ?1 AND r.id = visits.id
                   AND r.revision = visits.revision AND r.outcome LIKE '{\"outcome\":\"conflict\"%')
             UNION ALL
             SELECT id, revision, NULL, at, outcome FROM stick_refusals
             WHERE station = ?1 AND unixepoch(at) >= ?2
               AND (outcome LIKE '{\"outcome\":\"conflict\"%' OR NOT EXISTS (SELECT 1 FROM visits v
                   WHERE v.station = ?1 AND v.id = stick_refusals.id AND v.revision = stick_refusals.revision))",
        )?;
        let mut rows = query.query(params![station, since.timestamp()])?;
        let mut receipts = Vec::new();
        while let Some(row) = rows.next()? {
            let unreadable = |what: &str| Error::Unreadable(what.to_owned());
            let id = row.get::<_, String>(0)?.parse().map_err(|_| unreadable("visit id"))?;
            let outcome = match (row.get::<_, Option<String>>(2)?, row.get::<_, Option<String>>(4)?) {
                (Some(reference), _) => {
                    let at = DateTime::parse_from_rfc3339(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?);
                    Outcome::Accepted { reference, received_at: Instant(at.map_err(|_| unreadable("received_at"))?) }
                }
                (None, outcome) => serde_json::from_str(&outcome.ok_or_else(|| unreadable("an outcome"))?)?,
            };
            receipts.push(Receipt { id, revision: row.get(1)?, outcome });
        }
        Ok(receipts)
    }
}
