//! `setup` against the real province: in one go, again and again, killed anywhere, at a terminal, beside a service that runs, and as root for another account.
//!
//! Promise: the real binary does everything; a killed process is killed. Never: a systemd of the computer that the tests run on.

#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use bhyt_agent::control::contract::operators::OperatorRequest;
use provincial::Fault;
use serde_json::Value;

use crate::slow_link::skipped;
use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::ports;
use crate::terminal::converse;

const PIN: &str = "802461";
const NAME: &str = "Trưởng trạm Mẫu";

/// A computer with the package on it: a configuration in which an administrator has changed where things are, and nobody has answered anything.
fn installed() -> TestStation {
    let dir = tempfile::tempdir().unwrap();
    let (place, page) = (dir.path().display(), ports::address());
    let text = format!(
        "# of the administrator\noperator = \"Nhân viên tiếp đón\"\ndata-dir = \"{place}/data\"   # here\nkeys-dir = \"{place}/keys\"\n\
         control-socket = \"{place}/control.sock\"\n[page]\nlisten = \"{page}\"\n[sync]\nlongest-pause-minutes = 1\n"
    );
    let (config, socket) = (dir.path().join("bhyt-agent.toml"), dir.path().join("control.sock"));
    fs::write(&config, text).unwrap();
    // Whoever runs this owns it: there is no account of the package here.
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::set_permissions(dir.path().join("data"), Permissions::from_mode(0o700)).unwrap();
    TestStation { dir, config, socket, page }
}

