//! The whole story: cards come down, visits go up, and the link is not always there.

use std::time::Duration;

use provincial::payload;

use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::wait_for;

#[tokio::test]
async fn a_visit_reaches_the_province_at_once_and_ten_more_after_an_outage() {
    let mut province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let card = payload::bhyt_card(&province.person_in_force());

    let mut arrivals = province.province.arrivals();
    let first = station.check_in(&card).await.unwrap();
    // What nobody asks for comes after a minute, when a push waits no longer for a contact.
    let soon = bounds::house_or(Duration::from_secs(2), Duration::from_secs(30));
    let arrival = tokio::time::timeout(soon, arrivals.recv()).await.expect("at once").unwrap();
    assert_eq!((arrival.station.as_str(), arrival.outcome, arrival.sequence), (STATION, "accepted", Some(1)));

    province.switch_off().await;
    let mut saved = vec![first];
    for _ in 0..10 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    let status = station.status_when("the failure shows", |status| !status["push"]["failing"].is_null()).await;
    assert_eq!((&status["outbox"]["pending"], &status["push"]["failing"]["code"]), (&10.into(), &"unreachable".into()));
    assert_eq!(station.lookup(&card).await["verdict"]["standing"], "valid", "the desk does not ask the network");

    province.switch_on().await;
    station.run(&["sync-now"]).await;
    station.status_when("all have arrived", |status| status["outbox"]["pending"] == 0).await;
    saved.sort();
    let stored = province.stored();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), saved);
    assert!(stored.values().all(|times| *times == 1));
    wait_for("the failure is over", async || {
        let status = station.status().await;
        status["push"]["failing"].is_null().then_some(())
    })
    .await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_station_without_a_province_answers_and_saves() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    let _daemon = station.started().await;
    let card = payload::bhyt_card(&province.person_in_force());
    let shown = station.lookup(&card).await;
    assert_eq!((&shown["verdict"]["standing"], &shown["verdict"]["standing_detail"]), (&"not_covered".into(), &"no_roster".into()));
    station.check_in(&card).await.unwrap();
    let status = station.status().await;
    assert_eq!((&status["link"], &status["outbox"]["pending"]), (&"not_enrolled".into(), &1.into()));
    assert_eq!(station.run(&["sync-now"]).await.status.code(), Some(69), "there is nothing to sync with");
}

#[tokio::test]
async fn the_same_visit_asked_twice_is_saved_once() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let text = province.person_in_force().card;
    let visit_id = uuid::Uuid::now_v7();
    let request = bhyt_agent::control::contract::Request::CheckIn { text, visit_id };
    let first = station.ask(&request).await.unwrap();
    let second = station.ask(&request).await.unwrap();
    assert_eq!((&first["visit"]["already_saved"], &second["visit"]["already_saved"]), (&false.into(), &true.into()));
    assert_eq!(first["visit"]["sequence"], second["visit"]["sequence"]);
}

#[tokio::test]
async fn with_nothing_to_send_nothing_is_said_to_have_gone_through() {
    let mut province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    province.switch_off().await;
    let _daemon = station.started().await;
    let status = station.status_when("the pull has failed", |status| !status["pull"]["failing"].is_null()).await;
    assert_eq!((&status["push"]["succeeded_at"], &status["push"]["failing"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}
