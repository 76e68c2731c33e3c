//! The unit files, as systemd reads them.
//!
//! Without `systemd-analyze` there is nothing to ask, and the test says so by failing: `tests/run` installs it.

#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

const BINARY: &str = "/usr/bin/bhyt-agent";

/// Exposure allowed, in tenths. It is 1.2 with systemd 252; what the rest is spent on stands in the unit.
const EXPOSURE: &str = "15";

/// Every unit of the package.
const UNITS: [&str; 5] =
    ["bhyt-agent.service", "bhyt-agent-refused.service", "bhyt-agent-sealed.service", "bhyt-agent-page.socket", "bhyt-kiosk.service"];

/// The first version of systemd that knows a growing pause between restarts.
const GROWING_PAUSE: u32 = 254;
/// What it knows since then.
const NEWER: [&str; 3] = ["RestartSteps=", "RestartMaxDelaySec=", "RestartMode="];

/// Without what this machine's systemd is too old to know.
fn known_here(unit: &str) -> String {
    let known = |line: &&str| systemd_version() >= GROWING_PAUSE || !NEWER.iter().any(|key| line.starts_with(key));
    unit.lines().filter(known).collect::<Vec<_>>().join("\n") + "\n"
}

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

fn analyze(arguments: &[&str]) -> Output {
    Command::new("systemd-analyze").args(arguments).output().expect("systemd-analyze is not installed")
}

