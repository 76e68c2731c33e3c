//! The roster as the province numbers it: index, snapshot, deltas, and the cursor that says what we hold.
//!
//! Promise: the words of the protocol (`tests/provincial/README.md`) without its text forms. Never: a decision; which files to take
//! is `sync::plan`'s, what a record means is `verdict`'s.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use super::benefit::ResidenceArea;
use super::card::CardNumber;
use super::card::CardRecord;
use super::card::Deregistration;
use super::card::InsuranceNumber;
use super::card::Mark;
use super::card::Successor;
use super::card::Validity;
use super::facility::FacilityCode;
use super::field::Field;
use super::field::Problem;
use super::field::Unreadable;
use super::person::BirthDate;
use super::person::CitizenId;
use super::person::PersonName;
use super::person::Sex;

/// Identity of the server's numbering; a new one voids the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

/// Position within a session; rises by one per delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(pub u64);

/// SHA-256 of a file or of a state.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// Reads 64 hex digits, lower case as the protocol writes them.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Problem::NotHex);
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = core::str::from_utf8(pair).map_err(|_| Problem::NotHex)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| Problem::NotHex)?;
        }
        Ok(Self(digest))
    }

    /// Lower-case hex.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Lower-case hex digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

impl core::fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Name of a key that the province signs indexes with: sixteen lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignerId(pub Box<str>);

/// One sealed file that the index offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFile {
    /// The serial that the file leads to.
    pub serial: Serial,
    /// Its size.
    pub bytes: u64,
    /// Its digest, and so its name.
    pub sha256: Sha256Digest,
}

/// The verified index: what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The numbering.
    pub session: SessionId,
    /// The newest serial.
    pub serial: Serial,
    /// The instant the data describe.
    pub as_of: DateTime<Utc>,
    /// When it was signed.
    pub published_at: DateTime<Utc>,
    /// With which key. Instants are compared only where one key signed both.
    pub signed_by: SignerId,
    /// After this it proves nothing about the present.
    pub expires_at: DateTime<Utc>,
    /// Digest of the whole state at `serial`.
    pub state: Sha256Digest,
    /// The whole state.
    pub snapshot: FeedFile,
    /// The steps still offered, rising and contiguous, ending at `serial`.
    pub deltas: Vec<FeedFile>,
}

impl Index {
    /// The cursor of a station that holds what this index offers, taken at an instant of its own clock.
    pub fn cursor(&self, fetched_at: DateTime<Utc>) -> PullCursor {
        PullCursor {
            session: self.session,
            serial: self.serial,
            state: self.state,
            as_of: self.as_of,
            published_at: self.published_at,
            signed_by: Some(self.signed_by.clone()),
            fetched_at,
        }
    }
}

/// What this station holds: stored in the same transaction as the rows it speaks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullCursor {
    /// The numbering.
    pub session: SessionId,
    /// The serial applied.
    pub serial: Serial,
    /// Digest of the rows at that serial.
    pub state: Sha256Digest,
    /// The instant the rows describe.
    pub as_of: DateTime<Utc>,
    /// When the index behind them was signed.
    pub published_at: DateTime<Utc>,
    /// With which key; `None`: it was taken before that was written down.
    pub signed_by: Option<SignerId>,
    /// When we took it, by the station's clock.
    pub fetched_at: DateTime<Utc>,
}

/// How far one change of the roster may go without a person having looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Percent of the people held who may vanish or lose their card at once.
    pub percent: u8,
    /// The state a person has agreed to, whatever it changes.
    pub accepted: Option<Sha256Digest>,
}

/// What a change would take away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upheaval {
    /// People held before.
    pub held: u64,
    /// Of these, people who would not be on the roster any more.
    pub gone: u64,
    /// Of these, people whose card would be withdrawn, locked or taken off the list.
    pub stopped: u64,
}

impl Upheaval {
    /// A roster smaller than this may change as it likes: a dozen people who move are no sign of anything.
    const SMALLEST: u64 = 100;

    /// Whether a change to `state` goes ahead.
    pub fn is_let_through(self, guard: Guard, state: Sha256Digest) -> bool {
        guard.accepted == Some(state) || !self.is_beyond(guard)
    }

