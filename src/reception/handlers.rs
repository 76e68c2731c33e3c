//! What happens at each address.
//!
//! Promise: text looks somebody up, or lists whom to choose from, and is never shown again; an empty Enter saves exactly the look-up whose page it came
//! from, once; what could not be saved waits for the next Enter. Asking for a page changes nothing. A page with people on it is made for somebody who has
//! signed in, and for nobody else. Never: a saved visit for a page the receptionist has not seen.

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

use crate::desk::Answer;
use crate::desk::Candidates;
use crate::desk::CheckInError;
use crate::desk::Choices;
use crate::desk::Day;
use crate::desk::LookUpError;
use crate::desk::Lookup;
use crate::desk::StorageError;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::clock;
use crate::domain::operator::Operator;
use crate::domain::visit::NewVisit;

use super::Reception;
use super::assets::Assets;
use super::candidates;
use super::guard::Form;
use super::options;
use super::options::Chosen;
use super::pace;
use super::pairing;
use super::printing::PrintableView;
use super::seats::Seated;
use super::session::Session;
use super::session::Token;
use super::sign_in;
use super::sticks;
use super::sticks::SticksView;
use super::untold;
use super::view;
use super::view::candidates::CandidatesView;
use super::view::day;
use super::view::log;
use super::view::log::LogView;
use super::view::options::OptionsView;
use super::view::paper::PaperView;
use super::view::problem::Problem;
use super::view::result;
use super::view::result::Made;
use super::view::result::ResultView;
use super::view::saved::SavedView;
use super::view::status;
use super::view::status::StatusView;
use super::view::unsure::UnsureView;
use super::view::visit::VisitView;

/// Readers send CR and LF, which is Enter twice. Nobody reads a verdict and answers it in this time.
pub(super) const BOUNCE: Duration = Duration::from_millis(350);

/// How a browser stands where somebody works.
const OPEN: &str = "open";

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
    /// People to choose from: a digit and Enter chooses.
    Candidates(Arc<Candidates>),
}

/// The whole page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    /// Milliseconds, for the hours that the page says by itself.
    now: i64,
    waiting: Option<String>,
    /// The visit that Enter would save.
    visit_id: Option<String>,
    operator: Operator,
    idle_seconds: u64,
    status: StatusView,
    saved: Option<SavedView>,
    problem: Option<&'a Problem>,
    candidates: Option<CandidatesView<'static>>,
    result: Option<ResultView>,
    log: LogView,
    usb: SticksView,
    options: Option<OptionsView>,
    printable: Option<PrintableView>,
    part: Part,
}

/// What stands on the page in the place of an answer.
#[derive(Default)]
pub(super) enum Part {
    #[default]
    None,
    Visit(Box<VisitView>),
    Paper(Box<PaperView>),
    Unsure(UnsureView),
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
    words: &'static Messages,
    status: StatusView,
    usb: SticksView,
}

/// How much of the day's list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rows {
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
pub(super) struct Middle<'a> {
    pub(super) waiting: Option<Token>,
    pub(super) saved: Option<SavedView>,
    pub(super) problem: Option<&'a Problem>,
    pub(super) candidates: Option<&'a Candidates>,
    pub(super) lookup: Option<&'a Lookup>,
    /// What was chosen of the look-up before.
    pub(super) chosen: Choices,
    pub(super) part: Part,
    pub(super) rows: Rows,
}

pub(super) async fn home(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let saved = page.said().held(session.id, page.uptime());
    let untold = page.untold().held(session.id, page.uptime());
    show(&page, session, StatusCode::OK, Middle { saved, problem: untold.as_ref(), ..Middle::default() }).await
}

