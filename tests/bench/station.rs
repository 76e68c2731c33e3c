//! What the benchmarks share: a province that is served, a station enrolled there, and how figures are printed.
//!
//! Promise: nothing is faked but the people: real TLS over loopback, real enrolment, real pull, real `SQLCipher`, in a folder on the disk that the
//! build uses. Never: a person who exists, a pass or a failure by the clock.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::desk::Station as AtTheDesk;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::clock::TimeKeeper;
use bhyt_agent::domain::facility::FacilityClass;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::freshness::Thresholds;
use bhyt_agent::domain::roster::Guard;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::ops::clock::RELEASED_AT;
use bhyt_agent::ops::clock::SystemClock;
use bhyt_agent::ops::rules;
use bhyt_agent::storage::cards::CardStore;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::visits::VisitStore;
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::pull::Pull;
use bhyt_agent::sync::pull::Pulled;
use bhyt_agent::sync::status::Link;
use bhyt_agent::upstream;
use bhyt_agent::upstream::KeyFile;
use bhyt_agent::upstream::KeyKeeper;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::enrol;
use bhyt_agent::upstream::province::enrol::StationKeys;
use bhyt_agent::upstream::province::https::Credentials;
use bhyt_agent::upstream::province::https::HttpsProvince;
use chrono::TimeDelta;
use provincial::CreateSettings;
use provincial::Person;
use provincial::Province;
use provincial::StationSettings;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The largest commune's population with every person insured: the roster the figures are held to.
pub(crate) const PEOPLE: usize = 72_012;
/// The station.
pub(crate) const STATION: &str = "99001";

const KEY: [u8; 32] = [7; 32];

/// A province with one enrolled station, and the runtime both live in.
pub(crate) struct World {
    /// As the daemon's: two threads.
    pub(crate) runtime: Runtime,
    /// To change things at.
    pub(crate) province: Province,
    /// The clocks.
    pub(crate) time: TimeKeeper,
    base: Url,
    credentials: Credentials,
    folder: TempDir,
}

/// The largest station with everybody on its disk and somebody at its desk, and the lot by which people are chosen.
pub(crate) struct Counter {
    /// Around it.
    pub(crate) world: World,
    /// Its disk.
    pub(crate) data: DataFolder,
    /// Everybody.
    pub(crate) people: Vec<Person>,
    /// Who is measured.
    pub(crate) desk: Desk,
    /// What the desk writes to.
    pub(crate) visits: VisitStore,
    /// Ends with both.
    pub(crate) writer: JoinHandle<()>,
    /// Its seed is printed.
    pub(crate) rng: StdRng,
}

impl Counter {
    pub(crate) fn open() -> Self {
        let seed: u64 = rand::random();
        println!("seed {seed}");
        let world = World::new(1, PEOPLE);
        let data = world.data_folder();
        world.pull(&world.server(), &data);
        let people = world.province.people(STATION).unwrap();
        assert_eq!(people.len(), PEOPLE);
        let (desk, visits, writer) = world.desk(&data);
        Self { world, data, people, desk, visits, writer, rng: StdRng::seed_from_u64(seed) }
    }
}

/// Nothing new is given to this station.
struct Nowhere;

impl KeyKeeper for Nowhere {
    fn keep(&self, _: KeyFile, _: &str) -> Result<(), io::Error> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl World {
    /// Makes the province, serves it, enrols the station.
    pub(crate) fn new(seed: u64, people: usize) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let stations = vec![StationSettings::new(STATION, people)];
        let settings = CreateSettings { seed, stations, today: provincial::now().date_naive(), hosts: Vec::new() };
        let province = Province::create(&folder.path().join("province"), &settings).unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let serving = runtime.block_on(provincial::start(province.clone(), listener, CancellationToken::new())).unwrap();
        let base: Url = format!("https://{}/", serving.addr).parse().unwrap();
        let keys = StationKeys::generate().unwrap();
        let code = province.enrolment_code(STATION).unwrap();
        let station = facility();
        let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
        let judged = upstream::judged_by(&time);
        let enrolled = enrol::enrol(&base, province.ca_pem(), &station, &code, Uuid::new_v4(), &keys, &judged);
        let enrolment = runtime.block_on(enrolled).unwrap();
        let credentials = Credentials {
            ca_pem: province.ca_pem().to_owned(),
            certificate_pem: enrolment.certificate_pem,
            key_pem: keys.key_pem,
            feed_key: keys.feed_key,
            index_public_key: enrolment.index_public_key,
        };
        Self { runtime, province, time, base, credentials, folder }
    }

