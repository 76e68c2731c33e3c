//! Ninety days without a link: as many visits as that are kept, in bounded room, and answered batch by batch without slowing down.
//!
//! Promise: the count is printed with the figures. A short run takes a tenth; `BHYT_VISITS=18000` takes all.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use super::*;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::refused;
use crate::storage::test_support::visit;

/// As many as a push sends at once.
const BATCH: usize = 100;

fn how_many() -> u32 {
    env::var("BHYT_VISITS").ok().map_or(1_800, |text| text.parse().unwrap())
}

/// Saves visits as a desk does, except that each does not wait for its own flush.
async fn fill(visits: &Open<VisitStore>, count: u32) {
    let unflushed = |pragma: &'static str| visits.writer.call(move |writer| Ok(writer.connection.execute_batch(pragma)?));
    unflushed("PRAGMA synchronous = OFF").await.unwrap();
    for n in 1..=count {
        visits.append(visit(n)).await.unwrap();
    }
    unflushed("PRAGMA synchronous = FULL").await.unwrap();
}

fn bytes(folder: &Path) -> u64 {
    ["visits.db", "visits.db-wal"].iter().map(|name| fs::metadata(folder.join(name)).map_or(0, |file| file.len())).sum()
}

/// Sends all that is due, batch by batch, and says what every answer cost to store.
async fn drain(visits: &VisitStore, mut answer: impl FnMut(&Visit) -> ReceiptOutcome) -> Vec<Duration> {
    let mut took = Vec::new();
    loop {
        let batch = visits.due(BATCH, morning()).await.unwrap();
        if batch.is_empty() {
            break took;
        }
        let receipts =
            batch.iter().map(|visit| Receipt { id: visit.content.id, revision: visit.content.revision, outcome: answer(visit) }).collect();
        #[expect(clippy::disallowed_methods, reason = "a figure is measured")]
        let begun = Instant::now();
        visits.store_receipts(receipts, morning()).await.unwrap();
        took.push(begun.elapsed());
        assert!(took.len() < 1_000, "what was answered is sent again and again");
    }
}

#[tokio::test]
async fn f34_ninety_days_of_visits_take_bounded_room_and_are_all_answered_once() {
    let count = how_many();
    let station = Station::new();
    let visits = station.visits();
    fill(&visits, count).await;
    let before = bytes(station.path());
    let took = drain(&visits, |visit| held(&format!("VR-{}", visit.sequence.0))).await;
    let after = bytes(station.path());
    let total: Duration = took.iter().sum();
    println!(
        "{count} visits: {before} bytes, {after} with receipts; {} batches stored in {total:?}, first {:?}, last {:?}",
        took.len(),
        took[0],
        took[took.len() - 1]
    );
    assert_eq!(took.len(), (count as usize).div_ceil(BATCH), "each visit was sent once");
    assert_eq!(visits.counts().borrow().pending, 0);
    // 200 MiB for 18,000, the log of at most 4 MiB aside.
    let room = u64::from(count) * (200 << 20) / 18_000 + (8 << 20);
    assert!(after <= room, "{after} bytes are more than {room}");
    visits.close();
}

/// One visit in fifty is bad: the others go in as few batches as without it.
#[tokio::test]
async fn f33_a_bad_visit_in_every_batch_holds_up_no_good_one() {
    let count = how_many();
    let station = Station::new();
    let visits = station.visits();
    fill(&visits, count).await;
    let is_bad = |sequence: u64| sequence.is_multiple_of(50);
    let took = drain(&visits, |visit| if is_bad(visit.sequence.0) { refused() } else { held("VR") }).await;
    assert_eq!(took.len(), (count as usize).div_ceil(BATCH), "no good visit waited for another round");
    let bad = u64::from(count / 50);
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked), (0, bad));
    let shown = visits.undelivered(usize::try_from(bad).unwrap() + 1).await.unwrap();
    assert_eq!(shown.len() as u64, bad, "each is listed");
    assert!(shown.iter().all(|logged| is_bad(logged.visit.sequence.0) && logged.refused.is_some()));
    visits.close();
}