/// The page with all visits of the day.
pub(super) async fn whole_day(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    page.seats().shows_day(session.id, page.uptime());
    page.desk_of(session).day_is_shown().await;
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
        if let Some(digit) = candidates::digit(&text)
            && let Some(chosen) = candidates::choose(&page, session, &form, digit).await
        {
            return chosen;
        }
        return look_up(&page, session, &text).await;
    }
    if form.field("luot").is_empty() {
        return Redirect::to("/").into_response();
    }
    let Some((token, shown, age)) = waiting(&page, session, &form) else {
        return problem(&page, session, untold::whether_saved(&page, &form).await).await;
    };
    match shown {
        Shown::Verdict(lookup) => match options::chosen(&form, &page.desk(), &lookup) {
            Chosen { taken, problem: Some(problem) } => not_taken(&page, session, token, &lookup, (problem, taken)).await,
            Chosen { taken, problem: None } if age < BOUNCE => verdict_with(&page, session, token, &lookup, (None, taken)).await,
            Chosen { taken, problem: None } => save(&page, session, token, lookup, taken).await,
        },
        Shown::Message(problem) if age < BOUNCE => message(&page, session, token, &problem).await,
        Shown::Message(_) => Redirect::to("/").into_response(),
        Shown::Candidates(list) => candidates::not_chosen(&page, session, token, &list, age < BOUNCE).await,
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

/// What the page shows waits for its Enter from now on. Returns by which token.
pub(super) fn wait(page: &Reception, session: Session, shown: Shown) -> Token {
    let token = Token::random();
    page.pending().put(token, Waiting { session: session.id, shown }, page.uptime());
    page.seats().works_on(session.id, Some(token));
    token
}

async fn look_up(page: &Reception, session: Session, text: &str) -> Response {
    if let Err(problem) = pace::may_look_up(page, session) {
        return self::problem(page, session, problem).await;
    }
    let shown = match page.desk_of(session).ask(text).await {
        Ok(Answer::Verdict(lookup)) => Shown::Verdict(lookup.into()),
        Ok(Answer::Candidates(list)) => Shown::Candidates(Arc::new(list)),
        Err(LookUpError::Unreadable(error)) => Shown::Message(Problem::unreadable(error)),
        Err(LookUpError::Storage(error)) => {
            tracing::error!(name: "storage.read-failed", %error, "a look-up failed");
            Shown::Message(Problem::cannot_look_up(&error))
        }
    };
    if !matches!(shown, Shown::Message(_)) {
        page.untold().remove(session.id);
    }
    let token = wait(page, session, shown.clone());
    let found = match &shown {
        Shown::Verdict(lookup) => lookup.finds(),
        // A name that fits somebody says nothing: half a commune has one.
        Shown::Candidates(list) => (list.has_roster && list.total == 0).then_some(false),
        Shown::Message(_) => None,
    };
    if let Some(locked) = pace::lock_after(page, session, found).await {
        return locked;
    }
    match shown {
        Shown::Verdict(lookup) => verdict(page, session, token, &lookup).await,
        Shown::Message(problem) => message(page, session, token, &problem).await,
        Shown::Candidates(list) => candidates::show(page, session, token, &list).await,
    }
}

async fn save(page: &Reception, session: Session, token: Token, lookup: Arc<Lookup>, chosen: Choices) -> Response {
    let (desk, then, saving, choices) = (page.desk_of(session), page.clone(), Arc::clone(&lookup), chosen.clone());
    // In a task of its own: a browser that turns away in the middle must not leave a visit half announced.
    let saved = tokio::spawn(async move {
        let checked_in = desk.check_in_as(&saving, choices).await?;
        then.seats().works_on(session.id, None);
        // The account was closed while it was saved.
        then.untold().remove(session.id);
        // What is said is what is on the disk; where that cannot be read just now, the list says it later.
        let saved = match &checked_in.content {
            Some(content) => Some(content.clone()),
            None => desk.visit(checked_in.id).await.unwrap_or_default().pop().map(|logged| logged.visit.content),
        };
        let unusual = |words: &Messages| saved.as_ref().map(|content| view::options::unusual(&desk, content, words)).unwrap_or_default();
        let said = SavedView::checked_in(&checked_in, &saving.person(), unusual);
        then.said().put(session.id, said, then.uptime());
        Ok(())
    });
    match saved.await {
        Ok(Ok(())) => Redirect::to("/").into_response(),
        Ok(Err(CheckInError::NewDay(again))) => judged_anew(page, session, *again, (Problem::new_day(), chosen)).await,
        Ok(Err(CheckInError::Meanwhile { again, other })) => judged_anew(page, session, *again, (Problem::meanwhile(other), chosen)).await,
        Ok(Err(CheckInError::NotOffered(refused))) => {
            not_taken(page, session, token, &lookup, (options::not_offered(refused), Choices { queue_number: None, ..chosen })).await
        }
        Ok(Err(CheckInError::Storage(error))) => not_saved(page, session, token, &lookup, (&error, chosen)).await,
        Err(_) => not_saved(page, session, token, &lookup, (&StorageError::Stopped, chosen)).await,
    }
}

/// Something chosen cannot be: the look-up stays, with the rest of what was chosen.
pub(super) async fn not_taken(
    page: &Reception,
    session: Session,
    token: Token,
    lookup: &Lookup,
    (problem, chosen): (Problem, Choices),
) -> Response {
    let middle = Middle { waiting: Some(token), problem: Some(&problem), lookup: Some(lookup), chosen, ..Middle::default() };
    show(page, session, problem.status, middle).await
}

/// Midnight has passed since the look-up, or another desk was faster: the new judgement is shown, and the next Enter saves it. It has a token of its own: the
/// same form sent again saves nothing that nobody has seen.
async fn judged_anew(page: &Reception, session: Session, again: Lookup, said: (Problem, Choices)) -> Response {
    let lookup = Arc::new(again);
    let token = wait(page, session, Shown::Verdict(Arc::clone(&lookup)));
    not_taken(page, session, token, &lookup, said).await
}

/// The look-up stays, and the next Enter tries again.
async fn not_saved(
    page: &Reception,
    session: Session,
    token: Token,
    lookup: &Lookup,
    (error, chosen): (&StorageError, Choices),
) -> Response {
    tracing::error!(name: "visit.not-saved", %error, "a visit could not be saved");
    not_taken(page, session, token, lookup, (Problem::not_saved(error), chosen)).await
}

pub(super) async fn verdict(page: &Reception, session: Session, token: Token, lookup: &Lookup) -> Response {
    verdict_with(page, session, token, lookup, (None, Choices::default())).await
}

/// The same with what was said and chosen.
pub(super) async fn verdict_with(
    page: &Reception,
    session: Session,
    token: Token,
    lookup: &Lookup,
    (saved, chosen): (Option<SavedView>, Choices),
) -> Response {
    let middle = Middle { waiting: Some(token), lookup: Some(lookup), saved, chosen, ..Middle::default() };
    show(page, session, StatusCode::OK, middle).await
}

pub(super) async fn message(page: &Reception, session: Session, token: Token, problem: &Problem) -> Response {
    show(page, session, problem.status, Middle { waiting: Some(token), problem: Some(problem), ..Middle::default() }).await
}

/// The page with something else than an answer on it.
pub(super) async fn part(page: &Reception, session: Session, part: Part) -> Response {
    show(page, session, StatusCode::OK, Middle { part, ..Middle::default() }).await
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
    let status = status_view(&page, session);
    // The buttons beside it are for those who have signed in.
    let usb = if status.seat == OPEN { sticks::view(&page, session) } else { SticksView::default() };
    render(StatusCode::OK, &StatusPart { words: session.messages(), status, usb })
}

pub(super) async fn today(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    render(StatusCode::OK, &LogPart { words: session.messages(), log: log_view(&page, session, Rows::Newest).await })
}

pub(super) async fn whole_today(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    // An open page asks for it at each change: of that one line stands in the log already.
    if page.seats().shows_day(session.id, page.uptime()) {
        page.desk_of(session).day_is_shown().await;
    }
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

/// The page for whoever works here; where nobody does, the way in, with the message if there is one.
pub(super) async fn show(page: &Reception, session: Session, code: StatusCode, middle: Middle<'_>) -> Response {
    let Seated::Open(operator) = page.seated(session) else { return sign_in::page(page, session, code, middle.problem) };
    let whole = Page {
        words: session.messages(),
        assets: &page.shared.assets,
        form_token: page.shared.secret.form_token(session.id),
        now: page.desk().time().now().at.timestamp_millis(),
        waiting: middle.waiting.map(Token::to_text),
        visit_id: middle.lookup.map(|lookup| lookup.visit_id.0.to_string()),
        operator,
        idle_seconds: page.idle_seconds(),
        status: status_view(page, session),
        printable: middle.saved.as_ref().and_then(|saved| saved.printable).map(PrintableView::from),
        saved: middle.saved,
        problem: middle.problem,
        candidates: middle.candidates.map(|list| view::candidates::of(list, session.messages())),
        result: middle
            .lookup
            .map(|lookup| result_view(page, session, lookup).with_rate(&page.desk(), lookup, &middle.chosen, session.messages())),
        log: log_view(page, session, middle.rows).await,
        usb: sticks::view(page, session),
        options: middle.lookup.map(|lookup| view::options::of_lookup(&page.desk(), lookup, &middle.chosen, session.messages())),
        part: middle.part,
    };
    with_cookie(render(code, &whole), session)
}

/// The answer, and with it the cookie of a browser that has none.
pub(super) fn with_cookie(mut response: Response, session: Session) -> Response {
    if session.is_new
        && let Ok(cookie) = HeaderValue::from_str(&session.cookie())
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What is shown of a look-up, in the browser's language and at this moment.
pub(super) fn result_view(page: &Reception, session: Session, lookup: &Lookup) -> ResultView {
    let made = Made { words: session.messages(), now: page.desk().time().now() };
    result::of(lookup, page.desk().station(), page.desk().question(lookup), made)
}

pub(super) fn status_view(page: &Reception, session: Session) -> StatusView {
    let today = clock::vietnam_day(page.desk().time().reading().wall);
    let (overview, words) = (page.desk().overview(), session.messages());
    let station = status::station(page.desk().station(), words);
    let mut view = status::of(&overview, today, station, &page.quarantined(), page.shared.run.to_text(), words);
    view.warnings.splice(0..0, pairing::warnings(page, session));
    StatusView { seat: page.seated(session).code(), ..view }
}

async fn log_view(page: &Reception, session: Session, rows: Rows) -> LogView {
    match read_log(page, session, rows).await {
        Ok(log) => LogView { form_token: page.shared.secret.form_token(session.id), is_whole: rows == Rows::All, ..log },
        Err(error) => {
            tracing::error!(name: "storage.read-failed", %error, "the day's visits cannot be read");
            LogView::unreadable()
        }
    }
}

async fn read_log(page: &Reception, session: Session, rows: Rows) -> Result<LogView, StorageError> {
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
    let words = session.messages();
    let end = (rows == Rows::All).then(|| day::of(&today.newest, &overview, words));
    let unusual = |visit: &NewVisit| view::options::unusual(&desk, visit, words);
    Ok(LogView { end, ..log::of(&today, &parked, &rechecks, &placed, &unusual, words) })
}

pub(super) fn render(code: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (code, Html(text)).into_response(),
        // Templates print text that is there already; only a formatter could fail.
        Err(error) => {
            tracing::error!(name: "page.template-failed", %error, "a template failed");
            (StatusCode::INTERNAL_SERVER_ERROR, Messages::of(Language::default()).problems.broken.to_string()).into_response()
        }
    }
}
