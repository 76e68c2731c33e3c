//! A key that is lost, changed, or from before.
//!
//! Promise: one of the keys opens all there is, whenever a change of keys is cut off. Never: a key that is there replaced by another.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::Elsewhere;
use super::Place;
use super::all_sent;
use super::back_up;
use super::json;
use super::kills::Kills;
use super::synced_until;

/// F60: the key of the files is gone with its disk; they are here.
#[tokio::test]
async fn f60_a_lost_key_comes_back_out_of_the_sealed_copy_and_every_unsent_visit_arrives() {
    let Place { mut province, elsewhere, station, card, daemon } = Place::backed_up(50).await;
    back_up(&station).await;
    province.switch_off().await;
    let mut saved = Vec::new();
    for _ in 0..5 {
        saved.push(station.check_in(&card).await.unwrap());
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let keys = station.dir.path().join("keys");
    fs::remove_dir_all(&keys).unwrap();
    fs::create_dir(&keys).unwrap();
    assert_eq!(station.run(&["status"]).await.status.code(), Some(78), "without its key nothing is touched");
    let told = json(&station.run(&["doctor", "--json"]).await);
    let line = told["checks"].as_array().unwrap().iter().find(|line| line["check"] == "keys").unwrap();
    assert!(line["next_en"].as_str().unwrap().contains("recover-key"), "with data, setup is no advice: {line}");
    let (sealed, identity) = (elsewhere.files(".key.age").remove(0), elsewhere.identity_file());
    let recover = async |identity: &Path| {
        station.run(&["recover-key", sealed.to_str().unwrap(), "--identity", identity.to_str().unwrap(), "--english"]).await
    };
    let stranger = Elsewhere::new();
    assert_eq!(recover(&stranger.identity_file()).await.status.code(), Some(65));
    let recovered = recover(&identity).await;
    assert!(recovered.status.success(), "{recovered:?}");
    assert_eq!(recover(&identity).await.status.code(), Some(78), "a key that is there stays");
    province.switch_on().await;
    station.enrol(&province).await;
    let daemon = station.started().await;
    synced_until(&station, "sent", all_sent).await;
    assert_eq!(province.stored(), saved.into_iter().map(|visit| (visit, 1)).collect());
    assert_eq!(daemon.terminate().await, Some(0));
}

/// F58: `kill -9` at random moments of a change of keys. `BHYT_KILLS` sets their number, `BHYT_SEED` the seed.
#[tokio::test]
async fn f58_a_change_of_keys_that_is_killed_anywhere_leaves_everything_readable() {
    let Place { province: _province, station, card, daemon, .. } = Place::new(300).await;
    for _ in 0..5 {
        station.check_in(&card).await.unwrap();
    }
    synced_until(&station, "sent", all_sent).await;
    let beside = station.run(&["rotate-key"]).await;
    assert_eq!(beside.status.code(), Some(75), "the daemon runs: {beside:?}");
    assert_eq!(daemon.terminate().await, Some(0));
    let key = station.dir.path().join("keys/database.key");
    let begun = tokio::time::Instant::now();
    assert!(station.run(&["rotate-key"]).await.status.success());
    // At any moment of it, or a little after.
    let mut kills = Kills::new(25, 58, begun.elapsed() * 4 / 3);
    loop {
        let before = fs::read(&key).unwrap();
        let Some(round) = kills.next(&station, &["rotate-key"]).await else { break };
        let output = station.run(&["status", "--json"]).await;
        assert!(output.status.success(), "round {round}: {output:?}");
        let status = json(&output);
        assert_eq!(status["counts"]["delivered"], 5, "round {round}: {status}");
        assert_eq!((&status["roster"]["cards"], &status["quarantined"]), (&300.into(), &serde_json::json!([])), "round {round}");
        let found = json(&station.run(&["lookup", &card, "--json"]).await);
        assert_eq!(found["verdict"]["standing"], "valid", "round {round}");
        kills.count(fs::read(&key).unwrap() != before);
        let left = fs::read_dir(station.dir.path().join("keys")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with("database.key.")).collect();
        assert!(left.is_empty(), "round {round}: {left:?}");
    }
    println!("{} times the new key, {} times the old one, 0 unreadable", kills.done, kills.undone);
    let rotated = station.run(&["rotate-key", "--english"]).await;
    assert!(rotated.status.success(), "{rotated:?}");
    assert_eq!(station.run(&["integrity-check"]).await.status.code(), Some(0));
    let daemon = station.started().await;
    station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

/// A backup from before a change of keys is put back under the present one.
#[tokio::test]
async fn a_backup_under_an_older_key_is_put_back_under_the_present_one() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    let visit = station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    assert!(station.run(&["rotate-key"]).await.status.success());
    let file = elsewhere.files(".db").remove(0);
    let keys = station.dir.path().join("keys");
    let is_former = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("database.key.before-");
    let former = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).find(is_former).expect("backups are under it");
    let away = station.dir.path().join("former.key");
    fs::rename(&former, &away).unwrap();
    assert_eq!(station.run(&["restore", file.to_str().unwrap()]).await.status.code(), Some(65), "the present key does not open it");
    let identity = elsewhere.identity_file();
    let restored = station.run(&["restore", file.to_str().unwrap(), "--identity", identity.to_str().unwrap()]).await;
    assert!(restored.status.success(), "{restored:?}");
    fs::rename(&away, &former).unwrap();
    let restored = station.run(&["restore", file.to_str().unwrap(), "--json"]).await;
    assert!(restored.status.success(), "by itself with the key that was kept: {restored:?}");
    let daemon = station.started().await;
    synced_until(&station, "settled", all_sent).await;
    let shown = json(&station.run(&["visit", &visit.to_string(), "--json"]).await);
    assert!(shown.to_string().contains(&visit.to_string()), "{shown}");
    assert_eq!(daemon.terminate().await, Some(0));
}