fn secret(path: &Path, content: &str) -> String {
    fs::write(path, format!("{content}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o400)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What a province gives out for a station: everything in one file, the secrets beside it.
fn answers(station: &TestStation, province: &TestProvince) -> PathBuf {
    let folder = station.dir.path().join("from-the-province");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("authority.pem"), province.province.ca_pem()).unwrap();
    let code = secret(&folder.join("code"), &province.province.enrolment_code(STATION).unwrap());
    let pin = secret(&folder.join("pin"), PIN);
    let path = folder.join("answers.toml");
    let text = format!(
        "facility = \"{STATION}\"\nprovince-url = \"https://{}/\"\nprovince-ca-file = \"{}\"\nenrolment-code-file = \"{code}\"\nhead-name = \"{NAME}\"\n\
         head-pin-file = \"{pin}\"\n",
        province.address,
        folder.join("authority.pem").display(),
    );
    fs::write(&path, text).unwrap();
    path
}

fn command(station: &TestStation, answers: Option<&Path>) -> Command {
    let mut command = Command::new(AGENT);
    command.args(["setup", "--no-start", "--config"]).arg(&station.config);
    if let Some(path) = answers {
        command.arg("--answers").arg(path);
    }
    command.env("PATH", "/nonexistent").stdin(Stdio::null());
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The files of the keys folder with what is in them.
fn keys(station: &TestStation) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(station.dir.path().join("keys")) else { return BTreeMap::new() };
    let of = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap_or_default());
    entries.map(|entry| of(entry.unwrap().path())).filter(|(name, _)| Path::new(name).extension().is_none_or(|end| end != "new")).collect()
}

async fn accounts(station: &TestStation) -> Vec<Value> {
    let output = station.run(&["operator", "list", "--json"]).await;
    serde_json::from_slice::<Value>(&output.stdout).unwrap().as_array().unwrap().clone()
}

async fn is_set_up(station: &TestStation, province: &TestProvince) {
    let accounts = accounts(station).await;
    assert_eq!((accounts.len(), accounts[0]["role"].as_str(), accounts[0]["name"].as_str()), (1, Some("head"), Some(NAME)));
    let daemon = station.loaded().await;
    let visit = station.check_in(&province.person_in_force().card).await.unwrap();
    station.status_when("the visit is sent", |status| status["outbox"]["pending"] == 0).await;
    assert_eq!(province.stored(), [(visit, 1)].into());
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_file_of_answers_sets_a_station_up_and_doing_it_again_changes_nothing() {
    let province = TestProvince::new(50).await;
    let station = installed();
    let answers = answers(&station, &province);
    let output = run(command(&station, Some(&answers))).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Đã đăng ký") && text.contains("18 mục:"), "it ends with doctor: {text}");
    assert!(!text.contains(PIN) && !text.contains(NAME), "{text}");
    let config = fs::read_to_string(&station.config).unwrap();
    for kept in ["# of the administrator\n", "   # here\n", "longest-pause-minutes = 1\n"] {
        assert!(config.contains(kept), "{config}");
    }
    assert!(config.contains("station-name = "), "the province's own name: {config}");
    assert_eq!(fs::metadata(&station.config).unwrap().mode() & 0o777, 0o644);
    assert!(station.dir.path().join("province-ca.pem").exists());

    let (keys_before, told) = (keys(&station), accounts(&station).await);
    // An administrator moves the province afterwards; the same answers come again from the tool that manages a hundred stations.
    let changed = config.replace("longest-pause-minutes = 1", "longest-pause-minutes = 2");
    fs::write(&station.config, &changed).unwrap();
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // Answers of another station, or of another province, are refused: key, file and both values are told.
    let told_before = fs::read_to_string(&answers).unwrap();
    let address = province.address.to_string();
    for (from, to, key) in [(STATION, "79012", "facility"), (address.as_str(), "other.example.vn", "province.url")] {
        fs::write(&answers, told_before.replace(from, to)).unwrap();
        let output = run(command(&station, Some(&answers))).await;
        assert_eq!(output.status.code(), Some(65), "{}", said(&output));
        for part in [key, to, from, station.config.to_str().unwrap()] {
            assert!(said(&output).contains(part), "{part}: {}", said(&output));
        }
    }
    assert_eq!(fs::read_to_string(&station.config).unwrap(), changed);
    assert!(keys(&station) == keys_before && accounts(&station).await == told);
    // And nothing is asked where all is known.
    let output = run(command(&station, None)).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    is_set_up(&station, &province).await;
}

#[tokio::test]
async fn what_is_missing_is_told_at_once_and_what_cannot_be_meant_is_refused() {
    let province = TestProvince::new(10).await;
    let station = installed();
    let before = fs::read_to_string(&station.config).unwrap();
    let output = run(command(&station, None)).await;
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    assert!(said(&output).contains("facility, province-url"), "{}", said(&output));
    let path = answers(&station, &province);
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, code) in [
        ("head-name", "head-nam", 65),
        ("facility = \"99001\"", "facility = \"9\"", 65),
        ("https://", "http://", 65),
        ("authority.pem", "none.pem", 65),
        ("authority.pem", "pin", 65),
    ] {
        fs::write(&path, good.replace(from, to)).unwrap();
        let output = run(command(&station, Some(&path))).await;
        assert_eq!(output.status.code(), Some(code), "{to}: {}", said(&output));
        assert_eq!(fs::read_to_string(&station.config).unwrap(), before, "{to}");
    }
    // A secret is no answer.
    let mut secret = command(&station, None);
    secret.env("BHYT_SETUP_ENROLMENT_CODE", "ABCDEFGH").env("BHYT_SETUP_FACILITY", "99004").env("BHYT_SETUP_PROVINCE_URL", "");
    let output = run(secret).await;
    let text = said(&output);
    assert!(output.status.code() == Some(65) && text.contains("head-name, head-pin-file"), "{text}");
    assert!(
        text.contains("BHYT_SETUP_ENROLMENT_CODE: ") && text.contains("BHYT_SETUP_ENROLMENT_CODE_FILE?") && !text.contains("ABCDEFGH"),
        "{text}"
    );
    // Secrets come over standard input, the station works alone. The line of the code comes too, which is not wanted here, and is nobody's PIN.
    for (pin, code) in [("111111", 65), (PIN, 0)] {
        let mut rest = command(&station, None);
        rest.env("BHYT_SETUP_HEAD_NAME", NAME)
            .env("BHYT_SETUP_FACILITY", "99004")
            .env("BHYT_SETUP_PROVINCE_URL", "")
            .env("BHYT_SETUP_ENROLMENT_CODE_FILE", "-")
            .env("BHYT_SETUP_HEAD_PIN_FILE", "-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = rest.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("ABCDEFGH\n{pin}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    }
    assert_eq!(accounts(&station).await.len(), 1);
}

/// What is there of a station: the configuration's text, what lies beside it, its keys, and whether it keeps visits.
fn found(station: &TestStation) -> (String, Vec<String>, BTreeMap<String, Vec<u8>>, bool) {
    let beside = fs::read_dir(station.config.parent().unwrap()).unwrap();
    let mut beside: Vec<_> = beside.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    beside.sort();
    (fs::read_to_string(&station.config).unwrap(), beside, keys(station), station.dir.path().join("data/visits.db").exists())
}

/// The first station of a hundred: each run tells all there is to mend, and leaves no half of a station behind.
#[tokio::test]
async fn setup_left_half_a_station_for_answers_that_it_had_not_looked_at() {
    let province = TestProvince::new(10).await;
    let station = installed();
    let path = answers(&station, &province);
    let good = fs::read_to_string(&path).unwrap();
    let before = found(&station);
    assert!(before.2.is_empty() && !before.3, "{before:?}");

    // Everything wrong at once.
    let pin = station.dir.path().join("from-the-province/pin");
    let code = station.dir.path().join("from-the-province/code");
    let enrolment_code = fs::read_to_string(&code).unwrap();
    fs::write(&code, "S3CRET").unwrap();
    let mut wrong = good.clone();
    for (from, to) in [(STATION, "9"), ("https://", "http://"), ("authority.pem", "none.pem"), (NAME, " "), ("/pin\"", "/none\"")] {
        wrong = wrong.replace(from, to);
    }
    fs::write(&path, format!("{wrong}station-name = \"\"\n")).unwrap();
    let mut all = command(&station, Some(&path));
    all.env("BHYT_SETUP_FOO", "S3CRET");
    let output = run(all).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(65), "{text}");
    for key in [
        "facility: ",
        "province-url: ",
        "province-ca-file: ",
        "enrolment-code-file: ",
        "head-name: ",
        "head-pin-file: ",
        "station-name: ",
        "BHYT_SETUP_FOO: ",
    ] {
        assert_eq!(text.matches(key).count(), 1, "{key}: {text}");
    }
    assert!(!text.contains("S3CRET"), "{text}");
    assert_eq!(found(&station), before, "{text}");

    // Everything missing at once, also what only a province wants.
    let output = run(command(&station, None)).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(64), "{text}");
    let all = "facility, province-url, province-ca-file (nếu có tỉnh), enrolment-code-file (nếu có tỉnh), head-name, head-pin-file";
    assert!(text.contains(all), "{text}");
    // Missing and wrong are told together, in English too.
    fs::write(&path, good.replace("head-pin-file = ", "head-pin = \"802461\" # ")).unwrap();
    let mut english = command(&station, Some(&path));
    english.arg("--english");
    let output = run(english).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(65), "{text}");
    for part in [
        "nobody to ask: head-pin-file.",
        "line 6: head-pin: there is no such key; is it head-pin-file?",
        "enrolment-code-file: a code has 8",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("802461") && !text.contains("unknown field"), "{text}");
    assert_eq!(found(&station), before, "{text}");

    // And with all put right it is one run; after it the secrets are not asked for again.
    fs::write(&code, enrolment_code).unwrap();
    fs::write(&path, good).unwrap();
    let output = run(command(&station, Some(&path))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    fs::remove_file(&pin).unwrap();
    fs::remove_file(&code).unwrap();
    let output = run(command(&station, Some(&path))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    is_set_up(&station, &province).await;
}

/// The package's own configuration with the code of nobody in it, and one line changed.
fn sampled(operator: &str) -> TestStation {
    let station = installed();
    let own = fs::read_to_string(&station.config).unwrap();
    let (_, rest) = own.split_once("data-dir").unwrap();
    let shipped = include_str!("../../config/bhyt-agent.toml").replace("Nhân viên tiếp đón", operator);
    fs::write(&station.config, format!("{shipped}data-dir{rest}")).unwrap();
    station
}

#[tokio::test]
async fn the_code_in_the_packages_file_is_nobodys_answer() {
    let province = TestProvince::new(10).await;
    let station = sampled("Người Mẫu");
    let output = run(command(&station, None)).await;
    assert!(output.status.code() == Some(64) && said(&output).contains("facility, province-url"), "{}", said(&output));
    let mut alone = command(&station, None);
    let pin = secret(&station.dir.path().join("pin"), PIN);
    alone.env("BHYT_SETUP_FACILITY", "99004").env("BHYT_SETUP_PROVINCE_URL", "");
    alone.env("BHYT_SETUP_HEAD_NAME", NAME).env("BHYT_SETUP_HEAD_PIN_FILE", pin);
    let output = run(alone).await;
    let config = fs::read_to_string(&station.config).unwrap();
    assert!(config.contains("facility = \"99004\"") && config.contains("Người Mẫu"), "{config}{}", said(&output));

    // What the province does not know yet is replaced: a mistyped address and authority, and a code of another station.
    let mistyped = "\n[province]\nurl = \"https://no.example.vn/\"\nca-file = \"/nonexistent.pem\"\n";
    fs::write(&station.config, config.replace("[page]", &format!("{mistyped}[page]"))).unwrap();
    let path = answers(&station, &province);
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace(STATION, "99008")).unwrap();
    let output = run(command(&station, Some(&path))).await;
    assert_eq!(output.status.code(), Some(77), "{}", said(&output));
    for named in ["99008", &province.address.to_string(), station.config.to_str().unwrap()] {
        assert!(said(&output).contains(named), "a refused code names {named}: {}", said(&output));
    }
    fs::write(&path, good).unwrap();
    let output = run(command(&station, Some(&path))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    is_set_up(&station, &province).await;
}

/// At a terminal the first question comes too, and what stands there is offered.
#[tokio::test]
async fn the_packages_code_is_asked_for_at_a_terminal_and_a_written_one_is_offered() {
    for (code, question) in [(None, "MA_CSKCB, 5 ký tự):"), (Some("99004"), "MA_CSKCB, 5 ký tự) [99004]:")] {
        let station = sampled("Người Mẫu");
        if let Some(code) = code {
            let text = fs::read_to_string(&station.config).unwrap();
            fs::write(&station.config, text.replace("99001", code)).unwrap();
        }
        let line = format!("{AGENT} setup --no-start --config {}", station.config.display());
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("PATH", "/bin:/usr/bin").stdin(Stdio::null());
        let Ok(output) = command.output() else { return skipped("setup at a terminal", "there is no script(1)") };
        assert!(said(&output).contains(question), "{}", said(&output));
    }
}

#[tokio::test]
async fn a_province_that_is_not_there_stops_nothing_else_and_the_same_code_is_good_later() {
    let mut province = TestProvince::new(50).await;
    let station = installed();
    let answers = answers(&station, &province);
    province.switch_off().await;
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).contains("Chưa xong") && accounts(&station).await.len() == 1, "{}", said(&output));
    let before = keys(&station);
    province.switch_on().await;
    province.province.faults().set(Fault::EnrolDrops(1));
    let output = run(command(&station, Some(&answers))).await;
    assert!(output.status.code() == Some(69) && said(&output).contains("CHƯA BIẾT"), "{}", said(&output));
    assert!(said(&output).contains("chưa biết tỉnh đã nhận mã đăng ký chưa"), "doctor tells it too: {}", said(&output));
    province.province.faults().clear();
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let after = keys(&station);
    assert!(before.iter().filter(|(name, _)| *name != "enrolment-asked").all(|(name, key)| after.get(name) == Some(key)), "no second key");
    is_set_up(&station, &province).await;
}

