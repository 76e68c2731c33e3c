//! A province restored from a backup gets again what it may have lost, and nothing is forgotten here.

use chrono::TimeDelta;

use std::fs;

use super::*;
use crate::domain::contact::Machine;
use crate::domain::contact::TimeAnchor;
use crate::domain::visit::Delivery;
use crate::domain::visit::ReceiptOutcome;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held_since;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::receipt_of;
use crate::storage::test_support::refused;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;

const OLD: Uuid = Uuid::from_u128(1);
const NEW: Uuid = Uuid::from_u128(2);

fn minute(n: i64) -> DateTime<Utc> {
    morning() + TimeDelta::minutes(n)
}

/// Five visits, each received in the minute of its number, under the old ledger.
async fn delivered(station: &Station) -> Open<VisitStore> {
    let visits = station.visits();
    assert_eq!(visits.ledger_seen(OLD, morning()).await.unwrap().visits, 0);
    for n in 1..=5 {
        visits.append(visit(n)).await.unwrap();
        let held = held_since(&format!("VR-{n}"), minute(n.into()));
        visits.store_receipts(vec![receipt(n, held)], morning()).await.unwrap();
    }
    visits
}

async fn due(visits: &VisitStore) -> Vec<u64> {
    visits.due(100, morning()).await.unwrap().into_iter().map(|visit| visit.sequence.0).collect()
}

#[tokio::test]
async fn the_first_ledger_and_the_same_one_again_send_nothing_again() {
    let station = Station::new();
    let visits = station.visits();
    assert_eq!(visits.ledger().await.unwrap(), None);
    visits.close();
    let visits = delivered(&station).await;
    assert_eq!(visits.ledger_seen(OLD, morning()).await.unwrap().visits, 0);
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(OLD), vec![]));
    visits.close();
}

/// The province may have been restored before this station first heard of any ledger: its receipts of until then prove nothing about the one it hears of.
#[tokio::test]
async fn visits_delivered_before_the_first_ledger_was_heard_of_are_sent_again() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    visits.store_receipts(vec![receipt(1, held_since("VR-1", minute(1)))], morning()).await.unwrap();
    assert_eq!(visits.ledger_seen(NEW, DateTime::UNIX_EPOCH).await.unwrap().visits, 1);
    assert_eq!(due(&visits).await, [1]);
    // An answer to a question that was asked before the ledger was heard of stores nothing.
    let late = vec![receipt(1, held_since("VR-1", minute(1)))];
    assert!(!visits.store_receipts_under(None, late.clone(), morning()).await.unwrap());
    assert_eq!(due(&visits).await, [1]);
    assert!(visits.store_receipts_under(Some(NEW), late, morning()).await.unwrap());
    assert_eq!(due(&visits).await, Vec::<u64>::new());
    visits.close();
}

#[tokio::test]
async fn what_a_restored_province_may_have_lost_is_sent_again() {
    let station = Station::new();
    let visits = delivered(&station).await;
    assert_eq!(visits.ledger_seen(NEW, minute(3)).await.unwrap().visits, 3, "the instant itself is not certain");
    assert_eq!(due(&visits).await, [3, 4, 5]);
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.delivered, counts.oldest_pending_at), (3, 2, Some(visit(3).arrived_at)));
    visits.close();
    let visits = station.visits();
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(NEW), vec![3, 4, 5]), "after a restart too");
    assert_eq!(visits.ledger_seen(NEW, minute(3)).await.unwrap().visits, 0, "once");
    visits.close();
}

#[tokio::test]
async fn the_receipt_of_the_new_ledger_holds_and_the_old_one_can_be_read() {
    let station = Station::new();
    let visits = delivered(&station).await;
    visits.ledger_seen(NEW, minute(5)).await.unwrap();
    let shown = async || visits.revisions(visit_id(5)).await.unwrap()[0].clone();
    assert_eq!((shown().await.delivery, shown().await.reference), (Delivery::Pending, None), "no proof is shown that is none");
    visits.store_receipts(vec![receipt(5, held_since("VR-51", minute(9)))], morning()).await.unwrap();
    assert_eq!((shown().await.delivery, shown().await.reference.as_deref()), (Delivery::Delivered, Some("VR-51")));
    let past =
        |reference: &str, received_at, ledger| PastReceipt { revision: Revision::FIRST, reference: reference.into(), received_at, ledger };
    assert_eq!(visits.past_receipts(visit_id(5)).await.unwrap(), [past("VR-5", minute(5), NEW)]);
    assert_eq!(visits.past_receipts(visit_id(4)).await.unwrap(), []);
    // Restored once more, to before both.
    let newest = Uuid::from_u128(3);
    assert_eq!(visits.ledger_seen(newest, morning()).await.unwrap().visits, 5);
    assert_eq!(visits.past_receipts(visit_id(5)).await.unwrap(), [past("VR-5", minute(5), NEW), past("VR-51", minute(9), newest)]);
    visits.close();
}

