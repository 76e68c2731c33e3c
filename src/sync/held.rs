//! A roster held back for a person, and what became of it: the same whether it came over the network or by stick.
//!
//! Promise: what is held back is on the disk too, so that a restart does not forget what waits for a person. What a person has agreed to is over, here and
//! on the disk, when the roster has moved or something else is held back. Never: an agreement that outlives what it was given to.

use chrono::DateTime;
use chrono::Utc;

use crate::storage::visits::VisitStore;

use super::handle::SyncHandle;
use super::pull::PullError;
use super::pull::Pulled;

/// Notes how a pull ended. A failure for another reason leaves everything as it is.
pub(super) async fn note(handle: &SyncHandle, visits: &VisitStore, outcome: &Result<Pulled, PullError>, at: DateTime<Utc>) {
    let was_agreed = handle.accepted().is_some();
    match outcome {
        Ok(pulled) => handle.let_through(pulled.changed),
        Err(PullError::Held { upheaval, state }) => handle.hold_back(*upheaval, *state, at),
        Err(_) => return,
    }
    let held = handle.status().borrow().held.clone();
    if let Err(error) = visits.keep_held_roster(held).await {
        // The next pull tries again.
        tracing::warn!(name: "roster.hold-unwritten", %error, "what is held back could not be written down: a restart before the next download would not know of it");
    }
    if was_agreed
        && handle.accepted().is_none()
        && let Err(error) = visits.keep_agreed_roster(None).await
    {
        // It is to one state only, which nothing else leads to.
        tracing::warn!(name: "roster.hold-unwritten", %error, "an agreement to a roster that is over could not be forgotten");
    }
}
