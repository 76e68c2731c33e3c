//! Who a station is to the province: enrolled while it runs, renewed, replaced, copied, put back.
//!
//! Promise: the real daemon, the real command line and the real province; processes are killed, never asked to pretend.

use crate::support::ports;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use chrono::TimeDelta;
use provincial::Fault;
use serde_json::Value;

use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// Copies a folder and all in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_file() {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Puts a folder back to what another one holds.
fn put_back(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    copy(from, to);
}

/// The same station on another machine: data, keys and configuration, at another port and socket.
pub(crate) fn copied_machine(station: &TestStation) -> TestStation {
    let dir = tempfile::tempdir().unwrap();
    copy(&station.dir.path().join("data"), &dir.path().join("data"));
    copy(&station.dir.path().join("keys"), &dir.path().join("keys"));
    fs::copy(station.dir.path().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
    let page = ports::address();
    let text = fs::read_to_string(&station.config).unwrap();
    let text = text.replace(station.dir.path().to_str().unwrap(), dir.path().to_str().unwrap());
    let config = dir.path().join("bhyt-agent.toml");
    fs::write(&config, text.replace(&station.page.to_string(), &page.to_string())).unwrap();
    let socket = dir.path().join("control.sock");
    TestStation { dir, config, socket, page }
}

fn code(province: &TestProvince) -> String {
    province.province.enrolment_code(STATION).unwrap()
}

/// Takes another identity; what was said.
async fn replace(station: &TestStation, code: &str) -> (Option<i32>, String) {
    let output = station.run(&["replace-this-machine", "--code", code]).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Asks for everything again and again until things stand so.
async fn synced_until(station: &TestStation, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, async || {
        station.ask(&Request::SyncNow).await.ok()?;
        station.ask(&Request::Status).await.ok().filter(&fits)
    })
    .await
}

fn codes(status: &Value) -> Vec<&str> {
    status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

fn all_sent(status: &Value) -> bool {
    status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0
}

fn installs(province: &TestProvince) -> Vec<String> {
    province.province.station_reports().unwrap().into_iter().filter_map(|report| report.install).map(|id| id.to_string()).collect()
}

fn keys(station: &TestStation) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(station.dir.path().join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap_or_default()))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_daemon_without_a_certificate_goes_on_by_itself_when_it_is_enrolled() {
    let province = TestProvince::new(100).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    let daemon = station.started().await;
    assert_eq!(station.status().await["link"], "not_enrolled");
    let visit = station.check_in(&province.person_in_force().card).await.unwrap();
    // Beside the running daemon, which holds the folder.
    station.enrol(&province).await;
    assert_eq!(station.status().await["link"], "ready", "before the command has ended");
    station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
    station.status_when("the visit is sent", all_sent).await;
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn keys_that_are_mended_are_noticed_without_a_restart() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let (path, aside) = (station.dir.path().join("keys/feed.key"), station.dir.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    let daemon = station.started().await;
    assert_eq!(station.status().await["link"], "unusable");
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["link"], "unusable", "nothing has changed");
    fs::rename(&aside, &path).unwrap();
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["link"], "ready");
    station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

/// A pipe in the place of a key file is open for reading exactly while the daemon reads the keys.
#[tokio::test]
async fn keys_that_change_while_they_are_read_are_noticed() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let (path, aside) = (station.dir.path().join("keys/feed.key"), station.dir.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let daemon = station.start();
    let change = move || {
        let mut writer = fs::File::options().write(true).open(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        writer.write_all(b"no key").unwrap();
    };
    tokio::task::spawn_blocking(change).await.unwrap();
    assert_eq!(station.status().await["link"], "unusable");
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["link"], "ready");
    station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn another_identity_is_taken_while_the_daemon_runs_and_the_roster_stays_readable() {
    let mut province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let (before, install) = (keys(&station), installs(&province));

    let (exit, said) = replace(&station, "WRNGCDE9").await;
    assert_eq!((exit, keys(&station) == before), (Some(77), true), "{said}");
    assert!(said.contains("CHƯA THAY, mọi thứ vẫn như cũ: mã đăng ký không đúng"), "{said}");
    assert_eq!(replace(&station, "short").await.0, Some(65));
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["pull"]["failing"], Value::Null, "the old identity works on");

    let card = province.person_in_force().card;
    let fresh = code(&province);
    province.switch_off().await;
    let visit = station.check_in(&card).await.unwrap();
    assert_eq!(replace(&station, &fresh).await.0, Some(69), "the province is not there");
    assert!(keys(&station) == before);
    province.switch_on().await;
    let (exit, said) = replace(&station, &fresh).await;
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("Máy này đã nhận khóa và chứng thư mới của trạm"), "{said}");
    assert_eq!(station.lookup(&card).await["verdict"]["standing"], "valid", "from the roster that was there");
    let after = keys(&station);
    for (name, content) in &before {
        let is_the_same = after.contains(&(name.clone(), content.clone()));
        assert_eq!(is_the_same, ["database.key", "index.pub", "intake.pub"].contains(&name.as_str()), "{name}");
    }
    assert_eq!(after.len(), before.len(), "nothing is left beside the keys");
    assert_ne!(installs(&province), install);
    synced_until(&station, "all sent", |status| all_sent(status) && status["pull"]["failing"].is_null()).await;
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_eq!(daemon.terminate().await, Some(0));
    let (exit, said) = replace(&station, &fresh).await;
    assert_eq!(exit, Some(77), "{said}");
    assert!(said.contains("mã đăng ký đã dùng rồi"), "{said}");
}

