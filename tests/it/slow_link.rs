//! A day of a station on a slow link: 64 kbit/s, 600 ms, 5 % of packets lost each way; the real daemon and the real province, each in a network
//! namespace of its own. Needs root and TUN; says so and passes otherwise.
//!
//! Promise: first load, a day's changes and a day's visits go through without a hand on them, and meanwhile the page answers as fast as ever.
//! `BHYT_SLOW_LINK=full` loads a typical commune of 28,760 and sends 200 visits; 6,000 and 60 otherwise. `BHYT_SEED` decides which packets are lost.
//! A program built for debugging is slow by itself, and the tests beside this one make every program of the machine slower: its page is measured against
//! a twin's at the very same time, which holds the same roster and has nothing to do. Only a program that is built to be quick, as `tests/run --slow-link`
//! builds it, is measured against the clock.

#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::cmp::Reverse;
use std::env;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::support::AGENT;
use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::relay::Line;
use crate::support::relay::Link;
use crate::support::relay::PROVINCE_END;
use crate::support::wait_at_most;

use super::tab::Tab;

/// Longest time for any of the three, at full size.
const PATIENCE: Duration = Duration::from_mins(10);
/// The page's time for 99 of 100 answers.
const PAGE: Duration = Duration::from_millis(5);
/// Of a program built for debugging: so many times as long as the twin's.
const WORSE: f64 = 2.0;
/// Between two questions to the page.
const BREATH: Duration = Duration::from_millis(25);

/// Says why a test proves nothing here. Straight to the terminal: what a passing test prints is kept back.
pub(super) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

pub(super) fn seed() -> u64 {
    env::var("BHYT_SEED").map_or_else(|_| rand::random::<u32>().into(), |text| text.parse().expect("a number"))
}

/// When each look-up was asked, and how long its answer took.
type Asked = Vec<(Instant, Duration)>;

/// How long answers took, sorted.
struct Answers(Vec<Duration>);

impl Answers {
    fn new(asked: &[(Instant, Duration)]) -> Self {
        let mut took: Vec<_> = asked.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        Self(took)
    }

    fn percentile(&self, of_100: usize) -> Duration {
        self.0[(self.0.len() * of_100 / 100).min(self.0.len() - 1)]
    }

    fn print(&self, when: &str) {
        println!(
            "the page {when}: {} look-ups, p50 {:?}, p99 {:?}, longest {:?}, {} of {PAGE:?} and more",
            self.0.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.0.len() - self.0.partition_point(|took| *took < PAGE)
        );
    }
}

