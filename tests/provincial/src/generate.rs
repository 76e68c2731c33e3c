//! A made-up province of any size, from a seed.
//!
//! Promises: the same seed, station, count and day give the same people, byte for byte; ids and insurance numbers
//! are unique within a station. Must never produce a number that a real person can hold: the provinces 097 to 099
//! of birth and 99 of issue were never given out.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

pub(crate) mod cards;
mod household;
mod names;

use crate::{
    feed::State,
    person::Person,
    wire::{Area, Sex},
};
use household::{Hamlet, Household, Member};

/// A named generator: its numbers stay the same in later versions of the crate that gives it.
pub(crate) fn rng(seed: u64, purpose: &str) -> Xoshiro256PlusPlus {
    // FNV-1a keeps the streams of different stations and purposes apart.
    let mixed =
        purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    Xoshiro256PlusPlus::seed_from_u64(mixed)
}

/// One of several, by weight.
pub(crate) fn pick<T: Copy>(rng: &mut Xoshiro256PlusPlus, choices: &[(T, u32)]) -> T {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random_range(0..total);
    for (value, weight) in choices {
        if at < *weight {
            return *value;
        }
        at -= weight;
    }
    choices[choices.len() - 1].0
}

/// `count` people of a station as of `today`, sorted by id.
pub fn people(seed: u64, station: &str, count: usize, today: NaiveDate) -> Vec<Person> {
    let mut register = Register::new(rng(seed, &format!("people of {station}")), station, today);
    let hamlets = household::hamlets(count);
    let weighted: Vec<(usize, u32)> = hamlets.iter().enumerate().map(|(index, (_, weight))| (index, *weight)).collect();
    let mut people = State::new();
    while people.len() < count {
        let hamlet = &hamlets[pick(&mut register.rng, &weighted)].0;
        let household = household::household(&mut register.rng, today);
        for member in &household.members {
            if people.len() < count {
                let person = register.enter(member, &household, hamlet);
                people.insert(person.id.clone(), person);
            }
        }
    }
    people.into_values().collect()
}

/// A newborn or newcomer for a station that has people already.
pub(crate) fn newcomer(rng: &mut Xoshiro256PlusPlus, station: &str, state: &State, today: NaiveDate, newborn: bool) -> Person {
    let mut register = Register::new(rng.clone(), station, today);
    register.ids = state.keys().cloned().collect();
    register.numbers = state.values().map(|person| person.insurance_number().to_owned()).collect();
    register.next_number = 70_000;
    let hamlet = state.values().nth(register.rng.random_range(0..state.len().max(1))).map_or_else(
        || Hamlet { name: "Thôn 1".into(), area: None },
        |person| Hamlet { name: person.hamlet.clone().unwrap_or_else(|| "Thôn 1".into()), area: person.area },
    );
    let mut household = household::household(&mut register.rng, today);
    if newborn {
        let sex = if register.rng.random_bool(0.52) { Sex::Male } else { Sex::Female };
        let family = names::family(&mut register.rng);
        let born = today.checked_sub_days(Days::new(register.rng.random_range(1..15))).unwrap_or(today);
        household.members = vec![Member { born, sex, name: names::full(&mut register.rng, family, sex, born) }];
    }
    let person = register.enter(&household.members[0], &household, &hamlet);
    *rng = register.rng;
    person
}

/// A new personal id for somebody born then.
pub(crate) fn personal_id(rng: &mut Xoshiro256PlusPlus, born: NaiveDate, sex: Sex) -> String {
    let province = pick(rng, &[("099", 90), ("098", 7), ("097", 3)]);
    let century = (born.year() - 1900).div_euclid(100) * 2;
    let digit = century + i32::from(sex == Sex::Female);
    format!("{province}{digit}{:02}{:06}", born.year().rem_euclid(100), rng.random_range(0..1_000_000))
}

struct Register<'a> {
    rng: Xoshiro256PlusPlus,
    station: &'a str,
    today: NaiveDate,
    ids: BTreeSet<String>,
    numbers: BTreeSet<String>,
    /// Position within the commune's range.
    next_number: u32,
    /// First digits of the commune's range.
    range: String,
}

