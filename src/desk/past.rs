//! When past visits came: what was saved by a clock that could not be right is placed by the province's time.
//!
//! Promise: a visit is placed only by an anchor of the same start of the machine; what was saved is shown as it is until then. Never: a change to a
//! saved time; a guess.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::DateTime;
use chrono::Utc;

use crate::domain::clock;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Sequence;
use crate::storage;
use crate::storage::visits::LoggedVisit;

use super::Desk;

/// When visits came whose own time is wrong.
pub type Placed = HashMap<Sequence, DateTime<Utc>>;

impl Desk {
    /// The instant the person came: by the province's time where the clock was doubted and the province has spoken since that start of the machine,
    /// else as it was saved.
    pub async fn arrived(&self, visit: &NewVisit) -> Result<DateTime<Utc>, storage::Error> {
        Ok(self.placed(visit).await?.unwrap_or(visit.arrived_at))
    }

    /// The instant by the province's time; `None` where the clock was believed, or nobody knows.
    pub async fn placed(&self, visit: &NewVisit) -> Result<Option<DateTime<Utc>>, storage::Error> {
        if !visit.clock.state.is_suspect() {
            return Ok(None);
        }
        let anchor = self.visits.anchor(&visit.clock.boot_id).await?;
        Ok(anchor.and_then(|anchor| anchor.place(Duration::from_millis(visit.clock.boot_ms))))
    }

    /// The same for a list; what is not in it came when it says.
    pub async fn placed_of(&self, visits: &[LoggedVisit]) -> Result<Placed, storage::Error> {
        let (mut placed, mut starts) = (Placed::new(), HashMap::new());
        for logged in visits {
            let content = &logged.visit.content;
            if !content.clock.state.is_suspect() {
                continue;
            }
            // Each start of the machine is asked about once: a list may be of one long one.
            let anchor = match starts.entry(&content.clock.boot_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.visits.anchor(&content.clock.boot_id).await?),
            };
            let at = anchor.as_ref().and_then(|anchor| anchor.place(Duration::from_millis(content.clock.boot_ms)));
            placed.extend(at.map(|at| (logged.visit.sequence, at)));
        }
        Ok(placed)
    }

    /// Visits that came today by the province's time and were saved under another day.
    pub(super) async fn placed_today(&self) -> Result<Vec<LoggedVisit>, storage::Error> {
        let (today, mut doubted) = (self.time.now().day(), self.visits.doubted().await?);
        let placed = self.placed_of(&doubted).await?;
        doubted.retain(|logged| placed.get(&logged.visit.sequence).is_some_and(|at| clock::vietnam_day(*at) == today));
        Ok(doubted)
    }
}
