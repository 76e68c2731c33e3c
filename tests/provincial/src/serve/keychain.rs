//! The chain of index keys: what each key said of the one that followed it.
//!
//! Promises: the same for every station, for ever. Must never serve a private key: a name is sixteen hex digits or
//! there is nothing.

use axum::{
    Extension,
    extract::{Path, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Peer, Refusal};
use crate::{Error, Province};

/// `GET /v1/feed/keys/{file}`.
pub(super) async fn statement(
    Shared(province): Shared<Province>,
    Extension(peer): Extension<Peer>,
    Path(file): Path<String>,
) -> Result<Response, Refusal> {
    peer.station(&province)?;
    let nothing = || Refusal::new(StatusCode::NOT_FOUND, "not_found", "no key followed this one");
    if !is_statement(&file) {
        return Err(nothing());
    }
    match tokio::fs::read(province.keys().chain().statements().join(&file)).await {
        Ok(bytes) => Ok(([(header::CACHE_CONTROL, "no-cache")], bytes).into_response()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(nothing()),
        Err(error) => Err(Error::from(error).into()),
    }
}

/// Whether a name is `<16 hex digits>.json` or its signature's.
pub(crate) fn is_statement(name: &str) -> bool {
    let id = name.strip_suffix(".minisig").unwrap_or(name).strip_suffix(".json");
    id.is_some_and(|id| id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_are_names() {
        assert!(is_statement("ff4421c056f8b46a.json") && is_statement("ff4421c056f8b46a.json.minisig"));
        for name in ["../index.key", "ff4421c056f8b46a", "FF4421C056F8B46A.json", "ff4421c056f8b46a.minisig", "index.key.json"] {
            assert!(!is_statement(name), "{name}");
        }
    }
}
