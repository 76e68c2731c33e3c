//! The words of the page, in message files: what stands in a template, on a button or in a fixed sentence, in Vietnamese and in English.
//!
//! Promise: each section is a pair of files, `NAME.vi.toml` and `NAME.en.toml`, beside the struct that says what is in it; a message that is missing, unknown
//! or empty in one language, or fills in something else there, fails a test, and one that nobody shows does not compile. Never: a word of law, which is
//! a row of the rules; a person's data.
//!
//! Sentences that are put together from what is the matter (notices, verdicts) are made in [`super::words`].

mod asking;
mod coverage;
mod day;
mod desks;
mod help;
mod operators;
mod page;
mod paper;
mod problems;
mod renewals;
mod search;
mod verdict;
mod visit;
mod visits;

use core::fmt;
use core::fmt::Display;
use std::sync::LazyLock;

use serde::Deserialize;

use super::words::Sentence;

pub(crate) use asking::Asking;
pub(crate) use coverage::Coverage;
pub(crate) use day::Day;
pub(crate) use desks::Desks;
pub(crate) use help::Help;
pub(crate) use help::Piece;
pub(crate) use operators::Operators;
pub(crate) use page::Page;
pub(crate) use paper::PaperWords;
pub(crate) use problems::Problems;
pub(crate) use renewals::Renewals;
pub(crate) use search::Search;
pub(crate) use verdict::Verdict;
pub(crate) use visit::Visit;
pub(crate) use visits::Visits;

/// In which language the page speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// The first.
    #[default]
    Vietnamese,
    /// For whoever helps from afar.
    English,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// The tag of HTML, cookies and command lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    /// The one that is not spoken now.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Vietnamese => Self::English,
            Self::English => Self::Vietnamese,
        }
    }

    /// Reads the tag.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// One message. What is filled in stands in braces, by name.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct Text(Box<str>);

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text {
    /// The message with a name filled in. What is filled in may itself hold braces.
    pub(crate) fn with(&self, name: &'static str, value: impl Display) -> Filled<'_> {
        Filled { text: &self.0, values: Vec::new() }.with(name, value)
    }
}

/// A message with names filled in: all of them, by the time it is shown.
#[derive(Debug)]
pub(crate) struct Filled<'t> {
    text: &'t str,
    values: Vec<(&'static str, String)>,
}

impl Filled<'_> {
    /// The same with another name filled in.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }
}

impl Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, name, after)) = next_name(rest) {
            let value = self.values.iter().find(|(known, _)| *known == name);
            debug_assert!(value.is_some(), "nothing to fill in for {name} in {}", self.text);
            f.write_str(before)?;
            f.write_str(value.map_or("", |(_, value)| value))?;
            rest = after;
        }
        f.write_str(rest)
    }
}

/// The text before the next name in braces, the name, and the text after it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// All messages of a language.
#[derive(Debug)]
pub struct Messages {
    /// In which language they are.
    pub(crate) language: Language,
    /// While an answer takes its time.
    pub(crate) asking: Asking,
    /// What stands on every page.
    pub(crate) page: Page,
    /// What cannot be done.
    pub(crate) problems: Problems,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Saved visits.
    pub(crate) visits: Visits,
    /// What is said where a name was typed.
    pub(crate) search: Search,
    /// What stands on paper.
    pub(crate) paper: PaperWords,
    /// What is said around a visit.
    pub(crate) visit: Visit,
    /// What is said about signing in and about accounts.
    pub(crate) operators: Operators,
    /// Letting other desks in.
    pub(crate) desks: Desks,
    /// The end of the day.
    pub(crate) day: Day,
    /// Whose card ends soon.
    pub(crate) renewals: Renewals,
    /// How many cards are in force.
    pub(crate) coverage: Coverage,
    /// How to use all of it.
    pub(crate) help: Help,
}

