//! The operator's errands: keys looked at again, another identity, sticks, a roster that was held back.
//!
//! Promise: the answer comes when the errand is done. Never: a code or a path in an answer.

use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use super::contract::ErrorBody;
use crate::desk::Desk;
use crate::desk::Errands;
use crate::desk::Undone;
use crate::desk::errands::BackedUp;
use crate::desk::errands::Linked;
use crate::desk::errands::Named;
use crate::desk::errands::TakenIn;
use crate::desk::errands::TakenOut;
use crate::desk::words;
use crate::storage::backup::AllKept;
use crate::storage::visits::Skipped;

impl From<Undone> for ErrorBody {
    fn from(undone: Undone) -> Self {
        Self::said(undone.code, undone.said)
    }
}

/// The connection after its keys were looked at.
pub fn linked(linked: Linked) -> Value {
    json!({ "link": linked.link.code(), "install": linked.install })
}

/// Another identity.
pub fn replaced(station_name: &str) -> Value {
    let said = words::identity::replaced(station_name);
    json!({ "station_name": station_name, "message": said.vi, "english": said.en })
}

/// Visits are on a stick.
pub fn taken_out(taken: TakenOut) -> Value {
    let said = words::stick::taken_out(taken);
    json!({ "visits": taken.visits, "files": taken.files, "message": said.vi, "english": said.en })
}

/// Roster and receipts are here.
pub fn taken_in(taken: TakenIn) -> Value {
    let said = words::stick::taken_in(taken);
    json!({
        "serial": taken.serial,
        "changed": taken.changed,
        "receipts": taken.told.receipts,
        "receipts_skipped": taken.told.skipped.map(Skipped::code),
        "requeued": taken.told.requeued,
        "pending": taken.pending,
        "message": said.vi,
        "english": said.en,
    })
}

/// A backup was made.
pub fn backed_up(made: &BackedUp) -> Value {
    let said = words::backup::made(&made.file, made.visits, made.unsent, made.removed, made.all_kept.map(AllKept::code))
        .and(&words::backup::made_where(made.same_disk, made.counts));
    json!({
        "file": made.file,
        "bytes": made.bytes,
        "visits": made.visits,
        "unsent": made.unsent,
        "removed": made.removed,
        "all_kept": made.all_kept.map(AllKept::code),
        "same_disk": made.same_disk,
        "counts": made.counts,
        "message": said.vi,
        "english": said.en,
    })
}

/// A person agreed to what was held back, or there was nothing; and whether the service runs.
pub fn accepted(was_held: bool, runs: bool) -> Value {
    let said = words::identity::accepted(was_held, runs);
    json!({ "accepted": was_held, "message": said.vi, "english": said.en })
}

pub(super) async fn reload(errands: &Errands) -> Result<Value, ErrorBody> {
    Ok(linked(errands.reload(true).await?))
}

pub(super) async fn replace(errands: &Errands, code: String) -> Result<Value, ErrorBody> {
    Ok(replaced(&errands.replace(code).await?))
}

pub(super) async fn carry_out(desk: &Desk, errands: &Errands, dir: PathBuf) -> Result<Value, ErrorBody> {
    Ok(taken_out(desk.carry_out(errands, dir).await?))
}

pub(super) async fn carry_in(desk: &Desk, errands: &Errands, dir: PathBuf) -> Result<Value, ErrorBody> {
    Ok(taken_in(desk.carry_in(errands, dir).await?))
}

pub(super) async fn back_up(desk: &Desk, errands: &Errands, folder: Option<Named>) -> Result<Value, ErrorBody> {
    Ok(backed_up(&desk.back_up(errands, folder).await?))
}
