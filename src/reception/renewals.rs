//! Those whose card ends soon or has just ended, for the head of the station: to look at, to print, and as a file.
//!
//! Promise: what is chosen travels in the fields of a form, never in an address; each page is bounded. Never: a list for anybody else.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::desk::ListError;
use crate::desk::RenewalFilter;
use crate::desk::messages::Messages;
use crate::desk::words;

use super::Reception;
use super::assets::Assets;
use super::guard::Form;
use super::handlers;
use super::session::Session;
use super::view::problem::Problem;
use super::view::renewals;
use super::view::renewals::ListView;
use super::view::status;

/// People on a page.
const ROWS: usize = 50;

/// People on one print: some fifty sheets.
const PRINTED: usize = 2000;

#[derive(Template)]
#[template(path = "renewals.html")]
struct RenewalsPage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    idle_seconds: u64,
    form_token: String,
    list: ListView,
}

#[derive(Template)]
#[template(path = "renewals_print.html")]
struct RenewalsPrint<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    idle_seconds: u64,
    station: String,
    chosen: String,
    printed: String,
    list: ListView,
}

/// Everybody on the list.
pub(super) async fn home(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    list(&page, session, &RenewalFilter::default(), 1).await
}

/// Those who were chosen.
pub(super) async fn choose(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    list(&page, session, &chosen(&form), form.field("trang").parse().unwrap_or(1)).await
}

/// The same, to be printed.
pub(super) async fn print(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let (desk, filter, words) = (page.desk_of(session), chosen(&form), session.messages());
    let renewals = match desk.print_renewals(&filter).await {
        Ok(renewals) => renewals,
        Err(error) => return refused(&page, session, &error),
    };
    let list = renewals::of(&renewals, &filter, (1, PRINTED), words);
    let printed = words.renewals.printed.with("at", words::instant(renewals.now.at)).with("who", desk.operator().name.as_str()).to_string();
    let (station, chosen) = (status::station(desk.station(), words), renewals::chosen(&list));
    handlers::render(
        StatusCode::OK,
        &RenewalsPrint { words, assets: &page.shared.assets, idle_seconds: page.idle_seconds(), station, chosen, printed, list },
    )
}

/// The same, as a file for a spreadsheet.
pub(super) async fn export(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    match page.desk_of(session).export_renewals(&chosen(&form)).await {
        Ok((_, file)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
                (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"the-sap-het-han.csv\"")),
            ];
            (headers, file).into_response()
        }
        Err(error) => refused(&page, session, &error),
    }
}

fn chosen(form: &Form) -> RenewalFilter {
    renewals::filter(&form.field("moc"), &form.field("thon"))
}

async fn list(page: &Reception, session: Session, filter: &RenewalFilter, part: usize) -> Response {
    let renewals = match page.desk_of(session).see_renewals(filter).await {
        Ok(renewals) => renewals,
        Err(error) => return refused(page, session, &error),
    };
    let words = session.messages();
    let shown = RenewalsPage {
        words,
        assets: &page.shared.assets,
        idle_seconds: page.idle_seconds(),
        form_token: page.shared.secret.form_token(session.id),
        list: renewals::of(&renewals, filter, (part, ROWS), words),
    };
    handlers::with_cookie(handlers::render(StatusCode::OK, &shown), session)
}

fn refused(page: &Reception, session: Session, error: &ListError) -> Response {
    let problem = match error {
        ListError::NotHead => Problem::head_only(),
        ListError::Storage(error) => {
            tracing::error!(name: "storage.read-failed", %error, "the list of cards that end soon could not be made");
            Problem::cannot_look_up(error)
        }
    };
    handlers::plain(page, session, &problem)
}
