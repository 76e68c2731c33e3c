//! What happens at each address.
//!
//! Promise: text looks somebody up and is never shown again; an empty Enter saves exactly the look-up whose page it came from, once; what could not be
//! saved waits for the next Enter. Asking for a page changes nothing. Never: a saved visit for a page the receptionist has not seen.

use core::time::Duration;
use std::sync::Arc;

use askama::Template;
use axum::extract::Extension;
use axum::extract::Path;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::CheckInError;
use crate::desk::Day;
use crate::desk::LookUpError;
use crate::desk::Lookup;
use crate::desk::StorageError;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::clock;

use super::Reception;
use super::assets::Assets;
use super::guard::Form;
use super::session;
use super::session::Session;
use super::session::Token;
use super::sticks;
use super::sticks::SticksView;
use super::view::day;
use super::view::log;
use super::view::log::LogView;
use super::view::problem::Problem;
use super::view::result;
use super::view::result::Made;
use super::view::result::ResultView;
use super::view::saved::SavedView;
use super::view::status;
use super::view::status::StatusView;

/// Readers send CR and LF, which is Enter twice. Nobody reads a verdict and answers it in this time.
const BOUNCE: Duration = Duration::from_millis(350);

/// What a page waits for the next Enter with.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) session: Token,
    pub(super) shown: Shown,
}

#[derive(Clone)]
pub(super) enum Shown {
    /// A verdict: Enter saves the visit.
    Verdict(Arc<Lookup>),
    /// A message: Enter puts it away. It waits here only so that the second Enter of a reader does not do so unseen.
    Message(Problem),
}

/// The whole page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    waiting: Option<String>,
    status: StatusView,
    saved: Option<SavedView>,
    problem: Option<&'a Problem>,
    result: Option<ResultView>,
    log: LogView,
    usb: SticksView,
    /// Whole lists of people are the head's.
    is_head: bool,
}

/// A page that shows nothing of the station.
#[derive(Template)]
#[template(path = "plain.html")]
struct Plain<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    problem: &'a Problem,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPart {
    status: StatusView,
    usb: SticksView,
}

/// How much of the day's list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rows {
    /// What stands beside every answer.
    #[default]
    Newest,
    /// All of it, for somebody who wants to look.
    All,
}

#[derive(Template)]
#[template(path = "log.html")]
struct LogPart {
    words: &'static Messages,
    log: LogView,
}

/// What stands in the middle of the page, and how much beside it.
#[derive(Default)]
struct Middle<'a> {
    waiting: Option<Token>,
    saved: Option<SavedView>,
    problem: Option<&'a Problem>,
    lookup: Option<&'a Lookup>,
    rows: Rows,
}

pub(super) async fn home(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let saved = page.said().get(session.id, page.uptime()).map(|(saved, _)| saved.clone());
    show(&page, session, StatusCode::OK, Middle { saved, ..Middle::default() }).await
}

/// The page with all visits of the day.
pub(super) async fn whole_day(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    show(&page, session, StatusCode::OK, Middle { rows: Rows::All, ..Middle::default() }).await
}

pub(super) async fn submit(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let text = form.field("ma");
    if !text.trim().is_empty() {
        page.said().remove(session.id);
        return look_up(&page, session, &text).await;
    }
    if form.field("luot").is_empty() {
        return Redirect::to("/").into_response();
    }
    let Some((token, shown, age)) = waiting(&page, session, &form) else {
        return problem(&page, session, Problem::lookup_expired()).await;
    };
    match shown {
        Shown::Verdict(lookup) if age < BOUNCE => verdict(&page, session, token, &lookup).await,
        Shown::Verdict(lookup) => save(&page, session, token, lookup).await,
        Shown::Message(problem) if age < BOUNCE => message(&page, session, token, &problem).await,
        Shown::Message(_) => Redirect::to("/").into_response(),
    }
}

