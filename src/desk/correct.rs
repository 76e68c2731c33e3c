//! What a person does with a visit after it was saved: correct it, take it back, and for a refused one send it again or end it.
//!
//! Promise: a saved revision is never changed; a correction or a void is a further revision of the same visit, judged for the day the person came, and
//! goes to the province like any other; whose the visit would become can be seen before it is saved; a refused visit leaves the list only by one of these.
//! Never: a deletion; an end without a note; a paper kept for a person who did not show it.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::domain::field::is_unseen;
use crate::domain::scan;
use crate::domain::search;
use crate::domain::search::Input;
use crate::domain::visit::Circumstances;
use crate::domain::visit::Delivery;
use crate::domain::visit::NewVisit;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::storage;
use crate::storage::visits::LoggedVisit;
use crate::storage::visits::Saved;

use super::Change;
use super::Choices;
use super::Desk;
use super::LookUpError;
use super::Lookup;
use super::NotOffered;

/// Whose a visit is to become.
#[derive(Clone)]
pub enum Whom {
    /// Of whoever carries what was scanned or typed: looked up anew.
    Text(String),
    /// Of the person somebody has been shown and agreed to.
    Seen(Box<Lookup>),
}

/// What is to be put right. What is left out stays.
#[derive(Clone, Default)]
pub struct Correction {
    /// The revision whoever corrects has seen; another one by now: somebody else was first.
    pub seen: Option<Revision>,
    /// Another person.
    pub whom: Option<Whom>,
    /// Attendance category, where another one is chosen.
    pub category: Option<AttendanceCategory>,
    /// Care type, where another one is chosen.
    pub care_type: Option<CareType>,
    /// What was shown.
    pub proof: Change<Proof>,
    /// Under which number the person was called.
    pub queue_number: Change<QueueNumber>,
    /// The note.
    pub note: Change<Note>,
}

/// A corrected revision, saved or to be seen before it is.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// What it says.
    pub visit: NewVisit,
    /// The person as looked up, where another one was named; with the visits of the same day.
    pub lookup: Option<Lookup>,
    unreached_since: Option<DateTime<Utc>>,
}

/// Why, in a person's words: one to five hundred characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(Box<str>);

impl Note {
    /// Longest note, as the protocol allows for the reason of a void.
    pub const LONGEST: usize = 500;

    /// What was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> Box<str> {
        self.0
    }

    /// Takes what a person wrote; `None` if there is nothing in it or too much.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String =
            text.chars().filter_map(|c| if c.is_control() { Some(' ') } else { Some(c).filter(|c| !is_unseen(*c)) }).collect();
        let text = text.trim();
        (1..=Self::LONGEST).contains(&text.chars().count()).then(|| Self(text.into()))
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    /// There is no such visit.
    #[error("there is no such visit")]
    NoVisit,
    /// The visit was taken back before: nothing of it can be corrected any more.
    #[error("the visit was taken back before")]
    Voided,
    /// The visit is not refused: there is nothing to send again or to end.
    #[error("the visit is not refused")]
    NotParked,
    /// The refused visit was ended before: it is not sent any more.
    #[error("the visit was ended before")]
    Closed {
        /// By whom and when, as far as it is known.
        closing: Option<(OperatorName, DateTime<Utc>)>,
    },
    /// Something was chosen that is not offered.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// The person could be looked up, with data young enough: there is no outage to be evidence of.
    #[error("nothing kept the desk from looking up")]
    NoOutage,
    /// Nothing was to be changed.
    #[error("nothing to correct")]
    Nothing,
    /// A name was typed where a number or a scan is wanted.
    #[error("a name instead of a number")]
    NameGiven,
    /// Somebody else has just changed the visit: look again.
    #[error("the visit has just been changed by somebody else")]
    Changed,
    /// The right card or number cannot be read.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// Our own files.
    #[error("the visit could not be changed")]
    Storage(#[source] storage::Error),
}

