//! The world: stations, links and a province, moved from event to event by one queue, in one thread.
//!
//! Promise: whatever is chosen is chosen by the run's seed, and the order of events is that of their virtual time; the digest of a run is made of what
//! happened, without the ids that the product draws for itself. After each event the laws are asked. Never: two tries worked on at once, though many
//! may be under way.

mod checks;
mod people;
mod setup;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use bhyt_agent::desk::CheckInError;
use bhyt_agent::domain::clock::Clock;
use bhyt_agent::domain::roster::Sha256Digest;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::storage;
use bhyt_agent::sync::driver::Direction;
use provincial::Person;
use provincial::Province;
use rand::RngExt;
use rand::rngs::StdRng;
use sha2::Digest;
use sha2::Sha256;

use super::clock::DAY;
use super::clock::HOUR;
use super::clock::MINUTE;
use super::clock::SECOND;
use super::clock::VirtualTime;
use super::clock::instant;
use super::faults::OF_PROVINCE;
use super::faults::OF_STATIONS;
use super::faults::draw_fate;
use super::laws::Broken;
use super::laws::Copied;
use super::laws::Evidence;
use super::laws::Laws;
use super::laws::holds;
use super::link::Gate;
use super::link::Lie;
use super::link::Network;
use super::station::Station;

/// What a run is made of.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) stations: usize,
    pub(super) days: i64,
    pub(super) visits_a_day: u32,
    pub(super) people: usize,
    pub(super) publications_a_day: u32,
    /// Factor of all rates of faults; 0: none.
    pub(super) trouble: f64,
    pub(super) pull: &'static str,
    pub(super) push: &'static str,
    pub(super) contact: &'static str,
    /// All must be well so long after the last fault: the longest a visit is put off, and a turn of the timetables.
    pub(super) healing: i64,
    pub(super) lie: Option<Lie>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) visits: u64,
    pub(super) turned_away: u64,
    /// Visits that were on a station's disk only when it fell back.
    pub(super) lost_with_disks: u64,
    /// Disks that fell back and were heard of; of those, before a visit could have gone: they were told exactly what was missing; and how much that was.
    pub(super) falls: (u64, u64, u64),
    pub(super) rounds: BTreeMap<String, u64>,
    /// What the answers at the desks rested on.
    pub(super) knowledge: BTreeMap<&'static str, u64>,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) steps: u64,
    /// Pushes that delivered while a pull hung.
    pub(super) past_a_pull: u64,
    pub(super) longest_healing: i64,
    /// The machine's time by kind of event: how often, and microseconds. No part of the digest.
    pub(super) spent: BTreeMap<&'static str, (u64, u128)>,
    pub(super) digest: String,
}

/// Midnight in Vietnam.
const BEGINNING: &str = "2026-11-22T17:00:00Z";
/// A push begins so soon after a visit was saved, unless it waits after a failure of its own.
const PROMPT: i64 = SECOND;

#[derive(Clone, Copy, Debug)]
enum Event {
    Day(usize),
    ProvinceDay,
    Visit(usize),
    Due {
        station: usize,
        direction: Direction,
        stamp: u64,
    },
    Resume {
        station: usize,
        direction: Direction,
        stamp: u64,
    },
    Publish(usize),
    Happens {
        station: usize,
        row: usize,
    },
    ProvinceHappens {
        row: usize,
    },
    ProvinceUp,
    Boot(usize),
    BackOnline(usize),
    Room(usize),
    Late(usize),
    /// Somebody goes through the list of what was refused, and corrects what was mistaken.
    Person(usize),
    /// Somebody agrees to a roster that was held back.
    Accept(usize),
    /// The province's ledger falls back to this copy.
    PutBack(usize),
    FallBack(usize),
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Day(_) | Self::ProvinceDay => "day",
            Self::Visit(_) => "visit",
            Self::Due { direction, .. } | Self::Resume { direction, .. } => direction.name(),
            Self::Publish(_) => "publish",
            Self::Happens { .. } | Self::ProvinceHappens { .. } => "happening",
            Self::Person(_) | Self::Accept(_) => "person",
            Self::PutBack(_) | Self::FallBack(_) => "put back",
            Self::Boot(_) | Self::ProvinceUp => "boot",
            Self::BackOnline(_) | Self::Room(_) | Self::Late(_) => "other",
        }
    }
}

/// A copy of a station's disk.
struct Copy {
    said: Copied,
    /// How many contacts had gone well.
    contacts: u64,
    /// What is to be told as missing by the last contact that got through, where that is certain.
    to_tell: Option<u64>,
    /// It was told of the fall.
    was_told: bool,
}

