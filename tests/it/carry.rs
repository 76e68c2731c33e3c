//! A station that no network reaches: everything by stick, with the verbs of both sides, from the command line and from the page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use bhyt_agent::control::contract::Request;
use provincial::Province;
use serde_json::Value;
use tempfile::TempDir;
use url::form_urlencoded;

use crate::identity::copy;
use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;
use crate::tab::Tab;

/// Work of the province, away from the thread its server runs on.
async fn at<T: Send + 'static>(province: &TestProvince, work: impl FnOnce(Province) -> T + Send + 'static) -> T {
    let province = province.province.clone();
    tokio::task::spawn_blocking(move || work(province)).await.unwrap()
}

/// The province takes in what is on a stick, and puts on it what is for a station.
async fn visit_the_province(province: &TestProvince, station: &'static str, stick: &Path) -> usize {
    let stick = stick.to_owned();
    let work = move |province: Province| {
        let taken = province.carry_in(&stick).unwrap();
        province.carry_out(station, &stick).unwrap();
        taken.into_iter().map(|file| file.outcome.unwrap().len()).sum()
    };
    at(province, work).await
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap())
}

async fn carry(station: &TestStation, verb: &str, stick: &Path) -> (Option<i32>, String) {
    said(&station.run(&[verb, stick.to_str().unwrap()]).await)
}