fn systemd_version() -> u32 {
    let output = analyze(&["--version"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).and_then(|number| number.split(['.', '~']).next()?.parse().ok()).unwrap()
}

/// The unit as this machine can judge it: our program where it is installed, without what its systemd is too old to know.
fn unit_for_this_machine() -> String {
    known_here(&file("bhyt-agent.service").replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent")))
}

fn verify(unit: &str) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bhyt-agent.service");
    fs::write(&path, unit).unwrap();
    let output = analyze(&["verify", "--recursive-errors=yes", "--man=no", path.to_str().unwrap()]);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn is_hardened(unit: &str) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bhyt-agent.service");
    fs::write(&path, unit).unwrap();
    let output = analyze(&["security", "--offline=yes", &format!("--threshold={EXPOSURE}"), path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{}", said.lines().last().unwrap_or_default());
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn systemd_finds_nothing_wrong() {
    assert_eq!(verify(&unit_for_this_machine()), Ok(()));
}

/// All of them beside each other, as they are installed.
#[test]
fn systemd_finds_nothing_wrong_in_any_unit_of_the_package() {
    let folder = TempDir::new().unwrap();
    let mut paths = Vec::new();
    for name in UNITS {
        let unit = file(name).replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent")).replace("/usr/lib/bhyt-agent/bhyt-kiosk", "/bin/true");
        let path = folder.path().join(name);
        fs::write(&path, known_here(&unit)).unwrap();
        paths.push(path.to_str().unwrap().to_owned());
    }
    let arguments: Vec<_> = ["verify", "--recursive-errors=yes", "--man=no"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let output = analyze(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("systemd-analyze verify: nothing to say of {} units", UNITS.len());
}

#[test]
fn systemd_finds_a_misspelled_key_and_a_missing_program() {
    let unit = unit_for_this_machine();
    assert!(verify(&unit.replace("ProtectClock=", "ProtectClocks=")).is_err());
    assert!(verify(&unit.replace("UMask=0077", "UMask=rw")).is_err());
    assert!(verify(&unit.replace(env!("CARGO_BIN_EXE_bhyt-agent"), "/nonexistent/bhyt-agent")).is_err());
}

#[test]
fn the_service_can_do_little_more_than_its_work() {
    assert_eq!(is_hardened(&unit_for_this_machine()), Ok(()));
}

#[test]
fn the_page_of_refusals_can_do_no_more() {
    for name in ["bhyt-agent-refused.service", "bhyt-agent-sealed.service"] {
        assert_eq!(is_hardened(&file(name).replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent"))), Ok(()), "{name}");
    }
}

/// The same page without the sealed key, which opens no more: but for what that takes the two units are one.
#[test]
fn the_page_without_the_sealed_key_is_the_same_unit_but_for_the_key() {
    let lines = |name: &str| {
        let unit = file(name);
        let (_, service) = unit.split_once("[Service]\n").unwrap();
        service.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let (refused, sealed) = (lines("bhyt-agent-refused.service"), lines("bhyt-agent-sealed.service"));
    let of_the_key = ["RestartPreventExitStatus=CREDENTIALS", "LoadCredentialEncrypted=database.key"];
    assert!(of_the_key.iter().all(|line| refused.iter().any(|found| found == line)));
    assert_eq!(refused.into_iter().filter(|line| !of_the_key.contains(&line.as_str())).collect::<Vec<_>>(), sealed);
    assert!(file("bhyt-agent-refused.service").contains("\nOnFailure=bhyt-agent-sealed.service\n"));
}

/// With `OnSuccess=` a page that is told to stop would start the service.
#[test]
fn the_page_of_refusals_can_be_stopped() {
    for name in ["bhyt-agent-refused.service", "bhyt-agent-sealed.service"] {
        let unit = file(name);
        assert!(!unit.lines().any(|line| line.starts_with("OnSuccess=")), "{name}");
        assert!(
            unit.contains("\nSuccessExitStatus=75\n") && unit.contains("\nExecStopPost=+/bin/sh -c '[ \"$$EXIT_STATUS\" != 75 ]"),
            "{name}"
        );
    }
}

#[test]
fn a_service_that_can_do_more_is_found() {
    let bare: Vec<_> = ["[Unit]", "[Service]", "Type=notify", "User=bhyt-agent"].into();
    assert!(is_hardened(&format!("{}\nExecStart={}\n", bare.join("\n"), env!("CARGO_BIN_EXE_bhyt-agent"))).is_err());
    let open = unit_for_this_machine().replace("SystemCallFilter=", "#").replace("CapabilityBoundingSet=\n", "\n");
    assert!(is_hardened(&open).is_err());
}

/// What keeps an unattended kiosk alive, and what systemd's own tests do not look at.
#[test]
fn the_unit_keeps_its_promises() {
    let unit = file("bhyt-agent.service");
    let lines: Vec<_> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/bhyt-agent serve --config /etc/bhyt-agent/bhyt-agent.toml",
        "Restart=always",
        "ExecStartPost=-+/bin/rm -f /run/bhyt-agent-refused/since",
        "RestartSec=5s",
        "RestartSteps=8",
        "RestartMaxDelaySec=60s",
        "RestartMode=direct",
        "StartLimitIntervalSec=0",
        "RestartPreventExitStatus=73 74 77 78 NAMESPACE STATE_DIRECTORY CONFIGURATION_DIRECTORY CREDENTIALS",
        "OnFailure=bhyt-agent-refused.service",
        "StateDirectory=bhyt-agent",
        "RuntimeDirectory=bhyt-agent",
        "ConfigurationDirectory=bhyt-agent",
        "ProtectSystem=strict",
        "ReadWritePaths=-/etc/bhyt-agent/keys -/media -/run/media -/mnt",
        "UMask=0077",
        "LimitCORE=0",
        "LoadCredentialEncrypted=database.key",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    for (word, why) in [
        ("network-online", "the desk works without a network"),
        ("ExecStartPre", "its exit code would not keep systemd from restarting for ever"),
        ("ProcSubset", "the boot id would be hidden"),
    ] {
        assert!(!lines.iter().any(|line| line.contains(word)), "{word}: {why}");
    }
}

#[test]
fn the_account_is_the_units() {
    let account = file("bhyt-agent.sysusers");
    let line = account.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(line.starts_with("u bhyt-agent - "), "{line}");
    assert!(file("bhyt-agent.service").contains("\nUser=bhyt-agent\nGroup=bhyt-agent\n"));
}
