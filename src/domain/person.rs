//! Who a person is: personal id, name, birth date, sex.
//!
//! Promise: each value is well formed; names are in NFC with single spaces; a birth date knows how precise it is.
//! Never: a guess that completes a missing month or day.

use chrono::Datelike;
use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::field::Problem;
use super::redact::personal_text;

personal_text! {
    /// Twelve-digit personal id (CCCD, Căn cước, số định danh).
    CitizenId
}

impl CitizenId {
    /// Reads exactly twelve digits. There is no check digit.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "" => Err(Problem::Empty),
            _ if text.chars().count() != 12 => Err(Problem::Length),
            _ if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(text.into())),
            _ => Err(Problem::Shape),
        }
    }

    /// The sex that the fourth digit encodes (even male, odd female). Corrected records may differ: a hint only.
    pub fn encoded_sex(&self) -> Sex {
        if self.digit(3).is_multiple_of(2) { Sex::Male } else { Sex::Female }
    }

    /// The birth year that digits four to six encode. A hint only, like the sex.
    pub fn encoded_birth_year(&self) -> i32 {
        1900 + i32::from(self.digit(3) / 2) * 100 + i32::from(self.digit(4)) * 10 + i32::from(self.digit(5))
    }

    fn digit(&self, at: usize) -> u8 {
        self.0.as_bytes().get(at).map_or(0, |b| b - b'0')
    }
}

personal_text! {
    /// Nine-digit identity card of before 2021 (CMND).
    OldIdCard
}

impl OldIdCard {
    /// Reads exactly nine digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 9 && text.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

personal_text! {
    /// Passport number: one capital letter and seven digits.
    Passport
}

impl Passport {
    /// Reads the shape the check-in table accepts.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let fits =
            text.len() == 8 && text.bytes().enumerate().all(|(at, b)| if at == 0 { b.is_ascii_uppercase() } else { b.is_ascii_digit() });
        if fits { Ok(Self(text.into())) } else { Err(Problem::Shape) }
    }
}

/// The three kinds of number that the one official field `SO_CCCD` carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PersonalId {
    /// Twelve digits.
    CitizenId(CitizenId),
    /// Nine digits.
    OldIdCard(OldIdCard),
    /// Letter and seven digits.
    Passport(Passport),
}

impl PersonalId {
    /// Reads whichever kind the text has the shape of.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        CitizenId::parse(text)
            .map(Self::CitizenId)
            .or_else(|_| OldIdCard::parse(text).map(Self::OldIdCard))
            .or_else(|_| Passport::parse(text).map(Self::Passport))
    }

    /// The text itself. Not for logs.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CitizenId(id) => id.as_str(),
            Self::OldIdCard(id) => id.as_str(),
            Self::Passport(id) => id.as_str(),
        }
    }
}

personal_text! {
    /// Full name in NFC, as given but for spaces.
    PersonName
}

/// Longest name the official check-in table takes.
const LONGEST_NAME: usize = 255;

impl PersonName {
    /// Reads a name: letters of any script, spaces, and the few marks names have. Digits, control characters, symbols and
    /// replacement characters are signs of a damaged scan and refused.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let name = text.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(Problem::Empty);
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(Problem::TooLong);
        }
        let fits =
            name.chars().all(|c| c.is_alphabetic() || is_combining_mark(c) || matches!(c, ' ' | '\'' | '’' | '-' | '.' | ',' | '(' | ')'));
        if fits && name.chars().any(char::is_alphabetic) { Ok(Self(name.into())) } else { Err(Problem::Shape) }
    }

    /// Whether two spellings are one name: case, spaces and the place of the tone mark (`hòa`, `hoà`) do not count. If one of
    /// them has no diacritics at all it was typed without an input method, and diacritics do not count either.
    pub fn same_as(&self, other: &Self) -> bool {
        let (a, b) = (syllables(&self.0), syllables(&other.0));
        if a == b {
            return true;
        }
        let bare = |name: &Self| name.0.is_ascii();
        (bare(self) || bare(other)) && folded(&self.0) == folded(&other.0)
    }

    /// Lower case without diacritics, for search.
    pub fn folded(&self) -> String {
        folded(&self.0)
    }
}

