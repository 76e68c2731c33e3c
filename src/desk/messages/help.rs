//! The manual of the desk, written for a receptionist: one chapter for each task.
//!
//! Promise: what a button, a field or an answer is called is the page's own word, taken by its name; both languages have the same chapters and steps.
//! Never: such a word written a second time; a person's data.

use serde::Deserialize;
use toml::Table;

use super::Files;
use super::Language;
use super::Text;
use super::next_name;
use super::section;

pub(super) const FILES: Files = [include_str!("help.vi.toml"), include_str!("help.en.toml")];

/// Whose words the manual may take, and under which name.
const SOURCES: [(&str, Files); 9] = [
    ("day", super::day::FILES),
    ("desks", super::desks::FILES),
    ("operators", super::operators::FILES),
    ("page", super::page::FILES),
    ("paper", super::paper::FILES),
    ("search", super::search::FILES),
    ("verdict", super::verdict::FILES),
    ("visit", super::visit::FILES),
    ("visits", super::visits::FILES),
];

/// The messages of `help.vi.toml` and `help.en.toml`.
#[derive(Debug)]
pub(crate) struct Help {
    /// Heading.
    pub(crate) title: Text,
    /// The link to it.
    pub(crate) open: Text,
    /// The link back.
    pub(crate) back: Text,
    /// The button that prints it.
    pub(crate) print: Text,
    /// Over the list of chapters.
    pub(crate) contents: Text,
    /// What it is.
    pub(crate) about: Text,
    /// In the order in which they are needed.
    pub(crate) chapters: Vec<Chapter>,
}

/// How to do one thing.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// Its address within the page, and the name of its picture.
    pub(crate) name: Box<str>,
    /// Heading.
    pub(crate) title: Box<str>,
    /// What is to be seen in the picture.
    pub(crate) picture: Box<str>,
    /// What to do, in order.
    pub(crate) steps: Vec<Told>,
    /// What something means, or what to do then.
    pub(crate) table: Vec<[Told; 2]>,
    /// What is good to know beside.
    pub(crate) notes: Vec<Told>,
}

/// A sentence of the manual.
pub(crate) type Told = Vec<Piece>;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The manual's own words.
    Text(Box<str>),
    /// What stands on the page.
    Label(Box<str>),
    /// A key.
    Key(Box<str>),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: Text,
    open: Text,
    back: Text,
    print: Text,
    contents: Text,
    about: Text,
    chapter: Vec<WrittenChapter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChapter {
    name: Box<str>,
    title: Box<str>,
    picture: Box<str>,
    #[serde(default)]
    steps: Vec<Box<str>>,
    #[serde(default)]
    table: Vec<[Box<str>; 2]>,
    #[serde(default)]
    notes: Vec<Box<str>>,
}

impl Help {
    pub(super) fn read(language: Language) -> Result<Self, toml::de::Error> {
        let Written { title, open, back, print, contents, about, chapter } = section(FILES, language)?;
        let labels = Labels::read(language)?;
        let told = |text: &str| labels.fill(text);
        let all = |texts: Vec<Box<str>>| texts.iter().map(|text| told(text)).collect::<Result<Vec<_>, _>>();
        let chapters = chapter.into_iter().map(|WrittenChapter { name, title, picture, steps, table, notes }| {
            let rows = table.iter().map(|[left, right]| Ok([told(left)?, told(right)?]));
            let table = rows.collect::<Result<_, toml::de::Error>>()?;
            Ok(Chapter { name, title, picture, steps: all(steps)?, table, notes: all(notes)? })
        });
        let chapters = chapters.collect::<Result<_, toml::de::Error>>()?;
        Ok(Self { title, open, back, print, contents, about, chapters })
    }
}

