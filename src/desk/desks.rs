//! The other desks of the house: letting one in, knowing it again, sending it away.
//!
//! Promise: a desk is let in by a code that the head has opened, once; its token is followed by another one every day, and whoever comes with one that was
//! followed ends the desk for all who hold a token of it, and the head is told. Never: a code or a token on the disk; a desk that is let in because our
//! own files cannot be read.

use core::time::Duration;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::paired::DeskName;
use crate::domain::paired::DeskToken;
use crate::domain::paired::Ended;
use crate::domain::paired::KnownDesk;
use crate::domain::paired::PairedDesk;
use crate::domain::paired::PairingCode;
use crate::domain::paired::Shown;
use crate::domain::paired::Tried;
use crate::domain::visit::OperatorName;
use crate::storage::Error;
use crate::storage::visits::OpenPairing;
use crate::storage::visits::VisitStore;

use super::Desk;
use crate::domain::clock::TimeKeeper;

/// How long a code is open: the way to the other desk, and typing it.
pub const CODE_LASTS: Duration = Duration::from_mins(10);

/// How often it can be tried.
const TRIES: u32 = 5;

/// Requests with the token before that were under way when the next one came.
const UNDER_WAY: Duration = Duration::from_mins(1);

/// When a desk was last seen is written this often.
const SEEN_EVERY: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Who comes with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A desk. `next` is what its browser is to hold from now on, if that is another token.
    Paired {
        /// Which.
        number: u64,
        /// To be handed over with the answer.
        next: Option<DeskToken>,
    },
    /// Somebody else.
    Stranger,
}

/// A code that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What is typed.
    pub code: PairingCode,
    /// Until when, since the machine's start.
    pub until: Duration,
}

/// The desks. Clones share them.
#[derive(Clone)]
pub struct Desks {
    visits: VisitStore,
    time: TimeKeeper,
    shared: Arc<Shared>,
}

struct Shared {
    opened: Mutex<Option<Opened>>,
    /// When each desk was last given a token or showed a new one.
    turned: Mutex<HashMap<u64, Duration>>,
    /// Desks of which a copy was used and nobody has seen it.
    copied: watch::Sender<Arc<[PairedDesk]>>,
    /// Those that were sent away since this process began.
    ended: watch::Sender<BTreeSet<u64>>,
}

impl Desk {
    /// The other desks, for whoever puts the page together.
    pub fn others(&self) -> Desks {
        let (copied, _) = watch::channel(Arc::from([]));
        let shared = Shared { opened: Mutex::default(), turned: Mutex::default(), copied, ended: watch::Sender::default() };
        Desks { visits: self.visits.clone(), time: self.time.clone(), shared: Arc::new(shared) }
    }

    /// Sends a desk away. `false`: it was none.
    pub async fn revoke(&self, desks: &Desks, number: u64) -> Result<bool, Error> {
        let is_ended = desks.revoke(number).await?;
        if is_ended {
            self.access(Act::DeskRevoked, About::detail(Detail::numbered("desk", number))).await;
        }
        Ok(is_ended)
    }
}

impl Desks {
    /// Reads what was not seen to before the last stop.
    pub async fn look(&self) -> Result<(), Error> {
        let copied = self.visits.copied_desks().await?;
        self.shared.copied.send_if_modified(|held| {
            let differs = **held != *copied;
            *held = copied.into();
            differs
        });
        Ok(())
    }

    /// Desks of which a copy was used, until somebody has seen it; and whenever that changes.
    pub fn copied(&self) -> watch::Receiver<Arc<[PairedDesk]>> {
        self.shared.copied.subscribe()
    }

    /// Desks that were sent away while this process runs; and whenever another one is.
    pub fn ended(&self) -> watch::Receiver<BTreeSet<u64>> {
        self.shared.ended.subscribe()
    }

    /// Opens a code in the place of one that is open.
    pub async fn open(&self, by: &OperatorName) -> Result<(), Error> {
        let code = PairingCode::of(rand::random());
        let reading = self.time.reading();
        let until = reading.since_boot.saturating_add(CODE_LASTS);
        let pairing = OpenPairing { code: code.digest(), by: by.clone(), boot_id: reading.boot_id, until, tries: TRIES };
        self.visits.open_pairing(pairing).await?;
        *self.opened() = Some(Opened { code, until });
        Ok(())
    }