/// One run.
pub(super) struct World {
    plan: Plan,
    random: StdRng,
    time: Arc<VirtualTime>,
    end: i64,
    is_healing: bool,
    /// By instant, and among equals by the order in which they were made.
    queue: BTreeMap<(i64, u64), Event>,
    events: u64,
    stations: Vec<Station>,
    network: Arc<Network>,
    late: Vec<Option<(String, Bytes)>>,
    backups: Vec<PathBuf>,
    /// Who has left a roster in an upheaval.
    away: BTreeMap<usize, Vec<Person>>,
    /// Copies of stations' disks that will be put back, and those that were and have not been heard since.
    copies: BTreeMap<usize, Copy>,
    fallen: BTreeMap<usize, Copy>,
    laws: Laws,
    report: Report,
    begun: Instant,
    digest: Sha256,
    province_dir: PathBuf,
    /// The last to go: everything lies in it.
    folder: tempfile::TempDir,
}

impl World {
    fn province(&self) -> Province {
        self.network.province.lock().unwrap().clone().expect("the province is up")
    }

    fn at(&mut self, at: i64, event: Event) {
        self.events += 1;
        self.queue.insert((at.max(self.time.now()), self.events), event);
    }

    fn note(&mut self, what: &str, station: usize, outcome: &str) {
        self.report.steps += 1;
        let line = format!("{} {what} {station} {outcome}\n", self.time.now());
        if std::env::var_os("SIMULATION_TRACE").is_some() {
            print!("{line}");
        }
        self.digest.update(line);
    }

    fn befell(&mut self, fault: &'static str) {
        *self.report.faults.entry(fault).or_default() += 1;
    }

    fn trouble(&self) -> f64 {
        if self.is_healing { 0.0 } else { self.plan.trouble }
    }

    /// Runs to the end and through the healing.
    pub(super) async fn run(mut self) -> Result<Report, String> {
        match self.run_inner().await {
            Ok(()) => {
                self.report.visits = self.laws.saved_visits();
                self.report.faults.append(&mut self.network.befell.lock().unwrap());
                self.report.digest = Sha256Digest(self.digest.finalize().into()).to_hex();
                Ok(self.report)
            }
            Err(broken) => Err(format!("{broken}, at {}, seed {}, {:?}", instant(self.time.now()), self.plan.seed, self.plan)),
        }
    }

    async fn run_inner(&mut self) -> Result<(), Broken> {
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at < self.end
        {
            self.next().await?;
        }
        self.heal().await
    }

    async fn next(&mut self) -> Result<(), Broken> {
        let Some(((at, _), event)) = self.queue.pop_first() else { return Ok(()) };
        self.time.move_to(at);
        let begun = Instant::now();
        let outcome = self.handle(event).await;
        let spent = self.report.spent.entry(event.name()).or_default();
        *spent = (spent.0 + 1, spent.1 + begun.elapsed().as_micros());
        outcome
    }

