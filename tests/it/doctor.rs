//! `doctor` on a healthy machine and on twelve broken ones, each broken for real: real files, real sockets, the real province, the real binary.
//!
//! What it prints is `tests/fixtures/doctor/<machine>.{vi.txt,en.txt,json}`, letter by letter but for numbers and folders; `BHYT_WRITE_EXPECTED=1` writes them, to be
//! read before they are committed. The cause is told by the line it belongs to, and no other line is red.

mod kept;
mod mistakes;
mod record;
mod strangers;

use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use bhyt_agent::control::contract::Request;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::open;
use bhyt_agent::storage::open::Schema;
use bhyt_agent::storage::visits::SCHEMA;
use chrono::TimeDelta;
use provincial::Fault;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::identity::copied_machine;
use crate::identity::copy;
use crate::status_sentences::SmallDisk;
use crate::status_sentences::without_numbers;
use crate::support::AGENT;
use crate::support::Daemon;
use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// What systemd tells of a unit that is as it should be.
const WELL: &str = "#!/bin/sh\ncat <<END\nLoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\n\
    FragmentPath=/usr/lib/systemd/system/bhyt-agent.service\nDropInPaths=\nNeedDaemonReload=no\nNRestarts=0\nStateChangeTimestamp=@1795305600\nEND\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A station whose rules were checked today, whatever day that is, whose visits are copied elsewhere, and that nothing of this computer is mixed into.
fn configure(station: &TestStation) {
    let rules = station.dir.path().join("rules");
    for part in ["", "support"] {
        let (from, to) = (root().join("config/rules").join(part), rules.join(part));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    fs::write(rules.join("rules.toml"), format!("version = \"{}.1\"\n", provincial::now().date_naive())).unwrap();
    let place = station.dir.path().display();
    let text = fs::read_to_string(&station.config).unwrap();
    let more = format!("rules-dir = \"{place}/rules\"\nstick-folders = [\"{place}/sticks/*/BHYT\"]\n");
    let recipient = age::x25519::Identity::generate().to_public();
    let backup = format!("[backup]\nfolder = \"{place}/backups\"\nrecipients = [\"{recipient}\"]\n");
    fs::write(&station.config, format!("{more}{text}{backup}")).unwrap();
    fs::create_dir(station.dir.path().join("backups")).unwrap();
    fs::create_dir(station.dir.path().join("bin")).unwrap();
    let systemctl = station.dir.path().join("bin/systemctl");
    fs::write(&systemctl, WELL).unwrap();
    fs::set_permissions(systemctl, Permissions::from_mode(0o755)).unwrap();
}

async fn enrolled(province: &TestProvince) -> TestStation {
    let station = TestStation::configured(province);
    configure(&station);
    station.enrol(province).await;
    station
}

/// Runs until it has a roster, an account, the province's word and a backup.
async fn well(station: &TestStation) -> Daemon {
    let daemon = station.loaded().await;
    station.staff().await;
    contacted(station).await;
    daemon
}

async fn contacted(station: &TestStation) {
    station.ask(&Request::SyncNow).await.unwrap();
    let is_known = |status: &Value| status["machine"]["state"] == "known" && status["outbox"]["pending"] == 0;
    station.status_when("the province knows the machine", is_known).await;
    let made = station.run(&["backup"]).await;
    assert!(made.status.success(), "{made:?}");
}

/// How `doctor` is run, beside the verb.
#[derive(Default)]
struct How<'h> {
    /// There is a systemd, which says that all is well.
    systemd: bool,
    variables: &'h [(&'h str, &'h Path)],
}

const SERVED: How<'static> = How { systemd: true, variables: &[] };
const ALONE: How<'static> = How { systemd: false, variables: &[] };

async fn doctor(station: &TestStation, form: &[&str], how: &How<'_>) -> Output {
    let mut command = Command::new(AGENT);
    command.arg("doctor").args(form).arg("--config").arg(&station.config).stdin(Stdio::null());
    // The service manager of the computer that the tests run on has nothing to say.
    let none = station.dir.path().join("none");
    let path = if how.systemd { format!("{}:/bin", station.dir.path().join("bin").display()) } else { none.display().to_string() };
    command.env("PATH", path);
    command.envs(how.variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What is told, as JSON, and the exit code.
async fn told(station: &TestStation, how: &How<'_>) -> (Value, Option<i32>) {
    let output = doctor(station, &["--json"], how).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(value["exit_code"].as_i64().map(|code| i32::try_from(code).unwrap()), output.status.code());
    (value, output.status.code())
}

fn line<'v>(value: &'v Value, check: &str) -> &'v Value {
    value["checks"].as_array().unwrap().iter().find(|line| line["check"] == check).unwrap()
}

