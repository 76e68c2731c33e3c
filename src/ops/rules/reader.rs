//! How a file of rows is read: each row split into its term and its values, and no two that say something else of the same day.
//!
//! Promise: every problem of a file is found in one go. Never: part of a row.

use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;
use toml::Value;
use toml::value::Datetime;

use super::RuleProblem;
use super::SUPPORT;
use super::VERSION_FILE;
use super::people::SupportDto;
use crate::domain::benefit::BenefitCode;
use crate::domain::facility::ProvinceCode;
use crate::domain::field::Problem;
use crate::domain::rules::SupportRow;
use crate::domain::rules::Term;

pub(super) struct Reader<F> {
    pub(super) text_of: F,
    pub(super) problems: Vec<RuleProblem>,
}

impl<F: Fn(&str) -> Result<String, String>> Reader<F> {
    fn refuse(&mut self, file: &str, row: Option<usize>, reason: impl Into<String>) {
        self.problems.push(RuleProblem { file: file.into(), row, reason: reason.into() });
    }

    fn file(&mut self, file: &str) -> Option<Table> {
        let parsed = (self.text_of)(file).and_then(|text| text.parse::<Table>().map_err(|error| error.to_string().trim_end().to_owned()));
        parsed.map_err(|reason| self.refuse(file, None, reason)).ok()
    }

    pub(super) fn version(&mut self) -> Box<str> {
        let Some(table) = self.file(VERSION_FILE) else { return Box::default() };
        let read = Value::Table(table)
            .try_into::<VersionDto>()
            .map_err(|error| one_line(&error))
            .and_then(|dto| some_text("version", &dto.version));
        read.unwrap_or_else(|reason| {
            self.refuse(VERSION_FILE, None, reason);
            Box::default()
        })
    }

    /// All rows of a file that can be read; the others are among the problems.
    pub(super) fn rows<D: Dto>(&mut self) -> Vec<D::Row> {
        let Some(mut table) = self.file(D::FILE) else { return Vec::new() };
        let values = self.values(D::FILE, &mut table);
        let read = values.into_iter().map(|value| read_row(value, D::into_row).map(|(term, row)| (D::key(&row), term, row)));
        self.taken(D::FILE, read)
    }

    /// The subsidies of a province, whose code is at the top of its file and in the file's name.
    pub(super) fn supports(&mut self, file: &str) -> Vec<SupportRow> {
        let Some(mut table) = self.file(file) else { return Vec::new() };
        let named = table.remove("province").and_then(|value| value.as_str().and_then(|code| ProvinceCode::parse(code).ok()));
        let Some(province) = named.filter(|code| file == support_file(code)) else {
            self.refuse(file, None, "province is not the code that the file is named by");
            return Vec::new();
        };
        let values = self.values(file, &mut table);
        // A province may pay several subsidies to people of one age: they differ by what is said.
        let read = values.into_iter().map(|value| {
            let row = read_row(value, |dto: SupportDto, term| dto.into_row(&province, term));
            row.map(|(term, row)| ((row.area.clone(), row.said.vi.clone()), term, row))
        });
        self.taken(file, read)
    }

    fn values(&mut self, file: &str, table: &mut Table) -> Vec<Value> {
        let values = match table.remove("row") {
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.refuse(file, None, "rows are written as [[row]]");
                Vec::new()
            }
            None => Vec::new(),
        };
        for key in table.keys() {
            self.refuse(file, None, format!("unknown key `{key}`"));
        }
        if values.is_empty() {
            self.refuse(file, None, "no rows");
        }
        values
    }

    /// The rows that could be read, of which no two that are about the same may hold on a day.
    fn taken<K: PartialEq, R>(&mut self, file: &str, read: impl Iterator<Item = Result<(K, Term, R), Vec<String>>>) -> Vec<R> {
        let (mut rows, mut taken) = (Vec::new(), Vec::<(usize, K, Term)>::new());
        for (number, read) in (1..).zip(read) {
            match read {
                Ok((key, term, row)) => {
                    for (earlier, _, other) in taken.iter().filter(|(_, other, held)| *other == key && overlap(held, &term)) {
                        let both = other.valid_from.max(term.valid_from);
                        self.problems.push(RuleProblem {
                            file: file.into(),
                            row: Some(number),
                            reason: format!("holds on {both} together with row {earlier}, which is about the same"),
                        });
                    }
                    taken.push((number, key, term));
                    rows.push(row);
                }
                Err(reasons) => reasons.into_iter().for_each(|reason| self.refuse(file, Some(number), reason)),
            }
        }
        rows
    }
}

