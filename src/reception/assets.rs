//! Styles and scripts, compiled into the program.
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

/// In the order in which a page loads them.
const STYLES: &[&str] = &[
    include_str!("assets/style.css"),
    include_str!("assets/seat.css"),
    include_str!("assets/desks.css"),
    include_str!("assets/candidates.css"),
    include_str!("assets/visit.css"),
    include_str!("assets/paper.css"),
    include_str!("assets/sheet.css"),
    include_str!("assets/answer.css"),
];
const SCRIPTS: &[&str] = &[
    include_str!("assets/common.js"),
    include_str!("assets/page.js"),
    include_str!("assets/answer.js"),
    include_str!("assets/improve.js"),
    include_str!("assets/follow.js"),
    include_str!("assets/seat.js"),
    include_str!("assets/candidates.js"),
    include_str!("assets/visit.js"),
    include_str!("assets/paper.js"),
    include_str!("assets/countdown.js"),
];
/// Those of lists and charts, which have nothing to look up with.
const SHEET_SCRIPTS: &[&str] = &[include_str!("assets/sheet.js"), include_str!("assets/seat.js")];

/// A file and the name under which it is asked for.
struct File {
    name: String,
    kind: &'static str,
    content: &'static str,
}

impl File {
    fn new(content: &'static str, ending: &str, kind: &'static str) -> Self {
        let digest = Sha256Digest(Sha256::digest(content).into()).to_hex();
        Self { name: format!("{}.{ending}", &digest[..16]), kind, content }
    }
}

/// All of them.
pub(super) struct Assets {
    files: Vec<File>,
    /// Names of the styles.
    pub(super) styles: Vec<String>,
    /// Names of the scripts.
    pub(super) scripts: Vec<String>,
    /// Names of those of lists and charts.
    pub(super) sheet_scripts: Vec<String>,
}

impl Assets {
    pub(super) fn new() -> Self {
        let named = |contents: &[&'static str], ending, kind| -> Vec<_> {
            contents.iter().map(|content| File::new(content, ending, kind)).collect()
        };
        let styles = named(STYLES, "css", "text/css; charset=utf-8");
        let scripts = named(SCRIPTS, "js", "text/javascript; charset=utf-8");
        let sheet_scripts = named(SHEET_SCRIPTS, "js", "text/javascript; charset=utf-8");
        let list = |files: &[File]| files.iter().map(|file| file.name.clone()).collect();
        Self {
            styles: list(&styles),
            scripts: list(&scripts),
            sheet_scripts: list(&sheet_scripts),
            files: styles.into_iter().chain(scripts).chain(sheet_scripts).collect(),
        }
    }

    /// The file of a name.
    pub(super) fn find(&self, name: &str) -> Option<Response> {
        let file = self.files.iter().find(|file| file.name == name)?;
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(file.kind)), (header::CACHE_CONTROL, keep)];
        Some((headers, file.content).into_response())
    }
}
