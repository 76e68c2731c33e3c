//! What a person does on the page with a saved visit: send again, end; and see to what newer data say.
//!
//! Promise: each goes through the guard like any form, names its visit in the body and never in the address, and ends in a redirect with a message, so that
//! going back or reloading does nothing twice. Never: an end without a note.

use core::future::Future;

use axum::extract::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use uuid::Uuid;

use crate::desk::CorrectError;
use crate::desk::StorageError;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::options;
use super::session::Session;
use super::view::action;
use super::view::saved::SavedView;

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

/// Field of a form that says which visit it is about.
pub(super) const VISIT: &str = "ma_luot";

pub(super) fn visit_id(form: &Form) -> Result<VisitId, CorrectError> {
    Uuid::parse_str(&form.field(VISIT)).map(VisitId).map_err(|_| CorrectError::NoVisit)
}

pub(super) async fn act(
    page: &Reception,
    session: Session,
    action: impl Future<Output = Result<SavedView, CorrectError>> + Send + 'static,
) -> Response {
    match run(page, session, action).await {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error) => handlers::problem(page, session, action::problem(&error)).await,
    }
}

/// In a task of its own: a browser that turns away in the middle must not leave something half announced.
pub(super) async fn run(
    page: &Reception,
    session: Session,
    action: impl Future<Output = Result<SavedView, CorrectError>> + Send + 'static,
) -> Result<(), CorrectError> {
    let then = page.clone();
    let done = tokio::spawn(async move {
        let said = action.await?;
        then.said().put(session.id, said, then.uptime());
        Ok(())
    });
    let done = done.await.unwrap_or(Err(CorrectError::Storage(StorageError::Stopped)));
    done.inspect_err(|error| tracing::warn!(name: "visit.not-changed", label = error.code(), "nothing was done to a visit"))
}