    /// Whether a person has to look at it first.
    pub fn is_beyond(self, guard: Guard) -> bool {
        self.held >= Self::SMALLEST && (self.gone + self.stopped).saturating_mul(100) > self.held.saturating_mul(guard.percent.into())
    }
}

/// A roster held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when, by the station's clock.
    pub since: DateTime<Utc>,
    /// What it would take away.
    pub upheaval: Upheaval,
    /// The state it leads to: that one, and no other, is agreed to.
    pub state: Sha256Digest,
}

/// A person to ask the province about: the numbers that were shown, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Card number.
    pub card_number: Option<CardNumber>,
    /// Insurance number.
    pub insurance_number: Option<InsuranceNumber>,
    /// Personal id.
    pub personal_id: Option<CitizenId>,
}

/// What the province said about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The record; `None`: the province knows no card for these numbers.
    pub row: Option<Box<RosterRow>>,
    /// The instant its register describes.
    pub as_of: DateTime<Utc>,
}

/// First line of a snapshot or delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHeader {
    /// For a delta, the serial it starts from.
    pub from: Option<Serial>,
    /// The numbering.
    pub session: SessionId,
    /// The serial it leads to.
    pub serial: Serial,
    /// How many lines follow.
    pub rows: u64,
}

/// A feed file opened for reading: its header, and its lines as they are decoded.
pub struct FeedLines {
    /// First line.
    pub header: FeedHeader,
    /// The other lines. An error ends the file.
    pub changes: Box<dyn Iterator<Item = Result<RosterChange, FeedError>> + Send>,
}

/// Why a feed file could not be read to its end.
pub type FeedError = Box<dyn core::error::Error + Send + Sync>;

/// The values of a roster row, in the order of the protocol's state digest. FROZEN: on the wire and in cards.db.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the key of the same name in the protocol, section 3")]
pub enum Column {
    Id,
    Card,
    Name,
    Born,
    Sex,
    Hamlet,
    Facility,
    ValidFrom,
    ValidUntil,
    FiveYearsOn,
    CopayExemptFrom,
    Area,
    Standing,
    Predecessor,
    SuccessorCard,
    SuccessorValidFrom,
    SuccessorValidUntil,
    SuccessorFacility,
}

/// How many values a row has.
pub const COLUMNS: usize = 18;

/// One person's row as the province wrote it, defaults and cuts filled in. Values are text, not yet judged: a row with one value that
/// we cannot read must neither stop the rows behind it nor change the state digest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RosterRow(pub [Option<Box<str>>; COLUMNS]);

impl core::fmt::Debug for RosterRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RosterRow(…)")
    }
}

impl RosterRow {
    /// A value; `None` when absent.
    pub fn value(&self, column: Column) -> Option<&str> {
        self.0[column as usize].as_deref()
    }

    /// Sets or takes away a value.
    pub fn set(&mut self, column: Column, value: Option<Box<str>>) {
        self.0[column as usize] = value;
    }

