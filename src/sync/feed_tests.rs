//! Plan and roster together against a province that offers anything at all: whatever the index lists, the roster ends at the index's state or stays.
//!
//! Promise: the real plan, the real `cards.db`; histories of a dozen made-up people in two sessions; seeds are printed. Never: a network; files are
//! handed over as the feed's reader would.

use std::collections::HashMap;

use chrono::TimeDelta;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;
use crate::domain::roster::Column;
use crate::domain::roster::FeedHeader;
use crate::domain::roster::FeedLines;
use crate::domain::roster::RosterChange;
use crate::domain::roster::SessionId;
use crate::domain::roster::SignerId;
use crate::storage::Error;
use crate::storage::Mismatch;
use crate::storage::cards::CardStore;
use crate::storage::cards::Holding;
use crate::storage::test_support::NO_GUARD;
use crate::storage::test_support::People;
use crate::storage::test_support::Station;
use crate::storage::test_support::changes;
use crate::storage::test_support::id_of;
use crate::storage::test_support::lines;
use crate::storage::test_support::morning;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;
use crate::storage::test_support::state_of;
use crate::storage::test_support::with;

/// Serials of each session.
const SERIALS: u64 = 12;
/// Deltas an honest index still offers.
const OFFERED: u64 = 5;

/// A seed, or the one that is to be run again, and how many cases.
fn run(cases: u32) -> (StdRng, u32) {
    let read = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = read("BHYT_FEED_SEED").unwrap_or_else(rand::random);
    let cases = read("BHYT_FEED_CASES").map_or(cases, |cases| u32::try_from(cases).unwrap());
    println!("BHYT_FEED_SEED={seed} BHYT_FEED_CASES={cases}");
    (StdRng::seed_from_u64(seed), cases)
}

/// A file of a feed, as it would be read.
#[derive(Clone)]
struct Content {
    header: FeedHeader,
    changes: Vec<RosterChange>,
}

/// Two histories of one station, and every file that was ever published of them.
struct World {
    sessions: [SessionId; 2],
    /// By session, the state of each serial; the first is serial 1.
    states: [Vec<People>; 2],
    digests: [Vec<Sha256Digest>; 2],
    files: HashMap<[u8; 32], Content>,
}

fn name(session: usize, serial: u64, is_snapshot: bool) -> Sha256Digest {
    let mut digest = [9; 32];
    (digest[0], digest[1], digest[2]) = (u8::try_from(session).unwrap(), u8::try_from(serial).unwrap(), u8::from(is_snapshot));
    Sha256Digest(digest)
}

impl World {
    fn new(random: &mut StdRng) -> Self {
        let sessions = [1, 2].map(|n| SessionId(Uuid::from_u128(n)));
        let mut files = HashMap::new();
        let states = [0, 1].map(|session| {
            let mut states = vec![people((1..=12).map(person))];
            while (states.len() as u64) < SERIALS {
                let next = changed(states.last().unwrap(), random);
                states.push(next);
            }
            for (state, serial) in states.iter().zip(1..) {
                let header = |from, rows: usize| FeedHeader { from, session: sessions[session], serial: Serial(serial), rows: rows as u64 };
                let whole = changes(&People::new(), state);
                files.insert(name(session, serial, true).0, Content { header: header(None, whole.len()), changes: whole });
                if serial > 1 {
                    let step = changes(&states[usize::try_from(serial).unwrap() - 2], state);
                    let header = header(Some(Serial(serial - 1)), step.len());
                    files.insert(name(session, serial, false).0, Content { header, changes: step });
                }
            }
            states
        });
        let digests = [0, 1].map(|session| states[session].iter().map(state_of).collect());
        Self { sessions, states, digests, files }
    }

