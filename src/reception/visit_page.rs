//! One visit with all there is to it: every revision, what the province said, what was printed, and what a person can do with it.
//!
//! Promise: a visit is opened by its number or its id in a form, never in an address; what is done is done to the revision that was seen. Never: a void
//! without a reason.

use axum::extract::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::desk::CorrectError;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;

use super::Reception;
use super::actions;
use super::guard::Form;
use super::handlers;
use super::handlers::Part;
use super::options;
use super::pace;
use super::session::Session;
use super::view::action;
use super::view::saved::SavedView;
use super::view::unsure;
use super::view::unsure::UnsureView;
use super::view::visit;
use super::view::visit::VisitView;

/// Visits to look at again that a page lists.
const UNSURE: usize = 500;

pub(super) async fn open(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    // A visit is a person as well.
    if let Err(problem) = pace::may_look_up(&page, session) {
        return handlers::problem(&page, session, problem).await;
    }
    match read(&page, session, &form).await {
        Ok(visit) => handlers::part(&page, session, Part::Visit(Box::new(visit))).await,
        Err(CorrectError::NoVisit) => match pace::lock_after(&page, session, Some(false)).await {
            Some(locked) => locked,
            None => handlers::problem(&page, session, action::problem(&CorrectError::NoVisit)).await,
        },
        Err(error) => handlers::problem(&page, session, action::problem(&error)).await,
    }
}

async fn read(page: &Reception, session: Session, form: &Form) -> Result<VisitView, CorrectError> {
    let desk = page.desk_of(session);
    let id = which(page, form).await?;
    let revisions = desk.view(id).await?;
    let printings = desk.printings(&revisions).await?;
    let placed = desk.placed_of(&revisions).await?;
    let token = page.shared.secret.form_token(session.id);
    let is_evidenced = desk.is_evidenced(&revisions).await?;
    visit::of(&desk, &revisions, &printings, &placed, is_evidenced, session.messages(), token).ok_or(CorrectError::NoVisit)
}

async fn which(page: &Reception, form: &Form) -> Result<VisitId, CorrectError> {
    let number = form.field("so");
    if number.trim().is_empty() {
        return actions::visit_id(form);
    }
    let sequence = Sequence::parse(&number).ok_or(CorrectError::NoVisit)?;
    page.desk().visit_of(sequence).await?.ok_or(CorrectError::NoVisit)
}

pub(super) async fn void(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let chosen = form.field("ly_do");
    let written = form.field("ly_do_khac");
    let reason = if written.trim().is_empty() { chosen } else { written };
    let reason = match options::note(&reason, action::scan_in_note, action::note_wanted) {
        Ok(reason) => reason,
        Err(problem) => return handlers::problem(&page, session, problem).await,
    };
    let desk = page.desk_of(session);
    let action = async move {
        let id = actions::visit_id(&form)?;
        // A form without its revision was not ours: no revision is numbered 0.
        let seen = Some(Revision(form.field("ban").parse().unwrap_or_default()));
        desk.void(id, seen, reason).await?;
        let voided = desk.visit(id).await.ok().and_then(|mut revisions| revisions.pop());
        let who = voided.map(|logged| super::view::who(&logged.visit.content.person).to_owned()).unwrap_or_default();
        Ok(SavedView::new("voided", |words| words.visit.was_voided.with("who", &who).to_string()))
    };
    actions::act(&page, session, action).await
}

/// The visits that came on missing or old knowledge.
pub(super) async fn unsure(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let desk = page.desk_of(session);
    let list: Result<UnsureView, CorrectError> = async {
        let visits = desk.list_unsure(UNSURE).await?;
        let logged: Vec<_> = visits.iter().map(|(logged, _)| logged.clone()).collect();
        let placed = desk.placed_of(&logged).await?;
        Ok(unsure::of(&visits, &placed, session.messages(), page.shared.secret.form_token(session.id)))
    }
    .await;
    match list {
        Ok(list) => handlers::part(&page, session, Part::Unsure(list)).await,
        Err(error) => handlers::problem(&page, session, action::problem(&error)).await,
    }
}
