//! The last index, kept over a restart, so that the first question after one costs no more than any other.
//!
//! Promise: what is read is verified again as if it had just come, and where anything about it is wrong there is nothing; a file that cannot be written
//! costs a kilobyte at the next start. Never: a flush; a file that anything else depends on.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::Serialize;

use super::index::LastIndex;
use super::index::Pair;
use crate::upstream::province::feed;
use crate::upstream::province::keychain::IndexKey;
use crate::upstream::province::wire;

/// Index and signature as they came, and the tag they came with.
#[derive(Deserialize, Serialize)]
struct Kept {
    tag: String,
    index: String,
    signature: String,
}

/// Twice the bounds of what was read from the link, for what JSON makes of line ends.
const LONGEST: u64 = 4 * wire::MAX_INDEX as u64;

/// What is remembered, if it still holds.
pub(super) fn read(path: &Path, key: &IndexKey, station: &str) -> LastIndex {
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    let index = feed::verify_index(kept.index.as_bytes(), &kept.signature, key, station).ok()?;
    Some((HeaderValue::from_str(&kept.tag).ok()?, index))
}

/// Remembers a pair that was verified. Blocks for as long as a small file takes.
pub(super) fn write(path: &Path, pair: &Pair) {
    if let Err(error) = try_write(path, pair) {
        tracing::debug!(%error, "the index is not remembered over a restart");
    }
}

fn try_write(path: &Path, pair: &Pair) -> io::Result<()> {
    let Some(tag) = pair.tag.as_ref().and_then(|tag| tag.to_str().ok()) else { return Ok(()) };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let kept = Kept { tag: tag.to_owned(), index: text(&pair.index), signature: pair.signature.clone() };
    let beside = path.with_extension("new");
    fs::write(&beside, serde_json::to_vec(&kept)?)?;
    fs::rename(beside, path)
}
