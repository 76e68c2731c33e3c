//! A set of rule tables as one signed file, so that a new decree needs no new program.
//!
//! A minisign signature, and behind it the JSON text that was signed: `minisign -S -m rules.json && cat rules.json.minisig rules.json`. Whoever may sign
//! stands in the station's configuration (`rules-keys`), and nobody else may: neither the province, whose key is for people, nor who holds the stick.
//!
//! Promise: a file is looked through whole (signature first, then form, names, every table, every reference) before a row of it is used; a refusal says
//! which of these it was. Never: a name out of the file that leads to a path; a file without a bound.

use core::fmt;
use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use minisign_verify::Error as Minisign;
use minisign_verify::PublicKey;
use minisign_verify::Signature;
use serde::Deserialize;
use serde::Serialize;

use super::BUILTIN;
use super::RulesError;
use super::SUPPORT;
use super::read_set;
use super::support_files;
use crate::domain::facility::ProvinceCode;
use crate::domain::rules::RuleTables;
use crate::domain::rules::RulesOrigin;

/// Longest file taken: ten times what the program carries.
pub const LONGEST: u64 = 1 << 20;

/// FROZEN: says that the text is one of ours, whatever else the key signs.
const KIND: &str = "bhyt-rules";

/// FROZEN: the one form there is.
const FORM: u32 = 1;

/// Lines of a signature.
const SIGNATURE_LINES: usize = 4;

/// Who may sign rules: a minisign public key, as its second line.
#[derive(Clone)]
pub struct RulesKey {
    key: PublicKey,
    text: Box<str>,
}

impl RulesKey {
    /// Reads the base64 line of a `.pub` file.
    pub fn parse(text: &str) -> Option<Self> {
        let key = PublicKey::from_base64(text).ok()?;
        Some(Self { key, text: text.into() })
    }
}

impl fmt::Debug for RulesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RulesKey({})", self.text)
    }
}

impl PartialEq for RulesKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RulesKey {}

/// Which of two sets is the newer one: the day the law was last checked, and a count (`2026-10-06.3`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulesVersion {
    day: NaiveDate,
    count: u32,
}

impl RulesVersion {
    /// Reads the form in which it is printed, and no other: one version has one name.
    pub fn parse(text: &str) -> Option<Self> {
        let (day, count) = text.split_once('.')?;
        let version = Self { day: NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?, count: count.parse().ok()? };
        (version.to_string() == text).then_some(version)
    }

    /// The day the law was last checked.
    pub fn day(self) -> NaiveDate {
        self.day
    }
}

impl fmt::Display for RulesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.day, self.count)
    }
}

/// The text that is signed. FROZEN.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    kind: String,
    form: u32,
    version: String,
    valid_from: NaiveDate,
    made_at: DateTime<Utc>,
    files: BTreeMap<String, String>,
}

/// A set out of a file that was found good.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Which.
    pub version: RulesVersion,
    /// From which day on it may be used.
    pub valid_from: NaiveDate,
    /// The set.
    pub tables: RuleTables,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Longer than any set is.
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    /// There is no signature before the text: another file, or one that was cut off.
    #[error("it does not begin with a signature")]
    NoSignature,
    /// Nobody may sign rules for this station.
    #[error("no key is set in rules-keys")]
    NoKeys,
    /// Signed by somebody, but by nobody who may.
    #[error("signed by a key that is not in rules-keys")]
    Stranger,
    /// Altered or cut off after it was signed.
    #[error("the signature does not fit the text")]
    Altered,
    /// Signed, and not what is expected.
    #[error("not a set of rules this program can read: {0}")]
    Form(String),
    /// The tables themselves.
    #[error(transparent)]
    Tables(#[from] RulesError),
}