/// Where the subsidies of a province stand.
pub(super) fn support_file(province: &ProvinceCode) -> String {
    format!("{SUPPORT}/{province}.toml")
}

fn overlap(a: &Term, b: &Term) -> bool {
    a.covers(b.valid_from) || b.covers(a.valid_from)
}

/// Splits a row into its term and its values and reads both, so that one look finds the faults of both.
fn read_row<D: DeserializeOwned, R>(value: Value, into_row: impl FnOnce(D, Term) -> Result<R, String>) -> Result<(Term, R), Vec<String>> {
    let Value::Table(mut values) = value else { return Err(vec!["rows are written as [[row]]".to_owned()]) };
    let term_values: Table = ["valid_from", "valid_until", "source"].into_iter().filter_map(|key| values.remove_entry(key)).collect();
    let term = Value::Table(term_values).try_into::<TermDto>().map_err(|error| one_line(&error)).and_then(TermDto::into_term);
    let dto = Value::Table(values).try_into::<D>().map_err(|error| one_line(&error));
    match (term, dto) {
        (Ok(term), Ok(dto)) => into_row(dto, term.clone()).map(|row| (term, row)).map_err(|reason| vec![reason]),
        (term, dto) => Err([term.err(), dto.err()].into_iter().flatten().collect()),
    }
}

/// The library's message may show where in the text it stands over several lines; a problem is one line.
fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}

pub(super) fn some_text(field: &str, text: &str) -> Result<Box<str>, String> {
    let text = text.trim();
    if text.is_empty() { Err(format!("{field} is empty")) } else { Ok(text.into()) }
}

pub(super) fn share(field: &str, percent: u8) -> Result<u8, String> {
    if percent <= 100 { Ok(percent) } else { Err(format!("{field} is above 100")) }
}

pub(super) fn code<T>(field: &str, parsed: Result<T, Problem>) -> Result<T, String> {
    parsed.map_err(|problem| format!("{field} is not of the right form ({})", problem.code()))
}

pub(super) fn benefit_code(field: &str, digit: u8) -> Result<BenefitCode, String> {
    code(field, char::from_digit(u32::from(digit), 10).map_or(Err(Problem::UnknownCode), BenefitCode::parse))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionDto {
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermDto {
    valid_from: Datetime,
    valid_until: Option<Datetime>,
    source: String,
}

impl TermDto {
    fn into_term(self) -> Result<Term, String> {
        let valid_from = day("valid_from", self.valid_from)?;
        let valid_until = self.valid_until.map(|until| day("valid_until", until)).transpose()?;
        if let Some(until) = valid_until.filter(|until| *until < valid_from) {
            return Err(format!("valid_until {until} is before valid_from {valid_from}"));
        }
        Ok(Term { valid_from, valid_until, source: some_text("source", &self.source)? })
    }
}

/// A day and nothing else: a row that begins at an hour is a mistake.
fn day(field: &str, value: Datetime) -> Result<NaiveDate, String> {
    let whole_day = value.date.filter(|_| value.time.is_none() && value.offset.is_none());
    whole_day
        .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)))
        .ok_or_else(|| format!("{field} is not a day"))
}

/// The values of a row beside its term, as written in the file.
pub(super) trait Dto: DeserializeOwned {
    /// The file.
    const FILE: &'static str;
    /// The row of the tables.
    type Row;
    /// What a row is about: of two rows about the same, only one may hold on a day.
    type Key: PartialEq;

    fn into_row(self, term: Term) -> Result<Self::Row, String>;
    fn key(row: &Self::Row) -> Self::Key;
}
