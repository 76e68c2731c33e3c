//! One visit with all there is to it: every revision, what the province said, what was printed, and what a person can do with it.
//!
//! Promise: a visit is opened by its number or its id in a form. Never: in an address.

use axum::extract::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::desk::CorrectError;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;

use super::Reception;
use super::actions;
use super::guard::Form;
use super::handlers;
use super::handlers::Part;
use super::pace;
use super::session::Session;
use super::view::action;
use super::view::unsure;
use super::view::unsure::UnsureView;
use super::view::visit;
use super::view::visit::Draft;
use super::view::visit::OnDisk;
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
    let found = match which(&page, &form).await {
        Ok(id) => read(&page, session, id, Draft::default()).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(visit) => handlers::part(&page, session, Part::Visit(Box::new(visit))).await,
        Err(CorrectError::NoVisit) => match pace::lock_after(&page, session, Some(false)).await {
            Some(locked) => locked,
            None => handlers::problem(&page, session, action::problem(&CorrectError::NoVisit)).await,
        },
        Err(error) => handlers::problem(&page, session, action::problem(&error)).await,
    }
}

/// The page of a visit, with what somebody is putting right.
pub(super) async fn read(page: &Reception, session: Session, id: VisitId, draft: Draft<'_>) -> Result<VisitView, CorrectError> {
    let desk = page.desk_of(session);
    let revisions = desk.view(id).await?;
    let printings = desk.printings(&revisions).await?;
    let placed = desk.placed_of(&revisions).await?;
    let is_evidenced = desk.is_evidenced(&revisions).await?;
    let on_disk = OnDisk { revisions: &revisions, printings: &printings, placed: &placed, is_evidenced };
    visit::of(&desk, &on_disk, draft, session.messages(), page.shared.secret.form_token(session.id)).ok_or(CorrectError::NoVisit)
}

async fn which(page: &Reception, form: &Form) -> Result<VisitId, CorrectError> {
    let number = form.field("so");
    if number.trim().is_empty() {
        return actions::visit_id(form);
    }
    let sequence = Sequence::parse(&number).ok_or(CorrectError::NoVisit)?;
    page.desk().visit_of(sequence).await?.ok_or(CorrectError::NoVisit)
}

/// The visits that came on missing or old knowledge.
pub(super) async fn unsure(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let desk = page.desk_of(session);
    let list: Result<UnsureView, CorrectError> = async {
        let visits = desk.list_unsure(UNSURE).await?;
        let logged: Vec<_> = visits.iter().map(|unsure| unsure.logged.clone()).collect();
        let placed = desk.placed_of(&logged).await?;
        Ok(unsure::of(&visits, &placed, session.messages(), page.shared.secret.form_token(session.id)))
    }
    .await;
    match list {
        Ok(list) => handlers::part(&page, session, Part::Unsure(list)).await,
        Err(error) => handlers::problem(&page, session, action::problem(&error)).await,
    }
}
