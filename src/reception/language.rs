//! The language of a browser's pages.
//!
//! Promise: what waits for an Enter waits on, with what was chosen, and is said in the other language; without a script too. Never: a visit saved by it.

use axum::extract::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::messages::Language;

use super::Reception;
use super::candidates;
use super::guard::Form;
use super::handlers;
use super::handlers::Shown;
use super::options;
use super::options::Chosen;
use super::session;
use super::session::Session;

/// The pages of this browser are in another language from now on.
pub(super) async fn switch(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let wanted = Language::parse(&form.field("ngon_ngu"));
    let session = Session { language: wanted.unwrap_or(session.language), ..session };
    let mut response = match handlers::waiting(&page, session, &form) {
        Some((token, Shown::Verdict(lookup), _)) => match options::choices(&form) {
            Chosen { taken, problem: Some(problem) } => handlers::not_taken(&page, session, token, &lookup, (problem, taken)).await,
            Chosen { taken, problem: None } => handlers::verdict_with(&page, session, token, &lookup, (None, taken)).await,
        },
        Some((token, Shown::Message(problem), _)) => handlers::message(&page, session, token, &problem).await,
        Some((token, Shown::Candidates(list), _)) => candidates::show(&page, session, token, &list).await,
        None => Redirect::to(if form.field("ve") == "/help" { "/help" } else { "/" }).into_response(),
    };
    if wanted.is_some()
        && let Ok(cookie) = HeaderValue::from_str(&session::language_cookie(session.language))
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
