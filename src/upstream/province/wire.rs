//! The messages of the protocol, version 1, as they stand on the wire. FROZEN.
//!
//! Promise: own structs, read against the same fixtures as the reference server's, so that a mistake cannot be the same on both sides. What is
//! read is checked for what the protocol promises (sizes, order, contiguous serials). Never: personal text in an error.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::roster::FeedFile;
use crate::domain::roster::Index;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Revision;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;
use crate::upstream::Fault;

/// The protocol version this program speaks.
pub const FORMAT: u32 = 1;
/// Largest sealed file.
pub const MAX_SEALED: u64 = 32 << 20;
/// Largest unpacked file.
pub const MAX_UNPACKED: u64 = 128 << 20;
/// Longest line of a file.
pub const MAX_LINE: usize = 4 << 10;
/// Largest index or signature read; the protocol allows 1,000 bytes.
pub const MAX_INDEX: usize = 4 << 10;
/// Largest answer to a batch or an enrolment read.
pub const MAX_ANSWER: usize = 1 << 20;
/// Largest serial: what every JSON reader holds exactly.
const MAX_SERIAL: u64 = 1 << 53;

#[derive(Deserialize)]
struct IndexDto {
    station: String,
    session: Uuid,
    serial: u64,
    as_of: DateTime<FixedOffset>,
    published_at: DateTime<FixedOffset>,
    expires_at: DateTime<FixedOffset>,
    protocol: ProtocolDto,
    state_sha256: String,
    snapshot: FileDto,
    deltas: Vec<FileDto>,
}

#[derive(Deserialize)]
struct ProtocolDto {
    min: u32,
    max: u32,
}

#[derive(Deserialize)]
struct FileDto {
    serial: u64,
    bytes: u64,
    sha256: String,
}

impl FileDto {
    fn read(&self) -> Result<FeedFile, Fault> {
        if self.bytes > MAX_SEALED {
            return Err(Fault::TooLarge);
        }
        let sha256 = Sha256Digest::parse(&self.sha256).map_err(|_| Fault::Index)?;
        Ok(FeedFile { serial: Serial(self.serial), bytes: self.bytes, sha256 })
    }
}

/// Reads an index whose signature has been verified.
pub fn read_index(bytes: &[u8], station: &str) -> Result<Index, Fault> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    // The format first: of another one nothing else is known.
    let Format { format } = serde_json::from_slice(bytes).map_err(|_| Fault::Index)?;
    if format != FORMAT {
        return Err(Fault::UnknownFormat);
    }
    let dto: IndexDto = serde_json::from_slice(bytes).map_err(|_| Fault::Index)?;
    if dto.station != station {
        return Err(Fault::OtherStation);
    }
    if !(dto.protocol.min..=dto.protocol.max).contains(&FORMAT) {
        return Err(Fault::UnknownFormat);
    }
    let snapshot = dto.snapshot.read()?;
    let deltas = dto.deltas.iter().map(FileDto::read).collect::<Result<Vec<_>, _>>()?;
    let serials = deltas.iter().map(|file| file.serial.0);
    let count = u64::try_from(deltas.len()).unwrap_or(u64::MAX);
    let whole = (1..=MAX_SERIAL).contains(&dto.serial)
        && snapshot.serial.0 == dto.serial
        && count < dto.serial
        && serials.eq(dto.serial - count + 1..=dto.serial);
    if !whole {
        return Err(Fault::Index);
    }
    Ok(Index {
        session: SessionId(dto.session),
        serial: Serial(dto.serial),
        as_of: dto.as_of.to_utc(),
        published_at: dto.published_at.to_utc(),
        expires_at: dto.expires_at.to_utc(),
        state: Sha256Digest::parse(&dto.state_sha256).map_err(|_| Fault::Index)?,
        snapshot,
        deltas,
    })
}

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
    verdict: VerdictDto<'a>,
    clock: ClockDto<'a>,
}

#[derive(Serialize)]
struct VerdictDto<'a> {
    standing: &'a str,
    identity_match: &'a str,
    knowledge: &'a str,
    freshness: &'a str,
    session: Option<Uuid>,
    serial: Option<u64>,
    as_of: Option<String>,
    rate_percent: Option<u8>,
    rules_version: Option<&'a str>,
}

#[derive(Serialize)]
struct ClockDto<'a> {
    state: &'a str,
    boot_id: &'a str,
    boot_ms: u64,
}

