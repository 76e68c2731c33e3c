//! Styles, scripts and the manual's pictures, compiled into the program.
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
    include_str!("assets/help.css"),
];
const SCRIPTS: &[&str] = &[
    include_str!("assets/page.js"),
    include_str!("assets/seat.js"),
    include_str!("assets/candidates.js"),
    include_str!("assets/visit.js"),
    include_str!("assets/paper.js"),
    include_str!("assets/countdown.js"),
    include_str!("assets/help.js"),
];
/// Those of lists and charts, which have nothing to look up with.
const SHEET_SCRIPTS: &[&str] = &[include_str!("assets/sheet.js"), include_str!("assets/seat.js")];

/// Those of the manual, and of the way in, from which it is opened too.
const HELP_SCRIPTS: &[&str] = &[include_str!("assets/help.js"), include_str!("assets/sheet.js")];

/// The picture of a chapter of the manual.
macro_rules! picture {
    ($chapter:literal) => {
        ($chapter, include_bytes!(concat!("assets/help/", $chapter, ".png")))
    };
}

/// Made by the tests, of made-up people.
const PICTURES: &[(&str, &[u8])] = &[
    picture!("sign-in"),
    picture!("scan"),
    picture!("colours"),
    picture!("save"),
    picture!("choices"),
    picture!("differs"),
    picture!("by-name"),
    picture!("child"),
    picture!("link-down"),
    picture!("messages"),
    picture!("correct"),
    picture!("paper"),
    picture!("end-of-day"),
    picture!("locked-out"),
    picture!("keys"),
    picture!("whom-to-call"),
];

/// A file and the name under which it is asked for.
struct File {
    name: String,
    kind: &'static str,
    content: &'static [u8],
}

/// A picture, and how large it is, so that nothing moves when it comes.
pub(super) struct Picture {
    chapter: &'static str,
    pub(super) name: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Picture {
    /// The first part of a PNG says how large it is.
    fn new(chapter: &'static str, name: String, content: &[u8]) -> Self {
        let side = |at: usize| content.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        Self { chapter, name, width: side(16), height: side(20) }
    }
}

impl File {
    fn new(content: &'static [u8], ending: &str, kind: &'static str) -> Self {
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
    /// Names of those of the manual.
    pub(super) help_scripts: Vec<String>,
    pictures: Vec<Picture>,
}

impl Assets {
    pub(super) fn new() -> Self {
        let named = |contents: &[&'static str], ending, kind| -> Vec<_> {
            contents.iter().map(|content| File::new(content.as_bytes(), ending, kind)).collect()
        };
        let styles = named(STYLES, "css", "text/css; charset=utf-8");
        let scripts = named(SCRIPTS, "js", "text/javascript; charset=utf-8");
        let sheet_scripts = named(SHEET_SCRIPTS, "js", "text/javascript; charset=utf-8");
        let help_scripts = named(HELP_SCRIPTS, "js", "text/javascript; charset=utf-8");
        let drawn: Vec<_> = PICTURES.iter().map(|(_, content)| File::new(content, "png", "image/png")).collect();
        let sized = PICTURES.iter().zip(&drawn);
        let pictures = sized.map(|((chapter, content), file)| Picture::new(chapter, file.name.clone(), content)).collect();
        let list = |files: &[File]| files.iter().map(|file| file.name.clone()).collect();
        Self {
            styles: list(&styles),
            scripts: list(&scripts),
            sheet_scripts: list(&sheet_scripts),
            help_scripts: list(&help_scripts),
            pictures,
            files: styles.into_iter().chain(scripts).chain(sheet_scripts).chain(help_scripts).chain(drawn).collect(),
        }
    }

    /// The picture of a chapter.
    pub(super) fn picture(&self, chapter: &str) -> Option<&Picture> {
        self.pictures.iter().find(|picture| picture.chapter == chapter)
    }

    /// The file of a name.
    pub(super) fn find(&self, name: &str) -> Option<Response> {
        let file = self.files.iter().find(|file| file.name == name)?;
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(file.kind)), (header::CACHE_CONTROL, keep)];
        Some((headers, file.content).into_response())
    }
}