    /// What the province says of a serial, `minutes` after the morning.
    fn index(&self, session: usize, serial: u64, minutes: i64) -> Index {
        let state = self.digests[session][usize::try_from(serial).unwrap() - 1];
        let file = |serial, is_snapshot| FeedFile { serial: Serial(serial), bytes: 10, sha256: name(session, serial, is_snapshot) };
        let at = morning() + TimeDelta::minutes(minutes);
        Index {
            session: self.sessions[session],
            serial: Serial(serial),
            as_of: at,
            published_at: at,
            signed_by: SignerId("key".into()),
            expires_at: at + TimeDelta::days(7),
            state,
            snapshot: FeedFile { bytes: 1000, ..file(serial, true) },
            deltas: (serial.saturating_sub(OFFERED).max(1) + 1..=serial).map(|serial| file(serial, false)).collect(),
        }
    }

    /// What a name stands for; a name that was made up stands for nothing.
    fn open(&self, file: &FeedFile) -> FeedLines {
        let content = self.files.get(&file.sha256.0).cloned();
        let content = content.unwrap_or_else(|| self.files[&name(0, 1, true).0].clone());
        lines(content.header, content.changes)
    }
}

/// A few people come, go, or have their card changed.
fn changed(state: &People, random: &mut StdRng) -> People {
    let mut next = state.clone();
    for _ in 0..random.random_range(1..4) {
        let row = person(random.random_range(1..20));
        match random.random_range(0..3) {
            0 => drop(next.remove(&id_of(&row))),
            1 => drop(next.entry(id_of(&row)).or_insert(row)),
            _ => {
                let day = format!("2027-01-{:02}", random.random_range(1..29));
                drop(next.entry(id_of(&row)).and_modify(|row| *row = with(row.clone(), Column::ValidUntil, Some(&day))));
            }
        }
    }
    next
}

/// One lie in an index.
fn spoil(index: &mut Index, random: &mut StdRng) {
    let at = random.random_range(0..index.deltas.len().max(1));
    let any = |random: &mut StdRng| name(random.random_range(0..2), random.random_range(1..=SERIALS), random.random_bool(0.2));
    match random.random_range(0..13) {
        // A gap, or a hole at the end.
        0 if !index.deltas.is_empty() => drop(index.deltas.remove(at)),
        1 => drop(index.deltas.pop()),
        2 => index.deltas.clear(),
        // The wrong order, or one twice.
        3 => index.deltas.reverse(),
        4 if !index.deltas.is_empty() => index.deltas.insert(at, index.deltas[at].clone()),
        // Another file under a serial, or a file under another serial.
        5 if !index.deltas.is_empty() => index.deltas[at].sha256 = any(random),
        6 if !index.deltas.is_empty() => index.deltas[at].serial = Serial(random.random_range(0..=SERIALS + 1)),
        7 => index.snapshot.sha256 = any(random),
        // Another session, serial or state.
        8 => index.session = SessionId(Uuid::from_u128(random.random_range(1..4))),
        9 => index.serial = Serial(random.random_range(1..=SERIALS + 1)),
        10 => index.state = Sha256Digest([random.random(); 32]),
        // Signed earlier, or over.
        11 => index.published_at -= TimeDelta::days(2),
        12 => index.expires_at = index.published_at,
        _ => index.snapshot.bytes = random.random_range(1..100),
    }
}

/// Does what a plan says, as a pull does, also with the snapshot after deltas that do not fit.
async fn follow(world: &World, cards: &CardStore, plan: &PullPlan, index: &Index) -> Result<(), Error> {
    let replace = async || cards.replace(world.open(&index.snapshot), index.clone(), index.cursor(morning()), NO_GUARD).await.map(drop);
    match plan {
        PullPlan::Current | PullPlan::Refuse(_) => Ok(()),
        PullPlan::Confirm => cards.confirm(index.clone(), index.cursor(morning())).await.map(drop),
        PullPlan::Snapshot(_) => replace().await,
        PullPlan::Deltas(steps) => {
            let deltas = steps.iter().map(|step| world.open(step)).collect();
            match cards.apply_deltas(deltas, index.clone(), index.cursor(morning()), NO_GUARD).await {
                Err(Error::Mismatch(_)) => replace().await,
                outcome => outcome.map(drop),
            }
        }
    }
}

