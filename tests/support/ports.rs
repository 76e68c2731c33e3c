//! Ports for whoever is told where to listen before it does, or listens there a second time.
//!
//! Promise: below those the kernel gives to connections going out, so that none of the other tests' connections can take one between its release and its use;
//! each once in a process. Never: a port somebody listens on.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tokio::net::TcpSocket;

const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

/// How long an address may be held that nobody listens at any more.
const PATIENCE: Duration = Duration::from_secs(10);

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Somewhere on this machine to listen.
pub(crate) fn listener() -> TcpListener {
    first_of(TcpListener::bind)
}

/// The same, for another process to listen at. Nobody has listened there, so that a process that another test is just starting, and that holds on to what
/// was open here until it is a program of its own, is not in the way.
pub(crate) fn address() -> SocketAddr {
    first_of(|address| {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(address)
    })
}

/// The first of the ports at which this can be done.
fn first_of<T>(at: impl Fn(SocketAddr) -> io::Result<T>) -> T {
    // Two test programs at a time begin at different places.
    let begin = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    let ports = core::iter::repeat_with(|| FIRST + (begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)) % COUNT);
    let mut free = ports.take(1000).filter_map(|port| at((Ipv4Addr::LOCALHOST, port).into()).ok());
    free.next().expect("one of a thousand ports is free")
}

/// There again, where somebody of this process listened: it may be held for a moment yet, as above.
pub(crate) fn listener_at(address: SocketAddr) -> TcpListener {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => thread::sleep(Duration::from_millis(5)),
            bound => return bound.expect("the address is free again"),
        }
    }
}
