//! One push: all visits that are due, batch by batch.
//!
//! Promise: each answer is on the disk before the next batch is sent; a batch that is too large, or that the server calls malformed, is halved until
//! the one visit is found, and that one is put off so that it holds up nobody: from then on it goes after all others, and alone. Never: a visit that was
//! answered, or put off, sent again in the same run, whatever the clocks do; one marked delivered without the province's receipt, or by one from before
//! the province fell back to a backup.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

use uuid::Uuid;

use crate::domain::clock::TimeKeeper;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::storage;
use crate::storage::visits::Unfit;
use crate::storage::visits::VisitStore;
use crate::storage::visits::Walk;
use crate::upstream;
use crate::upstream::Fault;
use crate::upstream::ProvincialServer;

use super::plan;

/// Most visits in a batch; the protocol allows no more.
const LARGEST_BATCH: usize = 100;
/// So many visits in a row that cannot be taken alone are theirs; more are the server's, and nothing more is tried on it for now.
const MOST_UNFIT: u32 = 3;

/// The size of the next batch: halved when a batch did not get through, doubled when one did.
#[derive(Debug)]
pub struct BatchSize(AtomicUsize);

impl Default for BatchSize {
    fn default() -> Self {
        Self(AtomicUsize::new(LARGEST_BATCH))
    }
}

impl BatchSize {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, size: usize) {
        self.0.store(size.clamp(1, LARGEST_BATCH), Ordering::Relaxed);
    }
}

/// What a push needs.
pub struct Push<'a, P> {
    /// The province.
    pub server: &'a P,
    /// The visits.
    pub visits: &'a VisitStore,
    /// The clocks.
    pub time: &'a TimeKeeper,
    /// How many at once.
    pub size: &'a BatchSize,
    /// A person asks for it: visits that are put off are tried too.
    pub put_off_too: bool,
}

/// A push under way. It goes through the visits by their numbers, and comes to no number twice.
pub struct Run<'a, P> {
    push: Push<'a, P>,
    install: Uuid,
    /// Up to here it has been: what is to be sent again of that waits for the next run. A visit that is saved meanwhile has a higher number.
    after: Sequence,
    /// Those that could not be taken even alone when it began, and have not been tried yet.
    doubted: std::vec::IntoIter<Sequence>,
    unfit_in_a_row: u32,
    pushed: Pushed,
    /// Visits that the province gave no answer about.
    unanswered: bool,
}

/// How a push went through. All zero: nothing was due, and nobody was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Visits the province holds.
    pub delivered: usize,
    /// Visits it refused.
    pub parked: usize,
    /// Visits it put off, or could not take.
    pub put_off: usize,
    /// Answers were left out because the province had fallen back to a backup meanwhile: what they were about is to be sent again.
    pub again: bool,
}

/// Why a push stopped before the end. What was answered until then is stored.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The remote end.
    #[error("the province did not take the visits")]
    Upstream(#[from] upstream::Error),
    /// Our side.
    #[error("the receipts could not be stored")]
    Storage(#[from] storage::Error),
}

impl<'a, P: ProvincialServer> Push<'a, P> {
    /// Begins. Nothing is sent yet.
    pub async fn begin(self) -> Result<Run<'a, P>, PushError> {
        let install = self.visits.install_id().await?;
        let doubted = self.visits.unfit(self.put_off_too, self.time.stamped().wall).await?.into_iter();
        let (after, pushed) = (Sequence(0), Pushed::default());
        Ok(Run { push: self, install, after, doubted, unfit_in_a_row: 0, pushed, unanswered: false })
    }
}

