//! Time passes in the made-up province: renewals, lapses, births, moves, new groups, next cards. Seeded.
//!
//! Promises: the same state, days and seed give the same state; ids stay unique; nobody is born in the future. Must
//! never read the clock: the province's day is in its ledger.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};
use rand::{RngExt, rngs::Xoshiro256PlusPlus, seq::SliceRandom as _};

use crate::{
    feed::State,
    generate::{self, cards, pick},
    person::{Person, read_personal_id},
    wire::Standing,
};

/// What happened at one station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// `valid_until` moved.
    pub renewed: usize,
    /// Cards that ended and were not renewed.
    pub lapsed: usize,
    /// Newborns.
    pub born: usize,
    /// People who moved in.
    pub moved_in: usize,
    /// People who left the roster.
    pub gone: usize,
    /// Cards replaced by their successor, or by a new digit or group.
    pub new_cards: usize,
    /// Next cards issued ahead of time.
    pub successors: usize,
    /// Cards revoked, locked or deregistered.
    pub withdrawn: usize,
    /// Newborns who got their personal id: one tombstone and one new row each.
    pub registered: usize,
}

impl fmt::Display for Changes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { renewed, lapsed, born, moved_in, gone, new_cards, successors, withdrawn, registered } = self;
        write!(
            out,
            "{renewed} renewed, {lapsed} lapsed, {born} born, {moved_in} moved in, {gone} gone, {new_cards} new cards, \
             {successors} next cards issued, {withdrawn} withdrawn, {registered} given a personal id"
        )
    }
}

/// What happened in the province.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvanceReport {
    /// The province's day now.
    pub today: NaiveDate,
    /// Per station.
    pub stations: Vec<(String, Changes)>,
}

/// Lets `days` pass after `today` at one station.
pub(crate) fn advance(station: &str, state: &mut State, today: NaiveDate, days: u32, seed: u64) -> Changes {
    let mut rng = generate::rng(seed, &format!("{days} days after {today} at {station}"));
    let span = Span { before: today, after: today + Days::new(u64::from(days)), days: f64::from(days) };
    let mut changes = Changes::default();
    let ids: Vec<String> = state.keys().cloned().collect();
    for id in &ids {
        let Some(mut person) = state.remove(id) else { continue };
        if span.chance(&mut rng, 0.000_03) {
            changes.gone += 1;
            continue;
        }
        live(&mut rng, &mut person, station, span, &mut changes);
        if person.id.len() == 10 && span.chance(&mut rng, 0.03) && register(&mut rng, &mut person, state) {
            changes.registered += 1;
        }
        state.insert(person.id.clone(), person);
    }
    changes.born = span.arrivals(&mut rng, ids.len(), 0.000_038);
    changes.moved_in = span.arrivals(&mut rng, ids.len(), 0.000_02);
    for newcomer in 0..changes.born + changes.moved_in {
        let person = generate::newcomer(&mut rng, station, state, span.after, newcomer < changes.born);
        state.insert(person.id.clone(), person);
    }
    changes
}

/// Moves the last day of a share of the cards by a year: the simplest night of renewals. Returns how many moved.
pub(crate) fn change_validity(station: &str, state: &mut State, share: f64, seed: u64) -> usize {
    let mut rng = generate::rng(seed, &format!("renewals at {station}"));
    let mut ids: Vec<String> =
        state.values().filter(|person| person.valid_until.is_some() && person.standing.is_none()).map(|person| person.id.clone()).collect();
    ids.shuffle(&mut rng);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a commune")]
    let wanted = (state.len() as f64 * share.clamp(0.0, 1.0)).round() as usize;
    ids.truncate(wanted);
    for id in &ids {
        if let Some(person) = state.get_mut(id) {
            person.valid_until = person.valid_until.map(a_year_on);
        }
    }
    ids.len()
}

fn a_year_on(day: NaiveDate) -> NaiveDate {
    let next = day.checked_add_months(Months::new(12)).unwrap_or(day);
    // The end of February stays the end of February.
    if cards::month_end(day) == day { cards::month_end(next) } else { next }
}

#[derive(Clone, Copy)]
struct Span {
    before: NaiveDate,
    after: NaiveDate,
    days: f64,
}

