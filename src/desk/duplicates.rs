//! Who was here before today.
//!
//! Promise: said before the visit is saved, of whatever desk and whether sent or not; and after, where two desks saved in the same moment. Never: a reason
//! not to save: a second visit on a day is lawful.

use std::collections::HashSet;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use crate::domain::visit::NewVisit;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage;
use crate::storage::visits::LoggedVisit;

use super::Desk;

/// A visit of the same person on the same day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Which.
    pub id: VisitId,
    /// The number it is known by.
    pub number: Sequence,
    /// When the person came.
    pub at: DateTime<Utc>,
}

impl Desk {
    /// The other visits of the person of a visit on its day, oldest first.
    pub(super) async fn earlier_that_day(&self, visit: &NewVisit) -> Result<Vec<Earlier>, storage::Error> {
        let day = self.day_of(visit);
        if day == self.today_on() {
            return self.earlier_today(visit.id, visit.person.clone()).await;
        }
        let mut earlier = self.of_person(day, visit.person.clone()).await?;
        earlier.retain(|other| other.id != visit.id);
        Ok(earlier)
    }

    /// The visits of today that may be of a person, but for one, oldest first.
    pub(super) async fn earlier_today(&self, but: VisitId, person: VisitPerson) -> Result<Vec<Earlier>, storage::Error> {
        let mut earlier = Vec::new();
        if !self.time.now().state.is_suspect() {
            earlier = self.of_person(self.today_on(), person.clone()).await?;
        }
        // Newest first: the first revision met of a visit is the one that counts.
        let mut met = HashSet::new();
        for LoggedVisit { visit, number, .. } in self.placed_today().await? {
            let is_other = met.insert(visit.content.id) && earlier.iter().all(|known| known.id != visit.content.id);
            if is_other && visit.content.voided.is_none() && visit.content.person.may_be(&person) {
                earlier.push(Earlier { id: visit.content.id, number, at: self.arrived(&visit.content).await? });
            }
        }
        earlier.retain(|visit| visit.id != but);
        earlier.sort_by_key(|visit| visit.number);
        Ok(earlier)
    }

    /// The visits of a person by the day written on them.
    async fn of_person(&self, day: NaiveDate, person: VisitPerson) -> Result<Vec<Earlier>, storage::Error> {
        let visits = self.visits.of_person(day, person).await?.into_iter();
        Ok(visits.map(|(visit, number)| Earlier { id: visit.content.id, number, at: visit.content.arrived_at }).collect())
    }
}
