//! The engine itself: two directions, each in its own loop, so that a long download never holds up a visit.
//!
//! Promise: a direction runs when its timetable says so, when it is woken (a saved visit, a lost roster, a person), and when the other one finds
//! the link again; after a failure it waits a growing, random pause and obeys the server's own; nothing but the stop token ends a loop. Never: two
//! tries of one direction at once.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::clock::TimeKeeper;
use crate::storage::cards::CardStore;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::ProvincialServer;

use super::pull::Pull;
use super::pull::PullError;
use super::push::BatchSize;
use super::push::Push;
use super::push::PushError;
use super::push::Pushed;
use super::schedule;
use super::schedule::Timetable;
use super::status::Activity;
use super::status::Link;
use super::status::SyncStatus;
use super::status::Trouble;

/// The engine as the rest of the program sees it. Clones share it.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    wakes: Arc<Wakes>,
    status: watch::Sender<SyncStatus>,
}

#[derive(Debug, Default)]
struct Wakes {
    pull: Notify,
    push: Notify,
}

impl SyncHandle {
    /// A handle whose engine does not run yet, or never will.
    pub fn new(link: Link) -> Self {
        let (status, _) = watch::channel(SyncStatus { link, ..SyncStatus::default() });
        Self { wakes: Arc::default(), status }
    }

    /// What the engine does, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<SyncStatus> {
        self.status.subscribe()
    }

    /// A visit was saved: send it.
    pub fn visit_saved(&self) {
        self.wakes.push.notify_one();
    }

    /// A person asks for both directions now.
    pub fn sync_now(&self) {
        self.wakes.push.notify_one();
        self.wakes.pull.notify_one();
    }

    fn change(&self, change: impl FnOnce(&mut SyncStatus)) {
        self.status.send_modify(change);
    }
}

/// When each direction runs of its own accord.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Roster.
    pub pull: Timetable,
    /// Visits, beside being sent at once.
    pub push: Timetable,
    /// Cap of the pause after failures.
    pub longest_pause: Duration,
}

/// Everything the engine works with.
pub struct Engine<P> {
    /// The province.
    pub server: P,
    /// The roster.
    pub cards: CardStore,
    /// The visits.
    pub visits: VisitStore,
    /// The clocks.
    pub time: TimeKeeper,
    /// Where files are kept while they are fetched.
    pub parts: PathBuf,
    /// When.
    pub timing: Timing,
    /// Who watches.
    pub handle: SyncHandle,
}

/// A timetable's instant is looked at anew this often: the wall clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// How a try ended, for the loop.
enum Outcome {
    Done { asked_nobody: bool, next_at: Option<DateTime<Utc>> },
    Failed { trouble: Trouble, asked: Option<Duration>, error: Box<dyn std::error::Error + Send + Sync> },
}

#[derive(Clone, Copy)]
enum Direction {
    Pull,
    Push,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }

    fn of(self, status: &mut SyncStatus) -> &mut Activity {
        match self {
            Self::Pull => &mut status.pull,
            Self::Push => &mut status.push,
        }
    }
}

