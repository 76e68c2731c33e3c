//! What comes in at the desk: the payload of a scanned card, or a number somebody typed.
//!
//! Promise: [`read`] is total and bounded. Any text gives either a [`Scan`] whose every value is well formed, or the one
//! field that could not be read and why; what the payload does not say is `None`. Damage that has exactly one cause (an
//! input method that joined two hex digits, text of the other encoding) is undone; all other damage is refused, so that
//! the desk scans again. Never: a guess, a judgement about the card, or personal text in an error or in `Debug`.
//!
//! Three things are told apart, by the `|` and then by the length of the first part and the number of parts:
//!
//! | first part | parts | read as |
//! |---|---|---|
//! | no `|` at all | | a typed number of 10, 12 or 15 characters |
//! | 10 or 15 characters | 14 and more | BHYT card (module `bhyt_card`) |
//! | 10 or 15 characters | fewer | `payload: truncated` |
//! | 12 characters | 14 and more | BHYT card that carries the personal id |
//! | 12 characters | 7 or 11 | citizen id card (module `citizen_id`) |
//! | another length | 7 or 11 | `personal_id: length` |
//! | another length | 14 and more | `card_number: length` |
//! | anything else | anything else | `payload: part_count` |
//!
//! Not read, because no payload of theirs is published or because the number finds nobody in the roster: the changing
//! code of `VNeID`, and the nine digits of an old CMND.

mod bhyt_card;
mod citizen_id;
pub(super) mod date;
mod hex_text;
mod text;

use core::fmt;

use chrono::NaiveDate;

use super::benefit::ResidenceArea;
use super::card::CardNumber;
use super::card::InsuranceNumber;
use super::facility::FacilityCode;
use super::field::Field;
use super::field::Problem;
use super::field::Unreadable;
use super::person::BirthDate;
use super::person::CitizenId;
use super::person::PersonName;
use super::person::Sex;

/// Longest input in bytes. The longest card seen is below 1 KiB; a QR code holds less than 3 KiB.
pub const LONGEST: usize = 4096;

/// Fewest parts of a BHYT card: all that is read lies in the first thirteen, and the pipe after them shows that the
/// last one is whole.
const BHYT_PARTS: usize = 14;

/// More pipes than anybody writes, and fewer than any payload has.
const PIPES: usize = 4;

/// Digits of a personal id; a card number has one more.
const DIGITS: usize = 12;

/// Where a scan was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Health-insurance card on paper or plastic, or the code `VssID` shows.
    BhytCard,
    /// Citizen id card: CCCD of 2021 or Căn cước of 2024.
    CitizenId,
    /// A number typed by hand, or a bar code that holds only a number.
    Typed,
}

impl Source {
    /// The stable code of the JSON contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::BhytCard => "bhyt_card",
            Self::CitizenId => "citizen_id",
            Self::Typed => "typed",
        }
    }

    /// Reads the stable code.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        [Self::BhytCard, Self::CitizenId, Self::Typed].into_iter().find(|source| source.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// Everything that was read. `None`: the payload does not say.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan {
    /// What it was read from.
    pub source: Source,
    /// Card number of fifteen characters.
    pub card_number: Option<CardNumber>,
    /// Insurance number, as given or as the end of the card number.
    pub insurance_number: Option<InsuranceNumber>,
    /// Personal id of twelve digits.
    pub personal_id: Option<CitizenId>,
    /// Name as printed. The roster's spelling goes before it.
    pub name: Option<PersonName>,
    /// Birth date, as precisely as printed.
    pub birth_date: Option<BirthDate>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Address in NFC with single spaces.
    pub address: Option<Box<str>>,
    /// Registered facility.
    pub facility: Option<FacilityCode>,
    /// First day in force.
    pub valid_from: Option<NaiveDate>,
    /// Last day in force; newer cards print none.
    pub valid_until: Option<NaiveDate>,
    /// Day the card was issued.
    pub issued_on: Option<NaiveDate>,
    /// Day of five continuous years.
    pub five_years_on: Option<NaiveDate>,
    /// Living area.
    pub residence_area: Option<ResidenceArea>,
}

impl Scan {
    /// One that says nothing yet.
    pub fn of(source: Source) -> Self {
        Self {
            source,
            card_number: None,
            insurance_number: None,
            personal_id: None,
            name: None,
            birth_date: None,
            sex: None,
            address: None,
            facility: None,
            valid_from: None,
            valid_until: None,
            issued_on: None,
            five_years_on: None,
            residence_area: None,
        }
    }

