//! When it is, and whether the station's clock can be believed.
//!
//! A reception computer with a dead battery may wake up in 2015, or in 2037. Promise: no day is judged by a clock below the
//! floor (the newest instant known to have passed) or far above the last time the province spoke; then the floor is
//! used and everything says so. Once the province has answered since the machine started, its time counts from there on, and a wall clock that
//! differs is called wrong. The province's own clock may have been wrong as well: an instant it signs far beyond all other evidence is not taken, and one
//! that was taken binds as long as it signs with the same key. Never: ordering or merging by the station's time; a floor moved by a time that nobody
//! signed.

use core::sync::atomic::AtomicI64;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use chrono::TimeDelta;
use chrono::Utc;

use super::contact::TimeAnchor;
use super::field::Problem;
use super::roster::SignerId;

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

impl Reading {
    /// Whole milliseconds since the machine started.
    pub fn since_boot_ms(&self) -> u64 {
        u64::try_from(self.since_boot.as_millis()).unwrap_or(u64::MAX)
    }
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
    /// Wrong, but what is gone by is the province's time, counted on since it last answered.
    Learned,
}

impl ClockState {
    /// Whether the time that is gone by must be doubted.
    pub fn is_suspect(self) -> bool {
        matches!(self, Self::Behind | Self::FarAhead)
    }

    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Plausible => "plausible",
            Self::Behind => "behind",
            Self::FarAhead => "far_ahead",
            Self::Learned => "learned",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        const ALL: [ClockState; 4] = [ClockState::Plausible, ClockState::Behind, ClockState::FarAhead, ClockState::Learned];
        ALL.into_iter().find(|state| state.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// The time to judge by, and whether it is the machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, or where that cannot be right the province's time or the floor.
    pub at: DateTime<Utc>,
    /// Why.
    pub state: ClockState,
}

impl Now {
    /// The Vietnamese day.
    pub fn day(&self) -> NaiveDate {
        vietnam_day(self.at)
    }

    /// The instant to write down for what happens now: the machine's own even where it is doubted, for a floor says nothing about when, but the
    /// province's where the machine's is known to be wrong.
    pub fn stamp(&self, reading: &Reading) -> DateTime<Utc> {
        if self.state == ClockState::Learned { self.at } else { reading.wall }
    }
}

/// How far beyond its own answers the province may sign: whoever signs may be another machine than whoever answers, by a clock set by hand.
const SIGNED_AHEAD: TimeDelta = TimeDelta::days(1);

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

impl Known {
    /// The instant that has passed for certain, whatever any clock said.
    fn certain(&self) -> DateTime<Utc> {
        self.vouched.map_or(self.released, |vouched| vouched.max(self.released))
    }

    /// Whether a time that the province told, but did not sign, may be gone by.
    fn allows(&self, at: DateTime<Utc>) -> bool {
        at >= self.certain() && self.vouched.and_then(|vouched| vouched.checked_add_signed(LONGEST_SILENCE)).is_none_or(|end| at <= end)
    }
}

/// How far the wall clock may be from the province's time and still be the right one: clocks set by hand, and a slow answer.
const TOLERATED: TimeDelta = TimeDelta::minutes(2);

/// Judges the wall clock by the province's time as it must be at this moment. `None` where that time cannot be right either.
pub fn judge_learned(wall: DateTime<Utc>, placed: DateTime<Utc>, known: Known) -> Option<Now> {
    // A signed instant a little later than the placed one is the answer's way over the link, no contradiction.
    let is_near = placed.checked_add_signed(TOLERATED).is_none_or(|latest| latest >= known.certain());
    let placed = if is_near { placed.max(known.certain()) } else { placed };
    if !known.allows(placed) {
        return None;
    }
    let differs = (wall - placed).abs() > TOLERATED;
    Some(if differs { Now { at: placed, state: ClockState::Learned } } else { Now { at: wall, state: ClockState::Plausible } })
}

/// Judges the wall clock.
pub fn judge(wall: DateTime<Utc>, known: Known) -> Now {
    let certain = known.certain();
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
    vouched: Arc<Mutex<Option<Vouched>>>,
    recorded: Arc<AtomicI64>,
    anchor: Arc<Mutex<Option<TimeAnchor>>>,
}

/// What the province tells of the time cannot be squared with what it has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddTime {
    /// It has signed an instant that by its own clock now, and by ours, has not come yet: its clock ran ahead then.
    SignedAhead {
        /// What it has signed, and what is gone by until it signs with another key.
        signed: DateTime<Utc>,
        /// What it told last.
        told: DateTime<Utc>,
    },
    /// Its clock is wrong now: what it tells contradicts what it has signed and our clock.
    ToldWrong {
        /// What it told.
        told: DateTime<Utc>,
    },
    /// What it has signed lies ahead of what it tells and of our clock, and these two differ as well.
    Unclear {
        /// What it has signed.
        signed: DateTime<Utc>,
        /// What it told last.
        told: DateTime<Utc>,
    },
}

