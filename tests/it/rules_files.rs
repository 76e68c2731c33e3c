//! Rules brought as a signed file: from the publisher's folder to the verdict of a station, and back.

use std::fs;
use std::path::Path;

use minisign::KeyPair;
use serde_json::Value;
use serde_json::json;

use crate::support::TestProvince;
use crate::support::TestStation;

/// Somebody who may sign rules.
pub(crate) struct Publisher(KeyPair);

impl Publisher {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate_unencrypted_keypair().unwrap())
    }

    /// As it stands in a configuration.
    pub(crate) fn key(&self) -> String {
        self.0.pk.to_base64()
    }

    pub(crate) fn signed(&self, text: &str) -> Vec<u8> {
        let signature = minisign::sign(None, &self.0.sk, text.as_bytes(), None, None).unwrap();
        format!("{}{text}", signature.to_string()).into_bytes()
    }

    /// The tables of this repository under another version.
    pub(crate) fn set(&self, version: &str, valid_from: &str) -> Vec<u8> {
        self.signed(&text(version, valid_from, |_, text| text))
    }
}

fn text(version: &str, valid_from: &str, change: impl Fn(&str, String) -> String) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    let mut files = serde_json::Map::new();
    for folder in ["", "support/"] {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            let text = if name == "rules.toml" { format!("version = \"{version}\"\n") } else { fs::read_to_string(entry.path()).unwrap() };
            files.insert(name.clone(), change(&name, text).into());
        }
    }
    let made_at = "2026-11-20T00:00:00Z";
    json!({ "kind": "bhyt-rules", "form": 1, "version": version, "valid_from": valid_from, "made_at": made_at, "files": files }).to_string()
}

async fn trusting(province: &TestProvince, publisher: &Publisher) -> TestStation {
    let station = TestStation::enrolled(province).await;
    let config = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("rules-keys = [\"{}\"]\n{config}", publisher.key())).unwrap();
    station
}

/// A verb that is refused: its exit code and stable code; the old set stays, and the message says so.
async fn refused(station: &TestStation, file: &[u8]) -> (i32, String) {
    let path = station.dir.path().join("brought.rules");
    fs::write(&path, file).unwrap();
    let output = station.run(&["rules", "install", path.to_str().unwrap(), "--json"]).await;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().ends_with("Bộ quy tắc đang dùng giữ nguyên."), "{answer}");
    (output.status.code().unwrap(), answer["error"]["code"].as_str().unwrap().to_owned())
}

