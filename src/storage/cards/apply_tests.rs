//! Deltas: they lead to the digest the index names, or they change nothing at all.

use proptest::prelude::*;

use super::*;
use crate::domain::roster::FeedHeader;
use crate::storage::cards::CardStore;
use crate::storage::cards::Roster;
use crate::storage::test_support::NO_GUARD;
use crate::storage::test_support::Open;
use crate::storage::test_support::People;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::changes;
use crate::storage::test_support::cursor_of;
use crate::storage::test_support::delta;
use crate::storage::test_support::delta_header;
use crate::storage::test_support::id_of;
use crate::storage::test_support::index;
use crate::storage::test_support::lines;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::snapshot;
use crate::storage::test_support::state_of;
use crate::storage::test_support::with;

/// Everything `cards.db` says, as text: rows, tombstones, cursor and known deltas.
async fn everything(store: &CardStore) -> String {
    store.readers.ask(|db| Ok(["card", "tombstone", "cursor", "known_delta"].map(|table| dump(db, table)).concat())).await.unwrap()
}

impl CardStore {
    /// The digest of the rows themselves, whatever the cursor says.
    pub(crate) async fn digest_of_rows(&self) -> Sha256Digest {
        let digest = |db: &rusqlite::Transaction<'_>| {
            let mut statement = db.prepare(&format!("SELECT {} FROM card ORDER BY id", row::ALL))?;
            let (mut rows, mut digest) = (statement.query([])?, StateDigest::default());
            while let Some(row) = rows.next()? {
                digest.add(&row::read(row)?);
            }
            Ok(digest.finish())
        };
        self.readers.ask(digest).await.unwrap()
    }
}

async fn rows(store: &CardStore) -> String {
    store.readers.ask(|db| Ok(dump(db, "card"))).await.unwrap()
}

fn dump(connection: &Connection, table: &str) -> String {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<_> = (0..columns).map(|at| format!("{:?}", row.get::<_, rusqlite::types::Value>(at).unwrap())).collect();
        text.extend([table, ": ", &values.join(" "), "\n"]);
    }
    text
}

async fn loaded(station: &Station, people: &People) -> Open<CardStore> {
    let cards = station.cards();
    cards.load(people, 1).await;
    cards
}

/// Three states that follow each other: someone changes, someone leaves, someone comes.
fn three_states() -> [People; 3] {
    let first = people((1..=30).map(person));
    let mut second = first.clone();
    second.insert(id_of(&person(2)), with(person(2), Column::ValidUntil, Some("2027-12-31")));
    second.remove(&id_of(&person(3)));
    let mut third = second.clone();
    third.insert(id_of(&person(31)), person(31));
    third.insert(id_of(&person(2)), with(with(person(2), Column::ValidUntil, None), Column::Standing, Some("army")));
    [first, second, third]
}

#[tokio::test]
async fn deltas_in_order_lead_to_the_state_of_the_index() {
    let station = Station::new();
    let [first, second, third] = three_states();
    let cards = loaded(&station, &first).await;
    let told = cards.roster();
    let roster = cards.apply(vec![delta(&first, &second, 2), delta(&second, &third, 3)], &third, 3).await.unwrap();
    assert_eq!(roster, Roster { cursor: Some(cursor_of(&index(&third, 3))), cards: 30, unreadable: 0 });
    assert_eq!(*told.borrow(), roster, "the watch says the same");
    let known: Vec<_> = index(&third, 3).deltas.iter().map(|file| (file.serial, file.sha256)).collect();
    assert_eq!(cards.known_deltas().await.unwrap(), known);
    let held = rows(&cards).await;
    cards.close();
    let cards = station.cards();
    assert_eq!((rows(&cards).await, cards.roster().borrow().clone()), (held, roster), "also after a restart");
    cards.close();
}

