//! People to choose from, where a name was typed.
//!
//! Promise: a list is shown with what differs, and a digit and Enter chooses; whoever is chosen is looked up like anybody whose card was scanned, and that
//! look-up waits for its own Enter. 0 is nobody of the list: who was typed is received as typed, without a number; where nobody was found an empty Enter
//! means the same. Works without script: each digit is a button. Never: a person of the list chosen by an empty Enter, or by a list of another browser; a
//! name or a number in an address.
//!
//! A digit alone does not choose: a scan begins with one, and its first digit must not be taken for an answer. One digit and Enter can be no scan and no
//! number, for the shortest of them has ten.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Candidates;
use crate::desk::Lookup;
use crate::desk::StorageError;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::handlers::Middle;
use super::handlers::Shown;
use super::session::Session;
use super::session::Token;
use super::view::problem::Problem;

/// The digit that chooses nobody of the list.
const AS_TYPED: usize = 0;

/// The digit that was typed, if it is nothing else.
pub(super) fn digit(text: &str) -> Option<usize> {
    match text.trim().as_bytes() {
        [digit @ b'0'..=b'9'] => Some(usize::from(digit - b'0')),
        _ => None,
    }
}

/// The page with the list.
pub(super) async fn show(page: &Reception, session: Session, token: Token, candidates: &Candidates) -> Response {
    let middle = Middle { waiting: Some(token), candidates: Some(candidates), ..Middle::default() };
    handlers::show(page, session, StatusCode::OK, middle).await
}

/// A digit was typed on a page that waits for one; `None`: on another, where it is a number like any other.
pub(super) async fn choose(page: &Reception, session: Session, form: &Form, digit: usize) -> Option<Response> {
    if form.field("luot").is_empty() {
        return None;
    }
    let (token, candidates) = match handlers::waiting(page, session, form) {
        Some((token, Shown::Candidates(candidates), _)) => (token, candidates),
        Some(_) => return None,
        None => return Some(handlers::problem(page, session, Problem::list_expired()).await),
    };
    if digit == AS_TYPED {
        return Some(as_typed(page, session, token, &candidates).await);
    }
    Some(match page.desk_of(session).choose(&candidates, digit).await {
        Ok(Some(lookup)) => chosen(page, session, lookup).await,
        Ok(None) => no_such(page, session, token, &candidates, digit).await,
        Err(error) => not_read(page, session, token, &candidates, &error).await,
    })
}

async fn chosen(page: &Reception, session: Session, lookup: Lookup) -> Response {
    let lookup = Arc::new(lookup);
    let token = handlers::wait(page, session, Shown::Verdict(Arc::clone(&lookup)));
    handlers::verdict(page, session, token, &lookup).await
}

/// Nobody of the list: somebody with a birth certificate, or with nothing yet. Seen before it is saved, like everybody.
async fn as_typed(page: &Reception, session: Session, token: Token, candidates: &Candidates) -> Response {
    match page.desk_of(session).receive_as_typed(candidates).await {
        Ok(lookup) => chosen(page, session, lookup).await,
        Err(error) => not_read(page, session, token, candidates, &error).await,
    }
}

/// An empty Enter on the list: nobody was chosen, and nothing is done. Where there was nobody to choose the message has been read, and the person stands
/// at the desk all the same.
pub(super) async fn not_chosen(page: &Reception, session: Session, token: Token, candidates: &Candidates, is_bounce: bool) -> Response {
    if candidates.is_nobody() && !is_bounce {
        return as_typed(page, session, token, candidates).await;
    }
    if candidates.best.is_empty() && !is_bounce {
        return Redirect::to("/").into_response();
    }
    show(page, session, token, candidates).await
}

async fn no_such(page: &Reception, session: Session, token: Token, candidates: &Candidates, digit: usize) -> Response {
    let problem = Problem::no_such_candidate(digit);
    let middle = Middle { waiting: Some(token), problem: Some(&problem), candidates: Some(candidates), ..Middle::default() };
    handlers::show(page, session, problem.status, middle).await
}

/// The list stays, and the same digit tries again.
async fn not_read(page: &Reception, session: Session, token: Token, candidates: &Candidates, error: &StorageError) -> Response {
    tracing::error!(name: "storage.read-failed", %error, "whoever was chosen could not be looked up");
    let problem = Problem::cannot_look_up(error);
    let middle = Middle { waiting: Some(token), problem: Some(&problem), candidates: Some(candidates), ..Middle::default() };
    handlers::show(page, session, problem.status, middle).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_digit_chooses() {
        for (text, wanted) in [("1", Some(1)), (" 9 \r\n", Some(9)), ("0", Some(0)), ("12", None), ("", None), ("１", None), ("a", None)] {
            assert_eq!(digit(text), wanted, "{text:?}");
        }
    }
}
