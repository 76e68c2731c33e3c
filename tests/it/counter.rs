//! A station's counter as a test needs one: real databases in a folder of its own, a small roster of made-up people, a clock that the test drives,
//! and the page on a real socket.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::support::ports;
use crate::support::writers::Writer;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::desk::Desks;
use bhyt_agent::desk::Station;
use bhyt_agent::domain::benefit::AttendanceCategory;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::clock::Clock;
use bhyt_agent::domain::clock::Reading;
use bhyt_agent::domain::clock::TimeKeeper;
use bhyt_agent::domain::facility::FacilityClass;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::freshness::Thresholds;
use bhyt_agent::domain::operator::NewAccount;
use bhyt_agent::domain::operator::OperatorId;
use bhyt_agent::domain::operator::Pin;
use bhyt_agent::domain::operator::Role;
use bhyt_agent::domain::outage::Outage;
use bhyt_agent::domain::person::CitizenId;
use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::FeedFile;
use bhyt_agent::domain::roster::FeedHeader;
use bhyt_agent::domain::roster::FeedLines;
use bhyt_agent::domain::roster::Guard;
use bhyt_agent::domain::roster::Index;
use bhyt_agent::domain::roster::RosterChange;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::roster::Serial;
use bhyt_agent::domain::roster::SessionId;
use bhyt_agent::domain::roster::Sha256Digest;
use bhyt_agent::domain::roster::SignerId;
use bhyt_agent::domain::roster::StateDigest;
use bhyt_agent::domain::slip::SlipPaper;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::ops::rules::builtin;
use bhyt_agent::reception::Lan;
use bhyt_agent::reception::Reception;
use bhyt_agent::reception::Settings;
use bhyt_agent::reception::serve;
use bhyt_agent::reception::serve_lan;
use bhyt_agent::reception::tls::Authority;
use bhyt_agent::reception::tls::NewAuthority;
use bhyt_agent::reception::tls::Shown;
use bhyt_agent::storage::cards::CardStore;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::visits::VisitStore;
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::status::Link;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Ten in the morning in Vietnam.
pub(crate) const NOW: &str = "2026-11-21T03:00:00Z";

/// Who works at the counter: the first account, a head.
pub(crate) const OPERATOR: &str = "Người Trực";

/// Whose PIN this is.
pub(crate) const PIN: &str = "802461";

/// The personal id on the own card of whoever works there.
pub(crate) const OWN_ID: &str = "022085000099";

/// Longer than a reader's second Enter takes.
pub(crate) const READ: Duration = Duration::from_secs(2);

/// The people of the roster: what stands in the columns, in the order of `COLUMNS`. The key rises.
const PEOPLE: [[&str; 9]; 7] = [
    ["022085000001", "GD4220100000001", "Trần Thị Ví Dụ", "1985-09-02", "female", "Thôn Thử", "2026-01-01", "2026-12-31", ""],
    ["022085000002", "GD4220100000002", "Lê Văn Hết", "1970-03-15", "male", "Thôn Thử", "2025-01-01", "2025-12-31", ""],
    ["022085000003", "HN2220100000003", "Phạm Thị Thu", "1990-07-07", "female", "Thôn Mẫu", "2026-01-01", "2026-12-31", "revoked"],
    ["022085000004", "QN5220100000004", "Hoàng Văn Lính", "1988", "male", "", "2026-01-01", "", "army"],
    ["022085000005", "DT2220100000005", "H'Hen Niê", "2001-01-31", "female", ODD_HAMLET, "2026-01-01", "", ""],
    ["022085000006", "TE1220100000006", "Đỗ Bé", "2021-05", "undetermined", "", "2027-01-01", "2027-12-31", ""],
    ["022085000007", "GD4220100000007", LONG_NAME, "1955-12-12", "female", "Thôn Rất Xa", "2026-01-01", "2026-12-31", ""],
];

const COLUMNS: [Column; 9] = [
    Column::Id,
    Column::Card,
    Column::Name,
    Column::Born,
    Column::Sex,
    Column::Hamlet,
    Column::ValidFrom,
    Column::ValidUntil,
    Column::Standing,
];

pub(crate) const ODD_HAMLET: &str = "<script>alert(1)</script>\" onx='&";

const LONG_NAME: &str = "Công Tằng Tôn Nữ Thị Nguyễn Hoàng Thanh Phương Thảo Nguyên Ngọc";

pub(crate) const VALID: &str = "GD4220100000001";
pub(crate) const EXPIRED: &str = "GD4220100000002";
pub(crate) const REVOKED: &str = "HN2220100000003";
pub(crate) const ARMY: &str = "QN5220100000004";
pub(crate) const ODD: &str = "DT2220100000005";
pub(crate) const NOT_YET: &str = "TE1220100000006";
/// The person with the long name.
pub(crate) const LONG: &str = "GD4220100000007";
pub(crate) const UNKNOWN: &str = "GD4010100009999";

