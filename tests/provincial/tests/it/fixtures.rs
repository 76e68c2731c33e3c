//! Every example of the README parses into this server's types and comes back the same.

use std::{collections::BTreeMap, fs, path::PathBuf};

use provincial::{
    feed,
    wire::{
        ContactAnswer, ContactRequest, Defaults, DeltaLine, EnrolAnswer, EnrolRequest, ErrorBody, FeedHeader, FeedKind, Index,
        KeySuccessor, LookupAnswer, LookupRequest, RechecksAnswer, RechecksRequest, RenewAnswer, RenewRequest, Row, StickReceipts, Visit,
        VisitsAnswer, VisitsRequest,
    },
};
use rcgen::CertificateSigningRequestParams;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::naive;

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire").join(name);
    fs::read_to_string(path).unwrap()
}

/// Parses, writes again, compares as values.
fn round_trip<T: Serialize + DeserializeOwned>(name: &str) -> T {
    let text = fixture(name);
    let parsed: T = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&parsed).unwrap(), serde_json::from_str::<Value>(&text).unwrap(), "{name}");
    parsed
}

#[test]
fn the_index_comes_back_byte_for_byte_and_its_signature_is_good() {
    let text = fixture("index.json");
    let index: Index = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&index).unwrap(), text);
    let answer: EnrolAnswer = round_trip("enrol-answer.json");
    let key = minisign_verify::PublicKey::from_base64(&answer.index_public_key).unwrap();
    let signature = minisign_verify::Signature::decode(&fixture("index.json.minisig")).unwrap();
    key.verify(text.as_bytes(), &signature, false).unwrap();
    assert!(key.verify(&text.as_bytes()[1..], &signature, false).is_err());
}

#[test]
fn a_key_names_the_one_that_follows_it() {
    let statement: KeySuccessor = round_trip("key-successor.json");
    let before = minisign_verify::PublicKey::from_base64(fixture("key-before.pub").trim()).unwrap();
    let signature = minisign_verify::Signature::decode(&fixture("key-successor.json.minisig")).unwrap();
    before.verify(fixture("key-successor.json").as_bytes(), &signature, false).unwrap();
    minisign_verify::PublicKey::from_base64(&statement.index_public_key).unwrap();
}

#[test]
fn receipts_on_a_stick_come_back() {
    let message: StickReceipts = round_trip("stick-receipts.json");
    assert_eq!(message.receipts.iter().map(|receipt| receipt.outcome.word()).collect::<Vec<_>>(), ["accepted", "conflict", "rejected"]);
}

#[test]
fn enrolment_and_errors_come_back() {
    let request: EnrolRequest = round_trip("enrol-request.json");
    CertificateSigningRequestParams::from_pem(&request.csr_pem).unwrap();
    request.feed_recipient.parse::<age::x25519::Recipient>().unwrap();
    let error: ErrorBody = round_trip("error.json");
    assert_eq!(error.error.code, "wrong_code");
}

#[test]
fn visits_and_receipts_come_back() {
    for name in ["visits-request.json", "visits-request-voided.json", "visits-request-attended.json"] {
        let batch: VisitsRequest = round_trip(name);
        for raw in &batch.visits {
            let visit: Visit = serde_json::from_str(raw.get()).unwrap();
            assert_eq!(serde_json::to_value(&visit).unwrap(), serde_json::from_str::<Value>(raw.get()).unwrap());
        }
    }
    let answer: VisitsAnswer = round_trip("visits-answer.json");
    let words: Vec<&str> = answer.receipts.iter().map(|receipt| receipt.outcome.word()).collect();
    assert_eq!(words, ["accepted", "duplicate", "conflict", "rejected", "retry"]);
}

#[test]
fn contact_look_up_and_rechecks_come_back() {
    let first: ContactRequest = round_trip("contact-request-first.json");
    let second: ContactRequest = round_trip("contact-request.json");
    assert_eq!(second.previous, Some(first.next));
    assert!(serde_json::to_string(&second).unwrap().len() <= 700, "a contact is small");
    assert!(round_trip::<ContactAnswer>("contact-answer.json").ahead.is_none());
    assert!(round_trip::<ContactAnswer>("contact-answer-ahead.json").ahead.is_some());
    round_trip::<LookupRequest>("lookup-request.json");
    assert!(round_trip::<LookupAnswer>("lookup-answer-none.json").row.is_none());
    let row = round_trip::<LookupAnswer>("lookup-answer.json").row.unwrap();
    let person = feed::person_of(row.clone(), &Defaults::default()).unwrap();
    assert_eq!(feed::full_row(&person, &Defaults::default()), row, "nothing is left to defaults");
    let rechecks: RechecksRequest = round_trip("rechecks-request.json");
    let answer: RechecksAnswer = round_trip("rechecks-answer.json");
    assert_eq!(rechecks.rechecks.len() as u64, answer.received);
}

