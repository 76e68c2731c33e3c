//! Whatever desk, province and power do, and in whatever order: the store agrees with what a clerk with a notebook would keep.
//!
//! Promise: after each step nothing is lost and nothing doubled, no sequence is used twice, the counts are those of a recount, and every receipt that was
//! ever stored can be read. A failing history is shrunk and its seed kept; `BHYT_CASES` plays more of them.

use std::collections::BTreeMap;
use std::collections::HashSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::contact::Ahead;
use crate::domain::contact::Machine;
use crate::domain::contact::TimeAnchor;
use crate::domain::recheck::Recheck;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::Delivery;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::ShownVerdict;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt_of;
use crate::storage::test_support::refused;
use crate::storage::test_support::retry;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;
use std::fs;

/// Visits that a history speaks of.
const VISITS: u32 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// The next revision of a visit, or with a number that one; taken back or not.
    Append(u32, Option<u32>, bool),
    /// Of the latest revision, or with a number of that one.
    Answer(Vec<(u32, Option<u32>, Word)>),
    /// The latest revision, or with a number that one; so with [`Step::Close`].
    Release(u32, Option<u32>),
    Close(u32, Option<u32>),
    /// The province speaks of a ledger, complete to the instant of so many steps after the beginning, or of a receipt if there are as many.
    Ledger(u128, u32),
    /// A contact, with visits ahead of ours.
    Contact(Option<u64>),
    Renew,
    /// What newer data say of a visit, if of the latest revision; or that it agrees.
    Recheck(u32, Option<&'static str>),
    Tell,
    Settle(u32),
    /// Somebody takes a number.
    Number,
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
    let (visit, revision) = (0..VISITS, 1..4_u32);
    let any_or_latest = prop::option::weighted(0.2, revision);
    let word = prop_oneof![
        4 => Just(Word::Held),
        1 => Just(Word::Duplicate),
        4 => Just(Word::Refused),
        2 => prop::sample::select(vec![0, 1, 59, 3600, 100_000]).prop_map(Word::Retry),
    ];
    let answers = prop::collection::vec((visit.clone(), any_or_latest.clone(), word), 0..5);
    let verdict = prop::option::weighted(0.7, prop::sample::select(vec!["revoked", "expired"]));
    let step = prop_oneof![
        8 => (visit.clone(), prop::option::weighted(0.2, 0..5_u32), any::<bool>()).prop_map(|(n, r, voided)| Step::Append(n, r, voided)),
        8 => answers.prop_map(Step::Answer),
        6 => (visit.clone(), any_or_latest.clone()).prop_map(|(n, revision)| Step::Release(n, revision)),
        6 => (visit.clone(), any_or_latest).prop_map(|(n, revision)| Step::Close(n, revision)),
        4 => (0..3_u128, 0..6_u32).prop_map(|(ledger, to)| Step::Ledger(ledger, to)),
        2 => prop::option::of(0..5_u64).prop_map(Step::Contact),
        1 => Just(Step::Renew),
        4 => (visit.clone(), verdict).prop_map(|(n, verdict)| Step::Recheck(n, verdict)),
        2 => Just(Step::Tell),
        1 => visit.prop_map(Step::Settle),
        2 => Just(Step::Number),
        1 => Just(Step::Reopen),
        2 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Clone, Debug)]
struct Entry {
    content: NewVisit,
    delivery: Delivery,
    receipt: Option<(String, DateTime<Utc>)>,
    past: Vec<String>,
    put_off: Option<DateTime<Utc>>,
    is_closed: bool,
    recheck: Option<Found>,
}

#[derive(Clone, Debug, PartialEq)]
struct Found {
    standing: &'static str,
    is_sent: bool,
    is_settled: bool,
    is_over: bool,
}

#[derive(Default)]
struct Notebook {
    /// By sequence.
    entries: BTreeMap<u64, Entry>,
    /// The highest number that was ever given, here or as the province tells.
    last: u64,
    ledger: Option<u128>,
    installs: HashSet<Uuid>,
    /// Numbers given out.
    numbers: u32,
}

