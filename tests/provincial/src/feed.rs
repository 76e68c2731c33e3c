//! Rows, changes and the state digest: how persons become lines of a feed file and back. Pure.
//!
//! Promises: what a full row leaves out comes back from its id and the header's defaults; a change carries nothing
//! that did not change; the same persons give the same bytes. Must never seal, sign or touch a file: that is
//! `publish`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Error,
    person::{NextCard, Person, read_personal_id},
    wire::{Area, Change, Day, Defaults, DeltaLine, FeedHeader, Row, Sex, Standing, Successor},
};

/// Persons by id: the state of one station's feed.
pub type State = BTreeMap<String, Person>;

/// Between the values of a state record.
const SEPARATOR: &str = "\u{1f}";

fn day(date: NaiveDate) -> Day {
    Day(date)
}

/// The birth date as a row of this id carries it: cut, or left out when it is the id's year and no more.
fn cut_born(id: &str, born: &str) -> Option<String> {
    let Some((year, _)) = read_personal_id(id) else { return Some(born.to_owned()) };
    match born.strip_prefix(&format!("{year:04}")) {
        Some("") => None,
        Some(rest) => Some(rest.to_owned()),
        None => Some(born.to_owned()),
    }
}

/// The sex as a row of this id carries it.
fn cut_sex(id: &str, sex: Sex) -> Option<Sex> {
    (read_personal_id(id).map(|(_, said)| said) != Some(sex)).then_some(sex)
}

fn whole_born(id: &str, cut: Option<&str>) -> Result<String, Error> {
    let year = read_personal_id(id).map(|(year, _)| format!("{year:04}"));
    match (cut, year) {
        (None, Some(year)) => Ok(year),
        (Some(cut), Some(year)) if cut.starts_with('-') => Ok(format!("{year}{cut}")),
        (Some(whole), _) if !whole.starts_with('-') => Ok(whole.to_owned()),
        _ => Err(Error::Unreadable("a birth date was cut without a personal id".into())),
    }
}

fn whole_sex(id: &str, cut: Option<Sex>) -> Result<Sex, Error> {
    cut.or_else(|| read_personal_id(id).map(|(_, sex)| sex))
        .ok_or_else(|| Error::Unreadable("a sex was left out without a personal id".into()))
}

fn wire_successor(next: &NextCard) -> Successor {
    Successor {
        card: next.card.clone(),
        valid_from: day(next.valid_from),
        valid_until: next.valid_until.map(day),
        facility: next.facility.clone(),
    }
}

fn next_card(successor: Successor) -> NextCard {
    NextCard {
        card: successor.card,
        valid_from: successor.valid_from.0,
        valid_until: successor.valid_until.map(|day| day.0),
        facility: successor.facility,
    }
}

/// The full row of a person, without what the defaults and the id say already.
pub fn full_row(person: &Person, defaults: &Defaults) -> Row {
    let valid_from = day(person.valid_from);
    let valid_until = person.valid_until.map(day);
    Row {
        id: person.id.clone(),
        card: person.card.clone(),
        name: person.name.clone(),
        born: cut_born(&person.id, &person.born),
        sex: cut_sex(&person.id, person.sex),
        hamlet: person.hamlet.clone(),
        facility: (defaults.facility.as_ref() != Some(&person.facility)).then(|| person.facility.clone()),
        valid_from: (defaults.valid_from != Some(valid_from)).then_some(valid_from),
        // An unknown end is always written: `null` and "left out" must stay different.
        valid_until: (valid_until.is_none() || defaults.valid_until != valid_until).then_some(valid_until),
        five_years_on: person.five_years_on.map(day),
        copay_exempt_from: person.copay_exempt_from.map(day),
        area: person.area,
        standing: person.standing,
        predecessor: person.predecessor.clone(),
        successor: person.successor.as_ref().map(wire_successor),
    }
}

