//! People to choose from as they are shown: enough to ask "is it you?", and no whole number to read off the screen.
//!
//! Promise: what differs stands in words beside each person. Never: more of a number than its last digits.

use crate::desk::Candidates;
use crate::desk::messages::Messages;
use crate::desk::messages::Text;
use crate::desk::words;
use crate::domain::search::Candidate;
use crate::domain::search::NameDifference;

/// How much of a number is shown: enough to compare with a card, too little to be one.
const DIGITS: usize = 4;

/// The list, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct CandidatesView<'a> {
    /// `Candidates::code`.
    pub(in crate::reception) code: &'static str,
    pub(in crate::reception) total: usize,
    pub(in crate::reception) heading: String,
    pub(in crate::reception) more: Option<String>,
    /// What nobody of the list is called.
    pub(in crate::reception) as_typed: &'a Text,
    pub(in crate::reception) people: Vec<PersonView>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct PersonView {
    /// The digit that chooses.
    pub(in crate::reception) number: usize,
    pub(in crate::reception) name: String,
    pub(in crate::reception) born: String,
    pub(in crate::reception) sex: String,
    pub(in crate::reception) hamlet: String,
    pub(in crate::reception) numbers: Vec<String>,
    pub(in crate::reception) differs: Vec<String>,
    /// `NameDifference::code`s; `exact` if there is none.
    pub(in crate::reception) name_fit: String,
    /// `BirthFit::code`.
    pub(in crate::reception) birth_fit: &'static str,
    /// Whether a mistake was forgiven: the row is marked, and says it in words.
    pub(in crate::reception) has_mistake: bool,
}

/// Makes the view.
pub(in crate::reception) fn of<'a>(candidates: &Candidates, messages: &'a Messages) -> CandidatesView<'a> {
    let words = &messages.search;
    CandidatesView {
        code: candidates.code(),
        total: candidates.total,
        heading: words.heading(candidates),
        more: words.more(candidates),
        as_typed: if candidates.is_nobody() { &words.as_typed_at_once } else { &words.as_typed },
        people: (1..).zip(&candidates.best).map(|(number, candidate)| person(number, candidate, messages)).collect(),
    }
}

fn person(number: usize, candidate: &Candidate, messages: &Messages) -> PersonView {
    let (record, words) = (&candidate.record, &messages.search);
    let card = words.card_end.with("digits", end(record.card_number.as_str())).to_string();
    let id = record.personal_id.as_ref().map(|id| words.id_end.with("digits", end(id.as_str())).to_string());
    let names: Vec<_> = candidate.fit.name().into_iter().map(NameDifference::code).collect();
    PersonView {
        number,
        name: record.name.as_str().to_owned(),
        born: words::birth_date(record.birth_date),
        sex: messages.verdict.sex_of(record.sex).to_string(),
        hamlet: record.hamlet.as_deref().unwrap_or_default().to_owned(),
        numbers: [Some(card), id].into_iter().flatten().collect(),
        differs: words.fit(candidate.fit),
        name_fit: if names.is_empty() { "exact".to_owned() } else { names.join(" ") },
        birth_fit: candidate.fit.birth().code(),
        has_mistake: candidate.fit.has_mistake(),
    }
}

fn end(number: &str) -> &str {
    &number[number.len().saturating_sub(DIGITS)..]
}
