//! What people at a station do beside checking in: they go through what was refused, correct and take back visits, and agree to a roster that was held back.
//!
//! Promise: every act is one that the product offers, and what it says of it is handed to the laws. Never: an act that the machine would not do by hand.

use bhyt_agent::domain::visit::Delivery;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::storage;
use bhyt_agent::storage::visits::LoggedVisit;
use bhyt_agent::storage::visits::Saved;
use rand::RngExt;

use super::Event;
use super::World;
use crate::simulation::clock::HOUR;
use crate::simulation::laws::Broken;
use crate::simulation::laws::State;
use crate::simulation::laws::holds;

/// How many refused visits somebody goes through at once.
const MOST: usize = 50;

impl World {
    pub(super) async fn person(&mut self, station: usize) -> Result<(), Broken> {
        if self.is_healing {
            let at = self.time.now() + HOUR / 2;
            self.at(at, Event::Person(station));
        }
        let drawn: f64 = self.random.random();
        let Some(running) = &self.stations[station].running else { return Ok(()) };
        let (desk, visits) = (running.desk.clone(), running.engine.visits.clone());
        let refused = visits.undelivered(MOST).await.unwrap();
        let mut outcome = "nothing";
        for logged in refused.into_iter().filter(|logged| logged.delivery == Delivery::Parked) {
            outcome = match self.random.random_range(0..3) {
                // Another revision of this number may be there, from before a disk fell back: sent again, it is refused again.
                _ if logged.refused.as_ref().is_some_and(|(code, _)| &**code == "other_content") => {
                    self.revise(station, logged, false).await?
                }
                _ if self.is_healing => self.release(station, &logged).await?,
                0 => self.release(station, &logged).await?,
                1 => self.close(station, &logged).await?,
                _ => self.revise(station, logged, false).await?,
            };
        }
        if outcome == "nothing" && !self.is_healing && drawn < 0.5 {
            let today = desk.today().await.unwrap();
            if !today.is_empty() {
                let which = self.random.random_range(0..today.len());
                let newest = visits.revisions(today[which].visit.content.id).await.unwrap().pop().expect("a visit has a revision");
                if newest.visit.content.voided.is_none() {
                    outcome = self.revise(station, newest, drawn < 0.15).await?;
                }
            }
        }
        self.note("person", station, outcome);
        self.check(station)?;
        self.settle(station);
        Ok(())
    }

    async fn release(&mut self, station: usize, logged: &LoggedVisit) -> Result<&'static str, Broken> {
        let running = self.stations[station].running.as_ref().unwrap();
        let (id, revision) = (logged.visit.content.id, logged.visit.content.revision);
        match running.engine.visits.release(id, revision).await {
            Ok(was_parked) => {
                holds(4, was_parked, || format!("station {station} lists a visit as refused that is not"))?;
                running.engine.handle.visit_saved();
                self.laws.decided(&(id.0, revision.0), State::Pending);
                self.befell("sent_again_as_it_is");
                Ok("sent again")
            }
            Err(storage::Error::Full) => Ok("full"),
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn close(&mut self, station: usize, logged: &LoggedVisit) -> Result<&'static str, Broken> {
        let running = self.stations[station].running.as_ref().unwrap();
        let (id, revision) = (logged.visit.content.id, logged.visit.content.revision);
        let (by, at) = (OperatorName::parse("Người Trực").unwrap(), running.engine.time.stamped().wall);
        match running.engine.visits.close_parked(id, revision, "ghi nhầm".into(), by, at).await {
            Ok(was_parked) => {
                holds(4, was_parked, || format!("station {station} lists a visit as refused that is not"))?;
                self.laws.decided(&(id.0, revision.0), State::Closed);
                self.befell("closed_with_a_note");
                Ok("closed")
            }
            Err(storage::Error::Full) => Ok("full"),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Corrects a visit, or takes it back.
    async fn revise(&mut self, station: usize, logged: LoggedVisit, is_void: bool) -> Result<&'static str, Broken> {
        let running = self.stations[station].running.as_ref().unwrap();
        let before = logged.visit.content;
        let revision = Revision(before.revision.0 + 1);
        let voided = is_void.then(|| "ghi nhầm người".into());
        let visit = NewVisit { revision, note: Some(format!("sửa lần {}", revision.0).into()), voided, ..before };
        match running.engine.visits.append(visit.clone()).await {
            Ok(saved) => {
                holds(6, matches!(saved, Saved::New(_)), || format!("station {station} had a correction before it was made"))?;
                running.engine.handle.visit_saved();
                self.laws.revised(station, &visit, saved.sequence().0)?;
                self.befell(if is_void { "taken_back" } else { "corrected" });
                Ok(if is_void { "taken back" } else { "corrected" })
            }
            Err(storage::Error::Full) => Ok("full"),
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(super) fn accept(&mut self, station: usize) {
        let Some(running) = &self.stations[station].running else { return };
        if running.engine.handle.accept_held() {
            self.befell("roster_held_and_agreed_to");
            self.note("accept", station, "");
            self.settle(station);
        }
    }
}
