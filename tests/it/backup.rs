//! The day on which the computer dies: copies made beside the desk, put back on another machine, and what the province says to that.
//!
//! Promise: the real daemon, the real command line, the real province; whoever opens a backup has nothing but its files and an age identity. Never: a person who
//! exists.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

mod damaged;
mod keys;
mod kills;
mod made;
mod person;
mod restored;

/// Where backups go, and who can open them.
pub(crate) struct Elsewhere {
    pub(crate) dir: TempDir,
    identity: Identity,
}

impl Elsewhere {
    pub(crate) fn new() -> Self {
        let elsewhere = Self { dir: tempfile::tempdir().unwrap(), identity: Identity::generate() };
        fs::create_dir(elsewhere.folder()).unwrap();
        let text = format!("# the administrator's\n{}\n", elsewhere.identity.to_string().expose_secret());
        fs::write(elsewhere.identity_file(), text).unwrap();
        elsewhere
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    pub(crate) fn identity_file(&self) -> PathBuf {
        self.dir.path().join("identity.txt")
    }

    /// Adds the table to a station's configuration.
    pub(crate) fn configure(&self, station: &TestStation) {
        let mut text = fs::read_to_string(&station.config).unwrap();
        let (folder, recipient) = (self.folder(), self.identity.to_public());
        let _ = writeln!(text, "[backup]\nfolder = \"{}\"\nrecipients = [\"{recipient}\"]", folder.display());
        fs::write(&station.config, text).unwrap();
    }

    pub(crate) fn files(&self, end: &str) -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.to_str().unwrap().ends_with(end));
        found.sort();
        found
    }
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn all_sent(status: &Value) -> bool {
    status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0
}

fn codes(status: &Value) -> Vec<&str> {
    status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

async fn synced_until(station: &TestStation, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, async || {
        station.ask(&bhyt_agent::control::contract::Request::SyncNow).await.ok()?;
        station.ask(&bhyt_agent::control::contract::Request::Status).await.ok().filter(&fits)
    })
    .await
}

fn settled(status: &Value) -> bool {
    all_sent(status) && status["contact"]["succeeded_at"].is_string() && status["contact"]["is_active"] == false
}

async fn back_up(station: &TestStation) -> Value {
    let output = station.run(&["backup", "--json"]).await;
    assert!(output.status.success(), "{output:?}");
    json(&output)
}

/// A station that runs, its province, and somebody whose card is in force.
struct Place {
    province: TestProvince,
    elsewhere: Elsewhere,
    station: TestStation,
    card: String,
    daemon: Daemon,
}

impl Place {
    /// Backups are not set up.
    async fn new(people: usize) -> Self {
        Self::with(people, |_, _| ()).await
    }

    async fn backed_up(people: usize) -> Self {
        Self::with(people, Elsewhere::configure).await
    }

    async fn with(people: usize, configure: impl FnOnce(&Elsewhere, &TestStation)) -> Self {
        let (province, elsewhere) = (TestProvince::new(people).await, Elsewhere::new());
        let station = TestStation::enrolled(&province).await;
        configure(&elsewhere, &station);
        let card = province.person_in_force().card;
        let daemon = station.loaded().await;
        Self { province, elsewhere, station, card, daemon }
    }
}
