//! Finding a person by name: what was typed, whom it fits, and what differs.
//!
//! Promise: [`read`] is total and bounded, and takes a text for a name only if it is no scan and no number. A name fits a person if every word typed is a
//! word of the recorded name, in any order, with accents or without; one mistake in all is forgiven, a typing error in one word, a birth date of
//! the same year, or one error in the year where nobody of the year fits, and each is said. Never: a person chosen here, however well one fits; personal
//! text in `Debug`.
//!
//! A number with a wrong digit is not searched for. Insurance numbers of a commune were given out household by household, so that the number one digit away is
//! that of a wife or a child, in force as well: of all near answers it is the most believable and the most dangerous one. Whoever is not found by number
//! is found by name and year, where the list says who it is before anybody is chosen.

mod fold;
mod names;

use core::cmp::Ordering;
use core::fmt;

use super::card::CardRecord;
use super::field::Field;
use super::field::Problem;
use super::field::Unreadable;
use super::person;
use super::person::BirthDate;
use super::person::PersonName;
use super::scan;
use super::scan::Scan;
use super::scan::Source;
use super::scan::date;
use fold::MOST_WORDS;

pub use names::Hits;
pub use names::NameIndex;
pub use names::NameIndexBuilder;

/// Most people that are shown to choose from: each has a digit.
pub const SHOWN: usize = 9;

/// What the one input holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A scan or a number.
    Scan(Box<Scan>),
    /// A name, perhaps with a birth date.
    Name(Query),
}

/// Reads what a reader or a keyboard sent. What is neither scan nor number nor name is refused as [`scan::read`] refuses it.
pub fn read(text: &str) -> Result<Input, Unreadable> {
    match scan::read(text) {
        Ok(scan) => Ok(Input::Scan(Box::new(scan))),
        Err(unreadable) => Query::read(text)?.map(Input::Name).ok_or(unreadable),
    }
}

/// A word that was typed.
#[derive(Clone, PartialEq, Eq)]
struct Word {
    /// As typed.
    typed: Box<str>,
    /// As it is compared.
    folded: Box<str>,
    /// As it would be if an input method had been on.
    bare: Option<Box<str>>,
}

impl Word {
    fn new(typed: &str) -> Self {
        let folded = fold::fold(typed);
        Self { typed: typed.into(), bare: fold::without_telex(&folded).map(Into::into), folded: folded.into() }
    }

    fn is(&self, folded: &str) -> bool {
        *self.folded == *folded || self.bare.as_deref() == Some(folded)
    }

    fn is_near(&self, folded: &str) -> bool {
        fold::is_near(&self.folded, folded) || self.bare.as_deref().is_some_and(|bare| fold::is_near(bare, folded))
    }
}

/// A name that was typed, and a birth date as far as one was.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    born: Option<BirthDate>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query(… {} words, {:?})", self.words.len(), self.born)
    }
}