/// An instant as the province reads it: Vietnamese time, as precise as it is stored.
fn instant(at: DateTime<Utc>) -> String {
    let precision = if at.timestamp_subsec_millis() == 0 { chrono::SecondsFormat::Secs } else { chrono::SecondsFormat::Millis };
    clock::vietnam_time(at).to_rfc3339_opts(precision, false)
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
        let (person, verdict) = (&content.person, &content.verdict);
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
            verdict: VerdictDto {
                standing: &verdict.standing,
                identity_match: &verdict.identity_match,
                knowledge: &verdict.knowledge,
                freshness: &verdict.freshness,
                session: verdict.basis.map(|(session, ..)| session.0),
                serial: verdict.basis.map(|(_, serial, _)| serial.0),
                as_of: verdict.basis.map(|(.., as_of)| instant(as_of)),
                rate_percent: verdict.rate.map(|v| v.as_percent()),
                rules_version: verdict.rules_version.as_deref(),
            },
            clock: ClockDto {
                state: match content.clock.state {
                    ClockState::Plausible => "plausible",
                    ClockState::Learned => "learned",
                    ClockState::Behind | ClockState::FarAhead => "suspect",
                },
                boot_id: &content.clock.boot_id,
                boot_ms: content.clock.boot_ms,
            },
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

fn bounded(text: &str, longest: usize) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(longest).collect::<String>().into()
}

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

/// The code of a refusal's body, if it has one.
pub fn read_refusal(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
    }
    serde_json::from_slice::<Body>(bytes).ok().map(|body| body.error.code)
}

/// What a station says of itself at enrolment.
#[derive(Serialize)]
pub struct EnrolRequest<'a> {
    /// Protocol version.
    pub format: u32,
    /// Facility code.
    pub station: &'a str,
    /// One-time code.
    pub code: &'a str,
    /// Install id.
    pub install: Uuid,
    /// Signing request of the client key.
    pub csr_pem: &'a str,
    /// Recipient the feed is to be sealed to.
    pub feed_recipient: &'a str,
}

/// What the province gives.
#[derive(Debug, Deserialize)]
pub struct EnrolAnswer {
    /// Facility code.
    pub station: String,
    /// The station's name.
    pub station_name: String,
    /// Client certificate.
    pub certificate_pem: String,
    /// Base64 line of the minisign public key of the index.
    pub index_public_key: String,
    /// age recipient of visits carried on a stick; a province may take none.
    pub intake_recipient: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::benefit::AttendanceCategory;
    use crate::domain::benefit::BenefitRate;
    use crate::domain::benefit::CareType;
    use crate::domain::card::CardNumber;
    use crate::domain::card::InsuranceNumber;
    use crate::domain::person::BirthDate;
    use crate::domain::person::CitizenId;
    use crate::domain::person::PersonName;
    use crate::domain::person::Sex;
    use crate::domain::scan::Source;
    use crate::domain::visit::ClockStamp;
    use crate::domain::visit::NewVisit;
    use crate::domain::visit::OperatorName;
    use crate::domain::visit::Sequence;
    use crate::domain::visit::ShownVerdict;
    use crate::domain::visit::VisitPerson;

    const REQUEST: &str = include_str!("../../../tests/fixtures/wire/visits-request.json");
    const ANSWER: &str = include_str!("../../../tests/fixtures/wire/visits-answer.json");
    const INDEX: &str = include_str!("../../../tests/fixtures/wire/index.json");
    const ERROR: &str = include_str!("../../../tests/fixtures/wire/error.json");
    const ENROL_REQUEST: &str = include_str!("../../../tests/fixtures/wire/enrol-request.json");
    const ENROL_ANSWER: &str = include_str!("../../../tests/fixtures/wire/enrol-answer.json");
    const INSTALL: &str = "0b6f0c3a-52f1-4d0e-9a77-665544332211";

    fn visits() -> [Visit; 2] {
        let boot_id: Box<str> = "3c9a1f04-7d2e-4b1c-a0aa-0f1e2d3c4b5a".into();
        let session = SessionId(Uuid::parse_str("7f6c1d2e-0b1a-4c3d-8e5f-001122334455").unwrap());
        let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let first = NewVisit {
            id: VisitId(Uuid::parse_str("019aaa10-0000-7000-8000-000000000001").unwrap()),
            revision: Revision(1),
            arrived_at: instant("2026-11-23T07:31:05+07:00"),
            operator: OperatorName::parse("an.nguyen").unwrap(),
            source: Source::BhytCard,
            person: VisitPerson {
                card_number: CardNumber::parse("GD4010100000001").ok(),
                insurance_number: InsuranceNumber::parse("0100000001").ok(),
                personal_id: CitizenId::parse("001185000001").ok(),
                name: PersonName::parse("TRẦN THỊ VÍ DỤ").ok(),
                birth_date: BirthDate::parse_iso("1985-09-02").ok(),
                sex: Some(Sex::Female),
            },
            attendance_category: AttendanceCategory::parse("1.2").unwrap(),
            care_type: CareType::parse("01").unwrap(),
            note: None,
            voided: None,
            verdict: ShownVerdict {
                standing: "valid".into(),
                identity_match: "match".into(),
                knowledge: "cached".into(),
                freshness: "fresh".into(),
                basis: Some((session, Serial(8), instant("2026-11-22T20:00:00+07:00"))),
                rate: BenefitRate::percent(100).ok(),
                rules_version: Some("2026-07-01".into()),
            },
            clock: ClockStamp { state: ClockState::Plausible, boot_id: boot_id.clone(), boot_ms: 1_865_000 },
        };
        let second = NewVisit {
            id: VisitId(Uuid::parse_str("019aaa10-0000-7000-8000-000000000002").unwrap()),
            revision: Revision(2),
            arrived_at: instant("2026-11-23T07:36:40+07:00"),
            source: Source::Typed,
            person: VisitPerson {
                card_number: None,
                insurance_number: InsuranceNumber::parse("0100000099").ok(),
                personal_id: None,
                name: None,
                birth_date: None,
                sex: None,
            },
            note: Some("quên thẻ, hẹn mang sau".into()),
            voided: None,
            verdict: ShownVerdict {
                standing: "not_covered".into(),
                identity_match: "not_checked".into(),
                knowledge: "unverified".into(),
                freshness: "absent".into(),
                basis: None,
                rate: None,
                rules_version: None,
            },
            clock: ClockStamp { state: ClockState::Behind, boot_id, boot_ms: 2_200_000 },
            ..first.clone()
        };
        [Visit { sequence: Sequence(41), content: first }, Visit { sequence: Sequence(42), content: second }]
    }

