//! The day's visits, newest first, and what the province refused.
//!
//! Promise: each with how far it is, and whether the person differed from the record; a refused one stays on the page, whatever its day, with the province's reason. Never: so many rows that the page
//! becomes heavy; what is left out is counted.

use crate::desk::LoggedVisit;
use crate::desk::words;
use crate::domain::visit::Delivery;

/// Rows of the day.
const ROWS: usize = 40;

/// Refused visits asked for.
pub(in crate::reception) const PARKED: usize = 20;

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::reception) struct LogView {
    pub(in crate::reception) count: usize,
    pub(in crate::reception) rows: Vec<RowView>,
    /// Earlier visits of the day that are not shown.
    pub(in crate::reception) left_out: usize,
    /// Refused visits that are not among the rows.
    pub(in crate::reception) parked: Vec<RowView>,
    /// The list could not be read.
    pub(in crate::reception) is_unreadable: bool,
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RowView {
    pub(in crate::reception) number: u64,
    pub(in crate::reception) time: String,
    pub(in crate::reception) who: String,
    pub(in crate::reception) standing: &'static str,
    /// `IdentityMatch::code` as it was saved, and in words if the person differed.
    pub(in crate::reception) identity: String,
    pub(in crate::reception) identity_words: Option<&'static str>,
    /// `Delivery::code`.
    pub(in crate::reception) delivery: &'static str,
    pub(in crate::reception) delivery_words: &'static str,
    pub(in crate::reception) reference: Option<String>,
    /// The province's reason and its code.
    pub(in crate::reception) refused: Option<String>,
}

impl LogView {
    pub(in crate::reception) fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::default() }
    }
}

/// Makes the list. `parked` may hold pending visits too; they are left to their day.
pub(in crate::reception) fn of(today: &[LoggedVisit], parked: &[LoggedVisit]) -> LogView {
    let shown = &today[..today.len().min(ROWS)];
    let is_shown = |visit: &&LoggedVisit| shown.iter().any(|row| row.visit.sequence == visit.visit.sequence);
    let parked = parked.iter().filter(|visit| visit.delivery == Delivery::Parked && !is_shown(visit));
    LogView {
        count: today.len(),
        rows: shown.iter().map(|visit| row(visit, words::hour(visit.visit.content.arrived_at))).collect(),
        left_out: today.len() - shown.len(),
        parked: parked.map(|visit| row(visit, words::instant(visit.visit.content.arrived_at))).collect(),
        is_unreadable: false,
    }
}

fn row(logged: &LoggedVisit, time: String) -> RowView {
    let content = &logged.visit.content;
    RowView {
        number: logged.visit.sequence.0,
        time,
        who: super::who(&content.person).to_owned(),
        standing: words::saved_standing(&content.verdict.standing),
        identity: content.verdict.identity_match.to_string(),
        identity_words: words::saved_identity(&content.verdict.identity_match),
        delivery: logged.delivery.code(),
        delivery_words: words::delivery(logged.delivery),
        reference: logged.reference.as_deref().map(str::to_owned),
        refused: logged.refused.as_ref().filter(|_| logged.delivery == Delivery::Parked).map(|(code, text)| format!("{text} ({code})")),
    }
}
