//! The machine's clocks, read for real.
//!
//! Promise: the one place where the time of day is asked for; whether it can be believed is judged in `domain::clock`. Never: a
//! judgement here.

use core::time::Duration;
use std::fs;
use std::time::SystemTime;

use chrono::DateTime;
use chrono::Utc;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::clock::Reading;

/// When this release was made: an instant that has passed for certain, and so the clock's first floor. 2026-11-01T00:00:00Z.
pub const RELEASED_AT: DateTime<Utc> = match DateTime::from_timestamp(1_793_491_200, 0) {
    Some(at) => at,
    None => DateTime::UNIX_EPOCH,
};

/// Linux's clocks.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot_id: Box<str>,
}

impl SystemClock {
    /// Reads the boot id, which stays the same while this process lives.
    pub fn new() -> Self {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let id = text.trim();
        // A machine that does not tell: one of this process's own, so that no time is carried over from another start by mistake.
        Self { boot_id: if id.is_empty() { Uuid::new_v4().to_string().into() } else { id.into() } }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn read(&self) -> Reading {
        #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock; everything else asks `domain::clock`")]
        let wall = SystemTime::now();
        let boot = clock_gettime(ClockId::Boottime);
        let since_boot = Duration::new(u64::try_from(boot.tv_sec).unwrap_or_default(), u32::try_from(boot.tv_nsec).unwrap_or_default());
        Reading { wall: wall.into(), since_boot, boot_id: self.boot_id.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_day_it_says() {
        assert_eq!(RELEASED_AT.to_rfc3339(), "2026-11-01T00:00:00+00:00");
    }

    #[test]
    fn all_clocks_answer() {
        let clock = SystemClock::new();
        let first = clock.read();
        let second = clock.read();
        assert!(first.wall.timestamp() > 1_700_000_000, "{first:?}");
        assert!(first.since_boot > Duration::ZERO && second.since_boot >= first.since_boot);
        assert_eq!(first.boot_id.len(), "12345678-1234-1234-1234-123456789012".len());
        assert_eq!(first.boot_id, second.boot_id);
    }
}
