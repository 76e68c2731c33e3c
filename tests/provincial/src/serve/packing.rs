//! Packed requests.
//!
//! Promises: what a body unpacks to is bounded before it is read; an encoding that is not spoken is named as such. Must
//! never unpack more than the bound, whatever the body claims.

use std::io::Read as _;

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
};

use super::Refusal;
use crate::Province;

/// The most bytes a packed body unpacks to.
const MOST_UNPACKED: u64 = 4 << 20;
/// The largest window, as a power of two: what unpacking may hold in memory.
const LARGEST_WINDOW: u32 = 22;

/// The body as it was before it was packed.
pub(super) fn unpack(province: &Province, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(body) };
    if encoding != "zstd" || province.faults().is_on(crate::Fault::IntakePlain) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_encoding", "this encoding is not spoken here"));
    }
    let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body cannot be unpacked");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(broken)?;
    decoder.window_log_max(LARGEST_WINDOW).map_err(broken)?;
    let mut unpacked = Vec::new();
    decoder.take(MOST_UNPACKED + 1).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() as u64 > MOST_UNPACKED {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is too large"));
    }
    Ok(unpacked.into())
}
