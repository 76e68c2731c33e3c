//! What the contract tells of how things stand beside its first keys: the notices, every direction, the day's bytes, the machine and its certificate.
//!
//! Promise: facts and the notices' sentences in both languages. FROZEN like the rest of the contract: keys are added. Never: a key that was there before.

use serde_json::Value;
use serde_json::json;

use crate::desk::Notice;
use crate::desk::Overview;
use crate::desk::notices;
use crate::desk::words;
use crate::storage::visits::Unfit;
use crate::sync::status::Direction;
use crate::sync::status::MachineWord;

use super::contract::activity;
use super::contract::instant;

/// Adds them.
pub(super) fn add(value: &mut Value, overview: &Overview, quarantined: &[String]) {
    let Overview { now, unsent, sync, .. } = overview;
    let left = sync.allowed_today.map(|allowed| allowed.saturating_sub(sync.used_today.unwrap_or_default()));
    let machine = sync.machine.map(|MachineWord { machine, ahead, since }| {
        json!({
            "state": machine.code(),
            "since": instant(since),
            "ahead": ahead.map(|ahead| json!({
                "highest": ahead.highest.0,
                "visits": ahead.visits,
                "first_received_at": instant(ahead.first_received_at),
                "last_received_at": instant(ahead.last_received_at),
            })),
        })
    });
    let certificate = sync.certificate.map(|life| {
        json!({
            "not_before": instant(life.not_before),
            "not_after": instant(life.not_after),
            "days_left": (life.not_after - now.at).num_days(),
        })
    });
    let held = sync.held.as_ref().map(|held| {
        json!({
            "since": instant(held.since),
            "held": held.upheaval.held,
            "gone": held.upheaval.gone,
            "stopped": held.upheaval.stopped,
            "agreed": sync.agreed == Some(held.state),
        })
    });
    value["running"] = true.into();
    value["notices"] = notices::of(overview, quarantined).iter().map(told).collect();
    value["contact"] = activity(&sync.contact);
    value["backup"] = json!(overview.backup.as_ref().map(|(backups, _)| json!({
        "good_at": backups.good_at.map(instant),
        "failing": backups.failing.as_ref().map(|(since, code)| json!({ "since": instant(*since), "code": code })),
    })));
    value["ask"] = activity(&sync.ask);
    for direction in Direction::ALL {
        let failing = sync.activity(direction).failing.as_ref();
        if let Some(notice) = failing.and_then(|failing| notices::instead(sync, &failing.trouble, words::Telling::by(now))) {
            let failing = &mut value[direction.name()]["failing"];
            (failing["notice"], failing["message"]) = (notice.code.into(), notice.sentence.vi.into());
        }
    }
    value["used_today"] = json!(sync.used_today);
    value["allowed_today"] = json!(sync.allowed_today);
    value["left_today"] = json!(left);
    value["machine"] = json!(machine);
    value["certificate"] = json!(certificate);
    value["disk"] = json!({
        "free_bytes": overview.room.free,
        "is_little": overview.room.is_little().is_some(),
        "unsaved_since": overview.room.unsaved.map(|unsaved| instant(unsaved.since)),
    });
    value["held"] = json!(held);
    value["roster_agreed"] = sync.agreed.is_some().into();
    value["requeued"] = json!(sync.requeued.map(|(visits, at)| json!({ "visits": visits, "at": instant(at) })));
    value["counts"] = json!({
        "delivered": unsent.delivered,
        "closed": unsent.closed,
        "rechecks": unsent.rechecks,
        "highest": unsent.highest.0,
        "put_off": unsent.put_off,
        "unfit": unsent.unfit,
        "unfit_often": unsent.unfit_often,
        "unfit_code": unsent.unfit_why.map(Unfit::code),
        "put_off_until": unsent.put_off_until.map(instant),
    });
    let reason = sync.snapshot_reason.map(words::snapshot_reason);
    value["roster"]["snapshot_reason_text"] = json!(reason.as_ref().map(|reason| &reason.vi));
    value["roster"]["snapshot_reason_english"] = json!(reason.as_ref().map(|reason| &reason.en));
}

/// Says first that no service runs: what `status` tells then is read from the files.
pub fn without_service(mut status: Value) -> Value {
    status["running"] = false.into();
    if let Some(notices) = status["notices"].as_array_mut() {
        notices.insert(0, told(&Notice::not_running()));
    }
    status
}

/// One of them, as the contract tells it.
pub(super) fn told(notice: &Notice) -> Value {
    json!({
        "code": notice.code,
        "direction": notice.direction.map(|direction| direction.name()),
        "since": notice.since.map(instant),
        "vi": notice.sentence.vi,
        "en": notice.sentence.en,
    })
}
