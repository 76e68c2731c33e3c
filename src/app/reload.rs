//! The configuration read again while the agent runs.
//!
//! Promise: a file with a problem changes nothing, and all its problems are told; of a good one everything counts at once that can, and the keys that wait
//! for a restart are named. systemd hears when it begins and when it has ended. Never: half a configuration; an exchange with the province that is cut for
//! a key that does not concern it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::Utc;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::station::station;
use crate::control::running::Configuration;
use crate::control::running::Refused;
use crate::desk::Desk;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::config::reload;
use crate::ops::config::reload::Stamp;
use crate::ops::notify;
use crate::reception::Settings;

/// Where the configuration came from, and what asks for it again.
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// As it was before it was read.
    pub stamp: Stamp,
    /// Every one is a request; `None`: nobody asks.
    pub hangups: Option<Signal>,
}

/// How file and configuration in force stand. Clones share it.
#[derive(Clone)]
pub(super) struct Standing(Arc<Mutex<Held>>);

struct Held {
    path: PathBuf,
    stamp: Stamp,
    loaded_at: DateTime<Utc>,
    waiting: Vec<&'static str>,
    refused: Option<Refused>,
}

impl Standing {
    pub(super) fn new(path: PathBuf, stamp: Stamp, loaded_at: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(Held { path, stamp, loaded_at, waiting: Vec::new(), refused: None })))
    }

    /// As it is now; looks at the file, and does not read it.
    pub(super) fn configuration(&self) -> Configuration {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Configuration {
            path: held.path.clone(),
            loaded_at: held.loaded_at,
            is_outdated: Stamp::of(&held.path) != held.stamp,
            waiting: held.waiting.clone(),
            refused: held.refused.clone(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Who goes by the configuration while it may change.
pub(super) struct Reload {
    pub(super) running: watch::Sender<Arc<Config>>,
    pub(super) standing: Standing,
    pub(super) desk: Desk,
    pub(super) page: watch::Sender<Settings>,
    pub(super) hangups: Option<Signal>,
}

/// What the page goes by.
pub(super) fn settings(config: &Config) -> Settings {
    Settings { paper: config.page.slip_paper, idle: config.page.lock_after, lookups_a_minute: config.page.lookups_per_minute }
}

impl Reload {
    /// Reads it again whenever somebody asks, until stopped.
    pub(super) async fn follow(mut self, stop: CancellationToken) {
        let Some(mut hangups) = self.hangups.take() else { return stop.cancelled().await };
        while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
            notify::reloading();
            self.read().await;
            notify::ready();
        }
    }

    async fn read(&self) {
        let (path, at) = (self.standing.configuration().path, self.desk.time().now().at);
        let reading = tokio::task::spawn_blocking(move || (Stamp::of(&path), Config::load(&path))).await;
        match reading {
            Ok((stamp, Ok(read))) => self.take(stamp, at, read),
            Ok((_, Err(error))) => self.refuse(&error, at),
            // The disk is gone, or we have made a mistake: what is in force stays.
            Err(error) => tracing::error!(name: "config.unread", %error, "the configuration could not be read again"),
        }
    }

    fn refuse(&self, error: &ConfigError, at: DateTime<Utc>) {
        let problems: Vec<_> = error.problems.iter().map(|problem| format!("{}: {problem}", error.path.display())).collect();
        for problem in &problems {
            tracing::error!(name: "config.refused", problem, "the configuration on the disk is not taken; the one before stays in force");
        }
        self.standing.change(|held| held.refused = Some(Refused { at, problems }));
    }

    fn take(&self, stamp: Stamp, at: DateTime<Utc>, read: Config) {
        let running = Arc::clone(&self.running.borrow());
        let (config, waiting) = reload::take_over(&running, read);
        match station(&config, self.desk.time()) {
            Ok(station) => self.desk.station_is(station),
            // The check of the configuration has it that there is a category.
            Err(error) => return tracing::error!(name: "config.unread", %error, "the configuration could not be taken"),
        }
        self.page.send_replace(settings(&config));
        self.running.send_replace(Arc::new(config));
        let keys = waiting.join(", ");
        if waiting.is_empty() {
            tracing::info!(name: "config.loaded", "another configuration is in force");
        } else {
            tracing::warn!(name: "config.loaded", keys, "another configuration is in force, but for keys that wait for a restart");
        }
        self.standing.change(|held| (held.stamp, held.loaded_at, held.waiting, held.refused) = (stamp, at, waiting, None));
    }
}
