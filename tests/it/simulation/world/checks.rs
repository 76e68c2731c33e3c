//! What is asked of a station after each of its steps and once a day, and how a world comes to rest.
//!
//! Promise: nothing is set right by hand but the disks that were filled: what a clock, a chain or a ledger has lost, the engine gets back by itself within a bounded
//! virtual time. Never: a law decided here.

use std::collections::HashMap;
use std::collections::HashSet;

use bhyt_agent::domain::visit::Delivery;
use bhyt_agent::storage::visits::LoggedVisit;
use bhyt_agent::sync::driver::Direction;
use chrono::TimeDelta;
use sha2::Digest;

use super::Event;
use super::World;
use crate::simulation::clock::MINUTE;
use crate::simulation::clock::instant;
use crate::simulation::laws::Broken;
use crate::simulation::laws::Key;
use crate::simulation::laws::State;
use crate::simulation::laws::holds;

impl World {
    pub(super) fn check(&mut self, station: usize) -> Result<(), Broken> {
        let Some(running) = &self.stations[station].running else { return Ok(()) };
        let overview = running.desk.overview();
        self.digest.update(overview.unsent.pending.to_le_bytes());
        self.digest.update(overview.roster.cursor.as_ref().map_or(0, |cursor| cursor.serial.0).to_le_bytes());
        self.laws.shown(station, &overview)
    }

    pub(super) async fn listed(&self, station: usize) -> HashMap<Key, State> {
        let running = self.stations[station].running.as_ref().unwrap();
        let state = |logged: &LoggedVisit| if logged.delivery == Delivery::Parked { State::Parked } else { State::Pending };
        let key = |logged: &LoggedVisit| (logged.visit.content.id.0, logged.visit.content.revision.0);
        running.engine.visits.undelivered(1_000_000).await.unwrap().iter().map(|logged| (key(logged), state(logged))).collect()
    }

    /// Once a day: the station's own list against ours, and the rows on its disk against the province's digest.
    pub(super) async fn check_list(&mut self, station: usize) -> Result<(), Broken> {
        if self.stations[station].running.is_none() {
            return Ok(());
        }
        let is_between = self.stations[station].lanes[Direction::Push as usize].task.is_none();
        let unsent = self.listed(station).await;
        if is_between {
            self.laws.listed(station, &unsent)?;
        }
        let running = self.stations[station].running.as_ref().unwrap();
        let held = running.engine.cards.roster().borrow().cursor.clone();
        let Some(cursor) = held else { return Ok(()) };
        let found = self.stations[station].rows_digest();
        holds(3, found == cursor.state.to_hex(), || format!("the rows of station {station} are not those of their cursor"))
    }

    /// No more faults: within a bounded time everything is where it belongs.
    pub(super) async fn heal(&mut self) -> Result<(), Broken> {
        self.is_healing = true;
        self.time.move_to(self.end);
        self.bring_province_up();
        for station in 0..self.stations.len() {
            self.make_room(station);
            self.stations[station].link.set_offline(false);
            if self.stations[station].running.is_none() {
                self.start(station).await;
            }
            self.publish(station);
            self.at(self.end + MINUTE, Event::Person(station));
        }
        let mut unhealed: HashSet<usize> = (0..self.stations.len()).collect();
        let is_over = |world: &Self| world.queue.first_key_value().is_none_or(|((at, _), _)| *at > world.end + world.plan.healing);
        while !unhealed.is_empty() && !is_over(self) {
            let station = self.queue.first_key_value().and_then(|(_, event)| match event {
                Event::Due { station, .. } | Event::Resume { station, .. } => Some(*station),
                _ => None,
            });
            self.next().await?;
            if let Some(station) = station.filter(|station| self.is_healed(*station)) {
                unhealed.remove(&station);
                self.report.longest_healing = self.time.now() - self.end;
            }
        }
        if let Some(station) = unhealed.iter().min() {
            let overview = self.stations[*station].running.as_ref().unwrap().desk.overview();
            let heard = self.laws.has_heard(*station);
            return holds(7, false, || {
                format!("{} stations are not well, the first is {station}: heard {heard}, {overview:?}", unhealed.len())
            });
        }
        for number in 0..self.late.len() {
            self.deliver_late(number).await?;
        }
        for station in 0..self.stations.len() {
            self.check(station)?;
            let found = self.stations[station].rows_digest();
            holds(3, Some(found.as_str()) == self.laws.latest_state(station), || {
                format!("the rows of station {station} are not those of the province")
            })?;
            self.stations[station].settles().await;
            self.stations[station].stop();
        }
        self.laws.end()
    }

    fn is_healed(&self, station: usize) -> bool {
        let Some(running) = &self.stations[station].running else { return false };
        let overview = running.desk.overview();
        // A clock that is years off is not set right by anybody: contact alone has taught the time.
        let off = (overview.now.at - instant(self.time.now())).abs();
        off < TimeDelta::minutes(3) && !overview.now.state.is_suspect() && self.laws.is_healed(station, &overview)
    }
}
