//! What every request must pass before anything looks at it, static files and unknown addresses included.
//!
//! Promise: only a request under one of our own names, from our own page or from nowhere else, goes on; a form goes on only with the token of the
//! browser it was given to, whole, small and in time; and only what is for everybody goes on from a browser where nobody has signed in, one page to a
//! connection. Every answer carries the headers that keep the page to itself. Never: a repeated value
//! of the request, in the answer or in the log.

use core::time::Duration;
use std::sync::Arc;

use axum::body::Body;
use axum::body::Bytes;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use tokio::time;
use url::form_urlencoded;

use crate::domain::paired::DeskToken;

use super::Reception;
use super::handlers;
use super::pairing;
use super::pairing::Caller;
use super::place::Door;
use super::place::Phase;
use super::place::Place;
use super::router;
use super::seats::Seated;
use super::session::Session;
use super::sign_in;
use super::untold;
use super::view::problem::Problem;

/// Bytes of a form. The longest scan that is read has 4 KiB; a real one has less than 1 KiB, three times that in a form.
const LONGEST_FORM: usize = 8 * 1024;

/// Time for the body of a form.
const FORM_TIME: Duration = Duration::from_secs(5);

/// Field of a form that carries its token.
pub(super) const FORM_TOKEN: &str = "bieu_mau";

/// `same-origin` and not `no-referrer`: under the latter browsers send `Origin: null` with our own forms, which would then look like anybody's.
/// Other sites get no referrer either way.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(), microphone=(), geolocation=()")),
];

/// The fields of a form that has passed.
#[derive(Clone)]
pub(super) struct Form(Bytes);