/// The person of a full row.
pub fn person_of(row: Row, defaults: &Defaults) -> Result<Person, Error> {
    let missing = |key: &str| Error::Unreadable(format!("a row leaves out {key}, and there is no default"));
    Ok(Person {
        born: whole_born(&row.id, row.born.as_deref())?,
        sex: whole_sex(&row.id, row.sex)?,
        facility: row.facility.or_else(|| defaults.facility.clone()).ok_or_else(|| missing("facility"))?,
        valid_from: row.valid_from.or(defaults.valid_from).ok_or_else(|| missing("valid_from"))?.0,
        valid_until: match row.valid_until {
            Some(given) => given.map(|day| day.0),
            None => Some(defaults.valid_until.ok_or_else(|| missing("valid_until"))?.0),
        },
        id: row.id,
        card: row.card,
        name: row.name,
        hamlet: row.hamlet,
        five_years_on: row.five_years_on.map(|day| day.0),
        copay_exempt_from: row.copay_exempt_from.map(|day| day.0),
        area: row.area,
        standing: row.standing,
        predecessor: row.predecessor,
        successor: row.successor.map(next_card),
    })
}

/// What changed between two persons with the same id; `None` when nothing did.
pub fn change(old: &Person, new: &Person) -> Option<Change> {
    fn differs<T: PartialEq, U>(old: &T, new: &T, value: impl FnOnce(&T) -> U) -> Option<U> {
        (old != new).then(|| value(new))
    }
    (old != new).then(|| Change {
        id: new.id.clone(),
        card: differs(&old.card, &new.card, String::clone),
        name: differs(&old.name, &new.name, String::clone),
        born: differs(&old.born, &new.born, |born| cut_born(&new.id, born)),
        sex: differs(&old.sex, &new.sex, |sex| cut_sex(&new.id, *sex)),
        hamlet: differs(&old.hamlet, &new.hamlet, Option::clone),
        facility: differs(&old.facility, &new.facility, String::clone),
        valid_from: differs(&old.valid_from, &new.valid_from, |date| day(*date)),
        valid_until: differs(&old.valid_until, &new.valid_until, |date| date.map(day)),
        five_years_on: differs(&old.five_years_on, &new.five_years_on, |date| date.map(day)),
        copay_exempt_from: differs(&old.copay_exempt_from, &new.copay_exempt_from, |date| date.map(day)),
        area: differs(&old.area, &new.area, |area| *area),
        standing: differs(&old.standing, &new.standing, |standing| *standing),
        predecessor: differs(&old.predecessor, &new.predecessor, Option::clone),
        successor: differs(&old.successor, &new.successor, |next| next.as_ref().map(wire_successor)),
    })
}

/// The person after a change.
pub fn changed(old: &Person, change: Change) -> Result<Person, Error> {
    let id = old.id.clone();
    let moved = |given: Option<Option<Day>>, old: Option<NaiveDate>| given.map_or(old, |new| new.map(|day| day.0));
    Ok(Person {
        card: change.card.unwrap_or_else(|| old.card.clone()),
        name: change.name.unwrap_or_else(|| old.name.clone()),
        born: match change.born {
            Some(cut) => whole_born(&id, cut.as_deref())?,
            None => old.born.clone(),
        },
        sex: match change.sex {
            Some(cut) => whole_sex(&id, cut)?,
            None => old.sex,
        },
        hamlet: change.hamlet.unwrap_or_else(|| old.hamlet.clone()),
        facility: change.facility.unwrap_or_else(|| old.facility.clone()),
        valid_from: change.valid_from.map_or(old.valid_from, |day| day.0),
        valid_until: moved(change.valid_until, old.valid_until),
        five_years_on: moved(change.five_years_on, old.five_years_on),
        copay_exempt_from: moved(change.copay_exempt_from, old.copay_exempt_from),
        area: change.area.unwrap_or(old.area),
        standing: change.standing.unwrap_or(old.standing),
        predecessor: change.predecessor.unwrap_or_else(|| old.predecessor.clone()),
        successor: change.successor.map_or_else(|| old.successor.clone(), |next| next.map(next_card)),
        id,
    })
}

