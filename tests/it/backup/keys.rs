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

/// Empty, cut off, or something else: it was called a lost key, and then in the way of the one that was brought back.
#[tokio::test]
async fn a_file_that_is_no_key_was_in_the_way_of_the_key_that_came_back() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    station.check_in(&card).await.unwrap();
    back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let keys = station.dir.path().join("keys");
    let path = keys.join("database.key");
    let right = fs::read(&path).unwrap();
    let (file, sealed, identity) = (elsewhere.files(".db").remove(0), elsewhere.files(".key.age").remove(0), elsewhere.identity_file());
    let identity = ["--identity", identity.to_str().unwrap()];
    let aside = || {
        let mut found: Vec<_> = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("database.key."));
        found
    };
    for content in [&b""[..], &right[..40], b"\xff\xfe", &[&right[..64], b"0"].concat()] {
        for (verb, given) in [("recover-key", &sealed), ("restore", &file)] {
            fs::remove_file(&path).unwrap();
            fs::write(&path, content).unwrap();
            let status = station.run(&["status"]).await;
            let told = String::from_utf8_lossy(&status.stderr).into_owned();
            assert_eq!(status.status.code(), Some(78), "{told}");
            let advised = told.contains("sudo -u bhyt-agent bhyt-agent recover-key");
            // With another's identity nothing is moved.
            let stranger = Elsewhere::new();
            let refused = station.run(&[verb, given.to_str().unwrap(), "--identity", stranger.identity_file().to_str().unwrap()]).await;
            assert!(!refused.status.success() && aside().is_empty() && fs::read(&path).unwrap() == content, "{verb}: {refused:?}");
            let done = station.run(&[&[verb, given.to_str().unwrap()][..], &identity].concat()).await;
            let told = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(done.status.success(), "{verb} {content:?}: {done:?}");
            assert_eq!(fs::read(&path).unwrap(), right);
            let [moved] = &aside()[..] else { panic!("one file beside: {:?}", aside()) };
            let name = moved.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with("database.key.not-a-key-") && told.contains(name), "{told}");
            assert_eq!(fs::read(moved).unwrap(), content, "as it was");
            assert!(advised, "as it is typed");
            assert!(station.run(&["status"]).await.status.success());
            fs::remove_file(moved).unwrap();
        }
    }
}

/// A key that is there stays, and the refusal said no more than that.
#[tokio::test]
async fn a_wrong_key_was_in_the_way_of_the_right_one_and_nothing_said_how_to_move_it() {
    let Place { province: _province, elsewhere, station, daemon, .. } = Place::backed_up(20).await;
    back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let path = station.dir.path().join("keys/database.key");
    let right = fs::read(&path).unwrap();
    let (sealed, identity) = (elsewhere.files(".key.age").remove(0), elsewhere.identity_file());
    let recover = async || station.run(&["recover-key", sealed.to_str().unwrap(), "--identity", identity.to_str().unwrap()]).await;
    let said = recover().await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.code() == Some(78) && told.contains("đúng khóa của các tệp này") && !told.contains("sudo mv"), "{told}");
    let wrong = format!("{}\n", "ab".repeat(32));
    fs::remove_file(&path).unwrap();
    fs::write(&path, &wrong).unwrap();
    let said = recover().await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!((said.status.code(), fs::read_to_string(&path).unwrap()), (Some(78), wrong.clone()), "{told}");
    // As it is typed, by root already.
    let (_, after) = told.split_once("sudo mv ").unwrap_or_else(|| panic!("{told}"));
    let (command, next) = after.split_once(';').unwrap();
    assert!(next.contains("sudo -u bhyt-agent bhyt-agent recover-key"), "{told}");
    let moved = std::process::Command::new("sh").args(["-c", &format!("mv {command}")]).status().unwrap();
    assert!(moved.success() && !path.exists());
    let said = recover().await;
    assert!(said.status.success(), "{said:?}");
    assert_eq!(fs::read(&path).unwrap(), right);
    let kept = command.split_whitespace().last().unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), wrong, "it is put aside and not lost");
}
