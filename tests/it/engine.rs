//! The engine and the desk against ends that only a script can make: answers no honest server gives, and clocks that jump.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bhyt_agent::desk::CheckInError;
use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::domain::contact::TimeAnchor;
use bhyt_agent::domain::roster::FeedFile;
use bhyt_agent::domain::roster::FeedLines;
use bhyt_agent::domain::roster::Index;
use bhyt_agent::domain::verdict::Standing;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::storage::visits::Unfit;
use bhyt_agent::sync::push::BatchSize;
use bhyt_agent::sync::push::Push;
use bhyt_agent::sync::push::PushError;
use bhyt_agent::upstream::Error;
use bhyt_agent::upstream::Fault;
use bhyt_agent::upstream::ProvincialServer;
use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use crate::counter::Counter;
use crate::counter::VALID;

/// A server whose every answer to visits is this one.
struct Scripted<F> {
    answer: F,
    calls: AtomicUsize,
}

impl<F> Scripted<F> {
    fn new(answer: F) -> Self {
        Self { answer, calls: AtomicUsize::new(0) }
    }
}

impl<F: Fn(&[Visit]) -> Result<Vec<Receipt>, Error> + Send + Sync + 'static> ProvincialServer for Scripted<F> {
    async fn index(&self) -> Result<Index, Error> {
        Err(Error::Gone)
    }

    async fn fetch(&self, _: &FeedFile, _: &Path, _: u64) -> Result<(), Error> {
        Err(Error::Gone)
    }

    fn open(&self, _: &Path) -> Result<FeedLines, Error> {
        Err(Error::Gone)
    }

    async fn deliver(&self, _: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(self.calls.load(Ordering::Relaxed) < 100, "a loop without an end");
        (self.answer)(visits)
    }
}

async fn counter_with(visits: usize) -> Counter {
    let counter = Counter::open().await;
    for _ in 0..visits {
        let lookup = counter.desk.look_up(VALID).await.unwrap();
        counter.desk.check_in(&lookup).await.unwrap();
    }
    counter
}

async fn push<P: ProvincialServer>(counter: &Counter, server: &P) -> Result<(), PushError> {
    let (visits, time, size) = (&counter.visits, counter.desk.time(), &BatchSize::default());
    let mut run = Push { server, visits, time, size, put_off_too: false }.begin().await?;
    while run.step().await? {}
    run.end().map(|_| ())
}

fn to_all(visits: &[Visit], outcome: &ReceiptOutcome) -> Vec<Receipt> {
    visits.iter().map(|visit| Receipt { id: visit.content.id, revision: visit.content.revision, outcome: outcome.clone() }).collect()
}

#[tokio::test]
async fn a_retry_after_no_time_at_all_is_one_try_and_not_a_loop() {
    let counter = counter_with(5).await;
    let server = Scripted::new(|visits: &[Visit]| Ok(to_all(visits, &ReceiptOutcome::Retry { after_seconds: 0 })));
    push(&counter, &server).await.unwrap();
    assert_eq!(server.calls.load(Ordering::Relaxed), 1);
    assert_eq!(counter.visits.counts().borrow().pending, 5);
}

#[tokio::test]
async fn a_server_that_calls_everything_malformed_is_left_alone_after_a_few_tries() {
    let counter = counter_with(30).await;
    let server = Scripted::new(|_: &[Visit]| Err(Error::Contract(Fault::Request)));
    assert!(matches!(push(&counter, &server).await, Err(PushError::Upstream(Error::Contract(Fault::Request)))));
    assert!(server.calls.load(Ordering::Relaxed) <= 10);
    let counts = *counter.visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked), (30, 0));
}

#[tokio::test]
async fn one_visit_that_is_malformed_holds_up_nobody() {
    let counter = counter_with(20).await;
    let server = Scripted::new(|visits: &[Visit]| {
        if visits.iter().any(|visit| visit.sequence.0 == 7) {
            return Err(Error::Contract(Fault::Request));
        }
        let at = DateTime::<Utc>::default();
        Ok(to_all(visits, &ReceiptOutcome::Held { reference: "99-1".into(), received_at: at, duplicate: false }))
    });
    push(&counter, &server).await.unwrap();
    let counts = *counter.visits.counts().borrow();
    assert_eq!((counts.pending, counts.unfit, counts.unfit_why), (1, 1, Some(Unfit::Unreadable)), "the one that is left is said");
}

#[tokio::test]
async fn an_answer_about_nobody_we_asked_for_ends_the_run() {
    let counter = counter_with(3).await;
    let server = Scripted::new(|_: &[Visit]| Ok(Vec::new()));
    assert!(matches!(push(&counter, &server).await, Err(PushError::Upstream(Error::Contract(Fault::Receipts)))));
    assert_eq!(server.calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_look_up_before_midnight_is_judged_anew_before_it_is_saved_after_it() {
    let counter = Counter::open().await;
    counter.clock.set_wall("2026-12-31T16:59:50Z");
    let before = counter.desk.look_up(VALID).await.unwrap();
    assert_eq!(before.verdict.standing, Standing::Valid);
    counter.clock.advance(Duration::from_secs(20));
    let Err(CheckInError::NewDay(again)) = counter.desk.check_in(&before).await else { panic!("saved by yesterday's judgement") };
    assert_eq!((again.verdict.standing, again.visit_id), (Standing::Expired, before.visit_id));
    assert!(counter.desk.today().await.unwrap().is_empty());
    counter.desk.check_in(&again).await.unwrap();
    let saved = counter.desk.today().await.unwrap();
    assert_eq!(&*saved[0].visit.content.verdict.standing, "expired");
}

#[tokio::test]
async fn a_visit_saved_by_a_clock_that_ran_ahead_is_forgiven_once_the_province_has_spoken() {
    let counter = Counter::open().await;
    let time = counter.desk.time();
    time.vouched("2026-11-20T00:00:00Z".parse().unwrap(), None);
    counter.clock.set_wall("2027-02-01T03:00:00Z");
    let ahead = counter.desk.look_up(VALID).await.unwrap();
    assert_eq!(ahead.verdict.standing, Standing::Expired);
    counter.desk.check_in(&ahead).await.unwrap();
    counter.clock.set_wall("2026-12-05T03:00:00Z");
    assert_eq!(counter.desk.look_up(VALID).await.unwrap().verdict.now.state, ClockState::Behind);
    time.vouched("2026-12-05T02:00:00Z".parse().unwrap(), None);
    let after = counter.desk.look_up(VALID).await.unwrap();
    assert_eq!((after.verdict.now.state, after.verdict.standing), (ClockState::Plausible, Standing::Valid));
}

#[tokio::test]
async fn a_visit_saved_by_a_clock_known_to_be_wrong_bears_the_provinces_time() {
    let counter = Counter::open().await;
    let (time, right) = (counter.desk.time(), "2026-11-21T03:00:00Z".parse::<DateTime<Utc>>().unwrap());
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    let reading = time.reading();
    assert!(time.anchored(TimeAnchor { boot_id: reading.boot_id, since_boot: reading.since_boot, at: right }));
    counter.clock.advance(Duration::from_mins(90));
    let lookup = counter.desk.look_up(VALID).await.unwrap();
    assert_eq!(lookup.verdict.standing, Standing::Valid);
    counter.desk.check_in(&lookup).await.unwrap();
    let saved = counter.desk.today().await.unwrap();
    let content = &saved[0].visit.content;
    assert_eq!((content.arrived_at, content.clock.state), (right + Duration::from_mins(90), ClockState::Learned));
}