    /// Whether it names a number that somebody can be found by.
    pub fn has_number(&self) -> bool {
        self.card_number.is_some() || self.insurance_number.is_some() || self.personal_id.is_some()
    }

    /// A scan that knows only a number, whose length tells which one it is. `number` is [`text::number`]'s.
    fn of_number(source: Source, number: &str) -> Result<Self, Unreadable> {
        let mut scan = Self::of(source);
        match number.chars().count() {
            0 => return Err(Problem::Empty.at(Field::Payload)),
            10 => scan.insurance_number = Some(InsuranceNumber::parse(number).map_err(|p| p.at(Field::InsuranceNumber))?),
            12 => scan.personal_id = Some(CitizenId::parse(number).map_err(|p| p.at(Field::PersonalId))?),
            15 => {
                let card = CardNumber::parse(number).map_err(|p| p.at(Field::CardNumber))?;
                scan.insurance_number = Some(card.insurance_number());
                scan.card_number = Some(card);
            }
            _ => return Err(Problem::Length.at(Field::Payload)),
        }
        Ok(scan)
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand for the address alone, which is plain text; the other personal values hide themselves.
        let address = self.address.as_ref().map(|text| format!("… {} characters", text.chars().count()));
        f.debug_struct("Scan")
            .field("source", &self.source)
            .field("card_number", &self.card_number)
            .field("insurance_number", &self.insurance_number)
            .field("personal_id", &self.personal_id)
            .field("name", &self.name)
            .field("birth_date", &self.birth_date)
            .field("sex", &self.sex)
            .field("address", &address)
            .field("facility", &self.facility)
            .field("valid_from", &self.valid_from)
            .field("valid_until", &self.valid_until)
            .field("issued_on", &self.issued_on)
            .field("five_years_on", &self.five_years_on)
            .field("residence_area", &self.residence_area)
            .finish()
    }
}

/// Reads what a reader or a keyboard sent.
///
/// At both ends NUL, CR, LF, TAB, spaces and byte order marks are dropped: readers add them. The same characters inside
/// (spaces apart) mean two scans in one or lost characters, and are refused.
///
/// A typed number may hold spaces, dots and hyphens. An input method that joined its first letters is undone. Only ASCII
/// digits are digits.
pub fn read(text: &str) -> Result<Scan, Unreadable> {
    if text.len() > LONGEST {
        return Err(Problem::TooLong.at(Field::Payload));
    }
    let text = text.trim_matches(['\0', '\r', '\n', '\t', ' ', '\u{feff}']);
    if text.is_empty() {
        return Err(Problem::Empty.at(Field::Payload));
    }
    if text.chars().any(|c| c.is_ascii_control()) {
        return Err(Problem::Shape.at(Field::Payload));
    }
    let parts: Vec<&str> = text.split('|').collect();
    let first = text::number(parts.first().copied().unwrap_or_default());
    match (first.chars().count(), parts.len()) {
        (_, 1) => Scan::of_number(Source::Typed, &first),
        (10 | 12 | 15, BHYT_PARTS..) => bhyt_card::read(&first, &parts),
        (10 | 15, _) => Err(Problem::Truncated.at(Field::Payload)),
        (12, 7 | 11) => citizen_id::read(&first, &parts),
        (0, 7 | 11) => Err(Problem::Empty.at(Field::PersonalId)),
        (0, BHYT_PARTS..) => Err(Problem::Empty.at(Field::CardNumber)),
        (length, 7 | 11) if length != 12 => Err(Problem::Length.at(Field::PersonalId)),
        (length, BHYT_PARTS..) if length != 12 => Err(Problem::Length.at(Field::CardNumber)),
        _ => Err(Problem::PartCount.at(Field::Payload)),
    }
}

