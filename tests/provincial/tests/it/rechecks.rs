//! Rechecks: kept once, whole messages only.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    answer::{ask, enrol, value},
    station::{STATION, small_province},
};

const PATH: &str = "/v1/rechecks";

fn message() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/wire/rechecks-request.json")).unwrap()
}

#[tokio::test]
async fn a_recheck_is_kept_once_for_each_state_of_the_roster() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    for _ in 0..2 {
        let answer = ask(&province, Some(STATION), "POST", PATH, message().to_string()).await;
        assert_eq!(value(&answer), json!({"received": 2}));
        assert_eq!(province.rechecks().unwrap().len(), 2);
    }
    let kept = province.rechecks().unwrap();
    assert_eq!(serde_json::to_value(&kept[0].recheck).unwrap(), message()["rechecks"][0]);
    let mut later = message();
    later["rechecks"][0]["now"]["serial"] = json!(10);
    later["rechecks"][1]["found_at"] = json!("2026-11-24T20:04:11+07:00");
    ask(&province, Some(STATION), "POST", PATH, later.to_string()).await;
    let kept = province.rechecks().unwrap();
    assert_eq!(kept.len(), 3, "another state is another recheck, another hour is not");
    assert_eq!(serde_json::to_value(&kept[1].recheck).unwrap(), message()["rechecks"][1]);
    assert!(province.visits().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_of_rechecks_is_taken_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    enrol(&province, "99002").await;
    let mut wrong = message();
    wrong["rechecks"][1]["now"]["standing"] = json!("fine");
    let mut many = message();
    many["rechecks"] = Value::Array(vec![message()["rechecks"][0].clone(); 101]);
    let cases = [
        (Some(STATION), wrong, StatusCode::BAD_REQUEST, "malformed"),
        (Some(STATION), many, StatusCode::PAYLOAD_TOO_LARGE, "too_many_rechecks"),
        (Some("99002"), message(), StatusCode::FORBIDDEN, "other_station"),
        (None, message(), StatusCode::UNAUTHORIZED, "no_certificate"),
    ];
    for (station, body, status, code) in cases {
        let answer = ask(&province, station, "POST", PATH, body.to_string()).await;
        assert_eq!((answer.status(), &value(&answer)["error"]["code"]), (status, &json!(code)));
    }
    assert!(province.rechecks().unwrap().is_empty());
}
