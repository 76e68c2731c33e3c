//! What page and operator have done by whoever holds the keys: another identity, and a stick there and back.
//!
//! Promise: one errand after the other, each with its answer in words for a person; a path comes from the configuration or from the operator's own
//! command line. Never: a path from a browser; a key.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use uuid::Uuid;

use crate::desk::words::Sentence;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::storage::backup::AllKept;
use crate::storage::visits::TakenReceipts;
use crate::sync::status::Link;

use super::Desk;

/// Errands that wait while one is done.
const WAITING: usize = 8;

/// Why an errand was not done, for a person and for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// Stable code.
    pub code: String,
    /// What is, and what to do.
    pub said: Sentence,
}

/// What was put on a stick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOut {
    /// Visits.
    pub visits: u64,
    /// Files they are in.
    pub files: u64,
}

/// What was taken off a stick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// The roster's serial now.
    pub serial: u64,
    /// Whether rows came from this stick.
    pub changed: bool,
    /// What became of its receipts.
    pub told: TakenReceipts,
    /// Visits that wait for one still.
    pub pending: u64,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// Its file's name.
    pub file: String,
    /// Bytes of it.
    pub bytes: u64,
    /// Revisions of visits in it.
    pub visits: u64,
    /// Of these, not confirmed by the province.
    pub unsent: u64,
    /// Older ones that were removed.
    pub removed: u64,
    /// Why older ones that would have gone have stayed.
    pub all_kept: Option<AllKept>,
    /// Whether it lies on the disk of the data.
    pub same_disk: bool,
    /// Whether it is where the configuration wants one: another counts for nobody who looks when the last one was made.
    pub counts: bool,
}

/// A folder that somebody names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its path,
    pub path: PathBuf,
    /// and which one it is to whoever named it ([`place`](crate::storage::folder::place)): the service may see another one, or none.
    pub place: Option<(u64, u64)>,
}

/// The connection as it is after the keys were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Whether there is one.
    pub link: Link,
    /// Which record of visits this is.
    pub install: Uuid,
}

/// Where the answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Undone>>;

/// One errand.
#[derive(Debug)]
pub enum Errand {
    /// Read the keys again; `always`: also where they look the same.
    Reload {
        /// Whether a connection that works is made anew too.
        always: bool,
        /// What came of it.
        reply: Reply<Linked>,
    },
    /// Take another identity; the answer is the station's name as the province has it.
    Replace {
        /// The province's one-time code.
        code: String,
        /// What came of it.
        reply: Reply<String>,
    },
    /// Put all pending visits on a stick.
    CarryOut {
        /// Where it is.
        root: PathBuf,
        /// What came of it.
        reply: Reply<TakenOut>,
    },
    /// Take roster and receipts off a stick.
    CarryIn {
        /// Where it is.
        root: PathBuf,
        /// What came of it.
        reply: Reply<TakenIn>,
    },
    /// Copy the visits elsewhere.
    BackUp {
        /// Where to; `None`: where the configuration says.
        folder: Option<Named>,
        /// What came of it.
        reply: Reply<BackedUp>,
    },
}

/// The way to whoever does them. Clones share it.
#[derive(Clone, Debug)]
pub struct Errands {
    sender: mpsc::Sender<Errand>,
    sticks: watch::Receiver<Arc<[PathBuf]>>,
}

impl Errands {
    /// The two ends. `sticks` are those that are in now.
    pub fn new(sticks: watch::Receiver<Arc<[PathBuf]>>) -> (Self, mpsc::Receiver<Errand>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, sticks }, receiver)
    }

    /// The sticks that are in now.
    pub fn sticks(&self) -> Arc<[PathBuf]> {
        Arc::clone(&self.sticks.borrow())
    }

    /// The same, and whenever that changes.
    pub fn watch_sticks(&self) -> watch::Receiver<Arc<[PathBuf]>> {
        self.sticks.clone()
    }

    /// See [`Errand::Reload`].
    pub async fn reload(&self, always: bool) -> Result<Linked, Undone> {
        self.ask(|reply| Errand::Reload { always, reply }).await
    }

    /// See [`Errand::Replace`].
    pub async fn replace(&self, code: String) -> Result<String, Undone> {
        self.ask(|reply| Errand::Replace { code, reply }).await
    }

    /// See [`Errand::CarryOut`].
    pub async fn carry_out(&self, root: PathBuf) -> Result<TakenOut, Undone> {
        self.ask(|reply| Errand::CarryOut { root, reply }).await
    }

    /// See [`Errand::CarryIn`].
    pub async fn carry_in(&self, root: PathBuf) -> Result<TakenIn, Undone> {
        self.ask(|reply| Errand::CarryIn { root, reply }).await
    }

    /// See [`Errand::BackUp`].
    pub async fn back_up(&self, folder: Option<Named>) -> Result<BackedUp, Undone> {
        self.ask(|reply| Errand::BackUp { folder, reply }).await
    }

    async fn ask<T>(&self, errand: impl FnOnce(Reply<T>) -> Errand) -> Result<T, Undone> {
        let stopping = || Undone { code: "stopping".to_owned(), said: super::words::service::stopping() };
        let (reply, answer) = oneshot::channel();
        self.sender.send(errand(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

impl Desk {
    /// Puts all pending visits on a stick.
    pub async fn carry_out(&self, errands: &Errands, root: PathBuf) -> Result<TakenOut, Undone> {
        let taken = errands.carry_out(root).await?;
        self.carried_out(taken).await;
        Ok(taken)
    }

    /// Takes roster and receipts off a stick.
    pub async fn carry_in(&self, errands: &Errands, root: PathBuf) -> Result<TakenIn, Undone> {
        let taken = errands.carry_in(root).await?;
        self.carried_in(taken).await;
        Ok(taken)
    }

    /// Copies the visits elsewhere.
    pub async fn back_up(&self, errands: &Errands, folder: Option<Named>) -> Result<BackedUp, Undone> {
        let made = errands.back_up(folder).await?;
        self.backed_up(&made).await;
        Ok(made)
    }

    /// That visits were copied elsewhere.
    pub async fn backed_up(&self, made: &BackedUp) {
        self.access(Act::BackedUp, About::detail(Detail::numbered("visits", made.visits))).await;
    }

    /// Something that was done to the files themselves.
    pub async fn noted(&self, act: Act, about: About) {
        self.access(act, about).await;
    }

    /// That visits were put on a stick.
    pub async fn carried_out(&self, taken: TakenOut) {
        self.access(Act::CarriedOut, About::detail(Detail::numbered("visits", taken.visits))).await;
    }

    /// That a stick was taken in.
    pub async fn carried_in(&self, taken: TakenIn) {
        self.access(Act::CarriedIn, About::detail(Detail::numbered("serial", taken.serial))).await;
    }
}
