//! What this process costs the machine, as the kernel counts it.
//!
//! Promise: read when somebody asks, and only of this process, so that it works under the unit's own view of `/proc`. Never: a value made up where the
//! kernel does not tell.

use core::time::Duration;
use std::fs;

use rustix::param::clock_ticks_per_second;

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory that is really held, in bytes.
    pub resident: Option<u64>,
    /// Processor time since the start, of all threads.
    pub processor: Option<Duration>,
    /// Files, sockets and the like that are open.
    pub open_files: Option<u64>,
    /// How many may be.
    pub most_files: Option<u64>,
}

impl Usage {
    /// Looks now.
    pub fn now() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        Self {
            resident: resident(&read("status")),
            processor: processor(&read("stat"), clock_ticks_per_second()),
            // The folder itself is open while it is read.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1)).and_then(|n| n.try_into().ok()),
            most_files: most_files(&read("limits")),
        }
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The name of the program stands in brackets and may hold anything; the fields are counted behind it.
fn processor(stat: &str, ticks_a_second: u64) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    let milliseconds = (user + system).checked_mul(1000)?.checked_div(ticks_a_second)?;
    Some(Duration::from_millis(milliseconds))
}

fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   16912 kB\nRssAnon: 1 kB\n"), Some(16_912 << 10));
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 12 34 0 0 20 0 5 0 1 2 3";
        assert_eq!(processor(stat, 100), Some(Duration::from_millis(460)));
        assert_eq!(most_files("Limit Soft Hard Units\nMax open files            64                   1024   files\n"), Some(64));
        assert_eq!((resident(""), processor("", 100), most_files("")), (None, None, None));
    }

    #[test]
    fn this_process_is_found() {
        let usage = Usage::now();
        assert!(usage.resident > Some(1 << 20) && usage.open_files > Some(2) && usage.most_files >= usage.open_files, "{usage:?}");
        assert!(usage.processor.is_some(), "{usage:?}");
    }
}
