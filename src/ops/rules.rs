//! Reads the rule tables of `config/rules`: built into the program, or from a folder that replaces them.
//!
//! Promise: a set is taken whole or not at all, and a refusal names every problem with its file and row, so that whoever adds a row can put all
//! of it right in one go. Never: a default for a missing value, a choice between two rows that hold on the same day, part of a set.

mod options;

use core::fmt;
use std::path::Path;

use chrono::Days;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;
use toml::Value;
use toml::value::Datetime;

use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitCode;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::MemberGroup;
use crate::domain::facility::FacilityClass;
use crate::domain::facility::ProvinceCode;
use crate::domain::field::Problem;
use crate::domain::rules::BenefitRow;
use crate::domain::rules::FacilityClassRow;
use crate::domain::rules::OverrideRow;
use crate::domain::rules::RenewalRow;
use crate::domain::rules::RuleTables;
use crate::domain::rules::SalaryRow;
use crate::domain::rules::SupportRow;
use crate::domain::rules::Term;
use options::CareTypeDto;
use options::CategoryDto;

const VERSION_FILE: &str = "rules.toml";

/// The files of a set, as built into the program.
const BUILTIN: [(&str, &str); 9] = [
    (VERSION_FILE, include_str!("../../config/rules/rules.toml")),
    (BenefitDto::FILE, include_str!("../../config/rules/benefit_codes.toml")),
    (OverrideDto::FILE, include_str!("../../config/rules/benefit_overrides.toml")),
    (SalaryDto::FILE, include_str!("../../config/rules/base_salary.toml")),
    (ClassDto::FILE, include_str!("../../config/rules/facility_classes.toml")),
    (CategoryDto::FILE, include_str!("../../config/rules/attendance_categories.toml")),
    (CareTypeDto::FILE, include_str!("../../config/rules/care_types.toml")),
    (RenewalDto::FILE, include_str!("../../config/rules/renewal.toml")),
    (SupportDto::FILE, include_str!("../../config/rules/premium_support.toml")),
];

/// What is wrong with one row, or with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub file: &'static str,
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
    read_set(|file| BUILTIN.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned()).ok_or_else(|| "missing".to_owned()))
}

/// The set in a folder, which replaces the one the program carries as a whole.
pub fn load(dir: &Path) -> Result<RuleTables, RulesError> {
    read_set(|file| std::fs::read_to_string(dir.join(file)).map_err(|error| format!("cannot be read: {error}")))
}

fn read_set(text_of: impl Fn(&str) -> Result<String, String>) -> Result<RuleTables, RulesError> {
    let mut reader = Reader { text_of, problems: Vec::new() };
    let version = reader.version();
    let tables = RuleTables {
        version,
        benefits: reader.rows::<BenefitDto>(),
        overrides: reader.rows::<OverrideDto>(),
        salaries: reader.rows::<SalaryDto>(),
        classes: reader.rows::<ClassDto>(),
        categories: reader.rows::<CategoryDto>(),
        care_types: reader.rows::<CareTypeDto>(),
        renewals: reader.rows::<RenewalDto>(),
        supports: reader.rows::<SupportDto>(),
    };
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
            problems.push(RuleProblem { file: ClassDto::FILE, row: Some(at + 1), reason });
        }
    }
    for (at, changed) in tables.overrides.iter().enumerate() {
        let benefits: Vec<_> = tables.benefits.iter().filter(|row| row.code == changed.counts_as).map(|row| &row.term).collect();
        if let Some(day) = first_day_without(&changed.term, &benefits) {
            let reason = format!("benefit code {} has no row on {day}", changed.counts_as.digit());
            problems.push(RuleProblem { file: OverrideDto::FILE, row: Some(at + 1), reason });
        }
    }
    let known = |class: &FacilityClass| tables.classes.iter().any(|row| row.class == *class);
    let offered = tables.categories.iter().map(|row| (CategoryDto::FILE, row.offer.as_ref().map_or(&[][..], |offer| &offer.classes)));
    let cared = tables.care_types.iter().map(|row| (CareTypeDto::FILE, &row.classes[..]));
    for rows in [offered.collect::<Vec<_>>(), cared.collect()] {
        for (at, (file, classes)) in rows.into_iter().enumerate() {
            let strangers = classes.iter().filter(|class| !known(class));
            problems.extend(strangers.map(|class| RuleProblem {
                file,
                row: Some(at + 1),
                reason: format!("no facility is of class {class}"),
            }));
        }
    }
    problems
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

