//! Terms of keeping by a clock that is set by hand, and by one that is not believed.

use tokio::task::JoinHandle;

use super::*;
use crate::app::Opened;
use crate::app::by_hand::Place;
use crate::app::by_hand::until;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::refused;
use crate::storage::test_support::visit;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

const HURRY: Pace = Pace { after_start: Duration::ZERO, every: Duration::from_millis(5), doubted: Duration::from_millis(5) };
const LOOKS: u64 = 12;
const TERMS: &str = "[retention]\nvisits-days = 90\n";

struct Running {
    opened: Opened,
    config: watch::Sender<Arc<Config>>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(place: &Place, hurry: Pace, config: Config) -> Self {
        Self::start_after(place, hurry, config, async |_| {}).await
    }

    /// The same, with something done before the first look.
    async fn start_after(place: &Place, hurry: Pace, config: Config, before: impl AsyncFnOnce(&Opened)) -> Self {
        let opened = place.open(&config).await;
        before(&opened).await;
        let (config, followed) = watch::channel(Arc::new(config));
        let (visits, desk) = (opened.visits.clone(), opened.desk.clone());
        let task = tokio::spawn(async move { match work(hurry, followed, visits, desk).await {} });
        Self { opened, config, task }
    }

    async fn stop(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.opened.close().await;
    }

    async fn five(&self) {
        five(&self.opened).await;
    }

    fn counts(&self) -> (u64, u64, u64) {
        let counts = *self.opened.visits.counts().borrow();
        (counts.delivered, counts.pending, counts.parked)
    }
}

/// Visits 0 to 4: delivered, delivered, waiting, refused and for a person to decide, delivered a month later.
async fn five(Opened { visits, .. }: &Opened) {
    for n in 0..5 {
        let arrived_at = morning() + TimeDelta::days(if n == 4 { 30 } else { 0 });
        visits.append(crate::domain::visit::NewVisit { arrived_at, ..visit(n) }).await.unwrap();
    }
    let receipts = [0, 1, 4].map(|n| receipt(n, held(&format!("r{n}")))).into_iter().chain([receipt(3, refused())]).collect();
    visits.store_receipts(receipts, morning()).await.unwrap();
}

fn day(days: i64) -> DateTime<Utc> {
    morning() + TimeDelta::days(days)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_by_the_terms_goes_when_its_day_comes_and_never_a_visit_that_is_not_sent() {
    let place = Place::new(morning());
    let running = Running::start(&place, HURRY, place.config(TERMS)).await;
    running.five().await;
    place.set(day(90));
    place.looked(LOOKS).await;
    assert_eq!(running.counts(), (3, 1, 1), "of the very day nothing goes yet");
    place.set(day(90) + TimeDelta::minutes(1));
    until("the two old ones are taken out", || running.counts() == (1, 1, 1)).await;
    place.set(day(120) + TimeDelta::minutes(1));
    until("the younger one too", || running.counts() == (0, 1, 1)).await;
    place.set(day(389));
    place.looked(LOOKS).await;
    assert_eq!(running.counts(), (0, 1, 1), "what is to be sent, or waits for a person, stays");
    assert_eq!(running.opened.visits.due(10, day(389)).await.unwrap()[0].content.id, visit(2).id);
    running.opened.desk.close_log().await;
    let log = running.opened.visits.access(10).await.unwrap();
    assert_eq!(log.iter().filter(|line| line.act == Act::Pruned.code()).count(), 2, "each time is in the access log");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_not_believed_takes_nothing_out_and_terms_count_as_soon_as_they_are_set() {
    let place = Place::new(morning());
    let running = Running::start(&place, HURRY, place.config(TERMS)).await;
    running.five().await;
    running.opened.time.vouched(day(1), None);
    for doubted in [day(4000), day(-4000)] {
        place.set(doubted);
        place.looked(LOOKS).await;
        assert!(running.opened.time.now().state.is_suspect(), "the control: {doubted}");
        assert_eq!(running.counts(), (3, 1, 1), "{doubted}");
    }
    // Something was recorded while the clock ran ahead, and it is back: what is gone by for sure then is the mistake itself.
    running.opened.time.recorded(day(300));
    place.set(day(20));
    place.looked(LOOKS).await;
    assert!(running.opened.time.now().at == day(300) && running.opened.time.now().state.is_suspect(), "the control");
    assert_eq!(running.counts(), (3, 1, 1), "by the mistake of a clock nothing goes");
    running.opened.time.recorded(morning());
    place.set(day(100));
    until("by a clock that is believed", || running.counts() == (1, 1, 1)).await;
    running.stop().await;

    // Without terms all stays; with some, not a day is waited for.
    let place = Place::new(morning());
    let seldom = Pace { every: Duration::from_hours(24), ..HURRY };
    let running = Running::start(&place, seldom, place.config("")).await;
    running.five().await;
    place.set(day(200));
    running.config.send_replace(Arc::new(place.config("[retention]\ncoverage-days = 90\n")));
    running.config.send_replace(Arc::new(place.config("")));
    tokio::task::yield_now().await;
    assert_eq!(running.counts(), (3, 1, 1), "without a term nothing goes");
    running.config.send_replace(Arc::new(place.config(TERMS)));
    until("the terms count at once", || running.counts() == (0, 1, 1)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_believed_late_is_not_waited_for_until_tomorrow_and_a_cut_erasure_is_finished() {
    let place = Place::new(morning());
    let mark = place.dir.path().join("data/visits.erasing");
    let before = async |opened: &Opened| {
        five(opened).await;
        opened.time.vouched(day(1), None);
        place.set(day(-4000));
        std::fs::write(&mark, "").unwrap();
    };
    let running = Running::start_after(&place, Pace { every: Duration::from_hours(24), ..HURRY }, place.config(TERMS), before).await;
    place.looked(LOOKS).await;
    assert_eq!(running.counts(), (3, 1, 1));
    until("what was cut off is finished", || !mark.exists()).await;
    place.set(day(200));
    until("the clock is believed", || running.counts() == (0, 1, 1)).await;
    running.stop().await;
}
