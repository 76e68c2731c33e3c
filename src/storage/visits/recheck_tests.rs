//! What newer data would have said.

use chrono::TimeDelta;

use super::*;
use crate::domain::benefit::BenefitRate;
use crate::domain::roster::Serial;
use crate::domain::visit::NewVisit;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::ShownVerdict;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::refused;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::session;
use crate::storage::test_support::sparse_visit;
use crate::storage::test_support::visit;

async fn with_visits(station: &Station, count: u32) -> Open<VisitStore> {
    let visits = station.visits();
    for n in 1..=count {
        visits.append(visit(n)).await.unwrap();
    }
    visits
}

/// The visit's recheck with a standing, by the roster of a serial.
fn found(n: u32, standing: &str, serial: u64) -> Recheck {
    let visit = visit(n);
    let as_of = morning() + TimeDelta::days(i64::try_from(serial).unwrap());
    let now =
        ShownVerdict { standing: standing.into(), basis: Some((session(), Serial(serial))), as_of: Some(as_of), ..visit.verdict.clone() };
    let sequence = Sequence(n.into());
    Recheck { id: visit.id, revision: visit.revision, sequence, arrived_at: visit.arrived_at, shown: visit.verdict, now, found_at: as_of }
}

async fn put(visits: &VisitStore, rechecks: Vec<Recheck>) {
    visits.put_rechecks(rechecks, Vec::new()).await.unwrap();
}

async fn resolve(visits: &VisitStore, n: u64) {
    visits.put_rechecks(Vec::new(), vec![Sequence(n)]).await.unwrap();
}

async fn unsent(visits: &VisitStore) -> Vec<Recheck> {
    visits.unsent_rechecks(100).await.unwrap()
}

fn is_open(visits: &VisitStore) -> u64 {
    visits.counts().borrow().rechecks
}

async fn again(visits: &VisitStore, since: DateTime<Utc>, after: u64, limit: usize) -> Vec<u64> {
    let visits = visits.recheckable(since, Sequence(after), limit).await.unwrap();
    visits.into_iter().map(|visit| visit.sequence.0).collect()
}

#[tokio::test]
async fn the_latest_revisions_that_count_are_looked_at_again_delivered_or_not() {
    let station = Station::new();
    let visits = with_visits(&station, 4).await;
    visits.store_receipts(vec![receipt(1, held("VR-1")), receipt(4, refused())], morning()).await.unwrap();
    visits.append(revision_of(2, 2)).await.unwrap();
    visits.append(NewVisit { voided: Some("nhầm người".into()), ..revision_of(3, 2) }).await.unwrap();
    assert_eq!(again(&visits, morning(), 0, 100).await, [1, 4, 5], "2 was corrected by 5, 3 taken back by 6");
    assert_eq!(again(&visits, morning(), 0, 2).await, [1, 4]);
    assert_eq!(again(&visits, morning(), 4, 2).await, [5]);
    assert_eq!(visits.recheckable(morning(), Sequence(4), 1).await.unwrap()[0].content, revision_of(2, 2));
    // Taken back, and then taken back again: it counts.
    visits.append(revision_of(3, 3)).await.unwrap();
    assert_eq!(again(&visits, morning(), 0, 100).await, [1, 4, 5, 7]);
    visits.close();
}

#[tokio::test]
async fn only_those_who_came_since_are_looked_at_again() {
    let station = Station::new();
    let visits = station.visits();
    let came = |n, text: &str| NewVisit { arrived_at: at(text), ..visit(n) };
    for (n, text) in [(1, "2026-10-01T01:00:00Z"), (2, "2026-10-23T01:00:00Z"), (3, "2026-10-01T02:00:00Z"), (4, "2026-11-01T01:00:00Z")] {
        visits.append(came(n, text)).await.unwrap();
    }
    assert_eq!(
        again(&visits, at("2026-10-23T01:00:00Z"), 0, 100).await,
        [2, 4],
        "the instant itself too, and whatever the clock did between"
    );
    assert_eq!(again(&visits, at("2026-10-23T01:00:00.001Z"), 0, 100).await, [4]);
    assert_eq!(again(&visits, at("2026-12-01T00:00:00Z"), 0, 100).await, Vec::<u64>::new());
    // A correction made today of a visit of then.
    visits.append(NewVisit { revision: crate::domain::visit::Revision(2), ..came(2, "2026-10-23T01:00:00Z") }).await.unwrap();
    assert_eq!(again(&visits, at("2026-10-23T01:00:00Z"), 0, 100).await, [4, 5]);
    visits.close();
}

#[tokio::test]
async fn what_was_found_is_read_as_it_was_put() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    visits.append(sparse_visit(2)).await.unwrap();
    let full = found(1, "revoked", 9);
    let mut sparse = Recheck { shown: sparse_visit(2).verdict, ..found(2, "expired", 9) };
    // As after a single look-up on a machine without a roster: no state of one, and an instant all the same.
    sparse.now = ShownVerdict { basis: None, rate: None, rules_version: None, ..sparse.now };
    put(&visits, vec![full.clone(), sparse.clone()]).await;
    visits.close();
    let visits = station.visits();
    assert_eq!(unsent(&visits).await, [full.clone(), sparse.clone()]);
    let listed = |recheck| ListedRecheck { recheck, sent_at: None, settled_at: None, is_over: false };
    assert_eq!(visits.rechecks(10).await.unwrap(), [listed(sparse.clone()), listed(full)], "the newest visit first");
    assert_eq!(visits.rechecks(1).await.unwrap(), [listed(sparse)]);
    assert_eq!(is_open(&visits), 2);
    visits.close();
}

