//! Whether lines of the access log wait in memory, said on the disk, so that the next run knows what this one took along.
//!
//! Promise: it is said in place, in a file that has had its room since it was made, because a disk that takes no line has no room for anything new either; what a
//! run left behind is in the log before its next line. Never: a person; an answer held up.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::Utc;

use super::row;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::clock::ClockState;

/// In the data folder.
const FILE: &str = "access.mark";

/// Bytes of it, always: longer than any of its sentences.
const LENGTH: usize = 64;

/// What it says where nothing waits.
const NOTHING: &str = "nothing waits";

/// Before the moment since when lines wait.
const WAITING: &str = "waiting since ";

/// Since when, and by which clock.
type Since = (DateTime<Utc>, ClockState);

#[derive(Default)]
struct Said {
    /// What an earlier run left behind and the log does not say yet.
    left: Option<Since>,
    /// What the file is to say of this run.
    wanted: Option<Since>,
}

pub(super) struct Unwritten {
    file: Option<File>,
    said: Mutex<Said>,
    /// Held while the file is written, so that the last word is the last one written.
    writing: Mutex<()>,
}

impl Unwritten {
    /// Reads the file, or makes it. Without one the log goes on, and only the system's log tells what a stop took along.
    pub(super) fn open(folder: &Path) -> Self {
        let opened = open(&folder.join(FILE)).inspect_err(|error| {
            tracing::warn!(name: "access-log.mark-failed", %error, "the mark of the access log cannot be kept: lines lost by a stop on a full disk would not be told of in it");
        });
        let (file, left) = opened.map_or((None, None), |(file, left)| (Some(file), left));
        Self { file, said: Mutex::new(Said { left, wanted: None }), writing: Mutex::default() }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line that must stand before the next one, if an earlier run took lines along.
    pub(super) fn gap(&self) -> Option<Access> {
        self.said().left.map(|(at, clock)| Access {
            at,
            clock,
            operator: None,
            place: Place::command_line(),
            act: Act::Gap,
            about: About::default(),
        })
    }

    /// That line is on the disk.
    pub(super) fn gap_is_told(&self) {
        let told = self.said().left.take();
        if told.is_some() {
            self.write();
        }
    }

    /// Whether that was said last.
    pub(super) fn says(&self, since: Option<Since>) -> bool {
        self.said().wanted == since
    }

    /// Lines wait since then, or none does any more. Waits for the disk.
    pub(super) fn say(&self, since: Option<Since>) {
        let before = core::mem::replace(&mut self.said().wanted, since);
        if before != since {
            self.write();
        }
    }

    fn write(&self) {
        let Some(file) = &self.file else { return };
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = {
            let said = self.said();
            said.left.or(said.wanted)
        };
        if let Err(error) = write(file, since) {
            tracing::warn!(name: "access-log.mark-failed", %error, "the mark of the access log cannot be written");
        }
    }
}

fn open(path: &Path) -> io::Result<(File, Option<Since>)> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let mut bytes = [0; LENGTH];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok((file, read(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            write(&file, None)?;
            Ok((file, None))
        }
        Err(error) => Err(error),
    }
}

fn read(bytes: &[u8]) -> Option<Since> {
    let (at, clock) = core::str::from_utf8(bytes).ok()?.trim_end().strip_prefix(WAITING)?.split_once(' ')?;
    Some((row::read_instant(at, 0).ok()?, ClockState::parse(clock).ok()?))
}

fn write(file: &File, since: Option<Since>) -> io::Result<()> {
    let text = since.map_or_else(|| NOTHING.to_owned(), |(at, clock)| format!("{WAITING}{} {}", row::instant(at), clock.code()));
    file.write_all_at(format!("{text:<width$}\n", width = LENGTH - 1).as_bytes(), 0)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::morning;

    #[test]
    fn what_waits_is_known_to_the_next_run_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let since = (morning(), ClockState::Learned);
        let first = Unwritten::open(folder.path());
        assert_eq!(first.gap(), None);
        first.say(Some(since));
        let second = Unwritten::open(folder.path());
        let gap = second.gap().unwrap();
        assert_eq!((gap.at, gap.clock, gap.act), (since.0, since.1, Act::Gap));
        second.say(Some((morning() + chrono::TimeDelta::days(1), ClockState::Plausible)));
        assert_eq!(Unwritten::open(folder.path()).gap(), Some(gap), "until it is told it begins where it began");
        second.say(None);
        second.gap_is_told();
        assert_eq!(Unwritten::open(folder.path()).gap(), None);
        assert_eq!(std::fs::metadata(folder.path().join(FILE)).unwrap().len(), LENGTH as u64);
    }
}