/// The two files of a section, Vietnamese first, as they stand in the program.
type Files = [&'static str; 2];

fn section<S: for<'de> Deserialize<'de>>(files: Files, language: Language) -> Result<S, toml::de::Error> {
    toml::from_str(match language {
        Language::Vietnamese => files[0],
        Language::English => files[1],
    })
}

impl Messages {
    fn read(language: Language) -> Result<Self, toml::de::Error> {
        Ok(Self {
            language,
            asking: section(asking::FILES, language)?,
            coverage: section(coverage::FILES, language)?,
            day: section(day::FILES, language)?,
            desks: section(desks::FILES, language)?,
            help: Help::read(language)?,
            operators: section(operators::FILES, language)?,
            page: section(page::FILES, language)?,
            paper: section(paper::FILES, language)?,
            problems: section(problems::FILES, language)?,
            renewals: section(renewals::FILES, language)?,
            search: section(search::FILES, language)?,
            verdict: section(verdict::FILES, language)?,
            visit: section(visit::FILES, language)?,
            visits: section(visits::FILES, language)?,
        })
    }

    /// A sentence in this language.
    pub(crate) fn say<'s>(&self, sentence: &'s Sentence) -> &'s str {
        sentence.of(self.language)
    }

    /// Those of a language.
    pub fn of(language: Language) -> &'static Self {
        static ALL: LazyLock<[Messages; 2]> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them")]
            Language::ALL.map(|language| Messages::read(language).expect("the message files fit their structs"))
        });
        let [vietnamese, english] = &*ALL;
        match language {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;

    /// Every pair of files. A section that is not here is not read by any test but its own.
    const SECTIONS: &[Files] = &[
        asking::FILES,
        coverage::FILES,
        day::FILES,
        desks::FILES,
        operators::FILES,
        page::FILES,
        paper::FILES,
        problems::FILES,
        renewals::FILES,
        search::FILES,
        verdict::FILES,
        visit::FILES,
        visits::FILES,
    ];

    fn names(text: &str) -> Vec<&str> {
        let (mut names, mut rest) = (Vec::new(), text);
        while let Some((_, name, after)) = next_name(rest) {
            names.push(name);
            rest = after;
        }
        names.sort_unstable();
        names
    }

    /// What is wrong with a pair of files.
    fn faults([vi, en]: Files) -> Vec<String> {
        let [vi, en] = [vi, en].map(|file| file.parse::<Table>().unwrap());
        let mut faults = Vec::new();
        for (key, value) in &vi {
            let text = value.as_str().unwrap();
            let Some(other) = en.get(key).and_then(toml::Value::as_str) else {
                faults.push(format!("{key}: not in English"));
                continue;
            };
            if text.trim().is_empty() || other.trim().is_empty() {
                faults.push(format!("{key}: empty"));
            }
            if names(text) != names(other) {
                faults.push(format!("{key}: {:?} are filled in, and {:?} in English", names(text), names(other)));
            }
        }
        faults.extend(en.keys().filter(|key| !vi.contains_key(*key)).map(|key| format!("{key}: in English only")));
        let counted = en.iter().filter(|(_, text)| text.as_str().is_some_and(counts_a_plural));
        faults.extend(counted.map(|(key, _)| format!("{key}: wrong where there is one of them")));
        faults
    }

    /// `1 visits`: a number that may be one stands after the word, or before a unit.
    fn counts_a_plural(english: &str) -> bool {
        const COUNTS: [&str; 6] = ["count", "days", "left", "minutes", "n", "open"];
        let (mut rest, mut found) = (english, false);
        while let Some((_, name, after)) = next_name(rest) {
            let word = after.strip_prefix(' ').and_then(|after| after.split(|c: char| !c.is_alphabetic()).next()).unwrap_or_default();
            found |= COUNTS.contains(&name) && (word == "people" || word.len() > 3 && word.ends_with('s'));
            rest = after;
        }
        found
    }

    #[test]
    fn both_languages_are_complete_and_fill_in_the_same() {
        for language in Language::ALL {
            assert_eq!(Messages::of(language).language, language);
        }
        for &files in SECTIONS {
            assert_eq!(faults(files), [""; 0]);
        }
        // What would be found.
        assert_eq!(faults(["a = '1'\nb = '{n} lượt'\nd = ' '", "b = '{m}'\nc = '2'\nd = '3'"]).len(), 4);
        assert_eq!(faults(["a = '{n} lượt'", "a = '{n} visits'"]).len(), 1);
    }

    #[test]
    fn what_is_filled_in_stands_where_its_name_stood_and_is_not_filled_again() {
        let text = Text("Và {count} lượt {count} {who}.".into());
        assert_eq!(text.with("count", 3).with("who", "{count}").to_string(), "Và 3 lượt 3 {count}.");
    }

    #[test]
    fn a_language_is_read_by_its_tag_only() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.code()), Some(language));
        }
        assert_eq!(Language::parse("fr"), None);
    }
}
