//! Which card a member holds: group, benefit digit, dates, area mark, standing, and the cards before and after.
//!
//! Promises: the digit fits the group and the year (with the share of stale prints that exists since 2026), the
//! dates cluster where real ones do, and every standing occurs. Must never decide who lives where: that is
//! `household`.

use chrono::{Datelike, Days, Months, NaiveDate};
use rand::{RngExt, rngs::Xoshiro256PlusPlus};

use super::{
    household::{Means, Member},
    pick,
};
use crate::{
    person::NextCard,
    wire::{Area, Sex, Standing},
};

/// Two digits after the benefit digit: the province that issued. No real one has it.
pub(super) const ISSUER: &str = "99";

/// Months of age at which a small child's card ends.
const SMALL_CHILD_MONTHS: u32 = 72;

/// A day that exists.
pub(crate) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Last day of the month of `date`.
pub(crate) fn month_end(date: NaiveDate) -> NaiveDate {
    let first = day(date.year(), date.month(), 1);
    first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(date)
}

/// Last day of `months` months from `from`.
pub(crate) fn term_end(from: NaiveDate, months: u32) -> NaiveDate {
    from.checked_add_months(Months::new(months)).and_then(|next| next.pred_opt()).unwrap_or(from)
}

/// The last day of a small child's card: 30 September of the year of turning 72 months, or, when that day is past
/// by then, the last day of the month of turning 72 months.
pub(crate) fn small_child_end(born: NaiveDate) -> NaiveDate {
    let six = born.checked_add_months(Months::new(SMALL_CHILD_MONTHS)).unwrap_or(born);
    let autumn = day(six.year(), 9, 30);
    if six <= autumn { autumn } else { month_end(six) }
}

/// The benefit digit of a group on a day. A share of CN and LH cards still prints the digit of 2025.
pub(crate) fn digit(group: &str, today: NaiveDate, rng: &mut Xoshiro256PlusPlus) -> char {
    let raised = today >= day(2026, 1, 1) && rng.random_bool(0.75);
    match group {
        "CC" | "TE" => '1',
        "CK" | "CB" | "KC" | "HN" | "DT" | "DK" | "XD" | "BT" | "TS" | "AK" | "CT" => '2',
        "CN" | "LH" if raised => '2',
        "CN" | "HT" | "TC" | "PV" => '3',
        // LH as printed until 2025 is among these.
        "QN" | "CA" | "CY" => '5',
        _ => '4',
    }
}

/// A card number.
pub(crate) fn number(group: &str, digit: char, insurance_number: &str) -> String {
    format!("{group}{digit}{ISSUER}{insurance_number}")
}

/// The group of a member.
pub(super) fn group(rng: &mut Xoshiro256PlusPlus, member: &Member, means: Means, area: Option<Area>, today: NaiveDate) -> &'static str {
    let age = today.years_since(member.born).unwrap_or(0);
    if today <= small_child_end(member.born) {
        return "TE";
    }
    match age {
        18..60 if rng.random_bool(0.012) => return pick(rng, &[("QN", 6), ("CA", 4), ("CY", 1)]),
        60.. => {
            if let Some(group) = elder_group(rng, member.sex, age) {
                return group;
            }
        }
        _ => {}
    }
    match (means, area) {
        (_, Some(Area::K1)) => return "DT",
        (_, Some(Area::K2)) => return "DK",
        (_, Some(Area::K3)) => return "XD",
        (Means::Poor, None) => return "HN",
        (Means::NearPoor, None) => return "CN",
        _ => {}
    }
    match age {
        0..18 => "HS",
        18..22 if rng.random_bool(0.45) => "SV",
        18..60 => pick(
            rng,
            &[
                (if means == Means::Farming { "GB" } else { "GD" }, 560),
                ("DN", 300),
                ("HC", 45),
                ("CH", 20),
                ("XK", 14),
                ("TN", 14),
                ("HX", 8),
                ("NN", 8),
                ("BT", 10),
                ("TQ", 8),
                ("TA", 5),
                ("MS", 4),
                ("HD", 3),
                ("TK", 4),
                ("CK", 3),
            ],
        ),
        _ => {
            if means == Means::Farming {
                "GB"
            } else {
                "GD"
            }
        }
    }
}

fn elder_group(rng: &mut Xoshiro256PlusPlus, sex: Sex, age: u32) -> Option<&'static str> {
    if age >= 75 && rng.random_bool(0.38) {
        return Some("LH");
    }
    let veteran = if sex == Sex::Male && age >= 66 { 80 } else { 4 };
    let group = pick(
        rng,
        &[
            ("", 480),
            ("HT", 280),
            ("CB", veteran),
            ("BT", 45),
            ("KC", 20),
            ("TC", 24),
            ("TS", 14),
            ("CK", 18),
            ("CC", 8),
            ("XB", 10),
            ("XN", 6),
            ("TB", 5),
        ],
    );
    (!group.is_empty()).then_some(group)
}

