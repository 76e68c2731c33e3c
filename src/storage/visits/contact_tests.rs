//! The chain of contacts, and what a disk that fell back learns from the province.

use std::collections::HashSet;
use std::fs;

use chrono::TimeDelta;

use super::*;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::refused;
use crate::storage::test_support::visit;
use crate::storage::visits::Saved;

fn anchor_at(minutes: u32) -> TimeAnchor {
    let span = Duration::from_secs(60 * u64::from(minutes));
    TimeAnchor { boot_id: "boot".into(), since_boot: span, at: morning() + TimeDelta::minutes(minutes.into()) }
}

fn gap(highest: u64, visits: u64) -> Ahead {
    Ahead { highest: Sequence(highest), visits, first_received_at: morning(), last_received_at: morning() + TimeDelta::hours(1) }
}

/// A whole contact with the answer given.
async fn contact(visits: &VisitStore, minutes: u32, machine: Machine, ahead: Option<Ahead>) {
    let links = visits.chain_links().await.unwrap();
    visits.contact_made(links.next, machine, ahead, anchor_at(minutes)).await.unwrap();
}

/// The files as they are at this instant, on another disk.
fn image(of: &Station) -> Station {
    let image = Station::new();
    for name in ["visits.db", "visits.db-wal"] {
        let _ = fs::copy(of.path().join(name), image.path().join(name));
    }
    image
}

#[tokio::test]
async fn a_link_is_on_the_disk_before_it_is_shown_and_stays_until_it_was_answered() {
    let station = Station::new();
    let visits = station.visits();
    let first = visits.chain_links().await.unwrap();
    assert_eq!(first.previous, None);
    // A power cut at the instant of the answer.
    let cut = image(&station);
    let after = cut.visits();
    assert_eq!(after.chain_links().await.unwrap(), first, "the same contact again");
    after.close();
    assert_eq!(visits.chain_links().await.unwrap(), first);
    visits.contact_made(first.next, Machine::Known, None, anchor_at(1)).await.unwrap();
    visits.close();
    let visits = station.visits();
    let second = visits.chain_links().await.unwrap();
    assert_eq!(second.previous, Some(first.next));
    assert_ne!(second.next, first.next);
    visits.close();
}

#[tokio::test]
async fn an_answer_to_another_contact_moves_no_link_and_tells_the_time_only() {
    let station = Station::new();
    let visits = station.visits();
    let links = visits.chain_links().await.unwrap();
    visits.contact_made(Uuid::from_u128(9), Machine::Copied, Some(gap(900, 1)), anchor_at(1)).await.unwrap();
    assert_eq!((visits.chain_links().await.unwrap(), visits.machine().await.unwrap()), (links, None));
    assert_eq!(visits.anchor("boot").await.unwrap(), Some(anchor_at(1)));
    assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(1)));
    // The answer of the last contact, come twice.
    visits.contact_made(links.next, Machine::Known, None, anchor_at(2)).await.unwrap();
    visits.contact_made(links.next, Machine::FellBack, None, anchor_at(3)).await.unwrap();
    assert_eq!(visits.machine().await.unwrap().unwrap().0, Machine::Known);
    assert_eq!(visits.chain_links().await.unwrap().previous, Some(links.next));
    visits.close();
}

#[tokio::test]
async fn what_the_province_makes_of_the_machine_is_kept_with_since_when() {
    let station = Station::new();
    let visits = station.visits();
    assert_eq!(visits.machine().await.unwrap(), None);
    let at = |minutes| anchor_at(minutes).at;
    let told = async || visits.machine().await.unwrap().unwrap();
    contact(&visits, 1, Machine::Known, None).await;
    contact(&visits, 2, Machine::Known, None).await;
    assert_eq!(told().await, (Machine::Known, None, at(1)), "a word that is repeated keeps its date");
    contact(&visits, 3, Machine::FellBack, Some(gap(12, 2))).await;
    assert_eq!(told().await, (Machine::FellBack, Some(gap(12, 2)), at(3)));
    contact(&visits, 4, Machine::Copied, Some(gap(12, 2))).await;
    contact(&visits, 5, Machine::Copied, Some(gap(15, 3))).await;
    assert_eq!(told().await, (Machine::Copied, Some(gap(15, 5)), at(5)), "more is missing");
    contact(&visits, 6, Machine::Copied, None).await;
    assert_eq!(told().await, (Machine::Copied, Some(gap(15, 5)), at(5)), "and it is no less missing when it is not told again");
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.machine().await.unwrap(), Some((Machine::Copied, Some(gap(15, 5)), at(5))));
    visits.close();
}