impl CorrectError {
    /// The stable text of the contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoVisit => "no_visit",
            Self::Voided => "voided",
            Self::NotParked => "not_parked",
            Self::Closed { .. } => "closed",
            Self::NotOffered(NotOffered::Category) => "unknown_attendance_category",
            Self::NotOffered(NotOffered::CareType) => "unknown_care_type",
            Self::NotOffered(NotOffered::QueueNumber) => "queue_number_not_given",
            Self::NoOutage => "no_outage",
            Self::Nothing => "nothing",
            Self::NameGiven => "name_given",
            Self::Changed => "changed",
            Self::LookUp(LookUpError::Unreadable(_)) => "unreadable",
            Self::LookUp(LookUpError::Storage(error)) | Self::Storage(error) => error.code(),
        }
    }
}

impl From<storage::Error> for CorrectError {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::NotLatest => Self::Changed,
            error => Self::Storage(error),
        }
    }
}

/// Whether a refused visit may go through as it is: the reason was not in what it says. Of a reason this program does not know, it may.
pub fn may_be_resent(code: &str) -> bool {
    !matches!(code, "no_identity" | "unknown_attendance_category" | "malformed" | "other_content")
}

impl Desk {
    /// All revisions of a visit, oldest first; empty if there is none.
    pub async fn visit(&self, id: VisitId) -> Result<Vec<LoggedVisit>, storage::Error> {
        self.visits.revisions(id).await
    }

    /// The same, to be looked at by a person.
    pub async fn view(&self, id: VisitId) -> Result<Vec<LoggedVisit>, storage::Error> {
        let revisions = self.visit(id).await?;
        if let Some(latest) = revisions.last() {
            self.access(Act::Viewed, About { visit: Some(id), ..About::person(&latest.visit.content.person) }).await;
        }
        Ok(revisions)
    }

    /// Which visit a number is of.
    pub async fn visit_of(&self, sequence: Sequence) -> Result<Option<VisitId>, storage::Error> {
        self.visits.id_of(sequence).await
    }

    /// Saves a corrected revision, which is sent like a new visit. Returns after the disk has it.
    pub async fn correct(&self, id: VisitId, correction: Correction) -> Result<Corrected, CorrectError> {
        let corrected = self.corrected(id, correction).await?;
        self.append(corrected.visit.clone(), corrected.unreached_since).await?;
        Ok(corrected)
    }

    /// What a correction would save, to be seen by a person; nothing is saved.
    pub async fn try_correction(&self, id: VisitId, correction: Correction) -> Result<Corrected, CorrectError> {
        let corrected = self.corrected(id, correction).await?;
        if let Some(lookup) = &corrected.lookup {
            self.ask_about(lookup);
            self.access(Act::LookedUp, About { visit: Some(id), ..About::person(&corrected.visit.person) }).await;
        }
        Ok(corrected)
    }