#[tokio::test]
async fn whatever_contradicts_the_state_changes_nothing() {
    let station = Station::new();
    let [first, second, third] = three_states();
    let cards = loaded(&station, &first).await;
    let gone = people([person(1), person(2)]);
    cards.apply(vec![delta(&first, &gone, 2)], &gone, 2).await.unwrap();
    cards.load(&first, 3).await;
    cards.apply(vec![delta(&first, &second, 4)], &second, 4).await.unwrap();
    let before = (everything(&cards).await, cards.roster().borrow().clone());

    let good = || delta(&second, &third, 5);
    let headed = |header| lines(header, changes(&second, &third));
    let count = changes(&second, &third).len();
    let with_change = |change| {
        let mut all = changes(&second, &third);
        all.push(change);
        lines(delta_header(5, count + 1), all)
    };
    let nobody = || "097199999999".into();
    let set = |id, column, value: Option<&str>| RosterChange::Changed { id, values: vec![(column, value.map(Into::into))] };
    let other_session = || SessionId(Uuid::from_u128(1));
    let cases: Vec<(&str, FeedLines, Mismatch)> = vec![
        ("a change for nobody", with_change(set(nobody(), Column::Hamlet, None)), Mismatch::MissingPerson),
        ("a tombstone for nobody", with_change(RosterChange::Gone { id: nobody() }), Mismatch::MissingPerson),
        ("a tombstone for who left", with_change(RosterChange::Gone { id: id_of(&person(3)) }), Mismatch::MissingPerson),
        ("a new person who is held", with_change(RosterChange::New(Box::new(person(1)))), Mismatch::KnownPerson),
        ("more lines than the header says", headed(delta_header(5, count - 1)), Mismatch::RowCount),
        ("fewer lines than the header says", headed(delta_header(5, count + 1)), Mismatch::RowCount),
        ("another session", headed(FeedHeader { session: other_session(), ..delta_header(5, count) }), Mismatch::Header),
        ("a serial left out", headed(delta_header(6, count)), Mismatch::Header),
        ("a delta we have", headed(delta_header(4, count)), Mismatch::Header),
        ("two serials in one", headed(FeedHeader { from: Some(Serial(4)), ..delta_header(6, count) }), Mismatch::Header),
        ("a snapshot", snapshot(&third, 5), Mismatch::Header),
        ("another state", with_change(set(id_of(&person(1)), Column::Hamlet, Some("Thôn Thử"))), Mismatch::StateDigest),
    ];
    for (what, delta, mismatch) in cases {
        let error = cards.apply(vec![delta], &third, 5).await.unwrap_err();
        assert!(matches!(error, Error::Mismatch(found) if found == mismatch), "{what}: {error:?}");
        assert_eq!((everything(&cards).await, cards.roster().borrow().clone()), before, "{what}");
    }
    let error = cards.apply(vec![], &third, 5).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::Header)), "no delta at all: {error:?}");
    let error = cards.apply(vec![good()], &third, 6).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::Header)), "an index beyond the last delta: {error:?}");
    let (mut index, cursor) = (index(&third, 5), cursor_of(&index(&third, 5)));
    index.session = other_session();
    let error = cards.apply_deltas(vec![good()], index, cursor, NO_GUARD).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::Header)), "an index of another session: {error:?}");
    assert_eq!((everything(&cards).await, cards.roster().borrow().clone()), before);

    cards.apply(vec![good()], &third, 5).await.unwrap();
    cards.close();
}

#[tokio::test]
async fn a_chain_of_deltas_is_applied_whole_or_not_at_all() {
    let station = Station::new();
    let [first, second, third] = three_states();
    let cards = loaded(&station, &first).await;
    let before = everything(&cards).await;
    let broken = lines(delta_header(3, 1), vec![RosterChange::Gone { id: "097199999999".into() }]);
    assert!(cards.apply(vec![delta(&first, &second, 2), broken], &third, 3).await.is_err());
    assert_eq!(everything(&cards).await, before);
    cards.close();
}

