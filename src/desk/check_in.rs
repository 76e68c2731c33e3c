//! Checking somebody in: the visit on the disk, with what the desk was shown.
//!
//! Promise: "saved" is said after the disk has visit and outbox row; the same look-up again is the same visit; what another desk has saved of the same person
//! is seen before it is saved a second time. Never: a refusal because of a verdict: the station admits and keeps the evidence (Decree 188/2025, Article 38(2)).

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::attendance::QueueNumber;
use crate::domain::clock::ClockState;
use crate::domain::visit::Circumstances;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage;
use crate::storage::visits::Saved;

use super::Choices;
use super::Desk;
use super::Earlier;
use super::Lookup;
use super::NotOffered;
use super::Note;

/// Why a visit was not saved.
#[derive(Debug, thiserror::Error)]
pub enum CheckInError {
    /// Since the look-up a new day has begun: the judgement is made anew, to be seen before it is saved.
    #[error("a new day has begun since the look-up")]
    NewDay(Box<Lookup>),
    /// Since the look-up another desk has saved this visit of the same person: whoever looked has not seen it.
    #[error("another desk has saved a visit of the same person since the look-up")]
    Meanwhile {
        /// Judged anew, with that visit.
        again: Box<Lookup>,
        /// The visit.
        other: Earlier,
    },
    /// Something was chosen that is not offered.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// Our own files.
    #[error("the visit could not be saved")]
    Storage(#[from] storage::Error),
}

/// A visit that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedIn {
    /// Which visit.
    pub id: VisitId,
    /// Its place in the station's order.
    pub sequence: Sequence,
    /// Whether it was on the disk before this call; then nothing was added.
    pub already_saved: bool,
    /// The instant of this call, by the clock the station goes by; for a visit that is new, when the person came.
    pub at: DateTime<Utc>,
    /// A visit of the same person today that another desk saved in the same moment.
    pub meanwhile: Option<Earlier>,
    /// The number to be called by, and somebody else's visit of today that has it too.
    pub called_alike: Option<(QueueNumber, Sequence)>,
    /// What is on the disk of a visit that is new; of one that was there before only the disk knows.
    pub content: Option<NewVisit>,
}

impl Desk {
    /// Saves the visit of a look-up as usual. Returns after the disk has it.
    pub async fn check_in(&self, lookup: &Lookup) -> Result<CheckedIn, CheckInError> {
        self.check_in_as(lookup, Choices::default()).await
    }

    /// The same with what was chosen.
    pub async fn check_in_as(&self, lookup: &Lookup, choices: Choices) -> Result<CheckedIn, CheckInError> {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        if now.day() != lookup.verdict.on {
            return Err(CheckInError::NewDay(Box::new(self.judge_again(lookup).await?)));
        }
        if let Some(other) = self.unseen(lookup).await {
            return Err(CheckInError::Meanwhile { again: Box::new(self.judge_again(lookup).await?), other });
        }
        let arrived_at = now.stamp(&reading);
        self.allowed(&choices, &self.occasion(lookup)).await??;
        let category = choices.category.unwrap_or_else(|| self.usual_category(lookup));
        let person = lookup.person();
        let visit = NewVisit {
            id: lookup.visit_id,
            revision: Revision::FIRST,
            arrived_at,
            operator: self.operator.name.clone(),
            source: lookup.scan.source,
            person: person.clone(),
            verdict: self.shown_as(&lookup.verdict, &category),
            attendance_category: category,
            care_type: choices.care_type.unwrap_or_else(|| self.station.care_type.clone()),
            proof: choices.proof.of(None),
            queue_number: choices.queue_number,
            note: choices.note.map(Note::into_text),
            voided: None,
            clock: ClockStamp { state: now.state, boot_ms: reading.since_boot_ms(), boot_id: reading.boot_id },
        };
        if let Some(wanted) = lookup.wanted() {
            self.questions.are_of(wanted, lookup.visit_id);
        }
        let saved_by = visit.operator.clone();
        let circumstances = Circumstances { saved_at: arrived_at, saved_by, unreached_since: self.unreached_since() };
        let saved = self.visits.append_under(visit.clone(), Some(circumstances)).await?;
        if now.state == ClockState::Plausible {
            self.time.recorded(arrived_at);
        }
        self.sync.visit_saved();
        let already_saved = matches!(saved, Saved::Already(_));
        let sequence = saved.sequence();
        self.access(Act::Saved, About { visit: Some(lookup.visit_id), ..About::person(&person) }).await;
        // The next one after all that the look-up saw: nobody was faster.
        let is_next = lookup.seen.is_some_and(|seen| seen.0.checked_add(1) == Some(sequence.0));
        let meanwhile = if already_saved || is_next { None } else { self.saved_meanwhile(lookup, person, sequence).await };
        let called_alike = if already_saved { None } else { self.called_alike(&visit).await };
        let content = (!already_saved).then_some(visit);
        Ok(CheckedIn { id: lookup.visit_id, sequence, already_saved, at: arrived_at, meanwhile, called_alike, content })
    }

    /// A visit of the same person that was saved since the look-up, unless this one is saved already: then there is nothing to be decided any more.
    async fn unseen(&self, lookup: &Lookup) -> Option<Earlier> {
        let highest = self.visits.counts().borrow().highest;
        if lookup.seen == Some(highest) {
            return None;
        }
        let other = self.news(lookup, lookup.person()).await.into_iter().next()?;
        let is_saved = self.visit(lookup.visit_id).await.is_ok_and(|revisions| !revisions.is_empty());
        (!is_saved).then_some(other)
    }

    /// The visit is on the disk: what is found out after that must not say that it is not.
    async fn saved_meanwhile(&self, lookup: &Lookup, person: VisitPerson, sequence: Sequence) -> Option<Earlier> {
        self.news(lookup, person).await.into_iter().find(|found| found.number < sequence)
    }

    /// Visits of the same person today that the look-up did not see. A disk that cannot tell holds up nobody.
    async fn news(&self, lookup: &Lookup, person: VisitPerson) -> Vec<Earlier> {
        let mut earlier = self.earlier_today(lookup.visit_id, person).await.unwrap_or_else(|error| {
            tracing::warn!(name: "storage.read-failed", %error, "whether another desk was faster cannot be read");
            Vec::new()
        });
        earlier.retain(|found| lookup.earlier.iter().all(|seen| seen.id != found.id));
        earlier
    }
}
