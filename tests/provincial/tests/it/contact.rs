//! Contact: chains, what the province holds beyond the station, a ledger put back from a backup, time.

use axum::http::StatusCode;
use chrono::TimeDelta;
use provincial::{BreakConnection, Compared, EndOf, Fault, ForkFrom, Province, wire::LogHead};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    answer::{ask, at, batch, enrol, value},
    station::{INSTALL, STATION, Served, refusal, small_province},
};

fn link(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A contact as the fixture has it, with other links.
fn hello(previous: Option<u32>, next: u32) -> Value {
    let mut hello: Value = serde_json::from_str(include_str!("../../../fixtures/wire/contact-request.json")).unwrap();
    hello["previous"] = previous.map_or(Value::Null, |previous| link(previous).into());
    hello["next"] = link(next).into();
    hello
}

async fn say(province: &Province, hello: &Value) -> Value {
    let answer = ask(province, Some(STATION), "POST", "/v1/contact", hello.to_string()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
    assert!(answer.body().len() <= 4096);
    value(&answer)
}

/// The word about the machine.
async fn machine(province: &Province, previous: Option<u32>, next: u32) -> String {
    say(province, &hello(previous, next)).await["machine"].as_str().unwrap().to_owned()
}

/// A province with one enrolled station, and the folder it lives in.
async fn enrolled() -> (TempDir, Province) {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    enrol(&province, STATION).await;
    (dir, province)
}

#[tokio::test]
async fn a_contact_is_answered_over_the_line_and_refused_to_others() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let other = served.enrol("99002").await;
    let url = format!("{}/v1/contact", served.base);
    let answer = station.client.post(&url).body(hello(None, 1).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let of_other = other.client.post(&url).body(hello(None, 1).to_string()).send().await.unwrap();
    assert_eq!(refusal(of_other).await, (403, "other_station".to_owned()));
    let stranger = served.stranger().post(&url).body(hello(None, 1).to_string()).send().await.unwrap();
    assert_eq!(refusal(stranger).await, (401, "no_certificate".to_owned()));
    let mut heavy = hello(Some(1), 2);
    heavy["version"] = json!("x".repeat(4096));
    let heavy = station.client.post(&url).body(heavy.to_string()).send().await.unwrap();
    assert_eq!(refusal(heavy).await, (413, "too_large".to_owned()));
    let mut future = hello(Some(1), 2);
    future["format"] = json!(2);
    let future = station.client.post(&url).body(future.to_string()).send().await.unwrap();
    assert_eq!(refusal(future).await, (400, "unknown_format".to_owned()));
    let nothing = station.client.post(&url).body("{\"format\":1}").send().await.unwrap();
    assert_eq!(refusal(nothing).await, (400, "malformed".to_owned()));
    served.stop().await;
}

#[tokio::test]
async fn f12_the_chain_tells_one_machine_from_two_and_a_new_enrolment_forgets_it() {
    let (_dir, province) = enrolled().await;
    assert_eq!(machine(&province, None, 1).await, "known");
    assert_eq!(machine(&province, Some(1), 2).await, "known");
    province.faults().set(Fault::ContactDrops(1));
    let lost = ask(&province, Some(STATION), "POST", "/v1/contact", hello(Some(2), 3).to_string()).await;
    assert!(lost.extensions().get::<BreakConnection>().is_some());
    province.faults().clear();
    assert_eq!(machine(&province, Some(2), 3).await, "known", "the same again after a lost answer");
    assert_eq!(machine(&province, Some(3), 4).await, "known");

    assert_eq!(machine(&province, Some(1), 10).await, "fell_back");
    assert_eq!(machine(&province, Some(1), 10).await, "fell_back");
    assert_eq!(machine(&province, Some(10), 11).await, "known", "a disk that fell back, as far as is known");
    let fork = |province: &Province| province.station_reports().unwrap()[0].last.as_ref().unwrap().fork.map(|fork| fork.from);
    assert_eq!(fork(&province), Some(ForkFrom::OlderLink));
    assert_eq!(machine(&province, Some(4), 5).await, "copied", "the other one speaks too");
    assert_eq!(machine(&province, Some(11), 12).await, "copied");
    assert_eq!(machine(&province, Some(777), 20).await, "copied");
    assert_eq!(fork(&province), Some(ForkFrom::UnknownLink));

    enrol(&province, STATION).await;
    assert_eq!(machine(&province, Some(5), 6).await, "known");
    assert_eq!(machine(&province, Some(6), 7).await, "known");
    let mut replaced = hello(None, 30);
    replaced["install"] = json!("0b6f0c3a-52f1-4d0e-9a77-000000000002");
    assert_eq!(say(&province, &replaced).await["machine"], "known", "another record of visits has a chain of its own");
    assert_eq!(machine(&province, Some(7), 8).await, "known");
}

#[tokio::test]
async fn f11_a_disk_that_fell_back_hears_what_the_province_holds_beyond_it() {
    let (_dir, province) = enrolled().await;
    let mut hello = hello(None, 1);
    hello["highest"] = json!(3);
    for number in 1..=6 {
        province.set_clock(Some(at("2026-11-23T08:00:00.250+07:00") + TimeDelta::minutes(i64::from(number))));
        ask(&province, Some(STATION), "POST", "/v1/visits", batch(number)).await;
    }
    let answer = say(&province, &hello).await;
    let expected = json!({"highest": 6, "visits": 3, "first_received_at": "2026-11-23T08:04:00.250+07:00",
        "last_received_at": "2026-11-23T08:06:00.250+07:00"});
    assert_eq!(answer["ahead"], expected);
    hello["highest"] = json!(6);
    assert_eq!(say(&province, &hello).await["ahead"], Value::Null);
    let mut other = hello.clone();
    other["install"] = json!("0b6f0c3a-52f1-4d0e-9a77-000000000002");
    other["highest"] = json!(0);
    assert_eq!(say(&province, &other).await["ahead"], Value::Null, "another record's visits are not its own");
    // A visit saved after the fall has a number that a lost one had. Both are kept, and from below both are counted.
    let mut again: Value = serde_json::from_str(&batch(5)).unwrap();
    again["visits"][0]["id"] = json!("01990000-0000-7000-8000-000000000099");
    let answer = ask(&province, Some(STATION), "POST", "/v1/visits", again.to_string()).await;
    assert!(String::from_utf8_lossy(answer.body()).contains("accepted"), "{answer:?}");
    hello["highest"] = json!(4);
    let ahead = &say(&province, &hello).await["ahead"];
    assert_eq!((&ahead["highest"], &ahead["visits"]), (&json!(6), &json!(3)));
}

#[tokio::test]
async fn a_restored_ledger_has_another_name_and_says_where_it_ends() {
    let (dir, province) = enrolled().await;
    let empty = say(&province, &hello(None, 1)).await;
    assert_eq!(empty["complete_to"], "1970-01-01T07:00:00+07:00");
    let send = async |clock: &str, number: u32| {
        province.set_clock(Some(at(clock)));
        let answer = ask(&province, Some(STATION), "POST", "/v1/visits", batch(number)).await;
        value(&answer)["receipts"][0]["received_at"].as_str().unwrap().to_owned()
    };
    assert_eq!(send("2026-11-23T08:00:00+07:00", 1).await, "2026-11-23T08:00:00+07:00");
    let last = send("2026-11-23T08:10:00.500+07:00", 2).await;
    let backup = dir.path().join("backup.db");
    province.back_up(&backup).unwrap();
    let before = say(&province, &hello(Some(1), 2)).await;
    assert_eq!((&before["ledger"], &before["complete_to"]), (&empty["ledger"], &empty["complete_to"]), "a backup changes nothing");
    let session = province.publish(STATION, province.now()).unwrap().index.session;
    // The clock is set back: what is received after the backup must not look older than the backup.
    let unsaved = send("2026-11-23T07:00:00+07:00", 3).await;
    assert_eq!(unsaved, last);

    province.put_back(&backup).unwrap();
    assert_eq!(province.visits().unwrap().len(), 2);
    province.restored().unwrap();
    let after = say(&province, &hello(Some(2), 3)).await;
    assert_ne!(after["ledger"], before["ledger"]);
    assert_eq!(after["complete_to"], last);
    assert_eq!(after["machine"], "known", "that the province forgot is not the station's doing");
    assert!(at(&unsaved) >= at(after["complete_to"].as_str().unwrap()), "what was lost lies at or behind the end");
    assert_ne!(province.publish(STATION, province.now()).unwrap().index.session, session);
    assert_eq!(send("2026-11-23T09:00:00+07:00", 3).await, "2026-11-23T09:00:00+07:00");
    let again = say(&province, &hello(Some(3), 4)).await;
    assert_eq!((&again["ledger"], &again["complete_to"]), (&after["ledger"], &after["complete_to"]));
}

/// The operator was late: the restored server has already answered, and its last visit is one of after the restore.
#[tokio::test]
async fn a_restore_that_is_told_late_ends_before_the_first_gap_and_never_later_than_said() {
    let (dir, province) = enrolled().await;
    let send = async |clock: &str, number: u32| {
        province.set_clock(Some(at(clock)));
        ask(&province, Some(STATION), "POST", "/v1/visits", batch(number)).await;
    };
    send("2026-11-23T08:00:00+07:00", 1).await;
    send("2026-11-23T08:10:00+07:00", 2).await;
    let backup = dir.path().join("backup.db");
    province.back_up(&backup).unwrap();
    let told = |restored: &provincial::Restored| (restored.complete_to.0.to_rfc3339(), restored.why.clone());

    // Lost: 3 to 5. The sixth comes before anybody has said that there was a restore.
    province.put_back(&backup).unwrap();
    send("2026-11-23T10:00:00+07:00", 6).await;
    assert_eq!(province.station_reports().unwrap()[0].missing, 3);
    let (end, why) = told(&province.restored().unwrap());
    assert_eq!(end, "2026-11-23T08:10:00+07:00");
    assert!(matches!(why, EndOf::Gap { after: 2, missing: 3, .. }), "{why:?}");

    // Nothing came after it, but a contact has told that there was more; what came is another machine's, which lacks nothing.
    province.put_back(&backup).unwrap();
    let mut said = hello(None, 1);
    (said["highest"], said["pending"], said["parked"]) = (json!(5), json!(0), json!(0));
    say(&province, &said).await;
    let mut other: Value = serde_json::from_str(&batch(6)).unwrap();
    (other["install"], other["visits"][0]["sequence"]) = (json!("0b6f0c3a-52f1-4d0e-9a77-000000000002"), json!(1));
    province.set_clock(Some(at("2026-11-23T10:00:00+07:00")));
    let answer = ask(&province, Some(STATION), "POST", "/v1/visits", other.to_string()).await;
    assert!(String::from_utf8_lossy(answer.body()).contains("accepted"), "{answer:?}");
    let (end, why) = told(&province.restored().unwrap());
    assert_eq!(end, "2026-11-23T08:10:00+07:00");
    assert!(matches!(why, EndOf::Gap { after: 2, missing: 3, .. }), "{why:?}");

    // The operator knows when the backup was made.
    province.put_back(&backup).unwrap();
    send("2026-11-23T10:00:00+07:00", 3).await;
    let late = province.restored_since(Some(at("2026-11-23T11:00:00+07:00"))).unwrap_err().to_string();
    assert!(late.contains("too late"), "{late}");
    let said = province.restored_since(Some(at("2026-11-23T01:10:00Z"))).unwrap();
    assert_eq!(told(&said), ("2026-11-23T08:10:00+07:00".to_owned(), EndOf::Said));
}

#[tokio::test]
async fn a_station_that_missed_a_restore_hears_of_its_end_at_the_next_one() {
    let (dir, province) = enrolled().await;
    let send = async |clock: &str, number: u32| {
        province.set_clock(Some(at(clock)));
        ask(&province, Some(STATION), "POST", "/v1/visits", batch(number)).await;
    };
    let first = say(&province, &hello(None, 1)).await;
    send("2026-11-23T08:00:00+07:00", 1).await;
    let (early, late) = (dir.path().join("early.db"), dir.path().join("late.db"));
    province.back_up(&early).unwrap();
    send("2026-11-23T09:00:00+07:00", 2).await;
    province.put_back(&early).unwrap();
    province.restored().unwrap();
    // Visit 2 is gone, its station says nothing for a day, others go on, and the province falls again.
    send("2026-11-24T08:00:00+07:00", 3).await;
    province.back_up(&late).unwrap();
    province.put_back(&late).unwrap();
    province.restored().unwrap();
    let answer = say(&province, &hello(Some(1), 2)).await;
    assert_ne!(answer["ledger"], first["ledger"]);
    assert_eq!(answer["complete_to"], "2026-11-23T08:00:00+07:00", "not the end of the second restore");
}

#[tokio::test]
async fn a_contact_places_the_visits_of_the_same_start_of_the_machine() {
    let (_dir, province) = enrolled().await;
    province.set_clock(Some(at("2026-11-23T12:00:00+07:00")));
    ask(&province, Some(STATION), "POST", "/v1/visits", batch(1)).await;
    assert_eq!(province.visits().unwrap()[0].placed_at, None);
    let boot_ms = province.visits().unwrap()[0].body["clock"]["boot_ms"].as_i64().unwrap();
    let mut hello = hello(None, 1);
    hello["clock"]["boot_ms"] = json!(boot_ms + 90_000);
    hello["clock"]["boot_id"] = json!("00000000-0000-0000-0000-000000000000");
    say(&province, &hello).await;
    assert_eq!(province.visits().unwrap()[0].placed_at, None, "another start of the machine");
    hello["clock"]["boot_id"] = province.visits().unwrap()[0].body["clock"]["boot_id"].clone();
    say(&province, &hello).await;
    assert_eq!(province.visits().unwrap()[0].placed_at.as_deref(), Some("2026-11-23T11:58:30+07:00"));
    hello["clock"]["boot_ms"] = json!(boot_ms - 500);
    say(&province, &hello).await;
    assert_eq!(province.visits().unwrap()[0].placed_at.as_deref(), Some("2026-11-23T12:00:00.500+07:00"), "before the visit too");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the rule is for the product's databases; this one is made-up people")]
fn a_province_of_another_version_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    drop(small_province(dir.path()));
    let ledger = rusqlite::Connection::open(dir.path().join("province.db")).unwrap();
    ledger.pragma_update(None, "user_version", 0).unwrap();
    let refused = Province::open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("generate the province anew"), "{refused}");
}

#[tokio::test]
async fn the_province_lists_how_each_station_was_last_heard() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    // Before anything happens: what is compared must not depend on the day of the run.
    province.set_clock(Some(at("2026-11-23T07:59:00+07:00")));
    enrol(&province, STATION).await;
    province.set_clock(Some(at("2026-11-23T08:00:00+07:00")));
    say(&province, &hello(None, 1)).await;
    let mut older = hello(None, 20);
    older["install"] = json!("0b6f0c3a-52f1-4d0e-9a77-000000000002");
    older["roster"] = Value::Null;
    say(&province, &older).await;
    let reports = province.station_reports().unwrap();
    let seen: Vec<(&str, bool, bool)> =
        reports.iter().map(|report| (report.station.as_str(), report.in_force, report.last.is_some())).collect();
    assert_eq!(seen, [(STATION, true, true), (STATION, false, true), ("99002", false, false)]);
    let last = reports[0].last.as_ref().unwrap();
    assert_eq!((last.data_age_seconds, last.said.pending, last.said.parked, last.said.highest), (Some(12 * 3600), 2, 1, 42));
    assert_eq!(reports[0].install.unwrap().to_string(), INSTALL);
    assert_eq!(reports[1].last.as_ref().unwrap().data_age_seconds, None);
    assert_eq!(reports[2].install, None);
    // The keys were kept and the data folder began anew: what runs is what was heard last, whoever enrolled.
    province.set_clock(Some(at("2026-11-23T08:01:00+07:00")));
    (older["previous"], older["next"]) = (older["next"].clone(), json!(link(21)));
    say(&province, &older).await;
    let reports = province.station_reports().unwrap();
    let seen: Vec<(bool, bool)> = reports.iter().map(|report| (report.current, report.in_force)).collect();
    assert_eq!(
        (&reports[0].install.unwrap().to_string(), &*seen),
        (&older["install"].as_str().unwrap().to_owned(), &[(true, false), (false, true), (true, false)][..])
    );
    province.set_clock(Some(at("2026-11-23T08:02:00+07:00")));
    say(&province, &hello(Some(1), 2)).await;

    let listed = std::process::Command::new(env!("CARGO_BIN_EXE_provincial")).arg("stations").arg(dir.path()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let expected = format!(
        "99001 {INSTALL} heard 2026-11-23T08:02:00+07:00, data 12 h old, known, highest 42, pending 2, parked 1, missing 0, version 0.1.0"
    );
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!((lines[0], lines[2]), (expected.as_str(), "99002 not enrolled"));
    assert!(lines[1].contains(" (before) heard ") && lines[1].contains("no data"), "{listed}");
}

/// A8: every end that a station has told stays, the furthest one is answered, and one that lies behind or beside an earlier one is seen.
#[tokio::test]
async fn a8_an_end_of_the_access_log_that_falls_back_is_seen_and_the_furthest_is_answered() {
    let (_dir, province) = enrolled().await;
    let head = |lines: u64, digit: &str| LogHead { lines, sha256: digit.repeat(64) };
    let mut next = 0;
    let mut tell = async |log: Option<LogHead>| {
        next += 1;
        let mut said = hello((next > 1).then(|| next - 1), next);
        said["log"] = json!(log);
        say(&province, &said).await["log"].clone()
    };
    assert_eq!(tell(None).await, Value::Null, "nothing was told yet");
    assert_eq!(Compared::of(1, &"a".repeat(64), &province.log_heads(STATION).unwrap()), Compared::Nothing);
    for log in [head(10, "a"), head(25, "b"), head(25, "b")] {
        assert_eq!(tell(Some(log.clone())).await, json!(log));
    }
    let fell_back = || province.log_heads(STATION).unwrap().iter().map(|told| told.fell_back).collect::<Vec<_>>();
    assert_eq!(fell_back(), [false, false], "the same again is the same one");
    // Cut, replaced by one of as many lines, and grown again from there.
    for log in [Some(head(12, "c")), Some(head(25, "d")), None] {
        assert_eq!(tell(log).await, json!(head(25, "b")), "the first of the furthest");
    }
    assert_eq!(tell(Some(head(40, "e"))).await, json!(head(40, "e")));
    assert_eq!(fell_back(), [false, false, true, true, false]);
    let told = province.log_heads(STATION).unwrap();
    for (lines, digit, compared) in
        [(25, "b", Compared::Told), (25, "f", Compared::Another), (11, "a", Compared::Another), (41, "a", Compared::Beyond)]
    {
        assert_eq!(Compared::of(lines, &digit.repeat(64), &told), compared, "{lines} {digit}");
    }
    for wrong in [json!({ "lines": 0, "sha256": "a".repeat(64) }), json!({ "lines": 1, "sha256": "A".repeat(64) })] {
        let mut said = hello(None, 1);
        said["log"] = wrong;
        let answer = ask(&province, Some(STATION), "POST", "/v1/contact", said.to_string()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
}
