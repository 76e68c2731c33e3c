//! The configuration read again while the agent runs.
//!
//! Promise: a file with a problem changes nothing, and all its problems are told; of a good one everything counts at once that can, and the keys that wait
//! for a restart are named. Rules that waited for their first day begin with it. systemd hears when it begins and when it has ended. Never: half a configuration; an exchange with the province that is cut for
//! a key that does not concern it.

use core::future::pending;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::station::next;
use super::station::station;
use super::station::station_under;
use crate::control::running::Configuration;
use crate::control::running::Refused;
use crate::desk::Desk;
use crate::desk::Station;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::config::reload;
use crate::ops::config::reload::Known;
use crate::ops::config::reload::Stamp;
use crate::ops::notify;
use crate::ops::rules::bundle::RulesVersion;
use crate::ops::rules::shelf::Chosen;
use crate::reception::Settings;

/// Where the configuration came from, and what asks for it again.
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// As it was before it was read.
    pub known: Known,
    /// Every one is a request; `None`: nobody asks.
    pub hangups: Option<Signal>,
}

/// How file and configuration in force stand. Clones share it.
#[derive(Clone)]
pub(super) struct Standing(Arc<Mutex<Held>>);

struct Held {
    path: PathBuf,
    known: Known,
    loaded_at: DateTime<Utc>,
    waiting: Vec<&'static str>,
    refused: Option<Refused>,
}

