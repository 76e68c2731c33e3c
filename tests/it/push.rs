//! Visits on their way up, through everything that can happen to an answer.

use std::collections::BTreeSet;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use provincial::Fault;
use uuid::Uuid;

use crate::support::TestProvince;
use crate::support::TestStation;

/// Saves visits one after the other, so that most are sent in batches of their own.
async fn check_in(station: &TestStation, text: &str, count: usize) -> BTreeSet<Uuid> {
    let mut saved = BTreeSet::new();
    for _ in 0..count {
        saved.insert(station.check_in(text).await.unwrap());
    }
    saved
}

/// Every id once, and nothing else.
fn assert_stored_once(province: &TestProvince, saved: &BTreeSet<Uuid>) {
    let stored = province.stored();
    assert!(stored.values().all(|times| *times == 1));
    assert_eq!(stored.keys().copied().collect::<BTreeSet<_>>(), *saved);
}

async fn all_stored_once_with(fault: Fault) {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(fault);
    let text = province.person_in_force().card;
    let mut saved = check_in(&station, &text, 60).await;
    let struck = || province.province.visits().unwrap().iter().any(|visit| visit.times_seen > 1);
    // How many batches they make is a matter of chance.
    loop {
        station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
        if struck() {
            break;
        }
        assert!(saved.len() < 600, "the fault never struck: this test proved nothing");
        saved.extend(check_in(&station, &text, 20).await);
    }
    assert_stored_once(&province, &saved);
}

#[tokio::test]
async fn f23_an_error_after_the_commit_in_one_batch_of_five_doubles_and_loses_nothing() {
    all_stored_once_with(Fault::IntakeFailsAfterCommit(5)).await;
}

#[tokio::test]
async fn f23_a_connection_lost_after_the_commit_in_one_batch_of_five_doubles_and_loses_nothing() {
    all_stored_once_with(Fault::IntakeDropsAfterCommit(5)).await;
}

#[tokio::test]
async fn f33_a_refused_visit_is_parked_and_holds_up_nobody() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(Fault::RejectVisits(4));
    let text = province.person_in_force().card;
    check_in(&station, &text, 20).await;
    let status = station.status_when("nothing is pending", |status| status["outbox"]["pending"] == 0).await;
    let parked = status["outbox"]["parked"].as_u64().unwrap();
    assert_eq!(parked, 5);
    assert_eq!(province.stored().len(), 15);
    let list = station.run(&["outbox", "--json"]).await;
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 5);
    assert!(list.as_array().unwrap().iter().all(|visit| visit["delivery"] == "parked" && visit["refused"]["code"] == "malformed"));
}

#[tokio::test]
async fn a_visit_put_off_is_sent_again() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(Fault::RetryVisits(3));
    let text = province.person_in_force().card;
    let saved = check_in(&station, &text, 9).await;
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
    assert_stored_once(&province, &saved);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved() {
    let mut province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let text = province.person_in_force().card;
    province.switch_off().await;
    let saved = check_in(&station, &text, 30).await;
    province.province.faults().set(Fault::IntakeSmall(4));
    province.switch_on().await;
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
    assert_stored_once(&province, &saved);
}

/// It was waited for two minutes without a word, and then nothing had been tried.
#[tokio::test]
async fn whoever_asks_for_a_try_during_a_pause_the_province_asked_for_is_told_at_once() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(Fault::IntakeBusy(3600));
    station.check_in(&province.person_in_force().card).await.unwrap();
    station.status_when("the province has asked for a pause", |status| status["push"]["failing"]["tries"] == 1).await;
    let published = province.change(0.1, 2).await;
    let asked = tokio::time::timeout(Duration::from_mins(1), station.run(&["sync-now", "--json"])).await.expect("an answer");
    assert_eq!(asked.status.code(), Some(75), "it has not gone through");
    let told: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    let push = &told["push"];
    assert!(push["failing"]["code"] == "server_busy" && push["failing"]["tries"] == 1 && push["next_at"].is_string(), "{push}");
    // What is told is when it is tried, and that it was not.
    assert!(push["put_off_until"].is_string() && push["put_off_until"] == push["next_at"], "{push}");
    let pull = &told["pull"];
    assert!(pull["failing"].is_null() && pull["put_off_until"].is_null(), "{pull}");
    assert_eq!(told["roster"]["serial"], published.index.serial, "the other direction was tried");
    let told = station.run(&["sync-now"]).await;
    assert!(String::from_utf8_lossy(&told.stdout).contains("tỉnh yêu cầu chờ đến "), "{told:?}");
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(Fault::IntakeBusy(2));
    let text = province.person_in_force().card;
    let begun = std::time::Instant::now();
    let saved = check_in(&station, &text, 3).await;
    station.status_when("the failure shows", |status| status["push"]["failing"]["code"] == "server_busy").await;
    province.province.faults().clear();
    // More visits wake the engine; the server's own time goes before.
    check_in(&station, &text, 1).await;
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
    assert!(begun.elapsed() >= std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(province.stored().len(), saved.len() + 1);
}
