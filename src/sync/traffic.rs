//! What goes over the link in a day, as the engine counts it.
//!
//! Promise: what is shown is the whole day's; it is on the disk with each contact, or after two hours, 64 KiB or an end in order.
//! Never: a flush for every try.

use core::time::Duration;

use crate::domain::clock;
use crate::upstream::ProvincialServer;

use super::driver::Engine;

impl<P: ProvincialServer> Engine<P> {
    /// Adds what has gone over the link to the day's count, and returns that. The count is kept in memory and put on the disk now and then, for each time
    /// is a flush: what a crash takes of it is a contact's distance or 64 KiB of a number that is only a budget.
    pub(super) async fn count_traffic(&self) -> u64 {
        let bytes = self.handle.newly_counted(self.server.traffic());
        let now = self.time.stamped();
        let day = clock::vietnam_day(now.wall);
        let used = if let Some(used) = self.handle.count(day, bytes) {
            used
        } else {
            self.write_traffic(None).await;
            let before = self.visits.traffic(day).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the day's bytes are counted from here on only");
                0
            });
            self.handle.count_from(day, before, bytes)
        };
        self.write_traffic(Some(now.since_boot)).await;
        let allowed = self.limits.daily_bytes;
        self.handle.change(|status| (status.used_today, status.allowed_today) = (Some(used), allowed));
        used
    }

    /// Puts what is counted on the disk: what is due by the time since boot, or, asked without one, all of it.
    pub(super) async fn write_traffic(&self, now: Option<Duration>) {
        let Some((day, bytes)) = self.handle.to_write(now) else { return };
        if let Err(error) = self.visits.add_traffic(day, bytes).await {
            tracing::debug!(%error, "the day's bytes are counted in memory only");
            self.handle.not_written(day, bytes);
        }
    }
}
