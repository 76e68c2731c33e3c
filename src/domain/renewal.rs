//! Whose card ends soon or has just ended, for whoever goes to see the people.
//!
//! Promise: only the days of the card that counts decide; who has a next card is not on the list. Never: why somebody's premium is supported, nor the letters
//! of the card, which tell it.

use chrono::NaiveDate;
use chrono::TimeDelta;

use super::card::CardRecord;
use super::card::InsuranceNumber;
use super::coverage::Counted;
use super::person::BirthDate;
use super::person::CitizenId;
use super::person::PersonName;
use super::rules::RenewalRow;
use super::rules::Urgency;
use super::verdict;
use super::verdict::Standing;

/// Where somebody stands before or after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The card ends within the days of a reminder.
    Ending {
        /// Days left, today not counted.
        days_left: i64,
        /// The reminder, by its days.
        step: u32,
        /// How pressing it is.
        urgency: Urgency,
    },
    /// The card has ended, and a new one would not wait yet.
    Lapsed {
        /// Days since.
        days_since: i64,
        /// How pressing it is.
        urgency: Urgency,
    },
}

/// Somebody whose card is to be renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Who.
    pub name: PersonName,
    /// Born when.
    pub birth_date: BirthDate,
    /// The number that stays with the person; the card's own letters would tell why the premium is supported.
    pub insurance_number: InsuranceNumber,
    /// The personal id, for the access log to know the person by.
    pub personal_id: Option<CitizenId>,
    /// Place within the commune.
    pub hamlet: Option<Box<str>>,
    /// Last day of the card.
    pub ends: NaiveDate,
    /// How far before or after it today is.
    pub stage: Stage,
}

/// Whether the holder of a record is to be reminded on a day.
pub fn due(record: &CardRecord, on: NaiveDate, rule: &RenewalRow) -> Option<Due> {
    let (standing, in_force) = verdict::of_record(record, on);
    if record.successor.as_ref().is_some_and(|next| on < next.validity.valid_from) {
        return None;
    }
    let (ends, stage) = match (standing, &in_force) {
        (Standing::Valid, Some(card)) => {
            let ends = card.validity.valid_until?;
            let days_left = TimeDelta::num_days(&ends.signed_duration_since(on));
            let (step, urgency) = rule.step(days_left)?;
            (ends, Stage::Ending { days_left, step, urgency })
        }
        (Standing::Expired, _) => {
            let ends = verdict::last_end(record, on)?;
            let days_since = TimeDelta::num_days(&on.signed_duration_since(ends));
            if days_since >= i64::from(rule.gap_days) {
                return None;
            }
            (ends, Stage::Lapsed { days_since, urgency: rule.gap(days_since) })
        }
        _ => return None,
    };
    let card = in_force.map_or_else(|| record.card_number.clone(), |card| card.card_number);
    Some(Due {
        name: record.name.clone(),
        birth_date: record.birth_date,
        insurance_number: card.insurance_number(),
        personal_id: record.personal_id.clone(),
        hamlet: record.hamlet.clone(),
        ends,
        stage,
    })
}

/// How the holder of a record is counted on a day.
pub fn counted(record: &CardRecord, on: NaiveDate, rule: Option<&RenewalRow>) -> Counted {
    match verdict::of_record(record, on) {
        (Standing::Expired, _) => Counted::Expired,
        (_, Some(_)) => {
            let stage = rule.and_then(|rule| due(record, on, rule)).map(|due| due.stage);
            Counted::InForce { is_ending: matches!(stage, Some(Stage::Ending { .. })) }
        }
        _ => Counted::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::CardNumber;
    use crate::domain::card::Mark;
    use crate::domain::card::Successor;
    use crate::domain::card::Validity;
    use crate::domain::facility::FacilityCode;
    use crate::domain::person::Sex;
    use crate::ops::rules::builtin;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn record(until: Option<&str>, next: Option<(&str, &str)>, mark: Mark) -> CardRecord {
        let card = CardNumber::parse("HN2220100000001").unwrap();
        let facility = FacilityCode::parse("22001").unwrap();
        CardRecord {
            successor: next.map(|(from, until)| Successor {
                card_number: CardNumber::parse("GD4220100000001").unwrap(),
                validity: Validity { valid_from: day(from), valid_until: Some(day(until)) },
                registered_facility: facility.clone(),
            }),
            personal_id: None,
            name: PersonName::parse("Trần Thị Ví Dụ").unwrap(),
            birth_date: BirthDate::parse_iso("1985-09-02").unwrap(),
            sex: Sex::Female,
            hamlet: Some("Thôn Thử".into()),
            registered_facility: facility,
            card_number: card,
            validity: Validity { valid_from: day("2026-01-01"), valid_until: until.map(day) },
            five_years_on: None,
            copay_exempt_from: None,
            residence_area: None,
            mark,
            predecessor: None,
        }
    }

    #[test]
    fn who_is_on_the_list_and_how_the_day_counts_them() {
        let tables = builtin().unwrap();
        let next = Some(("2027-01-01", "2027-12-31"));
        for (until, next, mark, on, told, counts) in [
            (Some("2026-12-31"), None, Mark::None, "2026-10-31", "", "in force"),
            (Some("2026-12-31"), None, Mark::None, "2026-11-01", "60 left, 60", "ending"),
            (Some("2026-12-31"), None, Mark::None, "2026-12-01", "30 left, 30", "ending"),
            (Some("2026-12-31"), None, Mark::None, "2026-12-24", "7 left, 7", "ending"),
            (Some("2026-12-31"), None, Mark::None, "2026-12-31", "0 left, 7", "ending"),
            (Some("2026-12-31"), None, Mark::None, "2027-01-01", "1 since, soon", "expired"),
            (Some("2026-12-31"), None, Mark::None, "2027-03-01", "60 since, pressing", "expired"),
            (Some("2026-12-31"), None, Mark::None, "2027-03-30", "89 since, pressing", "expired"),
            (Some("2026-12-31"), None, Mark::None, "2027-03-31", "", "expired"),
            (Some("2026-12-31"), next, Mark::None, "2026-12-24", "", "in force"),
            (Some("2026-12-31"), next, Mark::None, "2027-12-24", "7 left, 7", "ending"),
            (Some("2026-11-30"), next, Mark::None, "2026-12-24", "", "neither"),
            (None, None, Mark::None, "2040-01-01", "", "in force"),
            (Some("2026-12-31"), None, Mark::Revoked, "2026-12-24", "", "neither"),
            (Some("2026-12-31"), None, Mark::Army, "2027-01-10", "", "neither"),
            (Some("2026-12-31"), None, Mark::None, "2025-12-31", "", "neither"),
        ] {
            let (record, on) = (record(until, next, mark), day(on));
            let rule = tables.renewal(on).unwrap();
            let found = due(&record, on, rule).map(|due| match due.stage {
                Stage::Ending { days_left, step, .. } => format!("{days_left} left, {step}"),
                Stage::Lapsed { days_since, urgency } => format!("{days_since} since, {}", urgency.code()),
            });
            let counted = match counted(&record, on, Some(rule)) {
                Counted::InForce { is_ending: true } => "ending",
                Counted::InForce { is_ending: false } => "in force",
                Counted::Expired => "expired",
                Counted::Neither => "neither",
            };
            assert_eq!((found.unwrap_or_default().as_str(), counted), (told, counts), "{until:?} {next:?} {mark:?} on {on}");
        }
    }
}