/// Deltas are planned only where they lead, one by one, from what we hold to the index's serial.
#[test]
fn f27_deltas_are_planned_only_along_an_unbroken_line() {
    let (mut random, cases) = run(100_000);
    let world = World::new(&mut random);
    let mut planned = [0_u32; 2];
    for _ in 0..cases {
        let session = random.random_range(0..2);
        let held = random.random_bool(0.95).then(|| world.index(session, random.random_range(1..=SERIALS), 0).cursor(morning()));
        let mut index = world.index(session, random.random_range(1..=SERIALS), random.random_range(-3..60));
        let lies = random.random_range(0..4);
        (0..lies).for_each(|_| spoil(&mut index, &mut random));
        let plan = plan_pull(held.as_ref(), &[], &index, morning());
        let PullPlan::Deltas(steps) = &plan else {
            if let (Some(held), 0, PullPlan::Snapshot(_)) = (&held, lies, &plan) {
                assert!(index.serial.0 - held.serial.0 > OFFERED, "a snapshot without need");
            }
            continue;
        };
        let held = held.unwrap();
        assert_eq!((index.session, index.published_at >= held.published_at), (held.session, true));
        let serials: Vec<_> = steps.iter().map(|file| file.serial.0).collect();
        assert_eq!(serials, (held.serial.0 + 1..=index.serial.0).collect::<Vec<_>>());
        assert!(steps.iter().all(|step| index.deltas.contains(step)) && !steps.is_empty());
        planned[usize::from(lies > 0)] += 1;
    }
    assert!(planned.iter().all(|count| *count > cases / 100), "{planned:?}: honest and spoiled lists lead to deltas often enough to tell");
}

/// 600 indexes one after the other on one station (`BHYT_FEED_CASES` for more): after each the rows are those of the cursor, and the cursor is the index's
/// or as it was.
#[tokio::test]
async fn f27_no_list_of_deltas_leads_to_a_wrong_state() {
    let (mut random, cases) = run(600);
    let world = World::new(&mut random);
    let station = Station::new();
    let cards = station.cards();
    let mut outcomes: HashMap<&str, u32> = HashMap::new();
    for step in 0..cases {
        let before = cards.roster().borrow().cursor.clone();
        // Mostly the session held and one of its next serials, for else nearly everything is a snapshot.
        let held = before.as_ref().filter(|held| held.serial.0 < SERIALS && random.random_bool(0.9));
        let (session, serial) = match held {
            Some(held) => (usize::from(held.session != world.sessions[0]), held.serial.0 + random.random_range(0..4)),
            None => (random.random_range(0..2), random.random_range(1..SERIALS)),
        };
        let serial = serial.min(SERIALS);
        // So that one signed anew is sometimes worth a write and sometimes not.
        let mut index = world.index(session, serial, i64::from(step) * 45);
        (0..random.random_range(0..3)).for_each(|_| spoil(&mut index, &mut random));
        let known = cards.known_deltas().await.unwrap();
        let plan = plan_pull(before.as_ref(), &known, &index, morning());
        let outcome = follow(&world, &cards, &plan, &index).await;
        let after = cards.roster().borrow().cursor.clone();
        let kind = match (&plan, &outcome) {
            (PullPlan::Refuse(_) | PullPlan::Current, _) => "refused",
            (_, Err(Error::Mismatch(_))) => "does not fit",
            (PullPlan::Deltas(_), Ok(())) => "deltas",
            (PullPlan::Snapshot(_), Ok(())) => "snapshot",
            (PullPlan::Confirm, Ok(())) => "confirmed",
            (_, Err(error)) => panic!("step {step}: {error:?}"),
        };
        *outcomes.entry(kind).or_default() += 1;
        if matches!(kind, "refused" | "does not fit") {
            assert_eq!(after, before, "step {step}: {plan:?}");
        } else {
            assert_eq!(after, Some(index.cursor(morning())), "step {step}: {plan:?}");
        }
        let rows = cards.digest_of_rows().await;
        assert_eq!(rows, after.map_or(state_of(&People::new()), |cursor| cursor.state), "step {step}: {plan:?}");
        assert!(
            rows == state_of(&People::new()) || world.digests.concat().contains(&rows),
            "step {step}: a state that the province never had"
        );
    }
    println!("{outcomes:?}");
    for kind in ["refused", "does not fit", "deltas", "snapshot", "confirmed"] {
        assert!(outcomes.get(kind).copied().unwrap_or_default() > cases / 100, "{kind} was hardly tried: {outcomes:?}");
    }
    cards.close();
}

