//! One way to the province: requests, their answers, and what both cost.
//!
//! Promise: no redirect is followed, no proxy used, every body bounded; time limits are about silence and about progress, so that a slow link that
//! still moves is not cut off and one byte now and then is; every byte of heads and bodies is counted. Never: an identifier in a URL; the server's text
//! in an error.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Client;
use reqwest::Request;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header;
use reqwest::header::HeaderMap;
use tokio::time;
use tokio::time::Instant;
use url::Url;

use super::trust;
use super::trust::Identity;
use crate::upstream::CertificateLife;
use crate::upstream::Distrust;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::JudgedTime;
use crate::upstream::Refusal;
use crate::upstream::province::wire;

/// How long may pass.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream::province) struct Limits {
    /// Until there is a connection, TLS included: a handshake over a full link at 600 ms takes seconds.
    pub connect: Duration,
    /// Longest silence: before an answer begins, and within it.
    pub idle: Duration,
    /// Within this time …
    pub window: Duration,
    /// … this much has to come. A tenth of a thin link's 64 kbit/s is still five times as much.
    pub floor: u64,
}

impl Limits {
    pub(in crate::upstream::province) const USUAL: Self =
        Self { connect: Duration::from_secs(20), idle: Duration::from_secs(30), window: Duration::from_mins(2), floor: 16 << 10 };
}

/// Slowest upload that is waited for, in bytes a second. Bodies go out as one piece, so the wait for the answer is as long as they may take.
const SLOWEST_UPLOAD: u64 = 1 << 10;

/// The way.
#[derive(Clone)]
pub(in crate::upstream::province) struct Connection {
    client: Client,
    limits: Limits,
    judged: JudgedTime,
    life: Option<CertificateLife>,
    meter: Arc<AtomicU64>,
}

impl Connection {
    /// Prepares it; sends nothing. `life` is that of the certificate shown.
    pub(in crate::upstream::province) fn new(
        ca_pem: &str,
        identity: Option<(&Identity<'_>, CertificateLife)>,
        judged: &JudgedTime,
        limits: Limits,
        meter: &Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let tls = trust::config(ca_pem, identity.map(|(shown, _)| shown), judged)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .user_agent(AGENT)
            .build()
            .map_err(|_| Error::Keys("no connection can be prepared"))?;
        let life = identity.map(|(_, life)| life);
        Ok(Self { client, limits, judged: Arc::clone(judged), life, meter: Arc::clone(meter) })
    }

    pub(in crate::upstream::province) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// A message to be sent.
    pub(in crate::upstream::province) fn post(&self, url: Url, message: &impl serde::Serialize) -> Result<RequestBuilder, Error> {
        let body = serde_json::to_vec(message).map_err(|_| Fault::Request)?;
        Ok(self.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body))
    }

    /// A message to be sent packed; `None` where that saves nothing worth having.
    pub(super) fn post_packed(&self, url: Url, message: &impl serde::Serialize) -> Result<Option<RequestBuilder>, Error> {
        let body = serde_json::to_vec(message).map_err(|_| Fault::Request)?;
        if body.len() <= PACKED_ABOVE {
            return Ok(None);
        }
        let packed = zstd::bulk::compress(&body, PACKING).map_err(|_| Fault::Request)?;
        let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "zstd")];
        let request = headers.into_iter().fold(self.client.post(url), |request, (name, value)| request.header(name, value));
        Ok(Some(request.body(packed)))
    }

    /// Asks, and waits for the head of the answer.
    pub(in crate::upstream::province) async fn send(&self, request: RequestBuilder) -> Result<Answer<'_>, Error> {
        let request = request.build().map_err(|_| Error::Keys("the province's address cannot be asked"))?;
        let (cost, body) = request_cost(&request);
        let patience = self.limits.idle + Duration::from_secs(body / SLOWEST_UPLOAD);
        let response = time::timeout(patience, self.client.execute(request)).await;
        if !matches!(&response, Ok(Err(error)) if error.is_connect()) {
            self.count(cost);
        }
        let response = response.map_err(|_| silent())?.map_err(|error| self.failed(error, false))?;
        self.count(head_cost(response.headers()) + STATUS_LINE);
        let progress = Progress { since: Instant::now(), bytes: 0 };
        Ok(Answer { response, connection: self, progress })
    }

    fn count(&self, bytes: u64) {
        self.meter.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Sorts a failure of the link, before or after the other end was `heard`.
    fn failed(&self, error: reqwest::Error, heard: bool) -> Error {
        let connecting = error.is_connect();
        let may_be_refused = !heard && !connecting;
        // Without the address: it is in the configuration, and an address is no place for anything else.
        let source: Box<dyn std::error::Error + Send + Sync> = Box::new(error.without_url());
        let over = self.life.is_some_and(|life| (self.judged)() > life.not_after);
        match trust::distrust(source.as_ref(), connecting) {
            // The other end often only hangs up on a certificate that has ended. Ours has, and it is the likeliest reason; it is no reason not to try,
            // because it may be the clock that is wrong.
            Some(Distrust::Unclear | Distrust::OurCertificateRefused) if over => {
                Error::Untrusted { why: Distrust::OurCertificateExpired, source }
            }
            None if over && may_be_refused => Error::Untrusted { why: Distrust::OurCertificateExpired, source },
            Some(why) => Error::Untrusted { why, source },
            None => Error::Unreachable(source),
        }
    }
}