#[tokio::test]
async fn a_contact_is_stored_all_or_not_at_all() {
    let station = Station::new();
    let visits = station.visits();
    let links = visits.chain_links().await.unwrap();
    let trigger = "CREATE TRIGGER fail BEFORE INSERT ON machine BEGIN SELECT RAISE(ABORT, 'no'); END";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(trigger)?)).await.unwrap();
    assert!(visits.contact_made(links.next, Machine::FellBack, Some(gap(12, 2)), anchor_at(1)).await.is_err());
    assert_eq!((visits.chain_links().await.unwrap(), visits.anchor("boot").await.unwrap()), (links, None));
    assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(1)));
    visits.close();
}

/// Numbers that a seed draws.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(end)).unwrap()
    }
}

async fn append(visits: &Open<VisitStore>, n: u32) -> u64 {
    visits.append(visit(n)).await.unwrap().sequence().0
}

/// A disk that fell back some visits, 12 times (`BHYT_ROUNDS=500` for the whole row): what the province holds of it is told at the first contact, and
/// no number is used again.
#[tokio::test]
async fn f11_a_disk_that_fell_back_uses_no_sequence_twice_and_knows_the_gap() {
    let seed = std::env::var("BHYT_SEED").map_or(11, |text| text.parse().unwrap());
    let rounds = std::env::var("BHYT_ROUNDS").map_or(12, |text| text.parse().unwrap());
    println!("seed {seed}, {rounds} rounds");
    let mut draw = Draw(seed);
    for round in 0..rounds {
        let station = Station::new();
        let visits = station.visits();
        let (before, lost) = (draw.below(4), 1 + draw.below(4));
        for n in 0..before {
            append(&visits, n).await;
        }
        contact(&visits, 1, Machine::Known, None).await;
        let older = image(&station);
        // The province receives these; then the disk forgets them.
        let mut at_the_province = HashSet::new();
        for n in before..before + lost {
            at_the_province.insert(append(&visits, n).await);
        }
        visits.close();
        let visits = older.visits();
        let highest = visits.counts().borrow().highest;
        assert_eq!(highest, Sequence(before.into()), "round {round}: this is what it tells the province");
        let ahead = gap(*at_the_province.iter().max().unwrap(), lost.into());
        contact(&visits, 2, Machine::FellBack, Some(ahead)).await;
        assert_eq!(visits.machine().await.unwrap(), Some((Machine::FellBack, Some(ahead), anchor_at(2).at)), "round {round}");
        let mut restarted = Some(visits);
        for n in 100..=100 + lost {
            let visits = restarted.take().unwrap();
            let new = append(&visits, n).await;
            assert!(new > highest.0 && at_the_province.insert(new), "round {round}: {new} was used before");
            assert_eq!(visits.counts().borrow().highest, Sequence(new));
            visits.close();
            restarted = Some(older.visits());
        }
        restarted.unwrap().close();
    }
}