type Key = (u32, u32);

fn today() -> QueueDay {
    let clock = ClockStamp { state: ClockState::Plausible, boot_id: "test".into(), boot_ms: 0 };
    QueueDay { day: clock::vietnam_day(morning()), clock }
}

impl Notebook {
    async fn number(&mut self, visits: &VisitStore, now: DateTime<Utc>) {
        self.numbers += 1;
        let given = visits.next_number(today(), visit(1).operator, now).await.unwrap();
        assert_eq!(given.get(), self.numbers, "each number once, and none left out");
    }

    fn find(&self, (n, revision): Key) -> Option<u64> {
        let is_it = |entry: &Entry| (entry.content.id, entry.content.revision) == (visit_id(n), Revision(revision));
        self.entries.iter().find(|(_, entry)| is_it(entry)).map(|(sequence, _)| *sequence)
    }

    fn latest(&self, n: u32) -> Option<u64> {
        let of_it = self.entries.iter().filter(|(_, entry)| entry.content.id == visit_id(n));
        of_it.max_by_key(|(_, entry)| entry.content.revision).map(|(sequence, _)| *sequence)
    }

    /// 0: there is none.
    fn latest_revision(&self, n: u32) -> u32 {
        self.latest(n).map_or(0, |sequence| self.entries[&sequence].content.revision.0)
    }

    fn append(&mut self, n: u32, content: NewVisit) -> Option<Saved> {
        let revision = content.revision.0;
        if let Some(sequence) = self.find((n, revision)) {
            return Some(Saved::Already(Sequence(sequence)));
        }
        if revision != self.latest_revision(n) + 1 {
            return None;
        }
        for entry in self.entries.values_mut().filter(|entry| entry.content.id == content.id) {
            if entry.delivery == Delivery::Parked {
                entry.delivery = Delivery::Superseded;
            }
            entry.end_recheck();
        }
        self.last += 1;
        let new =
            Entry { content, delivery: Delivery::Pending, receipt: None, past: vec![], put_off: None, is_closed: false, recheck: None };
        self.entries.insert(self.last, new);
        Some(Saved::New(Sequence(self.last)))
    }

    /// Whether the visit is known.
    fn answer(&mut self, (n, revision): Key, word: Word, reference: &str, now: DateTime<Utc>) -> bool {
        let (Some(sequence), latest) = (self.find((n, revision)), self.latest(n)) else { return false };
        let Some(entry) = self.entries.get_mut(&sequence) else { return false };
        match (word, entry.delivery) {
            (Word::Held | Word::Duplicate, _) => {
                entry.delivery = Delivery::Delivered;
                entry.receipt.get_or_insert_with(|| (reference.to_owned(), now));
                entry.put_off = None;
            }
            (Word::Refused, Delivery::Pending) => {
                entry.delivery = if latest == Some(sequence) { Delivery::Parked } else { Delivery::Superseded };
                entry.put_off = None;
            }
            (Word::Retry(seconds), Delivery::Pending) => {
                entry.put_off = Some(now + TimeDelta::seconds(i64::try_from(seconds.clamp(5, 3600)).unwrap()));
            }
            _ => {}
        }
        true
    }

    /// The visit, if it is parked.
    fn parked(&mut self, key: Key) -> Option<&mut Entry> {
        let sequence = self.find(key)?;
        self.entries.get_mut(&sequence).filter(|entry| entry.delivery == Delivery::Parked)
    }

    fn see(&mut self, ledger: u128, complete_to: DateTime<Utc>) -> u64 {
        let before = self.ledger.replace(ledger);
        let mut again = 0;
        if before != Some(ledger) {
            for entry in self.entries.values_mut() {
                if let Some((reference, _)) = entry.receipt.take_if(|(_, received_at)| *received_at >= complete_to) {
                    entry.past.push(reference);
                    entry.delivery = Delivery::Pending;
                    again += 1;
                }
            }
        }
        again
    }

