//! What goes by rule and on request, what stays, and that no byte of it is left.

use super::*;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Place;
use crate::domain::clock::ClockState;
use crate::domain::visit::NewVisit;
use crate::storage::salvage;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::held_since;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::refused;
use crate::storage::test_support::visit;

const RULE: Rule =
    Rule { visits: Some(TimeDelta::days(90)), access: Some(TimeDelta::days(90)), coverage: Some(TimeDelta::days(90)), is_confirmed: false };

/// Ten visits, one a day, each with its line in the log.
async fn ten(station: &Station) -> Open<VisitStore> {
    let visits = station.visits();
    for n in 0..10 {
        let day = morning() + TimeDelta::days(n.into());
        let visit = NewVisit { arrived_at: day, ..visit(n) };
        visits.append(visit.clone()).await.unwrap();
        let about = About { visit: Some(visit.id), ..About::person(&visit.person) };
        let line = Access { at: day, clock: ClockState::Plausible, operator: None, place: Place::command_line(), act: Act::Saved, about };
        visits.write_access(vec![line]).await.unwrap();
    }
    visits
}

fn later(days: i64) -> DateTime<Utc> {
    morning() + TimeDelta::days(days)
}

#[tokio::test]
async fn a_rule_takes_what_is_old_and_done_and_the_log_stays_verifiable() {
    let station = Station::new();
    let visits = ten(&station).await;
    visits.store_receipts((0..6).map(|n| receipt(n, held(&format!("r{n}")))).collect(), morning()).await.unwrap();
    visits.store_receipts(vec![receipt(6, refused())], morning()).await.unwrap();
    let head = visits.access_head().await.unwrap();
    assert_eq!(visits.prune(Rule::default(), later(4000)).await.unwrap(), Pruned::default(), "without a rule all stays");
    // Visits 0 to 3 are old enough, and so are 4 and 5 two days later.
    assert!(traces(&station, "097100000003") > 0, "negative control: it is found before");
    assert_eq!(visits.prune(RULE, later(94)).await.unwrap(), Pruned { visits: 4, lines: 4, days: 0 });
    for n in 0..4 {
        for text in [format!("0971{n:08}"), format!("GD499{n:010}")] {
            assert_eq!(traces(&station, &text), 0, "{text}: no byte of it is left");
        }
    }
    assert!(traces(&station, "097100000004") > 0, "and nobody else");
    let verified = visits.verify_access(head).await.unwrap();
    assert!(verified.is_borne_out(), "{verified:?}");
    let pruned = visits.prune(RULE, later(4000)).await.unwrap();
    assert_eq!(pruned, Pruned { visits: 2, lines: 5, days: 0 }, "unsent and parked ones stay, and the end of the log");
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked, counts.delivered), (3, 1, 0));
    let verified = visits.verify_access(head).await.unwrap();
    assert!(verified.is_borne_out(), "{verified:?}");
    visits.close();
    // Negative: an altered line after the anchor, and a visit taken out by hand, are still found.
    let connection = crate::storage::open::writer(&station.path().join("visits.db"), &key(), &super::super::SCHEMA).unwrap();
    assert!(connection.execute("DELETE FROM access", []).is_err(), "no line beyond the anchor can be deleted");
    connection.execute_batch("DROP TRIGGER access_is_not_changed; UPDATE access SET place = 'x';").unwrap();
    drop(connection);
    let visits = station.visits();
    assert!(!visits.verify_access(head).await.unwrap().is_consistent());
    visits.close();
}

