//! `bhyt-agent doctor`: everything that can be wrong with a station, looked at once, each with its evidence and the next command.
//!
//! Promise: it works with the service up, which is asked for what only it can say, and down, when its files are looked at under their lock; it changes
//! nothing and sends nothing personal. As root it becomes the service's account first, so that it sees what the service sees. Exit code: 0 all well; 75
//! something to look at; 69 service or province do not answer, or what waits for them is too old; 78 a person must set something right; 77 owners, modes or
//! a refusal; 73 no room; 74 disk or data. The most urgent one counts, in the order 74, 73, 77, 78, 69, 75. Never: a name or number of a person.
//!
//! * [`mod@line`]: what a line is, and how it is printed
//! * [`station`]: what the records say; [`mod@records`]: judges it
//! * [`machine`], [`files`], [`link`]: look, and judge what they saw

mod files;
mod line;
mod link;
mod machine;
mod records;
mod station;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time;

use self::files::Opened;
pub(super) use self::files::keys_of_service;
use self::line::Check;
use self::line::Line;
use self::machine::Talk;
use self::station::Station;
use super::account;
use super::errand::Form;
use super::output;
use crate::control::client;
use crate::control::client::ControlError;
use crate::control::contract::Request;
use crate::control::contract::operators::OperatorRequest;
use crate::desk::messages::Language;
use crate::desk::words::Sentence;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::TimeAnchor;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::exit_code::ExitCode;
use crate::storage;
use crate::storage::examine;
use crate::storage::examine::Found;

/// How long a service that runs may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long all sticks together may take to be looked at.
const STICKS: Duration = Duration::from_secs(20);
/// How long the check of one database may take.
const CHECK: Duration = Duration::from_secs(20);

/// Runs the verb.
pub(super) fn run(path: &Path, form: Form) -> ExitCode {
    if let Err(code) = account::become_service(path) {
        return code;
    }
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    let report = runtime.block_on(examined(path));
    // A stick that hangs is left behind.
    runtime.shutdown_background();
    report.print(form)
}

/// The same for whoever is the service's account already; only whether something is broken counts.
pub(super) fn after_setup(path: &Path, language: Language) -> ExitCode {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    let report = runtime.block_on(examined(path));
    runtime.shutdown_background();
    let form = if language == Language::English { Form::English } else { Form::Vietnamese };
    match report.print(form) {
        // To look at, which is usual on the first day.
        ExitCode::TempFail => ExitCode::Ok,
        code => code,
    }
}

/// All lines, and what stands above them.
struct Report {
    lines: Vec<Line>,
    now: Now,
    facility: Option<String>,
}

impl Report {
    fn print(&self, form: Form) -> ExitCode {
        let text = match form {
            Form::Json => line::json(&self.lines, self.now.at, self.facility.as_deref()).to_string(),
            Form::Vietnamese => line::text(&self.lines, Language::Vietnamese),
            Form::English => line::text(&self.lines, Language::English),
        };
        match output::answer(&text) {
            ExitCode::Ok => line::exit_code(&self.lines),
            unprinted => unprinted,
        }
    }
}

async fn examined(path: &Path) -> Report {
    match Config::load(path) {
        Ok(config) => of_station(path, config).await,
        Err(error) => without_config(&error),
    }
}

fn config_line(path: &Path) -> Line {
    let shown = path.display();
    Line::good(Check::Config, Sentence::new(format!("{shown}: dùng được"), format!("{shown}: can be used")))
}

fn without_config(error: &ConfigError) -> Report {
    let time = station::time(None, None);
    let now = time.now();
    let (path, count) = (error.path.display(), error.problems.len());
    let first = error.problems.first().map(ToString::to_string).unwrap_or_default();
    let found = Sentence::new(format!("{path}: {count} lỗi; {first}"), format!("{path}: mistakes: {count}; {first}"));
    let command = format!("bhyt-agent check-config --config {path}");
    let config = Line::broken(Check::Config, "refused", ExitCode::Config, found, Sentence::new(command.clone(), command));
    let known = [config, machine::unit(machine::look_at_unit().as_ref()), machine::clock(time.reading().wall, now)];
    let unread = || Sentence::new("chưa đọc được cấu hình", "the configuration cannot be read");
    let line =
        |check| known.iter().find(|line| line.check == check).cloned().unwrap_or_else(|| Line::unknown(check, "no_config", unread()));
    Report { lines: Check::ALL.into_iter().map(line).collect(), now, facility: None }
}

/// What the service was asked and said.
struct Asked {
    talk: Talk,
    status: Value,
    accounts: Option<Value>,
}

async fn ask(config: &Config) -> Asked {
    let question = async |request: &Request| time::timeout(ANSWER, client::ask(&config.control_socket, request)).await;
    let (talk, status) = match question(&Request::Status).await {
        Ok(Ok(status)) => (Talk::Answers, status),
        Ok(Err(ControlError::NotRunning)) => (Talk::NotRunning, Value::Null),
        Ok(Err(ControlError::NotAllowed)) => (Talk::NotAllowed, Value::Null),
        Err(_) | Ok(Err(ControlError::Broken(_) | ControlError::Answer(_))) => (Talk::Silent, Value::Null),
    };
    let accounts = match talk {
        Talk::Answers => question(&Request::Operator { operator: OperatorRequest::List }).await.ok().and_then(Result::ok),
        _ => None,
    };
    Asked { talk, status, accounts }
}

