//! The command line of the reference provincial server. Development only.
//!
//! Promises: every verb but `visits --json` and `people` prints no name and no number of a person, made up as they are: the
//! habit is what counts. Must never do more than call the library.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use chrono::{DateTime, FixedOffset, NaiveDate};
use clap::{Parser, Subcommand};
use provincial::{
    Arrival, CarriedIn, Compared, CreateSettings, EndOf, Error, Fault, Province, PublicationKind, Published, StationReport,
    StationSettings, ToldHead, slip,
};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A made-up province that speaks protocol 1.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Makes a province: people, keys, ledger.
    Generate {
        /// An empty or new folder.
        dir: PathBuf,
        /// The same seed makes the same people.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A station and how many people it has, as 99001=12000. Several times.
        #[arg(long = "station", required = true, value_parser = station)]
        stations: Vec<StationSettings>,
        /// The province's first day; today when left out.
        #[arg(long)]
        today: Option<NaiveDate>,
        /// A further name of the server beside the loopback ones. Several times.
        #[arg(long = "host")]
        hosts: Vec<String>,
    },
    /// Publishes every enrolled station.
    Publish {
        /// The province.
        dir: PathBuf,
    },
    /// Lets a new key sign the index from now on, and publishes with it.
    RotateIndexKey {
        /// The province.
        dir: PathBuf,
    },
    /// Lets days pass: renewals, births, moves, new cards.
    Advance {
        /// The province.
        dir: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 1)]
        days: u32,
        /// The same seed makes the same events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Makes a one-time enrolment code, good for 24 hours.
    EnrolCode {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
    },
    /// Serves until interrupted; one line per arriving visit.
    Serve {
        /// The province.
        dir: PathBuf,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: String,
        /// Trouble, as intake-500-after-commit=2. Several times.
        #[arg(long = "fault")]
        faults: Vec<Fault>,
        /// Seconds between publications.
        #[arg(long, default_value_t = 300)]
        publish_every: u64,
    },
    /// Puts what a station needs on a USB stick: its feed, and receipts of its visits.
    CarryOut {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
        /// Where the stick is mounted.
        stick: PathBuf,
    },
    /// Takes the visits that stations have put on a USB stick.
    CarryIn {
        /// The province.
        dir: PathBuf,
        /// Where the stick is mounted.
        stick: PathBuf,
    },
    /// Lists the stations: last contact, age of their data, what their chains tell.
    Stations {
        /// The province.
        dir: PathBuf,
        /// Everything, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lists the ends of its access log that a station has told, or says what one that was read there is. Fails where the log cannot be what it was.
    LogHeads {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
        /// What `bhyt-agent verify-log` prints there, as 217:5f0c….
        head: Option<String>,
    },
    /// To be run after a backup of province.db was put back, BEFORE the first `serve`: the stations send again what it does not hold.
    ///
    /// Prints from when on they send again, and why. Before the first `serve` that is the last visit that the backup holds. Afterwards a visit of today
    /// may be the last one held: then it is what was received before the first gap in any station's sequences, and a station that has not been
    /// heard since shows no gap. Say when the backup was made with --since: too early costs duplicates, which are harmless.
    Restored {
        /// The province.
        dir: PathBuf,
        /// An earlier instant, as 2026-11-23T01:00:00+07:00: when the backup was made.
        #[arg(long)]
        since: Option<DateTime<FixedOffset>>,
    },
    /// Ends every certificate of a station, until it enrols again.
    Revoke {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
    },
    /// Orders a station's computer wiped: it seals what it has not sent, and removes keys and data. Obeyed at its next contact, where its configuration allows it.
    OrderWipe {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
        /// Which record of visits, as `stations` lists them; the one that enrolled last when left out.
        install: Option<Uuid>,
        /// For so many days.
        #[arg(long, default_value_t = 7)]
        days: i64,
    },
    /// Lists the visits whose verdict would now be another, as JSON.
    Rechecks {
        /// The province.
        dir: PathBuf,
    },
    /// The code on the slip of a visit, computed from what is held of it; with a code copied from paper, which revision it is of.
    Code {
        /// The province.
        dir: PathBuf,
        /// The visit's id.
        visit: Uuid,
        /// What stands on the paper.
        copied: Option<String>,
    },
    /// Lists the people of a station: personal id, card, name, birth date, separated by tabs; for whoever checks in, and whoever looks for them in a log.
    People {
        /// The province.
        dir: PathBuf,
        /// The station.
        station: String,
    },
    /// Lists the visits that arrived.
    Visits {
        /// The province.
        dir: PathBuf,
        /// Everything, as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A station as one line: who, when, what it holds, what its chain tells.
fn reported(report: &StationReport) -> String {
    let Some(install) = report.install else { return format!("{} not enrolled", report.station) };
    let before = if report.current { "" } else { " (before)" };
    let Some(last) = &report.last else { return format!("{} {install}{before} not heard yet", report.station) };
    let age = last.data_age_seconds.map_or_else(|| "no data".to_owned(), |seconds| format!("data {} h old", seconds / 3600));
    let said = &last.said;
    let fork = last.fork.map_or_else(String::new, |fork| format!(", chain forked {}", fork.at.0.to_rfc3339()));
    format!(
        "{} {install}{before} heard {}, {age}, {}{fork}, highest {}, pending {}, parked {}, missing {}, version {}",
        report.station,
        last.at.0.to_rfc3339(),
        last.machine.word(),
        said.highest,
        said.pending,
        said.parked,
        report.missing,
        said.version
    )
}

fn station(text: &str) -> Result<StationSettings, String> {
    let (code, people) = text.split_once('=').ok_or("write CODE=PEOPLE, as 99001=12000")?;
    Ok(StationSettings::new(code, people.parse().map_err(|_| format!("{people} is no number of people"))?))
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("provincial: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<(), Error> {
    match verb {
        Verb::Generate { dir, seed, stations, today, hosts } => {
            let today = today.unwrap_or_else(|| provincial::now().date_naive());
            let province = Province::create(&dir, &CreateSettings { seed, stations, today, hosts })?;
            for station in province.stations()? {
                println!("{station}: {} people", province.people(&station)?.len());
            }
            println!("CA certificate: {}", dir.join("keys/ca.pem").display());
        }
        Verb::Publish { dir } => {
            let province = Province::open(&dir)?;
            for published in province.publish_all(province.now())? {
                println!("{}", described(&published));
            }
        }
        Verb::RotateIndexKey { dir } => {
            let province = Province::open(&dir)?;
            println!("{}", province.rotate_index_key()?);
            for published in province.publish_all(province.now())? {
                println!("{}", described(&published));
            }
        }
        Verb::Advance { dir, days, seed } => {
            let report = Province::open(&dir)?.advance(days, seed)?;
            println!("the province's day is {}", report.today);
            for (station, changes) in report.stations {
                println!("{station}: {changes}");
            }
        }
        Verb::EnrolCode { dir, station } => println!("{}", Province::open(&dir)?.enrolment_code(&station)?),
        Verb::Serve { dir, listen, faults, publish_every } => {
            let province = Province::open(&dir)?;
            for fault in faults {
                println!("fault: {fault}");
                province.faults().set(fault);
            }
            serve(&province, &listen, Duration::from_secs(publish_every.max(1)))?;
        }
        Verb::CarryOut { dir, station, stick } => {
            let carried = Province::open(&dir)?.carry_out(&station, &stick)?;
            println!("{station} serial {} and receipts of {} visits are on the stick", carried.index.serial, carried.receipts);
        }
        Verb::CarryIn { dir, stick } => carry_in(&dir, &stick)?,
        Verb::Stations { dir, json } => {
            let reports = Province::open(&dir)?.station_reports()?;
            if json {
                println!("{}", serde_json::to_string_pretty(&reports)?);
            } else {
                for report in &reports {
                    println!("{}", reported(report));
                }
            }
        }
        Verb::LogHeads { dir, station, head } => log_heads(&dir, &station, head.as_deref())?,
        Verb::Rechecks { dir } => println!("{}", serde_json::to_string_pretty(&Province::open(&dir)?.rechecks()?)?),
        Verb::Restored { dir, since } => {
            let restored = Province::open(&dir)?.restored_since(since)?;
            println!("stations send again what was received at or after {}: {}", restored.complete_to.0.to_rfc3339(), restored.why);
            if matches!(restored.why, EndOf::Gap { .. }) {
                println!("Either they were refused for good, or stations have sent since the backup was put back.");
                println!(
                    "Then a station that has not shows no gap: if the backup is older than that instant, run this again with --since."
                );
            }
        }
        Verb::OrderWipe { dir, station, install, days } => {
            let order = Province::open(&dir)?.order_wipe(&station, install, days)?;
            println!("order {} to {station} {}, until {}", order.number, order.install, order.expires_at.0.to_rfc3339());
        }
        Verb::Revoke { dir, station } => Province::open(&dir)?.revoke(&station)?,
        Verb::People { dir, station } => {
            for person in Province::open(&dir)?.people(&station)? {
                println!("{}\t{}\t{}\t{}", person.id, person.card, person.name, person.born);
            }
        }
        Verb::Code { dir, visit, copied } => code(&dir, visit, copied.as_deref())?,
        Verb::Visits { dir, json } => {
            let visits = Province::open(&dir)?.visits()?;
            if json {
                println!("{}", serde_json::to_string_pretty(&visits)?);
            } else {
                for visit in visits {
                    println!(
                        "{} {} sequence {} revision {} received {} sent {} times",
                        visit.reference, visit.station, visit.sequence, visit.revision, visit.received_at, visit.times_seen
                    );
                }
            }
        }
    }
    Ok(())
}

fn code(dir: &Path, visit: Uuid, copied: Option<&str>) -> Result<(), Error> {
    let codes = Province::open(dir)?.slip_codes(visit)?;
    if codes.is_empty() {
        return Err(Error::Setting(format!("no visit {visit} is held")));
    }
    let copied = copied
        .map(|copied| slip::read(copied).ok_or_else(|| Error::Setting("that was copied wrongly: its last character does not fit".into())));
    let copied = copied.transpose()?;
    for (revision, code) in codes.iter().filter(|(_, code)| copied.as_ref().is_none_or(|copied| copied == code)) {
        println!("{code} revision {revision}");
    }
    match copied {
        Some(copied) if codes.iter().all(|(_, code)| *code != copied) => {
            Err(Error::Setting("the paper is of none of the revisions held".into()))
        }
        _ => Ok(()),
    }
}

/// The ends that were told, and what is wrong with them.
fn log_heads(dir: &Path, station: &str, head: Option<&str>) -> Result<(), Error> {
    let told = Province::open(dir)?.log_heads(station)?;
    let printed = |told: &ToldHead| format!("{}:{}", told.head.lines, told.head.sha256);
    if let Some(head) = head {
        let read = head.split_once(':').and_then(|(lines, sha256)| Some((lines.parse().ok()?, sha256)));
        let (lines, sha256) = read.ok_or_else(|| Error::Setting(format!("{head} is no end of a log: NUMBER:DIGEST")))?;
        return match Compared::of(lines, sha256, &told) {
            Compared::Told => {
                println!("told by the station: up to there its log is what it was");
                Ok(())
            }
            Compared::Beyond => {
                println!("beyond what was told: hold the furthest end against the log there");
                if let Some(told) = told.iter().max_by_key(|told| told.head.lines) {
                    println!("verify-log --head {}", printed(told));
                }
                Ok(())
            }
            Compared::Another => Err(Error::Setting("the station has told other ends: its log was cut, altered or replaced".into())),
            Compared::Nothing => Err(Error::Setting("the station has told no end of its log".into())),
        };
    }
    for told in &told {
        let (first, last) = (told.first_at.0.to_rfc3339(), told.last_at.0.to_rfc3339());
        let word = if told.fell_back { " FELL BACK" } else { "" };
        println!("{} {} told {first}, last {last}{word}", told.install, printed(told));
    }
    match told.iter().filter(|told| told.fell_back).count() {
        0 => Ok(()),
        count => Err(Error::Setting(format!(
            "{count} of {} ends lie behind or beside an earlier one: the log was cut, altered or replaced",
            told.len()
        ))),
    }
}

/// One line per file; an error at the end if one was refused.
fn carry_in(dir: &Path, stick: &Path) -> Result<(), Error> {
    let files = Province::open(dir)?.carry_in(stick)?;
    let mut refused = 0;
    for CarriedIn { station, file, outcome } in &files {
        match outcome {
            Ok(receipts) => {
                let count = |word: &str| receipts.iter().filter(|receipt| receipt.outcome.word() == word).count();
                let counts = ["accepted", "duplicate", "conflict", "rejected"].map(|word| format!("{} {word}", count(word)));
                println!("{station} {file}: {}", counts.join(", "));
            }
            Err(refusal) => {
                refused += 1;
                println!("{station} {file}: REFUSED: {refusal}");
            }
        }
    }
    match (files.len(), refused) {
        (0, _) => Err(Error::Setting("there are no visits on the stick".into())),
        (_, 0) => Ok(()),
        (all, refused) => Err(Error::Setting(format!("{refused} of {all} files were refused"))),
    }
}

#[tokio::main]
async fn serve(province: &Province, listen: &str, publish_every: Duration) -> Result<(), Error> {
    let listener = TcpListener::bind(listen)?;
    let stop = CancellationToken::new();
    let mut arrivals = province.arrivals();
    let serving = provincial::start(province.clone(), listener, stop.clone()).await?;
    println!("serving https://{}", serving.addr);
    let mut publications = tokio::time::interval(publish_every);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break;
            }
            _ = terminate.recv() => break,
            arrival = arrivals.recv() => match arrival {
                Ok(arrival) => println!("{}", line(&arrival)),
                Err(RecvError::Lagged(missed)) => println!("{missed} visits arrived too fast to print"),
                Err(RecvError::Closed) => break,
            },
            _ = publications.tick() => publish(province.clone()).await?,
        }
    }
    stop.cancel();
    serving.stopped().await;
    Ok(())
}

