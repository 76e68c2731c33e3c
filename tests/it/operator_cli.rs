//! Accounts and access log as an administrator has them: the real binary, with the daemon and without; and what another user of the machine has of it.

use std::fs;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use bhyt_agent::control::contract::Request;
use serde_json::Value;

use super::tab::Tab;
use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// Runs a verb with something on standard input; exit code and the answer.
async fn run(station: &TestStation, arguments: &[&str], input: &str) -> (Option<i32>, Value) {
    let mut command = Command::new(AGENT);
    command.args(arguments).arg("--json").arg("--config").arg(&station.config);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let input = input.to_owned();
    let ended = move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(ended).await.unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[tokio::test]
async fn accounts_are_kept_by_the_command_line_with_the_daemon_and_without() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let (code, added) = run(&station, &["operator", "add", "Nguyễn Thị Đầu", "--role", "head"], "246813\n").await;
    assert_eq!((code, &added["id"], &added["role"]), (Some(0), &1.into(), &"head".into()), "{added}");
    for (arguments, input, field) in [
        (vec!["operator", "add", "NGUYỄN THỊ ĐẦU"], "135246\n", "account"),
        (vec!["operator", "add", "Lê Thị Hai"], "123456\n", "pin"),
        (vec!["operator", "add", "Lê Thị Hai"], "", "pin"),
        (vec!["operator", "add", "Lê Thị Hai", "--role", "admin"], "135246\n", "role"),
        (vec!["operator", "add", "Lê Thị Hai", "--with-personal-id"], "135246\n12\n", "personal_id"),
        (vec!["operator", "close", "1"], "", "account"),
        (vec!["operator", "role", "1", "reception"], "", "account"),
        (vec!["operator", "pin", "7"], "135246\n", "account"),
        (vec!["verify-log", "--head", "12"], "", "head"),
    ] {
        let (code, refused) = run(&station, &arguments, input).await;
        assert_eq!((code, &refused["error"]["field"]), (Some(65), &field.into()), "{arguments:?}: {refused}");
        assert!(!refused.to_string().contains("135246") && refused["error"]["english"].is_string(), "{refused}");
    }

    let daemon = station.loaded().await;
    let mut head = Tab::at(station.page);
    head.sign_in("1", "246813").await;
    let (code, added) = run(&station, &["operator", "add", "Lê Thị Hai", "--with-personal-id"], "135246\n099085000001\n").await;
    assert_eq!((code, &added["id"], &added["has_personal_id"]), (Some(0), &2.into(), &true.into()), "{added}");
    let mut second = Tab::at(station.page);
    second.sign_in("099085000001", "135246").await;
    assert_eq!(second.enter(&province.person_in_force().card).await.attribute("data-standing"), Some("valid"));
    assert_eq!(run(&station, &["operator", "pin", "2"], "864209\n").await.0, Some(0));
    assert_eq!(second.get("/").await.attribute("data-phien"), Some("locked"), "the page hears of it");
    assert_eq!(run(&station, &["operator", "role", "2", "head"], "").await.0, Some(0));
    assert_eq!(run(&station, &["operator", "close", "1"], "").await.0, Some(0));
    assert_eq!(head.get("/").await.attribute("data-phien"), Some("nobody"));
    station.check_in(&province.person_in_force().card).await.unwrap();

    let (code, running) = run(&station, &["access-log", "--limit", "100"], "").await;
    assert_eq!(code, Some(0));
    let (_, verified) = run(&station, &["verify-log"], "").await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (code, stopped) = run(&station, &["access-log"], "").await;
    assert_eq!((code, &stopped), (Some(0), &running), "the same lines either way");
    let acts: Vec<_> = running.as_array().unwrap().iter().rev().map(|line| line["act"].as_str().unwrap()).collect();
    let expected = [
        "account_added",
        "signed_in",
        "account_added",
        "signed_in",
        "looked_up",
        "account_pin",
        "account_role",
        "account_closed",
        "looked_up",
        "saved",
    ];
    // The page that was locked says so when it is asked for next.
    let without_locks: Vec<_> = acts.iter().copied().filter(|act| *act != "locked").collect();
    assert_eq!(without_locks, expected);
    let person = province.person_in_force();
    for secret in
        [person.card.as_str(), person.id.as_str(), person.insurance_number(), &person.name, "246813", "099085000001", "Lê Thị Hai"]
    {
        assert!(!running.to_string().contains(secret));
    }
    let looked_up: Vec<_> =
        running.as_array().unwrap().iter().filter(|line| line["act"] == "looked_up").map(|line| &line["person"]).collect();
    assert!(looked_up.len() == 2 && looked_up[0] == looked_up[1] && looked_up[0].is_string(), "the same person is the same digest");

    let head = verified["head"].as_str().unwrap();
    let (code, whole) = run(&station, &["verify-log", "--head", head], "").await;
    assert_eq!((code, &whole["whole"], &whole["lines"]), (Some(0), &true.into(), &running.as_array().unwrap().len().into()), "{whole}");
    let other = format!("1:{}", "0".repeat(64));
    let (code, broken) = run(&station, &["verify-log", "--head", &other], "").await;
    assert_eq!((code, &broken["whole"], &broken["broken_at"]), (Some(65), &false.into(), &Value::Null), "{broken}");
    let (_, list) = run(&station, &["operator", "list"], "").await;
    let closed: Vec<_> = list.as_array().unwrap().iter().map(|account| account["closed_at"].is_string()).collect();
    assert_eq!(closed, [true, false]);
    for text in ["246813", "135246", "864209", "Nguyễn Thị Đầu", "099085000001"] {
        assert!(!station.log().contains(text), "{text}");
    }
}

