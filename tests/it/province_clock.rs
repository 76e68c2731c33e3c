//! A province whose own clock ran ahead: what it signs then is not believed where it can be told, and where it cannot, the province has a way back.
//!
//! The station's clock is this machine's, which is right.

use chrono::TimeDelta;
use chrono::Utc;
use serde_json::Value;

use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;

fn run_ahead(province: &TestProvince, days: i64) {
    province.province.set_clock(Some((Utc::now() + TimeDelta::days(days)).fixed_offset()));
}

/// The next publication, over the wire at once.
async fn published(province: &TestProvince, station: &TestStation, seed: u64) {
    province.change(0.01, seed).await;
    station.run(&["sync-now"]).await;
}

fn is_told(status: &Value, code: &str) -> bool {
    status["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == code)
}

#[tokio::test]
async fn an_index_signed_years_ahead_does_not_bind_the_station() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    run_ahead(&province, 11 * 365);
    published(&province, &station, 1).await;
    let status = station.status_when("the index is refused", |status| is_told(status, "index_ahead")).await;
    assert_eq!((&status["roster"]["serial"], &status["clock"]), (&1.into(), &"plausible".into()));
    let person = province.person_in_force();
    assert_eq!(station.lookup(&person.card).await["verdict"]["standing"], "valid", "judged by the right day");

    // The province keeps its word never to sign an earlier instant with the same key; with the next one it begins anew.
    province.province.set_clock(None);
    published(&province, &station, 2).await;
    station.status_when("still refused", |status| is_told(status, "index_ahead")).await;
    province.province.rotate_index_key().unwrap();
    published(&province, &station, 3).await;
    let status = station.status_when("taken", |status| status["roster"]["serial"] == 4).await;
    assert!(!is_told(&status, "index_ahead"), "{status}");
}

#[tokio::test]
async fn a_province_that_ran_ahead_by_a_month_is_named_and_gets_out_of_it_by_another_key() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    run_ahead(&province, 30);
    published(&province, &station, 1).await;
    station.status_when("taken", |status| status["roster"]["serial"] == 2).await;

    // By its own clock, right again, what it signed has not come yet.
    province.province.set_clock(None);
    station.run(&["sync-now"]).await;
    let status = station.status_when("the province is named", |status| is_told(status, "clock.signed_ahead")).await;
    assert!(!is_told(&status, "clock.behind"), "nobody is told to set a clock that is right: {status}");
    // Nor does another start of the program forget what was signed.
    drop(daemon);
    let _daemon = station.started().await;
    let status = station.status_when("and named again", |status| is_told(status, "clock.signed_ahead")).await;
    assert_eq!(status["clock"], "behind");
    assert_eq!((&status["roster"]["age_is_known"], &status["roster"]["freshness"]), (&false.into(), &"aging".into()), "{status}");

    province.province.rotate_index_key().unwrap();
    published(&province, &station, 2).await;
    station.status_when("taken", |status| status["roster"]["serial"] == 3).await;
    station.run(&["sync-now"]).await;
    let status = station.status_when("over", |status| !is_told(status, "clock.signed_ahead")).await;
    assert_eq!((&status["roster"]["serial"], &status["clock"]), (&3.into(), &"plausible".into()), "{STATION}: {status}");
}

/// Nothing of it is about the machine's clock.
fn blames_this_machine(status: &Value) -> bool {
    ["clock.behind", "clock.far_ahead", "clock.learned", "clock.signed_ahead"].into_iter().any(|code| is_told(status, code))
}

#[tokio::test]
async fn a_province_whose_clock_is_behind_is_told_to_set_it_and_not_to_change_its_key() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    for days in [-3, -20_000] {
        run_ahead(&province, days);
        station.run(&["sync-now"]).await;
        let status = station.status_when("named", |status| is_told(status, "clock.told_wrong")).await;
        assert!(!blames_this_machine(&status) && status["clock"] == "plausible", "{days}: {status}");
        province.province.set_clock(None);
        station.run(&["sync-now"]).await;
        station.status_when("over", |status| !is_told(status, "clock.told_wrong")).await;
    }
}

#[tokio::test]
async fn a_stick_is_the_way_back_from_a_wrong_time_told_by_contact() {
    let mut province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    run_ahead(&province, 30);
    station.run(&["sync-now"]).await;
    station.status_when("the province's time is gone by", |status| status["clock"] == "learned").await;
    province.switch_off().await;
    province.province.set_clock(None);
    province.province.rotate_index_key().unwrap();
    province.change(0.01, 1).await;
    let stick = tempfile::tempdir().unwrap();
    let (made, root) = (province.province.clone(), stick.path().to_owned());
    tokio::task::spawn_blocking(move || made.carry_out(STATION, &root).unwrap()).await.unwrap();
    let taken = station.run(&["carry-in", stick.path().to_str().unwrap()]).await;
    assert!(taken.status.success(), "{taken:?}");
    let status = station.status().await;
    assert_eq!((&status["roster"]["serial"], &status["clock"]), (&2.into(), &"plausible".into()));
    // Nor is it taken up again.
    drop(daemon);
    let _daemon = station.started().await;
    assert_eq!(station.status().await["clock"], "plausible");
}
