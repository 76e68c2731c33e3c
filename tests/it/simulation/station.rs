//! One station: the product's own databases, desk, pull and push, over a simulated link and clock.
//!
//! Promise: nothing of the product is replaced but the connection and the clock; a kill leaves exactly the files as they are at that instant, copied while
//! nothing works on them. [`Station::begin`] is one turn of the engine and [`Station::next_due`] what the engine's own loop would wait for, without
//! waiting. Never: a sleep.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::domain::benefit::AttendanceCategory;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::clock::TimeKeeper;
use bhyt_agent::domain::contact::Ahead;
use bhyt_agent::domain::contact::Machine;
use bhyt_agent::domain::facility::FacilityClass;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::freshness::Thresholds;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::roster::StateDigest;
use bhyt_agent::domain::rules::RuleTables;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::storage::cards::CardStore;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::visits::VisitStore;
use bhyt_agent::sync::driver::Direction;
use bhyt_agent::sync::driver::Engine;
use bhyt_agent::sync::driver::Limits;
use bhyt_agent::sync::driver::Rest;
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::driver::Timing;
use bhyt_agent::sync::status::Link;
use bhyt_agent::sync::status::Trouble;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;

use super::clock::SimClock;
use super::link::Gate;
use super::link::Linked;
use super::link::SimLink;

/// The program the stations run was released before the run begins.
const RELEASED: &str = "2026-11-01T00:00:00Z";

const KEY: [u8; 32] = [7; 32];

/// The engine's own chance, seeded: a plain function, as the engine takes it.
pub(super) fn chance() -> f64 {
    CHANCE.with_borrow_mut(|random| random.random())
}

/// Begins the chances of a run. The run stays on this thread.
pub(super) fn seed_chance(seed: u64) {
    CHANCE.set(StdRng::seed_from_u64(seed));
}

thread_local! {
    static CHANCE: RefCell<StdRng> = RefCell::new(StdRng::seed_from_u64(0));
}

/// The running program of a station.
pub(super) struct Running {
    pub(super) desk: Desk,
    pub(super) engine: Arc<Engine<Linked>>,
    writers: Vec<JoinHandle<()>>,
}

impl Running {
    /// How the last try of a direction ended: a stable word, and whether our own disk was the reason.
    pub(super) fn outcome(&self, direction: Direction) -> (&'static str, bool) {
        let status = self.engine.handle.status();
        let status = status.borrow();
        let activity = match direction {
            Direction::Push => &status.push,
            Direction::Pull => &status.pull,
            Direction::Contact => &status.contact,
            Direction::Ask => &status.ask,
        };
        let trouble = activity.failing.as_ref().map(|failing| &failing.trouble);
        (trouble.map_or("well", Trouble::code), matches!(trouble, Some(Trouble::DiskFull | Trouble::Storage)))
    }
}

type Turn = Pin<Box<dyn Future<Output = Rest>>>;

/// Where a direction is.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) task: Option<Turn>,
    /// What is due is of this stamp; older events are void.
    pub(super) stamp: u64,
    pub(super) due: Option<i64>,
    rest: Option<Rest>,
}

/// A station, running or not.
pub(super) struct Station {
    pub(super) code: String,
    pub(super) clock: Arc<SimClock>,
    pub(super) link: Arc<SimLink>,
    pub(super) timing: Timing,
    /// What people show.
    pub(super) texts: Vec<String>,
    pub(super) running: Option<Running>,
    pub(super) lanes: [Lane; Direction::ALL.len()],
    pub(super) boots: u32,
    /// That went well.
    pub(super) contacts: u64,
    /// It heard of another ledger while a push was under way: which of that push's receipts it keeps, its own list tells.
    pub(super) is_push_in_doubt: bool,
    /// What the province had made of this machine when the program opened its disk.
    pub(super) word_before: Option<Word>,
    /// Starts of the program since the disk was put back; `None`: it was not.
    pub(super) starts_since_fall: Option<u32>,
    /// Contacts tried since the program started, to their end.
    pub(super) contact_tries: u32,
    /// Contacts that had got through before.
    pub(super) contacts_before: u64,
    pub(super) disk: Option<SmallDisk>,
    rules: Arc<RuleTables>,
    home: PathBuf,
    generation: u32,
}

impl Station {
    pub(super) fn new(
        code: String,
        home: PathBuf,
        clock: Arc<SimClock>,
        link: Arc<SimLink>,
        timing: Timing,
        rules: Arc<RuleTables>,
    ) -> Self {
        fs::create_dir_all(&home).unwrap();
        Self {
            code,
            clock,
            link,
            timing,
            texts: Vec::new(),
            running: None,
            lanes: Default::default(),
            boots: 0,
            contacts: 0,
            is_push_in_doubt: false,
            word_before: None,
            starts_since_fall: None,
            contact_tries: 0,
            contacts_before: 0,
            disk: None,
            rules,
            home,
            generation: 0,
        }
    }

