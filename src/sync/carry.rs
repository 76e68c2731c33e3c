//! A stick in place of the link: visits out; roster and receipts in.
//!
//! Promise: what comes in goes by the same plan and the same guard as over the network, and a stick that is refused for any reason has changed nothing:
//! its receipts are verified before its roster is taken, and stored after. A visit that was carried out stays pending until its receipt comes. Never: a
//! ledger believed from a stick whose index is older than what is held, or whose receipts are older than what has been heard.

use std::path::Path;
use std::path::PathBuf;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::clock::TimeKeeper;
use crate::domain::facility::FacilityCode;
use crate::domain::roster::Guard;
use crate::domain::roster::Serial;
use crate::domain::roster::Upheaval;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::storage;
use crate::storage::cards::CardStore;
use crate::storage::visits::Skipped;
use crate::storage::visits::StickWord;
use crate::storage::visits::TakenReceipts;
use crate::storage::visits::VisitStore;
use crate::storage::visits::Walk;
use crate::upstream::KeyFile;
use crate::upstream::KeyKeeper;
use crate::upstream::province::stick;
use crate::upstream::province::stick::StickError;
use crate::upstream::province::stick::StickProvince;

use super::handle::SyncHandle;
use super::held;
use super::plan::PullRefusal;
use super::pull::Pull;
use super::pull::PullError;
use super::pull::Pulled;

/// Visits in one file: about two megabytes, so that a bad spot on a stick costs little.
const IN_ONE_FILE: usize = 2000;
/// Visits carried at once: years of a station, and a bound on memory. The oldest go first.
const AT_ONCE: usize = 50_000;

/// The texts of the key files.
pub struct CarryKeys {
    /// Key of the client certificate, PEM.
    pub key_pem: Zeroizing<String>,
    /// The feed's age identity.
    pub feed_key: Zeroizing<String>,
    /// Base64 line of the index's public key.
    pub index_public_key: String,
    /// What visits are sealed to, if the province takes any this way.
    pub intake_recipient: Option<String>,
}

/// What carrying needs.
pub struct Carry<'a> {
    /// Who we are.
    pub station: &'a FacilityCode,
    /// The roster.
    pub cards: &'a CardStore,
    /// The visits.
    pub visits: &'a VisitStore,
    /// The clocks.
    pub time: &'a TimeKeeper,
    /// Where files are kept while they are read; not the engine's own folder.
    pub parts: PathBuf,
    /// Percent of the people held whom one change may take away without a person having looked at it.
    pub hold_above_percent: u8,
    /// The engine's handle: what a person has agreed to, and where a roster held back is shown.
    pub handle: &'a SyncHandle,
    /// Our keys.
    pub keys: &'a CarryKeys,
    /// Who keeps a newer key of the index.
    pub keeper: &'a dyn KeyKeeper,
}

/// What was put on a stick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarriedOut {
    /// Visits; none: nothing was pending, and nothing was written.
    pub visits: usize,
    /// Files.
    pub files: usize,
}

/// What was taken off a stick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarriedIn {
    /// The roster's serial now.
    pub serial: Serial,
    /// Whether any of its rows came from this stick.
    pub changed: bool,
    /// What became of its receipts.
    pub told: TakenReceipts,
}

/// Why a stick was not taken, or not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The stick, or our keys.
    #[error(transparent)]
    Stick(#[from] StickError),
    /// Its index is not believed.
    #[error("the index on the stick is refused: {}", .0.code())]
    Refused(PullRefusal),
    /// Its receipts are taken; its roster takes away too much at once and waits for a person.
    #[error("the roster on the stick is held back for a person to look at")]
    Held {
        /// What it would take away.
        upheaval: Upheaval,
        /// What became of its receipts.
        told: TakenReceipts,
    },
    /// Our own files.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl CarryError {
    fn of(error: PullError) -> Self {
        match error {
            PullError::Refused(refusal) => Self::Refused(refusal),
            PullError::Storage(storage::Error::Feed(source)) => match source.downcast_ref::<crate::upstream::Fault>() {
                Some(fault) => Self::Stick((*fault).into()),
                None => Self::Storage(storage::Error::Feed(source)),
            },
            PullError::Storage(storage::Error::Mismatch(_)) => Self::Stick(StickError::Altered),
            PullError::Storage(error) => Self::Storage(error),
            PullError::Upstream(crate::upstream::Error::Disk(source)) => {
                Self::Storage(storage::Error::File { path: PathBuf::new(), what: "cannot be kept", source })
            }
            PullError::Upstream(error) => Self::Stick(StickError::of(&error).unwrap_or(StickError::Altered)),
            PullError::Held { upheaval, .. } => Self::Held { upheaval, told: TakenReceipts::default() },
        }
    }
}

