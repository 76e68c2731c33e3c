//! The visit log: appended to, never changed.
//!
//! Promise: visit and outbox row together or neither; the same id and revision once, and each revision upon the latest one only. Never: an answer
//! before the commit.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use rusqlite::named_params;
use uuid::Uuid;

use super::outbox;
use super::recheck;
use super::row;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::visit::Circumstances;
use crate::domain::visit::Delivery;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Sequence;
use crate::storage::error::Error;

/// What became of a visit that was to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is on the disk now.
    New(Sequence),
    /// It was on the disk already; nothing was changed.
    Already(Sequence),
}

impl Saved {
    /// Its place in the station's order.
    pub fn sequence(self) -> Sequence {
        match self {
            Self::New(sequence) | Self::Already(sequence) => sequence,
        }
    }
}

const INSERT: &str = "INSERT INTO visit (id, revision, station_day, arrived_at, operator, source, card_number, insurance_number, personal_id, \
    name, birth_date, sex, attendance_category, care_type, note, standing, identity_match, knowledge, freshness, session, serial, as_of, \
    rate_percent, rules_version, clock_state, boot_id, boot_ms, voided, proof, queue_number) VALUES (:id, :revision, :station_day, :arrived_at, :operator, :source, \
    :card_number, :insurance_number, :personal_id, :name, :birth_date, :sex, :attendance_category, :care_type, :note, :standing, \
    :identity_match, :knowledge, :freshness, :session, :serial, :as_of, :rate_percent, :rules_version, :clock_state, :boot_id, :boot_ms, :voided, \
    :proof, :queue_number)";

pub(super) fn append(connection: &mut Connection, visit: &NewVisit, circumstances: Option<&Circumstances>) -> Result<Saved, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = (visit.id.0.to_string(), visit.revision.0);
    let held = transaction
        .prepare_cached("SELECT sequence FROM visit WHERE id = ?1 AND revision = ?2")?
        .query_row((&key.0, key.1), |row| row.get(0).map(Sequence))
        .optional()?;
    if let Some(sequence) = held {
        return Ok(Saved::Already(sequence));
    }
    let latest: Option<u32> =
        transaction.prepare_cached("SELECT max(revision) FROM visit WHERE id = ?1")?.query_row([&key.0], |row| row.get(0))?;
    if latest.unwrap_or_default().checked_add(1) != Some(visit.revision.0) {
        return Err(Error::NotLatest);
    }
    if latest.is_some() {
        outbox::supersede(&transaction, &key.0)?;
        recheck::end(&transaction, &key.0)?;
    }
    let sequence = keep(&transaction, visit)?;
    if let Some(Circumstances { saved_at, saved_by, unreached_since }) = circumstances {
        let values = (sequence.0, row::instant(*saved_at), saved_by.as_str(), unreached_since.map(row::instant));
        transaction.prepare_cached("INSERT INTO circumstance VALUES (?1, ?2, ?3, ?4)")?.execute(values)?;
    }
    transaction.commit()?;
    Ok(Saved::New(sequence))
}

/// Visit and outbox row.
pub(super) fn keep(connection: &Connection, visit: &NewVisit) -> Result<Sequence, Error> {
    insert(connection, visit)?;
    let sequence = connection.last_insert_rowid();
    connection.prepare_cached("INSERT INTO outbox (sequence, state, arrived_at) VALUES (?1, ?2, ?3)")?.execute((
        sequence,
        Delivery::Pending.code(),
        row::instant(visit.arrived_at),
    ))?;
    Ok(Sequence(u64::try_from(sequence).unwrap_or_default()))
}

fn insert(connection: &Connection, visit: &NewVisit) -> Result<(), Error> {
    let NewVisit { person, verdict, .. } = visit;
    let basis = verdict.basis.as_ref();
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": visit.id.0.to_string(),
        ":revision": visit.revision.0,
        ":station_day": clock::vietnam_day(visit.arrived_at).to_string(),
        ":arrived_at": row::instant(visit.arrived_at),
        ":operator": visit.operator.as_str(),
        ":source": visit.source.code(),
        ":card_number": person.card_number.as_ref().map(|v| v.as_str()),
        ":insurance_number": person.insurance_number.as_ref().map(|v| v.as_str()),
        ":personal_id": person.personal_id.as_ref().map(|v| v.as_str()),
        ":name": person.name.as_ref().map(|v| v.as_str()),
        ":birth_date": person.birth_date.map(|v| v.to_iso()),
        ":sex": person.sex.map(|v| v.code()),
        ":attendance_category": visit.attendance_category.as_str(),
        ":care_type": visit.care_type.as_str(),
        ":note": visit.note,
        ":standing": verdict.standing,
        ":identity_match": verdict.identity_match,
        ":knowledge": verdict.knowledge,
        ":freshness": verdict.freshness,
        ":session": basis.map(|(session, _)| session.0.to_string()),
        ":serial": basis.map(|(_, serial)| serial.0),
        ":as_of": verdict.as_of.map(row::instant),
        ":rate_percent": verdict.rate.map(|v| v.as_percent()),
        ":rules_version": verdict.rules_version,
        ":clock_state": visit.clock.state.code(),
        ":boot_id": visit.clock.boot_id,
        ":boot_ms": visit.clock.boot_ms,
        ":voided": visit.voided,
        ":proof": visit.proof.map(Proof::code),
        ":queue_number": visit.queue_number.map(QueueNumber::get),
    })?;
    Ok(())
}

/// Gives a new database its identity. One that has it keeps it.
pub(super) fn make_identity(connection: &Connection, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "INSERT INTO identity SELECT 1, ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM identity)";
    connection.execute(sql, (Uuid::new_v4().to_string(), row::instant(now)))?;
    Ok(())
}

/// Whether any revision of a visit is here.
pub(super) fn has_visit(connection: &Connection, id: &str) -> Result<bool, Error> {
    Ok(connection.prepare_cached("SELECT 1 FROM visit WHERE id = ?1")?.exists([id])?)
}

pub(super) fn install_id(connection: &Connection) -> Result<Uuid, Error> {
    let text: String = connection.query_row("SELECT install_id FROM identity", [], |row| row.get(0))?;
    Ok(row::read_uuid(&text, 0)?)
}

pub(super) fn install_since(connection: &Connection) -> Result<DateTime<Utc>, Error> {
    let text: String = connection.query_row("SELECT created_at FROM identity", [], |row| row.get(0))?;
    Ok(row::read_instant(&text, 0)?)
}

pub(super) fn last_arrival(connection: &Connection) -> Result<Option<DateTime<Utc>>, Error> {
    // The last one saved, not the latest time: a clock that ran a year ahead for a day must not be believed for that year.
    let sql = "SELECT arrived_at FROM visit WHERE clock_state = ?1 ORDER BY sequence DESC LIMIT 1";
    let newest: Option<String> = connection.query_row(sql, [ClockState::Plausible.code()], |row| row.get(0)).optional()?;
    Ok(newest.map(|text| row::read_instant(&text, 0)).transpose()?)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
