//! How things stand: data age, what is not sent, who came today.
//!
//! Promise: counted facts, each with since when. Never: a summary that hides a failure.

use core::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono::TimeDelta;

use crate::domain::clock::Now;
use crate::domain::freshness;
use crate::domain::freshness::DataAge;
use crate::domain::outage::Outage;
use crate::storage;
use crate::storage::cards::Roster;
use crate::storage::visits::Backups;
use crate::storage::visits::Counts;
use crate::storage::visits::Day;
use crate::storage::visits::LoggedVisit;
use crate::storage::visits::Room;
use crate::sync::status::Activity;
use crate::sync::status::Link;
use crate::sync::status::SyncStatus;

use super::Desk;

/// Everything a desk must see without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The time it goes by, and whether the machine's clock is believed.
    pub now: Now,
    /// What we hold.
    pub roster: Roster,
    /// How old that is.
    pub data_age: DataAge,
    /// What is not at the province yet.
    pub unsent: Counts,
    /// Whether visits can be saved, and how much room is left.
    pub room: Room,
    /// The engine.
    pub sync: SyncStatus,
    /// Outages that go on and are written down: they may have begun before the program was started.
    pub outages: Arc<[Outage]>,
    /// How the backups stand, and after how long without a good one that is too long; `None`: none are made.
    pub backup: Option<(Backups, TimeDelta)>,
}

impl Desk {
    /// How things stand. Reads no file.
    pub fn overview(&self) -> Overview {
        let now = self.time.now();
        let roster = self.cards.roster().borrow().clone();
        let as_of = roster.cursor.as_ref().map(|cursor| cursor.as_of);
        let data_age = freshness::data_age(as_of, now, self.station_in_force().thresholds);
        let unsent = *self.visits.counts().borrow();
        let (sync, outages) = (self.sync.status().borrow().clone().at(&self.time.reading()), Arc::clone(&self.outages.borrow()));
        let backup = self.station.backup_late_after.map(|late_after| (self.visits.backups().borrow().clone(), late_after));
        Overview { now, data_age, roster, unsent, room: self.visits.room(), sync, outages, backup }
    }

    /// Asks for both directions now, also for visits that were put off, and returns when each has come to an end, well or not. One that the province has
    /// asked to wait is not waited for, and without a province it returns at once. Cancel-safe.
    pub async fn sync_now(&self) {
        let mut status = self.sync.status();
        // A try that is under way may have begun before what it should carry.
        let due = |activity: &Activity| activity.rounds + 1 + u64::from(activity.is_active);
        let (link, pull, push) = {
            // One look: a second one while the engine waits to write would wait for ever.
            let now = status.borrow();
            (now.link, due(&now.pull), due(&now.push))
        };
        if link != Link::Ready {
            return;
        }
        self.sync.sync_now();
        // The engine and its channel live as long as the desk.
        let asked_at = self.time.reading().since_boot;
        let is_over =
            |activity: &Activity, due| activity.rounds >= due || activity.put_off.is_some_and(|pause| pause.since_boot > asked_at);
        let _ = status.wait_for(|status| is_over(&status.pull, pull) && is_over(&status.push, push)).await;
    }

    /// A person agrees to the roster that is held back, for as long as that one is offered. Returns after the disk has it, and whether one was.
    pub async fn accept_held(&self) -> Result<bool, storage::Error> {
        let held = self.sync.status().borrow().held.as_ref().map(|held| held.state);
        let Some(state) = held else { return Ok(false) };
        self.visits.keep_agreed_roster(Some(state)).await?;
        let is_held = self.sync.accept(state);
        if !is_held {
            // Something else came meanwhile: that was not looked at.
            self.visits.keep_agreed_roster(None).await?;
        }
        Ok(is_held)
    }

    /// The visits of the day that is gone by, newest first, each once: as it was last corrected. With those that came today although a clock
    /// that could not be right put them under another day.
    pub async fn today(&self) -> Result<Vec<LoggedVisit>, storage::Error> {
        let placed = self.placed_today().await?;
        self.today_with(placed).await
    }

    /// The newest of them, and how many there are. A page asks for it with every answer, and must not become slower with every visit.
    pub async fn newest_today(&self, most: usize) -> Result<Day, storage::Error> {
        let placed = self.placed_today().await?;
        if placed.is_empty() && !self.time.now().state.is_suspect() {
            return self.visits.newest_of_day(self.today_on(), most).await;
        }
        let mut day = Day::whole(self.today_with(placed).await?);
        day.newest.truncate(most);
        Ok(day)
    }

    async fn today_with(&self, placed: Vec<LoggedVisit>) -> Result<Vec<LoggedVisit>, storage::Error> {
        // The day of a clock that is doubted is the last one known: what was saved on it is of today only if it is of this run of the machine.
        let is_known = !self.time.now().state.is_suspect();
        let mut visits = if is_known { self.visits.of_day(self.today_on()).await? } else { Vec::new() };
        for placed in placed {
            if !visits.iter().any(|logged| logged.visit.sequence == placed.visit.sequence) {
                visits.push(placed);
            }
        }
        visits.sort_by_key(|logged| Reverse(logged.visit.sequence));
        let mut seen = HashSet::new();
        visits.retain(|logged| seen.insert(logged.visit.content.id));
        Ok(visits)
    }

    /// What is not delivered: parked first.
    pub async fn undelivered(&self, limit: usize) -> Result<Vec<LoggedVisit>, storage::Error> {
        self.visits.undelivered(limit).await
    }

    /// The day that is gone by: where the clock cannot be right, the last one known.
    pub(super) fn today_on(&self) -> NaiveDate {
        self.time.now().day()
    }
}
