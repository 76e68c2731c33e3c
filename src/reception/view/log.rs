//! The day's newest visits, what the province refused, and what newer data say otherwise.
//!
//! Promise: each with how far it is, and whether the person differed from the record; a refused one stays on the page, whatever its day, with the
//! province's reason. Never: so many rows that the page becomes heavy; what is left out is counted.

use chrono::DateTime;
use chrono::Utc;

use crate::desk::Day;
use crate::desk::ListedRecheck;
use crate::desk::LoggedVisit;
use crate::desk::Placed;
use crate::desk::correct;
use crate::desk::messages::Messages;
use crate::desk::messages::Text;
use crate::desk::words;
use crate::domain::visit::Delivery;
use crate::domain::visit::NewVisit;
use crate::domain::visit::ShownVerdict;

use super::day::DayView;

/// Rows of the day beside every answer; all of them stand on a page of their own.
pub(in crate::reception) const ROWS: usize = 25;

/// Refused visits asked for.
pub(in crate::reception) const PARKED: usize = 20;

/// Differences asked for.
pub(in crate::reception) const RECHECKS: usize = 20;

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::reception) struct LogView {
    /// Visits of the day that count.
    pub(in crate::reception) count: usize,
    /// Those that were taken back.
    pub(in crate::reception) voided: usize,
    pub(in crate::reception) rows: Vec<RowView>,
    /// Earlier visits of the day that are not shown.
    pub(in crate::reception) left_out: usize,
    /// The page was asked for with all of them.
    pub(in crate::reception) is_whole: bool,
    /// Refused visits that are not among the rows.
    pub(in crate::reception) parked: Vec<RowView>,
    /// Visits whose verdict would now be another.
    pub(in crate::reception) rechecks: Vec<RecheckView>,
    /// The end of the day, where all of it was asked for.
    pub(in crate::reception) end: Option<DayView>,
    /// What the forms in it carry.
    pub(in crate::reception) form_token: String,
    /// The list could not be read.
    pub(in crate::reception) is_unreadable: bool,
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RowView {
    /// Opens it.
    pub(in crate::reception) id: String,
    pub(in crate::reception) is_voided: bool,
    /// What of it is not as usual.
    pub(in crate::reception) unusual: Vec<String>,
    pub(in crate::reception) number: u64,
    pub(in crate::reception) time: String,
    pub(in crate::reception) who: String,
    pub(in crate::reception) standing: &'static Text,
    /// `IdentityMatch::code` as it was saved, and in words if the person differed.
    pub(in crate::reception) identity: String,
    pub(in crate::reception) identity_words: Option<&'static Text>,
    /// `Delivery::code`.
    pub(in crate::reception) delivery: &'static str,
    pub(in crate::reception) delivery_words: &'static Text,
    pub(in crate::reception) reference: Option<String>,
    /// The province's reason and its code.
    pub(in crate::reception) refused: Option<String>,
    /// What can be done with a refused one.
    pub(in crate::reception) actions: Option<ActionsView>,
    /// The time is the province's, or nobody knows it.
    pub(in crate::reception) placed: Option<&'static Text>,
}

/// What can be done with a refused visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct ActionsView {
    pub(in crate::reception) id: String,
    pub(in crate::reception) revision: u32,
    pub(in crate::reception) may_be_resent: bool,
}

/// A visit whose verdict would now be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RecheckView {
    pub(in crate::reception) number: u64,
    pub(in crate::reception) time: String,
    pub(in crate::reception) who: String,
    pub(in crate::reception) then: String,
    pub(in crate::reception) then_as_of: String,
    pub(in crate::reception) now: String,
    pub(in crate::reception) now_as_of: String,
}

impl LogView {
    pub(in crate::reception) fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::default() }
    }
}

/// What of a visit is not as usual, in words.
type Unusual<'a> = &'a (dyn Fn(&NewVisit) -> Vec<String> + Sync);

/// Makes the list. `parked` may hold pending visits too; they are left to their day.
pub(in crate::reception) fn of(
    today: &Day,
    parked: &[LoggedVisit],
    rechecks: &[(ListedRecheck, LoggedVisit)],
    placed: &Placed,
    unusual: Unusual<'_>,
    texts: &'static Messages,
) -> LogView {
    let Day { count, voided, newest } = today;
    let is_shown = |visit: &&LoggedVisit| newest.iter().any(|row| row.visit.sequence == visit.visit.sequence);
    let parked = parked.iter().filter(|visit| visit.delivery == Delivery::Parked && !is_shown(visit));
    LogView {
        count: count.saturating_sub(*voided),
        voided: *voided,
        rows: newest.iter().map(|visit| row(visit, placed, unusual, words::hour, texts)).collect(),
        left_out: count.saturating_sub(newest.len()),
        is_whole: false,
        parked: parked.map(|visit| row(visit, placed, unusual, words::instant, texts)).collect(),
        rechecks: rechecks.iter().map(|(found, visit)| recheck(found, visit, texts)).collect(),
        end: None,
        form_token: String::new(),
        is_unreadable: false,
    }
}

fn row(
    logged: &LoggedVisit,
    placed: &Placed,
    unusual: Unusual<'_>,
    time: impl Fn(DateTime<Utc>) -> String,
    texts: &'static Messages,
) -> RowView {
    let content = &logged.visit.content;
    let refused = logged.refused.as_ref().filter(|_| logged.delivery == Delivery::Parked);
    let placed = placed.get(&logged.visit.sequence);
    let is_doubted = content.clock.state.is_suspect() && placed.is_none();
    RowView {
        id: content.id.0.to_string(),
        is_voided: content.voided.is_some(),
        unusual: unusual(content),
        number: logged.number.0,
        time: time(placed.copied().unwrap_or(content.arrived_at)),
        who: super::who(&content.person).to_owned(),
        standing: texts.verdict.saved(&content.verdict),
        identity: content.verdict.identity_match.to_string(),
        identity_words: texts.verdict.saved_identity(&content.verdict.identity_match),
        delivery: logged.delivery.code(),
        delivery_words: texts.visits.delivery(logged.delivery),
        reference: logged.reference.as_deref().map(str::to_owned),
        refused: refused.map(|(code, text)| texts.visits.refusal(code, text)),
        actions: refused.map(|(code, _)| ActionsView {
            id: content.id.0.to_string(),
            revision: content.revision.0,
            may_be_resent: correct::may_be_resent(code),
        }),
        placed: placed.map(|_| &texts.visits.placed).or_else(|| is_doubted.then_some(&texts.visits.time_doubted)),
    }
}

fn recheck(found: &ListedRecheck, logged: &LoggedVisit, texts: &Messages) -> RecheckView {
    let recheck = &found.recheck;
    RecheckView {
        number: recheck.sequence.0,
        time: words::instant(recheck.arrived_at),
        who: super::who(&logged.visit.content.person).to_owned(),
        then: verdict(&recheck.shown, texts),
        then_as_of: texts.verdict.as_of(recheck.shown.as_of),
        now: verdict(&recheck.now, texts),
        now_as_of: texts.verdict.as_of(recheck.now.as_of),
    }
}

/// How a card stood when it was shown, and at which rate.
pub(super) fn verdict(shown: &ShownVerdict, texts: &Messages) -> String {
    let rate = shown.rate.map(|rate| format!(", {}%", rate.as_percent())).unwrap_or_default();
    format!("{}{rate}", texts.verdict.saved(shown))
}
