//! One contact: who this station is and how it stands, and what the province says to that.
//!
//! Promise: the link shown is on the disk before it is sent, and the same is shown again until an answer came; the province's time is taken from answers
//! only in which both sides had proved who they are; a certificate that is due is renewed first, also one that has ended. Never: something that a visit
//! or a roster waits for.

use core::time::Duration;

use crate::domain::clock::OddTime;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::ChainLinks;
use crate::domain::contact::Hello;
use crate::domain::contact::TimeAnchor;
use crate::storage;
use crate::storage::cards::CardStore;
use crate::storage::visits::Confirmed;
use crate::storage::visits::Former;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::ProvincialServer;

use super::handle::SyncHandle;
use super::schedule;

/// What a contact needs.
pub struct Contact<'a, P> {
    /// The province.
    pub server: &'a P,
    /// The visits, and what is remembered of contacts.
    pub visits: &'a VisitStore,
    /// The roster.
    pub cards: &'a CardStore,
    /// The clocks.
    pub time: &'a TimeKeeper,
    /// What has gone over the link and is not on the disk yet.
    pub handle: &'a SyncHandle,
}

/// What a contact led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contacted {
    /// Visits that are to be sent again because the province was restored from a backup.
    pub requeued: u64,
    /// What is odd about the time it told.
    pub odd_time: Option<OddTime>,
}

