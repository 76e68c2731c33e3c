//! Who was here before today.
//!
//! Promise: said before the visit is saved, of whatever desk and whether sent or not; and again after, where another desk was faster. Never: a reason not
//! to save: a second visit on a day is lawful.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage;

use super::Desk;

/// A visit of the same person on the same day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Which.
    pub id: VisitId,
    /// Its number, as it was last corrected.
    pub sequence: Sequence,
    /// When the person came.
    pub at: DateTime<Utc>,
}

impl Desk {
    /// The visits of today that may be of a person, but for one, oldest first.
    pub(super) async fn earlier_today(&self, but: VisitId, person: VisitPerson) -> Result<Vec<Earlier>, storage::Error> {
        let found = self.visits.of_person(self.today_on(), person).await?;
        let earlier = found.into_iter().filter(|visit| visit.content.id != but);
        Ok(earlier.map(|visit| Earlier { id: visit.content.id, sequence: visit.sequence, at: visit.content.arrived_at }).collect())
    }
}