/// What the page waits for its Enter with that a form came from, and for how long.
pub(super) fn waiting(page: &Reception, session: Session, form: &Form) -> Option<(Token, Shown, Duration)> {
    let token = Token::parse(&form.field("luot"))?;
    let pending = page.pending();
    // Another browser's look-up is as unknown as one that has expired.
    let (waiting, age) = pending.get(token, page.uptime()).filter(|(waiting, _)| waiting.session == session.id)?;
    Some((token, waiting.shown.clone(), age))
}

async fn look_up(page: &Reception, session: Session, text: &str) -> Response {
    let token = Token::random();
    let shown = match page.desk_of(session).look_up(text).await {
        Ok(lookup) => Shown::Verdict(Arc::new(lookup)),
        Err(LookUpError::Unreadable(error)) => Shown::Message(Problem::unreadable(error)),
        Err(LookUpError::Storage(error)) => {
            tracing::error!(%error, "a look-up failed");
            Shown::Message(Problem::cannot_look_up(&error))
        }
    };
    page.pending().put(token, Waiting { session: session.id, shown: shown.clone() }, page.uptime());
    match shown {
        Shown::Verdict(lookup) => verdict(page, session, token, &lookup).await,
        Shown::Message(problem) => message(page, session, token, &problem).await,
    }
}

async fn save(page: &Reception, session: Session, token: Token, lookup: Arc<Lookup>) -> Response {
    let (desk, then, saving) = (page.desk_of(session), page.clone(), Arc::clone(&lookup));
    // In a task of its own: a browser that turns away in the middle must not leave a visit half announced.
    let saved = tokio::spawn(async move {
        let checked_in = desk.check_in(&saving).await?;
        then.said().put(session.id, SavedView::new(&checked_in, &saving.person()), then.uptime());
        Ok(())
    });
    match saved.await {
        Ok(Ok(())) => Redirect::to("/").into_response(),
        Ok(Err(CheckInError::NewDay(again))) => new_day(page, session, token, Arc::new(*again)).await,
        Ok(Err(CheckInError::Storage(error))) => not_saved(page, session, token, &lookup, &error).await,
        Err(_) => not_saved(page, session, token, &lookup, &StorageError::Stopped).await,
    }
}

/// Midnight has passed since the look-up: the new judgement is shown, and the next Enter saves it.
async fn new_day(page: &Reception, session: Session, token: Token, lookup: Arc<Lookup>) -> Response {
    page.pending().put(token, Waiting { session: session.id, shown: Shown::Verdict(Arc::clone(&lookup)) }, page.uptime());
    let problem = Problem::new_day();
    let middle = Middle { waiting: Some(token), problem: Some(&problem), lookup: Some(&lookup), ..Middle::default() };
    show(page, session, problem.status, middle).await
}

/// The look-up stays, and the next Enter tries again.
async fn not_saved(page: &Reception, session: Session, token: Token, lookup: &Lookup, error: &StorageError) -> Response {
    tracing::error!(%error, "a visit could not be saved");
    let problem = Problem::not_saved(error);
    let middle = Middle { waiting: Some(token), problem: Some(&problem), lookup: Some(lookup), ..Middle::default() };
    show(page, session, problem.status, middle).await
}

pub(super) async fn verdict(page: &Reception, session: Session, token: Token, lookup: &Lookup) -> Response {
    let middle = Middle { waiting: Some(token), lookup: Some(lookup), ..Middle::default() };
    show(page, session, StatusCode::OK, middle).await
}

async fn message(page: &Reception, session: Session, token: Token, problem: &Problem) -> Response {
    show(page, session, problem.status, Middle { waiting: Some(token), problem: Some(problem), ..Middle::default() }).await
}

/// The whole page with a message and a fresh form.
pub(super) async fn problem(page: &Reception, session: Session, problem: Problem) -> Response {
    show(page, session, problem.status, Middle { problem: Some(&problem), ..Middle::default() }).await
}

/// A message to somebody who may not be our own page: nothing of the station, no form.
pub(super) fn plain(page: &Reception, session: Session, problem: &Problem) -> Response {
    render(problem.status, &Plain { words: session.messages(), assets: &page.shared.assets, problem })
}

pub(super) async fn status(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    render(StatusCode::OK, &StatusPart { status: status_view(&page), usb: sticks::view(&page, session) })
}

