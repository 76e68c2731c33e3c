//! Styles, scripts, the one typeface and the manual's pictures, compiled into the program.
//!
//! Promise: an address holds one content for ever, because its name is made of the content; browsers keep it and never ask again. Never: a file
//! from the disk or from elsewhere.

use core::iter;

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use sha2::Digest;
use sha2::Sha256;

use crate::domain::roster::Sha256Digest;

const STYLE: &str = "text/css; charset=utf-8";

/// In the order in which a page loads them, after the typeface.
const STYLES: &[&str] = &[
    include_str!("assets/style.css"),
    include_str!("assets/day.css"),
    include_str!("assets/seat.css"),
    include_str!("assets/desks.css"),
    include_str!("assets/candidates.css"),
    include_str!("assets/visit.css"),
    include_str!("assets/paper.css"),
    include_str!("assets/sheet.css"),
    include_str!("assets/answer.css"),
    include_str!("assets/help.css"),
];
/// For every page that may be the answer to a form.
const BACK: &str = include_str!("assets/back.js");
const SCRIPTS: &[&str] = &[
    include_str!("assets/common.js"),
    BACK,
    include_str!("assets/page.js"),
    include_str!("assets/answer.js"),
    include_str!("assets/reader.js"),
    include_str!("assets/improve.js"),
    include_str!("assets/follow.js"),
    include_str!("assets/seat.js"),
    include_str!("assets/candidates.js"),
    include_str!("assets/visit.js"),
    include_str!("assets/paper.js"),
    include_str!("assets/countdown.js"),
    include_str!("assets/sound.js"),
    include_str!("assets/help.js"),
];
/// Those of lists and charts, which have nothing to look up with.
const SHEET_SCRIPTS: &[&str] = &[BACK, include_str!("assets/sheet.js"), include_str!("assets/seat.js")];

/// The typeface in two files, each with the letters for which a browser fetches it: Latin, and what only Vietnamese has.
const FONTS: &[(&[u8], &str)] = &[
    (
        include_bytes!("assets/fonts/inter-latin.woff2"),
        "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,\
         U+2212,U+2215,U+FEFF,U+FFFD",
    ),
    (
        include_bytes!("assets/fonts/inter-vietnamese.woff2"),
        "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,U+0303-0304,U+0308-0309,U+0323,U+0329,\
         U+1EA0-1EF9,U+20AB",
    ),
];

/// Those of the manual, and of the way in, from which it is opened too.
const HELP_SCRIPTS: &[&str] = &[BACK, include_str!("assets/help.js"), include_str!("assets/sheet.js")];

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
    content: Bytes,
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
    fn new(content: impl Into<Bytes>, ending: &str, kind: &'static str) -> Self {
        let content = content.into();
        let digest = Sha256Digest(Sha256::digest(&content).into()).to_hex();
        Self { name: format!("{}.{ending}", &digest[..16]), kind, content }
    }

    /// What a style says of a typeface's file. Words are painted at once in a typeface of the machine and change when the file has come.
    fn face(&self, letters: &str) -> String {
        let Self { name, .. } = self;
        format!(
            "@font-face {{ font-family: Inter; font-weight: 100 900; font-display: swap; src: url({name}) format(\"woff2\"); unicode-range: {letters}; }}\n"
        )
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
            contents.iter().map(|content| File::new(*content, ending, kind)).collect()
        };
        let fonts: Vec<_> = FONTS.iter().map(|(content, _)| File::new(*content, "woff2", "font/woff2")).collect();
        let faces: String = fonts.iter().zip(FONTS).map(|(file, (_, letters))| file.face(letters)).collect();
        let faces = File::new(faces, "css", STYLE);
        let styles: Vec<_> = iter::once(faces).chain(named(STYLES, "css", STYLE)).collect();
        let scripts = named(SCRIPTS, "js", "text/javascript; charset=utf-8");
        let sheet_scripts = named(SHEET_SCRIPTS, "js", "text/javascript; charset=utf-8");
        let help_scripts = named(HELP_SCRIPTS, "js", "text/javascript; charset=utf-8");
        let drawn: Vec<_> = PICTURES.iter().map(|(_, content)| File::new(*content, "png", "image/png")).collect();
        let sized = PICTURES.iter().zip(&drawn);
        let pictures = sized.map(|((chapter, content), file)| Picture::new(chapter, file.name.clone(), content)).collect();
        let list = |files: &[File]| files.iter().map(|file| file.name.clone()).collect();
        Self {
            styles: list(&styles),
            scripts: list(&scripts),
            sheet_scripts: list(&sheet_scripts),
            help_scripts: list(&help_scripts),
            pictures,
            files: [styles, scripts, sheet_scripts, help_scripts, fonts, drawn].into_iter().flatten().collect(),
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
        Some((headers, file.content.clone()).into_response())
    }
}