/// Somebody who edits the file with its key, past the triggers, is found by the administrator.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "somebody else's connection is what is wanted")]
async fn f57_an_edit_of_the_access_log_is_found_by_the_administrator() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    for _ in 0..5 {
        station.lookup(&province.person_in_force().card).await;
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let (_, verified) = run(&station, &["verify-log"], "").await;
    assert_eq!((&verified["consistent"], &verified["broken_at"]), (&true.into(), &Value::Null), "{verified}");
    let key = fs::read_to_string(station.dir.path().join("keys/database.key")).unwrap();
    let db = rusqlite::Connection::open(station.dir.path().join("data/visits.db")).unwrap();
    let edit = "DROP TRIGGER access_is_not_changed; UPDATE access SET person = NULL WHERE number = 3;";
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"; {edit}", key.trim_end())).unwrap();
    drop(db);
    let (code, broken) = run(&station, &["verify-log"], "").await;
    assert_eq!((code, &broken["whole"], &broken["broken_at"]), (Some(65), &false.into(), &3.into()), "{broken}");
}

/// A8: all lines are taken out and the count is set back, so that the log agrees with itself: the province was told where it ended, and both sides say so.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "somebody else's connection is what is wanted")]
async fn a8_a_log_taken_away_is_found_by_what_the_province_was_told() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let told = || province.province.log_heads(STATION).unwrap();
    let daemon = station.loaded().await;
    station.staff().await;
    station.lookup(&province.person_in_force().card).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (_, before) = run(&station, &["verify-log"], "").await;
    let head = before["head"].as_str().unwrap().to_owned();
    assert!(station.log().contains(&head), "the journal has the end of the log at the stop");
    let daemon = station.loaded().await;
    station.ask(&Request::SyncNow).await.unwrap();
    wait_for("the province is told", async || told().iter().any(|told| head.starts_with(&format!("{}:", told.head.lines))).then_some(()))
        .await;
    wait_for("its word is kept", async || (run(&station, &["verify-log"], "").await.0 == Some(0)).then_some(())).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let (code, whole) = run(&station, &["verify-log"], "").await;
    assert_eq!((code, &whole["whole"], &whole["confirmed"]["head"]), (Some(0), &true.into(), &head.clone().into()), "the control: {whole}");

    let key = fs::read_to_string(station.dir.path().join("keys/database.key")).unwrap();
    let db = rusqlite::Connection::open(station.dir.path().join("data/visits.db")).unwrap();
    let edit = "DROP TRIGGER access_is_not_deleted; DELETE FROM access; DELETE FROM sqlite_sequence WHERE name = 'access'; DELETE FROM access_confirmed;";
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"; {edit}", key.trim_end())).unwrap();
    drop(db);
    let (code, forged) = run(&station, &["verify-log"], "").await;
    assert_eq!(
        (code, &forged["whole"], &forged["consistent"]),
        (Some(69), &false.into(), &true.into()),
        "nothing to compare with: {forged}"
    );
    let daemon = station.loaded().await;
    station.ask(&Request::SyncNow).await.unwrap();
    wait_for("the station hears of it", async || (run(&station, &["verify-log"], "").await.0 == Some(65)).then_some(())).await;
    station.lookup(&province.person_in_force().card).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.loaded().await;
    station.ask(&Request::SyncNow).await.unwrap();
    wait_for("the province sees it", async || told().iter().any(|told| told.fell_back).then_some(())).await;
    assert!(station.log().contains("the access log does not hold the end that the province was told"));
    drop(daemon);
}

/// A user that no service of this machine has.
const STRANGER: u32 = 64_999;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

#[tokio::test]
async fn f52_another_user_of_the_machine_reads_no_file_and_is_not_answered() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    // Whoever comes as far as to the folder around them: it is not what keeps others out.
    let around = station.dir.path();
    fs::set_permissions(around, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&station.config, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(around.join("ca.pem"), Permissions::from_mode(0o644)).unwrap();
    let agent = around.join("agent");
    fs::copy(AGENT, &agent).unwrap();
    let as_stranger = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .uid(STRANGER)
            .gid(STRANGER)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap().code()
    };
    let config = station.config.to_str().unwrap();
    let card = province.person_in_force().card;
    let asked = |verb: &[&str]| as_stranger(&agent, &[verb, &["--config", config]].concat());
    for verb in
        [&["status"][..], &["lookup", &card], &["check-in", &card], &["outbox"], &["access-log"], &["operator", "list"], &["sync-now"]]
    {
        assert_eq!(asked(verb), Some(77), "{verb:?}");
    }
    let mut own = Vec::new();
    for folder in ["data", "keys"] {
        files(&around.join(folder), &mut own);
    }
    assert!(own.len() >= 8, "{own:?}");
    let cat = Path::new("/bin/cat");
    for file in own.iter().chain([&station.socket]) {
        assert_ne!(as_stranger(cat, &[file.to_str().unwrap()]), Some(0), "{}", file.display());
    }
    // What would be found.
    assert_eq!(as_stranger(cat, &[config]), Some(0), "the stranger can read what is open");
    fs::set_permissions(&station.socket, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(asked(&["status"]), Some(0), "and is answered where the socket is open");
    drop(daemon);
}
