//! Health facilities and provinces, by their official codes.
//!
//! Promise: a code is text of the right shape. Never: a list of codes. They were renumbered with the mergers of
//! 2025 and will be again, so whether a code exists is a question to data.

use super::field::Problem;
use super::redact::public_code;

public_code! {
    /// Code of a facility (`MA_CSKCB`, `MA_DKBD`): two digits of the province and three letters or digits.
    FacilityCode
}

impl FacilityCode {
    /// Reads a code, with whatever separators printers put between its two parts (`99 - 001`, `99–001`).
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let code: String = text
            .chars()
            .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let shape = code.len() == 5 && code.bytes().all(|b| b.is_ascii_alphanumeric()) && code.bytes().take(2).all(|b| b.is_ascii_digit());
        match (code.is_empty(), shape) {
            (true, _) => Err(Problem::Empty),
            (_, true) => Ok(Self(code.into())),
            _ => Err(Problem::Shape),
        }
    }

    /// The province part.
    pub fn province(&self) -> ProvinceCode {
        ProvinceCode(self.0[..2].into())
    }
}

public_code! {
    /// Two-digit province number as cards and facility codes carry it; old numbers stay readable.
    ProvinceCode
}

impl ProvinceCode {
    /// Reads two digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

public_code! {
    /// What kind of facility the station is, as the rules tables name it (`commune_station`, …).
    FacilityClass
}

impl FacilityClass {
    /// Any short lower-case name; whether the rules know it is checked when the configuration is loaded.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_the_facility_code_are_dropped() {
        for text in ["99001", "99 - 001", "99-001", "99 – 001", "99001 ", "99.001"] {
            assert_eq!(FacilityCode::parse(text).map(|c| c.as_str().to_owned()), Ok("99001".to_owned()), "{text}");
        }
        assert_eq!(FacilityCode::parse("01k5a").unwrap().as_str(), "01K5A");
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["9900", "990011", "A9001", "99 0é1", "99/001"] {
            assert_eq!(FacilityCode::parse(text), Err(Problem::Shape), "{text}");
        }
        assert_eq!(FacilityCode::parse(" - "), Err(Problem::Empty));
    }
}