fn codes(value: &Value, state: &str) -> Vec<String> {
    let lines = value["checks"].as_array().unwrap().iter().filter(|line| line["state"] == state);
    lines.map(|line| line["code"].as_str().unwrap().to_owned()).collect()
}

fn mask(value: &mut Value, place: &str) {
    match value {
        Value::String(text) => *text = without_numbers(&text.replace(place, "@station")),
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, place)),
        Value::Object(values) => values.values_mut().for_each(|value| mask(value, place)),
        _ => {}
    }
}

/// Compares all three forms with the fixtures. `red` and `yellow` are the codes of the lines that are broken or ask for somebody.
async fn as_in_fixture(name: &str, station: &TestStation, how: &How<'_>, exit: i32, red: &[&str], yellow: &[&str]) {
    let place = station.dir.path().to_str().unwrap();
    let (mut value, code) = told(station, how).await;
    let shown = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(
        (codes(&value, "broken"), codes(&value, "attention")),
        (red.iter().map(ToString::to_string).collect(), yellow.iter().map(ToString::to_string).collect()),
        "{name}: {shown}"
    );
    assert_eq!(code, Some(exit), "{name}: {shown}");
    mask(&mut value, place);
    let mut forms = vec![("json", serde_json::to_string_pretty(&value).unwrap() + "\n")];
    for (form, arguments) in [("vi.txt", &[][..]), ("en.txt", &["--english"][..])] {
        let output = doctor(station, arguments, how).await;
        assert_eq!(output.status.code(), Some(exit), "{name} {form}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("sqlcipher"), "{name}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        forms.push((form, without_numbers(&text.replace(place, "@station"))));
    }
    for (form, printed) in forms {
        let path = root().join(format!("tests/fixtures/doctor/{name}.{form}"));
        if std::env::var_os("BHYT_WRITE_EXPECTED").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &printed).unwrap();
        }
        assert_eq!(printed, fs::read_to_string(&path).unwrap_or_default(), "{name}.{form}");
    }
}

#[tokio::test]
async fn a_healthy_machine_has_nothing_red_and_nobody_to_call() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    as_in_fixture("healthy", &station, &SERVED, 0, &[], &[]).await;
    // Nobody is named, and looking has changed nothing that the service would notice.
    let output = doctor(&station, &["--json"], &SERVED).await;
    assert!(!String::from_utf8(output.stdout).unwrap().contains("Người trực"));
    assert_eq!(daemon.terminate().await, Some(0));
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!((codes(&value, "broken"), code), (vec!["service.not_running".to_owned()], Some(69)), "{value}");
    for check in ["databases", "feed", "outbox", "backups", "operators", "identity", "province", "keys"] {
        assert_eq!(line(&value, check)["state"], "ok", "{check}: the same from the files: {value}");
    }
    assert!(line(&value, "service")["since"].is_string());
    // Whoever looked has set nothing aside and left no lock.
    let daemon = station.started().await;
    assert_eq!(station.status().await["quarantined"], Value::Array(Vec::new()));
    assert_eq!(daemon.terminate().await, Some(0));
}