impl Query {
    /// `None`: no name. A name with a day that the calendar does not have is refused for the day.
    fn read(text: &str) -> Result<Option<Self>, Unreadable> {
        let text = text.trim_matches(['\0', '\r', '\n', '\t', ' ', '\u{feff}']);
        if text.len() > scan::LONGEST || text.chars().any(|c| c.is_ascii_control() || c == '|') {
            return Ok(None);
        }
        let (mut names, mut digits) = (Vec::new(), Vec::new());
        let mut has_date_ended = false;
        for token in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter(|token| !token.is_empty()) {
            if token.starts_with(|c: char| c.is_ascii_digit()) {
                if digits.is_empty() {
                    drop_label(&mut names);
                }
                if has_date_ended {
                    return Ok(None);
                }
                digits.push(token);
                continue;
            }
            has_date_ended = !digits.is_empty();
            let token = if has_date_ended { token } else { token.trim_end_matches(':') };
            names.push(fold::without_vni(token).unwrap_or_else(|| token.to_owned()));
        }
        if names.is_empty() && birth_date(&digits).is_ok() {
            return Err(Problem::Empty.at(Field::Name));
        }
        let Ok(name) = PersonName::parse(&names.join(" ")) else { return Ok(None) };
        let parts: Vec<_> = name.as_str().split_whitespace().collect();
        let words: Vec<_> = parts.iter().flat_map(|part| fold::parts(part)).map(Word::new).filter(|word| !word.folded.is_empty()).collect();
        if words.is_empty() || words.len() > MOST_WORDS {
            return Ok(None);
        }
        let born = match digits.as_slice() {
            // One word without a year is half a name, or a number that somebody has begun.
            [] if words.len() < 2 => return Ok(None),
            [] => None,
            digits => match birth_date(digits) {
                Ok(born) => Some(born),
                // Two words and something like a date are meant as that; one word and digits may be a card number with a digit lost.
                Err(problem) if words.len() > 1 && is_like_a_date(digits) => return Err(problem.at(Field::BirthDate)),
                // Of 38 nobody can say the century: the year is asked for whole.
                Err(_) if words.len() > 1 && is_short_year(digits) => return Err(Problem::Length.at(Field::BirthDate)),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Self { words, born }))
    }

    /// The birth date typed.
    pub fn born(&self) -> Option<BirthDate> {
        self.born
    }

    /// How it fits a person, if it does.
    pub fn fit(&self, name: &PersonName, born: BirthDate) -> Option<Fit> {
        let recorded: Vec<&str> = fold::parts(name.as_str()).collect();
        let folded: Vec<_> = recorded.iter().map(|word| fold::fold(word)).collect();
        let edges: Vec<_> = folded.iter().map(|word| self.edges(word)).collect();
        let birth = self.birth(born)?;
        let pairs = pair(self.words.len(), &edges)?;
        // Whoever types no accents at all means none in particular.
        let are_typed = self.words.iter().any(|word| !word.typed.is_ascii());
        let has_accents = are_typed
            && self.words.iter().zip(&pairs.of).enumerate().any(|(at, (word, to))| {
                pairs.near != Some(at) && recorded.get(*to).is_some_and(|other| person::syllables(&word.typed) != person::syllables(other))
            });
        Fit::of(&pairs, birth, has_accents, recorded.len())
    }

    /// Which of the words typed a recorded word may be.
    fn edges(&self, folded: &str) -> Edges {
        let mut edges = Edges::default();
        for (at, word) in self.words.iter().enumerate() {
            edges.exact |= u16::from(word.is(folded)) << at;
            // A single word that may also be another one fits half the commune.
            edges.near |= u16::from(self.words.len() > 1 && word.is_near(folded)) << at;
        }
        edges
    }

    fn birth(&self, recorded: BirthDate) -> Option<BirthFit> {
        let Some(typed) = self.born else { return Some(BirthFit::NotTyped) };
        match (typed, recorded) {
            _ if typed.year() != recorded.year() => is_other_year(typed, recorded).then_some(BirthFit::OtherYear),
            _ if typed == recorded && matches!(typed, BirthDate::Day(_)) => Some(BirthFit::Equal),
            _ if typed.agrees_with(recorded) => Some(BirthFit::Year),
            (BirthDate::Day(typed), BirthDate::Day(recorded)) if is_swapped(typed, recorded) => Some(BirthFit::Swapped),
            _ => Some(BirthFit::Differs),
        }
    }

    /// What was typed, as a claim about the person chosen: identity is judged by it as by a card. The name is a claim as far as it is a whole one: a part of it
    /// says nothing against anybody, and another order of the same words is the same name.
    pub fn claim(&self, record: &CardRecord) -> Scan {
        let insurance_number = record.personal_id.is_none().then(|| record.card_number.insurance_number());
        Scan {
            personal_id: record.personal_id.clone(),
            insurance_number,
            name: self.claimed_name(&record.name),
            birth_date: self.born,
            ..Scan::of(Source::Typed)
        }
    }