#[tokio::test]
async fn visits_saved_before_the_first_contact_hide_none_that_were_lost() {
    let station = Station::new();
    let visits = station.visits();
    append(&visits, 1).await;
    append(&visits, 2).await;
    assert_eq!(visits.due(10, morning()).await.unwrap().len(), 2);
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.accounted_to(), Sequence(2), "what the disk held");
    assert_eq!((append(&visits, 3).await, visits.accounted_to()), (3, Sequence(2)));
    let before = visits.handed_to();
    let due = visits.due(10, morning()).await.unwrap();
    assert_eq!((before, visits.accounted_to()), (Sequence(0), Sequence(3)), "they may have been sent");
    visits.kept_back(&due, before);
    assert_eq!(visits.accounted_to(), Sequence(2), "they were not");
    // The disk had lost 3 to 5, and there is another 3 on it by now.
    contact(&visits, 1, Machine::Known, Some(gap(5, 3))).await;
    assert_eq!(visits.accounted_to(), Sequence(5));
    contact(&visits, 2, Machine::Known, None).await;
    assert_eq!(visits.machine().await.unwrap(), Some((Machine::Known, Some(gap(5, 3)), anchor_at(1).at)), "all three, and for good");
    assert_eq!((append(&visits, 4).await, visits.accounted_to()), (6, Sequence(5)));
    visits.close();
    // What is missing beyond that, for a disk that falls back again, comes on top.
    let visits = station.visits();
    assert_eq!(visits.accounted_to(), Sequence(6));
    contact(&visits, 3, Machine::FellBack, Some(gap(9, 3))).await;
    assert_eq!(visits.machine().await.unwrap(), Some((Machine::FellBack, Some(gap(9, 6)), anchor_at(3).at)));
    visits.close();
}

#[tokio::test]
async fn visits_handed_out_while_the_province_was_asked_are_counted() {
    let station = Station::new();
    let visits = station.visits();
    for n in 1..=4 {
        append(&visits, n).await;
    }
    visits.due(3, morning()).await.unwrap();
    for (beyond, to, handed) in [(0, 9, 3), (1, 9, 2), (1, 2, 1), (3, 9, 0), (4, 9, 0)] {
        assert_eq!(visits.handed_out(Sequence(beyond), Sequence(to)).await.unwrap(), handed, "{beyond} to {to}");
    }
    assert_eq!((gap(9, 3).without(2), gap(9, 3).without(3), gap(9, 3).without(4)), (Some(gap(9, 1)), None, None));
    visits.close();
}

#[tokio::test]
async fn a_record_that_takes_the_place_of_a_damaged_one_accounts_for_none_of_its_numbers() {
    let station = Station::new();
    let visits = station.visits();
    for n in 1..=3 {
        append(&visits, n).await;
    }
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.accounted_to(), Sequence(3));
    fs::remove_file(station.path().join("visits.db")).unwrap();
    assert_eq!((append(&visits, 9).await, visits.accounted_to()), (1, Sequence(0)));
    visits.close();
}

#[tokio::test]
async fn an_impossible_number_does_not_stop_the_desk() {
    let station = Station::new();
    let visits = station.visits();
    for impossible in [(1 << 52) + 1, i64::MAX as u64, u64::MAX] {
        contact(&visits, 1, Machine::FellBack, Some(gap(impossible, u64::MAX))).await;
        assert!(visits.machine().await.unwrap().is_some());
    }
    assert_eq!(append(&visits, 1).await, 1);
    contact(&visits, 1, Machine::FellBack, Some(gap(1 << 52, 1))).await;
    assert_eq!(append(&visits, 2).await, (1 << 52) + 1);
    contact(&visits, 1, Machine::FellBack, Some(gap(7, 1))).await;
    assert_eq!(append(&visits, 3).await, (1 << 52) + 2, "and it never falls");
    visits.close();
}

