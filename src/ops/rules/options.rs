//! Attendance categories with where they are offered, and care types.

use serde::Deserialize;

use super::reader::Dto;
use super::reader::code;
use super::reader::share;
use super::reader::some_text;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::facility::FacilityClass;
use crate::domain::rules::CareTypeRow;
use crate::domain::rules::CategoryRate;
use crate::domain::rules::CategoryRow;
use crate::domain::rules::Offer;
use crate::domain::rules::Term;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferDto {
    classes: Vec<String>,
    #[serde(default)]
    standings: Vec<String>,
    below_days: Option<u32>,
    #[serde(default)]
    has_key: bool,
    #[serde(default)]
    noted_at: Vec<String>,
    #[serde(default)]
    usual_standings: Vec<String>,
}

impl OfferDto {
    fn into_offer(self) -> Result<Offer, String> {
        let standings = |field: &str, codes: &[String]| codes.iter().map(|standing| some_text(field, standing)).collect::<Result<_, _>>();
        if !self.noted_at.is_empty() && !self.has_key {
            return Err("noted_at is of a category that has a key".to_owned());
        }
        Ok(Offer {
            classes: classes(&self.classes)?,
            standings: standings("standings", &self.standings)?,
            below_days: self.below_days,
            has_key: self.has_key,
            noted_at: classes(&self.noted_at)?,
            usual_standings: standings("usual_standings", &self.usual_standings)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RateDto {
    Full,
    Card,
    ShareOfCard(u8),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CategoryDto {
    code: String,
    name: String,
    english: Option<String>,
    article: String,
    rate: RateDto,
    offer: Option<OfferDto>,
}

impl Dto for CategoryDto {
    const FILE: &'static str = "attendance_categories.toml";
    type Row = CategoryRow;
    type Key = AttendanceCategory;

    fn into_row(self, term: Term) -> Result<CategoryRow, String> {
        let rate = match self.rate {
            RateDto::Full => CategoryRate::Full,
            RateDto::Card => CategoryRate::Card,
            RateDto::ShareOfCard(percent) => CategoryRate::ShareOfCard(share("share_of_card", percent)?),
        };
        let code = code("code", AttendanceCategory::parse(&self.code))?;
        let offer = self.offer.map(OfferDto::into_offer).transpose()?;
        let name = some_text("name", &self.name)?;
        let english = self.english.map(|english| some_text("english", &english)).transpose()?;
        Ok(CategoryRow { term, code, name, english, article: some_text("article", &self.article)?, rate, offer })
    }

    fn key(row: &CategoryRow) -> AttendanceCategory {
        row.code.clone()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CareTypeDto {
    code: String,
    name: String,
    #[serde(default)]
    classes: Vec<String>,
}

impl Dto for CareTypeDto {
    const FILE: &'static str = "care_types.toml";
    type Row = CareTypeRow;
    type Key = CareType;

    fn into_row(self, term: Term) -> Result<CareTypeRow, String> {
        let code = code("code", CareType::parse(&self.code))?;
        Ok(CareTypeRow { term, code, name: some_text("name", &self.name)?, classes: classes(&self.classes)? })
    }

    fn key(row: &CareTypeRow) -> CareType {
        row.code.clone()
    }
}

fn classes(names: &[String]) -> Result<Vec<FacilityClass>, String> {
    names.iter().map(|name| code("classes", FacilityClass::parse(name))).collect()
}
