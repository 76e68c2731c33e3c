//! The engine, try by try, against a province that a script makes up: what each direction does, notes, and waits for.

mod opening;
mod put_off;

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::desk::Lookup;
use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::domain::contact::Greeting;
use bhyt_agent::domain::contact::Hello;
use bhyt_agent::domain::contact::Machine;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::person::CitizenId;
use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::FeedFile;
use bhyt_agent::domain::roster::FeedHeader;
use bhyt_agent::domain::roster::FeedLines;
use bhyt_agent::domain::roster::Index;
use bhyt_agent::domain::roster::RosterChange;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::roster::Serial;
use bhyt_agent::domain::roster::SessionId;
use bhyt_agent::domain::roster::Sha256Digest;
use bhyt_agent::domain::roster::SignerId;
use bhyt_agent::domain::roster::StateDigest;
use bhyt_agent::domain::roster::Wanted;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::storage::visits::Unfit;
use bhyt_agent::storage::visits::VisitStore;
use bhyt_agent::sync::driver::Direction;
use bhyt_agent::sync::driver::Engine;
use bhyt_agent::sync::driver::Limits;
use bhyt_agent::sync::driver::Rest;
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::driver::Timing;
use bhyt_agent::sync::driver::Wake;
use bhyt_agent::sync::schedule::Timetable;
use bhyt_agent::sync::status::Link;
use bhyt_agent::sync::status::SyncStatus;
use bhyt_agent::upstream::CertificateLife;
use bhyt_agent::upstream::Error;
use bhyt_agent::upstream::Fault;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::Refusal;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use crate::counter::Counter;
use crate::counter::VALID;

/// What the made-up province does next, and what it was asked.
#[derive(Default)]
struct Script {
    people: u64,
    serial: u64,
    fetched: u32,
    /// Taken in order by batches; then all is well.
    broken: VecDeque<io::ErrorKind>,
    batches: Vec<usize>,
    /// The numbers of what was in them.
    sent: Vec<Vec<u64>>,
    /// Visits it cannot take, alone or with others.
    unfit: BTreeSet<u64>,
    /// These are called malformed, and else too large.
    is_unreadable: bool,
    /// It asks to wait for all it can take.
    retry_after: Option<u64>,
    /// Only so many of a batch are answered.
    answers: Option<usize>,
    /// What happens while a batch is under way, one after the other.
    during: VecDeque<Box<dyn FnOnce() + Send>>,
    /// A person who is saved while a batch is under way.
    saves: Option<(Desk, Lookup)>,
    /// So much a batch adds to what has gone over the link.
    costs: u64,
    /// The station hears of another ledger, once, while the answer to a batch is under way.
    meanwhile: Option<(VisitStore, Uuid)>,
    greeting: Option<Greeting>,
    said: Vec<&'static str>,
    links: Vec<(Option<Uuid>, Uuid)>,
    highest: Vec<u64>,
    /// Contacts are refused.
    refuses: bool,
    life: Option<CertificateLife>,
    look_ups: u32,
    /// A download breaks off after this much.
    breaks_after: Option<usize>,
}

#[derive(Clone, Default)]
struct MadeUp {
    script: Arc<Mutex<Script>>,
    traffic: Arc<AtomicU64>,
}

