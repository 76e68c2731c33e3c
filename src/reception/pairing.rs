//! Other desks: how one is let in from the house's network, and what the head does with them.
//!
//! Promise: whoever is not let in gets the page that says how, the authority's certificate and the styles, and nothing that tells of the station; the code
//! is opened on this machine, by the head. The fingerprint stands on this machine only: a page that somebody else may have sent proves nothing by showing
//! it. Never: a token in a page.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Desk;
use crate::desk::StorageError;
use crate::desk::desks;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::paired::DeskName;
use crate::domain::paired::DeskToken;
use crate::domain::paired::Ended;
use crate::domain::paired::PairedDesk;
use crate::domain::paired::PairingCode;
use crate::domain::paired::Tried;

use super::Lan;
use super::Reception;
use super::assets::Assets;
use super::guard::Form;
use super::handlers;
use super::place::Door;
use super::router;
use super::seats::Whence;
use super::session;
use super::session::Session;
use super::tls;
use super::view::problem::Problem;
use super::view::status::Warning;

/// The browser shows it to this host over TLS only, and nobody else can set it (`__Host-`).
const COOKIE: &str = "__Host-bhyt_ban";

/// How long a browser keeps it, in seconds: a desk that was closed for so long is paired anew.
const LASTS: u32 = 400 * 24 * 3600;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody at this machine.
    Own,
    /// A paired desk.
    Desk {
        /// Which.
        number: u64,
        /// What its browser is to hold from now on, if that is another token.
        next: Option<DeskToken>,
    },
    /// Somebody else on the house's network.
    Stranger,
}

impl Caller {
    pub(super) fn whence(&self) -> Whence {
        match self {
            Self::Own => Whence::Own,
            Self::Desk { number, .. } => Whence::Desk(*number),
            Self::Stranger => Whence::Stranger,
        }
    }

    pub(super) fn next_token(self) -> Option<DeskToken> {
        match self {
            Self::Desk { next, .. } => next,
            Self::Own | Self::Stranger => None,
        }
    }
}

/// Who asks on the house's network. If our own files cannot be read, nobody is known.
pub(super) async fn caller(page: &Reception, headers: &HeaderMap, method: &Method, path: &str) -> Caller {
    let Some(lan) = page.lan() else { return Caller::Stranger };
    let Some(token) = session::cookies(headers, COOKIE).find_map(DeskToken::parse) else { return Caller::Stranger };
    // The front page is asked for after every visit, one request at a time.
    let may_renew = method == Method::GET && path == "/";
    match lan.desks.caller(&token, may_renew).await {
        Ok(desks::Caller::Paired { number, next }) => Caller::Desk { number, next },
        Ok(desks::Caller::Stranger) => Caller::Stranger,
        Err(error) => {
            tracing::error!(name: "desks.failed", %error, "it cannot be read which desks are paired: nobody on the house's network is let in");
            Caller::Stranger
        }
    }
}

/// What somebody who is not let in may ask for.
pub(super) fn is_for_strangers(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET => path == "/ghep" || path == "/chung-thu" || router::is_asset(path),
        Method::POST => path == "/ghep",
        _ => false,
    }
}

