//! How long somebody waits who does not know a PIN.
//!
//! Promise: a few slips cost nothing; after them every further try waits longer, and no hour has more than [`AN_HOUR`] failed ones, whatever was in between.
//! Never: the wall clock: ages come from a clock that nobody sets.

use core::time::Duration;

/// Slips in a row that cost nothing.
const FREE: u32 = 5;
/// The first wait; each one after it is twice as long.
const FIRST: Duration = Duration::from_secs(30);
/// No wait is longer: a head who is there can set a new PIN, and four tries an hour find nothing.
const LONGEST: Duration = Duration::from_mins(15);
/// Failed tries of an hour, over however many right ones in between.
pub const AN_HOUR: usize = 30;
/// Ages beyond this do not count.
pub const WINDOW: Duration = Duration::from_hours(1);

/// What is known of failed tries: against one account, or from one browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Since the last right one.
    pub in_a_row: u32,
    /// How long ago those of the last hour were, the last one first.
    pub ages: Vec<Duration>,
}

impl Tries {
    /// How long until another one is let through; `None`: now.
    pub fn wait(&self) -> Option<Duration> {
        let last = *self.ages.first()?;
        let after_the_last = delay(self.in_a_row).saturating_sub(last);
        let of_the_hour = self.ages.get(AN_HOUR - 1).map_or(Duration::ZERO, |age| WINDOW.saturating_sub(*age));
        Some(after_the_last.max(of_the_hour)).filter(|wait| !wait.is_zero())
    }
}

/// What a try waits after so many failed ones in a row.
fn delay(in_a_row: u32) -> Duration {
    match in_a_row.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(1_u32.checked_shl(more.min(20)).unwrap_or(u32::MAX)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_from_the_fifth_slip_on_and_runs_out_by_itself() {
        let tries = |in_a_row, age| Tries { in_a_row, ages: vec![Duration::from_secs(age)] };
        for (in_a_row, age, wait) in [
            (0, 0, 0),
            (4, 0, 0),
            (5, 0, 30),
            (5, 29, 1),
            (5, 30, 0),
            (6, 10, 50),
            (7, 0, 120),
            (9, 0, 480),
            (10, 0, 900),
            (4_000_000, 1, 899),
        ] {
            assert_eq!(tries(in_a_row, age).wait().map_or(0, |wait| wait.as_secs()), wait, "{in_a_row} in a row, {age} s ago");
        }
        assert_eq!(Tries { in_a_row: 9, ages: Vec::new() }.wait(), None, "nothing in the last hour");
    }

    #[test]
    fn an_hour_has_its_number_whatever_is_known_in_between() {
        let ages = |n: usize| (0..n).map(|n| Duration::from_secs(100 * n as u64)).collect::<Vec<_>>();
        assert_eq!(Tries { in_a_row: 1, ages: ages(29) }.wait(), None);
        assert_eq!(Tries { in_a_row: 1, ages: ages(30) }.wait(), Some(Duration::from_secs(700)));
        assert_eq!(Tries { in_a_row: 0, ages: ages(36) }.wait(), Some(Duration::from_secs(700)));
    }
}
