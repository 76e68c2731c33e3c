//! The room for visits, looked at regularly.
//!
//! Promise: that nothing can be saved any more is known before somebody tries, and that it can be again before somebody gives up. Never: a write to a disk
//! that is well.

use core::time::Duration;

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::storage::visits::VisitStore;

/// How often.
const LOOK: Duration = Duration::from_secs(30);

/// Looks until stopped. The first look was at the start.
pub(super) async fn watch(visits: VisitStore, stop: CancellationToken) {
    let look = async {
        loop {
            time::sleep(LOOK).await;
            visits.look_at_room().await;
        }
    };
    let _: Option<core::convert::Infallible> = stop.run_until_cancelled(look).await;
}
