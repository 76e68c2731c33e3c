//! Whose card ends soon or has just ended: for the head of the station, who has people visited.
//!
//! Promise: only the head is told; who has a next card is left out; what is seen, printed or exported goes through one function each. Never: why somebody's
//! premium is supported, nor the letters of the card, which tell it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::Days;
use chrono::NaiveDate;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::PersonKey;
use crate::domain::access::ShownPeople;
use crate::domain::clock::Now;
use crate::domain::renewal;
use crate::domain::renewal::Due;
use crate::domain::renewal::Stage;
use crate::storage;

use super::Desk;
use super::csv;

/// How near or far the end is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// Whatever.
    #[default]
    All,
    /// At most so many days are left.
    Within(u32),
    /// It has passed.
    Lapsed,
}

impl Span {
    fn holds(self, stage: Stage) -> bool {
        match (self, stage) {
            (Self::All, _) | (Self::Lapsed, Stage::Lapsed { .. }) => true,
            (Self::Within(days), Stage::Ending { days_left, .. }) => days_left <= i64::from(days),
            _ => false,
        }
    }
}

/// Of whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenewalFilter {
    /// How near or far the end is.
    pub span: Span,
    /// Only of this hamlet; an empty one: of those for whom none is on record.
    pub hamlet: Option<Box<str>>,
}

impl RenewalFilter {
    fn holds(&self, due: &Due) -> bool {
        let hamlet = due.hamlet.as_deref().unwrap_or_default();
        self.span.holds(due.stage) && self.hamlet.as_deref().is_none_or(|wanted| wanted == hamlet)
    }
}

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewals {
    /// By which clock the days were counted.
    pub now: Now,
    /// Of when the roster is; `None`: there is none.
    pub as_of: Option<DateTime<Utc>>,
    /// How many there are in each span, whatever the hamlet.
    pub spans: Vec<(Span, usize)>,
    /// How many there are in each hamlet, whatever the span; an empty name: none is on record.
    pub hamlets: BTreeMap<Box<str>, usize>,
    /// Those wanted, by hamlet, then by the end, then by name.
    pub people: Vec<Due>,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Whole lists of people are the head's.
    #[error("only the head of the station is told")]
    NotHead,
    /// Our own files cannot be read.
    #[error("the roster cannot be read")]
    Storage(#[from] storage::Error),
}

impl Desk {
    /// The list, to be looked at.
    pub async fn see_renewals(&self, filter: &RenewalFilter) -> Result<Renewals, ListError> {
        let renewals = self.renewals(filter).await?;
        self.access(Act::Searched, told(filter, &renewals)).await;
        Ok(renewals)
    }

    /// The list, to be printed.
    pub async fn print_renewals(&self, filter: &RenewalFilter) -> Result<Renewals, ListError> {
        let renewals = self.renewals(filter).await?;
        self.access(Act::Printed, told(filter, &renewals)).await;
        Ok(renewals)
    }

    /// The list as a file for a spreadsheet, and how many people are in it.
    pub async fn export_renewals(&self, filter: &RenewalFilter) -> Result<(Renewals, String), ListError> {
        let renewals = self.renewals(filter).await?;
        let file = csv::file(core::iter::once(HEADINGS.map(Cow::from).to_vec()).chain(renewals.people.iter().map(cells)));
        self.access(Act::Exported, told(filter, &renewals)).await;
        Ok((renewals, file))
    }

    async fn renewals(&self, filter: &RenewalFilter) -> Result<Renewals, ListError> {
        if !self.operator.role.is_head() {
            return Err(ListError::NotHead);
        }
        let now = self.time.now();
        let on = now.day();
        let Some(rule) = self.station.rules.renewal(on) else {
            let as_of = self.cards.roster().borrow().cursor.as_ref().map(|cursor| cursor.as_of);
            return Ok(Renewals { now, as_of, spans: Vec::new(), hamlets: BTreeMap::new(), people: Vec::new() });
        };
        let (from, until) = (on - Days::new(rule.gap_days.into()), on + Days::new(rule.remind_days.first().copied().unwrap_or(0).into()));
        let passed = self.cards.ending_between(from, until).await?;
        let mut people: Vec<_> = passed.found.iter().filter_map(|record| renewal::due(record, on, rule)).collect();
        let spans = rule.remind_days.iter().map(|days| Span::Within(*days)).chain([Span::Lapsed]);
        let spans = spans.map(|span| (span, people.iter().filter(|due| span.holds(due.stage)).count())).collect();
        let mut hamlets = BTreeMap::new();
        for due in &people {
            *hamlets.entry(due.hamlet.clone().unwrap_or_default()).or_default() += 1;
        }
        people.retain(|due| filter.holds(due));
        people.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(Renewals { now, as_of: passed.cursor.map(|cursor| cursor.as_of), spans, hamlets, people })
    }
}

/// What the access log says of a list: which days it is about, whether one hamlet only, how many people, and whom.
fn told(filter: &RenewalFilter, renewals: &Renewals) -> About {
    let of = |all: &'static str, hamlet: &'static str| if filter.hamlet.is_some() { hamlet } else { all };
    let detail = match filter.span {
        Span::All => Detail::code(of("renewals", "renewals_of_hamlet")),
        Span::Within(days) => Detail::numbered(of("renewals_within", "renewals_of_hamlet_within"), days.into()),
        Span::Lapsed => Detail::code(of("renewals_lapsed", "renewals_of_hamlet_lapsed")),
    };
    let key = |due: &Due| PersonKey::of_numbers(due.personal_id.as_ref(), Some(&due.insurance_number));
    About::list(detail, ShownPeople::by_key(renewals.people.iter().map(key)))
}

/// Who lives nowhere on record comes last.
fn order(due: &Due) -> (bool, &Option<Box<str>>, NaiveDate, String) {
    (due.hamlet.is_none(), &due.hamlet, due.ends, due.name.folded())
}

const HEADINGS: [&str; 7] = ["Thôn", "Họ tên", "Ngày sinh", "Mã số BHXH", "Hết hạn", "Còn (ngày)", "Đã hết (ngày)"];

fn cells(due: &Due) -> Vec<Cow<'_, str>> {
    let (left, since) = match due.stage {
        Stage::Ending { days_left, .. } => (days_left.to_string(), String::new()),
        Stage::Lapsed { days_since, .. } => (String::new(), days_since.to_string()),
    };
    vec![
        due.hamlet.as_deref().unwrap_or_default().into(),
        due.name.as_str().into(),
        due.birth_date.to_iso().into(),
        spaced(due.insurance_number.as_str()).into(),
        due.ends.to_string().into(),
        left.into(),
        since.into(),
    ]
}

/// A spreadsheet takes ten digits for a number and drops the first zero.
fn spaced(number: &str) -> String {
    let (first, rest) = number.split_at_checked(4).unwrap_or((number, ""));
    let (second, third) = rest.split_at_checked(3).unwrap_or((rest, ""));
    format!("{first} {second} {third}")
}