/// The newest instant that the province has signed, and with which key.
#[derive(Clone, Debug)]
struct Vouched {
    at: DateTime<Utc>,
    by: Option<SignerId>,
}

/// There is no such instant.
const NEVER: i64 = i64::MIN;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The instant in the name of what is set aside. FROZEN: in the names of files at stations.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

impl TimeKeeper {
    /// Knows the release date only.
    pub fn new(clock: Arc<dyn Clock>, released: DateTime<Utc>) -> Self {
        Self { clock, released, vouched: Arc::default(), recorded: Arc::new(AtomicI64::new(NEVER)), anchor: Arc::default() }
    }

    /// Reads the clocks and judges the wall clock.
    pub fn now(&self) -> Now {
        self.judge(&self.clock.read())
    }

    /// Judges a reading.
    pub fn judge(&self, reading: &Reading) -> Now {
        let known = self.known();
        let learned = self.placed(reading).and_then(|placed| judge_learned(reading.wall, placed, known));
        learned.unwrap_or_else(|| judge(reading.wall, known))
    }

    fn known(&self) -> Known {
        Known {
            released: self.released,
            vouched: lock(&self.vouched).as_ref().map(|vouched| vouched.at),
            recorded: DateTime::from_timestamp_millis(self.recorded.load(Ordering::Relaxed)),
        }
    }

    /// The province's time at the moment of a reading.
    fn placed(&self, reading: &Reading) -> Option<DateTime<Utc>> {
        let anchor = lock(&self.anchor);
        anchor.as_ref().filter(|anchor| anchor.boot_id == reading.boot_id)?.place(reading.since_boot)
    }

    /// The raw reading, for evidence.
    pub fn reading(&self) -> Reading {
        self.clock.read()
    }

    /// The clocks with the instant to write down in place of the wall's: see [`Now::stamp`].
    pub fn stamped(&self) -> Reading {
        let reading = self.clock.read();
        Reading { wall: self.judge(&reading).stamp(&reading), ..reading }
    }

    /// A name for what is set aside now: sorts by time, unique per millisecond of the machine's running.
    pub fn quarantine_stamp(&self) -> String {
        let reading = self.clock.read();
        format!("{}-{}", reading.wall.format(STAMP), reading.since_boot.as_millis())
    }

    /// When something was set aside: its name begins with such a stamp.
    pub fn quarantined_at(name: &str) -> Option<DateTime<Utc>> {
        NaiveDateTime::parse_from_str(name.split('-').next()?, STAMP).ok().map(|at| at.and_utc())
    }

    /// An event was recorded while the clock seemed right: as long as nothing says otherwise, this instant has passed.
    pub fn recorded(&self, at: DateTime<Utc>) {
        self.recorded.store(at.timestamp_millis(), Ordering::Relaxed);
    }

