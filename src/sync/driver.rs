//! The engine itself: four directions, each at its own pace, so that a long download never holds up a visit.
//!
//! Promise: a direction runs when its timetable says so, when it is woken (a saved visit, a lost roster, a person), and soon after another one finds the
//! link again or the machine gets one; after a failure it waits a growing, random pause and obeys the server's own; nothing but the stop token ends it.
//! [`Engine::turn`] is one try with all it changes, and the loop around it only sleeps: whoever has another clock drives it the same way. Never: two
//! tries of one direction at once.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::domain::clock::Reading;
use crate::domain::clock::TimeKeeper;
use crate::domain::roster::Guard;
use crate::domain::roster::Wanted;
use crate::domain::visit::Sequence;
use crate::storage;
use crate::storage::cards::CardStore;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::ProvincialServer;

pub use super::handle::SyncHandle;
pub use super::handle::Wake;
pub use super::schedule::Rest;
pub use super::status::Direction;

use super::ask::Next;
use super::contact::Contact;
use super::contact::ContactError;
use super::held;
use super::pull::Pull;
use super::pull::PullError;
use super::pull::Pulled;
use super::push::Push;
use super::push::PushError;
use super::push::Pushed;
use super::schedule;
use super::schedule::Ended;
use super::schedule::Opening;
use super::schedule::Pace;
use super::schedule::Timetable;
use super::status::MachineWord;
use super::status::Trouble;

/// When each direction runs of its own accord.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Visits, beside being sent at once.
    pub push: Pace,
    /// Roster.
    pub pull: Pace,
    /// What station and province tell each other about themselves.
    pub contact: Pace,
    /// Single look-ups: only when woken.
    pub ask: Pace,
}

impl Timing {
    /// By three timetables and one cap. Visits are waited for; a roster or a contact may come a minute later than the link.
    pub fn new(push: Timetable, pull: Timetable, contact: Timetable, longest_pause: Duration) -> Self {
        let pace = |timetable, spread| Pace { timetable, longest_pause, spread: Duration::from_secs(spread) };
        Self { push: pace(Some(push), 20), pull: pace(Some(pull), 60), contact: pace(Some(contact), 60), ask: pace(None, 20) }
    }

    fn of(&self, direction: Direction) -> &Pace {
        match direction {
            Direction::Push => &self.push,
            Direction::Pull => &self.pull,
            Direction::Contact => &self.contact,
            Direction::Ask => &self.ask,
        }
    }
}

/// What an administrator limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a day after which downloads wait for the next; visits and contacts go all the same.
    pub daily_bytes: Option<u64>,
    /// Percent of the people held whom one change may take away without a person having looked at it.
    pub hold_above_percent: u8,
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
    /// How far.
    pub limits: Limits,
    /// Numbers in 0..1, by chance: `rand::random`, unless a run is to be repeated.
    pub chance: fn() -> f64,
    /// Who watches.
    pub handle: SyncHandle,
}

/// What a download has to have brought to count as going on: about what a try costs, so that no line makes a station try for less.
const LEAST_PROGRESS: u64 = 4 << 10;
/// A push that waits for a contact is rung for at its end. So long, should nobody ring.
const FOR_A_CONTACT: Duration = Duration::from_mins(1);
/// How long one person is asked about at most.
const ASKING: Duration = Duration::from_secs(10);

/// How a try ended.
enum Outcome {
    Done {
        asked_nobody: bool,
        next: Option<DateTime<Utc>>,
    },
    Wait(Duration),
    Failed {
        trouble: Trouble,
        asked: Option<Duration>,
        error: Box<dyn std::error::Error + Send + Sync>,
        /// Something came all the same, and stays.
        progressed: bool,
    },
}

impl Outcome {
    const NOTHING: Self = Self::Done { asked_nobody: true, next: None };
    const DONE: Self = Self::Done { asked_nobody: false, next: None };

    fn failed(trouble: Trouble, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { trouble, asked: None, error: error.into(), progressed: false }
    }
}

impl From<upstream::Error> for Outcome {
    fn from(error: upstream::Error) -> Self {
        Self::Failed { trouble: Trouble::from(&error), asked: asked(&error), error: error.into(), progressed: false }
    }
}

impl From<ContactError> for Outcome {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Upstream(error) => error.into(),
            ContactError::Storage(error) => error.into(),
        }
    }
}

