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
const UNITS: [&str; 4] = ["bhyt-agent.service", "bhyt-agent-refused.service", "bhyt-agent-page.socket", "bhyt-kiosk.service"];

/// The first version of systemd that knows a growing pause between restarts.
const GROWING_PAUSE: u32 = 254;

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
    let unit = file("bhyt-agent.service").replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent"));
    let newer = ["RestartSteps=", "RestartMaxDelaySec="];
    let known = |line: &&str| systemd_version() >= GROWING_PAUSE || !newer.iter().any(|key| line.starts_with(key));
    unit.lines().filter(known).collect::<Vec<_>>().join("\n") + "\n"
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
        let known = |line: &&str| {
            systemd_version() >= GROWING_PAUSE || !line.starts_with("RestartSteps=") && !line.starts_with("RestartMaxDelaySec=")
        };
        let unit = file(name).replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent")).replace("/usr/lib/bhyt-agent/bhyt-kiosk", "/bin/true");
        let path = folder.path().join(name);
        fs::write(&path, unit.lines().filter(known).collect::<Vec<_>>().join("\n") + "\n").unwrap();
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
    assert_eq!(is_hardened(&file("bhyt-agent-refused.service").replace(BINARY, env!("CARGO_BIN_EXE_bhyt-agent"))), Ok(()));
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
        "RestartSteps=8",
        "RestartMaxDelaySec=60s",
        "StartLimitIntervalSec=0",
        "RestartPreventExitStatus=78",
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