    /// Puts the station's data on a disk that can be filled, where this machine lets us mount one.
    pub(super) fn use_small_disk(&mut self) {
        self.disk = SmallDisk::mount(&self.home);
    }

    fn data(&self) -> PathBuf {
        self.home.join(self.generation.to_string())
    }

    fn cards(&self) -> PathBuf {
        self.data().join("cards")
    }

    /// Where files are kept while they are fetched. Beside the data, so that a full disk of the visits' does not end a pull before it begins.
    fn parts(&self) -> PathBuf {
        self.home.with_extension("parts")
    }

    /// The machine starts, and with it the program.
    pub(super) async fn start(&mut self) {
        assert!(self.running.is_none());
        self.boots += 1;
        self.clock.boot(&format!("{}-{}", self.code, self.boots));
        self.open().await;
    }

    /// The program starts, as `app` starts it.
    pub(super) async fn open(&mut self) {
        let key = DatabaseKey::from_bytes(&KEY);
        let time = TimeKeeper::new(Arc::clone(&self.clock) as Arc<dyn bhyt_agent::domain::clock::Clock>, RELEASED.parse().unwrap());
        fs::create_dir_all(self.data()).unwrap();
        let (visits, visits_writer) = VisitStore::open(&self.data(), &key, time.clone()).unwrap();
        let (cards, cards_writer) = CardStore::open(&self.cards(), &key, time.clone()).unwrap();
        if let Some(cursor) = &cards.roster().borrow().cursor {
            time.vouched(cursor.published_at, cursor.signed_by.as_ref());
        }
        if let Some(at) = visits.last_arrival().await.unwrap() {
            time.recorded(at);
        }
        self.word_before = visits.machine().await.unwrap();
        self.starts_since_fall = self.starts_since_fall.map(|starts| starts + 1);
        (self.contact_tries, self.contacts_before) = (0, self.link.contacts());
        let handle = SyncHandle::new(Link::Ready);
        let desk = Desk::new(self.desk_station(), cards.clone(), visits.clone(), time.clone(), handle.clone());
        let engine = Engine {
            server: Linked(Arc::clone(&self.link)),
            cards,
            visits,
            time,
            parts: self.parts(),
            timing: self.timing.clone(),
            limits: Limits { daily_bytes: None, hold_above_percent: 30 },
            chance,
            handle,
        };
        for direction in Direction::ALL {
            let lane = &mut self.lanes[direction as usize];
            *lane = Lane { stamp: lane.stamp + 1, rest: Some(engine.first_rest(direction)), ..Lane::default() };
        }
        self.running = Some(Running { desk, engine: Arc::new(engine), writers: vec![visits_writer, cards_writer] });
    }

