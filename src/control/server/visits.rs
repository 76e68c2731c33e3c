//! The daemon's answers about single visits, and what a person does with them.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::LONGEST_LIST;
use super::not_read;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::visits as contract;
use crate::desk::Change;
use crate::desk::CorrectError;
use crate::desk::Correction;
use crate::desk::Desk;
use crate::desk::Note;
use crate::desk::Whom;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;

pub(super) async fn answer(desk: &Desk, request: Request) -> Result<Value, ErrorBody> {
    match request {
        Request::Visit { id } => visit(desk, id).await,
        Request::Correct { id, text, category, note: written } => {
            let category = category.map(|code| AttendanceCategory::parse(&code)).transpose();
            let category =
                category.map_err(|_| of_field("attendance_category", "shape", |words| words.visits.category_wanted.to_string()))?;
            let note = written.map(|text| note(&text)).transpose()?;
            desk.correct(
                VisitId(id),
                Correction {
                    whom: text.map(Whom::Text),
                    category,
                    note: note.map_or(Change::Keep, |note| Change::To(Some(note))),
                    ..Correction::default()
                },
            )
            .await
            .map_err(|error| not_done(&error))?;
            visit(desk, id).await
        }
        Request::Void { id, reason } => {
            desk.void(VisitId(id), None, note(&reason)?).await.map_err(|error| not_done(&error))?;
            visit(desk, id).await
        }
        Request::Resend { id } => {
            desk.resend(VisitId(id)).await.map_err(|error| not_done(&error))?;
            visit(desk, id).await
        }
        Request::Close { id, note: why } => {
            desk.close(VisitId(id), note(&why)?).await.map_err(|error| not_done(&error))?;
            visit(desk, id).await
        }
        Request::Rechecks { limit } => {
            Ok(contract::rechecks(&desk.rechecks(limit.min(LONGEST_LIST)).await.map_err(|error| not_read(&error))?))
        }
        Request::RecheckDone { sequence } => match desk.settle_recheck(Sequence(sequence)).await {
            Ok(true) => Ok(json!({ "sequence": sequence, "settled": true })),
            Ok(false) => Err(of_field("sequence", "no_recheck", |words| words.visits.no_recheck.to_string())),
            Err(error) => Err(super::not_saved(&error)),
        },
        Request::Lookup { .. }
        | Request::CheckIn { .. }
        | Request::Status
        | Request::Metrics
        | Request::SyncNow
        | Request::Outbox { .. }
        | Request::ReloadKeys
        | Request::ReplaceMachine { .. }
        | Request::CarryOut { .. }
        | Request::CarryIn { .. }
        | Request::AcceptRoster
        | Request::BackUp { .. }
        | Request::Keeping { .. }
        | Request::Operator { .. }
        | Request::AccessLog { .. }
        | Request::VerifyLog { .. }
        | Request::Desks
        | Request::RevokeDesk { .. }
        | Request::Renewals
        | Request::Coverage => Err(ErrorBody::said("malformed", words::service::malformed())),
    }
}

async fn visit(desk: &Desk, id: Uuid) -> Result<Value, ErrorBody> {
    let revisions = desk.visit(VisitId(id)).await.map_err(|error| not_read(&error))?;
    if revisions.is_empty() {
        return Err(not_done(&CorrectError::NoVisit));
    }
    let placed = desk.placed_of(&revisions).await.map_err(|error| not_read(&error))?;
    Ok(contract::visit(&revisions, &placed))
}

fn note(text: &str) -> Result<Note, ErrorBody> {
    Note::parse(text).ok_or_else(|| of_field("note", "length", |words| words.visits.note_wanted.to_string()))
}

fn of_field(field: &str, code: &str, say: impl Fn(&Messages) -> String) -> ErrorBody {
    ErrorBody::said(code, Sentence::of_both(say)).about(field)
}

/// What speaks against the request itself names a field; what may go away by itself does not.
fn not_done(refusal: &CorrectError) -> ErrorBody {
    let say = |words: &Messages| words.correct_error(refusal);
    match refusal {
        CorrectError::NoVisit | CorrectError::Voided | CorrectError::NotParked | CorrectError::NoOutage | CorrectError::Closed { .. } => {
            of_field("visit", refusal.code(), say)
        }
        CorrectError::NotOffered(_) => of_field("choice", refusal.code(), say),
        CorrectError::Nothing | CorrectError::NameGiven => of_field("correction", refusal.code(), say),
        CorrectError::LookUp(look_up) => super::refused(look_up),
        CorrectError::Changed => ErrorBody::said(refusal.code(), Sentence::of_both(say)),
        CorrectError::Storage(source) => super::not_saved(source),
    }
}