#[tokio::test]
async fn the_same_answer_again_is_neither_sent_again_nor_shown_again_to_who_settled_it() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    put(&visits, vec![found(1, "revoked", 9)]).await;
    visits.rechecks_sent(unsent(&visits).await, at("2026-12-02T00:00:00Z")).await.unwrap();
    assert!(visits.settle_recheck(Sequence(1), at("2026-12-03T00:00:00Z")).await.unwrap());
    assert!(!visits.settle_recheck(Sequence(1), at("2026-12-04T00:00:00Z")).await.unwrap());
    put(&visits, vec![found(1, "revoked", 10)]).await;
    let settled = ListedRecheck {
        recheck: found(1, "revoked", 9),
        sent_at: Some(at("2026-12-02T00:00:00Z")),
        settled_at: Some(at("2026-12-03T00:00:00Z")),
        is_over: false,
    };
    assert_eq!((unsent(&visits).await, visits.rechecks(9).await.unwrap(), is_open(&visits)), (vec![], vec![settled], 0));
    // Another one is news again: one open row per visit.
    let mut rate = found(1, "revoked", 11);
    rate.now.rate = Some(BenefitRate::percent(80).unwrap());
    for news in [found(1, "expired", 11), rate] {
        put(&visits, vec![news.clone()]).await;
        let listed = ListedRecheck { recheck: news.clone(), sent_at: None, settled_at: None, is_over: false };
        assert_eq!((unsent(&visits).await, visits.rechecks(9).await.unwrap(), is_open(&visits)), (vec![news], vec![listed], 1));
    }
    visits.close();
}

#[tokio::test]
async fn what_agrees_again_is_removed_if_nobody_was_told_and_over_if_the_province_was() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    put(&visits, vec![found(1, "revoked", 9), found(2, "revoked", 9)]).await;
    visits.rechecks_sent(vec![found(2, "revoked", 9)], morning()).await.unwrap();
    resolve(&visits, 1).await;
    resolve(&visits, 2).await;
    resolve(&visits, 7).await;
    let over = ListedRecheck { recheck: found(2, "revoked", 9), sent_at: Some(morning()), settled_at: None, is_over: true };
    assert_eq!((unsent(&visits).await, visits.rechecks(9).await.unwrap(), is_open(&visits)), (vec![], vec![over], 0));
    assert!(!visits.settle_recheck(Sequence(2), morning()).await.unwrap());
    // And differs again, as before: the province has to hear it anew.
    put(&visits, vec![found(2, "revoked", 12)]).await;
    assert_eq!((unsent(&visits).await, is_open(&visits)), (vec![found(2, "revoked", 12)], 1));
    visits.close();
}

#[tokio::test]
async fn a_correction_ends_what_was_found_and_nothing_is_found_about_what_it_replaced() {
    let station = Station::new();
    let visits = with_visits(&station, 3).await;
    put(&visits, vec![found(1, "revoked", 9), found(2, "revoked", 9)]).await;
    visits.rechecks_sent(vec![found(2, "revoked", 9)], morning()).await.unwrap();
    for n in 1..=3 {
        visits.append(revision_of(n, 2)).await.unwrap();
    }
    assert_eq!(is_open(&visits), 0);
    assert!(matches!(visits.rechecks(9).await.unwrap().as_slice(), [ListedRecheck { is_over: true, .. }]));
    // Computed before the correction, put after it; and one of a database that is not this one any more.
    let stranger = Recheck { sequence: Sequence(4), ..found(9, "revoked", 9) };
    put(&visits, vec![found(1, "expired", 10), found(3, "revoked", 9), stranger]).await;
    assert_eq!((unsent(&visits).await, is_open(&visits)), (vec![], 0));
    visits.append(NewVisit { voided: Some("nhầm".into()), ..revision_of(3, 3) }).await.unwrap();
    let voided = Recheck { revision: crate::domain::visit::Revision(3), sequence: Sequence(7), ..found(3, "revoked", 9) };
    put(&visits, vec![voided]).await;
    assert_eq!(is_open(&visits), 0, "what does not count is not looked at");
    visits.close();
}

#[tokio::test]
async fn what_was_found_anew_while_the_old_was_sent_is_still_to_be_sent() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    put(&visits, vec![found(1, "revoked", 9)]).await;
    let under_way = unsent(&visits).await;
    put(&visits, vec![found(1, "expired", 10)]).await;
    visits.rechecks_sent(under_way, morning()).await.unwrap();
    assert_eq!(unsent(&visits).await, [found(1, "expired", 10)]);
    visits.rechecks_sent(unsent(&visits).await, morning()).await.unwrap();
    assert_eq!(unsent(&visits).await, []);
    assert_eq!(is_open(&visits), 1, "told, but nobody has looked");
    visits.close();
}

#[tokio::test]
async fn the_visit_and_its_way_are_not_touched() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    put(&visits, vec![found(1, "revoked", 9)]).await;
    visits.settle_recheck(Sequence(1), morning()).await.unwrap();
    visits.store_receipts(vec![receipt(1, ReceiptOutcome::Retry { after_seconds: 60 })], morning()).await.unwrap();
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.rechecks), (1, 0));
    assert_eq!(visits.revisions(visit(1).id).await.unwrap()[0].visit.content, visit(1));
    visits.close();
}
