//! One station: the product's own databases, desk, pull and push, over a simulated link and clock.
//!
//! Promise: nothing of the product is replaced but the connection and the clock; a kill leaves exactly the files as they are at that instant, copied while
//! nothing works on them. [`one_try`] is one try of a direction and [`Lane::rest`] when the next is due: the only places that know how the
//! engine goes about it. Never: a sleep.

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
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::pull::Pull;
use bhyt_agent::sync::pull::PullError;
use bhyt_agent::sync::push::BatchSize;
use bhyt_agent::sync::push::Push;
use bhyt_agent::sync::push::PushError;
use bhyt_agent::sync::push::Pushed;
use bhyt_agent::sync::schedule;
use bhyt_agent::sync::schedule::Timetable;
use bhyt_agent::sync::status::Link;
use bhyt_agent::sync::status::Trouble;
use bhyt_agent::upstream;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;

use super::clock::SimClock;
use super::link::Gate;
use super::link::SimLink;

/// A direction of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Pull = 0,
    Push = 1,
}

/// When a station's directions run of their own accord, and the cap of their pauses.
#[derive(Clone)]
pub(super) struct Timing {
    pub(super) pull: Timetable,
    pub(super) push: Timetable,
}

/// As it is where the configuration says nothing.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// The program the stations run was released before the run begins.
const RELEASED: &str = "2026-11-01T00:00:00Z";

const KEY: [u8; 32] = [7; 32];

/// The running program of a station.
pub(super) struct Running {
    pub(super) desk: Desk,
    pub(super) cards: CardStore,
    pub(super) visits: VisitStore,
    time: TimeKeeper,
    size: Arc<BatchSize>,
    writers: Vec<JoinHandle<()>>,
}

/// How a try ended.
pub(super) enum Tried {
    Done { asked_nobody: bool, also_at: Option<DateTime<Utc>> },
    Failed { code: &'static str, asked: Option<Duration>, is_ours: bool },
}

impl Tried {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Done { asked_nobody: true, .. } => "idle",
            Self::Done { .. } => "done",
            Self::Failed { code, .. } => code,
        }
    }
}

type Try = Pin<Box<dyn Future<Output = Tried>>>;

/// Where a direction is.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) task: Option<Try>,
    /// What is due is of this stamp; older events are void.
    pub(super) stamp: u64,
    pub(super) due: i64,
    /// Not before this, whoever wakes it.
    ordered: i64,
    tries: u32,
    pub(super) is_woken: bool,
}

impl Lane {
    /// The program starts: nothing is known of earlier failures. Stamps go on, so that events of before are void.
    pub(super) fn restart(&mut self) {
        *self = Self { stamp: self.stamp + 1, ..Self::default() };
    }

    /// When the next try is due.
    pub(super) fn rest(&mut self, tried: &Tried, now: i64, wall: DateTime<Utc>, timetable: &Timetable, jitter: f64) -> i64 {
        let milliseconds = |pause: Duration| i64::try_from(pause.as_millis()).unwrap();
        self.ordered = now;
        self.due = match tried {
            Tried::Done { also_at, .. } => {
                self.tries = 0;
                let next = [timetable.next_after(wall), *also_at].into_iter().flatten().min().expect("a timetable has a next instant");
                now + (next - wall).num_milliseconds().max(0)
            }
            Tried::Failed { asked, .. } => {
                self.tries += 1;
                self.ordered = now + milliseconds(asked.unwrap_or_default());
                now + milliseconds(schedule::pause(self.tries, LONGEST_PAUSE, jitter, *asked))
            }
        };
        if core::mem::take(&mut self.is_woken) {
            self.due = self.ordered;
        }
        self.due
    }

    /// Somebody wakes it. Returns when it is due then; `None`: a try is under way, and another follows it.
    pub(super) fn wake(&mut self, now: i64) -> Option<i64> {
        if self.task.is_some() {
            self.is_woken = true;
            return None;
        }
        self.due = self.due.min(self.ordered.max(now));
        Some(self.due)
    }

