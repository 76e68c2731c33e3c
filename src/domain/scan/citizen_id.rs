//! The payload of a citizen id card: CCCD of 2021 (7 parts), Căn cước of 2024 (11 parts).
//!
//! Promise: text is taken as it stands or refused; a reader that damaged it must be set right, not corrected for. Never: a
//! proof of identity (the code can be copied), and never the four parts the card of 2024 added, whose meaning is not
//! published.
//!
//! | part | content |
//! |---|---|
//! | 0 | personal id. The sex and year it encodes are not compared: corrected records differ |
//! | 1 | number of the card before this one: nine digits, or twelve, or nothing. Checked, so that moved parts are noticed |
//! | 2 | name, required |
//! | 3 | birth date `ddMMyyyy`, `MMyyyy` or `yyyy`, required |
//! | 4 | sex |
//! | 5 | address |
//! | 6 | issue date |
//! | 7–10 | not read |

use super::super::field::Field;
use super::super::field::Problem;
use super::super::field::Unreadable;
use super::super::person::PersonName;
use super::Scan;
use super::Source;
use super::date;
use super::text;

/// Reads the parts; `number` is the first of them without separators.
pub(super) fn read(number: &str, parts: &[&str]) -> Result<Scan, Unreadable> {
    let part = |at: usize| parts.get(at).copied().and_then(text::given);
    let mut scan = Scan::of_number(Source::CitizenId, number)?;
    if part(1).is_some_and(|old| !is_older_number(old)) {
        return Err(Problem::Shape.at(Field::PersonalId));
    }
    scan.name = Some(part(2).ok_or(Problem::Empty).and_then(name).map_err(|p| p.at(Field::Name))?);
    scan.birth_date = Some(part(3).ok_or(Problem::Empty).and_then(date::compact_birth).map_err(|p| p.at(Field::BirthDate))?);
    scan.sex = part(4).map(text::sex_word).transpose().map_err(|p| p.at(Field::Sex))?;
    scan.address = part(5).map(address).transpose().map_err(|p| p.at(Field::Address))?;
    if let Some(issued) = part(6) {
        // Only the last part can have lost its end without a trace. The contract has no key for the issue date, so the
        // payload is named.
        let cut = parts.len() == 7 && issued.len() < 8 && issued.bytes().all(|b| b.is_ascii_digit());
        let problem = if cut { Problem::Truncated } else { Problem::NotADate };
        scan.issued_on = Some(date::compact_day(issued).map_err(|_| problem.at(Field::Payload))?);
    }
    Ok(scan)
}

fn is_older_number(text: &str) -> bool {
    matches!(text.len(), 9 | 12) && text.bytes().all(|b| b.is_ascii_digit())
}

fn name(text: &str) -> Result<PersonName, Problem> {
    if text::is_plausible(text) { PersonName::parse(text) } else { Err(Problem::Shape) }
}

/// An address in plain letters. `?`, `%` and `#` stand in none, but in what readers make of letters they cannot send
/// (`Th?n`, `%E1%BB`, `&#7847;`).
fn address(text: &str) -> Result<Box<str>, Problem> {
    if text::is_plausible(text) && !text.contains(['?', '%', '#']) { Ok(text::tidy(text).into()) } else { Err(Problem::Shape) }
}
