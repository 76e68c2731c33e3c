//! What a person has agreed to of a roster that was held back.
//!
//! Promise: it is on the disk before anybody is told that it is agreed to, and it is one state and no other. Never: more than the last one.

use rusqlite::OptionalExtension;

use super::VisitStore;
use crate::domain::roster::Sha256Digest;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

impl VisitStore {
    /// The state that a person has agreed to and that has not come yet.
    pub async fn agreed_roster(&self) -> Result<Option<Sha256Digest>, Error> {
        self.ask(|db| {
            let text: Option<String> = db.query_row("SELECT state FROM agreed_roster", [], |row| row.get(0)).optional()?;
            let read = |text: String| Sha256Digest::parse(&text).map_err(|problem| unreadable(0, problem.code()));
            Ok(text.map(read).transpose()?)
        })
        .await
    }

    /// Remembers it instead of the one before; `None`: it has come, or something else is offered now.
    pub async fn keep_agreed_roster(&self, state: Option<Sha256Digest>) -> Result<(), Error> {
        self.write(move |db| {
            match state {
                Some(state) => db.execute("INSERT OR REPLACE INTO agreed_roster VALUES (1, ?1)", [state.to_hex()])?,
                None => db.execute("DELETE FROM agreed_roster", [])?,
            };
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::Station;

    #[tokio::test]
    async fn the_state_agreed_to_last_is_kept_over_a_restart_until_it_is_over() {
        let station = Station::new();
        let visits = station.visits();
        assert_eq!(visits.agreed_roster().await.unwrap(), None);
        for n in [1, 2] {
            visits.keep_agreed_roster(Some(Sha256Digest([n; 32]))).await.unwrap();
        }
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.agreed_roster().await.unwrap(), Some(Sha256Digest([2; 32])));
        visits.keep_agreed_roster(None).await.unwrap();
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.agreed_roster().await.unwrap(), None);
        visits.close();
    }
}