/// What was not to be started is not missed; what else is wrong still counts.
#[tokio::test]
async fn the_exit_code_counts_the_service_only_where_it_was_to_be_started() {
    let mut province = TestProvince::new(50).await;
    let station = installed();
    let answers = answers(&station, &province);
    let output = run(command(&station, Some(&answers))).await;
    assert!(output.status.code() == Some(0) && !said(&output).contains("systemd nên"), "not to be started: {}", said(&output));
    let to_be_started = || {
        let mut command = Command::new(AGENT);
        // Nobody's systemd is asked.
        command.args(["setup", "--english", "--config"]).arg(&station.config).env("PATH", "/nonexistent").stdin(Stdio::null());
        command
    };
    let output = run(to_be_started()).await;
    let has_systemd = Path::new("/run/systemd/system").exists();
    let expected = if has_systemd { 69 } else { 0 };
    assert_eq!(output.status.code(), Some(expected), "{}", said(&output));
    assert_eq!(said(&output).contains("There is no systemd here"), !has_systemd, "{}", said(&output));
    province.switch_off().await;
    let output = run(command(&station, None)).await;
    assert_eq!(output.status.code(), Some(69), "the province does not answer: {}", said(&output));
}

/// `BHYT_SEED` picks the moments.
#[tokio::test]
async fn a_setup_that_is_killed_anywhere_is_finished_by_the_next_one() {
    let province = TestProvince::new(50).await;
    let station = installed();
    let answers = answers(&station, &province);
    let (mut kills, mut first_keys) = (0, BTreeMap::new());
    for round in 0..25_u64 {
        let mut child = command(&station, Some(&answers)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(5 + round * round)).await;
        if child.try_wait().unwrap().is_none() {
            kills += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, key) in keys(&station) {
            if ["database.key", "station.key.pem", "feed.key"].contains(&name.as_str()) {
                let known = first_keys.entry(name.clone()).or_insert_with(|| key.clone());
                assert!(*known == key, "{name} was made twice");
            }
        }
    }
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    println!("killed {kills} times");
    assert!(kills > 3);
    is_set_up(&station, &province).await;
}