/// Why a contact did not come about. Nothing has moved that the next one does not repeat.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// The remote end.
    #[error("the province did not answer the contact")]
    Upstream(#[from] upstream::Error),
    /// Our side.
    #[error("the contact could not be stored")]
    Storage(#[from] storage::Error),
}

/// An answer that took longer says too little about when it was made, unless it is the only one since the machine started.
const SLOWEST: Duration = Duration::from_secs(4);
/// Rechecked visits handed over at once; the protocol allows no more.
const MOST_RECHECKS: usize = 100;
/// Most handovers of one contact.
const MOST_REPORTS: usize = 50;

/// How a request for another certificate ended.
enum Renewal {
    /// There was none, or it did not get through.
    NotTried,
    /// The province will not give one.
    Refused(upstream::Error),
    /// There is a new one.
    Done,
}

impl<P: ProvincialServer> Contact<'_, P> {
    /// Makes one contact. `None`: the province knows no contacts. Where one was made, [`report`](Self::report) comes after it.
    pub async fn run(&self) -> Result<Option<Contacted>, ContactError> {
        let is_due = self.server.certificate().is_some_and(|life| schedule::renewal_due(self.time.now().at, life));
        let mut renewal = if is_due { self.renew().await? } else { Renewal::NotTried };
        let mut greeted = self.greet().await;
        let is_refused = |greeted: &Result<_, ContactError>| {
            matches!(greeted, Err(ContactError::Upstream(upstream::Error::Refused(_) | upstream::Error::Untrusted { .. })))
        };
        if is_refused(&greeted) && !matches!(renewal, Renewal::Done) && self.server.certificate().is_some() {
            // Our clock may be wrong about the certificate's days: the province is asked for another one, and then once more.
            renewal = self.renew().await?;
            if matches!(renewal, Renewal::Done) {
                greeted = self.greet().await;
            }
        }
        let contacted = match (renewal, greeted) {
            // Why there is no other certificate says more than that this one is not taken: a person has to act.
            (Renewal::Refused(error), greeted) if is_refused(&greeted) => Err(error.into()),
            (_, greeted) => greeted,
        };
        match contacted {
            Ok(contacted) => Ok(Some(contacted)),
            Err(ContactError::Upstream(upstream::Error::Gone)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for a new certificate. Without one the contact goes on with the old.
    async fn renew(&self) -> Result<Renewal, ContactError> {
        let install = self.visits.install_id().await?;
        match self.server.renew(install).await {
            Ok(()) => {
                tracing::info!(name: "certificate.renewed", "the station's certificate was renewed");
                Ok(Renewal::Done)
            }
            Err(error) => {
                tracing::warn!(
                    name: "certificate.not-renewed",
                    error = &error as &dyn std::error::Error,
                    "the station's certificate is not renewed: at the next contact again"
                );
                Ok(if matches!(error, upstream::Error::Refused(_)) { Renewal::Refused(error) } else { Renewal::NotTried })
            }
        }
    }

    async fn greet(&self) -> Result<Contacted, ContactError> {
        self.ask_about_former().await?;
        let install = self.visits.install_id().await?;
        let links = self.links().await?;
        let (counts, roster) = (*self.visits.counts().borrow(), self.cards.roster().borrow().cursor.clone());
        let asked = self.time.reading();
        let hello = Hello {
            install,
            links,
            highest: self.visits.accounted_to(),
            pending: counts.pending,
            parked: counts.parked,
            roster,
            clock: self.time.judge(&asked).state,
            reading: asked.clone(),
            log: self.visits.access_head().await?,
        };
        let greeting = self.server.contact(&hello).await?;
        let answered = self.time.reading();
        let anchor = TimeAnchor::between(&asked, &answered, greeting.at);
        let odd_time = self.time.odd(greeting.at);
        let took = answered.since_boot.saturating_sub(asked.since_boot);
        if (took <= SLOWEST || !self.time.is_anchored()) && !self.time.anchored(anchor.clone()) {
            tracing::warn!(name: "province.wrong-time", at = %greeting.at, "the province tells a time that cannot be right: it is not gone by");
        }
        // Before the link moves on: what a restored province may have lost waits again from here on, whatever stops us between the two.
        let requeued = self.visits.ledger_seen(greeting.ledger, greeting.complete_to).await?;
        let ahead = match greeting.ahead {
            // Sent between the question and its answer: they may be among those the province tells of.
            Some(ahead) => ahead.without(self.visits.handed_out(hello.highest, ahead.highest).await?),
            None => None,
        };
        self.visits.contact_made(links.next, greeting.machine, ahead, anchor).await?;
        if let Some(head) = greeting.log
            && !self.visits.head_confirmed(Confirmed { head, at: greeting.at }).await?
        {
            tracing::error!(name: "access-log.cut", %head, "the access log does not hold the end that the province was told before: it was cut, altered or replaced");
        }
        match greeting.wipe {
            Some(heard) => self.handle.wipe_heard(heard, greeting.at),
            None => self.handle.no_wipe(),
        }
        if requeued > 0 {
            tracing::warn!(name: "province.restored", requeued, since = %greeting.complete_to, "the province was restored from a backup: what it may have lost is sent again");
        }
        Ok(Contacted { requeued, odd_time })
    }

    /// The links to show. The day's bytes go to the disk with them.
    async fn links(&self) -> Result<ChainLinks, storage::Error> {
        let counted = self.handle.to_write(None);
        let written = self.visits.chain_links_and(counted).await;
        match (counted, &written) {
            (_, Ok((_, true))) => self.handle.went_along(self.time.reading().since_boot),
            (Some((day, bytes)), _) => self.handle.not_written(day, bytes),
            (None, _) => {}
        }
        written.map(|(links, _)| links)
    }

    /// Visits that were put back from a copy: what the province has of the record they were copied from, and this disk does not, is asked once, as that
    /// record. Where that fails the contact itself goes on, and the next one asks again.
    async fn ask_about_former(&self) -> Result<(), ContactError> {
        for Former { install, links, highest } in self.visits.former_unasked().await? {
            let reading = self.time.reading();
            let hello = Hello {
                install,
                links,
                highest,
                pending: 0,
                parked: 0,
                roster: None,
                clock: self.time.judge(&reading).state,
                reading,
                log: None,
            };
            match self.server.contact(&hello).await {
                Ok(greeting) => {
                    if let Some(ahead) = greeting.ahead {
                        tracing::warn!(name: "province.ahead", visits = ahead.visits, "the province holds visits that came after the backup that was put back");
                    }
                    self.visits.former_told(install, greeting.ahead, greeting.at).await?;
                }
                Err(error) => {
                    tracing::warn!(name: "province.ahead-unknown", error = &error as &dyn std::error::Error, "what came after the backup is not known yet");
                }
            }
        }
        Ok(())
    }

    /// Hands over the rechecked visits that the province has not seen.
    pub async fn report(&self) -> Result<(), ContactError> {
        // A roster that changed as a whole leaves many. The rounds are bounded, should a mark not stick.
        for _ in 0..MOST_REPORTS {
            let rechecks = self.visits.unsent_rechecks(MOST_RECHECKS).await?;
            if rechecks.is_empty() {
                return Ok(());
            }
            match self.server.report(self.visits.install_id().await?, &rechecks).await {
                Ok(()) => self.visits.rechecks_sent(rechecks, self.time.stamped().wall).await?,
                Err(upstream::Error::Gone) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
