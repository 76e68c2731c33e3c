//! What is on its way to the province, and what the province answered.
//!
//! Promise: a visit leaves `pending` only together with the receipt or the refusal that says why; a refused one is parked for a person
//! and holds up nobody behind it. Never: a state kept in memory only.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;

use super::row;
use crate::domain::visit::Delivery;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Visit;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// How much is where. "Everything is sent" is `pending == 0 && parked == 0`, nothing less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not confirmed.
    pub pending: u64,
    /// Refused; waiting for a person.
    pub parked: u64,
    /// When the oldest pending visit came.
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// Earliest instant at which a visit that the province put off may be sent again; `None`: none was put off.
    pub put_off_until: Option<DateTime<Utc>>,
}

impl Counts {
    /// Counts a visit that has just been saved.
    pub(super) fn add(&mut self, arrived_at: DateTime<Utc>) {
        self.pending += 1;
        self.oldest_pending_at = Some(self.oldest_pending_at.map_or(arrived_at, |oldest| oldest.min(arrived_at)));
    }
}

/// A visit and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedVisit {
    /// The visit.
    pub visit: Visit,
    /// How far.
    pub delivery: Delivery,
    /// The province's proof.
    pub reference: Option<Box<str>>,
    /// Why it is parked.
    pub refused: Option<(Box<str>, Box<str>)>,
}

/// The longest a visit is put off, whatever the province asks or the clock once said.
const LONGEST_PUT_OFF: TimeDelta = TimeDelta::hours(1);
/// The shortest: a province that asks for none would have the same visit sent again and again without a pause.
const SHORTEST_PUT_OFF: TimeDelta = TimeDelta::seconds(5);

pub(super) fn counts(connection: &Connection) -> Result<Counts, Error> {
    let sql = "SELECT count(*), min(arrived_at), min(not_before) FROM outbox JOIN visit USING (sequence) WHERE state = 'pending'";
    let (pending, oldest, put_off): (u64, Option<String>, Option<String>) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let parked = connection.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'parked'")?.query_row([], |row| row.get(0))?;
    Ok(Counts {
        pending,
        parked,
        oldest_pending_at: oldest.map(|text| row::read_instant(&text, 1)).transpose()?,
        put_off_until: put_off.map(|text| row::read_instant(&text, 2)).transpose()?,
    })
}

/// Pending visits in the station's order, without those put off. A time far ahead is not believed: the clock was wrong when it was written.
pub(super) fn due(connection: &Connection, limit: usize, now: DateTime<Utc>) -> Result<Vec<Visit>, Error> {
    let sql = format!(
        "SELECT {} FROM outbox JOIN visit USING (sequence) WHERE state = 'pending' AND (not_before IS NULL OR not_before <= ?1 OR not_before > ?2) \
         ORDER BY sequence LIMIT ?3",
        row::COLUMNS
    );
    let values = (row::instant(now), row::instant(now + LONGEST_PUT_OFF), limit);
    let mut statement = connection.prepare_cached(&sql)?;
    let visits = statement.query_map(values, row::read)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

/// Stores answers, each with the state it leads to. Returns how many spoke of no visit of ours.
pub(super) fn store_receipts(connection: &mut Connection, receipts: &[Receipt], now: DateTime<Utc>) -> Result<usize, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut strangers = 0;
    for receipt in receipts {
        let sequence: Option<i64> = transaction
            .prepare_cached("SELECT sequence FROM visit WHERE id = ?1 AND revision = ?2")?
            .query_row((receipt.id.0.to_string(), receipt.revision.0), |row| row.get(0))
            .optional()?;
        match sequence {
            Some(sequence) => store(&transaction, sequence, &receipt.outcome, now)?,
            None => strangers += 1,
        }
    }
    transaction.commit()?;
    Ok(strangers)
}

fn store(connection: &Connection, sequence: i64, outcome: &ReceiptOutcome, now: DateTime<Utc>) -> Result<(), Error> {
    match outcome {
        ReceiptOutcome::Held { reference, received_at, duplicate } => {
            let keep = "INSERT INTO receipt VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
            let values = (sequence, reference, row::instant(*received_at), duplicate, row::instant(now));
            connection.prepare_cached(keep)?.execute(values)?;
            let deliver =
                "UPDATE outbox SET state = 'delivered', not_before = NULL, refused_code = NULL, refused_text = NULL WHERE sequence = ?1";
            connection.prepare_cached(deliver)?.execute([sequence])?;
        }
        // A receipt is for ever: a later refusal of the same revision cannot take it back.
        ReceiptOutcome::Refused { code, text } => {
            let park = "UPDATE outbox SET state = 'parked', not_before = NULL, refused_code = ?2, refused_text = ?3 \
                WHERE sequence = ?1 AND state = 'pending'";
            connection.prepare_cached(park)?.execute((sequence, code, text))?;
        }
        ReceiptOutcome::Retry { after_seconds } => {
            let wait = TimeDelta::try_seconds(i64::try_from(*after_seconds).unwrap_or(i64::MAX)).unwrap_or(LONGEST_PUT_OFF);
            let put_off = "UPDATE outbox SET not_before = ?2 WHERE sequence = ?1 AND state = 'pending'";
            connection.prepare_cached(put_off)?.execute((sequence, row::instant(now + wait.clamp(SHORTEST_PUT_OFF, LONGEST_PUT_OFF))))?;
        }
    }
    Ok(())
}

pub(super) fn of_day(connection: &Connection, day: NaiveDate) -> Result<Vec<LoggedVisit>, Error> {
    logged(connection, "WHERE station_day = ?1 ORDER BY sequence DESC", [day.to_string()])
}

pub(super) fn undelivered(connection: &Connection, limit: usize) -> Result<Vec<LoggedVisit>, Error> {
    logged(connection, "WHERE state <> 'delivered' ORDER BY state, sequence LIMIT ?1", [limit])
}

fn logged(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> Result<Vec<LoggedVisit>, Error> {
    let sql = format!(
        "SELECT {}, state, reference, refused_code, refused_text FROM outbox JOIN visit USING (sequence) LEFT JOIN receipt USING (sequence) {rest}",
        row::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let visits = statement.query_map(values, read_logged)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

fn read_logged(found: &Row<'_>) -> rusqlite::Result<LoggedVisit> {
    let at = row::COUNT;
    let state: String = found.get(at)?;
    let delivery = Delivery::parse(&state).map_err(|problem| unreadable(at, problem.code()))?;
    let code: Option<Box<str>> = found.get(at + 2)?;
    Ok(LoggedVisit {
        visit: row::read(found)?,
        delivery,
        reference: found.get(at + 1)?,
        refused: code.zip(found.get::<_, Option<Box<str>>>(at + 3)?),
    })
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