/// The payload of a card of the first person, with a name and a birth date of the test's choice.
pub(crate) fn payload(name: &str, born: &str) -> String {
    let hex = name.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
    format!("{VALID}|{hex}|{born}|2|-|22 - 001|01/01/2026|31/12/2026|15/12/2025|9900|-|4|01/01/2026|0123456789abcdef-0123|$")
}

/// A clock that moves only when told to.
pub(crate) struct TestClock(Mutex<Reading>);

impl Clock for TestClock {
    fn read(&self) -> Reading {
        self.0.lock().unwrap().clone()
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut reading = self.0.lock().unwrap();
        reading.wall += TimeDelta::from_std(by).unwrap();
        reading.since_boot += by;
    }

    /// The machine is started anew.
    pub(crate) fn restart_machine(&self) {
        let mut reading = self.0.lock().unwrap();
        reading.since_boot = Duration::from_secs(5);
        reading.boot_id = format!("{}+", reading.boot_id).into();
    }

    pub(crate) fn set_wall(&self, wall: &str) {
        self.0.lock().unwrap().wall = wall.parse().unwrap();
    }
}

/// Tests move the clock by days, or not at all.
const UNLIMITED: Settings = Settings { paper: SlipPaper::Roll, idle: Duration::from_hours(24 * 3650), lookups_a_minute: u32::MAX };

/// Whether the fixture's clock is moved by the test or runs on.
struct RunningClock {
    wall: DateTime<Utc>,
    begun: tokio::time::Instant,
}

impl Clock for RunningClock {
    fn read(&self) -> Reading {
        let since = self.begun.elapsed();
        Reading { wall: self.wall + since, since_boot: Duration::from_hours(1) + since, boot_id: "test".into() }
    }
}

type SetAside = Arc<Mutex<Vec<String>>>;

/// The page on the house's network.
pub(crate) struct LanAt {
    pub(crate) address: SocketAddr,
    pub(crate) shown: Arc<Shown>,
    pub(crate) desks: Desks,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
}

/// By this name, and by its address, the page is asked for on the house's network.
pub(crate) const LAN_NAME: &str = "tram.local";

/// The page's part of a process.
struct Page {
    reception: Reception,
    lan: Option<LanAt>,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Page {
    async fn open(desk: &Desk, set_aside: &SetAside, limits: Settings, authority: Option<&NewAuthority>) -> Self {
        Self::open_on(ports::listener(), desk, set_aside, limits, authority).await
    }

    async fn open_on(
        listener: std::net::TcpListener,
        desk: &Desk,
        set_aside: &SetAside,
        limits: Settings,
        authority: Option<&NewAuthority>,
    ) -> Self {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let set_aside = Arc::clone(set_aside);
        let said = move || set_aside.lock().unwrap().clone();
        let hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
        let mut page = Reception::new(desk.clone(), hosts, said).set_to(limits);
        let stop = CancellationToken::new();
        let mut lan = None;
        if let Some(NewAuthority { key_pem, certificate_pem }) = authority {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let names = vec![address.ip().to_string(), LAN_NAME.to_owned()];
            let hosts = names.iter().map(|name| format!("{name}:{}", address.port())).collect();
            let shown = Shown::new(Authority::read(key_pem, certificate_pem).unwrap(), names, desk.time().now()).unwrap();
            let desks = desk.others();
            desks.look().await.unwrap();
            page = page.with_lan(Lan { hosts, shown: Arc::clone(&shown), desks: desks.clone() });
            let serving = tokio::spawn(serve_lan(listener, page.clone(), shown.acceptor().unwrap(), stop.clone()));
            lan = Some(LanAt { address, shown, desks, serving });
        }
        let serving = tokio::spawn(serve(listener, page.clone(), stop.clone()));
        Self { reception: page, lan, address, stop, serving }
    }
}

/// The page, running.
pub(crate) struct Counter {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) desk: Desk,
    pub(crate) visits: VisitStore,
    pub(crate) cards: CardStore,
    set_aside: SetAside,
    limits: Settings,
    authority: Option<NewAuthority>,
    reception: Reception,
    lan: Option<LanAt>,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    folder: tempfile::TempDir,
}

impl Counter {
    /// With the roster, and a clock that the test moves.
    pub(crate) async fn open() -> Self {
        let counter = Self::without_roster().await;
        counter.fill().await;
        counter
    }

    /// With the roster, and a clock that runs on: for a browser, which waits for nobody.
    pub(crate) async fn running() -> Self {
        let clock = RunningClock { wall: NOW.parse().unwrap(), begun: tokio::time::Instant::now() };
        let counter = Self::start(Some(Arc::new(clock)), UNLIMITED).await;
        counter.staff().await;
        counter.fill().await;
        counter
    }

