//! `kill -9` of either side at random moments: the station's daemon, the province's server, its publisher, or several at once.
//!
//! Promise: the laws of the simulation hold between real processes: every visit that was answered "saved" is in the province exactly once at the end, whatever a
//! station calls delivered is there at that moment, and whenever the daemon is dead the roster on its disk is exactly one of the states the province published,
//! and every visit it called saved is on that disk. `BHYT_KILLS` sets the number (25), `BHYT_SEED` the seed, which is printed. Never: a
//! process left behind.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::power_cut::number;
use crate::power_cut::pressing;
use crate::power_cut::roster_on_disk;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::process::Killed;
use crate::support::process::program;
use crate::support::wait_for;

const KILLS: u32 = 25;
/// Longest time between two kills. A restart of either side, a pull and several check-ins fit in.
const LONGEST_LIFE_MS: u64 = 300;

/// How many visits the province holds.
fn held_by(province: &TestProvince) -> u64 {
    let ledger = Connection::open(province.folder().join("province.db")).unwrap();
    ledger.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap()
}

/// Every visit on the station's disk and whether it calls it delivered. The agent must not be running.
pub(crate) fn visits_on_disk(station: &TestStation) -> BTreeMap<Uuid, bool> {
    let folder = station.dir.path().join("data");
    let key = fs::read_to_string(station.dir.path().join("keys/database.key")).unwrap();
    // A copy, with its log: opening the file itself would recover it, which is the agent's to do.
    let copy = tempfile::tempdir().unwrap();
    for name in ["visits.db", "visits.db-wal"] {
        let copied = fs::copy(folder.join(name), copy.path().join(name));
        assert!(copied.is_ok() || name.ends_with("-wal"), "{name}");
    }
    let db = Connection::open(copy.path().join("visits.db")).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key.trim_end())).unwrap();
    let mut statement = db.prepare("SELECT id, state = 'delivered' FROM visit JOIN outbox USING (sequence)").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?.parse().unwrap(), row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Somebody who checks people in, one after the other, and notes what was called saved.
fn desk(station: &Arc<TestStation>, saved: &Arc<Mutex<BTreeSet<Uuid>>>, text: &str) -> JoinHandle<()> {
    let (station, saved, text) = (Arc::clone(station), Arc::clone(saved), text.to_owned());
    tokio::spawn(async move {
        loop {
            match station.check_in(&text).await {
                Ok(id) => assert!(saved.lock().unwrap().insert(id)),
                // Not up yet, or gone: the next start is another loop.
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    })
}

/// What the daemon shows as sent is at the province.
async fn look_at_status(station: &TestStation, province: &TestProvince, saved: &Mutex<BTreeSet<Uuid>>, kill: u64) {
    let before = saved.lock().unwrap().len() as u64;
    let shown = station.status().await;
    let (pending, parked) = (shown["outbox"]["pending"].as_u64().unwrap(), shown["outbox"]["parked"].as_u64().unwrap());
    let held = held_by(province);
    assert_eq!(parked, 0, "kill {kill}");
    assert!(before <= held + pending, "kill {kill}: of {before} visits {pending} are pending and {held} at the province");
}

/// What a dead daemon called saved is on its disk, and what it calls delivered there is at the province.
fn look_at_disk(station: &TestStation, province: &TestProvince, saved: &Mutex<BTreeSet<Uuid>>, kill: u64) {
    let (called_saved, on_disk) = (saved.lock().unwrap().clone(), visits_on_disk(station));
    assert!(called_saved.iter().all(|id| on_disk.contains_key(id)), "kill {kill}: a visit that was called saved is not on the disk");
    let at_province = province.stored();
    let unfounded = on_disk.iter().filter(|(id, is_delivered)| **is_delivered && !at_province.contains_key(id)).count();
    assert_eq!(unfounded, 0, "kill {kill}: called delivered and not at the province");
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
    let mut looks = 0;
    states.insert((first.index.session, first.index.serial), first.index.state_sha256);

    let desks = [desk(&station, &saved, &text), desk(&station, &saved, &text)];
    let pressing = pressing(&station);
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
            look_at_status(&station, &province, &saved, kill).await;
            looks += 1;
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
            if kill % 5 == 0 {
                look_at_disk(&station, &province, &saved, kill);
                looks += 1;
            }
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
    pressing.abort();
    for desk in desks {
        desk.abort();
        let _ = desk.await;
    }
    // A fresh start waits for nothing that failed before, if its first contact comes through.
    drop(daemon);
    wait_for("the server listens", async || TcpStream::connect(province.address).await.ok()).await;
    let last = province.publish().await;
    let daemon = station.started().await;
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0).await;
    // The first serial of the last session is not that of the first one.
    let is_last =
        |status: &Value| status["roster"]["serial"] == last.index.serial && status["roster"]["session"] == last.index.session.to_string();
    station.status_when("the last roster is held", is_last).await;
    assert_eq!(daemon.terminate().await, Some(0));
    drop(server);
    assert_eq!(roster_on_disk(&station), Some((last.index.serial, last.index.state_sha256)));

    let saved = saved.lock().unwrap().clone();
    let stored = province.stored();
    let missing = saved.iter().filter(|id| !stored.contains_key(id)).count();
    assert_eq!(missing, 0, "of {} lost", saved.len());
    assert!(stored.values().all(|times| *times == 1));
    println!(
        "{} visits answered as saved, {} at the province, {} different rosters met on the disk, {looks} looks at what is called delivered, killed {fallen:?}",
        saved.len(),
        stored.len(),
        rosters.len()
    );
    assert!(saved.len() as u64 > kills / 2, "too few visits: {}", saved.len());
    assert!(rosters.len() as u64 > kills / 20, "too few rosters: {}", rosters.len());
}