/// An index that lies before what we hold is refused, whichever way it lies before; one that was never replaced is refused from its end on.
#[test]
fn f28_no_way_back_and_no_standing_still() {
    let (mut random, cases) = run(20_000);
    let world = World::new(&mut random);
    for case in 0..cases {
        let session = random.random_range(0..2);
        let held = world.index(session, random.random_range(2..=SERIALS), 1000).cursor(morning());
        // Rollback: an earlier serial signed anew, or any index signed before, also of another session.
        let earlier = world.index(session, random.random_range(1..held.serial.0), random.random_range(1000..2000));
        let before = world.index(random.random_range(0..2), random.random_range(1..=SERIALS), random.random_range(0..1000));
        for index in [earlier, before] {
            let plan = plan_pull(Some(&held), &[], &index, morning() + TimeDelta::minutes(2000));
            assert_eq!(plan, PullPlan::Refuse(PullRefusal::Older), "case {case}");
        }
        // Freeze: the same index for ever. Until its end it proves what it says; from then on it is refused, by any clock that is not behind it.
        let frozen = world.index(session, random.random_range(held.serial.0..=SERIALS), 1000);
        let minute = random.random_range(-10_000..10_000);
        let plan = plan_pull(Some(&held), &[], &frozen, frozen.expires_at + TimeDelta::minutes(minute));
        assert_eq!(plan == PullPlan::Refuse(PullRefusal::Expired), minute >= 0, "case {case}");
        let first = plan_pull(None, &[], &frozen, frozen.expires_at + TimeDelta::minutes(minute));
        assert_eq!(first == PullPlan::Refuse(PullRefusal::Expired), minute >= 0, "case {case}");
        // A clock that fell back does not make an index good that had ended when what we hold was signed.
        let ended = Index { expires_at: held.published_at, ..frozen };
        let plan = plan_pull(Some(&held), &[], &ended, morning() - TimeDelta::days(random.random_range(0..9000)));
        assert_eq!(plan, PullPlan::Refuse(PullRefusal::Expired), "case {case}");
    }
}

/// Every delta that was listed once is remembered by its digest: 1,000 of them changed afterwards, each refused.
#[tokio::test]
async fn f29_a_delta_that_was_changed_after_its_publication_is_refused() {
    let (mut random, cases) = run(1_000);
    let world = World::new(&mut random);
    let station = Station::new();
    let cards = station.cards();
    let mut serial = 0;
    for case in 0..cases {
        let minute = i64::from(case) * 2;
        if case % 25 == 0 {
            serial = random.random_range(3..SERIALS);
            let index = world.index(0, serial, minute);
            cards.replace(world.open(&index.snapshot), index.clone(), index.cursor(morning()), NO_GUARD).await.unwrap();
        }
        let (held, known) = (cards.roster().borrow().cursor.clone(), cards.known_deltas().await.unwrap());
        let mut index = world.index(0, random.random_range(serial..=serial + 1), minute + 1);
        assert!(!matches!(plan_pull(held.as_ref(), &known, &index, morning()), PullPlan::Refuse(_)), "case {case}: untouched");
        let mut listed: Vec<_> = index.deltas.iter_mut().filter(|file| file.serial <= Serial(serial)).collect();
        let at = random.random_range(0..listed.len());
        listed[at].sha256.0[random.random_range(0..32)] ^= 1 << random.random_range(0..8);
        let plan = plan_pull(held.as_ref(), &known, &index, morning());
        assert_eq!(plan, PullPlan::Refuse(PullRefusal::Rewritten), "case {case}");
    }
    cards.close();
}

