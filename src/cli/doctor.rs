//! `bhyt-agent doctor`: everything that can be wrong with a station, looked at once, each with its evidence and the next command.
//!
//! Promise: it works with the service up, which is asked for what only it can say, and down, when its files are looked at under their lock; it changes
//! nothing and sends nothing personal. A configuration with mistakes takes away only the lines that need what is wrong in it. As root it becomes the
//! service's account first, so that it sees what the service sees. Exit code: 0 all well; 75 something to look at; 69 service or province do not answer, or
//! what waits for them is too old; 78 a person must set something right; 77 owners, modes or a refusal; 73 no room; 74 disk or data. The most urgent one
//! counts, in the order 74, 73, 77, 78, 69, 75. Never: a name or number of a person.
//!
//! * [`mod@line`]: what a line is, and how it is printed
//! * [`station`]: what the records say; [`mod@records`]: judges it
//! * [`machine`], [`port`], [`files`], [`link`], [`kept`]: look, and judge what they saw
//! * [`notices`]: what the service says beside that
//! * [`configuration`]: what by; with mistakes in it, what can be looked at all the same

mod configuration;
mod files;
mod kept;
mod keys;
mod line;
mod link;
mod machine;
mod notices;
mod port;
mod records;
mod station;
#[cfg(test)]
mod test_support;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time;

pub(super) use self::files::LOST_AND_FOUND;
use self::files::Opened;
use self::kept::Folder;
pub(super) use self::keys::keys_of_service;
use self::line::Check;
use self::line::Line;
use self::machine::Places;
use self::machine::Talk;
use self::station::Station;
use super::account;
use super::output;
use super::output::Form;
use crate::control::client;
use crate::control::client::ControlError;
use crate::control::contract::Request;
use crate::control::contract::operators::OperatorRequest;
use crate::desk::messages::Language;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::TimeAnchor;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::config::damaged::Damaged;
use crate::ops::exit_code::ExitCode;
use crate::ops::sticks;
use crate::storage;
use crate::storage::examine;
use crate::storage::examine::Found;

/// How long a service that runs may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long all sticks together may take to be looked at, and the folder of backups.
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

/// The same for whoever is the service's account already; only whether something is broken counts, and the service only where it was to be started.
pub(super) fn after_setup(path: &Path, language: Language, is_started: bool) -> ExitCode {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    let report = runtime.block_on(examined(path));
    runtime.shutdown_background();
    if output::answer(&line::text(&report.lines, language)) != ExitCode::Ok {
        return ExitCode::Io;
    }
    let is_asked = |line: &Line| is_started || !matches!(line.check, Check::Service | Check::Unit);
    match line::exit_code(&report.lines.into_iter().filter(is_asked).collect::<Vec<_>>()) {
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
            Form::Text(language) => line::text(&self.lines, language),
        };
        match output::answer(&text) {
            ExitCode::Ok => line::exit_code(&self.lines),
            unprinted => unprinted,
        }
    }
}

async fn examined(path: &Path) -> Report {
    match Config::load(path) {
        Ok(config) => of_station(path, config, None).await,
        Err(error) => match Damaged::look(error.clone()) {
            Some(damaged) => of_station(path, damaged.config.clone(), Some(&damaged)).await,
            None => without_config(&error),
        },
    }
}

