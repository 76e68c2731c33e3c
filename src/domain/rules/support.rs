//! Premium subsidies that the desk may hint at.
//!
//! Promise: a subsidy is found by province, area before the merger, age on the day and letters of the card, and by nothing else. Never: a reason that tells
//! about a person's health; a word of it as a right: lists are decided by the commune.

use chrono::NaiveDate;

use super::Confidence;
use super::RuleTables;
use super::Said;
use super::Term;
use super::whole_years;
use crate::domain::benefit::MemberGroup;
use crate::domain::facility::ProvinceCode;
use crate::domain::person::BirthDate;

/// A premium subsidy (never a benefit rate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportRow {
    /// When and where.
    pub term: Term,
    /// How sure it is.
    pub confidence: Confidence,
    /// Which province pays it.
    pub province: ProvinceCode,
    /// Only for people of what was this province before the merger.
    pub area: Option<ProvinceCode>,
    /// Ages in whole years, the second one too old already.
    pub ages: Option<(u32, u32)>,
    /// Letters of the cards; empty: any.
    pub groups: Vec<MemberGroup>,
    /// Share of the premium.
    pub premium_percent: u8,
    /// Who gets what.
    pub said: Said,
}

/// Who might get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applicant<'a> {
    /// Where the person is received.
    pub province: &'a ProvinceCode,
    /// Which province that was for this person before the merger, as far as known.
    pub area: Option<&'a ProvinceCode>,
    /// Born when. Known to the year only it counts as the first of January.
    pub born: BirthDate,
    /// Letters of the card.
    pub group: Option<&'a MemberGroup>,
}

impl SupportRow {
    fn fits(&self, who: Applicant<'_>, day: NaiveDate) -> bool {
        let age = whole_years(who.born, day);
        self.term.covers(day)
            && self.province == *who.province
            && self.area.as_ref().is_none_or(|area| who.area == Some(area))
            && self.ages.is_none_or(|(from, below)| (from..below).contains(&age))
            && (self.groups.is_empty() || who.group.is_some_and(|group| self.groups.contains(group)))
    }
}

impl RuleTables {
    /// Subsidies worth a question on a day.
    pub fn supports(&self, who: Applicant<'_>, day: NaiveDate) -> Vec<&SupportRow> {
        self.supports.iter().filter(|row| row.fits(who, day)).collect()
    }
}
