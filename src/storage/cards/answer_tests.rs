//! Answers about single people: found by the right numbers, never for somebody else, bounded, and carried along.

use super::*;
use crate::domain::card::CardNumber;
use crate::domain::card::InsuranceNumber;
use crate::domain::person::CitizenId;
use crate::storage::cards::CardStore;
use crate::storage::cards::Found;
use crate::storage::cards::Holding;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::delta;
use crate::storage::test_support::morning;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;
use crate::storage::test_support::with;

/// `097100000002`, `0000000002`, `GD4990000000002`, or several of them.
fn wanted(text: &str) -> Wanted {
    let mut wanted = Wanted { card_number: None, insurance_number: None, personal_id: None };
    for word in text.split(' ') {
        match word.len() {
            10 => wanted.insurance_number = Some(InsuranceNumber::parse(word).unwrap()),
            12 => wanted.personal_id = Some(CitizenId::parse(word).unwrap()),
            _ => wanted.card_number = Some(CardNumber::parse(word).unwrap()),
        }
    }
    wanted
}

/// What shows just these numbers.
fn showing(text: &str) -> Scan {
    let Wanted { card_number, insurance_number, personal_id } = wanted(text);
    let of_card = card_number.as_ref().map(CardNumber::insurance_number);
    Scan { insurance_number: insurance_number.or(of_card), card_number, personal_id, ..scanned("0000000000") }
}

async fn keep_at(cards: &CardStore, asked: &str, row: Option<RosterRow>, as_of: DateTime<Utc>, asked_at: DateTime<Utc>) {
    cards.keep_answer(wanted(asked), Answered { row: row.map(Box::new), as_of }, asked_at).await.unwrap();
}

async fn keep(cards: &CardStore, asked: &str, row: Option<RosterRow>) {
    keep_at(cards, asked, row, morning(), morning()).await;
}

async fn said(cards: &CardStore, shown: &str) -> Option<Said> {
    cards.find(&showing(shown)).await.unwrap().asked.map(|asked| asked.answered)
}

fn record(row: &RosterRow) -> Said {
    Said::Record(Box::new(row.to_record().unwrap()))
}

/// People 1 to 3 are on the roster.
async fn loaded(station: &Station) -> Open<CardStore> {
    let cards = station.cards();
    cards.load(&people((1..=3).map(person)), 1).await;
    cards
}

async fn count(cards: &CardStore) -> (u64, u64) {
    let count = |db: &rusqlite::Transaction<'_>, table: &str| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    cards.readers.ask(move |db| Ok((count(db, "answer")?, count(db, "answer_number")?))).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_found_by_every_number_asked_and_every_number_of_its_record() {
    let station = Station::new();
    let cards = loaded(&station).await;
    for asked in ["097100000009", "0000000009", "GD4990000000009", "097100000009 0000000009 GD4990000000009"] {
        keep(&cards, asked, Some(person(9))).await;
        assert_eq!(count(&cards).await, (1, 2), "{asked}: in place of the one before");
        for shown in ["097100000009", "0000000009", "GD4990000000009", "HT1990000000009", "097100000009 GD4990000000009"] {
            assert_eq!(said(&cards, shown).await, Some(record(&person(9))), "{asked}, {shown}");
        }
        assert_eq!(said(&cards, "097100000008").await, None);
    }
    cards.close();
    let cards = station.cards();
    let found = cards.find(&showing("0000000009")).await.unwrap();
    let Found { holding, asked: Some(asked), .. } = found else { panic!("no answer after a restart") };
    assert_eq!((holding, asked.as_of, asked.asked_at), (Holding::NotHeld, morning(), morning()));
    cards.close();
}

#[tokio::test]
async fn where_the_roster_speaks_nothing_else_does() {
    let station = Station::new();
    let cards = station.cards();
    for n in 1..=4 {
        keep(&cards, &format!("09710000000{n}"), Some(person(n))).await;
    }
    assert_eq!(cards.find(&scanned("097100000001")).await.unwrap().holding, Holding::NoRoster);
    assert_eq!(said(&cards, "097100000001").await, Some(record(&person(1))), "there is no roster yet");
    let odd = with(person(2), Column::Sex, Some("?"));
    let twin = with(person(3), Column::Card, Some("GD4990000000001"));
    let held = people([person(1), odd.clone(), twin.clone()]);
    cards.load(&held, 1).await;
    for (shown, holding) in [("0000000001", Holding::Several), ("097100000002", Holding::Unreadable)] {
        let found = cards.find(&showing(shown)).await.unwrap();
        assert_eq!((found.holding, found.asked), (holding, None), "{shown}");
    }
    assert_eq!(count(&cards).await.0, 1, "only the one about who is not on the roster was taken along");
    // What is answered while the person comes onto the roster is not kept.
    keep(&cards, "097100000001", Some(with(person(1), Column::Standing, Some("revoked")))).await;
    assert_eq!(count(&cards).await.0, 1);
    // Who comes by a delta and leaves again is asked about anew.
    let (with_four, without) = (people([person(1), odd.clone(), twin.clone(), person(4)]), held.clone());
    assert_eq!(said(&cards, "0000000004").await, Some(record(&person(4))));
    cards.apply(vec![delta(&held, &with_four, 2)], &with_four, 2).await.unwrap();
    cards.apply(vec![delta(&with_four, &without, 3)], &without, 3).await.unwrap();
    let found = cards.find(&scanned("097100000004")).await.unwrap();
    assert_eq!((found.holding, found.asked), (Holding::Left, None));
    keep(&cards, "097100000004", Some(person(4))).await;
    let found = cards.find(&scanned("097100000004")).await.unwrap();
    assert_eq!((found.holding, found.asked.map(|asked| asked.answered)), (Holding::Left, Some(record(&person(4)))));
    cards.close();
}