/// Seals to the province everything that it has not confirmed, into a folder in the form of a stick. Returns how many revisions. Without any it needs no recipient.
pub async fn seal_all(
    visits: &VisitStore,
    station: &FacilityCode,
    recipient: Option<&str>,
    key_pem: &Zeroizing<String>,
    root: &Path,
) -> Result<u64, CarryError> {
    let install = visits.install_id().await?;
    let (mut after, mut sealed) = (Sequence(0), 0);
    loop {
        let part = visits.unconfirmed(after, IN_ONE_FILE).await?;
        let Some(last) = part.last() else { return Ok(sealed) };
        after = last.sequence;
        let (root, station, recipient, key_pem) = (root.to_owned(), station.clone(), recipient.map(str::to_owned), key_pem.clone());
        let written = tokio::task::spawn_blocking(move || write_all(&root, &station, install, &part, recipient.as_deref(), &key_pem));
        let CarriedOut { visits, .. } = written.await.map_err(|_| storage::Error::Stopped)??;
        sealed += u64::try_from(visits).unwrap_or(u64::MAX);
    }
}

fn write_all(
    root: &Path,
    station: &FacilityCode,
    install: Uuid,
    visits: &[Visit],
    recipient: Option<&str>,
    key_pem: &str,
) -> Result<CarriedOut, StickError> {
    let mut carried = CarriedOut::default();
    for chunk in visits.chunks(IN_ONE_FILE) {
        let mut rest = chunk;
        while let Some(written) = stick::write_visits(root, station, install, rest, recipient, key_pem)? {
            carried = CarriedOut { visits: carried.visits + written.count, files: carried.files + 1 };
            rest = rest.get(written.count..).unwrap_or_default();
        }
    }
    Ok(carried)
}

impl Carry<'_> {
    /// Puts all pending visits on a stick, also those that the province has put off for a while.
    pub async fn out(&self, root: &Path) -> Result<CarriedOut, CarryError> {
        let install = self.visits.install_id().await?;
        let all = Walk { put_off_too: true, unfit_too: true, ..Walk::default() };
        let visits = self.visits.walk(all, AT_ONCE, self.time.stamped().wall).await?;
        let (root, station) = (root.to_owned(), self.station.clone());
        let (recipient, key_pem) = (self.keys.intake_recipient.clone(), self.keys.key_pem.clone());
        let written = tokio::task::spawn_blocking(move || write_all(&root, &station, install, &visits, recipient.as_deref(), &key_pem));
        let carried = written.await.map_err(|_| storage::Error::Stopped)??;
        tracing::info!(name: "stick.written", visits = carried.visits, files = carried.files, "visits put on a stick");
        Ok(carried)
    }

    /// Takes roster and receipts off a stick.
    pub async fn bring_in(&self, root: &Path) -> Result<CarriedIn, CarryError> {
        let CarryKeys { feed_key, index_public_key, .. } = self.keys;
        let server = StickProvince::open(root, self.station, feed_key, index_public_key).await?;
        // Read and verified before the roster moves, so that a stick with bad receipts changes nothing.
        let heard = server.receipts().await?;
        // Before the cursor names it: an index of a key that was left must never come after one of the key that follows it.
        if let Some(newer) = server.newer_key() {
            self.keeper.keep(KeyFile::IndexKey, newer).map_err(|source| storage::Error::File {
                path: PathBuf::from("index.pub"),
                what: "cannot be replaced",
                source,
            })?;
        }
        // A file that the index names and that nobody needs may be missing: who holds that roster already reads none of its rows, and takes nothing from the
        // stick that is not whole. One that is needed and missing ends here, before any of it is stored.
        let pulled = self.pull(&server).await;
        held::note(self.handle, self.visits, &pulled, self.time.now().at).await;
        let pulled = match pulled {
            // Nothing is wrong with this stick but how much it takes away: the receipts on it are as good as any.
            Err(PullError::Held { upheaval, .. }) => Err(upheaval),
            pulled => Ok(pulled.map_err(CarryError::of)?),
        };
        let word = StickWord { ledger: heard.ledger, complete_to: heard.complete_to, made_at: heard.made_at };
        let told = self.visits.take_receipts(word, heard.receipts, self.time.stamped().wall).await?;
        let TakenReceipts { skipped, receipts, requeued } = told;
        self.handle.requeued(requeued, self.time.now().at);
        match pulled {
            Ok(Pulled { serial, changed, .. }) => {
                let skipped = skipped.map(Skipped::code);
                tracing::info!(name: "stick.taken-in", serial = serial.0, changed, receipts, requeued, skipped, "a stick was taken in");
                Ok(CarriedIn { serial, changed, told })
            }
            Err(upheaval) => Err(CarryError::Held { upheaval, told }),
        }
    }

    async fn pull(&self, server: &StickProvince) -> Result<Pulled, PullError> {
        let guard = Guard { percent: self.hold_above_percent, accepted: self.handle.accepted() };
        Pull { server, cards: self.cards, time: self.time, parts: &self.parts, guard, stop_at: None }.run().await
    }
}
