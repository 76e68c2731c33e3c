//! The end of the day: how far its visits are, and what to know before the computer is switched off.
//!
//! Promise: what waits is counted over all days, and "nothing waits" is said of nothing less. Never: a doubt about what was called saved.

use crate::desk::LoggedVisit;
use crate::desk::Overview;
use crate::desk::messages::Messages;
use crate::domain::visit::Delivery;

/// The sentences, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct DayView {
    pub(in crate::reception) unsent: u64,
    pub(in crate::reception) lines: Vec<String>,
}

/// Makes it of all visits of the day, newest first.
pub(in crate::reception) fn of(visits: &[LoggedVisit], overview: &Overview, words: &Messages) -> DayView {
    let text = &words.day;
    let is_counted = |logged: &&LoggedVisit| logged.visit.content.voided.is_none();
    let count = |delivery| visits.iter().filter(is_counted).filter(|logged| logged.delivery == delivery).count();
    let voided = visits.len() - visits.iter().filter(is_counted).count();
    let of_today = visits.iter().filter(|logged| logged.delivery == Delivery::Pending).count() as u64;
    let counts = text.counts.with("delivered", count(Delivery::Delivered)).with("pending", count(Delivery::Pending));
    let counts = counts.with("parked", count(Delivery::Parked)).with("closed", count(Delivery::Closed));
    let unsent = overview.unsent.pending_visits;
    let receipt = visits.iter().find_map(|logged| logged.reference.as_deref());
    let waiting = if unsent == 0 {
        text.all_sent.to_string()
    } else {
        let text = if unsent > of_today { &text.unsent_before } else { &text.unsent };
        text.with("count", unsent).to_string()
    };
    let voided = (voided > 0).then(|| text.voided.with("count", voided).to_string());
    let parked = overview.unsent.parked;
    let refused = (parked > 0).then(|| text.parked.with("count", parked).to_string());
    let receipt = receipt.map_or_else(|| text.no_receipt.to_string(), |reference| text.receipt.with("reference", reference).to_string());
    let safe = if unsent == 0 { &text.safe } else { &text.safe_and_goes_later };
    let lines = [Some(counts.to_string()), voided, Some(waiting), refused, Some(receipt), Some(safe.to_string())];
    DayView { unsent, lines: lines.into_iter().flatten().collect() }
}