#[tokio::test]
async fn a_setup_beside_a_service_that_runs_enrols_it_and_adds_the_head_through_it() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    let daemon = station.started().await;
    let answers = answers(&station, &province);
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(station.status().await["link"], "ready");
    let list = Request::Operator { operator: OperatorRequest::List };
    assert_eq!(station.ask(&list).await.unwrap().as_array().unwrap().len(), 1);
    assert!(said(&output).contains("đang chạy và trả lời"), "{}", said(&output));
    // The province's name for the station is in the configuration now, which the service has read before.
    assert!(said(&output).contains("systemctl restart bhyt-agent"), "{}", said(&output));
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn root_writes_the_configuration_and_everything_else_belongs_to_the_services_account() {
    const ACCOUNT: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return skipped("setup as root", "needs root");
    }
    let province = TestProvince::new(50).await;
    let station = installed();
    fs::set_permissions(station.dir.path(), Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(station.dir.path().join("data"), Some(ACCOUNT), Some(ACCOUNT)).unwrap();
    std::os::unix::fs::chown(station.dir.path(), Some(0), Some(0)).unwrap();
    let answers = answers(&station, &province);
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let mut seen = 0;
    for folder in ["data", "data/cards", "keys"] {
        for entry in fs::read_dir(station.dir.path().join(folder)).unwrap_or_else(|_| panic!("{folder}")).map(Result::unwrap) {
            assert_eq!(entry.metadata().unwrap().uid(), ACCOUNT, "{}", entry.path().display());
            seen += 1;
        }
    }
    println!("{seen} files of the account");
    assert!(seen > 8);
    assert_eq!(fs::metadata(station.dir.path().join("keys")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&station.config).unwrap().uid(), 0);
    assert!(said(&output).contains("18 mục:"), "{}", said(&output));
}

