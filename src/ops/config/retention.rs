//! `[retention]`: how long the station keeps what is done.
//!
//! Promise: nothing goes that nobody has set a term for: no law known to us names one for a reception's record. Never: a term so short that a province put
//! back from a backup could not be given again what it lost.

use chrono::TimeDelta;

use super::section::Section;
use super::values;

/// Terms; `None`: for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Of visits that are delivered or ended (`visits-days`).
    pub visits: Option<TimeDelta>,
    /// Of the access log (`access-log-days`).
    pub access: Option<TimeDelta>,
    /// Of counted days and of outages that are over (`coverage-days`).
    pub coverage: Option<TimeDelta>,
}

impl Retention {
    /// Reads the table.
    pub(super) fn of(top: &mut Section<'_>) -> Self {
        let mut retention = top.table("retention");
        let read = Self {
            visits: retention.optional("visits-days", values::long_days),
            access: retention.optional("access-log-days", values::long_days),
            coverage: retention.optional("coverage-days", values::long_days),
        };
        top.close(retention);
        read
    }
}
