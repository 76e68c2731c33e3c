//! How long a station waits for its first roster of 72,012 people, and for the changes after it.
//!
//! Promise: from an empty data folder, the question for the index to the first answer at the desk: download over TLS, digest, unsealing, unpacking, building,
//! checking, flushing, swap. The floor of the same run decodes the same file and inserts the same rows into a plain SQLite table in one flushed
//! transaction. Never: a feed that was read before by the same connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock itself")]
#![allow(dead_code, reason = "each benchmark uses its part of what they share")]

mod station;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use bhyt_agent::domain::roster::FeedFile;
use bhyt_agent::domain::roster::FeedLines;
use bhyt_agent::domain::roster::Index;
use bhyt_agent::domain::roster::RosterChange;
use bhyt_agent::domain::scan;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::storage::cards::Holding;
use bhyt_agent::upstream;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::https::HttpsProvince;
use criterion::Criterion;
use rusqlite::Connection;
use rusqlite::params_from_iter;
use uuid::Uuid;

use station::DataFolder;
use station::PEOPLE;
use station::STATION;
use station::Times;
use station::World;
use station::ratio;
use station::timed;

/// Loads of each kind.
const ROUNDS: u64 = 10;
/// The changes of a delta.
const SHARE: f64 = 0.01;

fn main() {
    let world = World::new(1, PEOPLE);
    let id = world.province.people(STATION).unwrap().swap_remove(PEOPLE / 2).id;

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    criterion.bench_function("first_load", |b| {
        b.iter_custom(|times| (0..times).map(|_| first_load(&world, &Watched::new(&world), &id).0).sum());
    });
    drop(criterion);

    let mut kinds: [Vec<Duration>; 6] = Default::default();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let server = Watched::new(&world);
        let (total, data) = first_load(&world, &server, &id);
        let seen = server.seen();
        bytes = seen.bytes;
        data.remove();
        let (floor, decode) = floor(&world);
        let build = total.saturating_sub(seen.index + seen.fetch);
        for (kind, time) in kinds.iter_mut().zip([total, seen.index, seen.fetch, build, floor, decode]) {
            kind.push(time);
        }
    }
    let [totals, indexes, fetches, builds, floors, decodes] = kinds.map(Times::new);
    println!("\nfirst load of {PEOPLE} people: {}; {}", totals.line(), ratio(totals.median(), floors.median()));
    println!("  {bytes} bytes, {} per card", per_card(bytes));
    println!("  index, with the TLS handshake: {}", indexes.line());
    println!("  fetch, flush, digest: {}", fetches.line());
    println!("  unseal, unpack, build, check, flush, swap, first answer: {}", builds.line());
    println!("  of that, unseal, unpack and decode alone: {}", decodes.line());
    println!("  floor, decoded and inserted into plain SQLite in one transaction: {}", floors.line());

    let server = Watched::new(&world);
    let (_, data) = first_load(&world, &server, &id);
    let mut times = Vec::new();
    let mut changed = 0;
    for seed in 0..ROUNDS {
        changed = world.province.change_validity(STATION, SHARE, seed).unwrap();
        world.province.publish(STATION, world.province.now()).unwrap();
        server.forget();
        let (time, pulled) = timed(|| world.pull(&server, &data));
        assert!(pulled.changed && pulled.snapshot.is_none(), "not a delta: {pulled:?}");
        times.push(time);
    }
    let bytes = server.seen().bytes;
    println!("delta of {changed} changes, {bytes} bytes, index request to commit: {}", Times::new(times).line());
    data.remove();
}

/// From nothing to an answer. The clock starts with the question for the index.
fn first_load(world: &World, server: &Watched, id: &str) -> (Duration, DataFolder) {
    let data = world.data_folder();
    let wanted = scan::read(id).unwrap();
    let (time, found) = timed(|| {
        world.pull(server, &data);
        data.cards.find_now(&wanted).unwrap()
    });
    assert!(matches!(found.holding, Holding::Held(_)));
    (time, data)
}

/// What nobody can do without: the file decoded, its rows in a table, on the disk. Returns that, and decoding alone.
fn floor(world: &World) -> (Duration, Duration) {
    let data = world.data_folder();
    let server = world.server();
    let index = world.runtime.block_on(server.index()).unwrap();
    let sealed = data.path().join("sealed");
    world.runtime.block_on(server.fetch(&index.snapshot, &sealed, u64::MAX)).unwrap();
    let (decode, rows) = timed(|| server.open(&sealed).unwrap().changes.flatten().count());
    assert_eq!(rows, PEOPLE);
    let (time, ()) = timed(|| insert(server.open(&sealed).unwrap(), &data.path().join("plain.db")));
    data.remove();
    (time, decode)
}

fn insert(lines: FeedLines, path: &Path) {
    #[allow(clippy::disallowed_methods, reason = "the floor is a plain database")]
    let connection = Connection::open(path).unwrap();
    let columns = (0..18).map(|at| format!("c{at} TEXT")).collect::<Vec<_>>().join(", ");
    let places = vec!["?"; 18].join(", ");
    connection.execute_batch(&format!("CREATE TABLE card ({columns}, PRIMARY KEY (c0)) STRICT, WITHOUT ROWID; BEGIN;")).unwrap();
    let mut statement = connection.prepare(&format!("INSERT INTO card VALUES ({places})")).unwrap();
    for change in lines.changes {
        let RosterChange::New(row) = change.unwrap() else { panic!("a snapshot has rows only") };
        statement.execute(params_from_iter(row.0.iter())).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

fn per_card(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let each = bytes as f64 / PEOPLE as f64;
    format!("{each:.2}")
}

/// Where the time went.
#[derive(Clone, Copy, Default)]
struct Seen {
    index: Duration,
    fetch: Duration,
    bytes: u64,
}

/// The real connection, with a stopwatch.
struct Watched {
    server: HttpsProvince,
    seen: Mutex<Seen>,
}

impl Watched {
    fn new(world: &World) -> Self {
        Self { server: world.server(), seen: Mutex::default() }
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }

    fn forget(&self) {
        *self.seen.lock().unwrap() = Seen::default();
    }
}

impl ProvincialServer for Watched {
    async fn index(&self) -> Result<Index, upstream::Error> {
        let begun = Instant::now();
        let index = self.server.index().await;
        self.seen.lock().unwrap().index += begun.elapsed();
        index
    }

    async fn fetch(&self, file: &FeedFile, path: &Path, _: u64) -> Result<(), upstream::Error> {
        let begun = Instant::now();
        let fetched = self.server.fetch(file, path, u64::MAX).await;
        let mut seen = self.seen.lock().unwrap();
        seen.fetch += begun.elapsed();
        seen.bytes += file.bytes;
        fetched
    }

    fn open(&self, path: &Path) -> Result<FeedLines, upstream::Error> {
        self.server.open(path)
    }

    async fn deliver(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, upstream::Error> {
        self.server.deliver(install, visits).await
    }
}
