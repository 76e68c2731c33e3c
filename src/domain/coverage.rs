//! How many of the people on the roster have a card in force, and when a card's end is somebody's business.
//!
//! Promise: counted, not estimated; a share is of the roster and says nothing about people who are not on it. Never: a share of nobody.

use core::fmt;

use chrono::NaiveDate;

/// A share in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    const WHOLE: u16 = 10_000;

    /// So many of so many, rounded down: a target is not reached by rounding. `None` of nobody.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let hundredths = u128::from(part.min(whole)) * u128::from(Self::WHOLE);
        u16::try_from(hundredths.checked_div(u128::from(whole))?).ok().map(Self)
    }

    /// Reads `95`, `95.5` or `95.75`: above nothing, and at most all.
    pub fn parse_percent(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(places, 2) {
            return None;
        }
        let places = format!("{places:0<2}").parse::<u16>().ok()?;
        let hundredths = whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(places)?;
        (1..=Self::WHOLE).contains(&hundredths).then_some(Self(hundredths))
    }

    /// In hundredths of a percent.
    pub fn hundredths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// The people of a roster, or of a part of it, on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub people: u64,
    /// With a card that counts.
    pub in_force: u64,
    /// Of these, with one that ends within the first reminder's days and no next one.
    pub ending: u64,
    /// Whose last card has passed its end.
    pub expired: u64,
}

impl Tally {
    /// The share whose cards are in force.
    pub fn share(self) -> Option<Share> {
        Share::of(self.in_force, self.people)
    }

    /// Counts one more person.
    pub fn add(&mut self, person: Counted) {
        self.people += 1;
        match person {
            Counted::InForce { is_ending } => {
                self.in_force += 1;
                self.ending += u64::from(is_ending);
            }
            Counted::Expired => self.expired += 1,
            Counted::Neither => {}
        }
    }
}

/// How a person is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A card counts.
    InForce {
        /// It ends soon, and no next one is known.
        is_ending: bool,
    },
    /// The last one has ended.
    Expired,
    /// Withdrawn, locked, taken off, kept elsewhere, not begun, or not readable.
    Neither,
}

/// A day's count, as of the roster's instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayTally {
    /// The Vietnamese day.
    pub day: NaiveDate,
    /// What was counted.
    pub tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_never_of_nobody() {
        for (part, whole, share) in
            [(0, 0, None), (0, 5, Some("0.00")), (5, 5, Some("100.00")), (2, 3, Some("66.66")), (9_999_999, 10_000_000, Some("99.99"))]
        {
            assert_eq!(Share::of(part, whole).map(|share| share.to_string()).as_deref(), share, "{part} of {whole}");
        }
        assert_eq!(Share::of(u64::MAX, u64::MAX).unwrap().to_string(), "100.00");
    }

    #[test]
    fn a_target_is_read_as_written() {
        for (text, read) in [("95", "95.00"), ("95.5", "95.50"), ("95.75", "95.75"), ("100", "100.00"), ("0.01", "0.01"), ("9.05", "9.05")]
        {
            assert_eq!(Share::parse_percent(text).map(|share| share.to_string()).as_deref(), Some(read), "{text}");
        }
        for text in ["", "0", "0.00", "100.01", "101", "95.755", "-1", "+95", "1e2", "95.", ".5", "nan", "inf", "9_5", "999"] {
            assert_eq!(Share::parse_percent(text), None, "{text}");
        }
    }
}
