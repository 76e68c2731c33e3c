//! The law as dated rows: rates, overrides, salary, facility classes, attendance categories, renewal, seasons, support and proofs.
//!
//! Promise: every row says from when to when it holds and where it stands; a question is always asked for a day. Never: a legal number
//! in code. Rows come from `config/rules/*.toml` through `ops::rules`.

mod options;
mod season;
mod support;

use chrono::DateTime;
use chrono::Datelike;
use chrono::NaiveDate;
use chrono::Utc;

use super::benefit::AttendanceCategory;
use super::benefit::BenefitCode;
use super::benefit::BenefitRate;
use super::benefit::MemberGroup;
use super::card::CardNumber;
use super::facility::FacilityClass;
use super::person::BirthDate;

pub use options::CareTypeRow;
pub use options::Keyed;
pub use options::Occasion;
pub use options::Offer;
pub use season::DayOfYear;
pub use season::Season;
pub use season::SeasonRow;
pub use season::SeasonRule;
pub use support::Applicant;
pub use support::SupportRow;

/// When a row holds (both ends included) and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, if one is known.
    pub valid_until: Option<NaiveDate>,
    /// Decree, decision or letter, with its article.
    pub source: Box<str>,
}

impl Term {
    /// Whether the row holds on a day.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|until| day <= until)
    }
}

/// Rate behind a benefit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenefitRow {
    /// When and where.
    pub term: Term,
    /// The code.
    pub code: BenefitCode,
    /// Its rate.
    pub rate: BenefitRate,
}

/// A printed code that counts as another one for a group (cards outlive the rule they were printed under).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRow {
    /// When and where.
    pub term: Term,
    /// The group.
    pub group: MemberGroup,
    /// What the card prints.
    pub printed: BenefitCode,
    /// What it counts as.
    pub counts_as: BenefitCode,
}

/// Base salary (reference level) and the thresholds that hang on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalaryRow {
    /// When and where.
    pub term: Term,
    /// Dong a month.
    pub dong: u64,
    /// A visit that costs less than this share is paid in full.
    pub small_visit_percent: u64,
}

/// What kind of facility a station may be, and the category its visits fall under unless something else fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacilityClassRow {
    /// When and where.
    pub term: Term,
    /// The class.
    pub class: FacilityClass,
    /// The provisional category.
    pub category: AttendanceCategory,
}

/// How a category turns the card's rate into the visit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CategoryRate {
    /// All within scope, whatever the card says.
    Full,
    /// The card's own rate.
    Card,
    /// A share of the card's rate, in percent.
    ShareOfCard(u8),
}

/// An attendance category and its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryRow {
    /// When and where.
    pub term: Term,
    /// The code.
    pub code: AttendanceCategory,
    /// What it means, in Vietnamese.
    pub name: Box<str>,
    /// The same in English, of one that a desk can choose.
    pub english: Option<Box<str>>,
    /// Article to show beside the rate.
    pub article: Box<str>,
    /// The rate.
    pub rate: CategoryRate,
    /// Where it is offered at the desk; `None`: nowhere.
    pub offer: Option<Offer>,
}

/// How pressing it is that a card is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// There is time.
    Early,
    /// Soon.
    Soon,
    /// Now.
    Pressing,
}

impl Urgency {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Soon => "soon",
            Self::Pressing => "pressing",
        }
    }
}

/// When to speak of renewal, and what a gap costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalRow {
    /// When and where.
    pub term: Term,
    /// Days before the end at which the advice is given, largest first, at least one.
    pub remind_days: Vec<u32>,
    /// From this many days without a card on the advice is pressing.
    pub warn_days: u32,
    /// From this many days without a card on, a new card waits.
    pub gap_days: u32,
    /// How long it then waits.
    pub wait_days: u32,
    /// Treatment that goes on is paid for so many days after the end.
    pub treatment_days: u32,
}

/// Groups whose cards others pay for: their holders neither pay nor wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidForRow {
    /// When and where.
    pub term: Term,
    /// How sure it is.
    pub confidence: Confidence,
    /// Letters of the cards.
    pub groups: Vec<MemberGroup>,
    /// Where the card comes from.
    pub said: Said,
    /// Who decides.
    pub decided_by: Said,
}

/// How sure it is that a row is as the law has it; its source says what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// Seen in an official text, or in two that agree.
    High,
    /// One good account of it.
    Medium,
    /// A guess worth a question.
    Low,
}

impl Confidence {
    /// The stable text of the files and the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What a row has the desk say, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Vietnamese.
    pub vi: Box<str>,
    /// English.
    pub en: Box<str>,
}

/// Who proves himself by something else than an identity document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofRow {
    /// When and where.
    pub term: Term,
    /// Younger than this, in whole years, a card or a number is enough, and without a card the birth certificate.
    pub child_below: u32,
    /// The same by the letters of the card, whatever the age.
    pub child_groups: Vec<MemberGroup>,
    /// Groups whose cards cannot be searched: the paper card.
    pub paper_card_groups: Vec<MemberGroup>,
}

