//! The server: accept loop, TLS, and which certificate may do what.
//!
//! Promises: a client certificate is optional for TLS and required by every route but enrolment and renewal; a slow or silent
//! client holds one task, never the loop; [`Serving::stopped`] returns when every connection is done. Must never
//! answer a refusal without the error body of the README.

use std::{convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State as Shared},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::{body::Body as _, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{
    Error, Fault, Province,
    keys::key_sha256,
    wire::{ErrorBody, ErrorDetail, FORMAT},
};

mod contact;
mod counting;
mod enrol;
mod files;
pub(crate) mod intake;
pub(crate) mod keychain;
mod lookup;
mod packing;
mod rechecks;
mod renew;

pub(crate) use counting::Counts;
pub use intake::Arrival;

/// Time for a handshake, and for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Time for the body of a request: a batch of a megabyte at 64 kbit/s.
const BODY_TIME: Duration = Duration::from_secs(150);

/// A running server.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Waits until the server has stopped and every connection is closed.
    pub async fn stopped(self) {
        // A panic of the loop has been reported by the runtime; there is nothing to add.
        let _ = self.task.await;
    }
}

/// Serves a province until `stop`.
pub async fn start(province: Province, listener: std::net::TcpListener, stop: CancellationToken) -> Result<Serving, Error> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let addr = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(Arc::new(province.keys().server_config()?));
    let counts = province.counts();
    let router = router(province);
    let task = tokio::spawn(async move {
        let connections = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                // Out of file descriptors, or the client went away: take a breath and go on.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            connections.spawn(connection(stream, acceptor.clone(), router.clone(), counts.clone(), stop.clone()));
        }
        connections.close();
        connections.wait().await;
    });
    Ok(Serving { addr, task })
}

/// One answer of the same routes without a connection, as to the holder of the certificate last issued to `station`.
pub(crate) async fn answer(province: Province, station: Option<&str>, request: Request<Bytes>) -> Response<Bytes> {
    let peer = station.map_or_else(Peer::default, |station| Peer::of_station(&province, station));
    let handlers = TowerToHyperService::new(router(province).layer(axum::Extension(peer)));
    let (mut head, mut body) = handlers.call(request.map(Body::from)).await.unwrap_or_else(|never: Infallible| match never {}).into_parts();
    let mut whole = Vec::new();
    loop {
        match poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            None => break,
            Some(Ok(frame)) => whole.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Some(Err(_)) => {
                head.extensions.insert(BreakConnection);
                break;
            }
        }
    }
    Response::from_parts(head, whole.into())
}

fn router(province: Province) -> Router {
    Router::new()
        .route("/v1/enrol", post(enrol::enrol))
        .route("/v1/feed/keys/{file}", get(keychain::statement))
        .route("/v1/feed/{station}/{file}", get(files::file))
        .route("/v1/visits", post(intake::visits))
        .route("/v1/contact", post(contact::contact))
        .route("/v1/renew", post(renew::renew))
        .route("/v1/lookup", post(lookup::look_up))
        .route("/v1/rechecks", post(rechecks::rechecks))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(province.clone(), trouble))
        .with_state(province)
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

/// Faults that befall every request.
async fn trouble(Shared(province): Shared<Province>, request: Request, next: Next) -> Response {
    if let Some(delay) = province.faults().delay() {
        tokio::time::sleep(delay).await;
    }
    if province.faults().is_on(Fault::CaptivePortal) {
        let page = "<!doctype html><title>Wi-Fi</title><form><input name=room><button>Sign in</button></form>";
        return ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    }
    next.run(request).await
}

/// Whose certificate the connection showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    station: Option<String>,
    key_sha256: Option<String>,
}

impl Peer {
    fn of(certificate: Option<&[u8]>) -> Self {
        let Some(der) = certificate else { return Self::default() };
        let station = X509Certificate::from_der(der)
            .ok()
            .and_then(|(_, certificate)| certificate.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned));
        Self { station, key_sha256: key_sha256(der) }
    }

    /// The peer that shows the certificate last issued to a station.
    fn of_station(province: &Province, station: &str) -> Self {
        let key_sha256 = province.ledger().station(station).ok().and_then(|known| known.key_sha256);
        Self { station: Some(station.to_owned()), key_sha256 }
    }

    /// The station of this connection, if its certificate carries the key last certified for it.
    pub(crate) fn station(&self, province: &Province) -> Result<&str, Refusal> {
        let Some(station) = self.station.as_deref() else {
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "no_certificate", "show the station's certificate"));
        };
        let known = province.ledger().station(station);
        match known {
            Ok(known) if known.key_sha256.is_some() && known.key_sha256 == self.key_sha256 => Ok(station),
            Ok(_) | Err(Error::NoStation(_)) => {
                let word = province.ledger().ended_word(station, self.key_sha256.as_deref().unwrap_or_default())?;
                Err(Refusal::new(StatusCode::FORBIDDEN, word, "this certificate is not the one in force"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A refusal with the body of the README.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u32>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(crate) fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<Error> for Refusal {
    fn from(_: Error) -> Self {
        // The error itself may name files; the line gets the fact only.
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the province failed; send the same again")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: ErrorDetail { code: self.code.to_owned(), message: self.message } };
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Reads a body of limited size in limited time.
pub(crate) async fn read_body(body: Body, most: usize) -> Result<axum::body::Bytes, Refusal> {
    match timeout(BODY_TIME, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is too large")),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "too_slow", "the request took too long")),
    }
}

/// Reads a message of this protocol.
pub(crate) async fn read_message<T: DeserializeOwned>(body: Body, most: usize) -> Result<T, Refusal> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let bytes = read_body(body, most).await?;
    let malformed = |_| Refusal::new(StatusCode::BAD_REQUEST, "malformed", "a key is missing or not as agreed");
    // The format first: another one may have other keys.
    let Format { format } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if format != FORMAT {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "unknown_format", "this server speaks format 1"));
    }
    serde_json::from_slice(&bytes).map_err(malformed)
}

/// A message must name the station whose certificate was shown.
pub(crate) fn same_station(named: &str, shown: &str) -> Result<(), Refusal> {
    if named == shown {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "other_station", "the message names another station"))
}

/// Does what waits for the disk off the event loop.
pub(crate) async fn blocking<T: Send + 'static>(
    province: Province,
    work: impl FnOnce(&Province) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(move || work(&province)).await.map_err(|_| Refusal::from(Error::Unreadable("a request stopped".into())))?
}

/// The answer that never comes.
pub(crate) fn broken() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(BreakConnection);
    response
}

/// Marks a response that is not to be sent, or not to its end: the connection breaks instead.
#[derive(Clone, Copy, Debug)]
pub struct BreakConnection;

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, router: Router, counts: Counts, stop: CancellationToken) {
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(HEAD_TIME, acceptor.accept(stream)).await else { return };
    let peer = Peer::of(stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(AsRef::as_ref));
    let handlers = TowerToHyperService::new(router.layer(axum::Extension(peer)));
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answer = handlers.call(request.map(Body::new));
        async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            if response.extensions().get::<BreakConnection>().is_some() {
                return Err(io::Error::other("the connection was to break here"));
            }
            Ok(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(counts.of(stream)), service);
    tokio::pin!(connection);
    // How a connection ended is the client's business: it has its answer or it asks again.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
