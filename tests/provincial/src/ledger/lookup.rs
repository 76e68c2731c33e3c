//! One person of the whole register, by number.
//!
//! Promises: the same numbers find the same person. Must never find by a part of a number.

use rusqlite::OptionalExtension as _;

use super::Ledger;
use crate::{
    Error,
    feed::person_of,
    person::Person,
    wire::{Defaults, LookupRequest},
};

impl Ledger {
    /// The first that finds somebody: personal id, insurance number, the insurance number within the card number.
    pub(crate) fn find_person(&self, wanted: &LookupRequest) -> Result<Option<Person>, Error> {
        let of_card = wanted.card_number.as_deref().filter(|card| card.len() == 15).and_then(|card| card.get(5..));
        // Who stands in two lists is found where the card is registered.
        let prefer = "ORDER BY json_extract(row, '$.facility') = station DESC, station LIMIT 1";
        let by_id = format!("SELECT row FROM people WHERE id = ?1 {prefer}");
        let by_number = format!("SELECT row FROM people WHERE substr(json_extract(row, '$.card'), 6) = ?1 {prefer}");
        let ways = [(&by_id, wanted.personal_id.as_deref()), (&by_number, wanted.insurance_number.as_deref()), (&by_number, of_card)];
        for (query, number) in ways {
            let Some(number) = number else { continue };
            let row: Option<String> = self.connection.prepare_cached(query)?.query_row([number], |row| row.get(0)).optional()?;
            if let Some(row) = row {
                return Ok(Some(person_of(serde_json::from_str(&row)?, &Defaults::default())?));
            }
        }
        Ok(None)
    }
}
