//! Dates as cards print them.
//!
//! Promise: a missing day or month stays missing. Never: an order of day and month other than the Vietnamese one, a
//! two-digit year, or a day the calendar does not have.

use core::ops::RangeInclusive;

use chrono::NaiveDate;

use super::super::field::Problem;
use super::super::person::BirthDate;

/// Before this year no card, and nobody who holds one, existed: a smaller one is a lost digit.
const FIRST_YEAR: u32 = 1900;

/// Reads `dd/MM/yyyy`; day and month may have one digit.
pub(super) fn day(text: &str) -> Result<NaiveDate, Problem> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [d, m, y] => calendar(digits(y, 4..=4)?, digits(m, 1..=2)?, digits(d, 1..=2)?),
        _ => Err(Problem::NotADate),
    }
}

/// Reads `ddMMyyyy`.
pub(super) fn compact_day(text: &str) -> Result<NaiveDate, Problem> {
    let number = digits(text, 8..=8)?;
    calendar(number % 10_000, number / 10_000 % 100, number / 1_000_000)
}

/// Reads `dd/MM/yyyy`, `MM/yyyy` or `yyyy`; day and month may have one digit.
pub(in crate::domain) fn birth(text: &str) -> Result<BirthDate, Problem> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [y] => born(digits(y, 4..=4)?, None, None),
        [m, y] => born(digits(y, 4..=4)?, Some(digits(m, 1..=2)?), None),
        [d, m, y] => born(digits(y, 4..=4)?, Some(digits(m, 1..=2)?), Some(digits(d, 1..=2)?)),
        _ => Err(Problem::NotADate),
    }
}

/// Reads `ddMMyyyy`, `MMyyyy` or `yyyy`.
pub(in crate::domain) fn compact_birth(text: &str) -> Result<BirthDate, Problem> {
    let number = digits(text, 4..=8)?;
    let (year, month, day) = (number % 10_000, number / 10_000 % 100, number / 1_000_000);
    match text.len() {
        4 => born(year, None, None),
        6 => born(year, Some(month), None),
        8 => born(year, Some(month), Some(day)),
        _ => Err(Problem::NotADate),
    }
}

fn calendar(year: u32, month: u32, day: u32) -> Result<NaiveDate, Problem> {
    let year = if year < FIRST_YEAR { None } else { i32::try_from(year).ok() };
    year.and_then(|year| NaiveDate::from_ymd_opt(year, month, day)).ok_or(Problem::NotADate)
}

fn born(year: u32, month: Option<u32>, day: Option<u32>) -> Result<BirthDate, Problem> {
    BirthDate::from_parts(i32::try_from(year).map_err(|_| Problem::NotADate)?, month, day)
}

/// Reads ASCII digits, as many as one of `lengths`.
fn digits(text: &str, lengths: RangeInclusive<usize>) -> Result<u32, Problem> {
    // `str::parse` alone would take a leading plus sign.
    let fits = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().map_err(|_| Problem::NotADate) } else { Err(Problem::NotADate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_precise_as_printed() {
        for (text, iso) in [("02/09/1985", "1985-09-02"), ("2/9/1985", "1985-09-02"), ("9/1985", "1985-09"), ("1985", "1985")] {
            assert_eq!(birth(text).map(BirthDate::to_iso).as_deref(), Ok(iso), "{text}");
        }
        for (text, iso) in [("02091985", "1985-09-02"), ("091985", "1985-09"), ("1985", "1985")] {
            assert_eq!(compact_birth(text).map(BirthDate::to_iso).as_deref(), Ok(iso), "{text}");
        }
        assert_eq!(day("1/2/2026").map(|d| d.to_string()).as_deref(), Ok("2026-02-01"));
        assert_eq!(day("29/02/2024").map(|d| d.to_string()).as_deref(), Ok("2024-02-29"));
        assert_eq!(compact_day("15032022").map(|d| d.to_string()).as_deref(), Ok("2022-03-15"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "/", "//", "2/9/85", "30/02/1985", "13/1985", "00/00/1985", "+1/9/1985", "1985-09-02", "9/2/1985/", "٢/٩/١٩٨٥"]
        {
            assert_eq!(birth(text), Err(Problem::NotADate), "{text}");
        }
        for text in ["", "2091985", "19850902", "00001985", "85", "12345", "+2091985", "020919850"] {
            assert_eq!(compact_birth(text), Err(Problem::NotADate), "{text}");
        }
        for text in ["2026", "01/2026", "29/02/2026", "01/01/26", "01/01/0001", "01/13/2026", "01012026"] {
            assert_eq!(day(text), Err(Problem::NotADate), "{text}");
        }
        for text in ["2022", "032022", "31022022", "1503202"] {
            assert_eq!(compact_day(text), Err(Problem::NotADate), "{text}");
        }
    }
}
