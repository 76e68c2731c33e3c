//! Word that something an open page shows may be another.
//!
//! Promise: nothing that happens between two questions is missed. Never: what has changed; who wants to know looks for himself.

use core::future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::operator::Account;
use crate::storage::cards::Roster;
use crate::storage::visits::Counts;
use crate::sync::status::SyncStatus;

use super::Desk;

/// Whoever watches one desk.
pub struct Changes {
    counts: watch::Receiver<Counts>,
    roster: watch::Receiver<Roster>,
    sync: watch::Receiver<SyncStatus>,
    /// A desk is locked when its account is closed or gets another PIN.
    accounts: watch::Receiver<Arc<[Account]>>,
}

impl Desk {
    /// From now on.
    pub fn changes(&self) -> Changes {
        let (counts, accounts) = (self.visits.counts(), self.visits.open_accounts());
        Changes { counts, roster: self.cards.roster(), sync: self.sync.status(), accounts }
    }
}

impl Changes {
    /// Waits for the next. Cancel-safe.
    pub async fn changed(&mut self) {
        let Self { counts, roster, sync, accounts } = self;
        let changed = tokio::select! {
            changed = counts.changed() => changed,
            changed = roster.changed() => changed,
            changed = sync.changed() => changed,
            changed = accounts.changed() => changed,
        };
        if changed.is_err() {
            // Whoever told of changes is gone: there will be none.
            future::pending::<()>().await;
        }
    }
}