    async fn handle(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Day(station) => self.day(station).await,
            Event::ProvinceDay => {
                self.province_day();
                Ok(())
            }
            Event::Visit(station) => self.visit(station).await,
            Event::Due { station, direction, stamp } => self.begin(station, direction, stamp).await,
            Event::Resume { station, direction, stamp } if self.stations[station].lanes[direction as usize].stamp == stamp => {
                self.drive(station, direction).await
            }
            Event::Resume { .. } => Ok(()),
            Event::Publish(station) => {
                self.change_and_publish(station);
                Ok(())
            }
            Event::Happens { station, row } => self.happens(station, row).await,
            Event::ProvinceHappens { row } => {
                self.province_happens(row);
                Ok(())
            }
            Event::Person(station) => self.person(station).await,
            Event::Accept(station) => {
                self.accept(station);
                Ok(())
            }
            Event::PutBack(number) => {
                self.put_back(number);
                Ok(())
            }
            Event::FallBack(station) => self.fall_back(station),
            Event::ProvinceUp => {
                self.bring_province_up();
                Ok(())
            }
            Event::Boot(station) => {
                if self.stations[station].running.is_none() {
                    self.start(station).await;
                }
                self.check(station)
            }
            Event::BackOnline(station) => {
                self.stations[station].link.set_offline(false);
                Ok(())
            }
            Event::Room(station) => {
                self.make_room(station);
                Ok(())
            }
            Event::Late(number) => self.deliver_late(number).await,
        }
    }

    /// A day of a station: who comes, what is published, what goes wrong.
    async fn day(&mut self, station: usize) -> Result<(), Broken> {
        let now = self.time.now();
        self.check_list(station).await?;
        if now + DAY < self.end {
            self.at(now + DAY, Event::Day(station));
        }
        for _ in 0..self.plan.visits_a_day {
            let at = now + self.random.random_range(7 * HOUR..17 * HOUR);
            self.at(at, Event::Visit(station));
        }
        for _ in 0..self.plan.publications_a_day {
            let at = now + self.random.random_range(0..DAY);
            self.at(at, Event::Publish(station));
        }
        for _ in 0..3 {
            let at = now + self.random.random_range(7 * HOUR..17 * HOUR);
            self.at(at, Event::Person(station));
        }
        let trouble = self.trouble();
        for (number, row) in OF_STATIONS.iter().enumerate() {
            if row.happens(&mut self.random, trouble) {
                let at = now + self.random.random_range(0..DAY);
                self.at(at, Event::Happens { station, row: number });
            }
        }
        Ok(())
    }

    fn province_day(&mut self) {
        let (now, trouble) = (self.time.now(), self.trouble());
        if self.plan.days > 3 {
            let (day, steps, saved, seconds) = (instant(now), self.report.steps, self.laws.saved_visits(), self.begun.elapsed().as_secs());
            println!("SIMULATION_SEED={} {day}: {saved} visits, {steps} steps in {seconds} s, no law broken so far", self.plan.seed);
        }
        if now + DAY < self.end {
            self.at(now + DAY, Event::ProvinceDay);
        }
        for (number, row) in OF_PROVINCE.iter().enumerate() {
            if row.happens(&mut self.random, trouble) {
                let at = now + self.random.random_range(0..DAY);
                self.at(at, Event::ProvinceHappens { row: number });
            }
        }
    }

    async fn start(&mut self, station: usize) {
        self.stations[station].start().await;
        self.settle(station);
    }

    /// Asks the engine when its directions are due, after whatever may have woken them.
    fn settle(&mut self, station: usize) {
        let now = self.time.now();
        for direction in Direction::ALL {
            let due = self.stations[station].next_due(direction, now);
            let lane = &mut self.stations[station].lanes[direction as usize];
            if due == lane.due {
                continue;
            }
            lane.stamp += 1;
            lane.due = due;
            let stamp = lane.stamp;
            if let Some(at) = due {
                self.at(at, Event::Due { station, direction, stamp });
            }
        }
    }

    async fn visit(&mut self, station: usize) -> Result<(), Broken> {
        if self.is_healing {
            return Ok(());
        }
        let (which, again) = (self.random.random_range(0..self.stations[station].texts.len()), self.random.random_bool(0.03));
        let Some(running) = &self.stations[station].running else {
            self.report.turned_away += 1;
            return Ok(());
        };
        let desk = running.desk.clone();
        let handle = running.engine.handle.clone();
        let lookup = desk.look_up(&self.stations[station].texts[which]).await.expect("an answer from the disk");
        *self.report.knowledge.entry(lookup.verdict.knowledge.code()).or_default() += 1;
        if let Some(wanted) = lookup.wanted() {
            handle.ask(wanted);
            self.settle(station);
        }
        let reading = self.stations[station].clock.read();
        let outcome = match desk.check_in(&lookup).await {
            Ok(saved) => {
                let boot_ms = u64::try_from(reading.since_boot.as_millis()).unwrap();
                let evidence = Evidence { sequence: saved.sequence.0, at: saved.at, boot_id: &reading.boot_id, boot_ms };
                self.laws.saved(station, &lookup, &evidence)?;
                if again {
                    let second = desk.check_in(&lookup).await;
                    let is_same = matches!(&second, Ok(second) if second.already_saved && second.sequence == saved.sequence);
                    holds(6, is_same, || format!("the same look-up again became another visit at station {station}: {second:?}"))?;
                }
                self.settle(station);
                let station = &self.stations[station];
                let push = &station.lanes[Direction::Push as usize];
                let is_prompt = push.task.is_some() || push.due.is_some_and(|due| due <= self.time.now() + PROMPT);
                holds(8, is_prompt || station.is_ordered_to_wait(Direction::Push), || {
                    format!("a visit was saved at station {}, and nothing sends it", station.code)
                })?;
                "saved"
            }
            Err(CheckInError::Storage(storage::Error::Full)) => {
                self.report.turned_away += 1;
                "full"
            }
            Err(error) => panic!("a desk that cannot save: {error:?}"),
        };
        self.note("visit", station, outcome);
        self.check(station)
    }

    async fn begin(&mut self, station: usize, direction: Direction, stamp: u64) -> Result<(), Broken> {
        let lane = &self.stations[station].lanes[direction as usize];
        if lane.stamp != stamp || lane.task.is_some() || self.stations[station].running.is_none() {
            return Ok(());
        }
        let trouble = self.trouble();
        let fate = draw_fate(&mut self.random, direction, trouble);
        // A question is given up after seconds of the machine's own time: it must not hang on the virtual one.
        let latency = if direction == Direction::Ask { 0 } else { self.random.random_range(50..800) };
        self.stations[station].link.begin(direction, fate, latency);
        self.stations[station].begin(direction);
        self.drive(station, direction).await
    }

    /// Works on a try until it ends or waits.
    async fn drive(&mut self, station: usize, direction: Direction) -> Result<(), Broken> {
        let contacts = self.stations[station].link.contacts();
        // One that was answered counts from then on, whatever else is said in it.
        let has_asked = self.stations[station].contact_tries > 0 || contacts > self.stations[station].contacts_before;
        let has_ended = self.stations[station].drive(direction).await;
        self.laws.read_ledger()?;
        holds(9, has_asked || !self.stations[station].link.has_sent(), || {
            format!("station {station} sent a visit before it tried a contact")
        })?;
        if self.stations[station].link.contacts() > contacts
            && let Some(copy) = self.fallen.get_mut(&station)
        {
            let is_certain = self.stations[station].has_said_nothing_since_fall();
            copy.to_tell = if is_certain { self.laws.missing_since(station, &copy.said) } else { None };
        }
        let posted = core::mem::take(&mut *self.network.late.lock().unwrap());
        for (at, code, body) in posted {
            self.late.push(Some((code, body)));
            self.at(at, Event::Late(self.late.len() - 1));
        }
        if direction == Direction::Contact {
            self.hear(station, has_ended).await?;
        }
        match (has_ended, self.stations[station].link.gate(direction)) {
            (true, _) => self.tried(station, direction).await,
            (false, Gate::Killed) => {
                self.note("killed in", station, direction.name());
                self.kill(station)
            }
            (false, Gate::AsleepUntil(at)) => {
                let stamp = self.stations[station].lanes[direction as usize].stamp;
                self.at(at, Event::Resume { station, direction, stamp });
                self.hand_over(station, direction).await
            }
            (false, Gate::Open) => unreachable!("a try that neither ended nor waits"),
        }
    }

    /// What was handed to a push and is on its disk: all of it but where the disk failed.
    async fn hand_over(&mut self, station: usize, direction: Direction) -> Result<(), Broken> {
        if direction == Direction::Push {
            let handed = self.stations[station].link.take_handed();
            self.keep_handed(station, &handed, false).await?;
        }
        self.check(station)
    }

    async fn keep_handed(&mut self, station: usize, handed: &[Receipt], has_disk_failed: bool) -> Result<(), Broken> {
        if has_disk_failed || self.stations[station].is_push_in_doubt {
            let unsent = self.listed(station).await;
            return self.laws.recount(station, handed, &unsent);
        }
        self.laws.delivered(station, handed)
    }

    async fn tried(&mut self, station: usize, direction: Direction) -> Result<(), Broken> {
        let (outcome, is_ours) = self.stations[station].running.as_ref().unwrap().outcome(direction);
        *self.report.rounds.entry(format!("{} {outcome}", direction.name())).or_default() += 1;
        if direction == Direction::Push {
            let handed = self.stations[station].link.take_handed();
            self.keep_handed(station, &handed, is_ours).await?;
            self.stations[station].is_push_in_doubt = false;
            let pull_hangs = self.stations[station].lanes[Direction::Pull as usize].task.is_some();
            self.report.past_a_pull += u64::from(pull_hangs && !handed.is_empty());
        }
        if (direction, outcome) == (Direction::Pull, "held") {
            let at = self.time.now() + if self.is_healing { MINUTE } else { self.random.random_range(10 * MINUTE..10 * HOUR) };
            self.at(at, Event::Accept(station));
        }
        self.note(direction.name(), station, outcome);
        self.check(station)?;
        self.settle(station);
        if direction == Direction::Contact {
            self.first_contact_ended(station)?;
        }
        Ok(())
    }

    /// Visits wait for one try of a contact and no longer.
    fn first_contact_ended(&mut self, number: usize) -> Result<(), Broken> {
        let station = &mut self.stations[number];
        station.contact_tries += 1;
        let pending = station.running.as_ref().map_or(0, |running| running.engine.visits.counts().borrow().pending);
        let push = &station.lanes[Direction::Push as usize];
        let goes = push.task.is_some() || push.due.is_some_and(|due| due <= self.time.now() + PROMPT);
        holds(8, station.contact_tries > 1 || pending == 0 || station.link.has_sent() || goes, || {
            format!("{pending} visits waited for a contact at station {number}, it was tried, and nothing sends them")
        })
    }
}