/// A clock as of a dead battery, for this process and for whoever it starts.
fn wrong_clock(folder: &Path) -> PathBuf {
    let library = folder.join("wrong_clock.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(root().join("tests/support/wrong_clock.c"));
    assert!(command.status().unwrap().success());
    library
}

#[tokio::test]
async fn broken_01_a_wrong_clock() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    let library = wrong_clock(station.dir.path());
    let variables = [("LD_PRELOAD", library.as_path()), ("BHYT_CLOCK_OFFSET", Path::new("-347155200"))];
    // Before the province has told its time it is only known to be wrong.
    let alone = How { systemd: false, variables: &variables };
    fs::remove_file(station.socket.as_path()).ok();
    let (value, _) = told(&station, &alone).await;
    assert!(matches!(line(&value, "clock")["code"].as_str(), Some("clock.behind" | "clock.differs")), "{value}");
    let daemon = station.start_with(&variables);
    station
        .status_when("the province's time is learned", |status| status["clock"] == "learned" && status["machine"]["state"] == "known")
        .await;
    let how = How { systemd: true, variables: &variables };
    as_in_fixture("wrong-clock", &station, &how, 78, &["clock.differs"], &[]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_02_a_full_disk() {
    let province = TestProvince::new(50).await;
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("data")) else { return };
    let station = TestStation::configured_with_data(&province, dir, &disk.0);
    configure(&station);
    station.enrol(&province).await;
    let daemon = well(&station).await;
    let card = province.person_in_force().card;
    disk.fill(usize::MAX >> 10);
    assert!(wait_for("the disk is full", async || station.check_in(&card).await.is_err().then_some(true)).await);
    let unsaved = station.run(&["check-in", &card]).await;
    assert_eq!(unsaved.status.code(), Some(73), "the disk, as doctor says, and not: try again: {unsaved:?}");
    station.status_when("what was saved is sent", |status| status["outbox"]["pending"] == 0).await;
    as_in_fixture("full-disk", &station, &SERVED, 73, &["disk.full"], &[]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

/// To be somebody whom a mode can keep out.
fn give_to_nobody(station: &TestStation) {
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(station.dir.path()).status().unwrap().success());
    }
}

#[tokio::test]
async fn broken_03_a_key_that_cannot_be_read() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    fs::set_permissions(station.dir.path().join("keys/database.key"), Permissions::from_mode(0o000)).unwrap();
    give_to_nobody(&station);
    as_in_fixture("unreadable-key", &station, &ALONE, 77, &["keys.unreadable"], &["service.hindered"]).await;
    // As root it is looked at by the account that owns the data; a file that root has left there shows.
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(station.dir.path().join("keys/database.key"), Permissions::from_mode(0o400)).unwrap();
        assert_eq!(codes(&told(&station, &ALONE).await.0, "broken"), ["service.not_running"]);
        assert!(Command::new("chown").arg("0:0").arg(station.dir.path().join("data/visits.db")).status().unwrap().success());
        let (value, code) = told(&station, &ALONE).await;
        assert_eq!(
            (codes(&value, "broken").first().map(String::as_str), code),
            (Some("permissions.other_owner"), Some(77)),
            "no disk is blamed: {value}"
        );
    }
}