    /// With the roster, a clock that the test moves, and the limits of a station.
    pub(crate) async fn limited() -> Self {
        let counter = Self::start(None, Settings::default()).await;
        counter.staff().await;
        counter.fill().await;
        counter
    }

    /// With the roster, and without an account.
    pub(crate) async fn unstaffed() -> Self {
        let counter = Self::start(None, UNLIMITED).await;
        counter.fill().await;
        counter
    }

    pub(crate) async fn without_roster() -> Self {
        let counter = Self::start(None, UNLIMITED).await;
        counter.staff().await;
        counter
    }

    async fn staff(&self) {
        let own = NewAccount { name: OperatorName::parse(OPERATOR).unwrap(), personal_id: CitizenId::parse(OWN_ID).ok(), role: Role::Head };
        self.desk.add_account(own, Pin::parse(PIN).unwrap()).await.unwrap();
    }

    /// Another one who works there.
    pub(crate) async fn colleague(&self, name: &str, role: Role, pin: &str) -> OperatorId {
        let new = NewAccount { name: OperatorName::parse(name).unwrap(), personal_id: None, role };
        self.desk.add_account(new, Pin::parse(pin).unwrap()).await.unwrap()
    }

    async fn start(running: Option<Arc<dyn Clock>>, limits: Settings) -> Self {
        let reading = Reading { wall: NOW.parse().unwrap(), since_boot: Duration::from_hours(1), boot_id: "test".into() };
        let clock = Arc::new(TestClock(Mutex::new(reading)));
        Self::start_in(tempfile::tempdir().unwrap(), clock, running, limits).await
    }

    /// What another process finds if this one ends here and now, whatever waits in its memory.
    pub(crate) async fn killed_and_started(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let counter = Self::start_in(folder, Arc::clone(&self.clock), None, self.limits).await;
        counter.fill().await;
        counter
    }

    async fn start_in(folder: tempfile::TempDir, clock: Arc<TestClock>, running: Option<Arc<dyn Clock>>, limits: Settings) -> Self {
        let used: Arc<dyn Clock> = running.unwrap_or_else(|| Arc::clone(&clock) as Arc<dyn Clock>);
        let time = TimeKeeper::new(used, "2026-10-01T00:00:00Z".parse().unwrap());
        let key = DatabaseKey::from_bytes(&[7; 32]);
        let (cards, cards_writer) = CardStore::open(folder.path(), &key, time.clone()).unwrap();
        let (visits, visits_writer) = VisitStore::open(folder.path(), &key, time.clone()).unwrap();
        let _ = [cards_writer, visits_writer].map(Writer::of);
        let desk = Desk::new(station(), cards.clone(), visits.clone(), time.clone(), SyncHandle::new(Link::Ready));
        let set_aside = SetAside::default();
        let Page { reception, lan, address, stop, serving } = Page::open(&desk, &set_aside, limits, None).await;
        Self { clock, desk, visits, cards, set_aside, limits, authority: None, reception, lan, address, stop, serving, folder }
    }

    /// The same for other desks too: another page, at another address.
    pub(crate) async fn on_the_lan(mut self) -> Self {
        self.authority = Some(Authority::make().unwrap());
        self.restart_page().await;
        self
    }

    pub(crate) fn lan_mut(&mut self) -> &mut LanAt {
        self.lan.as_mut().unwrap()
    }

    pub(crate) fn lan(&self) -> &LanAt {
        self.lan.as_ref().unwrap()
    }

    /// Another process answers, at another address: its forms and what waits are new, the disk is the same.
    pub(crate) async fn restart_page(&mut self) {
        self.stop.cancel();
        let page = Page::open(&self.desk, &self.set_aside, self.limits, self.authority.as_ref()).await;
        self.is_now(page);
    }

    /// The same at the address of one that has ended.
    pub(crate) async fn reopen_page(&mut self, address: SocketAddr) {
        let page = Page::open_on(ports::listener_at(address), &self.desk, &self.set_aside, self.limits, self.authority.as_ref()).await;
        self.is_now(page);
    }

    fn is_now(&mut self, page: Page) {
        let Page { reception, lan, address, stop, serving } = page;
        (self.reception, self.lan, self.address, self.stop, self.serving) = (reception, lan, address, stop, serving);
    }

    /// The line was broken and holds again: the same process answers at the same address.
    pub(crate) fn mend_line(&mut self) {
        let listener = ports::listener_at(self.address);
        listener.set_nonblocking(true).unwrap();
        self.stop = CancellationToken::new();
        self.serving = tokio::spawn(serve(TcpListener::from_std(listener).unwrap(), self.reception.clone(), self.stop.clone()));
    }

