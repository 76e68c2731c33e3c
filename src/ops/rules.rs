//! Reads the rule tables of `config/rules`: built into the program, from a folder that replaces them, or out of a signed file ([`bundle`], [`shelf`]).
//!
//! Promise: a set is taken whole or not at all, and a refusal names every problem with its file and row, so that whoever adds a row can put all
//! of it right in one go. Never: a default for a missing value, a choice between two rows that hold on the same day, part of a set.

pub mod bundle;
mod options;
mod people;
mod reader;
mod rows;
pub mod shelf;

use core::fmt;
use std::io;
use std::path::Path;

use chrono::Days;
use chrono::NaiveDate;

use crate::domain::facility::FacilityClass;
use crate::domain::rules::PaidForRow;
use crate::domain::rules::RuleTables;
use crate::domain::rules::RulesOrigin;
use crate::domain::rules::Term;
use options::CareTypeDto;
use options::CategoryDto;
use people::PaidForDto;
use people::ProofDto;
use people::RenewalDto;
use people::SeasonDto;
use reader::Dto;
use reader::Reader;
use rows::BenefitDto;
use rows::ClassDto;
use rows::OverrideDto;
use rows::SalaryDto;

const VERSION_FILE: &str = "rules.toml";

/// Folder of the provinces' subsidies: one file each, as many as there are.
const SUPPORT: &str = "support";

/// The files of a set, as built into the program.
const BUILTIN: [(&str, &str); 13] = [
    (VERSION_FILE, include_str!("../../config/rules/rules.toml")),
    (BenefitDto::FILE, include_str!("../../config/rules/benefit_codes.toml")),
    (OverrideDto::FILE, include_str!("../../config/rules/benefit_overrides.toml")),
    (SalaryDto::FILE, include_str!("../../config/rules/base_salary.toml")),
    (ClassDto::FILE, include_str!("../../config/rules/facility_classes.toml")),
    (CategoryDto::FILE, include_str!("../../config/rules/attendance_categories.toml")),
    (CareTypeDto::FILE, include_str!("../../config/rules/care_types.toml")),
    (RenewalDto::FILE, include_str!("../../config/rules/renewal.toml")),
    (PaidForDto::FILE, include_str!("../../config/rules/paid_for.toml")),
    (SeasonDto::FILE, include_str!("../../config/rules/seasonal.toml")),
    (ProofDto::FILE, include_str!("../../config/rules/proofs.toml")),
    ("support/22.toml", include_str!("../../config/rules/support/22.toml")),
    ("support/31.toml", include_str!("../../config/rules/support/31.toml")),
];

/// What is wrong with one row, or with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub file: Box<str>,
    /// The row, counted from 1; `None` for the file as a whole.
    pub row: Option<usize>,
    /// What is wrong, for the person who edits the file.
    pub reason: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}, row {row}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Everything that keeps a set from being used, one line per problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    /// The problems, in the order of the files.
    pub problems: Vec<RuleProblem>,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// The set that the program carries.
pub fn builtin() -> Result<RuleTables, RulesError> {
    let files = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name.starts_with(SUPPORT)).collect();
    read_set(Ok(files), |file| {
        BUILTIN.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned()).ok_or_else(|| "missing".to_owned())
    })
}

/// The set in a folder, which replaces the one the program carries as a whole.
pub fn load(dir: &Path) -> Result<RuleTables, RulesError> {
    let read =
        read_set(support_files(dir), |file| std::fs::read_to_string(dir.join(file)).map_err(|error| format!("cannot be read: {error}")));
    read.map(|tables| RuleTables { origin: RulesOrigin::Folder, ..tables })
}

