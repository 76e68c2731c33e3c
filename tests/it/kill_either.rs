//! `kill -9` of either side at random moments: the station's daemon, the province's server, its publisher, or several at once.
//!
//! Promise: the laws of the simulation hold between real processes: every visit that was answered "saved" is in the province exactly once at the end, and whenever the daemon is
//! dead the roster on its disk is exactly one of the states the province published. `BHYT_KILLS` sets the number (25), `BHYT_SEED` the seed, which is printed. Never: a
//! process left behind.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::power_cut::number;
use crate::power_cut::roster_on_disk;
use crate::support::TestProvince;
use crate::support::TestStation;

const KILLS: u32 = 25;
/// Longest time between two kills. A restart of either side, a pull and several check-ins fit in.
const LONGEST_LIFE_MS: u64 = 300;

/// The province's program, built now if it is not.
fn program() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).expect("a test lies in `deps` of its profile's folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "-p", "provincial", "--bin", "provincial"]);
    let profile = folder.file_name().unwrap();
    if profile != "debug" {
        build.arg("--profile").arg(profile);
    }
    assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    folder.join("provincial")
}

/// A process of the province; killed when dropped.
struct Killed(Child);

impl Killed {
    fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn serve(program: &Path, folder: &Path, address: SocketAddr) -> Self {
        Self::start(program, &["serve", folder.to_str().unwrap(), "--listen", &address.to_string(), "--publish-every", "3600"])
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_either_side_killed_at_any_moment_no_visit_is_lost_or_doubled_and_the_roster_is_whole() {
    let seed = number("BHYT_SEED", rand::random::<u32>().into());
    let kills = number("BHYT_KILLS", KILLS.into());
    println!("BHYT_SEED={seed} BHYT_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);

    let program = tokio::task::spawn_blocking(program).await.unwrap();
    let mut province = TestProvince::new(1500).await;
    let station = Arc::new(TestStation::enrolled(&province).await);
    let first = province.publish().await;
    province.switch_off().await;
    let folder = province.folder();
    let text = province.person_in_force().card;
    let saved = Arc::new(Mutex::new(BTreeSet::<Uuid>::new()));
    let (mut states, mut rosters, mut fallen) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::<_, u32>::new());
    states.insert((first.index.session, first.index.serial), first.index.state_sha256);

    let desks: Vec<_> = (0..2)
        .map(|_| {
            let (station, saved, text) = (Arc::clone(&station), Arc::clone(&saved), text.clone());
            tokio::spawn(async move {
                loop {
                    match station.check_in(&text).await {
                        Ok(id) => assert!(saved.lock().unwrap().insert(id)),
                        // Not up yet, or gone: the next start is another loop.
                        Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                    }
                }
            })
        })
        .collect();
    let mut server = Some(Killed::serve(&program, &folder, province.address));
    let mut daemon = Some(station.start());
    for kill in 0..kills {
        // One publisher is killed somewhere in its work; the next finds what it left.
        province.province.change_validity(crate::support::STATION, 0.02, kill).unwrap();
        let doomed = random.random_bool(0.3).then(|| Killed::start(&program, &["publish", folder.to_str().unwrap()]));
        if doomed.is_some() {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..80))).await;
            drop(doomed);
            *fallen.entry("publisher").or_default() += 1;
        }
        // What any of the publishers has published since the change is what this one says: nothing else changes the register.
        let published = province.publish().await;
        states.insert((published.index.session, published.index.serial), published.index.state_sha256);
        if kill % 10 == 9 {
            province.province.new_session(crate::support::STATION).unwrap();
            let published = province.publish().await;
            states.insert((published.index.session, published.index.serial), published.index.state_sha256);
        }

        if random.random() {
            station.status().await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LONGEST_LIFE_MS))).await;
        let which = random.random_range(0..5);
        if which <= 2 {
            server = None;
            *fallen.entry("server").or_default() += 1;
        }
        if which >= 2 {
            daemon = None;
            *fallen.entry("daemon").or_default() += 1;
            if let Some((serial, digest)) = roster_on_disk(&station) {
                let whole = states.iter().any(|((_, published), state)| *published == serial && *state == digest);
                assert!(whole, "kill {kill}: the roster is no state that was published as serial {serial}");
                rosters.insert(digest);
            }
        }
        if random.random_bool(0.3) {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        }
        server.get_or_insert_with(|| Killed::serve(&program, &folder, province.address));
        daemon.get_or_insert_with(|| station.start());
    }
    for desk in desks {
        desk.abort();
        let _ = desk.await;
    }
    // A fresh start waits for nothing that failed before.
    drop(daemon);
    let last = province.publish().await;
    let daemon = station.started().await;
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0).await;
    station.status_when("the last roster is held", |status| status["roster"]["serial"] == last.index.serial).await;
    assert_eq!(daemon.terminate().await, Some(0));
    drop(server);
    assert_eq!(roster_on_disk(&station), Some((last.index.serial, last.index.state_sha256)));

    let saved = saved.lock().unwrap().clone();
    let stored = province.stored();
    let missing = saved.iter().filter(|id| !stored.contains_key(id)).count();
    assert_eq!(missing, 0, "of {} lost", saved.len());
    assert!(stored.values().all(|times| *times == 1));
    println!(
        "{} visits answered as saved, {} at the province, {} different rosters met on the disk, killed {fallen:?}",
        saved.len(),
        stored.len(),
        rosters.len()
    );
    assert!(saved.len() as u64 > kills / 2, "too few visits: {}", saved.len());
    assert!(rosters.len() as u64 > kills / 20, "too few rosters: {}", rosters.len());
}