/// The five tone marks of Vietnamese; circumflex, breve and horn make other letters and are not among them.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// Each syllable as its letters without the tone, and the tone.
pub(super) fn syllables(name: &str) -> Vec<(String, Option<char>)> {
    name.to_lowercase()
        .split_whitespace()
        .map(|word| {
            let tone = word.nfd().find(|c| TONES.contains(c));
            let letters = word.nfd().filter(|c| !TONES.contains(c)).nfc().collect();
            (letters, tone)
        })
        .collect()
}

pub(super) fn folded(name: &str) -> String {
    let bare: String = name.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)).map(|c| if c == 'đ' { 'd' } else { c }).collect();
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A birth date as precisely as it is known (`NGAY_SINH`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum BirthDate {
    /// Known to the day.
    Day(NaiveDate),
    /// Known to the month.
    Month {
        /// Year.
        year: i32,
        /// Month, 1 to 12.
        month: u32,
    },
    /// Only the year is known, as for many old people.
    Year(i32),
}

impl core::fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Day(_) => "BirthDate(day)",
            Self::Month { .. } => "BirthDate(month)",
            Self::Year(_) => "BirthDate(year)",
        })
    }
}

/// Years a living person, or a baby of the coming decades, can be born in.
const BIRTH_YEARS: core::ops::RangeInclusive<i32> = 1900..=2199;

impl BirthDate {
    /// Builds one from parts; `None` for a part that is not known.
    pub fn from_parts(year: i32, month: Option<u32>, day: Option<u32>) -> Result<Self, Problem> {
        if !BIRTH_YEARS.contains(&year) {
            return Err(Problem::NotADate);
        }
        match (month, day) {
            (None, None) => Ok(Self::Year(year)),
            (Some(month @ 1..=12), None) => Ok(Self::Month { year, month }),
            (Some(month), Some(day)) => NaiveDate::from_ymd_opt(year, month, day).map(Self::Day).ok_or(Problem::NotADate),
            _ => Err(Problem::NotADate),
        }
    }

    /// Reads `1985-09-02`, `1985-09` or `1985`.
    pub fn parse_iso(text: &str) -> Result<Self, Problem> {
        let mut parts = text.split('-');
        let number = |part: Option<&str>, digits: usize| match part {
            None => Ok(None),
            Some(p) if p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()) => {
                p.parse::<u32>().map(Some).map_err(|_| Problem::NotADate)
            }
            Some(_) => Err(Problem::NotADate),
        };
        let year = number(parts.next(), 4)?.ok_or(Problem::NotADate)?;
        let (month, day) = (number(parts.next(), 2)?, number(parts.next(), 2)?);
        if parts.next().is_some() {
            return Err(Problem::NotADate);
        }
        Self::from_parts(i32::try_from(year).map_err(|_| Problem::NotADate)?, month, day)
    }

    /// ISO form, as long as the precision.
    pub fn to_iso(self) -> String {
        match self {
            Self::Day(day) => day.format("%Y-%m-%d").to_string(),
            Self::Month { year, month } => format!("{year:04}-{month:02}"),
            Self::Year(year) => format!("{year:04}"),
        }
    }

    /// The year.
    pub fn year(self) -> i32 {
        match self {
            Self::Day(day) => day.year(),
            Self::Month { year, .. } | Self::Year(year) => year,
        }
    }

    /// The same day or month of another year; `None` where that year does not have it.
    pub fn in_year(self, year: i32) -> Option<Self> {
        match self {
            Self::Day(day) => day.with_year(year).map(Self::Day),
            Self::Month { month, .. } => Some(Self::Month { year, month }),
            Self::Year(_) => Some(Self::Year(year)),
        }
    }

    /// Whether nobody can have been born then by this day, however precisely it is known.
    pub fn is_after(self, day: NaiveDate) -> bool {
        match self {
            Self::Day(born) => born > day,
            Self::Month { year, month } => (year, month) > (day.year(), day.month()),
            Self::Year(year) => year > day.year(),
        }
    }

    /// Whether two dates agree as far as both are known.
    pub fn agrees_with(self, other: Self) -> bool {
        let month = |date| match date {
            Self::Day(day) => Some(day.month()),
            Self::Month { month, .. } => Some(month),
            Self::Year(_) => None,
        };
        let day = |date| if let Self::Day(day) = date { Some(day.day()) } else { None };
        let both = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        self.year() == other.year() && both(month(self), month(other)) && both(day(self), day(other))
    }
}

