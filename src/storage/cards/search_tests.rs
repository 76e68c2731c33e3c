//! Whom a name finds, whatever became of the roster meanwhile.

use super::*;
use crate::domain::roster::Column;
use crate::domain::roster::RosterRow;
use crate::domain::search::Input;
use crate::storage::cards::CardStore;
use crate::storage::cards::Holding;
use crate::storage::cards::SCHEMA;
use crate::storage::open;
use crate::storage::test_support::Station;
use crate::storage::test_support::delta;
use crate::storage::test_support::key;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;
use crate::storage::test_support::with;

fn query(text: &str) -> Query {
    let Ok(Input::Name(query)) = search::read(text) else { panic!("{text} is no name") };
    query
}

fn named(n: u32, name: &str, born: &str) -> RosterRow {
    with(with(person(n), Column::Name, Some(name)), Column::Born, Some(born))
}

/// The last digit of each person found, best first, and of how many.
async fn found(cards: &CardStore, text: &str) -> (Vec<u32>, usize) {
    let sought = cards.search(&query(text)).await.unwrap();
    assert!(sought.has_roster);
    let digit = |found: &Candidate| found.record.card_number.as_str()[14..].parse().unwrap();
    (sought.best.iter().map(digit).collect(), sought.total)
}

#[tokio::test]
async fn without_a_roster_nobody_is_searched_for() {
    let station = Station::new();
    let cards = station.cards();
    let sought = cards.search(&query("tran thi 1985")).await.unwrap();
    assert_eq!(sought, Sought { has_roster: false, total: 0, unmistaken: 0, best: Vec::new() });
    assert!(cards.read_names().await.unwrap().is_none());
    cards.close();
}

#[tokio::test]
async fn a_name_is_searched_for_in_the_roster_that_is_held_when_it_is_asked() {
    let station = Station::new();
    let (an, binh) = (named(1, "TRẦN THỊ AN", "1985-09-02"), named(2, "LÊ VĂN BÌNH", "1985"));
    let first = people([an.clone(), binh.clone()]);
    let cards = station.cards();
    cards.load(&first, 1).await;
    assert_eq!(found(&cards, "tran thi an 1985").await, (vec![1], 1));
    assert_eq!(found(&cards, "van binh le 1985").await, (vec![2], 1));

    // A name that changes, somebody who comes and somebody who goes, by a delta.
    let second = people([named(1, "TRẦN THỊ ÁNH", "1985-09-02"), named(3, "TRẦN THỊ AN", "1985-10-02")]);
    cards.apply(vec![delta(&first, &second, 2)], &second, 2).await.unwrap();
    assert_eq!(found(&cards, "trần thị an 1985").await, (vec![3, 1], 2));
    assert_eq!(found(&cards, "tran thi anh 1985").await, (vec![1, 3], 2), "who is a letter away comes second");
    assert_eq!(found(&cards, "le van binh 1985").await, (vec![], 0));

    // Another roster, by a snapshot; and the same one after a restart.
    let third = people([binh]);
    cards.load(&third, 7).await;
    assert_eq!(found(&cards, "tran thi an 1985").await, (vec![], 0));
    assert_eq!(found(&cards, "le van binh 1985").await, (vec![2], 1));
    cards.close();
    let cards = station.cards();
    assert_eq!(found(&cards, "le van binh 1985").await, (vec![2], 1));
    cards.close();
}

#[tokio::test]
async fn whoever_is_written_as_typed_comes_first_and_all_are_counted() {
    let station = Station::new();
    let cards = station.cards();
    let namesakes = (1..=30).map(|n| named(n, if n == 29 { "TRẦN THỊ HOÀ" } else { "TRẦN THỊ HOA" }, "1985-09-02"));
    cards.load(&people(namesakes), 1).await;
    let (first, total) = found(&cards, "Trần Thị Hòa 1985").await;
    assert_eq!((first[0], first.len(), total), (9, search::SHOWN, 30), "the place of the tone mark does not count");
    cards.close();
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_nobody_to_choose() {
    let station = Station::new();
    let cards = station.cards();
    let odd = with(named(1, "TRẦN THỊ AN", "1985-09-02"), Column::Sex, Some("?"));
    cards.load(&people([odd, named(2, "TRẦN THỊ AN", "1985-13-02"), named(3, "TRẦN THỊ AN", "1985-09-03")]), 1).await;
    assert_eq!(found(&cards, "tran thi an 1985").await.0, [3]);
    cards.close();
}

#[tokio::test]
async fn a_roster_of_an_older_version_is_searched_without_a_new_snapshot() {
    let station = Station::new();
    let with_old_card = with(named(1, "TRẦN THỊ AN", "1985-09-02"), Column::Predecessor, Some("DN4980000000777"));
    let cards = station.cards();
    cards.load(&people([with_old_card, named(2, "LÊ VĂN BÌNH", "1985")]), 1).await;
    let cursor = cards.roster().borrow().clone();
    cards.close();
    let path = station.cards_folder().join("cards-000002.db");
    let older = open::writer(&path, &key(), &SCHEMA).unwrap();
    older.execute_batch("DROP INDEX card_by_predecessor; PRAGMA user_version = 3;").unwrap();
    open::checkpoint(&older).unwrap();
    drop(older);

    let cards = station.cards();
    assert_eq!(*cards.roster().borrow(), cursor);
    assert_eq!(found(&cards, "tran thi an 1985").await, (vec![1], 1));
    assert!(matches!(cards.find(&scanned("0000000777")).await.unwrap().holding, Holding::Held(_)));
    cards.close();
}

#[tokio::test]
async fn an_old_card_finds_its_person_whatever_its_digit_or_province_was() {
    let station = Station::new();
    let moved = with(named(1, "TRẦN THỊ AN", "1985-09-02"), Column::Predecessor, Some("DN4980000000777"));
    // A number that somebody has now is that person's, whose ever it was before.
    let taken = with(named(2, "LÊ VĂN BÌNH", "1985"), Column::Predecessor, Some("GD4990000000003"));
    let cards = station.cards();
    cards.load(&people([moved, taken, named(3, "PHẠM THỊ CHI", "1990")]), 1).await;
    for (text, wanted) in [
        ("DN4980000000777", Some("TRẦN THỊ AN")),
        ("DN2010000000777", Some("TRẦN THỊ AN")),
        ("0000000777", Some("TRẦN THỊ AN")),
        ("GD2010000000001", Some("TRẦN THỊ AN")),
        ("GD4990000000003", Some("PHẠM THỊ CHI")),
        ("0000000778", None),
    ] {
        let holding = cards.find(&scanned(text)).await.unwrap().holding;
        let name = if let Holding::Held(record) = &holding { Some(record.name.as_str()) } else { None };
        assert_eq!(name, wanted, "{text}");
    }
    cards.close();
}

/// Both questions of a look-up by number go through an index, also that for an old card.
#[test]
fn nobody_is_looked_for_in_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let connection = open::writer(&folder.path().join("cards.db"), &key(), &SCHEMA).unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT id FROM card WHERE predecessor IS NOT NULL AND substr(predecessor, 6) = '0000000777'";
    let plan: String = connection.query_row(sql, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("card_by_predecessor"), "{plan}");
}
