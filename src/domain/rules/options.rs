//! What may be chosen of a visit: attendance categories and care types, each where it fits.
//!
//! Promise: what is offered depends on rows of the rules alone; what a visit falls under by default stands first. Never: a code in code.

use chrono::NaiveDate;

use super::CategoryRow;
use super::RuleTables;
use super::Term;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::facility::FacilityClass;
use crate::domain::person::BirthDate;

/// When an attendance category is offered at the desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// At facilities of these classes.
    pub classes: Vec<FacilityClass>,
    /// Where the card stands like this (`Standing::code`); empty: however it stands.
    pub standings: Vec<Box<str>>,
    /// To people younger than this many days, and where nobody knows how old; `None`: to everybody.
    pub below_days: Option<u32>,
    /// One key chooses it and saves.
    pub has_key: bool,
    /// At facilities of these classes another category goes before it: its key saves the usual visit, with its name as a note.
    pub noted_at: Vec<FacilityClass>,
    /// Where the card stands like this, a visit falls under it unless newer data may know better.
    pub usual_standings: Vec<Box<str>>,
}

/// What one key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed<'a> {
    /// It chooses the category.
    Chosen(&'a CategoryRow),
    /// It notes the category's name; the visit stays under the usual one.
    Noted(&'a CategoryRow),
}

impl<'a> Keyed<'a> {
    /// The category of the key.
    pub fn row(self) -> &'a CategoryRow {
        match self {
            Self::Chosen(row) | Self::Noted(row) => row,
        }
    }
}

/// A care type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareTypeRow {
    /// When and where.
    pub term: Term,
    /// The code.
    pub code: CareType,
    /// What it means, in Vietnamese.
    pub name: Box<str>,
    /// At facilities of these classes it is offered.
    pub classes: Vec<FacilityClass>,
}

/// For whom something is to be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// Where.
    pub class: &'a FacilityClass,
    /// On which day.
    pub day: NaiveDate,
    /// How the card stands: `Standing::code`.
    pub standing: &'a str,
    /// When the person was born, as far as known.
    pub born: Option<BirthDate>,
    /// Newer data may know better: the person is admitted as usual, and looked up again later.
    pub is_to_be_checked: bool,
}

impl Offer {
    fn fits(&self, occasion: &Occasion<'_>) -> bool {
        let is_young = self.below_days.is_none_or(|days| occasion.born.is_none_or(|born| may_be_younger(born, occasion.day, days)));
        let stands_so = self.standings.is_empty() || self.standings.iter().any(|code| **code == *occasion.standing);
        self.classes.contains(occasion.class) && stands_so && is_young
    }
}

/// Whether somebody born then may be younger than so many days: of a month or a year, its last day counts.
fn may_be_younger(born: BirthDate, on: NaiveDate, days: u32) -> bool {
    let latest = match born {
        BirthDate::Day(day) => Some(day),
        BirthDate::Month { year, month } if month < 12 => NaiveDate::from_ymd_opt(year, month + 1, 1).and_then(|next| next.pred_opt()),
        BirthDate::Month { year, .. } | BirthDate::Year(year) => NaiveDate::from_ymd_opt(year, 12, 31),
    };
    latest.is_none_or(|latest| on.signed_duration_since(latest).num_days() < i64::from(days))
}

impl RuleTables {
    /// The row of a category on a day.
    pub fn category(&self, code: &AttendanceCategory, day: NaiveDate) -> Option<&CategoryRow> {
        self.categories.iter().find(|row| row.code == *code && row.term.covers(day))
    }

    /// The row of a care type on a day.
    pub fn care_type(&self, code: &CareType, day: NaiveDate) -> Option<&CareTypeRow> {
        self.care_types.iter().find(|row| row.code == *code && row.term.covers(day))
    }

    /// The categories that fit: first the one that a visit falls under by itself, then the one of the facility's class.
    pub fn offered_categories(&self, occasion: &Occasion<'_>) -> Vec<&CategoryRow> {
        let own = self.provisional_category(occasion.class, occasion.day);
        let own = own.as_ref().and_then(|own| self.category(own, occasion.day));
        let fits = |row: &&CategoryRow| row.term.covers(occasion.day) && row.offer.as_ref().is_some_and(|offer| offer.fits(occasion));
        let mut offered: Vec<&CategoryRow> = Vec::new();
        for row in self.not_insured(occasion).into_iter().chain(own).chain(self.categories.iter().filter(fits)) {
            if offered.iter().all(|other| other.code != row.code) {
                offered.push(row);
            }
        }
        offered
    }

    /// The category of somebody whose card is known not to count.
    pub fn not_insured(&self, occasion: &Occasion<'_>) -> Option<&CategoryRow> {
        let is_usual = |offer: &Offer| offer.usual_standings.iter().any(|code| **code == *occasion.standing);
        let uninsured = self.uninsured(occasion).filter(|_| !occasion.is_to_be_checked);
        uninsured.filter(|row| row.offer.as_ref().is_some_and(is_usual))
    }

    /// What a visit falls under by itself, and what it falls under if the person has no card that counts; `None` where that is the same or not offered.
    pub fn usual_and_uninsured(&self, occasion: &Occasion<'_>) -> Option<(&CategoryRow, &CategoryRow)> {
        let usual = self.offered_categories(occasion).into_iter().next();
        usual.zip(self.uninsured(occasion)).filter(|(usual, uninsured)| usual.code != uninsured.code)
    }

    /// The category of visits without a card that counts, where it is offered.
    fn uninsured(&self, occasion: &Occasion<'_>) -> Option<&CategoryRow> {
        let is_offered = |offer: &Offer| offer.fits(occasion) && !offer.usual_standings.is_empty();
        self.categories.iter().find(|row| row.term.covers(occasion.day) && row.offer.as_ref().is_some_and(is_offered))
    }