#[tokio::test]
async fn instants_are_compared_as_instants() {
    let station = Station::new();
    let visits = station.visits();
    visits.ledger_seen(OLD, morning()).await.unwrap();
    let fine = |nanos| minute(1) + TimeDelta::nanoseconds(nanos);
    for (n, received_at) in [(1, fine(-1_000_000)), (2, fine(0)), (3, fine(999_999)), (4, fine(1_000_000))] {
        visits.append(visit(n)).await.unwrap();
        visits.store_receipts(vec![receipt(n, held_since("VR", received_at))], morning()).await.unwrap();
    }
    // What is finer than a millisecond is not kept: rather one visit twice than one not at all.
    assert_eq!(visits.ledger_seen(NEW, fine(999_999)).await.unwrap().visits, 3);
    assert_eq!(due(&visits).await, [2, 3, 4]);
    visits.close();
}

#[tokio::test]
async fn what_was_not_delivered_stays_as_it_is() {
    let station = Station::new();
    let visits = delivered(&station).await;
    visits.append(visit(6)).await.unwrap();
    visits.append(visit(7)).await.unwrap();
    visits.append(revision_of(5, 2)).await.unwrap();
    visits.store_receipts(vec![receipt(6, refused())], morning()).await.unwrap();
    assert_eq!(visits.ledger_seen(NEW, minute(5)).await.unwrap().visits, 1);
    assert_eq!(due(&visits).await, [5, 7, 8], "an older revision too: the province keeps all");
    assert_eq!(visits.counts().borrow().parked, 1);
    // Refused now, though it was held once: it is replaced by its correction, and the old receipt is on the record.
    visits
        .store_receipts(vec![receipt(5, refused()), receipt_of(5, 2, ReceiptOutcome::Retry { after_seconds: 5 })], morning())
        .await
        .unwrap();
    let states: Vec<_> = visits.revisions(visit_id(5)).await.unwrap().into_iter().map(|logged| logged.delivery).collect();
    assert_eq!(states, [Delivery::Superseded, Delivery::Pending]);
    assert_eq!(visits.past_receipts(visit_id(5)).await.unwrap().len(), 1);
    visits.close();
}

#[tokio::test]
async fn a_new_ledger_is_noted_with_all_that_follows_or_not_at_all() {
    let station = Station::new();
    let visits = delivered(&station).await;
    let trigger = "CREATE TRIGGER fail BEFORE DELETE ON receipt BEGIN SELECT RAISE(ABORT, 'no'); END";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(trigger)?)).await.unwrap();
    assert!(visits.ledger_seen(NEW, minute(3)).await.is_err());
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(OLD), vec![]));
    assert_eq!(visits.past_receipts(visit_id(5)).await.unwrap(), []);
    visits.close();
}

fn word(ledger: Uuid, made: i64) -> StickWord {
    StickWord { ledger, complete_to: morning(), made_at: minute(made) }
}

/// Takes a stick in that tells of one visit, held since the minute of its number.
async fn take_in(visits: &VisitStore, word: StickWord, n: u32) -> TakenReceipts {
    let receipts = vec![receipt(n, held_since(&format!("VR-{n}"), minute(n.into())))];
    visits.take_receipts(word, receipts, morning()).await.unwrap()
}

fn taken(receipts: u64, requeued: u64) -> TakenReceipts {
    TakenReceipts { skipped: None, receipts, requeued, is_restored: requeued > 0 }
}

fn skipped(why: Skipped) -> TakenReceipts {
    TakenReceipts { skipped: Some(why), ..TakenReceipts::default() }
}

/// The province's word at a contact: its ledger, and its time.
async fn contact(visits: &VisitStore, ledger: Uuid, at: DateTime<Utc>) -> u64 {
    let again = visits.ledger_seen(ledger, morning()).await.unwrap().visits;
    let anchor = TimeAnchor { boot_id: "boot".into(), since_boot: core::time::Duration::from_secs(1), at };
    let next = visits.chain_links().await.unwrap().next;
    visits.contact_made(next, Machine::Known, None, anchor).await.unwrap();
    again
}

