//! One pull: index, plan, files, and one change of the roster.
//!
//! Promise: the roster goes from one whole serial to another or stays; a delta that does not fit is followed by the snapshot, with its reason; what was
//! fetched of a file is kept for the next try. Never: a download that would take the last room from the visits.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::domain::clock::TimeKeeper;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Guard;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Serial;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::storage;
use crate::storage::Mismatch;
use crate::storage::cards::CardStore;
use crate::storage::folder;
use crate::upstream;
use crate::upstream::ProvincialServer;

use super::plan;
use super::plan::PullPlan;
use super::plan::PullRefusal;
use super::plan::SnapshotReason;

/// What a pull needs.
pub struct Pull<'a, P> {
    /// The province.
    pub server: &'a P,
    /// The roster.
    pub cards: &'a CardStore,
    /// The clocks.
    pub time: &'a TimeKeeper,
    /// Where files are kept while they are fetched.
    pub parts: &'a Path,
    /// How far the roster may change without a person having looked at it.
    pub guard: Guard,
    /// The server's own count of the link's bytes at which downloads stop for today; `None`: never.
    pub stop_at: Option<u64>,
}

/// How a pull went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The index's serial, which the roster now has.
    pub serial: Serial,
    /// Whether a snapshot was taken, and why.
    pub snapshot: Option<SnapshotReason>,
    /// Whether any row was applied.
    pub changed: bool,
}

/// Why a pull did not go through. The roster is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The remote end.
    #[error("the province did not give what was asked")]
    Upstream(#[from] upstream::Error),
    /// Our side.
    #[error("the roster could not be changed")]
    Storage(#[from] storage::Error),
    /// The index is not believed.
    #[error("the index is refused: {}", .0.code())]
    Refused(PullRefusal),
    /// What the index offers takes away too much at once.
    #[error("the roster is held back for a person to look at")]
    Held {
        /// What it would take away.
        upheaval: Upheaval,
        /// The state it leads to.
        state: Sha256Digest,
    },
}

/// A sealed card of about 18 bytes becomes a row of about 200, and old and new roster lie side by side for a moment.
const GROWTH: u64 = 24;
/// How often the index is taken again because a file it named had gone meanwhile.
const FRESH_INDEXES: u32 = 2;

impl<P: ProvincialServer> Pull<'_, P> {
    /// Runs one pull.
    pub async fn run(&self) -> Result<Pulled, PullError> {
        let mut fresh = FRESH_INDEXES;
        loop {
            let index = self.server.index().await?;
            if !self.time.can_be_signed(index.published_at) {
                return Err(PullError::Refused(PullRefusal::Ahead));
            }
            // Signed by the province: this instant has passed, whatever the station's clock says.
            self.time.vouched(index.published_at, Some(&index.signed_by));
            match self.follow(&index).await {
                Err(PullError::Upstream(upstream::Error::Gone) | PullError::Storage(storage::Error::Mismatch(Mismatch::CursorMoved)))
                    if fresh > 0 =>
                {
                    fresh -= 1;
                }
                Err(PullError::Storage(storage::Error::Mismatch(Mismatch::Upheaval(upheaval)))) => {
                    return Err(PullError::Held { upheaval, state: index.state });
                }
                outcome => return outcome,
            }
        }
    }

    async fn follow(&self, index: &Index) -> Result<Pulled, PullError> {
        let held = self.cards.roster().borrow().cursor.clone();
        let known = self.cards.known_deltas().await?;
        let plan = plan::plan_pull(held.as_ref(), &known, index, self.time.now().at);
        let (snapshot, changed) = match plan {
            PullPlan::Current => (None, false),
            PullPlan::Confirm => {
                self.cards.confirm(index.clone(), self.cursor(index)).await?;
                (None, false)
            }
            PullPlan::Deltas(steps) => (self.take_deltas(index, &steps).await?, true),
            PullPlan::Snapshot(reason) => {
                self.take_snapshot(index, reason).await?;
                (Some(reason), true)
            }
            PullPlan::Refuse(refusal) => return Err(PullError::Refused(refusal)),
        };
        if changed {
            tracing::info!(name: "roster.applied", serial = index.serial.0, as_of = %index.as_of, snapshot = snapshot.map(SnapshotReason::code), "roster applied");
            self.forget_parts(None);
        }
        Ok(Pulled { serial: index.serial, snapshot, changed })
    }

    fn cursor(&self, index: &Index) -> PullCursor {
        index.cursor(self.time.now().at)
    }

    /// Takes deltas; where they do not fit, the snapshot.
    async fn take_deltas(&self, index: &Index, steps: &[FeedFile]) -> Result<Option<SnapshotReason>, PullError> {
        let mut deltas = Vec::new();
        for step in steps {
            deltas.push(self.fetch(index, step, None).await?);
        }
        match self.cards.apply_deltas(deltas, index.clone(), self.cursor(index), self.guard).await {
            Ok(_) => Ok(None),
            // They fit: the snapshot would lead to the same state, and is held back as well.
            Err(error @ storage::Error::Mismatch(Mismatch::Upheaval(_))) => Err(error.into()),
            Err(error @ (storage::Error::Feed(_) | storage::Error::Mismatch(_))) => {
                tracing::warn!(name: "roster.deltas-unfit", %error, "the deltas do not fit what we hold: taking the snapshot");
                self.take_snapshot(index, SnapshotReason::Mismatch).await?;
                Ok(Some(SnapshotReason::Mismatch))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn take_snapshot(&self, index: &Index, reason: SnapshotReason) -> Result<(), PullError> {
        let snapshot = self.fetch(index, &index.snapshot, Some(reason)).await?;
        self.cards.replace(snapshot, index.clone(), self.cursor(index), self.guard).await?;
        Ok(())
    }

    async fn fetch(&self, index: &Index, file: &FeedFile, snapshot: Option<SnapshotReason>) -> Result<FeedLines, PullError> {
        folder::create_private(self.parts)?;
        self.forget_parts(Some(index));
        let free = folder::free_bytes(self.parts)?;
        if free < file.bytes.saturating_mul(GROWTH).saturating_add(folder::RESERVED) {
            return Err(storage::Error::Full.into());
        }
        let path = self.part(file);
        let allowance = self.stop_at.map_or(u64::MAX, |at| at.saturating_sub(self.server.traffic()));
        if allowance == 0 {
            return Err(upstream::Error::AllowanceUsed.into());
        }
        // A line that drops takes a download many tries: it is told of once.
        if let Some(reason) = snapshot.filter(|_| !path.exists()) {
            tracing::info!(name: "roster.snapshot", reason = reason.code(), bytes = file.bytes, "taking the snapshot");
        }
        self.server.fetch(file, &path, allowance).await?;
        Ok(self.server.open(&path)?)
    }

    /// Bytes of files that are not applied yet.
    pub fn fetched(&self) -> u64 {
        let Ok(entries) = fs::read_dir(self.parts) else { return 0 };
        entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|found| found.len()).sum()
    }

    fn part(&self, file: &FeedFile) -> PathBuf {
        self.parts.join(format!("{}.part", file.sha256.to_hex()))
    }

    /// Removes what was fetched, but for files that an index still names. What cannot be removed is tried again next time.
    fn forget_parts(&self, but: Option<&Index>) {
        let named: Vec<_> =
            but.into_iter().flat_map(|index| index.deltas.iter().chain([&index.snapshot])).map(|file| self.part(file)).collect();
        let Ok(entries) = fs::read_dir(self.parts) else { return };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| !named.contains(path)) {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(name: "roster.leftover", %error, "a fetched file stays for now");
            }
        }
    }
}
