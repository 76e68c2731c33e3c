//! When to try: the timetable, the pause after a failure, and what a wake changes about either.
//!
//! Promise: pure functions. A pause runs by the time since boot; a timetable is planned by the wall clock and kept by the time since boot, so that a
//! wall clock that is set neither keeps a station from trying nor makes it try without end. Stations that share a timetable do not share its instants:
//! each has an offset of its own that never changes, so that a province is not asked by four hundred stations in one second. Never: a pause of zero; a
//! pause beyond its cap; a try before the instant the server asked for.

use core::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use cron::Schedule;
use sha2::Digest;
use sha2::Sha256;

use crate::domain::clock;
use crate::domain::clock::Reading;
use crate::domain::facility::FacilityCode;
use crate::upstream::CertificateLife;

/// The largest offset: long enough to spread a province, short enough that a station does not wonder.
const LARGEST_OFFSET: TimeDelta = TimeDelta::minutes(5);

/// A cron expression in Vietnamese time, moved by the station's own offset.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    station: u64,
}

impl Timetable {
    /// Takes an expression that was parsed with the configuration.
    pub fn new(schedule: Schedule, station: &FacilityCode) -> Self {
        let digest: [u8; 32] = Sha256::digest(station.as_str()).into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self { schedule, station: u64::from_be_bytes(first) }
    }

    /// The first instant after `at`; `None` if the expression has none.
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // An offset below the distance of two instants keeps their order; it is found from the pair around `at`.
        let mut instants = self.schedule.after(&clock::vietnam_time(at - LARGEST_OFFSET));
        let mut early = instants.next()?;
        loop {
            let late = instants.next();
            let distance = late.map_or(LARGEST_OFFSET, |late| late - early).min(LARGEST_OFFSET);
            let moved = early.to_utc() + self.offset(distance);
            if moved > at {
                return Some(moved);
            }
            early = late?;
        }
    }

    fn offset(&self, below: TimeDelta) -> TimeDelta {
        let milliseconds = u64::try_from(below.num_milliseconds()).unwrap_or(1).max(1);
        TimeDelta::milliseconds(i64::try_from(self.station % milliseconds).unwrap_or(0))
    }
}

/// The pause that the first failure may grow to.
const FIRST: Duration = Duration::from_secs(4);
/// No pause is shorter.
const SHORTEST: Duration = Duration::from_millis(500);

/// The pause after `tries` failures in a row: anything up to a bound that doubles each time (full jitter). Once the bound is the cap the outage is a long
/// one, and many stations wait: then the upper half of it, for short pauses among long ones would bring them back in a heap. `random` is in 0..1. What
/// the server asked for is kept, cap or not.
pub fn pause(tries: u32, cap: Duration, random: f64, asked: Option<Duration>) -> Duration {
    let bound = FIRST.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    let random = random.clamp(0.0, 1.0);
    let length = if bound < cap { bound.mul_f64(random) } else { cap.mul_f64(f64::midpoint(1.0, random)) };
    length.max(SHORTEST).max(asked.unwrap_or_default())
}

/// Which failure in a row one counts as, for the pause after it, when `before` brought nothing: a try that broke off but brought something is the first
/// again. A line that drops every so many bytes is slow, not out: what is missing comes with the next tries, and each is worth making.
pub fn counts_as(before: u32, progressed: bool) -> u32 {
    if progressed { 1 } else { before.saturating_add(1) }
}

/// How one direction is paced.
#[derive(Clone, Debug)]
pub struct Pace {
    /// When it runs of its own accord; `None`: only when woken.
    pub timetable: Option<Timetable>,
    /// Cap of the pause after failures.
    pub longest_pause: Duration,
    /// Over how long stations spread that hear of a link at the same moment.
    pub spread: Duration,
}

