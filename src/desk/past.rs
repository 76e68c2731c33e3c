//! When past visits came: what was saved by a clock that could not be right is placed by the province's time.
//!
//! Promise: a visit is dated anew only by an anchor of the same start of the machine; what was saved is shown as it is until then, with the doubt. On which
//! day it is listed may be told by the machine's running and by the order of saving too. Never: a change to a saved time.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::clock;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Sequence;
use crate::storage;
use crate::storage::visits::LoggedVisit;

use super::Desk;

/// When a person came, as far as anybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The instant.
    pub at: DateTime<Utc>,
    /// It is the province's, and not the machine's own.
    pub is_placed: bool,
    /// It is the machine's own, which could not be right.
    pub is_doubted: bool,
}

/// So long a desk is open at a stretch: visits of the same run of the machine within it are of today where the clock cannot tell, in milliseconds.
const OPEN_MS: u64 = 12 * 60 * 60 * 1000;

/// When visits came whose own time is wrong.
pub type Placed = HashMap<Sequence, DateTime<Utc>>;

impl Desk {
    /// The instant the person came: by the province's time where the clock was doubted and the province has spoken since that start of the machine,
    /// else as it was saved.
    pub async fn arrived(&self, visit: &NewVisit) -> Result<DateTime<Utc>, storage::Error> {
        Ok(self.placed(visit).await?.unwrap_or(visit.arrived_at))
    }

    /// The same, with how sure it is.
    pub async fn arrival(&self, visit: &NewVisit) -> Result<Arrival, storage::Error> {
        let placed = self.placed(visit).await?;
        let is_doubted = visit.clock.state.is_suspect() && placed.is_none();
        Ok(Arrival { at: placed.unwrap_or(visit.arrived_at), is_placed: placed.is_some(), is_doubted })
    }

    /// The day whose rules a visit falls under: its own, or where the clock could not tell, the one that is gone by now.
    pub fn day_of(&self, visit: &NewVisit) -> NaiveDate {
        if visit.clock.state.is_suspect() { self.today_on() } else { clock::vietnam_day(visit.arrived_at) }
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

    /// Visits that came today although a clock that could not be right put them under another day: by the province's time; by the machine's own running,
    /// where its clock is right by now; or because they were saved after one of today. As long as the clock is doubted, those of this run of the machine.
    pub(super) async fn placed_today(&self) -> Result<Vec<LoggedVisit>, storage::Error> {
        let reading = self.time.reading();
        let (now, run_ms) = (self.time.judge(&reading), reading.since_boot_ms());
        let mut doubted = self.visits.doubted().await?;
        if now.state.is_suspect() {
            let false_day = clock::vietnam_day(now.stamp(&reading));
            doubted.retain(|logged| clock::vietnam_day(logged.visit.content.arrived_at) == false_day);
            let mut of_run = self.visits.of_run(reading.boot_id, run_ms.saturating_sub(OPEN_MS)).await?;
            of_run.retain(|logged| doubted.iter().all(|known| known.visit.sequence != logged.visit.sequence));
            doubted.append(&mut of_run);
            return Ok(doubted);
        }
        if doubted.is_empty() {
            return Ok(doubted);
        }
        let (today, placed) = (now.day(), self.placed_of(&doubted).await?);
        let first = self.visits.first_of_day(today).await?;
        let by_own_running = |stamp: &ClockStamp| {
            let ago = i64::try_from(run_ms.checked_sub(stamp.boot_ms)?).ok().and_then(TimeDelta::try_milliseconds)?;
            (stamp.boot_id == reading.boot_id).then(|| now.at - ago)
        };
        doubted.retain(|logged| {
            let known = placed.get(&logged.visit.sequence).copied().or_else(|| by_own_running(&logged.visit.content.clock));
            known.map_or_else(|| first.is_some_and(|first| first < logged.number), |at| clock::vietnam_day(at) == today)
        });
        Ok(doubted)
    }
}
