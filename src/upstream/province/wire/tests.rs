//! The messages against the fixtures that the reference server is tested with.

use core::time::Duration;

use serde_json::Value;

use super::*;
use crate::domain::access::Head;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::CareType;
use crate::domain::card::CardNumber;
use crate::domain::card::InsuranceNumber;
use crate::domain::clock::Reading;
use crate::domain::contact::Ahead;
use crate::domain::contact::ChainLinks;
use crate::domain::contact::Greeting;
use crate::domain::contact::Hello;
use crate::domain::contact::Machine;
use crate::domain::person::BirthDate;
use crate::domain::person::CitizenId;
use crate::domain::person::PersonName;
use crate::domain::person::Sex;
use crate::domain::recheck::Recheck;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::SignerId;
use crate::domain::roster::Wanted;
use crate::domain::scan::Source;
use crate::domain::slip;
use crate::domain::slip::SlipCode;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::OperatorName;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::upstream::Fault;

const REQUEST: &str = include_str!("../../../../tests/fixtures/wire/visits-request.json");
const ANSWER: &str = include_str!("../../../../tests/fixtures/wire/visits-answer.json");
const INDEX: &str = include_str!("../../../../tests/fixtures/wire/index.json");
const ERROR: &str = include_str!("../../../../tests/fixtures/wire/error.json");
const ENROL_REQUEST: &str = include_str!("../../../../tests/fixtures/wire/enrol-request.json");
const ENROL_ANSWER: &str = include_str!("../../../../tests/fixtures/wire/enrol-answer.json");
const VOIDED: &str = include_str!("../../../../tests/fixtures/wire/visits-request-voided.json");
const ATTENDED: &str = include_str!("../../../../tests/fixtures/wire/visits-request-attended.json");
const SLIP_CODES: &str = include_str!("../../../../tests/fixtures/wire/slip-codes.json");
const CONTACT: &str = include_str!("../../../../tests/fixtures/wire/contact-request.json");
const FIRST_CONTACT: &str = include_str!("../../../../tests/fixtures/wire/contact-request-first.json");
const GREETING: &str = include_str!("../../../../tests/fixtures/wire/contact-answer.json");
/// The ends of access logs in the examples.
const LOG: &str = "217:5f0c7a8b1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3";
const LATER_LOG: &str = "340:c4b5a69788796a5b4c3d2e1f00f1e2d35f0c7a8b1e2d3c4b5a69788796a5b4c3";
const GREETING_AHEAD: &str = include_str!("../../../../tests/fixtures/wire/contact-answer-ahead.json");
const LOOKUP: &str = include_str!("../../../../tests/fixtures/wire/lookup-request.json");
const ANSWERED: &str = include_str!("../../../../tests/fixtures/wire/lookup-answer.json");
const NOBODY: &str = include_str!("../../../../tests/fixtures/wire/lookup-answer-none.json");
const RECHECKS: &str = include_str!("../../../../tests/fixtures/wire/rechecks-request.json");
const RECHECKS_ANSWER: &str = include_str!("../../../../tests/fixtures/wire/rechecks-answer.json");
const RENEWAL: &str = include_str!("../../../../tests/fixtures/wire/renew-request.json");
const RENEWED: &str = include_str!("../../../../tests/fixtures/wire/renew-answer.json");
pub(in crate::upstream::province) const INSTALL: &str = "0b6f0c3a-52f1-4d0e-9a77-665544332211";