/// How a try ended, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It went through. `next`: something is due then, before the timetable or after it.
    Done {
        /// By the wall clock.
        next: Option<DateTime<Utc>>,
    },
    /// It failed.
    Failed {
        /// How many have failed in a row, this one included.
        tries: u32,
        /// The server's own pause.
        asked: Option<Duration>,
    },
    /// There is no use in trying before an instant by the wall clock.
    Closed {
        /// Which.
        until: DateTime<Utc>,
    },
    /// There is no use in trying for so long.
    Wait(Duration),
}

/// A timetable's instant is looked at anew this often: the wall clock may be set meanwhile, and a machine may sleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// So long lasts a rest with a timetable at least, however the wall clock is set.
const SHORTEST_REST: Duration = Duration::from_secs(30);
/// What is rested where a timetable has no further instants by a wall clock that may be wrong.
const NO_TIMETABLE: Duration = Duration::from_hours(24);

impl Pace {
    /// The rest that follows a try. `random` is in 0..1.
    pub fn after(&self, ended: Ended, now: &Reading, random: f64) -> Rest {
        let rest = Rest { begun: now.since_boot, length: NO_TIMETABLE, due: None, ordered: Duration::ZERO, is_pause: false };
        // Something that is due already is due soon.
        let length = |at: DateTime<Utc>| (at - now.wall).to_std().unwrap_or_default().max(SHORTEST);
        match ended {
            Ended::Done { next } => {
                let table = self.timetable.as_ref().and_then(|table| table.next_after(now.wall));
                let lengths = [table.map(|at| length(at).max(SHORTEST_REST)), next.map(length)];
                let length = lengths.into_iter().flatten().min().unwrap_or(NO_TIMETABLE);
                Rest { length, due: [table, next].into_iter().flatten().min(), ..rest }
            }
            Ended::Failed { tries, asked } => {
                let length = pause(tries, self.longest_pause, random, asked);
                Rest { length, ordered: asked.unwrap_or_default(), is_pause: true, ..rest }
            }
            Ended::Closed { until } => {
                let offset = self.timetable.as_ref().map_or(TimeDelta::zero(), |table| table.offset(LARGEST_OFFSET));
                let until = until + offset;
                Rest { length: length(until), due: Some(until), ..rest }
            }
            Ended::Wait(length) => Rest { length: length.max(SHORTEST), ..rest },
        }
    }

    /// The rest before the first try: stations that start together, after a power cut, do not ask together.
    pub fn at_start(&self, now: &Reading, random: f64) -> Rest {
        let length = self.spread.mul_f64(random.clamp(0.0, 1.0));
        Rest { begun: now.since_boot, length, due: None, ordered: Duration::ZERO, is_pause: false }
    }
}

/// The end of a pause that the province has asked for: nobody's wish leads to a try before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// By the wall clock as it was set when this was said.
    pub until: DateTime<Utc>,
    /// In time since the machine's start.
    pub since_boot: Duration,
}

/// The time between two tries of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Since boot.
    begun: Duration,
    /// It is over after this, whatever the wall clock says.
    length: Duration,
    /// It may be over earlier, when the wall clock comes to this.
    due: Option<DateTime<Utc>>,
    /// No wake ends it before this.
    ordered: Duration,
    /// It follows a failure: a link that comes up shortens it.
    is_pause: bool,
}

impl Rest {
    /// Whether to try again.
    pub fn is_over(&self, now: &Reading) -> bool {
        let rested = self.rested(now);
        rested >= self.ordered && (rested >= self.length || self.is_due(now))
    }

    /// How long to sleep before asking again.
    pub fn sleep(&self, now: &Reading) -> Duration {
        if self.is_due(now) {
            return Duration::ZERO;
        }
        self.length.saturating_sub(self.rested(now)).min(LONGEST_SLEEP)
    }

    /// How much of the server's own pause is left.
    pub fn ordered(&self, now: &Reading) -> Duration {
        self.ordered.saturating_sub(self.rested(now))
    }