#[tokio::test]
async fn a_file_that_ends_in_an_error_changes_nothing() {
    let station = Station::new();
    let [first, second, _] = three_states();
    let cards = loaded(&station, &first).await;
    let before = everything(&cards).await;
    let all = changes(&first, &second);
    let header = delta_header(2, all.len());
    let cut = || Box::new(all.clone().into_iter().take(1).map(Ok).chain([Err("cut short".into())]).collect::<Vec<_>>().into_iter());
    let error = cards.apply(vec![FeedLines { header, changes: cut() }], &second, 2).await.unwrap_err();
    assert!(matches!(error, Error::Feed(_)), "{error:?}");
    assert_eq!(everything(&cards).await, before);
    cards.apply(vec![delta(&first, &second, 2)], &second, 2).await.unwrap();
    cards.close();
}

#[tokio::test]
async fn deltas_without_a_roster_are_refused() {
    let station = Station::new();
    let [first, second, _] = three_states();
    let cards = station.cards();
    let error = cards.apply(vec![delta(&first, &second, 2)], &second, 2).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(Mismatch::Header)), "{error:?}");
    assert_eq!(*cards.roster().borrow(), Roster::default());
    cards.close();
}

/// What the feed gets wrong is the feed's mistake, so that the station takes the snapshot, and not ours.
#[tokio::test]
async fn a_row_without_a_key_or_with_anothers_key_is_the_feeds_mistake() {
    let station = Station::new();
    let [first, ..] = three_states();
    let cards = loaded(&station, &first).await;
    let before = everything(&cards).await;
    let set_id = |value: Option<&str>| RosterChange::Changed { id: id_of(&person(1)), values: vec![(Column::Id, value.map(Into::into))] };
    let keyless = RosterChange::New(Box::new(with(person(99), Column::Id, None)));
    for change in [keyless, set_id(None), set_id(person(2).value(Column::Id))] {
        let error = cards.apply(vec![lines(delta_header(2, 1), vec![change.clone()])], &first, 2).await.unwrap_err();
        assert!(matches!(error, Error::Mismatch(_)), "{change:?}: {error:?}");
        assert_eq!(everything(&cards).await, before);
    }
    cards.close();
}

#[tokio::test]
async fn a_confirmation_moves_the_times_and_nothing_else() {
    let station = Station::new();
    let [first, ..] = three_states();
    let cards = loaded(&station, &first).await;
    let held = rows(&cards).await;
    let mut newer = index(&first, 1);
    newer.as_of = at("2026-11-20T00:00:00Z");
    newer.published_at = at("2026-11-20T00:05:00Z");
    let cursor = cursor_of(&newer);
    assert_eq!(cards.confirm(newer.clone(), cursor.clone()).await.unwrap().cursor, Some(cursor.clone()));
    assert_eq!((rows(&cards).await, cards.roster().borrow().cursor.clone()), (held, Some(cursor.clone())));
    let others = [
        PullCursor { serial: Serial(2), ..cursor.clone() },
        PullCursor { session: SessionId(Uuid::nil()), ..cursor.clone() },
        PullCursor { state: Sha256Digest([0; 32]), ..cursor.clone() },
    ];
    for other in others {
        let error = cards.confirm(newer.clone(), other).await.unwrap_err();
        assert!(matches!(error, Error::Mismatch(Mismatch::CursorMoved)), "{error:?}");
        assert_eq!(cards.roster().borrow().cursor, Some(cursor.clone()));
    }
    cards.close();
}

#[tokio::test]
async fn a_confirmation_keeps_the_count_of_unreadable_rows() {
    let station = Station::new();
    let odd = people([person(1), with(person(2), Column::Sex, Some("?"))]);
    let cards = loaded(&station, &odd).await;
    let index = index(&odd, 1);
    let cursor = cursor_of(&index);
    assert_eq!(cards.confirm(index, cursor).await.unwrap().unreadable, 1);
    cards.close();
}

