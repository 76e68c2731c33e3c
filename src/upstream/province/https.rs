//! The province over HTTPS with a client certificate.
//!
//! Promise: only the province's own CA is trusted, no redirect is followed, no proxy used, every body bounded; time limits are idle ones, so that
//! a slow link that still moves is not cut off. Never: an identifier in a URL; the server's text in an error.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use age::x25519;
use minisign_verify::PublicKey;
use reqwest::Certificate;
use reqwest::Client;
use reqwest::ClientBuilder;
use reqwest::Identity;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header;
use sha2::Digest;
use sha2::Sha256;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::feed;
use super::wire;
use crate::domain::facility::FacilityCode;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::ProvincialServer;
use crate::upstream::Refusal;

const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence within an answer.
const IDLE: Duration = Duration::from_secs(30);

/// Everything that makes us this station to the province. Texts as they stand in the key files.
pub struct Credentials {
    /// Certificate of the province's CA, PEM.
    pub ca_pem: String,
    /// Client certificate, PEM.
    pub certificate_pem: String,
    /// Its key, PEM.
    pub key_pem: Zeroizing<String>,
    /// The feed's age identity.
    pub feed_key: Zeroizing<String>,
    /// Base64 line of the index's public key.
    pub index_public_key: String,
}

/// The connection.
pub struct HttpsProvince {
    client: Client,
    base: Url,
    station: FacilityCode,
    index_key: PublicKey,
    feed_key: x25519::Identity,
    last_index: Mutex<Option<(header::HeaderValue, Index)>>,
}

/// A client that trusts one CA and nothing else.
pub(super) fn builder(ca_pem: &str) -> Result<ClientBuilder, Error> {
    let ca = Certificate::from_pem(ca_pem.as_bytes()).map_err(|_| Error::Keys("the CA certificate is not PEM"))?;
    Ok(Client::builder()
        .tls_certs_only([ca])
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(IDLE)
        .user_agent(concat!("bhyt-agent/", env!("CARGO_PKG_VERSION"))))
}

impl HttpsProvince {
    /// Prepares the connection; sends nothing.
    pub fn new(base: Url, station: FacilityCode, credentials: &Credentials) -> Result<Self, Error> {
        let pem = Zeroizing::new(format!("{}\n{}", credentials.certificate_pem, credentials.key_pem.as_str()));
        let identity = Identity::from_pem(pem.as_bytes()).map_err(|_| Error::Keys("certificate or key is not PEM"))?;
        let client = builder(&credentials.ca_pem)?.identity(identity).build().map_err(|_| Error::Keys("certificate and key do not fit"))?;
        let index_key = PublicKey::from_base64(credentials.index_public_key.trim())
            .map_err(|_| Error::Keys("the index's public key is not a minisign key"))?;
        let feed_key = credentials.feed_key.trim().parse().map_err(|_| Error::Keys("the feed key is not an age identity"))?;
        Ok(Self { client, base, station, index_key, feed_key, last_index: Mutex::new(None) })
    }

    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        url(&self.base, path)
    }

    /// One reading of index and signature. `None`: nothing new since the last verified one.
    async fn read_index(&self, conditional: bool) -> Result<Option<(Option<header::HeaderValue>, Index)>, Error> {
        let known = if conditional { self.last_index().as_ref().map(|(tag, _)| tag.clone()) } else { None };
        let mut request = self.client.get(self.url(&["v1", "feed", self.station.as_str(), "index.json"])?);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() == StatusCode::NOT_MODIFIED && conditional {
            return Ok(None);
        }
        expect_ok(&mut response).await?;
        let tag = response.headers().get(header::ETAG).cloned();
        let bytes = message(&mut response, wire::MAX_INDEX).await?;
        let signature_url = self.url(&["v1", "feed", self.station.as_str(), "index.json.minisig"])?;
        let mut response = self.client.get(signature_url).send().await.map_err(unreachable)?;
        expect_ok(&mut response).await?;
        let signature = bounded(&mut response, wire::MAX_INDEX).await?;
        let signature = String::from_utf8(signature).map_err(|_| Fault::Signature)?;
        let index = feed::verify_index(&bytes, &signature, &self.index_key, self.station.as_str())?;
        Ok(Some((tag, index)))
    }

    fn last_index(&self) -> std::sync::MutexGuard<'_, Option<(header::HeaderValue, Index)>> {
        self.last_index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvincialServer for HttpsProvince {
    async fn index(&self) -> Result<Index, Error> {
        let read = match self.read_index(true).await {
            // The two files are published one after the other: between them a pair does not fit.
            Err(Error::Contract(Fault::Signature)) => self.read_index(false).await?,
            read => read?,
        };
        let mut last = self.last_index();
        match (read, last.as_ref()) {
            (Some((tag, index)), _) => {
                *last = tag.map(|tag| (tag, index.clone()));
                Ok(index)
            }
            (None, Some((_, index))) => Ok(index.clone()),
            (None, None) => Err(Error::Stranger("an answer of 304 to a question that was not conditional")),
        }
    }

    async fn fetch(&self, file: &FeedFile, path: &Path, allowance: u64) -> Result<(), Error> {
        let have = fs::metadata(path).map_or(0, |found| found.len());
        let have = if have > file.bytes { discard(path)? } else { have };
        if have < file.bytes {
            self.download(file, path, have, allowance).await?;
        }
        let (path_owned, expected) = (path.to_owned(), (file.bytes, file.sha256));
        let found = tokio::task::spawn_blocking(move || digest_of(&path_owned)).await.map_err(|e| Error::Disk(e.into()))?;
        if found.map_err(Error::Disk)? == expected {
            Ok(())
        } else {
            discard(path)?;
            Err(Fault::Digest.into())
        }
    }

    fn open(&self, path: &Path) -> Result<FeedLines, Error> {
        Ok(feed::open(path, &self.feed_key, self.station.as_str())?)
    }

    async fn deliver(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        let body = serde_json::to_vec(&wire::VisitsRequest::new(self.station.as_str(), install, visits)).map_err(|_| Fault::Request)?;
        let request = self.client.post(self.url(&["v1", "visits"])?).header(header::CONTENT_TYPE, "application/json").body(body);
        let mut response = request.send().await.map_err(unreachable)?;
        expect_ok(&mut response).await?;
        let bytes = message(&mut response, wire::MAX_ANSWER).await?;
        Ok(wire::read_receipts(&bytes)?)
    }
}