impl Bundle {
    /// Looks a whole file through.
    pub fn open(file: &[u8], keys: &[RulesKey]) -> Result<Self, BundleError> {
        if u64::try_from(file.len()).unwrap_or(u64::MAX) > LONGEST {
            return Err(BundleError::TooLong);
        }
        if keys.is_empty() {
            return Err(BundleError::NoKeys);
        }
        let (signature, text) = parts(file).ok_or(BundleError::NoSignature)?;
        let signature = str::from_utf8(signature).ok().and_then(|lines| Signature::decode(lines).ok()).ok_or(BundleError::NoSignature)?;
        verify(text, &signature, keys)?;
        let text: Text = serde_json::from_slice(text).map_err(|error| BundleError::Form(error.to_string()))?;
        text.into_bundle()
    }

    /// The text of a folder's set, ready to be signed: what a publisher makes. The set is looked through as a station would.
    pub fn text_of(folder: &Path, valid_from: NaiveDate, made_at: DateTime<Utc>) -> Result<String, BundleError> {
        let supports = support_files(folder).map_err(BundleError::Form)?;
        let names = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).filter(|name| !name.starts_with(SUPPORT)).chain(supports);
        let mut files = BTreeMap::new();
        for name in names {
            let read = std::fs::read_to_string(folder.join(&name)).map_err(|error| BundleError::Form(format!("{name}: {error}")))?;
            files.insert(name, read);
        }
        let tables = tables(&files)?;
        let text = Text { kind: KIND.to_owned(), form: FORM, version: tables.version.into(), valid_from, made_at, files };
        let json = serde_json::to_string_pretty(&text).map_err(|error| BundleError::Form(error.to_string()))?;
        text.into_bundle().map(|_| json + "\n")
    }
}

/// Signature and text.
fn parts(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).nth(SIGNATURE_LINES - 1).and_then(|at| file.split_at_checked(at))
}

/// Whether two files hold the same text, whoever signed it and when.
pub(super) fn say_the_same(one: &[u8], other: &[u8]) -> bool {
    parts(one).zip(parts(other)).is_some_and(|((_, one), (_, other))| one == other)
}

fn verify(text: &[u8], signature: &Signature, keys: &[RulesKey]) -> Result<(), BundleError> {
    let mut refused = BundleError::Stranger;
    for known in keys {
        match known.key.verify(text, signature, false) {
            Ok(()) => return Ok(()),
            Err(Minisign::UnexpectedKeyId) => {}
            Err(_) => refused = BundleError::Altered,
        }
    }
    Err(refused)
}

fn tables(files: &BTreeMap<String, String>) -> Result<RuleTables, RulesError> {
    let supports = files.keys().filter(|name| name.starts_with(SUPPORT)).cloned().collect();
    read_set(Ok(supports), |name| files.get(name).cloned().ok_or_else(|| "missing".to_owned()))
}

/// Whether a set may hold a file of this name.
fn is_known(name: &str) -> bool {
    let province = name.strip_prefix(SUPPORT).and_then(|rest| rest.strip_prefix('/')).and_then(|rest| rest.strip_suffix(".toml"));
    province.map_or_else(|| BUILTIN.iter().any(|(known, _)| *known == name), |code| ProvinceCode::parse(code).is_ok())
}

impl Text {
    fn into_bundle(self) -> Result<Bundle, BundleError> {
        let form = |said: String| Err(BundleError::Form(said));
        if self.kind != KIND || self.form != FORM {
            return form(format!("kind {:?}, form {}", self.kind, self.form));
        }
        let Some(version) = RulesVersion::parse(&self.version) else { return form(format!("version {:?}", self.version)) };
        if let Some(stranger) = self.files.keys().find(|name| !is_known(name)) {
            return form(format!("a file {stranger:?}"));
        }
        let tables = tables(&self.files)?;
        if *tables.version != *self.version {
            return form(format!("version {:?} outside, {:?} inside", self.version, tables.version));
        }
        let (valid_from, made_at) = (self.valid_from, self.made_at);
        let origin = RulesOrigin::Installed { valid_from, made_at };
        Ok(Bundle { version, valid_from, tables: RuleTables { origin, ..tables } })
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
pub(crate) mod tests;
