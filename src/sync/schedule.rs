//! When to try: the timetable, and the pause after a failure.
//!
//! Promise: pure functions. Stations that share a timetable do not share its instants: each has an offset of its own that never changes, so that a
//! province is not asked by four hundred stations in one second. Never: a pause of zero; a pause beyond its cap.

use core::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use cron::Schedule;
use sha2::Digest;
use sha2::Sha256;

use crate::domain::clock;
use crate::domain::facility::FacilityCode;

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

/// The pause after `tries` failures in a row: anything up to a bound that doubles each time (full jitter). `random` is in 0..1. What the server asked
/// for is kept, cap or not.
pub fn pause(tries: u32, cap: Duration, random: f64, asked: Option<Duration>) -> Duration {
    let bound = FIRST.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(cap);
    bound.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST).max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use core::str::FromStr;

    use proptest::prelude::*;

    use super::*;

    fn timetable(expression: &str, station: &str) -> Timetable {
        Timetable::new(Schedule::from_str(expression).unwrap(), &FacilityCode::parse(station).unwrap())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn instants_are_vietnamese_and_a_station_keeps_its_offset() {
        let table = timetable("0 30 5 * * *", "99001");
        let first = table.next_after(at("2026-11-21T12:00:00Z")).unwrap();
        let offset = first - at("2026-11-21T22:30:00Z");
        assert!((TimeDelta::zero()..LARGEST_OFFSET).contains(&offset), "{offset}");
        assert_eq!(table.next_after(first).unwrap(), first + TimeDelta::days(1));
    }

    #[test]
    fn stations_are_spread() {
        let instants: std::collections::BTreeSet<_> = (100..300)
            .map(|n| timetable("0 */15 * * * *", &format!("99{n}")).next_after(at("2026-11-22T00:00:01Z")).unwrap().timestamp())
            .collect();
        assert!(instants.len() > 120, "{}", instants.len());
    }

    #[test]
    fn an_expression_without_further_instants_ends() {
        assert_eq!(timetable("0 0 0 1 1 * 2020", "99001").next_after(at("2026-11-22T00:00:00Z")), None);
    }

    proptest! {
        #[test]
        fn each_instant_comes_once_and_in_order(seconds in 0_i64..400_000_000, minutes in 1_u32..30, station in "[0-9]{5}") {
            let table = timetable(&format!("0 */{minutes} * * * *"), &station);
            let from = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds);
            let first = table.next_after(from).unwrap();
            let second = table.next_after(first).unwrap();
            prop_assert!(from < first && first < second);
            prop_assert!(first - from <= TimeDelta::minutes(i64::from(minutes)) + LARGEST_OFFSET);
            prop_assert!(second - first <= TimeDelta::minutes(i64::from(minutes)) + LARGEST_OFFSET);
        }

        #[test]
        fn pauses_stay_within_bounds(tries in any::<u32>(), cap in 1_u64..10_000, random in 0.0_f64..1.0, asked in prop::option::of(0_u64..5_000)) {
            let (cap, asked) = (Duration::from_secs(cap), asked.map(Duration::from_secs));
            let pause = pause(tries, cap, random, asked);
            prop_assert!(pause >= SHORTEST && pause >= asked.unwrap_or_default());
            prop_assert!(pause <= cap.max(asked.unwrap_or_default()));
        }
    }

    #[test]
    fn the_bound_doubles_up_to_its_cap() {
        let bounds: Vec<_> = (1..=8).map(|tries| pause(tries, Duration::from_mins(5), 1.0, None).as_secs()).collect();
        assert_eq!(bounds, [4, 8, 16, 32, 64, 128, 256, 300]);
    }
}
