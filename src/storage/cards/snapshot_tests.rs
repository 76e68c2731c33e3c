//! Snapshots: the new roster takes the old one's place whole, or leaves no trace.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::*;
use crate::domain::roster::Column;
use crate::domain::roster::FeedHeader;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::storage::cards::CardStore;
use crate::storage::cards::Holding;
use crate::storage::cards::Roster;
use crate::storage::test_support::NO_GUARD;
use crate::storage::test_support::People;
use crate::storage::test_support::Station;
use crate::storage::test_support::changes;
use crate::storage::test_support::cursor_of;
use crate::storage::test_support::delta;
use crate::storage::test_support::delta_header;
use crate::storage::test_support::files;
use crate::storage::test_support::id_of;
use crate::storage::test_support::index;
use crate::storage::test_support::lines;
use crate::storage::test_support::names;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;
use crate::storage::test_support::session;
use crate::storage::test_support::snapshot;
use crate::storage::test_support::state_of;
use crate::storage::test_support::with;

fn header(serial: u64, rows: u64) -> FeedHeader {
    FeedHeader { from: None, session: session(), serial: Serial(serial), rows }
}

async fn replace(cards: &CardStore, lines: FeedLines, people: &People, serial: u64) -> Result<Roster, Error> {
    let index = index(people, serial);
    let cursor = cursor_of(&index);
    cards.replace(lines, index, cursor, NO_GUARD).await
}

/// Databases in the folder, without their logs.
fn databases(station: &Station) -> Vec<String> {
    names(&station.cards_folder()).into_iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "db")).collect()
}

async fn serial_seen(cards: &CardStore) -> u64 {
    cards.find(&scanned("097100000001")).await.unwrap().cursor.unwrap().serial.0
}

#[tokio::test]
async fn a_snapshot_takes_the_place_of_the_roster_and_removes_its_file() {
    let station = Station::new();
    let (first, second) = (people((1..=3).map(person)), people((2..=5).map(person)));
    let cards = station.cards();
    assert_eq!(databases(&station), ["cards-000001.db"]);
    cards.load(&first, 1).await;
    assert_eq!(databases(&station), ["cards-000002.db"]);
    let roster = replace(&cards, snapshot(&second, 7), &second, 7).await.unwrap();
    assert_eq!(roster, Roster { cursor: Some(cursor_of(&index(&second, 7))), cards: 4, unreadable: 0 });
    assert_eq!(*cards.roster().borrow(), roster);
    cards.close();
    assert_eq!(databases(&station), ["cards-000003.db"]);
    let cards = station.cards();
    assert_eq!(*cards.roster().borrow(), roster, "also after a restart");
    cards.close();
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_leaves_no_file_and_the_old_roster() {
    let station = Station::new();
    let (first, second) = (people((1..=3).map(person)), people((2..=9).map(person)));
    let cards = station.cards();
    cards.load(&first, 1).await;
    let before = (files(&station.cards_folder()), cards.roster().borrow().clone());
    let new = || changes(&People::new(), &second);
    let and = |change| new().into_iter().chain([change]).collect::<Vec<_>>();
    let cases = [
        ("too few rows", lines(header(2, 9), new()), Mismatch::RowCount),
        ("too many rows", lines(header(2, 7), new()), Mismatch::RowCount),
        ("another serial", lines(header(3, 8), new()), Mismatch::Header),
        ("another session", lines(FeedHeader { session: SessionId(uuid::Uuid::nil()), ..header(2, 8) }, new()), Mismatch::Header),
        ("a delta", lines(delta_header(2, 8), new()), Mismatch::Header),
        ("a tombstone", lines(header(2, 9), and(RosterChange::Gone { id: "097100000002".into() })), Mismatch::MissingPerson),
        ("another state", lines(header(2, 9), and(RosterChange::New(Box::new(person(10))))), Mismatch::StateDigest),
        ("one person twice", lines(header(2, 9), and(RosterChange::New(Box::new(person(9))))), Mismatch::KnownPerson),
        ("nobody", lines(header(2, 9), and(RosterChange::New(Box::new(with(person(10), Column::Id, None))))), Mismatch::MissingPerson),
    ];
    for (what, lines, mismatch) in cases {
        let error = replace(&cards, lines, &second, 2).await.unwrap_err();
        assert!(matches!(error, Error::Mismatch(found) if found == mismatch), "{what}: {error:?}");
        assert_eq!((files(&station.cards_folder()), cards.roster().borrow().clone()), before, "{what}");
    }
    let cut = new().into_iter().take(2).map(Ok).chain([Err("cut short".into())]).collect::<Vec<_>>();
    let error = replace(&cards, FeedLines { header: header(2, 8), changes: Box::new(cut.into_iter()) }, &second, 2).await.unwrap_err();
    assert!(matches!(error, Error::Feed(_)), "{error:?}");
    assert_eq!((files(&station.cards_folder()), cards.roster().borrow().clone()), before);
    cards.close();
}

/// Feed lines that run a closure in their middle: whatever it does happens while the snapshot is being built.
fn lines_with(people: &People, serial: u64, meanwhile: impl FnOnce() + Send + 'static) -> FeedLines {
    let FeedLines { header, changes } = snapshot(people, serial);
    let mut meanwhile = Some(meanwhile);
    let changes = changes.inspect(move |_| {
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
    });
    FeedLines { header, changes: Box::new(changes) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_built_while_the_cursor_moved_is_given_up_with_its_file() {
    let station = Station::new();
    let (first, second, third) = (people((1..=3).map(person)), people((1..=4).map(person)), people((1..=5).map(person)));
    let cards = station.cards();
    cards.load(&first, 1).await;
    let (runtime, other) = (tokio::runtime::Handle::current(), cards.store.clone());
    let (delta, index_2) = (delta(&first, &second, 2), index(&second, 2));
    let moves = move || {
        let cursor = cursor_of(&index_2);
        runtime.block_on(other.apply_deltas(vec![delta], index_2, cursor, NO_GUARD)).unwrap();
    };
    let error = replace(&cards, lines_with(&third, 3, moves), &third, 3).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::CursorMoved)), "{error:?}");
    assert_eq!(cards.roster().borrow().cursor, Some(cursor_of(&index(&second, 2))));
    assert_eq!(databases(&station), ["cards-000002.db"], "the file that is not wanted takes no room");
    cards.load(&third, 3).await;
    cards.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_snapshots_at_once_do_not_share_a_file() {
    let station = Station::new();
    let (first, second, third) = (people((1..=3).map(person)), people((1..=40).map(person)), people((1..=50).map(person)));
    let cards = station.cards();
    cards.load(&first, 1).await;
    let (runtime, other, within) = (tokio::runtime::Handle::current(), cards.store.clone(), second.clone());
    let loads = move || {
        runtime.block_on(replace(&other, snapshot(&within, 2), &within, 2)).unwrap();
    };
    let error = replace(&cards, lines_with(&third, 3, loads), &third, 3).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::CursorMoved)), "{error:?}");
    assert_eq!(cards.roster().borrow().cursor, Some(cursor_of(&index(&second, 2))));
    assert_eq!(databases(&station), ["cards-000004.db"]);
    assert_eq!(serial_seen(&cards).await, 2);
    cards.close();
    assert_eq!(serial_seen(&station.cards()).await, 2);
}

