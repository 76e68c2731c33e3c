//! The rows about people: renewal, seasons, support and proofs, as written in their files.

use serde::Deserialize;

use super::reader::Dto;
use super::reader::code;
use super::reader::share;
use super::reader::some_text;
use crate::domain::benefit::MemberGroup;
use crate::domain::facility::ProvinceCode;
use crate::domain::rules::Confidence;
use crate::domain::rules::DayOfYear;
use crate::domain::rules::PaidForRow;
use crate::domain::rules::ProofRow;
use crate::domain::rules::RenewalRow;
use crate::domain::rules::Said;
use crate::domain::rules::SeasonRow;
use crate::domain::rules::SeasonRule;
use crate::domain::rules::SupportRow;
use crate::domain::rules::Term;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs into the file's keys")]
pub(super) struct RenewalDto {
    remind_days: Vec<u32>,
    warn_days: u32,
    gap_days: u32,
    wait_days: u32,
    treatment_days: u32,
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
        if self.warn_days >= self.gap_days {
            return Err("warn_days must be below gap_days".to_owned());
        }
        let Self { remind_days, warn_days, gap_days, wait_days, treatment_days } = self;
        Ok(RenewalRow { term, remind_days, warn_days, gap_days, wait_days, treatment_days })
    }

    fn key(_: &RenewalRow) {}
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConfidenceDto {
    High,
    Medium,
    Low,
}

impl From<ConfidenceDto> for Confidence {
    fn from(confidence: ConfidenceDto) -> Self {
        match confidence {
            ConfidenceDto::High => Self::High,
            ConfidenceDto::Medium => Self::Medium,
            ConfidenceDto::Low => Self::Low,
        }
    }
}

/// A word that must not stand on a page that a queue can read.
const HEALTH: &str = "HIV";

fn said(names: [&str; 2], texts: [&str; 2]) -> Result<Said, String> {
    let read = |name: &str, text: &str| {
        if text.to_uppercase().contains(HEALTH) { Err(format!("{name} tells about a person's health")) } else { some_text(name, text) }
    };
    Ok(Said { vi: read(names[0], texts[0])?, en: read(names[1], texts[1])? })
}

fn groups(field: &str, letters: &[String]) -> Result<Vec<MemberGroup>, String> {
    letters.iter().map(|letters| code(field, MemberGroup::parse(letters))).collect()
}

fn some_groups(field: &str, letters: &[String]) -> Result<Vec<MemberGroup>, String> {
    if letters.is_empty() { Err(format!("{field} is empty")) } else { groups(field, letters) }
}

