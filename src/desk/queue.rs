//! Numbers to call people by.
//!
//! Promise: a number needs no roster, no province and no readable card. Never: a number before the disk has it.

use chrono::DateTime;
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

impl Desk {
    /// The next number of today.
    pub async fn take_number(&self) -> Result<TakenNumber, storage::Error> {
        let (today, at) = self.queue_day();
        let number = self.visits.next_number(today, self.operator.name.clone(), at).await?;
        Ok(TakenNumber { number, at })
    }

    /// A number as it was given out today; `None`: it was not.
    pub async fn given_number(&self, number: QueueNumber) -> Result<Option<TakenNumber>, storage::Error> {
        let at = self.visits.given_at(self.queue_day().0, number).await?;
        Ok(at.map(|at| TakenNumber { number, at }))
    }

    fn queue_day(&self) -> (QueueDay, DateTime<Utc>) {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        let (at, boot_ms) = (now.stamp(&reading), reading.since_boot_ms());
        (QueueDay { day: now.day(), clock: ClockStamp { state: now.state, boot_id: reading.boot_id, boot_ms } }, at)
    }
}
