//! The relay of the slow link does what its line says: a slow link that is none would prove nothing. Needs root and TUN; says so and passes otherwise.

use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use crate::support::relay::Line;
use crate::support::relay::Link;
use crate::support::relay::PROVINCE_END;
use crate::support::relay::STATION_END;

use super::slow_link::skipped;

const PACKETS: u8 = 200;

#[test]
fn packets_come_late_some_not_at_all_and_large_ones_never() {
    let bad = Line { delay: Duration::from_millis(80), loss: 20, largest: None, rate: None, seed: 11 };
    let far = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let link = match Link::new(bad, far.handle()) {
        Ok(link) => link,
        Err(why) => return skipped("relay", &why),
    };
    let there = link.province.inside(|| UdpSocket::bind((PROVINCE_END, 0)).unwrap());
    let here = link.station.inside(|| UdpSocket::bind((STATION_END, 0)).unwrap());
    there.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    let mut buffer = [0; 2000];

    let begun = Instant::now();
    for number in 0..PACKETS {
        here.send_to(&[number], there.local_addr().unwrap()).unwrap();
    }
    let mut came = Vec::new();
    while let Ok(1) = there.recv(&mut buffer) {
        assert!(!came.is_empty() || begun.elapsed() >= bad.delay, "{:?}", begun.elapsed());
        came.push(buffer[0]);
    }
    assert!(came.is_sorted() && (130..190).contains(&came.len()), "{} of {PACKETS}", came.len());

    link.set(Line { loss: 0, largest: Some(500), ..bad });
    for length in [400, 600, 401] {
        here.send_to(&vec![0; length], there.local_addr().unwrap()).unwrap();
    }
    let lengths: Vec<_> = std::iter::from_fn(|| there.recv(&mut buffer).ok()).collect();
    assert_eq!(lengths, [400, 401]);

    link.set(Line { loss: 0, largest: None, ..bad });
    link.plug(false);
    assert!(here.send_to(&[1], there.local_addr().unwrap()).is_err());
    link.plug(true);
    here.send_to(&[2], there.local_addr().unwrap()).unwrap();
    assert_eq!((there.recv(&mut buffer).unwrap(), buffer[0]), (1, 2));
}
