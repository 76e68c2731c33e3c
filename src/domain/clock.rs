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

/// How long after the province spoke the wall clock is believed whatever was recorded here: then the record was the mistake, made by a clock that ran
/// ahead. As long as an index lasts.
const CORROBORATED: TimeDelta = TimeDelta::days(8);

/// What is known to have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The release of this program, which is always earlier.
    pub released: DateTime<Utc>,
    /// The newest time that the province has signed.
    pub vouched: Option<DateTime<Utc>>,
    /// The last event that was recorded here, by a clock that seemed right.
    pub recorded: Option<DateTime<Utc>>,
}

/// Judges the wall clock.
pub fn judge(wall: DateTime<Utc>, known: Known) -> Now {
    let certain = known.vouched.map_or(known.released, |vouched| vouched.max(known.released));
    let floor = known.recorded.map_or(certain, |recorded| recorded.max(certain));
    let is_within = |span| known.vouched.and_then(|at| at.checked_add_signed(span)).map(|end| wall <= end);
    if wall < certain {
        Now { at: floor, state: ClockState::Behind }
    } else if is_within(LONGEST_SILENCE) == Some(false) {
        Now { at: floor, state: ClockState::FarAhead }
    } else if wall < floor && is_within(CORROBORATED) != Some(true) {
        Now { at: floor, state: ClockState::Behind }
    } else {
        Now { at: wall, state: ClockState::Plausible }
    }
}

/// The machine's clocks together with what is known to have passed. Shared by everything that asks for the time.
#[derive(Clone)]
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    released: DateTime<Utc>,
    vouched: Arc<AtomicI64>,
    recorded: Arc<AtomicI64>,
}

/// There is no such instant.
const NEVER: i64 = i64::MIN;

fn load(instant: &AtomicI64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(instant.load(Ordering::Relaxed))
}

impl TimeKeeper {
    /// Knows the release date only.
    pub fn new(clock: Arc<dyn Clock>, released: DateTime<Utc>) -> Self {
        Self { clock, released, vouched: Arc::new(AtomicI64::new(NEVER)), recorded: Arc::new(AtomicI64::new(NEVER)) }
    }

    /// Reads the clocks and judges the wall clock.
    pub fn now(&self) -> Now {
        let known = Known { released: self.released, vouched: load(&self.vouched), recorded: load(&self.recorded) };
        judge(self.clock.read().wall, known)
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

    /// An event was recorded while the clock seemed right: as long as nothing says otherwise, this instant has passed.
    pub fn recorded(&self, at: DateTime<Utc>) {
        self.recorded.store(at.timestamp_millis(), Ordering::Relaxed);
    }

    /// The province signed this instant: it has passed.
    pub fn vouched(&self, at: DateTime<Utc>) {
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

    fn known(vouched: Option<&str>, recorded: Option<&str>) -> Known {
        Known { released: at("2026-11-01T00:00:00Z"), vouched: vouched.map(at), recorded: recorded.map(at) }
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_replaced_by_the_floor() {
        let known = known(Some("2026-11-19T00:00:00Z"), Some("2026-11-20T00:00:00Z"));
        for (wall, state, used) in [
            ("2015-01-01T00:00:00Z", ClockState::Behind, "2026-11-20T00:00:00Z"),
            ("2026-11-18T00:00:00Z", ClockState::Behind, "2026-11-20T00:00:00Z"),
            ("2026-11-22T00:00:00Z", ClockState::Plausible, "2026-11-22T00:00:00Z"),
            ("2027-12-20T00:00:00Z", ClockState::Plausible, "2027-12-20T00:00:00Z"),
            ("2037-01-01T00:00:00Z", ClockState::FarAhead, "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(judge(at(wall), known), Now { at: at(used), state }, "{wall}");
        }
    }

    #[test]
    fn without_a_word_of_the_province_only_what_was_recorded_and_the_release_count() {
        assert_eq!(judge(at("2037-01-01T00:00:00Z"), known(None, None)).state, ClockState::Plausible);
        assert_eq!(judge(at("2026-10-31T00:00:00Z"), known(None, None)).state, ClockState::Behind);
        assert_eq!(judge(at("2026-11-20T00:00:00Z"), known(None, Some("2026-11-21T00:00:00Z"))).state, ClockState::Behind);
    }

    #[test]
    fn a_visit_recorded_by_a_clock_that_ran_ahead_does_not_lock_the_right_time_out() {
        let right = at("2026-11-22T08:00:00Z");
        let ahead = Some("2027-01-01T00:30:00Z");
        // Before the province has spoken again nobody knows which of the two is right; after it has, everybody does.
        assert_eq!(judge(right, known(Some("2026-10-01T00:00:00Z"), ahead)).state, ClockState::Behind);
        assert_eq!(judge(right, known(Some("2026-11-22T07:59:00Z"), ahead)), Now { at: right, state: ClockState::Plausible });
    }
}
