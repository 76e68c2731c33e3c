//! The engine as the rest of the program sees it: what rings for it, what it is told, and how it says how it stands.
//!
//! Promise: every call returns at once, and what is asked of the engine is not lost between two tries. Never: a file or a request.

use core::sync::atomic::AtomicBool;
use core::sync::atomic::AtomicU8;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use tokio::sync::Notify;
use tokio::sync::watch;

use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::domain::roster::Wanted;
use crate::domain::wipe::Heard;

use super::ask::Asks;
use super::push::BatchSize;
use super::schedule;
use super::schedule::Opening;
use super::status::CertificateLife;
use super::status::Direction;
use super::status::FailedQuestion;
use super::status::Held;
use super::status::Identity;
use super::status::Link;
use super::status::MachineWord;
use super::status::SyncStatus;
use super::status::Trouble;

/// Clones share it.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    pub(super) shared: Arc<Shared>,
    status: watch::Sender<SyncStatus>,
}

/// What handle and engine share beside the status.
#[derive(Debug, Default)]
pub(super) struct Shared {
    bells: [Bell; Direction::ALL.len()],
    asks: Mutex<Asks>,
    answers: watch::Sender<u64>,
    pub(super) size: BatchSize,
    /// Tries that failed in a row and brought nothing.
    fruitless: [AtomicU32; Direction::ALL.len()],
    meter: Mutex<Meter>,
    opening: Mutex<Opening>,
    /// A person asks for what was put off too; the next push takes that up.
    put_off_too: AtomicBool,
    /// The next connection is the one before, made anew.
    same_link: AtomicBool,
    wipe: watch::Sender<Option<HeardWipe>>,
}

/// What a contact brought in the place of a wipe order, with the province's time as it was told.
pub type HeardWipe = (Heard, DateTime<Utc>);

/// What has been counted of the link's bytes.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The server's count when it was last looked at.
    seen: u64,
    /// The day's count.
    today: Option<(NaiveDate, u64)>,
    /// How much of it is not on the disk.
    unwritten: u64,
    /// When it was last put there, since boot.
    written_at: Option<Duration>,
}

/// The day's count is put on the disk with each contact's link; by itself only where none came for so long, for every flush costs a worn card five blocks
/// and more,
const WRITE_AFTER: Duration = Duration::from_hours(2);
/// or when so much of it is not there.
const WRITE_FROM: u64 = 64 << 10;

/// Who rings for a direction, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A link came up, or another direction got through: a pause after a failure may be shortened.
    LinkUp = 1,
    /// There may be something to hear: any rest may be shortened.
    Soon = 2,
    /// A visit, a person, a lost roster: try now, unless the server asked for a pause.
    Now = 3,
}

#[derive(Debug, Default)]
struct Bell {
    rung: AtomicU8,
    notify: Notify,
}

