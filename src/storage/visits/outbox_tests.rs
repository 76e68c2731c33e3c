//! The way to the province: nothing is lost, nothing is doubled, whatever it answers and however often.

use super::*;
use crate::domain::clock;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Revision;
use crate::domain::visit::VisitId;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::refused;
use crate::storage::test_support::retry;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;
use crate::storage::visits::VisitStore;

async fn with_visits(station: &Station, count: u32) -> Open<VisitStore> {
    let visits = station.visits();
    for n in 1..=count {
        visits.append(visit(n)).await.unwrap();
    }
    visits
}

async fn due_at(store: &VisitStore, now: DateTime<Utc>) -> Vec<VisitId> {
    store.due(100, now).await.unwrap().into_iter().map(|visit| visit.content.id).collect()
}

async fn answer(store: &VisitStore, receipts: Vec<Receipt>) -> usize {
    store.store_receipts(receipts, morning()).await.unwrap()
}

/// How far a visit is, as the list of its day says.
async fn logged_visit(store: &VisitStore, n: u32) -> LoggedVisit {
    let day = clock::vietnam_day(visit(n).arrived_at);
    store.of_day(day).await.unwrap().into_iter().find(|logged| logged.visit.content.id == visit_id(n)).unwrap()
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<VisitId> {
    numbers.into_iter().map(visit_id).collect()
}

#[tokio::test]
async fn what_is_due_comes_in_the_stations_order_and_stays_due() {
    let station = Station::new();
    let visits = station.visits();
    for n in [3, 1, 2] {
        visits.append(visit(n)).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(due_at(&visits, morning()).await, ids([3, 1, 2]), "reading is not deleting");
    }
    assert_eq!(visits.due(2, morning()).await.unwrap().len(), 2);
    visits.close();
}

#[tokio::test]
async fn a_held_visit_is_delivered_with_its_first_receipt() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    assert_eq!(answer(&visits, vec![receipt(1, held("VR-1"))]).await, 0);
    let later = ReceiptOutcome::Held { reference: "VR-2".into(), received_at: at("2026-12-01T00:00:00Z"), duplicate: true };
    answer(&visits, vec![receipt(1, later)]).await;
    for _ in 0..2 {
        let logged = logged_visit(&visits, 1).await;
        assert_eq!((logged.delivery, logged.reference.as_deref(), logged.refused), (Delivery::Delivered, Some("VR-1"), None));
        // A later word does not take it back.
        answer(&visits, vec![receipt(1, refused()), receipt(1, retry(60))]).await;
    }
    assert_eq!(due_at(&visits, at("2027-01-01T00:00:00Z")).await, ids([2]));
    visits.close();
}

#[tokio::test]
async fn a_refused_visit_is_parked_and_holds_up_nobody() {
    let station = Station::new();
    let visits = with_visits(&station, 3).await;
    answer(&visits, vec![receipt(1, refused())]).await;
    let logged = logged_visit(&visits, 1).await;
    assert_eq!(logged.refused, Some(("unknown_facility".into(), "Cơ sở không có".into())));
    assert_eq!((logged.delivery, logged.reference), (Delivery::Parked, None));
    answer(&visits, vec![receipt(1, retry(1))]).await;
    assert_eq!(logged_visit(&visits, 1).await.delivery, Delivery::Parked, "a person has to look");
    assert_eq!(due_at(&visits, morning()).await, ids([2, 3]));
    let undelivered: Vec<_> =
        visits.undelivered(10).await.unwrap().into_iter().map(|logged| (logged.delivery, logged.visit.content.id)).collect();
    assert_eq!(undelivered, [(Delivery::Parked, visit_id(1)), (Delivery::Pending, visit_id(2)), (Delivery::Pending, visit_id(3))]);
    // It was held after all, by an attempt whose answer was lost.
    answer(&visits, vec![receipt(1, held("VR-1"))]).await;
    let logged = logged_visit(&visits, 1).await;
    assert_eq!((logged.delivery, logged.reference.as_deref(), logged.refused), (Delivery::Delivered, Some("VR-1"), None));
    visits.close();
}