impl From<storage::Error> for Outcome {
    fn from(error: storage::Error) -> Self {
        Self::failed(Trouble::from(&error), error)
    }
}

fn asked(error: &upstream::Error) -> Option<Duration> {
    match error {
        upstream::Error::Throttled(asked) => *asked,
        _ => None,
    }
}

impl<P: ProvincialServer> Engine<P> {
    /// Runs until stopped. A stop abandons what is under way: every step can be repeated.
    pub async fn run(self, stop: CancellationToken) {
        let engine = Arc::new(self);
        // A task each: a flush of a large download must not hold up a visit.
        let mut tasks = JoinSet::new();
        for direction in Direction::ALL {
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(engine.drive(direction)).await;
            });
        }
        stop.run_until_cancelled(engine.watch_roster()).await;
        while tasks.join_next().await.is_some() {}
        engine.write_traffic(None).await;
    }

    /// A roster that is lost is fetched again at once.
    async fn watch_roster(&self) {
        let mut roster = self.cards.roster();
        while roster.changed().await.is_ok() {
            if roster.borrow_and_update().cursor.is_none() {
                self.handle.ring(Direction::Pull, Wake::Now);
            }
        }
    }

    async fn drive(&self, direction: Direction) {
        let mut rest = self.first_rest(direction);
        loop {
            loop {
                self.take_in(direction, &mut rest);
                let now = self.time.stamped();
                if rest.is_over(&now) {
                    break;
                }
                tokio::select! {
                    () = self.handle.ringing(direction) => {}
                    () = time::sleep(rest.sleep(&now)) => {}
                }
            }
            rest = self.turn(direction).await;
        }
    }

    /// The rest before the first try: none where something is waited for, else a random part of the spread.
    pub fn first_rest(&self, direction: Direction) -> Rest {
        let is_waited_for = match direction {
            Direction::Push => self.visits.counts().borrow().pending > 0,
            Direction::Pull => self.cards.roster().borrow().cursor.is_none(),
            // Visits wait for it.
            Direction::Contact => self.time.now().state.is_suspect() || self.visits.counts().borrow().pending > 0,
            Direction::Ask => false,
        };
        let chance = if is_waited_for { 0.0 } else { (self.chance)() };
        self.timing.of(direction).at_start(&self.time.stamped(), chance)
    }

    /// Takes in what has rung for a direction that rests.
    pub fn take_in(&self, direction: Direction, rest: &mut Rest) {
        let Some(wake) = self.handle.rung(direction) else { return };
        let (now, spread) = (self.time.stamped(), self.timing.of(direction).spread);
        match wake {
            Wake::Now => rest.wish(),
            Wake::Soon => rest.soon(spread, &now, (self.chance)()),
            Wake::LinkUp => rest.link_up(spread, &now, (self.chance)()),
        }
        self.handle.change(|status| direction.of(status).rests(rest, &now));
    }

    /// One try, with everything it changes in stores and status, and the rest that follows it. Not twice at once for one direction. A caller that drops
    /// it has stopped the try: every step can be repeated.
    pub async fn turn(&self, direction: Direction) -> Rest {
        if direction == Direction::Push && self.must_wait() {
            // No try: whoever waits for one to end waits for the one after the contact.
            return self.rest_after(direction, Ended::Wait(FOR_A_CONTACT), &self.time.stamped());
        }
        self.handle.change(|status| direction.of(status).begin());
        let outcome = match direction {
            Direction::Pull => self.pull().await,
            Direction::Push => self.push().await,
            Direction::Contact => self.contact().await,
            Direction::Ask => self.ask().await,
        };
        self.count_traffic().await;
        let now = self.time.stamped();
        let ended = self.note(direction, outcome, &now);
        self.rest_after(direction, ended, &now)
    }

    fn rest_after(&self, direction: Direction, ended: Ended, now: &Reading) -> Rest {
        let rest = self.timing.of(direction).after(ended, now, (self.chance)());
        self.handle.change(|status| direction.of(status).rests(&rest, now));
        rest
    }

    async fn pull(&self) -> Outcome {
        let used = self.count_traffic().await;
        let left = self.limits.daily_bytes.map(|allowed| allowed.saturating_sub(used));
        let pull = Pull {
            server: &self.server,
            cards: &self.cards,
            time: &self.time,
            parts: &self.parts,
            guard: Guard { percent: self.limits.hold_above_percent, accepted: self.handle.accepted() },
            stop_at: left.map(|left| self.server.traffic().saturating_add(left)),
        };
        let before = pull.fetched();
        let outcome = pull.run().await;
        held::note(&self.handle, &self.visits, &outcome, self.time.now().at).await;
        let grown = pull.fetched().saturating_sub(before);
        match self.pulled(outcome) {
            Outcome::Failed { trouble, asked, error, .. } => Outcome::Failed { trouble, asked, error, progressed: grown >= LEAST_PROGRESS },
            done => done,
        }
    }

    fn pulled(&self, outcome: Result<Pulled, PullError>) -> Outcome {
        match outcome {
            Ok(pulled) => {
                self.handle.change(|status| {
                    status.offered = Some(pulled.serial);
                    status.snapshot_reason = pulled.snapshot.or(status.snapshot_reason);
                });
                Outcome::DONE
            }
            Err(PullError::Upstream(error)) => error.into(),
            Err(PullError::Storage(error)) => error.into(),
            Err(error @ PullError::Refused(refusal)) => Outcome::failed(Trouble::Index(refusal), error),
            Err(error @ PullError::Held { upheaval, .. }) => Outcome::failed(Trouble::Held(upheaval), error),
        }
    }

    /// A push that waits for a contact rings for it, and the contact's end for the push.
    fn must_wait(&self) -> bool {
        if self.visits.counts().borrow().pending == 0 {
            return false;
        }
        let must_wait = self.handle.open(Opening::push_begins).1 == Opening::Waiting;
        if must_wait && !self.handle.status().borrow().contact.is_active {
            self.handle.ring(Direction::Contact, Wake::Now);
        }
        must_wait
    }

    fn contact_ended(&self, error: Option<&ContactError>) {
        let no_link = matches!(error, Some(ContactError::Upstream(error)) if Trouble::from(error).is_about_link());
        if self.handle.open(|opening| opening.contact_ended(no_link)).0 == Opening::Waiting {
            self.handle.ring(Direction::Push, Wake::Now);
        }
    }

    async fn push(&self) -> Outcome {
        let outcome = self.send().await;
        let sent = self.visits.handed_to() > Sequence(0);
        self.handle.open(|opening| opening.push_ended(sent));
        outcome
    }

    async fn send(&self) -> Outcome {
        match self.send_all().await {
            Ok(pushed) => {
                if pushed.again {
                    self.handle.ring(Direction::Push, Wake::Now);
                }
                let asked_nobody = pushed == Pushed::default();
                if !asked_nobody {
                    tracing::info!(name: "sync.visits-sent", delivered = pushed.delivered, parked = pushed.parked, put_off = pushed.put_off, "visits sent");
                }
                Outcome::Done { asked_nobody, next: self.visits.counts().borrow().put_off_until }
            }
            Err(PushError::Upstream(error)) => error.into(),
            Err(PushError::Storage(error)) => error.into(),
        }
    }

    async fn send_all(&self) -> Result<Pushed, PushError> {
        let put_off_too = self.handle.takes_put_off_too();
        let (server, size) = (&self.server, &self.handle.shared.size);
        let mut run = Push { server, visits: &self.visits, time: &self.time, size, put_off_too }.begin().await?;
        while run.step().await? {
            // It may take hours: what goes over the link is counted meanwhile.
            self.count_traffic().await;
        }
        run.end()
    }

    async fn contact(&self) -> Outcome {
        let contact = Contact { server: &self.server, visits: &self.visits, cards: &self.cards, time: &self.time, handle: &self.handle };
        // Whoever rang until now gets this one.
        self.handle.rung(Direction::Contact);
        let outcome = contact.run().await;
        self.contact_ended(outcome.as_ref().err());
        let machine = self.visits.machine().await;
        self.handle.change(|status| {
            let certificate = self.server.certificate();
            if certificate != status.certificate {
                // Renewed, and that is asked for the record that runs.
                status.identity.other_record = None;
            }
            status.certificate = certificate;
            // A disk that cannot be read is told of elsewhere; what was known before stays.
            status.machine = machine.map_or(status.machine, |word| word.map(MachineWord::from));
        });
        match outcome {
            Ok(None) => Outcome::NOTHING,
            Ok(Some(contacted)) => {
                self.handle.change(|status| status.odd_time = contacted.odd_time);
                self.handle.requeued(contacted.again, self.time.now().at);
                // Visits that waited go beside this: it may take a while.
                contact.report().await.map_or_else(Outcome::from, |()| Outcome::DONE)
            }
            Err(error) => error.into(),
        }
    }

    async fn ask(&self) -> Outcome {
        let next = self.handle.asks().next(self.time.reading().since_boot);
        let wanted = match next {
            Next::Ask(wanted) => wanted,
            Next::Wait(span) => return Outcome::Wait(span),
            Next::Nothing => return Outcome::NOTHING,
        };
        let outcome = self.ask_about(wanted).await;
        let trouble = if let Outcome::Failed { trouble, .. } = &outcome { Some(trouble) } else { None };
        self.handle.asks().ended(trouble, self.time.stamped());
        outcome
    }

    async fn ask_about(&self, wanted: Wanted) -> Outcome {
        match time::timeout(ASKING, self.server.look_up(&wanted)).await {
            Ok(Ok(answered)) => {
                self.handle.asks().answered(wanted.clone());
                if let Err(error) = self.cards.keep_answer(wanted, answered, self.time.stamped().wall).await {
                    return error.into();
                }
                self.handle.answer_kept();
                if !self.handle.asks().is_empty() {
                    self.handle.ring(Direction::Ask, Wake::Now);
                }
                Outcome::DONE
            }
            Ok(Err(upstream::Error::Gone)) => {
                self.handle.asks().clear();
                Outcome::NOTHING
            }
            Ok(Err(error)) => {
                let may_work_later = Trouble::from(&error).is_about_link() || asked(&error).is_some();
                if may_work_later {
                    self.handle.asks().put_back(wanted);
                }
                error.into()
            }
            Err(elapsed) => {
                self.handle.asks().put_back(wanted);
                upstream::Error::Unreachable(elapsed.into()).into()
            }
        }
    }

    /// Notes in the status how a try ended, and rings for the others when it shows that the link works again. Returns what it means for the next.
    fn note(&self, direction: Direction, outcome: Outcome, now: &Reading) -> Ended {
        let at = self.time.now().at;
        match outcome {
            Outcome::Done { asked_nobody: true, next } => {
                let nothing_is_left = direction != Direction::Push || self.visits.counts().borrow().pending == 0;
                self.handle.change(|status| direction.of(status).idle(nothing_is_left));
                Ended::Done { next }
            }
            Outcome::Wait(span) => {
                self.handle.change(|status| direction.of(status).idle(false));
                Ended::Wait(span)
            }
            Outcome::Done { asked_nobody: false, next } => {
                let (mut was_failing, mut others) = (false, Vec::new());
                self.handle.change(|status| {
                    was_failing = direction.of(status).failing.is_some();
                    direction.of(status).succeed(at);
                    let waits = |other: &Direction| other.of(status).failing.as_ref().is_some_and(|failing| failing.trouble.is_shared());
                    others = Direction::ALL.into_iter().filter(waits).collect();
                });
                self.handle.asks().link_may_work();
                for other in others {
                    self.handle.ring(other, Wake::LinkUp);
                }
                if was_failing {
                    tracing::info!(name: "sync.works-again", direction = direction.name(), "works again");
                    if direction != Direction::Contact {
                        self.handle.ring(Direction::Contact, Wake::Soon);
                    }
                }
                Ended::Done { next }
            }
            Outcome::Failed { trouble, asked, error, progressed } => {
                if trouble.is_about_link() {
                    self.handle.asks().link_failed(now.since_boot);
                }
                let code = trouble.code();
                let closed = match trouble {
                    Trouble::AllowanceUsed => Some(Ended::Closed { until: schedule::next_day(now.wall) }),
                    // Nothing gets better by asking often: the timetable does.
                    Trouble::Held(_) => Some(Ended::Done { next: None }),
                    _ => None,
                };
                let mut tries = 0;
                self.handle.change(|status| tries = direction.of(status).fail(at, trouble));
                let (name, error) = (direction.name(), &*error as &(dyn std::error::Error + 'static));
                if tries == 1 {
                    tracing::warn!(name: "sync.failed", direction = name, code, error, "a try failed; trying again until it works");
                } else {
                    tracing::debug!(direction = name, code, error, tries, "a try failed again");
                }
                let tries = self.handle.count_failure(direction, tries, progressed);
                closed.unwrap_or(Ended::Failed { tries, asked })
            }
        }
    }
}
