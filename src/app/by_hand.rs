//! What tests of the tasks that go by the clock share: a station with real files, and a clock that is set by hand.
//!
//! Promise: whether a task has looked at the clock again is counted, so that "nothing was done" is no matter of how long one waited. Never: a person who exists.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use chrono::DateTime;
use chrono::Utc;
use tempfile::TempDir;
use tokio::time;

use super::Opened;
use crate::domain::clock::Clock;
use crate::domain::clock::Reading;
use crate::ops::config::Config;
use crate::storage::key::DatabaseKey;
use crate::storage::open::OnDamage;

/// Shows what it was set to, and counts who looks.
pub(super) struct HandClock {
    wall: Mutex<DateTime<Utc>>,
    looks: AtomicU64,
}

impl Clock for HandClock {
    fn read(&self) -> Reading {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        let wall = *self.wall.lock().unwrap();
        Reading { wall, since_boot: Duration::from_millis(looks), boot_id: "00000000-0000-4000-8000-000000000001".into() }
    }
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(2);

/// Waits for a condition.
pub(super) async fn until(what: &str, fits: impl Fn() -> bool) {
    let waited = time::timeout(PATIENCE, async {
        while !fits() {
            time::sleep(PAUSE).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

/// A station's folder, which may be opened as often as a test likes.
pub(super) struct Place {
    pub(super) dir: TempDir,
    pub(super) clock: Arc<HandClock>,
}

impl Place {
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["keys", "backups"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        DatabaseKey::from_bytes(&[7; 32]).write_new(&dir.path().join("keys/database.key")).unwrap();
        Self { dir, clock: Arc::new(HandClock { wall: Mutex::new(at), looks: AtomicU64::new(0) }) }
    }

    pub(super) fn backups(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    /// A configuration without a province, with further tables.
    pub(super) fn config(&self, tables: &str) -> Config {
        let (path, place) = (self.dir.path().join("bhyt-agent.toml"), self.dir.path().display());
        let text = format!(
            "facility = \"99001\"\noperator = \"Người trực mẫu\"\ndata-dir = \"{place}/data\"\nkeys-dir = \"{place}/keys\"\n\
             control-socket = \"{place}/control.sock\"\n{tables}"
        );
        fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    pub(super) async fn open(&self, config: &Config) -> Opened {
        Opened::open_when_free(config, Arc::clone(&self.clock) as Arc<dyn Clock>, OnDamage::SetAside).await.unwrap()
    }

    pub(super) fn set(&self, at: DateTime<Utc>) {
        *self.clock.wall.lock().unwrap() = at;
    }

    /// Waits until the clock was looked at so often again. Whoever looks once for each decision has decided before the last but one.
    pub(super) async fn looked(&self, times: u64) {
        let wanted = self.clock.looks.load(Ordering::SeqCst) + times;
        until("the clock is looked at", || self.clock.looks.load(Ordering::SeqCst) >= wanted).await;
    }
}