#[tokio::test]
async fn a_question_under_way_keeps_the_roster_it_began_with() {
    let station = Station::new();
    let (first, second) = (people((1..=3).map(person)), people((2..=5).map(person)));
    let cards = station.cards();
    cards.load(&first, 1).await;
    let (asked, asked_told) = std::sync::mpsc::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let readers = cards.readers.clone();
    let question = std::thread::spawn(move || {
        readers.ask_now(|db| {
            let before = apply::cursor(db)?.unwrap().serial.0;
            asked.send(()).unwrap();
            wait.recv().unwrap();
            let ids: u64 = db.query_row("SELECT count(*) FROM card WHERE id <= '097100000001'", [], |row| row.get(0))?;
            Ok((before, ids, apply::cursor(db)?.unwrap().serial.0))
        })
    });
    asked_told.recv().unwrap();
    cards.load(&second, 2).await;
    assert_eq!(serial_seen(&cards).await, 2, "a new question sees the new one");
    go_on.send(()).unwrap();
    assert_eq!(question.join().unwrap().unwrap(), (1, 1, 1));
    assert_eq!(serial_seen(&cards).await, 2, "and the old connection is not lent out again");
    cards.close();
    assert_eq!(names(&station.cards_folder()).iter().filter(|name| name.starts_with("cards-000002")).count(), 0);
}

/// Desks that ask without pause while rosters follow each other: each answer is of one whole state, and never an error.
#[tokio::test(flavor = "multi_thread")]
async fn questions_asked_while_the_roster_is_replaced_are_all_answered() {
    let station = Station::new();
    let states: Vec<_> =
        (0..30_u64).map(|serial| people((1..=3).map(person).map(|row| with(row, Column::Hamlet, Some(&serial.to_string()))))).collect();
    let cards = station.cards();
    cards.load(&states[0], 0).await;
    let done = Arc::new(AtomicBool::new(false));
    let desks: Vec<_> = (0..6)
        .map(|_| {
            let (store, done) = (cards.store.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let (scan, mut newest) = (scanned("097100000002"), 0);
                while !done.load(Ordering::Relaxed) {
                    let found = store.find_now(&scan).expect("an answer");
                    let serial = found.cursor.expect("a roster").serial.0;
                    let Holding::Held(record) = found.holding else { panic!("nobody") };
                    assert_eq!(record.hamlet.as_deref(), Some(serial.to_string().as_str()));
                    assert!(serial >= newest, "a desk never goes back in time");
                    newest = serial;
                }
            })
        })
        .collect();
    for (serial, state) in (1..).zip(&states[1..]) {
        cards.load(state, serial).await;
    }
    done.store(true, Ordering::Relaxed);
    for desk in desks {
        desk.join().unwrap();
    }
    cards.close();
    let left: Vec<_> = names(&station.cards_folder())
        .into_iter()
        .filter(|name| name.starts_with("cards-") && !name.starts_with("cards-000031.db"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "no file of an old roster is left");
}