fn unreachable(kind: io::ErrorKind) -> Error {
    Error::Unreachable(io::Error::from(kind).into())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const SIGNED: &str = "2026-11-20T00:00:00Z";

fn row(n: u64) -> RosterRow {
    let mut row = RosterRow::default();
    for (column, value) in [
        (Column::Id, format!("022085{n:06}")),
        (Column::Card, format!("GD422{n:010}")),
        (Column::Name, "Trần Thị Ví Dụ".to_owned()),
        (Column::Born, "1985-09-02".to_owned()),
        (Column::Sex, "female".to_owned()),
        (Column::Facility, "22001".to_owned()),
        (Column::ValidFrom, "2026-01-01".to_owned()),
    ] {
        row.set(column, Some(value.into()));
    }
    row
}

impl MadeUp {
    fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    fn offer(&self, serial: u64, people: u64) {
        self.script(|script| (script.serial, script.people) = (serial, people));
    }

    fn greet(&self, at: DateTime<Utc>, ledger: u128, complete_to: DateTime<Utc>) {
        let greeting =
            Greeting { at, ledger: Uuid::from_u128(ledger), complete_to, machine: Machine::Known, ahead: None, log: None, wipe: None };
        self.script(|script| script.greeting = Some(greeting));
    }
}

impl ProvincialServer for MadeUp {
    async fn index(&self) -> Result<Index, Error> {
        let (serial, people) = self.script(|script| (Serial(script.serial), script.people));
        if people == 0 {
            return Err(unreachable(io::ErrorKind::ConnectionRefused));
        }
        let mut state = StateDigest::default();
        (0..people).for_each(|n| state.add(&row(n)));
        let published_at = at(SIGNED) + TimeDelta::minutes(i64::try_from(serial.0).unwrap());
        Ok(Index {
            session: SessionId(Uuid::from_u128(1)),
            serial,
            as_of: published_at,
            published_at,
            signed_by: SignerId("key".into()),
            expires_at: published_at + TimeDelta::days(7),
            state: state.finish(),
            snapshot: FeedFile { serial, bytes: 1, sha256: Sha256Digest([1; 32]) },
            deltas: Vec::new(),
        })
    }

    async fn fetch(&self, _: &FeedFile, path: &Path, _: u64) -> Result<(), Error> {
        let breaks_after = self.script(|script| {
            script.fetched += 1;
            script.breaks_after
        });
        let Some(bytes) = breaks_after else { return Ok(()) };
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        std::io::Write::write_all(&mut file, &vec![0; bytes]).unwrap();
        Err(unreachable(io::ErrorKind::ConnectionReset))
    }

    fn open(&self, _: &Path) -> Result<FeedLines, Error> {
        let (serial, rows) = self.script(|script| (Serial(script.serial), script.people));
        let header = FeedHeader { from: None, session: SessionId(Uuid::from_u128(1)), serial, rows };
        Ok(FeedLines { header, changes: Box::new((0..rows).map(|n| Ok(RosterChange::New(Box::new(row(n)))))) })
    }

    async fn deliver(&self, _: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        self.script(|script| {
            script.batches.push(visits.len());
            script.sent.push(visits.iter().map(|visit| visit.sequence.0).collect());
            assert!(script.sent.len() < 200, "a loop without an end");
            self.traffic.fetch_add(script.costs, Ordering::Relaxed);
            if let Some(during) = script.during.pop_front() {
                during();
            }
            if visits.iter().any(|visit| script.unfit.contains(&visit.sequence.0)) {
                return Err(if script.is_unreadable { Error::Contract(Fault::Request) } else { Error::TooLarge });
            }
            script.broken.pop_front().map_or(Ok(()), |kind| Err(unreachable(kind)))
        })?;
        if let Some((desk, lookup)) = self.script(|script| script.saves.take()) {
            desk.check_in(&lookup).await.unwrap();
        }
        if let Some((visits, ledger)) = self.script(|script| script.meanwhile.take()) {
            visits.ledger_seen(ledger, at("2026-11-21T00:00:00Z")).await.unwrap();
        }
        let held = ReceiptOutcome::Held { reference: "99-1".into(), received_at: at("2026-11-21T03:00:00Z"), duplicate: false };
        let (retry_after, answers) = self.script(|script| (script.retry_after, script.answers));
        let outcome = retry_after.map_or(held, |after_seconds| ReceiptOutcome::Retry { after_seconds });
        let answered = visits.iter().take(answers.unwrap_or(usize::MAX));
        Ok(answered.map(|v| Receipt { id: v.content.id, revision: v.content.revision, outcome: outcome.clone() }).collect())
    }

    async fn contact(&self, hello: &Hello) -> Result<Greeting, Error> {
        self.script(|script| {
            script.said.push("contact");
            script.links.push((hello.links.previous, hello.links.next));
            script.highest.push(hello.highest.0);
            if script.refuses {
                return Err(Error::Refused(Refusal::new("revoked_certificate")));
            }
            script.greeting.clone().ok_or_else(|| unreachable(io::ErrorKind::TimedOut))
        })
    }

    async fn look_up(&self, _: &Wanted) -> Result<Answered, Error> {
        self.script(|script| script.look_ups += 1);
        Ok(Answered { row: None, as_of: at(SIGNED) })
    }

    fn certificate(&self) -> Option<CertificateLife> {
        self.script(|script| script.life)
    }

    async fn renew(&self, _: Uuid) -> Result<(), Error> {
        self.script(|script| {
            script.said.push("renew");
            let life = script.life.as_mut().unwrap();
            (life.not_before, life.not_after) = (life.not_after, life.not_after + TimeDelta::days(365));
        });
        Ok(())
    }

    fn traffic(&self) -> u64 {
        self.traffic.load(Ordering::Relaxed)
    }
}

fn engine(counter: &Counter, server: &MadeUp, limits: Limits) -> Engine<MadeUp> {
    let station = FacilityCode::parse("22001").unwrap();
    let table = |expression: &str| Timetable::new(expression.parse().unwrap(), &station);
    let timing = Timing::new(table("0 */5 * * * *"), table("0 */15 * * * *"), table("0 17 * * * *"), Duration::from_mins(15));
    Engine {
        server: server.clone(),
        cards: counter.cards.clone(),
        visits: counter.visits.clone(),
        time: counter.desk.time().clone(),
        parts: counter.parts(),
        timing,
        limits,
        chance: || 0.5,
        handle: SyncHandle::new(Link::Ready),
    }
}

const LIMITS: Limits = Limits { daily_bytes: None, hold_above_percent: 30 };

fn status(engine: &Engine<MadeUp>) -> SyncStatus {
    engine.handle.status().borrow().clone()
}

fn code(engine: &Engine<MadeUp>, direction: Direction) -> Option<&'static str> {
    let status = status(engine);
    let activity = [&status.push, &status.pull, &status.contact, &status.ask][direction as usize];
    activity.failing.as_ref().map(|failing| failing.trouble.code())
}

