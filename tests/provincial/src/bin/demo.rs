//! The demonstration: a whole province and a whole station on this machine, from nothing.
//!
//! Promises: everything is real (TLS, databases, the agent's own binary) and everybody is made up; all of it lives in one folder that is removed at
//! the end; only processes started here are stopped. Must never speak to anything but loopback, and must never import from the product: it runs the
//! binary as an administrator would.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that people watch")]

use std::env;
use std::fs;
use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use chrono::{Datelike, Days};
use clap::Parser;
use provincial::{Arrival, CreateSettings, Person, Province, Serving, StationSettings, payload};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const STATION: &str = "99001";
/// Who works there: name, role, PIN. Made up, and printed for whoever tries it.
const OPERATORS: [(&str, &str, &str); 2] = [("Nguyễn Thị Trưởng", "head", "246813"), ("Lê Văn Tiếp", "reception", "135246")];
/// Another station, whose people our station does not know.
const NEIGHBOUR: &str = "99002";

/// Chạy thử toàn bộ: một tỉnh giả lập và một trạm, trên máy này.
#[derive(Parser)]
struct Arguments {
    /// Số người của trạm.
    #[arg(long, default_value_t = 30_000)]
    people: usize,
    /// Cổng của trang tiếp đón; 0 là cổng trống bất kỳ.
    #[arg(long, default_value_t = 8686)]
    port: u16,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let folder = env::temp_dir().join(format!("bhyt-demo-{}", std::process::id()));
    let outcome = tokio::runtime::Runtime::new().map_err(Failure::from).and_then(|runtime| runtime.block_on(demo(&arguments, &folder)));
    if let Err(error) = fs::remove_dir_all(&folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        eprintln!("{}: {error}", folder.display());
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo(arguments: &Arguments, folder: &Path) -> Result<(), Failure> {
    let agent = build_agent()?;
    fs::create_dir_all(folder)?;
    println!("Tạo tỉnh giả lập với {} người (không ai có thật)…", arguments.people);
    let province = make_province(arguments.people, &folder.join("province")).await?;
    let stop = CancellationToken::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let serving = provincial::start(province.clone(), listener, stop.clone()).await?;
    let address = serving.addr;

    let page = free_port(arguments.port)?;
    let station = Station::new(agent, folder, &province, address, page)?;
    station.run(&["init", "--code", &province.enrolment_code(STATION)?])?;
    for (name, role, pin) in OPERATORS {
        station.run_with(&["operator", "add", name, "--role", role], pin)?;
    }
    let daemon = station.serve()?;
    station.wait_for_roster().await?;

    print_story(&province, page)?;
    let mut demo = Demo { province, address, running: Some((serving, stop)) };
    let outcome = demo.show().await;
    daemon.stop()?;
    demo.switch_off().await;
    outcome
}

/// Builds the agent with the compiler that built this program, and says where it is.
fn build_agent() -> Result<PathBuf, Failure> {
    let own = env::current_exe()?;
    let bin = own.parent().ok_or("no folder")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "bhyt-agent", "--bin", "bhyt-agent"]);
    if bin.ends_with("release") {
        cargo.arg("--release");
    }
    // The workspace is two folders above this package.
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    println!("Biên dịch bhyt-agent (lần đầu mất vài phút)…");
    if !cargo.status()?.success() {
        return Err("the agent could not be built".into());
    }
    Ok(bin.join("bhyt-agent"))
}

async fn make_province(people: usize, dir: &Path) -> Result<Province, Failure> {
    let dir = dir.to_owned();
    let make = move || {
        let settings = CreateSettings {
            seed: 20_261_122,
            stations: vec![StationSettings::new(STATION, people), StationSettings::new(NEIGHBOUR, 200)],
            today: provincial::now().date_naive(),
            hosts: Vec::new(),
        };
        Province::create(&dir, &settings)
    };
    Ok(tokio::task::spawn_blocking(make).await??)
}

/// The wished port, or any free one where that is taken.
fn free_port(wished: u16) -> Result<u16, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wished)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(bound.local_addr()?.port())
}

