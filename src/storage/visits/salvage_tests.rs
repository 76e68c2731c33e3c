//! Bit rot in `visits.db` (F10): found at the opening, and what is not damaged is brought over.

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::domain::visit::NewVisit;
use crate::storage::open;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::other_key;
use crate::storage::test_support::receipt;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;

const VISITS: u32 = 240;
const SENT: u32 = 180;
/// Damages of one run; `BHYT_DAMAGES` sets another number.
const DAMAGES: u64 = 25;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// A visit of its own: `visit` alone repeats its ids.
fn one(n: u32) -> NewVisit {
    let mut one = visit(n);
    one.id = crate::domain::visit::VisitId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)));
    // Some fill more than a page.
    if n.is_multiple_of(50) {
        one.note = Some("ghi chú dài ".repeat(500).into());
    }
    one
}

async fn filled(checkpointed: bool) -> (Station, Vec<NewVisit>) {
    let station = Station::new();
    let visits = station.visits();
    let saved: Vec<_> = (0..VISITS).map(one).collect();
    for (at, visit) in saved.iter().enumerate() {
        visits.append(visit.clone()).await.unwrap();
        if at == 100 {
            visits.checkpoint().await.unwrap();
        }
    }
    let receipts = saved[..SENT as usize].iter().map(|visit| {
        let id = visit.id;
        crate::domain::visit::Receipt { id, ..receipt(0, held(&format!("r{}", id.0))) }
    });
    visits.store_receipts(receipts.collect(), morning()).await.unwrap();
    if checkpointed {
        visits.close();
    } else {
        // As a power cut leaves it: the log holds what came last.
        let copy = Station::new();
        for end in ["", "-wal"] {
            fs::copy(station.path().join(format!("visits.db{end}")), copy.path().join(format!("visits.db{end}"))).unwrap();
        }
        for beside in ["visits.mark", "visits.salt"] {
            fs::copy(station.path().join(beside), copy.path().join(beside)).unwrap();
        }
        visits.close();
        return (copy, saved);
    }
    (station, saved)
}

async fn named(visits: &Open<VisitStore>) -> String {
    let listed = visits.set_aside().await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed[0].name.clone()
}

#[tokio::test]
async fn f10_damage_is_found_and_every_visit_on_an_undamaged_page_is_brought_over_and_the_others_are_named() {
    let (damages, seed) = (number("BHYT_DAMAGES", DAMAGES), number("BHYT_SEED", 20_261_123));
    println!("{damages} damages, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (station, saved) = filled(true).await;
    let path = station.path().join("visits.db");
    let (whole, salt) = (fs::read(&path).unwrap(), fs::read(station.path().join("visits.salt")).unwrap());
    let places = salvage::read(&path, &key()).unwrap();
    assert_eq!((places.visits.len(), places.receipts.len(), places.damaged), (VISITS as usize, SENT as usize, 0));
    let (mut undamaged, mut brought, mut unnamed) = (0_u64, 0_u64, 0_u64);
    for round in 0..damages {
        let station = Station::new();
        let mut bytes = whole.clone();
        let mut hit = std::collections::BTreeSet::new();
        let (begin, spread) = (random.random_range(0..bytes.len()), random.random_bool(0.5));
        for step in 0..random.random_range(1..=64_usize) {
            let at = if spread { random.random_range(0..bytes.len()) } else { (begin + step) % bytes.len() };
            bytes[at] ^= random.random_range(1..=255_u8);
            hit.insert(at / 4096 + 1);
        }
        fs::write(station.path().join("visits.db"), &bytes).unwrap();
        fs::write(station.path().join("visits.salt"), &salt).unwrap();
        key().check_mark_as_made(station.path());
        let visits = station.visits();
        assert_eq!(visits.counts().borrow().pending, 0, "round {round}: it is found at the opening");
        let name = named(&visits).await;
        let told = visits.salvage(&name, time().now()).await.unwrap().unwrap_or_default();
        let expected: Vec<_> = places.places.iter().filter(|(_, page)| !hit.contains(page)).map(|(number, _)| *number).collect();
        undamaged += expected.len() as u64;
        let mut here = Vec::new();
        for number in 1..=i64::from(VISITS) {
            let saved = &saved[usize::try_from(number - 1).unwrap()];
            match &visits.revisions(saved.id).await.unwrap()[..] {
                [found] => {
                    assert_eq!(found.visit.content, *saved, "round {round}: what was saved and nothing else");
                    here.push(number);
                }
                [] => {
                    let is_named = told.missing.contains(&number.cast_unsigned());
                    assert!(is_named || !told.end_is_known, "round {round}: {number} is lost in silence");
                    unnamed += u64::from(!is_named);
                }
                _ => panic!("round {round}: {number} is there twice"),
            }
        }
        brought += expected.iter().filter(|number| here.contains(number)).count() as u64;
        visits.close();
    }
    println!(
        "{brought} of {undamaged} visits on undamaged pages; {unnamed} lost without a number, and it is said that the end is not known"
    );
    assert!(undamaged > 0 && brought * 100 >= undamaged * 99, "{brought} of {undamaged}");
}

#[tokio::test]
async fn f10_what_only_the_log_holds_is_brought_over_and_a_second_time_changes_nothing() {
    let (station, saved) = filled(false).await;
    let path = station.path().join("visits.db");
    let mut bytes = fs::read(&path).unwrap();
    // A page that the log has anew is not read from the file any more.
    for page in bytes.chunks_mut(4096) {
        page[40] ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    let visits = station.visits();
    let listed = visits.set_aside().await.unwrap();
    let holds = listed[0].holds.unwrap();
    assert!(holds.visits > 0 && holds.not_here == holds.visits && holds.visits + holds.missing == u64::from(VISITS), "{listed:?}");
    assert_eq!((listed[0].why, listed[0].at.is_some()), (Aside::Damaged, true));
    let told = visits.salvage(&listed[0].name, time().now()).await.unwrap().unwrap();
    assert_eq!((told.taken.len() as u64, told.unsent, told.already), (holds.visits, holds.unsent, 0));
    assert_eq!(told.taken.last(), saved.last().map(|visit| &visit.id), "what came last is in the log only");
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.delivered), (holds.unsent, holds.visits - holds.unsent));
    let lines = visits.access(1000).await.unwrap();
    assert!(lines.len() == told.taken.len() && lines.iter().all(|line| line.act == Act::Salvaged.code()), "each with its line");
    let again = visits.salvage(&listed[0].name, time().now()).await.unwrap().unwrap();
    assert_eq!((again.taken.len(), again.already), (0, holds.visits));
    assert_eq!(*visits.counts().borrow(), counts);
    assert_eq!(visits.salvage("no-such-visits.db", time().now()).await.unwrap(), None);
    visits.close();
}