/// A province changes its authority: what it sends out reaches a station that is enrolled, and what is no certificate takes nobody's place.
#[tokio::test]
async fn another_authority_takes_the_place_of_the_one_before_and_nonsense_does_not() {
    let province = TestProvince::new(50).await;
    let station = installed();
    let answers = answers(&station, &province);
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("xóa được: ") && !said(&output).contains("chmod 0600"), "{}", said(&output));
    let (given, placed) = (station.dir.path().join("from-the-province/authority.pem"), station.dir.path().join("province-ca.pem"));
    let first = fs::read_to_string(&placed).unwrap();

    // A bundle of the old and the new one, as a province gives out that changes.
    let other = TestProvince::new(5).await;
    fs::write(&given, format!("{first}{}", other.province.ca_pem())).unwrap();
    let pin = station.dir.path().join("from-the-province/pin");
    fs::set_permissions(&pin, Permissions::from_mode(0o644)).unwrap();
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("Đã thay chứng thư gốc"), "{}", said(&output));
    assert!(said(&output).contains(&format!("chmod 0600 {}", pin.display())), "{}", said(&output));
    assert_eq!(fs::read(&placed).unwrap(), fs::read(&given).unwrap());
    let output = run(command(&station, Some(&answers))).await;
    assert!(!said(&output).contains("Đã thay chứng thư gốc"), "once: {}", said(&output));

    fs::write(&given, "no certificate\n").unwrap();
    let output = run(command(&station, Some(&answers))).await;
    assert_eq!(output.status.code(), Some(65), "{}", said(&output));
    assert!(fs::read_to_string(&placed).unwrap().starts_with(&first), "what was in use stays");
}

