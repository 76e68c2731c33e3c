//! The figures on a door of their own: a loopback address that only the configuration opens.
//!
//! Promise: one address, one method, under the names of this machine only, as bounded as the page; nothing is kept by whoever asks. Never: anything of a
//! person; an answer to a page of another site.

use core::net::SocketAddr;
use core::pin::Pin;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::place::Limits;
use super::place::Phase;
use super::place::Place;
use super::server;

/// A monitoring program asks with one connection; a second one may be an administrator.
const PLACES: Limits = Limits { all: 8, strangers: 8, of_one: 8 };

/// Makes the text, of this kind, at the moment of the question.
#[derive(Clone)]
pub struct Figures {
    /// What it is served as.
    pub content_type: &'static str,
    /// Makes it.
    pub make: Arc<dyn Fn() -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync>,
}

#[derive(Clone)]
struct Door {
    hosts: Arc<[String]>,
    figures: Figures,
}

/// Answers until stopped. An error means that no more connections can be accepted.
pub async fn serve_metrics(listener: TcpListener, figures: Figures, stop: CancellationToken) -> io::Result<()> {
    let door = Door { hosts: hosts(listener.local_addr()?).into(), figures };
    let router = Router::new().fallback(answer).with_state(door);
    server::listen(listener, router, PLACES, None, stop).await
}

fn hosts(address: SocketAddr) -> Vec<String> {
    ["localhost".to_owned(), "127.0.0.1".to_owned()]
        .into_iter()
        .map(|name| format!("{name}:{}", address.port()))
        .chain([address.to_string()])
        .collect()
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let status = refusal(&door.hosts, request.method(), request.uri().path(), request.headers());
    let mut response = match (status, place) {
        (Some(status), _) => status.into_response(),
        (None, Some(place)) => {
            place.is(Phase::Served);
            let text = (door.figures.make)().await;
            place.is(Phase::Answered);
            ([(header::CONTENT_TYPE, HeaderValue::from_static(door.figures.content_type))], text).into_response()
        }
        (None, None) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// A browser says where a request comes from; no monitoring program does.
fn refusal(hosts: &[String], method: &Method, path: &str, headers: &HeaderMap) -> Option<StatusCode> {
    let mut named = headers.get_all(header::HOST).iter();
    let is_for_us = match (named.next(), named.next()) {
        (Some(host), None) => hosts.iter().any(|ours| ours.as_bytes() == host.as_bytes()),
        _ => false,
    };
    if !is_for_us {
        Some(StatusCode::MISDIRECTED_REQUEST)
    } else if headers.contains_key(header::ORIGIN) {
        Some(StatusCode::FORBIDDEN)
    } else if path != "/metrics" {
        Some(StatusCode::NOT_FOUND)
    } else if *method != Method::GET {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else {
        None
    }
}