/// The station's side: configuration and binary.
struct Station {
    agent: PathBuf,
    config: PathBuf,
    log: PathBuf,
    socket: PathBuf,
}

impl Station {
    fn new(agent: PathBuf, folder: &Path, province: &Province, address: SocketAddr, page: u16) -> Result<Self, Failure> {
        let ca = folder.join("province-ca.pem");
        fs::write(&ca, province.ca_pem())?;
        let config = folder.join("bhyt-agent.toml");
        let place = folder.display();
        fs::write(
            &config,
            format!(
                "facility = \"{STATION}\"\nstation-name = \"Trạm Y tế xã Mẫu\"\noperator = \"Người trực mẫu\"\ndata-dir = \"{place}/data\"\n\
                 keys-dir = \"{place}/keys\"\ncontrol-socket = \"{place}/control.sock\"\n[page]\nlisten = \"127.0.0.1:{page}\"\n\
                 [province]\nurl = \"https://{address}/\"\nca-file = \"{}\"\n[sync]\npull-schedule = \"* * * * *\"\npush-schedule = \"* * * * *\"\n\
                 longest-pause-minutes = 1\n",
                ca.display()
            ),
        )?;
        Ok(Self { agent, config, log: folder.join("agent.log"), socket: folder.join("control.sock") })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.agent);
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output()?;
        if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(format!("bhyt-agent {arguments:?}: {}", output.status).into())
        }
    }

    /// The same with something on standard input, as what is secret is told.
    fn run_with(&self, arguments: &[&str], input: &str) -> Result<(), Failure> {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        writeln!(child.stdin.take().ok_or("no input")?, "{input}")?;
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("bhyt-agent {arguments:?}: {status}").into()) }
    }

    fn serve(&self) -> Result<Daemon, Failure> {
        let log = File::create(&self.log)?;
        Ok(Daemon(self.command(&["serve"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?))
    }

    /// Waits until the roster is there.
    async fn wait_for_roster(&self) -> Result<(), Failure> {
        for _ in 0..600 {
            if !self.socket.exists() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            let status = self.command(&["status", "--json"]).stderr(Stdio::null()).output()?;
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            if status["roster"]["serial"].is_u64() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("the agent has no roster after a minute; its log:\n{}", fs::read_to_string(&self.log)?).into())
    }
}

/// The agent's process; stopped when dropped.
struct Daemon(Child);

impl Daemon {
    fn stop(mut self) -> Result<(), Failure> {
        self.terminate();
        self.0.wait()?;
        Ok(())
    }

    fn terminate(&self) {
        // The standard library only knows SIGKILL, which is what the agent must survive, but not how one says goodbye.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn print_story(province: &Province, page: u16) -> Result<(), Failure> {
    let people = province.people(STATION)?;
    let neighbours = province.people(NEIGHBOUR)?;
    let today = provincial::now().date_naive();
    let has_card =
        |person: &&Person| person.standing.is_none() && person.successor.is_none() && person.born.len() == 10 && person.id.len() == 12;
    let in_force = |person: &&Person| {
        has_card(person) && person.valid_from <= today && person.valid_until.is_some_and(|until| until > today + Days::new(70))
    };
    let expired = |person: &&Person| has_card(person) && person.valid_until.is_some_and(|until| until < today);
    let soon = |person: &&Person| {
        has_card(person)
            && person.valid_from <= today
            && person.valid_until.is_some_and(|until| (today..today + Days::new(20)).contains(&until))
    };
    let mut lines = Vec::new();
    if let Some(person) = people.iter().find(in_force) {
        lines.push(("thẻ còn hạn", payload::bhyt_card(person)));
        lines.push(("CCCD của người đó", payload::citizen_id(person).unwrap_or_default()));
        lines.push(("gõ mã số BHXH của người đó", person.insurance_number().to_owned()));
        let other = Person { name: "NGUYỄN THỊ KHÁC TÊN".to_owned(), ..person.clone() };
        lines.push(("thẻ đó nhưng tên khác", payload::bhyt_card(&other)));
    }
    if let Some(person) = people.iter().find(soon) {
        lines.push(("thẻ sắp hết hạn", payload::bhyt_card(person)));
    }
    if let Some(person) = people.iter().find(expired) {
        lines.push(("thẻ hết hạn", payload::bhyt_card(person)));
    }
    if let Some(person) = people.iter().find(|person| person.successor.is_some()) {
        lines.push(("đã có thẻ mới", payload::bhyt_card(person)));
    }
    if let Some(person) = people.iter().find(|person| person.standing.is_some()) {
        lines.push(("thẻ có ghi chú của tỉnh", person.card.clone()));
    }
    if let Some(person) = neighbours.iter().find(in_force) {
        lines.push(("thẻ của trạm khác", payload::bhyt_card(person)));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "\nTrang tiếp đón:   http://127.0.0.1:{page}/")?;
    for (number, (name, role, pin)) in (1..).zip(OPERATORS) {
        let role = if role == "head" { "trưởng trạm" } else { "tiếp đón" };
        writeln!(out, "Người trực:       gõ {number} (hoặc tên) rồi mã PIN {pin}: {name}, {role}")?;
    }
    writeln!(out, "Danh sách thẻ:    {} người, ngày {:02}/{:02}/{}\n", people.len(), today.day(), today.month(), today.year())?;
    writeln!(out, "Dán một dòng vào ô nhập rồi Enter để tra, Enter lần nữa để lưu:\n")?;
    for (what, text) in lines {
        writeln!(out, "  # {what}\n  {text}")?;
    }
    writeln!(out, "\nLệnh ở đây: t + Enter tắt hoặc bật máy chủ của tỉnh; Ctrl-C kết thúc.\n\nLượt khám tới tỉnh:")?;
    Ok(out.flush()?)
}

/// The province's side while the demonstration runs.
struct Demo {
    province: Province,
    address: SocketAddr,
    running: Option<(Serving, CancellationToken)>,
}

impl Demo {
    /// Shows what arrives, and switches the province off and on, until interrupted.
    async fn show(&mut self) -> Result<(), Failure> {
        let mut arrivals = self.province.arrivals();
        let mut lines = typed_lines();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                arrival = arrivals.recv() => match arrival {
                    Ok(arrival) => println!("  {}", described(&arrival)),
                    Err(RecvError::Lagged(missed)) => println!("  … và {missed} lượt nữa"),
                    Err(RecvError::Closed) => return Ok(()),
                },
                // Without a keyboard the branch is never taken again.
                Some(line) = lines.recv() => if line.trim() == "t" {
                    self.toggle().await?;
                },
            }
        }
    }

    async fn toggle(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            self.switch_off().await;
            println!("  (máy chủ của tỉnh ĐÃ TẮT; trạm vẫn tra và lưu)");
        } else {
            let stop = CancellationToken::new();
            let serving = provincial::start(self.province.clone(), TcpListener::bind(self.address)?, stop.clone()).await?;
            self.running = Some((serving, stop));
            println!("  (máy chủ của tỉnh ĐÃ BẬT)");
        }
        Ok(())
    }

    async fn switch_off(&mut self) {
        if let Some((serving, stop)) = self.running.take() {
            stop.cancel();
            serving.stopped().await;
        }
    }
}

/// Lines of standard input, from a thread of their own: a read that waits for a key must not hold up the end.
fn typed_lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn described(arrival: &Arrival) -> String {
    let sequence = arrival.sequence.map_or_else(|| "?".to_owned(), |sequence| sequence.to_string());
    let outcome = match arrival.outcome {
        "accepted" => "đã nhận",
        "duplicate" => "đã có từ trước",
        other => other,
    };
    format!(
        "{} trạm {} lượt {sequence}: {outcome}, biên nhận {}",
        arrival.received_at.format("%H:%M:%S"),
        arrival.station,
        arrival.reference.as_deref().unwrap_or("–")
    )
}
