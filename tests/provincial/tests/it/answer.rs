//! The same routes without a connection, at an instant of the test's choosing.

use axum::{
    body::Bytes,
    http::{Request as Ask, Response, StatusCode},
};
use chrono::{DateTime, FixedOffset};
use provincial::{BreakConnection, Fault, Province};
use serde_json::{Value, json};

use crate::station::{INSTALL, Request, STATION, small_province, visit};

pub(crate) fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

pub(crate) async fn ask(province: &Province, station: Option<&str>, method: &str, path: &str, body: String) -> Response<Bytes> {
    province.answer(station, Ask::builder().method(method).uri(path).body(Bytes::from(body)).unwrap()).await
}

pub(crate) fn value(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

pub(crate) async fn enrol(province: &Province, station: &str) -> Request {
    let request = Request::new(station, &province.enrolment_code(station).unwrap());
    assert_eq!(ask(province, None, "POST", "/v1/enrol", request.body()).await.status(), StatusCode::OK);
    request
}

pub(crate) fn batch(number: u32) -> String {
    json!({"format": 1, "station": STATION, "install": INSTALL, "visits": [visit(number)]}).to_string()
}

#[tokio::test]
async fn without_a_connection_the_same_routes_answer_the_same_stations() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    let index = "/v1/feed/99001/index.json";
    let stranger = ask(&province, Some(STATION), "GET", index, String::new()).await;
    assert_eq!((stranger.status(), value(&stranger)["error"]["code"].clone()), (StatusCode::FORBIDDEN, json!("revoked_certificate")));
    enrol(&province, STATION).await;
    assert_eq!(ask(&province, None, "GET", index, String::new()).await.status(), StatusCode::UNAUTHORIZED);
    let other = ask(&province, Some(STATION), "GET", "/v1/feed/99002/index.json", String::new()).await;
    assert_eq!(value(&other)["error"]["code"], "other_station");
    assert_eq!(value(&ask(&province, Some(STATION), "GET", index, String::new()).await)["serial"], 1);
    let answer = ask(&province, Some(STATION), "POST", "/v1/visits", batch(1)).await;
    assert_eq!(value(&answer)["receipts"][0]["outcome"], "accepted");
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    province.faults().set(Fault::IntakeDropsAfterCommit(1));
    let answer = ask(&province, Some(STATION), "POST", "/v1/visits", batch(1)).await;
    assert!(answer.extensions().get::<BreakConnection>().is_some());
    assert_eq!(province.visits().unwrap().len(), 1);
    province.faults().clear();
    let index = value(&ask(&province, Some(STATION), "GET", "/v1/feed/99001/index.json", String::new()).await);
    let path = format!("/v1/feed/99001/{}.jsonl.zst.age", index["snapshot"]["sha256"].as_str().unwrap());
    let whole = ask(&province, Some(STATION), "GET", &path, String::new()).await;
    assert!(whole.extensions().get::<BreakConnection>().is_none());
    province.faults().set(Fault::FeedBreaksOff);
    let part = ask(&province, Some(STATION), "GET", &path, String::new()).await;
    assert!(part.extensions().get::<BreakConnection>().is_some());
    assert!(!part.body().is_empty() && part.body().len() < whole.body().len());
}

#[tokio::test]
async fn the_province_lives_at_the_instant_a_test_sets() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    province.set_clock(Some(at("2031-02-03T04:05:06+07:00")));
    enrol(&province, STATION).await;
    let index = value(&ask(&province, Some(STATION), "GET", "/v1/feed/99001/index.json", String::new()).await);
    assert_eq!(index["published_at"], "2031-02-03T04:05:06+07:00");
    province.set_clock(Some(at("2031-02-03T00:00:00+00:00")));
    let answer = ask(&province, Some(STATION), "POST", "/v1/visits", batch(1)).await;
    assert_eq!(value(&answer)["receipts"][0]["received_at"], "2031-02-03T07:00:00+07:00");
    province.set_clock(None);
    assert!((provincial::now() - province.now()).abs() < chrono::TimeDelta::hours(1));
}
