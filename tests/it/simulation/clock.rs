//! Time that is made up: one for the world, and for each station a clock that may be wrong about it.
//!
//! Promise: nothing moves but by [`VirtualTime::move_to`]; a station's time since boot never falls within a boot; every boot has another id. Never: a look at
//! the machine's own clock.

use std::sync::Mutex;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bhyt_agent::domain::clock::Clock;
use bhyt_agent::domain::clock::Reading;
use chrono::DateTime;
use chrono::Utc;
use std::sync::Arc;

pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// The world's time, in milliseconds of Unix time.
#[derive(Debug)]
pub(super) struct VirtualTime(AtomicI64);

impl VirtualTime {
    pub(super) fn new(at: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at)))
    }

    pub(super) fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn move_to(&self, at: i64) {
        let before = self.0.swap(at, Ordering::Relaxed);
        assert!(before <= at, "the world's time fell");
    }
}

pub(super) fn instant(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).expect("within the years that there are")
}

/// A station's clock.
pub(super) struct SimClock {
    world: Arc<VirtualTime>,
    skew: AtomicI64,
    boot: Mutex<Boot>,
}

struct Boot {
    at: i64,
    id: Box<str>,
}

impl SimClock {
    pub(super) fn new(world: &Arc<VirtualTime>, skew: i64, id: &str) -> Arc<Self> {
        let boot = Mutex::new(Boot { at: world.now() - 10 * MINUTE, id: id.into() });
        Arc::new(Self { world: Arc::clone(world), skew: AtomicI64::new(skew), boot })
    }

    /// The machine starts again.
    pub(super) fn boot(&self, id: &str) {
        *self.boot.lock().unwrap() = Boot { at: self.world.now(), id: id.into() };
    }

    /// Somebody, or a battery, sets the wall clock.
    pub(super) fn set_skew(&self, skew: i64) {
        self.skew.store(skew, Ordering::Relaxed);
    }

    pub(super) fn wall(&self) -> DateTime<Utc> {
        instant(self.world.now() + self.skew.load(Ordering::Relaxed))
    }
}

impl Clock for SimClock {
    fn read(&self) -> Reading {
        let boot = self.boot.lock().unwrap();
        let since = u64::try_from(self.world.now() - boot.at).expect("no boot lies ahead");
        Reading { wall: self.wall(), since_boot: Duration::from_millis(since), boot_id: boot.id.clone() }
    }
}