    /// A connection that has not spoken yet.
    pub(crate) fn server(&self) -> HttpsProvince {
        HttpsProvince::new(self.base.clone(), facility(), &self.credentials, upstream::judged_by(&self.time), Arc::new(Nowhere)).unwrap()
    }

    /// An empty data folder on the same disk.
    pub(crate) fn data_folder(&self) -> DataFolder {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (cards, writer) = CardStore::open(&folder.path().join("cards"), &database_key(), self.time.clone()).unwrap();
        DataFolder { cards, writer, folder }
    }

    /// One real pull.
    pub(crate) fn pull(&self, server: &impl ProvincialServer, data: &DataFolder) -> Pulled {
        let guard = Guard { percent: 100, accepted: None };
        let parts = data.path().join("parts");
        let pull = Pull { server, cards: &data.cards, time: &self.time, parts: &parts, guard, stop_at: None };
        self.runtime.block_on(pull.run()).unwrap()
    }

    /// A desk over the folder, as `app` puts it together. The thread ends with the desk.
    pub(crate) fn desk(&self, data: &DataFolder) -> (Desk, VisitStore, JoinHandle<()>) {
        let (visits, writer) = VisitStore::open(data.path(), &database_key(), self.time.clone()).unwrap();
        let rules = rules::builtin().unwrap();
        let class = FacilityClass::parse("commune_station").unwrap();
        let category = rules.provisional_category(&class, self.time.now().day()).unwrap();
        let station = AtTheDesk {
            facility: facility(),
            class,
            name: None,
            former_province: None,
            coverage_target: None,
            backup_late_after: None,
            rules: Arc::new(rules),
            next_rules: None,
            recheck_days: 30,
            thresholds: Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::hours(168) },
            operator: OperatorName::parse("Nhân viên tiếp đón").unwrap(),
            care_type: CareType::parse("01").unwrap(),
            category,
        };
        let desk = Desk::new(station, data.cards.clone(), visits.clone(), self.time.clone(), SyncHandle::new(Link::NotConfigured));
        (desk, visits, writer)
    }
}

/// A station's data folder with its roster open.
pub(crate) struct DataFolder {
    /// The roster.
    pub(crate) cards: CardStore,
    writer: JoinHandle<()>,
    folder: TempDir,
}

impl DataFolder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The file that holds the roster now.
    pub(crate) fn cards_file(&self) -> PathBuf {
        let cards = self.path().join("cards");
        let current = std::fs::read_to_string(cards.join("current")).unwrap();
        cards.join(current.trim_end())
    }

    /// Closes the roster and removes the folder.
    pub(crate) fn remove(self) {
        drop(self.cards);
        self.writer.join().unwrap();
    }
}

fn facility() -> FacilityCode {
    FacilityCode::parse(STATION).unwrap()
}

fn database_key() -> DatabaseKey {
    DatabaseKey::from_bytes(&KEY)
}

/// The file as a program sees it that has the key and nothing else of ours: the floor.
pub(crate) fn bare_connection(path: &Path) -> Connection {
    #[allow(clippy::disallowed_methods, reason = "what storage adds is measured against what it stands on")]
    let connection = Connection::open(path).unwrap();
    let digits: Zeroizing<String> = Zeroizing::new("07".repeat(KEY.len()));
    connection.execute_batch(&format!("PRAGMA key = \"x'{}'\";", digits.as_str())).unwrap();
    connection
}

/// Times that were measured one by one.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Sorts them.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of all does not exceed.
    pub(crate) fn at(&self, per_mille: usize) -> Duration {
        self.0[(self.0.len() * per_mille / 1000).min(self.0.len() - 1)]
    }

    /// Half of them are not longer.
    pub(crate) fn median(&self) -> Duration {
        self.at(500)
    }

    /// `p50 … p99 … p99.9 … max …`.
    pub(crate) fn line(&self) -> String {
        let [p50, p99, p999, max] = [500, 990, 999, 1000].map(|share| shown(self.at(share)));
        format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max} ({} times)", self.0.len())
    }
}

/// Times one call.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = std::time::Instant::now();
    let result = work();
    (begun.elapsed(), result)
}

/// A time with three figures.
pub(crate) fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        ..1e-3 => format!("{:.1} µs", seconds * 1e6),
        ..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// How many times the floor.
pub(crate) fn ratio(time: Duration, floor: Duration) -> String {
    format!("{:.2} × the floor", time.as_secs_f64() / floor.as_secs_f64())
}
