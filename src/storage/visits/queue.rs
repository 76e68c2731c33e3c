//! Numbers to call people by.
//!
//! Promise: on each day 1, 2, 3 …, whichever desk asks; a number is on the disk before it is told. While the clock is doubted the numbers go on from the last
//! ones, for nobody knows whether a new day has begun. Never: a number twice on a day or, where the day is doubted, twice in twelve hours of the machine's
//! running; one left out on a day that is not.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::row;
use crate::domain::attendance::QueueNumber;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::OperatorName;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// So long after it was given a number may still be called, in milliseconds.
const CALLED_MS: u64 = 12 * 60 * 60 * 1000;

/// The day that numbers are given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDay {
    /// The day that is gone by.
    pub day: NaiveDate,
    /// Since when the machine runs, and whether its clock can be believed.
    pub clock: ClockStamp,
}

impl VisitStore {
    /// The next number of a day. Returns after the disk has it.
    pub async fn next_number(&self, today: QueueDay, by: OperatorName, now: DateTime<Utc>) -> Result<QueueNumber, Error> {
        let (again, then) = (by.clone(), today.clone());
        match self.write(move |db| next(db, &today, &by, now)).await {
            // What was damaged is set aside now; the numbers of the day begin anew.
            Err(Error::Corrupt(_)) => self.write(move |db| next(db, &then, &again, now)).await,
            given => given,
        }
    }

    /// When a number was given out on a day; `None`: it was not.
    pub async fn given_at(&self, today: QueueDay, number: QueueNumber) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(move |db| given_at(db, &today, number)).await
    }
}

/// Whether a number is one of today: `?1` is the day, `?2` whether the clock is doubted, `?3` and `?4` the machine's run and since when of it.
const OF_TODAY: [&str; 3] =
    ["day = ?1", "boot_id = ?3 AND boot_ms >= ?4 AND (is_doubted = 1 OR ?2)", "?2 AND day = (SELECT max(day) FROM queue_number)"];

fn values(today: &QueueDay) -> (String, bool, &str, u64) {
    let ClockStamp { state, boot_id, boot_ms } = &today.clock;
    (today.day.to_string(), state.is_suspect(), boot_id, boot_ms.saturating_sub(CALLED_MS))
}

fn next(connection: &mut Connection, today: &QueueDay, by: &OperatorName, now: DateTime<Utc>) -> Result<QueueNumber, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let highest = OF_TODAY.map(|condition| format!("ifnull((SELECT max(number) FROM queue_number WHERE {condition}), 0)")).join(", ");
    let sql = format!(
        "INSERT INTO queue_number (day, number, given_at, given_by, boot_id, boot_ms, is_doubted) \
         VALUES (?1, max({highest}) + 1, ?5, ?6, ?3, ?7, ?2) RETURNING number"
    );
    let (day, is_doubted, boot_id, since) = values(today);
    let values = (day, is_doubted, boot_id, since, row::instant(now), by.as_str(), today.clock.boot_ms);
    let number: u32 = transaction.prepare_cached(&sql)?.query_row(values, |row| row.get(0))?;
    let number = QueueNumber::new(number).map_err(|problem| unreadable(0, problem.code()))?;
    transaction.commit()?;
    Ok(number)
}

fn given_at(connection: &Connection, today: &QueueDay, number: QueueNumber) -> Result<Option<DateTime<Utc>>, Error> {
    let is_of_today = OF_TODAY.join(") OR (");
    let sql = format!(
        "SELECT given_at FROM queue_number WHERE number = ?5 AND (({is_of_today})) ORDER BY boot_id = ?3 DESC, boot_ms DESC LIMIT 1"
    );
    let (day, is_doubted, boot_id, since) = values(today);
    let mut statement = connection.prepare_cached(&sql)?;
    let at: Option<String> = statement.query_row((day, is_doubted, boot_id, since, number.get()), |row| row.get(0)).optional()?;
    Ok(at.map(|at| row::read_instant(&at, 0)).transpose()?)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::QueueDay;
    use crate::domain::clock::ClockState;
    use crate::domain::visit::ClockStamp;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;
    use crate::storage::test_support::visit;

    fn on(day: NaiveDate, state: ClockState, boot_id: &str, hour: u64) -> QueueDay {
        QueueDay { day, clock: ClockStamp { state, boot_id: boot_id.into(), boot_ms: hour * 3_600_000 } }
    }

    fn plain(day: NaiveDate) -> QueueDay {
        on(day, ClockState::Plausible, "test", 1)
    }

    #[tokio::test]
    async fn the_numbers_of_a_doubted_day_go_on_and_none_comes_twice_in_a_run_of_the_machine() {
        use ClockState::Behind;
        use ClockState::Plausible;
        let station = Station::new();
        let visits = station.visits();
        let [sunday, monday, tuesday]: [NaiveDate; 3] = ["2026-11-22", "2026-11-23", "2026-11-24"].map(|day| day.parse().unwrap());
        let mut given = Vec::new();
        for today in [
            on(sunday, Plausible, "a", 1),
            on(monday, Plausible, "b", 1),
            on(monday, Plausible, "b", 2),
            // The clock falls back; the last that is known to have passed is Sunday, and then nothing is known but that the machine runs.
            on(sunday, Behind, "b", 3),
            on(sunday, Behind, "c", 1),
            // It is right again.
            on(monday, Plausible, "c", 2),
            on(monday, Plausible, "d", 1),
            on(tuesday, Plausible, "e", 1),
        ] {
            given.push(visits.next_number(today, visit(1).operator, morning()).await.unwrap().get());
        }
        assert_eq!(given, [1, 1, 2, 3, 4, 5, 6, 1]);
        let number = |number| crate::domain::attendance::QueueNumber::new(number).unwrap();
        assert!(visits.given_at(on(monday, Plausible, "c", 3), number(4)).await.unwrap().is_some(), "given while the day was doubted");
        assert!(visits.given_at(on(tuesday, Plausible, "e", 3), number(4)).await.unwrap().is_none());
        visits.close();
    }

    #[tokio::test]
    async fn each_day_counts_from_one_without_a_gap_whoever_asks_and_over_a_restart() {
        let station = Station::new();
        let visits = station.visits();
        let (monday, tuesday) = ("2026-11-23".parse().unwrap(), "2026-11-24".parse().unwrap());
        let by = || visit(1).operator;
        let desks: Vec<_> = (0..20)
            .map(|_| {
                let visits = visits.store.clone();
                tokio::spawn(async move { visits.next_number(plain(monday), visit(1).operator, morning()).await.unwrap().get() })
            })
            .collect();
        let mut numbers = Vec::new();
        for desk in desks {
            numbers.push(desk.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert_eq!(visits.next_number(plain(tuesday), by(), morning()).await.unwrap().get(), 1);
        visits.close();
        let visits = station.visits();
        let next = visits.next_number(plain(monday), by(), morning()).await.unwrap();
        assert_eq!(next.get(), 21);
        assert_eq!(visits.given_at(plain(monday), next).await.unwrap(), Some(morning()));
        assert_eq!(visits.given_at(plain(tuesday), next).await.unwrap(), None);
        visits.close();
    }
}
