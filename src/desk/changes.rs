//! Word that something an open page shows may be another.
//!
//! Promise: nothing that happens between two questions is missed. Never: what has changed; who wants to know looks for himself.

use core::future;

use tokio::sync::watch;

use crate::storage::cards::Roster;
use crate::storage::visits::Counts;
use crate::sync::status::SyncStatus;

use super::Desk;

/// Whoever watches one desk.
pub struct Changes {
    counts: watch::Receiver<Counts>,
    roster: watch::Receiver<Roster>,
    sync: watch::Receiver<SyncStatus>,
}

impl Desk {
    /// From now on.
    pub fn changes(&self) -> Changes {
        Changes { counts: self.visits.counts(), roster: self.cards.roster(), sync: self.sync.status() }
    }
}

impl Changes {
    /// Waits for the next. Cancel-safe.
    pub async fn changed(&mut self) {
        let Self { counts, roster, sync } = self;
        let changed = tokio::select! {
            changed = counts.changed() => changed,
            changed = roster.changed() => changed,
            changed = sync.changed() => changed,
        };
        if changed.is_err() {
            // Whoever told of changes is gone: there will be none.
            future::pending::<()>().await;
        }
    }
}
