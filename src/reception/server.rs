//! Connections: how many, for how long, and how they end.
//!
//! Promise: a client that is slow, silent or one of too many costs a bounded amount of memory and time and holds up nobody else; when asked to
//! stop, requests under way are answered. Never: an address or a path in the log.

use core::time::Duration;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::Reception;
use super::router;

/// A browser opens six per page. More than this is a mistake or ill will.
const CONNECTIONS: usize = 64;

/// Time for the head of a request; also how long a connection may stay open without one.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// After this a connection is closed once it is idle, so that none is held for ever by a client that reads slowly.
const LONGEST_CONNECTION: Duration = Duration::from_mins(5);

/// Time for what is under way when a connection must end.
const DRAIN: Duration = Duration::from_secs(5);

/// Bytes buffered of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Failures in a row after which accepting is given up, so that the whole agent is started anew.
const ACCEPT_TRIES: u32 = 20;

/// Pause after a failure to accept: it is most likely a lack of files, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\nConnection: close\r\n\
    Cache-Control: no-store\r\nContent-Length: 39\r\n\r\nQu\xc3\xa1 nhi\xe1\xbb\x81u k\xe1\xba\xbft n\xe1\xbb\x91i. Th\xe1\xbb\xad l\xe1\xba\xa1i.\n";

/// Answers on a listener until stopped. An error means that no more connections can be accepted.
pub async fn serve(listener: TcpListener, page: Reception, stop: CancellationToken) -> Result<(), io::Error> {
    let router = router::router(page);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
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
            Ok((stream, _)) => {
                failures = 0;
                match Arc::clone(&slots).try_acquire_owned() {
                    Ok(slot) => {
                        let (router, stop) = (router.clone(), stop.clone());
                        connections.spawn(async move {
                            let _slot = slot;
                            converse(stream, router, stop).await;
                        });
                    }
                    Err(_) => turn_away(stream).await,
                }
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) if failures < ACCEPT_TRIES => {
                failures += 1;
                tracing::warn!(%error, failures, "the page cannot accept a connection");
                time::sleep(ACCEPT_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// One connection, to its end.
async fn converse(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = time::sleep(LONGEST_CONNECTION) => None,
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