#[tokio::test]
async fn a_visit_put_off_is_due_again_later_and_holds_up_nobody() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    answer(&visits, vec![receipt(1, retry(600))]).await;
    assert_eq!(visits.counts().borrow().put_off_until, Some(morning() + TimeDelta::minutes(10)));
    assert_eq!(due_at(&visits, morning()).await, ids([2]));
    assert_eq!(due_at(&visits, morning() + TimeDelta::seconds(599)).await, ids([2]));
    assert_eq!(due_at(&visits, morning() + TimeDelta::seconds(600)).await, ids([1, 2]));
    assert_eq!(logged_visit(&visits, 1).await.delivery, Delivery::Pending);
    visits.close();
    let visits = station.visits();
    assert_eq!(due_at(&visits, morning()).await, ids([2]), "also after a restart");
    visits.close();
}

#[tokio::test]
async fn nobody_puts_a_visit_off_for_longer_than_an_hour() {
    let station = Station::new();
    let visits = with_visits(&station, 3).await;
    let endless = [3601, u64::MAX, i64::MAX as u64].into_iter().zip(1..).map(|(seconds, n)| receipt(n, retry(seconds))).collect();
    answer(&visits, endless).await;
    assert_eq!(due_at(&visits, morning()).await, ids([]));
    assert_eq!(due_at(&visits, morning() + TimeDelta::hours(1)).await, ids([1, 2, 3]));
    visits.close();
}

#[tokio::test]
async fn a_visit_put_off_for_no_time_is_not_due_at_once() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    answer(&visits, vec![receipt(1, retry(0)), receipt(2, retry(1))]).await;
    assert_eq!(due_at(&visits, morning() + TimeDelta::seconds(4)).await, ids([]));
    assert_eq!(due_at(&visits, morning() + TimeDelta::seconds(5)).await, ids([1, 2]));
    visits.close();
}

#[tokio::test]
async fn a_time_far_ahead_is_not_believed() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    // Put off while the station's clock said 2037; then the clock is put right.
    visits.store_receipts(vec![receipt(1, retry(60))], at("2037-01-01T00:00:00Z")).await.unwrap();
    assert_eq!(due_at(&visits, morning()).await, ids([1]));
    visits.close();
}

#[tokio::test]
async fn a_clock_that_is_set_back_by_a_little_calls_nothing_due_that_was_just_put_off() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    answer(&visits, vec![receipt(1, retry(3600)), receipt(2, retry(u64::MAX))]).await;
    for seconds in [0, 1, 60, 300] {
        assert_eq!(due_at(&visits, morning() - TimeDelta::seconds(seconds)).await, ids([]), "set back by {seconds} s");
    }
    visits.close();
}

#[tokio::test]
async fn a_walk_goes_on_behind_its_place_and_leaves_out_what_is_not_asked_for() {
    let station = Station::new();
    let visits = with_visits(&station, 5).await;
    answer(&visits, vec![receipt(2, retry(600))]).await;
    visits.put_off_unfit(Sequence(3), Unfit::TooLarge, morning()).await.unwrap();
    let walk = async |after, put_off_too, unfit_too, now| {
        let walk = Walk { after: Sequence(after), put_off_too, unfit_too };
        visits.walk(walk, 100, now).await.unwrap().into_iter().map(|visit| visit.sequence.0).collect::<Vec<_>>()
    };
    assert_eq!(walk(0, false, false, morning()).await, [1, 4, 5]);
    assert_eq!(walk(1, false, false, morning()).await, [4, 5]);
    assert_eq!(walk(1, true, false, morning()).await, [2, 4, 5]);
    assert_eq!(walk(0, true, true, morning()).await, [1, 2, 3, 4, 5]);
    assert_eq!(walk(0, false, false, morning() + TimeDelta::hours(2)).await, [1, 2, 4, 5]);
    assert_eq!(walk(5, true, true, morning()).await, [0; 0]);
    assert_eq!(visits.unfit(false, morning()).await.unwrap(), []);
    assert_eq!(visits.unfit(true, morning()).await.unwrap(), [Sequence(3)]);
    assert_eq!(visits.unfit(false, morning() + TimeDelta::hours(1)).await.unwrap(), [Sequence(3)]);
    assert_eq!(visits.pending(Sequence(3)).await.unwrap().map(|visit| visit.sequence), Some(Sequence(3)));
    answer(&visits, vec![receipt(3, held("VR-3"))]).await;
    assert_eq!((visits.pending(Sequence(3)).await.unwrap(), visits.pending(Sequence(9)).await.unwrap()), (None, None));
    visits.close();
}

