//! A contact as it stands on the wire.
//!
//! Promise: what the province says of itself and of us is read whole or not at all. Never: a judgement about it.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use super::FORMAT;
use super::MAX_WHOLE;
use super::clock_word;
use super::instant;
use crate::domain::access::Head;
use crate::domain::contact::Ahead;
use crate::domain::contact::Greeting;
use crate::domain::contact::Hello;
use crate::domain::contact::Machine;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Sequence;
use crate::upstream::Fault;

/// How this station stands.
#[derive(Serialize)]
pub struct ContactRequest<'a> {
    format: u32,
    station: &'a str,
    install: Uuid,
    previous: Option<Uuid>,
    next: Uuid,
    highest: u64,
    pending: u64,
    parked: u64,
    roster: Option<RosterDto>,
    clock: ClockDto<'a>,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<LogDto>,
}

/// The end of the access log.
#[derive(Deserialize, Serialize)]
struct LogDto {
    lines: u64,
    sha256: String,
}

impl LogDto {
    fn of(head: Head) -> Self {
        Self { lines: head.number, sha256: head.digest.to_hex() }
    }

    fn read(&self) -> Result<Head, Fault> {
        if !(1..=MAX_WHOLE).contains(&self.lines) {
            return Err(Fault::Answer);
        }
        Ok(Head { number: self.lines, digest: Sha256Digest::parse(&self.sha256).map_err(|_| Fault::Answer)? })
    }
}

#[derive(Serialize)]
struct RosterDto {
    session: Uuid,
    serial: u64,
    as_of: String,
}

#[derive(Serialize)]
struct ClockDto<'a> {
    state: &'a str,
    boot_id: &'a str,
    boot_ms: u64,
    wall: String,
}

impl<'a> ContactRequest<'a> {
    /// Writes it down.
    pub fn new(station: &'a str, hello: &'a Hello) -> Self {
        let roster = hello.roster.as_ref();
        Self {
            format: FORMAT,
            station,
            install: hello.install,
            previous: hello.links.previous,
            next: hello.links.next,
            highest: hello.highest.0,
            pending: hello.pending,
            parked: hello.parked,
            roster: roster.map(|held| RosterDto { session: held.session.0, serial: held.serial.0, as_of: instant(held.as_of) }),
            clock: ClockDto {
                state: clock_word(hello.clock),
                boot_id: &hello.reading.boot_id,
                boot_ms: u64::try_from(hello.reading.since_boot.as_millis()).unwrap_or(u64::MAX),
                wall: instant(hello.reading.wall),
            },
            version: env!("CARGO_PKG_VERSION"),
            log: hello.log.map(LogDto::of),
        }
    }
}

#[derive(Deserialize)]
struct ContactAnswer {
    at: DateTime<FixedOffset>,
    ledger: Uuid,
    complete_to: DateTime<FixedOffset>,
    machine: String,
    ahead: Option<AheadDto>,
    log: Option<LogDto>,
}

#[derive(Deserialize)]
struct AheadDto {
    highest: u64,
    visits: u64,
    first_received_at: DateTime<FixedOffset>,
    last_received_at: DateTime<FixedOffset>,
}

impl AheadDto {
    fn read(&self) -> Result<Ahead, Fault> {
        // Numbers of visits go on above this one: there must be some left.
        if !(1..=MAX_WHOLE).contains(&self.highest) {
            return Err(Fault::Answer);
        }
        Ok(Ahead {
            highest: Sequence(self.highest),
            visits: self.visits,
            first_received_at: self.first_received_at.to_utc(),
            last_received_at: self.last_received_at.to_utc(),
        })
    }
}

/// Reads the answer to a contact.
pub fn read_greeting(bytes: &[u8]) -> Result<Greeting, Fault> {
    let answer: ContactAnswer = serde_json::from_slice(bytes).map_err(|_| Fault::Answer)?;
    Ok(Greeting {
        at: answer.at.to_utc(),
        ledger: answer.ledger,
        complete_to: answer.complete_to.to_utc(),
        machine: Machine::parse(&answer.machine).ok_or(Fault::Answer)?,
        ahead: answer.ahead.as_ref().map(AheadDto::read).transpose()?,
        log: answer.log.as_ref().map(LogDto::read).transpose()?,
        // Verified with a key, which is not the wire's.
        wipe: None,
    })
}