    fn desk_station(&self) -> bhyt_agent::desk::Station {
        bhyt_agent::desk::Station {
            facility: FacilityCode::parse(&self.code).unwrap(),
            class: FacilityClass::parse("commune_station").unwrap(),
            former_province: None,
            coverage_target: None,
            backup_late_after: None,
            name: None,
            rules: Arc::clone(&self.rules),
            next_rules: None,
            recheck_days: 30,
            thresholds: Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) },
            operator: OperatorName::parse("Người Trực").unwrap(),
            care_type: CareType::parse("01").unwrap(),
            category: AttendanceCategory::parse("1.2").unwrap(),
        }
    }

    /// On a disk that was slow for a moment an answer did not wait for its line in the access log: it is written before what comes next.
    pub(super) async fn settles(&self) {
        if let Some(running) = &self.running {
            running.desk.write_waiting().await;
            // Whoever wrote it lets go of the disk.
            tokio::task::yield_now().await;
        }
    }

    /// Ends the program in order.
    pub(super) fn stop(&mut self) {
        self.is_push_in_doubt = false;
        for lane in &mut self.lanes {
            lane.task = None;
            lane.stamp += 1;
        }
        self.link.forget();
        let Some(running) = self.running.take() else { return };
        let Running { desk, engine, writers } = running;
        drop((desk, engine));
        for writer in writers {
            writer.join().unwrap();
        }
    }

    /// Kills the program: the next start finds the files as they are now. Nothing works on them: tries under way wait for the link.
    pub(super) fn kill(&mut self) {
        if self.running.is_none() {
            return;
        }
        for lane in &mut self.lanes {
            lane.task = None;
        }
        let old = self.data();
        self.generation += 1;
        copy(&old, &self.data());
        self.stop();
        fs::remove_dir_all(old).unwrap();
    }

    /// Copies the disk as it is at this instant, as a backup of the machine does.
    pub(super) fn copy_disk(&self) {
        copy(&self.data(), &self.home.with_extension("backup"));
    }

    /// The disk is that copy again. The program must not be running.
    pub(super) fn put_disk_back(&mut self) {
        assert!(self.running.is_none());
        self.starts_since_fall = Some(0);
        fs::remove_dir_all(self.data()).unwrap();
        fs::rename(self.home.with_extension("backup"), self.data()).unwrap();
    }

    /// Whether the disk fell back and nothing could have got to the province since, be it from an earlier start of the program.
    pub(super) fn has_said_nothing_since_fall(&self) -> bool {
        self.starts_since_fall == Some(1) && !self.link.has_sent()
    }

    /// Overwrites a part of the roster's file. The program must not be running.
    pub(super) fn damage_cards(&self, share: f64) {
        assert!(self.running.is_none());
        let Ok(current) = fs::read_to_string(self.cards().join("current")) else { return };
        let path = self.cards().join(current.trim_end());
        let mut bytes = fs::read(&path).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a file")]
        let at = ((bytes.len().saturating_sub(64)) as f64 * share) as usize;
        for byte in bytes.iter_mut().skip(at).take(64) {
            *byte ^= 0x5a;
        }
        fs::write(path, bytes).unwrap();
    }

    /// One turn of the engine, ready to be driven.
    pub(super) fn begin(&mut self, direction: Direction) {
        let engine = Arc::clone(&self.running.as_ref().expect("only a running station tries").engine);
        let lane = &mut self.lanes[direction as usize];
        (lane.due, lane.rest) = (None, None);
        lane.task = Some(Box::pin(async move { engine.turn(direction).await }));
    }

    /// When the next turn of a direction begins, as the engine's loop would find by looking at its rest again and again. `None`: one is under way.
    pub(super) fn next_due(&mut self, direction: Direction, now: i64) -> Option<i64> {
        let engine = &self.running.as_ref()?.engine;
        let lane = &mut self.lanes[direction as usize];
        let rest = lane.rest.as_mut()?;
        engine.take_in(direction, rest);
        let begun = engine.time.stamped();
        let (mut reading, mut passed) = (begun.clone(), Duration::ZERO);
        while !rest.is_over(&reading) {
            passed += rest.sleep(&reading).max(Duration::from_millis(1));
            reading.wall = begun.wall + passed;
            reading.since_boot = begun.since_boot + passed;
        }
        let milliseconds = passed.as_nanos().div_ceil(1_000_000);
        Some(now + i64::try_from(milliseconds).unwrap())
    }

    /// Whether the server's own pause keeps a direction from trying.
    pub(super) fn is_ordered_to_wait(&self, direction: Direction) -> bool {
        let Some(running) = &self.running else { return false };
        let rest = self.lanes[direction as usize].rest.as_ref();
        rest.is_some_and(|rest| !rest.ordered(&running.engine.time.stamped()).is_zero())
    }

    /// Drives a turn until it ends, waits for virtual time, or is killed. Returns whether it has ended.
    pub(super) async fn drive(&mut self, direction: Direction) -> bool {
        let lane = &mut self.lanes[direction as usize];
        let Some(task) = lane.task.as_mut() else { return false };
        let link = &self.link;
        let rest = std::future::poll_fn(|context| match task.as_mut().poll(context) {
            Poll::Ready(rest) => Poll::Ready(Some(rest)),
            Poll::Pending if link.gate(direction) != Gate::Open => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        if rest.is_some() {
            (lane.task, lane.rest) = (None, rest);
        }
        lane.task.is_none()
    }

    /// The digest of the rows on the disk, computed here.
    pub(super) fn rows_digest(&self) -> String {
        let current = fs::read_to_string(self.cards().join("current")).unwrap();
        let db = open_encrypted(&self.cards().join(current.trim_end()));
        let mut digest = StateDigest::default();
        let mut statement = db.prepare("SELECT * FROM card ORDER BY id").unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let mut values = RosterRow::default();
            for (at, value) in values.0.iter_mut().enumerate() {
                *value = row.get(at).unwrap();
            }
            digest.add(&values);
        }
        digest.finish().to_hex()
    }
}

/// What the province makes of a machine, the visits that only it holds, and since when.
pub(super) type Word = (Machine, Option<Ahead>, DateTime<Utc>);

/// How many visits a disk has been told that only the province holds.
pub(super) fn missing_in(word: Option<Word>) -> u64 {
    word.and_then(|(_, ahead, _)| ahead).map_or(0, |ahead| ahead.visits)
}

#[expect(clippy::disallowed_methods, reason = "somebody else's eyes are what is wanted")]
fn open_encrypted(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    let key = format!("{:02x}", KEY[0]).repeat(KEY.len());
    db.execute_batch(&format!("PRAGMA key = \"x'{key}'\"; PRAGMA query_only = ON")).unwrap();
    db
}

/// Copies a folder of databases as a kill would leave it: files and logs, without what the processes shared.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A file system of its own, taken away at the end.
pub(super) struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(home: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "none"]).arg(home).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            Some(Self(home.to_owned()))
        } else {
            println!("no full disk in this run: no file system can be mounted here");
            None
        }
    }

    /// Takes all room that is left.
    pub(super) fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        for size in [64 << 10, 512] {
            while std::io::Write::write_all(&mut filler, &vec![1; size]).is_ok() {}
        }
    }

    pub(super) fn make_room(&self) {
        let _ = fs::remove_file(self.0.join("filler"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
