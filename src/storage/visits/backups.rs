//! How the copies of this file elsewhere stand.
//!
//! Promise: it is told without a question to the disk, and what failed is remembered from its first failure, over restarts, until one is good. Never: a path.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use tokio::sync::watch;

use super::VisitStore;
use super::log;
use super::row;
use crate::storage::error::Error;

/// How they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// When the last good one was made.
    pub good_at: Option<DateTime<Utc>>,
    /// Since when none could be made, and the stable code of why.
    pub failing: Option<(DateTime<Utc>, Box<str>)>,
    /// When this record of visits began: without a good one it has been without since then.
    pub began_at: DateTime<Utc>,
}

impl Backups {
    /// From when the next one counts. A copy made by a clock that ran ahead is one of an unknown hour: it puts nothing off.
    pub fn counted_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.good_at.filter(|at| *at <= now).unwrap_or(self.began_at.min(now))
    }
}

impl VisitStore {
    /// How the backups stand, now and whenever that changes. Reads no file.
    pub fn backups(&self) -> watch::Receiver<Backups> {
        self.backups.subscribe()
    }

    /// Notes how a backup ended: well, or with the stable code of why not. Returns after the disk has it.
    pub async fn backed_up(&self, ended: Result<(), Box<str>>, at: DateTime<Utc>) -> Result<(), Error> {
        let told = self.backups.clone();
        self.write(move |db| {
            note(db, ended, at)?;
            told.send_replace(read(db)?);
            Ok(())
        })
        .await
    }
}

fn note(connection: &Connection, ended: Result<(), Box<str>>, at: DateTime<Utc>) -> Result<(), Error> {
    let at = row::instant(at);
    match ended {
        Ok(()) => connection.execute("INSERT OR REPLACE INTO backup VALUES (1, ?1, NULL, NULL)", [at])?,
        Err(code) => {
            let sql = "INSERT INTO backup VALUES (1, NULL, ?1, ?2) \
                ON CONFLICT (one) DO UPDATE SET failing_since = ifnull(failing_since, ?1), failing_code = ?2";
            connection.execute(sql, (at, code))?
        }
    };
    Ok(())
}

pub(super) fn read(connection: &Connection) -> Result<Backups, Error> {
    let instant = |row: &Row<'_>, at| row.get::<_, Option<String>>(at)?.map(|text| row::read_instant(&text, at)).transpose();
    let found = connection
        .query_row("SELECT good_at, failing_since, failing_code FROM backup", [], |row| {
            Ok((instant(row, 0)?, instant(row, 1)?, row.get::<_, Option<Box<str>>>(2)?))
        })
        .optional()?;
    let (good_at, since, code) = found.unwrap_or_default();
    Ok(Backups { good_at, failing: since.zip(code), began_at: log::install_since(connection)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;

    #[tokio::test]
    async fn a_failure_is_told_from_its_first_time_until_one_is_good_also_after_a_restart() {
        let station = Station::new();
        let visits = station.visits();
        let hour = chrono::TimeDelta::hours(1);
        assert_eq!(*visits.backups().borrow(), Backups { good_at: None, failing: None, began_at: morning() });
        visits.backed_up(Ok(()), morning()).await.unwrap();
        visits.backed_up(Err("file".into()), morning() + hour).await.unwrap();
        visits.backed_up(Err("disk_full".into()), morning() + hour * 2).await.unwrap();
        visits.close();
        let visits = station.visits();
        let told = visits.backups().borrow().clone();
        assert_eq!((told.good_at, told.failing), (Some(morning()), Some((morning() + hour, "disk_full".into()))));
        visits.backed_up(Ok(()), morning() + hour * 3).await.unwrap();
        assert_eq!(visits.backups().borrow().failing, None);
        visits.close();
    }

    #[test]
    fn a_copy_made_by_a_clock_that_ran_ahead_puts_no_other_one_off() {
        let day = |days| morning() + chrono::TimeDelta::days(days);
        let made = |good_at| Backups { good_at, failing: None, began_at: day(-30) };
        assert_eq!(made(Some(day(-1))).counted_from(day(0)), day(-1));
        assert_eq!(made(Some(day(300))).counted_from(day(0)), day(-30), "of an unknown hour");
        assert_eq!(made(None).counted_from(day(0)), day(-30));
        assert_eq!(made(None).counted_from(day(-60)), day(-60), "nor does a beginning in days to come");
    }
}