/// A caller that goes away while its change is under way must leave everyone else told of it.
#[tokio::test]
async fn the_watch_follows_a_change_whose_caller_went_away() {
    let station = Station::new();
    let [first, second, third] = three_states();
    let cards = loaded(&station, &first).await;
    {
        let going = cards.apply(vec![delta(&first, &second, 2)], &second, 2);
        tokio::pin!(going);
        // One look is enough to hand the job over; then the caller is gone.
        assert!(futures_poll(going.as_mut()).await.is_none());
    }
    // Whatever is asked of the worker next comes after that job.
    assert!(cards.apply(vec![], &third, 9).await.is_err());
    assert_eq!(cards.roster().borrow().cursor, Some(cursor_of(&index(&second, 2))));
    cards.load(&third, 5).await;
    cards.close();
}

async fn futures_poll<F: Future>(mut future: core::pin::Pin<&mut F>) -> Option<F::Output> {
    core::future::poll_fn(|context| match future.as_mut().poll(context) {
        core::task::Poll::Ready(output) => core::task::Poll::Ready(Some(output)),
        core::task::Poll::Pending => core::task::Poll::Ready(None),
    })
    .await
}

/// One edit of a state: a person comes, leaves, or has a value changed.
fn edit(state: &mut People, (n, kind, value): (u32, u8, u8)) {
    let id = id_of(&person(n));
    match kind {
        0 => {
            state.entry(id).or_insert_with(|| person(n));
        }
        1 => {
            state.remove(&id);
        }
        _ => {
            let column = [Column::Hamlet, Column::ValidUntil, Column::Standing, Column::Card, Column::Predecessor][usize::from(value) % 5];
            let words = [None, Some("2027-12-31"), Some("locked"), Some("HT3990000000077"), Some("một\u{1f}hai \u{0}ba")];
            state.entry(id).and_modify(|row| row.set(column, words[usize::from(value / 5) % 5].map(Into::into)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_and_deltas_lead_where_the_later_snapshot_leads(
        from in prop::collection::btree_set(0_u32..40, 0..30),
        steps in prop::collection::vec(prop::collection::vec((0_u32..40, 0_u8..3, 0_u8..25), 0..12), 1..6),
        at_once: bool,
    ) {
        let first = people(from.into_iter().map(person));
        let mut states = vec![first.clone()];
        for step in &steps {
            let mut next = states.last().unwrap().clone();
            for change in step {
                    edit(&mut next, *change);
                }
            states.push(next);
        }
        let (last, newest) = (states.last().unwrap().clone(), states.len() as u64);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (station, fresh) = (Station::new(), Station::new());
            let (stepped, loaded) = (station.cards(), fresh.cards());
            stepped.load(&first, 1).await;
            let mut deltas: Vec<_> = states.windows(2).zip(2..).map(|(pair, serial)| delta(&pair[0], &pair[1], serial)).collect();
            if at_once {
                stepped.apply(deltas, &last, newest).await.unwrap();
            } else {
                for (delta, serial) in deltas.drain(..).zip(2_u64..) {
                    stepped.apply(vec![delta], &states[usize::try_from(serial).unwrap() - 1], serial).await.unwrap();
                }
            }
            loaded.load(&last, newest).await;
            assert_eq!(rows(&stepped).await, rows(&loaded).await);
            assert_eq!(*stepped.roster().borrow(), *loaded.roster().borrow());
            let digest = state_of(&last);
            stepped.readers.ask(move |db| check_state(db, digest)).await.unwrap();
            // Whoever was there at some time and is not any more has left; nobody else has.
            let there: std::collections::BTreeSet<_> = states.iter().flat_map(|state| state.keys().cloned()).collect();
            let left: Vec<_> = there.into_iter().filter(|id| !last.contains_key(id)).collect();
            let told = |db: &rusqlite::Transaction<'_>| {
                let mut statement = db.prepare("SELECT id FROM tombstone ORDER BY id")?;
                let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<Box<str>>, _>>()?;
                Ok(ids)
            };
            assert_eq!(stepped.readers.ask(told).await.unwrap(), left);
            stepped.close();
            loaded.close();
        });
    }
}