#[tokio::test]
async fn a_lost_answer_to_another_identity_is_told_as_such_and_made_up_for_with_the_same_code() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let (before, install) = (keys(&station), installs(&province));
    let fresh = code(&province);
    province.province.faults().set(Fault::EnrolDrops(1));
    let (exit, said) = replace(&station, &fresh).await;
    assert_eq!(exit, Some(69), "{said}");
    assert!(said.contains("CHƯA BIẾT tỉnh đã thay máy này chưa") && said.contains("đúng mã đó"), "{said}");
    province.province.faults().clear();
    let visit = station.check_in(&province.person_in_force().card).await.unwrap();
    // Refused as one that was replaced, which is this machine's own doing: nobody is told to stop it.
    let open = |status: &Value| {
        status["contact"]["failing"]["message"].as_str().is_some_and(|text| text.contains("ĐÚNG MÃ ĐÓ"))
            && codes(status).contains(&"identity_open")
    };
    let status = synced_until(&station, "the old identity is refused", open).await;
    assert!(!codes(&status).contains(&"refused.replaced_certificate"), "{status}");
    let english = station.run(&["status", "--english"]).await;
    let english = String::from_utf8(english.stdout).unwrap();
    assert!(english.contains("replace-this-machine --code - again with THE SAME CODE") && !english.contains("stop it"), "{english}");

    // Whatever comes between, the keys that the province has certified wait.
    let (exit, said) = replace(&station, "WRNGCDE9").await;
    assert_eq!(exit, Some(77), "{said}");
    assert!(said.contains("LẦN NÀY CHƯA THAY: mã đăng ký không đúng") && said.contains("vẫn được giữ"), "{said}");
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    let (exit, said) = replace(&station, &fresh).await;
    assert_eq!(exit, Some(0), "{said}");
    let status = synced_until(&station, "all sent", |status| all_sent(status) && status["contact"]["failing"].is_null()).await;
    assert!(!codes(&status).contains(&"identity_open"), "{status}");
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_eq!(keys(&station).len(), before.len(), "nothing is left beside the keys");
    assert_ne!(installs(&province), install);
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_lost_answer_to_an_enrolment_is_told_as_such_and_made_up_for_with_the_same_code() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    let fresh = code(&province);
    let init = async |code: &str| {
        let output = station.run(&["init", "--code", code]).await;
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    province.province.faults().set(Fault::EnrolDrops(1));
    let (exit, said) = init(&fresh).await;
    assert_eq!(exit, Some(69), "{said}");
    assert!(said.contains("CHƯA BIẾT tỉnh đã nhận đăng ký chưa") && said.contains("đúng mã đó"), "{said}");
    province.province.faults().clear();
    let daemon = station.started().await;
    let status = station.status().await;
    assert!(codes(&status).contains(&"identity_open") && !codes(&status).contains(&"link.not_enrolled"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
    let (exit, said) = init("WRNGCDE9").await;
    assert_eq!(exit, Some(77), "{said}");
    assert!(said.contains("CHƯA ĐĂNG KÝ: mã đăng ký không đúng"), "{said}");
    for _ in 0..2 {
        let (exit, said) = init(&fresh).await;
        assert_eq!(exit, Some(0), "{said}");
    }
    let daemon = station.loaded().await;
    let status = station.status().await;
    assert!(!codes(&status).contains(&"identity_open"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
    let left = keys(&station).into_iter().any(|(name, _)| name == "enrolment-asked");
    assert!(!left, "nothing is left beside the keys");
}

/// While nothing is enrolled and a daemon runs: it tells at once, and a code that was never taken leaves nothing open.
#[tokio::test]
async fn a_daemon_tells_of_an_enrolment_that_is_open_and_not_of_one_that_was_refused() {
    let province = TestProvince::new(20).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    let daemon = station.started().await;
    assert_eq!(station.run(&["init", "--code", "WRNGCDE9"]).await.status.code(), Some(77));
    let status = station.status().await;
    assert!(codes(&status).contains(&"link.not_enrolled") && !codes(&status).contains(&"identity_open"), "{status}");
    province.province.faults().set(Fault::EnrolDrops(1));
    let fresh = code(&province);
    assert_eq!(station.run(&["init", "--code", &fresh]).await.status.code(), Some(69));
    province.province.faults().clear();
    station.status_when("told", |status| codes(status).contains(&"identity_open")).await;
    assert_eq!(station.run(&["init", "--code", &fresh]).await.status.code(), Some(0));
    station.status_when("settled", |status| status["link"] == "ready" && !codes(status).contains(&"identity_open")).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

/// The keys are all there, and the data folder is not: whoever looks at the numbers sees nothing wrong.
#[tokio::test]
async fn a_data_folder_that_began_anew_beside_its_keys_is_told_and_the_province_shows_the_record_that_runs() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    station.check_in(&card).await.unwrap();
    let status = synced_until(&station, "sent", |status| all_sent(status) && status["contact"]["succeeded_at"].is_string()).await;
    assert!(!codes(&status).contains(&"other_record"), "{status}");
    let before = installs(&province);
    assert_eq!(daemon.terminate().await, Some(0));
    let data = station.dir.path().join("data");
    fs::rename(&data, station.dir.path().join("data-lost")).unwrap();

    let daemon = station.started().await;
    let status = station.status().await;
    assert!(codes(&status).contains(&"other_record"), "{status}");
    station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", |status| all_sent(status) && status["contact"]["succeeded_at"].is_string()).await;
    assert_eq!(province.stored().len(), 2);
    let reports = province.province.station_reports().unwrap();
    let current: Vec<_> =
        reports.iter().filter(|report| report.station == STATION).map(|report| (report.current, report.install)).collect();
    assert_eq!(current.len(), 2);
    assert!(current[0].0 && !current[1].0 && current[1].1.map(|id| id.to_string()) == before.first().cloned(), "{current:?}");
    assert_eq!(daemon.terminate().await, Some(0));

    // Found: put back, and nothing is told any more.
    fs::rename(&data, station.dir.path().join("data-new")).unwrap();
    fs::rename(station.dir.path().join("data-lost"), &data).unwrap();
    let daemon = station.started().await;
    let status = station.status().await;
    assert!(!codes(&status).contains(&"other_record"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// F10: what is told of a damaged record ends when somebody has dealt with it.
#[tokio::test]
async fn f10_a_damaged_record_whose_visits_were_taken_back_is_no_new_record_to_anybody() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let file = station.dir.path().join("data/visits.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[2000] ^= 0x10;
    fs::write(&file, bytes).unwrap();

    let daemon = station.started().await;
    let status = station.status().await;
    assert!(codes(&status).contains(&"quarantined.visits") && !codes(&status).contains(&"other_record"), "{status}");
    assert_eq!(station.run(&["quarantine", "salvage"]).await.status.code(), Some(0));
    synced_until(&station, "sent", all_sent).await;
    let listed: Value = serde_json::from_slice(&station.run(&["quarantine", "list", "--json"]).await.stdout).unwrap();
    let name = listed["files"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(station.run(&["quarantine", "drop", &name]).await.status.code(), Some(0));
    let told = |status: &Value| codes(status).iter().any(|code| ["quarantined.visits", "other_record"].contains(code));
    assert!(!told(&station.status().await), "{}", station.status().await);
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    assert!(!told(&station.status().await), "nor after a restart: {}", station.status().await);
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_code_that_does_not_enrol_a_station_that_is_enrolled_is_told_so() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    let used = code(&province);
    assert!(station.run(&["init", "--code", &used]).await.status.success());
    let before = keys(&station);
    province.province.faults().set(Fault::ClockSkew(24 * 3600 + 60));
    for (code, exit, why) in [(&*used, 77, "mã đăng ký đã dùng rồi"), ("WRNGCDE9", 77, "mã đăng ký không đúng"), ("short", 65, "8 chữ")]
    {
        let output = station.run(&["init", "--code", code]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains("TRẠM ĐÃ ĐĂNG KÝ từ trước và vẫn như cũ") && said.contains(why), "{said}");
        assert!(!said.contains("CHƯA ĐĂNG KÝ"), "{said}");
    }
    province.province.faults().clear();
    assert!(keys(&station) == before);
    assert_eq!(station.loaded().await.terminate().await, Some(0));
}

/// Both sides of the sentence: what the station says, and what the province does with its stick.
#[tokio::test]
async fn a_revoked_station_is_not_sent_to_the_province_with_a_stick_that_is_refused_there() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    province.province.revoke(STATION).unwrap();
    let visit = station.check_in(&province.person_in_force().card).await.unwrap();
    let told = |status: &Value| status["push"]["failing"]["message"].as_str().is_some_and(|text| text.contains("đã thu hồi chứng thư"));
    let status = synced_until(&station, "told that it is revoked", told).await;
    let said = status["push"]["failing"]["message"].as_str().unwrap();
    assert!(said.contains("kể cả qua USB") && said.contains("gọi tỉnh") && !said.contains("chép lượt"), "{said}");
    let stick = tempfile::tempdir().unwrap();
    assert!(station.run(&["carry-out", stick.path().to_str().unwrap()]).await.status.success());
    let (taken, place) = (province.province.clone(), stick.path().to_owned());
    let taken = tokio::task::spawn_blocking(move || taken.carry_in(&place).unwrap()).await.unwrap();
    assert!(!taken.is_empty() && taken.iter().all(|file| file.outcome.is_err()));
    assert!(province.stored().is_empty());
    assert_eq!(replace(&station, &code(&province)).await.0, Some(0));
    synced_until(&station, "all sent", all_sent).await;
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Every state a cut can leave between the decision and its end: made of the keys before and after, as the renames leave them.
#[tokio::test]
async fn a_change_of_identity_that_was_cut_after_the_answer_is_ended_at_the_next_start() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    assert_eq!(daemon.terminate().await, Some(0));
    let place = station.dir.path().to_owned();
    copy(&place.join("data"), &place.join("data-before"));
    copy(&place.join("keys"), &place.join("keys-before"));
    assert_eq!(replace(&station, &code(&province)).await.0, Some(0));
    copy(&place.join("data"), &place.join("data-after"));
    copy(&place.join("keys"), &place.join("keys-after"));
    let install = installs(&province)[0].clone();

    let order = ["station.key.pem", "feed.key", "index.pub", "intake.pub", "station.crt.pem"];
    for moved in 0..=order.len() {
        for data in ["data-before", "data-after"] {
            put_back(&place.join(data), &place.join("data"));
            put_back(&place.join("keys-before"), &place.join("keys"));
            let next = place.join("keys/next");
            fs::create_dir(&next).unwrap();
            fs::write(next.join("install"), &install).unwrap();
            for (at, name) in order.iter().enumerate() {
                let to = if at < moved { place.join("keys") } else { next.clone() };
                let _ = fs::remove_file(to.join(name));
                fs::copy(place.join("keys-after").join(name), to.join(name)).unwrap();
            }
            if moved == order.len() && data == "data-before" {
                // The record has its identity before the first file moves.
                continue;
            }
            let daemon = station.started().await;
            assert_eq!(station.ask(&Request::ReloadKeys).await.unwrap()["install"], *install, "{moved} moved, {data}");
            let status = station.ask(&Request::SyncNow).await.unwrap();
            assert_eq!((&status["link"], &status["pull"]["failing"]), (&"ready".into(), &Value::Null), "{moved} moved, {data}");
            assert!(!next.join("station.crt.pem").exists());
            assert_eq!(daemon.terminate().await, Some(0));
        }
    }
}

#[tokio::test]
async fn a_change_of_identity_that_is_killed_at_any_moment_leaves_one_that_works_or_can_be_taken_again() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    assert_eq!(station.loaded().await.terminate().await, Some(0));
    let (mut old, mut new, mut again) = (0, 0, 0);
    let mut visits = 0;
    for round in 0..12_u64 {
        let before = installs(&province);
        let mut command = Command::new(AGENT);
        command.args(["replace-this-machine", "--code", &code(&province), "--config"]).arg(&station.config);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(10 * round * round / 4)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let daemon = station.started().await;
        station.check_in(&card).await.unwrap();
        visits += 1;
        let status = synced_until(&station, "sent or refused", |status| {
            all_sent(status) || matches!(status["push"]["failing"]["code"].as_str(), Some("refused" | "untrusted"))
        })
        .await;
        if all_sent(&status) {
            if installs(&province) == before { old += 1 } else { new += 1 }
        } else {
            // The province had certified a key whose certificate never came.
            again += 1;
            let (exit, said) = replace(&station, &code(&province)).await;
            assert_eq!(exit, Some(0), "{said}");
            synced_until(&station, "all sent", all_sent).await;
        }
        assert_eq!(daemon.terminate().await, Some(0));
        assert_eq!(province.stored().len(), visits);
    }
    println!("killed in the middle: {old} times the old identity, {new} times the new one, {again} times taken again");
    assert!(old > 0);
}

/// A station that was enrolled with a certificate of the past.
async fn expired(province: &TestProvince, days: i64) -> TestStation {
    province.province.set_certificate_life(TimeDelta::days(365 + days), TimeDelta::days(-days)).unwrap();
    let station = TestStation::enrolled(province).await;
    province.province.set_certificate_life(TimeDelta::days(1), TimeDelta::days(365)).unwrap();
    station
}

#[tokio::test]
async fn f65_a_certificate_that_ended_while_the_station_was_offline_is_renewed_at_the_next_contact() {
    let province = TestProvince::new(20).await;
    let station = expired(&province, 100).await;
    let before = fs::read(station.dir.path().join("keys/station.crt.pem")).unwrap();
    let daemon = station.started().await;
    let visit = station.check_in(&province.person_in_force().card).await.unwrap();
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("the visit is sent", all_sent).await;
    station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_ne!(fs::read(station.dir.path().join("keys/station.crt.pem")).unwrap(), before, "and on the disk");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn f65_a_certificate_that_ended_too_long_ago_is_said_to_and_another_identity_helps() {
    let province = TestProvince::new(20).await;
    for verb in ["replace-this-machine", "init"] {
        let station = expired(&province, 200).await;
        let daemon = station.started().await;
        let visit = station.check_in(&province.person_in_force().card).await.unwrap();
        let too_late = |status: &Value| status["contact"]["failing"]["message"].as_str().is_some_and(|text| text.contains("180 ngày"));
        let status = synced_until(&station, "said to be too late", too_late).await;
        let said = status["contact"]["failing"]["message"].as_str().unwrap();
        assert!(said.contains("replace-this-machine --code"), "{said}");
        assert_eq!(status["outbox"]["pending"], 1);
        let output = station.run(&[verb, "--code", &code(&province)]).await;
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
        synced_until(&station, "all goes on", |status| all_sent(status) && status["contact"]["failing"].is_null()).await;
        assert!(province.stored().contains_key(&visit));
        assert_eq!(daemon.terminate().await, Some(0));
    }
}

#[tokio::test]
async fn f12_a_copied_disk_is_noticed_by_both_and_no_visit_is_lost() {
    let province = TestProvince::new(20).await;
    let first = TestStation::enrolled(&province).await;
    let daemon = first.loaded().await;
    let contacted = |status: &Value| status["contact"]["succeeded_at"].is_string();
    synced_until(&first, "a contact was made", contacted).await;
    assert_eq!(first.status().await["machine"]["state"], "known");
    assert_eq!(daemon.terminate().await, Some(0));
    let second = copied_machine(&first);
    let daemons = [first.started().await, second.started().await];
    let card = province.person_in_force().card;
    let mut visits = Vec::new();
    for _ in 0..3 {
        for station in [&first, &second] {
            visits.push(station.check_in(&card).await.unwrap());
            synced_until(station, "sent", |status| all_sent(status) && contacted(status)).await;
        }
    }
    for station in [&first, &second] {
        synced_until(station, "told to be a copy", |status| status["machine"]["state"] == "copied").await;
    }
    let report = province.province.station_reports().unwrap().into_iter().find(|report| report.station == STATION).unwrap();
    assert_eq!(format!("{:?}", report.last.unwrap().machine), "Copied");
    assert!(visits.iter().all(|visit| province.stored().get(visit) == Some(&1)), "{:?}", province.stored());

    let (exit, said) = replace(&second, &code(&province)).await;
    assert_eq!(exit, Some(0), "{said}");
    synced_until(&second, "known again", |status| status["machine"]["state"] == "known").await;
    let last = first.check_in(&card).await.unwrap();
    let told = |status: &Value| status["contact"]["failing"]["message"].as_str().is_some_and(|text| text.contains("khác đã thay máy này"));
    let status = synced_until(&first, "told that another one has its place", told).await;
    let said = status["contact"]["failing"]["message"].as_str().unwrap();
    assert!(said.contains("Nếu đây là máy cũ") && said.contains("nếu là máy ở quầy"), "{said}");
    assert_eq!(status["outbox"]["pending"], 1);
    let stick = tempfile::tempdir().unwrap();
    let output = first.run(&["carry-out", stick.path().to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (taken, place) = (province.province.clone(), stick.path().to_owned());
    let taken = tokio::task::spawn_blocking(move || taken.carry_in(&place).unwrap()).await.unwrap();
    assert!(
        taken.iter().all(|file| file.outcome.is_ok()),
        "{:?}",
        taken.iter().map(|file| file.outcome.as_ref().err()).collect::<Vec<_>>()
    );
    assert_eq!(province.stored().get(&last), Some(&1));
    for daemon in daemons {
        assert_eq!(daemon.terminate().await, Some(0));
    }
}

#[tokio::test]
async fn f11_a_disk_that_fell_back_is_noticed_at_the_first_contact() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    // One contact each time, and none under way at the stop: one whose answer is lost is repeated, and looks like that also from an older disk.
    let contacted =
        |status: &Value| status["contact"]["succeeded_at"].is_string() && status["contact"]["is_active"] == false && all_sent(status);
    station.check_in(&card).await.unwrap();
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("a contact was made", contacted).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (data, older) = (station.dir.path().join("data"), station.dir.path().join("older"));
    fs::create_dir(&older).unwrap();
    fs::copy(data.join("visits.db"), older.join("visits.db")).unwrap();

    let daemon = station.started().await;
    for _ in 0..4 {
        station.check_in(&card).await.unwrap();
    }
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("a contact was made", contacted).await;
    assert_eq!(daemon.terminate().await, Some(0));
    fs::copy(older.join("visits.db"), data.join("visits.db")).unwrap();

    let daemon = station.started().await;
    // One contact: after the next one it is the only machine that speaks, and known again.
    station.ask(&Request::SyncNow).await.unwrap();
    // Another one may have followed already: what was noticed stays.
    let status = station.status_when("noticed", |status| status["machine"]["ahead"].is_object()).await;
    synced_until(&station, "known again", |status| status["machine"]["state"] == "known").await;
    let ahead = &status["machine"]["ahead"];
    assert_eq!(station.status().await["machine"]["ahead"], *ahead, "the gap stays told when the machine is known again");
    assert_eq!((&ahead["visits"], &ahead["highest"]), (&4.into(), &5.into()), "{status}");
    assert!(ahead["first_received_at"].is_string() && ahead["last_received_at"].is_string());
    let visit = station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    let mut sequences: Vec<_> = province.province.visits().unwrap().into_iter().map(|visit| (visit.sequence, visit.id)).collect();
    sequences.sort();
    assert_eq!(sequences.len(), 6);
    assert_eq!(sequences.last(), Some(&(6, visit)), "no number is used twice");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// The operator of the province was late with `restored`: the station has already sent a visit to the ledger that was put back.
#[tokio::test]
async fn a_province_that_tells_late_of_its_restore_gets_the_visits_it_lost_all_the_same() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    let sent = async |visits: usize| {
        let mut saved = Vec::new();
        for _ in 0..visits {
            saved.push(station.check_in(&card).await.unwrap());
        }
        synced_until(&station, "sent", |status| all_sent(status) && status["contact"]["succeeded_at"].is_string()).await;
        saved
    };
    let backup = tempfile::tempdir().unwrap();
    let path = backup.path().join("province.db");
    let mut saved = sent(2).await;
    province.province.back_up(&path).unwrap();
    saved.extend(sent(3).await);
    province.province.put_back(&path).unwrap();
    saved.extend(sent(1).await);
    assert_eq!(province.stored().len(), 3, "what came between is lost, and nobody has said so");
    province.province.restored().unwrap();
    synced_until(&station, "all sent again", |status| all_sent(status) && status["requeued"]["visits"].is_u64()).await;
    assert_eq!(province.stored(), saved.into_iter().map(|visit| (visit, 1)).collect());
    assert_eq!(daemon.terminate().await, Some(0));
}

/// The first visits after a disk fell back bear the numbers of those it lost. They wait for the contact, which tells of all that are lost.
#[tokio::test]
async fn f11_visits_saved_before_the_first_contact_hide_none_that_the_disk_lost() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let card = province.person_in_force().card;
    let daemon = station.loaded().await;
    let contacted =
        |status: &Value| status["contact"]["succeeded_at"].is_string() && status["contact"]["is_active"] == false && all_sent(status);
    station.check_in(&card).await.unwrap();
    station.status_when("a contact was made", contacted).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (data, older) = (station.dir.path().join("data"), station.dir.path().join("older"));
    fs::create_dir(&older).unwrap();
    fs::copy(data.join("visits.db"), older.join("visits.db")).unwrap();

    let daemon = station.started().await;
    for _ in 0..3 {
        station.check_in(&card).await.unwrap();
    }
    station.status_when("they were sent", contacted).await;
    assert_eq!(daemon.terminate().await, Some(0));
    fs::copy(older.join("visits.db"), data.join("visits.db")).unwrap();

    let daemon = station.started().await;
    for _ in 0..2 {
        station.check_in(&card).await.unwrap();
    }
    let status = station.status_when("everything was sent", contacted).await;
    assert_eq!(status["machine"]["ahead"]["visits"], 3, "{status}");
    let mut sequences: Vec<_> = province.province.visits().unwrap().iter().map(|visit| visit.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences.len(), 6, "both of each number are kept: {sequences:?}");
    assert_eq!(daemon.terminate().await, Some(0));
}