pub(in crate::upstream::province) fn visits() -> [Visit; 2] {
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
        proof: None,
        queue_number: None,
        note: None,
        voided: None,
        verdict: ShownVerdict {
            standing: "valid".into(),
            identity_match: "match".into(),
            knowledge: "cached".into(),
            freshness: "fresh".into(),
            basis: Some((session, Serial(8))),
            as_of: Some(instant("2026-11-22T20:00:00+07:00")),
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
            as_of: None,
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
    assert_eq!(read_refusal(ERROR.as_bytes()).as_deref(), Some("wrong_code"));
}

#[test]
fn an_index_that_breaks_the_protocol_is_refused() {
    let read = |text: &str| read_index(text.as_bytes(), "99001", SignerId("key".into())).map(|index| index.serial);
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

fn install() -> Uuid {
    Uuid::parse_str(INSTALL).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_voided_visit_is_written_as_the_example_and_others_without_the_word() {
    let [first, second] = visits();
    let voided = Visit {
        sequence: Sequence(43),
        content: NewVisit { revision: Revision(2), voided: Some("chọn nhầm người".into()), ..first.content },
    };
    let third = Visit {
        sequence: Sequence(44),
        content: NewVisit {
            id: VisitId(Uuid::parse_str("019aaa10-0000-7000-8000-000000000003").unwrap()),
            revision: Revision(1),
            arrived_at: "2026-11-23T07:45:00+07:00".parse().unwrap(),
            clock: ClockStamp { state: ClockState::Learned, boot_ms: 2_700_000, ..second.content.clock.clone() },
            ..second.content
        },
    };
    let visits = [voided, third];
    let written = serde_json::to_value(VisitsRequest::new("99001", install(), &visits)).unwrap();
    assert_eq!(written, json(VOIDED));
}

#[test]
fn what_was_shown_and_called_is_written_as_the_example() {
    let [mut first, mut second] = visits();
    first.content.attendance_category = AttendanceCategory::parse("2").unwrap();
    first.content.verdict.rate = BenefitRate::percent(80).ok();
    (first.content.proof, first.content.queue_number) = (Some(Proof::CitizenId), QueueNumber::new(17).ok());
    second.content.care_type = CareType::parse("12").unwrap();
    second.content.proof = Some(Proof::Later);
    let visits = [first, second];
    let written = serde_json::to_value(VisitsRequest::new("99001", install(), &visits)).unwrap();
    assert_eq!(written, json(ATTENDED));
}

#[test]
fn the_codes_on_paper_are_those_of_the_examples() {
    let examples = json(SLIP_CODES);
    let examples = examples.as_array().unwrap();
    assert!(examples.len() >= 6);
    for example in examples {
        let visit = content_of(&example["visit"]);
        assert_eq!(slip::text(&visit), example["text"]);
        assert_eq!(SlipCode::of(&visit).to_string(), example["code"]);
    }
}

/// What an example says, as far as the code is made of it.
fn content_of(example: &Value) -> NewVisit {
    let [first, _] = visits();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let uuid = |value: &Value| text(value).map(|text| Uuid::parse_str(&text).unwrap());
    let instant = |value: &Value| text(value).map(|text| text.parse::<DateTime<Utc>>().unwrap());
    let verdict = &example["verdict"];
    NewVisit {
        id: VisitId(uuid(&example["id"]).unwrap()),
        revision: Revision(example["revision"].as_u64().unwrap().try_into().unwrap()),
        arrived_at: instant(&example["arrived_at"]).unwrap(),
        person: VisitPerson {
            card_number: text(&example["card_number"]).map(|text| CardNumber::parse(&text).unwrap()),
            insurance_number: text(&example["insurance_number"]).map(|text| InsuranceNumber::parse(&text).unwrap()),
            personal_id: text(&example["personal_id"]).map(|text| CitizenId::parse(&text).unwrap()),
            ..first.content.person.clone()
        },
        verdict: ShownVerdict {
            standing: text(&verdict["standing"]).unwrap().into(),
            as_of: instant(&verdict["as_of"]),
            basis: uuid(&verdict["session"]).zip(verdict["serial"].as_u64()).map(|(session, serial)| (SessionId(session), Serial(serial))),
            rate: verdict["rate_percent"].as_u64().map(|rate| BenefitRate::percent(rate.try_into().unwrap()).unwrap()),
            ..first.content.verdict.clone()
        },
        ..first.content
    }
}

#[test]
fn a_contact_is_written_as_the_examples() {
    let link = |text: &str| Uuid::parse_str(text).unwrap();
    let reading = |wall: &str, millis| Reading {
        wall: wall.parse().unwrap(),
        since_boot: Duration::from_millis(millis),
        boot_id: "3c9a1f04-7d2e-4b1c-a0aa-0f1e2d3c4b5a".into(),
    };
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let first = Hello {
        install: install(),
        links: ChainLinks { previous: None, next: link("5d2a7c10-3b4f-4e21-9c6d-0a1b2c3d4e5f") },
        highest: Sequence(0),
        pending: 0,
        parked: 0,
        roster: None,
        reading: reading("2015-01-01T00:01:01+07:00", 61_000),
        clock: ClockState::Behind,
        log: None,
    };
    let later = Hello {
        links: ChainLinks { previous: Some(first.links.next), next: link("c1e0b7a4-6f58-4d39-8a27-1f2e3d4c5b6a") },
        highest: Sequence(42),
        pending: 2,
        parked: 1,
        roster: Some(PullCursor {
            session: SessionId(link("7f6c1d2e-0b1a-4c3d-8e5f-001122334455")),
            serial: Serial(8),
            state: Sha256Digest([0; 32]),
            as_of: instant("2026-11-22T20:00:00+07:00"),
            published_at: instant("2026-11-22T20:00:04+07:00"),
            signed_by: None,
            fetched_at: instant("2026-11-22T20:01:00+07:00"),
        }),
        reading: reading("2026-11-23T07:40:01.250+07:00", 2_401_500),
        clock: ClockState::Plausible,
        log: Head::parse(LOG),
        ..first.clone()
    };
    for (hello, example) in [(&first, FIRST_CONTACT), (&later, CONTACT)] {
        let mut example = json(example);
        example["version"] = env!("CARGO_PKG_VERSION").into();
        assert_eq!(serde_json::to_value(ContactRequest::new("99001", hello)).unwrap(), example);
    }
}

#[test]
fn a_greeting_is_read_as_the_examples() {
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let known = Greeting {
        at: instant("2026-11-23T07:40:02.125+07:00"),
        ledger: Uuid::parse_str("e7b1d3f5-2a4c-4e6f-8a9b-0c1d2e3f4a5b").unwrap(),
        complete_to: instant("2026-11-01T09:00:00.500+07:00"),
        machine: Machine::Known,
        ahead: None,
        log: Head::parse(LOG),
        wipe: None,
    };
    let ahead = Ahead {
        highest: Sequence(61),
        visits: 19,
        first_received_at: instant("2026-11-23T07:41:10.500+07:00"),
        last_received_at: instant("2026-11-23T11:02:45+07:00"),
    };
    assert_eq!(read_greeting(GREETING.as_bytes()), Ok(known.clone()));
    assert_eq!(
        read_greeting(GREETING_AHEAD.as_bytes()),
        Ok(Greeting { machine: Machine::FellBack, ahead: Some(ahead), log: Head::parse(LATER_LOG), ..known })
    );
    for (from, to) in [
        ("\"fell_back\"", "\"perhaps\""),
        ("\"highest\": 61", "\"highest\": 18446744073709551615"),
        ("\"highest\": 61", "\"highest\": 0"),
        ("+07:00\",\n  \"ledger\"", "\",\n  \"ledger\""),
        ("e7b1d3f5", "e7b1d3fx"),
        ("\"lines\": 340", "\"lines\": 0"),
        ("c4b5a697", "C4B5A697"),
    ] {
        let changed = GREETING_AHEAD.replace(from, to);
        assert_ne!(changed, GREETING_AHEAD, "{from}");
        assert_eq!(read_greeting(changed.as_bytes()), Err(Fault::Answer), "{from}");
    }
}

#[test]
fn a_look_up_is_written_and_read_as_the_examples() {
    let wanted = Wanted {
        card_number: None,
        insurance_number: InsuranceNumber::parse("0100000003").ok(),
        personal_id: CitizenId::parse("001085000003").ok(),
    };
    assert_eq!(serde_json::to_value(LookupRequest::new("99001", &wanted)).unwrap(), json(LOOKUP));
    let answered = read_answered(ANSWERED.as_bytes(), &wanted).unwrap();
    assert_eq!(answered.as_of, "2026-11-23T07:40:02+07:00".parse::<DateTime<Utc>>().unwrap());
    let row = answered.row.unwrap();
    let record = row.to_record().unwrap();
    assert_eq!((record.card_number.as_str(), record.birth_date.to_iso().as_str()), ("GD4010100000003", "1985-07"));
    assert_eq!((record.registered_facility.as_str(), record.validity.valid_until), ("99002", None));
    assert_eq!(read_answered(NOBODY.as_bytes(), &wanted).unwrap().row, None);
    assert_eq!(read_answered(b"{\"row\":null}", &wanted), Err(Fault::Answer));
}

#[test]
fn the_answer_to_another_question_is_none() {
    let nobody = Wanted { card_number: None, insurance_number: None, personal_id: None };
    let by_card = |number: &str| Wanted { card_number: CardNumber::parse(number).ok(), ..nobody.clone() };
    let by_insurance = |number: &str| Wanted { insurance_number: InsuranceNumber::parse(number).ok(), ..nobody.clone() };
    let by_id = |number: &str| Wanted { personal_id: CitizenId::parse(number).ok(), ..nobody.clone() };
    for (wanted, is_about) in [
        (by_card("GD4010100000003"), true),
        (by_card("DN4010100000003"), true),
        (by_insurance("0100000003"), true),
        (by_id("001085000003"), true),
        (by_card("GD4010100000001"), false),
        (by_insurance("0100000001"), false),
        (by_id("001185000001"), false),
        (nobody, false),
    ] {
        assert_eq!(read_answered(ANSWERED.as_bytes(), &wanted).is_ok(), is_about, "{wanted:?}");
    }
}

#[test]
fn rechecks_are_written_as_the_example() {
    let session = SessionId(Uuid::parse_str("7f6c1d2e-0b1a-4c3d-8e5f-001122334455").unwrap());
    let found_at: DateTime<Utc> = "2026-11-23T20:04:11+07:00".parse().unwrap();
    let later = Some((session, Serial(9)));
    let as_of = Some("2026-11-23T20:00:00+07:00".parse().unwrap());
    let [first, second] = visits();
    let recheck = |visit: Visit, now: ShownVerdict| Recheck {
        id: visit.content.id,
        revision: visit.content.revision,
        sequence: visit.sequence,
        arrived_at: visit.content.arrived_at,
        shown: visit.content.verdict,
        now,
        found_at,
    };
    let superseded = ShownVerdict {
        standing: "superseded".into(),
        basis: later,
        as_of,
        rate: BenefitRate::percent(80).ok(),
        ..first.content.verdict.clone()
    };
    let valid = ShownVerdict {
        standing: "valid".into(),
        identity_match: "not_checked".into(),
        basis: later,
        as_of,
        rate: None,
        ..first.content.verdict.clone()
    };
    let rechecks = [recheck(first, superseded), recheck(second, valid)];
    assert_eq!(serde_json::to_value(RechecksRequest::new("99001", install(), &rechecks)).unwrap(), json(RECHECKS));
    assert!(is_message(RECHECKS_ANSWER.as_bytes(), "received"));
}

#[test]
fn a_renewal_is_written_and_read_as_the_examples() {
    let example = json(RENEWAL);
    let csr_pem = example["csr_pem"].as_str().unwrap();
    let request = RenewRequest { format: FORMAT, station: "99001", install: install(), csr_pem };
    assert_eq!(serde_json::to_value(request).unwrap(), example);
    let answer: RenewAnswer = serde_json::from_str(RENEWED).unwrap();
    assert!(answer.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn a_message_is_an_object_with_its_key() {
    assert!(is_message(ANSWER.as_bytes(), "receipts") && is_message(INDEX.as_bytes(), "format"));
    for other in [&b""[..], b"<html>", b"[]", b"null", b"{\"login\":\"http://10.0.0.1/\"}", b"{\"receipts\":[]} and more", b"\xff"] {
        assert!(!is_message(other, "receipts"), "{}", String::from_utf8_lossy(other));
    }
}