/// Desks that ask in the middle of a change are answered at once, from the roster as it was.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_roster_is_built_or_changed_every_desk_is_answered_from_the_old_one() {
    const DESKS: u32 = 24;
    let states: Vec<_> =
        (0..3_u64).map(|n| people((1..=600).map(person).map(|row| with(row, Column::Hamlet, Some(&n.to_string()))))).collect();
    let station = Station::new();
    let cards = station.cards();
    cards.load(&states[0], 1).await;
    let ask = |store: CardStore, serial: u64| {
        move || {
            let desks: Vec<_> = (1..=DESKS)
                .map(|n| {
                    let store = store.clone();
                    std::thread::spawn(move || store.find_now(&scanned(&format!("0971{:08}", n * 20))).expect("an answer"))
                })
                .collect();
            for desk in desks {
                let found = desk.join().unwrap();
                let Holding::Held(record) = found.holding else { panic!("nobody") };
                assert_eq!((found.cursor.unwrap().serial.0, record.hamlet.as_deref()), (serial, Some(&*(serial - 1).to_string())));
            }
        }
    };
    // Both run in the middle of the change: it goes on only after every desk has its answer.
    replace(&cards, lines_with(&states[1], 2, ask(cards.store.clone(), 1)), &states[1], 2).await.unwrap();
    assert_eq!(serial_seen(&cards).await, 2);
    let FeedLines { header, changes } = delta(&states[1], &states[2], 3);
    let (mut line, half, asks) = (0, header.rows / 2, ask(cards.store.clone(), 2));
    let changes = changes.inspect(move |_| {
        line += 1;
        if line == half {
            asks();
        }
    });
    cards.apply(vec![FeedLines { header, changes: Box::new(changes) }], &states[2], 3).await.unwrap();
    assert_eq!(serial_seen(&cards).await, 3);
    cards.close();
}

/// Rows of two states put together, as by a server that mixes two nights or two stations: 10,000 mixtures by their digest, 100 of them on the disk.
#[tokio::test]
async fn f30_parts_of_two_states_are_never_accepted() {
    use rand::RngExt;
    use rand::SeedableRng;
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let first = people((1..=30).map(person));
    // The next night: some are extended, some leave, some come. Another station: other people.
    let night: People = people((3..=33).map(person).map(|row| {
        let until = if id_of(&row).ends_with('7') { "2026-12-31" } else { "2027-12-31" };
        with(row, Column::ValidUntil, Some(until))
    }));
    let other = people((101..=130).map(person));
    let station = Station::new();
    let cards = station.cards();
    cards.load(&first, 1).await;
    let before = cards.roster().borrow().clone();
    let (mut mixed, mut tried) = (0, 0);
    while mixed < 10_000 {
        let second = if random.random_bool(0.5) { &night } else { &other };
        let share = random.random_range(0.01..0.99);
        // Of every person the row of one state or the other, which may be none.
        let ids: std::collections::BTreeSet<_> = first.keys().chain(second.keys()).collect();
        let rows = ids.into_iter().filter_map(|id| if random.random_bool(share) { first.get(id) } else { second.get(id) }.cloned());
        let mix = people(rows);
        if mix == first || mix == *second {
            continue;
        }
        mixed += 1;
        for state in [&first, second] {
            assert_ne!(state_of(&mix), state_of(state));
        }
        if mixed % 100 == 0 {
            tried += 1;
            let error = replace(&cards, snapshot(&mix, 2), second, 2).await.unwrap_err();
            assert!(matches!(error, Error::Mismatch(Mismatch::StateDigest | Mismatch::RowCount)), "{error:?}");
            let error = cards.apply(vec![delta(&first, &mix, 2)], second, 2).await.unwrap_err();
            assert!(matches!(error, Error::Mismatch(Mismatch::StateDigest)), "{error:?}");
            assert_eq!(cards.roster().borrow().clone(), before);
        }
    }
    assert_eq!((tried, cards.digest_of_rows().await), (100, state_of(&first)));
    assert_eq!(serial_seen(&cards).await, 1);
    replace(&cards, snapshot(&night, 2), &night, 2).await.unwrap();
    assert_eq!(databases(&station).len(), 1, "nothing is left of what was refused");
    cards.close();
}
