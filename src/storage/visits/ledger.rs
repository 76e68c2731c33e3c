//! The province's own record of visits, as far as this station knows it.
//!
//! Promise: when the province was restored from a backup, every visit that may be missing there is sent again, and its old receipt is moved aside, not
//! lost. A visit sent twice is harmless; the province knows it by id and revision. A contact is the province's word of now; a stick is its word of the day
//! it was made, and brings back no ledger that was left since. Never: a receipt judged by this station's clock.

use core::cmp::Ordering;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::VisitStore;
use super::outbox;
use super::row;
use crate::domain::visit::Receipt;
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

/// What a stick says of the province's record of visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickWord {
    /// Which record its receipts are of.
    pub ledger: Uuid,
    /// Until when that one is complete.
    pub complete_to: DateTime<Utc>,
    /// When it was said, by the province's clock.
    pub made_at: DateTime<Utc>,
}

/// What became of the receipts on a stick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenReceipts {
    /// Why none was stored.
    pub skipped: Option<Skipped>,
    /// Receipts for visits of ours.
    pub receipts: u64,
    /// Visits that are pending again because their receipts prove nothing about this ledger, without those that it has all the same.
    pub requeued: u64,
    /// Whether that is because the province was restored from a backup: another ledger was known before.
    pub is_restored: bool,
}

/// What another ledger than the one known has led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentAgain {
    /// Visits that are pending again.
    pub visits: u64,
    /// Another ledger was known before, so the province was restored from a backup. Without one, as in a record that took the place of a damaged one, nobody
    /// knows of which ledger the receipts are.
    pub is_restored: bool,
}

/// Why receipts of a stick are not stored. Their visits stay as they are: pending, at worst, and sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// They were taken before.
    Again,
    /// Newer ones were taken before, or the province has told of another ledger since they were made.
    Older,
    /// The province has left the ledger they are of: what it held may be lost.
    LeftLedger,
}

impl Skipped {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Older => "older",
            Self::LeftLedger => "left_ledger",
        }
    }
}

impl VisitStore {
    /// The province's record of visits that was seen last.
    pub async fn ledger(&self) -> Result<Option<Uuid>, Error> {
        self.ask(|db| known(db)).await
    }

    /// Remembers which record of visits the province has. If it is not the one known before, all delivered visits that it received at `complete_to` or
    /// later are pending again. This is the province's word of now, and stands also where the ledger is one that it had left: every restore
    /// that it knows of makes a new one, so an older backup was put back without its knowing, and what it has received since is lost.
    pub async fn ledger_seen(&self, ledger: Uuid, complete_to: DateTime<Utc>) -> Result<SentAgain, Error> {
        self.change(move |db| seen(db, ledger, complete_to)).await
    }

    /// Stores the receipts of a stick, with what follows from its ledger, in one transaction; or none of them, if they are not newer than what has been heard.
    pub async fn take_receipts(&self, word: StickWord, receipts: Vec<Receipt>, now: DateTime<Utc>) -> Result<TakenReceipts, Error> {
        self.change(move |db| take(db, word, &receipts, now)).await
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

fn seen(connection: &mut Connection, ledger: Uuid, complete_to: DateTime<Utc>) -> Result<SentAgain, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let again = become_ledger(&transaction, ledger, complete_to)?;
    transaction.commit()?;
    Ok(again)
}

/// The province's answer to a question of now: its ledger is the one known at `at`. If a stick was made later than that, the province's clock has been set
/// back since, and what will be made is not to be called old because of it.
pub(super) fn heard(transaction: &Connection, at: DateTime<Utc>) -> Result<(), Error> {
    let at = row::instant(at);
    transaction.execute("UPDATE ledger SET heard_at = ?1", [&at])?;
    transaction.execute("UPDATE stick_receipts SET made_at = ?1 WHERE made_at > ?1", [&at])?;
    Ok(())
}

fn take(connection: &mut Connection, word: StickWord, receipts: &[Receipt], now: DateTime<Utc>) -> Result<TakenReceipts, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let made_at = row::instant(word.made_at);
    if let Some(skipped) = why_skipped(&transaction, word.ledger, &made_at)? {
        return Ok(TakenReceipts { skipped: Some(skipped), ..TakenReceipts::default() });
    }
    // First: what another ledger has lost is pending again, and then delivered as far as this one holds it.
    let again = become_ledger(&transaction, word.ledger, word.complete_to)?;
    let strangers = outbox::store_all(&transaction, receipts, now)?;
    let requeued = if again.visits > 0 { sent_again(&transaction, word.ledger)? } else { 0 };
    transaction.execute("UPDATE ledger SET heard_at = ?1 WHERE heard_at IS NULL OR heard_at < ?1", [&made_at])?;
    transaction.execute("INSERT OR REPLACE INTO stick_receipts VALUES (1, ?1)", [&made_at])?;
    transaction.commit()?;
    let receipts = u64::try_from(receipts.len().saturating_sub(strangers)).unwrap_or(u64::MAX);
    Ok(TakenReceipts { skipped: None, receipts, requeued, is_restored: again.is_restored })
}

