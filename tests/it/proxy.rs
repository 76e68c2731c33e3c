//! The proxy of the network tests does what its rules say: a bad line that is none would prove nothing.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::proxy::Ending;
use crate::support::proxy::Proxy;
use crate::support::proxy::Rules;

const LENGTH: usize = 100_000;

/// What the server says to everybody.
fn text() -> Vec<u8> {
    (0..=250).cycle().take(LENGTH).collect()
}

/// A server that takes one byte and then says its text to the end.
async fn server() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if stream.read_u8().await.is_ok() {
                    let _ = stream.write_all(&text()).await;
                }
            });
        }
    });
    (address, task)
}

/// Asks and reads to the end: what came, and how it ended.
async fn ask(proxy: &Proxy) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let mut read = Vec::new();
    if let Err(error) = stream.write_u8(1).await {
        return (read, Err(error.kind()));
    }
    let ended = stream.read_to_end(&mut read).await;
    (read, ended.map(|_| ()).map_err(|error| error.kind()))
}

#[tokio::test]
async fn without_rules_everything_passes_and_is_counted() {
    let (address, server) = server().await;
    let proxy = Proxy::to(address).await;
    for _ in 0..3 {
        assert_eq!(ask(&proxy).await, (text(), Ok(())));
    }
    assert_eq!((proxy.up(), proxy.down(), proxy.connections(), proxy.cuts()), (3, 3 * LENGTH as u64, 3, 0));
    server.abort();
}

#[tokio::test]
async fn a_cut_comes_at_its_byte_each_time_or_once_for_all() {
    let (address, server) = server().await;
    let proxy = Proxy::to(address).await;
    proxy.set(Rules { cut_each: Some(10_001), ..Rules::default() });
    for _ in 0..2 {
        assert_eq!(ask(&proxy).await, (text()[..10_001].to_vec(), Ok(())));
    }
    assert_eq!((proxy.down(), proxy.cuts()), (20_002, 2));
    proxy.set(Rules { cut_all: Some(50_000), ..Rules::default() });
    assert_eq!(ask(&proxy).await.0.len(), 50_000 - 20_002);
    assert_eq!(ask(&proxy).await.0.len(), 0);
    assert_eq!((proxy.down(), proxy.cuts()), (50_000, 4));
    server.abort();
}

#[tokio::test]
async fn a_reset_a_refusal_and_a_silence_are_what_they_are_called() {
    let (address, server) = server().await;
    let proxy = Proxy::to(address).await;
    proxy.set(Rules { cut_each: Some(10), ending: Ending::Reset, ..Rules::default() });
    assert_eq!(ask(&proxy).await.1, Err(ErrorKind::ConnectionReset));
    proxy.set(Rules { refuses: true, ..Rules::default() });
    let (read, ended) = ask(&proxy).await;
    assert!(read.is_empty() && ended.is_err(), "{ended:?}");
    proxy.set(Rules { is_black_hole: true, ..Rules::default() });
    assert!(timeout(Duration::from_millis(200), ask(&proxy)).await.is_err());
    proxy.set(Rules { cut_each: Some(10), ending: Ending::Silence, ..Rules::default() });
    assert!(timeout(Duration::from_millis(200), ask(&proxy)).await.is_err());
    server.abort();
}

#[tokio::test]
async fn one_byte_is_wrong_and_no_other() {
    let (address, server) = server().await;
    let proxy = Proxy::to(address).await;
    proxy.set(Rules { wrong_byte: Some(54_321), ..Rules::default() });
    let (read, _) = ask(&proxy).await;
    let wrong: Vec<_> = read.iter().zip(text()).enumerate().filter(|(_, (a, b))| **a != *b).map(|(at, _)| at).collect();
    assert_eq!((read.len(), wrong), (LENGTH, vec![54_321]));
    server.abort();
}

#[tokio::test]
async fn a_rate_and_a_delay_take_their_time() {
    let (address, server) = server().await;
    let proxy = Proxy::to(address).await;
    let begun = Instant::now();
    proxy.set(Rules { rate: Some(500_000), ..Rules::default() });
    assert_eq!(ask(&proxy).await.0.len(), LENGTH);
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    let begun = Instant::now();
    proxy.set(Rules { delay: Duration::from_millis(10), ..Rules::default() });
    assert_eq!(ask(&proxy).await.0.len(), LENGTH);
    // A byte up, and at least 25 steps down.
    assert!(begun.elapsed() >= Duration::from_millis(260), "{:?}", begun.elapsed());
    server.abort();
}
