//! What station and province tell each other beside feed and visits: contact, renewal, look-up, rechecks.
//!
//! Promises: each message as the README's section of the same name has it, keys in its order. Must never decide what
//! an answer is: that is `serve`.

use serde::{Deserialize, Serialize};

use super::{ClockState, Instant, Row, Verdict};

/// `POST /v1/contact`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// Which record of visits speaks.
    pub install: uuid::Uuid,
    /// The link that the last answered contact left.
    pub previous: Option<uuid::Uuid>,
    /// The link that this one leaves.
    pub next: uuid::Uuid,
    /// The station has sent nothing with a higher sequence that it does not hold; 0 before the first visit.
    pub highest: u64,
    /// Visits not confirmed.
    pub pending: u64,
    /// Visits refused and waiting for a person.
    pub parked: u64,
    /// The roster it holds.
    pub roster: Option<HeldRoster>,
    /// Its clocks.
    pub clock: ContactClock,
    /// Version of its program.
    pub version: String,
    /// The end of its access log; `None`: that has no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
}

/// The end of a station's access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// How many lines.
    pub lines: u64,
    /// The digest of the last one, over all before it: 64 hex digits.
    pub sha256: String,
}

impl LogHead {
    /// Whether it has the form of one.
    pub fn is_one(&self) -> bool {
        let is_hex = self.sha256.len() == 64 && self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (1..=1 << 53).contains(&self.lines) && is_hex
    }
}

/// The roster a station holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRoster {
    /// Identity of the numbering.
    pub session: uuid::Uuid,
    /// Position within the session.
    pub serial: u64,
    /// The instant its rows describe.
    pub as_of: Instant,
}

/// A station's clocks as it made the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactClock {
    /// Whether the station believes its wall clock.
    pub state: ClockState,
    /// Identity of the boot.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub boot_ms: u64,
    /// What its wall clock says.
    pub wall: Instant,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAnswer {
    /// The province's time.
    pub at: Instant,
    /// Identity of the province's record of visits.
    pub ledger: uuid::Uuid,
    /// No visit received before this instant is missing there.
    pub complete_to: Instant,
    /// What the chain tells.
    pub machine: Machine,
    /// Visits of this install beyond the station's highest.
    pub ahead: Option<Ahead>,
    /// The furthest end of this install's access log that was ever told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
    /// A wipe order: a [`WipeEnvelope`], or whatever a test has put in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<serde_json::Value>,
}

/// A wipe order and the signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeEnvelope {
    /// A [`WipeOrder`] as JSON text.
    pub order: String,
    /// minisign, over the words of the README's section and this text.
    pub signature: String,
}

/// That an install gives up what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeOrder {
    /// 1.
    pub format: u32,
    /// The province's number for it.
    pub number: u64,
    /// Facility code.
    pub station: String,
    /// Which record of visits.
    pub install: uuid::Uuid,
    /// From when on it holds,
    pub given_at: Instant,
    /// and until when.
    pub expires_at: Instant,
}

/// Who speaks, as far as the chain tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// The one that spoke last, or the first.
    Known,
    /// One that has missed later contacts.
    FellBack,
    /// One of two that speak from copies of one disk.
    Copied,
}

impl Machine {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::FellBack => "fell_back",
            Self::Copied => "copied",
        }
    }
}

/// Visits that the province holds and the station's disk does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// The highest of their sequences.
    pub highest: u64,
    /// How many.
    pub visits: u64,
    /// When the first of them was received.
    pub first_received_at: Instant,
    /// And the last.
    pub last_received_at: Instant,
}

/// `POST /v1/renew`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// Which record of visits speaks.
    pub install: uuid::Uuid,
    /// Signing request by and for the key of the certificate last issued.
    pub csr_pem: String,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewAnswer {
    /// The new client certificate.
    pub certificate_pem: String,
}

/// `POST /v1/lookup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// 15 characters.
    pub card_number: Option<String>,
    /// 10 digits.
    pub insurance_number: Option<String>,
    /// 12 digits.
    pub personal_id: Option<String>,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupAnswer {
    /// The instant the register describes.
    pub as_of: Instant,
    /// A full row without defaults, where there is one.
    pub row: Option<Row>,
}

/// `POST /v1/rechecks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RechecksRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// Which record of visits speaks.
    pub install: uuid::Uuid,
    /// The visits whose answer would now be another.
    pub rechecks: Vec<Recheck>,
}

/// A visit looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recheck {
    /// Which visit.
    pub id: uuid::Uuid,
    /// Which revision of it.
    pub revision: u32,
    /// When this was found, by the station's clock.
    pub found_at: Instant,
    /// What the desk was shown.
    pub shown: Verdict,
    /// What it would be shown now.
    pub now: Verdict,
}

/// Its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RechecksAnswer {
    /// How many the request had.
    pub received: u64,
}
