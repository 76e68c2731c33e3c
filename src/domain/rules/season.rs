//! Cards that end with a season: those of children, and of pupils in their last year.
//!
//! Promise: the day is counted from the birth date as the row says, and only where the birth date is known well enough. Never: a day counted in place of
//! one on record; a decision, which is the school's, the commune's or the insurer's.

use chrono::Datelike;
use chrono::Days;
use chrono::Months;
use chrono::NaiveDate;

use super::Confidence;
use super::RuleTables;
use super::Said;
use super::Term;
use crate::domain::benefit::MemberGroup;
use crate::domain::person::BirthDate;

/// A day that every year has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayOfYear {
    month: u32,
    day: u32,
}

impl DayOfYear {
    /// `None` for the 29th of February, and for what is no day.
    pub fn new(month: u32, day: u32) -> Option<Self> {
        // 2023 was no leap year.
        NaiveDate::from_ymd_opt(2023, month, day).map(|_| Self { month, day })
    }

    /// The day itself in a year.
    fn of(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
    }
}

/// When a season is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeasonRule {
    /// The card of a child ends.
    Ends {
        /// With the month in which the child turns so many months,
        months: u32,
        /// but not before this day of that year.
        closing: DayOfYear,
    },
    /// Somebody reaches an age in the calendar year.
    Turns {
        /// The age.
        age: u32,
        /// First day of the year on which it is spoken of.
        from: DayOfYear,
        /// Last one.
        until: DayOfYear,
    },
}

/// A season.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeasonRow {
    /// When and where.
    pub term: Term,
    /// How sure it is.
    pub confidence: Confidence,
    /// Letters of the cards.
    pub groups: Vec<MemberGroup>,
    /// When.
    pub rule: SeasonRule,
    /// What happens, and where the person goes from there.
    pub said: Said,
    /// Who decides.
    pub decided_by: Said,
}

/// A season that somebody is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Season {
    /// Whether the card ends by it: such a card cannot be renewed.
    pub ends_card: bool,
    /// The last day of the card, counted, where none is on record.
    pub counted_end: Option<NaiveDate>,
    /// What happens.
    pub said: Said,
    /// Who decides.
    pub decided_by: Said,
    /// How sure it is.
    pub confidence: Confidence,
}

/// The last day of a card that ends with the month in which its holder turns so many months, but not before a day of that year.
fn end_by_age(born: BirthDate, months: u32, closing: DayOfYear) -> Option<NaiveDate> {
    // The day within the month decides nothing; of a year alone nothing can be counted.
    let first = match born {
        BirthDate::Day(day) => day.with_day(1)?,
        BirthDate::Month { year, month } => NaiveDate::from_ymd_opt(year, month, 1)?,
        BirthDate::Year(_) => return None,
    };
    let turns_in = first.checked_add_months(Months::new(months))?;
    let last_of_month = turns_in.checked_add_months(Months::new(1))?.pred_opt()?;
    Some(last_of_month.max(closing.of(turns_in.year())?))
}

impl SeasonRow {
    /// `ends`: the card's end on record. `before` and `after`: so many days before and after an end it is spoken of.
    fn season(&self, born: BirthDate, ends: Option<NaiveDate>, day: NaiveDate, (before, after): (u32, u32)) -> Option<Season> {
        let counted_end = match self.rule {
            SeasonRule::Ends { months, closing } => {
                let end = ends.or_else(|| end_by_age(born, months, closing))?;
                let first = end.checked_sub_days(Days::new(before.into()))?;
                let last = end.checked_add_days(Days::new(after.into()))?;
                (first..=last).contains(&day).then_some(end)?;
                Some(end).filter(|_| ends.is_none())
            }
            SeasonRule::Turns { age, from, until } => {
                let reaches = i64::from(day.year()) - i64::from(born.year()) == i64::from(age);
                let now = from.of(day.year())?..=until.of(day.year())?;
                (reaches && now.contains(&day)).then_some(None)?
            }
        };
        let ends_card = matches!(self.rule, SeasonRule::Ends { .. });
        Some(Season { ends_card, counted_end, said: self.said.clone(), decided_by: self.decided_by.clone(), confidence: self.confidence })
    }
}