/// Sex as the official list has it (`GIOI_TINH` 1, 2, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    /// 1, Nam.
    Male,
    /// 2, Nữ.
    Female,
    /// 3.
    Undetermined,
}

impl Sex {
    /// The stable text of the contract and the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Undetermined => "undetermined",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "male" => Ok(Self::Male),
            "female" => Ok(Self::Female),
            "undetermined" => Ok(Self::Undetermined),
            _ => Err(Problem::UnknownCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PersonName {
        PersonName::parse(text).unwrap()
    }

    #[test]
    fn names_are_compared_as_people_do() {
        assert!(name("TRẦN THỊ VÍ DỤ").same_as(&name("Trần  Thị Ví Dụ")));
        assert!(name("Nguyễn Văn Hòa").same_as(&name("Nguyễn Văn Hoà")));
        assert!(name("Tra\u{302}\u{300}n Du\u{323}").same_as(&name("Trần Dụ")));
        assert!(name("TRAN THI VI DU").same_as(&name("Trần Thị Ví Dụ")));
        assert!(name("DANG DUC").same_as(&name("Đặng Đức")));
        assert!(!name("Nguyễn Văn Hoa").same_as(&name("Nguyễn Văn Hóa")));
        assert!(!name("Nguyễn Văn Hân").same_as(&name("Nguyễn Văn Han ")) || name("Nguyễn Văn Han").as_str().is_ascii());
        assert!(!name("Trần Thị Ví Dụ").same_as(&name("Trần Thị Dụ")));
    }

    #[test]
    fn a_damaged_name_is_refused() {
        for text in ["Tr\u{fffd}n", "Trần 5", "Tráº§n", "a|b", "A\u{0}B", "0225 0187", "&#7847;", "%E1%BA%A7"] {
            assert_eq!(PersonName::parse(text).unwrap_err(), Problem::Shape, "{text:?}");
        }
        assert_eq!(PersonName::parse("  ").unwrap_err(), Problem::Empty);
        assert_eq!(PersonName::parse(&"A".repeat(256)).unwrap_err(), Problem::TooLong);
        assert!(PersonName::parse("H'Hen Niê").is_ok());
    }

    #[test]
    fn birth_dates_agree_as_far_as_both_are_known() {
        let date = |text| BirthDate::parse_iso(text).unwrap();
        assert!(date("1985").agrees_with(date("1985-09-02")));
        assert!(date("1985-09").agrees_with(date("1985-09-02")));
        assert!(!date("1985-08").agrees_with(date("1985-09-02")));
        assert!(!date("1985-09-02").agrees_with(date("1985-09-03")));
        assert!(!date("1985").agrees_with(date("1986")));
        for text in ["85", "1985-9", "1985-13", "1985-02-30", "1985-09-02-1", "1799", "", "1985-"] {
            assert_eq!(BirthDate::parse_iso(text).unwrap_err(), Problem::NotADate, "{text}");
        }
    }

    #[test]
    fn the_id_tells_sex_and_year() {
        let id = CitizenId::parse("001185000001").unwrap();
        assert_eq!((id.encoded_sex(), id.encoded_birth_year()), (Sex::Female, 1985));
        let id = CitizenId::parse("099206000001").unwrap();
        assert_eq!((id.encoded_sex(), id.encoded_birth_year()), (Sex::Male, 2006));
    }
}