async fn state(station: &TestStation) -> Value {
    let output = station.run(&["status", "--json"]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A station that was enrolled, and a network that has been gone ever since.
async fn remote(people: usize) -> (TestProvince, TestStation) {
    let mut province = TestProvince::new(people).await;
    let station = TestStation::enrolled(&province).await;
    province.switch_off().await;
    (province, station)
}

fn stick() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn to_station(stick: &Path, station: &str) -> PathBuf {
    stick.join("bhyt").join(station).join("to-station")
}

#[tokio::test]
async fn a_month_without_a_network_goes_by_stick() {
    let (province, station) = remote(100).await;
    let (stick, card) = (stick(), province.person_in_force().card);
    let mut daemon = Some(station.started().await);
    let mut sent = 0;
    for round in 1..=4_u64 {
        // Every second time the daemon is down, and the verbs work on the files.
        if round == 3 {
            assert_eq!(daemon.take().unwrap().terminate().await, Some(0));
        }
        let saved = if daemon.is_some() { 5 } else { 0 };
        for _ in 0..saved {
            station.check_in(&card).await.unwrap();
        }
        sent += saved;
        let (exit, text) = carry(&station, "carry-out", stick.path()).await;
        assert_eq!(exit, Some(0), "{text}");
        let expected = if saved == 0 {
            "Không có lượt khám nào chờ gửi".to_owned()
        } else {
            format!("Đã chép {saved} lượt khám ra USB (1 tệp)")
        };
        assert!(text.contains(&expected), "{text}");
        assert_eq!(state(&station).await["outbox"]["pending"], saved, "sent when there is a receipt");
        at(&province, move |province| province.change_validity(STATION, 0.1, round).unwrap()).await;
        visit_the_province(&province, STATION, stick.path()).await;
        assert_eq!(province.stored().len(), sent);
        let (exit, text) = carry(&station, "carry-in", stick.path()).await;
        assert_eq!(exit, Some(0), "{text}");
        assert!(text.contains("Đã nhận danh sách thẻ số") && text.contains("Không còn lượt nào chờ gửi"), "{text}");
        assert!(text.contains(&format!("{sent} biên nhận")), "{text}");
        let state = state(&station).await;
        let cards = at(&province, |province| province.people(STATION).unwrap().len()).await;
        assert_eq!(
            (&state["outbox"]["pending"], &state["outbox"]["parked"], &state["roster"]["cards"]),
            (&0.into(), &0.into(), &cards.into())
        );
        let (_, text) = carry(&station, "carry-in", stick.path()).await;
        assert!(text.contains("Danh sách thẻ vẫn là số"), "again: nothing new: {text}");
    }
    assert!(province.stored().values().all(|times| *times == 1));
    let lookup = serde_json::from_slice::<Value>(&station.run(&["lookup", "--json", &card]).await.stdout).unwrap();
    assert_ne!(lookup["verdict"]["standing"], "not_covered");
}

#[tokio::test]
async fn a_stick_that_is_half_copied_swapped_replayed_or_foreign_is_refused_and_changes_nothing() {
    let (province, station) = remote(60).await;
    let mut elsewhere = TestProvince::new(60).await;
    TestStation::enrolled(&elsewhere).await;
    elsewhere.switch_off().await;
    let (older, newer) = (stick(), stick());
    let daemon = station.started().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    // The visit's receipt is on every good stick, so that one taken by mistake would show.
    assert_eq!(carry(&station, "carry-out", older.path()).await.0, Some(0));
    visit_the_province(&province, STATION, older.path()).await;
    at(&province, |province| province.change_validity(STATION, 0.2, 1).unwrap()).await;
    visit_the_province(&province, STATION, newer.path()).await;
    let (swapped, foreign, empty) = (stick(), stick(), stick());
    copy(&to_station(newer.path(), STATION), &to_station(swapped.path(), NEIGHBOUR));
    visit_the_province(&elsewhere, STATION, foreign.path()).await;

    let keys = |station: &TestStation| -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(station.dir.path().join("keys")).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let held = keys(&station);
    let unchanged = async |serial: Value, pending: u64, why: &str| {
        let state = station.status().await;
        assert_eq!((&state["roster"]["serial"], &state["outbox"]["pending"]), (&serial, &pending.into()), "{why}");
        assert_eq!(keys(&station), held, "{why}");
    };
    let mut cases = vec![
        (swapped.path().to_owned(), "của trạm khác", "swapped".to_owned()),
        (foreign.path().to_owned(), "không do tỉnh này ký", "foreign".to_owned()),
        (empty.path().to_owned(), "chưa có gì của tỉnh", "empty".to_owned()),
    ];
    let mut halves = Vec::new();
    for entry in fs::read_dir(to_station(newer.path(), STATION)).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let name = entry.file_name().into_string().unwrap();
        // The station holds nothing and takes the snapshot: a delta it has no use for may be missing.
        let is_delta = name.ends_with(".jsonl.zst.age") && entry.metadata().unwrap().len() < 1500;
        if !is_delta {
            let half = stick();
            copy(newer.path(), half.path());
            fs::remove_file(to_station(half.path(), STATION).join(&name)).unwrap();
            cases.push((half.path().to_owned(), "USB chép dở", format!("without {name}")));
            halves.push(half);
        }
    }
    assert!(halves.len() >= 5, "{}", halves.len());
    for (path, sentence, why) in &cases {
        let (exit, text) = carry(&station, "carry-in", path).await;
        assert_eq!(exit, Some(65), "{why}: {text}");
        assert!(text.contains(sentence) && text.contains("Chưa lấy gì"), "{why}: {text}");
        unchanged(Value::Null, 1, why).await;
    }
    let (exit, text) = said(&station.run(&["carry-in", "--english", empty.path().to_str().unwrap()]).await);
    assert!(exit == Some(65) && text.starts_with("There is nothing from the province") && text.is_ascii(), "{text}");
    let (exit, text) = carry(&station, "carry-in", newer.path()).await;
    assert_eq!(exit, Some(0), "{text}");
    let serial = station.status().await["roster"]["serial"].clone();
    unchanged(serial.clone(), 0, "taken").await;

    station.check_in(&province.person_in_force().card).await.unwrap();
    let (exit, text) = carry(&station, "carry-in", older.path()).await;
    assert_eq!(exit, Some(65), "{text}");
    assert!(text.contains("CŨ HƠN bản đang có"), "{text}");
    unchanged(serial, 1, "replayed").await;

    // Where nothing can be written.
    let file = empty.path().join("file");
    fs::write(&file, "").unwrap();
    let (exit, text) = carry(&station, "carry-out", &file).await;
    assert_eq!(exit, Some(73), "{text}");
    assert!(text.contains("vẫn còn nguyên trên máy"), "{text}");
    assert_eq!(carry(&station, "carry-in", &empty.path().join("nowhere")).await.0, Some(74));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn the_page_has_two_buttons_while_a_stick_is_in() {
    let (province, station) = remote(40).await;
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("someone/BHYT");
    fs::create_dir_all(&root).unwrap();
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("stick-folders = [\"{}/*/BHYT\"]\n{text}", place.path().display())).unwrap();
    let daemon = station.started().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    let mut tab = Tab::at_station(&station).await;
    assert!(!tab.get("/").await.has("/usb/ra"), "a folder alone is no stick");
    fs::write(root.join("bhyt.stick"), "").unwrap();
    wait_for("the buttons are there", async || tab.get("/").await.has("/usb/ra").then_some(())).await;
    let shown = tab.get("/").await;
    assert!(shown.has("Chép lượt khám ra USB") && shown.has("Lấy dữ liệu từ USB") && !shown.has("someone"), "no path on the page");
    assert!(tab.ask("GET", "/trang-thai", &[], "").await.has("/usb/vao"), "and in the part that is refreshed");

    let token = shown.hidden("bieu_mau").unwrap().to_owned();
    let form = |token: &str, number: &str| {
        form_urlencoded::Serializer::new(String::new()).append_pair("bieu_mau", token).append_pair("so", number).finish()
    };
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let empty = async || fs::read_dir(&root).unwrap().count() == 1;
    for (token, headers, label) in [
        ("", vec![kind], "form:token"),
        ("00", vec![kind], "form:token"),
        (token.as_str(), vec![kind, ("Origin", "http://evil.example")], "request:origin"),
        (token.as_str(), vec![kind, ("Sec-Fetch-Site", "cross-site")], "request:origin"),
        (token.as_str(), vec![("Content-Type", "text/plain")], "form:kind"),
    ] {
        for address in ["/usb/ra", "/usb/vao"] {
            let answer = tab.ask("POST", address, &headers, &form(token, "0")).await;
            assert_eq!(answer.label(), label, "{address}");
            assert!(empty().await);
        }
    }
    for number in ["1", "", "-1", "/tmp", "../.."] {
        let answer = tab.ask("POST", "/usb/ra", &[kind], &form(&token, number)).await;
        assert_eq!((answer.status, answer.label()), (404, "usb:gone"), "{number}");
    }
    assert_eq!(tab.ask("GET", "/usb/ra", &[], "").await.status, 405);
    assert!(empty().await);

    let answer = tab.ask("POST", "/usb/vao", &[kind], &form(&token, "0")).await;
    assert_eq!((answer.status, answer.label()), (409, "usb:stick_empty"));
    let answer = tab.ask("POST", "/usb/ra", &[kind], &form(&token, "0")).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert!(tab.get("/").await.has("Đã chép 1 lượt khám ra USB (1 tệp)."));
    assert_eq!(visit_the_province(&province, STATION, &root).await, 1);
    assert_eq!(tab.ask("POST", "/usb/vao", &[kind], &form(&token, "0")).await.status, 303);
    let shown = tab.get("/").await;
    assert!(shown.has("Đã nhận danh sách thẻ số 1, 1 biên nhận. Không còn lượt nào chờ gửi."), "{}", shown.body);
    assert_eq!(station.status().await["outbox"]["pending"], 0);
    fs::remove_file(root.join("bhyt.stick")).unwrap();
    wait_for("the buttons are gone", async || (!tab.get("/").await.has("/usb/ra")).then_some(())).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn f36_a_signed_roster_that_loses_a_third_is_held_until_a_person_agrees() {
    let mut province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(75), "nothing waits");
    let leaver = province.person_in_force();
    let lost = leaver.id.clone();
    let left = at(&province, move |province| {
        province.edit_people(STATION, |state| {
            state.remove(&lost);
            let ids: Vec<_> = state.keys().cloned().collect();
            for id in ids.into_iter().take(100) {
                state.remove(&id);
            }
            state.len()
        })
    })
    .await
    .unwrap();
    province.publish().await;
    let status = station.ask(&Request::SyncNow).await.unwrap();
    assert_eq!((&status["pull"]["failing"]["code"], &status["roster"]["serial"]), (&"held".into(), &1.into()), "{status}");
    assert_eq!((&status["held"]["gone"], &status["held"]["held"]), (&101.into(), &300.into()));
    let message = status["pull"]["failing"]["message"].as_str().unwrap();
    assert!(message.contains("bỏ 101 người và dừng thẻ của 0 người trong số 300 người"), "{message}");
    assert_eq!(station.lookup(&leaver.card).await["verdict"]["standing"], "valid", "the old set answers meanwhile");
    // However often it is asked.
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["roster"]["serial"], 1);

    let output = said(&station.run(&["accept-roster"]).await);
    assert_eq!(output.0, Some(0), "{}", output.1);
    let status = station.status_when("the new one is there", |status| status["roster"]["serial"] == 2 && status["held"].is_null()).await;
    assert_eq!((&status["roster"]["cards"], &status["held"]), (&left.into(), &Value::Null));
    assert_eq!(station.lookup(&leaver.card).await["verdict"]["standing"], "not_covered");
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(75));

    // The same by stick: the receipts are taken, and the roster waits.
    province.switch_off().await;
    let stick = stick();
    station.check_in(&province.person_in_force().card).await.unwrap();
    assert_eq!(carry(&station, "carry-out", stick.path()).await.0, Some(0));
    at(&province, move |province| {
        province.edit_people(STATION, |state| {
            let ids: Vec<_> = state.keys().cloned().collect();
            for id in ids.into_iter().take(70) {
                state.remove(&id);
            }
        })
    })
    .await
    .unwrap();
    visit_the_province(&province, STATION, stick.path()).await;
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(75), "{text}");
    assert!(text.contains("Đã nhận 1 biên nhận") && text.contains("70 trong 199 người"), "{text}");
    assert_eq!(station.status().await["outbox"]["pending"], 0);
    assert_eq!(station.status().await["roster"]["serial"], 2);
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(0));
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(0), "{text}");
    assert_eq!(station.status().await["roster"]["serial"], 3);
    assert_eq!(daemon.terminate().await, Some(0));
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(75), "nothing waits, with or without a service");
}

