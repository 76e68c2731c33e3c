//! Takes the keys of a TOML document one by one and keeps every problem met on the way.
//!
//! Promise: one mistake hides no other; a key nobody took is a problem, with the key that was probably meant. Never: a stop at the
//! first problem, or the value of an unknown key, which may be a secret that belongs elsewhere.

use core::ops::Range;
use std::collections::BTreeSet;
use std::fs;
use std::io;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use super::ConfigProblem;
use super::KEYS;
use super::Position;
use super::Reason;
use super::TABLES;
use super::problem;
use super::problem::shown;
use super::values;
use crate::domain::rules::RuleTables;
use crate::ops::rules;

/// A table of the document: the document itself or one of its sections.
pub(super) struct Section<'s> {
    source: &'s str,
    name: &'static str,
    left: DeTable<'s>,
    /// Where the values of the keys taken so far were written.
    taken: Vec<(&'static str, Range<usize>)>,
    refused: BTreeSet<&'static str>,
    problems: Vec<ConfigProblem>,
}

impl<'s> Section<'s> {
    /// Reads the text. All its syntax errors come at once; the keys of a text that is no TOML are not looked at.
    pub(super) fn document(source: &'s str) -> Result<Self, Vec<ConfigProblem>> {
        let (table, errors) = DeTable::parse_recoverable(source);
        if errors.is_empty() {
            return Ok(Self::of(source, table.into_inner()));
        }
        let problem = |error: toml::de::Error| ConfigProblem {
            position: error.span().map(|span| position(source, span.start)),
            key: None,
            value: None,
            reason: Reason::new(format!("sai cú pháp TOML ({})", error.message()), format!("is no TOML ({})", error.message())),
        };
        let mut problems: Vec<_> = errors.into_iter().map(problem).collect();
        problems.sort_by_key(|problem| problem.position);
        Err(problems)
    }

    /// The document itself, read before.
    pub(super) fn of(source: &'s str, table: DeTable<'s>) -> Self {
        Self::new(source, "", table)
    }

    fn new(source: &'s str, name: &'static str, left: DeTable<'s>) -> Self {
        Self { source, name, left, taken: Vec::new(), refused: BTreeSet::new(), problems: Vec::new() }
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'s>>> {
        debug_assert!(known().any(|known| known == self.full(key)), "{key} is not listed");
        let value = self.left.remove(key)?;
        self.taken.push((key, value.span()));
        Some(value)
    }

