//! What is chosen of a visit beside who it is of: category, care type, proof, number, note.
//!
//! Promise: what is chosen is offered to this person by the rules of the day, or it is refused by name; what is left out is as usual; the rate shown of a
//! choice is the one saved. Never: a code that no row has.

use chrono::NaiveDate;

use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::CareType;
use crate::domain::rules::CareTypeRow;
use crate::domain::rules::CategoryRow;
use crate::domain::rules::Keyed;
use crate::domain::rules::Occasion;
use crate::domain::verdict::Advice;
use crate::domain::verdict::Verdict;
use crate::domain::visit::NewVisit;
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
    pub proof: Change<Proof>,
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
    pub fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::To(after) => after,
        }
    }
}

/// What cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The rules of the day do not offer this category to this person.
    #[error("the attendance category is not offered")]
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
    /// What one key does.
    pub keyed: Option<Keyed<'a>>,
    /// Care types.
    pub care_types: Vec<&'a CareTypeRow>,
    /// What was most likely shown, if anything was.
    pub proof: Option<Proof>,
}

impl Desk {
    /// What may be chosen of a visit that is about to be saved.
    pub fn offered(&self, lookup: &Lookup) -> Offered<'_> {
        let (rules, occasion) = (&self.station.rules, self.occasion(lookup));
        Offered {
            categories: rules.offered_categories(&occasion),
            keyed: rules.keyed(&occasion),
            care_types: rules.offered_care_types(&self.station.class, lookup.verdict.on),
            proof: Proof::likely(lookup.scan.source),
        }
    }

    /// What the key with this code makes of what was chosen.
    pub fn with_key(&self, lookup: &Lookup, code: &AttendanceCategory, chosen: Choices) -> Result<Choices, NotOffered> {
        let keyed = self.station.rules.keyed(&self.occasion(lookup)).filter(|keyed| keyed.row().code == *code);
        match keyed.ok_or(NotOffered::Category)? {
            Keyed::Chosen(row) => Ok(Choices { category: Some(row.code.clone()), ..chosen }),
            Keyed::Noted(row) => {
                let written = chosen.note.as_ref().map(Note::as_str).filter(|note| !note.starts_with(&*row.name));
                let cut = |text: String| text.chars().take(Note::LONGEST).collect::<String>();
                let both = written.and_then(|written| Note::parse(&cut(format!("{}: {written}", row.name))));
                let is_there = chosen.note.is_some() && written.is_none();
                let note = if is_there { chosen.note } else { both.or_else(|| Note::parse(&row.name)) };
                Ok(Choices { note, ..chosen })
            }
        }
    }

    /// What a visit of this look-up falls under where nobody chooses.
    pub(super) fn usual_category(&self, lookup: &Lookup) -> AttendanceCategory {
        let offered = self.station.rules.offered_categories(&self.occasion(lookup));
        offered.first().map_or_else(|| self.station.category_on(lookup.verdict.on), |row| row.code.clone())
    }

    /// The rate that would be saved of a look-up under a category.
    pub fn rate_as(&self, lookup: &Lookup, category: &AttendanceCategory) -> Option<BenefitRate> {
        self.shown_as(&lookup.verdict, category).rate
    }

    /// For whom a category would be chosen.
    pub(super) fn occasion<'a>(&'a self, lookup: &Lookup) -> Occasion<'a> {
        Occasion {
            class: &self.station.class,
            day: lookup.verdict.on,
            standing: lookup.verdict.standing.code(),
            born: lookup.person().birth_date,
            is_to_be_checked: lookup.verdict.advice.contains(&Advice::AdmitAndCheckLater),
        }
    }

    /// The same for a saved visit. What was known beside its standing is not kept.
    pub fn occasion_of<'a>(&'a self, visit: &'a NewVisit, day: NaiveDate) -> Occasion<'a> {
        let (class, born) = (&self.station.class, visit.person.birth_date);
        Occasion { class, day, standing: &visit.verdict.standing, born, is_to_be_checked: false }
    }

    /// Whether everything chosen can be.
    pub(super) async fn allowed(&self, choices: &Choices, occasion: &Occasion<'_>) -> Result<Result<(), NotOffered>, storage::Error> {
        let (rules, on) = (&self.station.rules, occasion.day);
        let offered = rules.offered_categories(occasion);
        // On a day without rules there is nothing to choose from but what the station's configuration names.
        let is_offered = |category: &AttendanceCategory| {
            offered.iter().any(|row| row.code == *category) || (offered.is_empty() && *category == self.station.category)
        };
        if choices.category.as_ref().is_some_and(|category| !is_offered(category)) {
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
