//! `doctor`, and the verbs that ask the service, beside a configuration with mistakes, or another one than what is in force.

use std::fs;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;

use super::ALONE;
use super::SERVED;
use super::as_in_fixture;
use super::codes;
use super::enrolled;
use super::line;
use super::told;
use super::well;
use crate::support::TestProvince;
use crate::support::TestStation;

const CHECKS: usize = 18;

/// Adds to the station's configuration, above its first table.
fn add(station: &TestStation, lines: &str) {
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("{lines}{text}")).unwrap();
}

#[tokio::test]
async fn a_mistake_is_told_and_everything_else_as_before() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let good = fs::read_to_string(&station.config).unwrap();
    add(&station, "no-such-key = 1\n");
    as_in_fixture("mistaken-configuration", &station, &SERVED, 78, &["config.refused"], &[]).await;
    let (value, _) = told(&station, &SERVED).await;
    assert_eq!(codes(&value, "ok").len(), CHECKS - 1, "{value}");

    // A slip of the pen, and a value that nobody can take: only what hangs on them is not told.
    for (from, to, lost) in [
        ("no-such-key = 1", "no-such-key = \"1", &[][..]),
        ("folder = ", "fodler = ", &["backups"]),
        ("recipients = [", "recipients = ", &["backups"]),
        ("url = \"https", "url = \"http", &["certificate", "province"]),
        ("facility = \"99001\"", "facility = \"9\"", &["province", "backups", "stick"]),
    ] {
        fs::write(&station.config, format!("no-such-key = 1\n{good}").replacen(from, to, 1)).unwrap();
        let (value, code) = told(&station, &SERVED).await;
        let expected: Vec<_> = lost.iter().map(|check| format!("{check}.no_config")).collect();
        assert_eq!((codes(&value, "unknown"), code), (expected, Some(78)), "{to}: {value}");
        assert_eq!(codes(&value, "broken"), ["config.refused"], "{to}: {value}");
        assert_eq!(value["facility"].is_null(), lost.contains(&"stick"), "{value}");
    }
    fs::write(&station.config, format!("no-such-key = 1\n{good}")).unwrap();
    assert_eq!(daemon.terminate().await, Some(0));
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!(
        (codes(&value, "broken"), codes(&value, "attention"), code),
        (vec!["config.refused".into()], vec!["service.hindered".into()], Some(78))
    );
    for check in ["keys", "databases", "feed", "outbox", "backups", "operators", "province"] {
        assert_eq!(line(&value, check)["state"], "ok", "{check} from the files: {value}");
    }

    // Nothing is known of where the files are.
    fs::remove_file(&station.config).unwrap();
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!((codes(&value, "broken"), code), (vec!["config.refused".to_owned()], Some(78)), "{value}");
    assert_eq!(line(&value, "databases")["code"], "databases.no_config");
    assert!(line(&value, "clock")["state"] == "ok" && value["facility"].is_null(), "{value}");
}

#[tokio::test]
async fn verbs_that_ask_the_service_find_it_beside_a_mistake_and_say_what_to_mend() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let good = fs::read_to_string(&station.config).unwrap();
    let asked =
        [&["status", "--json"][..], &["outbox"], &["sync-now"], &["metrics"], &["backup"], &["operator", "list"], &["quarantine", "list"]];
    for mistake in ["no-such-key = 1\n", "[\n", "facility = \"9\n"] {
        add(&station, mistake);
        for verb in asked {
            let output = station.run(verb).await;
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{mistake}{verb:?}: {said}");
            assert!(said.contains("bhyt-agent check-config") && !output.stdout.is_empty(), "{mistake}{verb:?}: {said}");
        }
        let output = station.run(asked[0]).await;
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["running"], true, "only the contract is on standard output");
        fs::write(&station.config, &good).unwrap();
    }
    assert!(station.run(&["status"]).await.stderr.is_empty(), "nothing is to be mended");
    assert_eq!(daemon.terminate().await, Some(0));
    // By files that it may not know of nobody answers.
    add(&station, "no-such-key = 1\n");
    for verb in [&["status", "--json"][..], &["outbox"], &["backup"]] {
        let output = station.run(verb).await;
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(78), "{verb:?}");
        assert!(String::from_utf8(said).unwrap().contains("no-such-key"), "{verb:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_in_force_yet_is_told_with_what_brings_it_in() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let config = async || {
        let (value, code) = told(&station, &SERVED).await;
        (line(&value, "config").clone(), code)
    };
    let hang_up = || kill_process(Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap(), Signal::HUP).unwrap();
    add(&station, "station-name = \"Trạm Mẫu\"\n");
    let (line, code) = config().await;
    assert_eq!((&line["code"], code), (&"config.outdated".into(), Some(75)), "{line}");
    assert!(line["since"].is_string() && line["next_en"].as_str().unwrap().ends_with("&& systemctl reload bhyt-agent"), "{line}");
    hang_up();
    station.status_when("it is in force", |status| status["configuration"]["is_outdated"] == false).await;
    assert_eq!(config().await.0["code"], "config.ok");
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, text.replacen("[page]", "[page]\nallowed-hosts = [\"quay\"]", 1)).unwrap();
    hang_up();
    station.status_when("a key waits", |status| status["configuration"]["waiting_for_restart"] != serde_json::json!([])).await;
    let (line, code) = config().await;
    assert_eq!((&line["code"], code), (&"config.waits".into(), Some(75)), "{line}");
    assert!(line["en"].as_str().unwrap().contains("page.allowed-hosts") && line["next_en"] == "systemctl restart bhyt-agent", "{line}");
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    assert_eq!(config().await, (config().await.0, Some(0)));
    assert_eq!(config().await.0["code"], "config.ok");
    assert_eq!(daemon.terminate().await, Some(0));
}