    /// A folder for files that are fetched.
    pub(crate) fn parts(&self) -> std::path::PathBuf {
        self.folder.path().join("parts")
    }

    /// Names of databases that were set aside.
    pub(crate) fn set_aside(&self, names: &[&str]) {
        *self.set_aside.lock().unwrap() = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// A way to the province has failed for an hour, and goes on failing.
    pub(crate) async fn loses_the_province(&self) {
        let began_at = self.desk.time().now().at - chrono::TimeDelta::hours(1);
        let outage =
            Outage { direction: "pull".into(), trouble: "unreachable".into(), began_at, last_try_at: began_at, tries: 9, ended_at: None };
        self.visits.put_outage(outage).await.unwrap();
    }

    /// The province's answer about the one whom the roster does not know: a card in force, registered elsewhere.
    pub(crate) async fn province_answers(&self) {
        let wanted = self.desk.look_up(UNKNOWN).await.unwrap().wanted().unwrap();
        let mut row = row(&["001085000009", UNKNOWN, "Ngô Thị Khách", "1985-09-02", "female", "", "2026-01-01", "2026-12-31", ""]);
        row.set(Column::Facility, Some("01001".into()));
        let now = self.desk.time().now().at;
        self.cards.keep_answer(wanted, Answered { row: Some(Box::new(row)), as_of: now }, now).await.unwrap();
    }

    /// Keeps everybody else from writing visits, for as long as the answer lives.
    #[expect(clippy::disallowed_methods, reason = "somebody else's connection is what is wanted")]
    pub(crate) fn lock_visits(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.folder.path().join("visits.db")).unwrap();
        connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"; BEGIN IMMEDIATE", "07".repeat(32))).unwrap();
        connection
    }

    async fn fill(&self) {
        self.publish(1841, |_| {}).await;
    }

    /// Another state of the roster comes: everybody, as changed by the test.
    pub(crate) async fn publish(&self, serial: u64, change: impl FnOnce(&mut Vec<RosterRow>)) {
        self.replace(&Roster::new(serial, change)).await;
    }

    pub(crate) async fn replace(&self, roster: &Roster) {
        let Roster { rows, index } = roster.clone();
        let header = FeedHeader { from: None, session: index.session, serial: index.serial, rows: rows.len() as u64 };
        let people = (0..rows.len()).map(move |number| Ok(RosterChange::New(Box::new(rows[number].clone()))));
        let cursor = index.cursor(index.as_of);
        self.cards
            .replace(FeedLines { header, changes: Box::new(people) }, index, cursor, Guard { percent: 100, accepted: None })
            .await
            .unwrap();
    }
}

/// A whole state of the roster, as the province would publish it.
#[derive(Clone)]
pub(crate) struct Roster {
    rows: Arc<[RosterRow]>,
    index: Index,
}

impl Roster {
    pub(crate) fn new(serial: u64, change: impl FnOnce(&mut Vec<RosterRow>)) -> Self {
        let mut rows: Vec<RosterRow> = PEOPLE.iter().map(row).collect();
        change(&mut rows);
        let mut state = StateDigest::default();
        for row in &rows {
            state.add(row);
        }
        let later = i64::try_from(serial).unwrap() - 1841;
        let (session, serial) = (SessionId(uuid::Uuid::from_u128(1)), Serial(serial));
        let at: DateTime<Utc> = "2026-11-21T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(later);
        let index = Index {
            session,
            serial,
            as_of: at,
            published_at: at,
            signed_by: SignerId("key".into()),
            expires_at: at + TimeDelta::days(7),
            state: state.finish(),
            snapshot: FeedFile { serial, bytes: 1, sha256: Sha256Digest([1; 32]) },
            deltas: Vec::new(),
        };
        Self { rows: rows.into(), index }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn row(person: &[&str; 9]) -> RosterRow {
    let mut row = RosterRow::default();
    for (column, value) in COLUMNS.into_iter().zip(person).filter(|(_, value)| !value.is_empty()) {
        row.set(column, Some((*value).into()));
    }
    row.set(Column::Facility, Some("22001".into()));
    row
}

fn station() -> Station {
    Station {
        facility: FacilityCode::parse("22001").unwrap(),
        class: FacilityClass::parse("commune_station").unwrap(),
        former_province: None,
        coverage_target: None,
        backup_late_after: None,
        name: Some("Trạm y tế xã Mẫu".into()),
        rules: Arc::new(builtin().unwrap()),
        thresholds: Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) },
        next_rules: None,
        recheck_days: 30,
        operator: OperatorName::parse(OPERATOR).unwrap(),
        care_type: CareType::parse("01").unwrap(),
        category: AttendanceCategory::parse("1.2").unwrap(),
    }
}
