//! What the agent tells of itself: the process, its doors, its configuration.
//!
//! Promise: taken at the moment of the question. Never: anything of a person.

use core::pin::Pin;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use super::reload::Standing;
use crate::control::metrics::CONTENT_TYPE;
use crate::control::running::Running;
use crate::control::server::Control;
use crate::desk::Desk;
use crate::ops::notify;
use crate::ops::process::Usage;
use crate::reception::Figures;

/// Whoever knows the process. The doors: the page's, the house's network's, the figures'.
pub(super) fn running(
    desk: Desk,
    standing: Standing,
    started: Duration,
    doors: [Option<SocketAddr>; 3],
) -> Arc<dyn Fn() -> Running + Send + Sync> {
    Arc::new(move || {
        let (reading, usage, [page, lan, metrics]) = (desk.time().reading(), Usage::now(), doors);
        let uptime = reading.since_boot.saturating_sub(started);
        Running {
            started_at: desk.time().judge(&reading).at - uptime,
            uptime,
            page,
            lan,
            metrics,
            memory: usage.resident,
            processor: usage.processor,
            files: [usage.open_files, usage.most_files],
            watchdog: notify::watchdog_limit(),
            rules_version: desk.current().station().rules.version.clone(),
            configuration: standing.configuration(),
        }
    })
}

/// What a monitoring program is told.
pub(super) fn of(control: Control) -> Figures {
    let make = Arc::new(move || -> Pin<Box<dyn Future<Output = String> + Send>> {
        let asked = control.clone();
        Box::pin(async move { asked.metrics().await })
    });
    Figures { content_type: CONTENT_TYPE, make }
}
