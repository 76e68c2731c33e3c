//! Look-up of one person in the register of the whole province.

use axum::http::StatusCode;
use chrono::TimeDelta;
use provincial::{Fault, Person, Province, feed, wire};
use serde_json::{Value, json};

use crate::{
    answer::{ask, at, enrol, value},
    station::{STATION, Served, refusal, small_province},
};

fn wanted(card: Option<&str>, insurance: Option<&str>, personal: Option<&str>) -> String {
    json!({"format": 1, "station": STATION, "card_number": card, "insurance_number": insurance, "personal_id": personal}).to_string()
}

async fn found(province: &Province, body: String) -> Value {
    let answer = ask(province, Some(STATION), "POST", "/v1/lookup", body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    value(&answer)
}

/// The row of a person, nothing left to defaults.
fn whole(person: &Person) -> Value {
    let row = serde_json::to_value(feed::full_row(person, &wire::Defaults::default())).unwrap();
    assert!(["facility", "valid_from", "valid_until"].iter().all(|key| row.get(key).is_some()), "{row}");
    row
}

#[tokio::test]
async fn a_person_of_any_station_is_found_by_each_number() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    province.set_clock(Some(at("2026-11-23T08:00:00.750+07:00")));
    let here = province.people(STATION).unwrap();
    let elsewhere = province.people("99002").unwrap();
    let endless = here.iter().find(|person| person.valid_until.is_none()).unwrap();
    for person in [&elsewhere[7], &here[3], endless] {
        let answer = found(&province, wanted(None, None, Some(&person.id))).await;
        assert_eq!(answer, json!({"as_of": "2026-11-23T08:00:00+07:00", "row": whole(person)}));
        assert_eq!(found(&province, wanted(None, Some(person.insurance_number()), None)).await["row"], whole(person));
        assert_eq!(found(&province, wanted(Some(&person.card), None, None)).await["row"], whole(person));
        let card_before = format!("GD4{}{}", &person.card[3..5], person.insurance_number());
        assert_eq!(found(&province, wanted(Some(&card_before), None, None)).await["row"], whole(person), "the person, not the card");
        let both = wanted(Some(&here[0].card), Some(here[1].insurance_number()), Some(&person.id));
        assert_eq!(found(&province, both).await["row"], whole(person), "the personal id counts most");
        assert_eq!(found(&province, wanted(None, None, Some(&person.id[1..]))).await["row"], Value::Null, "no parts of numbers");
    }
    assert_eq!(found(&province, wanted(Some("GD4019999999999"), Some("9999999999"), Some("099999999999"))).await["row"], Value::Null);
}

#[tokio::test]
async fn who_may_look_up_and_how() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let other = served.enrol("99002").await;
    let url = format!("{}/v1/lookup", served.base);
    let nobody = station.client.post(&url).body(wanted(None, None, None)).send().await.unwrap();
    assert_eq!(refusal(nobody).await, (400, "malformed".to_owned()));
    let of_other = other.client.post(&url).body(wanted(None, None, Some("1"))).send().await.unwrap();
    assert_eq!(refusal(of_other).await, (403, "other_station".to_owned()));
    let stranger = served.stranger().post(&url).body(wanted(None, None, Some("1"))).send().await.unwrap();
    assert_eq!(refusal(stranger).await, (401, "no_certificate".to_owned()));
    served.province.faults().set(Fault::LookupSlow(60_000));
    let slow = station.client.post(&url).timeout(std::time::Duration::from_millis(300)).body(wanted(None, None, Some("1"))).send().await;
    assert!(slow.unwrap_err().is_timeout());
    served.stop().await;
}

#[tokio::test]
async fn sixty_look_ups_a_minute_are_enough() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    let start = at("2026-11-23T08:00:00+07:00");
    for second in 0..60 {
        province.set_clock(Some(start + TimeDelta::milliseconds(500 * second)));
        found(&province, wanted(None, None, Some("1"))).await;
    }
    let refused = ask(&province, Some(STATION), "POST", "/v1/lookup", wanted(None, None, Some("1"))).await;
    assert_eq!((refused.status(), refused.headers()["retry-after"].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "31"));
    assert_eq!(value(&refused)["error"]["code"], "too_many_lookups");
    enrol(&province, "99002").await;
    let other = wanted(None, None, Some("1")).replace(STATION, "99002");
    assert_eq!(ask(&province, Some("99002"), "POST", "/v1/lookup", other).await.status(), StatusCode::OK, "each station by itself");
    province.set_clock(Some(start + TimeDelta::seconds(60)));
    found(&province, wanted(None, None, Some("1"))).await;
    // A clock that is set back must not lock a station out.
    province.set_clock(Some(start - TimeDelta::days(1)));
    found(&province, wanted(None, None, Some("1"))).await;
}
