//! The verbs that ask the desk: through the running daemon, or, where reading is enough, from the files when no daemon runs.
//!
//! Promise: the same objects either way. A check-in and a sync need the daemon and say so. Never: two processes on one data folder.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::app::AppError;
use crate::app::Opened;
use crate::app::opened;
use crate::cli::output;
use crate::cli::output::Behind;
use crate::cli::output::Form;
use crate::cli::output::said;
use crate::cli::reach;
use crate::cli::reach::Reach;
use crate::cli::state;
use crate::control::client;
use crate::control::client::ControlError;
use crate::control::contract;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::keeping::KeepingRequest;
use crate::control::contract::operators::OperatorRequest;
use crate::control::keeping;
use crate::control::notices;
use crate::control::operators;
use crate::control::server;
use crate::desk::Answer;
use crate::desk::LookUpError;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::TimeKeeper;
use crate::domain::scan;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;
use crate::storage::open::OnDamage;

pub(super) fn lookup(config: &Path, text: &str, wait: bool, form: Form) -> ExitCode {
    with_text(text, form, |text| ask(config, &Request::Lookup { text, wait }, form, shown))
}

pub(super) fn check_in(config: &Path, text: &str, form: Form) -> ExitCode {
    with_text(text, form, |text| ask(config, &Request::CheckIn { text, visit_id: Uuid::now_v7() }, form, saved))
}

pub(super) fn status(config: &Path, form: Form) -> ExitCode {
    ask(config, &Request::Status, form, state::text)
}

/// As a monitoring program reads them; without the service there are none.
pub(super) fn metrics(config: &Path, form: Form) -> ExitCode {
    ask(config, &Request::Metrics, form, |value| Sentence::same(value["text"].as_str().unwrap_or_default().trim_end()))
}

/// Ends with success only if both directions went through.
pub(super) fn sync_now(config: &Path, form: Form) -> ExitCode {
    ask_and_judge(config, &Request::SyncNow, form, state::text, |value| {
        let went_through = value["finished"] == true && value["pull"]["failing"].is_null() && value["push"]["failing"].is_null();
        match (value["link"].as_str(), went_through) {
            (Some("ready"), true) => ExitCode::Ok,
            (Some("ready"), false) => ExitCode::TempFail,
            _ => ExitCode::Unavailable,
        }
    })
}

pub(super) fn outbox(config: &Path, limit: usize, form: Form) -> ExitCode {
    ask(config, &Request::Outbox { limit }, form, undelivered)
}

fn with_text(text: &str, form: Form, ask: impl FnOnce(String) -> ExitCode) -> ExitCode {
    let longest = u64::try_from(scan::LONGEST).unwrap_or(u64::MAX) + 2;
    match output::text_or_stdin(text, longest) {
        Ok(text) => ask(text),
        Err(_) => form.refuse(&ErrorBody::said("not_text", words::service::not_text()), ExitCode::Data),
    }
}

pub(super) fn ask(config: &Path, request: &Request, form: Form, text: impl FnOnce(&Value) -> Sentence) -> ExitCode {
    ask_and_judge(config, request, form, text, |_| ExitCode::Ok)
}

