//! The JSON contract: what `--json` prints and what goes over the control socket. FROZEN: keys are added, never renamed or removed.
//!
//! Promise: `snake_case`, the words of the glossary, ISO days and instants (instants at +07:00), `null` for unknown. Never: a conversion that loses a
//! difference the domain makes.

pub mod candidates;
pub mod desks;
pub mod keeping;
pub mod lists;
pub mod operators;
pub mod visits;

use std::path::PathBuf;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::desk::CheckedIn;
use crate::desk::LoggedVisit;
use crate::desk::Lookup;
use crate::desk::NextRules;
use crate::desk::Overview;
use crate::desk::Question;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock;
use crate::domain::field::Unreadable;
use crate::domain::rules::RuleTables;
use crate::domain::rules::RulesOrigin;
use crate::domain::scan::Scan;
use crate::domain::verdict::Advice;
use crate::domain::verdict::Standing;
use crate::domain::verdict::Verdict;
use crate::domain::visit::Delivery;
use crate::domain::visit::VisitPerson;
use crate::sync::status::Activity;

/// A question to the daemon.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Look somebody up.
    Lookup {
        /// What was scanned or typed.
        text: String,
        /// Whether the province's answer about this person is waited for, if it is being asked.
        #[serde(default)]
        wait: bool,
    },
    /// Look somebody up and save the visit.
    CheckIn {
        /// What was scanned or typed.
        text: String,
        /// Identity of the visit, made by whoever asks, so that asking again after a broken connection is the same visit.
        visit_id: Uuid,
    },
    /// How things stand.
    Status,
    /// The same as figures for a monitoring program.
    Metrics,
    /// Run both directions now, and say how things stand when each has ended, or is put off because the province has asked for a pause.
    SyncNow,
    /// Look at the keys again: the station was enrolled, or its keys were mended.
    ReloadKeys,
    /// Take another identity.
    ReplaceMachine {
        /// The province's one-time code.
        code: String,
    },
    /// Put all pending visits on a stick.
    CarryOut {
        /// Where it is.
        dir: PathBuf,
    },
    /// Take roster and receipts off a stick.
    CarryIn {
        /// Where it is.
        dir: PathBuf,
    },
    /// Copy the visits elsewhere.
    BackUp {
        /// Where to; absent: where the configuration says.
        folder: Option<PathBuf>,
        /// Device and number of that folder for whoever asks, who may see another one than the service.
        #[serde(default)]
        place: Option<(u64, u64)>,
    },
    /// The files themselves.
    Keeping {
        /// What about them.
        keeping: keeping::KeepingRequest,
    },
    /// A person agrees to the roster that was held back.
    AcceptRoster,
    /// The other desks of the station.
    Desks,
    /// Send one of them away.
    RevokeDesk {
        /// Which.
        number: u64,
    },
    /// What is not delivered.
    Outbox {
        /// At most so many.
        limit: usize,
    },
    /// All revisions of a visit.
    Visit {
        /// Which.
        id: Uuid,
    },
    /// Save a corrected revision. What is left out stays.
    Correct {
        /// Which visit.
        id: Uuid,
        /// The right card or number.
        text: Option<String>,
        /// The right attendance category.
        category: Option<String>,
        /// A note.
        note: Option<String>,
    },
    /// Take a visit back.
    Void {
        /// Which.
        id: Uuid,
        /// Why.
        reason: String,
    },
    /// Send a refused visit again as it is.
    Resend {
        /// Which.
        id: Uuid,
    },
    /// End a refused visit.
    Close {
        /// Which.
        id: Uuid,
        /// Why.
        note: String,
    },
    /// Visits whose verdict would now be another.
    Rechecks {
        /// At most so many.
        limit: usize,
    },
    /// Whose card ends soon or has just ended.
    Renewals,
    /// How many people on the roster have a card in force.
    Coverage,
    /// A person has looked at one of these.
    RecheckDone {
        /// The visit's sequence.
        sequence: u64,
    },
    /// Accounts.
    Operator {
        /// What is done with them.
        operator: operators::OperatorRequest,
    },
    /// Who looked at whom.
    AccessLog {
        /// At most so many lines.
        limit: usize,
    },
    /// Whether the access log is as it was written.
    VerifyLog {
        /// A head that was noted down before.
        head: Option<String>,
    },
}