/// Gives the browser its next token with an answer.
pub(super) fn hand_over(response: &mut Response, token: Option<&DeskToken>) {
    let cookie = token.map(|token| format!("{COOKIE}={}; Path=/; Max-Age={LASTS}; HttpOnly; SameSite=Strict", token.to_text()));
    if let Some(Ok(cookie)) = cookie.map(|cookie| HeaderValue::from_str(&cookie)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    problem: Option<&'a Problem>,
}

/// The page that says how a desk is let in.
pub(super) fn page(page: &Reception, session: Session, problem: Option<&Problem>, code: StatusCode) -> Response {
    let form_token = page.shared.secret.form_token(session.id);
    let shown = PairPage { words: session.messages(), assets: &page.shared.assets, form_token, problem };
    handlers::with_cookie(handlers::render(code, &shown), session)
}

/// Where a desk is let in; one that is in has nothing to do there.
pub(super) async fn paired(
    State(reception): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
) -> Response {
    match door {
        Door::Own => Redirect::to("/").into_response(),
        Door::Lan => page(&reception, session, None, StatusCode::OK),
    }
}

pub(super) async fn pair(
    State(reception): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
    Extension(form): Extension<Form>,
) -> Response {
    let (Door::Lan, Some(lan)) = (door, reception.lan()) else { return handlers::not_found(State(reception), Extension(session)).await };
    let refused = |label: &str, status: StatusCode, say: &dyn Fn(&Messages) -> String| {
        let problem = Problem::new(status, format!("pairing:{label}"), say);
        page(&reception, session, Some(&problem), problem.status)
    };
    let Some(code) = PairingCode::parse(&form.field("ma_ghep")) else {
        return refused("code", StatusCode::UNPROCESSABLE_ENTITY, &|words| words.desks.unreadable_code.to_string());
    };
    let Ok(name) = DeskName::parse(&form.field("ten")) else {
        return refused("name", StatusCode::UNPROCESSABLE_ENTITY, &|words| words.desks.unreadable_name.to_string());
    };
    match lan.desks.pair(&code, name).await {
        Ok((Tried::Paired(number), token)) => {
            tracing::info!(name: "desks.paired", desk = number, "a desk was paired");
            reception.desk_of(session).access(Act::DeskPaired, About::detail(Detail::numbered("desk", number))).await;
            let mut response = Redirect::to("/").into_response();
            hand_over(&mut response, Some(&token));
            response
        }
        Ok((Tried::Wrong { left: 0 }, _)) => {
            tracing::warn!(name: "desks.code-closed", "the pairing code was tried as often as it may be and is closed");
            refused("closed", StatusCode::FORBIDDEN, &|words| words.desks.wrong_last.to_string())
        }
        Ok((Tried::Wrong { left }, _)) => {
            refused("wrong", StatusCode::FORBIDDEN, &|words| words.desks.wrong.with("left", left).to_string())
        }
        Ok((Tried::TooSoon, _)) => refused("too_soon", StatusCode::TOO_MANY_REQUESTS, &|words| words.desks.too_soon.to_string()),
        Ok((Tried::Closed, _)) => refused("no_code", StatusCode::FORBIDDEN, &|words| words.desks.no_code.to_string()),
        Err(error) => {
            tracing::error!(name: "desks.failed", %error, "a desk could not be paired");
            refused("storage", StatusCode::SERVICE_UNAVAILABLE, &|words| words.desks.not_kept.to_string())
        }
    }
}

/// The authority's certificate, for the browser's list of those it trusts.
pub(super) async fn certificate(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    let Some(der) = page.lan().and_then(|lan| tls::der(lan.shown.authority().pem())) else {
        return handlers::not_found(State(page), Extension(session)).await;
    };
    let kind = HeaderValue::from_static("application/x-x509-ca-cert");
    let name = HeaderValue::from_static("attachment; filename=\"tram.crt\"");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], der).into_response()
}

/// Where desks find this machine.
struct DoorView {
    address: String,
    fingerprint: String,
}

struct CodeView {
    text: String,
    minutes: u64,
}

struct DeskView {
    number: u64,
    name: String,
    paired: String,
    seen: String,
    ended: Option<String>,
    ended_code: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "desks.html")]
struct DesksPage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    door: Option<DoorView>,
    code: Option<CodeView>,
    has_copies: bool,
    desks: Vec<DeskView>,
}

fn view(desk: &PairedDesk, words: &Messages) -> DeskView {
    let words = &words.desks;
    let ended = desk.ended.map(|(why, at)| {
        let text = match why {
            Ended::Revoked => &words.revoked,
            Ended::Copied => &words.copied,
        };
        text.with("when", words::instant(at)).to_string()
    });
    DeskView {
        number: desk.number,
        name: desk.name.as_str().to_owned(),
        paired: words.paired_by.with("when", words::instant(desk.paired_at)).with("who", desk.paired_by.as_str()).to_string(),
        seen: words::instant(desk.seen_at),
        ended,
        ended_code: desk.ended.map(|(why, _)| why.code()),
    }
}

