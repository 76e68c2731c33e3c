//! The command line as programs see it: what is printed where, and with which exit code.

use std::fs;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use crate::support::AGENT;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::is_english;

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

/// Whoever has read enough of a long help closes the pipe.
#[test]
fn help_into_a_closed_pipe_ended_as_if_the_disk_had_failed() {
    for arguments in [&["--help"][..], &["--version"], &["status", "--help", "--english"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = Command::new(AGENT).args(arguments).stdout(writer).status().unwrap();
        assert_eq!(ended.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_mistyped_command_with_json_is_told_on_standard_error_alone() {
    // What was typed cannot be trusted to have meant --json: nothing of the contract is printed.
    for arguments in [&["status", "--json", "--frobnicate"][..], &["frobnicate", "--json"], &["status", "--json", "--english"]] {
        let output = Command::new(AGENT).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

/// Verbs that say nothing to a person in an answer: a service's log, and a publisher's file.
const WITHOUT_A_LANGUAGE: [&str; 2] = ["bhyt-agent serve", "bhyt-agent rules pack"];

#[test]
fn every_verb_can_be_asked_in_english() {
    fn silent(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
        if command.has_subcommands() {
            command.get_subcommands().for_each(|verb| silent(verb, &path, found));
        } else if command.get_arguments().all(|argument| argument.get_long() != Some("english")) {
            found.push(path);
        }
    }
    let mut found = Vec::new();
    silent(&bhyt_agent::cli::command(), "", &mut found);
    assert_eq!(found, WITHOUT_A_LANGUAGE);
}

#[tokio::test]
async fn in_english_there_is_no_vietnamese_with_the_service_up_or_down_or_the_configuration_mistaken() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let visit = station.check_in(&province.person_in_force().card).await.unwrap().to_string();
    let verbs: [&[&str]; 30] = [
        &["outbox"],
        &["sync-now"],
        &["coverage"],
        &["renewals"],
        &["renewals", "--csv", "/nonexistent/renewals.csv"],
        &["verify-log"],
        &["verify-log", "--head", "1:ab"],
        &["access-log"],
        &["operator", "list"],
        &["operator", "close", "99"],
        &["person", "erase", "0100000009"],
        &["person", "export", "0"],
        &["check-config"],
        &["init", "--code", "?"],
        &["replace-this-machine", "--code", "?"],
        &["metrics"],
        &["rechecks"],
        &["recheck-done", "999"],
        &["desks", "list"],
        &["desks", "revoke", "9"],
        &["visit", &visit],
        &["visit", "01976b4c-0000-7000-8000-000000000000"],
        &["void", &visit, "--reason", ""],
        &["resend", &visit],
        &["close", &visit, "--note", "x"],
        &["lookup", "0"],
        &["lookup", "0100000009"],
        &["status"],
        &["quarantine", "list"],
        &["rules", "show"],
    ];
    let said = async |when: &str| {
        for verb in verbs {
            let output = station.run(&[verb, &["--english"]].concat()).await;
            let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
            let is_silent = verb[0] == "access-log" && when == "mistaken";
            assert!(is_silent || !text.trim().is_empty(), "{when}: {verb:?} says nothing");
            assert_ne!(output.status.code(), Some(64), "{when}: {verb:?}: {text}");
            // The names of hamlets are the station's own.
            let is_hamlet = |line: &str| verb[0] == "coverage" && line.contains('\t');
            let told = text.lines().filter(|line| !is_hamlet(line)).collect::<Vec<_>>().join("\n");
            assert!(is_english(&told), "{when}: {verb:?}: {text}");
        }
    };
    said("up").await;
    let config = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("no-such-key = 1\n{config}")).unwrap();
    said("mistaken").await;
    assert_eq!(daemon.terminate().await, Some(0));
    said("mistaken and down").await;
    fs::write(&station.config, &config).unwrap();
    said("down").await;
    let known = station.run(&["lookup", "--english", &province.person_in_force().card]).await;
    let known = String::from_utf8(known.stdout).unwrap();
    let card = province.person_in_force().card;
    assert!(known.lines().any(|line| line.contains(&card)), "{known}");
    // A name is a name, and the article of a law is cited as it is called.
    let is_own = |line: &&str| line.contains(&card) || line.contains("The fund pays");
    assert!(is_english(&known.lines().filter(|line| !is_own(line)).collect::<Vec<_>>().join("\n")), "{known}");
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

/// Each of them made a new, empty record in its place, called it whole and copied it as a good backup; root's was then closed to the service.
#[tokio::test]
async fn where_there_are_no_data_that_is_said_and_none_are_made() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    assert_eq!(station.loaded().await.terminate().await, Some(0));
    let data = station.dir.path().join("data");
    fs::rename(&data, station.dir.path().join("elsewhere")).unwrap();
    let card = province.person_in_force().card;
    let out = station.dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let out = out.display().to_string();
    let verbs: [&[&str]; 11] = [
        &["status"],
        &["outbox"],
        &["lookup", &card],
        &["verify-log"],
        &["access-log"],
        &["operator", "list"],
        &["quarantine", "list"],
        &["integrity-check"],
        &["person", "export", &card],
        &["backup", "--to", &out],
        &["carry-out", &out],
    ];
    for as_it_is_mounted in [false, true] {
        if as_it_is_mounted {
            fs::create_dir(&data).unwrap();
        }
        for verb in verbs {
            let output = station.run(verb).await;
            let said = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
            assert_eq!(output.status.code(), Some(78), "{verb:?}: {said}");
            assert!(said.contains("KHÔNG CÓ DỮ LIỆU") && said.contains(&data.display().to_string()), "{verb:?}: {said}");
            let made = fs::read_dir(&data).map_or(0, Iterator::count);
            assert!(data.exists() == as_it_is_mounted && made == 0, "{verb:?} made {made}");
        }
    }
    fs::remove_dir(&data).unwrap();
    fs::rename(station.dir.path().join("elsewhere"), &data).unwrap();
    assert_eq!(station.run(&["status"]).await.status.code(), Some(0));
}
