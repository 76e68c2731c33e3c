//! What the templates print, made of the desk's values.
//!
//! Promise: pure functions; a template prints and repeats, and decides nothing. Every state that a test or a support call may name has a stable
//! code beside its words. Never: markup in a value; a sentence about the card that is not `desk::words`'.

pub(super) mod action;
pub(super) mod candidates;
pub(super) mod coverage;
pub(super) mod day;
pub(super) mod log;
pub(super) mod options;
pub(super) mod paper;
pub(super) mod problem;
pub(super) mod renewals;
pub(super) mod result;
pub(super) mod saved;
pub(super) mod status;
pub(super) mod unsure;
pub(super) mod visit;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use crate::desk::words;
use crate::domain::clock;
use crate::domain::visit::VisitPerson;

/// The hour, with the day where it is another one than today.
fn when(at: DateTime<Utc>, today: NaiveDate) -> String {
    if clock::vietnam_day(at) == today { words::hour(at) } else { words::instant(at) }
}

/// Whom a visit is of: the name, or else the first number there is.
pub(super) fn who(person: &VisitPerson) -> &str {
    let numbers = [
        person.card_number.as_ref().map(|number| number.as_str()),
        person.personal_id.as_ref().map(|number| number.as_str()),
        person.insurance_number.as_ref().map(|number| number.as_str()),
    ];
    let name = person.name.as_ref().map(|name| name.as_str());
    name.or_else(|| numbers.into_iter().flatten().next()).unwrap_or_default()
}
