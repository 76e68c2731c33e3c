//! The payload fixture: what readers send, and what must be read from it.
//!
//! Promise: every case of `fixtures/scan/payloads.json` gives exactly the object, or exactly the error, written there. The
//! contract object is built here by hand, so that a mistake in the command line's own conversion cannot hide one in the
//! reading. Never: data of a real person; all numbers and names are made up.

use bhyt_agent::domain::benefit::ResidenceArea;
use bhyt_agent::domain::card::CardNumber;
use bhyt_agent::domain::card::InsuranceNumber;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::person::BirthDate;
use bhyt_agent::domain::person::CitizenId;
use bhyt_agent::domain::person::PersonName;
use bhyt_agent::domain::person::Sex;
use bhyt_agent::domain::scan;
use bhyt_agent::domain::scan::Scan;
use serde_json::Value;
use serde_json::json;

const CASES: &str = include_str!("../fixtures/scan/payloads.json");

#[test]
fn every_payload_is_read_as_written() {
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("the fixture is a JSON array");
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    let mut names = std::collections::BTreeSet::new();
    let mut failures = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().expect("a case has a name");
        let payload = case["payload"].as_str().expect("a case has a payload");
        assert!(names.insert(name), "two cases are called {name:?}");
        assert_ne!(case["expect"].is_object(), case["error"].is_object(), "{name}: exactly one of expect and error");
        let (wanted, got) = match scan::read(payload) {
            Ok(scan) => (&case["expect"], contract(&scan)),
            Err(error) => (&case["error"], json!({ "field": error.field.key(), "code": error.problem.code() })),
        };
        if *wanted != got {
            let wanted = if wanted.is_null() { "the other outcome".to_owned() } else { wanted.to_string() };
            failures.push(format!("{name}\n    wanted {wanted}\n    got    {got}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn contract(scan: &Scan) -> Value {
    json!({
        "source": scan.source.code(),
        "card_number": scan.card_number.as_ref().map(CardNumber::as_str),
        "insurance_number": scan.insurance_number.as_ref().map(InsuranceNumber::as_str),
        "personal_id": scan.personal_id.as_ref().map(CitizenId::as_str),
        "name": scan.name.as_ref().map(PersonName::as_str),
        "birth_date": scan.birth_date.map(BirthDate::to_iso),
        "sex": scan.sex.map(Sex::code),
        "address": scan.address,
        "facility": scan.facility.as_ref().map(FacilityCode::as_str),
        "valid_from": scan.valid_from.map(|day| day.to_string()),
        "valid_until": scan.valid_until.map(|day| day.to_string()),
        "five_years_on": scan.five_years_on.map(|day| day.to_string()),
        "residence_area": scan.residence_area.map(ResidenceArea::code),
    })
}
