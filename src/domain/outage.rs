//! A time in which a way to the province failed, and visits that came on what was then known.
//!
//! Promise: an outage lasts from the first try that failed to the next one that got through; which visits have to be looked at again follows from what the
//! desk was shown alone. Never: a judgement of whose fault it was.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use super::freshness::Freshness;
use super::verdict::Knowledge;
use super::visit::ShownVerdict;
use super::visit::VisitId;

/// One way, from failure to success. The texts are stable codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What did not work.
    pub direction: Box<str>,
    /// Why, at the last try.
    pub trouble: Box<str>,
    /// The first try that failed.
    pub began_at: DateTime<Utc>,
    /// The last that is written down.
    pub last_try_at: DateTime<Utc>,
    /// How many failed.
    pub tries: u32,
    /// The next one that got through; `None`: none has.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A row is written anew when so much time has passed since the last, however many tries there were: cards of such machines wear out.
const WRITE_AFTER: TimeDelta = TimeDelta::hours(1);

impl Outage {
    /// Whether it was going on at an instant.
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.began_at <= at && self.ended_at.is_none_or(|ended| at <= ended)
    }

    /// Whether what is known by now is worth writing down over what is: the end, another reason, twice the tries, or a long time.
    pub fn is_news(&self, written: &Self) -> bool {
        self.ended_at != written.ended_at
            || self.trouble != written.trouble
            || self.tries >= written.tries.saturating_mul(2)
            || (self.tries > written.tries && self.last_try_at.signed_duration_since(written.last_try_at).abs() >= WRITE_AFTER)
    }
}

/// A try that failed, as it is kept around the visits of its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTry {
    /// What did not work. A stable code.
    pub direction: Box<str>,
    /// Why. A stable code.
    pub trouble: Box<str>,
    /// When, by the clock that visits are dated with.
    pub at: DateTime<Utc>,
    /// On which start of the machine,
    pub boot_id: Box<str>,
    /// and so many milliseconds after it.
    pub boot_ms: u64,
    /// Whose visit it was that the province was asked about, where it was one person's.
    pub about: Option<VisitId>,
}

/// How long before and after a visit tries are told of, and how many of them.
const AROUND_MS: u64 = 60 * 60 * 1000;
const MOST_BEFORE: usize = 12;
const MOST_AFTER: usize = 6;

impl FailedTry {
    /// From which millisecond of the machine's running to which a try is one around a visit.
    pub fn span_around(visit_ms: u64) -> (u64, u64) {
        (visit_ms.saturating_sub(AROUND_MS), visit_ms.saturating_add(AROUND_MS))
    }

    /// Of tries in their order, what is told of a visit: its own, the last ones before and the first ones after it.
    pub fn around(tries: Vec<Self>, id: VisitId, visit_ms: u64) -> Vec<Self> {
        let before = tries.iter().filter(|one| one.about.is_none() && one.boot_ms <= visit_ms).count();
        let (mut seen, mut after) = (0, 0);
        let is_told = |one: &Self| match one.about {
            Some(about) => about == id,
            None if one.boot_ms <= visit_ms => {
                seen += 1;
                before - seen < MOST_BEFORE
            }
            None => {
                after += 1;
                after <= MOST_AFTER
            }
        };
        let mut told = tries;
        told.retain(is_told);
        told
    }
}

/// Whether a visit came on missing or old knowledge, and is to be looked at again (Decree 188/2025, Article 38(2)). So is one that came while the province
/// could not be reached, however young the data: that is kept beside the visit.
pub fn is_unsure(shown: &ShownVerdict) -> bool {
    *shown.knowledge == *Knowledge::Unverified.code() || lacks_data(shown)
}

/// Whether the data were too old to look up by, or there were none.
pub fn lacks_data(shown: &ShownVerdict) -> bool {
    // FROZEN with the index `visit_unsure`.
    [Freshness::Stale, Freshness::Absent].map(Freshness::code).contains(&&*shown.freshness)
}

/// How far the looking again is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checked {
    /// Nothing newer speaks yet.
    Open,
    /// There is no number that newer data could speak of: a person has to find it.
    NumberWanted,
    /// Newer data say the same.
    Confirmed {
        /// Of when they are.
        as_of: DateTime<Utc>,
    },
    /// Newer data say something else.
    Differs,
}

impl Checked {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::NumberWanted => "number_wanted",
            Self::Confirmed { .. } => "confirmed",
            Self::Differs => "differs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn outage(tries: u32, last: &str) -> Outage {
        let (direction, trouble, began_at) = ("pull".into(), "unreachable".into(), at("2026-11-22T01:00:00Z"));
        Outage { direction, trouble, began_at, last_try_at: at(last), tries, ended_at: None }
    }

    #[test]
    fn an_outage_lasts_to_its_end_and_an_open_one_goes_on() {
        let open = outage(2, "2026-11-22T01:05:00Z");
        assert!(!open.covers(at("2026-11-22T00:59:59Z")) && open.covers(open.began_at) && open.covers(at("2027-01-01T00:00:00Z")));
        let ended = Outage { ended_at: Some(at("2026-11-22T02:00:00Z")), ..open };
        assert!(ended.covers(at("2026-11-22T02:00:00Z")) && !ended.covers(at("2026-11-22T02:00:01Z")));
    }

    #[test]
    fn of_the_tries_around_a_visit_its_own_the_last_before_and_the_first_after_are_told() {
        let id = |n: u128| VisitId(uuid::Uuid::from_u128(n));
        let one = |minute: u64, about: Option<u128>| FailedTry {
            direction: "push".into(),
            trouble: "unreachable".into(),
            at: at("2026-11-22T01:00:00Z"),
            boot_id: "test".into(),
            boot_ms: minute * 60_000,
            about: about.map(id),
        };
        let tries = (0..60).map(|minute| one(minute, (minute % 20 == 5).then_some(u128::from(minute / 20)))).collect();
        let told = FailedTry::around(tries, id(0), 30 * 60_000);
        let minutes: Vec<_> = told.iter().map(|one| one.boot_ms / 60_000).collect();
        let expected: Vec<_> = [5].into_iter().chain(18..25).chain(26..=36).collect();
        assert_eq!(minutes, expected, "25 was about somebody else");
    }

    #[test]
    fn a_long_outage_is_written_rarely() {
        let mut written = outage(2, "2026-11-22T01:00:00Z");
        let mut writes = 0;
        // A try every quarter of an hour for thirty days.
        for try_number in 3..2_880_u32 {
            let last_try_at = written.began_at + TimeDelta::minutes(15 * i64::from(try_number));
            let now = Outage { last_try_at, tries: try_number, ..written.clone() };
            if now.is_news(&written) {
                (written, writes) = (now, writes + 1);
            }
        }
        assert!((700..=730).contains(&writes), "{writes}: about one in an hour");
        assert!(Outage { trouble: "server_busy".into(), ..written.clone() }.is_news(&written));
        assert!(Outage { ended_at: Some(written.last_try_at), ..written.clone() }.is_news(&written));
        assert!(!written.is_news(&written));
    }
}
