//! What the province makes of this machine, and a roster that waits for a person, in the contract's words.

use serde_json::Value;
use serde_json::json;

use super::contract::instant;
use crate::sync::status::SyncStatus;

/// `known`, `fell_back` or `copied`, and the visits that only the province holds.
pub(super) fn machine(sync: &SyncStatus) -> Value {
    sync.machine.map_or(Value::Null, |word| {
        let ahead = word.ahead.map(|ahead| {
            json!({
                "highest": ahead.highest.0,
                "visits": ahead.visits,
                "first_received_at": instant(ahead.first_received_at),
                "last_received_at": instant(ahead.last_received_at),
            })
        });
        json!({ "state": word.machine.code(), "since": instant(word.since), "ahead": ahead })
    })
}

/// How much it would take away.
pub(super) fn held(sync: &SyncStatus) -> Value {
    sync.held.as_ref().map_or(Value::Null, |held| {
        let upheaval = held.upheaval;
        json!({ "since": instant(held.since), "held": upheaval.held, "gone": upheaval.gone, "stopped": upheaval.stopped })
    })
}
