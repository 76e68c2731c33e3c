//! What goes wrong with stations and province beside the links, and what the province does of its own accord.
//!
//! Promise: each happening is what its name says and ends by an event of its own. Never: a change to what a desk has said, or to the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;

use bhyt_agent::domain::contact::Machine;
use bhyt_agent::sync::driver::Direction;
use provincial::Person;
use provincial::Province;
use rand::RngExt;

use super::Copy;
use super::Event;
use super::World;
use crate::simulation::clock::DAY;
use crate::simulation::clock::HOUR;
use crate::simulation::clock::MINUTE;
use crate::simulation::clock::SECOND;
use crate::simulation::clock::instant;
use crate::simulation::faults::Happening;
use crate::simulation::faults::OF_PROVINCE;
use crate::simulation::faults::OF_STATIONS;
use crate::simulation::laws::Broken;
use crate::simulation::laws::holds;
use crate::simulation::link::Lie;
use crate::simulation::station::missing_in;

impl World {
    pub(super) fn kill(&mut self, station: usize) -> Result<(), Broken> {
        if self.stations[station].running.is_none() {
            return Ok(());
        }
        // What a push was handed and stored before it was killed.
        let handed = self.stations[station].link.take_handed();
        self.laws.delivered(station, &handed)?;
        self.make_room(station);
        self.stations[station].kill();
        let at = self.time.now() + self.random.random_range(10 * SECOND..HOUR);
        self.at(at, Event::Boot(station));
        Ok(())
    }

    pub(super) fn make_room(&mut self, station: usize) {
        if let Some(disk) = &self.stations[station].disk {
            disk.make_room();
        }
    }

    pub(super) fn publish(&mut self, station: usize) {
        let now = instant(self.time.now()).fixed_offset();
        let published = self.province().publish(&self.stations[station].code, now).expect("a publication");
        self.laws.published(station, &published.index);
    }

    /// A night at the province: renewals, and now and then somebody leaves the roster or comes back to it.
    pub(super) fn change_and_publish(&mut self, station: usize) {
        let (seed, share, gone) =
            (self.random.random(), self.random.random_range(0.0..0.05), self.random.random_range(0..self.plan.people));
        if self.network.province.lock().unwrap().is_none() {
            return;
        }
        let code = self.stations[station].code.clone();
        if share < 0.02
            && let Some(back) = self.away.remove(&station)
        {
            self.province().edit_people(&code, |state| state.extend(back.into_iter().map(|person| (person.id.clone(), person)))).unwrap();
        }
        self.province().change_validity(&code, share, seed).unwrap();
        self.province()
            .edit_people(&code, |state| {
                let somebody = state.keys().nth(gone % state.len().max(1)).cloned();
                if state.len() > self.plan.people / 2
                    && let Some(id) = somebody
                {
                    state.remove(&id);
                }
            })
            .unwrap();
        self.publish(station);
        self.note("publish", station, "");
    }

