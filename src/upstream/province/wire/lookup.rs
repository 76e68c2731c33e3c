//! A single look-up as it stands on the wire.
//!
//! Promise: a row is read by the rules of a snapshot's; one that has none of the numbers asked for is no answer. Never: a number in a fault.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde::Serialize;

use super::FORMAT;
use crate::domain::roster::Answered;
use crate::domain::roster::Column;
use crate::domain::roster::RosterRow;
use crate::domain::roster::Wanted;
use crate::upstream::Fault;
use crate::upstream::province::feed::FullRow;

/// Whom we ask about.
#[derive(Serialize)]
pub struct LookupRequest<'a> {
    format: u32,
    station: &'a str,
    card_number: Option<&'a str>,
    insurance_number: Option<&'a str>,
    personal_id: Option<&'a str>,
}

impl<'a> LookupRequest<'a> {
    /// Writes it down.
    pub fn new(station: &'a str, wanted: &'a Wanted) -> Self {
        Self {
            format: FORMAT,
            station,
            card_number: wanted.card_number.as_ref().map(|v| v.as_str()),
            insurance_number: wanted.insurance_number.as_ref().map(|v| v.as_str()),
            personal_id: wanted.personal_id.as_ref().map(|v| v.as_str()),
        }
    }
}

#[derive(Deserialize)]
struct LookupAnswer {
    as_of: DateTime<FixedOffset>,
    row: Option<FullRow>,
}

/// Reads the answer to a look-up.
pub fn read_answered(bytes: &[u8], wanted: &Wanted) -> Result<Answered, Fault> {
    let answer: LookupAnswer = serde_json::from_slice(bytes).map_err(|_| Fault::Answer)?;
    let row = answer.row.map(|row| Box::new(row.read_alone()));
    if row.as_deref().is_some_and(|row| !is_about(row, wanted)) {
        return Err(Fault::Answer);
    }
    Ok(Answered { row, as_of: answer.as_of.to_utc() })
}

/// Whether a row has one of the numbers asked for: the answer to another question must not be shown for this person.
fn is_about(row: &RosterRow, wanted: &Wanted) -> bool {
    let cards = [Column::Card, Column::Predecessor, Column::SuccessorCard].map(|column| row.value(column));
    // The insurance number is the end of every card number of a person.
    let insured = |number: &str| cards.into_iter().flatten().any(|card| card.ends_with(number)) || row.value(Column::Id) == Some(number);
    let by_card = wanted.card_number.as_ref().is_some_and(|card| cards.contains(&Some(card.as_str())));
    let by_insurance = wanted.insurance_number.as_ref().is_some_and(|number| insured(number.as_str()));
    let by_id = wanted.personal_id.as_ref().is_some_and(|id| row.value(Column::Id) == Some(id.as_str()));
    by_card || by_insurance || by_id
}