    /// What one key does.
    pub fn keyed(&self, occasion: &Occasion<'_>) -> Option<Keyed<'_>> {
        self.categories.iter().filter(|row| row.term.covers(occasion.day)).find_map(|row| {
            let offer = row.offer.as_ref().filter(|offer| offer.has_key)?;
            if offer.noted_at.contains(occasion.class) {
                return Some(Keyed::Noted(row));
            }
            offer.fits(occasion).then_some(Keyed::Chosen(row))
        })
    }

    /// The name of a category that the key of such a facility has put in front of a note.
    pub fn noted(&self, note: &str, class: &FacilityClass, day: NaiveDate) -> Option<&str> {
        let is_noted = |row: &&CategoryRow| row.term.covers(day) && row.offer.as_ref().is_some_and(|offer| offer.noted_at.contains(class));
        self.categories.iter().filter(is_noted).map(|row| &*row.name).find(|name| note.starts_with(name))
    }

    /// The care types that are offered.
    pub fn offered_care_types(&self, class: &FacilityClass, day: NaiveDate) -> Vec<&CareTypeRow> {
        self.care_types.iter().filter(|row| row.term.covers(day) && row.classes.contains(class)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::CardNumber;
    use crate::ops::rules::builtin;

    fn offered(class: &str, on: &str, standing: &str, born: Option<&str>) -> Vec<String> {
        let class = FacilityClass::parse(class).unwrap();
        let born = born.map(|text| BirthDate::parse_iso(text).unwrap());
        let tables = builtin().unwrap();
        let occasion = Occasion { class: &class, day: on.parse().unwrap(), standing, born, is_to_be_checked: false };
        let key = tables.keyed(&occasion).map(|key| key.row().code.as_str().to_owned());
        assert_eq!(key.as_deref(), on.starts_with("2026").then_some("2"), "an emergency always has its key");
        tables.offered_categories(&occasion).into_iter().map(|row| row.code.as_str().to_owned()).collect()
    }

    #[test]
    fn categories_are_offered_where_they_fit_and_the_station_s_own_comes_first() {
        let adult = Some("1985-09-02");
        for (class, standing, born, codes) in [
            ("commune_station", "valid", adult, &["1.2"][..]),
            ("commune_station", "valid", Some("2026-11-20"), &["1.2"]),
            ("commune_station", "not_covered", None, &["1.2", "9"]),
            ("commune_station", "expired", adult, &["9", "1.2"]),
            ("commune_station", "deregistered", adult, &["1.2", "9"]),
            ("other_primary", "valid", adult, &["1.11", "1.1", "1.3", "1.4", "1.5", "1.6", "2"]),
            ("other_primary", "valid", Some("2026-11-20"), &["1.11", "1.1", "1.3", "1.4", "1.5", "1.6", "1.7", "2"]),
            ("other_primary", "revoked", adult, &["9", "1.11", "2"]),
        ] {
            assert_eq!(offered(class, "2026-11-22", standing, born), codes, "{class} {standing} {born:?}");
        }
        assert_eq!(offered("commune_station", "2024-01-01", "valid", None), [""; 0], "no row, no offer");
    }

    #[test]
    fn nothing_a_commune_station_offers_pays_less_than_everything_but_a_visit_without_insurance() {
        let tables = builtin().unwrap();
        let class = FacilityClass::parse("commune_station").unwrap();
        let card = CardNumber::parse("GD4010100000001").unwrap();
        for standing in ["valid", "superseded", "managed_elsewhere", "not_covered", "deregistered", "expired"] {
            let day = "2026-11-22".parse().unwrap();
            let occasion = Occasion { class: &class, day, standing, born: None, is_to_be_checked: true };
            assert!(matches!(tables.keyed(&occasion), Some(Keyed::Noted(_))), "an emergency goes under 1.2 too");
            for row in tables.offered_categories(&occasion).into_iter().filter(|row| row.code.as_str() != "9") {
                let rate = tables.benefit_as(&card, &row.code, day).map(|benefit| benefit.rate.as_percent());
                assert_eq!(rate, Some(100), "{standing} {}", row.code);
            }
        }
    }

    #[test]
    fn a_birth_date_known_in_part_counts_as_the_youngest_it_can_be() {
        let on = "2026-11-22".parse().unwrap();
        for (born, is_young) in [
            ("2026-11-22", true),
            ("2026-10-26", true),
            ("2026-10-25", false),
            ("2026-10", true),
            ("2026-09", false),
            ("2026", true),
            ("2025-12", false),
            ("2025", false),
        ] {
            assert_eq!(may_be_younger(BirthDate::parse_iso(born).unwrap(), on, 28), is_young, "{born}");
        }
    }

    #[test]
    fn care_at_home_and_from_afar_have_codes_since_august_2026() {
        let tables = builtin().unwrap();
        let class = FacilityClass::parse("commune_station").unwrap();
        let codes = |on: &str| {
            let day = on.parse().unwrap();
            tables.offered_care_types(&class, day).into_iter().map(|row| row.code.as_str().to_owned()).collect::<Vec<_>>()
        };
        let before = codes("2026-07-31");
        assert!(before.contains(&"01".to_owned()) && !before.contains(&"12".to_owned()), "{before:?}");
        let after = codes("2026-08-01");
        assert!(["01", "12", "14"].iter().all(|code| after.contains(&(*code).to_owned())), "{after:?}");
        assert!(!after.contains(&"03".to_owned()), "no inpatients at a station");
    }
}
