//! A command that is killed at random moments of it, again and again.
//!
//! Promise: as many times as asked for, and up to twice as many until some kills came before the command had done what it does, and some after.

#![allow(clippy::print_stdout, reason = "seeds and figures for a person to read")]

use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::power_cut::number;
use crate::support::AGENT;
use crate::support::TestStation;

/// Of fewer it is by chance that all come on one side.
const ENOUGH: u64 = 12;

pub(super) struct Kills {
    asked: u64,
    round: u64,
    random: StdRng,
    /// Microseconds in which a kill comes.
    within: u64,
    /// The command had done it.
    pub(super) done: u64,
    /// It had not, and nothing of it was there.
    pub(super) undone: u64,
}

impl Kills {
    /// `BHYT_KILLS` and `BHYT_SEED` change how many and which; both are printed. `within`: of a command that nobody disturbs, and a little more.
    pub(super) fn new(kills: u64, seed: u64, within: Duration) -> Self {
        let (asked, seed) = (number("BHYT_KILLS", kills), number("BHYT_SEED", seed));
        println!("{asked} kills within {within:?}, seed {seed}");
        let within = u64::try_from(within.as_micros()).unwrap();
        Self { asked, round: 0, random: StdRng::seed_from_u64(seed), within, done: 0, undone: 0 }
    }

    /// Runs a command and kills it. Returns which time that was; `None` when it was often enough.
    pub(super) async fn next(&mut self, station: &TestStation, arguments: &[&str]) -> Option<u64> {
        let met_both = self.done > 0 && self.undone > 0;
        if self.round == self.asked * 2 || self.round >= self.asked && met_both {
            println!("{} done, {} undone", self.done, self.undone);
            assert!(met_both || self.asked < ENOUGH, "{} and {}: the kills come too early or too late", self.done, self.undone);
            return None;
        }
        if self.round == self.asked {
            // The command that was measured was much slower or quicker than those since.
            self.within = if self.done == 0 { self.within * 2 } else { self.within / 2 };
        }
        let mut command = Command::new(AGENT);
        command.args(arguments).arg("--config").arg(&station.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        tokio::time::sleep(Duration::from_micros(self.random.random_range(0..self.within))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        self.round += 1;
        Some(self.round - 1)
    }

    pub(super) fn count(&mut self, is_done: bool) {
        if is_done { self.done += 1 } else { self.undone += 1 }
    }
}
