//! What to do about an index, and in which portions to send visits: decisions without any I/O.
//!
//! Promise: pure functions of what we hold and what is offered; the table below them is their specification. An index that is older than what we hold,
//! has expired, or has another file or another state for a serial than before is refused, and old data stay; of instants only those that one key has signed
//! are compared. Never: a way back in time under one key.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::roster::FeedFile;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Serial;
use crate::domain::roster::Sha256Digest;

/// What to do about a verified index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullPlan {
    /// We hold its serial, and nothing else moved so far that it is worth a write.
    Current,
    /// We hold its serial; as-of or signing time moved on.
    Confirm,
    /// Take these, in order.
    Deltas(Vec<FeedFile>),
    /// Take the whole state.
    Snapshot(SnapshotReason),
    /// Believe none of it.
    Refuse(PullRefusal),
}

/// Why a snapshot and not deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotReason {
    /// We hold nothing.
    First,
    /// The server began a new numbering.
    NewSession,
    /// The deltas offered do not reach back to our serial.
    Gap,
    /// The deltas together are larger than the snapshot.
    Cheaper,
    /// A delta did not lead to the state it should.
    Mismatch,
}

impl SnapshotReason {
    /// The stable text of log and contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::NewSession => "new_session",
            Self::Gap => "gap",
            Self::Cheaper => "cheaper",
            Self::Mismatch => "mismatch",
        }
    }
}

/// Why an index is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullRefusal {
    /// Its serial, or the time it was signed, lies before what we hold: somebody plays back an old one.
    Older,
    /// It was signed at an instant far beyond every clock but one: the province's was wrong, or ours is.
    Ahead,
    /// It has expired: somebody keeps newer ones from us, or the province has stopped publishing.
    Expired,
    /// It has another file or another state for a serial than before.
    Rewritten,
}

impl PullRefusal {
    /// The stable text of log and contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Older => "older_index",
            Self::Ahead => "index_ahead",
            Self::Expired => "expired_index",
            Self::Rewritten => "rewritten_feed",
        }
    }
}

/// How far as-of or signing time has to have moved on to be written down for its own sake. A province may sign its index anew for every question, with nothing new
/// in it, and the disk of a station at rest would wear by that. What is left out comes again with the next index; by so much the clock's floor may lie lower
/// after a restart, and what we hold may look older than it is, never younger.
const WORTH_WRITING: TimeDelta = TimeDelta::hours(1);

/// Decides. `known` are the digests of deltas listed before in the cursor's session; `now` is the time to judge by.
pub fn plan_pull(held: Option<&PullCursor>, known: &[(Serial, Sha256Digest)], index: &Index, now: DateTime<Utc>) -> PullPlan {
    // A key that follows another has signed nothing before it did. What the other key had signed later than this is the mistake of a clock that ran ahead.
    let is_of_one_key = |held: &PullCursor| held.signed_by.as_ref().is_none_or(|signer| *signer == index.signed_by);
    let last_signed = held.filter(|held| is_of_one_key(held)).map(|held| held.published_at);
    // Of two readings of the clock the later is taken for expiry: what we hold was signed before now, whatever the clock says.
    let now = last_signed.map_or(now, |signed| now.max(signed));
    if index.expires_at <= now {
        return PullPlan::Refuse(PullRefusal::Expired);
    }
    let Some(held) = held else { return PullPlan::Snapshot(SnapshotReason::First) };
    if last_signed.is_some_and(|signed| index.published_at < signed) {
        return PullPlan::Refuse(PullRefusal::Older);
    }
    if index.session != held.session {
        return PullPlan::Snapshot(SnapshotReason::NewSession);
    }
    if index.serial < held.serial {
        return PullPlan::Refuse(PullRefusal::Older);
    }
    let rewritten = |file: &FeedFile| known.iter().any(|(serial, sha256)| *serial == file.serial && *sha256 != file.sha256);
    if index.deltas.iter().any(rewritten) {
        return PullPlan::Refuse(PullRefusal::Rewritten);
    }
    if index.serial == held.serial {
        // A province restored from a backup counts the same serials again: what we hold is then no state of its any more.
        if index.state != held.state {
            return PullPlan::Refuse(PullRefusal::Rewritten);
        }
        let has_moved = |from: DateTime<Utc>, to: DateTime<Utc>| to.signed_duration_since(from) >= WORTH_WRITING;
        let moved = has_moved(held.as_of, index.as_of) || has_moved(held.published_at, index.published_at);
        return if moved || held.signed_by.as_ref() != Some(&index.signed_by) { PullPlan::Confirm } else { PullPlan::Current };
    }
    match steps_from(index, held.serial) {
        None => PullPlan::Snapshot(SnapshotReason::Gap),
        Some(steps) if steps.iter().map(|file| file.bytes).sum::<u64>() > index.snapshot.bytes => {
            PullPlan::Snapshot(SnapshotReason::Cheaper)
        }
        Some(steps) => PullPlan::Deltas(steps),
    }
}

