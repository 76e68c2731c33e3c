//! How a made-up person's name is typed at the desk: without accents, in another order, with an error.
//!
//! Promise: an error is one letter put, lost, taken for another, or changed places with its neighbour, in one word of two letters or more. Never: a
//! text that a search could not be expected to understand.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bhyt_agent::domain::person::PersonName;
use provincial::Person;
use rand::RngExt;
use rand::rngs::StdRng;

/// The words of a name without accents, in small letters.
pub(crate) fn words(person: &Person) -> Vec<String> {
    PersonName::parse(&person.name).unwrap().folded().split(' ').map(str::to_owned).collect()
}

/// The birth date as people say it, as precisely as it is known.
pub(crate) fn date(person: &Person) -> String {
    person.born.split('-').rev().collect::<Vec<_>>().join("/")
}

/// The birth year.
pub(crate) fn year(person: &Person) -> &str {
    &person.born[..4]
}

/// The words in another order, if they have one.
pub(crate) fn swapped(mut words: Vec<String>, rng: &mut StdRng) -> Vec<String> {
    let by = rng.random_range(1..words.len().max(2));
    let length = words.len();
    words.rotate_left(by % length);
    words
}

/// One of the words with one error.
pub(crate) fn with_error(mut words: Vec<String>, rng: &mut StdRng) -> Vec<String> {
    let long: Vec<_> = (0..words.len()).filter(|at| words[*at].len() > 1).collect();
    let which = long[rng.random_range(0..long.len())];
    words[which] = mistyped(&words[which], rng);
    words
}

/// A word with one error.
pub(crate) fn mistyped(word: &str, rng: &mut StdRng) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = rng.random_range(0..letters.len());
    let letter = char::from(rng.random_range(b'a'..=b'z'));
    match rng.random_range(0..4) {
        0 => letters[at] = letter,
        1 => letters.insert(at, letter),
        2 => drop(letters.remove(at)),
        _ => letters.swap(at, if at == 0 { 1 } else { at - 1 }),
    }
    letters.into_iter().collect()
}
