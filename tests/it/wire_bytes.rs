//! What a station's pulls weigh above TLS: heads and bodies, both ways, counted where the province's server reads and writes them.

use std::sync::Arc;

use bhyt_agent::control::contract::Request;
use bhyt_agent::domain::contact::ChainLinks;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::https::HttpsProvince;
use serde_json::Value;
use uuid::Uuid;

use crate::messages::Kept;
use crate::messages::connected;
use crate::messages::hello;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

/// A typical commune.
const CARDS: usize = 28_760;
/// Most that asking in vain may cost.
const POLL: u64 = 1024;
/// Most that a contact may cost, which is made once an hour.
const CONTACT: u64 = 1024;
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
    let (mut last, mut still) = ((up, down), 0);
    let (up_after, down_after) = wait_for("both ways are counted", async || {
        let now = province.province.bytes_above_tls();
        still = if now == last && now.0 > up && now.1 > down { still + 1 } else { 0 };
        last = now;
        (still == 10).then_some(now)
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
    let install = Uuid::new_v4();
    let connect = connected(&province, install, Arc::new(|| provincial::now().to_utc()), Arc::new(Kept::default())).await;
    let server = connect();
    let (up, down) = province.province.bytes_above_tls();
    server.index().await.unwrap();
    settled(&province, up, down).await;
    for _ in 0..3 {
        let (up, down) = province.province.bytes_above_tls();
        server.index().await.unwrap();
        let poll = settled(&province, up, down).await;
        println!("nothing new: {} bytes ({} up, {} down)", poll.sum(), poll.up, poll.down);
        assert!(poll.sum() <= POLL, "{}", poll.sum());
    }
    let published = province.change(0.01, 1).await;
    let delta = published.index.deltas[0].bytes;
    let (index, signature) = (size_of(&province, "index.json"), size_of(&province, "index.json.minisig"));
    let (up, down) = province.province.bytes_above_tls();
    let offered = server.index().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    server.fetch(&offered.deltas[0], &folder.path().join("part"), u64::MAX).await.unwrap();
    let changed = settled(&province, up, down).await;
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
}

/// What the daemon says beside the poll when a person asks for everything: one contact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_press_costs_a_poll_and_a_contact() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    for _ in 0..5 {
        let pressed = synced(&province, &station, 1).await;
        println!("poll and contact: {} bytes ({} up, {} down)", pressed.sum(), pressed.up, pressed.down);
        // A contact of the press before may be counted with this one.
        assert!(pressed.sum() <= POLL + 2 * CONTACT, "{}", pressed.sum());
    }
}

/// The last index is kept over a restart, and nothing of it is believed that does not hold any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_poll_after_a_start_costs_a_kilobyte_at_most_and_a_contact_is_told() {
    let province = TestProvince::new(200).await;
    let install = Uuid::new_v4();
    let connect = connected(&province, install, Arc::new(|| provincial::now().to_utc()), Arc::new(Kept::default())).await;
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("last-index.json");
    let started = || connect().remembering(memory.clone());
    let weigh = async |what: &str, server: &HttpsProvince| {
        let (up, down) = province.province.bytes_above_tls();
        let serial = server.index().await.unwrap().serial.0;
        let weighed = settled(&province, up, down).await;
        println!("{what}: {} bytes ({} up, {} down)", weighed.sum(), weighed.up, weighed.down);
        (serial, weighed.sum())
    };
    let (serial, first) = weigh("the first poll ever", &started()).await;
    assert!(serial == 1 && first > POLL, "{first}");
    let server = started();
    for what in ["the first poll after a start", "the second"] {
        let (serial, poll) = weigh(what, &server).await;
        assert!(serial == 1 && poll <= POLL, "{what}: {poll}");
    }
    province.change(0.1, 1).await;
    assert_eq!(weigh("after something was published", &started()).await.0, 2);
    assert!(weigh("after a start", &started()).await.1 <= POLL);
    // Whatever befell the file: an answer as if there were none.
    let kept = std::fs::read_to_string(&memory).unwrap();
    for broken in
        ["", "{}", &kept[..kept.len() / 2], &kept.replace("\\\"serial\\\":2", "\\\"serial\\\":9"), &kept.replace("99001", "99002")]
    {
        assert_ne!(broken, kept);
        std::fs::write(&memory, broken).unwrap();
        assert_eq!(weigh("with a broken file", &started()).await.0, 2);
    }
    let (up, down) = province.province.bytes_above_tls();
    server.contact(&hello(install, ChainLinks { previous: None, next: Uuid::new_v4() })).await.unwrap();
    let contact = settled(&province, up, down).await;
    println!("a contact: {} bytes ({} up, {} down)", contact.sum(), contact.up, contact.down);
    assert!(contact.sum() <= CONTACT, "{}", contact.sum());
}