    pub(super) async fn happens(&mut self, station: usize, row: usize) -> Result<(), Broken> {
        if self.is_healing {
            return Ok(());
        }
        self.stations[station].settles().await;
        let (what, name) = (OF_STATIONS[row].what, OF_STATIONS[row].name);
        let (now, share) = (self.time.now(), self.random.random::<f64>());
        let hours = self.random.random_range(HOUR..12 * HOUR);
        let is_running = self.stations[station].running.is_some();
        let is_up = self.network.province.lock().unwrap().is_some();
        match what {
            Happening::Kill => self.kill(station)?,
            Happening::CardsDamaged if is_running => {
                self.kill(station)?;
                self.stations[station].damage_cards(share);
            }
            Happening::Restart if is_running => {
                let handed = self.stations[station].link.take_handed();
                self.laws.delivered(station, &handed)?;
                self.make_room(station);
                self.stations[station].stop();
                self.stations[station].open().await;
                self.settle(station);
                self.check(station)?;
            }
            Happening::ClockJump => {
                let skew = match self.random.random_range(0..5) {
                    0 => -11 * 365 * DAY,
                    1 => 11 * 365 * DAY,
                    2 => self.random.random_range(-30 * DAY..30 * DAY),
                    _ => self.random.random_range(-HOUR..HOUR),
                };
                self.set_clock(station, skew);
            }
            Happening::ClockRight => self.set_clock(station, 0),
            Happening::Offline => {
                self.stations[station].link.set_offline(true);
                let until = now + if share < 0.1 { 3 * DAY } else { hours };
                self.at(until, Event::BackOnline(station));
            }
            Happening::DiskFull if is_running && self.stations[station].disk.is_some() => {
                self.stations[station].disk.as_ref().unwrap().fill();
                self.at(now + hours / 4, Event::Room(station));
            }
            Happening::NewSession if is_up => {
                self.province().new_session(&self.stations[station].code).unwrap();
                self.publish(station);
            }
            Happening::Rewritten if is_up => {
                // Of a serial that the station may hold, or of one that it has not seen yet.
                let is_fresh = share < 0.5;
                if is_fresh {
                    self.change_and_publish(station);
                }
                self.rewrite(station, !is_fresh);
            }
            Happening::Upheaval if is_up && !self.away.contains_key(&station) => self.upheave(station),
            Happening::DiskFallsBack
                if is_running
                    && self.stations[station].disk.is_none()
                    && !self.copies.contains_key(&station)
                    && !self.fallen.contains_key(&station) =>
            {
                self.stations[station].copy_disk();
                let copy =
                    Copy { said: self.laws.copied(station), contacts: self.stations[station].contacts, to_tell: None, was_told: false };
                self.copies.insert(station, copy);
                self.at(now + HOUR + 3 * hours, Event::FallBack(station));
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.befell(name);
        self.note(name, station, "");
        Ok(())
    }

    pub(super) fn set_clock(&mut self, station: usize, skew: i64) {
        self.stations[station].clock.set_skew(skew);
        self.settle(station);
    }

    /// An index that says something else than before of a serial, signed by the real key: of its state, and where asked for of its newest delta.
    pub(super) fn rewrite(&mut self, station: usize, with_delta: bool) {
        let code = self.stations[station].code.clone();
        let now = instant(self.time.now()).fixed_offset();
        let mut index = self.province().publish(&code, now).expect("a publication").index;
        let digits: String = index.state_sha256.chars().rev().collect();
        index.state_sha256 = digits;
        if let Some(last) = index.deltas.last_mut().filter(|_| with_delta) {
            *last = self.province().forge_sealed(&code, last.serial, b"{}\n").expect("a sealed file");
        }
        self.province().forge_index(&code, &index).expect("an index");
    }

    /// Four in ten leave a roster in one night.
    fn upheave(&mut self, station: usize) {
        let code = self.stations[station].code.clone();
        let leave = |state: &mut BTreeMap<String, Person>| {
            let gone: Vec<_> = state.keys().step_by(5).chain(state.keys().skip(1).step_by(5)).cloned().collect();
            gone.iter().filter_map(|id| state.remove(id)).collect()
        };
        let away = self.province().edit_people(&code, leave).unwrap();
        self.away.insert(station, away);
        self.publish(station);
    }

    /// The disk of a station is again what it was when it was copied.
    pub(super) fn fall_back(&mut self, station: usize) -> Result<(), Broken> {
        let Some(copy) = self.copies.remove(&station).filter(|_| !self.is_healing) else { return Ok(()) };
        self.kill(station)?;
        self.stations[station].put_disk_back();
        self.report.lost_with_disks += self.laws.fell_back(station, &copy.said);
        self.laws.forget_roster(station);
        self.fallen.insert(station, copy);
        self.befell("disk_fell_back");
        self.note("disk fell back", station, "");
        Ok(())
    }

    /// After a contact: whether the station knows now which ledger the province has, and that its own disk fell back.
    pub(super) async fn hear(&mut self, station: usize, has_ended: bool) -> Result<(), Broken> {
        let Some(running) = &self.stations[station].running else { return Ok(()) };
        let (visits, went_well) = (running.engine.visits.clone(), has_ended && running.outcome(Direction::Contact).0 == "well");
        if let Some(copy) = self.fallen.get_mut(&station) {
            // Told, and on its disk, though what else was to be said in that contact did not get through.
            let word = visits.machine().await.unwrap();
            copy.was_told |= word != self.stations[station].word_before && word.is_some_and(|(machine, ..)| machine == Machine::FellBack);
        }
        if went_well {
            let word = visits.machine().await.unwrap();
            let (machine, told) = (word.map(|(machine, ..)| machine), missing_in(word));
            holds(9, machine.is_some_and(|machine| machine != Machine::Copied), || {
                format!("station {station} is told that it was copied")
            })?;
            if let Some(copy) = self.fallen.remove(&station) {
                // Of one contact the answer may have been lost with the disk: then it is the same one again.
                let must_tell = self.stations[station].contacts > copy.contacts + 1 && self.laws.restores == copy.said.restores;
                holds(9, !must_tell || copy.was_told || machine == Some(Machine::FellBack), || {
                    format!("the disk of station {station} fell back, and the province tells {machine:?}")
                })?;
                self.told_of_fall(station, &copy, told)?;
            }
            self.laws.told(station, told)?;
            self.stations[station].contacts += 1;
        }
        if self.laws.has_heard(station) || self.fallen.contains_key(&station) {
            return Ok(());
        }
        let known = visits.ledger().await.unwrap().map(|ledger| ledger.to_string());
        if known.as_deref() == Some(self.laws.identity.as_str()) {
            let unsent = self.listed(station).await;
            self.laws.heard(station, &unsent)?;
            // A push under way asks again about what it was answered before.
            self.stations[station].is_push_in_doubt = self.stations[station].lanes[Direction::Push as usize].task.is_some();
        }
        Ok(())
    }

    /// At the first contact after a fall, if no visit could have gone before it: what is said to be missing is exactly what the disk lost and the province has.
    fn told_of_fall(&mut self, number: usize, copy: &Copy, told: u64) -> Result<(), Broken> {
        let station = &mut self.stations[number];
        station.starts_since_fall = None;
        let (falls, exactly, visits) = &mut self.report.falls;
        *falls += 1;
        let Some(missing) = copy.to_tell else { return Ok(()) };
        (*exactly, *visits) = (*exactly + 1, *visits + missing);
        let before = missing_in(station.word_before);
        holds(9, told == before + missing, || {
            format!(
                "the disk of station {number} lost {missing} visits that the province has, and lacked {before} before: it is told of {told}"
            )
        })
    }

    pub(super) fn province_happens(&mut self, row: usize) {
        let what = OF_PROVINCE[row].what;
        if self.is_healing || self.network.province.lock().unwrap().is_none() {
            return;
        }
        match what {
            Happening::ProvinceRestored => {
                let copy = self.folder.path().join(format!("backup-{}.db", self.backups.len()));
                self.province().back_up(&copy).expect("a backup");
                self.backups.push(copy);
                let at = self.time.now() + self.random.random_range(MINUTE..2 * DAY);
                self.at(at, Event::PutBack(self.backups.len() - 1));
                return;
            }
            Happening::KeyRotated => {
                self.province().rotate_index_key().expect("another key");
                for station in 0..self.stations.len() {
                    self.publish(station);
                }
            }
            _ => self.take_province_down(),
        }
        self.befell(OF_PROVINCE[row].name);
    }

    /// A backup is put back, as an operator does it.
    pub(super) fn put_back(&mut self, number: usize) {
        if self.is_healing {
            return;
        }
        self.bring_province_up();
        let province = self.province();
        province.set_clock(Some(instant(self.time.now()).fixed_offset()));
        self.laws.close_ledger();
        province.put_back(&self.backups[number]).expect("the backup is put back");
        if self.plan.lie != Some(Lie::Backup) {
            province.restored().expect("the province knows of it");
        }
        self.laws.restored();
        self.network.restores.fetch_add(1, Ordering::Relaxed);
        for station in 0..self.stations.len() {
            self.publish(station);
        }
        let _ = fs::remove_file(&self.backups[number]);
        self.befell("province_restored");
        self.note("province", 0, "restored");
    }

    pub(super) fn take_province_down(&mut self) {
        if self.is_healing || self.network.province.lock().unwrap().take().is_none() {
            return;
        }
        self.note("province", 0, "down");
        let at = self.time.now() + self.random.random_range(SECOND..2 * HOUR);
        self.at(at, Event::ProvinceUp);
    }

    pub(super) fn bring_province_up(&mut self) {
        let mut province = self.network.province.lock().unwrap();
        if province.is_none() {
            let opened = Province::open(&self.province_dir).expect("the province opens again");
            opened.trust_the_disk().expect("no plug is pulled here");
            *province = Some(opened);
        }
    }

    pub(super) async fn deliver_late(&mut self, number: usize) -> Result<(), Broken> {
        let Some((code, body)) = self.late[number].take() else { return Ok(()) };
        self.network.deliver_again(&code, body).await;
        self.note("late", number, "");
        self.laws.read_ledger()
    }
}
