//! Numbers to call people by.
//!
//! Promise: a number needs no roster, no province and no readable card. Never: a number before the disk has it.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::attendance::QueueNumber;
use crate::domain::visit::ClockStamp;
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
        let yesterday = today.day.pred_opt().map(|day| QueueDay { day, clock: today.clock.clone() });
        let mut at = self.visits.given_at(today, number).await?;
        if let (None, Some(yesterday)) = (at, yesterday) {
            let given = self.visits.given_at(yesterday, number).await?;
            at = given.filter(|given| now.signed_duration_since(*given) < WAITS);
        }
        Ok(at.map(|at| TakenNumber { number, at }))
    }

    fn queue_day(&self) -> (QueueDay, DateTime<Utc>) {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        let (at, boot_ms) = (now.stamp(&reading), reading.since_boot_ms());
        (QueueDay { day: now.day(), clock: ClockStamp { state: now.state, boot_id: reading.boot_id, boot_ms } }, at)
    }
}
