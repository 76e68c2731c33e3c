//! The visit intake: exactly once, each visit by itself, whatever breaks.

use provincial::Fault;
use serde_json::{Value, json};

use crate::station::{STATION, Served, refusal, visit};

fn outcomes(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_visit_sent_again_is_stored_once_and_gets_the_first_answer() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let first = station.receipts(&[visit(1), visit(2)]).await;
    assert_eq!(outcomes(&first), ["accepted", "accepted"]);
    let mut spoken_differently = visit(1);
    spoken_differently["a_key_of_the_future"] = json!(true);
    let second = station.receipts(&[spoken_differently, visit(2), visit(3), visit(3)]).await;
    assert_eq!(outcomes(&second), ["duplicate", "duplicate", "accepted", "duplicate"]);
    for number in 0..2 {
        assert_eq!(first[number]["reference"], second[number]["reference"]);
        assert_eq!(first[number]["received_at"], second[number]["received_at"]);
    }
    let stored = served.province.visits().unwrap();
    let seen: Vec<(u64, u32)> = stored.iter().map(|visit| (visit.sequence, visit.times_seen)).collect();
    assert_eq!(seen, [(1, 2), (2, 2), (3, 2)]);
    assert_eq!(stored[0].body, visit(1), "kept as sent");
    assert_eq!(stored[0].station, STATION);
    served.stop().await;
}

#[tokio::test]
async fn other_content_under_the_same_revision_is_a_conflict_and_a_new_revision_is_not() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    station.receipts(&[visit(1)]).await;
    let mut other = visit(1);
    other["note"] = json!("something else");
    let receipts = station.receipts(&[other.clone()]).await;
    assert_eq!(outcomes(&receipts), ["conflict"]);
    assert_eq!(receipts[0]["code"], "other_content");
    other["revision"] = json!(2);
    assert_eq!(outcomes(&station.receipts(&[other]).await), ["accepted"]);
    let stored = served.province.visits().unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].body, visit(1), "the first is kept");
    served.stop().await;
}

#[tokio::test]
async fn revisions_come_in_any_order_and_a_void_is_one_of_them() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let revision = |number: u32, sequence: u64| {
        let mut visit = visit(1);
        (visit["revision"], visit["sequence"]) = (json!(number), json!(sequence));
        visit
    };
    let mut voided = revision(3, 9);
    voided["voided"] = json!("ă".repeat(500));
    voided["clock"]["state"] = json!("learned");
    assert_eq!(outcomes(&station.receipts(&[voided.clone()]).await), ["accepted"], "without the revisions before it");
    assert_eq!(outcomes(&station.receipts(&[revision(2, 8), revision(1, 1), voided.clone()]).await), ["accepted", "accepted", "duplicate"]);
    let mut counts_again = voided.clone();
    counts_again.as_object_mut().unwrap().remove("voided");
    assert_eq!(outcomes(&station.receipts(&[counts_again]).await), ["conflict"], "a reason is content");
    let kept: Vec<u32> = served.province.visits().unwrap().iter().map(|visit| visit.revision).collect();
    assert_eq!(kept, [3, 2, 1], "all are kept");
    assert_eq!(served.province.visits().unwrap()[0].body, voided);
    served.stop().await;
}

#[tokio::test]
async fn one_bad_visit_changes_no_other_answer() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let wrong = |number: u32, key: &str, value: Value| {
        let mut visit = visit(number);
        visit[key] = value;
        visit
    };
    let mut nobody = visit(2);
    for key in ["card_number", "insurance_number", "personal_id"] {
        nobody[key] = Value::Null;
    }
    let mut without_number = nobody.clone();
    without_number["id"] = visit(11)["id"].clone();
    without_number["name"] = json!("Nguyễn Văn Bé Mới");
    nobody["name"] = Value::Null;
    let batch = [
        visit(1),
        nobody,
        wrong(3, "attendance_category", json!("1.99")),
        wrong(4, "verdict", json!({"standing": "fine"})),
        wrong(5, "arrived_at", json!("2026-11-23T07:31:05Z")),
        wrong(6, "birth_date", json!("1985-02-30")),
        wrong(7, "revision", json!(0)),
        wrong(9, "voided", json!("")),
        wrong(10, "voided", json!("ă".repeat(501))),
        visit(8),
        without_number,
    ];
    let receipts = station.receipts(&batch).await;
    let said: Vec<(&str, &str)> =
        receipts.iter().map(|receipt| (receipt["outcome"].as_str().unwrap(), receipt["code"].as_str().unwrap_or(""))).collect();
    let malformed = ("rejected", "malformed");
    assert_eq!(
        said,
        [
            ("accepted", ""),
            ("rejected", "no_identity"),
            ("rejected", "unknown_attendance_category"),
            malformed,
            malformed,
            malformed,
            malformed,
            malformed,
            malformed,
            ("accepted", ""),
            ("accepted", ""),
        ]
    );
    assert_eq!(served.province.visits().unwrap().len(), 3);
    served.stop().await;
}