    /// What was typed, as a claim of its own: of somebody who has no number yet, or none that is known.
    pub fn claim_alone(&self) -> Scan {
        let typed: Vec<_> = self.words.iter().map(|word| &*word.typed).collect();
        Scan { name: PersonName::parse(&typed.join(" ")).ok(), birth_date: self.born, ..Scan::of(Source::Typed) }
    }

    fn claimed_name(&self, recorded: &PersonName) -> Option<PersonName> {
        let folded: Vec<_> = fold::parts(recorded.as_str()).map(fold::fold).collect();
        let edges: Vec<_> = folded.iter().map(|word| self.edges(word)).collect();
        let pairs = pair(self.words.len(), &edges).filter(|pairs| pairs.of.len() == folded.len())?;
        let mut words: Vec<_> = self.words.iter().zip(pairs.of).collect();
        words.sort_by_key(|(_, to)| *to);
        let as_meant = |(word, to): (&Word, usize)| match (&word.bare, folded.get(to)) {
            (Some(bare), Some(folded)) if **bare == **folded => bare.clone().into_string(),
            _ => word.typed.clone().into_string(),
        };
        PersonName::parse(&words.into_iter().map(as_meant).collect::<Vec<_>>().join(" ")).ok()
    }
}

/// Reads `02/09/1985`, `2-9-1985`, `02.09.1985`, `02 09 1985`, `02091985`, `1985-09-02`, `9/1985` or `1985`.
fn birth_date(digits: &[&str]) -> Result<BirthDate, Problem> {
    let joined = digits.join("/");
    match joined.as_str() {
        text if text.bytes().all(|b| b.is_ascii_digit()) => date::compact_birth(text),
        text => BirthDate::parse_iso(text).or_else(|_| date::birth(&text.replace(['-', '.'], "/"))),
    }
}

/// What people write between a name and a birth date.
const LABELS: [&[&str]; 8] = [
    &["ngay", "thang", "nam", "sinh"],
    &["ngay", "sinh"],
    &["sinh", "ngay"],
    &["nam", "sinh"],
    &["sinh", "nam"],
    &["sinh", "thang"],
    &["sn"],
    &["ns"],
];

/// Takes the label of a birth date off the end of a name. A single `sinh` or `nam` stays: both are names.
fn drop_label(names: &mut Vec<String>) {
    let folded: Vec<_> = names.iter().map(|name| fold::fold(name)).collect();
    let label = LABELS.iter().find(|label| folded.len() > label.len() && folded.iter().rev().zip(label.iter().rev()).all(|(a, b)| a == b));
    names.truncate(names.len() - label.map_or(0, |label| label.len()));
}

fn is_short_year(digits: &[&str]) -> bool {
    matches!(digits, [year] if year.len() < 4 && year.bytes().all(|b| b.is_ascii_digit()))
}

fn is_like_a_date(digits: &[&str]) -> bool {
    let all = digits.concat();
    let count = all.bytes().filter(u8::is_ascii_digit).count();
    (4..=8).contains(&count) && all.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'-' | b'.'))
}

/// Whether one digit of the year is another one, or two neighbours have changed places, and the rest agrees as far as it is known.
fn is_other_year(typed: BirthDate, recorded: BirthDate) -> bool {
    let [a, b] = [typed, recorded].map(|born| format!("{:04}", born.year()).into_bytes());
    let off: Vec<usize> = (0..4).filter(|at| a.get(*at) != b.get(*at)).collect();
    let is_one_error = match off[..] {
        [_] => true,
        [one, other] => other == one + 1 && a.get(one) == b.get(other) && a.get(other) == b.get(one),
        _ => false,
    };
    is_one_error && typed.in_year(recorded.year()).is_none_or(|typed| typed.agrees_with(recorded))
}

fn is_swapped(typed: chrono::NaiveDate, recorded: chrono::NaiveDate) -> bool {
    use chrono::Datelike;
    (typed.day(), typed.month()) == (recorded.month(), recorded.day())
}