pub(super) async fn today(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    render(StatusCode::OK, &LogPart { words: session.messages(), log: log_view(&page, session, Rows::Newest).await })
}

pub(super) async fn whole_today(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    render(StatusCode::OK, &LogPart { words: session.messages(), log: log_view(&page, session, Rows::All).await })
}

pub(super) async fn asset(State(page): State<Reception>, Extension(session): Extension<Session>, Path(name): Path<String>) -> Response {
    page.shared.assets.find(&name).unwrap_or_else(|| plain(&page, session, &Problem::not_found()))
}

pub(super) async fn not_found(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    plain(&page, session, &Problem::not_found())
}

pub(super) async fn wrong_method(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    plain(&page, session, &Problem::method())
}

/// The pages of this browser are in another language from now on.
pub(super) async fn language(Extension(form): Extension<Form>) -> Response {
    let mut response = Redirect::to("/").into_response();
    if let Some(language) = Language::parse(&form.field("ngon_ngu"))
        && let Ok(cookie) = HeaderValue::from_str(&session::language_cookie(language))
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn show(page: &Reception, session: Session, code: StatusCode, middle: Middle<'_>) -> Response {
    let whole = Page {
        words: session.messages(),
        assets: &page.shared.assets,
        form_token: page.shared.secret.form_token(session.id),
        waiting: middle.waiting.map(Token::to_text),
        status: status_view(page),
        saved: middle.saved,
        problem: middle.problem,
        result: middle.lookup.map(|lookup| result_view(page, session, lookup)),
        log: log_view(page, session, middle.rows).await,
        usb: sticks::view(page, session),
        is_head: page.desk_of(session).operator().role.is_head(),
    };
    with_cookie(session, render(code, &whole))
}

/// A page with forms, whose browser needs its cookie before it can send one.
pub(super) fn with_cookie(session: Session, mut response: Response) -> Response {
    if session.is_new
        && let Ok(cookie) = HeaderValue::from_str(&session.cookie())
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What is shown of a look-up, in the browser's language and at this moment.
pub(super) fn result_view(page: &Reception, session: Session, lookup: &Lookup) -> ResultView {
    let made = Made { language: session.language, now: page.desk().time().now() };
    result::of(lookup, page.desk().station(), page.desk().question(lookup), made)
}

fn status_view(page: &Reception) -> StatusView {
    let today = clock::vietnam_day(page.desk().time().reading().wall);
    status::of(&page.desk().overview(), today, status::station(page.desk().station()), &page.quarantined(), page.shared.run.to_text())
}

async fn log_view(page: &Reception, session: Session, rows: Rows) -> LogView {
    match read_log(page, rows, session.messages()).await {
        Ok(log) => LogView { form_token: page.shared.secret.form_token(session.id), is_whole: rows == Rows::All, ..log },
        Err(error) => {
            tracing::error!(%error, "the day's visits cannot be read");
            LogView::unreadable()
        }
    }
}

async fn read_log(page: &Reception, rows: Rows, words: &Messages) -> Result<LogView, StorageError> {
    let (desk, overview) = (page.desk(), page.desk().overview());
    let unsent = overview.unsent;
    let today = match rows {
        Rows::Newest => desk.newest_today(log::ROWS).await?,
        Rows::All => Day::whole(desk.today().await?),
    };
    let parked = if unsent.parked > 0 { desk.undelivered(log::PARKED).await? } else { Vec::new() };
    let rechecks = if unsent.rechecks > 0 { desk.open_rechecks(log::RECHECKS).await? } else { Vec::new() };
    let mut placed = desk.placed_of(&today.newest).await?;
    placed.extend(desk.placed_of(&parked).await?);
    let end = (rows == Rows::All).then(|| day::of(&today.newest, &overview, words));
    Ok(LogView { end, ..log::of(&today, &parked, &rechecks, &placed) })
}

pub(super) fn render(code: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (code, Html(text)).into_response(),
        // Templates print text that is there already; only a formatter could fail.
        Err(error) => {
            tracing::error!(%error, "a template failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Lỗi của phần mềm. Báo quản trị.").into_response()
        }
    }
}