/// The delta files of an index that lead from a serial to its own, if they are all there.
fn steps_from(index: &Index, serial: Serial) -> Option<Vec<FeedFile>> {
    let steps: Vec<_> = index.deltas.iter().filter(|file| file.serial > serial).cloned().collect();
    let contiguous = (serial.0 + 1..=index.serial.0).eq(steps.iter().map(|file| file.serial.0));
    contiguous.then_some(steps)
}

/// The next size of a batch after the server called one too large; `None` if a single visit was.
pub fn smaller_batch(size: usize) -> Option<usize> {
    (size > 1).then_some(size / 2)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::roster::SessionId;
    use crate::domain::roster::SignerId;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn signer(name: &str) -> SignerId {
        SignerId(name.into())
    }

    fn file(serial: u64, bytes: u64) -> FeedFile {
        let byte = u8::try_from(serial).unwrap();
        FeedFile { serial: Serial(serial), bytes, sha256: Sha256Digest([byte; 32]) }
    }

    fn held(serial: u64) -> PullCursor {
        PullCursor {
            session: SessionId(Uuid::from_u128(1)),
            serial: Serial(serial),
            state: Sha256Digest([0; 32]),
            as_of: at("2026-11-20T00:00:00Z"),
            published_at: at("2026-11-20T00:00:00Z"),
            signed_by: Some(signer("one")),
            fetched_at: at("2026-11-20T01:00:00Z"),
        }
    }

    /// Serial 8, deltas 6 to 8 of 10 bytes each, a snapshot of 100, signed on the 21st, good until the 28th.
    fn offered() -> Index {
        Index {
            session: SessionId(Uuid::from_u128(1)),
            serial: Serial(8),
            as_of: at("2026-11-21T00:00:00Z"),
            published_at: at("2026-11-21T00:00:00Z"),
            signed_by: signer("one"),
            expires_at: at("2026-11-28T00:00:00Z"),
            state: Sha256Digest([0; 32]),
            snapshot: file(8, 100),
            deltas: vec![file(6, 10), file(7, 10), file(8, 10)],
        }
    }

    type Change = fn(&mut Index);

    #[test]
    fn every_row_of_the_pull_table() {
        use PullPlan::*;
        let same: Change = |_| {};
        #[rustfmt::skip]
        let table: Vec<(&str, Option<u64>, Change, &str, PullPlan)> = vec![
            ("nothing held", None, same, "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::First)),
            ("nothing held, expired", None, same, "2026-11-28T00:00:00Z", Refuse(PullRefusal::Expired)),
            ("one step", Some(7), same, "2026-11-22T00:00:00Z", Deltas(vec![file(8, 10)])),
            ("all steps offered", Some(5), same, "2026-11-22T00:00:00Z", Deltas(vec![file(6, 10), file(7, 10), file(8, 10)])),
            ("one step too few", Some(4), same, "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::Gap)),
            ("no deltas", Some(7), |i| i.deltas.clear(), "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::Gap)),
            ("deltas as large as the snapshot", Some(5), |i| i.snapshot.bytes = 30, "2026-11-22T00:00:00Z", Deltas(vec![file(6, 10), file(7, 10), file(8, 10)])),
            ("deltas larger", Some(5), |i| i.snapshot.bytes = 29, "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::Cheaper)),
            ("larger, but one step is not", Some(7), |i| i.snapshot.bytes = 29, "2026-11-22T00:00:00Z", Deltas(vec![file(8, 10)])),
            ("same serial, later", Some(8), same, "2026-11-22T00:00:00Z", Confirm),
            ("same serial, same index", Some(8), |i| { i.as_of = at("2026-11-20T00:00:00Z"); i.published_at = i.as_of; }, "2026-11-22T00:00:00Z", Current),
            ("same serial, signed anew within the hour", Some(8), |i| { i.as_of = at("2026-11-20T00:59:59Z"); i.published_at = i.as_of; }, "2026-11-22T00:00:00Z", Current),
            ("same serial, signed anew an hour later", Some(8), |i| { i.as_of = at("2026-11-20T00:00:00Z"); i.published_at = at("2026-11-20T01:00:00Z"); }, "2026-11-22T00:00:00Z", Confirm),
            ("same serial, as of an hour later", Some(8), |i| { i.as_of = at("2026-11-20T01:00:00Z"); i.published_at = at("2026-11-20T00:00:01Z"); }, "2026-11-22T00:00:00Z", Confirm),
            ("same serial, signed before", Some(8), |i| i.published_at = at("2026-11-19T00:00:00Z"), "2026-11-22T00:00:00Z", Refuse(PullRefusal::Older)),
            ("same serial, another state", Some(8), |i| i.state = Sha256Digest([99; 32]), "2026-11-22T00:00:00Z", Refuse(PullRefusal::Rewritten)),
            ("same serial, another state, signed at the same time", Some(8), |i| { i.state = Sha256Digest([99; 32]); i.as_of = at("2026-11-20T00:00:00Z"); i.published_at = i.as_of; }, "2026-11-22T00:00:00Z", Refuse(PullRefusal::Rewritten)),
            ("same serial, another state, no deltas", Some(8), |i| { i.state = Sha256Digest([99; 32]); i.deltas.clear(); }, "2026-11-22T00:00:00Z", Refuse(PullRefusal::Rewritten)),
            ("same serial, another state, signed before", Some(8), |i| { i.state = Sha256Digest([99; 32]); i.published_at = at("2026-11-19T00:00:00Z"); }, "2026-11-22T00:00:00Z", Refuse(PullRefusal::Older)),
            ("same serial, another state, new session", Some(8), |i| { i.state = Sha256Digest([99; 32]); i.session = SessionId(Uuid::from_u128(2)); }, "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::NewSession)),
            ("next serial, another state", Some(7), |i| i.state = Sha256Digest([99; 32]), "2026-11-22T00:00:00Z", Deltas(vec![file(8, 10)])),
            ("lower serial", Some(9), same, "2026-11-22T00:00:00Z", Refuse(PullRefusal::Older)),
            ("lower serial, new session", Some(9), |i| i.session = SessionId(Uuid::from_u128(2)), "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::NewSession)),
            ("new session, signed before", Some(7), |i| { i.session = SessionId(Uuid::from_u128(2)); i.published_at = at("2026-11-19T00:00:00Z"); }, "2026-11-22T00:00:00Z", Refuse(PullRefusal::Older)),
            ("same serial, signed before, by another key", Some(8), |i| { i.published_at = at("2026-11-19T00:00:00Z"); i.signed_by = signer("two"); }, "2026-11-22T00:00:00Z", Confirm),
            ("same serial and instants, by another key", Some(8), |i| { i.as_of = at("2026-11-20T00:00:00Z"); i.published_at = i.as_of; i.signed_by = signer("two"); }, "2026-11-22T00:00:00Z", Confirm),
            ("signed before, by another key", Some(7), |i| { i.published_at = at("2026-11-19T00:00:00Z"); i.signed_by = signer("two"); }, "2026-11-22T00:00:00Z", Deltas(vec![file(8, 10)])),
            ("lower serial, by another key", Some(9), |i| i.signed_by = signer("two"), "2026-11-22T00:00:00Z", Refuse(PullRefusal::Older)),
            ("ended before the key was changed", Some(7), |i| { i.expires_at = at("2026-11-19T00:00:00Z"); i.signed_by = signer("two"); }, "2026-11-19T00:00:00Z", Refuse(PullRefusal::Expired)),
            ("not ended, by another key than one that ran ahead", Some(7), |i| { i.expires_at = at("2026-11-19T00:00:00Z"); i.signed_by = signer("two"); }, "2026-11-18T00:00:00Z", Deltas(vec![file(8, 10)])),
            ("known delta rewritten", Some(7), |i| i.deltas[1].sha256 = Sha256Digest([99; 32]), "2026-11-22T00:00:00Z", Refuse(PullRefusal::Rewritten)),
            ("rewritten, new session", Some(7), |i| { i.session = SessionId(Uuid::from_u128(2)); i.deltas[1].sha256 = Sha256Digest([99; 32]); }, "2026-11-22T00:00:00Z", Snapshot(SnapshotReason::NewSession)),
            ("unknown delta", Some(7), |i| i.deltas[2].sha256 = Sha256Digest([99; 32]), "2026-11-22T00:00:00Z", Deltas(vec![FeedFile { sha256: Sha256Digest([99; 32]), ..file(8, 10) }])),
            ("a second before the end", Some(7), same, "2026-11-27T23:59:59Z", Deltas(vec![file(8, 10)])),
            ("at the end", Some(7), same, "2026-11-28T00:00:00Z", Refuse(PullRefusal::Expired)),
            ("expired by what we hold, clock in 2015", Some(7), |i| i.expires_at = at("2026-11-20T00:00:00Z"), "2015-01-01T00:00:00Z", Refuse(PullRefusal::Expired)),
            ("clock in 2015", Some(7), same, "2015-01-01T00:00:00Z", Deltas(vec![file(8, 10)])),
        ];
        let known: Vec<_> = [6, 7].map(|serial| (Serial(serial), file(serial, 10).sha256)).into();
        for (name, serial, change, now, plan) in table {
            let mut index = offered();
            change(&mut index);
            assert_eq!(plan_pull(serial.map(held).as_ref(), &known, &index, at(now)), plan, "{name}");
        }
    }

    #[test]
    fn a_batch_is_halved_down_to_one() {
        let sizes: Vec<_> = core::iter::successors(Some(100), |size| smaller_batch(*size)).collect();
        assert_eq!(sizes, [100, 50, 25, 12, 6, 3, 1]);
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod feed_tests;
