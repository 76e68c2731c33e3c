//! Numbers to call people by.
//!
//! Promise: on each day 1, 2, 3 …, whichever desk asks; a number is on the disk before it is told. Never: a number twice on a day, or one left out.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::row;
use crate::domain::attendance::QueueNumber;
use crate::domain::visit::OperatorName;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

impl VisitStore {
    /// The next number of a day. Returns after the disk has it.
    pub async fn next_number(&self, day: NaiveDate, by: OperatorName, now: DateTime<Utc>) -> Result<QueueNumber, Error> {
        let again = by.clone();
        match self.write(move |db| next(db, day, &by, now)).await {
            // What was damaged is set aside now; the numbers of the day begin anew.
            Err(Error::Corrupt(_)) => self.write(move |db| next(db, day, &again, now)).await,
            given => given,
        }
    }

    /// When a number was given out on a day; `None`: it was not.
    pub async fn given_at(&self, day: NaiveDate, number: QueueNumber) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(move |db| given_at(db, day, number)).await
    }
}

fn next(connection: &mut Connection, day: NaiveDate, by: &OperatorName, now: DateTime<Utc>) -> Result<QueueNumber, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO queue_number SELECT ?1, ifnull(max(number), 0) + 1, ?2, ?3 FROM queue_number WHERE day = ?1 RETURNING number";
    let values = (day.to_string(), row::instant(now), by.as_str());
    let number: u32 = transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    let number = QueueNumber::new(number).map_err(|problem| unreadable(0, problem.code()))?;
    transaction.commit()?;
    Ok(number)
}

fn given_at(connection: &Connection, day: NaiveDate, number: QueueNumber) -> Result<Option<DateTime<Utc>>, Error> {
    let mut statement = connection.prepare_cached("SELECT given_at FROM queue_number WHERE day = ?1 AND number = ?2")?;
    let at: Option<String> = statement.query_row((day.to_string(), number.get()), |row| row.get(0)).optional()?;
    Ok(at.map(|at| row::read_instant(&at, 0)).transpose()?)
}

#[cfg(test)]
mod tests {
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;
    use crate::storage::test_support::visit;

    #[tokio::test]
    async fn each_day_counts_from_one_without_a_gap_whoever_asks_and_over_a_restart() {
        let station = Station::new();
        let visits = station.visits();
        let (monday, tuesday) = ("2026-11-23".parse().unwrap(), "2026-11-24".parse().unwrap());
        let by = || visit(1).operator;
        let desks: Vec<_> = (0..20)
            .map(|_| {
                let visits = visits.store.clone();
                tokio::spawn(async move { visits.next_number(monday, visit(1).operator, morning()).await.unwrap().get() })
            })
            .collect();
        let mut numbers = Vec::new();
        for desk in desks {
            numbers.push(desk.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert_eq!(visits.next_number(tuesday, by(), morning()).await.unwrap().get(), 1);
        visits.close();
        let visits = station.visits();
        let next = visits.next_number(monday, by(), morning()).await.unwrap();
        assert_eq!(next.get(), 21);
        assert_eq!(visits.given_at(monday, next).await.unwrap(), Some(morning()));
        assert_eq!(visits.given_at(tuesday, next).await.unwrap(), None);
        visits.close();
    }
}
