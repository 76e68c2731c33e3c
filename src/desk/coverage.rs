//! How many of the people on the roster have a card in force, today and over time.
//!
//! Promise: each day is counted once for each state of the roster, and only by a clock that is believed; what is said is a share of this roster, of which the
//! as-of stands beside it. Never: a share of the population; a person.

use core::time::Duration;
use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::domain::coverage::Counted;
use crate::domain::coverage::DayTally;
use crate::domain::coverage::Share;
use crate::domain::coverage::Tally;
use crate::domain::renewal;
use crate::storage;
use crate::storage::cards::Passed;

use super::Desk;

/// Days a chart goes back.
const SHOWN: usize = 366;

/// How often it is looked whether the day is another one.
const LOOK: Duration = Duration::from_mins(1);

/// Today's count, and those of the days before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Counted for this day.
    pub on: NaiveDate,
    /// Of when the roster is; `None`: there is none.
    pub as_of: Option<DateTime<Utc>>,
    /// Everybody on the roster.
    pub all: Tally,
    /// The same by hamlet; an empty name: none is on record.
    pub hamlets: BTreeMap<Box<str>, Tally>,
    /// The counts kept, oldest first.
    pub history: Vec<DayTally>,
    /// What the station wants to come to.
    pub target: Option<Share>,
}

#[derive(Clone, Debug, Default)]
struct Whole {
    all: Tally,
    hamlets: BTreeMap<Box<str>, Tally>,
}

impl Desk {
    /// How things stand, counted now.
    pub async fn coverage(&self) -> Result<Coverage, storage::Error> {
        let on = self.time.now().day();
        let Passed { cursor, found: Whole { all, hamlets } } = self.count(on).await?;
        let history = self.visits.coverage(on, SHOWN).await?;
        Ok(Coverage {
            on,
            as_of: cursor.map(|cursor| cursor.as_of),
            all,
            hamlets,
            history,
            target: self.station_in_force().coverage_target,
        })
    }

    /// Keeps today's count, unless it was kept for this state of the roster, or nobody knows what day it is. Says whether it was counted now.
    pub async fn note_coverage(&self) -> Result<bool, storage::Error> {
        let now = self.time.now();
        let state = self.cards.roster().borrow().cursor.as_ref().map(|cursor| cursor.state);
        if now.state.is_suspect() || state.is_none() || self.visits.coverage_state(now.day()).await? == state {
            return Ok(false);
        }
        let Passed { cursor, found } = self.count(now.day()).await?;
        let Some(cursor) = cursor else { return Ok(false) };
        self.visits.keep_coverage(DayTally { day: now.day(), tally: found.all }, cursor.state, cursor.as_of).await?;
        Ok(true)
    }

    async fn count(&self, on: NaiveDate) -> Result<Passed<Whole>, storage::Error> {
        let rules = self.station_in_force().rules.clone();
        self.cards
            .pass(move |whole: &mut Whole, record| {
                let counted = record.map_or(Counted::Neither, |record| renewal::counted(record, on, rules.renewal(on)));
                let hamlet = record.and_then(|record| record.hamlet.clone()).unwrap_or_default();
                whole.all.add(counted);
                whole.hamlets.entry(hamlet).or_default().add(counted);
            })
            .await
    }
}

/// Keeps a count of every day and every state of the roster until stopped.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    let mut roster = desk.cards.roster();
    let counting = async {
        loop {
            if let Err(error) = desk.note_coverage().await {
                tracing::warn!(name: "storage.write-failed", %error, "today's coverage could not be kept; it is tried again");
            }
            // Whichever comes first. The store lives as long as the desk.
            let _ = time::timeout(LOOK, roster.changed()).await;
        }
    };
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(counting).await;
}
