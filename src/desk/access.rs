//! Writing down who looked at whom.
//!
//! Promise: a line is on the disk before the answer it is about is shown, as long as the disk takes it within a moment. A disk that does not (full,
//! or held up) does not close the desk: the law has people admitted all the same. The line then waits in memory and is written, in its place, before
//! the next one; where too many wait or the program ends before, the log says that lines are missing, and the system's log says so at once. The end
//! of the log stands in the system's log at the start, daily and at the stop. Never: an answer held back for the log's sake.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::Utc;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::Head;
use crate::domain::access::Place;
use crate::domain::access::ShownPeople;
use crate::domain::clock::ClockState;
use crate::storage;
use crate::storage::visits::LoggedAccess;
use crate::storage::visits::Verified;
use crate::storage::visits::VisitStore;

use super::Desk;

/// How long an answer waits for its line: far longer than a flush takes, shorter than a person notices.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long a stop waits for the last lines.
const LAST_TRY: Duration = Duration::from_secs(3);
/// How often the end of the log goes into the system's log.
const NOTED_EVERY: Duration = Duration::from_hours(24);
/// A visit that is being saved has its line by then.
const UNDER_WAY: Duration = Duration::from_secs(1);
/// Lines that wait for a disk: a week of a busy desk.
const WAITING: usize = 2_000;

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Access>,
    /// Lines for which there was no room here either.
    lost: u64,
    /// Whether the last try failed.
    is_failing: bool,
    /// Whether a line was waited for in vain and the disk has not answered since.
    is_late: bool,
}

/// The lines that are on their way to the disk. Clones share them.
#[derive(Clone)]
pub(super) struct Book {
    waiting: Arc<Mutex<Waiting>>,
    writing: Arc<tokio::sync::Mutex<()>>,
    /// How often each act was done since the start.
    done: Arc<[AtomicU64; Act::ALL.len()]>,
}

impl Default for Book {
    fn default() -> Self {
        Self { waiting: Arc::default(), writing: Arc::default(), done: Arc::new([const { AtomicU64::new(0) }; Act::ALL.len()]) }
    }
}

impl Book {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: Access) {
        let mut waiting = self.waiting();
        if waiting.lines.len() < WAITING {
            waiting.lines.push_back(line);
        } else {
            waiting.lost += 1;
        }
    }

    /// Since when lines wait for a disk that does not take them, for the next run to know.
    fn fails_since(&self) -> Option<(DateTime<Utc>, ClockState)> {
        let waiting = self.waiting();
        let is_stuck = waiting.is_failing || waiting.is_late;
        waiting.lines.front().filter(|_| is_stuck).map(|line| (line.at, line.clock))
    }

    /// Writes all that waits: whoever comes while somebody writes finds its line written with the next batch.
    async fn write(&self, visits: &VisitStore) {
        let _turn = self.writing.lock().await;
        let (lines, lost) = {
            let waiting = self.waiting();
            let mut lines: Vec<_> = waiting.lines.iter().cloned().collect();
            if let Some(last) = lines.last().filter(|_| waiting.lost > 0) {
                lines.push(Access { act: Act::Gap, about: About::default(), ..last.clone() });
            }
            (lines, waiting.lost)
        };
        let count = lines.len() - usize::from(lost > 0 && !lines.is_empty());
        let written = match visits.write_access(lines.clone()).await {
            // What was damaged is set aside by now, and a new file goes on.
            Err(storage::Error::Corrupt(_)) => visits.write_access(lines).await,
            written => written,
        };
        {
            let mut waiting = self.waiting();
            waiting.is_late = false;
            match written {
                Ok(()) => {
                    waiting.lines.drain(..count);
                    waiting.lost = waiting.lost.saturating_sub(lost);
                    if core::mem::take(&mut waiting.is_failing) {
                        tracing::warn!(name: "access-log.works-again", lines = count, lost, "the access log is written again");
                    }
                }
                Err(error) => {
                    if !core::mem::replace(&mut waiting.is_failing, true) {
                        tracing::error!(name: "access-log.failing", %error, "the access log cannot be written: its lines wait in memory");
                    }
                }
            }
        }
        visits.access_waits(self.fails_since()).await;
    }
}

