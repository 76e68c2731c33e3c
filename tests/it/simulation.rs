//! The simulation: stations with the real sync code, real databases and the real provincial ledger, over links and clocks that go wrong by a seed.
//!
//! Promise: whatever is drawn, in the end every visit that a desk called saved is at the province exactly once, every roster is the province's, and at every
//! step what a station shows is true. `SIMULATION_SEED` replays a run; the seed is printed. `tests/run --soak` runs the long one. Never: the
//! machine's time; two runs of one seed that differ.

#![allow(clippy::print_stdout, reason = "a run tells its seed and its figures")]

mod clock;
mod faults;
mod laws;
mod link;
mod station;
mod world;

use std::env;
use std::path::Path;
use std::time::Instant;

use link::Lie;
use world::Plan;
use world::Report;
use world::World;

fn number<T: core::str::FromStr>(variable: &str, otherwise: T) -> T {
    env::var(variable).ok().map_or(otherwise, |text| text.parse().ok().expect("a number"))
}

fn short(seed: u64) -> Plan {
    Plan {
        seed,
        stations: 4,
        days: 3,
        visits_a_day: 20,
        people: 60,
        publications_a_day: 3,
        trouble: 3.0,
        pull: "0 0 * * * *",
        push: "0 0 * * * *",
        contact: "0 17 * * * *",
        healing: 5 * clock::HOUR,
        lie: None,
    }
}

fn run(plan: Plan, folder: tempfile::TempDir) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { World::new(plan, folder).await.run().await })
}

/// A folder where a flush costs nothing, if this machine has one.
fn in_memory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn print(plan: &Plan, report: &Report, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = report.steps as f64 / seconds;
    println!(
        "SIMULATION_SEED={} {} stations, {} days: {} visits saved, {} turned away, {} steps in {seconds:.1} s ({rate:.0} steps/s), \
         healed {} s after the last fault, {} pushes past a pull under way, digest {}",
        plan.seed,
        plan.stations,
        plan.days,
        report.visits,
        report.turned_away,
        report.steps,
        report.longest_healing / 1000,
        report.past_a_pull,
        report.digest
    );
    println!("rounds {:?}", report.rounds);
    let each = |(kind, (count, micros)): (&&str, &(u64, u128))| format!("{kind} {count} x {} µs", micros / u128::from(*count).max(1));
    println!("events {}", report.spent.iter().map(each).collect::<Vec<_>>().join(", "));
    println!("faults {:?}", report.faults);
    let (falls, exactly, missing) = report.falls;
    println!(
        "{falls} disks that fell back were heard of, {exactly} of them before anything was sent: told exactly what they lost, {missing} visits in all"
    );
    println!("{} visits lost with disks that fell back, knowledge {:?}", report.lost_with_disks, report.knowledge);
}

#[test]
fn f24_whatever_goes_wrong_every_visit_arrives_once_and_every_roster_is_the_provinces() {
    let plan = short(number("SIMULATION_SEED", rand::random::<u32>().into()));
    println!("SIMULATION_SEED={}", plan.seed);
    let begun = Instant::now();
    let first = run(plan.clone(), tempfile::tempdir().unwrap()).unwrap();
    print(&plan, &first, begun);
    // The same again need not wait for a disk.
    let second = run(plan.clone(), in_memory()).unwrap();
    assert_eq!(first.digest, second.digest, "one seed, two histories");
    assert!(first.visits > 100, "too little happened: {first:?}");
    // In a world as small as this one no push need meet a pull under way; in one of a few, one does.
    let mut further = (1..=5).map(|next| run(short(plan.seed + next), in_memory()).unwrap());
    assert!(first.past_a_pull > 0 || further.any(|report| report.past_a_pull > 0), "no push went past a pull under way: {first:?}");
}

/// The long run, in memory where there is a `/dev/shm`: flushes are free in it. `SIMULATION_STATIONS`, `SIMULATION_DAYS`, `SIMULATION_TROUBLE` and `SIMULATION_SEED` say
/// how long, how much goes wrong and which.
#[test]
#[ignore = "long: tests/run --soak"]
fn soak() {
    let plan = Plan {
        stations: number("SIMULATION_STATIONS", 435),
        days: number("SIMULATION_DAYS", 30),
        visits_a_day: number("SIMULATION_VISITS", 60),
        publications_a_day: 1,
        trouble: number("SIMULATION_TROUBLE", 1.0),
        pull: "0 0 */2 * * *",
        push: "0 0 * * * *",
        contact: "0 17 */4 * * *",
        healing: 8 * clock::HOUR,
        ..short(number("SIMULATION_SEED", rand::random::<u32>().into()))
    };
    println!("SIMULATION_SEED={}", plan.seed);
    let begun = Instant::now();
    let report = run(plan.clone(), in_memory()).unwrap();
    print(&plan, &report, begun);
}

/// The laws can break: each of these worlds lies in one way, and the law that must notice does.
#[test]
fn a_world_that_lies_breaks_a_law() {
    for (lie, law) in
        [(Lie::Receipts, "law 4"), (Lie::Stranger, "law 2"), (Lie::Changed, "law 1"), (Lie::Retry, "law 4"), (Lie::Backup, "law 4")]
    {
        let plan = Plan { lie: Some(lie), trouble: 0.0, stations: 1, ..short(1) };
        let broken = run(plan, tempfile::tempdir().unwrap()).expect_err("a law breaks");
        assert!(broken.starts_with(law), "{lie:?}: {broken}");
    }
}
