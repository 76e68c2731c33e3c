//! Files that were damaged: set aside by the service, left alone by everybody else, and what is in them taken back.
//!
//! Promise: what is taken back arrives once. Never: an answer from an empty file in the place of a damaged one.

use std::fs;
use std::path::PathBuf;

use super::Place;
use super::all_sent;
use super::json;
use super::synced_until;

/// F10: the file that was damaged while the province was away still holds what it never got.
#[tokio::test]
async fn f10_visits_of_a_damaged_file_are_taken_back_and_arrive_once() {
    let Place { mut province, station, card, daemon, .. } = Place::new(50).await;
    let mut saved = vec![station.check_in(&card).await.unwrap()];
    synced_until(&station, "the first is sent", all_sent).await;
    province.switch_off().await;
    for _ in 0..8 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    let whole = json(&station.run(&["integrity-check", "--json"]).await);
    assert_eq!((&whole["visits"], &whole["cards"]), (&"whole".into(), &"whole".into()), "beside the daemon");
    assert_eq!(daemon.terminate().await, Some(0));
    let path = station.dir.path().join("data/visits.db");
    let mut bytes = fs::read(&path).unwrap();
    // The first page: without it nothing can be opened at all.
    bytes[2000] ^= 0x10;
    fs::write(&path, &bytes).unwrap();

    let daemon = station.started().await;
    let listed = json(&station.run(&["quarantine", "list", "--json"]).await);
    let file = &listed["files"][0];
    assert_eq!((&file["why"], &file["visits"], &file["not_here"], &file["unsent"]), (&"damaged".into(), &9.into(), &9.into(), &8.into()));
    assert!(file["since"].is_string() && file["bytes"].as_u64().unwrap() > 4096);
    let salvaged = json(&station.run(&["quarantine", "salvage", "--json"]).await);
    assert_eq!((&salvaged["taken"], &salvaged["missing"]), (&9.into(), &0.into()), "{salvaged}");
    assert_eq!(station.run(&["quarantine", "salvage", "nothing.db"]).await.status.code(), Some(65));
    province.switch_on().await;
    synced_until(&station, "all are sent", all_sent).await;
    assert_eq!(province.stored(), saved.iter().map(|visit| (*visit, 1)).collect());
    let aside = station.dir.path().join("data/quarantine").join(file["name"].as_str().unwrap());
    assert!(fs::read(aside).unwrap() == bytes, "the file itself is as it was");
    let verified = station.run(&["verify-log", "--json"]).await;
    assert_eq!(json(&verified)["unlogged_visits"], 0, "what was taken back stands in the log: {verified:?}");
    assert_eq!(daemon.terminate().await, Some(0));
    let again = json(&station.run(&["quarantine", "list", "--json"]).await);
    assert_eq!(again["files"][0]["not_here"], 0, "also without the daemon");
    assert_eq!(station.run(&["integrity-check"]).await.status.code(), Some(0));
}

/// F10 after a change of keys: the file was set aside under the key before, and that key lies beside the present one.
#[tokio::test]
async fn f10_visits_of_a_file_that_was_damaged_before_a_change_of_keys_are_taken_back_with_the_former_key() {
    let Place { mut province, station, card, daemon, .. } = Place::new(20).await;
    province.switch_off().await;
    let mut saved = Vec::new();
    for _ in 0..6 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let path = station.dir.path().join("data/visits.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    let daemon = station.started().await;
    saved.push(station.check_in(&card).await.unwrap());
    assert_eq!(daemon.terminate().await, Some(0));
    let rotated = station.run(&["rotate-key"]).await;
    assert!(rotated.status.success(), "{rotated:?}");

    let keys = station.dir.path().join("keys");
    let is_former = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("database.key.before-");
    let former = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).find(is_former).expect("the former key stays");
    let away = station.dir.path().join("former.key");
    // Negative control: the present key alone opens nothing of it, and that is said.
    fs::rename(&former, &away).unwrap();
    let daemon = station.started().await;
    let listed = json(&station.run(&["quarantine", "list", "--json"]).await);
    assert!(listed["files"][0]["visits"].is_null(), "{listed}");
    let salvaged = station.run(&["quarantine", "salvage", "--json"]).await;
    assert_eq!((salvaged.status.code(), &json(&salvaged)["taken"], &json(&salvaged)["unread"]), (Some(65), &0.into(), &1.into()));
    assert!(json(&salvaged)["message"].as_str().unwrap().contains("database.key.before-"), "{salvaged:?}");
    assert_eq!(daemon.terminate().await, Some(0));
    fs::rename(&away, &former).unwrap();

    let daemon = station.started().await;
    let listed = json(&station.run(&["quarantine", "list", "--json"]).await);
    assert_eq!((&listed["files"][0]["visits"], &listed["files"][0]["unsent"]), (&6.into(), &6.into()), "{listed}");
    let salvaged = json(&station.run(&["quarantine", "salvage", "--json"]).await);
    assert_eq!((&salvaged["taken"], &salvaged["missing"]), (&6.into(), &0.into()), "{salvaged}");
    province.switch_on().await;
    synced_until(&station, "all are sent", all_sent).await;
    assert_eq!(province.stored(), saved.iter().map(|visit| (*visit, 1)).collect());
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_verb_without_the_service_leaves_a_damaged_file_as_it_is_and_answers_nothing_from_an_empty_one() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    for _ in 0..12 {
        station.check_in(&card).await.unwrap();
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let data = station.dir.path().join("data");
    let cards = data.join("cards").join(fs::read_to_string(data.join("cards/current")).unwrap().trim_end());
    let verbs: [&[&str]; 7] =
        [&["status"], &["outbox"], &["operator", "list"], &["access-log"], &["quarantine", "list"], &["verify-log"], &["backup"]];
    for path in [data.join("visits.db"), cards] {
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 8192 * 4096;
        bytes[middle..middle + 64].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        for verb in verbs {
            let refused = station.run(&[verb, &["--json"]].concat()).await;
            assert_eq!(refused.status.code(), Some(74), "{verb:?} {refused:?}");
            assert_eq!(json(&refused)["error"]["code"], "damaged", "{verb:?}");
            let aside = String::from_utf8(refused.stderr).unwrap();
            assert!(!aside.to_lowercase().contains("sqlcipher"), "a library's own lines beside the sentence: {aside}");
            assert!(fs::read(&path).unwrap() == bytes, "{verb:?}");
        }
        let bundle = elsewhere.dir.path().join(format!("{}.tar.zst", path.file_name().unwrap().to_str().unwrap()));
        assert!(station.run(&["support-bundle", bundle.to_str().unwrap()]).await.status.success());
        let looked = station.run(&["integrity-check", "--json"]).await;
        assert_eq!(looked.status.code(), Some(65), "{looked:?}");
        let of = if path.ends_with("visits.db") { "visits" } else { "cards" };
        assert_eq!(json(&looked)[of], "damaged");
        assert!(fs::read(&path).unwrap() == bytes && !data.join("quarantine").exists() && !data.join("cards/quarantine").exists());
        fs::write(&path, whole).unwrap();
    }
    // Missing though it was made.
    let away = data.join("away.db");
    fs::rename(data.join("visits.db"), &away).unwrap();
    assert_eq!(station.run(&["outbox"]).await.status.code(), Some(74));
    assert_eq!(station.run(&["integrity-check"]).await.status.code(), Some(65));
    assert!(!data.join("visits.db").exists() && !data.join("quarantine").exists());
}