/// Where a set of tables came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RulesOrigin {
    /// With the program.
    #[default]
    Builtin,
    /// From a folder that the administrator keeps.
    Folder,
    /// In a signed file.
    Installed {
        /// From which day on it may be used.
        valid_from: NaiveDate,
        /// When it was put together, by whoever did it.
        made_at: DateTime<Utc>,
    },
}

impl RulesOrigin {
    /// FROZEN: in the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Folder => "folder",
            Self::Installed { .. } => "installed",
        }
    }
}

/// All tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTables {
    /// Version of the set, shown with each verdict and stored with each visit.
    pub version: Box<str>,
    /// Where it came from.
    pub origin: RulesOrigin,
    /// Rates.
    pub benefits: Vec<BenefitRow>,
    /// Overrides.
    pub overrides: Vec<OverrideRow>,
    /// Salaries.
    pub salaries: Vec<SalaryRow>,
    /// Facility classes.
    pub classes: Vec<FacilityClassRow>,
    /// Categories.
    pub categories: Vec<CategoryRow>,
    /// Care types.
    pub care_types: Vec<CareTypeRow>,
    /// Renewal.
    pub renewals: Vec<RenewalRow>,
    /// Cards that others pay for.
    pub paid_for: Vec<PaidForRow>,
    /// Seasons.
    pub seasons: Vec<SeasonRow>,
    /// Support.
    pub supports: Vec<SupportRow>,
    /// Proofs.
    pub proofs: Vec<ProofRow>,
}

/// The benefit a card gives at a facility on a day; provisional, because the category is fixed after the visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benefit {
    /// Provisional attendance category.
    pub category: AttendanceCategory,
    /// Its meaning, in Vietnamese.
    pub category_name: Box<str>,
    /// The rate of this visit.
    pub rate: BenefitRate,
    /// The article behind the rate.
    pub article: Box<str>,
    /// The code that counted, after overrides.
    pub counted_code: BenefitCode,
    /// If the rate is below 100: a visit that costs less than this many dong is paid in full.
    pub full_below_dong: Option<u64>,
}

impl RenewalRow {
    /// The step that so many days before the end belong to: its day, and how pressing it is; `None` while the end is far.
    pub fn step(&self, days_left: i64) -> Option<(u32, Urgency)> {
        let reached = |day: &&u32| days_left <= i64::from(**day);
        let step = *self.remind_days.iter().rfind(reached)?;
        let urgency = match (self.remind_days.first() == Some(&step), self.remind_days.last() == Some(&step)) {
            (_, true) => Urgency::Pressing,
            (true, false) => Urgency::Early,
            (false, false) => Urgency::Soon,
        };
        Some((step, urgency))
    }

    /// How pressing it is so many days after the end.
    pub fn gap(&self, days_since: i64) -> Urgency {
        if days_since >= i64::from(self.warn_days) { Urgency::Pressing } else { Urgency::Soon }
    }
}

impl RuleTables {
    /// Whether two sets hold the same, wherever they came from.
    pub fn say_the_same(&self, other: &Self) -> bool {
        Self { origin: other.origin, ..self.clone() } == *other
    }

    /// The benefit of a card. `None` where the tables have no row for the day; the desk then shows no rate rather than a guess.
    pub fn benefit(&self, card: &CardNumber, class: &FacilityClass, day: NaiveDate) -> Option<Benefit> {
        let class = self.classes.iter().find(|row| row.class == *class && row.term.covers(day))?;
        self.benefit_as(card, &class.category, day)
    }

    /// The same for a visit of a category.
    pub fn benefit_as(&self, card: &CardNumber, category: &AttendanceCategory, day: NaiveDate) -> Option<Benefit> {
        let printed = card.benefit_code()?;
        let group = card.group()?;
        let counted_code = self
            .overrides
            .iter()
            .find(|row| row.group == group && row.printed == printed && row.term.covers(day))
            .map_or(printed, |row| row.counts_as);
        let card_rate = self.benefits.iter().find(|row| row.code == counted_code && row.term.covers(day))?.rate;
        let category = self.category(category, day)?;
        let rate = match category.rate {
            CategoryRate::Full => BenefitRate::percent(100).ok()?,
            CategoryRate::Card => card_rate,
            CategoryRate::ShareOfCard(share) => {
                let hundredths = u16::from(card_rate.as_percent()) * u16::from(share);
                // 95 × 50 % is 47.5, which a whole percentage cannot say: no rate rather than a rounded one.
                let percent = hundredths.is_multiple_of(100).then_some(hundredths / 100)?;
                BenefitRate::percent(u8::try_from(percent).ok()?).ok()?
            }
        };
        let full_below_dong = (rate.as_percent() < 100)
            .then(|| self.salaries.iter().find(|row| row.term.covers(day)))
            .flatten()
            .map(|row| row.dong * row.small_visit_percent / 100);
        Some(Benefit {
            category: category.code.clone(),
            category_name: category.name.clone(),
            rate,
            article: category.article.clone(),
            counted_code,
            full_below_dong,
        })
    }