    /// The province signed this instant: it has passed. With another key than before it takes the place of what the key before had signed, also where that
    /// was later: a province whose clock ran ahead gets out of it by changing its key, and in no other way. An instant that was stored before keys were
    /// told apart has none. What the province has told before it changed its key may be of the same wrong clock: it is not gone by any more.
    pub fn vouched(&self, at: DateTime<Utc>, by: Option<&SignerId>) {
        let mut vouched = lock(&self.vouched);
        let is_another = |known: &Vouched| by.is_some() && known.by.is_some() && known.by.as_ref() != by;
        *vouched = Some(match vouched.take() {
            Some(known) if !is_another(&known) => Vouched { at: known.at.max(at), by: by.cloned().or(known.by) },
            Some(_) => {
                *lock(&self.anchor) = None;
                Vouched { at, by: by.cloned() }
            }
            None => Vouched { at, by: by.cloned() },
        });
    }

    /// Whether the province can have signed this instant by a clock that was right: it lies at most a day beyond the time that the province tells, or, where
    /// it has not been heard since the machine started, not far beyond the time that is gone by here, or not beyond a wall clock that is doubted only because
    /// the station was away for so long. Taking it would bind this station to it.
    pub fn can_be_signed(&self, at: DateTime<Utc>) -> bool {
        let reading = self.clock.read();
        let told = self.placed(&reading).and_then(|placed| placed.checked_add_signed(SIGNED_AHEAD));
        let end = told.or_else(|| self.judge(&reading).at.checked_add_signed(LONGEST_SILENCE));
        let is_by_the_wall = told.is_none() && reading.wall.checked_add_signed(SIGNED_AHEAD).is_none_or(|end| at <= end);
        is_by_the_wall || end.is_none_or(|end| at <= end)
    }

    /// What is odd about a time that the province tells, if it cannot be gone by.
    pub fn odd(&self, told: DateTime<Utc>) -> Option<OddTime> {
        let known = self.known();
        let (wall, latest) = (self.clock.read().wall, told.checked_add_signed(SIGNED_AHEAD));
        let is_near_ours = (wall - told).abs() <= SIGNED_AHEAD;
        match known.vouched.filter(|signed| latest.is_some_and(|latest| latest < *signed)) {
            Some(signed) if is_near_ours => Some(OddTime::SignedAhead { signed, told }),
            Some(signed) if wall.checked_add_signed(SIGNED_AHEAD).is_none_or(|latest| latest < signed) => {
                Some(OddTime::Unclear { signed, told })
            }
            None if known.allows(told) || is_near_ours || latest.is_some_and(|latest| known.allows(latest)) => None,
            Some(_) | None => Some(OddTime::ToldWrong { told }),
        }
    }

    /// Whether the province has told its time since the machine started.
    pub fn is_anchored(&self) -> bool {
        self.placed(&self.clock.read()).is_some()
    }

    /// What the province told before this start of the program. Where the wall clock is borne out by what the province has signed and what it told is
    /// not, it is not gone by: it was told by a clock that was wrong, and has been set right since.
    pub fn told_before(&self, anchor: TimeAnchor) {
        let reading = self.clock.read();
        let borne_out = self.known().vouched.and_then(|signed| signed.checked_add_signed(CORROBORATED));
        let is_beyond = |at: DateTime<Utc>| borne_out.is_some_and(|end| at > end);
        let wall_stands = judge(reading.wall, self.known()).state == ClockState::Plausible && !is_beyond(reading.wall);
        if !(wall_stands && anchor.place(reading.since_boot).is_none_or(is_beyond)) {
            self.anchored(anchor);
        }
    }