/// The province loses the first so many people of a station.
async fn lose(province: &TestProvince, people: usize) {
    let edit = move |province: Province| {
        province.edit_people(STATION, |state| {
            let ids: Vec<_> = state.keys().cloned().collect();
            for id in ids.into_iter().take(people) {
                state.remove(&id);
            }
        })
    };
    at(province, edit).await.unwrap();
}

#[tokio::test]
async fn what_a_person_has_agreed_to_outlives_a_restart_and_is_exactly_that_roster() {
    let mut province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    lose(&province, 110).await;
    province.publish().await;
    assert_eq!(station.ask(&Request::SyncNow).await.unwrap()["held"]["agreed"], false);
    province.switch_off().await;
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(0));
    let told = async |agreed: bool| {
        let status = station.status().await;
        let notices = status["notices"].as_array().unwrap();
        let is_told = notices.iter().any(|notice| notice["code"] == "roster_agreed");
        assert_eq!((&status["roster_agreed"], is_told), (&agreed.into(), agreed), "{status}");
    };
    told(true).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    told(true).await;
    let stick = stick();
    visit_the_province(&province, STATION, stick.path()).await;
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(0), "{text}");
    assert_eq!(station.status().await["roster"]["cards"], 190);
    told(false).await;

    // Agreed to one, and another one comes: that was not looked at, and the first is over, also after a restart.
    lose(&province, 60).await;
    visit_the_province(&province, STATION, stick.path()).await;
    assert_eq!(carry(&station, "carry-in", stick.path()).await.0, Some(75));
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(0));
    told(true).await;
    lose(&province, 10).await;
    visit_the_province(&province, STATION, stick.path()).await;
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(75), "{text}");
    assert!(text.contains("70 trong 190 người"), "{text}");
    told(false).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    told(false).await;
    assert_eq!(station.status().await["roster"]["cards"], 190);
    // Where no service runs, what was agreed to counts as well.
    assert_eq!(carry(&station, "carry-in", stick.path()).await.0, Some(75));
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(0));
    assert_eq!(daemon.terminate().await, Some(0));
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(0), "{text}");
    assert_eq!((&state(&station).await["roster"]["cards"], &state(&station).await["roster_agreed"]), (&120.into(), &false.into()));
}

