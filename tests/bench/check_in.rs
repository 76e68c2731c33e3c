//! How long a check-in takes until the disk has it: visit and outbox row, one transaction, `synchronous=FULL`.
//!
//! Promise: the desk's own call is measured, also with a month of unsent visits behind it; the floor of the same run writes and flushes as many bytes as
//! the database writes per visit to a plain file in the same folder. Never: a check-in that was on the disk already.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock itself")]
#![allow(dead_code, reason = "each benchmark uses its part of what they share")]

mod station;

use std::fs::OpenOptions;
use std::io::Write;

use bhyt_agent::desk::Lookup;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::storage::visits::VisitStore;
use criterion::BatchSize;
use criterion::Criterion;

use station::STATION;
use station::Times;
use station::World;
use station::ratio;
use station::timed;

/// A commune's roster matters little here.
const PEOPLE: usize = 2_000;
/// Check-ins timed one by one.
const TIMED: usize = 2_000;
/// Visits of a month without a link at a large station: 200 a day.
const MONTH: usize = 6_000;

fn main() {
    let world = World::new(1, PEOPLE);
    let data = world.data_folder();
    world.pull(&world.server(), &data);
    let (desk, visits, writer) = world.desk(&data);
    let people = world.province.people(STATION).unwrap();
    let looked_up = |at: usize| world.runtime.block_on(desk.look_up(&people[at % people.len()].id)).unwrap();
    let check_in = |lookup: Lookup| {
        let saved = world.runtime.block_on(desk.check_in(&lookup)).unwrap();
        assert!(!saved.already_saved, "measured twice");
    };
    let mut numbers = 0_usize..;
    let mut shown = || looked_up(numbers.next().unwrap());

    // Of a log that begins empty, its length is what was written.
    world.runtime.block_on(visits.checkpoint()).unwrap();
    (0..100).for_each(|_| check_in(shown()));
    let log = std::fs::metadata(data.path().join("visits.db-wal")).unwrap().len();
    let bytes = vec![0xa5; usize::try_from(log / 100).unwrap()];
    let mut file = OpenOptions::new().create_new(true).append(true).open(data.path().join("floor")).unwrap();
    let mut flush = || {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    };

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("check_in");
    group.bench_function("desk", |b| b.iter_batched(&mut shown, check_in, BatchSize::PerIteration));
    group.bench_function("floor", |b| b.iter(&mut flush));
    group.finish();
    deliver_all(&world, &visits);

    let mut measure = |unsent: usize| {
        while visits.counts().borrow().pending < unsent.try_into().unwrap() {
            check_in(shown());
        }
        // Side by side: what a disk does changes from second to second.
        let (mut times, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..TIMED {
            let lookup = shown();
            times.push(timed(|| check_in(lookup)).0);
            floor.push(timed(&mut flush).0);
        }
        let (times, floor) = (Times::new(times), Times::new(floor));
        println!("check-in with {unsent} unsent before it: {}; {}", times.line(), ratio(times.median(), floor.median()));
        println!("  floor, {} bytes written and flushed: {}", bytes.len(), floor.line());
    };
    println!();
    measure(0);
    measure(MONTH);

    drop((desk, visits));
    writer.join().unwrap();
    data.remove();
}

/// As if the province had confirmed every visit.
fn deliver_all(world: &World, visits: &VisitStore) {
    let now = world.time.now().at;
    loop {
        let due = world.runtime.block_on(visits.due(1000, now)).unwrap();
        if due.is_empty() {
            return;
        }
        let held = || ReceiptOutcome::Held { reference: "99-00000001".into(), received_at: now, duplicate: false };
        let receipt = |visit: &Visit| Receipt { id: visit.content.id, revision: visit.content.revision, outcome: held() };
        world.runtime.block_on(visits.store_receipts(due.iter().map(receipt).collect(), now)).unwrap();
    }
}
