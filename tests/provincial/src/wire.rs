//! Every message of protocol 1 as this server reads and writes it.
//!
//! Promises: written from `README.md`, field by field, in the README's order; every fixture under
//! `tests/fixtures/wire` parses into these types and comes back the same. Must never import anything from the
//! product: a wrong key that both sides share would pass every test.

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

mod station;
mod visits;

pub use station::{
    Ahead, ContactAnswer, ContactClock, ContactRequest, HeldRoster, LogHead, LookupAnswer, LookupRequest, Machine, Recheck, RechecksAnswer,
    RechecksRequest, RenewAnswer, RenewRequest, WipeEnvelope, WipeOrder,
};
pub use visits::{
    Clock, ClockState, Freshness, IdentityMatch, Knowledge, Outcome, Proof, Receipt, Source, Verdict, VerdictStanding, Visit, VisitKey,
    VisitsAnswer, VisitsRequest, birth_date_is_written_well,
};

/// The `format` of every message.
pub const FORMAT: u32 = 1;
/// What stands before a wipe order in the bytes that are signed.
pub const WIPE_CONTEXT: &[u8] = b"bhyt wipe order 1\n";

/// A Vietnamese day, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub NaiveDate);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.format("%Y-%m-%d"))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The length keeps out `2026-1-1`, which the parser would take.
        if text.len() != 10 {
            return Err(D::Error::custom("a day is written YYYY-MM-DD"));
        }
        NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(Self).map_err(D::Error::custom)
    }
}

/// An instant, RFC 3339 with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub DateTime<FixedOffset>);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(Self).map_err(D::Error::custom)
    }
}

#[expect(clippy::option_option, reason = "left out, taken away and given are three things on the wire")]
/// Reads a key that is there, whether `null` or not; a key that is not there stays `None` by `default`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// The signed index, `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// 1.
    pub format: u32,
    /// Facility code the feed is for.
    pub station: String,
    /// Identity of the numbering.
    pub session: uuid::Uuid,
    /// Position within the session.
    pub serial: u64,
    /// The instant the rows describe.
    pub as_of: Instant,
    /// When this index was signed.
    pub published_at: Instant,
    /// After this the index proves nothing about the present.
    pub expires_at: Instant,
    /// Versions the server speaks.
    pub protocol: ProtocolRange,
    /// Digest of the whole state at `serial`.
    pub state_sha256: String,
    /// The snapshot at `serial`.
    pub snapshot: SealedFile,
    /// Deltas still offered, rising, without a gap.
    pub deltas: Vec<SealedFile>,
}

/// Versions the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// Lowest.
    pub min: u32,
    /// Highest.
    pub max: u32,
}

/// A sealed file as the index lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFile {
    /// The serial it leads to.
    pub serial: u64,
    /// Its size.
    pub bytes: u64,
    /// Its digest, which is also its name.
    pub sha256: String,
}

impl SealedFile {
    /// The name under which the file is served.
    pub fn file_name(&self) -> String {
        format!("{}{}", self.sha256, SEALED_SUFFIX)
    }
}

/// What follows the digest in the name of a sealed file.
pub const SEALED_SUFFIX: &str = ".jsonl.zst.age";

/// Whether a sealed file is a snapshot or a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// The whole state.
    Snapshot,
    /// From one serial to the next.
    Delta,
}

/// First line of a feed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHeader {
    /// Snapshot or delta.
    pub kind: FeedKind,
    /// 1.
    pub format: u32,
    /// Facility code the feed is for.
    pub station: String,
    /// Identity of the numbering.
    pub session: uuid::Uuid,
    /// The serial this file leads to.
    pub serial: u64,
    /// Deltas only: the serial this file starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The instant the rows describe.
    pub as_of: Instant,
    /// How many lines follow.
    pub rows: u64,
    /// Values for full rows that leave them out.
    #[serde(default)]
    pub defaults: Defaults,
}

/// Values for full rows that leave them out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// Registered facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Day>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Day>,
}

/// Sex as registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Nam.
    Male,
    /// Nữ.
    Female,
    /// Chưa xác định.
    Undetermined,
}

/// Area mark on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Area {
    /// Difficult area.
    K1,
    /// Specially difficult area.
    K2,
    /// Island.
    K3,
}