    /// What is left of the server's own pause.
    pub fn put_off(&self, now: &Reading) -> Option<PutOff> {
        let left = self.ordered(now);
        let until = now.wall.checked_add_signed(TimeDelta::from_std(left).ok()?)?;
        (!left.is_zero()).then(|| PutOff { until, since_boot: now.since_boot.saturating_add(left) })
    }

    /// A visit, a person or a lost roster asks for a try: nothing but the server's own pause is waited for.
    pub fn wish(&mut self) {
        self.length = self.length.min(self.ordered);
    }

    /// A link came up, or another direction got through: a pause after a failure is over after a random part of the direction's spread, unless it
    /// would be earlier, or the server asked for more. A rest that follows no failure stays: nothing was missed.
    pub fn link_up(&mut self, spread: Duration, now: &Reading, random: f64) {
        if self.is_pause {
            let end = self.rested(now) + spread.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST);
            self.length = self.length.min(end.max(self.ordered));
            // Links that flap ring often: each failure is shortened once.
            self.is_pause = false;
        }
    }

    /// There may be something to hear: any rest is over after a random part of the spread, unless it would be earlier, or has only just begun.
    pub fn soon(&mut self, spread: Duration, now: &Reading, random: f64) {
        let end = self.rested(now) + spread.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST);
        let least = if self.is_pause { self.ordered } else { LONGEST_SLEEP * 5 };
        self.length = self.length.min(end.max(least));
    }

    /// When it will be over, by the wall clock as it is set now.
    pub fn ends_at(&self, now: &Reading) -> Option<DateTime<Utc>> {
        let left = TimeDelta::from_std(self.length.saturating_sub(self.rested(now))).ok()?;
        now.wall.checked_add_signed(left)
    }

    /// A wall clock that was set ahead makes due what it passed, but not in an instant: it may be set again.
    fn is_due(&self, now: &Reading) -> bool {
        self.due.is_some_and(|due| now.wall >= due) && self.rested(now) >= self.length.min(LONGEST_SLEEP)
    }

    fn rested(&self, now: &Reading) -> Duration {
        now.since_boot.saturating_sub(self.begun)
    }
}

/// How push and contact begin over a connection. Visits that the disk lost before the start had numbers that the first visits since may bear: the province
/// is asked what it holds beyond this disk before it is sent one of those. For a contact that cannot be made visits wait no longer than one try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// A push waits for a try of a contact; none does yet.
    #[default]
    Contact,
    /// One waits.
    Waiting,
    /// There was no link for the contact it waited for: it may try whether there is one for itself.
    Push,
    /// Both go by their own pace.
    Over,
}

impl Opening {
    /// Visits are to be sent.
    #[must_use]
    pub fn push_begins(self) -> Self {
        if self == Self::Contact { Self::Waiting } else { self }
    }

    /// A contact came to its end. `no_link`: for want of a link, so that there may be one for it before the next push.
    #[must_use]
    pub fn contact_ended(self, no_link: bool) -> Self {
        match self {
            Self::Waiting if no_link => Self::Push,
            before if no_link => before,
            _ => Self::Over,
        }
    }

    /// A push came to its end. `sent`: the province may have got something since the start.
    #[must_use]
    pub fn push_ended(self, sent: bool) -> Self {
        if sent {
            Self::Over
        } else if self == Self::Push {
            Self::Contact
        } else {
            self
        }
    }
}

/// Whether a certificate should be renewed: from two thirds of its life on. One that is not in force yet belongs to a clock that is wrong.
pub fn renewal_due(now: DateTime<Utc>, life: CertificateLife) -> bool {
    now >= life.not_before + (life.not_after - life.not_before) * 2 / 3
}

/// The beginning of the next Vietnamese day.
pub fn next_day(now: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = clock::vietnam_day(now).succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
    let at = midnight.and_then(|at| at.and_local_timezone(clock::vietnam_offset()).single());
    at.map_or(now + TimeDelta::days(1), |at| at.to_utc())
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
