//! Benefit: the code on the card, the group behind it, and the rate that follows from dated rules.
//!
//! Promise: no rate is a constant here; all of them come from `rules`. Never: a percentage read off the card's
//! letters, and never the percentage of a premium subsidy, which is another type (`rules::SupportRow`).

use super::field::Problem;
use super::redact::public_code;

/// Third character of the card number: a code, not a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BenefitCode(u8);

impl BenefitCode {
    /// Reads `1` to `5`.
    pub fn parse(character: char) -> Result<Self, Problem> {
        match character.to_digit(10) {
            Some(digit @ 1..=5) => Ok(Self(u8::try_from(digit).unwrap_or_default())),
            _ => Err(Problem::UnknownCode),
        }
    }

    /// The digit.
    pub fn digit(self) -> u8 {
        self.0
    }
}

/// Share of the cost within scope that the fund pays, in percent (`MUC_HUONG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BenefitRate(u8);

impl BenefitRate {
    /// A whole percentage.
    pub fn percent(value: u8) -> Result<Self, Problem> {
        if value <= 100 { Ok(Self(value)) } else { Err(Problem::UnknownCode) }
    }

    /// In percent.
    pub fn as_percent(self) -> u8 {
        self.0
    }
}

public_code! {
    /// First two letters of the card number: the group the person is insured in. The official list is not closed.
    MemberGroup
}

impl MemberGroup {
    /// Reads any two capital letters.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

/// Living area that opens further rights (`MA_KHUVUC`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResidenceArea {
    /// Minority or poor household in a difficult area.
    K1,
    /// The same in a specially difficult area.
    K2,
    /// Island commune or district.
    K3,
}

impl ResidenceArea {
    /// Reads `K1`, `K2`, `K3`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "K1" => Ok(Self::K1),
            "K2" => Ok(Self::K2),
            "K3" => Ok(Self::K3),
            _ => Err(Problem::UnknownCode),
        }
    }

    /// The official code.
    pub fn code(self) -> &'static str {
        match self {
            Self::K1 => "K1",
            Self::K2 => "K2",
            Self::K3 => "K3",
        }
    }
}

public_code! {
    /// Attendance category (`MA_DOITUONG_KCB`). The list is reissued often: data, not an enum.
    AttendanceCategory
}

impl AttendanceCategory {
    /// Reads a code such as `1.2` or `10`: at most five digits and dots.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let fits = (1..=5).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.ends_with(|c: char| c.is_ascii_digit());
        if fits { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

public_code! {
    /// Care type (`MA_LOAI_KCB`), two digits.
    CareType
}

impl CareType {
    /// Reads two digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}