    fn due(&self, now: DateTime<Utc>) -> Vec<u64> {
        let is_due = |entry: &Entry| entry.delivery == Delivery::Pending && entry.put_off.is_none_or(|until| until <= now);
        self.entries.iter().filter(|(_, entry)| is_due(entry)).map(|(sequence, _)| *sequence).collect()
    }

    fn counts(&self) -> Counts {
        let of = |delivery| self.entries.values().filter(|entry| entry.delivery == delivery).count() as u64;
        let pending = self.entries.values().filter(|entry| entry.delivery == Delivery::Pending);
        let waiting: HashSet<_> = pending.clone().map(|entry| entry.content.id).collect();
        let is_open = |entry: &&Entry| entry.recheck.as_ref().is_some_and(|found| !found.is_settled && !found.is_over);
        Counts {
            pending: of(Delivery::Pending),
            pending_visits: waiting.len() as u64,
            parked: of(Delivery::Parked),
            delivered: of(Delivery::Delivered),
            closed: of(Delivery::Closed),
            rechecks: self.entries.values().filter(is_open).count() as u64,
            highest: Sequence(self.entries.keys().max().copied().unwrap_or_default()),
            oldest_pending_at: pending.map(|entry| entry.content.arrived_at).min(),
            put_off: self.entries.values().filter(|entry| entry.put_off.is_some()).count() as u64,
            put_off_until: self.entries.values().filter_map(|entry| entry.put_off).min(),
            ..Counts::default()
        }
    }
}

impl Entry {
    fn end_recheck(&mut self) {
        match &mut self.recheck {
            Some(found) if found.is_sent => found.is_over = true,
            found => *found = None,
        }
    }
}

fn differing(sequence: u64, content: &NewVisit, standing: &str, now: DateTime<Utc>) -> Recheck {
    Recheck {
        id: content.id,
        revision: content.revision,
        sequence: Sequence(sequence),
        arrived_at: content.arrived_at,
        shown: content.verdict.clone(),
        now: ShownVerdict { standing: standing.into(), ..content.verdict.clone() },
        found_at: now,
    }
}

/// All states as the rows say, counted one by one.
fn recount(db: &Transaction<'_>) -> Result<Vec<(String, u64, u64)>, Error> {
    let sql = "SELECT state, visits, (SELECT count(*) FROM outbox WHERE outbox.state = tally.state) FROM tally";
    let mut statement = db.prepare(sql)?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?)
}

async fn compare(store: &VisitStore, model: &Notebook, now: DateTime<Utc>) {
    assert_eq!(*store.counts().borrow(), model.counts());
    for (state, kept, counted) in store.readers.ask(recount).await.unwrap() {
        assert_eq!(kept, counted, "{state}");
    }
    for now in [now, now + TimeDelta::hours(1)] {
        let due: Vec<_> = store.due(1000, now).await.unwrap().into_iter().map(|visit| visit.sequence.0).collect();
        assert_eq!(due, model.due(now));
    }
    let mut logged = store.of_day(clock::vietnam_day(morning())).await.unwrap();
    logged.reverse();
    assert_eq!(logged.len(), model.entries.len(), "nothing lost, nothing doubled");
    for (logged, (sequence, entry)) in logged.iter().zip(&model.entries) {
        assert_eq!((logged.visit.sequence.0, &logged.visit.content), (*sequence, &entry.content), "nothing changed");
        let reference = entry.receipt.as_ref().map(|(reference, _)| reference.as_str());
        assert_eq!((logged.delivery, logged.reference.as_deref()), (entry.delivery, reference), "{sequence}");
        let is_refused = matches!(entry.delivery, Delivery::Parked | Delivery::Closed | Delivery::Superseded);
        assert_eq!((logged.refused.is_some(), logged.closing.is_some()), (is_refused, entry.is_closed), "{sequence}");
    }
    for n in 0..VISITS {
        let revisions: Vec<_> =
            store.revisions(visit_id(n)).await.unwrap().into_iter().map(|logged| logged.visit.content.revision.0).collect();
        assert!(revisions.iter().copied().eq(1..=u32::try_from(revisions.len()).unwrap()), "{revisions:?}");
        let mut past: Vec<_> = store.past_receipts(visit_id(n)).await.unwrap().into_iter().map(|kept| kept.reference.to_string()).collect();
        let of_it = model.entries.values().filter(|entry| entry.content.id == visit_id(n));
        let mut wanted: Vec<_> = of_it.flat_map(|entry| entry.past.clone()).collect();
        past.sort();
        wanted.sort();
        assert_eq!(past, wanted, "a receipt is never lost");
    }
    let listed = store.undelivered(1000).await.unwrap();
    let is_sorted = listed.is_sorted_by_key(|logged| (logged.delivery != Delivery::Parked, logged.visit.sequence));
    assert!(is_sorted && listed.len() as u64 == model.counts().pending + model.counts().parked);
    let mut found: Vec<_> = store.rechecks(1000).await.unwrap();
    found.sort_by_key(|listed| listed.recheck.sequence);
    let found: Vec<_> = found
        .into_iter()
        .map(|l| (l.recheck.sequence.0, l.recheck.now.standing.to_string(), l.sent_at.is_some(), l.settled_at.is_some(), l.is_over))
        .collect();
    let kept = model.entries.iter().filter_map(|(sequence, entry)| entry.recheck.clone().map(|found| (*sequence, found)));
    let kept: Vec<_> = kept.map(|(sequence, f)| (sequence, f.standing.to_owned(), f.is_sent, f.is_settled, f.is_over)).collect();
    assert_eq!(found, kept);
    assert_eq!(store.ledger().await.unwrap(), model.ledger.map(Uuid::from_u128));
}

