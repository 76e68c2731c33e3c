//! The province's own record of visits, as far as this station knows it.
//!
//! Promise: when the province was restored from a backup, every visit that may be missing there is sent again, and its old receipt is moved aside, not
//! lost. A visit sent twice is harmless; the province knows it by id and revision. Never: a receipt judged by this station's clock.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::VisitStore;
use super::row;
use crate::domain::visit::Revision;
use crate::domain::visit::VisitId;
use crate::storage::error::Error;

/// A receipt for a visit that was sent again since, because the province may have lost it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastReceipt {
    /// For which revision.
    pub revision: Revision,
    /// The province's proof of then.
    pub reference: Box<str>,
    /// When the province had received the visit, by its own clock.
    pub received_at: DateTime<Utc>,
    /// The province's record in which it is not certain to be.
    pub ledger: Uuid,
}

impl VisitStore {
    /// The province's record of visits that was seen last.
    pub async fn ledger(&self) -> Result<Option<Uuid>, Error> {
        self.ask(|db| known(db)).await
    }

    /// Remembers which record of visits the province has. If it is not the one known before, all delivered visits that it received at `complete_to` or
    /// later are pending again; says how many.
    pub async fn ledger_seen(&self, ledger: Uuid, complete_to: DateTime<Utc>) -> Result<u64, Error> {
        self.change(move |db| seen(db, ledger, complete_to)).await
    }

    /// The receipts of a visit that do not hold any more, oldest first.
    pub async fn past_receipts(&self, id: VisitId) -> Result<Vec<PastReceipt>, Error> {
        self.ask(move |db| past(db, id)).await
    }
}

pub(super) fn known(connection: &Connection) -> Result<Option<Uuid>, Error> {
    let text: Option<String> = connection.query_row("SELECT ledger FROM ledger", [], |row| row.get(0)).optional()?;
    Ok(text.map(|text| row::read_uuid(&text, 0)).transpose()?)
}

fn seen(connection: &mut Connection, ledger: Uuid, complete_to: DateTime<Utc>) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = known(&transaction)?;
    if before == Some(ledger) {
        return Ok(0);
    }
    let (ledger, complete_to) = (ledger.to_string(), row::instant(complete_to));
    transaction.execute("INSERT OR REPLACE INTO ledger VALUES (1, ?1, ?2)", (&ledger, &complete_to))?;
    // Also when none was known before: the receipts of until now may be of any record, and the province may have been restored before it was first heard
    // of. Both instants are the province's own time, as text of one form: its order is that of time.
    transaction.execute(
        "INSERT INTO past_receipt (sequence, reference, received_at, duplicate, stored_at, ledger) \
         SELECT sequence, reference, received_at, duplicate, stored_at, ?1 FROM receipt WHERE received_at >= ?2 ORDER BY sequence",
        (&ledger, &complete_to),
    )?;
    let again = transaction.execute(
        "UPDATE outbox SET state = 'pending' WHERE sequence IN (SELECT sequence FROM receipt WHERE received_at >= ?1)",
        [&complete_to],
    )?;
    transaction.execute("DELETE FROM receipt WHERE received_at >= ?1", [&complete_to])?;
    transaction.commit()?;
    Ok(u64::try_from(again).unwrap_or(u64::MAX))
}

fn past(connection: &Connection, id: VisitId) -> Result<Vec<PastReceipt>, Error> {
    let sql = "SELECT revision, reference, received_at, ledger FROM past_receipt JOIN visit USING (sequence) WHERE id = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let receipts = statement.query_map([id.0.to_string()], |found| {
        Ok(PastReceipt {
            revision: Revision(found.get(0)?),
            reference: found.get(1)?,
            received_at: row::read_instant(&found.get::<_, String>(2)?, 2)?,
            ledger: row::read_uuid(&found.get::<_, String>(3)?, 3)?,
        })
    })?;
    Ok(receipts.collect::<Result<_, _>>()?)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
