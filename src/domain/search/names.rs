//! The names of a roster, ready to be searched.
//!
//! Promise: finds everybody whom a query fits, and no more than it says; small: about thirty bytes per person, for words are kept once for all who
//! have them. Made of the rows of one state of the roster and never changed: whoever holds it knows of which. Never: an answer by itself; the rows
//! it points to are read and judged again.

use core::fmt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::Datelike;
use chrono::NaiveDate;

use super::super::person::BirthDate;
use super::Edges;
use super::Fit;
use super::Query;
use super::fold;

/// A key of the roster: twelve digits, or ten where there is no personal id. Another length is no key that a record has.
#[derive(Clone, Copy)]
struct Key([u8; 12]);

impl Key {
    fn new(id: &str) -> Option<Self> {
        let mut key = [0; 12];
        key.get_mut(..id.len())?.copy_from_slice(id.as_bytes());
        matches!(id.len(), 10 | 12).then_some(Self(key))
    }

    fn text(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

/// A birth date in four bytes; a part that is not known is zero.
#[derive(Clone, Copy)]
struct Born(u32);

impl Born {
    fn new(born: BirthDate) -> Self {
        let (month, day) = match born {
            BirthDate::Day(day) => (day.month(), day.day()),
            BirthDate::Month { month, .. } => (month, 0),
            BirthDate::Year(_) => (0, 0),
        };
        Self(u32::try_from(born.year()).unwrap_or(0) << 9 | month << 5 | day)
    }

    fn year(self) -> u32 {
        self.0 >> 9
    }

    fn date(self) -> BirthDate {
        let (year, month, day) = (i32::try_from(self.year()).unwrap_or(0), self.0 >> 5 & 15, self.0 & 31);
        match (month, NaiveDate::from_ymd_opt(year, month, day)) {
            (_, Some(day)) => BirthDate::Day(day),
            (0, None) => BirthDate::Year(year),
            (month, None) => BirthDate::Month { year, month },
        }
    }
}

struct Person {
    /// Where this person's words end in [`NameIndex::words`].
    end: u32,
    born: Born,
    key: Key,
}

/// The names.
#[derive(Default)]
pub struct NameIndex {
    dictionary: Vec<Box<str>>,
    letters: Vec<u32>,
    words: Vec<u32>,
    people: Vec<Person>,
}

impl fmt::Debug for NameIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameIndex({} people, {} words)", self.people.len(), self.dictionary.len())
    }
}

/// Takes people one after the other.
#[derive(Default)]
pub struct NameIndexBuilder {
    index: NameIndex,
    /// Words as written: a word is folded once, however many people have it.
    written: HashMap<Box<str>, u32>,
    folded: HashMap<Box<str>, u32>,
}

impl NameIndexBuilder {
    /// Takes a row. One whose key, name or birth date cannot be read is nobody who can be shown.
    pub fn add(&mut self, id: &str, name: &str, born: &str) {
        let (Some(key), Ok(born)) = (Key::new(id), BirthDate::parse_iso(born)) else { return };
        for part in fold::parts(name) {
            let word = self.word(part);
            self.index.words.push(word);
        }
        let end = u32::try_from(self.index.words.len()).unwrap_or(u32::MAX);
        self.index.people.push(Person { end, born: Born::new(born), key });
    }

    fn word(&mut self, written: &str) -> u32 {
        if let Some(word) = self.written.get(written) {
            return *word;
        }
        let dictionary = &mut self.index.dictionary;
        let word = match self.folded.entry(fold::fold(written).into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                dictionary.push(new.key().clone());
                *new.insert(u32::try_from(dictionary.len() - 1).unwrap_or(u32::MAX))
            }
        };
        self.written.insert(written.into(), word);
        word
    }

    /// Ready.
    pub fn finish(mut self) -> NameIndex {
        self.index.letters = self.index.dictionary.iter().map(|word| fold::letters(word)).collect();
        self.index.words.shrink_to_fit();
        self.index.people.shrink_to_fit();
        self.index
    }
}

/// Whom a query fits.
#[derive(Clone, PartialEq, Eq)]
pub struct Hits {
    /// How many.
    pub total: usize,
    /// How many of them without a mistake.
    pub unmistaken: usize,
    /// The keys of the best, best first as far as names without accents tell.
    pub best: Vec<Box<str>>,
}

impl fmt::Debug for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hits({} of {}, {} without a mistake)", self.best.len(), self.total, self.unmistaken)
    }
}

impl NameIndex {
    /// Whom the query fits: all are counted, and the best `keep` named. An error in the year is thought of only where nobody of the year fits.
    pub fn find(&self, query: &Query, keep: usize) -> Hits {
        let edges = self.edges(query);
        let year = query.born.map(|born| Born::new(born).year());
        let found = self.find_in(query, &edges, year, keep);
        if found.total > 0 || year.is_none() { found } else { self.find_in(query, &edges, None, keep) }
    }

    /// The same of those born in a year, or of all.
    fn find_in(&self, query: &Query, edges: &[Edges], year: Option<u32>, keep: usize) -> Hits {
        let mut fitting: Vec<(Fit, u32)> = Vec::new();
        let mut recorded = Vec::with_capacity(fold::MOST_WORDS);
        let mut start = 0;
        for (at, person) in (0..).zip(&self.people) {
            let words = &self.words[start..person.end as usize];
            start = person.end as usize;
            if year.is_some_and(|year| year != person.born.year()) {
                continue;
            }
            let mut all = Edges::default();
            recorded.clear();
            for word in words {
                let edges = edges[*word as usize];
                all = all.and(edges);
                recorded.push(edges);
            }
            if !all.may_cover(query.words.len()) {
                continue;
            }
            let fit = query.birth(person.born.date()).and_then(|birth| {
                let pairs = super::pair(query.words.len(), &recorded)?;
                Fit::of(&pairs, birth, false, recorded.len())
            });
            fitting.extend(fit.map(|fit| (fit, at)));
        }
        let total = fitting.len();
        let unmistaken = fitting.iter().filter(|(fit, _)| !fit.has_mistake()).count();
        if total > keep && keep > 0 {
            fitting.select_nth_unstable(keep - 1);
        }
        fitting.truncate(keep);
        fitting.sort_unstable();
        let key = |at: u32| self.people.get(at as usize).map(|person| person.key.text().into());
        Hits { total, unmistaken, best: fitting.into_iter().filter_map(|(_, at)| key(at)).collect() }
    }

    /// Which of the words typed each word of the dictionary may be.
    fn edges(&self, query: &Query) -> Vec<Edges> {
        let bits = |folded: &str| fold::letters(folded);
        let typed: Vec<_> =
            query.words.iter().flat_map(|word| [Some(bits(&word.folded)), word.bare.as_deref().map(bits)]).flatten().collect();
        let may_be = |letters: u32| typed.iter().any(|bits| (bits ^ letters).count_ones() <= 2);
        let edges = |word: &str, letters: u32| if may_be(letters) { query.edges(word) } else { Edges::default() };
        self.dictionary.iter().zip(&self.letters).map(|(word, letters)| edges(word, *letters)).collect()
    }

    /// People in it.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.dictionary.iter().map(|word| word.len()).sum();
        texts + size_of_val(&*self.dictionary) + size_of_val(&*self.letters) + size_of_val(&*self.words) + size_of_val(&*self.people)
    }
}