impl<P: ProvincialServer> Run<'_, P> {
    /// Sends a batch and stores the answers. `false`: nothing more is due.
    pub async fn step(&mut self) -> Result<bool, PushError> {
        let Push { server, visits, size, .. } = self.push;
        let before = visits.handed_to();
        let (batch, is_doubted) = self.next().await?;
        if batch.is_empty() {
            return Ok(false);
        }
        let ledger = visits.ledger().await?;
        match server.deliver(self.install, &batch).await {
            Ok(receipts) => {
                self.store(&batch, receipts, ledger).await?;
                self.pass(&batch);
                self.unfit_in_a_row = 0;
                size.set(size.get().saturating_mul(2));
            }
            Err(error @ (upstream::Error::TooLarge | upstream::Error::Contract(Fault::Request))) => {
                if let Some(smaller) = plan::smaller_batch(batch.len()) {
                    size.set(smaller);
                } else {
                    // Of a visit that was refused before it says nothing new about the server.
                    self.unfit_in_a_row += u32::from(!is_doubted);
                    if self.unfit_in_a_row > MOST_UNFIT {
                        return Err(error.into());
                    }
                    let why = if matches!(error, upstream::Error::TooLarge) { Unfit::TooLarge } else { Unfit::Unreadable };
                    self.put_off(&batch, why).await?;
                    self.pass(&batch);
                }
            }
            Err(error) if error.is_cut_short() => {
                // It may have been the size: a batch that takes too long on a thin link never gets through whole.
                size.set(batch.len() / 2);
                return Err(error.into());
            }
            Err(error) => {
                if !error.leaves_open() {
                    visits.kept_back(&batch, before);
                }
                return Err(error.into());
            }
        }
        Ok(true)
    }

    /// What came of it.
    pub fn end(self) -> Result<Pushed, PushError> {
        // To be asked again after a pause: at once, the same would be sent for ever.
        if self.unanswered { Err(upstream::Error::from(Fault::Receipts).into()) } else { Ok(self.pushed) }
    }

    /// The next batch, and whether it is one that could not be taken before. Good visits go first, also those that were saved meanwhile.
    async fn next(&mut self) -> Result<(Vec<Visit>, bool), storage::Error> {
        let Push { visits, time, size, put_off_too, .. } = self.push;
        loop {
            let walk = Walk { after: self.after, put_off_too, unfit_too: false };
            let batch = visits.walk(walk, size.get(), time.stamped().wall).await?;
            if !batch.is_empty() {
                return Ok((batch, false));
            }
            let Some(sequence) = self.doubted.next() else { return Ok((Vec::new(), false)) };
            if let Some(visit) = visits.pending(sequence).await? {
                return Ok((vec![visit], true));
            }
        }
    }

    /// It has been there.
    fn pass(&mut self, batch: &[Visit]) {
        // For one that could not be taken before, too: there was nothing else up to there, and its answer may make it one like all others.
        let last = batch.last().map_or(self.after, |visit| visit.sequence);
        self.after = self.after.max(last);
    }

    async fn store(&mut self, batch: &[Visit], receipts: Vec<Receipt>, ledger: Option<Uuid>) -> Result<(), PushError> {
        // Answers about anything else are not ours to store.
        let asked =
            |receipt: &Receipt| batch.iter().any(|visit| (visit.content.id, visit.content.revision) == (receipt.id, receipt.revision));
        let receipts: Vec<_> = receipts.into_iter().filter(asked).collect();
        let is_answered = |visit: &Visit| receipts.iter().any(|r| (r.id, r.revision) == (visit.content.id, visit.content.revision));
        if receipts.is_empty() {
            return Err(upstream::Error::from(Fault::Receipts).into());
        }
        self.unanswered |= !batch.iter().all(is_answered);
        // The province may have been restored from a backup while its answer was under way, and the station have heard of that: what the answer calls held
        // may be lost again. Sent once more it is a duplicate at worst.
        if !self.push.visits.store_receipts_under(ledger, receipts.clone(), self.push.time.stamped().wall).await? {
            self.pushed.again = true;
            return Ok(());
        }
        for receipt in &receipts {
            match &receipt.outcome {
                ReceiptOutcome::Held { .. } => self.pushed.delivered += 1,
                ReceiptOutcome::Retry { .. } => self.pushed.put_off += 1,
                ReceiptOutcome::Refused { code, .. } => {
                    self.pushed.parked += 1;
                    // Through the check for codes: what a server writes there need not be one.
                    tracing::warn!(name: "visit.parked", visit = %receipt.id.0, code = %upstream::Refusal::new(code), "the province refused a visit: it is parked for a person to look at");
                }
            }
        }
        Ok(())
    }

    async fn put_off(&mut self, batch: &[Visit], why: Unfit) -> Result<(), PushError> {
        for visit in batch {
            let reason = why.code();
            tracing::error!(name: "visit.unfit", visit = %visit.content.id.0, reason, "the province cannot take this visit even alone: it is put off for an hour");
            self.push.visits.put_off_unfit(visit.sequence, why, self.push.time.stamped().wall).await?;
            self.pushed.put_off += 1;
        }
        Ok(())
    }
}
