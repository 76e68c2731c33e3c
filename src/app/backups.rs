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

/// After a start the desk comes first.
const AFTER_START: Duration = Duration::from_secs(30);
/// How long until a failed one is tried again: a stick may have been put in.
const AGAIN: TimeDelta = TimeDelta::minutes(15);
/// The longest sleep: a clock that is set is noticed by then.
const LOOK: Duration = Duration::from_mins(10);
const SHORTEST: Duration = Duration::from_secs(1);

fn timetable(config: &Config) -> Option<Timetable> {
    config.backup.as_ref().map(|backup| Timetable::new(backup.schedule.clone(), &config.facility))
}

/// Makes them until stopped, as long as the configuration wants any.
pub(super) async fn keep(
    mut config: watch::Receiver<Arc<Config>>,
    errands: Errands,
    visits: VisitStore,
    time: TimeKeeper,
    stop: CancellationToken,
) {
    let look = async {
        time::sleep(AFTER_START).await;
        let mut tried: Option<DateTime<Utc>> = None;
        loop {
            let now = time.now().at;
            let told = visits.backups().borrow().clone();
            let timetable = timetable(&config.borrow_and_update());
            let next = timetable.and_then(|timetable| timetable.next_after(told.good_at.unwrap_or(told.began_at)));
            let due = next.map(|due| tried.map_or(due, |tried| due.max(tried + AGAIN)));
            match due {
                Some(due) if due <= now => {
                    tried = Some(now);
                    // What came of it is noted and told by whoever does it.
                    let _ = errands.back_up(None).await;
                }
                due => {
                    let wait = due.and_then(|due| (due - now).to_std().ok()).unwrap_or(LOOK);
                    tokio::select! {
                        () = time::sleep(wait.clamp(SHORTEST, LOOK)) => {}
                        Ok(()) = config.changed() => {}
                    }
                }
            }
        }
    };
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(look).await;
}
