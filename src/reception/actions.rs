//! What a person does on the page with a saved visit: correct and send again, send again, end; and see to what newer data say.
//!
//! Promise: each goes through the guard like any form, names its visit in the body and never in the address, and ends in a redirect with a message, so that
//! going back or reloading does nothing twice; a correction is of the revision the person has seen. Never: an end without a note.

use core::future::Future;

use axum::extract::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::desk::Choices;
use crate::desk::CorrectError;
use crate::desk::Correction;
use crate::desk::StorageError;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::options;
use super::pace;
use super::session::Session;
use super::view::action;
use super::view::problem::Problem;
use super::view::saved::SavedView;

pub(super) async fn correct(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    // A number is looked up here as well.
    if let Err(problem) = pace::may_look_up(&page, session) {
        return handlers::problem(&page, session, problem).await;
    }
    let desk = page.desk_of(session);
    let choices = match options::choices(&form).whole() {
        Ok(choices) => choices,
        Err(problem) => return handlers::problem(&page, session, problem).await,
    };
    let (told, locked) = oneshot::channel();
    let then = page.clone();
    let action = async move {
        let id = visit_id(&form)?;
        // A form without its revision was not ours: no revision is numbered 0.
        let seen = Some(Revision(form.field("ban").parse().unwrap_or_default()));
        let text = Some(form.field("ma")).filter(|text| !text.trim().is_empty());
        let Choices { category, care_type, proof, queue_number, note } = choices;
        let queue_number = options::asked(&form, "so_thu_tu", queue_number);
        let note = options::asked(&form, "ghi_chu", note);
        let found = desk.correct(id, Correction { seen, text, category, care_type, proof, queue_number, note }).await?.found;
        // Here, because whoever turns away before the answer has tried all the same.
        let _ = told.send(pace::lock_after(&then, session, found).await);
        let corrected = desk.visit(id).await.ok().and_then(|mut revisions| revisions.pop());
        Ok(action::corrected(id, corrected.map(|logged| logged.visit.content.person).as_ref()))
    };
    let answer = act(&page, session, action).await;
    locked.await.ok().flatten().unwrap_or(answer)
}

pub(super) async fn resend(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let desk = page.desk_of(session);
    let action = async move {
        desk.resend(visit_id(&form)?).await?;
        Ok(SavedView::new("resent", |words| words.visits.resent.to_string()))
    };
    act(&page, session, action).await
}

pub(super) async fn close(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let note = match options::note(&form.field("ghi_chu"), action::scan_in_note, action::note_wanted) {
        Ok(note) => note,
        Err(problem) => return handlers::problem(&page, session, problem).await,
    };
    let desk = page.desk_of(session);
    let action = async move {
        desk.close(visit_id(&form)?, note).await?;
        Ok(SavedView::new("closed", |words| words.visits.ended.to_string()))
    };
    act(&page, session, action).await
}

pub(super) async fn seen(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let desk = page.desk_of(session);
    let action = async move {
        let sequence = Sequence::parse(&form.field("so")).ok_or(CorrectError::NoVisit)?;
        // Whoever was there before has seen to it as well.
        desk.settle_recheck(sequence).await?;
        Ok(SavedView::new("seen", |words| words.visits.seen.to_string()))
    };
    act(&page, session, action).await
}

pub(super) fn visit_id(form: &Form) -> Result<VisitId, CorrectError> {
    Uuid::parse_str(&form.field("ma_luot")).map(VisitId).map_err(|_| CorrectError::NoVisit)
}

/// In a task of its own: a browser that turns away in the middle must not leave something half announced.
pub(super) async fn act(
    page: &Reception,
    session: Session,
    action: impl Future<Output = Result<SavedView, CorrectError>> + Send + 'static,
) -> Response {
    let then = page.clone();
    let done = tokio::spawn(async move {
        let said = action.await?;
        then.said().put(session.id, said, then.uptime());
        Ok(())
    });
    let problem: Problem = match done.await {
        Ok(Ok(())) => return Redirect::to("/").into_response(),
        Ok(Err(error)) => action::problem(&error),
        Err(_) => action::problem(&CorrectError::Storage(StorageError::Stopped)),
    };
    tracing::warn!(label = problem.label, "nothing was done to a visit");
    handlers::problem(page, session, problem).await
}