/// The commonest values, so that most full rows can leave them out.
pub fn common_values<'a>(people: impl IntoIterator<Item = &'a Person>) -> Defaults {
    let (mut facilities, mut starts, mut ends) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for person in people {
        *facilities.entry(person.facility.clone()).or_insert(0_usize) += 1;
        *starts.entry(day(person.valid_from)).or_insert(0_usize) += 1;
        if let Some(until) = person.valid_until {
            *ends.entry(day(until)).or_insert(0_usize) += 1;
        }
    }
    Defaults { facility: commonest(facilities), valid_from: commonest(starts), valid_until: commonest(ends) }
}

fn commonest<T: Ord>(counts: BTreeMap<T, usize>) -> Option<T> {
    // `max_by_key` takes the last of equals, and the map is sorted: the answer does not depend on chance.
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

/// What leads from one state to the next, sorted by id.
pub fn difference(old: &State, new: &State) -> (Vec<DeltaLine>, Defaults) {
    let defaults = common_values(new.values().filter(|person| !old.contains_key(&person.id)));
    let mut lines: Vec<DeltaLine> = new
        .values()
        .filter_map(|person| match old.get(&person.id) {
            None => Some(DeltaLine::New { new: Box::new(full_row(person, &defaults)) }),
            Some(before) => change(before, person).map(|change| DeltaLine::Changed(Box::new(change))),
        })
        .chain(old.keys().filter(|id| !new.contains_key(*id)).map(|id| DeltaLine::Gone { gone: id.clone() }))
        .collect();
    lines.sort_by(|a, b| a.id().cmp(b.id()));
    (lines, defaults)
}

/// The unsealed text of a feed file: the header, then the lines.
pub fn text<T: Serialize>(header: &FeedHeader, lines: impl IntoIterator<Item = T>) -> Result<Vec<u8>, Error> {
    let mut text = serde_json::to_vec(header)?;
    text.push(b'\n');
    for line in lines {
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// One record of the canonical state text, with its line feed.
pub fn state_record(person: &Person) -> String {
    let date = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    let next = person.successor.as_ref();
    let mut record = [
        person.id.clone(),
        person.card.clone(),
        person.name.clone(),
        person.born.clone(),
        sex_word(person.sex).to_owned(),
        person.hamlet.clone().unwrap_or_default(),
        person.facility.clone(),
        date(Some(person.valid_from)),
        date(person.valid_until),
        date(person.five_years_on),
        date(person.copay_exempt_from),
        person.area.map(area_word).unwrap_or_default().to_owned(),
        person.standing.map(standing_word).unwrap_or_default().to_owned(),
        person.predecessor.clone().unwrap_or_default(),
        next.map(|next| next.card.clone()).unwrap_or_default(),
        date(next.map(|next| next.valid_from)),
        date(next.and_then(|next| next.valid_until)),
        next.map(|next| next.facility.clone()).unwrap_or_default(),
    ]
    .join(SEPARATOR);
    record.push('\n');
    record
}

fn sex_word(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "male",
        Sex::Female => "female",
        Sex::Undetermined => "undetermined",
    }
}

fn area_word(area: Area) -> &'static str {
    match area {
        Area::K1 => "K1",
        Area::K2 => "K2",
        Area::K3 => "K3",
    }
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Revoked => "revoked",
        Standing::Locked => "locked",
        Standing::Deregistered => "deregistered",
        Standing::DeregisteredLeftProvince => "deregistered_left_province",
        Standing::DeregisteredMoved => "deregistered_moved",
        Standing::DeregisteredRejoining => "deregistered_rejoining",
        Standing::DeregisteredStopped => "deregistered_stopped",
        Standing::Army => "army",
        Standing::Police => "police",
    }
}

/// `state_sha256` of a state, in lower-case hexadecimal.
pub fn state_sha256(state: &State) -> String {
    let mut digest = Sha256::new();
    for person in state.values() {
        digest.update(state_record(person));
    }
    hex(&digest.finalize())
}

/// Digest of bytes, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
