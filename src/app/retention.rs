//! What is old enough by the configured terms, taken out once a day.
//!
//! Promise: only by a clock that is believed, and below the desk's own work. Never: a term that nobody has set.

use core::time::Duration;

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::clock::ClockState;
use crate::storage::visits::Rule;
use crate::storage::visits::VisitStore;

/// After a start the desk comes first.
const AFTER_START: Duration = Duration::from_mins(5);
const EVERY: Duration = Duration::from_hours(24);

/// Works until stopped.
pub(super) async fn keep(rule: Rule, visits: VisitStore, desk: Desk, stop: CancellationToken) {
    let work = async {
        time::sleep(AFTER_START).await;
        loop {
            let now = desk.time().now();
            if matches!(now.state, ClockState::Plausible | ClockState::Learned) {
                match visits.prune(rule, now.at).await {
                    Ok(pruned) if pruned.visits + pruned.lines > 0 => {
                        tracing::info!(name: "retention.pruned", visits = pruned.visits, lines = pruned.lines, days = pruned.days, "taken out by the terms set");
                        desk.noted(Act::Pruned, About::detail(Detail::numbered("visits", pruned.visits))).await;
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(name: "retention.late", %error, "what is old enough is not taken out yet"),
                }
            }
            time::sleep(EVERY).await;
        }
    };
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(work).await;
}
