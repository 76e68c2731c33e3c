//! Paper: slips, evidence sheets, and numbers to call by.
//!
//! Promise: what is printed stands on the page with the input beside it, so that the next scan is never lost; which visit it is of stands in the form and
//! in no address. Never: a paper of a visit that is not on the disk.

use axum::extract::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::desk::NotOffered;
use crate::desk::StorageError;
use crate::desk::paper::Paper;
use crate::domain::attendance::QueueNumber;
use crate::domain::slip::SlipPaper;
use crate::domain::visit::VisitId;

use super::Reception;
use super::actions;
use super::guard::Form;
use super::handlers;
use super::handlers::Part;
use super::session::Session;
use super::view::action;
use super::view::paper;
use super::view::problem::Problem;

/// What was just made and can be printed with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printable {
    Visit(VisitId),
    Number(QueueNumber),
}

/// A form that prints it.
pub(super) struct PrintableView {
    pub(super) address: &'static str,
    pub(super) field: &'static str,
    pub(super) value: String,
}

impl From<Printable> for PrintableView {
    fn from(printable: Printable) -> Self {
        match printable {
            Printable::Visit(id) => Self { address: "/luot/phieu", field: "ma_luot", value: id.0.to_string() },
            Printable::Number(number) => Self { address: "/so/phieu", field: "so_thu_tu", value: number.to_string() },
        }
    }
}

pub(super) async fn slip(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let paper = SlipPaper::parse(&form.field("kho")).unwrap_or(page.paper());
    print(&page, session, &form, Paper::Slip, Some(paper)).await
}

pub(super) async fn evidence(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    print(&page, session, &form, Paper::Evidence, None).await
}

async fn print(page: &Reception, session: Session, form: &Form, kind: Paper, paper: Option<SlipPaper>) -> Response {
    let desk = page.desk_of(session);
    let printed = match actions::visit_id(form) {
        Ok(id) => desk.print(id, kind).await,
        Err(error) => Err(error),
    };
    match printed {
        Ok(sheet) => {
            let paper = paper::of_visit(&desk, &sheet, paper, session.messages());
            handlers::part(page, session, Part::Paper(Box::new(paper))).await
        }
        Err(error) => handlers::problem(page, session, action::problem(&error)).await,
    }
}

/// A number that was given out today.
pub(super) async fn number(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let desk = page.desk_of(session);
    let given = match QueueNumber::parse(&form.field("so_thu_tu")) {
        Ok(number) => desk.given_number(number).await,
        Err(_) => Ok(None),
    };
    match given {
        Ok(Some(taken)) => {
            let paper = paper::of_number(&desk, &taken, page.paper(), session.messages());
            handlers::part(&page, session, Part::Paper(Box::new(paper))).await
        }
        Ok(None) => handlers::problem(&page, session, super::options::not_offered(NotOffered::QueueNumber)).await,
        Err(error) => handlers::problem(&page, session, unreadable(&error)).await,
    }
}

fn unreadable(error: &StorageError) -> Problem {
    tracing::error!(name: "storage.read-failed", %error, "a queue number cannot be read");
    Problem::not_saved(error)
}