#[tokio::test]
async fn broken_04_a_certificate_that_ended_long_ago() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    province.province.set_certificate_life(TimeDelta::days(565), TimeDelta::days(-200)).unwrap();
    station.enrol(&province).await;
    province.province.set_certificate_life(TimeDelta::days(1), TimeDelta::days(365)).unwrap();
    let daemon = station.started().await;
    as_in_fixture("expired-certificate", &station, &SERVED, 78, &["certificate.expired_long_ago"], &[]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Takes every connection and answers as a network does that wants a log-in.
async fn portal(address: std::net::SocketAddr) -> tokio::task::JoinHandle<()> {
    let listener = wait_for("the address is free", async || TcpListener::bind(address).await.ok()).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://wifi.example/\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
}

/// A log-in in front of TLS, one behind it, somebody else's certificate, and nobody.
#[tokio::test]
async fn broken_05_f61_a_captive_portal() {
    let mut province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let red = async || codes(&told(&station, &SERVED).await.0, "broken");
    province.province.faults().set(Fault::CaptivePortal);
    assert_eq!(red().await, ["province.portal"]);
    province.province.faults().clear();
    province.switch_off().await;
    assert_eq!(red().await, ["province.connection_refused"]);

    let log_in = portal(province.address).await;
    station.run(&["sync-now"]).await;
    station.status_when("the contact has failed", |status| status["contact"]["failing"]["since"].is_string()).await;
    as_in_fixture("captive-portal", &station, &SERVED, 69, &["province.portal"], &[]).await;
    log_in.abort();
    let _ = log_in.await;

    let listener = wait_for("the address is free", async || std::net::TcpListener::bind(province.address).ok()).await;
    let _stranger = TestProvince::listening(10, Vec::new(), listener).await;
    assert_eq!(red().await, ["province.foreign_certificate"]);
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_06_the_stick_of_another_station() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let other = TestStation::configured(&province);
    let text = fs::read_to_string(&other.config).unwrap();
    fs::write(&other.config, text.replace(STATION, NEIGHBOUR)).unwrap();
    let code = province.province.enrolment_code(NEIGHBOUR).unwrap();
    assert!(other.run(&["init", "--code", &code]).await.status.success());
    let stick = station.dir.path().join("sticks/a/BHYT");
    fs::create_dir_all(&stick).unwrap();
    fs::write(stick.join("bhyt.stick"), "").unwrap();
    let write = |code: &'static str| {
        let (province, stick) = (province.province.clone(), stick.clone());
        tokio::task::spawn_blocking(move || province.carry_out(code, &stick).unwrap())
    };
    write(NEIGHBOUR).await.unwrap();
    as_in_fixture("foreign-stick", &station, &SERVED, 75, &[], &["stick.other_station"]).await;
    write(STATION).await.unwrap();
    let (value, code) = told(&station, &SERVED).await;
    assert_eq!((&line(&value, "stick")["code"], code), (&"stick.ok".into(), Some(0)), "ours is on it too");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Writes nonsense over two pages, well behind the first.
fn damage(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    assert!(pages > 8, "{pages} pages");
    file.write_all_at(&[0x5a; 8192], pages * 3 / 4 * 4096).unwrap();
    file.sync_all().unwrap();
}

#[tokio::test]
async fn broken_07_a_damaged_cards_db() {
    let province = TestProvince::new(400).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    let cards = station.dir.path().join("data/cards");
    let current = fs::read_to_string(cards.join("current")).unwrap();
    damage(&cards.join(current.trim_end()));
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!(
        (codes(&value, "broken"), code),
        (vec!["service.not_running".to_owned(), "databases.cards_damaged".to_owned()], Some(74)),
        "{value}"
    );
    let daemon = station.loaded().await;
    contacted(&station).await;
    as_in_fixture("damaged-cards", &station, &SERVED, 75, &[], &["databases.cards_set_aside", "set_aside.kept"]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_08_a_damaged_visits_db() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let card = province.person_in_force().card;
    for _ in 0..60 {
        station.check_in(&card).await.unwrap();
    }
    contacted(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    damage(&station.dir.path().join("data/visits.db"));
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!(
        (codes(&value, "broken"), code),
        (vec!["service.not_running".to_owned(), "databases.visits_damaged".to_owned()], Some(74)),
        "{value}"
    );
    let daemon = station.started().await;
    station.staff().await;
    contacted(&station).await;
    as_in_fixture("damaged-visits", &station, &SERVED, 74, &["databases.visits_set_aside"], &["set_aside.kept"]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_09_a_database_of_a_newer_program() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    let key = DatabaseKey::read(&station.dir.path().join("keys/database.key")).unwrap();
    let migrations: Vec<_> = SCHEMA.migrations.iter().copied().chain(["CREATE TABLE of_a_later_release (a INTEGER) STRICT;"]).collect();
    let newer = Schema { migrations: migrations.leak(), ..SCHEMA };
    let connection = open::writer(&station.dir.path().join("data/visits.db"), &key, &newer).unwrap();
    open::checkpoint(&connection).unwrap();
    drop(connection);
    as_in_fixture("newer-database", &station, &ALONE, 78, &["databases.newer"], &["service.hindered"]).await;
}

#[tokio::test]
async fn broken_10_nobody_who_can_sign_in() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = station.loaded().await;
    contacted(&station).await;
    as_in_fixture("no-operator", &station, &SERVED, 78, &["operators.none"], &[]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_11_rules_that_have_ended() {
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let salaries = station.dir.path().join("rules/base_salary.toml");
    let text = fs::read_to_string(&salaries).unwrap();
    // The row that runs is not there yet: as in a folder of rules that nobody has looked after.
    let ended = &text[..text.rfind("[[row]]").unwrap()];
    assert!(ended.contains("valid_until"));
    fs::write(&salaries, ended).unwrap();
    fs::write(station.dir.path().join("rules/rules.toml"), "version = \"2024-08-01.1\"\n").unwrap();
    let daemon = well(&station).await;
    as_in_fixture("stale-rules", &station, &SERVED, 78, &["rules.ended"], &[]).await;
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn broken_12_f12_a_clone() {
    let province = TestProvince::new(50).await;
    let first = enrolled(&province).await;
    assert_eq!(well(&first).await.terminate().await, Some(0));
    let second = copied_machine(&first);
    copy(&first.dir.path().join("rules"), &second.dir.path().join("rules"));
    let daemons = [first.started().await, second.started().await];
    let card = province.person_in_force().card;
    for _ in 0..3 {
        for station in [&first, &second] {
            station.check_in(&card).await.unwrap();
            station.ask(&Request::SyncNow).await.unwrap();
            let is_sent = |status: &Value| status["outbox"]["pending"] == 0 && status["contact"]["is_active"] == false;
            station.status_when("sent", is_sent).await;
        }
    }
    first.status_when("told to be a copy", |status| status["machine"]["state"] == "copied").await;
    as_in_fixture("clone", &first, &SERVED, 78, &["identity.copied"], &[]).await;
    for daemon in daemons {
        assert_eq!(daemon.terminate().await, Some(0));
    }
}