#[tokio::test]
async fn a_roster_held_back_waits_for_a_person_over_a_restart_and_without_a_service() {
    let mut province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    lose(&province, 101).await;
    province.publish().await;
    let held = station.ask(&Request::SyncNow).await.unwrap()["held"].clone();
    assert_eq!((&held["held"], &held["gone"], &held["agreed"]), (&300.into(), &101.into(), &false.into()));
    province.switch_off().await;
    let told = async || {
        let state = state(&station).await;
        let codes: Vec<_> = state["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect();
        (codes.iter().any(|code| code == "roster_held"), state["held"].clone())
    };
    assert_eq!(daemon.terminate().await, Some(0));
    assert_eq!(told().await, (true, held.clone()), "as it is on the disk");
    let daemon = station.started().await;
    assert_eq!(told().await, (true, held), "since it first was");
    assert!(Tab::at(station.page).get("/").await.has("bỏ 101 người và dừng thẻ của 0 người trong số 300 người"));
    let (exit, text) = said(&station.run(&["accept-roster", "--english"]).await);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("is agreed to. It is taken at the next download"), "{text}");
    let stick = stick();
    visit_the_province(&province, STATION, stick.path()).await;
    assert_eq!(carry(&station, "carry-in", stick.path()).await.0, Some(0));
    assert_eq!(told().await, (false, Value::Null));
    assert_eq!(daemon.terminate().await, Some(0));
    assert_eq!(told().await, (false, Value::Null), "and is over for good");

    // The same by stick while no service runs: what the sentence asks for can be done.
    lose(&province, 100).await;
    visit_the_province(&province, STATION, stick.path()).await;
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(75), "{text}");
    assert!(text.contains("100 trong 199 người") && text.contains("accept-roster"), "{text}");
    assert!(told().await.0);
    let (exit, text) = said(&station.run(&["accept-roster", "--english"]).await);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("The service does not run") && text.contains("take the stick in once more"), "{text}");
    assert_eq!(carry(&station, "carry-in", stick.path()).await.0, Some(0));
    assert_eq!((told().await, &state(&station).await["roster"]["cards"]), ((false, Value::Null), &99.into()));
    assert_eq!(said(&station.run(&["accept-roster"]).await).0, Some(75));
}

