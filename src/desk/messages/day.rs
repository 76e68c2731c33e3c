//! How far the visits of the day are, and what to know before the computer is switched off.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("day.vi.toml"), include_str!("day.en.toml")];

/// The messages of `day.vi.toml` and `day.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Day {
    /// Above it.
    pub(crate) title: Text,
    /// The visits of the day by how far they are.
    pub(crate) counts: Text,
    /// Nothing of any day waits.
    pub(crate) all_sent: Text,
    /// So many wait, all of the day.
    pub(crate) unsent: Text,
    /// So many of all days wait, some of earlier ones.
    pub(crate) unsent_before: Text,
    /// So many of the day were taken back.
    pub(crate) voided: Text,
    /// So many of all days were refused.
    pub(crate) parked: Text,
    /// The province's last proof of the day.
    pub(crate) receipt: Text,
    /// There is none.
    pub(crate) no_receipt: Text,
    /// Nothing is lost by switching off, with nothing waiting.
    pub(crate) safe: Text,
    /// The same, and what waits goes later.
    pub(crate) safe_and_goes_later: Text,
}
