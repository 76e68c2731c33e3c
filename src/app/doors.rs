//! The doors beside the page's own: to the house's network, and the figures'.
//!
//! Promise: one that cannot be opened (no cable, an address that was not given yet, a port somebody else has) is told, and tried again until it can be; the
//! desk goes on meanwhile. Never: the desk held up by a door that it can do without.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;
use std::sync::OnceLock;

use chrono::DateTime;
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::desk::SideDoor;
use crate::ops::logging::Chain;
use crate::reception;

/// How often a shut one is tried again: a cable is put in, an address is given.
const AGAIN: Duration = Duration::from_secs(10);

/// A door that may be open or shut.
#[derive(Clone)]
pub(super) struct Door {
    which: SideDoor,
    wanted: SocketAddr,
    /// When it was first tried.
    since: DateTime<Utc>,
    open: Arc<OnceLock<SocketAddr>>,
}

impl Door {
    /// Tries it once. The listener is missing where it cannot be opened yet.
    pub(super) fn open(which: SideDoor, wanted: SocketAddr, now: DateTime<Utc>) -> (Self, Option<TcpListener>) {
        let door = Self { which, wanted, since: now, open: Arc::default() };
        let listener = match reception::bind(wanted) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(
                    name: "door.shut", door = which.name(), address = %wanted, error = %Chain(&error),
                    "a door beside the page's cannot be opened; it is tried again until it can be"
                );
                None
            }
        };
        if let Some(listener) = &listener {
            door.is_open_on(listener);
        }
        (door, listener)
    }

    /// The listener, as soon as there is one; `None`: stopped before.
    pub(super) async fn listener(&self, opened: Option<TcpListener>, stop: &CancellationToken) -> Option<TcpListener> {
        if opened.is_some() {
            return opened;
        }
        let tried = async {
            loop {
                time::sleep(AGAIN).await;
                if let Ok(listener) = reception::bind(self.wanted) {
                    self.is_open_on(&listener);
                    tracing::info!(name: "door.open", door = self.which.name(), address = %self.wanted, "a door that was shut is open");
                    return listener;
                }
            }
        };
        stop.run_until_cancelled(tried).await
    }

    fn is_open_on(&self, listener: &TcpListener) {
        // A listener that does not know its address is at the one that was wanted.
        let _ = self.open.set(listener.local_addr().unwrap_or(self.wanted));
    }

    /// Where it is, if it is open.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.open.get().copied()
    }

    /// Where it should be.
    pub(super) fn wanted(&self) -> SocketAddr {
        self.address().unwrap_or(self.wanted)
    }

    /// Which, where and since when, if it is shut.
    pub(super) fn shut(&self) -> Option<(SideDoor, SocketAddr, DateTime<Utc>)> {
        self.open.get().is_none().then_some((self.which, self.wanted, self.since))
    }
}
