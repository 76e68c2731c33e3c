//! Numbers to call people by.
//!
//! Promise: a number needs no roster, no province and no readable card; two people who came under one (a mother and her child) are both saved, and it is
//! said. Never: a number before the disk has it.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::attendance::QueueNumber;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Sequence;
use crate::storage;
use crate::storage::visits::QueueDay;

use super::Desk;

/// A number that was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenNumber {
    /// The number.
    pub number: QueueNumber,
    /// When.
    pub at: DateTime<Utc>,
}

/// So long a number of the day before may wait for its turn.
const WAITS: TimeDelta = TimeDelta::hours(6);

impl Desk {
    /// The next number of today.
    pub async fn take_number(&self) -> Result<TakenNumber, storage::Error> {
        let (today, at) = self.queue_day();
        let number = self.visits.next_number(today, self.operator.name.clone(), at).await?;
        Ok(TakenNumber { number, at })
    }

    /// A number as it was given out today, or not long before midnight: who holds it may wait still. `None`: it was not.
    pub async fn given_number(&self, number: QueueNumber) -> Result<Option<TakenNumber>, storage::Error> {
        let (today, now) = self.queue_day();
        let mut at = self.visits.given_at(today.clone(), number).await?;
        if let (None, Some(day)) = (at, today.day.pred_opt()) {
            let given = self.visits.given_at(QueueDay { day, ..today }, number).await?;
            at = given.filter(|given| now.signed_duration_since(*given) < WAITS);
        }
        Ok(at.map(|at| TakenNumber { number, at }))
    }

    /// The newest visit of today of somebody else who was called by the same number. A disk that cannot tell holds up nobody.
    pub(super) async fn called_alike(&self, visit: &NewVisit) -> Option<(QueueNumber, Sequence)> {
        let number = visit.queue_number?;
        let today = self.today().await.unwrap_or_else(|error| {
            tracing::warn!(name: "storage.read-failed", %error, "who else was called by a number cannot be read");
            Vec::new()
        });
        let is_another = |other: &NewVisit| other.id != visit.id && other.voided.is_none() && !other.person.may_be(&visit.person);
        let mut called = today.iter().filter(|logged| logged.visit.content.queue_number == Some(number));
        called.find(|logged| is_another(&logged.visit.content)).map(|logged| (number, logged.number))
    }

    fn queue_day(&self) -> (QueueDay, DateTime<Utc>) {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        let (at, boot_ms) = (now.stamp(&reading), reading.since_boot_ms());
        (QueueDay { day: now.day(), clock: ClockStamp { state: now.state, boot_id: reading.boot_id, boot_ms } }, at)
    }
}