fn serial(counter: &Counter) -> Option<u64> {
    counter.cards.roster().borrow().cursor.as_ref().map(|cursor| cursor.serial.0)
}

/// Visits go once a contact was tried. Nobody answers it.
async fn first_push(engine: &Engine<MadeUp>) {
    for direction in [Direction::Push, Direction::Contact, Direction::Push] {
        engine.turn(direction).await;
    }
}

fn is_over(counter: &Counter, rest: &Rest) -> bool {
    rest.is_over(&counter.desk.time().stamped())
}

async fn check_in(counter: &Counter, visits: usize) {
    for _ in 0..visits {
        let lookup = counter.desk.look_up(VALID).await.unwrap();
        counter.desk.check_in(&lookup).await.unwrap();
    }
}

#[tokio::test]
async fn f36_a_roster_that_takes_half_the_people_away_is_held_until_a_person_agrees_to_exactly_that_one() {
    let (counter, server) = (Counter::without_roster().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    server.offer(1, 200);
    engine.turn(Direction::Pull).await;
    assert_eq!(serial(&counter), Some(1));
    assert!(!engine.handle.accept_held(), "nothing is held");

    server.offer(3, 100);
    engine.turn(Direction::Pull).await;
    let since = counter.desk.time().now().at;
    counter.clock.advance(Duration::from_mins(20));
    let rest = engine.turn(Direction::Pull).await;
    assert_eq!((serial(&counter), code(&engine, Direction::Pull)), (Some(1), Some("held")));
    let held = status(&engine).held.unwrap();
    assert_eq!((held.since, held.upheaval.held, held.upheaval.gone), (since, 200, 100));
    assert!(!is_over(&counter, &rest));

    // Something else is published meanwhile: that was not agreed to.
    assert!(engine.handle.accept_held());
    assert_eq!(engine.handle.rung(Direction::Pull), Some(Wake::Now));
    server.offer(4, 90);
    engine.turn(Direction::Pull).await;
    assert_eq!((serial(&counter), status(&engine).held.unwrap().upheaval.gone), (Some(1), 110));
    assert!(engine.handle.accept_held());
    engine.turn(Direction::Pull).await;
    assert_eq!((serial(&counter), code(&engine, Direction::Pull), status(&engine).held), (Some(4), None, None));
}

#[tokio::test]
async fn a_days_bytes_stop_downloads_until_the_next_day_and_visits_never() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, Limits { daily_bytes: Some(1_000), ..LIMITS });
    check_in(&counter, 2).await;
    server.offer(2_000, 200);
    server.traffic.store(999, Ordering::Relaxed);
    first_push(&engine).await;
    assert_eq!((status(&engine).used_today, status(&engine).allowed_today), (Some(999), Some(1_000)));
    server.traffic.store(1_000, Ordering::Relaxed);
    check_in(&counter, 2).await;
    let rest = engine.turn(Direction::Pull).await;
    assert_eq!((code(&engine, Direction::Pull), server.script(|script| script.fetched)), (Some("allowance_used"), 0));
    engine.turn(Direction::Push).await;
    assert_eq!((counter.visits.counts().borrow().pending, server.script(|script| script.batches.clone())), (0, vec![2, 2]));
    // Ten in the morning: fourteen hours to midnight, and up to five minutes to keep stations apart.
    counter.clock.advance(Duration::from_mins(14 * 60 - 1));
    assert!(!is_over(&counter, &rest));
    counter.clock.advance(Duration::from_mins(6));
    assert!(is_over(&counter, &rest));
    engine.turn(Direction::Pull).await;
    assert_eq!((code(&engine, Direction::Pull), status(&engine).used_today), (None, Some(0)));
    // What was counted outlives the process.
    assert_eq!(counter.visits.traffic("2026-11-21".parse().unwrap()).await.unwrap(), 1_000);
}

