//! The contract's part on single visits: their revisions, and what newer data say about them.

use serde_json::Value;
use serde_json::json;

use crate::desk::ListedRecheck;
use crate::desk::LoggedVisit;
use crate::desk::Placed;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::slip::SlipCode;
use crate::domain::visit::ShownVerdict;

/// A visit with all its revisions, oldest first.
pub fn visit(revisions: &[LoggedVisit], placed: &Placed) -> Value {
    json!({
        "id": revisions.first().map(|logged| logged.visit.content.id.0),
        "revisions": revisions.iter().map(|logged| revision(logged, placed)).collect::<Vec<_>>(),
    })
}

fn revision(logged: &LoggedVisit, placed: &Placed) -> Value {
    let content = &logged.visit.content;
    let mut value = super::logged(logged);
    value["clock"] = content.clock.state.code().into();
    value["placed_at"] = placed.get(&logged.visit.sequence).map(|at| super::instant(*at)).into();
    value["operator"] = content.operator.as_str().into();
    value["source"] = content.source.code().into();
    value["attendance_category"] = content.attendance_category.as_str().into();
    value["note"] = content.note.as_deref().into();
    value["care_type"] = content.care_type.as_str().into();
    value["proof"] = content.proof.map(Proof::code).into();
    value["queue_number"] = content.queue_number.map(QueueNumber::get).into();
    value["slip_code"] = SlipCode::of(content).to_string().into();
    value["voided"] = content.voided.as_deref().into();
    value["verdict"] = shown(&content.verdict);
    // Here also of a revision that was ended or replaced: this is its whole history.
    value["refused"] = logged.refused.as_ref().map(|(code, text)| json!({ "code": code, "text": text })).into();
    value["closing"] = logged
        .closing
        .as_ref()
        .map(|closing| json!({ "note": closing.note, "by": closing.by.as_str(), "at": super::instant(closing.at) }))
        .into();
    value
}

fn shown(shown: &ShownVerdict) -> Value {
    json!({
        "standing": shown.standing,
        "identity_match": shown.identity_match,
        "knowledge": shown.knowledge,
        "freshness": shown.freshness,
        "serial": shown.basis.map(|(_, serial)| serial.0),
        "as_of": shown.as_of.map(super::instant),
        "rate_percent": shown.rate.map(|rate| rate.as_percent()),
        "rules_version": shown.rules_version,
    })
}

/// Visits whose verdict would now be another, each with what the desk was shown and what it would be shown now.
pub fn rechecks(rechecks: &[ListedRecheck]) -> Value {
    rechecks.iter().map(recheck).collect()
}

fn recheck(listed: &ListedRecheck) -> Value {
    let recheck = &listed.recheck;
    json!({
        "id": recheck.id.0,
        "revision": recheck.revision.0,
        "sequence": recheck.sequence.0,
        "arrived_at": super::instant(recheck.arrived_at),
        "shown": shown(&recheck.shown),
        "now": shown(&recheck.now),
        "found_at": super::instant(recheck.found_at),
        "sent_at": listed.sent_at.map(super::instant),
        "settled_at": listed.settled_at.map(super::instant),
        "is_over": listed.is_over,
    })
}
