//! Connections: how many, for how long, and how they end.
//!
//! Promise: a client that is slow, silent or one of too many costs a bounded amount of memory and time and holds up nobody else; when asked to
//! stop, requests under way are answered. On the house's network there is nothing but TLS. Never: an address or a path in the log.

use core::net::IpAddr;
use core::net::SocketAddr;
use core::time::Duration;
use std::future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Reception;
use super::place::Door;
use super::place::Limits;
use super::place::NoPlace;
use super::place::Phase;
use super::place::Place;
use super::place::Places;
use super::place::Seat;
use super::router;

/// On this machine. A browser opens six per page; more than this is a mistake or ill will.
pub(super) const OWN: Limits = Limits { all: 256, strangers: 256, of_one: 256 };

/// On the house's network: as many desks as a station has, and a few who are not let in.
const LAN: Limits = Limits { all: 64, strangers: 32, of_one: 16 };

/// From the knock until a request has passed the guard, TLS included.
const KNOCKING: Duration = Duration::from_secs(10);

/// Time for the head of a request; also how long a connection may stay open without one.
const HEADER_TIME: Duration = Duration::from_secs(6);

/// Time for an answer to be taken, the pause until the next request, and that one until it has passed the guard.
const ANSWERED: Duration = Duration::from_secs(10);

/// After this a connection is closed once it is idle, so that none is held for ever by a client that reads slowly.
const LONGEST_CONNECTION: Duration = Duration::from_mins(5);

/// Time for what is under way when a connection must end.
const DRAIN: Duration = Duration::from_secs(5);

/// Bytes buffered of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Bytes that the kernel keeps of an answer that nobody takes; it keeps twice as many.
const SEND_BYTES: usize = 64 * 1024;

/// Failures in a row after which accepting is given up, so that the whole agent is started anew.
const ACCEPT_TRIES: u32 = 20;

/// Pause after a failure to accept: it is most likely a lack of files, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\nConnection: close\r\n\
    Cache-Control: no-store\r\nContent-Length: 39\r\n\r\nQu\xc3\xa1 nhi\xe1\xbb\x81u k\xe1\xba\xbft n\xe1\xbb\x91i. Th\xe1\xbb\xad l\xe1\xba\xa1i.\n";

/// Connections that wait to be accepted: a flood must not fill the kernel's list, or whoever comes next waits for seconds.
const WAITING: u32 = 4096;

/// A listener of the page.
pub fn bind(address: SocketAddr) -> Result<TcpListener, io::Error> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// Answers on this machine's own listener until stopped. An error means that no more connections can be accepted.
pub async fn serve(listener: TcpListener, page: Reception, stop: CancellationToken) -> Result<(), io::Error> {
    listen(listener, router::router(page), OWN, None, stop).await
}

/// The same on a listener of the house's network: TLS, and nothing to anybody who speaks otherwise.
pub async fn serve_lan(listener: TcpListener, page: Reception, tls: TlsAcceptor, stop: CancellationToken) -> Result<(), io::Error> {
    listen(listener, router::router(page), LAN, Some(tls), stop).await
}

/// Answers by any router, which says with the place of a connection how far that is.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) -> Result<(), io::Error> {
    let (door, places) = (if tls.is_some() { Door::Lan } else { Door::Own }, Places::new(limits));
    let mut connections = JoinSet::new();
    let mut failures = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            // Ended ones are taken out as they end; the set stays small.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                failures = 0;
                // Without it the kernel's own measure is good.
                let _ = set_socket_send_buffer_size(&stream, SEND_BYTES);
                match place(&places, door, from.ip().to_canonical(), &stop).await {
                    Some(seat) => {
                        let (router, tls) = (router.clone(), tls.clone());
                        connections.spawn(async move {
                            let Seat(place) = &seat;
                            admit(stream, tls, router, place).await;
                        });
                    }
                    None if tls.is_none() => turn_away(stream).await,
                    // Whoever speaks TLS would not understand.
                    None => drop(stream),
                }
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) if failures < ACCEPT_TRIES => {
                failures += 1;
                tracing::warn!(name: "page.accept-failed", %error, failures, "the page cannot accept a connection");
                time::sleep(ACCEPT_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// A place, if need be in a moment.
async fn place(places: &Places, door: Door, from: IpAddr, stop: &CancellationToken) -> Option<Seat> {
    loop {
        match places.take(door, from, stop, Instant::now()) {
            Ok(seat) => return Some(seat),
            Err(NoPlace::Soon(soon)) => stop.run_until_cancelled(time::sleep(soon)).await?,
            Err(NoPlace::Full) => return None,
        }
    }
}

/// One connection, to its end.
async fn admit(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, place: &Arc<Place>) {
    let until = Instant::now() + KNOCKING;
    let Some(tls) = tls else { return converse(stream, router, place, until).await };
    let greeted = tokio::select! {
        greeted = tls.accept(stream) => greeted,
        () = place.stop.cancelled() => return,
        () = place.cut.cancelled() => return,
        () = time::sleep_until(until) => return,
    };
    match greeted {
        Ok(stream) => converse(stream, router, place, until).await,
        Err(error) => tracing::debug!(%error, "somebody on the house's network does not speak TLS, or does not trust ours"),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    place: &Arc<Place>,
    knocked_until: Instant,
) {
    let answering = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(place));
        answering.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut longest = pin!(time::sleep(LONGEST_CONNECTION));
    let mut phases = place.phases();
    let (mut phase, mut until) = (Phase::Knocking, Some(knocked_until));
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break Some(ended),
            () = place.stop.cancelled() => break None,
            () = place.cut.cancelled() => return,
            () = late(until) => return tracing::debug!("a connection of the page was too slow and was cut"),
            () = longest.as_mut(), if phase != Phase::Streaming => break None,
            changed = phases.changed() => {
                if changed.is_err() {
                    return;
                }
                phase = *phases.borrow_and_update();
                // How long an answer takes is ours; how long it takes to take it is not.
                until = match phase {
                    Phase::Knocking => Some(knocked_until),
                    Phase::Answered => Some(Instant::now() + ANSWERED),
                    Phase::Served | Phase::Streaming => None,
                };
            }
        }
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        match time::timeout(DRAIN, connection).await {
            Ok(ended) => ended,
            Err(_) => return tracing::debug!("a connection of the page did not end in time and was cut"),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the page broke off");
    }
}

async fn late(until: Option<Instant>) {
    match until {
        Some(until) => time::sleep_until(until).await,
        None => future::pending().await,
    }
}

/// Says that there are too many, and closes. A new socket's buffer is empty, so this does not wait.
async fn turn_away(mut stream: TcpStream) {
    let goodbye = async {
        stream.write_all(BUSY).await?;
        stream.shutdown().await
    };
    if !matches!(time::timeout(Duration::from_millis(100), goodbye).await, Ok(Ok(()))) {
        tracing::debug!("one connection too many, and it did not take the answer");
    }
}

/// The client went away between knocking and being let in.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_answer_is_as_long_as_it_says() {
        let text = core::str::from_utf8(BUSY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