/// Asks and prints; `judge` says what an answer means for the exit code.
pub(super) fn ask_and_judge(
    config: &Path,
    request: &Request,
    form: Form,
    text: impl FnOnce(&Value) -> Sentence,
    judge: impl FnOnce(&Value) -> ExitCode,
) -> ExitCode {
    let reach = match reach::reach(config, form) {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    let answer = runtime.block_on(answer_by(&reach, request));
    reach.warn_beside(answer.as_ref().err().map(|(error, _)| error), form);
    match answer {
        Ok(value) => {
            let judged = judge(&value);
            // A deed that found nothing to do is none.
            let behind = if is_deed(request) && judged != ExitCode::Data { Behind::Deed } else { Behind::Nothing };
            match form.value_of(behind, &value, text) {
                ExitCode::Ok => judged,
                unprinted => unprinted,
            }
        }
        Err((error, code)) => form.refuse(&error, code),
    }
}

pub(super) async fn answer(config: &Config, request: &Request) -> Result<Value, (ErrorBody, ExitCode)> {
    answer_by(&Reach::by(config.clone()), request).await
}

async fn answer_by(reach: &Reach, request: &Request) -> Result<Value, (ErrorBody, ExitCode)> {
    let config = &reach.config;
    let answer = match client::ask(&config.control_socket, request).await {
        Err(ControlError::Broken(first)) if matches!(request, Request::CheckIn { .. }) => {
            // The same visit id: however far the first question got, it is one visit.
            match client::ask(&config.control_socket, request).await {
                // The daemon went away in the middle of the first one: what it saved is not known.
                Err(ControlError::NotRunning) => Err(ControlError::Broken(first)),
                again => again,
            }
        }
        answer => answer,
    };
    match answer {
        Ok(value) => Ok(value),
        Err(ControlError::Answer(error)) => {
            let code = if error.field.is_some() { ExitCode::Data } else { of_service(&error.code) };
            Err((error, code))
        }
        Err(ControlError::NotRunning) => match reach.of_files() {
            Ok(config) => from_files(config, request).await,
            Err(refusal) => Err((refusal, ExitCode::Config)),
        },
        Err(ControlError::NotAllowed) => Err((ErrorBody::said("not_allowed", words::service::not_allowed()), ExitCode::NoPermission)),
        Err(error @ ControlError::Broken(_)) => {
            let unsure = if changes_a_visit(request) {
                words::service::perhaps_changed()
            } else if matches!(request, Request::CheckIn { .. }) {
                words::service::perhaps_saved()
            } else {
                words::service::silent()
            };
            Err((ErrorBody::said("no_answer", unsure.because(&Chain(&error).to_string())), ExitCode::TempFail))
        }
    }
}

/// What a script can do about what the service answered: the same as where the files are opened here.
fn of_service(code: &str) -> ExitCode {
    match code {
        "disk_full" | "read_only" => ExitCode::CannotCreate,
        "disk_failed" | "damaged" => ExitCode::Io,
        _ => ExitCode::TempFail,
    }
}

/// Whether asking again might do it twice, or find it done.
fn changes_a_visit(request: &Request) -> bool {
    matches!(request, Request::Correct { .. } | Request::Void { .. } | Request::Resend { .. } | Request::Close { .. })
}

/// Whether an answer tells of something that was done, and not only looked at.
fn is_deed(request: &Request) -> bool {
    match request {
        Request::Lookup { .. }
        | Request::Status
        | Request::Metrics
        | Request::SyncNow
        | Request::ReloadKeys
        | Request::Desks
        | Request::Outbox { .. }
        | Request::Visit { .. }
        | Request::Rechecks { .. }
        | Request::Renewals
        | Request::Coverage
        | Request::AccessLog { .. }
        | Request::VerifyLog { .. } => false,
        Request::Operator { operator } => !matches!(operator, OperatorRequest::List),
        Request::Keeping { keeping } => {
            !matches!(keeping, KeepingRequest::Integrity | KeepingRequest::Quarantine | KeepingRequest::ExportPerson { .. })
        }
        Request::CheckIn { .. }
        | Request::ReplaceMachine { .. }
        | Request::CarryOut { .. }
        | Request::CarryIn { .. }
        | Request::BackUp { .. }
        | Request::AcceptRoster
        | Request::RevokeDesk { .. }
        | Request::Correct { .. }
        | Request::Void { .. }
        | Request::Resend { .. }
        | Request::Close { .. }
        | Request::RecheckDone { .. } => true,
    }
}

/// Answers from the files while no daemon runs.
async fn from_files(config: &Config, request: &Request) -> Result<Value, (ErrorBody, ExitCode)> {
    let is_of_accounts =
        matches!(request, Request::Operator { .. } | Request::AccessLog { .. } | Request::VerifyLog { .. } | Request::Keeping { .. });
    if !is_of_accounts && !matches!(request, Request::Lookup { .. } | Request::Outbox { .. } | Request::Status) {
        let is_visit = matches!(request, Request::CheckIn { .. });
        let said = if is_visit { words::service::absent_unsaved() } else { words::service::absent() };
        return Err((ErrorBody::said("not_running", said), ExitCode::Unavailable));
    }
    let is_integrity = matches!(request, Request::Keeping { keeping: KeepingRequest::Integrity });
    let opened = match Opened::open_when_free(config, Arc::new(SystemClock::new()), OnDamage::Refuse).await {
        // Damage is what was asked about.
        Err(AppError::Storage(storage::Error::Damaged { .. })) if is_integrity => return integrity(config).await,
        opened => opened.map_err(refused)?,
    };
    let answer = of_opened(&opened, request).await;
    // Whatever was answered: a process that exits while its files are being closed is torn down under them.
    opened.close().await;
    answer
}

async fn integrity(config: &Config) -> Result<Value, (ErrorBody, ExitCode)> {
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let looked = opened::looked_at(config).await;
    looked.map(|(visits, cards)| keeping::looked_at(time.now().at, visits, cards)).map_err(refused)
}

fn refused(error: AppError) -> (ErrorBody, ExitCode) {
    match error {
        AppError::Storage(error) => output::of_storage(&error),
        error => (output::broken("start", &Chain(&error).to_string()), ExitCode::Software),
    }
}

async fn of_opened(opened: &Opened, request: &Request) -> Result<Value, (ErrorBody, ExitCode)> {
    let of_files = keeping::answer(&opened.desk, request).await;
    if let Some(answer) = of_files.or(operators::answer(&opened.desk, request).await) {
        return answer.map_err(|error| {
            let code = if error.field.is_some() { ExitCode::Data } else { ExitCode::Io };
            (error, code)
        });
    }
    match request {
        Request::Lookup { text, .. } => {
            let answer = opened.desk.ask(text).await.map(|answer| match answer {
                Answer::Verdict(found) => contract::lookup(&found),
                Answer::Candidates(found) => contract::candidates::candidates(&found),
            });
            answer.map_err(|error| {
                let code = match &error {
                    LookUpError::Unreadable(_) => ExitCode::Data,
                    LookUpError::Storage(error) => output::storage_code(error),
                };
                (server::refused(&error), code)
            })
        }
        Request::Outbox { limit } => match opened.desk.undelivered((*limit).min(server::LONGEST_LIST)).await {
            Ok(visits) => Ok(contract::outbox(&visits)),
            Err(error) => Err(output::of_storage(&error)),
        },
        _ => {
            let status = contract::status(&opened.desk.overview(), &opened.folder.quarantined());
            let station = opened.desk.station();
            Ok(notices::without_service(contract::with_rules(status, &station.rules, station.next_rules.as_ref())))
        }
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("–")
}

/// People to choose from, a line each; whoever is chosen is asked for by number.
fn listed(found: &Value) -> Sentence {
    let line = |person: &Value| {
        let fields = ["name", "birth_date", "hamlet", "card_number"].map(|key| text(person, key)).join(" · ");
        let fit = said(person, "fit_text", "fit_english");
        let [vi, en] = [fit.vi, fit.en].map(|fit| format!("{}. {fields} · {fit}", person["number"]));
        Sentence::new(vi, en)
    };
    let people = found["people"].as_array().into_iter().flatten().map(line);
    let more = found["more_text"].as_str().map(|_| said(found, "more_text", "more_english"));
    output::lines([said(found, "text", "english")].into_iter().chain(people).chain(more))
}

fn shown(value: &Value) -> Sentence {
    if value["candidates"].is_object() {
        return listed(&value["candidates"]);
    }
    let (verdict, person) = (&value["verdict"], &value["person"]);
    let (standing, reason) = (said(verdict, "standing_text", "standing_english"), said(verdict, "reason_text", "reason_english"));
    let mut lines = vec![
        Sentence::new(format!("{} ({})", standing.vi, reason.vi), format!("{} ({})", standing.en, reason.en)),
        Sentence::same(format!("{} · {} · {}", text(person, "name"), text(person, "birth_date"), text(person, "card_number"))),
    ];
    if let Some(card) = verdict["card"].as_object() {
        let from = card["valid_from"].as_str().unwrap_or("–");
        let [vi, en] = ["không ghi ngày hết", "no end written"].map(|open| card["valid_until"].as_str().unwrap_or(open));
        lines.push(Sentence::new(format!("{from} → {vi}"), format!("{from} → {en}")));
    }
    if let Some(benefit) = verdict["benefit"].as_object() {
        let (rate, article) = (&benefit["rate_percent"], benefit["article"].as_str().unwrap_or("–"));
        lines.push(Sentence::new(format!("Mức hưởng {rate} % ({article})"), format!("The fund pays {rate} % ({article})")));
    }
    lines.push(said(verdict, "identity_text", "identity_english"));
    lines.push(said(verdict, "age_text", "age_english"));
    lines.extend(value["question"]["text"].as_str().map(|_| said(&value["question"], "text", "english")));
    lines.extend(verdict["advice"].as_array().into_iter().flatten().map(|advice| {
        let Sentence { vi, en } = said(advice, "text", "english");
        Sentence::new(format!("- {vi}"), format!("- {en}"))
    }));
    output::lines(lines)
}

fn saved(value: &Value) -> Sentence {
    let visit = &value["visit"];
    let [vi, en] = if visit["already_saved"] == true { ["ĐÃ LƯU TỪ TRƯỚC", "SAVED BEFORE"] } else { ["ĐÃ LƯU", "SAVED"] };
    let (number, at) = (&visit["sequence"], text(visit, "arrived_at"));
    output::lines([Sentence::new(format!("{vi}: lượt số {number}, {at}"), format!("{en}: visit {number}, {at}")), shown(value)])
}

fn undelivered(value: &Value) -> Sentence {
    let line = |visit: &Value| {
        let refused = visit["refused"]["code"].as_str().map(|code| words::refusal(code, text(&visit["refused"], "text")));
        let put_off = visit["put_off"]["until"].as_str().map(|until| match visit["put_off"]["unfit"]["code"].as_str() {
            Some(code) => {
                let (why, times) = (words::unfit_why(code), &visit["put_off"]["unfit"]["times"]);
                [format!(" (hoãn đến {until}: {}, {times} lần)", why.vi), format!(" (put off until {until}: {}, {times} times)", why.en)]
            }
            None => [format!(" (hoãn đến {until}: tỉnh yêu cầu)"), format!(" (put off until {until}: the province asked)")],
        });
        let [vi, en] = put_off.unwrap_or_default();
        let (at, id, delivery) = (text(visit, "arrived_at"), text(visit, "id"), words::delivery(text(visit, "delivery")));
        let [refused_vi, refused_en] = refused.map(|why| [format!(" ({})", why.vi), format!(" ({})", why.en)]).unwrap_or_default();
        let facts = format!("{}\t{at}\t{id}", visit["sequence"]);
        Sentence::new(format!("{facts}\t{}{refused_vi}{vi}", delivery.vi), format!("{facts}\t{}{refused_en}{en}", delivery.en))
    };
    match value.as_array().map_or(&[][..], Vec::as_slice) {
        [] => Sentence::new("Không còn lượt nào chưa gửi.", "There is no visit left to send."),
        visits => output::lines(visits.iter().map(line)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_outbox_is_told_without_a_code() {
        let visit = |delivery: &str, more: Value| {
            let mut visit = json!({ "sequence": 1, "arrived_at": "2026-11-22T08:00:00+07:00", "id": "x", "delivery": delivery });
            visit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            visit
        };
        let said = undelivered(&json!([
            visit("pending", json!({ "put_off": { "until": "2026-11-23T08:00:00+07:00", "unfit": { "code": "too_large", "times": 3 } } })),
            visit("parked", json!({ "refused": { "code": "no_identity", "text": "no identity" } })),
        ]));
        for code in ["pending", "parked", "too_large", "no_identity"] {
            assert!(!said.vi.contains(code) && !said.en.contains(code), "{code}: {said:?}");
        }
        assert!(said.vi.contains("Chờ gửi") && said.vi.contains("tỉnh không nhận vì quá lớn, 3 lần"), "{said:?}");
        assert!(said.vi.contains("Bị từ chối (Lượt không có số thẻ"), "{said:?}");
    }
}