/// A station that rests contacts once an hour: this is what wears its card.
#[tokio::test]
async fn a_contact_that_says_what_the_last_one_said_writes_four_pages_and_one_more_with_a_days_bytes() {
    const PAGE: u64 = 4096 + 24;
    let station = Station::new();
    let visits = station.visits();
    let (ledger, day) = (Uuid::from_u128(7), "2026-11-21".parse().unwrap());
    let pages = || fs::metadata(station.path().join("visits.db-wal")).unwrap().len() / PAGE;
    let contacted = async |minutes, counted| {
        let before = pages();
        let (links, is_counted) = visits.chain_links_and(counted).await.unwrap();
        visits.ledger_seen(ledger, morning()).await.unwrap();
        visits.contact_made(links.next, Machine::Known, None, anchor_at(minutes)).await.unwrap();
        (pages() - before, is_counted)
    };
    contacted(1, Some((day, 1))).await;
    assert_eq!(contacted(2, None).await, (4, false), "link; anchor, ledger, link");
    assert_eq!(contacted(3, Some((day, 100))).await, (5, true));
    assert_eq!(visits.traffic(day).await.unwrap(), 101);
    // A link that waits is not written again, so nothing goes along with it.
    visits.chain_links().await.unwrap();
    let before = pages();
    assert!(!visits.chain_links_and(Some((day, 7))).await.unwrap().1);
    assert_eq!((pages(), visits.traffic(day).await.unwrap()), (before, 101));
    visits.close();
}

#[tokio::test]
async fn the_newest_anchor_of_each_of_the_last_fifty_starts_is_kept() {
    let station = Station::new();
    let visits = station.visits();
    let of_boot = |boot: u32, minutes| TimeAnchor { boot_id: format!("boot-{boot}").into(), ..anchor_at(minutes) };
    let keep = async |anchor: TimeAnchor| {
        let next = visits.chain_links().await.unwrap().next;
        visits.contact_made(next, Machine::Known, None, anchor).await.unwrap();
    };
    let known = async |boot: u32| visits.anchor(&format!("boot-{boot}")).await.unwrap();
    for boot in 0..50 {
        keep(of_boot(boot, boot)).await;
    }
    keep(of_boot(0, 99)).await;
    keep(of_boot(0, 98)).await;
    assert_eq!(known(0).await, Some(of_boot(0, 99)), "the newest, in whatever order they came");
    keep(of_boot(50, 1)).await;
    assert_eq!((known(1).await, known(0).await, known(50).await), (None, Some(of_boot(0, 99)), Some(of_boot(50, 1))));
    assert_eq!(known(2).await, Some(of_boot(2, 2)));
    visits.close();
}

#[tokio::test]
async fn a_machine_that_takes_the_place_of_another_keeps_the_visits_and_is_somebody_else() {
    let station = Station::new();
    let visits = station.visits();
    let (ledger, old) = (Uuid::from_u128(7), visits.install_id().await.unwrap());
    for n in 1..=3 {
        append(&visits, n).await;
    }
    visits.store_receipts(vec![receipt(1, held("VR-1")), receipt(2, refused())], morning()).await.unwrap();
    visits.ledger_seen(ledger, morning()).await.unwrap();
    contact(&visits, 1, Machine::Copied, Some(gap(9, 4))).await;
    let under_way = visits.chain_links().await.unwrap();
    let before = *visits.counts().borrow();
    let new = Uuid::new_v4();
    visits.become_install(new, morning()).await.unwrap();
    assert_ne!(new, old);
    visits.contact_made(under_way.next, Machine::Copied, None, anchor_at(2)).await.unwrap();
    assert_eq!(visits.machine().await.unwrap(), None, "an answer to the old machine is none to the new one");
    visits.close();
    let visits = station.visits();
    assert_eq!((visits.install_id().await.unwrap(), visits.ledger().await.unwrap()), (new, Some(ledger)));
    let links = visits.chain_links().await.unwrap();
    assert_eq!(links.previous, None);
    assert_ne!(links.next, under_way.next);
    assert_eq!(*visits.counts().borrow(), before);
    assert_eq!(append(&visits, 4).await, 10, "and no number twice");
    let former = |writer: &mut super::super::Writer| -> Result<String, Error> {
        Ok(writer.connection.query_row("SELECT install_id FROM former_identity", [], |row| row.get(0))?)
    };
    assert_eq!(visits.writer.call(former).await.unwrap(), old.to_string());
    visits.close();
}
