//! The province's server dies between its commit and its answer: it holds the visits, and the station cannot know.
//!
//! Promise: the station shows them as pending until a receipt is on its disk, sends them again, and in the end every visit is at the province once. Half of the
//! kills fall between commit and answer for certain, because the server says nothing more after its commit; the others a moment later, where the answer may have
//! gone out, whole or in part. `BHYT_KILLS` sets the number (20), `BHYT_SEED` the seed, which is printed.

#![allow(clippy::print_stdout, reason = "a run tells its seed and its figures")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::power_cut::number;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::process::Killed;
use crate::support::process::program;

const KILLS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_server_killed_between_commit_and_answer_doubles_and_loses_nothing() {
    let seed = number("BHYT_SEED", rand::random::<u32>().into());
    let kills = number("BHYT_KILLS", KILLS);
    println!("BHYT_SEED={seed} BHYT_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);

    let program = tokio::task::spawn_blocking(program).await.unwrap();
    let mut province = TestProvince::new(50).await;
    let station = Arc::new(TestStation::enrolled(&province).await);
    let _daemon = station.loaded().await;
    province.switch_off().await;
    let (folder, text) = (province.folder(), province.person_in_force().card);
    let (mut saved, mut unanswered) = (BTreeSet::<Uuid>::new(), BTreeSet::new());

    for kill in 0..kills {
        for _ in 0..random.random_range(1..4) {
            saved.insert(station.check_in(&text).await.unwrap());
        }
        let is_mute = kill % 2 == 0;
        let server = Killed::serve_heard(&program, &folder, province.address, is_mute.then_some("intake-hang-after-commit"));
        let server = tokio::task::spawn_blocking(|| server.heard("serving")).await.unwrap();
        let pressed = Arc::clone(&station);
        let pressed = tokio::spawn(async move { pressed.ask(&Request::SyncNow).await });
        let server = tokio::task::spawn_blocking(|| server.heard(" sequence ")).await.unwrap();
        if !is_mute {
            tokio::time::sleep(Duration::from_micros(random.random_range(0..3_000))).await;
        }
        drop(server);
        pressed.await.unwrap().unwrap();

        let status = station.status().await;
        let (pending, parked) = (status["outbox"]["pending"].as_u64().unwrap(), status["outbox"]["parked"].as_u64().unwrap());
        let stored = province.stored();
        assert_eq!(parked, 0, "kill {kill}");
        assert!(saved.len() as u64 <= stored.len() as u64 + pending, "kill {kill}: more is called delivered than is there");
        if is_mute {
            // The whole batch, however small it had become.
            assert!(pending > 0, "kill {kill}: the station believes what nobody told it");
            assert!(!status["push"]["failing"].is_null(), "kill {kill}: {status}");
            unanswered.extend(stored.into_keys());
        }
    }
    let server = Killed::serve_heard(&program, &folder, province.address, None);
    let server = tokio::task::spawn_blocking(|| server.heard("serving")).await.unwrap();
    for _ in 0..10 {
        if station.ask(&Request::SyncNow).await.unwrap()["outbox"]["pending"] == 0 {
            break;
        }
    }
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0).await;
    drop(server);

    let visits = province.province.visits().unwrap();
    let again = visits.iter().filter(|visit| visit.times_seen > 1).count();
    println!(
        "{} visits through {kills} kills, {again} of them sent more than once, {} that the server held unanswered",
        saved.len(),
        unanswered.len()
    );
    assert_eq!(visits.len(), saved.len(), "one row for each");
    assert_eq!(visits.iter().map(|visit| visit.id).collect::<BTreeSet<_>>(), saved);
    // A visit may be the one that was lost several times.
    assert!(again > 0, "no answer was lost: this test proved nothing");
}