#[tokio::test]
async fn a_batch_that_names_another_station_is_rejected_visit_by_visit() {
    let served = Served::new().await;
    let station = served.enrol("99002").await;
    let receipts = station.receipts(&[visit(1), visit(2)]).await;
    assert!(receipts.iter().all(|receipt| receipt["code"] == "wrong_station"), "{receipts:?}");
    assert!(served.province.visits().unwrap().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_answered_is_refused_whole() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let mut anonymous = visit(1);
    anonymous["id"] = json!("not a uuid");
    assert_eq!(refusal(station.send(&[visit(2), anonymous]).await.unwrap()).await, (400, "malformed".to_owned()));
    let many: Vec<Value> = (0..101).map(visit).collect();
    assert_eq!(refusal(station.send(&many).await.unwrap()).await, (413, "too_many_visits".to_owned()));
    let mut heavy = visit(1);
    heavy["note"] = json!("x".repeat(1 << 20));
    assert_eq!(refusal(station.send(&[heavy]).await.unwrap()).await, (413, "too_large".to_owned()));
    assert!(served.province.visits().unwrap().is_empty());
    assert_eq!(outcomes(&station.receipts(&many[..100]).await), vec!["accepted"; 100]);
    served.stop().await;
}

#[tokio::test]
async fn a_server_that_fails_after_storing_has_stored_once() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    served.province.faults().set(Fault::IntakeFailsAfterCommit(2));
    assert_eq!(outcomes(&station.receipts(&[visit(1)]).await), ["accepted"]);
    assert_eq!(refusal(station.send(&[visit(2)]).await.unwrap()).await, (500, "failed".to_owned()));
    assert_eq!(outcomes(&station.receipts(&[visit(2)]).await), ["duplicate"]);

    served.province.faults().clear();
    served.province.faults().set(Fault::IntakeDropsAfterCommit(1));
    assert!(station.send(&[visit(3)]).await.is_err(), "no answer at all");
    served.province.faults().clear();
    assert_eq!(outcomes(&station.receipts(&[visit(3)]).await), ["duplicate"]);
    assert_eq!(served.province.visits().unwrap().len(), 3);
    served.stop().await;
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back_and_stores_nothing() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    served.province.faults().set(Fault::IntakeBusy(7));
    let response = station.send(&[visit(1)]).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(refusal(response).await, (503, "busy".to_owned()));
    served.province.faults().clear();
    served.province.faults().set(Fault::RetryVisits(2));
    assert_eq!(outcomes(&station.receipts(&[visit(1), visit(2)]).await), ["accepted", "retry"]);
    served.province.faults().clear();
    served.province.faults().set(Fault::RejectVisits(2));
    assert_eq!(outcomes(&station.receipts(&[visit(3), visit(4)]).await), ["accepted", "rejected"]);
    served.province.faults().set(Fault::IntakeSmall(1));
    assert_eq!(refusal(station.send(&[visit(5), visit(6)]).await.unwrap()).await.0, 413);
    assert_eq!(served.province.visits().unwrap().len(), 2);
    served.stop().await;
}

#[tokio::test]
async fn an_arrival_tells_the_order_and_no_person() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let mut arrivals = served.province.arrivals();
    station.receipts(&[visit(41)]).await;
    let arrival = arrivals.recv().await.unwrap();
    assert_eq!((arrival.station.as_str(), arrival.sequence, arrival.outcome), (STATION, Some(41), "accepted"));
    assert_eq!(arrival.reference.as_deref(), Some("99-00000001"));
    assert!(!format!("{arrival:?}").contains("0100000001"), "no insurance number");
    served.stop().await;
}

#[tokio::test]
async fn a_packed_batch_is_unpacked_within_bounds_and_another_packing_is_named() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let url = format!("{}/v1/visits", served.base);
    let batch = json!({"format": 1, "station": STATION, "install": uuid::Uuid::nil(), "visits": [visit(1), visit(2)]}).to_string();
    let packed = zstd::bulk::compress(batch.as_bytes(), 3).unwrap();
    let send = |encoding: &'static str, body: Vec<u8>| {
        let request = station.client.post(&url).header("content-type", "application/json").header("content-encoding", encoding);
        request.body(body).send()
    };
    for outcome in ["accepted", "duplicate"] {
        let answer: Value = serde_json::from_str(&send("zstd", packed.clone()).await.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(outcomes(answer["receipts"].as_array().unwrap()), [outcome, outcome]);
    }
    let example = include_bytes!("../../../fixtures/wire/visits-request.json.zst");
    assert_eq!(send("zstd", example.to_vec()).await.unwrap().status(), 200);
    let bomb = zstd::bulk::compress(&vec![b' '; (4 << 20) + 1], 3).unwrap();
    assert!(bomb.len() < 2000);
    assert_eq!(refusal(send("zstd", bomb).await.unwrap()).await, (413, "too_large".to_owned()));
    let mut whole = batch.clone().into_bytes();
    whole.resize(4 << 20, b' ');
    let largest = zstd::bulk::compress(&whole, 3).unwrap();
    assert!(send("zstd", largest).await.unwrap().status().is_success());
    assert_eq!(refusal(send("zstd", packed[..packed.len() / 2].to_vec()).await.unwrap()).await, (400, "malformed".to_owned()));
    assert_eq!(refusal(send("zstd", batch.clone().into_bytes()).await.unwrap()).await, (400, "malformed".to_owned()));
    for encoding in ["gzip", "br", "identity, zstd", "zstd, zstd"] {
        assert_eq!(refusal(send(encoding, packed.clone()).await.unwrap()).await, (415, "unknown_encoding".to_owned()), "{encoding}");
    }
    served.province.faults().set(Fault::IntakePlain);
    assert_eq!(refusal(send("zstd", packed).await.unwrap()).await, (415, "unknown_encoding".to_owned()));
    assert_eq!(outcomes(&station.receipts(&[visit(1)]).await), ["duplicate"]);
    served.stop().await;
}
