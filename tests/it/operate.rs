//! The administrator's side of a running agent: figures, a configuration read again, the environment, the support bundle.

#![allow(clippy::float_cmp, reason = "counts, told in figures that hold them exactly")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;

use crate::no_personal_data::unpacked;
use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::ports;
use crate::support::wait_for;
use crate::tab::send;

/// A family as the format has it, read strictly.
struct Family {
    kind: String,
    samples: BTreeMap<String, f64>,
}

/// Reads exposition format 0.0.4, and panics at whatever is not of it.
fn families(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line ends too");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut helped, mut current) = (None::<String>, None::<String>);
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(!text.is_empty() && !families.contains_key(name), "{line}: a family comes once");
            helped = Some(name.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(helped.take().as_deref(), Some(name), "{line}: HELP comes before TYPE");
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            families.insert(name.to_owned(), Family { kind: kind.to_owned(), samples: BTreeMap::new() });
            current = Some(name.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert_eq!(current.as_deref(), Some(name), "{line}: a sample stands under its family");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line}");
            let labels = sample[name.len()..].to_owned();
            let is_new = families.get_mut(name).unwrap().samples.insert(labels, value.parse().unwrap()).is_none();
            assert!(is_new, "{line}: no sample comes twice");
        }
    }
    families
}