async fn three_pending(station: &Station) -> Open<VisitStore> {
    let visits = station.visits();
    for n in 1..=3 {
        visits.append(visit(n)).await.unwrap();
    }
    visits
}

#[tokio::test]
async fn receipts_of_a_stick_older_than_those_taken_are_left_on_it() {
    let station = Station::new();
    let visits = three_pending(&station).await;
    assert_eq!(take_in(&visits, word(OLD, 20), 1).await, taken(1, 0));
    assert_eq!(take_in(&visits, word(OLD, 20), 1).await, skipped(Skipped::Again), "twice is harmless");
    assert_eq!(take_in(&visits, word(OLD, 19), 2).await, skipped(Skipped::Older));
    assert_eq!(due(&visits).await, [2, 3]);
    visits.close();
    let visits = station.visits();
    assert_eq!(take_in(&visits, word(OLD, 19), 2).await, skipped(Skipped::Older), "after a restart too");
    assert_eq!(take_in(&visits, word(OLD, 21), 2).await, taken(1, 0));
    assert_eq!(due(&visits).await, [3]);
    visits.close();
}

#[tokio::test]
async fn a_ledger_that_was_left_is_not_gone_back_to_by_stick() {
    let station = Station::new();
    let visits = three_pending(&station).await;
    assert_eq!(take_in(&visits, word(OLD, 20), 1).await, taken(1, 0));
    assert_eq!(take_in(&visits, word(NEW, 30), 2).await, taken(1, 1), "what it held under the old one is sent again");
    assert_eq!(due(&visits).await, [1, 3]);
    for made in [25, 40] {
        assert_eq!(take_in(&visits, word(OLD, made), 1).await, skipped(Skipped::LeftLedger), "whenever it says it was made");
    }
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(NEW), vec![1, 3]));
    visits.close();
    let visits = station.visits();
    assert_eq!(take_in(&visits, word(OLD, 41), 1).await, skipped(Skipped::LeftLedger), "after a restart too");
    assert_eq!(take_in(&visits, word(NEW, 31), 1).await, taken(1, 0), "what it was shown then has not made the new one old");
    visits.close();
}

#[tokio::test]
async fn a_contact_is_newer_than_every_stick_made_before_it() {
    let station = Station::new();
    let visits = three_pending(&station).await;
    contact(&visits, NEW, minute(30)).await;
    // A ledger from before, of which this station never heard.
    for made in [10, 30] {
        assert_eq!(take_in(&visits, word(OLD, made), 1).await, skipped(Skipped::Older));
    }
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(NEW), vec![1, 2, 3]));
    // Of the ledger that it told of, receipts are none the worse for being older than the contact.
    assert_eq!(take_in(&visits, word(NEW, 10), 2).await, taken(1, 0));
    // A restore after the contact.
    let newest = Uuid::from_u128(3);
    assert_eq!(take_in(&visits, word(newest, 40), 3).await, taken(1, 1));
    assert_eq!(due(&visits).await, [1, 2]);
    visits.close();
}

/// Its operator has put back an older backup without saying so: what it received under the newer ledger is lost.
#[tokio::test]
async fn a_left_ledger_told_by_contact_is_gone_back_to_and_everything_is_sent_again() {
    let station = Station::new();
    let visits = delivered(&station).await;
    assert_eq!(contact(&visits, NEW, minute(10)).await, 5);
    assert_eq!(take_in(&visits, word(NEW, 12), 1).await, taken(1, 0));
    assert_eq!(contact(&visits, OLD, minute(20)).await, 1);
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (Some(OLD), vec![1, 2, 3, 4, 5]));
    assert_eq!(take_in(&visits, word(NEW, 25), 1).await, skipped(Skipped::LeftLedger));
    assert_eq!(take_in(&visits, word(OLD, 25), 1).await, taken(1, 0), "the one that it has is left no more");
    visits.close();
}

#[tokio::test]
async fn a_province_whose_clock_was_ahead_is_listened_to_again_after_a_contact_or_an_enrolment() {
    let station = Station::new();
    let visits = three_pending(&station).await;
    let years = 10 * 365 * 24 * 60;
    assert_eq!(take_in(&visits, word(OLD, years), 1).await, taken(1, 0));
    assert_eq!(take_in(&visits, word(OLD, 10), 2).await, skipped(Skipped::Older));
    contact(&visits, OLD, minute(9)).await;
    assert_eq!(take_in(&visits, word(OLD, 10), 2).await, taken(1, 0));
    assert_eq!(take_in(&visits, word(OLD, years), 3).await, taken(1, 0));
    // Sticks are sealed to the key of the enrolment: one that can still be read was made after it.
    visits.become_install(Uuid::new_v4(), morning()).await.unwrap();
    assert_eq!(take_in(&visits, word(NEW, 11), 3).await, taken(1, 2), "the third is held there too");
    visits.close();
}

