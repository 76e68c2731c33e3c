//! The page of how many people on the roster have a card in force.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("coverage.vi.toml"), include_str!("coverage.en.toml")];

/// The messages of `coverage.vi.toml` and `coverage.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coverage {
    /// Leads there, and stands above it.
    pub(crate) title: Text,
    /// What the share is of, and is not of.
    pub(crate) about: Text,
    /// Of when the data are.
    pub(crate) as_of: Text,
    /// There is no roster.
    pub(crate) no_roster: Text,
    /// Today, in one sentence.
    pub(crate) today: Text,
    /// The target is reached.
    pub(crate) reached: Text,
    /// It is not: how many people more it takes.
    pub(crate) missing: Text,
    /// Name of the chart.
    pub(crate) chart: Text,
    /// The chart in one sentence, for who does not see it.
    pub(crate) chart_in_words: Text,
    /// At the line of the target.
    pub(crate) target: Text,
    /// The first count is of today: there is nothing to draw yet.
    pub(crate) no_history: Text,
    /// Above the same as a table.
    pub(crate) as_table: Text,
    /// Heading: day.
    pub(crate) day: Text,
    /// Heading: people.
    pub(crate) people: Text,
    /// Heading: in force.
    pub(crate) in_force: Text,
    /// Heading: share.
    pub(crate) share: Text,
    /// Heading: ends soon.
    pub(crate) ending: Text,
    /// Heading: ended.
    pub(crate) expired: Text,
    /// Above the table by hamlet.
    pub(crate) by_hamlet: Text,
    /// Heading: hamlet.
    pub(crate) hamlet: Text,
    /// No hamlet is on record.
    pub(crate) no_hamlet: Text,
    /// It could not be counted.
    pub(crate) unreadable: Text,
}
