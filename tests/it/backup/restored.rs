//! What was copied is put back: on another computer, beside a record that goes on, and never from what is no backup of this station.
//!
//! Promise: each visit is at the province once, whatever the copy had of it. Never: a restore of something else than was asked for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use super::Place;
use super::all_sent;
use super::back_up;
use super::codes;
use super::json;
use super::kills::Kills;
use super::settled;
use super::synced_until;
use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestStation;

/// F11: the backup is older than the last visits. What the province has of them it tells, what waits it takes once.
#[tokio::test]
async fn f11_a_station_that_is_put_back_on_a_new_computer_learns_what_it_lacks_and_sends_nothing_twice() {
    let Place { mut province, elsewhere, station, card, daemon } = Place::backed_up(100).await;
    let mut saved = Vec::new();
    for _ in 0..3 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    synced_until(&station, "the first are sent", all_sent).await;
    province.switch_off().await;
    // In the backup as pending, at the province afterwards.
    for _ in 0..2 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    let made = back_up(&station).await;
    assert_eq!((&made["visits"], &made["unsent"]), (&5.into(), &2.into()));
    province.switch_on().await;
    // Not in the backup.
    for _ in 0..4 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    synced_until(&station, "all are sent", all_sent).await;
    assert_eq!(daemon.terminate().await, Some(0));
    drop(station);

    let again = TestStation::configured(&province);
    elsewhere.configure(&again);
    let [file] = &elsewhere.files(".db")[..] else { panic!("one backup") };
    let refused = again.run(&["restore", file.to_str().unwrap(), "--json"]).await;
    assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(65), "no_key_opens".into()));
    assert!(!again.dir.path().join("data/visits.db").exists());
    let identity = elsewhere.identity_file();
    let restored = again.run(&["restore", file.to_str().unwrap(), "--identity", identity.to_str().unwrap()]).await;
    assert!(restored.status.success(), "{restored:?}");
    let said = String::from_utf8(restored.stdout).unwrap();
    assert!(said.contains("5 bản ghi, 2 sẽ được gửi") && said.contains("sudo bhyt-agent setup"), "{said}");
    // As it is said there and in the README: setup is the next step.
    let [code, pin] = ["code", "pin"].map(|name| again.dir.path().join(name));
    fs::write(&code, province.province.enrolment_code(STATION).unwrap()).unwrap();
    fs::write(&pin, "802461").unwrap();
    let mut setup = Command::new(AGENT);
    setup.args(["setup", "--no-start", "--config"]).arg(&again.config).stdin(Stdio::null());
    setup.env("BHYT_SETUP_ENROLMENT_CODE_FILE", &code).env("BHYT_SETUP_HEAD_PIN_FILE", &pin).env("BHYT_SETUP_HEAD_NAME", "Người Mẫu");
    // The tests' own code is the one in the package's file, which is nobody's.
    setup.env("BHYT_SETUP_FACILITY", STATION);
    let setup = tokio::task::spawn_blocking(move || setup.output().unwrap()).await.unwrap();
    assert!(setup.status.success(), "{setup:?}");
    let daemon = again.start();
    let told = |status: &Value| settled(status) && status["machine"]["ahead"]["visits"].is_u64();
    let status = again.status_when("told what it lacks", told).await;
    assert_eq!(status["machine"]["ahead"]["visits"], 4, "{status}");
    assert!(codes(&status).contains(&"machine.lacks_visits") && !codes(&status).contains(&"other_record"), "{:?}", codes(&status));
    assert_eq!(province.stored(), saved.iter().map(|visit| (*visit, 1)).collect(), "each visit once");
    saved.push(again.check_in(&card).await.unwrap());
    synced_until(&again, "one more is sent", all_sent).await;
    assert_eq!(province.stored(), saved.iter().map(|visit| (*visit, 1)).collect());
    let newest = province.province.visits().unwrap().into_iter().find(|visit| Some(&visit.id) == saved.last()).unwrap();
    assert_eq!(newest.sequence, 10, "no number that was given before is given again");
    // It was asked once: a second start tells the same.
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = again.started().await;
    let status = synced_until(&again, "settled", all_sent).await;
    assert_eq!(status["machine"]["ahead"]["visits"], 4);
    let log = again.run(&["access-log", "--json", "--limit", "100"]).await;
    assert!(String::from_utf8(log.stdout).unwrap().contains("\"restored\""));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_restore_beside_the_daemon_or_from_a_damaged_file_changes_nothing_and_what_was_there_is_set_aside() {
    let Place { province, elsewhere, station, card, daemon } = Place::backed_up(50).await;
    for _ in 0..3 {
        station.check_in(&card).await.unwrap();
    }
    back_up(&station).await;
    let file = elsewhere.files(".db").remove(0);
    let restore = async |file: &Path| station.run(&["restore", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(restore(&file).await.status.code(), Some(75), "the daemon runs");
    let later = station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    assert_eq!(daemon.terminate().await, Some(0));

    let data = station.dir.path().join("data");
    let before = fs::read(data.join("visits.db")).unwrap();
    let broken = elsewhere.dir.path().join(file.file_name().unwrap());
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&broken, bytes).unwrap();
    fs::copy(elsewhere.files(".key.age").remove(0), broken.with_file_name(elsewhere.files(".key.age").remove(0).file_name().unwrap()))
        .unwrap();
    let identity = elsewhere.identity_file();
    let refused = station.run(&["restore", broken.to_str().unwrap(), "--identity", identity.to_str().unwrap(), "--json"]).await;
    assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(65), "damaged_backup".into()));
    assert!(fs::read(data.join("visits.db")).unwrap() == before && !data.join("quarantine").exists());

    let restored = restore(&file).await;
    assert!(restored.status.success(), "{restored:?}");
    assert_eq!((json(&restored)["visits"].clone(), json(&restored)["set_aside"].clone()), (3.into(), true.into()));
    let aside: Vec<_> = fs::read_dir(data.join("quarantine")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let kept = aside.iter().find(|path| path.to_str().unwrap().ends_with("-replaced-visits.db")).unwrap();
    assert!(fs::read(kept).unwrap() == before, "untouched");
    let daemon = station.started().await;
    // A visit that is to be sent has the contact come first.
    station.check_in(&card).await.unwrap();
    let status = station.status_when("told", |status| settled(status) && status["machine"]["ahead"].is_object()).await;
    assert_eq!(status["machine"]["ahead"]["visits"], 1);
    assert!(!codes(&status).contains(&"quarantined.visits"), "nothing was damaged: {:?}", codes(&status));
    assert_eq!(province.stored().get(&later), Some(&1));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn restore_and_recover_key_name_the_cause_and_blame_another_key_last() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    station.check_in(&card).await.unwrap();
    back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (good, sealed) = (elsewhere.files(".db").remove(0), elsewhere.files(".key.age").remove(0));
    let named = |name: &str, bytes: &[u8], has_key: bool| {
        let path = elsewhere.dir.path().join(format!("visits-99001-{name}.db"));
        fs::write(&path, bytes).unwrap();
        if has_key {
            fs::copy(&sealed, path.with_extension("key.age")).unwrap();
        }
        path
    };
    let whole = fs::read(&good).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    let cases = [
        (elsewhere.dir.path().join("visits-mistyped.db"), 65, "no_such_file"),
        (elsewhere.folder(), 65, "not_a_backup"),
        (named("empty", b"", true), 65, "not_a_backup"),
        (named("letter", &[7; 9000], false), 65, "not_a_backup"),
        (named("altered", &altered, true), 65, "damaged_backup"),
        (named("cut", &whole[..whole.len() - 5000], true), 65, "damaged_backup"),
        (named("foreign", &[7; 8192], true), 65, "no_key_opens"),
    ];
    for (path, code, cause) in cases {
        let refused = station.run(&["restore", path.to_str().unwrap(), "--json"]).await;
        assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(code), cause.into()), "{}", path.display());
    }
    fs::remove_file(station.dir.path().join("keys/database.key")).unwrap();
    let identity = elsewhere.identity_file();
    for (path, code, cause) in [
        (elsewhere.dir.path().join("no.key.age"), 65, "no_such_file"),
        (elsewhere.folder(), 65, "not_a_backup"),
        (good, 65, "not_a_backup"),
    ] {
        let refused = station.run(&["recover-key", path.to_str().unwrap(), "--identity", identity.to_str().unwrap(), "--json"]).await;
        assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(code), cause.into()), "{}", path.display());
    }
}