/// Bodies of so many bytes are not packed.
const PACKED_ABOVE: usize = 1 << 10;
/// A batch is packed in a few milliseconds at this level, on a slow machine too, and little is left to be had above it.
const PACKING: i32 = 9;

const AGENT: &str = concat!("bhyt-agent/", env!("CARGO_PKG_VERSION"));
/// `HTTP/1.1 200 OK`, the line's end, and the one that ends the head.
const STATUS_LINE: u64 = 19;

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn head_cost(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| bytes(name.as_str().len() + value.len() + 4)).sum()
}

/// What a request puts on the link, head and body, and the body alone. Of the head what is written later (host, agent, lengths) is put at what it is
/// here; of chunked answers the lengths of the chunks are left out, and of answers given up what was still under way.
fn request_cost(request: &Request) -> (u64, u64) {
    let url = request.url();
    let line = request.method().as_str().len() + url.path().len() + " HTTP/1.1\r\n".len() + 3;
    let host = "host: :65535\r\n".len() + url.host_str().map_or(0, str::len);
    let always = "accept: */*\r\nuser-agent: \r\ncontent-length: 00000\r\n".len() + AGENT.len();
    let body = request.body().and_then(|body| body.as_bytes()).map_or(0, |body| bytes(body.len()));
    (bytes(line + host + always) + head_cost(request.headers()) + body, body)
}

fn silent() -> Error {
    Error::Unreachable(Box::new(io::Error::from(io::ErrorKind::TimedOut)))
}

/// How much has come lately.
struct Progress {
    since: Instant,
    bytes: u64,
}

/// An answer whose body is still to come.
pub(in crate::upstream::province) struct Answer<'a> {
    response: Response,
    connection: &'a Connection,
    progress: Progress,
}

impl Answer<'_> {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn header(&self, name: header::HeaderName) -> Option<&header::HeaderValue> {
        self.response.headers().get(name)
    }

    /// The next piece of the body. Cancel-safe.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Limits { idle, window, floor, .. } = self.connection.limits;
        let last = self.progress.since + window;
        let until = last.min(Instant::now() + idle);
        let chunk = time::timeout_at(until, self.response.chunk()).await.map_err(|_| silent())?;
        let chunk = chunk.map_err(|error| self.connection.failed(error, true))?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.connection.count(bytes(chunk.len()));
        self.progress.bytes += bytes(chunk.len());
        if self.progress.bytes >= floor {
            self.progress = Progress { since: Instant::now(), bytes: 0 };
        }
        Ok(Some(chunk.into()))
    }

    /// Reads a body of at most `limit` bytes.
    pub(super) async fn bounded(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(Error::Stranger("an answer longer than the protocol allows"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Reads a JSON message, known by one of its keys. A web page in its place is a network's log-in, not a fault of the province.
    pub(super) async fn message(&mut self, limit: usize, key: &str) -> Result<Vec<u8>, Error> {
        let body = self.bounded(limit).await?;
        if wire::is_message(&body, key) {
            Ok(body)
        } else if body.trim_ascii_start().starts_with(b"<") {
            Err(Error::Stranger("a web page"))
        } else {
            Err(Error::Stranger("an answer that is not the protocol's"))
        }
    }

    async fn refusal(&mut self) -> Option<String> {
        let body = self.bounded(wire::MAX_INDEX).await.unwrap_or_default();
        wire::read_refusal(&body)
    }

    /// Sorts an answer that is not 200.
    pub(super) async fn expect_ok(&mut self) -> Result<(), Error> {
        const NOT_OURS: Error = Error::Stranger("a refusal that is not the protocol's");
        let error = match self.status() {
            StatusCode::OK => return Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match self.refusal().await {
                Some(code) => Error::Refused(Refusal::new(&code)),
                None => NOT_OURS,
            },
            StatusCode::BAD_REQUEST => match self.refusal().await.as_deref() {
                Some("malformed") => Fault::Request.into(),
                // The link, not what was said over it.
                Some("too_slow") => silent(),
                Some(_) => Fault::UnknownFormat.into(),
                None => NOT_OURS,
            },
            StatusCode::NOT_FOUND => Error::Gone,
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::Throttled(self.retry_after()),
            // "Network authentication required": the one status that says that the network answers itself.
            StatusCode::NETWORK_AUTHENTICATION_REQUIRED => Error::Stranger("a network that asks for a log-in"),
            status if status.is_server_error() => Error::Failed(status.as_u16()),
            status if status.is_redirection() => Error::Stranger("a redirect"),
            _ => Error::Stranger("an answer that is not the protocol's"),
        };
        Err(error)
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }
}

/// The longest wait we take an order for: longer is a mistake, or somebody who wants to keep a station quiet.
const LONGEST_WAIT: u64 = 24 * 3600;

/// A path below the province's address.
pub(in crate::upstream::province) fn url(base: &Url, path: &[&str]) -> Result<Url, Error> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| Error::Keys("the province's address takes no path"))?.pop_if_empty().extend(path);
    Ok(url)
}
