//! What the agent tells of itself: the process, its doors, its configuration.
//!
//! Promise: taken at the moment of the question. Never: anything of a person.

use core::pin::Pin;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use super::doors::Door;
use super::reload::Standing;
use crate::control::metrics::CONTENT_TYPE;
use crate::control::running::Running;
use crate::control::server::Control;
use crate::desk::Desk;
use crate::desk::Notice;
use crate::desk::words::Telling;
use crate::ops::notify;
use crate::ops::process::Usage;
use crate::reception::Figures;

/// Whoever knows the process. `page`: where the page is on this machine.
pub(super) fn running(
    desk: Desk,
    standing: Standing,
    started: Duration,
    page: SocketAddr,
    side_doors: [Option<Door>; 2],
) -> Arc<dyn Fn() -> Running + Send + Sync> {
    Arc::new(move || {
        let (reading, usage, now) = (desk.time().reading(), Usage::now(), desk.time().now());
        let [lan, metrics] = side_doors.each_ref().map(|door| door.as_ref().and_then(Door::address));
        let shut = side_doors.iter().flatten().filter_map(Door::shut);
        let uptime = reading.since_boot.saturating_sub(started);
        Running {
            started_at: desk.time().judge(&reading).at - uptime,
            uptime,
            page: Some(page),
            lan,
            metrics,
            shut: shut.map(|(door, address, since)| Notice::door_shut(door, address, since, Telling::by(&now))).collect(),
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
