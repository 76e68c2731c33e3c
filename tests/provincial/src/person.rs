//! A made-up insured person as the province's register holds one.
//!
//! Promises: [`Person`] is the whole truth that the feed has to carry; two equal persons have equal state records.
//! Must never hold a real person: everything comes from the generator, whose province codes (097–099) were never
//! given out.

use chrono::NaiveDate;

use crate::wire::{Area, Sex, Standing};

/// One person of the register with the card in force or last in force.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    /// Personal id (12 digits), or the insurance number (10) while there is none.
    pub id: String,
    /// Card number, 15 characters.
    pub card: String,
    /// As registered, NFC.
    pub name: String,
    /// `1985-09-02`, `1985-09` or `1985`.
    pub born: String,
    /// As registered.
    pub sex: Sex,
    /// Place within the commune.
    pub hamlet: Option<String>,
    /// Registered facility.
    pub facility: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, if known.
    pub valid_until: Option<NaiveDate>,
    /// Day on which five continuous years are full.
    pub five_years_on: Option<NaiveDate>,
    /// Free of co-payment from.
    pub copay_exempt_from: Option<NaiveDate>,
    /// Area mark.
    pub area: Option<Area>,
    /// A fact beside the dates.
    pub standing: Option<Standing>,
    /// The card number before this one.
    pub predecessor: Option<String>,
    /// The next card, already issued.
    pub successor: Option<NextCard>,
}

/// A card that follows the present one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextCard {
    /// Its number.
    pub card: String,
    /// Its first day.
    pub valid_from: NaiveDate,
    /// Its last day, if known.
    pub valid_until: Option<NaiveDate>,
    /// Its registered facility.
    pub facility: String,
}

impl Person {
    /// The insurance number: the last ten digits of the card.
    pub fn insurance_number(&self) -> &str {
        self.card.get(5..).unwrap_or_default()
    }

    /// The two letters of the group.
    pub fn group(&self) -> &str {
        self.card.get(..2).unwrap_or_default()
    }

    /// The benefit digit as printed.
    pub fn benefit_digit(&self) -> &str {
        self.card.get(2..3).unwrap_or_default()
    }
}

/// What a personal id says about its owner: year of birth and sex, by its digits 4 to 6.
///
/// `None` for an insurance number (10 digits), which says nothing.
pub fn read_personal_id(id: &str) -> Option<(i32, Sex)> {
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digit: i32 = id.get(3..4)?.parse().ok()?;
    let year: i32 = id.get(4..6)?.parse().ok()?;
    let sex = if digit % 2 == 0 { Sex::Male } else { Sex::Female };
    Some((1900 + 100 * (digit / 2) + year, sex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_id_tells_year_and_sex_of_both_centuries() {
        assert_eq!(read_personal_id("001185000001"), Some((1985, Sex::Female)));
        assert_eq!(read_personal_id("099226000001"), Some((2026, Sex::Male)));
        assert_eq!(read_personal_id("0100000008"), None);
        assert_eq!(read_personal_id("00118500000x"), None);
    }
}