async fn publish(province: Province) -> Result<(), Error> {
    let publishing = tokio::task::spawn_blocking(move || province.publish_all(province.now()));
    let published = publishing.await.map_err(|error| Error::Setting(format!("publishing stopped: {error}")))??;
    for published in published.iter().filter(|published| published.kind != PublicationKind::Unchanged) {
        println!("{}", described(published));
    }
    Ok(())
}

fn line(arrival: &Arrival) -> String {
    format!(
        "{} {} sequence {} {} {}",
        arrival.received_at.format("%H:%M:%S"),
        arrival.station,
        arrival.sequence.map_or_else(|| "?".to_owned(), |sequence| sequence.to_string()),
        arrival.outcome,
        arrival.reference.as_deref().unwrap_or("-")
    )
}

fn described(published: &Published) -> String {
    let what = match published.kind {
        PublicationKind::NewSession => format!("new session, snapshot of {} bytes", published.index.snapshot.bytes),
        PublicationKind::Unchanged => "nothing changed, signed again".to_owned(),
        PublicationKind::Advanced { new, changed, gone, delta_bytes } => {
            format!("{new} new, {changed} changed, {gone} gone, delta of {delta_bytes} bytes")
        }
    };
    format!("{} serial {}: {what}", published.station, published.index.serial)
}