impl<'a> Register<'a> {
    fn new(rng: Xoshiro256PlusPlus, station: &'a str, today: NaiveDate) -> Self {
        let range = station.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 1000);
        Self { rng, station, today, ids: BTreeSet::new(), numbers: BTreeSet::new(), next_number: 0, range: format!("99{range:03}") }
    }

    /// Most people got their number when the commune's households were listed, one after the other out of the
    /// commune's range; the others at work or elsewhere.
    fn insurance_number(&mut self) -> String {
        loop {
            let number = if self.rng.random_bool(0.78) {
                self.next_number = (self.next_number + self.rng.random_range(1..3)) % 100_000;
                format!("{}{:05}", self.range, self.next_number)
            } else {
                format!("99{:02}{:06}", self.rng.random_range(10..26), self.rng.random_range(0..1_000_000))
            };
            if self.numbers.insert(number.clone()) {
                return number;
            }
        }
    }

    fn id(&mut self, member: &Member, insurance_number: &str) -> String {
        let days = (self.today - member.born).num_days();
        let without = if days < 60 {
            0.45
        } else if days > 80 * 365 {
            0.01
        } else {
            0.0005
        };
        if self.rng.random_bool(without) {
            self.ids.insert(insurance_number.to_owned());
            return insurance_number.to_owned();
        }
        // A few corrected records: the id keeps the year of the first entry.
        let born =
            if self.rng.random_bool(0.003) { member.born.checked_sub_days(Days::new(400)).unwrap_or(member.born) } else { member.born };
        loop {
            let id = personal_id(&mut self.rng, born, member.sex);
            if self.ids.insert(id.clone()) {
                return id;
            }
        }
    }

    fn born_as_registered(&mut self, born: NaiveDate) -> String {
        if born.year() < 1965 && self.rng.random_bool(0.35) {
            return format!("{:04}", born.year());
        }
        if born.year() < 1985 && self.rng.random_bool(0.012) {
            return format!("{:04}-{:02}", born.year(), born.month());
        }
        born.to_string()
    }

    fn enter(&mut self, member: &Member, household: &Household, hamlet: &Hamlet) -> Person {
        let today = self.today;
        let insurance_number = self.insurance_number();
        let id = self.id(member, &insurance_number);
        let group = cards::group(&mut self.rng, member, household.means, hamlet.area, today);
        let digit = cards::digit(group, today, &mut self.rng);
        let (valid_from, valid_until) = self.term(group, member);
        let age = today.years_since(member.born).unwrap_or(0);
        let five_years_on = if cards::pays_a_share(digit) { cards::five_years(&mut self.rng, group, age, today) } else { None };
        let exempt = five_years_on.is_some_and(|full| full <= today) && self.rng.random_bool(0.006);
        let exempt_days = u64::from(today.ordinal0());
        let facility = self.facility(group);
        let marked = matches!(group, "DT" | "DK" | "XD" | "TE" | "HN");
        let follows = self.rng.random_bool(if group == "TE" { 0.5 } else { 0.02 });
        let successor = valid_until
            .filter(|until| follows && *until >= today && (*until - today).num_days() < 75)
            .and_then(|until| cards::successor(&mut self.rng, group, &insurance_number, until, &facility));
        let changed_group = group != "TE" && self.rng.random_bool(0.03);
        Person {
            card: cards::number(group, digit, &insurance_number),
            name: member.name.clone(),
            born: self.born_as_registered(member.born),
            sex: member.sex,
            hamlet: Some(hamlet.name.clone()),
            facility,
            valid_from,
            valid_until,
            five_years_on,
            copay_exempt_from: exempt.then(|| today.checked_sub_days(Days::new(self.rng.random_range(0..=exempt_days)))).flatten(),
            area: hamlet.area.filter(|area| marked || *area == Area::K3),
            standing: cards::standing(&mut self.rng, group),
            predecessor: changed_group.then(|| cards::predecessor(&mut self.rng, group, &insurance_number)),
            successor,
            id,
        }
    }

    /// The dates: most cards are in force, some ended, a few begin later.
    fn term(&mut self, group: &str, member: &Member) -> (NaiveDate, Option<NaiveDate>) {
        let today = self.today;
        let (from, until) = cards::term(&mut self.rng, group, member.born, today);
        if until.is_none() || group == "TE" {
            return (from, until);
        }
        let (lapses, waits) = match group {
            "GD" | "GB" => (0.1, 0.015),
            "DN" | "HS" | "SV" | "TN" | "CN" => (0.045, 0.002),
            _ => (0.012, 0.0),
        };
        if self.rng.random_bool(lapses) {
            let mut end = today.checked_sub_days(Days::new(cards::gap(&mut self.rng))).unwrap_or(today);
            if self.rng.random_bool(0.6) && cards::month_end(end) < today {
                end = cards::month_end(end);
            }
            let from = end.checked_sub_days(Days::new(364)).unwrap_or(end);
            return (from, Some(end));
        }
        if self.rng.random_bool(waits) {
            let from = today.checked_add_days(Days::new(self.rng.random_range(1..31))).unwrap_or(today);
            return (from, Some(cards::term_end(from, 12)));
        }
        (from, until)
    }

    /// Nearly everyone is registered at the station itself; workers and pensioners sometimes at a hospital.
    fn facility(&mut self, group: &str) -> String {
        let elsewhere = match group {
            "DN" | "HC" | "CH" | "HT" => 0.16,
            _ => 0.015,
        };
        if self.rng.random_bool(elsewhere) {
            let province = self.station.get(..2).unwrap_or("99");
            return format!("{province}{}", pick(&mut self.rng, &[("A01", 5), ("B07", 3), ("012", 1)]));
        }
        self.station.to_owned()
    }
}