    /// The row as a record, or the first value that cannot be read.
    pub fn to_record(&self) -> Result<CardRecord, Unreadable> {
        let required = |column, field: Field| self.value(column).ok_or(Problem::Empty.at(field));
        let day = |column, field: Field| match self.value(column) {
            None => Ok(None),
            Some(text) => text.parse::<NaiveDate>().map(Some).map_err(|_| Problem::NotADate.at(field)),
        };
        let facility = |column| required(column, Field::Facility).and_then(|t| FacilityCode::parse(t).map_err(|p| p.at(Field::Facility)));
        let card = |text: &str| CardNumber::parse(text).map_err(|p| p.at(Field::CardNumber));
        let validity = |from, until| {
            let valid_from = day(from, Field::ValidFrom)?.ok_or(Problem::Empty.at(Field::ValidFrom))?;
            Ok::<_, Unreadable>(Validity { valid_from, valid_until: day(until, Field::ValidUntil)? })
        };
        let id = required(Column::Id, Field::PersonalId)?;
        let personal_id = if id.len() == 10 { None } else { Some(CitizenId::parse(id).map_err(|p| p.at(Field::PersonalId))?) };
        let successor = match self.value(Column::SuccessorCard) {
            None => None,
            Some(text) => Some(Successor {
                card_number: card(text)?,
                validity: validity(Column::SuccessorValidFrom, Column::SuccessorValidUntil)?,
                registered_facility: facility(Column::SuccessorFacility)?,
            }),
        };
        let area = self.value(Column::Area).map(ResidenceArea::parse).transpose().map_err(|p| p.at(Field::ResidenceArea))?;
        Ok(CardRecord {
            card_number: card(required(Column::Card, Field::CardNumber)?)?,
            personal_id,
            name: PersonName::parse(required(Column::Name, Field::Name)?).map_err(|p| p.at(Field::Name))?,
            birth_date: BirthDate::parse_iso(required(Column::Born, Field::BirthDate)?).map_err(|p| p.at(Field::BirthDate))?,
            sex: Sex::parse(required(Column::Sex, Field::Sex)?).map_err(|p| p.at(Field::Sex))?,
            hamlet: self.value(Column::Hamlet).map(Into::into),
            registered_facility: facility(Column::Facility)?,
            validity: validity(Column::ValidFrom, Column::ValidUntil)?,
            five_years_on: day(Column::FiveYearsOn, Field::FiveYearsOn)?,
            copay_exempt_from: day(Column::CopayExemptFrom, Field::FiveYearsOn)?,
            residence_area: area,
            mark: Mark::parse(self.value(Column::Standing).unwrap_or_default()).map_err(|p| p.at(Field::CardNumber))?,
            predecessor: self.value(Column::Predecessor).map(card).transpose()?,
            successor,
        })
    }
}

/// One line of a snapshot or delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterChange {
    /// A person the state does not have yet.
    New(Box<RosterRow>),
    /// Changed values of a person the state has; `None` takes a value away.
    Changed {
        /// The roster's key.
        id: Box<str>,
        /// What changed.
        values: Vec<(Column, Option<Box<str>>)>,
    },
    /// The person left this roster.
    Gone {
        /// The roster's key.
        id: Box<str>,
    },
}

impl Mark {
    /// Whether a word of the protocol puts an end to the card, whatever its days say. Also true of a reason to take somebody off the list that this
    /// program does not know yet.
    pub fn is_stop_word(text: &str) -> bool {
        matches!(text, "revoked" | "locked") || text.starts_with("deregistered")
    }

    /// The protocol's word; empty for no mark. FROZEN: on the wire, stored in cards.db, part of the state digest.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Revoked => "revoked",
            Self::Locked => "locked",
            Self::Deregistered(Deregistration::Unstated) => "deregistered",
            Self::Deregistered(Deregistration::LeftProvince) => "deregistered_left_province",
            Self::Deregistered(Deregistration::MovedWithin) => "deregistered_moved",
            Self::Deregistered(Deregistration::Rejoining) => "deregistered_rejoining",
            Self::Deregistered(Deregistration::Stopped) => "deregistered_stopped",
            Self::Army => "army",
            Self::Police => "police",
        }
    }

    /// Reads the protocol's word.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        const ALL: [Mark; 10] = [
            Mark::None,
            Mark::Revoked,
            Mark::Locked,
            Mark::Deregistered(Deregistration::Unstated),
            Mark::Deregistered(Deregistration::LeftProvince),
            Mark::Deregistered(Deregistration::MovedWithin),
            Mark::Deregistered(Deregistration::Rejoining),
            Mark::Deregistered(Deregistration::Stopped),
            Mark::Army,
            Mark::Police,
        ];
        ALL.into_iter().find(|mark| mark.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// Computes the state digest of the protocol (section 4) over rows given in the order of their keys.
#[derive(Default)]
pub struct StateDigest(Sha256);

impl StateDigest {
    /// Adds the next row.
    pub fn add(&mut self, row: &RosterRow) {
        for (at, value) in row.0.iter().enumerate() {
            if at > 0 {
                self.0.update([0x1f]);
            }
            self.0.update(value.as_deref().unwrap_or_default());
        }
        self.0.update(b"\n");
    }

    /// The digest of all rows added.
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}
