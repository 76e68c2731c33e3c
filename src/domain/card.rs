//! The card: its number, its days, and what the province says about it.
//!
//! Promise: a `CardNumber` has the official shape; parsing never judges whether its province or benefit digit is
//! still right, because merged provinces and old digits stay in people's hands for years. Never: a decision about
//! standing, which is `verdict`'s.

use chrono::NaiveDate;

use super::benefit::BenefitCode;
use super::benefit::MemberGroup;
use super::benefit::ResidenceArea;
use super::facility::FacilityCode;
use super::facility::ProvinceCode;
use super::field::Problem;
use super::person::BirthDate;
use super::person::CitizenId;
use super::person::PersonName;
use super::person::Sex;
use super::redact::personal_text;

personal_text! {
    /// `MA_THE_BHYT`: two letters of the group, benefit digit 1–5, two digits of the issuing province, ten digits of
    /// the insurance number.
    CardNumber
}

impl CardNumber {
    /// Reads exactly fifteen characters, letters in either case.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if text.chars().count() != 15 {
            return Err(Problem::Length);
        }
        let text = text.to_ascii_uppercase();
        let fits = text.bytes().enumerate().all(|(at, b)| match at {
            0 | 1 => b.is_ascii_uppercase(),
            2 => (b'1'..=b'5').contains(&b),
            _ => b.is_ascii_digit(),
        });
        if fits { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }

    /// The group letters.
    pub fn group(&self) -> Option<MemberGroup> {
        MemberGroup::parse(&self.0[..2]).ok()
    }

    /// The printed benefit code, which dated rules may override.
    pub fn benefit_code(&self) -> Option<BenefitCode> {
        self.0.chars().nth(2).and_then(|c| BenefitCode::parse(c).ok())
    }

    /// The issuing province.
    pub fn province(&self) -> Option<ProvinceCode> {
        ProvinceCode::parse(&self.0[3..5]).ok()
    }

    /// The insurance number the card ends with; it stays with the person from card to card.
    pub fn insurance_number(&self) -> InsuranceNumber {
        InsuranceNumber(self.0[5..].into())
    }
}

personal_text! {
    /// `maSoBHXH`: ten digits; what newer cards print alone.
    InsuranceNumber
}

impl InsuranceNumber {
    /// Reads exactly ten digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "" => Err(Problem::Empty),
            _ if text.chars().count() != 10 => Err(Problem::Length),
            _ if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(text.into())),
            _ => Err(Problem::Shape),
        }
    }
}

/// The days a card is in force, both ends included. `valid_until` is unknown for some groups (army, police).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First day (`GT_THE_TU`).
    pub valid_from: NaiveDate,
    /// Last day (`GT_THE_DEN`), if the province knows one.
    pub valid_until: Option<NaiveDate>,
}

/// What the province itself says about the card, beside its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Nothing: the days alone decide.
    None,
    /// Withdrawn (thu hồi).
    Revoked,
    /// Held or temporarily locked.
    Locked,
    /// Taken off the list (báo giảm).
    Deregistered(Deregistration),
    /// Managed by the army's office.
    Army,
    /// Managed by the police's office.
    Police,
}

/// Why somebody was taken off the list (portal codes 120 to 124).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deregistration {
    /// No reason given.
    Unstated,
    /// Moved to another province.
    LeftProvince,
    /// Moved within the province.
    MovedWithin,
    /// To be added again in the same unit.
    Rejoining,
    /// Stopped contributing.
    Stopped,
}

impl Deregistration {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unstated => "unstated",
            Self::LeftProvince => "left_province",
            Self::MovedWithin => "moved_within",
            Self::Rejoining => "rejoining",
            Self::Stopped => "stopped",
        }
    }
}

/// The next card, issued while this one may still be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// `maTheMoi`.
    pub card_number: CardNumber,
    /// Its days.
    pub validity: Validity,
    /// Its registered facility.
    pub registered_facility: FacilityCode,
}

/// One person's card as the province's roster holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardRecord {
    /// The card.
    pub card_number: CardNumber,
    /// The holder's personal id, if the province knows it.
    pub personal_id: Option<CitizenId>,
    /// The holder's name as registered.
    pub name: PersonName,
    /// The holder's birth date, as precisely as known.
    pub birth_date: BirthDate,
    /// The holder's sex.
    pub sex: Sex,
    /// Place within the commune.
    pub hamlet: Option<Box<str>>,
    /// Where the person is registered for first care (`MA_DKBD`).
    pub registered_facility: FacilityCode,
    /// The days.
    pub validity: Validity,
    /// Day from which five continuous years are complete.
    pub five_years_on: Option<NaiveDate>,
    /// Day from which the person pays no share.
    pub copay_exempt_from: Option<NaiveDate>,
    /// Living area.
    pub residence_area: Option<ResidenceArea>,
    /// What the province says beside the days.
    pub mark: Mark,
    /// The card before this one.
    pub predecessor: Option<CardNumber>,
    /// The card after this one.
    pub successor: Option<Successor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_shows_its_parts() {
        let card = CardNumber::parse("gd4010100000001").unwrap();
        assert_eq!(card.as_str(), "GD4010100000001");
        assert_eq!(card.group().unwrap().as_str(), "GD");
        assert_eq!(card.benefit_code().unwrap().digit(), 4);
        assert_eq!(card.province().unwrap().as_str(), "01");
        assert_eq!(card.insurance_number().as_str(), "0100000001");
    }

    #[test]
    fn shapes_that_are_no_card_number() {
        for (text, problem) in [
            ("", Problem::Empty),
            ("GD401010000000", Problem::Length),
            ("GD6010100000001", Problem::Shape),
            ("G14010100000001", Problem::Shape),
            ("GD40101000000O1", Problem::Shape),
            ("ĐD4010100000001", Problem::Shape),
        ] {
            assert_eq!(CardNumber::parse(text).unwrap_err(), problem, "{text}");
        }
    }

    #[test]
    fn debug_never_shows_a_number() {
        let card = CardNumber::parse("GD4010100000001").unwrap();
        assert_eq!(format!("{card:?}"), "CardNumber(… 15 characters)");
    }
}
