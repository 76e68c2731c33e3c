//! Clients that are slow, silent, too many or too large, while somebody works.
//!
//! `BHYT_STUCK` says how many there are: 2,000 where the house's figures are asked for, and 800 otherwise, beside other tests and without haste.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use crate::support::ports;
use std::env;
use std::fs;
use std::future;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;

use super::lan::Neighbour;
use super::lan::open_code;
use super::tab::Tab;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::wait_at_most;

/// Of a program built for debugging, on a machine that runs other tests meanwhile: answers so many times as long, and the end three times as late. Whoever
/// is held up by the stuck ones is so for six seconds.
const UNHURRIED: u32 = 25;

/// The look-up's time for 99 of 100 answers, the end of every stuck connection, and what all of them may cost.
const PAGE: Duration = Duration::from_millis(200);
const ENDED: Duration = Duration::from_secs(15);
const MEMORY: u64 = 32 << 20;

fn how_many() -> usize {
    env::var("BHYT_STUCK").map_or_else(|_| bounds::house_or(2_000, 800), |text| text.parse().expect("a number"))
}

/// The ways of being stuck.
#[derive(Clone, Copy, Debug)]
enum Stuck {
    Silent,
    HalfAHead,
    DripsAHead,
    HalfABody,
    GiantHead,
    GiantBody,
    ReadsNothing,
}

const WAYS: [Stuck; 7] =
    [Stuck::Silent, Stuck::HalfAHead, Stuck::DripsAHead, Stuck::HalfABody, Stuck::GiantHead, Stuck::GiantBody, Stuck::ReadsNothing];

/// Is stuck until it is cut.
async fn be_stuck(address: SocketAddr, host: SocketAddr, way: Stuck) {
    let socket = TcpSocket::new_v4().unwrap();
    if matches!(way, Stuck::ReadsNothing) {
        // Takes little before it takes nothing.
        socket.set_recv_buffer_size(4096).unwrap();
    }
    let Ok(mut stream) = socket.connect(address).await else { return };
    let form = format!("POST /tra-cuu HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let first = match way {
        Stuck::Silent => String::new(),
        Stuck::HalfAHead | Stuck::DripsAHead => "GET / HTTP/1.1\r\nHost: ".to_owned(),
        Stuck::HalfABody => form + "Content-Length: 99\r\n\r\nma=",
        Stuck::GiantHead => format!("GET / HTTP/1.1\r\nHost: {host}\r\nA: {}", "b".repeat(256 << 10)),
        Stuck::GiantBody => form + "Content-Length: 99999999\r\n\r\n" + &"m".repeat(256 << 10),
        Stuck::ReadsNothing => format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(1000),
    };
    let (mut read, mut write) = stream.split();
    let talking = async {
        // What is cut meanwhile is cut.
        let mut sent = write.write_all(first.as_bytes()).await;
        while sent.is_ok() && matches!(way, Stuck::DripsAHead) {
            time::sleep(Duration::from_secs(1)).await;
            sent = write.write_all(b"x").await;
        }
    };
    let listening = async {
        let mut bytes = [0; 4096];
        while !matches!(way, Stuck::ReadsNothing) && matches!(read.read(&mut bytes).await, Ok(1..)) {}
    };
    tokio::join!(talking, listening);
    if matches!(way, Stuck::ReadsNothing) {
        // The server looks whether it is let go; the socket stays.
        future::pending::<()>().await;
    }
}

pub(crate) fn memory_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Connections that a process holds at these doors of its own.
fn connections_of(process: u32, doors: [SocketAddr; 2]) -> usize {
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    let held: Vec<_> = fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()).collect();
    let is_held = |inode: &str| held.iter().any(|link| link.to_string_lossy() == format!("socket:[{inode}]"));
    let is_at_a_door = |address: &str| doors.iter().any(|door| address.ends_with(&format!(":{:04X}", door.port())));
    let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|fields| fields[3] != "0A" && is_at_a_door(fields[1]) && is_held(fields[9])).count()
}

/// Looks somebody up as long as `busy`, and gives what that took, sorted.
async fn work(tab: &mut Tab, text: &str, until: Instant) -> Vec<Duration> {
    assert!(tab.get("/").await.has("id=\"o-nhap\""));
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        let answer = tab.enter(text).await;
        took.push(begun.elapsed());
        assert!(answer.attribute("data-standing").is_some(), "{}", answer.body);
        time::sleep(Duration::from_millis(20)).await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f49_stuck_clients_hold_up_nobody_and_are_gone_in_time() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let lan = ports::address();
    let config = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("{config}[lan]\nlisten = \"{lan}\"\n")).unwrap();
    let daemon = station.loaded().await;
    let person = province.person_in_force();
    let mut tab = Tab::at_station(&station).await;
    let code = open_code(&mut tab).await;
    let authority = fs::read_to_string(station.dir.path().join("keys/desks-ca.crt.pem")).unwrap();
    let mut desk = Neighbour::at(lan, &authority);
    // Another machine than the strangers'.
    desk.from = Ipv4Addr::new(127, 0, 0, 2);
    assert_eq!(desk.pair(&code, "Bàn 2").await.status, 303);
    desk.sign_in().await;
    work(&mut tab, &person.id, Instant::now() + Duration::from_secs(1)).await;
    let before = memory_of(daemon.id());

    let count = how_many();
    let begun = Instant::now();
    let mut stuck = JoinSet::new();
    for n in 0..count {
        // One in four on the house's network.
        let address = if n % 4 == 3 { lan } else { station.page };
        stuck.spawn(be_stuck(address, station.page, WAYS[n % WAYS.len()]));
    }
    let took = work(&mut tab, &person.id, begun + Duration::from_secs(5)).await;
    let most = memory_of(daemon.id());
    let p99 = took[(took.len() * 99 / 100).min(took.len() - 1)];
    let asked = Instant::now();
    assert!(desk.get("/").await.has("id=\"o-nhap\""), "nor can strangers keep a paired desk out");
    println!(
        "{count} stuck clients: {} look-ups, p50 {:?}, p99 {p99:?}; the paired desk {:?}; memory +{} KiB",
        took.len(),
        took[took.len() / 2],
        asked.elapsed(),
        most.saturating_sub(before) >> 10
    );
    wait_at_most(Duration::from_mins(1), "all are let go", async || (connections_of(daemon.id(), [station.page, lan]) == 0).then_some(()))
        .await;
    let longest = begun.elapsed();
    println!("all were let go after {longest:?}");
    stuck.abort_all();
    let (allowed, ended) = bounds::house_or((PAGE, ENDED), (PAGE * UNHURRIED, ENDED * 3));
    assert!(p99 <= allowed, "{p99:?}");
    assert!(longest <= ended, "{longest:?}");
    assert!(most.saturating_sub(before) <= MEMORY, "{} KiB", (most - before) >> 10);
    assert!(tab.get("/").await.has("id=\"o-nhap\""));
}