impl HttpsProvince {
    async fn download(&self, file: &FeedFile, path: &Path, have: u64, allowance: u64) -> Result<(), Error> {
        let mut left = allowance;
        let name = format!("{}.jsonl.zst.age", file.sha256.to_hex());
        let mut request = self.client.get(self.url(&["v1", "feed", self.station.as_str(), &name])?);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let resumed = match response.status() {
            StatusCode::PARTIAL_CONTENT if have > 0 => true,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                discard(path)?;
                return Err(Fault::Digest.into());
            }
            _ => {
                expect_ok(&mut response).await?;
                false
            }
        };
        let mut part = fs::OpenOptions::new().create(true).append(true).open(path).map_err(Error::Disk)?;
        if !resumed {
            part.set_len(0).map_err(Error::Disk)?;
        }
        let mut length = if resumed { have } else { 0 };
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            length += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if length > file.bytes {
                discard(path)?;
                return Err(Fault::Digest.into());
            }
            part.write_all(&chunk).map_err(Error::Disk)?;
            left = left.saturating_sub(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if left == 0 && length < file.bytes {
                return Err(Error::AllowanceUsed);
            }
        }
        // A flush may take seconds on a worn card: not on a thread that others wait for.
        tokio::task::spawn_blocking(move || part.sync_all()).await.map_err(|e| Error::Disk(e.into()))?.map_err(Error::Disk)
    }
}

fn discard(path: &Path) -> Result<u64, Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Disk(error)),
        _ => Ok(0),
    }
}

fn digest_of(path: &Path) -> io::Result<(u64, Sha256Digest)> {
    let mut file = fs::File::open(path)?;
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        length += u64::try_from(read).unwrap_or(u64::MAX);
    }
    Ok((length, Sha256Digest(hash.finalize().into())))
}

/// A path below the province's address.
pub(super) fn url(base: &Url, path: &[&str]) -> Result<Url, Error> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| Error::Keys("the province's address takes no path"))?.pop_if_empty().extend(path);
    Ok(url)
}

pub(super) fn unreachable(error: reqwest::Error) -> Error {
    // Without the address: it is in the configuration, and an address is no place for anything else.
    let error = error.without_url();
    if is_about_trust(&error) { Error::Untrusted(Box::new(error)) } else { Error::Unreachable(Box::new(error)) }
}

/// Whether TLS is among the causes. An `io::Error` keeps its own cause beside the chain, and may keep another one.
fn is_about_trust(error: &(dyn std::error::Error + 'static)) -> bool {
    let kept = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || kept.is_some_and(|kept| is_about_trust(kept)) || error.source().is_some_and(is_about_trust)
}

/// Sorts an answer that is not 200.
pub(super) async fn expect_ok(response: &mut Response) -> Result<(), Error> {
    let status = response.status();
    let error = match status {
        StatusCode::OK => return Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let body = bounded(response, wire::MAX_INDEX).await.unwrap_or_default();
            match wire::read_refusal(&body) {
                Some(code) => Error::Refused(Refusal::new(&code)),
                None => Error::Stranger("a refusal that is not the protocol's"),
            }
        }
        StatusCode::BAD_REQUEST => {
            let body = bounded(response, wire::MAX_INDEX).await.unwrap_or_default();
            match wire::read_refusal(&body).as_deref() {
                Some("malformed") => Fault::Request.into(),
                Some(_) => Fault::UnknownFormat.into(),
                None => Error::Stranger("a refusal that is not the protocol's"),
            }
        }
        StatusCode::NOT_FOUND => Error::Gone,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::Throttled(retry_after(response)),
        status if status.is_server_error() => Error::Failed(status.as_u16()),
        status if status.is_redirection() => Error::Stranger("a redirect"),
        _ => Error::Stranger("an answer that is not the protocol's"),
    };
    Err(error)
}

/// The longest wait we take an order for: longer is a mistake, or somebody who wants to keep a station quiet.
const LONGEST_WAIT: u64 = 24 * 3600;

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

/// Reads a JSON message. A web page in its place is a network's log-in, not a fault of the province.
pub(super) async fn message(response: &mut Response, limit: usize) -> Result<Vec<u8>, Error> {
    let body = bounded(response, limit).await?;
    if body.trim_ascii_start().starts_with(b"<") { Err(Error::Stranger("a web page")) } else { Ok(body) }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn bounded(response: &mut Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::Stranger("an answer longer than the protocol allows"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