#[tokio::test]
async fn another_stations_backup_is_refused_under_whatever_name_and_nothing_is_sent_from_it() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    station.check_in(&card).await.unwrap();
    let made = back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let good = elsewhere.files(".db").remove(0);
    // The same computer's key, another station's configuration.
    let configured = fs::read_to_string(&station.config).unwrap();
    let ours = configured.lines().find(|line| line.starts_with("facility")).unwrap().to_owned();
    fs::write(&station.config, configured.replace(&ours, "facility = \"99077\"")).unwrap();
    let renamed = elsewhere.dir.path().join("visits-99077-20261101T000000Z.db");
    fs::copy(&good, &renamed).unwrap();
    for path in [&good, &renamed] {
        let refused = station.run(&["restore", path.to_str().unwrap(), "--json"]).await;
        let code = ours.split('"').nth(1).unwrap();
        assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(65), "other_station".into()));
        let said = json(&refused)["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.contains(code) && said.contains("99077"), "{said}");
    }
    fs::write(&station.config, configured).unwrap();
    let restored = station.run(&["restore", good.to_str().unwrap(), "--json"]).await;
    assert_eq!((restored.status.code(), json(&restored)["visits"].clone()), (Some(0), made["visits"].clone()), "{restored:?}");
}

#[tokio::test]
async fn unsent_visits_that_a_restore_sets_aside_are_told_until_they_are_taken_back_and_the_file_is_dropped() {
    let Place { mut province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    let mut saved = vec![station.check_in(&card).await.unwrap()];
    back_up(&station).await;
    synced_until(&station, "the first is sent", all_sent).await;
    province.switch_off().await;
    for _ in 0..3 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let good = elsewhere.files(".db").remove(0);
    let restored = json(&station.run(&["restore", good.to_str().unwrap(), "--json"]).await);
    assert_eq!(restored["unsent_set_aside"], 3, "{restored}");
    assert!(restored["message"].as_str().unwrap().contains("3 LƯỢT CHƯA GỬI"), "{restored}");
    let daemon = station.started().await;
    let status = station.status().await;
    assert!(codes(&status).contains(&"set_aside.unsent"), "{status}");
    let metrics = String::from_utf8(station.run(&["metrics"]).await.stdout).unwrap();
    assert!(metrics.contains("bhyt_visits_set_aside_unsent 3"), "{metrics}");
    let listed = json(&station.run(&["quarantine", "list", "--json"]).await);
    let name = listed["files"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(station.run(&["quarantine", "drop", &name]).await.status.code(), Some(65), "it holds what is nowhere else");
    assert_eq!(json(&station.run(&["quarantine", "salvage", "--json"]).await)["taken"], 3);
    assert!(!codes(&station.status().await).contains(&"set_aside.unsent"));
    province.switch_on().await;
    synced_until(&station, "all are sent", all_sent).await;
    assert_eq!(province.stored(), saved.iter().map(|visit| (*visit, 1)).collect(), "each once");
    let dropped = station.run(&["quarantine", "drop", &name, "--json"]).await;
    assert_eq!((dropped.status.code(), json(&dropped)["unsent"].clone()), (Some(0), 0.into()), "{dropped:?}");
    assert_eq!(json(&station.run(&["quarantine", "list", "--json"]).await)["files"], serde_json::json!([]));
    assert_eq!(daemon.terminate().await, Some(0));
}

/// `kill -9` at random moments of a restore: the record before or the backup is there, whole, and who was erased since stays erased. `BHYT_KILLS` sets their
/// number, `BHYT_SEED` the seed.
#[tokio::test]
async fn a_restore_that_is_killed_anywhere_leaves_a_whole_record_and_brings_nobody_back_who_was_erased() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    for _ in 0..3 {
        station.check_in(&card).await.unwrap();
    }
    synced_until(&station, "sent", all_sent).await;
    back_up(&station).await;
    let erased = station.run(&["person", "erase", &card, "--json"]).await;
    assert_eq!((erased.status.code(), &json(&erased)["removed"]), (Some(0), &3.into()), "{erased:?}");
    assert_eq!(daemon.terminate().await, Some(0));
    let file = elsewhere.files(".db").remove(0);
    let begun = tokio::time::Instant::now();
    let undisturbed = station.run(&["restore", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(json(&undisturbed)["removed_again"], 3, "{undisturbed:?}");
    let mut kills = Kills::new(12, 11, begun.elapsed());
    let data = station.dir.path().join("data");
    let set_aside = || fs::read_dir(data.join("quarantine")).unwrap().count();
    loop {
        let before = set_aside();
        let Some(round) = kills.next(&station, &["restore", file.to_str().unwrap()]).await else { break };
        let export = station.run(&["person", "export", &card, "--json"]).await;
        assert!(export.status.success(), "round {round}: {export:?}");
        assert_eq!(json(&export)["visits"], serde_json::json!([]), "round {round}");
        let status = json(&station.run(&["status", "--json"]).await);
        assert_eq!(status["quarantined"], serde_json::json!([]), "round {round}: nothing is damaged");
        assert!(!data.join("visits.db.restoring").exists() && !data.join("restore.decided").exists(), "round {round}");
        kills.count(set_aside() > before);
    }
}