impl RuleTables {
    /// The season that the holder of a card is in on a day. `ends` is the end on record.
    pub fn season(&self, group: &MemberGroup, born: BirthDate, ends: Option<NaiveDate>, day: NaiveDate) -> Option<Season> {
        let renewal = self.renewal(day)?;
        let span = (renewal.remind_days.first().copied().unwrap_or(0), renewal.gap_days.saturating_sub(1));
        let mut rows = self.seasons.iter().filter(|row| row.term.covers(day) && row.groups.contains(group));
        rows.find_map(|row| row.season(born, ends, day, span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::rules::builtin;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_child_s_card_ends_on_the_closing_day_or_with_the_month_of_turning_six() {
        let closing = DayOfYear::new(9, 30).unwrap();
        for (born, end) in [
            ("2020-01-01", Some("2026-09-30")),
            ("2020-02-29", Some("2026-09-30")),
            ("2020-09-29", Some("2026-09-30")),
            ("2020-09-30", Some("2026-09-30")),
            ("2020-10-01", Some("2026-10-31")),
            ("2020-11-15", Some("2026-11-30")),
            ("2020-12-31", Some("2026-12-31")),
            ("2020-09", Some("2026-09-30")),
            ("2020-10", Some("2026-10-31")),
            ("2020", None),
        ] {
            let counted = end_by_age(BirthDate::parse_iso(born).unwrap(), 72, closing);
            assert_eq!(counted, end.map(day), "born {born}");
        }
    }

    #[test]
    fn a_season_is_told_in_its_time_to_those_it_is_about() {
        let tables = builtin().unwrap();
        for (group, born, ends, on, told) in [
            // The end is counted only where none is on record.
            ("TE", "2020-05-01", None, "2026-07-31", None),
            ("TE", "2020-05-01", None, "2026-08-01", Some(Some("2026-09-30"))),
            ("TE", "2020-05-01", None, "2026-09-30", Some(Some("2026-09-30"))),
            ("TE", "2020-05-01", None, "2026-12-28", Some(Some("2026-09-30"))),
            ("TE", "2020-05-01", None, "2026-12-29", None),
            ("TE", "2020-10-05", None, "2026-09-01", Some(Some("2026-10-31"))),
            ("TE", "2020-05-01", Some("2026-09-30"), "2026-09-01", Some(None)),
            ("TE", "2020-05-01", Some("2027-09-30"), "2026-09-01", None),
            ("TE", "2020", None, "2026-09-01", None),
            ("GD", "2020-05-01", None, "2026-09-01", None),
            ("HS", "2008-12-31", Some("2026-09-30"), "2026-09-01", Some(None)),
            ("HS", "2008-01-01", Some("2026-09-30"), "2026-10-31", Some(None)),
            ("HS", "2008-01-01", Some("2026-09-30"), "2026-11-01", None),
            ("HS", "2008-01-01", Some("2026-09-30"), "2026-07-31", None),
            ("HS", "2009-01-01", Some("2026-09-30"), "2026-09-01", None),
            ("HS", "2008", None, "2026-09-01", Some(None)),
        ] {
            let (born, ends) = (BirthDate::parse_iso(born).unwrap(), ends.map(day));
            let season = tables.season(&MemberGroup::parse(group).unwrap(), born, ends, day(on));
            assert_eq!(season.map(|season| season.counted_end), told.map(|end: Option<&str>| end.map(day)), "{group} {born:?} on {on}");
        }
    }

    #[test]
    fn every_year_has_the_day() {
        assert!(DayOfYear::new(2, 28).is_some() && DayOfYear::new(12, 31).is_some());
        for (month, day) in [(2, 29), (2, 30), (0, 1), (13, 1), (9, 31)] {
            assert_eq!(DayOfYear::new(month, day), None, "{month}-{day}");
        }
    }
}
