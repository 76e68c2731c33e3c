//! One push: all visits that are due, batch by batch.
//!
//! Promise: each answer is on the disk before the next batch is sent; a batch that is too large, or that the server calls malformed, is halved until
//! the one visit is found, and that one is put off so that it holds up nobody. Never: a visit marked delivered without the province's receipt, or by one from
//! before the province fell back to a backup.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

use uuid::Uuid;

use crate::domain::clock::TimeKeeper;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Visit;
use crate::storage;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::Fault;
use crate::upstream::ProvincialServer;

use super::plan;

/// Most visits in a batch; the protocol allows no more.
const LARGEST_BATCH: usize = 100;
/// How long a visit waits that the server cannot take even alone.
const PUT_OFF_SECONDS: u64 = 3600;
/// So many visits that cannot be taken alone are theirs; more are the server's, and nothing more is tried on it for now.
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
}

/// How a push went through. All zero: nothing was due, and nobody was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Visits the province holds.
    pub delivered: usize,
    /// Visits it refused.
    pub parked: usize,
    /// Visits it put off.
    pub put_off: usize,
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

impl<P: ProvincialServer> Push<'_, P> {
    /// Sends until nothing is due.
    pub async fn run(&self) -> Result<Pushed, PushError> {
        let install = self.visits.install_id().await?;
        let (mut pushed, mut unfit, mut unfit_count) = (Pushed::default(), None, 0);
        // One instant for the whole run: a visit that is put off meanwhile is not due again in it, whatever the server says.
        let now = self.time.stamped().wall;
        loop {
            let before = self.visits.handed_to();
            let batch = self.visits.due(self.size.get(), now).await?;
            if batch.is_empty() {
                break;
            }
            let ledger = self.visits.ledger().await?;
            match self.server.deliver(install, &batch).await {
                Ok(receipts) => {
                    self.store(&batch, receipts, ledger, &mut pushed).await?;
                    self.size.set(self.size.get().saturating_mul(2));
                }
                Err(error @ (upstream::Error::TooLarge | upstream::Error::Contract(Fault::Request))) => {
                    if let Some(size) = plan::smaller_batch(batch.len()) {
                        self.size.set(size);
                    } else {
                        unfit_count += 1;
                        if unfit_count > MOST_UNFIT {
                            return Err(error.into());
                        }
                        self.put_off(&batch).await?;
                        unfit = Some(error);
                    }
                }
                Err(error) if error.is_cut_short() => {
                    // It may have been the size: a batch that takes too long on a thin link never gets through whole.
                    self.size.set(batch.len() / 2);
                    return Err(error.into());
                }
                Err(error) => {
                    if !error.leaves_open() {
                        self.visits.kept_back(&batch, before);
                    }
                    return Err(error.into());
                }
            }
        }
        match unfit {
            Some(error) => Err(error.into()),
            None => Ok(pushed),
        }
    }

    async fn store(&self, batch: &[Visit], receipts: Vec<Receipt>, ledger: Option<Uuid>, pushed: &mut Pushed) -> Result<(), PushError> {
        // Answers about anything else are not ours to store.
        let asked =
            |receipt: &Receipt| batch.iter().any(|visit| (visit.content.id, visit.content.revision) == (receipt.id, receipt.revision));
        let receipts: Vec<_> = receipts.into_iter().filter(asked).collect();
        if receipts.is_empty() {
            // Without this the same batch would be sent for ever.
            return Err(upstream::Error::from(Fault::Receipts).into());
        }
        // The province may have been restored from a backup while its answer was under way, and the station have heard of that: what the answer calls held
        // may be lost again. Sent once more it is a duplicate at worst.
        if !self.visits.store_receipts_under(ledger, receipts.clone(), self.time.stamped().wall).await? {
            return Ok(());
        }
        for receipt in &receipts {
            match &receipt.outcome {
                ReceiptOutcome::Held { .. } => pushed.delivered += 1,
                ReceiptOutcome::Retry { .. } => pushed.put_off += 1,
                ReceiptOutcome::Refused { code, .. } => {
                    pushed.parked += 1;
                    // Through the check for codes: what a server writes there need not be one.
                    tracing::warn!(visit = %receipt.id.0, code = %upstream::Refusal::new(code), "the province refused a visit: it is parked for a person to look at");
                }
            }
        }
        Ok(())
    }

    async fn put_off(&self, batch: &[Visit]) -> Result<(), PushError> {
        let outcome = ReceiptOutcome::Retry { after_seconds: PUT_OFF_SECONDS };
        let receipts: Vec<_> = batch
            .iter()
            .map(|visit| Receipt { id: visit.content.id, revision: visit.content.revision, outcome: outcome.clone() })
            .collect();
        for receipt in &receipts {
            tracing::error!(visit = %receipt.id.0, "the province cannot take this visit even alone: it is put off for an hour");
        }
        self.visits.store_receipts(receipts, self.time.stamped().wall).await?;
        Ok(())
    }
}