/// One step of what people and the province do.
async fn take(step: Step, visits: &VisitStore, model: &mut Notebook, (number, now): (u32, DateTime<Utc>)) {
    match step {
        Step::Append(n, revision, voided) => {
            let mut content = revision_of(n, revision.unwrap_or_else(|| model.latest_revision(n) + 1));
            content.voided = voided.then(|| "nhầm".into());
            match visits.append(content.clone()).await {
                Err(Error::NotLatest) => assert_eq!(model.append(n, content), None),
                saved => assert_eq!(Some(saved.unwrap()), model.append(n, content)),
            }
        }
        Step::Answer(answers) => {
            let mut strangers = 0;
            let mut receipts: Vec<Receipt> = Vec::new();
            for ((n, revision, word), at) in answers.into_iter().zip(0_u32..) {
                let revision = revision.unwrap_or_else(|| model.latest_revision(n).max(1));
                let reference = format!("VR-{number}-{at}");
                strangers += usize::from(!model.answer((n, revision), word, &reference, now));
                let held = |duplicate| ReceiptOutcome::Held { reference: reference.as_str().into(), received_at: now, duplicate };
                let outcome = match word {
                    Word::Held => held(false),
                    Word::Duplicate => held(true),
                    Word::Refused => refused(),
                    Word::Retry(seconds) => retry(seconds),
                };
                receipts.push(receipt_of(n, revision, outcome));
            }
            assert_eq!(visits.store_receipts(receipts, now).await.unwrap(), strangers);
        }
        Step::Release(n, revision) => {
            let revision = revision.unwrap_or_else(|| model.latest_revision(n));
            let expected = model.parked((n, revision)).map(|entry| entry.delivery = Delivery::Pending).is_some();
            assert_eq!(visits.release(visit_id(n), Revision(revision)).await.unwrap(), expected);
        }
        Step::Close(n, revision) => {
            let revision = revision.unwrap_or_else(|| model.latest_revision(n));
            let close = |entry: &mut Entry| (entry.delivery, entry.is_closed) = (Delivery::Closed, true);
            let expected = model.parked((n, revision)).map(close).is_some();
            let by = OperatorName::parse("Thử").unwrap();
            assert_eq!(visits.close_parked(visit_id(n), Revision(revision), "ghi chú".into(), by, now).await.unwrap(), expected);
        }
        Step::Ledger(ledger, to) => {
            let mut received = model.entries.values().filter_map(|entry| entry.receipt.as_ref().map(|(_, received_at)| *received_at));
            let complete_to = received.nth(to as usize).unwrap_or(morning() + TimeDelta::seconds(30) * i32::try_from(to).unwrap());
            assert_eq!(visits.ledger_seen(Uuid::from_u128(ledger), complete_to).await.unwrap().visits, model.see(ledger, complete_to));
        }
        Step::Contact(jump) => {
            let ahead = jump.map(|jump| Ahead {
                highest: Sequence(model.last + jump),
                visits: jump,
                first_received_at: now,
                last_received_at: now,
            });
            model.last += jump.unwrap_or_default();
            let anchor = TimeAnchor { boot_id: "boot".into(), since_boot: core::time::Duration::ZERO, at: now };
            let links = visits.chain_links().await.unwrap();
            visits.contact_made(links.next, Machine::FellBack, ahead, anchor).await.unwrap();
            assert_eq!(visits.chain_links().await.unwrap().previous, Some(links.next));
        }
        Step::Renew => {
            let install = Uuid::new_v4();
            visits.become_install(install, now).await.unwrap();
            assert!(model.installs.insert(install));
        }
        Step::Recheck(n, verdict) => {
            let Some(sequence) = model.latest(n) else { return };
            let entry = model.entries.get_mut(&sequence).unwrap();
            if let Some(standing) = verdict {
                visits.put_rechecks(vec![differing(sequence, &entry.content, standing, now)], vec![]).await.unwrap();
                let is_known = entry.recheck.as_ref().is_some_and(|found| found.standing == standing && !found.is_over);
                if entry.content.voided.is_none() && !is_known {
                    entry.recheck = Some(Found { standing, is_sent: false, is_settled: false, is_over: false });
                }
            } else {
                visits.put_rechecks(vec![], vec![Sequence(sequence)]).await.unwrap();
                entry.end_recheck();
            }
        }
        Step::Tell => {
            let unsent = visits.unsent_rechecks(2).await.unwrap();
            let is_unsent = |found: &&mut Found| !found.is_sent && !found.is_over;
            let told: Vec<_> = model.entries.values_mut().filter_map(|entry| entry.recheck.as_mut()).filter(is_unsent).take(2).collect();
            assert_eq!(unsent.len(), told.len());
            for found in told {
                found.is_sent = true;
            }
            visits.rechecks_sent(unsent, now).await.unwrap();
        }
        Step::Settle(n) => {
            let found = model.latest(n).and_then(|sequence| model.entries.get_mut(&sequence)?.recheck.as_mut());
            let open = found.filter(|found| !found.is_settled && !found.is_over);
            let expected = open.map(|found| found.is_settled = true).is_some();
            let sequence = Sequence(model.latest(n).unwrap_or(1_000_000));
            assert_eq!(visits.settle_recheck(sequence, now).await.unwrap(), expected);
        }
        Step::Number => model.number(visits, now).await,
        Step::Reopen | Step::Kill => {}
    }
}

/// The files as they are at this instant, on another disk.
fn killed(station: &Station, visits: Open<VisitStore>) -> Station {
    let survivor = Station::new();
    for name in ["visits.db", "visits.db-wal"] {
        let _ = fs::copy(station.path().join(name), survivor.path().join(name));
    }
    visits.close();
    survivor
}

async fn play(steps: Vec<Step>) {
    let (mut station, mut model, mut now) = (Station::new(), Notebook::default(), morning());
    let mut visits = station.visits();
    for (step, number) in steps.into_iter().zip(0_u32..) {
        now += TimeDelta::seconds(30);
        match step {
            Step::Reopen => {
                visits.close();
                visits = station.visits();
            }
            Step::Kill => {
                station = killed(&station, visits);
                visits = station.visits();
            }
            step => take(step, &visits, &mut model, (number, now)).await,
        }
        compare(&visits, &model, now).await;
    }
    visits.close();
}

fn cases() -> u32 {
    std::env::var("BHYT_CASES").map_or(40, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_doubled(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}
