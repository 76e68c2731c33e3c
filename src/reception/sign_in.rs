//! Signing in, leaving, and what is shown to a browser where nobody works.
//!
//! Promise: two Enters, with the keyboard or a reader, without script: who, then the PIN. What is shown meanwhile has no person of the day on it.
//! Whoever signs in gets another session; the work that waits goes on for the same person and is dropped for another, never saved. A patient's card
//! is no try of anybody's PIN. Never: a word on whose card was scanned.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use zeroize::Zeroizing;

use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::operator::Account;
use crate::domain::operator::OperatorId;
use crate::domain::operator::Pin;
use crate::domain::scan;

use super::Reception;
use super::assets::Assets;
use super::guard::Form;
use super::handlers;
use super::handlers::Shown;
use super::pace;
use super::seats::Seated;
use super::session;
use super::session::Session;
use super::session::Token;
use super::sticks::SticksView;
use super::untold;
use super::view::problem::Problem;
use super::view::status::StatusView;

/// Field of a form that was shown with word of a scan that is nobody's here.
const SCANNED: &str = "quet";

/// What the administrator runs where there is no account yet.
const ADD: &str = "bhyt-agent operator add";

/// Somebody who is about to show a PIN.
#[derive(Clone)]
pub(super) struct Choosing {
    session: Token,
    who: OperatorId,
    /// Whose PIN is asked for, if that was chosen and not scanned.
    name: Option<String>,
}

/// The page of a browser where nobody works.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    status: StatusView,
    usb: SticksView,
    problem: Option<&'a Problem>,
    command: &'static str,
    /// Who worked here until it was locked.
    locked: Option<(OperatorId, String)>,
    /// Who is signed in all the same.
    open: Option<String>,
    /// Number and name of those who may sign in.
    accounts: Vec<(OperatorId, String)>,
    /// The token of the choice, and whose PIN is asked for.
    chosen: Option<(String, Option<String>)>,
    /// The field by which the second Enter of a reader finds the message still.
    scanned: Option<&'static str>,
}

/// The page, with a message if there is one. What became of a visit is said again until somebody has signed in and finds the next person.
pub(super) fn page(page: &Reception, session: Session, code: StatusCode, problem: Option<&Problem>) -> Response {
    if let Some(problem) = problem {
        untold::keep(page, session, problem);
    }
    show(page, session, code, problem, None)
}

/// Something was asked for that needs somebody signed in. What became of a visit is more than that.
pub(super) fn first(page: &Reception, session: Session) -> Response {
    let untold = page.untold().held(session.id, page.uptime());
    if untold.is_some() {
        return show(page, session, StatusCode::UNAUTHORIZED, untold.as_ref(), None);
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "session:sign_in_first", |words| words.operators.sign_in_first.to_string());
    refused(page, session, &problem)
}

fn show(page: &Reception, session: Session, code: StatusCode, problem: Option<&Problem>, chosen: Option<(Token, &Choosing)>) -> Response {
    let name = |account: &Account| (account.id, account.content.name.as_str().to_owned());
    let (seated, accounts) = (page.seated(session), page.desk().accounts());
    let untold = page.untold().held(session.id, page.uptime());
    let problem = problem.or(untold.as_ref());
    let whole = SignIn {
        words: session.messages(),
        assets: &page.shared.assets,
        form_token: page.shared.secret.form_token(session.id),
        status: handlers::status_view(page, session),
        usb: SticksView::default(),
        problem,
        command: ADD,
        locked: match &seated {
            Seated::Locked(operator) => operator.id.map(|id| (id, operator.name.as_str().to_owned())),
            Seated::Open(_) | Seated::Nobody => None,
        },
        open: if let Seated::Open(operator) = &seated { Some(operator.name.as_str().to_owned()) } else { None },
        accounts: accounts.iter().map(name).collect(),
        chosen: chosen.map(|(token, choosing)| (token.to_text(), choosing.name.clone())),
        scanned: problem.is_some_and(|problem| *problem == not_an_operators()).then_some(SCANNED),
    };
    handlers::with_cookie(handlers::render(code, &whole), session)
}

pub(super) async fn form(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    self::page(&page, session, StatusCode::OK, None)
}

pub(super) async fn submit(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let (text, number, mut pin) = (form.field("ai"), form.field("so"), Zeroizing::new(form.field("pin")));
    let held = Token::parse(&form.field("chon")).and_then(|token| {
        let choosing = page.choosing().held(token, page.uptime());
        choosing.filter(|choosing| choosing.session == session.id).map(|choosing| (token, choosing))
    });
    let is_empty = text.trim().is_empty() && pin.trim().is_empty();
    let mut named = [number, text].into_iter().find(|field| !field.trim().is_empty());
    // A card that was scanned where a PIN is asked for is no try: somebody else wants to sign in, or the next patient is there already.
    if pin.contains('|') || pin.trim().chars().count() > Pin::LONGEST {
        named = Some(core::mem::take(&mut *pin));
    } else if is_empty && form.has(SCANNED) {
        return not_chosen(&page, session, held.as_ref(), &not_an_operators());
    }
    let chosen = match named.map(|text| choose(&page, session, &text)) {
        Some(Ok(choosing)) => {
            let token = Token::random();
            page.choosing().put(token, choosing.clone(), page.uptime());
            Some((token, choosing))
        }
        Some(Err(problem)) => return not_chosen(&page, session, held.as_ref(), &problem),
        None => held,
    };
    match chosen {
        None => Redirect::to("/dang-nhap").into_response(),
        // The second Enter of a reader is no PIN.
        Some((token, choosing)) if pin.trim().is_empty() => show(&page, session, StatusCode::OK, None, Some((token, &choosing))),
        Some((token, choosing)) => sign_in(&page, session, (token, choosing), pin).await,
    }
}

