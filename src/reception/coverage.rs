//! How many people on the roster have a card in force: counts only, so for everybody at the desk.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::desk::messages::Messages;

use super::Reception;
use super::assets::Assets;
use super::handlers;
use super::session::Session;
use super::view::coverage;
use super::view::coverage::CoverageView;
use super::view::problem::Problem;

#[derive(Template)]
#[template(path = "coverage.html")]
struct CoveragePage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    idle_seconds: u64,
    coverage: CoverageView,
}

pub(super) async fn show(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    match page.desk_of(session).coverage().await {
        Ok(counted) => {
            let words = session.messages();
            let coverage = coverage::of(&counted, words);
            handlers::render(
                StatusCode::OK,
                &CoveragePage { words, assets: &page.shared.assets, idle_seconds: page.idle_seconds(), coverage },
            )
        }
        Err(error) => {
            tracing::error!(name: "storage.read-failed", %error, "the coverage could not be counted");
            handlers::plain(&page, session, &Problem::cannot_count(&error))
        }
    }
}
