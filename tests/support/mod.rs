//! What the tests build on: a served province and stations that speak with it.
//!
//! Promise: real TLS, real databases, the real binary for everything an administrator does; conditions are waited for, never milliseconds. Only the
//! province is faked, and it is a real server. Never: a person who exists; a process left behind.

pub(crate) mod bad_disk;
pub(crate) mod bounds;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod writers;

use std::fs;
use std::fs::File;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use bhyt_agent::control::client;
use bhyt_agent::control::client::ControlError;
use bhyt_agent::control::contract::Request;
use bhyt_agent::control::contract::operators::OperatorRequest;
use provincial::CreateSettings;
use provincial::Person;
use provincial::Province;
use provincial::Published;
use provincial::Serving;
use provincial::StationSettings;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const STATION: &str = "99001";
pub(crate) const NEIGHBOUR: &str = "99002";
pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_bhyt-agent");

/// The PIN of whoever works at the page.
pub(crate) const PIN: &str = "802461";

/// How long a condition may take before the test gives up: far longer than it ever does, for machines that are busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `probe` has an answer.
pub(crate) async fn wait_for<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, what, probe).await
}

/// The same, for what takes its time.
pub(crate) async fn wait_at_most<T>(patience: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let attempt = async {
        loop {
            if let Some(answer) = probe().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A made-up province that can be switched off and on.
pub(crate) struct TestProvince {
    pub(crate) province: Province,
    pub(crate) address: SocketAddr,
    serving: Option<(Serving, CancellationToken)>,
    dir: TempDir,
}

impl TestProvince {
    pub(crate) async fn new(people: usize) -> Self {
        Self::listening(people, Vec::new(), ports::listener()).await
    }

    /// One that is reached elsewhere, under these names too.
    pub(crate) async fn listening(people: usize, hosts: Vec<String>, listener: TcpListener) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("province");
        let make = move || {
            let settings = CreateSettings {
                seed: 7,
                stations: vec![StationSettings::new(STATION, people), StationSettings::new(NEIGHBOUR, 50)],
                today: provincial::now().date_naive(),
                hosts,
            };
            Province::create(&place, &settings).unwrap()
        };
        let province = tokio::task::spawn_blocking(make).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut served = Self { province, address, serving: None, dir };
        served.serve(listener).await;
        served
    }

    /// Where it is on the disk, for another process.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("province")
    }

    async fn serve(&mut self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let serving = provincial::start(self.province.clone(), listener, stop.clone()).await.unwrap();
        self.serving = Some((serving, stop));
    }

    /// The link goes down.
    pub(crate) async fn switch_off(&mut self) {
        if let Some((serving, stop)) = self.serving.take() {
            stop.cancel();
            serving.stopped().await;
        }
    }

    /// The link comes back, at the same address.
    pub(crate) async fn switch_on(&mut self) {
        self.serve(ports::listener_at(self.address)).await;
    }

    /// Publishes what has changed.
    pub(crate) async fn publish(&self) -> Published {
        let province = self.province.clone();
        tokio::task::spawn_blocking(move || province.publish(STATION, province.now()).unwrap()).await.unwrap()
    }

    /// Changes some cards' days and publishes.
    pub(crate) async fn change(&self, share: f64, seed: u64) -> Published {
        let province = self.province.clone();
        let change = move || {
            province.change_validity(STATION, share, seed).unwrap();
            province.publish(STATION, province.now()).unwrap()
        };
        tokio::task::spawn_blocking(change).await.unwrap()
    }

    /// Somebody of the station whose card is in force and has no notes.
    pub(crate) fn person_in_force(&self) -> Person {
        let today = provincial::now().date_naive();
        let fits = |person: &Person| {
            person.standing.is_none()
                && person.successor.is_none()
                && person.born.len() == 10
                && person.id.len() == 12
                && person.valid_from <= today
                && person.valid_until.is_some_and(|until| until > today + chrono::Days::new(70))
        };
        self.province.people(STATION).unwrap().into_iter().find(fits).unwrap()
    }

    /// How often each visit is stored, by id.
    pub(crate) fn stored(&self) -> std::collections::BTreeMap<Uuid, u32> {
        let mut stored = std::collections::BTreeMap::new();
        for visit in self.province.visits().unwrap() {
            *stored.entry(visit.id).or_default() += 1;
        }
        stored
    }
}

/// A station's folder, keys and configuration.
pub(crate) struct TestStation {
    pub(crate) dir: TempDir,
    pub(crate) config: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) page: SocketAddr,
}

