//! Letting other desks in: what the head sees on this machine, and what a desk sees that is not let in yet.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("desks.vi.toml"), include_str!("desks.en.toml")];

/// The messages of `desks.vi.toml` and `desks.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desks {
    /// Heading, and the link to the page.
    pub(crate) title: Text,
    /// The configuration opens no door to the house's network.
    pub(crate) closed: Text,
    /// The button that opens a code.
    pub(crate) add: Text,
    /// The way for whoever stands at the other desk, step by step.
    pub(crate) step_open: Text,
    /// Before the fingerprint.
    pub(crate) step_compare: Text,
    /// Before the code.
    pub(crate) step_type: Text,
    /// How long the code is good.
    pub(crate) code_lasts: Text,
    /// The button that takes the code back.
    pub(crate) take_back: Text,
    /// Over the list.
    pub(crate) list: Text,
    /// Nothing is in it.
    pub(crate) none: Text,
    /// Heads of its columns.
    pub(crate) name: Text,
    pub(crate) paired: Text,
    pub(crate) seen: Text,
    /// What is in the column of when it was let in.
    pub(crate) paired_by: Text,
    /// The button that sends a desk away.
    pub(crate) revoke: Text,
    /// It was sent away.
    pub(crate) revoked: Text,
    /// A copy of it was used.
    pub(crate) copied: Text,
    /// The bar about that.
    pub(crate) copied_warning: Text,
    /// The button of whoever has seen it.
    pub(crate) settle: Text,
    /// What an unpaired desk is told.
    pub(crate) stranger: Text,
    pub(crate) stranger_certificate: Text,
    pub(crate) stranger_compare: Text,
    pub(crate) get_certificate: Text,
    /// Its two fields and its button.
    pub(crate) type_code: Text,
    pub(crate) type_name: Text,
    pub(crate) pair: Text,
    /// Why it is not let in.
    pub(crate) unreadable_code: Text,
    pub(crate) unreadable_name: Text,
    pub(crate) wrong: Text,
    pub(crate) wrong_last: Text,
    pub(crate) too_soon: Text,
    pub(crate) no_code: Text,
    pub(crate) not_kept: Text,
    /// There is no paired desk of a number.
    pub(crate) no_desk: Text,
}