/// How the birth dates agree. In the order in which people are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BirthFit {
    /// The same day.
    Equal,
    /// As far as both are known.
    Year,
    /// None was typed.
    NotTyped,
    /// Day and month have changed places.
    Swapped,
    /// The year only: another day is recorded.
    Differs,
    /// Another year, by one error, and otherwise the same as far as both are known.
    OtherYear,
}

impl BirthFit {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Year => "year",
            Self::NotTyped => "not_typed",
            Self::Swapped => "swapped",
            Self::Differs => "differs",
            Self::OtherYear => "other_year",
        }
    }

    fn is_mistake(self) -> bool {
        matches!(self, Self::Swapped | Self::Differs | Self::OtherYear)
    }
}

/// In what a name that was typed differs from the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameDifference {
    /// A letter of one word: put, lost, another, or in its neighbour's place.
    Letter,
    /// Words of the recorded name were not typed.
    Part,
    /// The order of the words.
    Order,
    /// Accents, or that there are none.
    Accents,
}

impl NameDifference {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Part => "part",
            Self::Order => "order",
            Self::Accents => "accents",
        }
    }
}

/// The one mistake that is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Mistake {
    None,
    BirthDate,
    Letter,
}

/// How what was typed fits a person: whoever it fits better is the smaller. Mistakes weigh most, then words that were not typed, then how much of
/// the birth date agrees; order and accents, which most people leave out, weigh least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fit {
    mistake: Mistake,
    missing: u8,
    birth: BirthFit,
    has_order: bool,
    has_accents: bool,
}

impl Fit {
    /// `None`: two mistakes are a person whom nobody meant.
    fn of(pairs: &Pairs, birth: BirthFit, has_accents: bool, recorded: usize) -> Option<Self> {
        let mistake = match (pairs.near, birth.is_mistake()) {
            (None, false) => Mistake::None,
            (None, true) => Mistake::BirthDate,
            (Some(_), false) => Mistake::Letter,
            (Some(_), true) => return None,
        };
        let missing = u8::try_from(recorded.saturating_sub(pairs.of.len())).unwrap_or(u8::MAX);
        Some(Self { mistake, missing, birth, has_order: !pairs.is_in_order, has_accents })
    }

    /// Whether a mistake was forgiven.
    pub fn has_mistake(self) -> bool {
        self.mistake != Mistake::None
    }

    /// How the birth dates agree.
    pub fn birth(self) -> BirthFit {
        self.birth
    }

    /// In what the names differ; empty: in nothing.
    pub fn name(self) -> Vec<NameDifference> {
        let differences = [
            (self.mistake == Mistake::Letter, NameDifference::Letter),
            (self.missing > 0, NameDifference::Part),
            (self.has_order, NameDifference::Order),
            (self.has_accents, NameDifference::Accents),
        ];
        differences.into_iter().filter(|(differs, _)| *differs).map(|(_, difference)| difference).collect()
    }
}

/// A person whom what was typed fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The person's card.
    pub record: Box<CardRecord>,
    /// How.
    pub fit: Fit,
}

/// The people whom it fits, best first; people whom it fits equally well by name, birth date and number, so that the same question has the same answer.
pub fn rank(query: &Query, records: impl IntoIterator<Item = CardRecord>) -> Vec<Candidate> {
    let fitting = |record: CardRecord| {
        let fit = query.fit(&record.name, record.birth_date)?;
        Some(Candidate { record: Box::new(record), fit })
    };
    let mut candidates: Vec<_> = records.into_iter().filter_map(fitting).collect();
    let is_of_year = |candidate: &Candidate| candidate.fit.birth != BirthFit::OtherYear;
    if candidates.iter().any(is_of_year) {
        candidates.retain(is_of_year);
    }
    candidates.sort_by(|a, b| a.fit.cmp(&b.fit).then_with(|| by_name(&a.record, &b.record)));
    candidates
}

