//! The page in the place of a service that may not run (F20), by the real program. Whether systemd starts it, and the service again, is seen in
//! tests/booted/run.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use tempfile::TempDir;

use crate::support::AGENT;
use crate::support::ports;
use crate::support::wait_for;

/// What the unit takes for "start the service again".
const HAND_BACK: i32 = 75;

/// What stands at an address.
pub(crate) fn page(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A station without a province, in a folder of its own.
struct Station {
    home: TempDir,
    address: SocketAddr,
}

impl Station {
    fn new() -> Self {
        let (home, address) = (tempfile::tempdir().unwrap(), ports::address());
        let place = home.path().display();
        let text = format!(
            "facility = \"99001\"\noperator = \"Người trực\"\ndata-dir = \"{place}/data\"\nkeys-dir = \"{place}/keys\"\ncontrol-socket = \"{place}/control.sock\"\n\
             [page]\nlisten = \"{address}\"\n"
        );
        fs::write(home.path().join("bhyt-agent.toml"), text).unwrap();
        Self { home, address }
    }

    fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(AGENT);
        command.args(arguments).arg("--config").arg(self.home.path().join("bhyt-agent.toml")).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

#[tokio::test]
async fn f20_a_page_says_why_the_service_may_not_run_and_ends_when_it_may() {
    let station = Station::new();
    let (agent, address) = (|arguments: &[&str]| station.agent(arguments), station.address);
    let keys = station.home.path().join("keys");
    assert_eq!(agent(&["serve"]).status().unwrap().code(), Some(78), "there is no key yet");
    let mut stand_in = agent(&["serve", "--refused"]).spawn().unwrap();
    let shown = wait_for("the page is there", async || page(address)).await;
    assert!(shown.starts_with("HTTP/1.1 503 ") && shown.contains("database.key") && shown.contains("bhyt-agent setup"), "{shown}");
    assert!(keys.read_dir().is_err(), "nothing was made");

    assert_eq!(agent(&["init"]).status().unwrap().code(), Some(0));
    let ended = wait_for("there is nothing to say any more", async || stand_in.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(HAND_BACK), "systemd starts the service again after this");
    // Another reason: a key is there, and not the one of the data.
    fs::remove_file(keys.join("database.key")).unwrap();
    fs::write(keys.join("database.key"), "07".repeat(32)).unwrap();
    let mut stand_in = agent(&["serve", "--refused"]).spawn().unwrap();
    let shown = wait_for("the page is there again", async || page(address)).await;
    assert!(shown.contains("database.key") && !shown.contains("0707"), "{shown}");
    let pid = Pid::from_raw(i32::try_from(stand_in.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = wait_for("it ends", async || stand_in.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0), "told to stop, it has nothing started");
}

/// A data folder that cannot be used, as on a file system that takes no writes: no crash loop without a word at the desk.
#[tokio::test]
async fn f20_an_unusable_data_folder_is_told_on_the_page_and_the_service_tried_again() {
    let station = Station::new();
    assert_eq!(station.agent(&["init"]).status().unwrap().code(), Some(0));
    let (data, away) = (station.home.path().join("data"), station.home.path().join("away"));
    fs::rename(&data, &away).unwrap();
    fs::write(&data, "no folder").unwrap();
    assert_eq!(station.agent(&["serve"]).status().unwrap().code(), Some(74));
    let runtime = station.home.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    // Tried again though nobody has touched anything, the second time after a longer while; since when is told from the first.
    let mut since = None;
    for tried in ["", "đã tự thử lại 1 lần"] {
        let mut stand_in = station.agent(&["serve", "--refused"]).env("RUNTIME_DIRECTORY", &runtime).spawn().unwrap();
        let shown = wait_for("the page is there", async || page(station.address)).await;
        assert!(
            shown.starts_with("HTTP/1.1 503 ") && shown.contains("cannot be created") && shown.contains("Dịch vụ không chạy từ"),
            "{shown}"
        );
        assert!(shown.contains(tried), "{shown}");
        let told = shown.split("Dịch vụ không chạy từ ").nth(1).unwrap()[..5].to_owned();
        assert_eq!(*since.get_or_insert(told.clone()), told);
        let ended = wait_for("the service is to try", async || stand_in.try_wait().unwrap()).await;
        assert_eq!(ended.code(), Some(HAND_BACK));
    }
    // The third pause is twenty seconds: put right it is tried at once.
    let mut stand_in = station.agent(&["serve", "--refused"]).env("RUNTIME_DIRECTORY", &runtime).spawn().unwrap();
    wait_for("the page is there", async || page(station.address)).await;
    let began = Instant::now();
    fs::remove_file(&data).unwrap();
    fs::rename(&away, &data).unwrap();
    let ended = wait_for("it is seen that it was put right", async || stand_in.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(HAND_BACK));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// systemd itself could not open the sealed key, and hands the page that number.
#[tokio::test]
async fn a_sealed_key_that_opens_no_more_is_told_on_the_page() {
    let station = Station::new();
    let mut stand_in = station.agent(&["serve", "--refused"]).env("MONITOR_EXIT_STATUS", "243").spawn().unwrap();
    let shown = wait_for("the page is there", async || page(station.address)).await;
    assert!(shown.contains("niêm phong") && shown.contains("rm /etc/credstore.encrypted/database.key"), "{shown}");
    assert!(!shown.contains("bhyt-agent setup"), "no new key is to be made: {shown}");
    stand_in.kill().unwrap();
    stand_in.wait().unwrap();
}

/// Whoever works on the files while the page is shown is not in its way, nor the page in theirs.
#[tokio::test]
async fn the_page_of_refusals_leaves_the_lock_to_whoever_works_on_the_files() {
    let station = Station::new();
    assert_eq!(station.agent(&["init"]).status().unwrap().code(), Some(0));
    let key = station.home.path().join("keys/database.key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    fs::write(&key, "07".repeat(32)).unwrap();
    let mut stand_in = station.agent(&["serve", "--refused"]).spawn().unwrap();
    wait_for("the page is there", async || page(station.address)).await;
    let lock = File::open(station.home.path().join("data/lock")).unwrap();
    wait_for("the lock is free", async || lock.try_lock().ok()).await;
    fs::remove_file(&key).unwrap();
    fs::write(&key, kept).unwrap();
    // Held for longer than a look: nothing ends because of that.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(stand_in.try_wait().unwrap(), None, "it waits for whoever works on the files");
    drop(lock);
    let ended = wait_for("there is nothing to say any more", async || stand_in.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(HAND_BACK));
}
