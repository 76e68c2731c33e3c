//! The feed: an index with its signature, and sealed files by digest.
//!
//! Promises: a station gets its own folder only; the index carries an `ETag` and answers 304; sealed files go on
//! from any byte, and `If-Range` decides whether they may. Must never serve a name that is not an index, a signature or a digest.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;

use super::{Peer, Refusal};
use crate::{Fault, Province, feed::sha256_hex, wire::SEALED_SUFFIX};

/// Time for the first half of a broken file to get out.
const FLUSH_TIME: Duration = Duration::from_millis(100);

/// `GET /v1/feed/{station}/{file}`.
pub(super) async fn file(
    Shared(province): Shared<Province>,
    Extension(peer): Extension<Peer>,
    Path((station, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if peer.station(&province)? != station {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "other_station", "this is another station's feed"));
    }
    if province.faults().is_on(Fault::FeedFails) {
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the feed failed on purpose"));
    }
    let sealed = file.strip_suffix(SEALED_SUFFIX).is_some_and(is_digest);
    if !sealed && file != "index.json" && file != "index.json.minisig" {
        return Err(nothing());
    }
    let bytes = match tokio::fs::read(province.feed_dir(&station).join(&file)).await {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(nothing()),
        Err(error) => return Err(crate::Error::from(error).into()),
    };
    Ok(if sealed { sealed_file(&province, &file, bytes, &headers) } else { small_file(&file, bytes, &headers) })
}

fn nothing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "no such file; take the index again")
}

fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn small_file(name: &str, bytes: Bytes, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", &sha256_hex(&bytes)[..32]);
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().trim_start_matches("W/") == tag || value.trim() == "*");
    if known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let kind = if name == "index.json" { "application/json" } else { "text/plain; charset=utf-8" };
    // `no-cache`: whatever stands between must ask each time.
    let about = [(header::ETAG, tag), (header::CONTENT_TYPE, kind.to_owned()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    (about, bytes).into_response()
}

fn sealed_file(province: &Province, name: &str, mut bytes: Bytes, headers: &HeaderMap) -> Response {
    // The name is the digest, and whatever is served under it is to be those bytes.
    let tag = format!("\"{}\"", name.strip_suffix(SEALED_SUFFIX).unwrap_or(name));
    let whole = bytes.len();
    if province.faults().is_on(Fault::FeedWrongByte) {
        let mut wrong = bytes.to_vec();
        if let Some(byte) = wrong.get_mut(whole / 2) {
            *byte ^= 0x20;
        }
        bytes = Bytes::from(wrong);
    }
    // Strong comparison: a date or a weak tag fits nothing.
    let fits = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let from = headers.get(header::RANGE).filter(|_| fits).and_then(|value| first_byte(value.to_str().ok()?));
    let kind = (header::CONTENT_TYPE, "application/octet-stream".to_owned());
    // A digest names its bytes for ever.
    let caching = (header::CACHE_CONTROL, "private, immutable, max-age=31536000".to_owned());
    let ranges = (header::ACCEPT_RANGES, "bytes".to_owned());
    let tag = (header::ETAG, tag);
    let Some(from) = from else {
        return ([kind, caching, ranges, tag], body(province, bytes)).into_response();
    };
    if from >= whole {
        let mut response = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "the file is not that long").into_response();
        if let Ok(value) = format!("bytes */{whole}").parse() {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        return response;
    }
    let range = (header::CONTENT_RANGE, format!("bytes {from}-{}/{whole}", whole - 1));
    (StatusCode::PARTIAL_CONTENT, [kind, caching, ranges, tag, range], body(province, bytes.slice(from..))).into_response()
}

/// `bytes=N-`; every other form is answered with the whole file, as HTTP allows.
fn first_byte(range: &str) -> Option<usize> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn body(province: &Province, bytes: Bytes) -> Response {
    if !province.faults().is_on(Fault::FeedBreaksOff) {
        return bytes.into_response();
    }
    let length = bytes.len().to_string();
    let half = Some(bytes.slice(..bytes.len() / 2));
    let pause = Box::pin(tokio::time::sleep(FLUSH_TIME));
    ([(header::CONTENT_LENGTH, length)], Body::new(BreakingOff { half, pause })).into_response()
}

/// A body that ends before it should. The pause lets what was sent leave the server's buffers first.
struct BreakingOff {
    half: Option<Bytes>,
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl hyper::body::Body for BreakingOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        std::task::ready!(self.pause.as_mut().poll(context));
        Poll::Ready(Some(Err(io::Error::other("the line broke on purpose"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_ranges_are_understood() {
        assert_eq!(first_byte("bytes=0-"), Some(0));
        assert_eq!(first_byte("bytes=1024-"), Some(1024));
        assert_eq!(first_byte("bytes=0-99"), None);
        assert_eq!(first_byte("bytes=-99"), None);
        assert_eq!(first_byte("items=3-"), None);
    }

    #[test]
    fn only_digests_are_names() {
        assert!(is_digest(&"0f".repeat(32)));
        assert!(!is_digest(&"0F".repeat(32)));
        assert!(!is_digest("../../province.db"));
    }
}
