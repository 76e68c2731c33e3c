//! Saving a visit: with its outbox row or not at all, once, and for good.

use super::*;
use crate::domain::clock::ClockState;
use crate::domain::visit::Revision;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::morning;
use crate::storage::test_support::said;
use crate::storage::test_support::sparse_visit;
use crate::storage::test_support::visit;
use crate::storage::visits::VisitStore;

async fn rows(store: &VisitStore) -> (u32, u32) {
    let count = |db: &Connection, table| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    store.readers.ask(move |db| Ok((count(db, "visit")?, count(db, "outbox")?))).await.unwrap()
}

async fn run(store: &VisitStore, sql: &'static str) {
    store.writer.call(move |writer| Ok(writer.connection.execute_batch(sql)?)).await.unwrap();
}

#[tokio::test]
async fn what_was_saved_is_there_after_a_restart() {
    let station = Station::new();
    let visits = station.visits();
    let id = visits.install_id().await.unwrap();
    assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(1)));
    assert_eq!(visits.append(sparse_visit(2)).await.unwrap(), Saved::New(Sequence(2)));
    visits.close();
    let visits = station.visits();
    let saved: Vec<_> = visits.due(10, morning()).await.unwrap().into_iter().map(|visit| (visit.sequence.0, visit.content)).collect();
    assert_eq!(saved, [(1, visit(1)), (2, sparse_visit(2))]);
    assert_eq!(visits.install_id().await.unwrap(), id);
    assert_eq!(visits.counts().borrow().pending, 2);
    visits.close();
}

#[tokio::test]
async fn the_same_revision_is_saved_once() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    let mut other_words = visit(1);
    other_words.note = Some("khác".into());
    for again in [visit(1), other_words] {
        assert_eq!(visits.append(again).await.unwrap(), Saved::Already(Sequence(1)));
    }
    assert_eq!(rows(&visits).await, (1, 1));
    assert_eq!(visits.due(10, morning()).await.unwrap()[0].content, visit(1), "the first one stays");
    let mut correction = visit(1);
    correction.revision = Revision(2);
    assert_eq!(visits.append(correction).await.unwrap(), Saved::New(Sequence(2)));
    assert_eq!(rows(&visits).await, (2, 2));
    visits.close();
}

#[tokio::test]
async fn a_visit_whose_outbox_row_fails_is_not_saved() {
    let station = Station::new();
    let visits = station.visits();
    run(&visits, "CREATE TRIGGER fail BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    assert!(visits.append(visit(1)).await.is_err());
    assert_eq!((rows(&visits).await, visits.counts().borrow().pending), ((0, 0), 0));
    run(&visits, "DROP TRIGGER fail").await;
    assert!(matches!(visits.append(visit(1)).await.unwrap(), Saved::New(_)));
    assert_eq!((rows(&visits).await, visits.counts().borrow().pending), ((1, 1), 1));
    visits.close();
}

#[tokio::test]
async fn the_sequence_only_rises() {
    let station = Station::new();
    let mut last = 0;
    for n in 1..5 {
        let visits = station.visits();
        for revision in 1..4 {
            let mut visit = visit(n);
            visit.revision = Revision(revision);
            let Sequence(sequence) = visits.append(visit.clone()).await.unwrap().sequence();
            assert!(sequence > last);
            assert_eq!(visits.append(visit).await.unwrap(), Saved::Already(Sequence(sequence)));
            last = sequence;
        }
        // Not even where the newest row is lost: its number is not given to another visit.
        run(&visits, "DELETE FROM outbox WHERE sequence = (SELECT max(sequence) FROM visit); DELETE FROM visit WHERE sequence = (SELECT max(sequence) FROM visit)").await;
        visits.close();
    }
}

#[tokio::test]
async fn a_saved_visit_is_on_the_disk_before_the_answer() {
    // What a power cut leaves: the files as they are at the instant of the answer, nothing closed.
    let (station, cut) = (Station::new(), Station::new());
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    for name in ["visits.db", "visits.db-wal"] {
        std::fs::copy(station.path().join(name), cut.path().join(name)).unwrap();
    }
    let after = cut.visits();
    assert_eq!(after.due(10, morning()).await.unwrap()[0].content, visit(1));
    after.close();
    visits.close();
}

#[tokio::test]
async fn the_writer_flushes_each_commit() {
    let station = Station::new();
    let visits = station.visits();
    let pragmas = |db: &mut Connection| {
        let journal: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = db.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        Ok((journal, synchronous))
    };
    assert_eq!(visits.writer.call(move |writer| pragmas(&mut writer.connection)).await.unwrap(), ("wal".to_owned(), 2));
    visits.close();
}

#[tokio::test]
async fn a_full_disk_saves_nothing_and_says_so() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    visits.writer.call(|writer| Ok(writer.connection.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?)).await.unwrap();
    let mut long = visit(2);
    long.note = Some("dài ".repeat(20_000).into());
    let error = visits.append(long.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    assert_eq!((rows(&visits).await, visits.counts().borrow().pending), ((1, 1), 1));
    visits.writer.call(|writer| Ok(writer.connection.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))?)).await.unwrap();
    assert_eq!(visits.append(long).await.unwrap(), Saved::New(Sequence(2)));
    visits.close();
}

#[tokio::test]
async fn the_last_arrival_counts_only_what_a_plausible_clock_said() {
    let station = Station::new();
    let visits = station.visits();
    assert_eq!(visits.last_arrival().await.unwrap(), None);
    visits.append(visit(5)).await.unwrap();
    visits.append(visit(3)).await.unwrap();
    let mut far = visit(6);
    far.arrived_at = at("2037-01-01T00:00:00Z");
    far.clock.state = ClockState::FarAhead;
    visits.append(far).await.unwrap();
    assert_eq!(visits.last_arrival().await.unwrap(), Some(visit(3).arrived_at));
    visits.close();
}

#[tokio::test]
async fn no_error_tells_who_the_visit_was_of() {
    let station = Station::new();
    let visits = station.visits();
    let mut wrong = visit(7);
    wrong.revision = Revision(0);
    let refused = visits.append(wrong).await.unwrap_err();
    run(&visits, "CREATE TRIGGER fail BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    let failed = visits.append(visit(7)).await.unwrap_err();
    run(&visits, "DROP TRIGGER fail").await;
    visits.append(visit(7)).await.unwrap();
    let mut errors = vec![refused, failed];
    for column in ["personal_id", "card_number", "insurance_number", "name", "birth_date", "id", "session", "arrived_at"] {
        let sql = format!("UPDATE visit SET {column} = 'x097100000007 0000000007 Ví Dụ 5'");
        visits.writer.call(move |writer| Ok(writer.connection.execute_batch(&sql)?)).await.unwrap();
        errors.push(visits.due(10, morning()).await.unwrap_err());
    }
    for error in errors {
        let said = said(&error);
        for secret in ["097100000007", "0000000007", "Ví Dụ", "1985", "ghi chú"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    visits.close();
}
