//! How many people of the roster had a card in force, day by day.
//!
//! Promise: one row for a day, the last that was counted on it; a count is kept after a restart too. Never: more than three years of it; a person.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use crate::domain::coverage::DayTally;
use crate::domain::coverage::Tally;
use crate::domain::roster::Sha256Digest;
use crate::storage::error::Error;

/// Days kept beside the one that is counted.
const KEPT: u32 = 1095;

impl VisitStore {
    /// Keeps a day's count instead of what was counted on that day before. Returns after the disk has it.
    pub async fn keep_coverage(&self, counted: DayTally, state: Sha256Digest, as_of: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |db| keep(db, counted, state, as_of)).await
    }

    /// The state of the roster that was counted on a day, as far as one was.
    pub async fn coverage_state(&self, day: NaiveDate) -> Result<Option<Sha256Digest>, Error> {
        self.ask(move |db| {
            let sql = "SELECT state FROM coverage WHERE day = ?1";
            let state: Option<String> = db.prepare_cached(sql)?.query_row([day.to_string()], |row| row.get(0)).optional()?;
            // What cannot be read is counted again.
            Ok(state.and_then(|state| Sha256Digest::parse(&state).ok()))
        })
        .await
    }

    /// The newest counts up to a day, oldest first.
    pub async fn coverage(&self, until: NaiveDate, most: usize) -> Result<Vec<DayTally>, Error> {
        self.ask(move |db| newest(db, until, most)).await
    }
}

fn keep(connection: &mut Connection, counted: DayTally, state: Sha256Digest, as_of: DateTime<Utc>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (day, Tally { people, in_force, ending, expired }) = (counted.day.to_string(), counted.tally);
    transaction.prepare_cached("INSERT OR REPLACE INTO coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute((
        &day,
        state.to_hex(),
        as_of.to_rfc3339(),
        people,
        in_force,
        ending,
        expired,
    ))?;
    // The oldest beyond so many go, whatever the clock says.
    transaction
        .prepare_cached(
            "DELETE FROM coverage WHERE day IN (SELECT day FROM coverage WHERE day <> ?1 ORDER BY day DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute((&day, KEPT))?;
    transaction.commit()?;
    Ok(())
}

fn newest(connection: &Connection, until: NaiveDate, most: usize) -> Result<Vec<DayTally>, Error> {
    let sql = "SELECT day, people, in_force, ending, expired FROM coverage WHERE day <= ?1 ORDER BY day DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let read = statement.query_map((until.to_string(), most), |row| {
        let tally = Tally { people: row.get(1)?, in_force: row.get(2)?, ending: row.get(3)?, expired: row.get(4)? };
        Ok((row.get::<_, String>(0)?, tally))
    })?;
    let mut days = Vec::new();
    for found in read {
        let (day, tally) = found?;
        // A day that is none was not written here.
        days.extend(day.parse().ok().map(|day| DayTally { day, tally }));
    }
    days.reverse();
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;

    fn count(day: NaiveDate, people: u64) -> DayTally {
        DayTally { day, tally: Tally { people, in_force: people / 2, ending: 1, expired: 2 } }
    }

    #[tokio::test]
    async fn a_day_has_its_last_count_and_keeps_it_over_a_restart() {
        let station = Station::new();
        let visits = station.visits();
        let day: NaiveDate = "2026-11-22".parse().unwrap();
        assert_eq!(visits.coverage_state(day).await.unwrap(), None);
        for (on, people, state) in [(day, 100, 1), (day, 102, 2), (day.succ_opt().unwrap(), 104, 2)] {
            visits.keep_coverage(count(on, people), Sha256Digest([state; 32]), morning()).await.unwrap();
        }
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.coverage_state(day).await.unwrap(), Some(Sha256Digest([2; 32])));
        let next = day.succ_opt().unwrap();
        assert_eq!(visits.coverage(next, 10).await.unwrap(), [count(day, 102), count(next, 104)]);
        assert_eq!(visits.coverage(next, 1).await.unwrap(), [count(next, 104)]);
        assert_eq!(visits.coverage(day, 10).await.unwrap(), [count(day, 102)], "what a clock that ran ahead counted is not of today");
        visits.close();
    }

    #[tokio::test]
    async fn the_oldest_days_go() {
        let station = Station::new();
        let visits = station.visits();
        let first: NaiveDate = "2026-01-01".parse().unwrap();
        visits
            .write(move |db| {
                for (day, people) in first.iter_days().take(KEPT as usize + 10).zip(1..) {
                    keep(db, count(day, people), Sha256Digest([1; 32]), morning())?;
                }
                Ok(())
            })
            .await
            .unwrap();
        let kept = visits.coverage("2100-01-01".parse().unwrap(), usize::try_from(KEPT).unwrap() * 2).await.unwrap();
        assert_eq!((kept.len(), kept[0].tally.people), (KEPT as usize + 1, 10));
        visits.close();
    }
}
