//! What is noted of how a person came: the proof shown, and the number called at the desk.
//!
//! Promise: a proof is one of those that Decree 188/2025, Articles 37 and 38, names; a queue number is one of its day. Never: a judgement of a card by
//! the proof that was shown.

use core::fmt;

use super::field::Problem;
use super::scan::Source;

/// What the person showed (Decree 188/2025, Article 37).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Citizen id card.
    CitizenId,
    /// VNeID of level 2 with the card in it.
    Vneid,
    /// Health-insurance card on paper or plastic.
    Card,
    /// The card in VssID.
    Vssid,
    /// A number alone, and an identity document beside it.
    NumberAndDocument,
    /// Birth certificate of a child under six without a card.
    BirthCertificate,
    /// Of a newborn: parent or facility signs on the file.
    Newborn,
    /// Receipt with an appointment while a card is issued or changed, and an identity document beside it.
    Receipt,
    /// Nothing yet: in an emergency it may be shown before discharge.
    Later,
}

impl Proof {
    /// All of them, as they are offered.
    pub const ALL: [Self; 9] = [
        Self::CitizenId,
        Self::Vneid,
        Self::Card,
        Self::Vssid,
        Self::NumberAndDocument,
        Self::BirthCertificate,
        Self::Newborn,
        Self::Receipt,
        Self::Later,
    ];

    /// What a scan makes likely; nobody has seen what was typed.
    pub fn likely(source: Source) -> Option<Self> {
        match source {
            Source::BhytCard => Some(Self::Card),
            Source::CitizenId => Some(Self::CitizenId),
            Source::Typed => None,
        }
    }

    /// The stable text. FROZEN: stored in visits.db, on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::CitizenId => "citizen_id",
            Self::Vneid => "vneid",
            Self::Card => "card",
            Self::Vssid => "vssid",
            Self::NumberAndDocument => "number_and_document",
            Self::BirthCertificate => "birth_certificate",
            Self::Newborn => "newborn",
            Self::Receipt => "receipt",
            Self::Later => "later",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|proof| proof.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// The number under which a person is called; it counts from 1 on each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueNumber(u32);

impl QueueNumber {
    /// More than come on any day.
    const HIGHEST: u32 = 99_999;

    /// A number of a day.
    pub fn new(number: u32) -> Result<Self, Problem> {
        if (1..=Self::HIGHEST).contains(&number) { Ok(Self(number)) } else { Err(Problem::Shape) }
    }

    /// Reads what somebody typed.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())).map_or(Err(Problem::Shape), Self::new)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for QueueNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proof_has_its_own_code() {
        for proof in Proof::ALL {
            assert_eq!(Proof::parse(proof.code()), Ok(proof));
        }
        assert_eq!(Proof::parse("passport"), Err(Problem::UnknownCode));
    }

    #[test]
    fn a_queue_number_is_a_small_count() {
        for (text, number) in [("1", Ok(1)), (" 42 ", Ok(42)), ("99999", Ok(99_999)), ("", Err(Problem::Empty))] {
            assert_eq!(QueueNumber::parse(text).map(QueueNumber::get), number, "{text}");
        }
        for text in ["0", "100000", "+1", "-1", "1a", "4294967297"] {
            assert_eq!(QueueNumber::parse(text), Err(Problem::Shape), "{text}");
        }
    }
}
