//! A sentence in both languages, and how it tells the time.
//!
//! Promise: both languages say the same; an hour stands alone only on its own day, and no hour is told by a clock that is in doubt. Never: a sentence in
//! one language.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::clock;
use crate::domain::clock::Now;

/// What is said, in Vietnamese and in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// For the desk.
    pub vi: String,
    /// For whoever helps from afar.
    pub en: String,
}

impl Sentence {
    pub(crate) fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// What is the same in every language: a command, a number.
    pub(crate) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { vi: text.clone(), en: text }
    }

    /// What the message files say, in both languages.
    pub(crate) fn of_both(say: impl Fn(&Messages) -> String) -> Self {
        let [vi, en] = Language::ALL.map(|language| say(Messages::of(language)));
        Self { vi, en }
    }

    /// The one of a language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Vietnamese => &self.vi,
            Language::English => &self.en,
        }
    }

    /// What a program found stands after it in brackets, for whoever helps.
    pub(crate) fn because(self, found: &str) -> Self {
        Self { vi: format!("{} ({found})", self.vi), en: format!("{} ({found})", self.en) }
    }

    /// Puts another one after it.
    pub(crate) fn and(self, next: &Self) -> Self {
        Self { vi: self.vi + &next.vi, en: self.en + &next.en }
    }

    /// Puts a beginning before it, in both languages.
    pub(super) fn after(self, vi: &str, en: &str) -> Self {
        Self { vi: format!("{vi}: {}", in_mid_sentence(&self.vi)), en: format!("{en}: {}", in_mid_sentence(&self.en)) }
    }
}

/// A first letter becomes small, unless the word is written in capitals.
fn in_mid_sentence(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(text.chars().skip(1)).collect(),
        _ => text.to_owned(),
    }
}

/// By which day hours are told, and whether they are told at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    today: NaiveDate,
    is_sure: bool,
}

impl Telling {
    /// As the clock allows: a suspect one's hours would mislead.
    pub fn by(now: &Now) -> Self {
        Self { today: now.day(), is_sure: !now.state.is_suspect() }
    }

    /// The hour, with the day where it is another one than today.
    pub(super) fn when(self, at: DateTime<Utc>) -> String {
        if clock::vietnam_day(at) == self.today { super::hour(at) } else { super::instant(at) }
    }

    /// An instant told by our own clock with a word before it, in both languages; nothing where it is not known or not told.
    pub(super) fn at(self, at: Option<DateTime<Utc>>, vi: &str, en: &str) -> (String, String) {
        match at.filter(|_| self.is_sure) {
            Some(at) => (format!(" {vi} {}", self.when(at)), format!(" {en} {}", self.when(at))),
            None => (String::new(), String::new()),
        }
    }

    /// Since when.
    pub(super) fn since(self, at: Option<DateTime<Utc>>) -> (String, String) {
        self.at(at, "từ", "since")
    }
}