#[test]
fn renewal_comes_back_and_keeps_the_key() {
    let request: RenewRequest = round_trip("renew-request.json");
    let enrolled: EnrolAnswer = round_trip("enrol-answer.json");
    let renewed: RenewAnswer = round_trip("renew-answer.json");
    let key = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        pem.parse_x509().unwrap().public_key().raw.to_vec()
    };
    assert_eq!(key(&renewed.certificate_pem), key(&enrolled.certificate_pem));
    CertificateSigningRequestParams::from_pem(&request.csr_pem).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(renewed.certificate_pem.as_bytes()).unwrap();
    let names = pem.parse_x509().unwrap().subject_alternative_name().unwrap().unwrap().value.general_names.clone();
    let install = format!("urn:uuid:{}", request.install);
    assert!(matches!(names[..], [x509_parser::extensions::GeneralName::URI(uri)] if uri == install), "{names:?}");
}

/// Parses a feed file of the given kind of line and checks that it comes back byte for byte.
fn lines<T: Serialize + DeserializeOwned>(name: &str) -> (FeedHeader, Vec<T>) {
    let text = fixture(name);
    let (header, rest) = text.split_once('\n').unwrap();
    let header: FeedHeader = serde_json::from_str(header).unwrap();
    let lines: Vec<T> = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(header.rows, lines.len() as u64);
    assert_eq!(String::from_utf8(feed::text(&header, &lines).unwrap()).unwrap(), text, "{name}");
    (header, lines)
}

fn snapshot() -> (feed::State, Defaults) {
    let (header, rows): (_, Vec<Row>) = lines("snapshot.jsonl");
    assert_eq!(header.kind, FeedKind::Snapshot);
    let people = rows.into_iter().map(|row| feed::person_of(row, &header.defaults).unwrap());
    (people.map(|person| (person.id.clone(), person)).collect(), header.defaults)
}

fn after_delta() -> feed::State {
    let (mut state, _) = snapshot();
    let (header, changes): (_, Vec<DeltaLine>) = lines("delta.jsonl");
    assert_eq!((header.kind, header.from), (FeedKind::Delta, Some(header.serial - 1)));
    for line in changes {
        match line {
            DeltaLine::New { new } => {
                let person = feed::person_of(*new, &header.defaults).unwrap();
                assert!(state.insert(person.id.clone(), person).is_none());
            }
            DeltaLine::Gone { gone } => assert!(state.remove(&gone).is_some()),
            DeltaLine::Changed(change) => {
                let person = feed::changed(&state[&change.id], *change).unwrap();
                state.insert(person.id.clone(), person);
            }
        }
    }
    state
}

#[test]
fn every_row_of_the_snapshot_leaves_out_what_it_may() {
    let (state, defaults) = snapshot();
    let (_, rows): (_, Vec<Row>) = lines("snapshot.jsonl");
    let again: Vec<Row> = state.values().map(|person| feed::full_row(person, &defaults)).collect();
    assert_eq!(again, rows);
    let keys: std::collections::BTreeSet<String> =
        rows.iter().flat_map(|row| serde_json::to_value(row).unwrap().as_object().unwrap().keys().cloned().collect::<Vec<_>>()).collect();
    assert_eq!(keys.len(), 15, "every key of the README occurs: {keys:?}");
}

#[test]
fn the_delta_is_the_difference_of_the_two_states() {
    let (before, after) = (snapshot().0, after_delta());
    let (header, changes): (_, Vec<DeltaLine>) = lines("delta.jsonl");
    let differs = |line: &DeltaLine| match line {
        DeltaLine::Changed(change) => {
            let again = feed::change(&before[&change.id], &after[&change.id]);
            assert_eq!(again.as_ref(), Some(change.as_ref()));
        }
        DeltaLine::New { new } => assert_eq!(&feed::full_row(&after[&new.id], &header.defaults), new.as_ref()),
        DeltaLine::Gone { gone } => assert!(!after.contains_key(gone)),
    };
    changes.iter().for_each(differs);
    let ids = |lines: &[DeltaLine]| lines.iter().map(|line| line.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&feed::difference(&before, &after).0), ids(&changes));
}

#[test]
fn the_canonical_text_and_its_digest_are_those_of_both_states() {
    let mut texts: BTreeMap<usize, (String, String)> = BTreeMap::new();
    let mut text = String::new();
    for line in fixture("state.txt").lines() {
        if let Some(digest) = line.strip_prefix("# sha256 ") {
            texts.insert(texts.len(), (std::mem::take(&mut text), digest.to_owned()));
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    let mut naively = naive::State::new();
    for (number, (state, file)) in [(snapshot().0, "snapshot.jsonl"), (after_delta(), "delta.jsonl")].iter().enumerate() {
        let (text, digest) = &texts[&number];
        assert_eq!(&state.values().map(feed::state_record).collect::<String>(), text, "{file}");
        assert_eq!(&feed::state_sha256(state), digest, "{file}");
        naive::apply(&mut naively, &fixture(file));
        assert_eq!(&naive::digest(&naively), digest, "{file}");
    }
    let index: Index = serde_json::from_str(&fixture("index.json")).unwrap();
    assert_eq!(index.state_sha256, texts[&1].1);
}
