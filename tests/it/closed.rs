//! What is told to whoever may not read, and to whoever does not get the answer: an account other than the service's, a file of another's, a full disk behind
//! standard output.
//!
//! Promise: nothing that is only closed is told as lost or broken, and nothing that was done as not done. Never: the answer of a full disk taken for the deed's.

use std::fs;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use crate::backup::Elsewhere;
use crate::backup::json;
use crate::no_personal_data::unpacked;
use crate::slow_link::skipped;
use crate::support::AGENT;
use crate::support::TestProvince;
use crate::support::TestStation;

/// The account that the service runs as here, and one of nobody's.
const SERVICE: &str = "65534";
const STRANGER: &str = "64998";

/// A station that is stopped, has a backup, and is the service's account's.
struct Stopped {
    station: TestStation,
    elsewhere: Elsewhere,
    agent: PathBuf,
    _province: TestProvince,
}

impl Stopped {
    /// `None`, and that is said: this is not root, or cannot be somebody else.
    async fn new(name: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() || Command::new("setpriv").arg("--version").output().is_err() {
            skipped(name, "needs root and setpriv");
            return None;
        }
        let (province, elsewhere) = (TestProvince::new(20).await, Elsewhere::new());
        let station = TestStation::enrolled(&province).await;
        elsewhere.configure(&station);
        let daemon = station.loaded().await;
        station.check_in(&province.person_in_force().card).await.unwrap();
        assert!(station.run(&["backup"]).await.status.success());
        assert_eq!(daemon.terminate().await, Some(0));
        let agent = station.dir.path().join("agent");
        fs::copy(AGENT, &agent).unwrap();
        for dir in [station.dir.path(), elsewhere.dir.path()] {
            assert!(Command::new("chown").args(["-R", SERVICE]).arg(dir).status().unwrap().success());
        }
        for path in [&agent, station.dir.path(), elsewhere.dir.path()] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { station, elsewhere, agent, _province: province })
    }

    fn run(&self, account: &str, verb: &[&str]) -> Output {
        let user = [format!("--reuid={account}"), format!("--regid={account}"), "--clear-groups".to_owned(), "--".to_owned()];
        let mut command = Command::new("setpriv");
        command.args(user).arg(&self.agent).args(verb).arg("--config").arg(&self.station.config);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of root's in a folder of root's.
fn closed(path: &Path) -> String {
    std::os::unix::fs::chown(path.parent().unwrap(), Some(0), Some(0)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(path, Some(0), Some(0)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_wrong_account_was_told_of_a_lost_key_or_of_the_disk_while_the_service_was_stopped() {
    let Some(place) = Stopped::new("the wrong account").await else { return };
    let (file, sealed) = (place.elsewhere.files(".db").remove(0), place.elsewhere.files(".key.age").remove(0));
    let [file, sealed] = [&file, &sealed].map(|path| path.to_str().unwrap());
    let identity = place.elsewhere.identity_file();
    fs::set_permissions(&identity, Permissions::from_mode(0o644)).unwrap();
    let identity = identity.to_str().unwrap();
    for (verb, advised) in [
        (&["status"][..], "status"),
        (&["backup"], "backup"),
        (&["integrity-check"], "integrity-check"),
        (&["quarantine", "list"], "quarantine list"),
        (&["operator", "list"], "operator list"),
        (&["verify-log"], "verify-log"),
        (&["rotate-key"], "rotate-key"),
        (&["carry-out", "/tmp"], "carry-out …"),
        (&["accept-missing"], "accept-missing"),
        (&["outbox"], "outbox"),
        (&["restore", file, "--identity", identity], "restore …"),
        (&["recover-key", sealed, "--identity", identity], "recover-key …"),
    ] {
        let said = place.run(STRANGER, verb);
        let told = text(&said.stderr);
        assert_eq!(said.status.code(), Some(77), "{verb:?}: {told}");
        assert!(told.contains(&format!("sudo -u bhyt-agent bhyt-agent {advised} --config ")), "{verb:?}: {told}");
        assert!(!told.contains("recover-key TỆP") && !told.to_lowercase().contains("ổ đĩa") && !told.contains("0700"), "{verb:?}: {told}");
        let as_json = place.run(STRANGER, &[verb, &["--json"]].concat());
        assert_eq!((as_json.status.code(), json(&as_json)["error"]["code"].as_str()), (Some(77), Some("not_allowed")), "{verb:?}");
    }
    // Root is another account too, and may read.
    let root = place.run("0", &["rotate-key"]);
    assert_eq!(root.status.code(), Some(77), "{root:?}");
    assert!(text(&root.stderr).contains("sudo -u bhyt-agent bhyt-agent rotate-key --config "), "{root:?}");
    assert_eq!(place.run(SERVICE, &["status"]).status.code(), Some(0));
}

#[tokio::test]
async fn a_backup_or_an_identity_that_the_account_may_not_read_was_told_as_a_broken_disk() {
    let Some(place) = Stopped::new("a closed backup").await else { return };
    let (file, sealed) = (place.elsewhere.files(".db").remove(0), place.elsewhere.files(".key.age").remove(0));
    let identity = place.elsewhere.identity_file();
    let closed_file = closed(&file);
    fs::set_permissions(place.elsewhere.folder(), Permissions::from_mode(0o755)).unwrap();
    let said = place.run(SERVICE, &["restore", &closed_file]);
    let told = text(&said.stderr);
    assert_eq!(said.status.code(), Some(77), "{told}");
    assert!(told.contains(&format!("KHÔNG ĐỌC ĐƯỢC {closed_file}")) && !told.contains("Ổ đĩa"), "{told}");
    let name = file.file_name().unwrap().to_str().unwrap();
    let advised = format!("{closed_file} {} /var/tmp && sudo -u bhyt-agent bhyt-agent restore /var/tmp/{name} --config ", sealed.display());
    assert!(told.contains("sudo install -m 0400 -o ") && told.contains(&advised), "{told}");

    fs::remove_file(place.station.dir.path().join("keys/database.key")).unwrap();
    let closed_sealed = closed(&sealed);
    let said = place.run(SERVICE, &["recover-key", &closed_sealed, "--identity", identity.to_str().unwrap(), "--json"]);
    let error = json(&said)["error"].clone();
    assert_eq!((said.status.code(), error["code"].as_str()), (Some(77), Some("not_allowed")), "{error}");
    assert!(error["english"].as_str().unwrap().contains(" --identity -"), "{error}");

    let closed_identity = closed(&identity);
    for verb in [&["restore", &closed_file][..], &["recover-key", &closed_sealed]] {
        let said = place.run(SERVICE, &[verb, &["--identity", &closed_identity, "--english"]].concat());
        let told = text(&said.stderr);
        assert_eq!(said.status.code(), Some(77), "{told}");
        let advised = format!("sudo cat {closed_identity} | sudo -u bhyt-agent bhyt-agent {} … --config ", verb[0]);
        assert!(told.contains("THIS ACCOUNT CANNOT READ") && told.contains(&advised), "{told}");
        // Not there is another thing.
        let said = place.run(SERVICE, &[verb, &["--identity", "/no/such/file", "--english"]].concat());
        assert_eq!(said.status.code(), Some(65));
        assert!(text(&said.stderr).contains("THERE IS NO FILE /no/such/file"), "{said:?}");
    }
}

/// As where the disk is full behind a redirection.
fn into_full(station: &TestStation, verb: &[&str]) -> (Option<i32>, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(AGENT);
    let ended = command.args(verb).arg("--config").arg(&station.config).stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let ended = ended.output().unwrap();
    (ended.status.code(), text(&ended.stderr))
}

#[tokio::test]
async fn a_deed_whose_answer_could_not_be_written_was_told_by_a_number_alone_as_if_it_had_failed() {
    let (province, elsewhere) = (TestProvince::new(20).await, Elsewhere::new());
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    let is_done = |verb: &[&str]| {
        let (code, told) = into_full(&station, verb);
        assert_eq!(code, Some(74), "{verb:?}: {told}");
        assert!(told.contains("ĐÃ LÀM XONG") && told.contains("Đừng chạy lại") && told.lines().count() == 1, "{verb:?}: {told}");
        assert!(told.contains("sudo -u bhyt-agent bhyt-agent status") && !told.contains(&card), "{verb:?}: {told}");
    };
    is_done(&["check-in", &card]);
    is_done(&["check-in", &card, "--json"]);
    is_done(&["backup"]);
    assert_eq!(elsewhere.files(".db").len(), 1, "it is there");
    // What only looks, or failed, is not called done.
    for verb in [&["status"][..], &["lookup", &card, "--json"], &["coverage"], &["operator", "list"]] {
        let (code, told) = into_full(&station, verb);
        assert_eq!(code, Some(74), "{verb:?}: {told}");
        assert!(told.contains("KHÔNG GHI ĐƯỢC") && !told.contains("ĐÃ LÀM XONG"), "{verb:?}: {told}");
    }
    for verb in [&["check-in", "?", "--json"][..], &["operator", "close", "99", "--json"], &["person", "erase", "0100000009", "--json"]] {
        let (code, told) = into_full(&station, verb);
        assert!(!matches!(code, Some(0)) && !told.is_empty() && !told.contains("ĐÃ LÀM XONG"), "{verb:?}: {code:?} {told}");
    }
    assert_eq!(daemon.terminate().await, Some(0));
    is_done(&["rotate-key", "--json"]);
    let file = elsewhere.files(".db").remove(0);
    is_done(&["restore", file.to_str().unwrap()]);
    // Whoever has read enough closes the pipe: that is no failure.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let piped = Command::new(AGENT).args(["rotate-key", "--config"]).arg(&station.config).stdout(writer).output().unwrap();
    assert_eq!((piped.status.code(), text(&piped.stderr)), (Some(0), String::new()));
}

#[tokio::test]
async fn a_bundle_of_a_stopped_station_held_no_status_and_said_so_to_nobody() {
    let Some(place) = Stopped::new("a bundle of a stopped station").await else { return };
    let open = place.station.dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let part = |file: &Path, name: &str| {
        let found = unpacked(file).into_iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        text(&found.unwrap_or_else(|| panic!("no {name}")).1)
    };
    let answered = json(&place.run(SERVICE, &["status", "--json"]));
    for account in [SERVICE, "0"] {
        let file = open.join(format!("by-{account}.tar.zst"));
        let made = place.run(account, &["support-bundle", file.to_str().unwrap()]);
        assert_eq!((made.status.code(), text(&made.stderr).contains("THIẾU")), (Some(0), false), "{made:?}");
        let status: serde_json::Value = serde_json::from_str(&part(&file, "status.json")).unwrap();
        // Some time has gone by, and nothing else.
        for key in ["counts", "outbox", "notices", "rules"] {
            assert_eq!(status[key], answered[key], "{key}: {status}");
        }
        assert_eq!((&status["roster"]["cards"], &status["roster"]["as_of"]), (&20.into(), &answered["roster"]["as_of"]), "{status}");
        let told = part(&file, "status.txt");
        assert!(told.contains("Chưa gửi: ") && told.contains("Not sent: "), "{told}");
        let figures = part(&file, "metrics.txt");
        assert!(figures.contains("Không có số đo") && figures.contains("There are no figures"), "{figures}");
    }
    let file = open.join("by-a-stranger.tar.zst");
    let made = place.run(STRANGER, &["support-bundle", file.to_str().unwrap()]);
    let told = text(&made.stderr);
    assert_eq!(made.status.code(), Some(77), "{told}");
    for name in ["status.json", "files.json", "integrity-check.json", "sudo bhyt-agent support-bundle "] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(part(&file, "status.json").contains("not_allowed") && !part(&file, "version.json").is_empty());
    // A name that every other program takes for standard output.
    let mut command = Command::new(AGENT);
    let refused = command.args(["support-bundle", "-", "--config"]).arg(&place.station.config).current_dir(&open).output().unwrap();
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("sudo bhyt-agent support-bundle /var/tmp/") && !open.join("-").exists(), "{refused:?}");
}
