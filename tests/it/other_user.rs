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

use super::slow_link::skipped;
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

/// Files below the folders of data and keys.
fn walk(dir: &Path) -> usize {
    let below = |name: &str| {
        let found = Command::new("find").arg(dir.join(name)).args(["-type", "f"]).output().unwrap();
        String::from_utf8_lossy(&found.stdout).lines().count()
    };
    below("data") + below("keys")
}