struct Reader<F> {
    text_of: F,
    problems: Vec<RuleProblem>,
}

impl<F: Fn(&str) -> Result<String, String>> Reader<F> {
    fn refuse(&mut self, file: &'static str, row: Option<usize>, reason: impl Into<String>) {
        self.problems.push(RuleProblem { file, row, reason: reason.into() });
    }

    fn file(&mut self, file: &'static str) -> Option<Table> {
        let parsed = (self.text_of)(file).and_then(|text| text.parse::<Table>().map_err(|error| error.to_string().trim_end().to_owned()));
        parsed.map_err(|reason| self.refuse(file, None, reason)).ok()
    }

    fn version(&mut self) -> Box<str> {
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
    fn rows<D: Dto>(&mut self) -> Vec<D::Row> {
        let Some(mut table) = self.file(D::FILE) else { return Vec::new() };
        let values = match table.remove("row") {
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.refuse(D::FILE, None, "rows are written as [[row]]");
                Vec::new()
            }
            None => Vec::new(),
        };
        for key in table.keys() {
            self.refuse(D::FILE, None, format!("unknown key `{key}`"));
        }
        if values.is_empty() {
            self.refuse(D::FILE, None, "no rows");
        }
        let mut rows = Vec::new();
        let mut taken: Vec<(usize, D::Key, Term)> = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            let number = at + 1;
            match read_row::<D>(value) {
                Ok((key, term, row)) => {
                    for (earlier, _, other) in
                        taken.iter().filter(|(_, other, _)| *other == key).filter(|(_, _, other)| overlap(other, &term))
                    {
                        let both = other.valid_from.max(term.valid_from);
                        self.problems.push(RuleProblem {
                            file: D::FILE,
                            row: Some(number),
                            reason: format!("holds on {both} together with row {earlier}, which is about the same"),
                        });
                    }
                    taken.push((number, key, term));
                    rows.push(row);
                }
                Err(reasons) => reasons.into_iter().for_each(|reason| self.refuse(D::FILE, Some(number), reason)),
            }
        }
        rows
    }
}

fn overlap(a: &Term, b: &Term) -> bool {
    a.covers(b.valid_from) || b.covers(a.valid_from)
}

/// Splits a row into its term and its values and reads both, so that one look finds the faults of both.
fn read_row<D: Dto>(value: Value) -> Result<(D::Key, Term, D::Row), Vec<String>> {
    let Value::Table(mut values) = value else { return Err(vec!["rows are written as [[row]]".to_owned()]) };
    let term_values: Table = ["valid_from", "valid_until", "source"].into_iter().filter_map(|key| values.remove_entry(key)).collect();
    let term = Value::Table(term_values).try_into::<TermDto>().map_err(|error| one_line(&error)).and_then(TermDto::into_term);
    let dto = Value::Table(values).try_into::<D>().map_err(|error| one_line(&error));
    match (term, dto) {
        (Ok(term), Ok(dto)) => {
            let row = dto.into_row(term.clone()).map_err(|reason| vec![reason])?;
            Ok((D::key(&row), term, row))
        }
        (term, dto) => Err([term.err(), dto.err()].into_iter().flatten().collect()),
    }
}

/// The library's message may show where in the text it stands over several lines; a problem is one line.
fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}

fn some_text(field: &str, text: &str) -> Result<Box<str>, String> {
    let text = text.trim();
    if text.is_empty() { Err(format!("{field} is empty")) } else { Ok(text.into()) }
}

fn share(field: &str, percent: u8) -> Result<u8, String> {
    if percent <= 100 { Ok(percent) } else { Err(format!("{field} is above 100")) }
}

fn code<T>(field: &str, parsed: Result<T, Problem>) -> Result<T, String> {
    parsed.map_err(|problem| format!("{field} is not of the right form ({})", problem.code()))
}