impl Desk {
    /// Writes down what is done here and now. Returns when the disk has it, or when it has become too late to wait.
    pub async fn access(&self, act: Act, about: About) {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        let (at, operator, place) = (now.stamp(&reading), self.operator.id, self.place.clone());
        self.book.done[act as usize].fetch_add(1, Ordering::Relaxed);
        self.book.put(Access { at, clock: now.state, operator, place, act, about });
        let (book, visits) = (self.book.clone(), self.visits.clone());
        let is_late = book.waiting().is_late;
        // In a task of its own: whoever turns away in the middle leaves the line to be written.
        let writing = tokio::spawn(async move { book.write(&visits).await });
        // One answer has waited for this disk; the ones behind it would wait for the same.
        if !is_late && time::timeout(PATIENCE, writing).await.is_err() {
            {
                let mut held = self.book.waiting();
                held.is_late = !held.lines.is_empty();
            }
            tracing::warn!(name: "access-log.late", "a line of the access log takes its time: its answer does not wait");
            let (book, visits) = (self.book.clone(), self.visits.clone());
            tokio::spawn(async move { visits.access_waits(book.fails_since()).await });
        }
    }

    /// How often each act was done since the start of the program, whether the disk has its line or not.
    pub fn acts(&self) -> impl Iterator<Item = (Act, u64)> + use<> {
        let done = Arc::clone(&self.book.done);
        Act::ALL.iter().map(move |act| (*act, done[*act as usize].load(Ordering::Relaxed)))
    }

    /// The list of the day is shown to somebody. Where it cannot be read it shows nobody.
    pub async fn day_is_shown(&self) {
        if let Ok(today) = self.today().await {
            let shown = ShownPeople::of(today.iter().map(|logged| &logged.visit.content.person));
            self.access(Act::Listed, About::list(Detail::code("day"), shown)).await;
        }
    }

    /// Writes what an earlier run left to be said, and what waits.
    pub async fn write_waiting(&self) {
        self.book.write(&self.visits).await;
    }

    /// The end: what waits is tried once more, and what the disk does not take is lost, which the next run writes into the log.
    pub async fn close_log(&self) {
        if time::timeout(LAST_TRY, self.write_waiting()).await.is_err() {
            tracing::error!(name: "service.slow-stop", "the disk does not answer");
        }
        let (waiting, lost) = {
            let held = self.book.waiting();
            (held.lines.len(), held.lost)
        };
        if waiting > 0 {
            tracing::error!(name: "access-log.lost", waiting, lost, "lines of the access log end with this program: the disk did not take them");
        }
    }

    /// Puts the end of the log where whoever alters the file does not reach it by the file alone.
    pub async fn note_head(&self) {
        match time::timeout(LAST_TRY, self.visits.access_head()).await {
            Ok(Ok(Some(head))) => tracing::info!(name: "access-log.head", %head, "the end of the access log, for verify-log --head"),
            Ok(Ok(None)) => tracing::info!(name: "access-log.head", "the access log has no line yet"),
            Ok(Err(error)) => tracing::error!(name: "access-log.unread", %error, "the end of the access log cannot be read"),
            Err(_) => tracing::error!(name: "access-log.unread", "the end of the access log cannot be read: the disk does not answer"),
        }
    }

    /// The same desk at another place: a browser's mark instead of the command line.
    #[must_use]
    pub fn at(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// The newest lines of the access log, newest first, with those that waited for the disk if it takes them now.
    pub async fn access_log(&self, limit: usize) -> Result<Vec<LoggedAccess>, storage::Error> {
        let _ = time::timeout(LAST_TRY, self.write_waiting()).await;
        self.visits.access(limit).await
    }

    /// Whether the access log is as it was written; `noted`: an end that somebody has noted down before.
    pub async fn verify_log(&self, noted: Option<Head>) -> Result<Verified, storage::Error> {
        self.write_waiting().await;
        let verified = self.visits.verify_access(noted).await?;
        if verified.unlogged.is_empty() {
            return Ok(verified);
        }
        // A visit that was being saved just then has its line a moment later.
        time::sleep(UNDER_WAY).await;
        self.write_waiting().await;
        self.visits.verify_access(noted).await
    }
}

/// Puts the end of the log into the system's log now and daily, until stopped.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    desk.write_waiting().await;
    loop {
        desk.note_head().await;
        if stop.run_until_cancelled(time::sleep(NOTED_EVERY)).await.is_none() {
            return;
        }
    }
}