#[tokio::test]
async fn f33_a_batch_that_breaks_off_is_halved_and_grows_again_but_not_for_want_of_a_connection() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    server.greet(at("2026-11-21T03:00:00Z"), 1, at("2026-01-01T00:00:00Z"));
    engine.turn(Direction::Contact).await;
    check_in(&counter, 40).await;
    let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::HostUnreachable, io::ErrorKind::TimedOut, io::ErrorKind::ConnectionReset];
    server.script(|script| script.broken = kinds.into());
    for _ in 0..5 {
        engine.turn(Direction::Push).await;
    }
    assert_eq!(server.script(|script| script.batches.clone()), [40, 40, 40, 20, 10, 20, 10]);
    assert_eq!((counter.visits.counts().borrow().pending, code(&engine, Direction::Push)), (0, None));
}

#[tokio::test]
async fn a_contact_repeats_its_link_until_it_is_answered_and_brings_the_time_and_what_was_lost() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    check_in(&counter, 1).await;
    first_push(&engine).await;
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    engine.turn(Direction::Contact).await;
    assert_eq!(code(&engine, Direction::Contact), Some("unreachable"));
    assert_eq!(counter.desk.time().now().state, ClockState::Behind);
    let now = at("2026-11-22T03:00:00Z");
    server.greet(now, 1, at("2026-01-01T00:00:00Z"));
    engine.turn(Direction::Contact).await;
    assert_eq!((counter.desk.time().now().at, counter.desk.time().now().state), (now, ClockState::Learned));
    engine.turn(Direction::Contact).await;
    let links = server.script(|script| script.links.clone());
    assert!(links[0] == links[1] && links[1] == links[2] && links[0].0.is_none(), "{links:?}");
    assert!(links[3].0 == Some(links[2].1) && links[3].1 != links[2].1, "{links:?}");
    // It was delivered before any ledger was known: once more, and then it is certain.
    assert_eq!(counter.visits.counts().borrow().pending, 1);
    engine.turn(Direction::Push).await;
    assert_eq!((counter.visits.counts().borrow().pending, code(&engine, Direction::Contact)), (0, None));
    // A backup was put back, of before the visit came.
    while engine.handle.rung(Direction::Push).is_some() {}
    server.greet(now, 2, at("2026-11-20T00:00:00Z"));
    engine.turn(Direction::Contact).await;
    assert_eq!((counter.visits.counts().borrow().pending, engine.handle.rung(Direction::Push)), (1, Some(Wake::Now)));
}

#[tokio::test]
async fn a_certificate_is_renewed_before_the_contact_once_two_thirds_are_over_even_if_it_has_ended() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    server.greet(at("2026-11-21T03:00:00Z"), 1, at("2026-01-01T00:00:00Z"));
    let life = |from: &str, until: &str| Some(CertificateLife { not_before: at(from), not_after: at(until) });
    for (from, until, said) in [
        ("2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z", &["contact"][..]),
        ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", &["renew", "contact"]),
        ("2025-10-01T00:00:00Z", "2026-10-01T00:00:00Z", &["renew", "contact"]),
    ] {
        server.script(|script| (script.life, script.said) = (life(from, until), Vec::new()));
        engine.turn(Direction::Contact).await;
        assert_eq!(server.script(|script| script.said.clone()), said, "{from} to {until}");
    }
}

#[tokio::test]
async fn a_download_that_goes_on_does_not_lengthen_the_pause_and_one_that_stands_does() {
    let (counter, server) = (Counter::without_roster().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    server.offer(1, 10);
    for (bytes, pauses) in [(200 << 10, [2, 2, 2, 2]), (100, [4, 8, 16, 32]), (200 << 10, [2, 2, 2, 2]), (0, [4, 8, 16, 32])] {
        server.script(|script| script.breaks_after = Some(bytes));
        for pause in pauses {
            let rest = engine.turn(Direction::Pull).await;
            assert_eq!(rest.sleep(&counter.desk.time().stamped()), Duration::from_secs(pause), "{bytes} bytes came");
        }
    }
    assert_eq!(status(&engine).pull.failing.unwrap().tries, 16, "all of them are counted as what they are");
}

#[tokio::test]
async fn one_direction_that_gets_through_shortens_the_pauses_of_the_others() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    let mut rest = None;
    for _ in 0..12 {
        rest = Some(engine.turn(Direction::Pull).await);
    }
    let mut rest = rest.unwrap();
    assert_eq!((code(&engine, Direction::Pull), engine.handle.rung(Direction::Pull)), (Some("unreachable"), None));
    check_in(&counter, 1).await;
    first_push(&engine).await;
    engine.take_in(Direction::Pull, &mut rest);
    assert!(!is_over(&counter, &rest), "shortened, not ended");
    counter.clock.advance(Duration::from_secs(31));
    assert!(is_over(&counter, &rest));
    assert_eq!(engine.handle.rung(Direction::Ask), None);
}

