//! The manual: fixed words and pictures of made-up people.
//!
//! Promise: whoever cannot sign in can read why; it says nothing of any person, and on the house's network it is for paired desks like all else. A look into
//! it loses nothing: the way back leads to the answer that was on the page.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::desk::messages::Messages;
use crate::desk::messages::Piece;

use super::Reception;
use super::assets::Assets;
use super::handlers;
use super::seats::Seated;
use super::session::Session;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    back: &'static str,
}

pub(super) async fn show(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let back = match page.seated(session) {
        Seated::Open(_) => "/tiep-tuc",
        Seated::Locked(_) | Seated::Nobody => "/",
    };
    let form_token = page.shared.secret.form_token(session.id);
    let manual = HelpPage { words: session.messages(), assets: &page.shared.assets, form_token, back };
    handlers::with_cookie(handlers::render(StatusCode::OK, &manual), session)
}