impl Standing {
    pub(super) fn new(path: PathBuf, known: Known, loaded_at: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(Held { path, known, loaded_at, waiting: Vec::new(), refused: None })))
    }

    /// As it is now; of the file only the text is looked at, and only where the file is another.
    pub(super) fn configuration(&self) -> Configuration {
        let held = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Configuration {
            path: held.path.clone(),
            loaded_at: held.loaded_at,
            is_outdated: held.known.is_outdated(&held.path),
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

/// How often it is looked whether a day has begun, or a set of rules was brought.
const LOOK: Duration = Duration::from_mins(1);

/// The day and the sets that the rules were last looked at for.
#[derive(PartialEq, Eq)]
struct Seen {
    day: NaiveDate,
    sets: Option<Stamp>,
}

/// Whoever can ask asks.
async fn asked(hangups: &mut Option<Signal>) {
    let heard = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if heard.is_none() {
        pending::<()>().await;
    }
}

/// What the page goes by.
pub(super) fn settings(config: &Config) -> Settings {
    Settings { paper: config.page.slip_paper, idle: config.page.lock_after, lookups_a_minute: config.page.lookups_per_minute }
}

impl Reload {
    /// Reads it again whenever somebody asks, and looks at the rules when the day or the sets have changed, until stopped.
    pub(super) async fn follow(mut self, stop: CancellationToken) {
        let mut hangups = self.hangups.take();
        let mut seen = Seen { day: self.desk.time().now().day(), sets: None };
        let work = async {
            loop {
                tokio::select! {
                    () = asked(&mut hangups) => {
                        notify::reloading();
                        self.read().await;
                        notify::ready();
                    }
                    () = time::sleep(LOOK) => self.look_at_rules(&mut seen).await,
                }
            }
        };
        let _: Option<core::convert::Infallible> = stop.run_until_cancelled(work).await;
    }

    /// A set that waited begins on its day, without anybody asking. What was installed for a day that had come waits for a reload, as it was told, or for the
    /// next day; an older set is gone back to by a reload alone, so that a disk that cannot be read for a moment takes no rules away.
    async fn look_at_rules(&self, seen: &mut Seen) {
        let (config, now) = (Arc::clone(&self.running.borrow()), self.desk.time().now());
        let looked = Seen { day: now.day(), sets: Some(config.shelf().stamp()) };
        if now.state.is_suspect() || *seen == looked {
            return;
        }
        let is_another_day = seen.day != looked.day;
        let (on, of_day) = (looked.day, Arc::clone(&config));
        let Ok(Ok(Chosen { tables, passed_over })) = tokio::task::spawn_blocking(move || of_day.rules_on(on)).await else {
            return tracing::warn!(name: "rules.unread", "the rules of the day cannot be read: those in force stay");
        };
        *seen = looked;
        let held = self.desk.current();
        let held = held.station();
        let is_newer = RulesVersion::parse(&tables.version) > RulesVersion::parse(&held.rules.version);
        let has_waited = held.next_rules.as_ref().is_some_and(|next| next.from <= on);
        if is_newer && (is_another_day || has_waited) {
            match station_under(&config, Chosen { tables, passed_over }, on) {
                Ok(station) => self.desk.station_is(station),
                Err(error) => tracing::warn!(name: "rules.unread", %error, "the rules of the day cannot be taken: those in force stay"),
            }
            return;
        }
        let next_rules = next(&passed_over);
        if next_rules != held.next_rules {
            self.desk.station_is(Station { next_rules, ..held.clone() });
        }
    }

    async fn read(&self) {
        let (path, at) = (self.standing.configuration().path, self.desk.time().now().at);
        let reading = tokio::task::spawn_blocking(move || (Known::of(&path), Config::load(&path))).await;
        match reading {
            Ok((known, Ok(read))) => self.take(known, at, read),
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

    fn take(&self, known: Known, at: DateTime<Utc>, read: Config) {
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
        self.standing.change(|held| (held.known, held.loaded_at, held.waiting, held.refused) = (known, at, waiting, None));
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::clock::Clock;
    use crate::domain::clock::Reading;
    use crate::ops::rules::builtin;
    use crate::ops::rules::bundle::tests::Publisher;
    use crate::storage::key::DatabaseKey;
    use crate::storage::open::OnDamage;

    use super::super::opened::Opened;
    use super::*;

    /// Moves only when told to.
    struct Moved(Mutex<DateTime<Utc>>);

    impl Moved {
        fn to(&self, at: &str) {
            *self.0.lock().unwrap() = at.parse().unwrap();
        }
    }

    impl Clock for Moved {
        fn read(&self) -> Reading {
            Reading { wall: *self.0.lock().unwrap(), since_boot: Duration::from_hours(1), boot_id: "test".into() }
        }
    }

    #[tokio::test]
    async fn a_set_that_waits_begins_by_itself_on_its_day_and_one_for_today_waits_for_a_reload() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bhyt-agent.toml");
        let [data, keys] = ["data", "keys"].map(|name| folder.path().join(name).display().to_string());
        std::fs::write(&path, format!("facility = \"99001\"\noperator = \"N\"\ndata-dir = \"{data}\"\nkeys-dir = \"{keys}\"\n")).unwrap();
        let mut config = Config::load(&path).unwrap();
        let publisher = Publisher::new();
        config.rules_keys = vec![publisher.key.clone()];
        std::fs::create_dir(&keys).unwrap();
        DatabaseKey::from_bytes(&[7; 32]).write_new(&config.keys.database_key()).unwrap();
        let clock = Arc::new(Moved(Mutex::default()));
        // In Vietnam it is the last day of the year until 17:00 UTC.
        clock.to("2026-12-31T10:00:00Z");
        let opened = Opened::open(&config, Arc::clone(&clock) as Arc<dyn Clock>, OnDamage::Refuse).await.unwrap();
        let desk = opened.desk.clone();
        let reload = Reload {
            running: watch::Sender::new(Arc::new(config.clone())),
            standing: Standing::new(path, Known::of(folder.path()), desk.time().now().at),
            desk: desk.clone(),
            page: watch::Sender::new(settings(&config)),
            hangups: None,
        };
        let mut seen = Seen { day: desk.time().now().day(), sets: None };
        let in_force = || desk.current().station().rules.version.to_string();
        let next = || desk.current().station().next_rules.clone().map(|next| (next.version.to_string(), next.from.to_string()));
        let own = builtin().unwrap().version.to_string();

        reload.look_at_rules(&mut seen).await;
        assert_eq!((in_force(), next()), (own.clone(), None));
        config.shelf().install(&publisher.set("2026-12-30.1", "2027-01-01"), desk.time().now().day(), |_| true).unwrap();
        reload.look_at_rules(&mut seen).await;
        assert_eq!((in_force(), next()), (own.clone(), Some(("2026-12-30.1".to_owned(), "2027-01-01".to_owned()))), "told beforehand");
        clock.to("2026-12-31T16:59:59Z");
        reload.look_at_rules(&mut seen).await;
        assert_eq!(in_force(), own, "not a second early");
        clock.to("2026-12-31T17:00:00Z");
        reload.look_at_rules(&mut seen).await;
        assert_eq!((in_force(), next()), ("2026-12-30.1".to_owned(), None), "its day has begun");

        config.shelf().install(&publisher.set("2026-12-30.2", "2027-01-01"), desk.time().now().day(), |_| true).unwrap();
        reload.look_at_rules(&mut seen).await;
        assert_eq!(in_force(), "2026-12-30.1", "what was brought for today waits for a reload");
        // Nothing is left of it: no rules are taken away.
        std::fs::write(config.data_dir.join("rules/state"), "{\"installed\":[]}").unwrap();
        clock.to("2027-01-01T18:00:00Z");
        reload.look_at_rules(&mut seen).await;
        assert_eq!(in_force(), "2026-12-30.1", "an older set comes by a reload alone");
        // By a clock that nobody believes no day has come.
        config.shelf().install(&publisher.set("2026-12-30.3", "2027-02-01"), desk.time().now().day(), |_| true).unwrap();
        desk.time().vouched(desk.time().now().at, None);
        clock.to("2031-02-02T00:00:00Z");
        assert!(desk.time().now().state.is_suspect());
        reload.look_at_rules(&mut seen).await;
        assert_eq!(in_force(), "2026-12-30.1");
        clock.to("2027-02-01T00:00:00Z");
        reload.look_at_rules(&mut seen).await;
        assert_eq!(in_force(), "2026-12-30.3");
        drop((desk, reload));
        opened.close().await;
    }
}