/// Looks up these people one after the other, until told to stop. On a thread of its own.
async fn look_up(station: &TestStation, texts: &[String], stop: &AtomicBool) -> Asked {
    without_neighbours(false, &rustix::thread::gettid().to_string());
    wait_at_most(PATIENCE, "the page opens", async || tokio::net::TcpStream::connect(station.page).await.ok().map(drop)).await;
    let mut tab = Tab::at_station(station).await;
    let mut asked = Vec::new();
    for text in texts.iter().cycle() {
        let begun = Instant::now();
        let answer = tab.enter(text).await;
        asked.push((begun, begun.elapsed()));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.attribute("data-standing").is_some(), "{}", answer.body);
        if stop.load(Ordering::SeqCst) {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    asked
}

/// Puts a thread, or all of a process, and what they start before those others that share a test machine: a kiosk has no neighbours that build
/// programs, and their noise is not the page's. Daemon and page still compete with each other.
fn without_neighbours(all: bool, id: &str) {
    let mut command = Command::new("chrt");
    let done = command.args(all.then_some("-a")).args(["-r", "-p", "10", id]).stdin(Stdio::null()).output();
    if !done.is_ok_and(|output| output.status.success()) {
        println!("no `chrt`: the figures have the noise of the machine");
    }
}

/// Whether the daemon is built to be debugged: cargo keeps each profile's programs in a folder of its own.
fn is_built_for_debugging() -> bool {
    Path::new(AGENT).parent().is_some_and(|folder| folder.ends_with("debug"))
}

/// A station with a province of its own on the machine itself: it holds its roster, and nothing is on its way.
struct Twin {
    station: TestStation,
    _daemon: Daemon,
    _province: TestProvince,
}

impl Twin {
    async fn with(people: usize) -> Self {
        let province = TestProvince::new(people).await;
        let station = TestStation::enrolled(&province).await;
        let daemon = station.start();
        without_neighbours(true, &daemon.id().to_string());
        status_when(&station, "the twin holds a roster", |status| status["roster"]["serial"] == 1).await;
        Self { station, _daemon: daemon, _province: province }
    }
}

/// How things stand once they stand so, however long the link takes.
pub(super) async fn status_when(station: &TestStation, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let status = async || station.ask(&bhyt_agent::control::contract::Request::Status).await.ok().filter(&fits);
    wait_at_most(PATIENCE, what, status).await
}

#[test]
fn on_a_slow_link_a_day_goes_through_and_the_page_does_not_notice() {
    let is_full = env::var("BHYT_SLOW_LINK").is_ok_and(|value| value == "full");
    let (people, visits) = if is_full { (28_760, 200) } else { (6000, 60) };
    let bad = Line { delay: Duration::from_millis(300), loss: 5, largest: None, rate: Some(64), seed: seed() };
    // The province and the relay have threads of their own: what they do must not be taken for the station's slowness.
    let far = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let link = match Link::new(bad, far.handle()) {
        Ok(link) => link,
        Err(why) => return skipped("slow_link", &why),
    };
    println!("BHYT_SEED={} {bad:?}", bad.seed);
    let listener = link.province.inside(|| TcpListener::bind((PROVINCE_END, 0)).unwrap());
    let province = far.block_on(TestProvince::listening(people, vec![PROVINCE_END.to_string()], listener));
    let station = TestStation::configured(&province);
    link.station.run(async || station.enrol(&province).await);
    let sizes = province.province.publish_all(province.province.now()).unwrap();
    let snapshot = sizes[0].index.snapshot.bytes;

    let register = province.province.people(crate::support::STATION).unwrap();
    let texts: Vec<String> = register.iter().step_by(people / 97).map(|person| person.card.clone()).collect();
    let twin = far.block_on(Twin::with(people));
    let stop = AtomicBool::new(false);
    let daemon = link.station.inside(|| station.start());
    without_neighbours(true, &daemon.id().to_string());
    let ask = || link.station.run(async || look_up(&station, &texts, &stop).await);
    let ask_twin = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(look_up(&twin.station, &texts, &stop))
    };
    let (asked, asked_twin, loaded_at) = std::thread::scope(|scope| {
        let (asking, asking_twin) = (scope.spawn(ask), scope.spawn(ask_twin));
        let loaded_at = link.station.run(async || {
            let begun = Instant::now();
            status_when(&station, "a roster is held", |status| status["roster"]["serial"] == 1).await;
            let took = begun.elapsed().as_secs_f64();
            println!("first load of {people} cards, {snapshot} bytes: {took:.1} s");

            let loaded_at = Instant::now();
            let published = province.change(0.01, 1).await;
            for text in texts.iter().cycle().take(visits) {
                // The same at both: only the link differs.
                let (one, other) = tokio::join!(station.check_in(text), twin.station.check_in(text));
                one.and(other).unwrap();
            }
            assert!(station.run(&["sync-now"]).await.status.code().is_some());
            let caught_up = |status: &Value| status["roster"]["serial"] == 2 && status["outbox"]["pending"] == 0;
            status_when(&station, "a day has gone through", caught_up).await;
            let took = loaded_at.elapsed().as_secs_f64();
            println!("a day of {} bytes of delta and {visits} visits: {took:.1} s", published.index.deltas[0].bytes);
            loaded_at
        });
        stop.store(true, Ordering::SeqCst);
        (asking.join().unwrap(), asking_twin.join().unwrap(), loaded_at)
    });
    let (passed, lost) = link.packets();
    println!("{passed} packets passed, {lost} lost");
    assert!(lost > 0 && lost * 100 / (passed + lost) <= 8, "not the link it should be");
    let stored = province.stored();
    assert!(stored.len() == visits && stored.values().all(|times| *times == 1), "{}", stored.len());

    let (load, day) = asked.split_at(asked.partition_point(|(at, _)| *at < loaded_at));
    let (load, day, both, floor) = (Answers::new(load), Answers::new(day), Answers::new(&asked), Answers::new(&asked_twin));
    let seconds = |at: Instant| at.saturating_duration_since(asked[0].0).as_secs_f64();
    let mut longest = asked.clone();
    longest.sort_unstable_by_key(|(_, took)| Reverse(*took));
    for (at, took) in &longest[..longest.len().min(3)] {
        println!("{took:?} after {:.2} s of {:.2} until the roster was there", seconds(*at), seconds(loaded_at));
    }
    load.print("during the first load");
    day.print("during the day");
    both.print("during both");
    floor.print("of the twin meanwhile");
    let (limit, measure) = if is_built_for_debugging() {
        (floor.percentile(99).mul_f64(WORSE), "built for debugging, beside its twin")
    } else {
        (PAGE, "built to be quick, by the clock")
    };
    println!("the page's time for 99 of 100: {:?} of {limit:?} ({measure})", both.percentile(99));
    assert!(both.percentile(99) < limit, "{:?}, not below {limit:?} ({measure})", both.percentile(99));
}