async fn metrics(station: &TestStation) -> BTreeMap<String, Family> {
    let output = station.run(&["metrics"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    families(&String::from_utf8(output.stdout).unwrap())
}

fn value(families: &BTreeMap<String, Family>, name: &str, labels: &str) -> f64 {
    let family = families.get(name).unwrap_or_else(|| panic!("no {name}"));
    *family.samples.get(labels).unwrap_or_else(|| panic!("no {name}{labels}: {:?}", family.samples))
}

/// Adds a table or lines to the station's configuration.
fn configure(station: &TestStation, before_the_page: &str, after: &str) {
    let text = fs::read_to_string(&station.config).unwrap();
    let text = text.replacen("[page]", &format!("{before_the_page}\n[page]"), 1);
    fs::write(&station.config, format!("{text}{after}\n")).unwrap();
}

fn hang_up(daemon: &Daemon) {
    kill_process(Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap(), Signal::HUP).unwrap();
}

#[tokio::test]
async fn the_figures_tell_what_status_tells_by_the_conventions_of_the_format() {
    let mut province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let address = ports::address();
    configure(&station, "", &format!("[metrics]\nlisten = \"{address}\""));
    let daemon = station.loaded().await;
    station.run(&["sync-now"]).await;
    let person = province.person_in_force();
    station.lookup(&person.id).await;
    station.check_in(&person.id).await.unwrap();
    station.status_when("the visit has arrived", |status| status["counts"]["delivered"] == 1).await;
    province.switch_off().await;
    station.check_in(&person.card).await.unwrap();
    station.run(&["sync-now"]).await;
    let status = station.status_when("a push has failed", |status| status["push"]["failing"]["code"] == "unreachable").await;

    let told = metrics(&station).await;
    for (name, family) in &told {
        assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
        assert!(name.starts_with("bhyt_") || name.starts_with("process_"), "{name}");
        for not_base in ["_ms", "_minutes", "_hours", "_days", "_kb", "_mb", "_percent"] {
            assert!(!name.ends_with(not_base), "{name}: base units");
        }
        assert!(family.samples.len() <= 40, "{name}: few values");
    }
    assert_eq!(value(&told, "bhyt_roster_people", ""), 100.0);
    assert_eq!(value(&told, "bhyt_roster_serial", ""), status["roster"]["serial"].as_f64().unwrap());
    assert_eq!(value(&told, "bhyt_outbox_pending", ""), 1.0);
    assert_eq!(value(&told, "bhyt_receipts_held", ""), 1.0);
    assert!(value(&told, "bhyt_outbox_oldest_age_seconds", "") < 300.0);
    // Another try may have failed between the two questions.
    let failed = chrono::DateTime::parse_from_rfc3339(status["push"]["failed_at"].as_str().unwrap()).unwrap();
    let told_failed = value(&told, "bhyt_sync_last_failure_timestamp_seconds", "{direction=\"push\"}");
    let told_failed = chrono::DateTime::from_timestamp_secs(format!("{told_failed:.0}").parse().unwrap()).unwrap();
    assert!((told_failed - failed.to_utc()).abs() < chrono::TimeDelta::minutes(5), "{told_failed} {failed}");
    assert!(value(&told, "bhyt_sync_failing_tries", "{direction=\"push\",code=\"unreachable\"}") >= 1.0);
    assert!(value(&told, "bhyt_notices", "{code=\"unreachable\"}") >= 1.0);
    assert_eq!(value(&told, "bhyt_desk_acts_total", "{act=\"saved\"}"), 2.0);
    assert_eq!(value(&told, "bhyt_desk_acts_total", "{act=\"sign_in_failed\"}"), 0.0);
    assert_eq!(value(&told, "bhyt_clock_state", "{state=\"plausible\"}"), 1.0);
    assert!(value(&told, "bhyt_certificate_remaining_seconds", "") > 86_400.0);
    assert!(value(&told, "bhyt_disk_free_bytes", "") > 1e6 && value(&told, "process_resident_memory_bytes", "") > 1e6);
    assert_eq!(value(&told, "bhyt_build_info", &format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    for key in ["version", "started_at", "memory_bytes"] {
        assert!(!status[key].is_null(), "{key}");
    }
    assert_eq!(status["listens"]["metrics"], address.to_string());

    // The port: its own names, one address, one method, nothing for a page of another site, nothing kept.
    let get = |head: &str| format!("GET /metrics HTTP/1.1\r\nConnection: close\r\n{head}\r\n\r\n");
    let served = send(address, get(&format!("Host: {address}")).as_bytes()).await;
    assert_eq!((served.status, served.header("cache-control")), (200, Some("no-store")));
    assert_eq!(served.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let names: BTreeSet<_> = families(&served.body).into_keys().collect();
    assert_eq!(names, told.into_keys().collect());
    for (request, code) in [
        (get("Host: evil.example"), 421),
        (get(&format!("Host: {address}\r\nHost: {address}")), 421),
        (get(&format!("Host: {address}\r\nOrigin: http://{address}")), 403),
        (format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"), 404),
        (format!("POST /metrics HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), 405),
    ] {
        let answer = send(address, request.as_bytes()).await;
        assert!(answer.status == code || answer.status == 400, "{request}: {}", answer.status);
        assert!(!answer.has("bhyt_"), "{request}");
    }
    assert_eq!(daemon.terminate().await, Some(0));
    assert_eq!(station.run(&["metrics"]).await.status.code(), Some(69), "without the service there are none");
}

#[tokio::test]
async fn doors_that_cannot_be_opened_are_told_and_tried_again_and_the_desk_goes_on() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let taken = ports::listener();
    let address = taken.local_addr().unwrap();
    // An address that is nobody's, as a cable that is out leaves it.
    let tables = format!("[metrics]\nlisten = \"{address}\"\n[lan]\nlisten = \"192.0.2.1:8687\"\nnames = [\"192.168.1.10\"]");
    configure(&station, "", &tables);
    let _daemon = station.loaded().await;
    let codes = |status: &Value| -> BTreeSet<String> {
        let notices = status["notices"].as_array().unwrap();
        notices.iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).filter(|code| code.starts_with("door_shut")).collect()
    };
    let status = station.status_when("it runs", |status| status["running"] == true).await;
    assert_eq!(codes(&status), ["door_shut.lan", "door_shut.metrics"].map(str::to_owned).into());
    assert!(status["listens"]["lan"].is_null() && status["listens"]["metrics"].is_null());
    let person = province.person_in_force();
    station.check_in(&person.id).await.unwrap();

    drop(taken);
    let status = station.status_when("the port is free", |status| status["listens"]["metrics"] == address.to_string()).await;
    assert_eq!(codes(&status), ["door_shut.lan"].map(str::to_owned).into(), "nobody has the address yet");
}

#[tokio::test]
async fn a_configuration_read_again_counts_at_once_and_a_wrong_one_changes_nothing() {
    let province = TestProvince::new(60).await;
    let station = TestStation::enrolled(&province).await;
    configure(&station, "station-name = \"Trạm Cũ\"", "");
    let told = UnixDatagram::bind(station.dir.path().join("notify")).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let daemon = station.start_with(&[("NOTIFY_SOCKET", &station.dir.path().join("notify"))]);
    let hear = |wanted: &str| {
        let mut buffer = [0; 500];
        loop {
            let length = told.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.contains(wanted) {
                return text;
            }
        }
    };
    hear("READY=1");
    let first = station.status().await;
    assert_eq!((&first["configuration"]["is_outdated"], &first["configuration"]["refused"]), (&false.into(), &Value::Null));

    // Another file, not asked for yet.
    let good = fs::read_to_string(&station.config).unwrap();
    let changed =
        good.replace("Trạm Cũ", "Trạm Mới").replace("longest-pause-minutes = 1", "longest-pause-minutes = 2\nhold-above-percent = 7");
    fs::write(&station.config, &changed).unwrap();
    let codes = |status: &Value| -> Vec<String> {
        let notices = status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap().to_owned());
        notices.filter(|code| code.starts_with("configuration.")).collect()
    };
    assert_eq!(codes(&station.status().await), ["configuration.outdated"]);
    hang_up(&daemon);
    let begun = hear("RELOADING=1");
    assert!(begun.contains("MONOTONIC_USEC="), "systemd wants both in one message: {begun}");
    hear("READY=1");
    let second = station.status().await;
    assert_eq!(codes(&second), [""; 0]);
    let mut tab = crate::tab::Tab::at_station(&station).await;
    assert!(tab.get("/").await.has("Trạm Mới"), "the page goes by it");

    // A wrong one: all its problems, and the one before in force.
    fs::write(
        &station.config,
        changed.replace("Trạm Mới", "Trạm Sai").replace("hold-above-percent = 7", "hold-above-percent = 700\nrecheck-days = 0"),
    )
    .unwrap();
    hang_up(&daemon);
    hear("READY=1");
    let third = station.status().await;
    assert_eq!(codes(&third), ["configuration.refused"]);
    let problems = third["configuration"]["refused"]["problems"].as_array().unwrap();
    assert!(problems.len() == 2 && problems[0].as_str().unwrap().contains("hold-above-percent = 700"), "{problems:?}");
    assert!(tab.get("/").await.has("Trạm Mới"), "the one before is in force");
    let printed = String::from_utf8(station.run(&["check-config"]).await.stderr).unwrap();
    assert!(problems.iter().all(|problem| printed.contains(problem.as_str().unwrap())), "{printed}");

    // A good one with keys that cannot change now.
    let moved = changed
        .replace("Trạm Mới", "Trạm Ba")
        .replace("facility = \"99001\"", "facility = \"99002\"")
        .replace("[page]", "[page]\nallowed-hosts = [\"quay\"]");
    fs::write(&station.config, moved).unwrap();
    hang_up(&daemon);
    hear("READY=1");
    let fourth = station.status().await;
    assert_eq!(codes(&fourth), ["configuration.waits"]);
    assert_eq!(fourth["configuration"]["waiting_for_restart"], serde_json::json!(["facility", "page.allowed-hosts"]));
    assert!(tab.get("/").await.has("Trạm Ba (99001)"));
    let restarts = fourth["uptime_seconds"].as_u64().unwrap() >= first["uptime_seconds"].as_u64().unwrap();
    assert!(restarts && station.log().matches(" ready").count() == 1, "the same process all along");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn backups_and_terms_set_while_it_runs_need_no_restart() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.started().await;
    let early = station.run(&["backup"]).await;
    let said = String::from_utf8(early.stderr).unwrap();
    assert!(early.status.code() == Some(78) && said.contains("/usr/share/doc/bhyt-agent/examples/bhyt-agent.example.toml"), "{said}");
    let elsewhere = crate::backup::Elsewhere::new();
    elsewhere.configure(&station);
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("{text}[retention]\nvisits-days = 4000\n")).unwrap();
    hang_up(&daemon);
    station.status_when("the file is in force", |status| status["configuration"]["is_outdated"] == false).await;
    let status = station.status().await;
    assert_eq!(status["configuration"]["waiting_for_restart"], serde_json::json!([]));
    let made = station.run(&["backup"]).await;
    assert!(made.status.success() && elsewhere.files(".age").len() + elsewhere.files(".db").len() > 0, "{made:?}");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn other_limits_count_for_whoever_is_at_the_page_already() {
    let province = TestProvince::new(60).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let person = province.person_in_force();
    let mut tab = crate::tab::Tab::at_station(&station).await;
    for _ in 0..12 {
        assert!(tab.enter(&person.id).await.attribute("data-standing").is_some());
    }
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, text.replace("lookups-per-minute = 6000", "lookups-per-minute = 10")).unwrap();
    hang_up(&daemon);
    wait_for("it is in force", async || station.log().contains("another configuration is in force").then_some(())).await;
    assert_eq!(tab.enter(&person.id).await.status, 429, "more than ten in this minute");
}

#[tokio::test]
async fn of_the_environment_only_paths_of_secrets_are_read() {
    let province = TestProvince::new(60).await;
    let station = TestStation::enrolled(&province).await;
    let elsewhere = station.dir.path().join("moved");
    fs::rename(station.dir.path().join("keys"), &elsewhere).unwrap();
    let nowhere = Path::new("/nowhere");
    let daemon = station.start_with(&[
        ("BHYT_KEYS_DIR", &elsewhere),
        ("BHYT_FACILITY", Path::new("99002")),
        ("BHYT_DATA_DIR", nowhere),
        ("BHYT_PAGE_LISTEN", Path::new("0.0.0.0:1")),
        ("BHYT_CONFIG", nowhere),
        ("BHYT_SYNC_HOLD_ABOVE_PERCENT", Path::new("1")),
        ("HTTPS_PROXY", Path::new("http://127.0.0.1:1")),
        ("https_proxy", Path::new("http://127.0.0.1:1")),
        ("ALL_PROXY", Path::new("http://127.0.0.1:1")),
        ("SSL_CERT_FILE", nowhere),
    ]);
    let status = station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
    assert_eq!(status["listens"]["page"], station.page.to_string());
    assert!(station.dir.path().join("data/visits.db").exists());
    assert_eq!(daemon.terminate().await, Some(0));
    // And what it says is checked like the file.
    for (value, found) in
        [("keys", "đường dẫn đầy đủ"), (station.dir.path().join("data/keys").to_str().unwrap(), "không được nằm trong data-dir")]
    {
        let mut command = std::process::Command::new(crate::support::AGENT);
        let output = command.args(["check-config", "--config"]).arg(&station.config).env("BHYT_KEYS_DIR", value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(78) && said.contains("keys-dir") && said.contains(found), "{said}");
    }
}

#[tokio::test]
async fn a_support_bundle_has_its_parts_is_its_owners_and_takes_no_file_s_place() {
    let province = TestProvince::new(60).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let file = station.dir.path().join("support.tar.zst");
    let output = station.run(&["support-bundle", "--english", file.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("no database") && said.contains("journal.txt"), "{said}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let parts: BTreeMap<_, _> = unpacked(&file).into_iter().map(|(name, text)| (name, String::from_utf8(text).unwrap())).collect();
    let part = |name: &str| parts.get(&format!("bhyt-agent-support/{name}")).unwrap_or_else(|| panic!("no {name}: {:?}", parts.keys()));
    assert!(part("README.txt").contains("Không có / not in it"));
    let version: Value = serde_json::from_str(part("version.json")).unwrap();
    assert!(version["sqlite"].as_str().unwrap().starts_with("3.") && version["visits_schema"].as_u64().unwrap() >= 16, "{version}");
    let status: Value = serde_json::from_str(part("status.json")).unwrap();
    assert_eq!(status["running"], true);
    assert!(families(part("metrics.txt")).contains_key("bhyt_outbox_pending"));
    assert!(part("files.json").contains("visits.db") && part("files.json").contains("cards/"));
    let configuration = part("configuration.toml");
    assert!(configuration.contains("facility = \"99001\"") && !configuration.contains("Người trực mẫu"), "{configuration}");
    // A program reads them, however they ended.
    let doctor: Value = serde_json::from_str(part("doctor.json")).unwrap();
    assert!(doctor["exit_code"] != 0 && part("doctor.ended.txt").contains(&doctor["exit_code"].to_string()), "{doctor}");
    serde_json::from_str::<Value>(part("integrity-check.json")).unwrap();
    for name in ["unit.txt", "systemd.txt", "journal.txt", "doctor.json", "integrity-check.json"] {
        assert!(!part(name).is_empty() || name == "journal.txt", "{name} says at least why it is missing");
    }
    assert!(
        !parts.keys().any(|name| name.contains("key") || Path::new(name).extension().is_some_and(|end| end == "db")),
        "{:?}",
        parts.keys()
    );

    let before = fs::read(&file).unwrap();
    let again = station.run(&["support-bundle", file.to_str().unwrap()]).await;
    assert_eq!((again.status.code(), fs::read(&file).unwrap() == before), (Some(73), true));
    // Beside a configuration that is wrong the service is asked all the same.
    let good = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("no-such-key = 1\n{good}")).unwrap();
    let beside = station.dir.path().join("beside.tar.zst");
    assert!(station.run(&["support-bundle", beside.to_str().unwrap()]).await.status.success());
    let told = |part: &str| {
        let found = unpacked(&beside).into_iter().find(|(path, _)| path.ends_with(part));
        String::from_utf8(found.unwrap_or_else(|| panic!("no {part}")).1).unwrap()
    };
    assert!(told("status.json").contains("\"running\":true") && told("configuration-problems.txt").contains("no-such-key"));
    assert!(told("files.json").contains("visits.db"));
    // Without a service and with a configuration that is wrong there is one all the same.
    assert_eq!(daemon.terminate().await, Some(0));
    fs::write(&station.config, "facility = \"9\"\n").unwrap();
    let other = station.dir.path().join("other.tar.zst");
    assert!(station.run(&["support-bundle", other.to_str().unwrap()]).await.status.success());
    assert!(unpacked(&other).iter().any(|(name, text)| name.ends_with("configuration-problems.txt") && !text.is_empty()));
    assert!(station.ask(&Request::Status).await.is_err());
}

/// Root looks at a station that is stopped, and the service opens its files afterwards as before.
#[tokio::test]
async fn a_support_bundle_that_root_makes_of_a_stopped_station_leaves_no_file_of_roots() {
    if !rustix::process::geteuid().is_root() {
        return crate::slow_link::skipped("a bundle of root's", "needs root");
    }
    let province = TestProvince::new(60).await;
    let station = TestStation::enrolled(&province).await;
    let mut daemon = station.loaded().await;
    station.check_in(&province.person_in_force().id).await.unwrap();
    // Killed: what is looked at has a log.
    daemon.kill();
    let data = station.dir.path().join("data");
    assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(station.dir.path()).status().unwrap().success());
    let file = station.dir.path().join("support.tar.zst");
    let output = station.run(&["support-bundle", file.to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let parts = unpacked(&file);
    let (_, whole) = parts.iter().find(|(name, _)| name.ends_with("integrity-check.json")).unwrap();
    let whole: Value = serde_json::from_slice(whole).unwrap();
    assert_eq!((&whole["visits"], &whole["cards"]), (&"whole".into(), &"whole".into()), "it is looked at, not refused: {whole}");
    let of_root = Command::new("find").arg(&data).args(["!", "-user", "65534"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&of_root.stdout), "");
    // Where the folder is missing none of root's is made in its place.
    fs::rename(&data, data.with_extension("away")).unwrap();
    station.run(&["support-bundle", station.dir.path().join("again.tar.zst").to_str().unwrap()]).await;
    let made = Command::new("find").arg(station.dir.path()).args(["-path", "*/data*", "-user", "0"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&made.stdout), "");
}
