//! What stands on every page: names of fields and buttons, and the fixed sentences around the answer.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("page.vi.toml"), include_str!("page.en.toml")];

/// The messages of `page.vi.toml` and `page.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Title of the window.
    pub(crate) title: Text,
    /// Before the one input.
    pub(crate) input: Text,
    /// The button while nothing waits.
    pub(crate) look_up: Text,
    /// The button while a verdict waits to be saved.
    pub(crate) save: Text,
    /// The program on this machine does not answer.
    pub(crate) gone: Text,
    /// On a page that shows nothing of the station.
    pub(crate) back: Text,
    /// Switches to the other language, and is written in it.
    pub(crate) other_language: Text,
    /// Nothing waits, nothing is refused.
    pub(crate) all_sent: Text,
    /// There is no province to send to.
    pub(crate) no_province: Text,
    /// Nothing waits; some were refused.
    pub(crate) nothing_waits: Text,
    /// Visits wait.
    pub(crate) unsent: Text,
    /// The same, and since when.
    pub(crate) unsent_since: Text,
    /// A station without a name.
    pub(crate) facility: Text,
    /// After the most urgent one.
    pub(crate) more_warnings: Text,
    /// A stick is in.
    pub(crate) carry_out: Text,
    /// A stick is in.
    pub(crate) carry_in: Text,
    /// The button while answers are heard.
    pub(crate) sound_on: Text,
    /// The button while they are not.
    pub(crate) sound_off: Text,
}
