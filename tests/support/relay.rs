//! A slow link: two network namespaces joined by a relay that keeps packets waiting and loses some. This kernel has no `netem`.
//!
//! Promise: a packet comes out whole and in order after the delay, or never; which are lost is decided by the seed; a rate is kept by the kernel's `tbf`
//! at both ends. Namespaces, devices and queues go when this is dropped. Never: a name that another run may have; a route out of the two.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::thread::LinkNameSpaceType;
use rustix::thread::move_into_link_name_space;
use tokio::runtime::Builder;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tun::Tun;
use tokio_tun::TunBuilder;

/// Where the station is, and where the province is, on the link.
pub(crate) const STATION_END: Ipv4Addr = Ipv4Addr::new(10, 203, 0, 1);
pub(crate) const PROVINCE_END: Ipv4Addr = Ipv4Addr::new(10, 203, 0, 2);

const DEVICE: &str = "bhyt0";
const MTU: u16 = 1400;
/// Packets on their way at once: far more than the rate lets through.
const ON_THE_WAY: usize = 4096;

/// What a link is like, the same in both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// From one end to the other.
    pub(crate) delay: Duration,
    /// Share of packets lost each way, in percent.
    pub(crate) loss: u32,
    /// Packets of more bytes vanish without a word: the black hole behind a tunnel whose end forbids saying so.
    pub(crate) largest: Option<usize>,
    /// kbit/s; `None`: as fast as it goes. Stays as it was at the beginning.
    pub(crate) rate: Option<u32>,
    /// Decides which packets are lost. Stays too.
    pub(crate) seed: u64,
}

impl Line {
    /// What happens to a packet of this length, if it was drawn so of a hundred.
    fn loses(&self, length: usize, drawn: u32) -> bool {
        drawn < self.loss || self.largest.is_some_and(|largest| length > largest)
    }
}

/// A network namespace of a name of its own.
pub(crate) struct Space {
    name: String,
    file: File,
}

impl Space {
    fn add() -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("bhyt-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::SeqCst));
        ip(&["netns", "add", &name])?;
        let opened = File::open(Path::new("/run/netns").join(&name));
        let space = match opened {
            Ok(file) => Self { name, file },
            Err(error) => {
                let _ = ip(&["netns", "del", &name]);
                return Err(format!("the namespace {name} cannot be opened: {error}"));
            }
        };
        ip(&["-n", &space.name, "link", "set", "lo", "up"])?;
        Ok(space)
    }

    fn enter(&self) {
        move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// Does something on a thread of this namespace: its sockets and processes lie there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let work = || {
                self.enter();
                work()
            };
            scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The same with a runtime whose threads all lie there.
    pub(crate) fn run<T: Send>(&self, work: impl AsyncFnOnce() -> T + Send) -> T {
        self.inside(|| {
            let file = self.file.try_clone().unwrap();
            let enter = move || move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            Builder::new_current_thread().enable_all().on_thread_start(enter).build().unwrap().block_on(work())
        })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

struct Shared {
    line: Mutex<Line>,
    passed: AtomicU64,
    lost: AtomicU64,
}

/// Two namespaces and what lies between.
pub(crate) struct Link {
    pub(crate) station: Space,
    pub(crate) province: Space,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Link {
    /// Makes them; the relay runs on the runtime given. An error says what is missing on this machine.
    pub(crate) fn new(line: Line, runtime: &Handle) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root".to_owned());
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err("needs /dev/net/tun".to_owned());
        }
        let (station, province) = (Space::add()?, Space::add()?);
        let near = device(&station, STATION_END, line.rate, runtime)?;
        let far = device(&province, PROVINCE_END, line.rate, runtime)?;
        let shared = Arc::new(Shared { line: Mutex::new(line), passed: AtomicU64::default(), lost: AtomicU64::default() });
        let mut tasks = Vec::new();
        for (number, from, to) in [(0, &near, &far), (1, &far, &near)] {
            let (queue, queued) = mpsc::channel(ON_THE_WAY);
            let random = StdRng::seed_from_u64(line.seed ^ number);
            tasks.push(runtime.spawn(take(Arc::clone(from), queue, random, Arc::clone(&shared))));
            tasks.push(runtime.spawn(give(queued, Arc::clone(to))));
        }
        Ok(Self { station, province, shared, tasks })
    }

    /// Packets that got through and packets that were lost, of both directions.
    pub(crate) fn packets(&self) -> (u64, u64) {
        (self.shared.passed.load(Ordering::SeqCst), self.shared.lost.load(Ordering::SeqCst))
    }

    /// The cable at the station's end is in or out.
    pub(crate) fn plug(&self, is_in: bool) {
        ip(&["-n", &self.station.name, "link", "set", DEVICE, if is_in { "up" } else { "down" }]).unwrap();
    }

    /// The link gets better or worse, from the next packet on.
    pub(crate) fn set(&self, line: Line) {
        *self.shared.line.lock().unwrap() = line;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Makes the device of one end, in its namespace.
fn device(space: &Space, address: Ipv4Addr, rate: Option<u32>, runtime: &Handle) -> Result<Arc<Tun>, String> {
    let made = space.inside(|| {
        let _guard = runtime.enter();
        let netmask = Ipv4Addr::new(255, 255, 255, 252);
        // No child process may hold the device: it would outlive this.
        TunBuilder::new().name(DEVICE).mtu(MTU.into()).address(address).netmask(netmask).close_on_exec().up().build()
    });
    let tun = made.map_err(|error| format!("no TUN device: {error}"))?.pop().ok_or("no TUN device")?;
    if let Some(rate) = rate {
        let rate = format!("{rate}kbit");
        run("tc", &["-n", &space.name, "qdisc", "add", "dev", DEVICE, "root", "tbf", "rate", &rate, "burst", "1600", "limit", "8000"])?;
    }
    Ok(Arc::new(tun))
}

/// Takes packets off one end, loses some, and queues the others with the instant they are due at.
async fn take(from: Arc<Tun>, queue: mpsc::Sender<(Instant, Vec<u8>)>, mut random: StdRng, shared: Arc<Shared>) {
    let mut buffer = vec![0; usize::from(MTU) + 100];
    while let Ok(read) = from.recv(&mut buffer).await {
        let line = *shared.line.lock().unwrap();
        if line.loses(read, random.random_range(0..100)) {
            shared.lost.fetch_add(1, Ordering::SeqCst);
        } else if queue.try_send((Instant::now() + line.delay, buffer[..read].to_vec())).is_ok() {
            shared.passed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Hands packets to the other end when they are due.
async fn give(mut queued: mpsc::Receiver<(Instant, Vec<u8>)>, to: Arc<Tun>) {
    while let Some((due, packet)) = queued.recv().await {
        tokio::time::sleep_until(due).await;
        // What the kernel does not take is lost, as on any line.
        let _ = to.send(&packet).await;
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(|error| format!("needs `{program}`: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("`{program} {}`: {}", arguments.join(" "), said.trim())) }
}
