//! `doctor` where accounts and modes are in the way: what may not be read is not called absent, and what belongs to somebody else is told once.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use super::ALONE;
use super::SERVED;
use super::codes;
use super::enrolled;
use super::give_to_nobody;
use super::line;
use super::told;
use super::well;
use crate::slow_link::skipped;
use crate::support::AGENT;
use crate::support::TestProvince;
use crate::support::TestStation;

/// An account that owns nothing of the station.
const STRANGER: &str = "65533";

fn cannot_be_somebody_else() -> bool {
    !rustix::process::geteuid().is_root() || Command::new("setpriv").arg("--version").output().is_err()
}

/// Runs a verb as the stranger. The province lives on this thread and must go on answering meanwhile.
async fn as_stranger(station: &TestStation, verb: &[&str]) -> Output {
    fs::set_permissions(station.dir.path(), Permissions::from_mode(0o755)).unwrap();
    // The account need not be able to walk to where the program was built.
    let copy = station.dir.path().join("agent");
    if !copy.exists() {
        fs::copy(AGENT, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={STRANGER}"), &format!("--regid={STRANGER}"), "--clear-groups", "--"]);
    command.arg(&copy).args(verb).arg("--config").arg(&station.config);
    command.env("PATH", format!("{}:/bin:/usr/bin", station.dir.path().join("bin").display())).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

const UNTOLD: [&str; 8] = ["permissions", "keys", "databases", "set_aside", "certificate", "identity", "outbox", "operators"];

fn sees_nothing(output: &Output, service: &str, exit: i32) {
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!((&line(&value, "service")["code"], output.status.code()), (&service.into(), Some(exit)), "{value}");
    for check in UNTOLD {
        assert_eq!(line(&value, check)["code"], format!("{check}.not_allowed"), "what it may not read is no cause: {value}");
        assert!(line(&value, check)["next_vi"].as_str().unwrap().contains("sudo bhyt-agent doctor"), "{value}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_to_run_it_as_root_and_sees_nothing() {
    if cannot_be_somebody_else() {
        return skipped("doctor of another account", "needs root and setpriv");
    }
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    let daemon = well(&station).await;
    let output = as_stranger(&station, &["doctor", "--json"]).await;
    sees_nothing(&output, "service.not_allowed", 75);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let service = line(&value, "service");
    assert!(service["en"].as_str().unwrap().contains("only the account bhyt-agent and root"), "{service}");
    assert_eq!(service["next_en"], "run again: sudo bhyt-agent doctor");
    let output = as_stranger(&station, &["status"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(77) && said.contains("root") && said.contains("sudo -u bhyt-agent"), "{said}");
    assert_eq!(daemon.terminate().await, Some(0));
    sees_nothing(&as_stranger(&station, &["doctor", "--json"]).await, "service.not_running", 69);
}

#[tokio::test]
async fn keys_of_another_owner_open_to_others_or_gone_each_have_their_command() {
    if cannot_be_somebody_else() {
        return skipped("doctor beside another owner", "needs root");
    }
    let province = TestProvince::new(50).await;
    let station = enrolled(&province).await;
    assert_eq!(well(&station).await.terminate().await, Some(0));
    give_to_nobody(&station);
    let keys = station.dir.path().join("keys");
    let give = |path: &Path, to: &str| assert!(Command::new("chown").arg(to).arg(path).status().unwrap().success());
    let red_but_service =
        |value: &Value| codes(value, "broken").into_iter().filter(|code| !code.starts_with("service.")).collect::<Vec<_>>();

    // Root becomes the account that the data belong to, and looks as that one.
    give(&keys, "0:0");
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!((red_but_service(&value), code), (vec!["permissions.other_owner".to_owned()], Some(77)), "{value}");
    assert_eq!(line(&value, "certificate")["code"], "certificate.other_owner");
    assert!(line(&value, "permissions")["next_vi"].as_str().unwrap().starts_with("chown -R bhyt-agent: "), "{value}");
    give(&keys, "65534:65534");
    let certificate = keys.join("station.crt.pem");
    fs::set_permissions(&certificate, Permissions::from_mode(0o400)).unwrap();
    give(&certificate, "0:0");
    let (value, code) = told(&station, &ALONE).await;
    assert_eq!((red_but_service(&value), code), (vec!["permissions.other_owner".to_owned()], Some(77)), "{value}");
    give(&certificate, "65534:65534");

    // A folder that others may look into.
    fs::set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
    let (value, _) = told(&station, &ALONE).await;
    let permissions = line(&value, "permissions");
    assert_eq!(permissions["code"], "permissions.loose");
    assert!(permissions["en"].as_str().unwrap().contains("mode 0755, wanted 0700"), "{permissions}");
    assert_eq!(permissions["next_en"], format!("chmod 0700 {}", keys.display()));
    fs::set_permissions(&keys, Permissions::from_mode(0o700)).unwrap();
    // Beside a mistake in the configuration root becomes that account as well.
    let good = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("no-such-key = 1\n{good}")).unwrap();
    assert_eq!(line(&told(&station, &ALONE).await.0, "permissions")["state"], "ok");
    fs::write(&station.config, good).unwrap();

    // A key that no backup holds, and the one that can be had back.
    fs::rename(keys.join("feed.key"), keys.join("kept.feed")).unwrap();
    let (value, _) = told(&station, &ALONE).await;
    assert!(line(&value, "keys")["next_vi"].as_str().unwrap().contains("mã mới"), "{value}");
    fs::rename(keys.join("kept.feed"), keys.join("feed.key")).unwrap();
    fs::rename(keys.join("database.key"), keys.join("kept")).unwrap();
    let (value, _) = told(&station, &ALONE).await;
    let next = line(&value, "keys")["next_vi"].as_str().unwrap();
    assert!(next.contains("recover-key TỆP.key.age --identity TỆP") && !next.contains("setup"), "{value}");
    fs::rename(keys.join("kept"), keys.join("database.key")).unwrap();

    // The data on another disk, behind a link of root's.
    let elsewhere = station.dir.path().join("elsewhere");
    fs::rename(station.dir.path().join("data"), &elsewhere).unwrap();
    symlink(&elsewhere, station.dir.path().join("data")).unwrap();
    let (value, _) = told(&station, &SERVED).await;
    assert_eq!(line(&value, "permissions")["state"], "ok", "{value}");
}
