//! The way to the province: nothing is lost, nothing is doubled, whatever it answers and however often.

use std::collections::BTreeMap;

use proptest::prelude::*;

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
use crate::storage::visits::Saved;
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

// ---- the model: what a clerk with a notebook would keep

#[derive(Clone, Debug)]
enum Step {
    Append(u32, u32),
    Answer(Vec<(u32, u32, Word)>),
    Reopen,
    Kill,
}

#[derive(Clone, Copy, Debug)]
enum Word {
    Held,
    Duplicate,
    Refused,
    Retry(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![
        3 => Just(Word::Held),
        1 => Just(Word::Duplicate),
        2 => Just(Word::Refused),
        2 => prop::sample::select(vec![0, 1, 59, 3600, 100_000]).prop_map(Word::Retry),
    ];
    let answers = prop::collection::vec((0..8_u32, 1..3_u32, word), 0..5);
    let step = prop_oneof![
        4 => (0..8_u32, 1..3_u32).prop_map(|(n, revision)| Step::Append(n, revision)),
        4 => answers.prop_map(Step::Answer),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Debug)]
struct Entry {
    sequence: u64,
    delivery: Delivery,
    reference: Option<String>,
    put_off: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Notebook {
    entries: BTreeMap<(u32, u32), Entry>,
    last: u64,
}

impl Notebook {
    fn append(&mut self, key: (u32, u32)) -> Saved {
        if let Some(entry) = self.entries.get(&key) {
            return Saved::Already(crate::domain::visit::Sequence(entry.sequence));
        }
        self.last += 1;
        self.entries.insert(key, Entry { sequence: self.last, delivery: Delivery::Pending, reference: None, put_off: None });
        Saved::New(crate::domain::visit::Sequence(self.last))
    }

    /// Whether the visit is known.
    fn answer(&mut self, key: (u32, u32), word: Word, reference: &str, now: DateTime<Utc>) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        match (word, entry.delivery) {
            (Word::Held | Word::Duplicate, _) => {
                entry.delivery = Delivery::Delivered;
                entry.reference.get_or_insert_with(|| reference.to_owned());
                entry.put_off = None;
            }
            (Word::Refused, Delivery::Pending) => {
                entry.delivery = Delivery::Parked;
                entry.put_off = None;
            }
            (Word::Retry(seconds), Delivery::Pending) => {
                entry.put_off = Some(now + TimeDelta::seconds(i64::try_from(seconds.clamp(5, 3600)).unwrap()));
            }
            _ => {}
        }
        true
    }

    fn due(&self, now: DateTime<Utc>) -> Vec<u64> {
        let is_due = |entry: &&Entry| entry.delivery == Delivery::Pending && entry.put_off.is_none_or(|until| until <= now);
        let mut due: Vec<_> = self.entries.values().filter(is_due).map(|entry| entry.sequence).collect();
        due.sort_unstable();
        due
    }
}

fn revision_of(n: u32, revision: u32) -> NewVisit {
    NewVisit { revision: Revision(revision), ..visit(n) }
}

async fn compare(store: &VisitStore, model: &Notebook, now: DateTime<Utc>) {
    for now in [now, now + TimeDelta::hours(1)] {
        let due: Vec<_> = store.due(1000, now).await.unwrap().into_iter().map(|visit| visit.sequence.0).collect();
        assert_eq!(due, model.due(now));
    }
    let mut logged = store.of_day(clock::vietnam_day(morning())).await.unwrap();
    logged.reverse();
    let mut entries: Vec<_> = model.entries.iter().collect();
    entries.sort_by_key(|(_, entry)| entry.sequence);
    assert_eq!(logged.len(), entries.len(), "nothing lost, nothing doubled");
    for (logged, (&(n, revision), entry)) in logged.iter().zip(entries) {
        assert_eq!(logged.visit.content, revision_of(n, revision), "nothing changed");
        let found = (logged.visit.sequence.0, logged.delivery, logged.reference.as_deref());
        assert_eq!(found, (entry.sequence, entry.delivery, entry.reference.as_deref()));
        assert_eq!(logged.refused.is_some(), entry.delivery == Delivery::Parked);
    }
    let count = |delivery| model.entries.values().filter(|entry| entry.delivery == delivery).count() as u64;
    let counts = *store.counts().borrow();
    assert_eq!((counts.pending, counts.parked), (count(Delivery::Pending), count(Delivery::Parked)));
    assert_eq!(counts.put_off_until, model.entries.values().filter_map(|entry| entry.put_off).min());
    let undelivered = store.undelivered(1000).await.unwrap().len() as u64;
    assert_eq!(undelivered, counts.pending + counts.parked);
}

async fn play(steps: Vec<Step>) {
    let (mut station, mut model, mut now) = (Station::new(), Notebook::default(), morning());
    let mut visits = station.visits();
    for (step, number) in steps.into_iter().zip(0_u32..) {
        now += TimeDelta::seconds(30);
        match step {
            Step::Append(n, revision) => {
                assert_eq!(visits.append(revision_of(n, revision)).await.unwrap(), model.append((n, revision)));
            }
            Step::Answer(answers) => {
                let mut strangers = 0;
                let mut receipts = Vec::new();
                for ((n, revision, word), at) in answers.into_iter().zip(0_u32..) {
                    let reference = format!("VR-{number}-{at}");
                    strangers += usize::from(!model.answer((n, revision), word, &reference, now));
                    let outcome = match word {
                        Word::Held => held(&reference),
                        Word::Duplicate => ReceiptOutcome::Held { reference: reference.into(), received_at: now, duplicate: true },
                        Word::Refused => refused(),
                        Word::Retry(seconds) => retry(seconds),
                    };
                    receipts.push(Receipt { revision: Revision(revision), ..receipt(n, outcome) });
                }
                assert_eq!(visits.store_receipts(receipts, now).await.unwrap(), strangers);
            }
            Step::Reopen => {
                visits.close();
                visits = station.visits();
            }
            Step::Kill => {
                // The files as they are at this instant, on another disk.
                let survivor = Station::new();
                for name in ["visits.db", "visits.db-wal"] {
                    let _ = std::fs::copy(station.path().join(name), survivor.path().join(name));
                }
                visits.close();
                station = survivor;
                visits = station.visits();
            }
        }
        compare(&visits, &model, now).await;
    }
    visits.close();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_doubled(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
