//! The day on which the computer dies: copies made beside the desk, put back on another machine, and what the province says to that.
//!
//! Promise: the real daemon, the real command line, the real province; whoever opens a backup has nothing but its files and an age identity. Never: a person who
//! exists.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;

use crate::power_cut::number;
use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// Where backups go, and who can open them.
pub(crate) struct Elsewhere {
    pub(crate) dir: TempDir,
    identity: Identity,
}

impl Elsewhere {
    pub(crate) fn new() -> Self {
        let elsewhere = Self { dir: tempfile::tempdir().unwrap(), identity: Identity::generate() };
        fs::create_dir(elsewhere.folder()).unwrap();
        let text = format!("# the administrator's\n{}\n", elsewhere.identity.to_string().expose_secret());
        fs::write(elsewhere.identity_file(), text).unwrap();
        elsewhere
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    fn identity_file(&self) -> PathBuf {
        self.dir.path().join("identity.txt")
    }

    /// Adds the table to a station's configuration.
    pub(crate) fn configure(&self, station: &TestStation) {
        let mut text = fs::read_to_string(&station.config).unwrap();
        let (folder, recipient) = (self.folder(), self.identity.to_public());
        let _ = writeln!(text, "[backup]\nfolder = \"{}\"\nrecipients = [\"{recipient}\"]", folder.display());
        fs::write(&station.config, text).unwrap();
    }

    pub(crate) fn files(&self, end: &str) -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.to_str().unwrap().ends_with(end));
        found.sort();
        found
    }
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn all_sent(status: &Value) -> bool {
    status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0
}

fn codes(status: &Value) -> Vec<&str> {
    status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

async fn synced_until(station: &TestStation, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, async || {
        station.ask(&bhyt_agent::control::contract::Request::SyncNow).await.ok()?;
        station.ask(&bhyt_agent::control::contract::Request::Status).await.ok().filter(&fits)
    })
    .await
}

fn settled(status: &Value) -> bool {
    all_sent(status) && status["contact"]["succeeded_at"].is_string() && status["contact"]["is_active"] == false
}

async fn back_up(station: &TestStation) -> Value {
    let output = station.run(&["backup", "--json"]).await;
    assert!(output.status.success(), "{output:?}");
    json(&output)
}