/// First and last day of a card in force on `today`.
pub(super) fn term(rng: &mut Xoshiro256PlusPlus, group: &str, born: NaiveDate, today: NaiveDate) -> (NaiveDate, Option<NaiveDate>) {
    let year = today.year();
    let this_year = (day(year, 1, 1), Some(day(year, 12, 31)));
    match group {
        "TE" => (born, Some(small_child_end(born))),
        "QN" | "CA" | "CY" => (day(year - rng.random_range(0..6), 1, 1), None),
        "HT" | "CC" | "CK" | "KC" | "TS" | "CB" | "TC" => {
            // Issued for several years at a time.
            (day(year - rng.random_range(0..2), 1, 1), Some(day(year + pick(rng, &[(0, 6), (1, 2), (3, 2)]), 12, 31)))
        }
        "HS" | "SV" => {
            let school = if today >= day(year, 10, 1) { year } else { year - 1 };
            if rng.random_bool(0.45) { (day(school, 10, 1), Some(day(school + 1, 9, 30))) } else { this_year }
        }
        "GD" | "GB" | "TN" => {
            if rng.random_bool(0.12) {
                return this_year;
            }
            let months = pick(rng, &[(12, 84), (6, 11), (3, 5)]);
            let back = rng.random_range(0..u64::from(months) * 30);
            let mut from = today.checked_sub_days(Days::new(back)).unwrap_or(today);
            if rng.random_bool(0.78) {
                from = day(from.year(), from.month(), 1);
            }
            let until = term_end(from, months);
            // Setting back to the first of the month may have ended the card just before today.
            (from, Some(if until < today { month_end(today) } else { until }))
        }
        "DN" | "HC" | "CH" | "HX" | "NN" | "XK" if rng.random_bool(0.15) => {
            (day(year, rng.random_range(1..=today.month()), 1), Some(day(year, 12, 31)))
        }
        _ => this_year,
    }
}

/// Whether people of this group pay part of the cost themselves, so that five continuous years count.
pub(super) fn pays_a_share(digit: char) -> bool {
    matches!(digit, '3' | '4')
}

/// The day on which five continuous years are full.
pub(super) fn five_years(rng: &mut Xoshiro256PlusPlus, group: &str, age: u32, today: NaiveDate) -> Option<NaiveDate> {
    if matches!(group, "HS" | "SV") || age < 25 || rng.random_bool(0.3) {
        return None;
    }
    // Most adults have been insured without a break since the first law counted: one day for all of them.
    if rng.random_bool(0.72) {
        return Some(day(2020, 1, 1));
    }
    Some(day(rng.random_range(2020..=today.year() + 4), pick(rng, &[(1, 6), (4, 1), (7, 2), (10, 2)]), 1))
}

/// A gap since the end of a card, in days: mostly short ones, in which a renewal needs no waiting time.
pub(super) fn gap(rng: &mut Xoshiro256PlusPlus) -> u64 {
    if rng.random_bool(0.6) { rng.random_range(1..90) } else { rng.random_range(90..700) }
}

/// A fact beside the dates, for the few who have one.
pub(super) fn standing(rng: &mut Xoshiro256PlusPlus, group: &str) -> Option<Standing> {
    match group {
        "QN" | "CY" => return Some(Standing::Army),
        "CA" => return Some(Standing::Police),
        _ => {}
    }
    if !rng.random_bool(0.011) {
        return None;
    }
    Some(pick(
        rng,
        &[
            (Standing::Revoked, 15),
            (Standing::Locked, 10),
            (Standing::Deregistered, 12),
            (Standing::DeregisteredLeftProvince, 20),
            (Standing::DeregisteredMoved, 25),
            (Standing::DeregisteredRejoining, 8),
            (Standing::DeregisteredStopped, 20),
        ],
    ))
}

/// The card that follows when the present one ends on `until`, for those who will change group.
pub(crate) fn successor(
    rng: &mut Xoshiro256PlusPlus,
    group: &str,
    insurance_number: &str,
    until: NaiveDate,
    facility: &str,
) -> Option<NextCard> {
    let from = until.succ_opt()?;
    let group = match group {
        "TE" => "HS",
        "HS" | "SV" => "DN",
        "GD" => pick(rng, &[("DN", 6), ("HN", 1), ("CN", 2), ("BT", 1)]),
        "DN" => pick(rng, &[("GD", 7), ("TN", 2), ("HT", 2)]),
        "HN" => "CN",
        "CN" => "GD",
        _ => return None,
    };
    let digit = digit(group, from, rng);
    let valid_until = Some(if group == "GD" { term_end(from, 12) } else { day(from.year() + i32::from(from.month() > 9), 12, 31) });
    Some(NextCard { card: number(group, digit, insurance_number), valid_from: from, valid_until, facility: facility.to_owned() })
}

/// A card that the person may have held before.
pub(super) fn predecessor(rng: &mut Xoshiro256PlusPlus, group: &str, insurance_number: &str) -> String {
    let (group, digit) = match group {
        "HS" => ("TE", '1'),
        "GD" => pick(rng, &[(("DN", '4'), 5), (("HN", '2'), 1), (("CN", '3'), 2), (("DT", '2'), 2)]),
        "CN" => ("HN", '2'),
        "LH" | "HT" | "BT" => ("GD", '4'),
        _ => ("HS", '4'),
    };
    number(group, digit, insurance_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_childs_card_ends_in_autumn_or_at_the_months_end() {
        assert_eq!(small_child_end(day(2021, 3, 4)), day(2027, 9, 30));
        assert_eq!(small_child_end(day(2021, 9, 30)), day(2027, 9, 30));
        assert_eq!(small_child_end(day(2021, 10, 1)), day(2027, 10, 31));
        assert_eq!(small_child_end(day(2020, 2, 29)), day(2026, 9, 30));
    }

    #[test]
    fn a_term_includes_its_last_day() {
        assert_eq!(term_end(day(2026, 6, 1), 12), day(2027, 5, 31));
        assert_eq!(term_end(day(2026, 11, 20), 12), day(2027, 11, 19));
        assert_eq!(month_end(day(2028, 2, 3)), day(2028, 2, 29));
    }
}
