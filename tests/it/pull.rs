//! The roster on its way down: what is taken, and what is not believed.

use std::time::Duration;

use provincial::Fault;
use provincial::Province;
use provincial::wire;
use serde_json::Value;

use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;

/// Asks for a sync and waits until the pull has this trouble.
async fn trouble(station: &TestStation, code: &str) -> Value {
    assert_eq!(station.run(&["sync-now"]).await.status.code(), Some(75), "{code}");
    station.status_when(code, |status| status["pull"]["failing"]["code"] == code).await
}

/// Asks for a sync and waits until this serial is held and nothing fails.
async fn caught_up(station: &TestStation, serial: u64) -> Value {
    assert!(station.run(&["sync-now"]).await.status.success());
    station.status_when("caught up", |status| status["roster"]["serial"] == serial && status["pull"]["failing"].is_null()).await
}

fn index(province: &Province) -> wire::Index {
    serde_json::from_slice(&std::fs::read(province.feed_dir(STATION).join("index.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn changes_come_as_deltas_and_the_desk_knows_them() {
    let province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let person = province.person_in_force();
    assert_eq!(station.lookup(&person.card).await["verdict"]["standing"], "valid");

    province.province.edit_people(STATION, |people| people.get_mut(&person.id).unwrap().standing = Some(wire::Standing::Revoked)).unwrap();
    province.publish().await;
    let status = caught_up(&station, 2).await;
    assert_eq!(status["roster"]["snapshot_reason"], "first", "the second serial came as a delta");
    assert_eq!(station.lookup(&person.card).await["verdict"]["standing"], "revoked");

    province.province.edit_people(STATION, |people| people.remove(&person.id)).unwrap();
    province.publish().await;
    caught_up(&station, 3).await;
    let shown = station.lookup(&person.card).await;
    assert_eq!((&shown["verdict"]["standing"], &shown["verdict"]["standing_detail"]), (&"not_covered".into(), &"left_roster".into()));
}

#[tokio::test]
async fn deltas_that_were_missed_are_taken_in_order_and_too_many_end_in_a_snapshot() {
    let province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    drop(station.loaded().await);
    for seed in 0..3 {
        province.change(0.01, seed).await;
    }
    let daemon = station.started().await;
    let status = caught_up(&station, 4).await;
    assert_eq!(status["roster"]["snapshot_reason"], Value::Null);
    drop(daemon);
    for seed in 3..12 {
        province.change(0.01, seed).await;
    }
    let _daemon = station.started().await;
    let status = caught_up(&station, 13).await;
    assert_eq!(status["roster"]["snapshot_reason"], "gap");
}

#[tokio::test]
async fn a_new_session_voids_the_cursor() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.new_session(STATION).unwrap();
    province.publish().await;
    assert!(station.run(&["sync-now"]).await.status.success());
    station.status_when("the new session is held", |status| status["roster"]["snapshot_reason"] == "new_session").await;
}

#[tokio::test]
async fn a_feed_that_is_corrupt_or_broken_off_changes_nothing_and_is_taken_once_it_is_whole() {
    let province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let person = province.person_in_force();
    for (serial, fault, code) in [
        (2, Fault::FeedWrongByte, "contract"),
        (3, Fault::FeedBreaksOff, "unreachable"),
        (4, Fault::FeedFails, "server_busy"),
        (5, Fault::CaptivePortal, "stranger"),
    ] {
        province.province.faults().set(fault);
        province.change(0.05, serial).await;
        let status = trouble(&station, code).await;
        assert_eq!(status["roster"]["serial"], serial - 1, "{code}");
        assert!(status["pull"]["failing"]["message"].as_str().unwrap().len() > 20);
        assert_ne!(station.lookup(&person.card).await["verdict"]["standing"], "not_covered", "old data answer");
        province.province.faults().clear();
        caught_up(&station, serial).await;
    }
    station.check_in(&person.card).await.unwrap();
    station.status_when("visits go up as well", |status| status["outbox"]["pending"] == 0).await;
}

#[tokio::test]
async fn an_index_that_goes_back_expires_or_is_for_another_station_is_refused() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let first = index(&province.province);
    province.change(0.05, 1).await;
    caught_up(&station, 2).await;
    let second = index(&province.province);

    // Signed again, later, with the older content: a replay by somebody who holds the key.
    let older = wire::Index { published_at: second.published_at, ..first.clone() };
    // The old file as it was.
    let replayed = first;
    let expired = wire::Index { expires_at: second.as_of, ..second.clone() };
    let foreign = wire::Index { station: NEIGHBOUR.to_owned(), ..second.clone() };
    let mut rewritten = second.clone();
    rewritten.deltas[0].sha256 = "0".repeat(64);
    let mut unknown = second.clone();
    unknown.format = 2;
    for (index, code) in [
        (older, "older_index"),
        (replayed, "older_index"),
        (expired, "expired_index"),
        (foreign, "contract"),
        (rewritten, "rewritten_feed"),
        (unknown, "contract"),
    ] {
        province.province.forge_index(STATION, &index).unwrap();
        let status = trouble(&station, code).await;
        assert_eq!(status["roster"]["serial"], 2, "{code}");
    }
    province.province.forge_index(STATION, &second).unwrap();
    caught_up(&station, 2).await;
}

#[tokio::test]
async fn an_index_that_is_not_signed_by_the_province_is_refused() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let file = province.province.feed_dir(STATION).join("index.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"serial\":1", "\"serial\":9")).unwrap();
    let status = trouble(&station, "contract").await;
    assert_eq!(status["roster"]["serial"], 1);
    std::fs::write(&file, text).unwrap();
    caught_up(&station, 1).await;
}

#[tokio::test]
async fn a_delta_that_does_not_lead_to_the_state_is_followed_by_the_snapshot() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    drop(daemon);
    let published = province.change(0.05, 1).await;
    let mut forged = index(&province.province);
    // A delta of the right form that changes nothing.
    let header = format!(
        "{{\"kind\":\"delta\",\"format\":1,\"station\":\"{STATION}\",\"session\":\"{}\",\"serial\":2,\"from\":1,\"as_of\":\"2026-11-22T20:00:00+07:00\",\
         \"rows\":0,\"defaults\":{{}}}}\n",
        forged.session
    );
    forged.deltas[0] = province.province.forge_sealed(STATION, 2, header.as_bytes()).unwrap();
    province.province.forge_index(STATION, &forged).unwrap();
    let _daemon = station.started().await;
    let status = caught_up(&station, published.index.serial).await;
    assert_eq!(status["roster"]["snapshot_reason"], "mismatch");
}

/// The encryption was cleared away by the process's end while a thread was still at work with it: now and then such a stop ended by a signal.
#[tokio::test]
async fn a_stop_while_a_roster_is_built_ends_in_order() {
    let province = TestProvince::new(6000).await;
    let station = TestStation::enrolled(&province).await;
    let mut built = 0;
    for round in 0..60 {
        if round >= 25 && built > 5 {
            break;
        }
        let daemon = station.start();
        let begins = |status: &serde_json::Value| status["pull"]["is_active"] == true || !status["roster"]["serial"].is_null();
        station.status_when("a roster is on its way", begins).await;
        tokio::time::sleep(Duration::from_millis(round % 25 * 12)).await;
        built += u32::from(station.status().await["pull"]["is_active"] == true);
        assert_eq!(daemon.terminate().await, Some(0), "round {round}");
        std::fs::remove_dir_all(station.dir.path().join("data/cards")).unwrap();
    }
    assert!(built > 5, "{built} were stopped at work: this proves nothing");
}
