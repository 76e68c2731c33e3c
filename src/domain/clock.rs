//! When it is, and whether the station's clock can be believed.
//!
//! A reception computer with a dead battery may wake up in 2015, or in 2037. Promise: no day is judged by a clock below the
//! floor (the newest instant known to have passed) or far above the last time the province spoke; then the floor is
//! used and everything says so. Never: ordering or merging by the station's time.

use core::sync::atomic::AtomicI64;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use super::field::Problem;

/// One look at the machine's clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the machine believes the time is.
    pub wall: DateTime<Utc>,
    /// Time since the machine started; counts on through sleep, unaffected by a wall clock that is set.
    pub since_boot: Duration,
    /// Which start of the machine that is.
    pub boot_id: Box<str>,
}

/// The machine's clocks. Faked in tests; the real one is `ops::clock::SystemClock`.
pub trait Clock: Send + Sync {
    /// Reads all of them at once.
    fn read(&self) -> Reading;
}

/// How far the wall clock may be ahead of the last instant the province vouched for before it is doubted: longer than any station
/// is expected to be without a link or a stick, shorter than a battery fault puts it ahead.
const LONGEST_SILENCE: TimeDelta = TimeDelta::days(400);

/// Whether the wall clock can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockState {
    /// Between the floor and the ceiling.
    Plausible,
    /// Before an instant known to have passed.
    Behind,
    /// Far beyond the last instant the province vouched for.
    FarAhead,
}

impl ClockState {
    /// Whether what the clock says must be doubted.
    pub fn is_suspect(self) -> bool {
        self != Self::Plausible
    }

    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Plausible => "plausible",
            Self::Behind => "behind",
            Self::FarAhead => "far_ahead",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        [Self::Plausible, Self::Behind, Self::FarAhead].into_iter().find(|state| state.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// The time to judge by, and whether it is the machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, or the floor where that cannot be right.
    pub at: DateTime<Utc>,
    /// Why.
    pub state: ClockState,
}

impl Now {
    /// The Vietnamese day.
    pub fn day(&self) -> NaiveDate {
        vietnam_day(self.at)
    }
}

/// Judges the wall clock. `floor` is the newest of release date, signed time of the feed and last recorded event; `vouched` the newest signed
/// time alone, if any was ever seen.
pub fn judge(wall: DateTime<Utc>, floor: DateTime<Utc>, vouched: Option<DateTime<Utc>>) -> Now {
    let ceiling = vouched.and_then(|at| at.checked_add_signed(LONGEST_SILENCE));
    if wall < floor {
        Now { at: floor, state: ClockState::Behind }
    } else if ceiling.is_some_and(|ceiling| wall > ceiling) {
        Now { at: floor, state: ClockState::FarAhead }
    } else {
        Now { at: wall, state: ClockState::Plausible }
    }
}

/// The machine's clocks together with what is known to have passed. Shared by everything that asks for the time.
#[derive(Clone)]
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    floor: Arc<AtomicI64>,
    vouched: Arc<AtomicI64>,
}

/// No instant was ever vouched for.
const NEVER: i64 = i64::MIN;

impl TimeKeeper {
    /// Starts with the release date as the floor.
    pub fn new(clock: Arc<dyn Clock>, released_at: DateTime<Utc>) -> Self {
        let floor = Arc::new(AtomicI64::new(released_at.timestamp_millis()));
        Self { clock, floor, vouched: Arc::new(AtomicI64::new(NEVER)) }
    }

    /// Reads the clocks and judges the wall clock.
    pub fn now(&self) -> Now {
        let vouched = DateTime::from_timestamp_millis(self.vouched.load(Ordering::Relaxed));
        let floor = DateTime::from_timestamp_millis(self.floor.load(Ordering::Relaxed)).unwrap_or_default();
        judge(self.clock.read().wall, floor, vouched)
    }

    /// The raw reading, for evidence.
    pub fn reading(&self) -> Reading {
        self.clock.read()
    }

    /// A name for what is set aside now: sorts by time, unique per millisecond of the machine's running.
    pub fn quarantine_stamp(&self) -> String {
        let reading = self.clock.read();
        format!("{}-{}", reading.wall.format("%Y%m%dT%H%M%SZ"), reading.since_boot.as_millis())
    }

    /// Raises the floor to an instant known to have passed: an event recorded while the clock was plausible.
    pub fn passed(&self, at: DateTime<Utc>) {
        self.floor.fetch_max(at.timestamp_millis(), Ordering::Relaxed);
    }

    /// Raises floor and ceiling: the province signed this instant.
    pub fn vouched(&self, at: DateTime<Utc>) {
        self.passed(at);
        self.vouched.fetch_max(at.timestamp_millis(), Ordering::Relaxed);
    }
}

/// Vietnam's offset: UTC+7 all year, no daylight saving.
pub fn vietnam_offset() -> FixedOffset {
    const SECONDS: i32 = 7 * 3600;
    FixedOffset::east_opt(SECONDS).unwrap_or_else(|| chrono::Offset::fix(&Utc))
}

/// The instant as people at the station read it.
pub fn vietnam_time(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&vietnam_offset())
}

/// The Vietnamese day of an instant.
pub fn vietnam_day(at: DateTime<Utc>) -> NaiveDate {
    vietnam_time(at).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_seventeen_utc() {
        assert_eq!(vietnam_day(at("2026-11-21T16:59:59Z")).to_string(), "2026-11-21");
        assert_eq!(vietnam_day(at("2026-11-21T17:00:00Z")).to_string(), "2026-11-22");
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_replaced_by_the_floor() {
        let floor = at("2026-11-20T00:00:00Z");
        let vouched = Some(at("2026-11-19T00:00:00Z"));
        for (wall, state, used) in [
            ("2015-01-01T00:00:00Z", ClockState::Behind, "2026-11-20T00:00:00Z"),
            ("2026-11-22T00:00:00Z", ClockState::Plausible, "2026-11-22T00:00:00Z"),
            ("2027-12-20T00:00:00Z", ClockState::Plausible, "2027-12-20T00:00:00Z"),
            ("2037-01-01T00:00:00Z", ClockState::FarAhead, "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(judge(at(wall), floor, vouched), Now { at: at(used), state }, "{wall}");
        }
        assert_eq!(judge(at("2037-01-01T00:00:00Z"), floor, None).state, ClockState::Plausible);
    }
}