/// The program ends after the first rows: what is here is in the log too, and the second try takes the rest.
#[tokio::test]
async fn a_salvage_that_is_cut_leaves_no_visit_that_the_log_does_not_tell_of() {
    let (station, _) = filled(true).await;
    let path = station.path().join("visits.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let visits = station.visits();
    let name = named(&visits).await;
    let found = visits.found_in(&station.path().join("quarantine").join(&name)).await.unwrap().unwrap();
    let rows: Vec<_> =
        found.visits.into_iter().take(200).map(|(number, visit)| Row { number, visit, receipt: None, circumstance: None }).collect();
    let now = time().now();
    assert_eq!(visits.change(move |db| take_in(db, &rows, None, now)).await.unwrap().taken.len(), 200);
    let verified = visits.verify_access(None).await.unwrap();
    assert!(verified.is_consistent(), "{:?}", verified.unlogged);
    let told = visits.salvage(&name, now).await.unwrap().unwrap();
    assert_eq!((told.already, told.taken.len()), (200, VISITS as usize - 200));
    assert!(visits.verify_access(None).await.unwrap().is_consistent());
    visits.close();
}

#[tokio::test]
async fn revisions_stay_in_their_order_and_what_was_never_committed_is_not_taken() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(0)).await.unwrap();
    visits.append(revision_of(0, 2)).await.unwrap();
    visits.close();
    let path = station.path().join("visits.db");
    {
        let connection = open::writer(&path, &key(), &super::super::SCHEMA).unwrap();
        connection.execute_batch("PRAGMA cache_size = 1; BEGIN;").unwrap();
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..3000 {
            let id = uuid::Uuid::from_u128(random.random());
            let sql = "INSERT INTO visit (id, revision, station_day, arrived_at, operator, source, attendance_category, care_type, standing, \
                identity_match, knowledge, freshness, clock_state, boot_id, boot_ms) SELECT ?1, 1, station_day, arrived_at, operator, source, \
                attendance_category, care_type, standing, identity_match, knowledge, freshness, clock_state, boot_id, boot_ms FROM visit LIMIT 1";
            connection.execute(sql, [id.to_string()]).unwrap();
        }
        let log = fs::metadata(station.path().join("visits.db-wal")).unwrap().len();
        assert!(log > 100_000, "it was written before it was committed: {log}");
        let copy = station.path().join("copy-visits.db");
        for end in ["", "-wal"] {
            fs::copy(files::beside(&path, end), files::beside(&copy, end)).unwrap();
        }
        let found = salvage::read(&copy, &key()).unwrap();
        assert_eq!(found.visits.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(salvage::read(&copy, &other_key()).unwrap().numbers.is_empty(), "another key opens no page");
        connection.execute_batch("ROLLBACK").unwrap();
    }
}
