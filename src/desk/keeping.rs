//! The files themselves: whether they are whole, and what was set aside.
//!
//! Promise: what is done to them stands in the access log. Never: a wait of the counter.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::storage;
use crate::storage::integrity::Whole;
use crate::storage::visits::Dropped;
use crate::storage::visits::Salvaged;
use crate::storage::visits::SetAside;

use super::Desk;

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

    /// Takes the visits out of a file that was set aside, or of all of them. `None`: there is no such file.
    pub async fn salvage(&self, name: Option<&str>) -> Result<Option<Vec<(String, Salvaged)>>, storage::Error> {
        let names = match name {
            Some(name) => vec![name.to_owned()],
            None => self.set_aside().await?.into_iter().filter(|file| file.holds.is_some()).map(|file| file.name).collect(),
        };
        let mut all = Vec::new();
        for one in names {
            let Some(salvaged) = self.visits.salvage(&one, self.time.now()).await? else { return Ok(None) };
            all.push((one, salvaged));
        }
        if all.iter().any(|(_, salvaged)| salvaged.unsent > 0) {
            self.sync.visit_saved();
        }
        Ok(Some(all))
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
