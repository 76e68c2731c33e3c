//! `doctor`, and what the station says, about which record of visits this is and what it lacks: after a restore, an erasure, a replacement, under a wrong address.

use std::fs;

use serde_json::Value;

use super::ALONE;
use super::SERVED;
use super::codes;
use super::enrolled;
use super::line;
use super::told;
use super::well;
use crate::support::TestProvince;
use crate::support::TestStation;

fn is_sent(status: &Value) -> bool {
    status["outbox"]["pending"] == 0 && status["machine"]["state"] == "known"
}

async fn synced(station: &TestStation, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    station.run(&["sync-now"]).await;
    station.status_when(what, |status| is_sent(status) && is(status)).await
}

/// Puts the backup back that `well` made, before any visit.
async fn restore(station: &TestStation) {
    let folder = fs::read_dir(station.dir.path().join("backups")).unwrap();
    let mut files: Vec<_> =
        folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "db")).collect();
    files.sort();
    let restored = station.run(&["restore", files[0].to_str().unwrap()]).await;
    assert!(restored.status.success(), "{restored:?}");
}

fn notices(status: &Value) -> Vec<&str> {
    status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

async fn printed(station: &TestStation, arguments: &[&str]) -> Value {
    let output = station.run(arguments).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_visit_that_was_erased_here_leaves_no_red_bar_after_a_restore_and_no_doubt_while_the_service_is_down() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let card = province.person_in_force().card;
    // Whoever nobody knows was looked for, and is not said to have been erased.
    assert_eq!(station.run(&["person", "erase", &card]).await.status.code(), Some(65));
    let log = String::from_utf8(station.run(&["access-log", "--json", "--limit", "100"]).await.stdout).unwrap();
    assert!(log.contains("nothing_erased") && !log.contains("person_erased"), "{log}");
    station.check_in(&card).await.unwrap();
    synced(&station, "sent", |status| status["counts"]["delivered"] == 1).await;
    assert_eq!(printed(&station, &["person", "erase", &card, "--json"]).await["removed"], 1);
    let log = String::from_utf8(station.run(&["access-log", "--json", "--limit", "100"]).await.stdout).unwrap();
    assert!(log.contains("person_erased"), "{log}");
    assert_eq!(daemon.terminate().await, Some(0));

    restore(&station).await;
    // Somebody is done with what was set aside: it explains nothing any more.
    fs::remove_dir_all(station.dir.path().join("data/quarantine")).unwrap();
    let daemon = station.started().await;
    let status = synced(&station, "heard", |_| true).await;
    assert_eq!((&status["machine"]["ahead"], notices(&status).contains(&"machine.lacks_visits")), (&Value::Null, false), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
    let (value, _) = told(&station, &ALONE).await;
    assert_eq!(line(&value, "identity")["code"], "identity.ok", "{value}");
}

#[tokio::test]
async fn the_notice_of_visits_that_only_the_province_holds_names_the_verb_that_ends_it() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let card = province.person_in_force().card;
    for _ in 0..2 {
        station.check_in(&card).await.unwrap();
    }
    synced(&station, "sent", |status| status["counts"]["delivered"] == 2).await;
    assert_eq!(daemon.terminate().await, Some(0));
    restore(&station).await;
    let daemon = station.started().await;
    let status = synced(&station, "told what it lacks", |status| status["machine"]["ahead"]["visits"] == 2).await;
    let notice = status["notices"].as_array().unwrap().iter().find(|notice| notice["code"] == "machine.lacks_visits").unwrap();
    assert!(notice["vi"].as_str().unwrap().contains("bhyt-agent accept-missing"), "{notice}");
    let (value, _) = told(&station, &SERVED).await;
    assert!(
        value["checks"].as_array().unwrap().iter().any(|line| line["next_vi"].as_str().is_some_and(|next| next.contains("accept-missing")))
    );
    assert_eq!(printed(&station, &["accept-missing", "--json"]).await["visits"], 2);
    let status = synced(&station, "heard again", |_| true).await;
    assert_eq!((&status["machine"]["ahead"], notices(&status).contains(&"machine.lacks_visits")), (&Value::Null, false), "{status}");
    assert_eq!(printed(&station, &["accept-missing", "--json"]).await["visits"], 0);
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_machine_that_another_one_replaced_is_told_one_truth() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let _second = TestStation::enrolled(&province).await;
    let (value, code) = told(&station, &SERVED).await;
    assert_eq!((codes(&value, "broken"), code), (vec!["identity.replaced".to_owned(), "province.refused".to_owned()], Some(77)), "{value}");
    assert_eq!(daemon.terminate().await, Some(0));
    let (value, _) = told(&station, &ALONE).await;
    assert_eq!(line(&value, "identity")["code"], "identity.replaced", "and while the service is down: {value}");
}

#[tokio::test]
async fn a_wrong_path_in_the_provinces_address_is_named() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let text = fs::read_to_string(&station.config).unwrap();
    let (before, after) = text.split_once("url = \"https://").unwrap();
    let (host, after) = after.split_once("/\"").unwrap();
    fs::write(&station.config, format!("{before}url = \"https://{host}/sai/\"{after}")).unwrap();
    let (value, _) = told(&station, &ALONE).await;
    let line = line(&value, "province");
    assert_eq!((&line["code"], &line["state"]), (&"province.wrong_path".into(), &"broken".into()), "{value}");
    assert!(line["next_vi"].as_str().unwrap().contains("province.url"), "{line}");
}