fn by_name(a: &CardRecord, b: &CardRecord) -> Ordering {
    let key = |record: &CardRecord| (record.name.folded(), record.name.clone(), record.birth_date.to_iso(), record.card_number.clone());
    key(a).cmp(&key(b))
}

/// Which of the words typed, by their bits, a recorded word is, and which it is but for one error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Edges {
    exact: u16,
    near: u16,
}

impl Edges {
    fn and(self, other: Self) -> Self {
        Self { exact: self.exact | other.exact, near: self.near | other.near }
    }

    /// The words typed, of so many, that are no recorded word without an error.
    fn missing(self, typed: usize) -> u16 {
        u16::MAX >> (MOST_WORDS.saturating_sub(typed)).min(15) & !self.exact
    }

    /// Whether of so many words typed at most one needs an error, and has one: quickly told, and true of everybody who fits.
    fn may_cover(self, typed: usize) -> bool {
        let missing = self.missing(typed);
        missing & !self.near == 0 && missing.count_ones() < 2
    }
}

/// Every word typed with the recorded word it is.
struct Pairs {
    /// By the word typed.
    of: Vec<usize>,
    /// The word typed with an error.
    near: Option<usize>,
    is_in_order: bool,
}

/// Finds for every word typed a recorded word of its own: without an error if possible, and else with one; in the order typed if possible.
fn pair(typed: usize, recorded: &[Edges]) -> Option<Pairs> {
    let all = recorded.iter().fold(Edges::default(), |all, edges| all.and(*edges));
    if typed > recorded.len() || !all.may_cover(typed) {
        return None;
    }
    let (missing, near) = (all.missing(typed), all.near);
    let all_exact = (missing == 0).then_some(None);
    // Also of words that are there exactly: `Lan Lam` is no `Lan Lan` but for one letter of either.
    let with_error = (0..typed).filter(|at| (missing & !(1 << at)) == 0 && near & (1 << at) != 0).map(Some);
    all_exact.into_iter().chain(with_error).find_map(|near| {
        let may = |at: usize, edges: &Edges| (edges.exact | if near == Some(at) { edges.near } else { 0 }) & (1 << at) != 0;
        let pairs = |of, is_in_order| Pairs { of, near, is_in_order };
        in_order(typed, recorded, may).map(|of| pairs(of, true)).or_else(|| in_any_order(typed, recorded, may).map(|of| pairs(of, false)))
    })
}

/// The earliest recorded word for each: if there is any way to pair them in order, this is one.
fn in_order(typed: usize, recorded: &[Edges], may: impl Fn(usize, &Edges) -> bool) -> Option<Vec<usize>> {
    let mut rest = recorded.iter().enumerate();
    (0..typed).map(|at| rest.by_ref().find(|(_, edges)| may(at, edges)).map(|(to, _)| to)).collect()
}

/// A pairing by augmenting paths.
fn in_any_order(typed: usize, recorded: &[Edges], may: impl Fn(usize, &Edges) -> bool) -> Option<Vec<usize>> {
    let mut taken_by: Vec<Option<usize>> = vec![None; recorded.len()];
    for at in 0..typed {
        let mut seen = vec![false; recorded.len()];
        if !place(at, recorded, &may, &mut taken_by, &mut seen) {
            return None;
        }
    }
    (0..typed).map(|at| taken_by.iter().position(|by| *by == Some(at))).collect()
}

/// Gives a word a recorded one, moving others where they have a choice. Deep as there are words at most.
fn place(at: usize, recorded: &[Edges], may: &impl Fn(usize, &Edges) -> bool, taken_by: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for (to, edges) in recorded.iter().enumerate() {
        if seen[to] || !may(at, edges) {
            continue;
        }
        seen[to] = true;
        if taken_by[to].is_none_or(|other| place(other, recorded, may, taken_by, seen)) {
            taken_by[to] = Some(at);
            return true;
        }
    }
    false
}

#[cfg(test)]
#[path = "search/tests.rs"]
mod tests;
