//! What is old enough by the configured terms, taken out once a day.
//!
//! Promise: by the terms in force, another one at once; only by a clock that is believed, and below the desk's own work; an erasure
//! that was cut off is finished. Never: a term that nobody has set.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::clock::ClockState;
use crate::ops::config::Config;
use crate::ops::config::Retention;
use crate::storage::visits::Rule;
use crate::storage::visits::VisitStore;

/// How long it waits. Tests are in more of a hurry; what is old is old by the station's clock.
#[derive(Clone, Copy)]
struct Pace {
    /// After a start the desk comes first.
    after_start: Duration,
    every: Duration,
    /// While the clock is not believed.
    doubted: Duration,
}

const PACE: Pace = Pace { after_start: Duration::from_mins(5), every: Duration::from_hours(24), doubted: Duration::from_hours(1) };

/// Works until stopped.
pub(super) async fn keep(config: watch::Receiver<Arc<Config>>, visits: VisitStore, desk: Desk, stop: CancellationToken) {
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(work(PACE, config, visits, desk)).await;
}

async fn work(pace: Pace, mut config: watch::Receiver<Arc<Config>>, visits: VisitStore, desk: Desk) -> core::convert::Infallible {
    time::sleep(pace.after_start).await;
    loop {
        let (Retention { visits: of_visits, access, coverage }, is_confirmed) = {
            let config = config.borrow_and_update();
            (config.retention, config.province.is_some())
        };
        let rule = Rule { visits: of_visits, access, coverage, is_confirmed };
        if let Err(error) = visits.finish_erasure().await {
            tracing::warn!(name: "erasure.late", %error, "what was taken out on request may still lie in the file");
        }
        let now = desk.time().now();
        let is_believed = matches!(now.state, ClockState::Plausible | ClockState::Learned);
        if rule.is_set() && is_believed {
            match visits.prune(rule, now.at).await {
                Ok(pruned) if pruned.visits + pruned.lines > 0 => {
                    tracing::info!(name: "retention.pruned", visits = pruned.visits, lines = pruned.lines, days = pruned.days, "taken out by the terms set");
                    desk.noted(Act::Pruned, About::detail(Detail::numbered("visits", pruned.visits))).await;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(name: "retention.late", %error, "what is old enough is not taken out yet"),
            }
        }
        tokio::select! {
            // A computer that is switched off every night is not on for long enough to wait a day for its clock.
            () = time::sleep(if is_believed { pace.every } else { pace.doubted }) => {}
            Ok(()) = config.changed() => {}
        }
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