impl<P: ProvincialServer> Engine<P> {
    /// Runs until stopped. A stop abandons what is under way: every step can be repeated.
    pub async fn run(self, stop: CancellationToken) {
        let engine = Arc::new(self);
        // A task each: a flush of a large download must not hold up a visit.
        let mut tasks = JoinSet::new();
        for direction in [Direction::Pull, Direction::Push] {
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(engine.turn(direction, &BatchSize::default())).await;
            });
        }
        stop.run_until_cancelled(engine.watch_roster()).await;
        while tasks.join_next().await.is_some() {}
    }

    /// A roster that is lost is fetched again at once.
    async fn watch_roster(&self) {
        let mut roster = self.cards.roster();
        while roster.changed().await.is_ok() {
            if roster.borrow_and_update().cursor.is_none() {
                self.handle.wakes.pull.notify_one();
            }
        }
    }

    async fn turn(&self, direction: Direction, size: &BatchSize) {
        loop {
            self.handle.change(|status| direction.of(status).begin());
            let outcome = match direction {
                Direction::Pull => self.pull().await,
                Direction::Push => self.push(size).await,
            };
            match outcome {
                Outcome::Done { asked_nobody, next_at } => self.rest(direction, asked_nobody, next_at).await,
                Outcome::Failed { trouble, asked, error } => {
                    let pause = self.note_failure(direction, trouble, asked, &*error);
                    drop(error);
                    self.pause(direction, pause, asked).await;
                }
            }
        }
    }

    async fn pull(&self) -> Outcome {
        let pull = Pull { server: &self.server, cards: &self.cards, time: &self.time, parts: &self.parts };
        match pull.run().await {
            Ok(pulled) => {
                self.handle.change(|status| {
                    status.offered = Some(pulled.serial);
                    status.snapshot_reason = pulled.snapshot.or(status.snapshot_reason);
                });
                Outcome::Done { asked_nobody: false, next_at: None }
            }
            Err(error) => {
                let (trouble, asked) = match &error {
                    PullError::Upstream(error) => (Trouble::from(error), asked(error)),
                    PullError::Storage(error) => (Trouble::from(error), None),
                    PullError::Refused(refusal) => (Trouble::Index(*refusal), None),
                };
                Outcome::Failed { trouble, asked, error: error.into() }
            }
        }
    }

    async fn push(&self, size: &BatchSize) -> Outcome {
        let push = Push { server: &self.server, visits: &self.visits, time: &self.time, size };
        match push.run().await {
            Ok(pushed) => {
                let asked_nobody = pushed == Pushed::default();
                if !asked_nobody {
                    tracing::info!(delivered = pushed.delivered, parked = pushed.parked, put_off = pushed.put_off, "visits sent");
                }
                Outcome::Done { asked_nobody, next_at: self.visits.counts().borrow().put_off_until }
            }
            Err(error) => {
                let (trouble, asked) = match &error {
                    PushError::Upstream(error) => (Trouble::from(error), asked(error)),
                    PushError::Storage(error) => (Trouble::from(error), None),
                };
                Outcome::Failed { trouble, asked, error: error.into() }
            }
        }
    }

    /// Waits for the timetable, an earlier instant that was asked for, or a wake.
    async fn rest(&self, direction: Direction, asked_nobody: bool, also_at: Option<DateTime<Utc>>) {
        let ended_at = self.time.now().at;
        let mut was_failing = false;
        let nothing_is_left = self.visits.counts().borrow().pending == 0;
        self.handle.change(|status| {
            let activity = direction.of(status);
            was_failing = activity.failing.is_some() && !asked_nobody;
            if asked_nobody {
                activity.idle(nothing_is_left);
            } else {
                activity.succeed(ended_at);
            }
        });
        if was_failing {
            tracing::info!(direction = direction.name(), "works again");
            self.wake(match direction {
                Direction::Pull => Direction::Push,
                Direction::Push => Direction::Pull,
            });
        }
        let timetable = match direction {
            Direction::Pull => &self.timing.pull,
            Direction::Push => &self.timing.push,
        };
        let mut seen = self.time.reading().wall;
        loop {
            let next = [timetable.next_after(seen), also_at].into_iter().flatten().min();
            self.handle.change(|status| direction.of(status).next_at = next);
            // An instant that has passed meanwhile is due now.
            let left = next.map(|next| (next - seen).to_std().unwrap_or_default());
            let sleep = left.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
            tokio::select! {
                () = self.woken(direction) => return,
                () = time::sleep(sleep) => {}
            }
            let now = self.time.reading().wall;
            if next.is_some_and(|next| next <= now) {
                return;
            }
            // Set back: what lay between is not waited for again.
            seen = now;
        }
    }

    /// Notes a failure and returns the pause that follows it.
    fn note_failure(
        &self,
        direction: Direction,
        trouble: Trouble,
        asked: Option<Duration>,
        error: &(dyn std::error::Error + 'static),
    ) -> Duration {
        let now = self.time.now().at;
        let code = trouble.code();
        let mut tries = 0;
        self.handle.change(|status| tries = direction.of(status).fail(now, trouble));
        let pause = schedule::pause(tries, self.timing.longest_pause, rand::random(), asked);
        let next_at = chrono::TimeDelta::from_std(pause).ok().and_then(|pause| now.checked_add_signed(pause));
        self.handle.change(|status| direction.of(status).next_at = next_at);
        if tries == 1 {
            tracing::warn!(direction = direction.name(), code, error, "a try failed; trying again until it works");
        } else {
            tracing::debug!(direction = direction.name(), code, error, tries, "a try failed again");
        }
        pause
    }

    /// Waits after a failure. A wake ends the wait, unless the server asked for it.
    async fn pause(&self, direction: Direction, pause: Duration, asked: Option<Duration>) {
        let begun = Instant::now();
        tokio::select! {
            () = self.woken(direction) => {
                let ordered = asked.unwrap_or_default().saturating_sub(begun.elapsed());
                time::sleep(ordered).await;
            }
            () = time::sleep(pause) => {}
        }
    }

    fn wake(&self, direction: Direction) {
        match direction {
            Direction::Pull => self.handle.wakes.pull.notify_one(),
            Direction::Push => self.handle.wakes.push.notify_one(),
        }
    }

    async fn woken(&self, direction: Direction) {
        match direction {
            Direction::Pull => self.handle.wakes.pull.notified().await,
            Direction::Push => self.handle.wakes.push.notified().await,
        }
    }
}

fn asked(error: &upstream::Error) -> Option<Duration> {
    match error {
        upstream::Error::Throttled(asked) => *asked,
        _ => None,
    }
}
