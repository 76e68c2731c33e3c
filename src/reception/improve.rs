//! The answer of the disk, improved when the province's comes.
//!
//! Promise: a page that asks for it gets the same look-up judged anew, as a part for a script or as a whole page; whatever is shown anew has a token of
//! its own, so that an Enter saves exactly what the page it came from showed, also when the better answer was on its way. All tokens of one look-up are
//! one visit. Never: a wait for the network; an identifier in an address.

use std::sync::Arc;

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Choices;
use crate::desk::messages::Messages;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::handlers::Shown;
use super::session::Session;
use super::view::options;
use super::view::options::OptionsView;
use super::view::problem::Problem;
use super::view::result::ResultView;

/// Field of the form that asks for a part.
const PART: &str = "phan";

#[derive(Template)]
#[template(path = "improved.html")]
struct Improved {
    words: &'static Messages,
    waiting: String,
    result: ResultView,
    options: OptionsView,
}

pub(super) async fn improve(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let Some((token, shown, _)) = handlers::waiting(&page, session, &form) else {
        return handlers::problem(&page, session, Problem::lookup_expired()).await;
    };
    let Shown::Verdict(lookup) = shown else { return Redirect::to("/").into_response() };
    let (token, lookup) = match page.desk().judge_again(&lookup).await {
        Ok(again) if !again.says_the_same(&lookup) => {
            let again = Arc::new(again);
            (handlers::wait(&page, session, Shown::Verdict(Arc::clone(&again))), again)
        }
        Ok(_) => (token, lookup),
        Err(error) => {
            tracing::error!(name: "storage.read-failed", %error, "a look-up could not be judged anew");
            (token, lookup)
        }
    };
    if form.field(PART).is_empty() {
        return handlers::verdict(&page, session, token, &lookup).await;
    }
    let result = handlers::result_view(&page, session, &lookup);
    let options = options::of_lookup(&page.desk(), &lookup, &Choices::default(), session.messages());
    handlers::render(StatusCode::OK, &Improved { words: session.messages(), waiting: token.to_text(), result, options })
}
