//! The part of the contract about the files themselves: whether they are whole, what was set aside, what is taken out of it, one person's data. FROZEN like the rest.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::instant;
use crate::desk::Erased;
use crate::desk::LoggedVisit;
use crate::desk::Salvaged;
use crate::desk::SetAside;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::contact::Ahead;

/// What is asked about them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeepingRequest {
    /// Look at every page.
    Integrity,
    /// What was set aside.
    Quarantine,
    /// Take the visits out of what was set aside.
    Salvage {
        /// Which file; absent: all.
        name: Option<String>,
    },
    /// Remove a file that was set aside.
    Drop {
        /// Which.
        name: String,
        /// With so many visits in it that are neither here nor confirmed.
        unsent: Option<u64>,
    },
    /// The visits that only the province holds are known: they are told of no more.
    AcceptMissing,
    /// All that is kept of one person's visits.
    ExportPerson {
        /// A number or a scan.
        text: String,
    },
    /// Erase them.
    ErasePerson {
        /// A number or a scan.
        text: String,
    },
}

/// Numbers as spans, since damage takes neighbours.
fn spans(numbers: &[u64]) -> Vec<[u64; 2]> {
    let mut spans: Vec<[u64; 2]> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some([_, last]) if *last + 1 == *number => *last = *number,
            _ => spans.push([*number, *number]),
        }
    }
    spans
}

/// Files that were set aside.
pub fn set_aside(files: &[SetAside]) -> Value {
    let file = |file: &SetAside| {
        json!({
            "name": file.name,
            "since": file.at.map(instant),
            "why": file.why.code(),
            "bytes": file.bytes,
            "visits": file.holds.map(|holds| holds.visits),
            "not_here": file.holds.map(|holds| holds.not_here),
            "unsent": file.holds.map(|holds| holds.unsent),
            "missing": file.holds.map(|holds| holds.missing),
        })
    };
    let said = words::backup::set_aside(files.len(), files.iter().filter_map(|file| file.holds).map(|holds| holds.not_here).sum());
    json!({ "files": files.iter().map(file).collect::<Vec<_>>(), "message": said.vi, "english": said.en })
}

/// What was taken out of them, and how many could not be read at all.
pub fn salvaged(all: &[(String, Salvaged)], unread: u64) -> Value {
    let one = |(name, salvaged): &(String, Salvaged)| {
        json!({
            "name": name,
            "taken": salvaged.taken.len(),
            "unsent": salvaged.unsent,
            "already": salvaged.already,
            "removed": salvaged.removed,
            "refused": salvaged.refused,
            "missing": spans(&salvaged.missing),
            "end_is_known": salvaged.end_is_known,
            "pages": salvaged.pages,
            "damaged_pages": salvaged.damaged,
        })
    };
    let sum = |of: fn(&Salvaged) -> u64| all.iter().map(|(_, salvaged)| of(salvaged)).sum();
    let (taken, missing) = (sum(|salvaged| salvaged.taken.len() as u64), sum(|salvaged| salvaged.missing.len() as u64));
    let mut said = words::backup::salvaged(taken, sum(|salvaged| salvaged.unsent), missing, sum(|salvaged| salvaged.removed));
    if unread > 0 {
        said = said.and(&words::backup::unread(unread));
    }
    json!({ "files": all.iter().map(one).collect::<Vec<_>>(), "taken": taken, "missing": missing, "unread": unread, "message": said.vi, "english": said.en })
}

/// A file that was set aside is gone.
pub fn dropped(name: &str, unsent: u64) -> Value {
    let said = words::backup::dropped(name, unsent);
    json!({ "name": name, "unsent": unsent, "message": said.vi, "english": said.en })
}

/// Visits that only the province holds are told of no more.
pub fn missing_accepted(missing: Option<Ahead>) -> Value {
    let said = words::missing_accepted(missing);
    json!({
        "visits": missing.map_or(0, |missing| missing.visits),
        "first_received_at": missing.map(|missing| instant(missing.first_received_at)),
        "last_received_at": missing.map(|missing| instant(missing.last_received_at)),
        "message": said.vi,
        "english": said.en,
    })
}

/// One person's data.
pub fn person(visits: &[LoggedVisit]) -> Value {
    let said = words::backup::exported(visits.len());
    json!({ "visits": visits.iter().map(whole).collect::<Vec<_>>(), "message": said.vi, "english": said.en })
}

/// Everything of a visit that is about the person.
fn whole(logged: &LoggedVisit) -> Value {
    let (content, mut value) = (&logged.visit.content, super::logged(logged));
    value["operator"] = content.operator.as_str().into();
    value["attendance_category"] = content.attendance_category.as_str().into();
    value["care_type"] = content.care_type.as_str().into();
    value["note"] = json!(content.note);
    value["voided"] = json!(content.voided);
    value["verdict"] = json!({
        "identity_match": content.verdict.identity_match,
        "knowledge": content.verdict.knowledge,
        "freshness": content.verdict.freshness,
        "as_of": content.verdict.as_of.map(instant),
        "rate_percent": content.verdict.rate.map(|rate| rate.as_percent()),
        "rules_version": content.verdict.rules_version,
    });
    value
}

/// What became of them.
pub fn erased(erased: Erased) -> Value {
    let said = words::backup::erased(&erased);
    json!({
        "removed": erased.removed,
        "kept": erased.kept,
        "corrected": erased.corrected,
        "set_aside": erased.aside,
        "set_aside_unsent": erased.aside_unsent,
        "set_aside_unread": erased.aside_unread,
        "was_cut": erased.was_cut,
        "message": said.vi,
        "english": said.en,
    })
}

/// Whether both databases are whole.
pub fn integrity(at: &str, visits: &str, cards: &str, said: &Sentence) -> Value {
    json!({ "at": at, "visits": visits, "cards": cards, "message": said.vi, "english": said.en })
}