#[tokio::test]
async fn somebody_is_asked_about_once_and_not_over_a_link_that_has_just_failed() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    let id = CitizenId::parse("022085009999").unwrap();
    let wanted = Wanted { card_number: None, insurance_number: None, personal_id: Some(id) };
    let answers = engine.handle.answers();
    engine.turn(Direction::Pull).await;
    engine.handle.ask(wanted.clone());
    assert_eq!(engine.handle.rung(Direction::Ask), Some(Wake::Now));
    let rest = engine.turn(Direction::Ask).await;
    assert_eq!((server.script(|script| script.look_ups), *answers.borrow()), (0, 0));
    counter.clock.advance(Duration::from_mins(1));
    assert!(is_over(&counter, &rest));
    engine.turn(Direction::Ask).await;
    engine.handle.ask(wanted);
    engine.turn(Direction::Ask).await;
    assert_eq!((server.script(|script| script.look_ups), *answers.borrow()), (1, 1));
}

#[tokio::test]
async fn f40_a_kiosk_that_woke_in_2015_has_its_visits_placed_and_judged_by_their_day_after_the_next_contact() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    check_in(&counter, 1).await;
    counter.clock.advance(Duration::from_hours(2));
    check_in(&counter, 1).await;
    counter.clock.advance(Duration::from_mins(30));
    let said: Vec<_> = counter.desk.today().await.unwrap().iter().map(|logged| logged.visit.content.arrived_at).collect();
    assert_eq!(said, [at("2015-01-01T02:00:00Z"), at("2015-01-01T00:00:00Z")]);
    // A withdrawal says nothing about a day that nobody knows.
    counter.publish(1842, |rows| rows[0].set(Column::Standing, Some("revoked".into()))).await;
    assert_eq!(counter.desk.recheck().await.unwrap().found, 0);

    server.greet(at("2026-11-22T03:00:00Z"), 1, at("2026-01-01T00:00:00Z"));
    engine.turn(Direction::Contact).await;
    let today = counter.desk.today().await.unwrap();
    let placed = counter.desk.placed_of(&today).await.unwrap();
    let placed: Vec<_> = today.iter().map(|logged| placed[&logged.visit.sequence]).collect();
    assert_eq!(placed, [at("2026-11-22T02:30:00Z"), at("2026-11-22T00:30:00Z")]);
    assert_eq!(counter.desk.recheck().await.unwrap().found, 2);
    assert_eq!(counter.desk.rechecks(10).await.unwrap()[0].recheck.now.standing, "revoked".into());
    // Once the machine's own clock is right, they stay where they were.
    counter.clock.set_wall("2026-11-22T03:05:00Z");
    assert_eq!(counter.desk.today().await.unwrap().len(), 2);
    counter.clock.advance(Duration::from_hours(24));
    assert_eq!(counter.desk.today().await.unwrap().len(), 0);
}

/// The receipt is from before the backup was put back, and is read after the station has sent again what it knew to be missing: nobody would send this one.
#[tokio::test]
async fn a_receipt_that_was_under_way_while_the_province_was_restored_is_none() {
    let (counter, server) = (Counter::without_roster().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    engine.visits.ledger_seen(Uuid::from_u128(1), at(SIGNED)).await.unwrap();
    check_in(&counter, 1).await;
    server.script(|script| script.meanwhile = Some((engine.visits.clone(), Uuid::from_u128(2))));
    first_push(&engine).await;
    assert_eq!(engine.handle.rung(Direction::Push), Some(Wake::Now), "what waits for the next run is rung for");
    engine.turn(Direction::Push).await;
    assert_eq!(server.script(|script| script.batches.clone()), [1, 1], "it is sent to the ledger that is there now");
    let counts = *engine.visits.counts().borrow();
    assert_eq!((counts.pending, counts.delivered), (0, 1));
}