/// An error of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ErrorBody {
    /// The field that could not be read; absent where no field is to blame.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Stable code.
    pub code: String,
    /// Text for a person, in Vietnamese.
    pub message: String,
    /// The same in English. What an older daemon answers may be without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub english: Option<String>,
}

impl ErrorBody {
    /// One that blames no field.
    pub fn said(code: impl Into<String>, said: Sentence) -> Self {
        Self { field: None, code: code.into(), message: said.vi, english: Some(said.en) }
    }

    /// The same with the field that is to blame.
    #[must_use]
    pub fn about(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }
}

impl From<Unreadable> for ErrorBody {
    fn from(error: Unreadable) -> Self {
        Self::said(error.problem.code(), Sentence::of_both(|words| words.problems.unreadable(error))).about(error.field.key())
    }
}

pub(crate) fn instant(at: DateTime<Utc>) -> String {
    clock::vietnam_time(at).to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn day(day: Option<NaiveDate>) -> Option<String> {
    day.map(|day| day.to_string())
}

/// What was read from a scan or a typed number.
pub fn scan(scan: &Scan) -> Value {
    json!({
        "source": scan.source.code(),
        "card_number": scan.card_number.as_ref().map(|v| v.as_str()),
        "insurance_number": scan.insurance_number.as_ref().map(|v| v.as_str()),
        "personal_id": scan.personal_id.as_ref().map(|v| v.as_str()),
        "name": scan.name.as_ref().map(|v| v.as_str()),
        "birth_date": scan.birth_date.map(|v| v.to_iso()),
        "sex": scan.sex.map(|v| v.code()),
        "address": scan.address,
        "facility": scan.facility.as_ref().map(|v| v.as_str()),
        "valid_from": day(scan.valid_from),
        "valid_until": day(scan.valid_until),
        "five_years_on": day(scan.five_years_on),
        "residence_area": scan.residence_area.map(|v| v.code()),
    })
}

/// What the desk is shown.
pub fn lookup(lookup: &Lookup) -> Value {
    json!({
        "scan": scan(&lookup.scan),
        "person": person(&lookup.person()),
        "verdict": verdict(&lookup.verdict),
        "question": null,
    })
}

/// The same, with how the question to the province stands.
pub fn lookup_and(shown: &Lookup, question: Option<Question>) -> Value {
    let mut answer = lookup(shown);
    answer["question"] = question
        .map(|question| {
            let Sentence { vi, en } = Sentence::of_both(|words| words.verdict.question(question, shown.verdict.knowledge).to_string());
            json!({ "code": question.code(), "text": vi, "english": en })
        })
        .into();
    answer
}

/// A visit that is on the disk, with what the desk was shown.
pub fn checked_in(saved: &CheckedIn, shown: &Lookup) -> Value {
    let mut answer = lookup(shown);
    if let Some(object) = answer.as_object_mut() {
        let visit = json!({
            "id": saved.id.0,
            "sequence": saved.sequence.0,
            // Of a visit that was there before, this call does not know when the person came.
            "arrived_at": (!saved.already_saved).then(|| instant(saved.at)),
            "already_saved": saved.already_saved,
        });
        object.insert("visit".to_owned(), visit);
    }
    answer
}

fn person(person: &VisitPerson) -> Value {
    json!({
        "card_number": person.card_number.as_ref().map(|v| v.as_str()),
        "insurance_number": person.insurance_number.as_ref().map(|v| v.as_str()),
        "personal_id": person.personal_id.as_ref().map(|v| v.as_str()),
        "name": person.name.as_ref().map(|v| v.as_str()),
        "birth_date": person.birth_date.map(|v| v.to_iso()),
        "sex": person.sex.map(|v| v.code()),
    })
}

fn verdict(verdict: &Verdict) -> Value {
    let detail = match verdict.standing {
        Standing::NotCovered { why } => Some(why.code()),
        Standing::Deregistered { why } => Some(why.code()),
        Standing::Superseded { in_force } => Some(if in_force { "in_force" } else { "not_in_force" }),
        _ => None,
    };
    let card = verdict.in_force.as_ref().map(|card| {
        json!({
            "card_number": card.card_number.as_str(),
            "valid_from": card.validity.valid_from.to_string(),
            "valid_until": day(card.validity.valid_until),
            "registered_facility": card.registered_facility.as_str(),
        })
    });
    let benefit = verdict.benefit.as_ref().map(|benefit| {
        json!({
            "attendance_category": benefit.category.as_str(),
            "rate_percent": benefit.rate.as_percent(),
            "article": benefit.article,
            "full_below_dong": benefit.full_below_dong,
            "rules_version": verdict.rules_version,
        })
    });
    let standing = Sentence::of_both(|words| words.verdict.standing(verdict.standing).to_string());
    let reason = Sentence::of_both(|words| words.verdict.reason(verdict.standing).to_string());
    let identity = Sentence::of_both(|words| words.verdict.identity(verdict.identity).to_string());
    let age = Sentence::of_both(|words| words.verdict.data_age(&verdict.data_age));
    json!({
        "on": verdict.on.to_string(),
        "clock": verdict.now.state.code(),
        "standing": verdict.standing.code(),
        "standing_detail": detail,
        "standing_text": standing.vi,
        "standing_english": standing.en,
        "reason_text": reason.vi,
        "reason_english": reason.en,
        "identity_match": verdict.identity.code(),
        "identity_text": identity.vi,
        "identity_english": identity.en,
        "knowledge": verdict.knowledge.code(),
        "serial": verdict.basis.map(|position| position.serial.0),
        "as_of": verdict.basis.map(|position| instant(position.as_of)),
        "freshness": verdict.data_age.freshness.code(),
        "age_seconds": verdict.data_age.age.map(|age| age.num_seconds()),
        // Where it is not, the age is only the least it can be.
        "age_is_known": verdict.data_age.doubted.is_none(),
        "age_text": age.vi,
        "age_english": age.en,
        "card": card,
        "benefit": benefit,
        "advice": verdict.advice.iter().map(advice).collect::<Vec<_>>(),
    })
}

fn advice(advice: &Advice) -> Value {
    let Sentence { vi, en } = words::advice(advice);
    let mut value = json!({ "code": advice.code(), "text": vi, "english": en });
    match advice {
        Advice::Renew { days_left, step, urgency } => {
            value["days_left"] = (*days_left).into();
            value["step_days"] = (*step).into();
            value["urgency"] = urgency.code().into();
        }
        Advice::RenewBeforeWait { wait_begins_on, urgency, .. } => {
            value["wait_begins_on"] = wait_begins_on.to_string().into();
            value["urgency"] = urgency.code().into();
        }
        Advice::PaidForByOthers { days_left, confidence, .. } => {
            value["days_left"] = (*days_left).into();
            value["confidence"] = confidence.code().into();
        }
        Advice::PaidInTreatment { until } => value["until"] = until.to_string().into(),
        Advice::ElseNotInsured { usual, otherwise } => {
            value["attendance_category"] = usual.as_str().into();
            value["otherwise"] = otherwise.as_str().into();
        }
        Advice::NotInsured { category } => value["attendance_category"] = category.as_str().into(),
        Advice::AskCommuneForSupport { confidence, .. } => value["confidence"] = confidence.code().into(),
        Advice::Season(season) => value["confidence"] = season.confidence.code().into(),
        _ => {}
    }
    value
}

/// How things stand.
pub fn status(overview: &Overview, quarantined: &[String]) -> Value {
    let cursor = overview.roster.cursor.as_ref();
    let mut value = json!({
        "clock": overview.now.state.code(),
        "now": instant(overview.now.at),
        "roster": {
            "session": cursor.map(|cursor| cursor.session.0),
            "serial": cursor.map(|cursor| cursor.serial.0),
            "as_of": cursor.map(|cursor| instant(cursor.as_of)),
            "fetched_at": cursor.map(|cursor| instant(cursor.fetched_at)),
            "cards": overview.roster.cards,
            "unreadable": overview.roster.unreadable,
            "freshness": overview.data_age.freshness.code(),
            "age_seconds": overview.data_age.age.map(|age| age.num_seconds()),
            "age_is_known": overview.data_age.doubted.is_none(),
            "worsens_at": overview.data_age.worsens_at.map(instant),
            "offered_serial": overview.sync.offered.map(|serial| serial.0),
            "snapshot_reason": overview.sync.snapshot_reason.map(|reason| reason.code()),
        },
        "outbox": {
            "pending": overview.unsent.pending,
            "parked": overview.unsent.parked,
            "oldest_pending_at": overview.unsent.oldest_pending_at.map(instant),
        },
        "rechecks": overview.unsent.rechecks,
        "link": overview.sync.link.code(),
        "pull": activity(&overview.sync.pull),
        "push": activity(&overview.sync.push),
        "quarantined": quarantined,
    });
    super::notices::add(&mut value, overview, quarantined);
    value
}

/// The same with the rules that verdicts follow.
pub fn with_rules(mut status: Value, rules: &RuleTables, next: Option<&NextRules>) -> Value {
    let (valid_from, made_at) = match rules.origin {
        RulesOrigin::Installed { valid_from, made_at } => (Some(valid_from), Some(instant(made_at))),
        RulesOrigin::Builtin | RulesOrigin::Folder => (None, None),
    };
    status["rules"] = json!({ "version": rules.version, "origin": rules.origin.code(), "valid_from": valid_from, "made_at": made_at });
    status["rules"]["next"] = next.map(|next| json!({ "version": next.version, "valid_from": next.from })).into();
    status
}

pub(super) fn activity(activity: &Activity) -> Value {
    let failing = activity.failing.as_ref().map(|failing| {
        json!({
            "since": instant(failing.since),
            "tries": failing.tries,
            "code": failing.trouble.code(),
            "notice": words::trouble_code(&failing.trouble),
            "message": words::trouble(&failing.trouble).vi,
        })
    });
    json!({
        "is_active": activity.is_active,
        "succeeded_at": activity.succeeded_at.map(instant),
        "failed_at": activity.failed_at.map(instant),
        "next_at": activity.next_at.map(instant),
        "put_off_until": activity.put_off.map(|pause| instant(pause.until)),
        "failing": failing,
    })
}

/// Visits with how far they are.
pub fn outbox(visits: &[LoggedVisit]) -> Value {
    visits.iter().map(logged).collect()
}

pub(super) fn logged(logged: &LoggedVisit) -> Value {
    let content = &logged.visit.content;
    json!({
        "id": content.id.0,
        "revision": content.revision.0,
        "sequence": logged.visit.sequence.0,
        "arrived_at": instant(content.arrived_at),
        "person": person(&content.person),
        "standing": content.verdict.standing,
        "delivery": logged.delivery.code(),
        "reference": logged.reference,
        "refused": logged.refused.as_ref().filter(|_| logged.delivery == Delivery::Parked)
            .map(|(code, text)| json!({ "code": code, "text": text })),
        "put_off": logged.put_off.map(|put_off| json!({
            "until": instant(put_off.until),
            "unfit": put_off.unfit.map(|(why, times)| json!({ "code": why.code(), "times": times })),
        })),
    })
}