#[tokio::test]
async fn nobody_is_an_answer_for_the_numbers_asked_and_for_no_other() {
    let station = Station::new();
    let cards = loaded(&station).await;
    keep(&cards, "GD4990000000009", None).await;
    for shown in ["0000000009", "GD4990000000009", "HT1990000000009"] {
        assert_eq!(said(&cards, shown).await, Some(Said::Nobody), "{shown}");
    }
    for shown in ["097100000009", "097100000009 GD4990000000009", "0000000008"] {
        assert_eq!(said(&cards, shown).await, None, "{shown}: nobody asked about that");
    }
    keep(&cards, "097100000009 0000000009", Some(person(9))).await;
    assert_eq!(said(&cards, "0000000009").await, Some(record(&person(9))), "the newer answer counts");
    keep(&cards, "0000000009", None).await;
    assert_eq!(said(&cards, "0000000009").await, Some(Said::Nobody), "also when it is a worse one");
    assert_eq!(said(&cards, "097100000009").await, None);
    cards.close();
}

#[tokio::test]
async fn an_answer_about_one_person_is_never_shown_for_another() {
    let station = Station::new();
    let cards = loaded(&station).await;
    // The province answers two numbers that belong to two people with one of the two.
    keep(&cards, "097100000007 0000000008", Some(person(7))).await;
    assert_eq!(said(&cards, "097100000007 0000000008").await, Some(record(&person(7))), "just that was asked");
    assert_eq!(said(&cards, "0000000007").await, Some(record(&person(7))));
    assert_eq!(said(&cards, "0000000008").await, None, "it may be anybody's");
    // Two answers for one claim: neither, as with two rows of the roster.
    keep(&cards, "0000000006", Some(person(6))).await;
    assert_eq!(said(&cards, "097100000007 0000000006").await, None);
    keep(&cards, "097100000007 0000000006", Some(person(6))).await;
    assert_eq!(said(&cards, "097100000007 0000000006").await, Some(record(&person(6))), "until both are asked together");
    cards.close();
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_said_to_be_there() {
    let station = Station::new();
    let cards = loaded(&station).await;
    keep(&cards, "0000000009", Some(with(person(9), Column::Standing, Some("a_word_of_tomorrow")))).await;
    assert_eq!(said(&cards, "0000000009").await, Some(Said::Unreadable));
    keep(&cards, "0000000009", Some(RosterRow::default())).await;
    assert_eq!(said(&cards, "0000000009").await, Some(Said::Unreadable), "nor is a row without any value nobody");
    cards.close();
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_number_and_age() {
    let station = Station::new();
    let cards = loaded(&station).await;
    for n in 1000..1000 + KEPT + 10 {
        keep(&cards, &format!("{n:010}"), None).await;
    }
    assert_eq!(count(&cards).await, (KEPT.into(), KEPT.into()));
    assert_eq!(said(&cards, "0000001009").await, None);
    assert_eq!(said(&cards, "0000001010").await, Some(Said::Nobody));
    let days = TimeDelta::days;
    keep_at(&cards, "0000000009", None, morning() + days(30), morning() + days(30)).await;
    assert_eq!(count(&cards).await.0, u64::from(KEPT), "thirty days are not too old");
    let instants = [(morning() + days(31), morning() + days(30)), (morning() + days(31), morning() + days(61))];
    for (at, (as_of, asked_at)) in instants.into_iter().enumerate() {
        keep_at(&cards, "0000000008", None, as_of, asked_at).await;
        assert_eq!(count(&cards).await.0, [2, 1][at], "by the province's time, and by ours");
    }
    cards.close();
}

#[tokio::test]
async fn a_new_roster_takes_along_what_is_not_too_old() {
    let station = Station::new();
    let cards = loaded(&station).await;
    // The snapshot of serial 40 describes 2026-12-02.
    keep_at(&cards, "0000000008", Some(person(8)), at("2026-11-01T00:00:00Z"), morning()).await;
    keep_at(&cards, "097100000009 0000000009", Some(person(9)), at("2026-11-02T01:00:00Z"), morning()).await;
    keep_at(&cards, "0000000010", None, at("2026-11-22T01:00:00Z"), morning()).await;
    let before = cards.find(&showing("0000000009")).await.unwrap().asked;
    cards.load(&people((1..=3).map(person)), 40).await;
    assert_eq!(count(&cards).await.0, 2);
    assert_eq!(cards.find(&showing("0000000009")).await.unwrap().asked, before, "as it was");
    assert_eq!(said(&cards, "0000000010").await, Some(Said::Nobody));
    assert_eq!(said(&cards, "0000000008").await, None);
    keep(&cards, "097100000012", Some(person(12))).await;
    cards.load(&people([with(person(12), Column::Id, Some("0000000012"))]), 41).await;
    assert_eq!(said(&cards, "097100000012").await, None, "on the roster now, by the other number");
    assert_eq!(count(&cards).await.0, 1);
    keep(&cards, "0000000011", None).await;
    assert_eq!(said(&cards, "0000000010").await, Some(Said::Nobody), "what was carried and what is kept later lie side by side");
    cards.close();
}

#[tokio::test]
async fn keeping_an_answer_moves_neither_roster_nor_watch() {
    let station = Station::new();
    let cards = loaded(&station).await;
    let mut told = cards.roster();
    told.mark_unchanged();
    let before = (cards.digest_of_rows().await, told.borrow().clone());
    keep(&cards, "0000000009", Some(person(9))).await;
    assert!(!told.has_changed().unwrap());
    assert_eq!((cards.digest_of_rows().await, told.borrow().clone()), before);
    cards.close();
}