#[tokio::test]
async fn what_could_not_be_taken_says_why_and_how_often_until_there_is_an_answer() {
    let station = Station::new();
    let visits = with_visits(&station, 3).await;
    for (times, now) in [(1, morning()), (2, morning() + TimeDelta::hours(1)), (3, morning() + TimeDelta::hours(2))] {
        for (sequence, why) in [(1, Unfit::TooLarge), (2, Unfit::Unreadable), (3, Unfit::TooLarge)] {
            visits.put_off_unfit(Sequence(sequence), why, now).await.unwrap();
        }
        let put_off = logged_visit(&visits, 2).await.put_off.unwrap();
        assert_eq!(put_off, PutOff { until: now + TimeDelta::hours(1), unfit: Some((Unfit::Unreadable, times)) });
        let counts = *visits.counts().borrow();
        let often = if times >= 3 { 3 } else { 0 };
        assert_eq!((counts.pending, counts.put_off, counts.unfit, counts.unfit_often), (3, 3, 3, often));
    }
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.counts().borrow().unfit_often, 3, "also after a restart");
    // The province could read it after all, whatever it says of it.
    for (n, outcome, left) in [(1, held("VR-1"), 2), (2, refused(), 1), (3, retry(60), 0)] {
        answer(&visits, vec![receipt(n, outcome)]).await;
        let counts = *visits.counts().borrow();
        assert_eq!((counts.unfit, counts.unfit_often, counts.unfit_why.is_some()), (left, left, left > 0));
        // What is delivered or parked is not put off by what comes late.
        visits.put_off_unfit(Sequence(if n == 3 { 1 } else { n.into() }), Unfit::TooLarge, morning()).await.unwrap();
        assert_eq!(visits.counts().borrow().unfit, left);
    }
    assert_eq!(visits.counts().borrow().put_off, 1);
    visits.close();
}

#[tokio::test]
async fn answers_for_strangers_are_counted_and_left_out() {
    let station = Station::new();
    let visits = with_visits(&station, 1).await;
    let other_revision = Receipt { revision: Revision(2), ..receipt(1, held("VR-9")) };
    assert_eq!(answer(&visits, vec![receipt(8, held("VR-8")), receipt(1, held("VR-1")), other_revision, receipt(9, refused())]).await, 3);
    assert_eq!(logged_visit(&visits, 1).await.reference.as_deref(), Some("VR-1"));
    visits.close();
}

#[tokio::test]
async fn answers_are_stored_all_or_none() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    let trigger = "CREATE TRIGGER fail BEFORE UPDATE ON outbox WHEN NEW.sequence = 2 BEGIN SELECT RAISE(ABORT, 'no'); END";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(trigger)?)).await.unwrap();
    let before = *visits.counts().borrow();
    assert!(visits.store_receipts(vec![receipt(1, held("VR-1")), receipt(2, held("VR-2"))], morning()).await.is_err());
    assert_eq!(logged_visit(&visits, 1).await.delivery, Delivery::Pending);
    assert_eq!(*visits.counts().borrow(), before);
    visits.close();
}

#[tokio::test]
async fn answers_that_are_stored_are_no_error_because_the_rest_cannot_be_counted() {
    let station = Station::new();
    let visits = with_visits(&station, 2).await;
    let unreadable = "UPDATE outbox SET not_before = '?' WHERE sequence = 2";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(unreadable)?)).await.unwrap();
    let before = *visits.counts().borrow();
    assert_eq!(answer(&visits, vec![receipt(1, held("VR-1"))]).await, 0);
    assert_eq!(logged_visit(&visits, 1).await.delivery, Delivery::Delivered);
    assert_eq!(*visits.counts().borrow(), before, "the counts are old");
    visits.close();
}

#[tokio::test]
async fn the_counts_follow_each_change() {
    let station = Station::new();
    let visits = station.visits();
    let counts = visits.counts();
    assert_eq!(*counts.borrow(), Counts::default());
    let expect = |pending, parked, oldest: Option<u32>| {
        let now = *counts.borrow();
        assert_eq!((now.pending, now.parked, now.oldest_pending_at), (pending, parked, oldest.map(|n| visit(n).arrived_at)));
    };
    visits.append(visit(2)).await.unwrap();
    expect(1, 0, Some(2));
    visits.append(visit(1)).await.unwrap();
    expect(2, 0, Some(1));
    answer(&visits, vec![receipt(1, refused())]).await;
    expect(1, 1, Some(2));
    answer(&visits, vec![receipt(2, held("VR-2"))]).await;
    expect(0, 1, None);
    answer(&visits, vec![receipt(1, held("VR-1"))]).await;
    expect(0, 0, None);
    visits.close();
}