/// F11: the backup is older than the last visits. What the province has of them it tells, what waits it takes once.
#[tokio::test]
async fn f11_a_station_that_is_put_back_on_a_new_computer_learns_what_it_lacks_and_sends_nothing_twice() {
    let mut province = TestProvince::new(100).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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

/// F60: the key of the files is gone with its disk; they are here.
#[tokio::test]
async fn f60_a_lost_key_comes_back_out_of_the_sealed_copy_and_every_unsent_visit_arrives() {
    let mut province = TestProvince::new(50).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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

#[tokio::test]
async fn a_restore_beside_the_daemon_or_from_a_damaged_file_changes_nothing_and_what_was_there_is_set_aside() {
    let province = TestProvince::new(50).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
    let status = synced_until(&station, "told", |status| settled(status) && status["machine"]["ahead"].is_object()).await;
    assert_eq!(status["machine"]["ahead"]["visits"], 1);
    assert!(!codes(&status).contains(&"quarantined.visits"), "nothing was damaged: {:?}", codes(&status));
    assert_eq!(province.stored().get(&later), Some(&1));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_is_told_since_when_and_the_old_ones_stay() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    assert_eq!(station.run(&["backup"]).await.status.code(), Some(78), "it is not set up");
    elsewhere.configure(&station);
    let daemon = station.loaded().await;
    let made = back_up(&station).await;
    let status = station.status().await;
    assert!(status["backup"]["good_at"].is_string() && status["backup"]["failing"].is_null(), "{status}");
    let (folder, away) = (elsewhere.folder(), elsewhere.dir.path().join("away"));
    fs::rename(&folder, &away).unwrap();
    let refused = station.run(&["backup", "--json"]).await;
    assert_eq!(refused.status.code(), Some(74), "{refused:?}");
    let status = station.status().await;
    assert_eq!(status["backup"]["failing"]["code"], "file");
    let since = status["backup"]["failing"]["since"].clone();
    assert!(codes(&status).contains(&"backup.failing") && since.is_string());
    assert!(!folder.exists(), "a stick that is not in is not made");
    assert_eq!(daemon.terminate().await, Some(0));
    let status = json(&station.run(&["status", "--json"]).await);
    assert_eq!(status["backup"]["failing"]["since"], since, "also without the service, and since the first time");
    fs::rename(&away, &folder).unwrap();
    // Without the daemon too.
    assert_eq!(back_up(&station).await["visits"], made["visits"]);
    assert_eq!(elsewhere.files(".db").len() + elsewhere.files(".key.age").len(), 2, "of one day the newest stays");
    let status = json(&station.run(&["status", "--json"]).await);
    assert!(status["backup"]["failing"].is_null());
}

/// F10: the file that was damaged while the province was away still holds what it never got.
#[tokio::test]
async fn f10_visits_of_a_damaged_file_are_taken_back_and_arrive_once() {
    let mut province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
    let mut province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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

/// A small file system in the place of a folder, taken away at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    fn mount(folder: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(folder).output();
        let disk = mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder.to_owned()));
        if disk.is_none() {
            println!("skipped: no file system can be mounted here");
        }
        disk
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// F07 where copies go: said since when, the copies that are there stay, and the next one is made when there is room.
#[tokio::test]
async fn f07_a_disk_of_backups_that_is_full_is_told_until_one_finds_room() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let Some(_disk) = SmallDisk::mount(&elsewhere.folder()) else { return };
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    station.check_in(&card).await.unwrap();
    back_up(&station).await;
    let good: Vec<_> = elsewhere.files(".db").into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let filler = elsewhere.folder().join("pictures");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 512]).is_ok() {}
    drop(file);
    for _ in 0..2 {
        let refused = station.run(&["backup", "--json"]).await;
        assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(73), "disk_full".into()), "{refused:?}");
    }
    let status = station.status().await;
    assert_eq!(status["backup"]["failing"]["code"], "disk_full", "{status}");
    assert!(codes(&status).contains(&"backup.failing") && status["backup"]["failing"]["since"].is_string());
    assert_eq!(elsewhere.files("").len(), 3, "the copy, its key, and what fills the disk");
    assert!(good.iter().all(|(bytes, path)| fs::read(path).unwrap() == *bytes));
    // The desk has another disk.
    station.check_in(&card).await.unwrap();
    fs::remove_file(filler).unwrap();
    assert_eq!(back_up(&station).await["visits"], 2);
    let status = station.status().await;
    assert!(status["backup"]["failing"].is_null() && !codes(&status).contains(&"backup.failing"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// F58: `kill -9` at random moments of a change of keys. `BHYT_KILLS` sets their number, `BHYT_SEED` the seed.
#[tokio::test]
async fn f58_a_change_of_keys_that_is_killed_anywhere_leaves_everything_readable() {
    let (kills, seed) = (number("BHYT_KILLS", 25), number("BHYT_SEED", 58));
    println!("{kills} kills, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    println!("undisturbed it takes {whole} microseconds");
    let (mut changed, mut undone) = (0, 0);
    for round in 0..kills {
        let before = fs::read(&key).unwrap();
        let mut command = Command::new(AGENT);
        command.arg("rotate-key").arg("--config").arg(&station.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // At any moment of it, or a little after.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..whole * 4 / 3))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let output = station.run(&["status", "--json"]).await;
        assert!(output.status.success(), "round {round}: {output:?}");
        let status = json(&output);
        assert_eq!(status["counts"]["delivered"], 5, "round {round}: {status}");
        assert_eq!((&status["roster"]["cards"], &status["quarantined"]), (&300.into(), &serde_json::json!([])), "round {round}");
        let found = json(&station.run(&["lookup", &card, "--json"]).await);
        assert_eq!(found["verdict"]["standing"], "valid", "round {round}");
        if fs::read(&key).unwrap() == before {
            undone += 1;
        } else {
            changed += 1;
        }
        let left = fs::read_dir(station.dir.path().join("keys")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with("database.key.")).collect();
        assert!(left.is_empty(), "round {round}: {left:?}");
    }
    println!("{changed} times the new key, {undone} times the old one, 0 unreadable");
    let rotated = station.run(&["rotate-key", "--english"]).await;
    assert!(rotated.status.success(), "{rotated:?}");
    assert_eq!(station.run(&["integrity-check"]).await.status.code(), Some(0));
    let daemon = station.started().await;
    station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    assert_eq!(daemon.terminate().await, Some(0));
    if kills >= 20 {
        assert!(changed > 0 && undone > 0, "{changed} and {undone}: the kills come too early or too late");
    }
}

/// A backup from before a change of keys is put back under the present one.
#[tokio::test]
async fn a_backup_under_an_older_key_is_put_back_under_the_present_one() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    let visit = station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    back_up(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    assert!(station.run(&["rotate-key"]).await.status.success());
    let file = elsewhere.files(".db").remove(0);
    assert_eq!(station.run(&["restore", file.to_str().unwrap()]).await.status.code(), Some(65), "the present key does not open it");
    let identity = elsewhere.identity_file();
    let restored = station.run(&["restore", file.to_str().unwrap(), "--identity", identity.to_str().unwrap()]).await;
    assert!(restored.status.success(), "{restored:?}");
    let daemon = station.started().await;
    synced_until(&station, "settled", all_sent).await;
    let shown = json(&station.run(&["visit", &visit.to_string(), "--json"]).await);
    assert!(shown.to_string().contains(&visit.to_string()), "{shown}");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn one_persons_data_are_given_and_erased_and_what_is_not_sent_is_kept_and_said() {
    let mut province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    province.switch_off().await;
    station.check_in(&card).await.unwrap();
    let export = json(&station.run(&["person", "export", &card, "--json"]).await);
    assert_eq!(export["visits"].as_array().unwrap().len(), 2, "{export}");
    assert_eq!(export["visits"][0]["person"]["card_number"], *card);
    let erased = station.run(&["person", "erase", &card, "--json"]).await;
    assert_eq!(erased.status.code(), Some(75), "one is not sent yet: {erased:?}");
    assert_eq!((&json(&erased)["removed"], &json(&erased)["kept"]), (&1.into(), &1.into()));
    province.switch_on().await;
    synced_until(&station, "sent", all_sent).await;
    let erased = station.run(&["person", "erase", &card, "--english"]).await;
    assert_eq!(erased.status.code(), Some(0), "{erased:?}");
    assert!(String::from_utf8(erased.stdout).unwrap().contains("ERASED from this computer, visits: 1."));
    let nobody = station.run(&["person", "erase", &card]).await;
    assert_eq!(nobody.status.code(), Some(65), "{nobody:?}");
    assert!(String::from_utf8(nobody.stdout).unwrap().contains("KHÔNG TÌM THẤY"), "nothing was erased, and that is said");
    assert_eq!(station.run(&["person", "erase", "no number"]).await.status.code(), Some(65));
    assert_eq!(daemon.terminate().await, Some(0));
    let export = json(&station.run(&["person", "export", &card, "--json"]).await);
    assert_eq!(export["visits"], serde_json::json!([]), "also without the daemon");
    let log = String::from_utf8(station.run(&["access-log", "--json", "--limit", "100"]).await.stdout).unwrap();
    assert!(log.contains("person_erased") && log.contains("person_exported") && !log.contains(&card));
}

#[tokio::test]
async fn restore_and_recover_key_name_the_cause_and_blame_another_key_last() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
async fn a_verb_without_the_service_leaves_a_damaged_file_as_it_is_and_answers_nothing_from_an_empty_one() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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

#[tokio::test]
async fn another_stations_backup_is_refused_under_whatever_name_and_nothing_is_sent_from_it() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
    let mut province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
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
