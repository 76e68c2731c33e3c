//! The roster that is held back until a person agrees to what it takes away.
//!
//! Promise: what is shown of it now is shown after a restart too. Never: more than the last one; a write where nothing has changed.

use chrono::SubsecRound;
use rusqlite::Connection;
use rusqlite::OptionalExtension;

use super::VisitStore;
use super::row;
use crate::domain::roster::Held;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

impl VisitStore {
    /// What is held back.
    pub async fn held_roster(&self) -> Result<Option<Held>, Error> {
        self.ask(|db| read(db)).await
    }

    /// Remembers it instead of the one before; `None`: nothing is held back any more.
    pub async fn keep_held_roster(&self, held: Option<Held>) -> Result<(), Error> {
        // As precisely as it is stored, so that the same one is known again.
        let held = held.map(|held| Held { since: held.since.trunc_subsecs(3), ..held });
        self.write(move |db| {
            if read(db)? == held {
                return Ok(());
            }
            match held {
                Some(Held { since, upheaval, state }) => {
                    let number = |people: u64| i64::try_from(people).unwrap_or(i64::MAX);
                    let (held, gone, stopped) = (number(upheaval.held), number(upheaval.gone), number(upheaval.stopped));
                    let sql = "INSERT OR REPLACE INTO held_roster VALUES (1, ?1, ?2, ?3, ?4, ?5)";
                    db.execute(sql, (row::instant(since), held, gone, stopped, state.to_hex()))?
                }
                None => db.execute("DELETE FROM held_roster", [])?,
            };
            Ok(())
        })
        .await
    }
}

fn read(connection: &Connection) -> Result<Option<Held>, Error> {
    let read = |row: &rusqlite::Row<'_>| {
        let (since, state): (String, String) = (row.get(0)?, row.get(4)?);
        Ok(Held {
            since: row::read_instant(&since, 0)?,
            upheaval: Upheaval { held: row.get(1)?, gone: row.get(2)?, stopped: row.get(3)? },
            state: Sha256Digest::parse(&state).map_err(|problem| unreadable(4, problem.code()))?,
        })
    };
    Ok(connection.query_row("SELECT since, held, gone, stopped, state FROM held_roster", [], read).optional()?)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;

    #[tokio::test]
    async fn the_roster_held_back_last_is_kept_over_a_restart_until_it_is_over() {
        let station = Station::new();
        let visits = station.visits();
        assert_eq!(visits.held_roster().await.unwrap(), None);
        let since = morning() + TimeDelta::nanoseconds(123_456_789);
        let held = |n| Held { since, upheaval: Upheaval { held: 300, gone: 101, stopped: n }, state: Sha256Digest([1; 32]) };
        for n in [1, 2] {
            visits.keep_held_roster(Some(held(n))).await.unwrap();
        }
        let log = || std::fs::metadata(station.path().join("visits.db-wal")).unwrap().len();
        let before = log();
        visits.keep_held_roster(Some(held(2))).await.unwrap();
        assert_eq!(log(), before, "the same again is not written");
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.held_roster().await.unwrap(), Some(Held { since: since.trunc_subsecs(3), ..held(2) }));
        visits.keep_held_roster(None).await.unwrap();
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.held_roster().await.unwrap(), None);
        visits.close();
    }
}
