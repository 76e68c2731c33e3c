//! How old our knowledge is, and when that gets worse.
//!
//! Promise: four states, never one colour for two of them, and always the age beside the state. Never: a reason to withhold an
//! answer; old data answer and say how old they are.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use super::clock::Now;

/// From which age the data are called aging, and stale. Set by the station's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Younger than this is fresh.
    pub aging_after: TimeDelta,
    /// Older than this is stale.
    pub stale_after: TimeDelta,
}

/// The state of the roster's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Recent enough to rely on.
    Fresh,
    /// Usable; connect soon.
    Aging,
    /// Provisional: check later.
    Stale,
    /// There is no roster.
    Absent,
}

impl Freshness {
    /// The stable text of the contract and the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Aging => "aging",
            Self::Stale => "stale",
            Self::Absent => "absent",
        }
    }
}

/// State, age, and the instant at which the state gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataAge {
    /// The state.
    pub freshness: Freshness,
    /// How old; `None` when there are no data.
    pub age: Option<TimeDelta>,
    /// When the next worse state begins, if there is one.
    pub worsens_at: Option<DateTime<Utc>>,
    /// Of when the data are, where no clock says how long ago that is: then `age` is only the least it can be.
    pub doubted: Option<DateTime<Utc>>,
}

/// Judges data described as of an instant. Data from the future (a clock that is behind) have age zero. While the clock is in doubt it is later than the
/// instant that is gone by, nobody knows how much: then nothing is called fresh, and nothing gets worse at an hour of that clock.
pub fn data_age(as_of: Option<DateTime<Utc>>, now: Now, thresholds: Thresholds) -> DataAge {
    let Some(as_of) = as_of else {
        return DataAge { freshness: Freshness::Absent, age: None, worsens_at: None, doubted: None };
    };
    let age = now.at.signed_duration_since(as_of).max(TimeDelta::zero());
    let (freshness, next) = if age < thresholds.aging_after {
        (Freshness::Fresh, Some(thresholds.aging_after))
    } else if age < thresholds.stale_after {
        (Freshness::Aging, Some(thresholds.stale_after))
    } else {
        (Freshness::Stale, None)
    };
    if now.state.is_suspect() {
        let freshness = if freshness == Freshness::Fresh { Freshness::Aging } else { freshness };
        return DataAge { freshness, age: Some(age), worsens_at: None, doubted: Some(as_of) };
    }
    DataAge { freshness, age: Some(age), doubted: None, worsens_at: next.and_then(|after| as_of.checked_add_signed(after)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::ClockState;

    fn sure(at: DateTime<Utc>) -> Now {
        Now { at, state: ClockState::Plausible }
    }

    #[test]
    fn by_a_doubted_clock_nothing_is_fresh_and_the_age_is_only_the_least_it_can_be() {
        let thresholds = Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) };
        let as_of: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
        for (state, is_doubted) in
            [(ClockState::Plausible, false), (ClockState::Learned, false), (ClockState::Behind, true), (ClockState::FarAhead, true)]
        {
            for (hours, freshness) in [(0, Freshness::Fresh), (36, Freshness::Aging), (168, Freshness::Stale)] {
                let age = data_age(Some(as_of), Now { at: as_of + TimeDelta::hours(hours), state }, thresholds);
                let expected = if is_doubted && hours == 0 { Freshness::Aging } else { freshness };
                assert_eq!((age.freshness, age.doubted), (expected, is_doubted.then_some(as_of)), "{state:?}, {hours} h");
                assert_eq!(age.worsens_at.is_some(), !is_doubted && hours < 168, "{state:?}, {hours} h");
            }
        }
    }

    #[test]
    fn each_threshold_belongs_to_the_worse_state() {
        let thresholds = Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) };
        let as_of: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
        for (hours, freshness, worsens) in [
            (-5, Freshness::Fresh, Some(36)),
            (0, Freshness::Fresh, Some(36)),
            (35, Freshness::Fresh, Some(36)),
            (36, Freshness::Aging, Some(168)),
            (167, Freshness::Aging, Some(168)),
            (168, Freshness::Stale, None),
        ] {
            let age = data_age(Some(as_of), sure(as_of + TimeDelta::hours(hours)), thresholds);
            assert_eq!(age.freshness, freshness, "{hours} h");
            assert_eq!(age.worsens_at, worsens.map(|h| as_of + TimeDelta::hours(h)), "{hours} h");
        }
        assert_eq!(data_age(None, sure(as_of), thresholds).freshness, Freshness::Absent);
    }
}
