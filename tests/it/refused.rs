//! The page in the place of a service that may not run (F20), by the real program. Whether systemd starts it, and the service again, is seen in
//! tests/booted/run.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use crate::support::AGENT;
use crate::support::ports;
use crate::support::wait_for;

/// What stands at an address.
pub(crate) fn page(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[tokio::test]
async fn f20_a_page_says_why_the_service_may_not_run_and_ends_when_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let address = ports::listener().local_addr().unwrap();
    let (config, keys) = (folder.path().join("bhyt-agent.toml"), folder.path().join("keys"));
    let written = |listen: &str| {
        let home = folder.path().display();
        let text = format!(
            "facility = \"99001\"\noperator = \"Người trực\"\ndata-dir = \"{home}/data\"\nkeys-dir = \"{home}/keys\"\ncontrol-socket = \"{home}/control.sock\"\n\
             [page]\nlisten = \"{listen}\"\n"
        );
        fs::write(&config, text).unwrap();
    };
    written(&address.to_string());
    let agent = |arguments: &[&str]| {
        let mut command = Command::new(AGENT);
        command.args(arguments).arg("--config").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert_eq!(agent(&["serve"]).status().unwrap().code(), Some(78), "there is no key yet");
    let mut stand_in = agent(&["serve", "--refused"]).spawn().unwrap();
    let shown = wait_for("the page is there", async || page(address)).await;
    assert!(shown.starts_with("HTTP/1.1 503 ") && shown.contains("database.key") && shown.contains("bhyt-agent setup"), "{shown}");
    assert!(keys.read_dir().is_err(), "nothing was made");

    assert_eq!(agent(&["init"]).status().unwrap().code(), Some(0));
    let ended = wait_for("there is nothing to say any more", async || stand_in.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0), "systemd starts the service again after this");
    // Another reason: a key is there, and not the one of the data.
    fs::remove_file(keys.join("database.key")).unwrap();
    fs::write(keys.join("database.key"), "07".repeat(32)).unwrap();
    let mut stand_in = agent(&["serve", "--refused"]).spawn().unwrap();
    let shown = wait_for("the page is there again", async || page(address)).await;
    assert!(shown.contains("database.key") && !shown.contains("0707"), "{shown}");
    stand_in.kill().unwrap();
    stand_in.wait().unwrap();
}
