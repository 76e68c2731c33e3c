//! What is said while an answer takes its time.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("asking.vi.toml"), include_str!("asking.en.toml")];

/// The messages of `asking.vi.toml` and `asking.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asking {
    /// Somebody is looked up.
    pub(crate) looking_up: Text,
    /// A visit is saved.
    pub(crate) saving: Text,
    /// What was pressed was not answered, and is not sent again.
    pub(crate) unanswered: Text,
    /// The same where the page asks again by itself.
    pub(crate) lost: Text,
    /// The same where the line holds and no answer comes.
    pub(crate) late: Text,
    /// What was scanned meanwhile.
    pub(crate) kept: Text,
    /// The same where another page has come in the place of the one that kept it.
    pub(crate) dropped: Text,
    /// What a reader wrote into another field.
    pub(crate) moved: Text,
}
