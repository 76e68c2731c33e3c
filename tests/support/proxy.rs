//! A bad line: a TCP proxy on loopback that does to a connection what radio links and middle boxes do, and counts what passes.
//!
//! Promise: what it passes on is passed on unchanged and in order, unless a rule says otherwise; every byte handed to the other side is counted; a
//! connection ends after [`LONGEST`], there are at most [`MOST`] at once, and none is left when the proxy is dropped. Never: a look inside TLS.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;

/// Connections at once; further ones wait.
const MOST: usize = 64;
/// Longest life of a connection.
const LONGEST: Duration = Duration::from_mins(10);
/// Bytes moved in one step: small enough that a rate is even.
const STEP: usize = 4 << 10;

/// How a connection that is cut ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What was passed on arrives, then the end.
    #[default]
    Close,
    /// A reset, which may overtake what was passed on.
    Reset,
    /// Nothing: both sides wait.
    Silence,
}

/// What befalls connections. They look at the rules at every step, so that a change befalls those that are open too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Each connection is cut after so many bytes downstream.
    pub(crate) cut_each: Option<u64>,
    /// Every connection is cut once the proxy has passed on so many bytes downstream in all.
    pub(crate) cut_all: Option<u64>,
    /// How.
    pub(crate) ending: Ending,
    /// Each step waits so long, either way.
    pub(crate) delay: Duration,
    /// Bytes a second, each way.
    pub(crate) rate: Option<u32>,
    /// Connections are taken and nothing is passed on.
    pub(crate) is_black_hole: bool,
    /// Connections are reset as soon as they are made.
    pub(crate) refuses: bool,
    /// The byte of each connection downstream, counted from 0, that gets one bit wrong.
    pub(crate) wrong_byte: Option<u64>,
    /// So many bytes are passed on behind it until somebody hangs up: what is under way then is no more on a slow machine than on a quick one.
    pub(crate) behind: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Rules>,
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
    cuts: AtomicU64,
}

impl Shared {
    fn rules(&self) -> Rules {
        *self.rules.lock().unwrap()
    }
}

/// The proxy; ends when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A line without faults to this address.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let task = tokio::spawn(accept(listener, target, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub(crate) fn set(&self, rules: Rules) {
        *self.shared.rules.lock().unwrap() = rules;
    }

    /// Bytes passed on to the server.
    pub(crate) fn up(&self) -> u64 {
        self.shared.up.load(Ordering::SeqCst)
    }

    /// Bytes passed on to the station.
    pub(crate) fn down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// Connections taken.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections cut by a rule.
    pub(crate) fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The tasks of the connections lie within this one and go with it.
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MOST));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let Ok((near, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let _ = tokio::time::timeout(LONGEST, connection(near, target, shared)).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(near: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    if shared.rules().refuses {
        let _ = near.set_zero_linger();
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    let (_, _) = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let hung_up = Notify::new();
    let up = pump(near_read, far_write, &shared, Way::Up, &hung_up);
    let down = pump(far_read, near_write, &shared, Way::Down, &hung_up);
    tokio::pin!(up, down);
    // The end of one way leaves the other open until a cut ends both.
    let (mut up_ended, mut down_ended) = (None, None);
    while up_ended.is_none() || down_ended.is_none() {
        tokio::select! {
            ended = &mut up, if up_ended.is_none() => {
                hung_up.notify_one();
                up_ended = Some(ended);
            }
            ended = &mut down, if down_ended.is_none() => {
                if let (true, writer) = ended {
                    cut(&shared, writer).await;
                    return;
                }
                down_ended = Some(ended);
            }
        }
    }
}

async fn cut(shared: &Shared, writer: OwnedWriteHalf) {
    shared.cuts.fetch_add(1, Ordering::SeqCst);
    match shared.rules().ending {
        Ending::Close => {}
        Ending::Reset => {
            let _ = writer.as_ref().set_zero_linger();
            // Dropped, it would say a proper end first.
            writer.forget();
        }
        Ending::Silence => core::future::pending().await,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Moves bytes one way until they end or are cut; whether they were cut, and the side they went to.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, way: Way, hung_up: &Notify) -> (bool, OwnedWriteHalf) {
    let (mut moved, mut buffer) = (0, vec![0; STEP]);
    loop {
        let rules = shared.rules();
        let last = rules.wrong_byte.zip(rules.behind).map(|(wrong, behind)| wrong + behind);
        if way == Way::Down && last.is_some_and(|last| moved > last) {
            hung_up.notified().await;
            return (false, to);
        }
        let left = match way {
            Way::Up => None,
            Way::Down => {
                let total = rules.cut_all.map(|limit| limit.saturating_sub(shared.down.load(Ordering::SeqCst)));
                rules.cut_each.map(|limit| limit.saturating_sub(moved)).into_iter().chain(total).min()
            }
        };
        if left == Some(0) {
            return (true, to);
        }
        let most = left.map_or(STEP, |left| usize::try_from(left).unwrap_or(STEP).min(STEP));
        let Ok(read) = from.read(&mut buffer[..most]).await else { return (false, to) };
        if read == 0 {
            let _ = to.shutdown().await;
            return (false, to);
        }
        let rules = shared.rules();
        if rules.is_black_hole {
            continue;
        }
        tokio::time::sleep(rules.delay).await;
        if let Some(rate) = rules.rate {
            tokio::time::sleep(Duration::from_secs(read as u64) / rate).await;
        }
        let here = moved..moved + read as u64;
        if let Some(wrong) = rules.wrong_byte.filter(|wrong| way == Way::Down && here.contains(wrong)) {
            buffer[usize::try_from(wrong - moved).unwrap()] ^= 0x20;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return (false, to);
        }
        moved = here.end;
        let count = if way == Way::Up { &shared.up } else { &shared.down };
        count.fetch_add(read as u64, Ordering::SeqCst);
    }
}
