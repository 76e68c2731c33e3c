//! What of a configuration read anew can be in force without a restart.
//!
//! Promise: a key that names where the station's files, keys, doors or province are stays as it was at the start, and is named; every other one counts at
//! once. Never: half a key; a file that changed unnoticed.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

use super::Config;

/// Takes over what can change while the agent runs. Returns what is in force then, and the keys that wait for a restart.
pub fn take_over(running: &Config, read: Config) -> (Config, Vec<&'static str>) {
    let (mut in_force, mut waiting) = (read, Vec::new());
    macro_rules! keep {
        ($($key:literal: $($field:ident).+,)*) => {$(
            if in_force.$($field).+ != running.$($field).+ {
                waiting.push($key);
                in_force.$($field).+ = running.$($field).+.clone();
            }
        )*};
    }
    keep! {
        "facility": facility,
        "data-dir": data_dir,
        "keys-dir": keys,
        "control-socket": control_socket,
        "page.listen": page.listen,
        "page.allowed-hosts": page.allowed_hosts,
        "lan": lan,
        "province": province,
        "metrics.listen": metrics_listen,
    }
    (in_force, waiting)
}

/// The text that was read, and the file as it was seen last with this text in it.
#[derive(Clone, Debug)]
pub struct Known {
    stamp: Stamp,
    digest: Option<[u8; 32]>,
}

impl Known {
    /// Of a file as it is now; before it is read.
    pub fn of(path: &Path) -> Self {
        Self { stamp: Stamp::of(path), digest: digest(path) }
    }

    /// Whether there is another text in the file now. It is read only where its stamp is another; a text that was touched or written again is the same.
    pub fn is_outdated(&mut self, path: &Path) -> bool {
        let stamp = Stamp::of(path);
        if stamp == self.stamp {
            return false;
        }
        let is_same = digest(path) == self.digest;
        if is_same {
            self.stamp = stamp;
        }
        !is_same
    }
}

/// Longest configuration that is compared; a longer one is another.
const LONGEST: u64 = 1 << 20;

fn digest(path: &Path) -> Option<[u8; 32]> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    Some(Sha256::digest(&text).into())
}

/// A file as it can be told apart from a later one without reading it; none: it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Option<(u64, u64, i64, i64)>);

impl Stamp {
    /// As the file is now. Taken before it is read: what changes meanwhile is noticed.
    pub fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().map(|found| (found.ino(), found.size(), found.mtime(), found.mtime_nsec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let whole = format!("facility = \"99001\"\noperator = \"N\"\n{text}");
        Config::parse(whole.as_bytes(), &super::super::Overrides::default()).unwrap()
    }

    #[test]
    fn what_is_at_home_nowhere_else_waits_for_a_restart() {
        let running = config("");
        let read = config(
            "station-name = \"Trạm Mẫu\"\ndata-dir = \"/srv/a\"\nstick-folders = []\n[page]\nlisten = \"127.0.0.1:9000\"\nlock-after-minutes = 2\n\
             [metrics]\nlisten = \"127.0.0.1:9686\"\n[sync]\nhold-above-percent = 5\n[freshness]\naging-after-hours = 3\n\
             [retention]\nvisits-days = 4000\n",
        );
        let read_terms = read.retention;
        let (in_force, waiting) = take_over(&running, read);
        assert!(read_terms.visits.is_some() && in_force.retention == read_terms, "terms count at once");
        assert_eq!(waiting, ["data-dir", "page.listen", "metrics.listen"]);
        assert_eq!((in_force.station_name.as_deref(), in_force.sync.hold_above_percent), (Some("Trạm Mẫu"), 5));
        assert_eq!((in_force.data_dir, in_force.page.listen, in_force.metrics_listen), (running.data_dir, running.page.listen, None));
        assert_eq!(in_force.page.lock_after, core::time::Duration::from_mins(2));
        assert!(in_force.stick_folders.is_empty());
    }

    #[test]
    fn a_file_that_was_only_touched_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "a").unwrap();
        let (mut known, before) = (Known::of(&path), Stamp::of(&path));
        let touch = || File::open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        touch();
        assert!(before != Stamp::of(&path) && !known.is_outdated(&path), "touched");
        fs::write(&path, "b").unwrap();
        assert!(known.is_outdated(&path) && known.is_outdated(&path), "another text of the same length");
        fs::write(&path, "a").unwrap();
        assert!(!known.is_outdated(&path), "put back");
        fs::remove_file(&path).unwrap();
        assert!(known.is_outdated(&path));
    }

    #[test]
    fn a_file_that_was_written_anew_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let missing = Stamp::of(&path);
        fs::write(&path, "a").unwrap();
        let first = Stamp::of(&path);
        assert_eq!(first, Stamp::of(&path));
        fs::write(&path, "ab").unwrap();
        assert!(first != Stamp::of(&path) && missing != first);
    }
}
