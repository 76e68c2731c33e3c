//! What became of a visit that somebody meant to save, where this process does not know it: the agent was started anew, the desk was locked, or it is too
//! late; and of one whose operator's account was closed before the Enter.
//!
//! Promise: the disk is asked, and what it says is told until somebody has signed in and finds the next person, with the hour of the Enter. Only of an Enter
//! under an answer: nothing else was meant to save anybody. Never: a name; there may be nobody who has signed in.

use crate::desk::words;

use super::Reception;
use super::actions;
use super::guard::Form;
use super::handlers::Shown;
use super::router;
use super::session::Session;
use super::view::problem::Problem;

/// Whether a form may have saved a visit: an empty Enter for an answer, which has a visit's identity beside it.
pub(super) fn is_a_save(path: &str, form: &Form) -> bool {
    path == router::LOOK_UP && form.field("ma").trim().is_empty() && !form.field("luot").is_empty() && names_a_visit(form)
}

fn names_a_visit(form: &Form) -> bool {
    !form.field(actions::VISIT).is_empty()
}

/// What is said to an Enter whose look-up nobody here knows any more: it is too old, or of a process that has ended, perhaps between the commit and its
/// answer. The form names its visit, and the disk knows whether it is there.
pub(super) async fn whether_saved(page: &Reception, form: &Form) -> Problem {
    if !names_a_visit(form) {
        return Problem::form_token();
    }
    on_disk(page, form).await.unwrap_or_else(Problem::lookup_expired)
}

/// The same where the look-up may be known still: nothing, if it is known that the visit is not there.
pub(super) async fn on_disk(page: &Reception, form: &Form) -> Option<Problem> {
    let Ok(id) = actions::visit_id(form) else { return Some(Problem::form_unsure()) };
    match page.desk().visit(id).await.map(|revisions| revisions.first().map(|first| first.visit.sequence)) {
        Ok(saved) => saved.map(Problem::form_saved),
        Err(error) => {
            tracing::error!(name: "storage.read-failed", %error, "whether a visit was saved cannot be read");
            Some(Problem::form_unsure())
        }
    }
}

/// Whoever looked somebody up here has no account any more: nobody can save that, and whoever signs in next is told.
pub(super) fn closed(page: &Reception, session: Session) {
    let (at_work, operator) = {
        let seats = page.seats();
        (seats.at_work(session.id), seats.operator(session.id).and_then(|operator| operator.id))
    };
    let Some(token) = at_work.filter(|_| operator.is_none_or(|id| page.desk().account(id).is_none())) else { return };
    page.seats().works_on(session.id, None);
    let waiting = page.pending().held(token, page.uptime()).filter(|waiting| waiting.session == session.id);
    if matches!(waiting.map(|waiting| waiting.shown), Some(Shown::Verdict(_))) {
        keep(page, session, &Problem::account_closed());
    }
}

/// Keeps what is told of a visit to somebody who has not signed in; other messages are of the moment. It is kept again whenever it is shown.
pub(super) fn keep(page: &Reception, session: Session, problem: &Problem) {
    if problem.is_of_a_visit() {
        let hour = words::hour(page.desk().time().now().at);
        page.untold().put(session.id, problem.clone().told_at(&hour), page.uptime());
    }
}
