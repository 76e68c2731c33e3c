//! The contract's part on the station's other desks.

use serde_json::Value;
use serde_json::json;

use crate::domain::paired::PairedDesk;

/// All there are and were, the newest first.
pub fn desks(desks: &[PairedDesk]) -> Value {
    desks.iter().map(desk).collect()
}

fn desk(desk: &PairedDesk) -> Value {
    json!({
        "number": desk.number,
        "name": desk.name.as_str(),
        "paired_at": super::instant(desk.paired_at),
        "paired_by": desk.paired_by.as_str(),
        "seen_at": super::instant(desk.seen_at),
        "ended": desk.ended.map(|(why, _)| why.code()),
        "ended_at": desk.ended.map(|(_, at)| super::instant(at)),
    })
}