/// Whether a reader has written into what is somebody's own text: a payload's pipes, digits as many as a personal id or a card has, or nothing but a number.
/// A telephone number is shorter.
pub fn is_in(text: &str) -> bool {
    let is_payload = text.matches('|').count() >= PIPES;
    let is_long_number = text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= DIGITS);
    is_payload || is_long_number || read(text).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CARD: &str = "GD4010100000001|5452e1baa64e205448e1bb8a2056c38d2044e1bba4|1985|2|-|99 – 001|01/01/2026|31/12/2026|\
        15/12/2025|9900|-|4|01/01/2026|0123456789abcdef-0123|$";
    const NEW_CARD: &str = "0100000001|5452E1BAA64E205448E1BB8A2056C38D2044E1BBA4|02/09/1985|2|\
        58C3A3204DE1BAAB752C2074E1BB896E68205468E1BBAD|99 - 001|01/01/2026|-|15/12/2025|99000100000001|-|4|01/01/2026|\
        0123456789abcdef-0123|4|424858482063C6A12073E1BB9F204DE1BAAB75|$";
    const CITIZEN: &str = "001185000001||Trần Thị Ví Dụ|02091985|Nữ|Thôn Thử, Xã Mẫu|15032022||||";

    #[test]
    fn issue_dates_are_read() {
        // They are not part of the JSON contract, so the fixture cannot show them.
        let issued = |payload| read(payload).unwrap().issued_on.map(|day| day.to_string());
        assert_eq!(issued(CARD).as_deref(), Some("2025-12-15"));
        assert_eq!(issued(CITIZEN).as_deref(), Some("2022-03-15"));
        assert_eq!(issued(&CARD.replace("15/12/2025", "-")), None);
    }

    #[test]
    fn a_scan_inside_a_note_is_seen_and_what_people_write_is_not() {
        let numbers = ["0100000001", "001185000001", "GD4010100000001"].map(str::to_owned);
        let inside = [CARD, NEW_CARD, CITIZEN, "GD4010100000001", "001185000001"].map(|scan| format!("Mẹ đưa bé đến{scan}"));
        for text in [CARD, NEW_CARD, CITIZEN].map(str::to_owned).into_iter().chain(numbers).chain(inside) {
            assert!(is_in(&text), "{text}");
        }
        for text in ["", "Gọi chồng: 0912345678", "Huyết áp 140/90 | mạch 80", "Hẹn 22/11/2026 08:30, phòng 2", "84 912 345 678 (con gái)"]
        {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn length_is_bounded() {
        for text in ["1".repeat(LONGEST + 1), "|".repeat(LONGEST + 1), "\0".repeat(LONGEST + 1)] {
            assert_eq!(read(&text).unwrap_err(), Problem::TooLong.at(Field::Payload));
        }
        assert_eq!(read(&"|".repeat(LONGEST)).unwrap_err(), Problem::Empty.at(Field::CardNumber));
    }

    #[test]
    fn debug_and_errors_show_no_personal_text() {
        let shown = [CARD, NEW_CARD, CITIZEN].map(|payload| format!("{:?}", read(payload).unwrap())).concat();
        for secret in ["0100000001", "001185000001", "TRẦN", "Trần", "Xã", "Thôn", "1985"] {
            assert!(!shown.contains(secret), "{secret}");
        }
        assert!(shown.contains("address: Some(\"… 16 characters\")"));
        let error = read(&CITIZEN.replace("Dụ", "D5")).unwrap_err();
        assert_eq!(error.to_string(), "name: shape");
    }

    #[test]
    fn a_doubled_or_lost_pipe_never_moves_a_part() {
        // Worst case: the parts that tell nothing are empty, so that moved ones can look right.
        let sparse = NEW_CARD.replace("|4|01/01/2026|", "|-|-|").replace("|-|15/12", "|31/12/2026|15/12");
        for payload in [CARD, NEW_CARD, &sparse] {
            let whole = read(payload).unwrap();
            for (at, _) in payload.match_indices('|') {
                let doubled = format!("{}|{}", &payload[..at], &payload[at..]);
                let lost = format!("{}{}", &payload[..at], &payload[at + 1..]);
                for damaged in [doubled, lost] {
                    assert!(read(&damaged).is_err() || read(&damaged) == Ok(whole.clone()), "{damaged}");
                }
            }
        }
        for (at, _) in CITIZEN.match_indices('|') {
            assert_eq!(read(&format!("{}|{}", &CITIZEN[..at], &CITIZEN[at..])), Err(Problem::PartCount.at(Field::Payload)));
            assert_eq!(read(&format!("{}{}", &CITIZEN[..at], &CITIZEN[at + 1..])), Err(Problem::PartCount.at(Field::Payload)));
        }
    }

    #[test]
    fn every_cut_of_a_card_is_refused_or_complete() {
        for payload in [CARD, NEW_CARD, CITIZEN] {
            let whole = read(payload).unwrap();
            // Before the first pipe nothing tells a cut payload from a shorter number that somebody typed.
            for (at, _) in payload.char_indices().skip_while(|(_, c)| *c != '|') {
                let cut = read(&payload[..at]);
                assert!(cut.as_ref().map_or(true, |cut| is_part_of(cut, &whole)), "{}", &payload[..at]);
            }
        }
    }

    /// A cut may lose parts that are not read, the whole issue date of a citizen id card, or leave nothing but the number.
    fn is_part_of(cut: &Scan, whole: &Scan) -> bool {
        let number_only = Scan {
            card_number: whole.card_number.clone(),
            insurance_number: whole.insurance_number.clone(),
            personal_id: whole.personal_id.clone(),
            ..Scan::of(Source::Typed)
        };
        let undated = Scan { issued_on: None, ..whole.clone() };
        cut == whole || *cut == number_only || whole.source == Source::CitizenId && *cut == undated
    }

    fn payload() -> impl Strategy<Value = String> {
        prop::sample::select(vec![CARD, NEW_CARD, CITIZEN, "GD4010100000001", "0100000001", "001185000001"]).prop_map(str::to_owned)
    }

    fn character() -> impl Strategy<Value = char> {
        prop_oneof![prop::sample::select("|$-/ 019aAfFÂđ\u{302}\0\n\u{feff}\u{a0}１".chars().collect::<Vec<_>>()), any::<char>()]
    }

    /// What every accepted scan holds to, whatever it was read from.
    fn check_laws(text: &str) -> Result<(), TestCaseError> {
        let Ok(scan) = read(text) else { return Ok(()) };
        prop_assert!(scan.card_number.is_some() || scan.insurance_number.is_some() || scan.personal_id.is_some());
        prop_assert!(scan.card_number.is_none() || scan.card_number.as_ref().map(CardNumber::insurance_number) == scan.insurance_number);
        prop_assert!(!is_reversed(&scan));
        for again in [format!("\u{feff} {text}\0\r\n"), text.trim().to_owned()] {
            prop_assert_eq!(read(&again), Ok(scan.clone()));
        }
        Ok(())
    }

    fn is_reversed(scan: &Scan) -> bool {
        scan.valid_from.zip(scan.valid_until).is_some_and(|(from, until)| until < from)
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            check_laws(&text)?;
        }

        #[test]
        fn any_parts_are_read_or_refused(
            parts in prop::collection::vec("[0-9]{0,15}|[A-Z]{2}[1-5][0-9]{12}|[0-9a-fÂ]{0,9}|-|\\$|[0-9/]{8,10}", 1..20),
        ) {
            check_laws(&parts.join("|"))?;
        }

        #[test]
        fn any_damage_is_read_or_refused(
            payload in payload(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::option::of(character())), 1..6),
        ) {
            let mut text: Vec<char> = payload.chars().collect();
            for (at, lost, put) in edits {
                let at = at.index(text.len() + 1);
                text.splice(at..(at + lost).min(text.len()), put);
            }
            check_laws(&text.into_iter().collect::<String>())?;
        }

        #[test]
        fn one_lost_or_doubled_character_never_gives_another_number(
            payload in payload(),
            at in any::<prop::sample::Index>(),
            double: bool,
        ) {
            let whole = read(&payload).unwrap();
            let mut text: Vec<char> = payload.chars().collect();
            let at = at.index(text.len());
            if double {
                text.insert(at, text[at]);
            } else {
                text.remove(at);
            }
            if let Ok(scan) = read(&text.into_iter().collect::<String>()) {
                prop_assert_eq!(scan.card_number, whole.card_number);
                prop_assert_eq!(scan.insurance_number, whole.insurance_number);
                prop_assert_eq!(scan.personal_id, whole.personal_id);
            }
        }

        #[test]
        fn separators_do_not_change_a_typed_number(
            number in "[A-Z]{2}[1-5][0-9]{12}|[0-9]{10}|[0-9]{12}",
            breaks in prop::collection::vec((any::<prop::sample::Index>(), "[ .–\u{a0}-]"), 0..6),
        ) {
            let mut typed = number.to_lowercase();
            for (at, separator) in breaks {
                let at = typed.char_indices().map(|(i, _)| i).nth(at.index(typed.chars().count())).unwrap();
                typed.insert_str(at, &separator);
            }
            prop_assert_eq!(read(&typed), read(&number));
            prop_assert!(read(&number).is_ok());
        }
    }
}