/// What root may read and the service may not is a mistake before the service meets it.
#[tokio::test]
async fn a_file_that_only_root_may_read_is_told_by_check_config_and_setup() {
    const ACCOUNT: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return skipped("setup beside files of root's", "needs root");
    }
    let province = TestProvince::new(50).await;
    let station = installed();
    fs::set_permissions(station.dir.path(), Permissions::from_mode(0o755)).unwrap();
    let data = station.dir.path().join("data");
    std::os::unix::fs::chown(&data, Some(ACCOUNT), Some(ACCOUNT)).unwrap();
    let answers = answers(&station, &province);
    assert_eq!(run(command(&station, Some(&answers))).await.status.code(), Some(0));
    let check = || {
        let mut command = Command::new(AGENT);
        command.arg("check-config").arg("--config").arg(&station.config);
        command
    };
    assert_eq!(run(check()).await.status.code(), Some(0));
    for (path, is_configuration) in [(station.dir.path().join("province-ca.pem"), false), (station.config.clone(), true)] {
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let output = run(check()).await;
        assert_eq!(output.status.code(), Some(78), "{}: {}", path.display(), said(&output));
        // What `setup` writes anew everybody may read; nothing is written here.
        let output = run(command(&station, None)).await;
        assert_eq!(output.status.code(), Some(78), "{}: {}", path.display(), said(&output));
        assert!(said(&output).contains(if is_configuration { "bhyt-agent.toml" } else { "ca-file" }), "{}", said(&output));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }
    // Where a disk is mounted lies what its file system keeps for itself.
    fs::create_dir(data.join("lost+found")).unwrap();
    let mut doctor = Command::new(AGENT);
    doctor.args(["doctor", "--json", "--config"]).arg(&station.config).env("PATH", "/nonexistent");
    let value: Value = serde_json::from_slice(&run(doctor).await.stdout).unwrap();
    let permissions = value["checks"].as_array().unwrap().iter().find(|line| line["check"] == "permissions").unwrap();
    assert_eq!(permissions["state"], "ok", "{value}");
}

/// A terminal made by `script`, at which somebody answers one question after the other.
#[test]
fn at_a_terminal_five_questions_are_asked_and_no_secret_is_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let province = runtime.block_on(TestProvince::new(50));
    let station = installed();
    let authority = station.dir.path().join("authority of the province.pem");
    fs::write(&authority, province.province.ca_pem()).unwrap();
    let code = province.province.enrolment_code(STATION).unwrap();
    let line = format!("{AGENT} setup --no-start --config {}", station.config.display());
    let address = format!("https://{}/", province.address);
    let talk = [
        ("MA_CSKCB, 5 ký tự):", "nine"),
        ("MA_CSKCB, 5 ký tự):", STATION),
        ("làm việc một mình):", &address),
        ("(PEM, tỉnh cấp):", authority.to_str().unwrap()),
        // Told at once, and not after the head's name and PIN.
        ("tỉnh cấp (không hiện):", "seven"),
        ("tỉnh cấp (không hiện):", &code),
        ("Họ và tên trưởng trạm:", NAME),
        ("chữ số (không hiện):", "123456"),
        ("chữ số (không hiện):", PIN),
        ("Gõ lại mã PIN:", "802462"),
        ("chữ số (không hiện):", PIN),
        ("Gõ lại mã PIN:", PIN),
    ];
    let Some((ended, shown)) = converse(&line, &talk) else { return skipped("setup at a terminal", "there is no script(1)") };
    assert!(ended == Some(0) && shown.contains("không kiểm được."), "{shown}");
    assert!(!shown.contains(&code) && !shown.contains(PIN) && !shown.contains("802462"), "{shown}");
    assert!(shown.contains("Hai mã PIN không giống nhau") && shown.contains("phải có 8 chữ cái và số"), "{shown}");
    runtime.block_on(is_set_up(&station, &province));
}