    async fn corrected(&self, id: VisitId, correction: Correction) -> Result<Corrected, CorrectError> {
        let Correction { seen, whom, category, care_type, proof, queue_number, note } = correction;
        let (latest, mut unreached_since) = self.next_revision(id, seen).await?;
        let mut next = latest.clone();
        next.queue_number = queue_number.of(next.queue_number);
        if let Change::To(note) = note {
            next.note = note.map(Note::into_text);
        }
        // Of a person who was only now named, what stands of the one before was not chosen.
        let is_named = matches!(whom, Some(Whom::Text(_)));
        let lookup = match whom {
            Some(Whom::Text(text)) => Some(self.look_up_again(&latest, &text).await?),
            Some(Whom::Seen(lookup)) => Some(*lookup),
            None => None,
        };
        next.proof = match &lookup {
            None => proof.of(next.proof),
            Some(lookup) => match proof {
                Change::To(chosen) if !is_named || chosen != latest.proof => chosen,
                _ => Proof::likely(lookup.scan.source),
            },
        };
        let stands = match &lookup {
            Some(lookup) => self.kept_category(&latest.attendance_category, lookup),
            None => latest.attendance_category.clone(),
        };
        // What stays as it is need not be offered today.
        let queue_number = next.queue_number.filter(|_| next.queue_number != latest.queue_number);
        let category = category.filter(|category| *category != stands && !(is_named && *category == latest.attendance_category));
        let choices = Choices { category, care_type, queue_number, ..Choices::default() };
        let occasion = match &lookup {
            Some(lookup) => self.occasion(lookup),
            None => self.occasion_of(&latest, self.day_of(&latest)),
        };
        self.allowed(&choices, &occasion).await??;
        next.attendance_category = choices.category.unwrap_or(stands);
        next.care_type = choices.care_type.unwrap_or(next.care_type);
        let Some(lookup) = lookup else {
            if next == latest {
                return Err(CorrectError::Nothing);
            }
            if next.attendance_category != latest.attendance_category {
                self.rate_anew(&mut next);
            }
            return Ok(Corrected { visit: next, lookup: None, unreached_since });
        };
        next.source = lookup.scan.source;
        next.person = lookup.person();
        next.verdict = self.shown_as(&lookup.verdict, &next.attendance_category);
        unreached_since = self.unreached_since();
        let earlier = self.earlier_that_day(&next).await.unwrap_or_else(|error| {
            tracing::warn!(name: "storage.read-failed", %error, "whether the person was here before on that day cannot be read");
            Vec::new()
        });
        Ok(Corrected { visit: next, lookup: Some(Lookup { earlier, ..lookup }), unreached_since })
    }

    /// The right person, judged for the day of the visit.
    async fn look_up_again(&self, visit: &NewVisit, text: &str) -> Result<Lookup, CorrectError> {
        let mut scan = scan::read(text).map_err(|unreadable| match search::read(text) {
            Ok(Input::Name(_)) => CorrectError::NameGiven,
            _ => LookUpError::from(unreadable).into(),
        })?;
        // The number of somebody who had none: the name is still a claim, and the number is held against it.
        if !visit.person.has_number() {
            scan.name = scan.name.or_else(|| visit.person.name.clone());
            scan.birth_date = scan.birth_date.or(visit.person.birth_date);
        }
        let on = match self.placed(visit).await? {
            // Nobody knows when the person came: the day is the one a look-up would go by.
            None if visit.clock.state.is_suspect() => self.time.now(),
            placed => Now { at: placed.unwrap_or(visit.arrived_at), state: ClockState::Plausible },
        };
        Ok(self.judge_for(scan, visit.id, on).await.map_err(LookUpError::from)?)
    }

    /// The category of a visit that turns out to be of another person, where nobody chooses one: what somebody had chosen stays if it fits that person too.
    fn kept_category(&self, stands: &AttendanceCategory, lookup: &Lookup) -> AttendanceCategory {
        let offered = self.station.rules.offered_categories(&self.occasion(lookup));
        let by_itself = self.station.rules.provisional_category(&self.station.class, lookup.verdict.on);
        let is_chosen = Some(stands) != by_itself.as_ref() && offered.iter().any(|row| row.code == *stands);
        if is_chosen { stands.clone() } else { self.usual_category(lookup) }
    }

    /// The rate of a visit whose category alone was put right; where no card counted, none does now.
    fn rate_anew(&self, visit: &mut NewVisit) {
        let (Some(card), Some(_)) = (&visit.person.card_number, visit.verdict.rate) else { return };
        let on = self.day_of(visit);
        let benefit = self.station.rules.benefit_as(card, &visit.attendance_category, on);
        visit.verdict.rules_version = benefit.is_some().then(|| self.station.rules.version.clone());
        visit.verdict.rate = benefit.map(|benefit| benefit.rate);
    }

    /// Takes a visit back. It stays, here and at the province, with the reason. Returns after the disk has it.
    pub async fn void(&self, id: VisitId, seen: Option<Revision>, reason: Note) -> Result<Revision, CorrectError> {
        let (mut next, unreached_since) = self.next_revision(id, seen).await?;
        next.voided = Some(reason.0);
        self.append(next, unreached_since).await
    }

