//! The doors beside the page's own: to the house's network, and the figures'.
//!
//! Promise: one that cannot be opened (no cable, an address that was not given yet, a port somebody else has) is told, and tried again until it can be; the
//! desk goes on meanwhile. Never: the desk held up by a door that it can do without.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
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

/// A door that was tried once, for whoever goes through it.
pub(super) struct Tried {
    door: Door,
    /// Missing where it could not be opened yet.
    listener: Option<TcpListener>,
}

impl Tried {
    /// Its door, for whoever tells of it.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// Serves behind it as soon as it is open, until stopped.
    pub(super) async fn serve<S>(self, serve: impl FnOnce(TcpListener, CancellationToken) -> S, stop: CancellationToken) -> io::Result<()>
    where
        S: Future<Output = io::Result<()>>,
    {
        let listener = match self.listener {
            Some(listener) => Some(listener),
            None => stop.run_until_cancelled(self.door.opened()).await,
        };
        match listener {
            Some(listener) => serve(listener, stop).await,
            None => Ok(()),
        }
    }
}

impl Door {
    /// Tries it once.
    pub(super) fn tried(which: SideDoor, wanted: SocketAddr, now: DateTime<Utc>) -> Tried {
        let door = Self { which, wanted, since: now, open: Arc::default() };
        match reception::bind(wanted) {
            Ok(listener) => {
                door.is_open_on(&listener);
                Tried { door, listener: Some(listener) }
            }
            Err(error) => {
                tracing::warn!(
                    name: "door.shut", door = which.name(), address = %wanted, error = %Chain(&error),
                    "a door beside the page's cannot be opened; it is tried again until it can be"
                );
                Tried { door, listener: None }
            }
        }
    }

    /// Tries it until it is open.
    async fn opened(&self) -> TcpListener {
        loop {
            time::sleep(AGAIN).await;
            if let Ok(listener) = reception::bind(self.wanted) {
                self.is_open_on(&listener);
                tracing::info!(name: "door.open", door = self.which.name(), address = %self.wanted, "a door that was shut is open");
                return listener;
            }
        }
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
