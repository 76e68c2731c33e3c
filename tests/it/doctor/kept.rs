//! `doctor` on what is kept beside the data in use: backups, files set aside, former keys.

use std::fs;
use std::path::PathBuf;

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

async fn backups(station: &TestStation, is_served: bool) -> Value {
    line(&told(station, if is_served { &SERVED } else { &ALONE }).await.0, "backups").clone()
}

#[tokio::test]
async fn backups_are_told_whether_they_are_made_fail_or_are_not_set_up() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let folder = station.dir.path().join("backups");
    let is_good = |line: &Value| line["code"] == "backups.ok" && line["en"].as_str().unwrap().contains(folder.to_str().unwrap());
    let good = backups(&station, true).await;
    assert!(is_good(&good) && good["en"].as_str().unwrap().contains("the folder's newest"), "{good}");

    fs::rename(&folder, station.dir.path().join("taken-out")).unwrap();
    let out = backups(&station, true).await;
    assert!(is_good(&out) && out["en"].as_str().unwrap().contains("is the stick in?"), "no harm between two backups: {out}");
    assert_eq!(station.run(&["backup"]).await.status.code(), Some(74));
    let failing = backups(&station, true).await;
    assert_eq!((&failing["code"], &failing["state"]), (&"backups.failing".into(), &"attention".into()), "{failing}");
    assert!(failing["since"].is_string() && failing["en"].as_str().unwrap().contains("the last good one"), "{failing}");
    assert_eq!(daemon.terminate().await, Some(0));
    let from_files = backups(&station, false).await;
    assert_eq!((&from_files["code"], &from_files["since"]), (&failing["code"], &failing["since"]), "the same from the files");
    fs::rename(station.dir.path().join("taken-out"), &folder).unwrap();

    // No key to read the record with: the folder tells what it can.
    let key = station.dir.path().join("keys/database.key");
    fs::rename(&key, key.with_extension("away")).unwrap();
    let unread = backups(&station, false).await;
    assert_eq!((&unread["code"], &unread["state"]), (&"backups.no_records".into(), &"unknown".into()));
    assert!(unread["en"].as_str().unwrap().contains("the folder's newest"), "{unread}");
    fs::rename(key.with_extension("away"), &key).unwrap();

    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, &text[..text.find("[backup]").unwrap()]).unwrap();
    let daemon = station.started().await;
    let (value, code) = told(&station, &SERVED).await;
    assert_eq!((codes(&value, "broken"), codes(&value, "attention"), code), (Vec::new(), Vec::new(), Some(0)), "{value}");
    assert!(line(&value, "backups")["next_vi"].as_str().unwrap().contains("[backup]"));
    fs::write(&station.config, text).unwrap();
    assert_eq!(backups(&station, true).await["code"], "backups.not_in_force");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn what_a_restore_and_a_change_of_keys_leave_is_told_until_it_is_gone() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    let (value, _) = told(&station, &ALONE).await;
    assert_eq!((&line(&value, "set_aside")["code"], &line(&value, "keys")["next_en"]), (&"set_aside.ok".into(), &Value::Null));
    let is_copy = |path: &PathBuf| path.extension().is_some_and(|end| end == "db");
    let backup = fs::read_dir(station.dir.path().join("backups")).unwrap().map(|entry| entry.unwrap().path()).find(is_copy).unwrap();
    let restored = station.run(&["restore", backup.to_str().unwrap()]).await;
    assert!(restored.status.success(), "{restored:?}");
    let rotated = station.run(&["rotate-key"]).await;
    assert!(rotated.status.success(), "{rotated:?}");

    for how in [&ALONE, &SERVED] {
        let daemon = if how.systemd { Some(station.started().await) } else { None };
        let (value, _) = told(&station, how).await;
        let (aside, keys) = (line(&value, "set_aside"), line(&value, "keys"));
        assert_eq!((&aside["code"], aside["since"].is_string()), (&"set_aside.kept".into(), true), "{value}");
        assert!(
            aside["en"].as_str().unwrap().contains("replaced by a restore: 1")
                && aside["next_en"].as_str().unwrap().contains("quarantine list")
        );
        assert_eq!((&keys["state"], keys["since"].is_string()), (&"ok".into(), true), "it opens what was set aside: {value}");
        assert!(keys["en"].as_str().unwrap().contains("database.key.before-"), "{keys}");
        assert_eq!(line(&value, "databases")["state"], "ok", "nothing is damaged: {value}");
        if let Some(daemon) = daemon {
            assert_eq!(daemon.terminate().await, Some(0));
        }
    }

    let listed = station.run(&["quarantine", "list", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let name = listed["files"][0]["name"].as_str().unwrap().to_owned();
    let dropped = station.run(&["quarantine", "drop", &name]).await;
    assert!(dropped.status.success(), "{dropped:?}");
    let (value, _) = told(&station, &ALONE).await;
    assert_eq!(line(&value, "keys")["code"], "keys.ok", "the backup is under it: {value}");
    fs::remove_file(&backup).unwrap();
    let (value, _) = told(&station, &ALONE).await;
    assert_eq!(
        (&line(&value, "set_aside")["code"], &line(&value, "keys")["code"]),
        (&"set_aside.ok".into(), &"keys.former".into()),
        "{value}"
    );
    let next = line(&value, "keys")["next_en"].as_str().unwrap().to_owned();
    assert!(next.ends_with(&format!("sudo sh -c 'rm {}/keys/database.key.before-*'", station.dir.path().display())), "{next}");
    // What is said to be run.
    let command = next.rsplit_once("sudo ").unwrap().1;
    assert!(std::process::Command::new("sh").args(["-c", command]).status().unwrap().success());
    assert_eq!(line(&told(&station, &ALONE).await.0, "keys")["code"], "keys.ok");
}

/// What was left was called whole, and where nothing was left the station was to be set up.
#[tokio::test]
async fn data_that_are_gone_are_told_as_gone() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    let data = station.dir.path().join("data");
    let away = station.dir.path().join("away");
    let databases = async || {
        let (value, code) = told(&station, &ALONE).await;
        let line = line(&value, "databases");
        (line["code"].as_str().unwrap().to_owned(), line["state"].as_str().unwrap().to_owned(), code)
    };
    let lost = |code: &str, exit| (code.to_owned(), "broken".to_owned(), Some(exit));
    fs::rename(data.join("visits.db"), &away).unwrap();
    assert_eq!(databases().await, lost("databases.visits_lost", 74));
    fs::write(data.join("visits.db"), "").unwrap();
    assert_eq!(databases().await, lost("databases.visits_lost", 74));
    fs::rename(&away, data.join("visits.db")).unwrap();
    assert_eq!(databases().await.0, "databases.ok");
    fs::rename(&data, &away).unwrap();
    assert_eq!(databases().await, lost("databases.no_data", 78));
    // Where its disk is to be mounted.
    fs::create_dir(&data).unwrap();
    assert_eq!(databases().await, lost("databases.no_data", 78));
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}
