//! The files themselves: whether they are whole, and what was set aside.
//!
//! Promise: what is done to them stands in the access log. Never: a wait of the counter.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::contact::Ahead;
use crate::storage;
use crate::storage::integrity::Whole;
use crate::storage::visits::Dropped;
use crate::storage::visits::Salvaged;
use crate::storage::visits::SetAside;

use super::Desk;

/// What came of taking visits back.
#[derive(Debug)]
pub enum Salvage {
    /// What was taken out of which file, and how many files of visits there are that nothing can be read of.
    Done {
        /// Files.
        taken: Vec<(String, Salvaged)>,
        /// See there.
        unread: u64,
    },
    /// It is no record of visits, or no key opens it.
    NoKey,
    /// There is no such file.
    NoFile,
}

impl Desk {
    /// Looks at every page of both databases. When, and what each came to.
    pub async fn integrity(&self) -> Result<(DateTime<Utc>, Whole, Whole), storage::Error> {
        let (visits, cards) = (self.visits.whole().await?, self.cards.whole().await?);
        Ok((self.time.now().at, visits, cards))
    }

    /// What was set aside, with what can be read of it.
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, storage::Error> {
        self.visits.set_aside().await
    }

    /// Takes the visits out of a file that was set aside, or of all of them.
    pub async fn salvage(&self, name: Option<&str>) -> Result<Salvage, storage::Error> {
        let names = match name {
            Some(name) => vec![name.to_owned()],
            None => self.set_aside().await?.into_iter().filter(|file| file.holds.is_some()).map(|file| file.name).collect(),
        };
        let mut taken = Vec::new();
        for one in names {
            match self.visits.salvage(&one, self.time.now()).await? {
                Some(salvaged) => taken.push((one, salvaged)),
                None if self.visits.is_set_aside(&one) => return Ok(Salvage::NoKey),
                None => return Ok(Salvage::NoFile),
            }
        }
        if taken.iter().any(|(_, salvaged)| salvaged.unsent > 0) {
            self.sync.visit_saved();
        }
        // Visits that only the province held may be among them.
        self.refresh_machine().await?;
        // What no key opens was not looked into, and is not taken back by being silent about it.
        let unread = self.set_aside().await?.iter().filter(|file| file.holds.is_none() && file.holds_more()).count();
        Ok(Salvage::Done { taken, unread: u64::try_from(unread).unwrap_or(u64::MAX) })
    }

    /// Somebody knows of the visits that only the province holds: they are told of no more. Returns which they were.
    pub async fn accept_missing(&self) -> Result<Option<Ahead>, storage::Error> {
        let missing = self.visits.missing_known().await?;
        if let Some(missing) = missing {
            tracing::info!(name: "visits.missing-known", visits = missing.visits, "the visits that only the province holds are known, as somebody says");
        }
        self.refresh_machine().await?;
        Ok(missing)
    }

    async fn refresh_machine(&self) -> Result<(), storage::Error> {
        self.sync.machine_is(self.visits.machine().await?.map(Into::into));
        Ok(())
    }

    /// Removes a file that was set aside for good.
    pub async fn drop_aside(&self, name: &str, unsent: Option<u64>) -> Result<Dropped, storage::Error> {
        let dropped = self.visits.drop_aside(name, unsent).await?;
        if let Dropped::Gone(unsent) = dropped {
            self.noted(Act::Dropped, About::detail(Detail::numbered("unsent", unsent))).await;
        }
        Ok(dropped)
    }
}