#[tokio::test]
async fn the_word_of_a_stick_is_taken_with_its_receipts_or_not_at_all() {
    let station = Station::new();
    let visits = three_pending(&station).await;
    let trigger = "CREATE TRIGGER fail BEFORE INSERT ON receipt BEGIN SELECT RAISE(ABORT, 'no'); END";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(trigger)?)).await.unwrap();
    let receipts = vec![receipt(1, held_since("VR-1", minute(1)))];
    assert!(visits.take_receipts(word(OLD, 20), receipts, morning()).await.is_err());
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch("DROP TRIGGER fail")?)).await.unwrap();
    assert_eq!((visits.ledger().await.unwrap(), due(&visits).await), (None, vec![1, 2, 3]));
    assert_eq!(take_in(&visits, word(OLD, 20), 1).await, taken(1, 0), "the same stick once more");
    visits.close();
}

/// What goes on after the five of [`delivered`], whose file was damaged at its beginning: SQLite opens nothing of it.
fn after_damage(station: &Station) -> Open<VisitStore> {
    let path = station.path().join("visits.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    station.visits()
}

async fn take_back(visits: &VisitStore) -> u64 {
    let name = visits.set_aside().await.unwrap()[0].name.clone();
    let told = visits.salvage(&name, time().now()).await.unwrap().unwrap();
    assert_eq!(told.taken.len(), 5);
    told.unsent
}

#[tokio::test]
async fn f11_a_record_in_the_place_of_a_damaged_one_does_not_say_that_the_province_was_restored() {
    let station = Station::new();
    let visits = delivered(&station).await;
    contact(&visits, OLD, minute(9)).await;
    visits.checkpoint().await.unwrap();
    visits.close();
    let visits = after_damage(&station);
    assert_eq!(visits.ledger().await.unwrap(), Some(OLD), "as far as the damaged file can be read");
    assert_eq!(take_back(&visits).await, 0);
    assert_eq!(visits.ledger_seen(OLD, DateTime::UNIX_EPOCH).await.unwrap(), SentAgain::default());
    assert_eq!(due(&visits).await, Vec::<u64>::new(), "the receipts hold");
    // And where it is true, it is said.
    assert_eq!(visits.ledger_seen(NEW, minute(4)).await.unwrap(), SentAgain { visits: 2, is_restored: true });
    visits.close();
}

#[tokio::test]
async fn receipts_of_which_nobody_knows_the_ledger_are_confirmed_again_and_nothing_is_claimed() {
    let station = Station::new();
    let visits = delivered(&station).await;
    let forget = "DELETE FROM ledger";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(forget)?)).await.unwrap();
    visits.checkpoint().await.unwrap();
    visits.close();
    let visits = after_damage(&station);
    assert_eq!(visits.ledger().await.unwrap(), None);
    assert_eq!(take_back(&visits).await, 0);
    assert_eq!(visits.ledger_seen(OLD, DateTime::UNIX_EPOCH).await.unwrap(), SentAgain { visits: 5, is_restored: false });
    assert_eq!(due(&visits).await, [1, 2, 3, 4, 5]);
    visits.close();
}

/// The province was restored while the file lay aside: what it received since is not proved by receipts of before.
#[tokio::test]
async fn a_receipt_that_is_taken_back_proves_nothing_about_a_ledger_that_came_since() {
    let station = Station::new();
    let visits = delivered(&station).await;
    visits.checkpoint().await.unwrap();
    visits.close();
    let visits = after_damage(&station);
    assert_eq!(visits.ledger_seen(NEW, minute(3)).await.unwrap(), SentAgain::default(), "there is none to be sent yet");
    assert_eq!(take_back(&visits).await, 3);
    assert_eq!(due(&visits).await, [3, 4, 5]);
    let past = visits.past_receipts(visit_id(4)).await.unwrap();
    assert_eq!(past.iter().map(|receipt| (&*receipt.reference, receipt.ledger)).collect::<Vec<_>>(), [("VR-4", NEW)]);
    assert_eq!(visits.past_receipts(visit_id(2)).await.unwrap(), []);
    visits.close();
}
