//! The rows about rates, salaries, facilities and categories, as written in their files.

use serde::Deserialize;

use super::reader::Dto;
use super::reader::benefit_code;
use super::reader::code;
use super::reader::share;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitCode;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::MemberGroup;
use crate::domain::facility::FacilityClass;
use crate::domain::rules::BenefitRow;
use crate::domain::rules::FacilityClassRow;
use crate::domain::rules::OverrideRow;
use crate::domain::rules::SalaryRow;
use crate::domain::rules::Term;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BenefitDto {
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
pub(super) struct OverrideDto {
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
pub(super) struct SalaryDto {
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
pub(super) struct ClassDto {
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
