//! Style and script, compiled into the program.
//!
//! Promise: an address holds one content for ever, because its name is made of the content; browsers keep it and never ask again. Never: a file
//! from the disk or from elsewhere.

use axum::http::HeaderValue;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use sha2::Digest;
use sha2::Sha256;

use crate::domain::roster::Sha256Digest;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// The names under which the two are asked for.
pub(super) struct Assets {
    pub(super) style: String,
    pub(super) script: String,
}

impl Assets {
    pub(super) fn new() -> Self {
        let named = |content: &str, kind: &str| {
            let digest = Sha256Digest(Sha256::digest(content).into()).to_hex();
            format!("{}.{kind}", &digest[..16])
        };
        Self { style: named(STYLE, "css"), script: named(SCRIPT, "js") }
    }

    /// The file of a name.
    pub(super) fn find(&self, name: &str) -> Option<Response> {
        let (content, kind) = if name == self.style {
            (STYLE, "text/css; charset=utf-8")
        } else if name == self.script {
            (SCRIPT, "text/javascript; charset=utf-8")
        } else {
            return None;
        };
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, keep)];
        Some((headers, content).into_response())
    }
}
