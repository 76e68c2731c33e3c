//! Another person who is logged in on the station's computer. Needs root, to be somebody else; says so and passes otherwise.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;

use super::slow_link::skipped;
use crate::backup::Elsewhere;
use crate::backup::json;
use crate::support::AGENT;
use crate::support::TestProvince;
use crate::support::TestStation;

/// Nobody's account.
const OTHER: &str = "65534";

/// Runs something as the other user.
fn as_other(arguments: &[&str]) -> Output {
    let user = [format!("--reuid={OTHER}"), format!("--regid={OTHER}"), "--clear-groups".to_owned(), "--".to_owned()];
    Command::new("setpriv").args(user).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// What the other user can read below a folder.
fn readable(folder: &Path) -> Vec<String> {
    let found = as_other(&["find", folder.to_str().unwrap(), "-type", "f", "-readable"]);
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn f52_another_user_reads_no_file_and_is_not_answered() {
    if !rustix::process::geteuid().is_root() || Command::new("setpriv").arg("--version").output().is_err() {
        return skipped("f52", "needs root and setpriv");
    }
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let dir = station.dir.path();
    // As /etc/bhyt-agent, /var/lib and /run are: to be walked through by everybody.
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let daemon = station.loaded().await;
    station.check_in(&province.person_in_force().id).await.unwrap();
    let agent = dir.join("agent");
    fs::copy(AGENT, &agent).unwrap();
    fs::set_permissions(&agent, Permissions::from_mode(0o755)).unwrap();
    let agent = agent.to_str().unwrap();

    let handed_out = ["bhyt-agent.toml", "ca.pem", "agent.log", "agent"].map(|name| dir.join(name));
    let mut found = readable(dir);
    found.retain(|file| !handed_out.iter().any(|ours| ours == Path::new(file)));
    assert_eq!(found, [""; 0]);
    let count = walk(dir);
    println!("{count} files of the agent, readable by another user: 0");
    assert!(count > 5);

    let config = station.config.to_str().unwrap();
    let mut refused = 0;
    for verb in [
        vec!["status", "--json"],
        vec!["outbox", "--json"],
        vec!["lookup", "--json", "097100000001"],
        vec!["check-in", "--json", "097100000001"],
        vec!["sync-now", "--json"],
        vec!["accept-roster", "--json"],
        vec!["rechecks", "--json"],
        vec!["desks", "list", "--json"],
        vec!["desks", "revoke", "1", "--json"],
        vec!["carry-out", "/tmp", "--json"],
        vec!["carry-in", "/tmp", "--json"],
        vec!["serve"],
        vec!["init"],
        vec!["setup"],
        vec!["doctor", "--json"],
    ] {
        let arguments: Vec<_> = [agent].into_iter().chain(verb.iter().copied()).chain(["--config", config]).collect();
        let output = as_other(&arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && !said.contains("serial") && !said.contains("standing"), "{verb:?}: {said}");
        refused += 1;
    }
    println!("{refused} verbs of another user: all refused");
    for file in ["environ", "mem", "maps", "fd"] {
        let path = format!("/proc/{}/{file}", daemon.id());
        assert!(!as_other(&["sh", "-c", &format!("test -d {path} && ls {path} || head -c1 {path}")]).status.success(), "{path}");
    }
    assert_eq!(station.status().await["outbox"]["pending"].as_u64().map(|pending| pending <= 1), Some(true), "nothing came of it");

    // What would be found: the same user runs the program, and reads what is laid open.
    assert!(as_other(&[agent, "scan", "--json", "GD4220100000001"]).status.success());
    let database = dir.join("data/visits.db");
    fs::set_permissions(dir.join("data"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    assert!(readable(dir).iter().any(|file| Path::new(file) == database));
}

/// A file of root's among the service's, as a copy made with `sudo` leaves it: it was told as a lost key, and as a disk that fails.
#[tokio::test]
async fn a_file_with_another_owner_was_told_as_a_lost_key_or_a_broken_disk() {
    if !rustix::process::geteuid().is_root() || Command::new("setpriv").arg("--version").output().is_err() {
        return skipped("a file with another owner", "needs root and setpriv");
    }
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let dir = station.dir.path();
    let daemon = station.loaded().await;
    assert_eq!(daemon.terminate().await, Some(0));
    let agent = dir.join("agent");
    fs::copy(AGENT, &agent).unwrap();
    fs::set_permissions(&agent, Permissions::from_mode(0o755)).unwrap();
    let owned = |path: &Path, owner: &str| assert!(Command::new("chown").args(["-R", owner]).arg(path).status().unwrap().success());
    owned(dir, OTHER);
    let run = |verb: &[&str]| {
        let arguments: Vec<_> = [agent.to_str().unwrap()]
            .into_iter()
            .chain(verb.iter().copied())
            .chain(["--config", station.config.to_str().unwrap()])
            .collect();
        as_other(&arguments)
    };
    for file in ["keys/database.key", "data/visits.db"] {
        let path = dir.join(file);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        owned(&path, "0");
        let serve = run(&["serve"]);
        let said = String::from_utf8_lossy(&serve.stderr).into_owned();
        assert_eq!(serve.status.code(), Some(77), "{said}");
        assert!(said.contains(&format!("{} là của root", path.display())), "{said}");
        assert!(said.contains(&format!("sudo chown {OTHER}: {}", path.display())), "the command: {said}");
        assert!(!said.contains("bhyt-agent setup") && !said.contains("recover-key") && !said.contains("kiểm tra ổ đĩa"), "{said}");
        let doctor = run(&["doctor"]);
        let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(
            said.contains(&format!("ví dụ {}", path.display())) && said.contains("→ chown") && !said.contains("dmesg"),
            "{file}: {said}"
        );
        owned(&path, OTHER);
    }
    // Given back, all is as it was.
    assert_eq!(run(&["operator", "list", "--json"]).status.code(), Some(0));
}

/// A key that was mistyped, or is somebody else's, was told as one that was not given.
#[tokio::test]
async fn a_wrong_identity_was_told_as_a_missing_one() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    elsewhere.configure(&station);
    let daemon = station.loaded().await;
    assert!(station.run(&["backup"]).await.status.success());
    assert_eq!(daemon.terminate().await, Some(0));
    fs::remove_file(station.dir.path().join("keys/database.key")).unwrap();
    let (file, sealed) = (elsewhere.files(".db").remove(0), elsewhere.files(".key.age").remove(0));
    let given = station.dir.path().join("given");
    let other = Identity::generate();
    for (text, code) in [
        (other.to_string().expose_secret().to_owned(), "no_recipient"),
        ("AGE-SECRET-KEY-1XXXX".to_owned(), "no_identity"),
        (String::new(), "no_identity"),
    ] {
        fs::write(&given, &text).unwrap();
        for (verb, path) in [("restore", &file), ("recover-key", &sealed)] {
            let refused = station.run(&[verb, path.to_str().unwrap(), "--identity", given.to_str().unwrap(), "--json"]).await;
            let error = json(&refused)["error"].clone();
            assert_eq!((refused.status.code(), error["code"].as_str()), (Some(65), Some(code)), "{verb}: {error}");
            assert!(!error["message"].as_str().unwrap().contains("--identity"), "{error}");
            assert!(text.is_empty() || !String::from_utf8_lossy(&refused.stdout).contains(&text), "an identity is not repeated");
        }
    }
}

/// Files below the folders of data and keys.
fn walk(dir: &Path) -> usize {
    let below = |name: &str| {
        let found = Command::new("find").arg(dir.join(name)).args(["-type", "f"]).output().unwrap();
        String::from_utf8_lossy(&found.stdout).lines().count()
    };
    below("data") + below("keys")
}