/// A fact about the card beside its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Thu hồi.
    Revoked,
    /// Tạm khoá.
    Locked,
    /// Báo giảm.
    Deregistered,
    /// Báo giảm, moved to another province.
    DeregisteredLeftProvince,
    /// Báo giảm, moved within the province.
    DeregisteredMoved,
    /// Báo giảm, being added again.
    DeregisteredRejoining,
    /// Báo giảm, stopped taking part.
    DeregisteredStopped,
    /// Managed by the army.
    Army,
    /// Managed by the police.
    Police,
}

/// The next card, already issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Successor {
    /// Its number.
    pub card: String,
    /// Its first day.
    pub valid_from: Day,
    /// Its last day, if known.
    pub valid_until: Option<Day>,
    /// Its registered facility.
    pub facility: String,
}

/// A full row: a snapshot line, or what `new` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Personal id, or the insurance number while there is none.
    pub id: String,
    /// Card number.
    pub card: String,
    /// Name as registered.
    pub name: String,
    /// Birth date, cut against the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<String>,
    /// Sex, unless the id says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Place within the commune.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hamlet: Option<String>,
    /// Registered facility, unless it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// First day, unless it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Day>,
    /// Last day, unless it is the default; `null`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub valid_until: Option<Option<Day>>,
    /// Five continuous years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub five_years_on: Option<Day>,
    /// Free of co-payment from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copay_exempt_from: Option<Day>,
    /// Area mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// A fact beside the dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// The card number before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<String>,
    /// The next card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Successor>,
}

/// A change line: the key and the changed values; the inner `None` takes a value away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose row.
    pub id: String,
    /// New card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// New name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New birth date, cut; `null`: the id's year.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub born: Option<Option<String>>,
    /// New sex; `null`: the id's.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub sex: Option<Option<Sex>>,
    /// New hamlet.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub hamlet: Option<Option<String>>,
    /// New facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// New first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Day>,
    /// New last day; `null`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub valid_until: Option<Option<Day>>,
    /// New five-year day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub five_years_on: Option<Option<Day>>,
    /// New exemption day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub copay_exempt_from: Option<Option<Day>>,
    /// New area mark.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub area: Option<Option<Area>>,
    /// New fact beside the dates.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub standing: Option<Option<Standing>>,
    /// New predecessor.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub predecessor: Option<Option<String>>,
    /// New successor, whole.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub successor: Option<Option<Successor>>,
}

/// A line of a delta.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeltaLine {
    /// A person the previous state did not have.
    New {
        /// The full row.
        new: Box<Row>,
    },
    /// Tombstone.
    Gone {
        /// Whose.
        gone: String,
    },
    /// Changed values.
    Changed(Box<Change>),
}

impl DeltaLine {
    /// The id by which the lines are sorted.
    pub fn id(&self) -> &str {
        match self {
            Self::New { new } => &new.id,
            Self::Gone { gone } => gone,
            Self::Changed(change) => &change.id,
        }
    }
}

/// `POST /v1/enrol`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// One-time code.
    pub code: String,
    /// The installation, made by the station.
    pub install: uuid::Uuid,
    /// Certificate signing request.
    pub csr_pem: String,
    /// age X25519 recipient of the feed.
    pub feed_recipient: String,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// Facility code.
    pub station: String,
    /// Its name, for the page.
    pub station_name: String,
    /// The client certificate.
    pub certificate_pem: String,
    /// Base64 line of the minisign public key.
    pub index_public_key: String,
    /// age recipient of visits carried on a stick; a province may take none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intake_recipient: Option<String>,
}

/// What a key says of the one that follows it: `keys/{after}.json`, signed by the key with that id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySuccessor {
    /// 1.
    pub format: u32,
    /// Id of the key that is left.
    pub after: String,
    /// Base64 line of the key that follows.
    pub index_public_key: String,
}

/// What a stick brings a station beside its feed: `receipts.json.age`, unsealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickReceipts {
    /// 1.
    pub format: u32,
    /// Facility code.
    pub station: String,
    /// Identity of the ledger.
    pub ledger: uuid::Uuid,
    /// Until when it is complete.
    pub complete_to: Instant,
    /// When this was written.
    pub made_at: Instant,
    /// One for each visit and revision held or refused.
    pub receipts: Vec<Receipt>,
}

/// The body of every refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorDetail,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Stable.
    pub code: String,
    /// For a log.
    pub message: String,
}