/// The files of the provinces' subsidies; a folder without any is a set without subsidies.
fn support_files(dir: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(dir.join(SUPPORT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries.map_err(|error| format!("cannot be read: {error}"))?,
    };
    for entry in entries {
        let name = entry.map_err(|error| format!("cannot be read: {error}"))?.file_name();
        files.push(format!("{SUPPORT}/{}", name.to_string_lossy()));
    }
    files.sort();
    Ok(files)
}

fn read_set(supports: Result<Vec<String>, String>, text_of: impl Fn(&str) -> Result<String, String>) -> Result<RuleTables, RulesError> {
    let mut reader = Reader { text_of, problems: Vec::new() };
    let version = reader.version();
    let mut tables = RuleTables {
        version,
        origin: RulesOrigin::Builtin,
        benefits: reader.rows::<BenefitDto>(),
        overrides: reader.rows::<OverrideDto>(),
        salaries: reader.rows::<SalaryDto>(),
        classes: reader.rows::<ClassDto>(),
        categories: reader.rows::<CategoryDto>(),
        care_types: reader.rows::<CareTypeDto>(),
        renewals: reader.rows::<RenewalDto>(),
        paid_for: reader.rows::<PaidForDto>(),
        seasons: reader.rows::<SeasonDto>(),
        proofs: reader.rows::<ProofDto>(),
        supports: Vec::new(),
    };
    match supports {
        Ok(files) => tables.supports = files.iter().flat_map(|file| reader.supports(file)).collect(),
        Err(reason) => reader.problems.push(RuleProblem { file: SUPPORT.into(), row: None, reason }),
    }
    // A row that could not be read would only show up again as a reference to nothing.
    if reader.problems.is_empty() {
        reader.problems = references(&tables);
    }
    if reader.problems.is_empty() { Ok(tables) } else { Err(RulesError { problems: reader.problems }) }
}

/// Rows that point at rows of another table find them on every one of their days.
fn references(tables: &RuleTables) -> Vec<RuleProblem> {
    let mut problems = Vec::new();
    for (at, class) in tables.classes.iter().enumerate() {
        let categories: Vec<_> = tables.categories.iter().filter(|row| row.code == class.category).map(|row| &row.term).collect();
        if let Some(day) = first_day_without(&class.term, &categories) {
            let reason = format!("category {} has no row on {day}", class.category);
            problems.push(RuleProblem { file: ClassDto::FILE.into(), row: Some(at + 1), reason });
        }
    }
    for (at, changed) in tables.overrides.iter().enumerate() {
        let benefits: Vec<_> = tables.benefits.iter().filter(|row| row.code == changed.counts_as).map(|row| &row.term).collect();
        if let Some(day) = first_day_without(&changed.term, &benefits) {
            let reason = format!("benefit code {} has no row on {day}", changed.counts_as.digit());
            problems.push(RuleProblem { file: OverrideDto::FILE.into(), row: Some(at + 1), reason });
        }
    }
    let one_way = |at: usize, row: &PaidForRow| {
        let others = tables.paid_for.iter().take(at).filter(|other| overlap(&row.term, &other.term));
        others.flat_map(|other| &other.groups).find(|group| row.groups.contains(group)).cloned()
    };
    for (at, row) in tables.paid_for.iter().enumerate() {
        if let Some(group) = one_way(at, row) {
            let reason = format!("group {group} stands in another row of the same days");
            problems.push(RuleProblem { file: PaidForDto::FILE.into(), row: Some(at + 1), reason });
        }
    }
    let known = |class: &FacilityClass| tables.classes.iter().any(|row| row.class == *class);
    let offered = tables.categories.iter().map(|row| (CategoryDto::FILE, row.offer.as_ref().map_or(&[][..], |offer| &offer.classes)));
    let noted = tables.categories.iter().map(|row| (CategoryDto::FILE, row.offer.as_ref().map_or(&[][..], |offer| &offer.noted_at)));
    let cared = tables.care_types.iter().map(|row| (CareTypeDto::FILE, &row.classes[..]));
    for rows in [offered.collect::<Vec<_>>(), noted.collect(), cared.collect()] {
        for (at, (file, classes)) in rows.into_iter().enumerate() {
            let strangers = classes.iter().filter(|class| !known(class));
            problems.extend(strangers.map(|class| RuleProblem {
                file: file.into(),
                row: Some(at + 1),
                reason: format!("no facility is of class {class}"),
            }));
        }
    }
    problems
}

fn overlap(one: &Term, other: &Term) -> bool {
    one.covers(other.valid_from) || other.covers(one.valid_from)
}

/// The first day of a term on which none of the others holds.
fn first_day_without(term: &Term, others: &[&Term]) -> Option<NaiveDate> {
    let mut day = term.valid_from;
    while term.covers(day) {
        let Some(other) = others.iter().find(|other| other.covers(day)) else { return Some(day) };
        day = other.valid_until?.checked_add_days(Days::new(1))?;
    }
    None
}

#[cfg(test)]
#[path = "rules/rules_tests.rs"]
mod tests;
