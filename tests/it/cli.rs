//! The command line as programs see it: what is printed where, and with which exit code.

use std::fs;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use crate::support::AGENT;
use crate::support::TestProvince;
use crate::support::TestStation;

const CASES: &str = include_str!("../fixtures/scan/payloads.json");

#[test]
fn every_payload_is_printed_as_the_contract_says() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let payload = case["payload"].as_str().unwrap();
        // An argument cannot hold NUL; a pipe can.
        let mut command = Command::new(AGENT).args(["scan", "--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut command.stdin.take().unwrap(), payload.as_bytes()).unwrap();
        let output = command.wait_with_output().unwrap();
        let mut printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = output.status.code();
        let fits = if let Some(expected) = case.get("expect") {
            code == Some(0) && printed == *expected
        } else {
            let error = printed["error"].as_object_mut().unwrap();
            let mut says = |key: &str| error.remove(key).is_some_and(|words| words.as_str().is_some_and(|words| words.len() > 10));
            let has_words = says("message") && says("english");
            code == Some(65) && has_words && printed["error"] == case["error"]
        };
        if !fits {
            failures.push(format!("{}: {code:?} {printed}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn a_payload_may_be_given_as_an_argument() {
    let output = Command::new(AGENT).args(["scan", "--json", "0100000001"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&printed["source"], &printed["insurance_number"]), (&"typed".into(), &"0100000001".into()));
}

#[test]
fn a_mistyped_command_ends_with_64_and_help_with_0() {
    let code = |arguments: &[&str]| Command::new(AGENT).args(arguments).output().unwrap().status.code();
    assert_eq!(code(&["frobnicate"]), Some(64));
    assert_eq!(code(&["lookup"]), Some(64));
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
}

#[tokio::test]
async fn reading_verbs_work_with_the_daemon_down_and_saving_ones_say_that_they_cannot() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    let running: Value = serde_json::from_slice(&station.run(&["lookup", "--json", &card]).await.stdout).unwrap();
    assert_eq!(daemon.terminate().await, Some(0));

    let output = station.run(&["lookup", "--json", &card]).await;
    let stopped: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((&running["person"], &running["verdict"]["card"]), (&stopped["person"], &stopped["verdict"]["card"]));
    for (verb, code) in [
        (vec!["check-in", "--json", &card], 69),
        (vec!["sync-now", "--json"], 69),
        (vec!["status", "--json"], 0),
        (vec!["outbox", "--json"], 0),
    ] {
        let output = station.run(&verb).await;
        assert_eq!(output.status.code(), Some(code), "{verb:?}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed.get("error").is_some(), code != 0, "{verb:?}");
    }
}

#[tokio::test]
async fn no_number_or_name_of_a_person_is_in_the_log_or_in_a_plain_file() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let person = province.person_in_force();
    province.province.faults().set(provincial::Fault::RejectVisits(2));
    for text in [person.card.as_str(), person.id.as_str(), &provincial::payload::bhyt_card(&person), "012345"] {
        let _ = station.check_in(text).await;
    }
    station.status_when("all are answered", |status| status["outbox"]["pending"] == 0).await;
    daemon.terminate().await;
    let log = station.log();
    assert!(log.contains("ready") && log.contains("parked"), "{log}");
    let secrets = [person.card.as_str(), person.insurance_number(), &person.id, &person.name];
    for secret in secrets {
        assert!(!log.contains(secret));
    }
    let mut folders = vec![station.dir.path().join("data")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            files += 1;
            let bytes = fs::read(entry.path()).unwrap();
            for secret in secrets {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", entry.path().display());
            }
        }
    }
    assert!(files >= 3);
}

/// Who asks how it stands while the desk is down must not be told that all is well.
#[tokio::test]
async fn status_without_a_daemon_says_first_that_none_runs() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let status = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let down = status(&station.run(&["status", "--json"]).await);
    assert_eq!((&down["running"], &down["notices"][0]["code"]), (&false.into(), &"not_running".into()), "{down}");
    let text = station.run(&["status"]).await.stdout;
    assert!(String::from_utf8(text).unwrap().contains("DỊCH VỤ KHÔNG CHẠY"));
    let daemon = station.started().await;
    let up = status(&station.run(&["status", "--json"]).await);
    assert_eq!(up["running"], true);
    assert!(up["notices"].as_array().unwrap().iter().all(|notice| notice["code"] != "not_running"), "{up}");
    drop(daemon);
}
