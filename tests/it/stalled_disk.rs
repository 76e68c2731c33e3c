//! A disk that takes five seconds for every flush, under the real program: its flushes are held up on their way to the kernel.
//!
//! `BHYT_DOUBLE_TAPS` says how many visits are saved by two Enters at once: 1,000 where the house's figures are asked for, and 100 otherwise; all but a few of
//! them with flushes of 20 ms, for time's sake.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;

use super::tab::Tab;
use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;

const STALL: Duration = Duration::from_secs(5);
/// The look-up's time for 99 of 100 answers.
const PAGE: Duration = Duration::from_millis(100);
/// The same of a program built for debugging, on a machine that runs other tests meanwhile: who waits for a flush takes longer.
const UNHURRIED: Duration = Duration::from_secs(2);
/// Longer than a reader's second Enter takes.
const READ: Duration = Duration::from_millis(450);
/// Visits saved at a time.
const AT_ONCE: usize = 10;

fn how_many() -> usize {
    env::var("BHYT_DOUBLE_TAPS").map_or_else(|_| bounds::house_or(1_000, 100), |text| text.parse().expect("a number"))
}

/// What holds the flushes up, built now.
fn shim(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/slow_flush.c");
    let library = folder.join("slow_flush.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.unwrap().success(), "cc is what SQLCipher is built with");
    library
}

/// A station with a disk whose flushes take as long as told.
struct SlowDisk {
    station: TestStation,
    daemon: Daemon,
    told: PathBuf,
    people: Vec<String>,
}

impl SlowDisk {
    async fn new() -> Self {
        let mut province = TestProvince::new(400).await;
        let station = TestStation::enrolled(&province).await;
        let (library, told) = (shim(station.dir.path()), station.dir.path().join("millis"));
        let daemon = station.start_with(&[("LD_PRELOAD", &library), ("BHYT_SLOW_FLUSH", &told)]);
        station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
        let people = province.province.people(crate::support::STATION).unwrap();
        let people = people.into_iter().filter(|person| person.id.len() == 12).map(|person| person.id.clone()).collect();
        // Nothing leaves: what is saved is counted in the outbox.
        province.switch_off().await;
        Self { station, daemon, told, people }
    }

    fn flushes_take(&self, time: Duration) {
        fs::write(&self.told, time.as_millis().to_string()).unwrap();
    }

    async fn pending(&self) -> u64 {
        self.station.status().await["outbox"]["pending"].as_u64().unwrap()
    }
}

/// Looks somebody up, reads, and sends the save twice at once; how long both answers took.
async fn double_tap(tab: &mut Tab, text: &str) -> Duration {
    assert!(tab.enter(text).await.attribute("data-standing").is_some());
    time::sleep(READ).await;
    let (form, mut other) = (tab.form(""), tab.clone());
    let begun = Instant::now();
    let (one, two) = tokio::join!(tab.post(&[], &form), other.post(&[], &form));
    assert_eq!((one.status, two.status), (303, 303), "{} {}", one.body, two.body);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_while_the_disk_stalls_look_ups_go_on_and_two_enters_are_one_visit() {
    let disk = SlowDisk::new().await;
    let (mut tab, mut other) = (Tab::at_station(&disk.station).await, Tab::at_station(&disk.station).await);
    tab.enter(&disk.people[0]).await;

    disk.flushes_take(STALL);
    let saving = tokio::spawn({
        let text = disk.people[0].clone();
        async move { double_tap(&mut other, &text).await }
    });
    let mut took = Vec::new();
    while !saving.is_finished() {
        let begun = Instant::now();
        let text = &disk.people[took.len() % disk.people.len()];
        assert!(tab.enter(text).await.attribute("data-standing").is_some());
        took.push(begun.elapsed());
        time::sleep(Duration::from_millis(10)).await;
    }
    let saved_after = saving.await.unwrap();
    assert!(saved_after >= STALL, "{saved_after:?}: \"saved\" is said after the flush, which shows that it was held up");
    took.sort_unstable();
    let p99 = took[(took.len() * 99 / 100).min(took.len() - 1)];
    println!(
        "flushes of {STALL:?}: saved after {saved_after:?}; {} look-ups meanwhile, p50 {:?}, p99 {p99:?}",
        took.len(),
        took[took.len() / 2]
    );
    let allowed = bounds::house_or(PAGE, UNHURRIED);
    assert!(took.len() > 20 && p99 <= allowed, "{} look-ups, p99 {p99:?}", took.len());
    assert_eq!(disk.pending().await, 1);

    disk.flushes_take(Duration::from_millis(20));
    let count = how_many();
    let mut taps = JoinSet::new();
    for first in 0..AT_ONCE {
        let mut tab = Tab::at_station(&disk.station).await;
        let people: Vec<_> = (first..count).step_by(AT_ONCE).map(|n| disk.people[n % disk.people.len()].clone()).collect();
        taps.spawn(async move {
            for text in people {
                double_tap(&mut tab, &text).await;
            }
        });
    }
    while let Some(done) = taps.join_next().await {
        done.unwrap();
    }
    let saved = disk.pending().await;
    println!("{count} double taps: {} visits", saved - 1);
    assert_eq!(saved - 1, count as u64, "one visit each");
    fs::remove_file(&disk.told).unwrap();
    assert_eq!(disk.daemon.terminate().await, Some(0));
}