/// The page's own words by their names.
struct Labels(Vec<(&'static str, Table)>);

impl Labels {
    fn read(language: Language) -> Result<Self, toml::de::Error> {
        SOURCES.into_iter().map(|(name, files)| Ok((name, section(files, language)?))).collect::<Result<_, _>>().map(Self)
    }

    /// What a name stands for; what the page itself fills in is left open.
    fn find(&self, name: &str) -> Option<Box<str>> {
        let (section, key) = name.split_once('.')?;
        let (_, table) = self.0.iter().find(|(known, _)| *known == section)?;
        let (mut label, mut rest) = (String::new(), table.get(key)?.as_str()?);
        while let Some((before, _, after)) = next_name(rest) {
            label.push_str(before);
            label.push('…');
            rest = after;
        }
        label.push_str(rest);
        Some(label.into())
    }

    fn fill(&self, text: &str) -> Result<Told, toml::de::Error> {
        let (mut told, mut rest) = (Told::new(), text);
        loop {
            let opened = rest.find(['{', '[']);
            let (before, after) = rest.split_at(opened.unwrap_or(rest.len()));
            if !before.is_empty() {
                told.push(Piece::Text(before.into()));
            }
            let (end, is_key) = if after.starts_with('[') { (']', true) } else { ('}', false) };
            let Some((name, next)) = after.get(1..).and_then(|inner| inner.split_once(end)) else { break };
            let unknown = || serde::de::Error::custom(format!("{name} is no word of the page, in {text}"));
            told.push(if is_key { Piece::Key(name.into()) } else { Piece::Label(self.find(name).ok_or_else(unknown)?) });
            rest = next;
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Keys that the page or the browser answers to.
    const KEYS: [&str; 9] = ["Enter", "Tab", "Esc", "F1", "F2", "F3", "F4", "F8", "F9"];

    fn keys(told: &Told) -> Vec<&str> {
        told.iter().filter_map(|piece| if let Piece::Key(key) = piece { Some(&**key) } else { None }).collect()
    }

    fn sentences(chapter: &Chapter) -> impl Iterator<Item = &Told> {
        chapter.steps.iter().chain(chapter.table.iter().flatten()).chain(&chapter.notes)
    }

    /// The names and keys of each sentence, as written.
    fn marks(language: Language) -> Vec<(Box<str>, [usize; 3], Vec<String>)> {
        let written: Written = section(FILES, language).unwrap();
        let of = |text: &str| {
            let marked = text.split(['{', '[']).skip(1).map(|rest| rest.split(['}', ']']).next().unwrap().to_owned());
            marked.collect::<Vec<_>>()
        };
        let chapters = written.chapter.into_iter().map(|chapter| {
            let texts = chapter.steps.iter().chain(chapter.table.iter().flatten()).chain(&chapter.notes);
            let marks = texts.flat_map(|text| of(text)).collect();
            (chapter.name, [chapter.steps.len(), chapter.table.len(), chapter.notes.len()], marks)
        });
        chapters.collect()
    }

    #[test]
    fn both_languages_have_the_same_chapters_steps_words_and_keys() {
        let [vietnamese, english] = Language::ALL.map(marks);
        assert_eq!(vietnamese.iter().map(|chapter| &chapter.0).collect::<BTreeSet<_>>().len(), 16);
        for (vietnamese, english) in vietnamese.iter().zip(&english) {
            assert_eq!(vietnamese, english);
        }
        assert_eq!(vietnamese.len(), english.len());
    }

    #[test]
    fn every_chapter_says_something_and_names_only_keys_that_do_something() {
        for language in Language::ALL {
            let help = Help::read(language).unwrap();
            for chapter in &help.chapters {
                let texts = [&chapter.title, &chapter.picture].map(|text| text.trim().len());
                assert!(texts.iter().all(|length| *length > 3) && sentences(chapter).count() >= 4, "{}", chapter.name);
                assert!(chapter.steps.len() <= 5, "{}: short enough to be done", chapter.name);
                for told in sentences(chapter) {
                    assert!(!told.is_empty() && keys(told).iter().all(|key| KEYS.contains(key)), "{told:?}");
                }
            }
            let table = help.chapters.iter().find(|chapter| &*chapter.name == "keys").unwrap();
            let listed: BTreeSet<_> = table.table.iter().flat_map(|[key, _]| keys(key)).collect();
            assert_eq!(listed, BTreeSet::from(KEYS));
        }
    }

    #[test]
    fn a_word_is_the_page_s_own_and_an_unknown_one_is_found_out() {
        let labels = Labels::read(Language::Vietnamese).unwrap();
        let said = labels.fill("Bấm [F2] ({visit.keyed}).").unwrap();
        let pieces = [
            Piece::Text("Bấm ".into()),
            Piece::Key("F2".into()),
            Piece::Text(" (".into()),
            Piece::Label("F2: LƯU …".into()),
            Piece::Text(").".into()),
        ];
        assert_eq!(said, pieces);
        for wrong in ["{visit.nothing}", "{nothing.keyed}", "{keyed}"] {
            assert!(labels.fill(wrong).is_err(), "{wrong}");
        }
    }
}
