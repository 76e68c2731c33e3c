//! A visit looked at again with newer data, where the answer would now be another.
//!
//! Promise: both answers with the state of the roster behind each; the visit itself is not touched. Never: a word about who was right.

use chrono::DateTime;
use chrono::Utc;

use super::visit::Revision;
use super::visit::Sequence;
use super::visit::ShownVerdict;
use super::visit::VisitId;

/// A visit whose verdict would now differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recheck {
    /// Which visit.
    pub id: VisitId,
    /// Which revision of it was looked at.
    pub revision: Revision,
    /// Its place in the station's order.
    pub sequence: Sequence,
    /// When the person came.
    pub arrived_at: DateTime<Utc>,
    /// What the desk was shown then.
    pub shown: ShownVerdict,
    /// What it would be shown now, for the day of the visit.
    pub now: ShownVerdict,
    /// When this was found, by the station's clock.
    pub found_at: DateTime<Utc>,
}

impl Recheck {
    /// Whether two answers differ in what matters for the claim: the standing or the rate.
    pub fn differs(shown: &ShownVerdict, now: &ShownVerdict) -> bool {
        (&shown.standing, shown.rate) != (&now.standing, now.rate)
    }
}