async fn done(station: &TestStation, arguments: &[&str]) -> Value {
    let output = station.run(&[arguments, &["--json"]].concat()).await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_set_changes_the_verdict_without_a_new_program_and_one_command_goes_back() {
    let province = TestProvince::new(200).await;
    let publisher = Publisher::new();
    let station = trusting(&province, &publisher).await;
    let person = province.person_in_force();
    let daemon = station.loaded().await;
    let verdict = async || {
        let found = station.lookup(&person.card).await;
        let benefit = &found["verdict"]["benefit"];
        (benefit["rules_version"].as_str().unwrap().to_owned(), benefit["article"].as_str().unwrap().to_owned())
    };
    let (own, article) = verdict().await;
    assert_eq!(
        station.status().await["rules"],
        json!({ "version": own, "origin": "builtin", "valid_from": null, "made_at": null, "next": null })
    );

    // Another article behind every rate, as a new law would have it.
    let changed = text("2026-11-20.1", "2026-11-20", |name, text| {
        if name == "attendance_categories.toml" { text.replace("article = \"", "article = \"Luật mới, ") } else { text }
    });
    let file = station.dir.path().join("new.rules");
    fs::write(&file, publisher.signed(&changed)).unwrap();
    let file = file.to_str().unwrap();
    let answer = done(&station, &["rules", "install", file]).await;
    assert_eq!(
        (&answer["version"], &answer["needs_reload"], &answer["running"]),
        (&"2026-11-20.1".into(), &true.into(), &own.clone().into())
    );
    assert_eq!(verdict().await, (own.clone(), article.clone()), "the running service says by which rules it answers");
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    assert_eq!(verdict().await, ("2026-11-20.1".to_owned(), format!("Luật mới, {article}")));
    assert_eq!(station.status().await["rules"]["origin"], "installed");
    let again = done(&station, &["rules", "install", file]).await;
    assert_eq!((&again["version"], &again["needs_reload"]), (&"2026-11-20.1".into(), &false.into()), "again: nothing changes");
    let said = station.run(&["status"]).await;
    assert!(String::from_utf8_lossy(&said.stdout).contains("Quy tắc: bản 2026-11-20.1, cài từ tệp đã ký"));

    let back = done(&station, &["rules", "rollback"]).await;
    assert_eq!((&back["version"], &back["passed_over"][0]["why"]), (&own.clone().into(), &"went_back".into()));
    assert_eq!(daemon.terminate().await, Some(0));
    let daemon = station.started().await;
    assert_eq!(verdict().await, (own, article));
    let nothing = station.run(&["rules", "rollback"]).await;
    assert_eq!(nothing.status.code(), Some(65));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_tampered_with_older_cut_off_foreign_or_wrong_inside_is_refused_and_the_old_set_stays() {
    let province = TestProvince::new(50).await;
    let publisher = Publisher::new();
    let station = trusting(&province, &publisher).await;
    let good = publisher.set("2026-11-20.1", "2026-11-01");
    let path = station.dir.path().join("good.rules");
    fs::write(&path, &good).unwrap();
    done(&station, &["rules", "install", path.to_str().unwrap()]).await;

    let newer = publisher.set("2026-11-21.1", "2026-11-01");
    let tampered = String::from_utf8(newer.clone()).unwrap().replacen("rate_percent = 80", "rate_percent = 90", 1);
    assert_ne!(tampered.as_bytes(), newer);
    assert_eq!(refused(&station, tampered.as_bytes()).await, (77, "altered".to_owned()));
    assert_eq!(refused(&station, &newer[..newer.len() / 2]).await, (77, "altered".to_owned()));
    assert_eq!(refused(&station, &newer[..100]).await, (65, "not_a_set".to_owned()));
    assert_eq!(refused(&station, b"").await, (65, "not_a_set".to_owned()));
    assert_eq!(refused(&station, &Publisher::new().set("2026-11-21.1", "2026-11-01")).await, (77, "stranger".to_owned()));
    assert_eq!(refused(&station, &publisher.set("2026-11-19.1", "2026-11-01")).await, (65, "older".to_owned()));
    assert_eq!(refused(&station, &publisher.set("2026-11-20.1", "2026-11-02")).await, (65, "other_of_same_version".to_owned()));
    let wrong =
        text(
            "2026-11-21.1",
            "2026-11-01",
            |name, text| if name == "renewal.toml" { text.replace("gap_days = 90", "gap_days = 0") } else { text },
        );
    assert_eq!(refused(&station, &publisher.signed(&wrong)).await, (65, "unreadable".to_owned()));
    let unfitting = text("2026-11-21.1", "2026-11-01", |name, text| {
        if name == "facility_classes.toml" { text.replace("\"commune_station\"", "\"hospital\"") } else { text }
    });
    let (code, why) = refused(&station, &publisher.signed(&unfitting)).await;
    assert!(code == 65 && ["unfitting", "unreadable"].contains(&why.as_str()), "{why}");
    assert_eq!(done(&station, &["rules", "show"]).await["version"], "2026-11-20.1");
    // What was refused is taken when it comes as it was made.
    fs::write(&path, &newer).unwrap();
    assert_eq!(done(&station, &["rules", "install", path.to_str().unwrap()]).await["version"], "2026-11-21.1");
}

/// The publisher's way with the tools at hand: this program packs, minisign signs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_packed_and_signed_is_taken_and_a_station_that_trusts_nobody_says_what_is_missing() {
    let province = TestProvince::new(50).await;
    let publisher = Publisher::new();
    let station = trusting(&province, &publisher).await;
    let folder = station.dir.path().join("folder");
    crate::support::bad_disk::copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules"), &folder);
    fs::write(folder.join("rules.toml"), "version = \"2026-11-22.1\"\n").unwrap();
    let mut pack = std::process::Command::new(crate::support::AGENT);
    let packed = pack.args(["rules", "pack", "--valid-from", "2026-11-01"]).arg(&folder).output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    let file = station.dir.path().join("packed.rules");
    fs::write(&file, publisher.signed(&String::from_utf8(packed.stdout).unwrap())).unwrap();
    assert_eq!(done(&station, &["rules", "install", file.to_str().unwrap()]).await["version"], "2026-11-22.1");

    let config = fs::read_to_string(&station.config).unwrap();
    let (_, without) = config.split_once('\n').unwrap();
    fs::write(&station.config, without).unwrap();
    assert_eq!(refused(&station, &fs::read(&file).unwrap()).await, (78, "no_keys".to_owned()));
    let shown = done(&station, &["rules", "show"]).await;
    assert_eq!((&shown["origin"], &shown["passed_over"][0]["why"]), (&"builtin".into(), &"unusable".into()));
    fs::write(&station.config, format!("rules-dir = \"{}\"\n{config}", folder.display())).unwrap();
    assert_eq!(refused(&station, &fs::read(&file).unwrap()).await, (78, "rules_dir".to_owned()));
}