    /// A value that has to be there.
    pub(super) fn required<T>(&mut self, key: &'static str, parse: fn(&DeValue<'_>) -> Result<T, Reason>) -> Option<T> {
        if !self.left.contains_key(key) {
            let [vi, en] = problem::example(key);
            self.refuse(key, Reason::new(format!("thiếu; {vi}"), format!("missing; {en}")));
            return None;
        }
        self.optional(key, parse)
    }

    /// A value that may be missing. One that cannot be read counts as missing once it is among the problems.
    pub(super) fn optional<T>(&mut self, key: &'static str, parse: fn(&DeValue<'_>) -> Result<T, Reason>) -> Option<T> {
        let value = self.take(key)?;
        parse(value.get_ref()).map_err(|reason| self.refuse(key, reason)).ok()
    }

    /// The rule tables of a folder, or the built-in ones. Every problem of the tables is one of the key.
    pub(super) fn rules(&mut self, key: &'static str) -> Option<RuleTables> {
        let folder = self.optional(key, values::path);
        if self.refused(key) {
            return None;
        }
        if let Some(Err(error)) = folder.as_ref().map(fs::read_dir) {
            // Said once, and not of every file that is not in it.
            let reason = |vi: &str, en: &str| Reason::new(format!("{vi} ({error})"), format!("{en} ({error})"));
            self.refuse(
                key,
                match error.kind() {
                    io::ErrorKind::NotFound => reason(
                        "không có thư mục này; bỏ dòng này để dùng bảng quy tắc có sẵn",
                        "there is no such folder; without this line the built-in rules are used",
                    ),
                    _ => reason("không đọc được thư mục này; kiểm tra quyền", "this folder cannot be read; check its permissions"),
                },
            );
            return None;
        }
        let read = folder.map_or_else(rules::builtin, |folder| rules::load(&folder));
        read.map_err(|error| error.problems.iter().for_each(|problem| self.refuse(key, Reason::found(problem.to_string())))).ok()
    }

    /// A section; an empty one where it is not written.
    pub(super) fn table(&mut self, name: &'static str) -> Section<'s> {
        self.optional_table(name).unwrap_or_else(|| Self::new(self.source, name, DeTable::new()))
    }

    /// A section, if it is written.
    pub(super) fn optional_table(&mut self, name: &'static str) -> Option<Section<'s>> {
        if let DeValue::Table(table) = self.take(name)?.into_inner() {
            return Some(Self::new(self.source, name, table));
        }
        let vi = format!("là một bảng; hãy viết [{name}] trên một dòng riêng");
        self.refuse(name, Reason::new(vi, format!("is a table; write [{name}] on a line of its own")));
        None
    }

    /// Adds a problem with a key, at the place where its value is written.
    pub(super) fn refuse(&mut self, key: &'static str, reason: Reason) {
        let span = self.taken.iter().find(|(name, _)| *name == key).map(|(_, span)| span.clone());
        self.refused.insert(key);
        self.problems.push(ConfigProblem {
            position: span.as_ref().map(|span| position(self.source, span.start)),
            value: span.and_then(|span| self.source.get(span)).and_then(|written| shown(key, written)),
            key: Some(self.full(key).into()),
            reason,
        });
    }

    /// Whether a key is in the file.
    pub(super) fn written(&self, key: &'static str) -> bool {
        self.taken.iter().any(|(name, _)| *name == key)
    }

    /// Whether there is a problem with a key already, so that comparing its stand-in would only make up another one.
    pub(super) fn refused(&self, key: &'static str) -> bool {
        self.refused.contains(key)
    }

    /// Takes over the problems of a section that was read.
    pub(super) fn close(&mut self, section: Section<'_>) {
        self.problems.extend(section.finish());
    }

    /// All problems, in the order of the file; missing keys last.
    pub(super) fn finish(mut self) -> Vec<ConfigProblem> {
        let unknown: Vec<_> = self.left.keys().map(|key| (key.get_ref().to_string(), key.span())).collect();
        for (key, span) in unknown {
            let full = self.full(&key);
            let nothing = || ["hãy xóa dòng này".to_owned(), "take this line out".to_owned()];
            let [vi, en] = probably_meant(&full).map_or_else(nothing, |known| suggestion(known, self.name));
            self.problems.push(ConfigProblem {
                position: Some(position(self.source, span.start)),
                key: Some(full.into()),
                value: None,
                reason: Reason::new(format!("không có khóa này; {vi}"), format!("there is no such key; {en}")),
            });
        }
        self.problems.sort_by_key(|problem| (problem.position.is_none(), problem.position));
        self.problems
    }
}

pub(super) fn position(source: &str, at: usize) -> Position {
    let before = source.get(..at).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// Everything that may be written: keys and tables.
fn known() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(TABLES)
}

fn suggestion(known: &str, written_in: &str) -> [String; 2] {
    let (what, vi, en) = match known.split_once('.') {
        None if TABLES.contains(&known) => return [format!("có phải là bảng [{known}]?"), format!("is it the table [{known}]?")],
        Some((table, key)) if table == written_in => (key, String::new(), String::new()),
        Some((table, key)) => (key, format!(" trong bảng [{table}]"), format!(" in the table [{table}]")),
        None if written_in.is_empty() => (known, String::new(), String::new()),
        None => {
            return [
                format!("có phải là {known}? Khóa đó đứng ở đầu tệp, trước mọi bảng [...]"),
                format!("is it {known}? That key stands at the top of the file, before any table [...]"),
            ];
        }
    };
    [format!("có phải là {what}{vi}?"), format!("is it {what}{en}?")]
}

/// A slip of the finger changes two characters at most; more would suggest keys that have nothing to do with it.
const LONGEST_SLIP: usize = 2;

/// The key somebody meant: the same name in another table, or one that differs by a slip.
pub(super) fn probably_meant(full: &str) -> Option<&'static str> {
    let leaf = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let written = leaf(full).replace('_', "-").to_lowercase();
    let elsewhere = known().find(|known| leaf(known) == written);
    elsewhere.or_else(|| {
        let near = known().map(|known| (distance(&leaf(known), &written), known)).min()?;
        (near.0 <= LONGEST_SLIP).then_some(near.1)
    })
}

/// Levenshtein's distance.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