    /// Sends a refused visit again as it is.
    pub async fn resend(&self, id: VisitId) -> Result<(), CorrectError> {
        let parked = self.parked(id).await?;
        if !self.visits.release(id, parked).await? {
            return Err(CorrectError::NotParked);
        }
        self.sync.visit_saved();
        self.access(Act::Resent, About::visit(id)).await;
        Ok(())
    }

    /// Ends a refused visit: it is not sent again, and the note says why.
    pub async fn close(&self, id: VisitId, note: Note) -> Result<(), CorrectError> {
        let parked = self.parked(id).await?;
        let closed = self.visits.close_parked(id, parked, note.0, self.operator.name.clone(), self.time.now().at).await?;
        if !closed {
            return Err(CorrectError::NotParked);
        }
        self.access(Act::Closed, About::visit(id)).await;
        Ok(())
    }

    /// The refused revision of a visit.
    async fn parked(&self, id: VisitId) -> Result<Revision, CorrectError> {
        let revisions = self.visits.revisions(id).await?;
        if revisions.is_empty() {
            return Err(CorrectError::NoVisit);
        }
        if let Some(parked) = revisions.iter().rev().find(|logged| logged.delivery == Delivery::Parked) {
            return Ok(parked.visit.content.revision);
        }
        Err(match revisions.into_iter().next_back() {
            Some(LoggedVisit { delivery: Delivery::Closed, closing, .. }) => {
                CorrectError::Closed { closing: closing.map(|closing| (closing.by, closing.at)) }
            }
            _ => CorrectError::NotParked,
        })
    }

    /// The latest revision under the next number, and since when the province could not be reached when its person was judged. When the person came, by which
    /// clock, and who received the person, stays.
    async fn next_revision(&self, id: VisitId, seen: Option<Revision>) -> Result<(NewVisit, Option<DateTime<Utc>>), CorrectError> {
        let mut revisions = self.visits.revisions(id).await?;
        let received_by = revisions.first().map(|first| first.visit.content.operator.clone());
        let (latest, operator) = revisions.pop().zip(received_by).ok_or(CorrectError::NoVisit)?;
        let unreached_since = latest.circumstances.as_ref().and_then(|kept| kept.unreached_since);
        let latest = latest.visit.content;
        if latest.voided.is_some() {
            return Err(CorrectError::Voided);
        }
        if seen.is_some_and(|seen| seen != latest.revision) {
            return Err(CorrectError::Changed);
        }
        let revision = latest.revision.0.checked_add(1).ok_or(CorrectError::Changed)?;
        Ok((NewVisit { revision: Revision(revision), operator, ..latest }, unreached_since))
    }

    async fn append(&self, visit: NewVisit, unreached_since: Option<DateTime<Utc>>) -> Result<Revision, CorrectError> {
        let (revision, act) = (visit.revision, if visit.voided.is_some() { Act::Voided } else { Act::Corrected });
        let about = About { visit: Some(visit.id), ..About::person(&visit.person) };
        let circumstances = Circumstances { saved_at: self.time.stamped().wall, saved_by: self.operator.name.clone(), unreached_since };
        let saved = self.visits.append_under(visit, Some(circumstances)).await?;
        if matches!(saved, Saved::Already(_)) {
            // Another desk has saved this revision between our look and our writing; ours is not on the disk.
            return Err(CorrectError::Changed);
        }
        self.sync.visit_saved();
        self.access(act, about).await;
        Ok(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_direction_of_a_line_is_in_no_note() {
        let read = |text: &str| Note::parse(text).map(|note| note.as_str().to_owned());
        assert_eq!(read("hẹn\n\u{202e}lại\u{2066}").as_deref(), Some("hẹn lại"));
        assert_eq!(read("\u{202e}\u{feff}"), None);
    }
}
