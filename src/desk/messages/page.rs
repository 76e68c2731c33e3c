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
    /// Over the day's list.
    pub(crate) today: Text,
    /// After the newest visits of the day.
    pub(crate) earlier: Text,
    /// Leads to all of them.
    pub(crate) whole_day: Text,
    /// Leads back to the newest.
    pub(crate) newest_only: Text,
    /// On a page that shows nothing of the station.
    pub(crate) back: Text,
    /// Switches to the other language, and is written in it.
    pub(crate) other_language: Text,
}
