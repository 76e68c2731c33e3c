//! A machine on the house's network, in a network namespace of its own: what it finds of a station that serves other desks. Needs root and TUN; says so and
//! passes otherwise.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;

use super::lan::Neighbour;
use super::lan::open_code;
use super::slow_link::skipped;
use super::tab::Tab;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::relay::Line;
use crate::support::relay::Link;
use crate::support::relay::STATION_END;

const LAN_PORT: u16 = 8687;
/// Connections tried at once.
const AT_ONCE: usize = 200;

/// Ports of a machine that are open.
async fn scan(ports: impl Iterator<Item = u16>) -> Vec<u16> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut tries = JoinSet::new();
    for port in ports {
        let place = Arc::clone(&room).acquire_owned().await.unwrap();
        tries.spawn(async move {
            let connected = time::timeout(Duration::from_secs(5), TcpStream::connect((STATION_END, port))).await;
            drop(place);
            matches!(connected, Ok(Ok(_))).then_some(port)
        });
    }
    let mut open = Vec::new();
    while let Some(port) = tries.join_next().await {
        open.extend(port.unwrap());
    }
    open.sort_unstable();
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f50_a_machine_on_the_house_s_network_finds_one_port_and_nothing_behind_it() {
    let cable = Line { delay: Duration::ZERO, loss: 0, largest: None, rate: None, seed: 0 };
    let house = match Link::new(cable, &tokio::runtime::Handle::current()) {
        Ok(house) => house,
        Err(why) => return skipped("f50", &why),
    };
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let lan = SocketAddr::from((STATION_END, LAN_PORT));
    let config = fs::read_to_string(&station.config).unwrap();
    let with_lan = format!("{config}[lan]\nlisten = \"0.0.0.0:{LAN_PORT}\"\nnames = [\"{STATION_END}\"]\n");
    tokio::task::block_in_place(|| {
        // As installed: nothing at all.
        let closed = house.station.inside(|| station.start());
        house.station.run(async || station.status().await);
        assert_eq!(house.province.run(async || scan(1..=u16::MAX).await), [0_u16; 0]);
        drop(closed);

        fs::write(&station.config, &with_lan).unwrap();
        let _daemon = house.station.inside(|| station.start());
        house.station.run(async || station.status().await);
        let authority = fs::read_to_string(station.dir.path().join("keys/desks-ca.crt.pem")).unwrap();
        let open = house.province.run(async || scan(1..=u16::MAX).await);
        assert_eq!(open, [LAN_PORT], "of 65,535 ports");

        let code = house.station.run(async || {
            let mut tab = Tab::at_station(&station).await;
            open_code(&mut tab).await
        });
        house.province.run(async || {
            let mut desk = Neighbour::at(lan, &authority);
            assert_eq!(desk.pair(&code, "Bàn 2").await.status, 303);
            desk.sign_in().await;
            // The browser is told another token with its first page of the day, or goes on with its own: what was held before a desk was sent away is worth nothing.
            let copy = desk.clone();
            for name in ["evil.example", "localhost", "127.0.0.1", "tram.local"] {
                assert!(Neighbour::at(lan, &authority).connect(name).await.is_err(), "{name}");
            }
            let mut plain = TcpStream::connect(lan).await.unwrap();
            plain.write_all(format!("GET / HTTP/1.1\r\nHost: {lan}\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _: io::Result<usize> = plain.read_to_end(&mut answer).await;
            assert!(answer.len() <= 7, "{answer:?}");
            let stranger = Neighbour::at(lan, &authority).get("/").await;
            assert!(stranger.status == 403 && !stranger.has("99001") && !stranger.has("id=\"o-nhap\""), "{}", stranger.body);
            assert_eq!(copy.clone().get("/trang-thai").await.status, 200);
        });
        assert!(house.station.run(async || station.run(&["desks", "revoke", "1"]).await).status.success());
        house.province.run(async || {
            let mut desk = Neighbour::at(lan, &authority);
            assert_eq!(desk.get("/").await.status, 403);
        });
    });
    let (passed, lost) = house.packets();
    println!("65,535 ports twice, {passed} packets, {lost} lost: one port open, nothing behind it for a stranger");
}
