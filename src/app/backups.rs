//! Backups by the clock.
//!
//! Promise: the configuration in force counts, another one at once; one that was missed, because the station was off or its stick not in, is made as soon as it can be. Never: two at once; a busy loop.

use core::time::Duration;
use std::sync::Arc;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use tokio::sync::watch;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::desk::Errands;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::storage::visits::VisitStore;
use crate::sync::schedule::Timetable;

/// How long until a failed one is tried again: a stick may have been put in.
const AGAIN: TimeDelta = TimeDelta::minutes(15);

/// How long it waits. Tests are in more of a hurry; what is due is due by the station's clock.
#[derive(Clone, Copy)]
struct Pace {
    /// After a start the desk comes first.
    after_start: Duration,
    shortest: Duration,
    /// The longest sleep: a clock that is set is noticed by then.
    look: Duration,
}

const PACE: Pace = Pace { after_start: Duration::from_secs(30), shortest: Duration::from_secs(1), look: Duration::from_mins(10) };

fn timetable(config: &Config) -> Option<Timetable> {
    config.backup.as_ref().map(|backup| Timetable::new(backup.schedule.clone(), &config.facility))
}

/// Makes them until stopped, as long as the configuration wants any.
pub(super) async fn keep(
    config: watch::Receiver<Arc<Config>>,
    errands: Errands,
    visits: VisitStore,
    time: TimeKeeper,
    stop: CancellationToken,
) {
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(look(PACE, config, errands, visits, time)).await;
}

async fn look(
    pace: Pace,
    mut config: watch::Receiver<Arc<Config>>,
    errands: Errands,
    visits: VisitStore,
    clock: TimeKeeper,
) -> core::convert::Infallible {
    time::sleep(pace.after_start).await;
    let mut tried: Option<DateTime<Utc>> = None;
    loop {
        let now = clock.now().at;
        let told = visits.backups().borrow().clone();
        let timetable = timetable(&config.borrow_and_update());
        let next = timetable.and_then(|timetable| timetable.next_after(told.counted_from(now)));
        let tried_before = tried.filter(|tried| *tried <= now);
        let due = next.map(|due| tried_before.map_or(due, |tried| due.max(tried + AGAIN)));
        match due {
            Some(due) if due <= now => {
                tried = Some(now);
                // What came of it is noted and told by whoever does it.
                let _ = errands.back_up(None).await;
            }
            due => {
                let wait = due.and_then(|due| (due - now).to_std().ok()).unwrap_or(pace.look);
                tokio::select! {
                    () = time::sleep(wait.clamp(pace.shortest, pace.look)) => {}
                    Ok(()) = config.changed() => {}
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "backups_tests.rs"]
mod tests;
