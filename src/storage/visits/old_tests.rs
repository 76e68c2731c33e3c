//! A file that an earlier program wrote: opened, brought up to date, and read as it was.

use super::*;
use crate::domain::visit::Delivery;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::sparse_visit;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;

/// One row in each state that version 1 knew, as it wrote them. Revisions were not in order of need then: 2 was refused, and a second revision went beside it.
const ROWS: &str = "
INSERT INTO identity VALUES (1, '00000000-0000-4000-8000-00000000000a', '2026-11-01T00:00:00.000Z');
INSERT INTO outbox VALUES (1, 'delivered', NULL, NULL, NULL), (2, 'parked', NULL, 'unknown_facility', 'Cơ sở không có'),
    (3, 'parked', NULL, 'unreadable', 'Không đọc được'), (4, 'pending', '2026-11-22T01:10:00.000Z', NULL, NULL), (5, 'pending', NULL, NULL, NULL);
INSERT INTO receipt VALUES (1, 'VR-1', '2026-11-22T01:00:00.000Z', 1, '2026-11-22T01:00:01.000Z');
UPDATE sqlite_sequence SET seq = 9 WHERE name = 'visit';
";

/// A full row of version 1: sequence, id, revision, minute and person are the visit's number's.
fn full_row(sequence: u32, n: u32, revision: u32) -> String {
    let (id, minute) = (visit_id(n).0, n);
    format!(
        "INSERT INTO visit VALUES ({sequence}, '{id}', {revision}, '2026-11-22', '2026-11-22T01:{minute:02}:00.000Z', 'Lê Thị Thử', '{source}', \
         'GD499{n:010}', '{n:010}', '0971{n:08}', 'Trần Thị Ví Dụ', '1985-09-02', 'female', '1.2', '01', 'ghi chú thử', 'valid', 'match', 'cached', \
         'fresh', '00000000-0000-0000-0000-000000000099', 3, '2026-10-26T01:00:00.000Z', 100, '2026-07', 'plausible', 'boot', {boot_ms});",
        source = visit(n).source.code(),
        boot_ms = 1000 + n,
    )
}

/// The same with nothing that may be left out.
fn sparse_row(sequence: u32, n: u32) -> String {
    let (id, minute, source) = (visit_id(n).0, n, visit(n).source.code());
    format!(
        "INSERT INTO visit VALUES ({sequence}, '{id}', 1, '2026-11-22', '2026-11-22T01:{minute:02}:00.000Z', 'Lê Thị Thử', '{source}', \
         NULL, NULL, NULL, NULL, NULL, NULL, '1.2', '01', NULL, 'valid', 'match', 'cached', 'fresh', NULL, NULL, NULL, NULL, NULL, 'plausible', \
         'boot', {boot_ms});",
        boot_ms = 1000 + n,
    )
}

/// The file as version 1 left it, with its mark.
fn station_of_version_1() -> Station {
    let station = Station::new();
    let first = Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
    let connection = open::writer(&station.path().join(FILE), &key(), &first).unwrap();
    for row in [full_row(1, 1, 1), full_row(2, 2, 1), full_row(3, 3, 1), sparse_row(4, 4), full_row(5, 2, 2)] {
        connection.execute_batch(&row).unwrap();
    }
    connection.execute_batch(ROWS).unwrap();
    station
}

#[tokio::test]
async fn what_version_1_wrote_is_read_as_it_was() {
    let station = station_of_version_1();
    let visits = station.visits();
    assert_eq!(visits.install_id().await.unwrap(), Uuid::from_u128(0x4000_8000_0000_0000_000a));
    let mut logged = visits.of_day("2026-11-22".parse().unwrap()).await.unwrap();
    logged.reverse();
    let contents: Vec<_> = logged.iter().map(|logged| logged.visit.content.clone()).collect();
    assert_eq!(contents, [visit(1), visit(2), visit(3), sparse_visit(4), revision_of(2, 2)]);
    let refused = |code: &str, text: &str| Some((code.into(), text.into()));
    let states: Vec<_> = logged.into_iter().map(|logged| (logged.delivery, logged.reference, logged.refused, logged.closing)).collect();
    assert_eq!(
        states,
        [
            (Delivery::Delivered, Some("VR-1".into()), None, None),
            // It has a newer revision: nobody need look at it.
            (Delivery::Superseded, None, refused("unknown_facility", "Cơ sở không có"), None),
            (Delivery::Parked, None, refused("unreadable", "Không đọc được"), None),
            (Delivery::Pending, None, None, None),
            (Delivery::Pending, None, None, None),
        ]
    );
    let put_off_until = Some(at("2026-11-22T01:10:00Z"));
    let expected = Counts {
        pending: 2,
        pending_visits: 2,
        parked: 1,
        delivered: 1,
        highest: Sequence(5),
        oldest_pending_at: Some(visit(2).arrived_at),
        put_off_until,
        put_off: 1,
        ..Counts::default()
    };
    assert_eq!(*visits.counts().borrow(), expected);
    let due = visits.due(10, morning()).await.unwrap();
    assert_eq!(due.into_iter().map(|visit| visit.sequence.0).collect::<Vec<_>>(), [5], "what was put off still is");
    assert_eq!((visits.ledger().await.unwrap(), visits.machine().await.unwrap()), (None, None));
    assert_eq!(Station::set_aside(station.path()), Vec::<String>::new());
    visits.close();
}

#[tokio::test]
async fn work_goes_on_in_a_file_of_version_1() {
    let station = station_of_version_1();
    let visits = station.visits();
    assert_eq!(visits.append(visit(9)).await.unwrap(), Saved::New(Sequence(10)), "no number is used twice");
    assert!(visits.release(visit_id(3), Revision::FIRST).await.unwrap());
    // The receipt of before the first contact: which ledger it is of is not known, so the visit is sent again.
    assert_eq!(visits.ledger_seen(Uuid::from_u128(1), at("2026-11-22T00:00:00Z")).await.unwrap().visits, 1);
    assert_eq!(visits.ledger_seen(Uuid::from_u128(2), at("2026-11-22T00:00:00Z")).await.unwrap().visits, 0);
    visits.store_receipts(vec![receipt(4, crate::storage::test_support::held("VR-4"))], morning()).await.unwrap();
    visits.close();
    let visits = station.visits();
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked, counts.delivered), (4, 0, 1));
    let violations = |db: &Transaction<'_>| {
        let mut statement = db.prepare("PRAGMA foreign_key_check")?;
        Ok(statement.query([])?.next()?.is_some())
    };
    assert!(!visits.readers.ask(violations).await.unwrap());
    visits.close();
}