/// Visits that are pending because of a ledger.
fn sent_again(connection: &Connection, ledger: Uuid) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'pending' AND sequence IN (SELECT sequence FROM past_receipt WHERE ledger = ?1)";
    Ok(connection.query_row(sql, [ledger.to_string()], |row| row.get(0))?)
}

/// All instants are the province's own, as text of one form: its order is that of time.
fn why_skipped(connection: &Connection, ledger: Uuid, made_at: &str) -> Result<Option<Skipped>, Error> {
    let is_left = "SELECT EXISTS (SELECT 1 FROM left_ledger WHERE ledger = ?1)";
    if connection.query_row(is_left, [ledger.to_string()], |row| row.get(0))? {
        return Ok(Some(Skipped::LeftLedger));
    }
    let heard_at: Option<Option<String>> = connection.query_row("SELECT heard_at FROM ledger", [], |row| row.get(0)).optional()?;
    if known(connection)? != Some(ledger) && heard_at.flatten().is_some_and(|heard_at| *made_at <= *heard_at) {
        // The province had another ledger later than this: it has left this one before we ever heard of it.
        return Ok(Some(Skipped::Older));
    }
    // Of the ledger that is known a receipt made before the last contact is as good as any: only a newer stick makes it old.
    let taken: Option<String> = connection.query_row("SELECT made_at FROM stick_receipts", [], |row| row.get(0)).optional()?;
    Ok(taken.and_then(|taken| match (*taken).cmp(made_at) {
        Ordering::Less => None,
        Ordering::Equal => Some(Skipped::Again),
        Ordering::Greater => Some(Skipped::Older),
    }))
}

/// Goes over to a ledger if it is another one than the one known.
fn become_ledger(transaction: &Connection, ledger: Uuid, complete_to: DateTime<Utc>) -> Result<SentAgain, Error> {
    let before = known(transaction)?;
    if before == Some(ledger) {
        return Ok(SentAgain::default());
    }
    let (ledger, complete_to) = (ledger.to_string(), row::instant(complete_to));
    transaction.execute("DELETE FROM left_ledger WHERE ledger = ?1", [&ledger])?;
    transaction.execute("INSERT INTO left_ledger SELECT ledger FROM ledger WHERE true ON CONFLICT DO NOTHING", [])?;
    let become_it = "INSERT INTO ledger (one, ledger, complete_to) VALUES (1, ?1, ?2) \
        ON CONFLICT (one) DO UPDATE SET ledger = excluded.ledger, complete_to = excluded.complete_to";
    transaction.execute(become_it, (&ledger, &complete_to))?;
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
    let visits = u64::try_from(again).unwrap_or(u64::MAX);
    Ok(SentAgain { visits, is_restored: visits > 0 && before.is_some() })
}

/// Of which ledger the receipts of a record that ends are, and until when that one is complete, into the one that takes its place. Where that knows one or has
/// receipts of its own, which may be of another, it stays as it is.
pub(super) fn take_along(transaction: &Connection, (ledger, complete_to): (&str, &str)) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO ledger (one, ledger, complete_to) SELECT 1, ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM receipt)";
    transaction.prepare_cached(sql)?.execute((ledger, complete_to))?;
    Ok(())
}

/// The ledger as it is stored.
pub(super) fn stored(connection: &Connection) -> Result<Option<(String, String)>, Error> {
    let mut statement = connection.prepare_cached("SELECT ledger, complete_to FROM ledger")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The ledger about which a receipt that comes out of another record proves nothing, so that it is a past one. `of`: whose receipt it is, if that is known.
pub(super) fn unproven(connection: &Connection, of: Option<&str>, received_at: &str) -> Result<Option<String>, Error> {
    // Where none is known yet, the first that is heard of judges all receipts.
    let known = stored(connection)?.filter(|(ledger, complete_to)| of != Some(ledger.as_str()) && received_at >= complete_to.as_str());
    Ok(known.map(|(ledger, _)| ledger))
}

/// The receipt of one visit is moved aside for a ledger.
pub(super) fn receipt_is_past(connection: &Connection, sequence: i64, ledger: &str) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO past_receipt (sequence, reference, received_at, duplicate, stored_at, ledger) \
         SELECT sequence, reference, received_at, duplicate, stored_at, ?2 FROM receipt WHERE sequence = ?1",
        (sequence, ledger),
    )?;
    connection.execute("DELETE FROM receipt WHERE sequence = ?1", [sequence])?;
    Ok(())
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