/// However long a station was away, it comes back to the province's state, and whoever it held and the province does not is known to have left: by the
/// deltas' tombstones, or by the snapshot's comparison with what is held, which needs none.
#[tokio::test]
async fn whoever_comes_back_after_any_absence_knows_who_has_left() {
    let (mut random, _) = run(1);
    let world = World::new(&mut random);
    let states = &world.states[0];
    for left_at in 1..SERIALS {
        for back_at in left_at + 1..=SERIALS {
            let station = Station::new();
            let cards = station.cards();
            let (first, index) = (world.index(0, left_at, 0), world.index(0, back_at, 1));
            follow(&world, &cards, &PullPlan::Snapshot(SnapshotReason::First), &first).await.unwrap();
            let held = cards.roster().borrow().cursor.clone();
            let plan = plan_pull(held.as_ref(), &cards.known_deltas().await.unwrap(), &index, morning());
            if back_at - left_at <= OFFERED {
                assert!(matches!(plan, PullPlan::Deltas(_)), "{left_at} to {back_at}: {plan:?}");
            } else {
                assert_eq!(plan, PullPlan::Snapshot(SnapshotReason::Gap), "{left_at} to {back_at}");
            }
            follow(&world, &cards, &plan, &index).await.unwrap();
            let at = |serial: u64| &states[usize::try_from(serial).unwrap() - 1];
            assert_eq!(cards.digest_of_rows().await, state_of(at(back_at)));
            for id in at(left_at).keys() {
                let holding = cards.find(&scanned(id)).await.unwrap().holding;
                let is_there = at(back_at).contains_key(id);
                assert!(if is_there { matches!(holding, Holding::Held(_)) } else { holding == Holding::Left }, "{left_at} to {back_at}");
            }
            cards.close();
        }
    }
}

/// An upheaval is no reason for the snapshot: it is told apart from what does not fit.
#[test]
fn an_upheaval_is_not_a_feed_that_does_not_fit() {
    let error = Error::from(Mismatch::Upheaval(crate::domain::roster::Upheaval { held: 200, gone: 150, stopped: 0 }));
    assert_eq!(error.to_string(), "the feed does not fit: it would take 150 and stop 0 of 200 people");
}

/// A province that signs its index anew for every question, with nothing new in it: what the disk of a station at rest gets of that in a day.
#[tokio::test]
async fn an_index_that_is_only_signed_anew_is_written_down_once_an_hour_at_most() {
    const PULLS_AN_HOUR: u32 = 4;
    let station = Station::new();
    let roster = people((1..=300).map(person));
    let cards = station.cards();
    cards.load(&roster, 1).await;
    let held = cards.roster().borrow().cursor.clone().unwrap();
    let first = crate::storage::test_support::index(&roster, 1);
    let written = || {
        let files = crate::storage::test_support::files(&station.path().join("cards"));
        files.into_iter().filter(|(path, _)| path.to_str().unwrap().ends_with("-wal")).map(|(_, (bytes, _))| bytes).sum::<usize>()
    };
    let (begun, mut confirmed) = (written(), 0_u32);
    for pull in 1..=24 * PULLS_AN_HOUR {
        let signed = held.published_at + TimeDelta::minutes(i64::from(pull * 60 / PULLS_AN_HOUR));
        let index = Index { published_at: signed, as_of: signed, expires_at: signed + TimeDelta::days(8), ..first.clone() };
        let known = cards.known_deltas().await.unwrap();
        let before = cards.roster().borrow().cursor.clone();
        match plan_pull(before.as_ref(), &known, &index, signed) {
            PullPlan::Current => {}
            PullPlan::Confirm => {
                cards.confirm(index.clone(), index.cursor(signed)).await.unwrap();
                confirmed += 1;
            }
            plan => panic!("{plan:?}"),
        }
        let behind = signed - cards.roster().borrow().cursor.as_ref().unwrap().published_at;
        assert!(behind < TimeDelta::hours(1), "what is noted lies {behind} behind");
    }
    let bytes = written() - begun;
    println!("{PULLS_AN_HOUR} pulls an hour, each signed anew: {confirmed} writes a day, {} bytes an hour", bytes / 24);
    assert!((20..=24).contains(&confirmed), "{confirmed}");
    assert!(bytes / 24 < 25 * 1024, "{bytes} bytes a day");
    cards.close();
}
