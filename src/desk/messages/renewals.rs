//! The page of those whose card ends soon or has just ended.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("renewals.vi.toml"), include_str!("renewals.en.toml")];

/// The messages of `renewals.vi.toml` and `renewals.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewals {
    /// Leads there, and stands above it.
    pub(crate) title: Text,
    /// Of when the data are.
    pub(crate) as_of: Text,
    /// There is no roster.
    pub(crate) no_roster: Text,
    /// What the list is and is not.
    pub(crate) about: Text,
    /// Before the choice of how near the end is.
    pub(crate) span: Text,
    /// Whatever.
    pub(crate) all: Text,
    /// At most so many days are left.
    pub(crate) within: Text,
    /// It has passed.
    pub(crate) lapsed: Text,
    /// Before the choice of a hamlet.
    pub(crate) hamlet: Text,
    /// Whatever.
    pub(crate) all_hamlets: Text,
    /// No hamlet is on record.
    pub(crate) no_hamlet: Text,
    /// Shows the choice.
    pub(crate) show: Text,
    /// Makes the page that is printed.
    pub(crate) print: Text,
    /// Makes the file.
    pub(crate) export: Text,
    /// How many there are.
    pub(crate) found: Text,
    /// Nobody.
    pub(crate) nobody: Text,
    /// Which part of the list this is.
    pub(crate) part: Text,
    /// The part before.
    pub(crate) earlier: Text,
    /// The part after.
    pub(crate) later: Text,
    /// Heading: name.
    pub(crate) name: Text,
    /// Heading: birth date.
    pub(crate) born: Text,
    /// Heading: insurance number.
    pub(crate) number: Text,
    /// Heading: last day.
    pub(crate) ends: Text,
    /// Heading: how far that is.
    pub(crate) distance: Text,
    /// So many days are left.
    pub(crate) left: Text,
    /// It is so many days ago.
    pub(crate) since: Text,
    /// Before whatever is pressing.
    pub(crate) pressing: Text,
    /// Heading of an empty column to write into.
    pub(crate) remark: Text,
    /// The list is too long for one print.
    pub(crate) too_long: Text,
    /// What is to be done with a printed list.
    pub(crate) keep_safe: Text,
    /// Who printed it, and when.
    pub(crate) printed: Text,
    /// Prints.
    pub(crate) print_now: Text,
}
