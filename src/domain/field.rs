//! Which part of an input could not be read, and why.
//!
//! Promise: `Field::key` and `Problem::code` are a contract with programs (`bhyt-agent scan --json`); they are
//! never renamed. Never: the rejected text itself, which may be a person's number.

/// Whether a character is written by nobody and seen by nobody: a control or format character, that may turn the direction of what stands beside it.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The part of a payload, a record or a typed text that is spoken of. Keys are those of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The payload as a whole.
    Payload,
    /// Card number, 15 characters.
    CardNumber,
    /// Social-insurance number, 10 digits.
    InsuranceNumber,
    /// Personal id, 12 digits (or the older forms).
    PersonalId,
    /// Full name.
    Name,
    /// Birth date.
    BirthDate,
    /// Sex.
    Sex,
    /// Address.
    Address,
    /// Registered facility.
    Facility,
    /// First day in force.
    ValidFrom,
    /// Last day in force.
    ValidUntil,
    /// Day of five continuous years.
    FiveYearsOn,
    /// Residence area K1, K2, K3.
    ResidenceArea,
}

impl Field {
    /// The key of the JSON contract.
    pub fn key(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::CardNumber => "card_number",
            Self::InsuranceNumber => "insurance_number",
            Self::PersonalId => "personal_id",
            Self::Name => "name",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
            Self::Address => "address",
            Self::Facility => "facility",
            Self::ValidFrom => "valid_from",
            Self::ValidUntil => "valid_until",
            Self::FiveYearsOn => "five_years_on",
            Self::ResidenceArea => "residence_area",
        }
    }
}

/// Why a part could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// Nothing was given.
    Empty,
    /// More characters than any known form has.
    TooLong,
    /// A typed number of a length that no known number has.
    Length,
    /// The payload has a number of parts that no known card has.
    PartCount,
    /// The payload ends too early: characters were lost on the way.
    Truncated,
    /// A character that cannot stand there.
    Shape,
    /// A hex field with other characters, or an odd number of them.
    NotHex,
    /// Hex that is neither UTF-8 nor UTF-16LE text.
    NotText,
    /// A day that the calendar does not have, or a form of date nobody prints.
    NotADate,
    /// A birth date that has not come yet.
    Future,
    /// A range that ends before it begins.
    Order,
    /// A code outside its list.
    UnknownCode,
}

impl Problem {
    /// The stable code of the JSON contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Length => "length",
            Self::PartCount => "part_count",
            Self::Truncated => "truncated",
            Self::Shape => "shape",
            Self::NotHex => "not_hex",
            Self::NotText => "not_text",
            Self::NotADate => "not_a_date",
            Self::Future => "future",
            Self::Order => "order",
            Self::UnknownCode => "unknown_code",
        }
    }
}

/// A field that could not be read, and why. What the desk does: scan again or type the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", field.key(), problem.code())]
pub struct Unreadable {
    /// Where.
    pub field: Field,
    /// Why.
    pub problem: Problem,
}

impl Problem {
    /// Says in which field the problem was met.
    pub fn at(self, field: Field) -> Unreadable {
        Unreadable { field, problem: self }
    }
}
