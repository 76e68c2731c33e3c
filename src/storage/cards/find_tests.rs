//! Who is found, and who is said to have left.

use super::*;
use crate::domain::person::PersonName;
use crate::domain::roster::RosterChange;
use crate::storage::cards::CardStore;
use crate::storage::cards::SCHEMA;
use crate::storage::open;
use crate::storage::test_support::NO_GUARD;
use crate::storage::test_support::Open;
use crate::storage::test_support::People;
use crate::storage::test_support::Station;
use crate::storage::test_support::changes;
use crate::storage::test_support::cursor_of;
use crate::storage::test_support::delta;
use crate::storage::test_support::id_of;
use crate::storage::test_support::index;
use crate::storage::test_support::key;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;
use crate::storage::test_support::shown_by;
use crate::storage::test_support::snapshot;
use crate::storage::test_support::with;

async fn holding(store: &CardStore, scan: &Scan) -> Holding {
    store.find(scan).await.unwrap().holding
}

fn record(row: &RosterRow) -> Holding {
    Holding::Held(Box::new(row.to_record().unwrap()))
}

async fn loaded(station: &Station, people: &People) -> Open<CardStore> {
    let cards = station.cards();
    cards.load(people, 1).await;
    cards
}

#[tokio::test]
async fn an_empty_folder_holds_no_roster() {
    let station = Station::new();
    let cards = station.cards();
    let found = cards.find(&scanned("097100000001")).await.unwrap();
    assert_eq!(found, Found { holding: Holding::NoRoster, cursor: None, asked: None });
    assert_eq!(*cards.roster().borrow(), crate::storage::cards::Roster::default());
    cards.close();
}

#[tokio::test]
async fn a_person_is_found_by_every_number_and_with_the_position_it_is_from() {
    let station = Station::new();
    let held = people((1..=50).map(person));
    let cards = loaded(&station, &held).await;
    for text in ["097100000007", "0000000007", "GD4990000000007", "HT1990000000007"] {
        let found = cards.find(&scanned(text)).await.unwrap();
        assert_eq!(found.holding, record(&person(7)), "{text}");
        assert_eq!(found.cursor, Some(cursor_of(&index(&held, 1))), "{text}");
    }
    assert_eq!(cards.find_now(&shown_by(&person(7))).unwrap().holding, record(&person(7)), "both numbers are one person's");
    for text in ["097100000051", "0000000051", "GD4990000000051"] {
        assert_eq!(holding(&cards, &scanned(text)).await, Holding::NotHeld, "{text}");
    }
    cards.close();
}

#[tokio::test]
async fn one_number_on_several_rows_is_told_apart_by_the_name_or_reported() {
    let station = Station::new();
    let first = with(person(1), Column::Name, Some("TRẦN THỊ VÍ DỤ"));
    let second = with(with(person(2), Column::Card, Some("HT3990000000001")), Column::Name, Some("LÊ VĂN THỬ"));
    let cards = loaded(&station, &people([first.clone(), second.clone(), person(3)])).await;
    let mut scan = scanned("0000000001");
    assert_eq!(holding(&cards, &scan).await, Holding::Several, "nothing but the number");
    for (name, found) in [("Trần Thị Ví Dụ", &first), ("LÊ VĂN THỬ", &second), ("Le Van Thu", &second)] {
        scan.name = Some(PersonName::parse(name).unwrap());
        assert_eq!(holding(&cards, &scan).await, record(found), "{name}");
    }
    scan.name = Some(PersonName::parse("Phạm Thị Giả").unwrap());
    assert_eq!(holding(&cards, &scan).await, Holding::Several, "a name that neither has");

    let mut card = scanned("HT3990000000001");
    assert_eq!(holding(&cards, &card).await, record(&second), "the whole card number is one person's");
    card.name = Some(PersonName::parse("Trần Thị Ví Dụ").unwrap());
    assert_eq!(holding(&cards, &card).await, Holding::Several, "one person's card under another one's name");
    let mut older = scanned("HT2990000000001");
    assert_eq!(holding(&cards, &older).await, Holding::Several);
    older.name = card.name;
    assert_eq!(holding(&cards, &older).await, record(&first), "an older print is told apart by the name");
    cards.close();
}