impl TestStation {
    /// Writes a configuration; makes no keys.
    pub(crate) fn configured(province: &TestProvince) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        Self::configured_with_data(province, dir, &data)
    }

    /// The same, for a province that is reached at another address.
    pub(crate) fn configured_at(province: &TestProvince, address: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        Self::configured_as(province, address, dir, &data)
    }

    pub(crate) fn configured_with_data(province: &TestProvince, dir: TempDir, data: &Path) -> Self {
        Self::configured_as(province, province.address, dir, data)
    }

    fn configured_as(province: &TestProvince, address: SocketAddr, dir: TempDir, data: &Path) -> Self {
        let place = dir.path().to_owned();
        fs::write(place.join("ca.pem"), province.province.ca_pem()).unwrap();
        let (config, socket) = (place.join("bhyt-agent.toml"), place.join("control.sock"));
        let page = ports::address();
        let text = format!(
            "facility = \"{STATION}\"\noperator = \"Người trực mẫu\"\ndata-dir = \"{}\"\nkeys-dir = \"{place}/keys\"\n\
             control-socket = \"{place}/control.sock\"\n[page]\nlisten = \"{page}\"\nlookups-per-minute = 6000\n[province]\nurl = \"https://{}/\"\n\
             ca-file = \"{place}/ca.pem\"\n[sync]\nlongest-pause-minutes = 1\n",
            data.display(),
            address,
            place = place.display(),
        );
        fs::write(&config, text).unwrap();
        Self { dir, config, socket, page }
    }

    /// Makes keys and enrols.
    pub(crate) async fn enrolled(province: &TestProvince) -> Self {
        let station = Self::configured(province);
        station.enrol(province).await;
        station
    }

    pub(crate) async fn enrol(&self, province: &TestProvince) {
        let code = province.province.enrolment_code(STATION).unwrap();
        let output = self.run(&["init", "--code", &code]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a verb of the binary to its end. The province lives on this thread and must go on answering meanwhile.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(AGENT);
        command.args(arguments).arg("--config").arg(&self.config).stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Starts the daemon. Its log goes to `agent.log`.
    pub(crate) fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(&self, variables: &[(&str, &Path)]) -> Daemon {
        let path = self.dir.path().join("agent.log");
        let log = File::options().create(true).append(true).open(&path).unwrap();
        let mut command = Command::new(AGENT);
        command.arg("serve").arg("--config").arg(&self.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.envs(variables.iter().copied());
        Daemon(command.spawn().unwrap(), path)
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) async fn started(&self) -> Daemon {
        let daemon = self.start();
        self.status().await;
        daemon
    }

    /// Starts the daemon and waits until it holds a roster.
    pub(crate) async fn loaded(&self) -> Daemon {
        let daemon = self.start();
        self.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
        daemon
    }

    pub(crate) async fn ask(&self, request: &Request) -> Result<Value, ControlError> {
        client::ask(&self.socket, request).await
    }

    /// How things stand, as soon as the daemon answers.
    pub(crate) async fn status(&self) -> Value {
        wait_for("the daemon answers", async || self.ask(&Request::Status).await.ok()).await
    }

    /// How things stand, as soon as they stand so.
    pub(crate) async fn status_when(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, async || self.ask(&Request::Status).await.ok().filter(&fits)).await
    }

    /// Saves a visit; the id if the daemon said "saved".
    pub(crate) async fn check_in(&self, text: &str) -> Result<Uuid, ControlError> {
        let visit_id = Uuid::now_v7();
        self.ask(&Request::CheckIn { text: text.to_owned(), visit_id }).await.map(|_| visit_id)
    }

    /// Somebody may sign in at the page: the first account, a head. The daemon runs.
    pub(crate) async fn staff(&self) {
        let (name, role, pin) = ("Người trực mẫu".to_owned(), "head".to_owned(), PIN.to_owned());
        let operator = OperatorRequest::Add { name, personal_id: None, role, pin };
        let added = self.ask(&Request::Operator { operator }).await;
        assert!(matches!(&added, Ok(_) | Err(ControlError::Answer(_))), "{added:?}");
    }

    pub(crate) async fn lookup(&self, text: &str) -> Value {
        self.ask(&Request::Lookup { text: text.to_owned(), wait: false }).await.unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("agent.log")).unwrap_or_default()
    }
}

/// The daemon's process, killed when dropped, and its log.
pub(crate) struct Daemon(Child, PathBuf);

impl Daemon {
    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and waits for the end; the exit code.
    pub(crate) async fn terminate(self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits for the end, which must be in order; the exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        let log = self.1.clone();
        let code = tokio::task::spawn_blocking(move || self.0.wait().unwrap().code()).await.unwrap();
        // Once a handle that was kept too long made every stop take ten seconds, and nothing but this line told of it.
        assert!(!fs::read_to_string(log).unwrap_or_default().contains("did not end in order"), "a writer was still held at the stop");
        code
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// Whether there is no letter in it that only Vietnamese has.
pub(crate) fn is_english(text: &str) -> bool {
    text.chars().all(|letter| !letter.is_alphabetic() || letter.is_ascii())
}
