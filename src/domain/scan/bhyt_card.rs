//! The payload of a BHYT card.
//!
//! Promise: what a card prints is read whatever the card's age: 15 parts, 17 parts, or another number that holds the
//! parts below. Never: a check of the check string, whose algorithm is not public.
//!
//! | part | content | | part | content |
//! |---|---|---|---|---|
//! | 0 | number | | 8 | issue date |
//! | 1 | name, hex | | 9 | issuing office: of no use at the desk, not read |
//! | 2 | birth date | | 10 | a parent's name: another person's, not read |
//! | 3 | sex | | 11 | sources disagree; a living area only if it says `K1`, `K2` or `K3` |
//! | 4 | address, hex | | 12 | five continuous years |
//! | 5 | facility | | 13 | check string, not read |
//! | 6 | first day | | 14 | `$`, or the benefit digit, which the dated rules know better: not read |
//! | 7 | last day | | 15, 16 | place of issue, not read; `$` |
//!
//! The closing `$` must stand in the two layouts that are known, 15 and 17 parts: without it the payload was cut. A reader
//! that takes `|$` for its own end mark and keeps it leaves 14 or 16 parts; those are accepted, because the pipe after part
//! 12 shows that all parts that are read are whole. Of a layout not known yet (18 and more) no end can be asked for.

use chrono::NaiveDate;

use super::super::benefit::ResidenceArea;
use super::super::facility::FacilityCode;
use super::super::field::Field;
use super::super::field::Problem;
use super::super::field::Unreadable;
use super::super::person::PersonName;
use super::super::person::Sex;
use super::Scan;
use super::Source;
use super::date;
use super::hex_text;
use super::text;

/// Reads the parts; `number` is the first of them without separators.
pub(super) fn read(number: &str, parts: &[&str]) -> Result<Scan, Unreadable> {
    let part = |at: usize| parts.get(at).copied().and_then(text::given);
    let day = |at, field| part(at).map(date::day).transpose().map_err(|p| p.at(field));
    if matches!(parts.len(), 15 | 17) && parts.last().map(|end| end.trim()) != Some("$") {
        return Err(Problem::Truncated.at(Field::Payload));
    }
    // Something behind the closing sign: two cards in one line, and nobody may guess whose turn it is.
    if parts.iter().any(|part| part.contains('$') && part.trim() != "$") {
        return Err(Problem::Shape.at(Field::Payload));
    }
    let mut scan = Scan::of_number(Source::BhytCard, number)?;
    scan.name = part(1).map(name).transpose().map_err(|p| p.at(Field::Name))?.flatten();
    scan.birth_date = part(2).map(date::birth).transpose().map_err(|p| p.at(Field::BirthDate))?;
    scan.sex = part(3).map(sex).transpose().map_err(|p| p.at(Field::Sex))?;
    scan.address = part(4).map(address).transpose().map_err(|p| p.at(Field::Address))?.flatten();
    scan.facility = part(5).map(facility).transpose().map_err(|p| p.at(Field::Facility))?;
    scan.valid_from = day(6, Field::ValidFrom)?;
    scan.valid_until = day(7, Field::ValidUntil)?;
    if is_reversed(scan.valid_from, scan.valid_until) {
        return Err(Problem::Order.at(Field::ValidUntil));
    }
    // The contract has no key for the issue date, so the payload is named.
    scan.issued_on = day(8, Field::Payload)?;
    scan.five_years_on = day(12, Field::FiveYearsOn)?;
    scan.residence_area = part(11).and_then(|code| ResidenceArea::parse(code).ok());
    // A doubled pipe moves all that follows by one, and parts that may be empty would hide it: the last day of the card
    // could become its issue date. A date among the parts that are not read is what is left to see.
    if [9, 10, 11, 13].into_iter().any(|at| part(at).is_some_and(|content| date::day(content).is_ok())) {
        return Err(Problem::Shape.at(Field::Payload));
    }
    Ok(scan)
}

fn name(hex: &str) -> Result<Option<PersonName>, Problem> {
    match text::tidy(&hex_text::decode(hex)?).as_str() {
        "" | "-" => Ok(None),
        name => PersonName::parse(name).map(Some),
    }
}

fn address(hex: &str) -> Result<Option<Box<str>>, Problem> {
    Ok(match text::tidy(&hex_text::decode(hex)?).as_str() {
        "" | "-" => None,
        address => Some(address.into()),
    })
}

/// Codes of facilities are ASCII and may hold letters: an input method can have joined two of them.
fn facility(code: &str) -> Result<FacilityCode, Problem> {
    FacilityCode::parse(&text::without_telex(code))
}

fn sex(code: &str) -> Result<Sex, Problem> {
    match code {
        "1" => Ok(Sex::Male),
        "2" => Ok(Sex::Female),
        "3" => Ok(Sex::Undetermined),
        word => text::sex_word(word),
    }
}

fn is_reversed(from: Option<NaiveDate>, until: Option<NaiveDate>) -> bool {
    matches!((from, until), (Some(from), Some(until)) if until < from)
}