/// Reads `09-30`.
fn day_of_year(field: &str, text: &str) -> Result<DayOfYear, String> {
    let two_digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten();
    let day = text.split_once('-').and_then(|(month, day)| DayOfYear::new(two_digits(month)?, two_digits(day)?));
    day.ok_or_else(|| format!("{field} is not a day of every year, as \"09-30\" is"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndsDto {
    months: u32,
    closing: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnsDto {
    age: u32,
    from: String,
    until: String,
}

/// Ten times as old as anybody gets: months are counted from a birth date.
const MOST_MONTHS: u32 = 12_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeasonDto {
    confidence: ConfidenceDto,
    groups: Vec<String>,
    ends: Option<EndsDto>,
    turns: Option<TurnsDto>,
    vi: String,
    en: String,
    decided_by_vi: String,
    decided_by_en: String,
}

impl SeasonDto {
    fn rule(&self) -> Result<SeasonRule, String> {
        match (&self.ends, &self.turns) {
            (Some(EndsDto { months, closing }), None) => {
                if !(1..=MOST_MONTHS).contains(months) {
                    return Err("ends.months is no age".to_owned());
                }
                Ok(SeasonRule::Ends { months: *months, closing: day_of_year("ends.closing", closing)? })
            }
            (None, Some(TurnsDto { age, from, until })) => {
                let (from, until) = (day_of_year("turns.from", from)?, day_of_year("turns.until", until)?);
                if until < from {
                    return Err("turns.until is before turns.from".to_owned());
                }
                Ok(SeasonRule::Turns { age: *age, from, until })
            }
            _ => Err("one of ends and turns must be there".to_owned()),
        }
    }
}

impl Dto for SeasonDto {
    const FILE: &'static str = "seasonal.toml";
    type Row = SeasonRow;
    /// Of one group several seasons may be told, each of its own.
    type Key = (Vec<MemberGroup>, Box<str>);

    fn into_row(self, term: Term) -> Result<SeasonRow, String> {
        Ok(SeasonRow {
            term,
            confidence: self.confidence.into(),
            groups: some_groups("groups", &self.groups)?,
            rule: self.rule()?,
            said: said(["vi", "en"], [&self.vi, &self.en])?,
            decided_by: said(["decided_by_vi", "decided_by_en"], [&self.decided_by_vi, &self.decided_by_en])?,
        })
    }

    fn key(row: &SeasonRow) -> Self::Key {
        (row.groups.clone(), row.said.vi.clone())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaidForDto {
    confidence: ConfidenceDto,
    groups: Vec<String>,
    vi: String,
    en: String,
    decided_by_vi: String,
    decided_by_en: String,
}

impl Dto for PaidForDto {
    const FILE: &'static str = "paid_for.toml";
    type Row = PaidForRow;
    type Key = Vec<MemberGroup>;

    fn into_row(self, term: Term) -> Result<PaidForRow, String> {
        Ok(PaidForRow {
            term,
            confidence: self.confidence.into(),
            groups: some_groups("groups", &self.groups)?,
            said: said(["vi", "en"], [&self.vi, &self.en])?,
            decided_by: said(["decided_by_vi", "decided_by_en"], [&self.decided_by_vi, &self.decided_by_en])?,
        })
    }

    fn key(row: &PaidForRow) -> Self::Key {
        row.groups.clone()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofDto {
    child_below_years: u32,
    child_groups: Vec<String>,
    paper_card_groups: Vec<String>,
}

impl Dto for ProofDto {
    const FILE: &'static str = "proofs.toml";
    type Row = ProofRow;
    type Key = ();

    fn into_row(self, term: Term) -> Result<ProofRow, String> {
        Ok(ProofRow {
            term,
            child_below: self.child_below_years,
            child_groups: groups("child_groups", &self.child_groups)?,
            paper_card_groups: groups("paper_card_groups", &self.paper_card_groups)?,
        })
    }

    fn key(_: &ProofRow) {}
}

/// A row of a province's file; the province stands at its top.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SupportDto {
    confidence: ConfidenceDto,
    area: Option<String>,
    age_from: Option<u32>,
    age_below: Option<u32>,
    #[serde(default)]
    groups: Vec<String>,
    premium_percent: u8,
    vi: String,
    en: String,
}

impl SupportDto {
    pub(super) fn into_row(self, province: &ProvinceCode, term: Term) -> Result<SupportRow, String> {
        let ages = match (self.age_from, self.age_below) {
            (Some(from), Some(below)) if from < below => Some((from, below)),
            (Some(_), Some(_)) => return Err("age_below must be above age_from".to_owned()),
            (None, None) => None,
            _ => return Err("age_from and age_below belong together".to_owned()),
        };
        if ages.is_none() && self.groups.is_empty() {
            return Err("a row must name ages or groups".to_owned());
        }
        Ok(SupportRow {
            term,
            confidence: self.confidence.into(),
            province: province.clone(),
            area: self.area.map(|area| code("area", ProvinceCode::parse(&area))).transpose()?,
            ages,
            groups: groups("groups", &self.groups)?,
            premium_percent: share("premium_percent", self.premium_percent)?,
            said: said(["vi", "en"], [&self.vi, &self.en])?,
        })
    }
}