/// Nothing but the machine: not even a default is there to look by.
fn without_config(error: &ConfigError) -> Report {
    let time = station::time(None, None);
    let now = time.now();
    let config = configuration::line(&error.path, Some(error), None);
    let known = [
        config,
        machine::unit(machine::look_at_unit().as_ref(), time.reading().wall, None),
        machine::clock(time.reading().wall, now, &Station::default()),
    ];
    let line = |check| known.iter().find(|line| line.check == check).cloned().unwrap_or_else(|| configuration::unread(check, "rules-dir"));
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

/// `damaged`: the file has mistakes, and `config` is what can be read of it.
async fn of_station(path: &Path, mut config: Config, damaged: Option<&Damaged>) -> Report {
    config.keys = keys_of_service(&config.keys);
    let (data, keys) = (config.data_dir.clone(), config.keys.clone());
    let asked = ask(&config).await;
    let is_served = asked.talk == Talk::Answers;
    let is_open = |check| !configuration::open_keys(damaged, check, is_served).is_empty();
    let amiss = files::look_at_owners(path, &data, keys.dir());
    let (key, opening) = keys::look_at_key(&keys, &data);
    let opened = open(&config, asked.talk, opening, matches!(key, Ok(Some(false)))).await;
    let quarantined = examine::quarantined(&data);
    let (station, now, time) = records(&config, &asked, &opened);
    let disk = machine::look_at_disk(&data);
    let certificate = link::look_at_certificate(&config);
    let facility = Some(&config.facility).filter(|_| !damaged.is_some_and(|damaged| damaged.is_open("facility")));
    let other = facility.and_then(|facility| link::other_station(&config, facility));
    let province = if is_open(Check::Province) { None } else { link::look_at_province(&config, certificate, &time).await };
    let sticks = if is_open(Check::Stick) { None } else { time::timeout(STICKS, link::look_at_sticks(&config)).await.ok() };
    let folder = look_at_backups(&config).await;

    let is_alone = config.province.is_none() && !damaged.is_some_and(|damaged| damaged.is_open("province"));
    let set_aside = examine::set_aside(&data);
    // What restore put aside explains another record too, as long as no service says otherwise.
    let has_set_aside = files::has_set_aside(if is_served { &quarantined } else { &set_aside });
    let is_enrolled = !matches!(certificate, link::Certificate::NotWanted | link::Certificate::Missing);
    let unit = machine::look_at_unit();
    let is_sealed_closed = machine::is_sealed_key_closed(unit.as_ref());
    let beside = keys::Beside { is_enrolled, is_sealed_closed, former: kept::look_at_former_keys(keys.dir(), &set_aside, folder) };
    let today = now.day();
    let rules = config.rules_on(today).map_or_else(|_| config.rules.clone(), |chosen| chosen.tables);
    let mut lines = vec![
        configuration::line(path, damaged.map(|damaged| &damaged.error), station.in_force.as_ref()),
        machine::unit(unit.as_ref(), time.reading().wall, Some(Places { data: &data, key: &keys.dir().join("database.key") })),
        machine::clock(time.reading().wall, now, &station),
        machine::disk(&data, disk, &station),
        files::permissions(&data, keys.dir(), amiss.as_deref()),
        keys::keys(&keys, &data, &key, &beside),
        files::databases(&data, &opened, &quarantined, facility),
        kept::set_aside(&set_aside, &station),
        link::certificate(certificate, other.as_ref(), now),
        records::identity(&station, &keys::papers(&keys), has_set_aside, province.as_ref().is_some_and(link::is_replaced)),
        link::province(province.as_ref(), now, &station),
        records::feed(&station, is_alone),
        records::outbox(&station, now, is_alone),
        kept::backups(config.backup.as_ref(), folder, &station, now),
        records::operators(&station),
        records::rules(&rules, &config.facility_class, today),
        link::stick(sticks.as_deref(), &sticks::out_of_reach(&config.stick_folders), &config.facility),
    ];
    lines = lines.into_iter().map(|line| configuration::unless_open(line, damaged, is_served)).collect();
    // Unreadable is not absent, nor broken twice.
    if files::is_stranger(&data) && !is_served {
        lines = lines.into_iter().map(files::as_stranger).collect();
    } else if files::has_other_owner(amiss.as_deref()) {
        let is_denied =
            |line: &Line| matches!((line.check, line.what), (Check::Keys, "unreadable" | "station_key") | (Check::Certificate, "denied"));
        lines = lines.into_iter().map(|line| if is_denied(&line) { files::owned_by_others(line.check) } else { line }).collect();
    }
    let is_elsewhere = asked.talk == Talk::NotRunning && damaged.is_some_and(|damaged| damaged.is_open("control-socket"));
    let service = if is_elsewhere {
        configuration::unread(Check::Service, "control-socket")
    } else {
        let is_known = asked.talk == Talk::NotRunning && !damaged.is_some_and(|damaged| damaged.is_open("page"));
        let taken = if is_known { port::look(config.page.listen) } else { None };
        machine::service(asked.talk, hindrance(&lines), taken.as_ref(), disk.and_then(machine::Disk::last_write))
    };
    lines.insert(1, service);
    let told = notices::rest(&station, &lines, is_alone);
    lines.extend(told);
    Report { lines, now, facility: facility.map(ToString::to_string) }
}

/// The folder that copies go to, if any do.
async fn look_at_backups(config: &Config) -> Option<Folder> {
    let (folder, facility, data) = (config.backup.as_ref()?.folder.clone(), config.facility.clone(), config.data_dir.clone());
    let look = tokio::task::spawn_blocking(move || kept::look_at_folder(&folder, &facility, &data));
    Some(time::timeout(STICKS, look).await.ok().and_then(Result::ok).unwrap_or(Folder::Silent))
}

/// What was found that keeps the service from running.
fn hindrance(lines: &[Line]) -> Option<Check> {
    let hinders = |line: &&Line| {
        line.is_broken()
            && match line.check {
                Check::Disk => matches!(line.what, "read_only" | "failed"),
                Check::Config | Check::Permissions | Check::Keys => true,
                Check::Unit => matches!(line.what, "sealed_key" | "data_dir_closed"),
                Check::Databases => matches!(line.what, "newer" | "unreadable" | "other_facility"),
                _ => false,
            }
    };
    lines.iter().find(hinders).map(|line| line.check)
}