    /// The province told its time over a connection on which both sides had proved who they are. It is gone by from now on, if it was told since this
    /// start of the machine and lies between the floor and the ceiling; it moves neither. Returns whether it is.
    pub fn anchored(&self, anchor: TimeAnchor) -> bool {
        let reading = self.clock.read();
        let placed = if anchor.boot_id == reading.boot_id { anchor.place(reading.since_boot) } else { None };
        let is_taken = self.known().allows(anchor.at) && placed.is_some_and(|placed| self.known().allows(placed));
        if is_taken {
            *lock(&self.anchor) = Some(anchor);
        }
        is_taken
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
    use proptest::prelude::*;

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

    /// A machine's clocks, set by the test.
    struct Machine(Mutex<Reading>);

    impl Clock for Machine {
        fn read(&self) -> Reading {
            self.0.lock().unwrap().clone()
        }
    }

    fn reading(wall: DateTime<Utc>, since_boot: Duration, boot: &str) -> Reading {
        Reading { wall, since_boot, boot_id: boot.into() }
    }

    fn keeper(reading: Reading) -> (Arc<Machine>, TimeKeeper) {
        let machine = Arc::new(Machine(Mutex::new(reading)));
        let keeper = TimeKeeper::new(Arc::clone(&machine) as Arc<dyn Clock>, at("2026-11-01T00:00:00Z"));
        (machine, keeper)
    }

    #[test]
    fn the_provinces_time_counts_from_its_answer_to_the_next_start_of_the_machine() {
        let (machine, time) = keeper(reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(100), "one"));
        time.vouched(at("2026-11-20T00:00:00Z"), None);
        assert_eq!(time.now(), Now { at: at("2026-11-20T00:00:00Z"), state: ClockState::Behind });
        let told = TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(90), at: at("2026-11-22T02:59:50Z") };
        assert!(time.anchored(told));
        let now = time.now();
        assert_eq!((now.at, now.state, now.state.is_suspect()), (at("2026-11-22T03:00:00Z"), ClockState::Learned, false));
        assert_eq!(now.stamp(&time.reading()), now.at);
        // Set right by hand, to within two minutes: the machine's own time counts again.
        *machine.0.lock().unwrap() = reading(at("2026-11-22T03:01:59Z"), Duration::from_secs(100), "one");
        assert_eq!(time.now(), Now { at: at("2026-11-22T03:01:59Z"), state: ClockState::Plausible });
        *machine.0.lock().unwrap() = reading(at("2037-01-01T00:00:00Z"), Duration::from_secs(160), "one");
        assert_eq!(time.now(), Now { at: at("2026-11-22T03:01:00Z"), state: ClockState::Learned });
        // Another start of the machine: nothing is known of its clocks yet.
        *machine.0.lock().unwrap() = reading(at("2037-01-01T00:00:00Z"), Duration::from_secs(160), "two");
        assert_eq!(time.now(), Now { at: at("2026-11-20T00:00:00Z"), state: ClockState::FarAhead });
        assert!(!time.is_anchored());
    }

    #[test]
    fn a_learned_time_overrides_a_record_made_by_a_clock_that_ran_ahead() {
        let (_, time) = keeper(reading(at("2026-11-22T03:00:00Z"), Duration::from_secs(5), "one"));
        time.recorded(at("2027-05-01T00:00:00Z"));
        assert_eq!(time.now().state, ClockState::Behind);
        assert!(time.anchored(TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(5), at: at("2026-11-22T03:00:01Z") }));
        assert_eq!(time.now(), Now { at: at("2026-11-22T03:00:00Z"), state: ClockState::Plausible });
    }

    #[test]
    fn a_signed_instant_just_after_the_answer_is_no_contradiction_and_one_long_after_it_is() {
        let (_, time) = keeper(reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(10), "one"));
        assert!(time.anchored(TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(10), at: at("2026-11-22T03:00:00Z") }));
        time.vouched(at("2026-11-22T03:00:02Z"), None);
        assert_eq!(time.now(), Now { at: at("2026-11-22T03:00:02Z"), state: ClockState::Learned });
        time.vouched(at("2026-11-23T03:00:00Z"), None);
        assert_eq!(time.now(), Now { at: at("2026-11-23T03:00:00Z"), state: ClockState::Behind });
    }

    fn signer(name: &str) -> SignerId {
        SignerId(name.into())
    }

    #[test]
    fn what_a_clock_that_ran_ahead_has_signed_binds_until_the_key_is_another() {
        let right = at("2026-11-22T03:00:00Z");
        let (_, time) = keeper(reading(right, Duration::from_secs(10), "one"));
        let (one, two) = (signer("one"), signer("two"));
        time.vouched(at("2027-01-01T00:00:00Z"), Some(&one));
        assert_eq!(time.now().state, ClockState::Behind);
        let signed = at("2027-01-01T00:00:00Z");
        assert_eq!(time.odd(right), Some(OddTime::SignedAhead { signed, told: right }));
        assert_eq!(time.odd(right - TimeDelta::days(3)), Some(OddTime::Unclear { signed, told: right - TimeDelta::days(3) }));
        time.vouched(right, Some(&one));
        time.vouched(right, None);
        assert_eq!(time.now().state, ClockState::Behind, "the same key, or nobody knows which, takes nothing back");
        time.vouched(right, Some(&two));
        assert_eq!(time.now(), Now { at: right, state: ClockState::Plausible });
        assert_eq!(time.odd(right - TimeDelta::hours(23)), None, "whoever signs may be a little ahead of whoever answers");
        let told = right - TimeDelta::days(3);
        assert_eq!(time.odd(told), Some(OddTime::ToldWrong { told }), "ours agrees with what was signed");
        assert_eq!(time.odd(at("9999-01-01T00:00:00Z")), Some(OddTime::ToldWrong { told: at("9999-01-01T00:00:00Z") }));
    }

    #[test]
    fn what_a_province_told_before_it_changed_its_key_is_not_gone_by_any_more() {
        let right = at("2026-11-22T03:00:00Z");
        let anchor = || TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(10), at: right + TimeDelta::days(30) };
        let (machine, time) = keeper(reading(right, Duration::from_secs(10), "one"));
        time.vouched(right - TimeDelta::days(1), Some(&signer("one")));
        assert!(time.anchored(anchor()));
        assert_eq!(time.now().state, ClockState::Learned);
        time.vouched(right, Some(&signer("two")));
        assert_eq!(time.now(), Now { at: right, state: ClockState::Plausible });
        // Nor does another start of the program take it up again; but it does where the wall clock is not borne out by what was signed.
        time.told_before(anchor());
        assert_eq!(time.now(), Now { at: right, state: ClockState::Plausible });
        *machine.0.lock().unwrap() = reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(10), "one");
        time.told_before(anchor());
        assert_eq!(time.now().state, ClockState::Learned);
    }

    #[test]
    fn a_station_that_was_away_for_years_takes_what_its_own_clock_bears_out() {
        let (machine, time) = keeper(reading(at("2028-11-22T03:00:00Z"), Duration::from_secs(10), "one"));
        time.vouched(at("2026-11-20T00:00:00Z"), None);
        assert_eq!(time.now().state, ClockState::FarAhead);
        assert!(time.can_be_signed(at("2028-11-22T02:00:00Z")) && !time.can_be_signed(at("2028-11-24T02:00:00Z")));
        *machine.0.lock().unwrap() = reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(10), "one");
        assert!(!time.can_be_signed(at("2028-11-22T02:00:00Z")), "nothing bears it out");
    }

    #[test]
    fn how_far_ahead_an_instant_can_be_signed() {
        let right = at("2026-11-22T03:00:00Z");
        let (machine, time) = keeper(reading(right, Duration::from_secs(10), "one"));
        let can = |days: i64| time.can_be_signed(right + TimeDelta::days(days));
        assert_eq!((can(-400), can(400), can(401)), (true, true, false));
        assert!(time.anchored(TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(10), at: right }));
        assert_eq!((can(-400), can(1), can(2)), (true, true, false), "the province has told its time");
        // Woken in 2015, with no word of the province yet but a signed one: that one counts, and the program's own age where there is none.
        *machine.0.lock().unwrap() = reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(10), "two");
        assert_eq!((can(378), can(380)), (true, false));
        time.vouched(right, None);
        assert_eq!((can(400), can(401)), (true, false));
    }

    proptest! {
        /// The answer may have been made anywhere between question and arrival, the wall may say anything, and the moment asked about may lie up to
        /// 90 days later in the same start.
        #[test]
        fn f40_the_true_time_is_learned_within_two_seconds(
            booted in 0_i64..10_000_000,
            asked in 0_u64..10_000_000,
            took in 0_u64..=4_000,
            share in 0.0_f64..=1.0,
            later in 0_u64..7_776_000_000,
            wall in -2_000_000_000_i64..4_000_000_000,
        ) {
            let boot_at = at("2026-11-21T00:00:00Z") + TimeDelta::seconds(booted);
            let truth = |since: Duration| boot_at + TimeDelta::from_std(since).unwrap();
            let (sent, came) = (Duration::from_millis(asked), Duration::from_millis(asked + took));
            let wall = DateTime::from_timestamp(wall, 0).unwrap();
            let told = truth(sent + Duration::from_millis(took).mul_f64(share));
            let anchor = TimeAnchor::between(&reading(wall, sent, "one"), &reading(wall, came, "one"), told);
            let (machine, time) = keeper(reading(wall, came, "one"));
            prop_assert!(time.anchored(anchor));
            let then = came + Duration::from_millis(later);
            *machine.0.lock().unwrap() = reading(wall, then, "one");
            let now = time.now();
            if now.state == ClockState::Learned {
                prop_assert!((now.at - truth(then)).abs() <= TimeDelta::seconds(2), "{} for {}", now.at, truth(then));
            } else {
                prop_assert_eq!(now, Now { at: wall, state: ClockState::Plausible });
                prop_assert!((wall - truth(then)).abs() <= TOLERATED + TimeDelta::seconds(2));
            }
        }
    }

    /// A thousand times told by somebody who lies: none moves what is used after the next start of the machine.
    #[test]
    fn f41_no_unsigned_time_moves_the_floor() {
        let (machine, time) = keeper(reading(at("2015-01-01T00:00:00Z"), Duration::from_secs(1), "one"));
        let floor = at("2026-11-20T00:00:00Z");
        time.vouched(floor, None);
        let ceiling = floor + LONGEST_SILENCE;
        let (mut taken, mut refused) = (0, 0);
        for n in 0..1_000_i64 {
            let lie = at("1990-01-01T00:00:00Z") + TimeDelta::days(n * 40);
            let since_boot = Duration::from_secs(1 + u64::try_from(n).unwrap());
            *machine.0.lock().unwrap() = reading(at("2015-01-01T00:00:00Z"), since_boot, "one");
            if time.anchored(TimeAnchor { boot_id: "one".into(), since_boot, at: lie }) {
                taken += 1;
                assert!((floor..=ceiling).contains(&lie), "{lie}");
                assert_eq!(time.now(), Now { at: lie, state: ClockState::Learned });
            } else {
                refused += 1;
                assert!(!(floor..=ceiling).contains(&lie), "{lie}");
            }
            // The next start of the machine knows what was signed, and nothing else.
            *machine.0.lock().unwrap() = reading(at("2015-01-01T00:00:00Z"), since_boot, "two");
            assert_eq!(time.now(), Now { at: floor, state: ClockState::Behind });
        }
        assert!(taken == 10 && refused == 990, "{taken} {refused}");
        // Nor does one of another start of the machine count for this one.
        assert!(!time.anchored(TimeAnchor { boot_id: "one".into(), since_boot: Duration::from_secs(1), at: floor }));
    }
}