#[tokio::test]
async fn two_people_of_one_name_under_one_number_are_told_apart_by_birth_date_or_reported() {
    let station = Station::new();
    let named = |n, born| with(with(person(n), Column::Name, Some("TRẦN THỊ VÍ DỤ")), Column::Born, Some(born));
    let first = named(1, "1985-09-02");
    let second = with(named(2, "2010-01-01"), Column::Card, Some("TE1990000000001"));
    let cards = loaded(&station, &people([first.clone(), second.clone()])).await;
    let mut scan = scanned("0000000001");
    scan.name = Some(PersonName::parse("Trần Thị Ví Dụ").unwrap());
    assert_eq!(holding(&cards, &scan).await, Holding::Several);
    scan.birth_date = Some(crate::domain::person::BirthDate::parse_iso("2010").unwrap());
    assert_eq!(holding(&cards, &scan).await, record(&second));
    cards.close();
}

#[tokio::test]
async fn numbers_of_two_people_on_one_card_are_told_apart_by_the_name_or_reported() {
    let station = Station::new();
    let (first, second) = (with(person(1), Column::Name, Some("TRẦN THỊ VÍ DỤ")), with(person(2), Column::Name, Some("LÊ VĂN THỬ")));
    let cards = loaded(&station, &people([first.clone(), second])).await;
    let mut scan = scanned("097100000001");
    scan.insurance_number = scanned("0000000002").insurance_number;
    assert_eq!(holding(&cards, &scan).await, Holding::Several);
    scan.name = Some(PersonName::parse("Trần Thị Ví Dụ").unwrap());
    assert_eq!(holding(&cards, &scan).await, record(&first));
    cards.close();
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_reported_and_harms_nobody_else() {
    let station = Station::new();
    let odd = with(person(2), Column::Standing, Some("a_word_of_tomorrow"));
    let cards = loaded(&station, &people([person(1), odd, person(3)])).await;
    for text in ["097100000002", "0000000002"] {
        assert_eq!(holding(&cards, &scanned(text)).await, Holding::Unreadable, "{text}");
    }
    assert_eq!(holding(&cards, &scanned("097100000001")).await, record(&person(1)));
    assert_eq!(holding(&cards, &scanned("097100000003")).await, record(&person(3)));
    let roster = cards.roster().borrow().clone();
    assert_eq!((roster.cards, roster.unreadable), (3, 1));
    cards.close();
    assert_eq!(station.cards().roster().borrow().unreadable, 1, "also after a restart");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_stand_in_for_the_one_that_was_shown() {
    let station = Station::new();
    let odd = with(with(person(2), Column::Card, Some("HT3990000000001")), Column::Sex, Some("?"));
    let cards = loaded(&station, &people([person(1), odd.clone()])).await;
    assert_eq!(holding(&cards, &scanned("0000000001")).await, Holding::Several);
    assert_eq!(holding(&cards, &shown_by(&person(1))).await, record(&person(1)));
    cards.close();
}

/// While the province knows no personal id the insurance number is the row's key; such a row is found by it whatever its card number looks like.
#[tokio::test]
async fn a_row_keyed_by_its_insurance_number_is_found_even_where_its_card_number_cannot_be_read() {
    let station = Station::new();
    let keyed = |card| with(with(person(2), Column::Id, Some("0000000002")), Column::Card, card);
    for card in [None, Some("GD4-99-0000000002x")] {
        let cards = loaded(&station, &people([person(1), keyed(card)])).await;
        assert_eq!(holding(&cards, &scanned("0000000002")).await, Holding::Unreadable, "{card:?}");
        let gone = people([person(1)]);
        cards.apply(vec![delta(&people([person(1), keyed(card)]), &gone, 2)], &gone, 2).await.unwrap();
        assert_eq!(holding(&cards, &scanned("0000000002")).await, Holding::Left, "{card:?}");
        cards.close();
    }
    let cards = loaded(&station, &people([keyed(Some("GD4990000000002"))])).await;
    assert_eq!(holding(&cards, &scanned("GD4990000000002")).await, record(&keyed(Some("GD4990000000002"))));
    cards.close();
}

#[tokio::test]
async fn whoever_left_by_a_delta_has_left_and_may_come_back() {
    let station = Station::new();
    let (all, fewer) = (people((1..=3).map(person)), people([person(1), person(3)]));
    let cards = loaded(&station, &all).await;
    cards.apply(vec![delta(&all, &fewer, 2)], &fewer, 2).await.unwrap();
    for text in ["097100000002", "0000000002", "GD4990000000002"] {
        assert_eq!(holding(&cards, &scanned(text)).await, Holding::Left, "{text}");
    }
    assert_eq!(holding(&cards, &scanned("097100000004")).await, Holding::NotHeld);
    // Comes back with another card: both numbers must be found again and neither be "left".
    let back = people([person(1), with(person(2), Column::Card, Some("HT3990000000099")), person(3)]);
    assert!(matches!(changes(&fewer, &back)[..], [RosterChange::New(_)]));
    cards.apply(vec![delta(&fewer, &back, 3)], &back, 3).await.unwrap();
    assert_eq!(holding(&cards, &scanned("097100000002")).await, record(&back["097100000002"]));
    assert_eq!(holding(&cards, &scanned("0000000002")).await, Holding::NotHeld, "the tombstone is gone with its number");
    cards.close();
}

#[tokio::test]
async fn whoever_a_new_snapshot_does_not_list_has_left() {
    let station = Station::new();
    let cards = loaded(&station, &people((1..=4).map(person))).await;
    let three = people([person(1), person(3), person(4)]);
    cards.apply(vec![delta(&people((1..=4).map(person)), &three, 2)], &three, 2).await.unwrap();
    cards.load(&people([person(1), person(3)]), 5).await;
    assert_eq!(holding(&cards, &scanned("097100000002")).await, Holding::Left, "a tombstone is carried over");
    assert_eq!(holding(&cards, &scanned("097100000004")).await, Holding::Left, "who is not listed any more gets one");
    assert_eq!(holding(&cards, &scanned("097100000003")).await, record(&person(3)));
    cards.load(&people((1..=4).map(person)), 6).await;
    for text in ["097100000002", "0000000004"] {
        assert!(matches!(holding(&cards, &scanned(text)).await, Holding::Held(_)), "{text} is back");
    }
    cards.close();
}

/// A newborn: first under its insurance number, then under the personal id it was given.
#[tokio::test]
async fn a_person_who_gets_another_key_is_held_and_not_said_to_have_left() {
    let station = Station::new();
    let before = people([with(person(2), Column::Id, Some("0000000002"))]);
    let after = people([person(2)]);
    let cards = loaded(&station, &before).await;
    cards.apply(vec![delta(&before, &after, 2)], &after, 2).await.unwrap();
    for text in ["0000000002", "097100000002"] {
        assert_eq!(holding(&cards, &scanned(text)).await, record(&person(2)), "{text}");
    }
    cards.close();
}

async fn tombstones(store: &CardStore) -> Vec<(String, String)> {
    let read = |db: &rusqlite::Transaction<'_>| {
        let mut statement = db.prepare("SELECT id, as_of FROM tombstone ORDER BY id")?;
        Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    };
    store.readers.ask(read).await.unwrap()
}

/// Every tenth day somebody leaves, for three years, by deltas and now and then by a snapshot, and sessions begin anew.
#[tokio::test]
async fn tombstones_are_forgotten_after_two_years_of_the_provinces_time() {
    let station = Station::new();
    let mut held = people((1..=110).map(person));
    let cards = loaded(&station, &held).await;
    for (serial, n) in (2..).zip(1..=109_u32) {
        let before = held.clone();
        held.remove(&id_of(&person(n)));
        let mut target = index(&held, serial);
        target.as_of += chrono::TimeDelta::days(9 * i64::from(n));
        let (cursor, since) = (cursor_of(&target), target.as_of - chrono::TimeDelta::days(732));
        if n.is_multiple_of(10) {
            cards.replace(snapshot(&held, serial), target, cursor, NO_GUARD).await.unwrap();
        } else {
            cards.apply_deltas(vec![delta(&before, &held, serial)], target, cursor, NO_GUARD).await.unwrap();
        }
        let kept = tombstones(&cards).await;
        assert_eq!(kept.len(), (n as usize).min(74), "{n}: ten days apart, 732 days and no more");
        assert!(kept.iter().all(|(_, as_of)| as_of.parse::<chrono::DateTime<chrono::Utc>>().unwrap() >= since), "{n}");
    }
    assert_eq!(holding(&cards, &scanned("097100000036")).await, Holding::Left);
    assert_eq!(holding(&cards, &scanned("097100000035")).await, Holding::NotHeld);
    cards.close();
}

/// Files of the first version have tombstones without an instant: they get that of the data they came with.
#[test]
fn tombstones_of_the_first_version_are_as_old_as_their_roster() {
    let station = Station::new();
    let path = station.path().join("cards.db");
    let first = crate::storage::open::Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
    let old = open::writer(&path, &key(), &first).unwrap();
    let cursor = "INSERT INTO cursor VALUES (1, '', 1, '', '2026-11-20T00:00:00+00:00', '', '', 0)";
    old.execute_batch(&format!("{cursor}; INSERT INTO tombstone VALUES ('097100000001', NULL, 1)")).unwrap();
    drop(old);
    let migrated = open::writer(&path, &key(), &SCHEMA).unwrap();
    let as_of: String = migrated.query_row("SELECT as_of FROM tombstone", [], |row| row.get(0)).unwrap();
    assert_eq!(as_of, "2026-11-20T00:00:00+00:00");
}