impl Bell {
    fn ring(&self, wake: Wake) {
        self.rung.fetch_max(wake as u8, Ordering::AcqRel);
        self.notify.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SyncHandle {
    /// A handle whose engine does not run yet, or never will.
    pub fn new(link: Link) -> Self {
        let (status, _) = watch::channel(SyncStatus { link, ..SyncStatus::default() });
        Self { shared: Arc::default(), status }
    }

    /// What the engine does, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<SyncStatus> {
        self.status.subscribe()
    }

    /// The life of the certificate that is shown to the province; `None`: there is none to show.
    pub fn certificate_is(&self, certificate: Option<CertificateLife>) {
        self.change(|status| status.certificate = certificate);
    }

    /// What the keys leave open of who this station is.
    pub fn identity_is(&self, identity: Identity) {
        self.change(|status| status.identity = identity);
    }

    /// A visit was saved: send it.
    pub fn visit_saved(&self) {
        self.ring(Direction::Push, Wake::Now);
    }

    /// A person asks for everything now, also for visits that were put off.
    pub fn sync_now(&self) {
        self.asks().link_may_work();
        self.shared.put_off_too.store(true, Ordering::Release);
        for direction in Direction::ALL {
            self.ring(direction, Wake::Now);
        }
    }

    /// The machine has got an address or a route: what failed for want of a link is tried again soon, each station after a moment of its own.
    pub fn link_up(&self) {
        self.asks().link_may_work();
        for direction in Direction::ALL {
            self.ring(direction, Wake::LinkUp);
        }
    }

    /// Asks the province about somebody the roster does not know, when there is a link and a moment. The newest questions come first; at most sixteen
    /// wait.
    pub fn ask(&self, wanted: Wanted) {
        self.asks().want(wanted);
        self.ring(Direction::Ask, Wake::Now);
    }

    /// Whether the province's answer about somebody may come any moment. `now` is the time since boot.
    pub fn is_asking(&self, wanted: &Wanted, now: Duration) -> bool {
        self.asks().is_awaited(wanted, now)
    }

    /// Past visits were judged otherwise than before: the next contact tells the province, and comes at once.
    pub fn rechecks_found(&self) {
        self.ring(Direction::Contact, Wake::Now);
    }

    /// Wipe orders as contacts bring them, each as often as it comes. Whether one is obeyed is not the engine's to say.
    pub fn wipes_heard(&self) -> watch::Receiver<Option<HeardWipe>> {
        self.shared.wipe.subscribe()
    }

    pub(super) fn wipe_heard(&self, heard: Heard, told_at: DateTime<Utc>) {
        self.shared.wipe.send_replace(Some((heard, told_at)));
    }

    /// None stands any more: it was taken back, or has ended.
    pub(super) fn no_wipe(&self) {
        if self.status.borrow().wipe_waits.is_some() {
            self.change(|status| status.wipe_waits = None);
        }
    }

    /// Since when a wipe order waits that is to be obeyed and cannot be.
    pub fn wipe_waits(&self, now: DateTime<Utc>) {
        self.change(|status| status.wipe_waits = status.wipe_waits.or(Some(now)));
    }

    /// Rises with every answer about one person that has been kept.
    pub fn answers(&self) -> watch::Receiver<u64> {
        self.shared.answers.subscribe()
    }

    /// A person agrees to exactly the state that is held back now, until the next start. Returns whether one was.
    pub fn accept_held(&self) -> bool {
        let held = self.status.borrow().held.as_ref().map(|held| held.state);
        held.is_some_and(|state| self.accept(state))
    }

    /// A person agrees to exactly this state. Returns whether it is the one that is held back now; if not, nothing is agreed to.
    pub fn accept(&self, state: Sha256Digest) -> bool {
        let mut is_held = false;
        self.change(|status| {
            is_held = status.held.as_ref().is_some_and(|held| held.state == state);
            if is_held {
                status.agreed = Some(state);
            }
        });
        if is_held {
            self.ring(Direction::Pull, Wake::Now);
        }
        is_held
    }

    /// What was held back before this start and has not come since.
    pub fn held_before(&self, held: Option<Held>) {
        self.change(|status| status.held = held);
    }

    /// What was agreed to before this start and has not come since.
    pub fn agreed_before(&self, state: Option<Sha256Digest>) {
        self.change(|status| status.agreed = state);
    }

    /// What rang for a direction since this was last asked. For whoever drives the engine.
    pub fn rung(&self, direction: Direction) -> Option<Wake> {
        match self.bell(direction).rung.swap(0, Ordering::AcqRel) {
            0 => None,
            1 => Some(Wake::LinkUp),
            2 => Some(Wake::Soon),
            _ => Some(Wake::Now),
        }
    }

    /// Waits until something rings. Cancel-safe.
    pub(super) async fn ringing(&self, direction: Direction) {
        self.bell(direction).notify.notified().await;
    }

    pub(super) fn ring(&self, direction: Direction, wake: Wake) {
        self.bell(direction).ring(wake);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut SyncStatus)) {
        self.status.send_modify(change);
    }

