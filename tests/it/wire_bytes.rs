//! What a station's pulls weigh above TLS: heads and bodies, both ways, counted where the province's server reads and writes them.

use bhyt_agent::control::contract::Request;
use serde_json::Value;

use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// A typical commune.
const CARDS: usize = 28_760;
/// Most that asking in vain may cost.
const POLL: u64 = 1024;
/// Most that a day with 1 % changed days may cost, in all.
const DELTA: u64 = 6000;
/// The province's largest index: it lists five deltas from the fifth day on.
const LARGEST_INDEX: u64 = 1000;

/// Bytes above TLS that passed in both directions during something.
struct Weighed {
    up: u64,
    down: u64,
}

impl Weighed {
    fn sum(&self) -> u64 {
        self.up + self.down
    }
}

/// What one pull weighs that ends with this serial.
async fn synced(province: &TestProvince, station: &TestStation, serial: u64) -> Weighed {
    let (up, down) = province.province.bytes_above_tls();
    let status = station.ask(&Request::SyncNow).await.unwrap();
    assert_eq!((&status["roster"]["serial"], &status["pull"]["failing"]), (&serial.into(), &Value::Null), "{status}");
    settled(province, up, down).await
}

/// What has passed since, once nothing passes any more: the server may count a byte a moment after the station had it.
async fn settled(province: &TestProvince, up: u64, down: u64) -> Weighed {
    let mut last = (up, down);
    let (up_after, down_after) = wait_for("both ways are counted", async || {
        let now = province.province.bytes_above_tls();
        let is_still = now == last && now.0 > up && now.1 > down;
        last = now;
        is_still.then_some(now)
    })
    .await;
    Weighed { up: up_after - up, down: down_after - down }
}

fn size_of(province: &TestProvince, file: &str) -> u64 {
    std::fs::metadata(province.province.feed_dir(STATION).join(file)).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_in_vain_costs_a_kilobyte_at_most_and_a_percent_of_changed_days_six() {
    let province = TestProvince::new(CARDS).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    for _ in 0..3 {
        let poll = synced(&province, &station, 1).await;
        println!("nothing new: {} bytes ({} up, {} down)", poll.sum(), poll.up, poll.down);
        assert!(poll.sum() <= POLL, "{}", poll.sum());
    }
    let published = province.change(0.01, 1).await;
    let delta = published.index.deltas[0].bytes;
    let (index, signature) = (size_of(&province, "index.json"), size_of(&province, "index.json.minisig"));
    let changed = synced(&province, &station, 2).await;
    let heads = changed.sum() - delta - index - signature;
    let most = changed.sum() - index + LARGEST_INDEX;
    println!(
        "1 % of {CARDS} cards with other days: {} bytes ({} up, {} down): delta {delta}, index {index}, signature {signature}, heads {heads}; \
         {most} with the largest index",
        changed.sum(),
        changed.up,
        changed.down
    );
    assert!(most <= DELTA, "{most}");

    // After a start the station holds the roster and not the index: it asks as if it had never asked.
    drop(daemon);
    let (up, down) = province.province.bytes_above_tls();
    let _daemon = station.started().await;
    station.status_when("the first pull has ended", |status| status["pull"]["succeeded_at"].is_string()).await;
    println!("nothing new, the first time after a start: {} bytes", settled(&province, up, down).await.sum());
}
