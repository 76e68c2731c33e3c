//! A visit as a row: text codes, ISO dates, nothing that changes with the program.
//!
//! Promise: what is read is what was saved. Never: a default for a value that cannot be read; such a row is an error.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use rusqlite::Row;
use uuid::Uuid;

use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::CareType;
use crate::domain::card::CardNumber;
use crate::domain::card::InsuranceNumber;
use crate::domain::clock::ClockState;
use crate::domain::field::Problem;
use crate::domain::person::BirthDate;
use crate::domain::person::CitizenId;
use crate::domain::person::PersonName;
use crate::domain::person::Sex;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::scan::Source;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage::stored::unreadable;

/// The columns of [`read`], in its order.
pub(super) const COLUMNS: &str = "visit.sequence, visit.id, revision, visit.arrived_at, operator, source, card_number, insurance_number, \
    personal_id, name, birth_date, sex, attendance_category, care_type, note, visit.standing, visit.identity_match, visit.knowledge, \
    visit.freshness, visit.session, visit.serial, visit.as_of, visit.rate_percent, visit.rules_version, clock_state, boot_id, boot_ms, voided, proof, \
    visit.queue_number";

/// How many there are: columns selected after them begin here.
pub(super) const COUNT: usize = 30;

/// An instant as it is stored: UTC, milliseconds, so that text order is time order.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let content = NewVisit {
        id: VisitId(read_uuid(&required(row, 1)?, 1)?),
        revision: Revision(row.get(2)?),
        arrived_at: read_instant(&required(row, 3)?, 3)?,
        operator: parsed(row, 4, OperatorName::parse)?,
        source: parsed(row, 5, Source::parse)?,
        person: VisitPerson {
            card_number: optional(row, 6, CardNumber::parse)?,
            insurance_number: optional(row, 7, InsuranceNumber::parse)?,
            personal_id: optional(row, 8, CitizenId::parse)?,
            name: optional(row, 9, PersonName::parse)?,
            birth_date: optional(row, 10, BirthDate::parse_iso)?,
            sex: optional(row, 11, Sex::parse)?,
        },
        attendance_category: parsed(row, 12, AttendanceCategory::parse)?,
        care_type: parsed(row, 13, CareType::parse)?,
        note: row.get(14)?,
        voided: row.get(27)?,
        proof: optional(row, 28, Proof::parse)?,
        queue_number: row.get::<_, Option<u32>>(29)?.map(QueueNumber::new).transpose().map_err(|problem| unreadable(29, problem.code()))?,
        verdict: read_verdict(row, 15)?,
        clock: ClockStamp { state: parsed(row, 24, ClockState::parse)?, boot_id: row.get(25)?, boot_ms: row.get(26)? },
    };
    Ok(Visit { sequence: Sequence(row.get(0)?), content })
}

/// Reads a verdict whose nine columns begin at one.
pub(super) fn read_verdict(row: &Row<'_>, at: usize) -> rusqlite::Result<ShownVerdict> {
    let basis = match (text(row, at + 4)?, row.get::<_, Option<u64>>(at + 5)?) {
        (Some(session), Some(serial)) => Some((SessionId(read_uuid(&session, at + 4)?), Serial(serial))),
        _ => None,
    };
    let as_of = text(row, at + 6)?.map(|text| read_instant(&text, at + 6)).transpose()?;
    let rate: Option<u8> = row.get(at + 7)?;
    Ok(ShownVerdict {
        standing: row.get(at)?,
        identity_match: row.get(at + 1)?,
        knowledge: row.get(at + 2)?,
        freshness: row.get(at + 3)?,
        basis,
        as_of,
        rate: rate.map(BenefitRate::percent).transpose().map_err(|problem| unreadable(at + 7, problem.code()))?,
        rules_version: row.get(at + 8)?,
    })
}

pub(super) fn read_uuid(text: &str, at: usize) -> rusqlite::Result<Uuid> {
    Uuid::parse_str(text).map_err(|error| unreadable(at, error))
}

pub(super) fn read_instant(text: &str, at: usize) -> rusqlite::Result<DateTime<Utc>> {
    text.parse().map_err(|e| unreadable(at, e))
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    row.get(at)
}

fn required(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    row.get(at)
}

fn parsed<T>(row: &Row<'_>, at: usize, parse: impl Fn(&str) -> Result<T, Problem>) -> rusqlite::Result<T> {
    parse(&required(row, at)?).map_err(|problem| unreadable(at, problem.code()))
}

fn optional<T>(row: &Row<'_>, at: usize, parse: impl Fn(&str) -> Result<T, Problem>) -> rusqlite::Result<Option<T>> {
    text(row, at)?.map(|value| parse(&value)).transpose().map_err(|problem| unreadable(at, problem.code()))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
