//! The roster over a line that breaks off every so many bytes: the real daemon, real TLS, bytes counted between the two.
//!
//! Promise: what arrived is not sent again. What is counted is everything on the line below TLS: handshakes, heads, the index of every try and the
//! records that a cut went through count as sent twice.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for a person to read")]

use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use bhyt_agent::control::contract::Request;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::proxy::Ending;
use crate::support::proxy::Proxy;
use crate::support::proxy::Rules;
use crate::support::wait_at_most;

/// Random letters of a hamlet's name: six bits each that no packing removes, so that few people make a large file.
const LETTERS: usize = 2000;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -";

/// Everybody moves to a hamlet with a very long name; the size of the snapshot that says so.
async fn give_long_names(province: &TestProvince) -> u64 {
    let editing = province.province.clone();
    let edit = move || {
        let mut random = StdRng::seed_from_u64(5);
        let mut name = || -> String { (0..LETTERS).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect() };
        editing.edit_people(STATION, |people| people.values_mut().for_each(|person| person.hamlet = Some(name()))).unwrap();
    };
    tokio::task::spawn_blocking(edit).await.unwrap();
    province.publish().await.index.snapshot.bytes
}

/// What a load over a bad line cost.
struct Cost {
    /// The sealed snapshot.
    file: u64,
    /// Everything the proxy passed on to the station.
    sent: u64,
    cuts: u64,
    /// What the tries that failed were called.
    codes: BTreeSet<String>,
}

impl Cost {
    fn ratio(&self) -> f64 {
        self.sent as f64 / self.file as f64
    }
}

/// Loads the roster of a new station over a line with these rules. After each failure a person presses the button, so that the test does not wait.
async fn load(people: usize, rules: Rules) -> Cost {
    let province = TestProvince::new(people).await;
    let proxy = Proxy::to(province.address).await;
    let station = TestStation::configured_at(&province, proxy.address);
    station.enrol(&province).await;
    // After the enrolment, which publishes before it answers: packing 20 MB takes longer than a station waits.
    let file = give_long_names(&province).await;
    let (begun, before) = (Instant::now(), proxy.down());
    proxy.set(rules);
    let _daemon = station.started().await;
    let (mut status, mut codes) = (Value::Null, BTreeSet::new());
    // A try that gets nothing across would need more presses than this.
    let most = 10 + 3 * file / rules.cut_each.or(rules.wrong_byte).unwrap_or(file);
    for _ in 0..most {
        status = station.ask(&Request::SyncNow).await.unwrap();
        if status["roster"]["serial"] == 2 {
            break;
        }
        if rules.cut_all.is_some() && proxy.cuts() > 0 {
            // That was the one.
            proxy.set(Rules::default());
        }
        codes.extend(status["pull"]["failing"]["code"].as_str().map(str::to_owned));
    }
    assert_eq!(status["roster"]["serial"], 2, "not after {most} presses: {status}");
    let cost = Cost { file, sent: proxy.down() - before, cuts: proxy.cuts(), codes };
    println!(
        "a snapshot of {} bytes over {rules:?}: {} bytes sent, ratio {:.4}, {} cuts, {} connections, {:.1} s, {:?}",
        cost.file,
        cost.sent,
        cost.ratio(),
        cost.cuts,
        proxy.connections(),
        begun.elapsed().as_secs_f64(),
        cost.codes
    );
    // It is a roster like any other: somebody of it is found.
    proxy.set(Rules::default());
    let person = province.province.people(STATION).unwrap().swap_remove(people / 2);
    assert_ne!(station.lookup(&person.card).await["verdict"]["standing"], "not_covered");
    cost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_of_5_mb_over_a_link_cut_every_200_kib_sends_less_than_a_tenth_twice() {
    let cost = load(3400, Rules { cut_each: Some(200 << 10), ..Rules::default() }).await;
    assert!(cost.file >= 5_000_000, "{}", cost.file);
    assert!(cost.cuts >= cost.file / (200 << 10), "the line was not cut: {}", cost.cuts);
    assert!(cost.ratio() < 1.10, "{}", cost.ratio());
}

/// 20 MB on request (`BHYT_CUT_LINK=full`), 1.3 MB otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f32_a_link_that_drops_every_64_kib_still_loads_the_roster() {
    let is_full = std::env::var("BHYT_CUT_LINK").is_ok_and(|value| value == "full");
    let cost = load(if is_full { 13_300 } else { 900 }, Rules { cut_each: Some(64 << 10), ..Rules::default() }).await;
    assert!(cost.cuts >= cost.file / (64 << 10), "the line was not cut: {}", cost.cuts);
    assert!(cost.ratio() <= 1.15, "{}", cost.ratio());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f32_a_link_that_is_reset_every_200_kib_still_loads_the_roster() {
    // A reset may throw away what the kernel had received: more is sent twice, but it ends.
    let cost = load(900, Rules { cut_each: Some(200 << 10), ending: Ending::Reset, ..Rules::default() }).await;
    assert!(cost.cuts >= cost.file / (200 << 10), "the line was not cut: {}", cost.cuts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_that_is_wrong_on_the_line_costs_no_more_than_a_cut() {
    let cost = load(900, Rules { wrong_byte: Some(150_000), behind: Some(16 << 10), ..Rules::default() }).await;
    // More than for a cut: until the station has noticed the wrong byte and hung up, what is under way behind it comes in vain.
    assert!(cost.ratio() < 1.4, "{}", cost.ratio());
    assert_eq!(cost.codes, BTreeSet::from(["unreachable".to_owned()]), "a broken line, and nobody to be distrusted");
}

/// Nobody presses a button: a try that brought something is followed by the next one soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f32_a_link_cut_every_200_kib_needs_nobody() {
    let province = TestProvince::new(1500).await;
    let proxy = Proxy::to(province.address).await;
    let station = TestStation::configured_at(&province, proxy.address);
    station.enrol(&province).await;
    let file = give_long_names(&province).await;
    proxy.set(Rules { cut_each: Some(200 << 10), ..Rules::default() });
    let begun = Instant::now();
    let _daemon = station.started().await;
    // Each cut costs a pause of four seconds at most, two by far the most often; pauses that double would be minutes by the sixth.
    let most = Duration::from_secs(10 + 4 * (file / (200 << 10)) + bounds::house_or(20, 60));
    wait_at_most(most, "the roster is whole", async || {
        let status = station.ask(&Request::Status).await.ok()?;
        (status["roster"]["serial"] == 2).then_some(())
    })
    .await;
    println!("a snapshot of {file} bytes, {} cuts, nobody's help: {:.1} s of {most:?}", proxy.cuts(), begun.elapsed().as_secs_f64());
    assert!(proxy.cuts() >= file / (200 << 10), "the line was not cut: {}", proxy.cuts());
    assert_eq!(station.log().matches("taking the snapshot").count(), 1, "it is told of once");
}

/// A cut that nobody says a word of: the station finds out by the idle limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_falls_silent_is_given_up_and_the_rest_is_fetched() {
    let cost = load(300, Rules { cut_all: Some(250_000), ending: Ending::Silence, ..Rules::default() }).await;
    assert!(cost.cuts > 0 && cost.ratio() < 1.10, "{} cuts, {}", cost.cuts, cost.ratio());
    assert_eq!(cost.codes, BTreeSet::from(["unreachable".to_owned()]));
}
