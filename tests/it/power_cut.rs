//! `kill -9` at random moments of check-ins and pulls.
//!
//! Promise: every visit that was answered "saved" is in the province exactly once at the end, and after each kill the roster on the disk is exactly one of
//! the states the province published, row for row, by its digest computed here and not by the agent. `BHYT_KILLS` sets the number (200), `BHYT_SEED`
//! the seed, which is printed. A kill keeps the page cache, so this says nothing about `synchronous=FULL`; the storage tests ask SQLite for that.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::roster::StateDigest;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use serde_json::Value;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::TestProvince;
use crate::support::TestStation;

const KILLS: u32 = 200;
/// Longest life of a daemon before it is killed. Start-up, first pull and several check-ins fit in.
const LONGEST_LIFE_MS: u64 = 250;

pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Serial and digest of the roster on the disk; `None` if there is none. The agent must not be running.
pub(crate) fn roster_on_disk(station: &TestStation) -> Option<(u64, String)> {
    let folder = station.dir.path().join("data/cards");
    let current = fs::read_to_string(folder.join("current")).ok()?;
    let key = fs::read_to_string(station.dir.path().join("keys/database.key")).unwrap();
    // A copy, with its log: opening the file itself would recover it, which is the agent's to do.
    let copy = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let name = format!("{}{end}", current.trim_end());
        let copied = fs::copy(folder.join(&name), copy.path().join(&name));
        assert!(copied.is_ok() || end == "-wal", "{name}");
    }
    let db = Connection::open(copy.path().join(current.trim_end())).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key.trim_end())).unwrap();
    let serial = db.query_row("SELECT serial FROM cursor", [], |row| row.get(0)).ok()?;
    let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut digest = StateDigest::default();
    let mut statement = db.prepare("SELECT * FROM card ORDER BY id").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let mut values = RosterRow::default();
        for (at, value) in values.0.iter_mut().enumerate() {
            *value = row.get(at).unwrap();
        }
        digest.add(&values);
    }
    Some((serial, digest.finish().to_hex()))
}

/// Somebody who presses the button again and again: by itself a station that holds a roster lets up to a minute pass after its start, and no daemon
/// here lives as long.
pub(crate) fn pressing(station: &Arc<TestStation>) -> JoinHandle<()> {
    let station = Arc::clone(station);
    tokio::spawn(async move {
        loop {
            let _ = station.ask(&Request::SyncNow).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_visit_is_lost_or_doubled_and_the_roster_is_whole() {
    let seed = number("BHYT_SEED", rand::random::<u32>().into());
    let kills = number("BHYT_KILLS", KILLS.into());
    println!("BHYT_SEED={seed} BHYT_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);

    let province = TestProvince::new(1500).await;
    let station = Arc::new(TestStation::enrolled(&province).await);
    let text = province.person_in_force().card;
    let saved = Arc::new(Mutex::new(BTreeSet::<Uuid>::new()));
    let mut states = BTreeMap::new();
    let mut serials_seen = BTreeSet::new();
    let first = province.publish().await;
    states.insert((first.index.session, first.index.serial), first.index.state_sha256.clone());

    let pressing = pressing(&station);
    for kill in 0..kills {
        // Something to pull at each start: mostly a delta, at times a whole new numbering.
        if kill % 10 == 9 {
            province.province.new_session(crate::support::STATION).unwrap();
        }
        let published = province.change(0.02, kill).await;
        states.insert((published.index.session, published.index.serial), published.index.state_sha256.clone());

        let mut daemon = station.start();
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
        // Half of the kills fall anywhere, the start included; the other half once the daemon answers, however slow the machine is.
        if kill % 2 == 1 {
            station.status().await;
        }
        // Of those, one in four while the roster is on its way, and one in four when it has just arrived.
        if kill % 4 == 3 {
            let (session, serial) = (published.index.session.to_string(), published.index.serial);
            let is_pulled = |now: &Value| now["roster"]["session"] == session && now["roster"]["serial"] == serial;
            station
                .status_when("a pull is under way, or done", |now| is_pulled(now) || kill % 8 == 3 && now["pull"]["is_active"] == true)
                .await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LONGEST_LIFE_MS))).await;
        daemon.kill();
        for desk in desks {
            desk.abort();
            let _ = desk.await;
        }
        if let Some((serial, digest)) = roster_on_disk(&station) {
            let whole = states.iter().any(|((_, published), state)| *published == serial && *state == digest);
            assert!(whole, "kill {kill}: the roster is no state that was published as serial {serial}");
            serials_seen.insert(digest);
        }
    }

    pressing.abort();
    let daemon = station.started().await;
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let saved = saved.lock().unwrap().clone();
    let stored = province.stored();
    let lost: Vec<_> = saved.iter().filter(|id| !stored.contains_key(id)).collect();
    assert!(lost.is_empty(), "{} of {} lost", lost.len(), saved.len());
    assert!(stored.values().all(|times| *times == 1));
    println!(
        "{} visits answered as saved, {} at the province, {} different rosters met on the disk",
        saved.len(),
        stored.len(),
        serials_seen.len()
    );
    // The moments were worth something: kills fell before, during and after the work.
    assert!(saved.len() as u64 > kills / 2, "too few visits: {}", saved.len());
    assert!(serials_seen.len() as u64 > kills / 20, "too few rosters: {}", serials_seen.len());
}