impl Form {
    /// The first field of a name; empty if there is none.
    pub(super) fn field(&self, name: &str) -> String {
        let found = form_urlencoded::parse(&self.0).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Whether it has a field of a name, empty or not.
    pub(super) fn has(&self, name: &str) -> bool {
        form_urlencoded::parse(&self.0).any(|(key, _)| key == name)
    }
}

/// The guard, around the whole router.
pub(super) async fn guard(State(page): State<Reception>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // One of our own addresses or none: what stands in the request may be anything, a number too.
    let route = router::ADDRESSES.iter().find(|address| **address == request.uri().path()).copied().unwrap_or("other");
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let (session, is_asset) = (Session::of(request.headers()), router::is_asset(request.uri().path()));
    let mut response = match (check(&page, session, request).await, &place) {
        (Ok((request, next_token)), Some(place)) => {
            place.is(Phase::Served);
            let mut response = next.run(request).await;
            let goes_on = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            place.is(if goes_on { Phase::Streaming } else { Phase::Answered });
            pairing::hand_over(&mut response, next_token.as_ref());
            response
        }
        (Ok(_), None) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        (Err(refusal), _) => refusal,
    };
    tracing::debug!(%method, route, status = response.status().as_u16(), "page");
    let headers = response.headers_mut();
    if place.is_some_and(|place| place.door == Door::Lan) {
        keep_to_tls(headers);
    }
    if !is_asset && page.seats().operator(session.id).is_none() {
        // One question and one answer: whoever asks a thousand at once and reads none costs no more than one.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    harden(headers);
    response
}

/// What keeps an answer to itself.
pub(super) fn harden(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// No cookie that was given over TLS is shown without.
fn keep_to_tls(headers: &mut HeaderMap) {
    if let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            let secure = [cookie.as_bytes(), b"; Secure"].concat();
            *cookie = HeaderValue::from_bytes(&secure).unwrap_or_else(|_| HeaderValue::from_static(""));
        }
    }
}

async fn check(page: &Reception, session: Session, request: Request) -> Result<(Request, Option<DeskToken>), Response> {
    let plain = |problem: Problem| handlers::plain(page, session, &problem);
    let door = request.extensions().get::<Arc<Place>>().map(|place| place.door);
    let (Some(door), hosts) = (door, hosts(page, door)) else { return Err(plain(Problem::host())) };
    if !is_for_us(hosts, &request) {
        return Err(plain(Problem::host()));
    }
    if !is_from_us(door, hosts, request.headers()) {
        return Err(plain(Problem::origin()));
    }
    let (mut parts, body) = request.into_parts();
    let caller = match door {
        Door::Own => Caller::Own,
        Door::Lan => pairing::caller(page, &parts.headers, &parts.method, parts.uri.path()).await,
    };
    // Before any page is made: the form of one that another session was given would be refused.
    let session = page.bound(Session { whence: caller.whence(), ..session });
    if caller == Caller::Stranger && !pairing::is_for_strangers(&parts.method, parts.uri.path()) {
        return Err(pairing::page(page, session, None, StatusCode::FORBIDDEN));
    }
    if let (Caller::Desk { .. }, Some(place)) = (&caller, parts.extensions.get::<Arc<Place>>()) {
        place.is_of_a_desk();
    }
    let plain = |problem: Problem| handlers::plain(page, session, &problem);
    parts.extensions.insert(session);
    parts.extensions.insert(door);
    parts.extensions.insert(caller.clone());
    if matches!(parts.method, Method::GET | Method::HEAD) {
        admit(page, session, &caller, parts.uri.path()).await?;
        return Ok((Request::from_parts(parts, Body::empty()), caller.next_token()));
    }
    if parts.method != Method::POST {
        return Err(plain(Problem::method()));
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind != Some(b"application/x-www-form-urlencoded") {
        return Err(plain(Problem::form_kind()));
    }
    // Nothing of the station stands beside a refusal to a stranger.
    let refused = async |problem: Problem| match caller {
        Caller::Stranger => pairing::page(page, session, Some(&problem), problem.status),
        Caller::Own | Caller::Desk { .. } => handlers::problem(page, session, problem).await,
    };
    let form = match time::timeout(FORM_TIME, to_bytes(body, LONGEST_FORM)).await {
        Ok(Ok(bytes)) => Form(bytes),
        Ok(Err(_)) => return Err(refused(Problem::form_size()).await),
        Err(_) => return Err(plain(Problem::form_time())),
    };
    // An empty Enter for a look-up: if the agent was restarted between the commit and its answer, browsers send it again, and the visit is on
    // the disk although this process knows nothing of it.
    let may_be_saved = untold::is_a_save(parts.uri.path(), &form);
    if session.is_new || !page.shared.secret.is_form_of(session.id, &form.field(FORM_TOKEN)) {
        let problem = if may_be_saved { untold::whether_saved(page, &form).await } else { Problem::form_token() };
        return Err(refused(problem).await);
    }
    if let Err(refusal) = admit(page, session, &caller, parts.uri.path()).await {
        // The same where the desk was locked, left, or the account closed before the browser sent it again. Where nobody has worked nothing is told.
        let has_worked = page.seats().operator(session.id).is_some();
        let saved = if may_be_saved && has_worked { untold::on_disk(page, &form).await } else { None };
        return Err(saved.map_or(refusal, |problem| sign_in::page(page, session, problem.status, Some(&problem))));
    }
    parts.extensions.insert(form);
    Ok((Request::from_parts(parts, Body::empty()), caller.next_token()))
}

/// The names under which a door is asked for.
fn hosts(page: &Reception, door: Option<Door>) -> &[String] {
    match door {
        Some(Door::Own) => &page.shared.hosts,
        Some(Door::Lan) => page.lan().map(|lan| lan.hosts.as_slice()).unwrap_or_default(),
        None => &[],
    }
}

/// Lets through what is for everybody, and everything where somebody works. Where a stranger may ask for anything, nobody works.
async fn admit(page: &Reception, session: Session, caller: &Caller, path: &str) -> Result<(), Response> {
    if *caller == Caller::Stranger {
        return Ok(());
    }
    match page.look_at_seat(session).await {
        Seated::Open(_) => {
            if !router::is_of_the_page(path) {
                page.seats().touch(session.id, page.uptime());
            }
            Ok(())
        }
        Seated::Locked(_) | Seated::Nobody if router::is_for_everybody(path) => Ok(()),
        Seated::Locked(_) | Seated::Nobody => Err(sign_in::first(page, session)),
    }
}

/// Exactly one `Host`, and it is one of ours. A foreign name that leads to this machine (DNS rebinding) looks like our own page in every other
/// respect.
pub(super) fn is_for_us(ours: &[String], request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => ours.iter().any(|ours| ours.as_bytes() == host.as_bytes()),
        _ => false,
    };
    let in_target = request.uri().authority().is_none_or(|authority| ours.iter().any(|ours| ours == authority.as_str()));
    named && in_target
}

/// What the browser says about who asks: our page, or a person who typed the address.
fn is_from_us(door: Door, hosts: &[String], headers: &HeaderMap) -> bool {
    let scheme: &[u8] = match door {
        Door::Own => b"http://",
        Door::Lan => b"https://",
    };
    let ours = |origin: &HeaderValue| {
        let host = origin.as_bytes().strip_prefix(scheme);
        host.is_some_and(|host| hosts.iter().any(|ours| ours.as_bytes() == host))
    };
    let near = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    headers.get_all(header::ORIGIN).iter().all(ours) && headers.get_all("sec-fetch-site").iter().all(near)
}
