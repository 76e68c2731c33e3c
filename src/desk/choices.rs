//! What is chosen of a visit beside who it is of: category, care type, proof, number, note.
//!
//! Promise: what is chosen is offered by the rules of the day, or it is refused by name; what is left out is as usual. Never: a code that no row has.

use chrono::NaiveDate;

use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::rules::CareTypeRow;
use crate::domain::rules::CategoryRow;
use crate::domain::rules::Occasion;
use crate::domain::verdict::Verdict;
use crate::domain::visit::ShownVerdict;
use crate::storage;

use super::Desk;
use super::Lookup;
use super::Note;

/// What is chosen. What is left out is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Attendance category.
    pub category: Option<AttendanceCategory>,
    /// Care type.
    pub care_type: Option<CareType>,
    /// What was shown.
    pub proof: Option<Proof>,
    /// Under which number the person was called.
    pub queue_number: Option<QueueNumber>,
    /// A note for whoever reads the visit later.
    pub note: Option<Note>,
}

/// What is said anew of something that may be left empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nobody was asked: it stays.
    #[default]
    Keep,
    /// It is this from now on, or nothing.
    To(Option<T>),
}

impl<T> Change<T> {
    /// What there is after it.
    pub(super) fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::To(after) => after,
        }
    }
}

/// What cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The rules of the day have no such category.
    #[error("no such attendance category today")]
    Category,
    /// The rules of the day have no such care type.
    #[error("no such care type today")]
    CareType,
    /// The number was not given out today.
    #[error("the queue number was not given out today")]
    QueueNumber,
}

/// What a desk may choose from.
#[derive(Clone, Debug)]
pub struct Offered<'a> {
    /// Categories that fit, the usual one first.
    pub categories: Vec<&'a CategoryRow>,
    /// The one that a key chooses.
    pub keyed: Option<&'a CategoryRow>,
    /// Care types.
    pub care_types: Vec<&'a CareTypeRow>,
    /// What was most likely shown.
    pub proof: Proof,
}

impl Desk {
    /// What may be chosen of a visit that is about to be saved.
    pub fn offered(&self, lookup: &Lookup) -> Offered<'_> {
        let born = lookup.person().birth_date;
        let standing = lookup.verdict.standing.code();
        let occasion = Occasion { class: &self.station.class, day: lookup.verdict.on, standing, born };
        let rules = &self.station.rules;
        Offered {
            categories: rules.offered_categories(&occasion),
            keyed: rules.keyed_category(&occasion),
            care_types: rules.offered_care_types(&self.station.class, lookup.verdict.on),
            proof: Proof::likely(lookup.scan.source),
        }
    }

    /// Whether everything chosen can be.
    pub(super) async fn allowed(&self, choices: &Choices, on: NaiveDate) -> Result<Result<(), NotOffered>, storage::Error> {
        let rules = &self.station.rules;
        if choices.category.as_ref().is_some_and(|category| *category != self.station.category && rules.category(category, on).is_none()) {
            return Ok(Err(NotOffered::Category));
        }
        if choices.care_type.as_ref().is_some_and(|care| *care != self.station.care_type && rules.care_type(care, on).is_none()) {
            return Ok(Err(NotOffered::CareType));
        }
        match choices.queue_number {
            Some(number) if self.given_number(number).await?.is_none() => Ok(Err(NotOffered::QueueNumber)),
            _ => Ok(Ok(())),
        }
    }

    /// What the desk is shown of a verdict where the visit falls under a category.
    pub(super) fn shown_as(&self, verdict: &Verdict, category: &AttendanceCategory) -> ShownVerdict {
        let usual = ShownVerdict::from(verdict);
        if verdict.benefit.as_ref().is_some_and(|benefit| benefit.category == *category) {
            return usual;
        }
        let in_force = verdict.in_force.as_ref();
        let benefit = in_force.and_then(|card| self.station.rules.benefit_as(&card.card_number, category, verdict.on));
        let rules_version = benefit.is_some().then(|| verdict.rules_version.clone());
        ShownVerdict { rate: benefit.map(|benefit| benefit.rate), rules_version, ..usual }
    }
}