    /// The code that is open, and for how long it will be. After a restart it is good still, but nobody can read it any more.
    pub fn code(&self) -> Option<(PairingCode, Duration)> {
        let now = self.time.reading().since_boot;
        let opened = self.opened();
        let opened = opened.as_ref().filter(|opened| now < opened.until)?;
        Some((opened.code.clone(), opened.until.saturating_sub(now)))
    }

    /// Closes it.
    pub async fn close(&self) -> Result<(), Error> {
        *self.opened() = None;
        self.visits.close_pairing().await
    }

    /// Somebody types a code. If it is the one, this is a desk from now on, and its browser is to hold the token.
    pub async fn pair(&self, code: &PairingCode, name: DeskName) -> Result<(Tried, DeskToken), Error> {
        let token = DeskToken::of(rand::random());
        let (reading, now) = (self.time.reading(), self.time.now());
        let moment = (reading.boot_id, reading.since_boot);
        let tried = self.visits.try_pairing(code.digest(), moment, (name, token.digest()), (now.at, now.day())).await?;
        if matches!(tried, Tried::Paired(_) | Tried::Wrong { left: 0 }) {
            *self.opened() = None;
        }
        Ok((tried, token))
    }

    /// Who holds this token. `may_renew`: the answer is one that a browser keeps cookies of before it asks again.
    pub async fn caller(&self, token: &DeskToken, may_renew: bool) -> Result<Caller, Error> {
        let held = token.digest();
        let Some(known) = self.visits.desk_of_token(held).await?.filter(|known| known.ended.is_none()) else { return Ok(Caller::Stranger) };
        let KnownDesk { number, shown, newest, renewed_on, seen_at, .. } = known;
        let now = self.time.now();
        let is_under_way = self.turned_lately(number);
        let is_old = match shown {
            Shown::Current { is_first } => {
                if is_first {
                    self.visits.desk_seen(number, held, now.at).await?;
                    self.turned(number);
                } else if now.at.signed_duration_since(seen_at).abs() >= SEEN_EVERY {
                    // Nobody waits at the counter for this.
                    let visits = self.visits.clone();
                    tokio::spawn(async move { visits.desk_seen(number, held, now.at).await });
                }
                renewed_on != now.day()
            }
            // The answer with the next one may be on its way, and else was lost.
            Shown::Previous { is_followed: false } => !is_under_way,
            Shown::Previous { is_followed: true } if is_under_way => false,
            Shown::Previous { is_followed: true } | Shown::Spent => {
                self.end(number, Ended::Copied).await?;
                tracing::warn!(
                    name: "desks.copied",
                    desk = number,
                    "a token came that its desk does not hold any more: somebody has a copy, and the desk is to be paired anew"
                );
                return Ok(Caller::Stranger);
            }
        };
        if !(is_old && may_renew) {
            return Ok(Caller::Paired { number, next: None });
        }
        let next = DeskToken::of(rand::random());
        self.turned(number);
        // Another request of the same desk may have been quicker; its answer has the token then.
        let is_renewed = self.visits.renew_desk(number, (held, newest), next.digest(), now.day()).await?;
        Ok(Caller::Paired { number, next: is_renewed.then_some(next) })
    }

    /// Ends one for whom nobody in particular asks.
    pub async fn revoke(&self, number: u64) -> Result<bool, Error> {
        self.end(number, Ended::Revoked).await
    }

    /// All there are and were, the newest first.
    pub async fn all(&self) -> Result<Vec<PairedDesk>, Error> {
        self.visits.desks().await
    }

    /// Somebody has seen that copies were used.
    pub async fn settle_copies(&self) -> Result<(), Error> {
        self.visits.settle_copies().await?;
        self.look().await
    }

    async fn end(&self, number: u64, why: Ended) -> Result<bool, Error> {
        let is_ended = self.visits.end_desk(number, why, self.time.now().at).await?;
        self.shared.ended.send_if_modified(|ended| ended.insert(number));
        self.look().await?;
        Ok(is_ended)
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turned(&self, number: u64) {
        let now = self.time.reading().since_boot;
        self.shared.turned.lock().unwrap_or_else(PoisonError::into_inner).insert(number, now);
    }

    fn turned_lately(&self, number: u64) -> bool {
        let now = self.time.reading().since_boot;
        let turned = self.shared.turned.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied();
        turned.is_some_and(|at| now.saturating_sub(at) < UNDER_WAY)
    }
}