    #[test]
    fn visits_are_written_as_the_example() {
        let visits = visits();
        let request = VisitsRequest::new("99001", Uuid::parse_str(INSTALL).unwrap(), &visits);
        assert_eq!(serde_json::to_value(request).unwrap(), serde_json::from_str::<Value>(REQUEST).unwrap());
    }

    #[test]
    fn receipts_are_read_as_the_example() {
        let receipts = read_receipts(ANSWER.as_bytes()).unwrap();
        let held = |reference: &str, at: &str, duplicate| ReceiptOutcome::Held {
            reference: reference.into(),
            received_at: at.parse().unwrap(),
            duplicate,
        };
        let outcomes: Vec<_> = receipts.into_iter().map(|receipt| receipt.outcome).collect();
        let expected = [
            held("99-00000041", "2026-11-23T07:40:00.125+07:00", false),
            held("99-00000040", "2026-11-23T07:38:12+07:00", true),
            ReceiptOutcome::Refused { code: "other_content".into(), text: "another content is stored under this id and revision".into() },
            ReceiptOutcome::Refused { code: "no_identity".into(), text: "none of the three numbers is given".into() },
            ReceiptOutcome::Retry { after_seconds: 60 },
        ];
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn a_receipt_with_an_unknown_word_leaves_its_visit_pending() {
        let answer = ANSWER.replace("\"accepted\"", "\"perhaps\"");
        assert_eq!(read_receipts(answer.as_bytes()).unwrap().len(), 4);
        assert_eq!(read_receipts(b"{}").unwrap_err(), Fault::Receipts);
    }

    #[test]
    fn enrolment_is_written_and_read_as_the_examples() {
        let example: Value = serde_json::from_str(ENROL_REQUEST).unwrap();
        let text = |key: &str| example[key].as_str().unwrap();
        let request = EnrolRequest {
            format: FORMAT,
            station: "99001",
            code: "K7MW4PQX",
            install: Uuid::parse_str(INSTALL).unwrap(),
            csr_pem: text("csr_pem"),
            feed_recipient: text("feed_recipient"),
        };
        assert_eq!(serde_json::to_value(request).unwrap(), example);
        let answer: EnrolAnswer = serde_json::from_str(ENROL_ANSWER).unwrap();
        assert_eq!((answer.station.as_str(), answer.station_name.as_str()), ("99001", "Trạm Y tế xã Mẫu"));
        assert!(answer.intake_recipient.is_some_and(|recipient| recipient.starts_with("age1")));
        assert_eq!(read_refusal(ERROR.as_bytes()).as_deref(), Some("wrong_code"));
    }

    #[test]
    fn an_index_that_breaks_the_protocol_is_refused() {
        let read = |text: &str| read_index(text.as_bytes(), "99001").map(|index| index.serial);
        assert_eq!(read(INDEX), Ok(Serial(8)));
        for (from, to, fault) in [
            ("\"format\":1", "\"format\":2", Fault::UnknownFormat),
            ("{\"min\":1,\"max\":1}", "{\"min\":2,\"max\":3}", Fault::UnknownFormat),
            ("\"station\":\"99001\"", "\"station\":\"99002\"", Fault::OtherStation),
            ("\"serial\":7", "\"serial\":6", Fault::Index),
            ("\"snapshot\":{\"serial\":8", "\"snapshot\":{\"serial\":7", Fault::Index),
            ("\"serial\":8,\"as_of\"", "\"serial\":9,\"as_of\"", Fault::Index),
            ("\"serial\":8,\"as_of\"", "\"serial\":0,\"as_of\"", Fault::Index),
            ("\"bytes\":1064", "\"bytes\":33554433", Fault::TooLarge),
            ("+07:00\",\"published_at\"", "\",\"published_at\"", Fault::Index),
        ] {
            let changed = INDEX.replace(from, to);
            assert_ne!(changed, INDEX, "{from}");
            assert_eq!(read(&changed), Err(fault), "{from}");
        }
    }
}
