//! Links that lose three packets of ten, or every large one, or all. Needs root and TUN; says so and passes otherwise.
//!
//! Promise: the day goes through or the station waits with patience: it says that there is no link, answers the desk, burns no processor, and catches
//! up by itself once the link is good.

#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::net::TcpListener;
use std::time::Duration;
use std::time::Instant;

use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::relay::Line;
use crate::support::relay::Link;
use crate::support::relay::PROVINCE_END;

use super::slow_link::seed;
use super::slow_link::skipped;
use super::slow_link::status_when;

/// Visits of one exchange.
const VISITS: usize = 20;
/// Share of one processor that the daemon may take meanwhile, in percent. Most of it is this test asking how things stand, a hundred times a second, and
/// that costs more on a slow processor. A loop without a pause takes all of it.
const MOST_BUSY: [f64; 2] = [15.0, 50.0];

/// How long a station without a cable is watched, and how often it may try in that time: its pauses are drawn from 16 seconds and more by then.
const WATCHED: Duration = Duration::from_secs(6);
const MOST_TRIES: u64 = 6;

/// Tries of the pull that failed in a row.
fn tries(status: &serde_json::Value) -> u64 {
    status["pull"]["failing"]["tries"].as_u64().unwrap_or_default()
}

/// Processor time of a process so far. The kernel counts in hundredths of a second.
fn busy(daemon: &Daemon) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// How long something took, and how busy the daemon was.
struct Watch<'a> {
    daemon: &'a Daemon,
    begun: Instant,
    busy: Duration,
}

impl<'a> Watch<'a> {
    fn new(daemon: &'a Daemon) -> Self {
        Self { daemon, begun: Instant::now(), busy: busy(daemon) }
    }

    /// Prints both; the share of one processor, in percent.
    fn print(&self, what: &str) -> f64 {
        let (took, busy) = (self.begun.elapsed(), busy(self.daemon).saturating_sub(self.busy));
        let share = busy.as_secs_f64() / took.as_secs_f64() * 100.0;
        println!("{what}: {took:.1?}, {share:.1} % of a processor");
        share
    }
}

fn most_busy() -> f64 {
    let [house, busy] = MOST_BUSY;
    bounds::house_or(house, busy)
}

/// One delta down and some visits up.
async fn exchange(province: &TestProvince, station: &TestStation, serial: u64) {
    let text = province.person_in_force().card;
    province.change(0.05, serial).await;
    for _ in 0..VISITS {
        station.check_in(&text).await.unwrap();
    }
    station.run(&["sync-now"]).await;
    let done = |status: &serde_json::Value| status["roster"]["serial"] == serial && status["outbox"]["pending"] == 0;
    status_when(station, "the exchange is done", done).await;
}

#[test]
fn f66_loss_of_30_percent_and_a_black_hole_for_large_packets_end_in_patience() {
    let good = Line { delay: Duration::from_millis(50), loss: 0, largest: None, rate: None, seed: seed() };
    let far = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let link = match Link::new(good, far.handle()) {
        Ok(link) => link,
        Err(why) => return skipped("lossy_link", &why),
    };
    println!("BHYT_SEED={}", good.seed);
    let listener = link.province.inside(|| TcpListener::bind((PROVINCE_END, 0)).unwrap());
    let province = far.block_on(TestProvince::listening(300, vec![PROVINCE_END.to_string()], listener));
    let station = TestStation::configured(&province);
    link.station.run(async || {
        station.enrol(&province).await;
        let daemon = station.loaded().await;

        let watch = Watch::new(&daemon);
        exchange(&province, &station, 2).await;
        watch.print("a good link");

        link.set(Line { loss: 30, ..good });
        let watch = Watch::new(&daemon);
        exchange(&province, &station, 3).await;
        let share = watch.print("30 % lost each way");
        assert!(share < most_busy(), "{share} %");

        link.set(Line { largest: Some(500), ..good });
        let watch = Watch::new(&daemon);
        let text = province.person_in_force().card;
        province.change(0.05, 4).await;
        station.check_in(&text).await.unwrap();
        station.run(&["sync-now"]).await;
        let status = status_when(&station, "both directions know that there is no link", |status| {
            ["pull", "push"].iter().all(|direction| status[direction]["failing"]["code"] == "unreachable")
        })
        .await;
        assert_eq!(status["roster"]["serial"], 3);
        assert_ne!(station.lookup(&text).await["verdict"]["standing"], "not_covered");
        let share = watch.print("every packet above 500 bytes lost, until both directions say so");
        assert!(share < most_busy(), "{share} %");

        link.set(good);
        link.plug(false);
        station.run(&["sync-now"]).await;
        let before = tries(&station.status().await);
        let tried = |status: &serde_json::Value| tries(status) > before;
        let before = tries(&status_when(&station, "it tries again without a cable", tried).await);
        // Now every try fails at once, and only the pauses are between it and a busy loop.
        let watch = Watch::new(&daemon);
        tokio::time::sleep(WATCHED).await;
        let more = tries(&station.status().await) - before;
        println!("no cable: {more} tries");
        let share = watch.print("no cable");
        assert!(share < most_busy() && more <= MOST_TRIES, "{share} %, {more} tries");

        link.plug(true);
        let watch = Watch::new(&daemon);
        let done = |status: &serde_json::Value| status["roster"]["serial"] == 4 && status["outbox"]["pending"] == 0;
        status_when(&station, "the station catches up by itself", done).await;
        watch.print("good again, nobody presses a button");
    });
    let (passed, lost) = link.packets();
    println!("{passed} packets passed, {lost} lost");
    let stored = province.stored();
    assert!(stored.len() == 2 * VISITS + 1 && stored.values().all(|times| *times == 1), "{}", stored.len());
}