fn benefit_code(field: &str, digit: u8) -> Result<BenefitCode, String> {
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
trait Dto: DeserializeOwned {
    /// The file.
    const FILE: &'static str;
    /// The row of the tables.
    type Row;
    /// What a row is about: of two rows about the same, only one may hold on a day.
    type Key: PartialEq;

    fn into_row(self, term: Term) -> Result<Self::Row, String>;
    fn key(row: &Self::Row) -> Self::Key;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BenefitDto {
    code: u8,
    rate_percent: u8,
}

impl Dto for BenefitDto {
    const FILE: &'static str = "benefit_codes.toml";
    type Row = BenefitRow;
    type Key = BenefitCode;

    fn into_row(self, term: Term) -> Result<BenefitRow, String> {
        let rate = code("rate_percent", BenefitRate::percent(self.rate_percent))?;
        Ok(BenefitRow { term, code: benefit_code("code", self.code)?, rate })
    }

    fn key(row: &BenefitRow) -> BenefitCode {
        row.code
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideDto {
    group: String,
    printed: u8,
    counts_as: u8,
}

impl Dto for OverrideDto {
    const FILE: &'static str = "benefit_overrides.toml";
    type Row = OverrideRow;
    type Key = (MemberGroup, BenefitCode);

    fn into_row(self, term: Term) -> Result<OverrideRow, String> {
        let group = code("group", MemberGroup::parse(&self.group))?;
        let printed = benefit_code("printed", self.printed)?;
        let counts_as = benefit_code("counts_as", self.counts_as)?;
        Ok(OverrideRow { term, group, printed, counts_as })
    }

    fn key(row: &OverrideRow) -> Self::Key {
        (row.group.clone(), row.printed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SalaryDto {
    dong: u64,
    small_visit_percent: u8,
}

/// Far above any base salary and far below what would overflow when a share of it is computed.
const LARGEST_DONG: u64 = 1_000_000_000_000;

impl Dto for SalaryDto {
    const FILE: &'static str = "base_salary.toml";
    type Row = SalaryRow;
    type Key = ();

    fn into_row(self, term: Term) -> Result<SalaryRow, String> {
        if !(1..=LARGEST_DONG).contains(&self.dong) {
            return Err("dong is not a salary".to_owned());
        }
        Ok(SalaryRow { term, dong: self.dong, small_visit_percent: u64::from(share("small_visit_percent", self.small_visit_percent)?) })
    }

    fn key(_: &SalaryRow) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassDto {
    class: String,
    category: String,
}

impl Dto for ClassDto {
    const FILE: &'static str = "facility_classes.toml";
    type Row = FacilityClassRow;
    type Key = FacilityClass;

    fn into_row(self, term: Term) -> Result<FacilityClassRow, String> {
        let class = code("class", FacilityClass::parse(&self.class))?;
        Ok(FacilityClassRow { term, class, category: code("category", AttendanceCategory::parse(&self.category))? })
    }

    fn key(row: &FacilityClassRow) -> FacilityClass {
        row.class.clone()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs into the file's keys")]
struct RenewalDto {
    remind_days: Vec<u32>,
    gap_days: u32,
    wait_days: u32,
}

impl Dto for RenewalDto {
    const FILE: &'static str = "renewal.toml";
    type Row = RenewalRow;
    type Key = ();

    fn into_row(self, term: Term) -> Result<RenewalRow, String> {
        if self.remind_days.is_empty() || !self.remind_days.is_sorted_by(|a, b| a > b) {
            return Err("remind_days must be falling, with at least one".to_owned());
        }
        if self.gap_days == 0 {
            return Err("gap_days must not be 0".to_owned());
        }
        Ok(RenewalRow { term, remind_days: self.remind_days, gap_days: self.gap_days, wait_days: self.wait_days })
    }

    fn key(_: &RenewalRow) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SupportDto {
    province: String,
    age_from: u32,
    age_below: u32,
    premium_percent: u8,
    name: String,
}

impl Dto for SupportDto {
    const FILE: &'static str = "premium_support.toml";
    type Row = SupportRow;
    /// A province may pay several subsidies to people of one age: they differ by name.
    type Key = (ProvinceCode, Box<str>);

    fn into_row(self, term: Term) -> Result<SupportRow, String> {
        if self.age_below <= self.age_from {
            return Err("age_below must be above age_from".to_owned());
        }
        Ok(SupportRow {
            term,
            province: code("province", ProvinceCode::parse(&self.province))?,
            age_from: self.age_from,
            age_below: self.age_below,
            premium_percent: share("premium_percent", self.premium_percent)?,
            name: some_text("name", &self.name)?,
        })
    }

    fn key(row: &SupportRow) -> Self::Key {
        (row.province.clone(), row.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The built-in set with one file changed; the problems as lines.
    fn problems_with(file: &str, change: impl Fn(&str) -> String) -> Vec<String> {
        let set = read_set(|name| {
            let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name).unwrap();
            Ok(if name == file { change(text) } else { (*text).to_owned() })
        });
        set.err().map(|error| error.to_string().lines().map(ToOwned::to_owned).collect()).unwrap_or_default()
    }

    #[test]
    fn the_built_in_set_is_taken() {
        let tables = builtin().unwrap();
        assert!(!tables.version.is_empty());
        assert_eq!((tables.benefits.len(), tables.overrides.len(), tables.classes.len()), (5, 2, 2));
        let dong: Vec<_> = tables.salaries.iter().map(|row| (row.term.valid_from.to_string(), row.dong)).collect();
        assert_eq!(dong, [("2024-07-01".to_owned(), 2_340_000), ("2026-07-01".to_owned(), 2_530_000)]);
        assert_eq!(tables.renewals[0].remind_days, [60, 30, 7]);
    }

    #[test]
    fn the_folder_holds_the_built_in_set_and_nothing_else() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
        assert_eq!(load(&folder).unwrap().version, builtin().unwrap().version);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut known = BUILTIN.map(|(name, _)| name.to_owned()).to_vec();
        files.sort();
        known.sort();
        assert_eq!(files, known);
    }

    /// What is replaced by what in which file, and what must come out.
    const FAULTS: &[(&str, &str, &str, &str)] = &[
        ("rules.toml", "version = \"2026", "version = \"\" # \"2026", "rules.toml: version is empty"),
        ("rules.toml", "version =", "name =", "rules.toml: unknown field `name`, expected `version`"),
        (
            "base_salary.toml",
            "dong = 2_530_000",
            "dong = 2_530_000\ndecree = 161",
            "base_salary.toml, row 2: unknown field `decree`, expected `dong` or `small_visit_percent`",
        ),
        ("base_salary.toml", "dong = 2_530_000\n", "", "base_salary.toml, row 2: missing field `dong`"),
        ("base_salary.toml", "dong = 2_530_000", "dong = 0", "base_salary.toml, row 2: dong is not a salary"),
        (
            "base_salary.toml",
            "valid_from = 2026-07-01",
            "valid_from = 2026-07-01\nvalid_until = 2026-06-30",
            "base_salary.toml, row 2: valid_until 2026-06-30 is before valid_from 2026-07-01",
        ),
        (
            "base_salary.toml",
            "valid_until = 2026-06-30\n",
            "",
            "base_salary.toml, row 2: holds on 2026-07-01 together with row 1, which is about the same",
        ),
        (
            "base_salary.toml",
            "valid_from = 2026-07-01",
            "valid_from = 2026-07-01T00:00:00Z",
            "base_salary.toml, row 2: valid_from is not a day",
        ),
        (
            "benefit_overrides.toml",
            "group = \"LH\"\nprinted = 4",
            "group = \"CN\"\nprinted = 3",
            "benefit_overrides.toml, row 2: holds on 2026-01-01 together with row 1, which is about the same",
        ),
        (
            "benefit_overrides.toml",
            "group = \"LH\"",
            "group = \"L\"",
            "benefit_overrides.toml, row 2: group is not of the right form (shape)",
        ),
        (
            "benefit_overrides.toml",
            "printed = 4",
            "printed = 6",
            "benefit_overrides.toml, row 2: printed is not of the right form (unknown_code)",
        ),
        (
            "benefit_overrides.toml",
            "valid_from = 2026-01-01\nsource = \"Resolution 261/2025/QH15 (near",
            "valid_from = 2024-01-01\nsource = \"Resolution 261/2025/QH15 (near",
            "benefit_overrides.toml, row 1: benefit code 2 has no row on 2024-01-01",
        ),
        (
            "benefit_codes.toml",
            "code = 2\nrate_percent = 100",
            "code = 2\nrate_percent = 101",
            "benefit_codes.toml, row 2: rate_percent is not of the right form (unknown_code)",
        ),
        (
            "benefit_codes.toml",
            "code = 2\n",
            "code = 1\n",
            "benefit_codes.toml, row 2: holds on 2025-07-01 together with row 1, which is about the same",
        ),
        (
            "facility_classes.toml",
            "category = \"1.11\"",
            "category = \"1.19\"",
            "facility_classes.toml, row 2: category 1.19 has no row on 2025-07-01",
        ),
        (
            "facility_classes.toml",
            "class = \"other_primary\"",
            "class = \"commune_station\"",
            "facility_classes.toml, row 2: holds on 2025-07-01 together with row 1, which is about the same",
        ),
        ("facility_classes.toml", "[[row]]", "[[line]]", "facility_classes.toml: unknown key `line`\nfacility_classes.toml: no rows"),
        (
            "attendance_categories.toml",
            "valid_until = 2026-06-30\nsource = \"Decision 3276/QĐ-BYT of 2025-10-17, Annex 1, code 1.13\"",
            "valid_until = 2026-07-01\nsource = \"Decision 3276/QĐ-BYT of 2025-10-17, Annex 1, code 1.13\"",
            "attendance_categories.toml, row 11: holds on 2026-07-01 together with row 10, which is about the same",
        ),
        (
            "attendance_categories.toml",
            "code = \"2\"",
            "code = \"emergency\"",
            "attendance_categories.toml, row 19: code is not of the right form (shape)",
        ),
        ("attendance_categories.toml", "name = \"Cấp cứu\"", "name = \" \"", "attendance_categories.toml, row 19: name is empty"),
        (
            "attendance_categories.toml",
            "classes = [\"commune_station\", \"other_primary\"], below_days",
            "classes = [\"station\"], below_days",
            "attendance_categories.toml, row 7: no facility is of class station",
        ),
        ("care_types.toml", "code = \"01\"", "code = \"1\"", "care_types.toml, row 1: code is not of the right form (shape)"),
        (
            "care_types.toml",
            "classes = [\"commune_station\"]",
            "classes = [\"Trạm\"]",
            "care_types.toml, row 6: classes is not of the right form (shape)",
        ),
        ("renewal.toml", "[60, 30, 7]", "[7, 30, 60]", "renewal.toml, row 1: remind_days must be falling, with at least one"),
        ("renewal.toml", "[60, 30, 7]", "[]", "renewal.toml, row 1: remind_days must be falling, with at least one"),
        ("renewal.toml", "gap_days = 90", "gap_days = 0", "renewal.toml, row 1: gap_days must not be 0"),
        ("premium_support.toml", "age_below = 75", "age_below = 60", "premium_support.toml, row 2: age_below must be above age_from"),
        (
            "premium_support.toml",
            "province = \"31\"",
            "province = \"HP\"",
            "premium_support.toml, row 2: province is not of the right form (shape)",
        ),
    ];

    #[test]
    fn each_fault_is_refused_with_its_file_and_row() {
        for (file, replaced, by, problem) in FAULTS {
            let found = problems_with(file, |text| {
                assert!(text.contains(replaced), "{file} no longer holds {replaced}");
                text.replace(replaced, by)
            });
            assert_eq!(found.join("\n"), *problem, "{replaced} => {by}");
        }
    }

    #[test]
    fn an_empty_source_is_refused() {
        let found = problems_with("renewal.toml", |_| {
            "[[row]]\nvalid_from = 2026-01-01\nsource = \" \"\nremind_days = [1]\ngap_days = 1\nwait_days = 0\n".to_owned()
        });
        assert_eq!(found, ["renewal.toml, row 1: source is empty"]);
    }

    #[test]
    fn every_table_needs_a_row() {
        for (file, _) in BUILTIN.iter().filter(|(file, _)| *file != VERSION_FILE) {
            assert_eq!(problems_with(file, |_| String::new()), [format!("{file}: no rows")]);
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let found = problems_with("base_salary.toml", |_| {
            "[[row]]\nvalid_from = 2026-01-01\ndong = 1\nsmall_visit_percent = 15\nyear = 1\n[[row]]\nvalid_from = 2026-01-02\nsource = \"law\"\ndong = 1\nsmall_visit_percent = 101\n"
                .to_owned()
        });
        assert_eq!(
            found,
            [
                "base_salary.toml, row 1: missing field `source`",
                "base_salary.toml, row 1: unknown field `year`, expected `dong` or `small_visit_percent`",
                "base_salary.toml, row 2: small_visit_percent is above 100",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_toml_or_not_there_is_named() {
        let found = problems_with("renewal.toml", |_| "[[row".to_owned());
        assert!(found[0].starts_with("renewal.toml: "), "{found:?}");
        let error = load(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.problems.len(), BUILTIN.len());
        assert!(error.problems.iter().all(|problem| problem.row.is_none() && problem.reason.starts_with("cannot be read")));
    }
}
