//! The visit messages of protocol 1: what a station sends, and the receipts it gets.
//!
//! Promises: serialising a [`Visit`] gives the same bytes for the same content, which is what the server compares.
//! Must never turn an unknown code into a known one: a visit that does not parse is `malformed`.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Instant, Sex};

/// `POST /v1/visits`. The visits stay raw, so that one that does not parse does not spoil the others.
#[derive(Debug, Serialize, Deserialize)]
pub struct VisitsRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// The installation that saved them.
    pub install: uuid::Uuid,
    /// The visits.
    pub visits: Vec<Box<RawValue>>,
}

/// A visit's identity, read before anything else: without it there is nothing to give a receipt for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct VisitKey {
    /// Made by the station.
    pub id: uuid::Uuid,
    /// 1, 2, …
    pub revision: u32,
}

/// One revision of one visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Made by the station before it saves.
    pub id: uuid::Uuid,
    /// 1, 2, …
    pub revision: u32,
    /// Rises by one per saved revision.
    pub sequence: u64,
    /// By the station's clock.
    pub arrived_at: Instant,
    /// Who received the person.
    pub operator: String,
    /// What was shown.
    pub source: Source,
    /// 15 characters.
    pub card_number: Option<String>,
    /// 10 digits.
    pub insurance_number: Option<String>,
    /// 12 digits, or an older document.
    pub personal_id: Option<String>,
    /// As known.
    pub name: Option<String>,
    /// As known, `1985-09-02`, `1985-09` or `1985`.
    pub birth_date: Option<String>,
    /// As known.
    pub sex: Option<Sex>,
    /// Code of the official list.
    pub attendance_category: String,
    /// Code of the official list.
    pub care_type: String,
    /// Free text.
    pub note: Option<String>,
    /// Why the visit does not count; left out when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<String>,
    /// What the person showed; left out where nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Under which number the person was called; left out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_number: Option<u32>,
    /// What the desk was shown.
    pub verdict: Verdict,
    /// The station's clock.
    pub clock: Clock,
}

/// What the person showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A BHYT card or its code.
    BhytCard,
    /// A citizen card or its code.
    CitizenId,
    /// Typed by hand.
    Typed,
}

/// What the person showed, as Decree 188/2025, Article 37, names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum Proof {
    CitizenId,
    Vneid,
    Card,
    Vssid,
    NumberAndDocument,
    BirthCertificate,
    Newborn,
    Receipt,
    Later,
}

/// What the desk was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Standing of the card.
    pub standing: VerdictStanding,
    /// Claimed against registered identity.
    pub identity_match: IdentityMatch,
    /// Where the answer came from.
    pub knowledge: Knowledge,
    /// How old it was.
    pub freshness: Freshness,
    /// The feed's session behind it.
    pub session: Option<uuid::Uuid>,
    /// The feed's serial behind it.
    pub serial: Option<u64>,
    /// The feed's as-of behind it.
    pub as_of: Option<Instant>,
    /// Provisional rate.
    pub rate_percent: Option<u8>,
    /// The rules table behind it.
    pub rules_version: Option<String>,
}

/// Standing as shown at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum VerdictStanding {
    Valid,
    NotYetValid,
    Expired,
    Superseded,
    Revoked,
    Locked,
    Deregistered,
    ManagedElsewhere,
    NotListed,
    NotCovered,
}

/// Claimed against registered identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum IdentityMatch {
    Match,
    NameDiffers,
    BirthDateDiffers,
    NameAndBirthDateDiffer,
    NotChecked,
}

/// Where the answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum Knowledge {
    Verified,
    Cached,
    Unverified,
}

/// How old it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum Freshness {
    Fresh,
    Aging,
    Stale,
    Absent,
}

/// The station's clock when it saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Whether the station believed it.
    pub state: ClockState,
    /// Identity of the boot.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub boot_ms: u64,
}

/// Whether the station believed its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the protocol page")]
pub enum ClockState {
    Plausible,
    Suspect,
    Learned,
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitsAnswer {
    /// One per visit, in any order.
    pub receipts: Vec<Receipt>,
}

/// What became of one visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose.
    pub id: uuid::Uuid,
    /// Which revision.
    pub revision: u32,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of one visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Stored now.
    Accepted {
        /// The server's proof.
        reference: String,
        /// When it was stored.
        received_at: Instant,
    },
    /// The same content was stored before.
    Duplicate {
        /// The first answer's.
        reference: String,
        /// The first answer's.
        received_at: Instant,
    },
    /// Other content under this id and revision; the first was kept.
    Conflict {
        /// Stable.
        code: String,
        /// For a person.
        text: String,
    },
    /// Not stored, for good.
    Rejected {
        /// Stable.
        code: String,
        /// For a person.
        text: String,
    },
    /// Not stored, this time.
    Retry {
        /// Earliest next try.
        after_seconds: u32,
    },
}

impl Outcome {
    /// The word on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Duplicate { .. } => "duplicate",
            Self::Conflict { .. } => "conflict",
            Self::Rejected { .. } => "rejected",
            Self::Retry { .. } => "retry",
        }
    }

    /// The reference, where there is one.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Accepted { reference, .. } | Self::Duplicate { reference, .. } => Some(reference),
            _ => None,
        }
    }
}

/// Whether a birth date is written `1985-09-02`, `1985-09` or `1985`, and exists.
pub fn birth_date_is_written_well(text: &str) -> bool {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        _ => return false,
    };
    whole.is_ascii() && NaiveDate::parse_from_str(&whole, "%Y-%m-%d").is_ok()
}