    /// A roster is held back for a person. The same one again is held since it first was; what was agreed to of another one is over.
    pub(super) fn hold_back(&self, upheaval: Upheaval, state: Sha256Digest, at: DateTime<Utc>) {
        self.change(|status| {
            let since = status.held.as_ref().filter(|held| held.state == state).map_or(at, |held| held.since);
            status.held = Some(Held { since, upheaval, state });
            status.agreed = status.agreed.filter(|agreed| *agreed == state);
        });
    }

    /// The roster is the one offered, and none is held back. If it has `moved`, whatever was agreed to has come or has been passed by.
    pub(super) fn let_through(&self, moved: bool) {
        self.change(|status| {
            status.held = None;
            status.agreed = status.agreed.filter(|_| !moved);
            // Where a stick has brought it, the next download would be the first to say so.
            status.pull.failing.take_if(|failing| matches!(failing.trouble, Trouble::Held(_)));
        });
    }

    /// The province was restored from a backup, as a contact or a stick has told: what it may have lost goes again, and whoever watches is told.
    pub(super) fn requeued(&self, visits: u64, at: DateTime<Utc>) {
        if visits > 0 {
            self.change(|status| status.requeued = Some((visits, at)));
            self.ring(Direction::Push, Wake::Now);
        }
    }

    /// Whether a person has asked for what was put off too since this was last asked.
    pub(super) fn takes_put_off_too(&self) -> bool {
        self.shared.put_off_too.swap(false, Ordering::AcqRel)
    }

    /// Takes out the questions that failed since this was last asked.
    pub fn failed_questions(&self) -> VecDeque<FailedQuestion> {
        self.asks().take_failed()
    }

