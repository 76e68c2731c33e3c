//! Visits packed on the link: what one weighs, and a province that does not know them.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for a person to read")]

use bhyt_agent::control::contract::Request;
use provincial::Fault;
use provincial::Person;

use crate::support::TestProvince;
use crate::support::TestStation;

/// Visits of one load.
const VISITS: usize = 300;
/// What one may weigh so that 18,000 pass in ten minutes at 256 kbit/s, with a third of the link left for what lies below.
const MOST_EACH: f64 = 256_000.0 / 8.0 * 600.0 / 18_000.0 * 2.0 / 3.0;

/// What one visit weighs above TLS, both ways, when these are sent; the poll that goes with it is counted too.
async fn sent(province: &mut TestProvince, station: &TestStation, people: &[Person]) -> f64 {
    province.switch_off().await;
    for person in people {
        station.check_in(&person.card).await.unwrap();
    }
    let (up, down) = province.province.bytes_above_tls();
    province.switch_on().await;
    let status = station.ask(&Request::SyncNow).await.unwrap();
    assert_eq!(status["outbox"]["pending"], 0, "{status}");
    let (up_after, down_after) = province.province.bytes_above_tls();
    println!("{} visits: {} bytes up, {} down", people.len(), up_after - up, down_after - down);
    (up_after - up + down_after - down) as f64 / people.len() as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f34_packed_visits_weigh_little_and_a_province_that_does_not_know_them_gets_them_plain() {
    let mut province = TestProvince::new(2 * VISITS).await;
    let station = TestStation::enrolled(&province).await;
    let mut daemon = station.loaded().await;
    // What is sent before the first contact is sent once more after it: that is not what is weighed here.
    station.run(&["sync-now"]).await;
    station.status_when("the first contact is made", |status| !status["contact"]["succeeded_at"].is_null()).await;
    let people = province.province.people(crate::support::STATION).unwrap();
    province.province.faults().set(Fault::IntakePlain);
    let plain = sent(&mut province, &station, &people[..VISITS]).await;
    // For the rest of the process nobody tries again, whatever the province has learned meanwhile.
    province.province.faults().clear();
    let still = sent(&mut province, &station, &people[..VISITS / 3]).await;
    assert!(still > plain * 0.8, "{still} against {plain}");
    assert_eq!(station.log().matches("takes no packed visits").count(), 1);
    daemon.kill();
    let _daemon = station.started().await;
    let packed = sent(&mut province, &station, &people[VISITS..]).await;
    let seconds = |visits: f64, each: f64, bits: f64| visits * each * 8.0 / bits;
    println!(
        "a visit weighs {plain:.0} bytes plain, {packed:.0} packed, its receipt included: 18,000 at 256 kbit/s take {:.0} s and {:.0} s, 60 at 64 kbit/s \
         {:.1} s and {:.1} s, latency left out",
        seconds(18_000.0, plain, 256_000.0),
        seconds(18_000.0, packed, 256_000.0),
        seconds(60.0, plain, 64_000.0),
        seconds(60.0, packed, 64_000.0)
    );
    assert!(packed < MOST_EACH && packed * 2.0 < plain, "{packed} against {MOST_EACH}");
    assert_eq!(province.stored().len(), 2 * VISITS + VISITS / 3);
}
