//! Visits and their receipts as they stand on the wire.
//!
//! Promise: a visit is written with every key of the protocol's table; a receipt with a word that we do not know is left out. Never: a visit's
//! content in a fault.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use super::FORMAT;
use super::VerdictDto;
use super::bounded;
use super::clock_word;
use super::instant;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Revision;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;
use crate::upstream::Fault;

/// A batch of visits.
#[derive(Serialize)]
pub struct VisitsRequest<'a> {
    format: u32,
    station: &'a str,
    install: Uuid,
    visits: Vec<VisitDto<'a>>,
}

#[derive(Serialize)]
struct VisitDto<'a> {
    id: Uuid,
    revision: u32,
    sequence: u64,
    arrived_at: String,
    operator: &'a str,
    source: &'a str,
    card_number: Option<&'a str>,
    insurance_number: Option<&'a str>,
    personal_id: Option<&'a str>,
    name: Option<&'a str>,
    birth_date: Option<String>,
    sex: Option<&'a str>,
    attendance_category: &'a str,
    care_type: &'a str,
    note: Option<&'a str>,
    // Left out of a visit that counts: its content must stay what it was before there were voids.
    #[serde(skip_serializing_if = "Option::is_none")]
    voided: Option<&'a str>,
    // So are these, of a visit of which nobody has said them.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_number: Option<u32>,
    verdict: VerdictDto<'a>,
    clock: ClockDto<'a>,
}

#[derive(Serialize)]
struct ClockDto<'a> {
    state: &'a str,
    boot_id: &'a str,
    boot_ms: u64,
}

impl<'a> VisitsRequest<'a> {
    /// Writes visits down.
    pub fn new(station: &'a str, install: Uuid, visits: &'a [Visit]) -> Self {
        Self { format: FORMAT, station, install, visits: visits.iter().map(VisitDto::new).collect() }
    }
}

impl<'a> VisitDto<'a> {
    fn new(visit: &'a Visit) -> Self {
        let content = &visit.content;
        let person = &content.person;
        Self {
            id: content.id.0,
            revision: content.revision.0,
            sequence: visit.sequence.0,
            arrived_at: instant(content.arrived_at),
            operator: content.operator.as_str(),
            source: content.source.code(),
            card_number: person.card_number.as_ref().map(|v| v.as_str()),
            insurance_number: person.insurance_number.as_ref().map(|v| v.as_str()),
            personal_id: person.personal_id.as_ref().map(|v| v.as_str()),
            name: person.name.as_ref().map(|v| v.as_str()),
            birth_date: person.birth_date.map(|v| v.to_iso()),
            sex: person.sex.map(|v| v.code()),
            attendance_category: content.attendance_category.as_str(),
            care_type: content.care_type.as_str(),
            note: content.note.as_deref(),
            voided: content.voided.as_deref(),
            proof: content.proof.map(Proof::code),
            queue_number: content.queue_number.map(QueueNumber::get),
            verdict: VerdictDto::new(&content.verdict),
            clock: ClockDto { state: clock_word(content.clock.state), boot_id: &content.clock.boot_id, boot_ms: content.clock.boot_ms },
        }
    }
}

#[derive(Deserialize)]
struct VisitsAnswer {
    receipts: Vec<ReceiptDto>,
}

#[derive(Deserialize)]
struct ReceiptDto {
    id: Uuid,
    revision: u32,
    outcome: String,
    reference: Option<String>,
    received_at: Option<DateTime<FixedOffset>>,
    code: Option<String>,
    text: Option<String>,
    after_seconds: Option<u64>,
}

/// Longest code and text of a refusal that is kept.
const LONGEST_CODE: usize = 60;
const LONGEST_TEXT: usize = 500;

/// Reads the answer to a batch. A receipt with a word that we do not know is left out: its visit stays pending.
pub fn read_receipts(bytes: &[u8]) -> Result<Vec<Receipt>, Fault> {
    let answer: VisitsAnswer = serde_json::from_slice(bytes).map_err(|_| Fault::Receipts)?;
    Ok(answer.receipts.into_iter().filter_map(ReceiptDto::read).collect())
}

impl ReceiptDto {
    fn read(self) -> Option<Receipt> {
        let outcome = match self.outcome.as_str() {
            "accepted" | "duplicate" => ReceiptOutcome::Held {
                reference: bounded(&self.reference?, LONGEST_CODE),
                received_at: self.received_at?.to_utc(),
                duplicate: self.outcome == "duplicate",
            },
            "rejected" | "conflict" => ReceiptOutcome::Refused {
                code: bounded(&self.code?, LONGEST_CODE),
                text: bounded(self.text.as_deref().unwrap_or_default(), LONGEST_TEXT),
            },
            "retry" => ReceiptOutcome::Retry { after_seconds: self.after_seconds.unwrap_or(0) },
            _ => return None,
        };
        Some(Receipt { id: VisitId(self.id), revision: Revision(self.revision), outcome })
    }
}
