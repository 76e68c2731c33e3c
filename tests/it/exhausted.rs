//! What a process runs out of: file descriptors (F18) and, over a long run, memory (F17).

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use bhyt_agent::control::contract::Request;
use provincial::Person;
use rustix::process::Pid;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::prlimit;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;

use super::flood::memory_of;
use super::tab::Tab;
use crate::support::Daemon;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::wait_at_most;

/// Files that the agent may have open.
const FILES: u64 = 64;
const CLIENTS: usize = 500;
/// When the desk is to be back, in seconds.
const RECOVERED: [u64; 2] = [15, 45];
/// The house's budget for memory.
const MEMORY: u64 = 64 << 20;

/// Holds a connection and says half of something, or nothing.
async fn hold(address: SocketAddr, speaks: bool) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    if speaks && stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.is_err() {
        return;
    }
    // Until it is cut.
    let _ = stream.read(&mut [0; 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_with_64_descriptors_and_500_clients_nothing_ends_and_the_desk_is_back_in_time() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let person = province.person_in_force();
    let mut tab = Tab::at_station(&station).await;
    assert!(tab.enter(&person.id).await.attribute("data-standing").is_some());
    let limit = Rlimit { current: Some(FILES), maximum: Some(FILES) };
    prlimit(Some(Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap()), Resource::Nofile, limit).unwrap();

    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(hold(station.page, number % 2 == 0));
    }
    // It is felt: no more connections can be accepted.
    wait_at_most(Duration::from_secs(30), "descriptors run out", async || {
        station.log().contains("cannot accept a connection").then_some(())
    })
    .await;
    time::sleep(Duration::from_secs(2)).await;
    let (met, begun) = (station.log().matches("cannot accept a connection").count(), Instant::now());
    clients.abort_all();
    while clients.join_next().await.is_some() {}
    let answered = async {
        loop {
            let mut again = tab.clone();
            let asked = tokio::spawn(async move { again.get("/").await });
            match time::timeout(Duration::from_secs(5), asked).await {
                Ok(Ok(answer)) if answer.has("id=\"o-nhap\"") => return,
                _ => time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    let [house, busy] = RECOVERED.map(Duration::from_secs);
    time::timeout(bounds::house_or(house, busy), answered).await.expect("the desk is back in time");
    let took = begun.elapsed();
    println!("{CLIENTS} clients on {FILES} descriptors: {met} times without one, back after {took:?}");
    // The session that was there before goes on, and what it saves is saved.
    tab.get("/").await;
    assert!(tab.enter(&person.id).await.attribute("data-standing").is_some());
    let visit = station.check_in(&person.id).await.unwrap();
    assert!(station.ask(&Request::Visit { id: visit }).await.is_ok());
    assert!(!station.log().contains("ended unasked"), "{}", station.log());
    assert_eq!(daemon.terminate().await, Some(0), "the same process to the end");
}

/// As many working days as are compressed into the run.
fn days() -> usize {
    env::var("BHYT_MEMORY_DAYS").map_or(4, |text| text.parse().expect("a number"))
}

/// What a day of a busy station is: look-ups, visits, a name now and then, a status that somebody asks for.
async fn one_day(station: &TestStation, people: &[Person], day: usize) {
    for number in 0..150 {
        let person = &people[(day * 150 + number) % people.len()];
        station.lookup(&person.id).await;
        if number % 3 == 0 {
            station.check_in(&person.card).await.unwrap();
        }
        if number % 10 == 0 {
            station.lookup(&format!("{} {}", person.name, &person.born[..4])).await;
            station.ask(&Request::Metrics).await.unwrap();
            station.status().await;
        }
    }
}

/// Memory of its own, in bytes: pages of the program's file come as its code is first used, and go when the machine wants them.
fn own_memory_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// When nothing is under way: the least of some looks, for what is freed is given back a little later.
async fn at_rest(daemon: &Daemon) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..10 {
        least = least.min(own_memory_of(daemon.id()));
        time::sleep(Duration::from_millis(100)).await;
    }
    least
}

/// What a database connection keeps of a file's pages at most, and how many there are of each of the two files: SQLite's own limit, one writer, three
/// readers. They fill as the file grows, which takes some thousand visits, and then grow no more.
const PAGES: u64 = 2_000 << 10;
const CONNECTIONS: u64 = 4;
/// What a visit and a look-up add to `visits.db`, generously, and so to each connection's pages until they are full.
const VISIT: u64 = 1_536;
const LOOK_UP: u64 = 256;
/// The slope that a day may have beside that: 0.1 MiB, and once what an allocator gives back late.
const A_DAY: u64 = 102 << 10;
const ONCE: u64 = 512 << 10;

/// F17. 72 hours are for a soak; what a day adds shows as well when the days come one after the other. `BHYT_MEMORY_DAYS=80` is a run after which the
/// connections' pages are full, so that only a leak could grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_memory_has_no_slope_over_days_that_come_one_after_the_other() {
    let days = days();
    let province = TestProvince::new(1_000).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let people = province.province.people(STATION).unwrap();
    let mut held = Vec::new();
    for day in 0..days * 2 {
        one_day(&station, &people, day).await;
        if day % 2 == 0 {
            province.change(0.02, u64::try_from(day).unwrap()).await;
            station.run(&["sync-now"]).await;
        }
        let visits = 50 * (day + 1);
        wait_at_most(Duration::from_mins(2), "all visits are with the province", async || {
            (province.stored().len() == visits).then_some(())
        })
        .await;
        held.push(at_rest(&daemon).await);
        println!("after day {}: {} KiB", day + 1, held[day] >> 10);
    }
    let (first, middle, last) = (held[0], held[days - 1], held[days * 2 - 1]);
    let days = u64::try_from(days).unwrap();
    println!("of the last {days} days each added {} KiB", (last.saturating_sub(middle) / days) >> 10);
    let pages = CONNECTIONS * days * (50 * VISIT + 165 * LOOK_UP);
    assert!(last.saturating_sub(middle) <= pages + days * A_DAY + ONCE, "{held:?}");
    assert!(last.saturating_sub(first) <= 2 * CONNECTIONS * PAGES + 2 * days * A_DAY + ONCE, "{held:?}");
    assert!(memory_of(daemon.id()) <= MEMORY, "{} KiB", memory_of(daemon.id()) >> 10);
    assert_eq!(daemon.terminate().await, Some(0));
}