    /// The wall clock was set: a rest is looked at anew within a minute.
    pub(super) fn reconsider(&mut self, now: i64) -> Option<i64> {
        if self.task.is_some() {
            return None;
        }
        self.due = self.due.min(self.ordered.max(now + 60_000));
        Some(self.due)
    }
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
    pub(super) lanes: [Lane; 2],
    pub(super) boots: u32,
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
            time.vouched(cursor.published_at);
        }
        if let Some(at) = visits.last_arrival().await.unwrap() {
            time.recorded(at);
        }
        let desk = Desk::new(self.desk_station(), cards.clone(), visits.clone(), time.clone(), SyncHandle::new(Link::Ready));
        let writers = vec![visits_writer, cards_writer];
        self.running = Some(Running { desk, cards, visits, time, size: Arc::default(), writers });
    }

    fn desk_station(&self) -> bhyt_agent::desk::Station {
        bhyt_agent::desk::Station {
            facility: FacilityCode::parse(&self.code).unwrap(),
            class: FacilityClass::parse("commune_station").unwrap(),
            name: None,
            rules: Arc::clone(&self.rules),
            thresholds: Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) },
            operator: OperatorName::parse("Người Trực").unwrap(),
            care_type: CareType::parse("01").unwrap(),
            category: AttendanceCategory::parse("1.2").unwrap(),
        }
    }

    /// Ends the program in order.
    pub(super) fn stop(&mut self) {
        for lane in &mut self.lanes {
            lane.task = None;
            lane.stamp += 1;
        }
        self.link.forget();
        let Some(running) = self.running.take() else { return };
        let Running { desk, cards, visits, writers, .. } = running;
        drop((desk, cards, visits));
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

    /// One try of a direction, ready to be driven.
    pub(super) fn begin(&mut self, direction: Direction) {
        let running = self.running.as_ref().expect("only a running station tries");
        let kit = Kit {
            link: Arc::clone(&self.link),
            cards: running.cards.clone(),
            visits: running.visits.clone(),
            time: running.time.clone(),
            size: Arc::clone(&running.size),
            parts: self.parts(),
        };
        self.lanes[direction as usize].task = Some(Box::pin(one_try(kit, direction)));
    }

    /// Drives a try until it ends, waits for virtual time, or is killed; `None`: it has not ended.
    pub(super) async fn drive(&mut self, direction: Direction) -> Option<Tried> {
        let (task, link) = (self.lanes[direction as usize].task.as_mut()?, &self.link);
        let tried = std::future::poll_fn(|context| match task.as_mut().poll(context) {
            Poll::Ready(tried) => Poll::Ready(Some(tried)),
            Poll::Pending if link.gate(direction) != Gate::Open => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        if tried.is_some() {
            self.lanes[direction as usize].task = None;
        }
        tried
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

/// What a try works with. It outlives nothing: a kill drops it.
struct Kit {
    link: Arc<SimLink>,
    cards: CardStore,
    visits: VisitStore,
    time: TimeKeeper,
    size: Arc<BatchSize>,
    parts: PathBuf,
}

async fn one_try(kit: Kit, direction: Direction) -> Tried {
    match direction {
        Direction::Pull => {
            let guard = bhyt_agent::domain::roster::Guard { percent: 100, accepted: None };
            let pull = Pull { server: &*kit.link, cards: &kit.cards, time: &kit.time, parts: &kit.parts, guard, stop_at: None };
            match pull.run().await {
                Ok(_) => Tried::Done { asked_nobody: false, also_at: None },
                Err(PullError::Upstream(error)) => failed(&error),
                Err(PullError::Storage(error)) => Tried::Failed { code: Trouble::from(&error).code(), asked: None, is_ours: true },
                Err(PullError::Held { .. }) => Tried::Failed { code: "held", asked: None, is_ours: false },
                Err(PullError::Refused(refusal)) => Tried::Failed { code: refusal.code(), asked: None, is_ours: false },
            }
        }
        Direction::Push => {
            let push = Push { server: &*kit.link, visits: &kit.visits, time: &kit.time, size: &kit.size };
            match push.run().await {
                Ok(pushed) => {
                    let also_at = kit.visits.counts().borrow().put_off_until;
                    Tried::Done { asked_nobody: pushed == Pushed::default(), also_at }
                }
                Err(PushError::Upstream(error)) => failed(&error),
                Err(PushError::Storage(error)) => Tried::Failed { code: Trouble::from(&error).code(), asked: None, is_ours: true },
            }
        }
    }
}

fn failed(error: &upstream::Error) -> Tried {
    let asked = if let upstream::Error::Throttled(asked) = error { *asked } else { None };
    Tried::Failed { code: Trouble::from(error).code(), asked, is_ours: false }
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