/// The head's page, on this machine only.
pub(super) async fn desks(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
) -> Response {
    if let Some(refusal) = refusal(&page, session, door) {
        return refusal;
    }
    let Some(lan) = page.lan() else { return show(&page, session, None, None, &[]) };
    let all = match lan.desks.all().await {
        Ok(all) => all,
        Err(error) => return not_done(&page, session, &error).await,
    };
    let code = lan.desks.code().map(|(code, left)| CodeView { text: code.to_text(), minutes: left.as_secs().div_ceil(60) });
    show(&page, session, Some(lan), code, &all)
}

fn show(page: &Reception, session: Session, lan: Option<&Lan>, code: Option<CodeView>, all: &[PairedDesk]) -> Response {
    let words = session.messages();
    let door = lan.map(|lan| DoorView {
        address: lan.hosts.first().map(|host| format!("https://{host}/")).unwrap_or_default(),
        fingerprint: lan.shown.authority().fingerprint().join(" "),
    });
    let shown = DesksPage {
        words,
        assets: &page.shared.assets,
        form_token: page.shared.secret.form_token(session.id),
        door,
        code,
        has_copies: lan.is_some_and(|lan| !lan.desks.copied().borrow().is_empty()),
        desks: all.iter().map(|desk| view(desk, words)).collect(),
    };
    handlers::with_cookie(handlers::render(StatusCode::OK, &shown), session)
}

pub(super) async fn open(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
) -> Response {
    act(page, session, door, async |lan: &Lan, desk: Desk| {
        lan.desks.open(&desk.operator().name).await?;
        desk.access(Act::PairingOpened, About::default()).await;
        Ok(())
    })
    .await
}

pub(super) async fn close(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
) -> Response {
    act(page, session, door, async |lan: &Lan, _| lan.desks.close().await).await
}

pub(super) async fn seen(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
) -> Response {
    act(page, session, door, async |lan: &Lan, _| lan.desks.settle_copies().await).await
}

pub(super) async fn revoke(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(door): Extension<Door>,
    Extension(form): Extension<Form>,
) -> Response {
    // A number that no file can count to is none of a desk.
    let number = form.field("so").parse().ok().filter(|number| i64::try_from(*number).is_ok());
    let Some(number) = number else { return handlers::not_found(State(page), Extension(session)).await };
    act(page, session, door, async |lan: &Lan, desk: Desk| desk.revoke(&lan.desks, number).await.map(drop)).await
}

/// What the head does, on this machine; ends on the head's page.
async fn act(page: Reception, session: Session, door: Door, work: impl AsyncFnOnce(&Lan, Desk) -> Result<(), StorageError>) -> Response {
    if let Some(refusal) = refusal(&page, session, door) {
        return refusal;
    }
    let Some(lan) = page.lan() else { return Redirect::to("/ban").into_response() };
    match work(lan, page.desk_of(session)).await {
        Ok(()) => Redirect::to("/ban").into_response(),
        Err(error) => not_done(&page, session, &error).await,
    }
}

async fn not_done(page: &Reception, session: Session, error: &StorageError) -> Response {
    tracing::error!(name: "desks.failed", %error, "nothing was done about desks");
    handlers::problem(page, session, Problem::cannot_look_up(error)).await
}

/// What whoever is not the head, or not at this machine, is told.
fn refusal(page: &Reception, session: Session, door: Door) -> Option<Response> {
    if door != Door::Own {
        return Some(handlers::plain(page, session, &Problem::not_found()));
    }
    if page.desk_of(session).operator().role.is_head() {
        return None;
    }
    let problem = Problem::new(StatusCode::FORBIDDEN, "desks:head", |words| words.problems.head_only.to_string());
    Some(handlers::plain(page, session, &problem))
}

/// What the bar says while nobody has seen that copies were used.
pub(super) fn warnings(page: &Reception, session: Session) -> Vec<Warning> {
    let Some(lan) = page.lan() else { return Vec::new() };
    let copied = lan.desks.copied();
    let warning = |desk: &PairedDesk| {
        let when = desk.ended.map(|(_, at)| words::instant(at)).unwrap_or_default();
        let text = session.messages().desks.copied_warning.with("name", desk.name.as_str()).with("when", when).to_string();
        Warning { label: "desk:copied".to_owned(), text }
    };
    let copied = copied.borrow();
    copied.iter().map(warning).collect()
}