    pub(super) fn asks(&self) -> MutexGuard<'_, Asks> {
        lock(&self.shared.asks)
    }

    pub(super) fn accepted(&self) -> Option<Sha256Digest> {
        self.status.borrow().agreed
    }

    /// What the province made of this machine when it was last heard.
    pub fn machine_is(&self, word: Option<MachineWord>) {
        self.change(|status| status.machine = word);
    }

    /// The connection is let go for an errand that learns nothing about it: the next one is the same again.
    pub fn same_link_follows(&self) {
        self.shared.same_link.store(true, Ordering::Release);
    }

    /// Another connection takes the place of the one before, or none: what was under way over that one has ended, and its failures were its own. Over the
    /// new one a contact comes first again. If it is the same again, what has failed over it has not worked since.
    pub fn linked(&self, link: Link) {
        let is_same = self.shared.same_link.swap(false, Ordering::AcqRel) && self.status.borrow().link == link;
        lock(&self.shared.meter).seen = 0;
        if !is_same {
            self.asks().link_may_work();
        }
        // A try that was broken off has not ended the waiting for it.
        self.open(|opening| if is_same && opening == Opening::Over { opening } else { Opening::default() });
        self.change(|status| {
            status.link = link;
            for direction in Direction::ALL {
                let activity = direction.of(status);
                if is_same { activity.resumed() } else { activity.linked() }
            }
        });
    }

    /// Moves on how push and contact begin. Returns how that stood, and how it stands.
    pub(super) fn open(&self, change: impl FnOnce(Opening) -> Opening) -> (Opening, Opening) {
        let mut opening = lock(&self.shared.opening);
        let before = *opening;
        *opening = change(before);
        (before, *opening)
    }

    pub(super) fn answer_kept(&self) {
        self.shared.answers.send_modify(|answers| *answers += 1);
    }

    /// Which try in a row a failed one counts as, of `tries` that have failed since the last success.
    pub(super) fn count_failure(&self, direction: Direction, tries: u32, progressed: bool) -> u32 {
        let fruitless = &self.shared.fruitless[direction as usize];
        let before = if tries <= 1 { 0 } else { fruitless.load(Ordering::Relaxed) };
        let counted = schedule::counts_as(before, progressed);
        fruitless.store(counted, Ordering::Relaxed);
        counted
    }

    /// Bytes that a server has counted since this was last asked.
    pub(super) fn newly_counted(&self, traffic: u64) -> u64 {
        let mut meter = lock(&self.shared.meter);
        let newly = traffic.saturating_sub(meter.seen);
        meter.seen = traffic;
        newly
    }

    /// Adds to the day's count; `None`, and nothing added, if that is not known here.
    pub(super) fn count(&self, day: NaiveDate, bytes: u64) -> Option<u64> {
        let mut meter = lock(&self.shared.meter);
        let used = meter.today.as_mut().filter(|(of, _)| *of == day).map(|(_, used)| {
            *used = used.saturating_add(bytes);
            *used
        })?;
        meter.unwritten = meter.unwritten.saturating_add(bytes);
        Some(used)
    }

    /// The same for a day of which the disk has counted `before`.
    pub(super) fn count_from(&self, day: NaiveDate, before: u64, bytes: u64) -> u64 {
        if let Some(used) = self.count(day, bytes) {
            return used;
        }
        let mut meter = lock(&self.shared.meter);
        let used = before.saturating_add(bytes);
        (meter.today, meter.unwritten) = (Some((day, used)), bytes);
        used
    }

    /// What is to be added to a day's count on the disk, if that is due by the time since boot, or whenever asked without one. From here on it counts as
    /// being there.
    pub(super) fn to_write(&self, now: Option<Duration>) -> Option<(NaiveDate, u64)> {
        let mut meter = lock(&self.shared.meter);
        let (day, _) = meter.today.filter(|_| meter.unwritten > 0)?;
        if let Some(now) = now {
            let since = *meter.written_at.get_or_insert(now);
            if meter.unwritten < WRITE_FROM && now.saturating_sub(since) < WRITE_AFTER {
                return None;
            }
            meter.written_at = Some(now);
        }
        Some((day, core::mem::take(&mut meter.unwritten)))
    }

    /// All that was asked for went there along with something else.
    pub(super) fn went_along(&self, now: Duration) {
        lock(&self.shared.meter).written_at = Some(now);
    }

    /// It could not be put there.
    pub(super) fn not_written(&self, day: NaiveDate, bytes: u64) {
        let mut meter = lock(&self.shared.meter);
        if meter.today.is_some_and(|(of, _)| of == day) {
            meter.unwritten = meter.unwritten.saturating_add(bytes);
        }
    }

    fn bell(&self, direction: Direction) -> &Bell {
        &self.shared.bells[direction as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_roster_held_back_again_is_held_since_it_first_was() {
        let handle = SyncHandle::new(Link::Ready);
        let (first, second) = (at("2026-11-22T01:00:00Z"), at("2026-11-22T02:00:00Z"));
        let since = |handle: &SyncHandle| handle.status().borrow().held.as_ref().unwrap().since;
        handle.hold_back(Upheaval::default(), Sha256Digest([1; 32]), first);
        handle.hold_back(Upheaval::default(), Sha256Digest([1; 32]), second);
        assert_eq!(since(&handle), first);
        handle.hold_back(Upheaval::default(), Sha256Digest([2; 32]), second);
        assert_eq!(since(&handle), second);
    }

    #[test]
    fn visits_that_go_again_are_told_and_go_at_once_and_none_are_nothing() {
        let handle = SyncHandle::new(Link::Ready);
        let now = at("2026-11-22T01:00:00Z");
        handle.requeued(0, now);
        assert_eq!((handle.status().borrow().requeued, handle.rung(Direction::Push)), (None, None));
        handle.requeued(3, now);
        assert_eq!((handle.status().borrow().requeued, handle.rung(Direction::Push)), (Some((3, now)), Some(Wake::Now)));
    }
}
