//! What is said where a name was typed: whom it may be, what differs, and what to type next.

use serde::Deserialize;

use super::Files;
use super::Text;
use crate::desk::search::Candidates;
use crate::domain::search::BirthFit;
use crate::domain::search::Fit;
use crate::domain::search::NameDifference;

pub(super) const FILES: Files = [include_str!("search.vi.toml"), include_str!("search.en.toml")];

/// The messages of `search.vi.toml` and `search.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// How many it may be, and how to choose.
    found: Text,
    /// There are more than have a digit.
    more: Text,
    /// A name alone, and too many have it.
    too_many: Text,
    /// Nobody, by name and birth date.
    nobody_born: Text,
    /// Nobody, by name alone.
    nobody: Text,
    /// There is nothing to search.
    no_roster: Text,
    /// A digit that is not in the list.
    pub(crate) no_such: Text,
    /// A digit for a list that is not kept any more.
    pub(crate) expired: Text,
    /// How to leave the list.
    pub(crate) leave: Text,
    /// Over the digits.
    pub(crate) number: Text,
    /// Over the names.
    pub(crate) name: Text,
    /// Nobody of the list: where there is one, and where there is nobody.
    pub(crate) as_typed: Text,
    pub(crate) as_typed_at_once: Text,
    /// Over the birth dates.
    pub(crate) born: Text,
    /// Over the sexes.
    pub(crate) sex: Text,
    /// Over the places.
    pub(crate) hamlet: Text,
    /// Over the ends of the numbers.
    pub(crate) numbers: Text,
    /// Over what differs.
    pub(crate) differs: Text,
    /// What the button beside a person does, for those who hear it.
    pub(crate) choose: Text,
    /// The end of a card number.
    pub(crate) card_end: Text,
    /// The end of a personal id.
    pub(crate) id_end: Text,
    /// The names are the same.
    name_same: Text,
    name_letter: Text,
    name_part: Text,
    name_order: Text,
    name_accents: Text,
    born_equal: Text,
    born_year: Text,
    born_swapped: Text,
    born_differs: Text,
    born_other_year: Text,
    born_not_typed: Text,
    /// A typed number that finds nobody. The number one digit away is not offered: it is often another person of the same household.
    pub(crate) check_number: Text,
}

impl Search {
    /// What stands over the list, or in its place.
    pub(crate) fn heading(&self, candidates: &Candidates) -> String {
        let total = candidates.total;
        match candidates.code() {
            "no_roster" => self.no_roster.to_string(),
            "nobody" if candidates.has_birth_date() => self.nobody_born.to_string(),
            "nobody" => self.nobody.to_string(),
            "too_many" => self.too_many.with("count", total).to_string(),
            _ => self.found.with("count", total).to_string(),
        }
    }

    /// How many are not in the list, if any, and what would bring them in.
    pub(crate) fn more(&self, candidates: &Candidates) -> Option<String> {
        let is_listed = !candidates.best.is_empty() && candidates.more() > 0;
        is_listed.then(|| self.more.with("count", candidates.more()).to_string())
    }

    /// What differs, the name before the birth date.
    pub(crate) fn fit(&self, fit: Fit) -> Vec<String> {
        let names = fit.name();
        let same = names.is_empty().then_some(&self.name_same);
        let name = |difference: &NameDifference| match difference {
            NameDifference::Letter => &self.name_letter,
            NameDifference::Part => &self.name_part,
            NameDifference::Order => &self.name_order,
            NameDifference::Accents => &self.name_accents,
        };
        let born = match fit.birth() {
            BirthFit::Equal => &self.born_equal,
            BirthFit::Year => &self.born_year,
            BirthFit::NotTyped => &self.born_not_typed,
            BirthFit::Swapped => &self.born_swapped,
            BirthFit::Differs => &self.born_differs,
            BirthFit::OtherYear => &self.born_other_year,
        };
        same.into_iter().chain(names.iter().map(name)).chain([born]).map(Text::to_string).collect()
    }
}
