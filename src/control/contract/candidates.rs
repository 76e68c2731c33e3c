//! The part of the contract where a name was asked for: people to choose from.
//!
//! Promise: the same keys as of a look-up, where there is none `null`, and `candidates` beside them; whoever is chosen is looked up by a number that stands
//! there. Never: somebody chosen.

use serde_json::Value;
use serde_json::json;

use crate::desk::Candidates;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::search::Candidate;
use crate::domain::search::NameDifference;

/// People whom a name fits.
pub fn candidates(found: &Candidates) -> Value {
    let of = |language| &Messages::of(language).search;
    let people: Vec<_> = (1..).zip(&found.best).map(|(number, candidate)| person(number, candidate)).collect();
    json!({
        "scan": null,
        "person": null,
        "verdict": null,
        "question": null,
        "candidates": {
            "code": found.code(),
            "text": of(Language::Vietnamese).heading(found),
            "english": of(Language::English).heading(found),
            "total": found.total,
            "more": found.more(),
            "more_text": of(Language::Vietnamese).more(found),
            "more_english": of(Language::English).more(found),
            "people": people,
        },
    })
}

fn person(number: usize, candidate: &Candidate) -> Value {
    let Candidate { record, fit } = candidate;
    let [differs, differs_english] = Language::ALL.map(|language| Messages::of(language).search.fit(*fit).join("; "));
    json!({
        "number": number,
        "name": record.name.as_str(),
        "birth_date": record.birth_date.to_iso(),
        "sex": record.sex.code(),
        "hamlet": record.hamlet,
        "card_number": record.card_number.as_str(),
        "insurance_number": record.card_number.insurance_number().as_str(),
        "personal_id": record.personal_id.as_ref().map(|id| id.as_str()),
        "name_differs": fit.name().into_iter().map(NameDifference::code).collect::<Vec<_>>(),
        "birth_date_fit": fit.birth().code(),
        "has_mistake": fit.has_mistake(),
        "fit_text": differs,
        "fit_english": differs_english,
    })
}
