//! The process and its configuration, as `status` and the metrics tell of them: what runs, since when, where it answers, and whether what it goes by is what
//! stands on the disk.
//!
//! Promise: facts of the moment they are asked for; what has to be done about the configuration is a notice like any other. Never: a value of the
//! configuration but addresses of its own doors.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use serde_json::json;

use super::contract::instant;
use super::notices::told;
use crate::desk::Notice;

/// This version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One look at the process.
#[derive(Clone, Debug)]
pub struct Running {
    /// When it was started, by the time that is gone by now.
    pub started_at: DateTime<Utc>,
    /// How long ago that is, by a clock that nobody sets.
    pub uptime: Duration,
    /// Where the page is on this machine.
    pub page: Option<SocketAddr>,
    /// Where it is on the house's network.
    pub lan: Option<SocketAddr>,
    /// Where figures are told.
    pub metrics: Option<SocketAddr>,
    /// What has to be done about doors that cannot be opened.
    pub shut: Vec<Notice>,
    /// Memory held, in bytes.
    pub memory: Option<u64>,
    /// Processor time since the start.
    pub processor: Option<Duration>,
    /// Files open, and how many may be.
    pub files: [Option<u64>; 2],
    /// How long systemd waits for a sign of life.
    pub watchdog: Option<Duration>,
    /// Version of the rule tables in force.
    pub rules_version: Box<str>,
    /// The configuration.
    pub configuration: Configuration,
}

/// How file and configuration in force stand to each other.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file.
    pub path: PathBuf,
    /// When what is in force was read.
    pub loaded_at: DateTime<Utc>,
    /// The file is another one since.
    pub is_outdated: bool,
    /// Keys whose new value waits for a restart.
    pub waiting: Vec<&'static str>,
    /// The file was read again, and not taken.
    pub refused: Option<Refused>,
}

/// A file that was not taken.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// Every problem, as `check-config` prints it.
    pub problems: Vec<String>,
}

impl Configuration {
    /// What somebody has to do about it.
    pub fn notices(&self) -> Vec<Notice> {
        let refused = self.refused.as_ref().map(|refused| Notice::configuration_refused(refused.at, refused.problems.len()));
        // A file that was refused is another one too, and a restart that is due reads it anew: one thing is told, the one to do.
        let outdated = (self.is_outdated && self.refused.is_none() && self.waiting.is_empty()).then(Notice::configuration_outdated);
        let waiting = (!self.waiting.is_empty()).then(|| Notice::configuration_waits(&self.waiting.join(", ")));
        [refused, outdated, waiting].into_iter().flatten().collect()
    }
}

impl Running {
    /// What somebody has to do about it.
    pub fn notices(&self) -> Vec<Notice> {
        let mut told = self.shut.clone();
        told.extend(self.configuration.notices());
        told
    }
}

/// Adds them to the status.
pub(super) fn add(status: &mut Value, running: &Running) {
    let Running { configuration, .. } = running;
    status["version"] = VERSION.into();
    status["started_at"] = instant(running.started_at).into();
    status["uptime_seconds"] = running.uptime.as_secs().into();
    status["memory_bytes"] = json!(running.memory);
    status["rules_version"] = json!(running.rules_version);
    let address = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    status["listens"] = json!({
        "page": address(running.page),
        "lan": address(running.lan),
        "metrics": address(running.metrics),
    });
    status["configuration"] = json!({
        "path": configuration.path,
        "loaded_at": instant(configuration.loaded_at),
        "is_outdated": configuration.is_outdated,
        "waiting_for_restart": configuration.waiting,
        "refused": configuration.refused.as_ref().map(|refused| json!({ "at": instant(refused.at), "problems": refused.problems })),
    });
    if let Some(notices) = status["notices"].as_array_mut() {
        notices.extend(running.notices().iter().map(told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_that_changed_only_what_helps_is_told() {
        let refused = || Some(Refused { at: DateTime::UNIX_EPOCH, problems: vec!["a".to_owned()] });
        for (is_outdated, waiting, refused, told) in [
            (false, vec![], None, &[][..]),
            (true, vec![], None, &["configuration.outdated"][..]),
            (false, vec!["lan"], None, &["configuration.waits"][..]),
            (true, vec!["lan"], None, &["configuration.waits"][..]),
            (true, vec![], refused(), &["configuration.refused"][..]),
        ] {
            let configuration = Configuration { path: PathBuf::new(), loaded_at: DateTime::UNIX_EPOCH, is_outdated, waiting, refused };
            let codes: Vec<_> = configuration.notices().iter().map(|notice| super::told(notice)["code"].clone()).collect();
            assert_eq!(codes, told);
        }
    }
}