/// What readers send of a card, or a number on one.
fn is_scan(text: &str) -> bool {
    text.contains('|') || text.trim().len() >= 9 && text.trim().bytes().all(|b| b.is_ascii_digit()) || scan::read(text).is_ok()
}

fn choose(page: &Reception, session: Session, text: &str) -> Result<Choosing, Problem> {
    let is_scan = is_scan(text);
    if is_scan {
        // It asks whose a number is.
        pace::may_look_up(page, session)?;
    }
    let who = page.desk().meant(text).ok_or_else(|| if is_scan { not_an_operators() } else { unknown() })?;
    let account = page.desk().account(who).filter(|_| !is_scan);
    Ok(Choosing { session: session.id, who, name: account.map(|account| account.content.name.as_str().to_owned()) })
}

fn unknown() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "account:unknown", |words| words.operators.unknown_account.to_string())
}

fn not_an_operators() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "scan:not_an_operators", |words| words.operators.other_card.to_string())
}

/// Whoever is asked for the PIN is asked for it still.
fn not_chosen(page: &Reception, session: Session, held: Option<&(Token, Choosing)>, problem: &Problem) -> Response {
    show(page, session, problem.status, Some(problem), held.map(|(token, choosing)| (*token, choosing)))
}

fn refused(page: &Reception, session: Session, problem: &Problem) -> Response {
    self::page(page, session, problem.status, Some(problem))
}

async fn sign_in(page: &Reception, session: Session, (token, choosing): (Token, Choosing), pin: Zeroizing<String>) -> Response {
    let desk_token = page.desk_token(session);
    let (desk, mark) = (page.desk_of(session), session::mark(desk_token));
    // In a task of its own: who turns away in the middle has tried all the same.
    let who = choosing.who;
    let tried = tokio::spawn({
        let mark = mark.clone();
        async move { desk.sign_in(who, pin, &mark).await }
    });
    let account = match tried.await {
        Ok(Ok(account)) => account,
        Ok(Err(error)) => {
            let (label, message) = words::operators::not_signed_in(&error, &page.desk().time().now());
            let problem = Problem::said(StatusCode::FORBIDDEN, label, message);
            return show(page, session, problem.status, Some(&problem), Some((token, &choosing)));
        }
        Err(_) => {
            let message = words::operators::accounts_not_read();
            return refused(page, session, &Problem::said(StatusCode::INTERNAL_SERVER_ERROR, "pin:storage", message));
        }
    };
    page.choosing().remove(token);
    take_seat(page, session, desk_token, &account).await
}

/// Somebody has shown the right PIN: another session, and on with the work or to a fresh page.
pub(super) async fn take_seat(page: &Reception, session: Session, desk: Token, account: &Account) -> Response {
    let (now, next) = (page.uptime(), Token::random());
    let waiting = page.seats().at_work(session.id);
    let (left, at_work) = page.seats().sit(session.id, (next, session.whence), account, now);
    if let Some(left) = left {
        page.desk_of(session).with(left).access(Act::SignedOut, About::default()).await;
    }
    if let Some(waiting) = waiting {
        let mut pending = page.pending();
        let held = pending.held(waiting, now);
        match held {
            // From now on: the Enter after the PIN must not save what nobody has read since.
            Some(held) if at_work.is_some() => pending.put(waiting, handlers::Waiting { session: next, ..held }, now),
            _ => pending.remove(waiting),
        }
    }
    let untold = page.untold().held(session.id, now);
    page.untold().remove(session.id);
    if let Some(untold) = untold.filter(|_| at_work.is_none()) {
        page.untold().put(next, untold, now);
    }
    let seated = Session { id: next, desk: Some(desk), is_new: false, ..session };
    page.meter().pin_shown(&page.whose(seated));
    let mut response = Redirect::to(if at_work.is_some() { "/tiep-tuc" } else { "/" }).into_response();
    for cookie in [seated.cookie(), session::desk_cookie(desk)] {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// The look-up that waited while the desk was locked.
pub(super) async fn go_on(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let Some(token) = page.seats().at_work(session.id) else { return Redirect::to("/").into_response() };
    let waiting = page.pending().held(token, page.uptime());
    match waiting.filter(|waiting| waiting.session == session.id).map(|waiting| waiting.shown) {
        Some(Shown::Verdict(lookup)) => handlers::verdict(&page, session, token, &lookup).await,
        Some(Shown::Candidates(_) | Shown::Message(_)) | None => Redirect::to("/").into_response(),
    }
}

pub(super) async fn lock(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let locked = page.seats().lock(session.id);
    if locked {
        page.desk_of(session).access(Act::Locked, About::default()).await;
    }
    Redirect::to("/dang-nhap").into_response()
}

pub(super) async fn leave(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let left = page.seats().leave(session.id);
    if left {
        page.desk_of(session).access(Act::SignedOut, About::default()).await;
    }
    page.said().remove(session.id);
    Redirect::to("/dang-nhap").into_response()
}