#[tokio::test]
async fn a_stick_taken_in_does_not_hide_since_when_and_how_often_the_network_has_failed() {
    let (province, station) = remote(60).await;
    let stick = stick();
    visit_the_province(&province, STATION, stick.path()).await;
    let daemon = station.started().await;
    let failing = |status: &Value, direction: &str| {
        let failing = &status[direction]["failing"];
        (failing["code"].clone(), failing["since"].clone(), failing["tries"].as_u64())
    };
    station.ask(&Request::SyncNow).await.unwrap();
    let has_failed = |status: &Value| ["pull", "contact"].iter().all(|direction| failing(status, direction).0 == "unreachable");
    let before = station.status_when("both have failed", has_failed).await;
    let (exit, text) = carry(&station, "carry-in", stick.path()).await;
    assert_eq!(exit, Some(0), "{text}");
    let after = station.status().await;
    assert_eq!(after["roster"]["serial"], 1);
    for direction in ["pull", "contact"] {
        let (before, after) = (failing(&before, direction), failing(&after, direction));
        assert_eq!((&before.0, &before.1), (&after.0, &after.1), "{direction}");
        assert!(after.2 >= before.2 && before.2 > Some(0), "{direction}: {before:?} {after:?}");
    }
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_stick_that_lacks_only_what_nobody_needs_is_taken_and_one_that_lacks_more_is_not() {
    let (province, station) = remote(60).await;
    let stick = stick();
    let daemon = station.started().await;
    visit_the_province(&province, STATION, stick.path()).await;
    assert_eq!(carry(&station, "carry-in", stick.path()).await.0, Some(0));
    let lose_rows = || {
        for entry in fs::read_dir(to_station(stick.path(), STATION)).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.to_str().unwrap().ends_with(".jsonl.zst.age") {
                fs::remove_file(entry).unwrap();
            }
        }
    };
    // The roster held is the one on the stick: its files are not read, and the receipts are as good as any.
    for saved in [true, false] {
        station.check_in(&province.person_in_force().card).await.unwrap();
        assert_eq!(carry(&station, "carry-out", stick.path()).await.0, Some(0));
        if !saved {
            at(&province, |province| province.change_validity(STATION, 0.1, 1).unwrap()).await;
        }
        visit_the_province(&province, STATION, stick.path()).await;
        lose_rows();
        let (exit, text) = carry(&station, "carry-in", stick.path()).await;
        let pending = station.status().await["outbox"]["pending"].clone();
        if saved {
            assert_eq!((exit, pending), (Some(0), 0.into()), "{text}");
        } else {
            assert_eq!((exit, pending), (Some(65), 1.into()), "{text}");
            assert!(text.contains("USB chép dở"), "{text}");
        }
    }
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Puts the receipts of one stick beside the roster of another.
fn mix(receipts: &Path, roster: &Path) {
    for name in ["receipts.json.age", "receipts.json.age.minisig"] {
        fs::copy(to_station(receipts, STATION).join(name), to_station(roster, STATION).join(name)).unwrap();
    }
}

#[tokio::test]
async fn old_receipts_beside_a_newer_roster_are_left_on_the_stick_and_a_restore_told_by_stick_is_shown() {
    let (province, station) = remote(60).await;
    let backup = tempfile::tempdir().unwrap();
    let path = backup.path().join("province.db");
    at(&province, move |province| province.back_up(&path).unwrap()).await;
    let (first, second, third) = (stick(), stick(), stick());
    let daemon = station.started().await;
    let taken = async |stick: &Path, part: &str, pending: u64| {
        let (exit, text) = carry(&station, "carry-in", stick).await;
        assert_eq!(exit, Some(0), "{text}");
        assert!(text.contains(part), "{text}");
        assert_eq!(station.status().await["outbox"]["pending"], pending, "{text}");
    };
    station.check_in(&province.person_in_force().card).await.unwrap();
    assert_eq!(carry(&station, "carry-out", first.path()).await.0, Some(0));
    visit_the_province(&province, STATION, first.path()).await;
    taken(first.path(), "Đã nhận danh sách thẻ số 1, 1 biên nhận. Không còn", 0).await;
    taken(first.path(), "Danh sách thẻ vẫn là số 1, 0 biên nhận.", 0).await;
    assert_eq!(station.status().await["requeued"], Value::Null);

    // The disk of the province breaks, and last night's backup is put back.
    let path = backup.path().join("province.db");
    let restore = move |province: Province| {
        province.put_back(&path).unwrap();
        province.restored().unwrap();
    };
    at(&province, restore).await;
    visit_the_province(&province, STATION, second.path()).await;
    taken(second.path(), "0 biên nhận. Tỉnh đã khôi phục dữ liệu từ bản sao lưu: 1 lượt phải gửi lại", 1).await;
    let status = station.status().await;
    assert_eq!(status["requeued"]["visits"], 1, "{status}");
    assert!(status["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "province_restored"), "{status}");

    // A stick of today with receipts from before the restore: they speak of what is lost.
    at(&province, |province| province.change_validity(STATION, 0.1, 1).unwrap()).await;
    visit_the_province(&province, STATION, third.path()).await;
    mix(first.path(), third.path());
    let serial = station.status().await["roster"]["serial"].clone();
    taken(third.path(), "Biên nhận trên USB là từ trước khi tỉnh khôi phục dữ liệu", 1).await;
    assert_ne!(station.status().await["roster"]["serial"], serial, "the roster is taken all the same");

    assert_eq!(carry(&station, "carry-out", third.path()).await.0, Some(0));
    visit_the_province(&province, STATION, third.path()).await;
    taken(third.path(), "1 biên nhận. Không còn", 0).await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    mix(second.path(), third.path());
    let (exit, text) = said(&station.run(&["carry-in", "--json", third.path().to_str().unwrap()]).await);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit, &answer["receipts"], &answer["receipts_skipped"]), (Some(0), &0.into(), &"older".into()), "{text}");
    assert!(answer["message"].as_str().unwrap().contains("CŨ HƠN"), "{text}");
    assert_eq!(daemon.terminate().await, Some(0));
}
