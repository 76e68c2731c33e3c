//! How many people somebody looks up, and how many of them are nobody.
//!
//! Promise: a person at a desk is not held up; whoever tries numbers is: by the minute, and after a row of numbers that are nobody's by the PIN. It
//! is counted for the account and for the browser, so that neither another cookie nor another account begins anew. Never: what was looked up.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::VecDeque;

use crate::domain::operator::OperatorId;

/// Look-ups in a row that find nobody.
pub(super) const MISSES: u32 = 30;

const MINUTE: Duration = Duration::from_mins(1);
/// Accounts and browsers counted: more than a station has.
const COUNTED: usize = 512;

/// For whom is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Account(Option<OperatorId>),
    Browser(String),
}

#[derive(Default)]
struct Count {
    at: VecDeque<Duration>,
    misses: u32,
}

/// The counts. Times are time since the machine's start.
#[derive(Default)]
pub(super) struct Meter(HashMap<Whose, Count>);

impl Meter {
    /// Counts a look-up, unless there were as many as a minute may have; then how long until the next.
    pub(super) fn begin(&mut self, whose: &[Whose], most: usize, now: Duration) -> Result<(), Duration> {
        if self.0.len() > COUNTED {
            self.0.retain(|_, count| count.misses > 0 || count.at.back().is_some_and(|at| now.saturating_sub(*at) < MINUTE));
        }
        for one in whose {
            let count = self.0.entry(one.clone()).or_default();
            while count.at.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
                count.at.pop_front();
            }
            if let Some(oldest) = count.at.front().filter(|_| count.at.len() >= most) {
                return Err(MINUTE.saturating_sub(now.saturating_sub(*oldest)));
            }
        }
        for one in whose {
            self.0.entry(one.clone()).or_default().at.push_back(now);
        }
        Ok(())
    }

    /// A look-up found somebody, or nobody. Returns whether it was one nobody too many.
    pub(super) fn end(&mut self, whose: &[Whose], found: bool) -> bool {
        let mut is_enough = false;
        for one in whose {
            let count = self.0.entry(one.clone()).or_default();
            count.misses = if found { 0 } else { count.misses + 1 };
            is_enough |= count.misses >= MISSES;
        }
        is_enough
    }

    /// The PIN was shown again: a new row begins.
    pub(super) fn pin_shown(&mut self, whose: &[Whose]) {
        for one in whose {
            if let Some(count) = self.0.get_mut(one) {
                count.misses = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(account: u32, browser: &str) -> [Whose; 2] {
        [Whose::Account(Some(OperatorId(account))), Whose::Browser(browser.into())]
    }

    #[test]
    fn a_minute_has_its_number_whichever_of_the_two_is_another_one() {
        let mut meter = Meter::default();
        for n in 0..60 {
            meter.begin(&whose(1, "a"), 60, Duration::from_millis(n * 10)).unwrap();
        }
        for other in [whose(1, "a"), whose(2, "a"), whose(1, "b")] {
            assert_eq!(meter.begin(&other, 60, Duration::from_secs(20)), Err(Duration::from_secs(40)));
        }
        meter.begin(&whose(2, "b"), 60, Duration::from_secs(20)).unwrap();
        meter.begin(&whose(1, "a"), 60, Duration::from_mins(1)).unwrap();
        assert!(meter.begin(&whose(1, "a"), 60, Duration::from_mins(1)).is_err(), "one has gone, one is free");
    }

    #[test]
    fn a_row_of_nobody_ends_with_somebody_or_with_the_pin() {
        let mut meter = Meter::default();
        let mine = whose(1, "a");
        for _ in 0..2 {
            for n in 1..MISSES {
                assert!(!meter.end(&mine, false), "{n}");
            }
            assert!(!meter.end(&mine, true));
        }
        for _ in 1..MISSES {
            meter.end(&mine, false);
        }
        assert!(meter.end(&whose(2, "a"), false), "another account in the same browser goes on with the row");
        meter.pin_shown(&whose(2, "a"));
        assert!(!meter.end(&whose(2, "a"), false));
    }
}