/// Looks at the databases where no service has them open.
async fn open(config: &Config, talk: Talk, key: Option<storage::key::DatabaseKey>, is_other: bool) -> Opened {
    let has_key = key.is_some() && !is_other;
    let Some(key) = key.filter(|_| talk != Talk::Answers && has_key) else {
        return if talk == Talk::Answers { Opened::ByService } else { Opened::Nothing { has_key } };
    };
    let (data, boot_id) = (config.data_dir.clone(), station::time(None, None).reading().boot_id);
    match tokio::task::spawn_blocking(move || examine::examine(&data, &key, &boot_id, CHECK)).await {
        Ok(Ok(Some(examined))) => Opened::Here(Box::new(examined)),
        Ok(Ok(None)) => Opened::Nothing { has_key: true },
        Ok(Err(error)) => Opened::Not(error),
        Err(_) => Opened::Not(storage::Error::Stopped),
    }
}

/// The records, the time that is gone by, and who keeps it.
fn records(config: &Config, asked: &Asked, opened: &Opened) -> (Station, Now, TimeKeeper) {
    let (visits, cards) = match opened {
        Opened::Here(examined) => (told(&examined.visits), told(&examined.cards)),
        _ => (None, None),
    };
    let time = station::time(visits, cards);
    if asked.talk != Talk::Answers {
        let now = time.now();
        return (station::seen(config, now, visits, cards), now, time);
    }
    let station = station::told(&asked.status, asked.accounts.as_ref());
    // What the province signed or told, the service knows; its time is gone by here too.
    let now = station::told_clock(&asked.status).unwrap_or_else(|| time.now());
    if let Some(as_of) = station.feed.and_then(|feed| feed.as_of) {
        time.vouched(as_of, None);
    }
    if now.state == ClockState::Learned {
        let reading = time.reading();
        let anchor = TimeAnchor { boot_id: reading.boot_id, since_boot: reading.since_boot, at: now.at };
        time.anchored(anchor);
    }
    (station, now, time)
}

fn told<T>(found: &Found<T>) -> Option<&T> {
    if let Found::Whole { told, .. } = found { Some(told) } else { None }
}

async fn of_station(path: &Path, mut config: Config) -> Report {
    config.keys = keys_of_service(&config.keys);
    let (data, keys) = (config.data_dir.clone(), config.keys.clone());
    let asked = ask(&config).await;
    let amiss = files::look_at_owners(path, &data, keys.dir());
    let (key, opening) = files::look_at_key(&keys, &data);
    let opened = open(&config, asked.talk, opening, matches!(key, Ok(Some(false)))).await;
    let quarantined = examine::quarantined(&data);
    let (station, now, time) = records(&config, &asked, &opened);
    let disk = machine::look_at_disk(&data);
    let certificate = link::look_at_certificate(&config);
    let province = link::look_at_province(&config, certificate, &time).await;
    let sticks = time::timeout(STICKS, link::look_at_sticks(&config)).await.ok();

    let is_alone = config.province.is_none();
    // What restore put aside explains another record too, as long as no service says otherwise.
    let set_aside = if asked.talk == Talk::Answers { quarantined.clone() } else { examine::set_aside(&data) };
    let has_set_aside = files::has_set_aside(&set_aside);
    let is_enrolled = !matches!(certificate, link::Certificate::NotWanted | link::Certificate::Missing);
    let today = now.day();
    let mut lines = vec![
        config_line(path),
        machine::unit(machine::look_at_unit().as_ref()),
        machine::clock(time.reading().wall, now),
        machine::disk(&data, disk, &station),
        files::permissions(&data, keys.dir(), amiss.as_deref()),
        files::keys(&keys, &data, &key, is_enrolled),
        files::databases(&data, &opened, &quarantined),
        link::certificate(certificate, now),
        records::identity(&station, &files::papers(&keys), has_set_aside),
        link::province(province.as_ref(), now, &station),
        records::feed(&station, is_alone),
        records::outbox(&station, now, is_alone),
        records::operators(&station),
        records::rules(&config.rules, &config.facility_class, today),
        link::stick(sticks.as_deref(), &config.facility),
    ];
    // Unreadable is not absent, nor broken twice.
    if files::is_stranger(&data) && asked.talk != Talk::Answers {
        lines = lines.into_iter().map(files::as_stranger).collect();
    } else if files::has_other_owner(amiss.as_deref()) {
        let is_denied =
            |line: &Line| matches!((line.check, line.what), (Check::Keys, "unreadable" | "station_key") | (Check::Certificate, "denied"));
        lines = lines.into_iter().map(|line| if is_denied(&line) { files::owned_by_others(line.check) } else { line }).collect();
    }
    let service = machine::service(asked.talk, hindrance(&lines), disk.and_then(machine::Disk::last_write));
    lines.insert(1, service);
    Report { lines, now, facility: Some(config.facility.to_string()) }
}

/// What was found that keeps the service from running.
fn hindrance(lines: &[Line]) -> Option<Check> {
    let hinders = |line: &&Line| {
        line.is_broken()
            && match line.check {
                Check::Disk => matches!(line.what, "read_only" | "failed"),
                Check::Permissions | Check::Keys => true,
                Check::Databases => matches!(line.what, "newer" | "unreadable"),
                _ => false,
            }
    };
    lines.iter().find(hinders).map(|line| line.check)
}