#[tokio::test]
async fn a_day_is_a_vietnamese_day_and_its_newest_visit_comes_first() {
    let station = Station::new();
    let visits = station.visits();
    for (n, arrived_at) in
        [(1, "2026-11-21T16:59:59Z"), (2, "2026-11-21T17:00:00Z"), (3, "2026-11-22T16:59:59Z"), (4, "2026-11-22T17:00:00Z")]
    {
        visits.append(NewVisit { arrived_at: at(arrived_at), ..visit(n) }).await.unwrap();
    }
    let day = |text: &str| text.parse().unwrap();
    let on = async |text| visits.of_day(day(text)).await.unwrap().into_iter().map(|logged| logged.visit.content.id).collect::<Vec<_>>();
    assert_eq!(on("2026-11-21").await, ids([1]));
    assert_eq!(on("2026-11-22").await, ids([3, 2]));
    assert_eq!(on("2026-11-23").await, ids([4]));
    visits.close();
}

#[tokio::test]
async fn the_newest_of_a_day_are_those_of_the_whole_day_each_as_it_was_last_corrected() {
    let station = Station::new();
    let visits = station.visits();
    let day = clock::vietnam_day(visit(1).arrived_at);
    assert_eq!(visits.newest_of_day(day, 3).await.unwrap(), Day::default());
    for n in 1..=6 {
        visits.append(visit(n)).await.unwrap();
    }
    // Two that are corrected, one of them twice; one whose correction is of the next day, and one of that day alone.
    let next_day = visit(1).arrived_at + TimeDelta::days(1);
    for (n, revision, arrived_at) in [(2, 2, None), (5, 2, None), (2, 3, None), (4, 2, Some(next_day)), (9, 1, Some(next_day))] {
        let revised = visit(n);
        let arrived_at = arrived_at.unwrap_or(revised.arrived_at);
        visits.append(NewVisit { revision: Revision(revision), arrived_at, ..revised }).await.unwrap();
    }
    for (day, wanted) in [(day, ids([2, 5, 6, 4, 3, 1])), (day.succ_opt().unwrap(), ids([9, 4]))] {
        let mut whole = visits.of_day(day).await.unwrap();
        let mut seen = std::collections::HashSet::new();
        whole.retain(|logged| seen.insert(logged.visit.content.id));
        assert_eq!(whole.iter().map(|logged| logged.visit.content.id).collect::<Vec<_>>(), wanted);
        for most in 0..=whole.len() + 1 {
            let newest = visits.newest_of_day(day, most).await.unwrap();
            assert_eq!((newest.count, newest.newest.as_slice()), (whole.len(), &whole[..most.min(whole.len())]), "{most}");
        }
    }
    visits.close();
}

#[tokio::test]
async fn what_the_page_asks_for_is_found_without_reading_or_sorting_a_day() {
    let station = Station::new();
    let visits = with_visits(&station, 3).await;
    let plan = |sql: String| {
        let explained = move |db: &rusqlite::Transaction<'_>| {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let values = rusqlite::params_from_iter(core::iter::repeat_n("2", statement.parameter_count()));
            let steps: Vec<String> = statement.query_map(values, |row| row.get(3))?.collect::<Result<_, _>>()?;
            Ok(steps.join("; "))
        };
        visits.readers.ask_now(explained).unwrap()
    };
    for (sql, index) in [
        (COUNT_OF_DAY.to_owned(), "visit USING COVERING INDEX visit_by_day (station_day=?)"),
        (COUNT_OF_DAY.to_owned(), "visit USING INDEX visit_corrected (station_day=?)"),
        (logged_sql(NEWEST_OF_DAY), "visit USING INDEX visit_by_day (station_day=?)"),
        (logged_sql(&doubted_rest()), "visit USING INDEX visit_doubted (sequence>?)"),
    ] {
        let steps = plan(sql);
        assert!(steps.contains(index) && !steps.contains("TEMP B-TREE"), "{steps}");
    }
    visits.close();
}
