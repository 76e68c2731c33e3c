//! What a made-up person's cards say when they are scanned.
//!
//! Promises: the layouts are those that real cards have; the person is the generator's. Must never judge anything: what a card says may be wrong, as on
//! paper.

use std::fmt::Write;

use chrono::NaiveDate;

use crate::person::Person;
use crate::wire::Area;
use crate::wire::Sex;

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

fn printed(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// `1985-09-02` as `02/09/1985`, shorter forms as far as they go.
fn printed_birth(born: &str, separator: &str) -> String {
    born.split('-').rev().collect::<Vec<_>>().join(separator)
}

fn digit(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "1",
        Sex::Female => "2",
        Sex::Undetermined => "3",
    }
}

/// The code on a health-insurance card of 15 parts.
pub fn bhyt_card(person: &Person) -> String {
    let facility = format!("{} - {}", &person.facility[..2], &person.facility[2..]);
    let until = person.valid_until.map_or_else(|| "-".to_owned(), printed);
    let five_years = person.five_years_on.map_or_else(|| "-".to_owned(), printed);
    let area = match person.area {
        Some(Area::K1) => "K1",
        Some(Area::K2) => "K2",
        Some(Area::K3) => "K3",
        None => "4",
    };
    format!(
        "{}|{}|{}|{}|{}|{facility}|{}|{until}|{}|99{}|-|{area}|{five_years}|0123456789abcdef-0123|$",
        person.card,
        hex(&person.name),
        printed_birth(&person.born, "/"),
        digit(person.sex),
        person.hamlet.as_deref().map_or_else(|| "-".to_owned(), hex),
        printed(person.valid_from),
        printed(person.valid_from),
        person.facility,
    )
}

/// The code on a citizen id card of 7 parts; `None` for somebody without a personal id, or whose birthday is not known.
pub fn citizen_id(person: &Person) -> Option<String> {
    if person.id.len() != 12 || person.born.len() != 10 {
        return None;
    }
    let sex = if person.sex == Sex::Male { "Nam" } else { "Nữ" };
    let hamlet = person.hamlet.as_deref().unwrap_or("Thôn 1");
    Some(format!("{}||{}|{}|{sex}|{hamlet}, Xã Mẫu|15032022", person.id, person.name, printed_birth(&person.born, "")))
}