impl Span {
    /// Whether something with this chance a day happened within the span.
    fn chance(self, rng: &mut Xoshiro256PlusPlus, per_day: f64) -> bool {
        rng.random_bool((1.0 - (1.0 - per_day).powf(self.days)).clamp(0.0, 1.0))
    }

    /// How many of something with this rate per head and day.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rate times a commune")]
    fn arrivals(self, rng: &mut Xoshiro256PlusPlus, people: usize, per_day: f64) -> usize {
        let expected = people as f64 * per_day * self.days;
        expected.floor() as usize + usize::from(rng.random_bool(expected.fract()))
    }
}

fn live(rng: &mut Xoshiro256PlusPlus, person: &mut Person, station: &str, span: Span, changes: &mut Changes) {
    if let Some(next) = person.successor.take_if(|next| next.valid_from <= span.after) {
        person.predecessor = Some(std::mem::replace(&mut person.card, next.card));
        (person.valid_from, person.valid_until) = (next.valid_from, next.valid_until);
        person.facility = next.facility;
        person.area = None;
        changes.new_cards += 1;
    }
    let new_year = span.before.year() < span.after.year() && span.after.year() >= 2026;
    if new_year && matches!((person.group(), person.benefit_digit()), ("CN", "3") | ("LH", "4")) && rng.random_bool(0.5) {
        let reprinted = cards::number(person.group(), '2', person.insurance_number());
        person.predecessor = Some(std::mem::replace(&mut person.card, reprinted));
        person.five_years_on = None;
        changes.new_cards += 1;
    }
    if let Some(until) = person.valid_until {
        dates(rng, person, until, span, changes);
    }
    if person.standing.is_none() && span.chance(rng, 0.000_012) {
        person.standing = Some(pick(
            rng,
            &[
                (Standing::Revoked, 2),
                (Standing::Locked, 2),
                (Standing::Deregistered, 1),
                (Standing::DeregisteredLeftProvince, 2),
                (Standing::DeregisteredMoved, 3),
                (Standing::DeregisteredRejoining, 1),
                (Standing::DeregisteredStopped, 2),
            ],
        ));
        changes.withdrawn += 1;
    }
    if person.facility != station && span.chance(rng, 0.000_1) {
        station.clone_into(&mut person.facility);
    }
}

fn dates(rng: &mut Xoshiro256PlusPlus, person: &mut Person, until: NaiveDate, span: Span, changes: &mut Changes) {
    let left = (until - span.after).num_days();
    if person.group() == "TE" {
        if person.successor.is_none() && (0..75).contains(&left) && span.chance(rng, 0.03) {
            let facility = person.facility.clone();
            person.successor = cards::successor(rng, "TE", person.insurance_number(), until, &facility);
            changes.successors += 1;
        }
        return;
    }
    if person.successor.is_none() && (0..75).contains(&left) && span.chance(rng, 0.000_5) {
        let (group, number) = (person.group().to_owned(), person.insurance_number().to_owned());
        person.successor = cards::successor(rng, &group, &number, until, &person.facility);
        changes.successors += usize::from(person.successor.is_some());
        return;
    }
    // Most renew in the last three weeks or shortly after the end.
    if person.successor.is_none() && (-40..21).contains(&left) && span.chance(rng, 0.07) {
        let months = if until == cards::term_end(person.valid_from, 3) { 3 } else { 12 };
        if left >= 0 {
            person.valid_until = until.succ_opt().map(|from| cards::term_end(from, months));
        } else {
            person.valid_from = span.after;
            person.valid_until = Some(cards::term_end(span.after, months));
        }
        changes.renewed += 1;
    } else if until >= span.before && until < span.after {
        changes.lapsed += 1;
    }
}

/// Gives a newborn its personal id.
fn register(rng: &mut Xoshiro256PlusPlus, person: &mut Person, state: &State) -> bool {
    let Ok(born) = person.born.parse::<NaiveDate>() else { return false };
    let id = generate::personal_id(rng, born, person.sex);
    let free = !state.contains_key(&id) && read_personal_id(&id).is_some();
    if free {
        person.id = id;
    }
    free
}
