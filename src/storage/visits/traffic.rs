//! How much went over the link, per day.
//!
//! Promise: what was added is counted after a restart too. Never: more than two months of it; a day forgotten because the clock ran ahead for an hour.

use chrono::NaiveDate;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use crate::storage::error::Error;

/// Days kept beside the one that is counted.
const KEPT: u32 = 60;
/// More than any link carries in a day; a sum of two still fits into the column.
const MOST: i64 = 1 << 60;

impl VisitStore {
    /// Counts bytes to a Vietnamese day and says how many there are for it.
    pub async fn add_traffic(&self, day: NaiveDate, bytes: u64) -> Result<u64, Error> {
        self.write(move |db| add(db, day, bytes)).await
    }

    /// The bytes of a Vietnamese day.
    pub async fn traffic(&self, day: NaiveDate) -> Result<u64, Error> {
        self.ask(move |db| of_day(db, day)).await
    }
}

fn add(connection: &mut Connection, day: NaiveDate, bytes: u64) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    add_within(&transaction, day, bytes)?;
    let sum = of_day(&transaction, day)?;
    transaction.commit()?;
    Ok(sum)
}

/// The same within a transaction that is made anyway.
pub(super) fn add_within(transaction: &Connection, day: NaiveDate, bytes: u64) -> Result<(), Error> {
    let (text, bytes) = (day.to_string(), i64::try_from(bytes).unwrap_or(MOST).min(MOST));
    transaction
        .prepare_cached("INSERT INTO traffic VALUES (?1, ?2) ON CONFLICT DO UPDATE SET bytes = min(bytes + excluded.bytes, ?3)")?
        .execute((&text, bytes, MOST))?;
    // The oldest beyond so many go, and not those before so long ago: one hour of a clock in 2037 would forget what this month's budget has left.
    transaction
        .prepare_cached("DELETE FROM traffic WHERE day IN (SELECT day FROM traffic WHERE day <> ?1 ORDER BY day DESC LIMIT -1 OFFSET ?2)")?
        .execute((&text, KEPT))?;
    Ok(())
}

fn of_day(connection: &Connection, day: NaiveDate) -> Result<u64, Error> {
    let sql = "SELECT bytes FROM traffic WHERE day = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([day.to_string()], |row| row.get(0)).optional()?.unwrap_or_default())
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