    /// The category that a visit to a facility of this class provisionally falls under; on a day without a row, the newest row's. `None`: the tables do
    /// not know the class.
    pub fn provisional_category(&self, class: &FacilityClass, day: NaiveDate) -> Option<AttendanceCategory> {
        let rows = || self.classes.iter().filter(|row| row.class == *class);
        let row = rows().find(|row| row.term.covers(day)).or_else(|| rows().max_by_key(|row| row.term.valid_from))?;
        Some(row.category.clone())
    }

    /// The renewal rule of a day.
    pub fn renewal(&self, day: NaiveDate) -> Option<&RenewalRow> {
        self.renewals.iter().find(|row| row.term.covers(day))
    }

    /// Who pays for the cards of a group on a day, if others do.
    pub fn paid_for(&self, group: &MemberGroup, day: NaiveDate) -> Option<&PaidForRow> {
        self.paid_for.iter().find(|row| row.term.covers(day) && row.groups.contains(group))
    }

    /// What is to be shown on a day.
    pub fn proof(&self, day: NaiveDate) -> Option<&ProofRow> {
        self.proofs.iter().find(|row| row.term.covers(day))
    }
}

/// Age in whole years on a day.
pub fn whole_years(born: BirthDate, day: NaiveDate) -> u32 {
    let (month, date) = match born {
        BirthDate::Day(day) => (day.month(), day.day()),
        BirthDate::Month { month, .. } => (month, 1),
        BirthDate::Year(_) => (1, 1),
    };
    let before_birthday = (day.month(), day.day()) < (month, date);
    u32::try_from(day.year() - born.year() - i32::from(before_birthday)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::rules::builtin;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn both_ends_of_a_term_belong_to_it() {
        let term = |until: Option<&str>| Term { valid_from: day("2026-01-01"), valid_until: until.map(day), source: "law".into() };
        for (on, until, covers) in [
            ("2025-12-31", Some("2026-06-30"), false),
            ("2026-01-01", Some("2026-06-30"), true),
            ("2026-06-30", Some("2026-06-30"), true),
            ("2026-07-01", Some("2026-06-30"), false),
            ("2099-12-31", None, true),
        ] {
            assert_eq!(term(until).covers(day(on)), covers, "{on} {until:?}");
        }
    }

    #[test]
    fn a_person_is_a_year_older_on_the_birthday() {
        let born = |text| BirthDate::parse_iso(text).unwrap();
        for (birth, on, age) in [
            ("1956-11-22", "2026-11-21", 69),
            ("1956-11-22", "2026-11-22", 70),
            ("2020-02-29", "2026-02-28", 5),
            ("2020-02-29", "2026-03-01", 6),
            ("1956-11", "2026-10-31", 69),
            ("1956-11", "2026-11-01", 70),
            ("1956", "2026-01-01", 70),
            ("2027-01-01", "2026-11-22", 0),
        ] {
            assert_eq!(whole_years(born(birth), day(on)), age, "{birth} on {on}");
        }
    }

    #[test]
    fn a_share_of_the_card_is_shown_only_where_it_is_a_whole_percentage() {
        let mut tables = builtin().unwrap();
        let class = FacilityClass::parse("other_primary").unwrap();
        for row in &mut tables.classes {
            row.category = AttendanceCategory::parse("1.13").unwrap();
        }
        for (card, on, rate) in [
            ("GD4010100000001", "2026-06-30", Some(0)),
            ("GD4010100000001", "2026-07-01", Some(40)),
            ("HT3010100000001", "2026-06-30", Some(0)),
            ("HT3010100000001", "2026-07-01", None),
            ("DT2010100000001", "2026-07-01", Some(50)),
        ] {
            let benefit = tables.benefit(&CardNumber::parse(card).unwrap(), &class, day(on));
            assert_eq!(benefit.map(|b| b.rate.as_percent()), rate, "{card} on {on}");
        }
    }

    #[test]
    fn a_station_pays_in_full_whatever_the_card_says() {
        let tables = builtin().unwrap();
        let class = FacilityClass::parse("commune_station").unwrap();
        for card in ["TE1010100000001", "CN2010100000001", "HT3010100000001", "GD4010100000001", "QN5010100000001"] {
            let benefit = tables.benefit(&CardNumber::parse(card).unwrap(), &class, day("2025-07-01")).unwrap();
            assert_eq!((benefit.rate.as_percent(), benefit.full_below_dong), (100, None), "{card}");
            assert_eq!(benefit.category.as_str(), "1.2");
        }
    }

    #[test]
    fn without_a_row_for_the_day_there_is_no_rate() {
        let tables = builtin().unwrap();
        let card = CardNumber::parse("GD4010100000001").unwrap();
        let benefit = |class: &str, on: &str| tables.benefit(&card, &FacilityClass::parse(class).unwrap(), day(on));
        assert_eq!(benefit("commune_station", "2025-06-30"), None);
        assert_eq!(benefit("district_hospital", "2026-06-30"), None);
    }
}