/// Many people in no order: pages of the indexes are parted and joined, and what was moved is left behind where it lay.
#[tokio::test]
async fn no_byte_of_what_was_taken_out_a_week_ago_is_left_where_pages_were_parted() {
    const PEOPLE: u32 = 1500;
    let station = Station::new();
    let visits = station.visits();
    for n in 0..PEOPLE {
        // Each once, scattered.
        let who = n * 677 % PEOPLE;
        let arrived_at = morning() + TimeDelta::days((n / 100).into());
        visits.append(NewVisit { arrived_at, ..visit(who) }).await.unwrap();
        visits.store_receipts(vec![receipt(who, held(&format!("r{who}")))], arrived_at).await.unwrap();
    }
    let rule = Rule { access: None, ..RULE };
    assert_eq!(visits.prune(rule, later(95)).await.unwrap().visits, 500);
    let gone: std::collections::HashSet<_> = (0..500).map(|n| format!("0971{:08}", n * 677 % PEOPLE).into_bytes()).collect();
    let found = |is_wanted: &dyn Fn(&[u8]) -> bool| {
        let pages = salvage::plain(&station.path().join("visits.db"), &key()).unwrap();
        pages.iter().flat_map(|page| page.windows(12)).filter(|part| is_wanted(part)).count()
    };
    let left = || found(&|part| gone.contains(part));
    assert!(left() > 0, "negative control: overwriting alone leaves some");
    visits.prune(rule, later(101)).await.unwrap();
    assert!(left() > 0, "not every day");
    visits.close();
    let visits = station.visits();
    visits.prune(rule, later(102)).await.unwrap();
    assert_eq!(left(), 0);
    assert!(found(&|part| part.starts_with(b"09710000")) > 300, "and those who stay are there");
    let names = crate::storage::test_support::names(station.path());
    assert!(!names.iter().any(|name| ["visits.left-over", "visits.erasing"].contains(&&**name)), "{names:?}");
    visits.close();
}

#[tokio::test]
async fn nothing_beyond_what_the_province_has_confirmed_is_cut() {
    let station = Station::new();
    let visits = ten(&station).await;
    let lines = visits.access(100).await.unwrap();
    let third = lines.iter().find(|line| line.number == 3).unwrap();
    let digest: Vec<u8> = {
        let number = third.number;
        visits.ask(move |db| Ok(db.query_row("SELECT digest FROM access WHERE number = ?1", [number], |row| row.get(0))?)).await.unwrap()
    };
    let head = crate::domain::access::Head { number: 3, digest: crate::domain::roster::Sha256Digest(digest.try_into().unwrap()) };
    let confirmed = Rule { is_confirmed: true, ..RULE };
    assert_eq!(visits.prune(confirmed, later(4000)).await.unwrap().lines, 0, "it has confirmed nothing yet");
    let whole = visits.verify_access(Some(head)).await.unwrap();
    assert!(whole.is_borne_out() && retention_anchor(&visits).await.is_none(), "{whole:?}");
    assert!(visits.head_confirmed(super::super::Confirmed { head, at: morning() }).await.unwrap());
    assert_eq!(visits.prune(confirmed, later(4000)).await.unwrap().lines, 2, "and then up to that");
    let verified = visits.verify_access(None).await.unwrap();
    assert!(verified.is_borne_out(), "{verified:?}");
    visits.close();
}

async fn retention_anchor(visits: &VisitStore) -> Option<(u64, [u8; 32])> {
    visits.ask(|db| anchor(db)).await.unwrap()
}

/// The numbers of a person in all that the file's pages hold, decrypted, and in its log.
fn traces(station: &Station, text: &str) -> usize {
    let path = station.path().join("visits.db");
    salvage::plain(&path, &key()).unwrap().iter().map(|page| page.windows(text.len()).filter(|part| *part == text.as_bytes()).count()).sum()
}

/// Saved while the clock stood at 2015, delivered the same day, and the clock put right the next.
#[tokio::test]
async fn what_came_by_a_clock_that_was_not_believed_is_as_old_as_the_province_says() {
    let station = Station::new();
    let visits = station.visits();
    for (n, state) in [(0, ClockState::Behind), (1, ClockState::FarAhead), (2, ClockState::Behind), (3, ClockState::Plausible)] {
        let mut one = visit(n);
        one.clock.state = state;
        one.arrived_at = if state == ClockState::FarAhead { later(9000) } else { later(-4000) };
        visits.append(one).await.unwrap();
    }
    let held_now = |n: u32| receipt(n, held_since(&format!("r{n}"), later(0)));
    visits.store_receipts(vec![held_now(0), held_now(1), held_now(3)], later(0)).await.unwrap();
    visits.store_receipts(vec![receipt(2, refused())], later(0)).await.unwrap();
    assert!(
        visits.close_parked(visit(2).id, crate::domain::visit::Revision::FIRST, "xong".into(), visit(2).operator, later(0)).await.unwrap()
    );
    assert_eq!(visits.prune(RULE, later(1)).await.unwrap().visits, 1, "only what a clock that was believed called old");
    assert!(visits.revisions(visit(3).id).await.unwrap().is_empty());
    assert_eq!(visits.prune(RULE, later(91)).await.unwrap().visits, 2);
    assert_eq!(visits.revisions(visit(2).id).await.unwrap().len(), 1, "of when it came nothing is known");
    visits.close();
}
