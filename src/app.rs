//! The composition root: builds everything from the configuration, runs it, and stops it in order.
//!
//! Promise: what can be refused is refused before anything runs; readiness needs no network; every task owns the stop token, and one that ends unasked
//! ends the process, for systemd to start a whole one. At a stop: no new connections, those under way are drained, the engine drops what it can
//! repeat, the writers finish their queues and close. Never: a half-started agent.

mod backups;
mod connect;
mod escrow;
pub mod hands;
pub mod identity;
mod keeping;
mod lan;
mod link;
pub mod reload;
pub mod restore;
mod retention;
mod room;
pub mod rotate;

use core::pin::Pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use cron::Schedule;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use self::connect::Connected;
pub(crate) use self::connect::read_key_file;
use self::hands::Hands;
use self::link::LinkKeeper;
use self::reload::Reload;
use self::reload::Source;
use self::reload::Standing;
use crate::control::metrics::CONTENT_TYPE;
use crate::control::running::Running;
use crate::control::server::Control;
use crate::control::server::ControlSocket;
use crate::desk::Desk;
use crate::desk::Errands;
use crate::desk::Station;
use crate::desk::access;
use crate::desk::coverage;
use crate::desk::outages;
use crate::desk::recheck;
use crate::desk::search;
use crate::domain::clock::Clock;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::config::Config;
use crate::ops::config::Retention;
use crate::ops::config::reload::Stamp;
use crate::ops::handed_over;
use crate::ops::link_watch;
use crate::ops::notify;
use crate::ops::process::Usage;
use crate::ops::rules::RulesError;
use crate::ops::rules::shelf::Chosen;
use crate::ops::rules::shelf::PassedOver;
use crate::ops::rules::shelf::Why;
use crate::reception;
use crate::reception::Figures;
use crate::reception::Lan;
use crate::reception::Reception;
use crate::reception::tls::Shown;
use crate::reception::tls::TlsError;
use crate::storage;
use crate::storage::cards::CardStore;
use crate::storage::folder::DataFolder;
use crate::storage::key::DatabaseKey;
use crate::storage::rotate::former;
use crate::storage::visits::Rule;
use crate::storage::visits::VisitStore;
use crate::sync::driver::Limits;
use crate::sync::driver::SyncHandle;
use crate::sync::driver::Timing;
use crate::sync::schedule::Timetable;
use crate::sync::status::Link;

/// Why the agent did not start, or ended unasked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A database, its key, or its folder.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The page's address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// systemd hands over another address than the configured one.
    #[error("systemd hands over {given}, and the page is configured for {wanted}")]
    HandedOver {
        /// What it made.
        given: SocketAddr,
        /// What is configured.
        wanted: SocketAddr,
    },
    /// The control socket cannot be made.
    #[error("cannot make the control socket {}", path.display())]
    ControlSocket {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no certificate for the house's network.
    #[error("desks on the house's network cannot be served")]
    Tls(#[from] TlsError),
    /// The rules know no category for the facility class; the configuration's check should have said so.
    #[error("the rules have no attendance category for this facility class")]
    NoCategory,
    /// The rules that the program carries are not whole: our mistake.
    #[error("the built-in rules cannot be read")]
    Rules(#[from] RulesError),
    /// A task ended that runs as long as the agent.
    #[error("the task {0} ended unasked")]
    TaskEnded(&'static str),
}

/// The station's state, opened and locked, with the desk over it.
pub struct Opened {
    /// The locked folder.
    pub folder: Arc<DataFolder>,
    /// The desk.
    pub desk: Desk,
    /// The engine's handle.
    pub sync: SyncHandle,
    cards: CardStore,
    visits: VisitStore,
    time: TimeKeeper,
    connected: Connected,
    writers: Vec<JoinHandle<()>>,
}

impl Opened {
    /// Locks the data folder, opens both databases, and puts the desk over them. Starts nothing but the writers.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        rotate::settle(config)?;
        let key = DatabaseKey::read(&config.keys.database_key())?;
        let folder = Arc::new(DataFolder::lock(&config.data_dir, &key)?);
        folder.note_schemas(&[("visits", storage::visits::SCHEMA.version()), ("cards", storage::cards::SCHEMA.version())])?;
        let time = TimeKeeper::new(clock, RELEASED_AT);
        let (visits, visits_writer) = VisitStore::open(folder.path(), &key, time.clone())?;
        let visits = visits.with_former_keys(former(config.keys.dir()));
        let (cards, cards_writer) = CardStore::open(&folder.path().join("cards"), &key, time.clone())?;
        // What has certainly passed: the newest signed index, and the last visit saved by a clock that was believed.
        if let Some(cursor) = &cards.roster().borrow().cursor {
            time.vouched(cursor.published_at, cursor.signed_by.as_ref());
        }
        if let Some(at) = visits.last_arrival().await? {
            time.recorded(at);
        }
        // And what the province told since the machine started.
        if let Some(anchor) = visits.anchor(&time.reading().boot_id).await? {
            time.told_before(anchor);
        }
        visits.look_at_room().await;
        let sync = SyncHandle::new(Link::NotConfigured);
        let connected = connect::connect(config, &visits, &time, folder.path(), &sync).await;
        let state = cards.roster().borrow().cursor.as_ref().map(|cursor| cursor.state);
        // From a station without a roster nothing can be taken away.
        sync.held_before(visits.held_roster().await?.filter(|held| state.is_some_and(|state| state != held.state)));
        sync.agreed_before(visits.agreed_roster().await?.filter(|agreed| Some(*agreed) != state));
        let desk = Desk::new(station(config, &time)?, cards.clone(), visits.clone(), time.clone(), sync.clone());
        Ok(Self { folder, desk, sync, cards, visits, time, connected, writers: vec![visits_writer, cards_writer] })
    }

    /// What is done with the keys.
    pub fn hands(&self, config: &Config) -> Hands {
        Hands {
            config: config.clone(),
            cards: self.cards.clone(),
            visits: self.visits.clone(),
            time: self.time.clone(),
            sync: self.sync.clone(),
            folder: self.folder.path().to_owned(),
        }
    }

    /// Closes everything in order.
    pub async fn close(self) {
        let Self { folder, desk, cards, visits, writers, .. } = self;
        desk.close_log().await;
        drop((desk, cards, visits));
        close(writers).await;
        drop(folder);
    }
}

fn timing(config: &Config) -> Timing {
    let table = |schedule: &Schedule| Timetable::new(schedule.clone(), &config.facility);
    let sync = &config.sync;
    Timing::new(table(&sync.push_schedule), table(&sync.pull_schedule), table(&sync.contact_schedule), sync.longest_pause)
}

fn limits(config: &Config) -> Limits {
    Limits { daily_bytes: config.sync.daily_bytes, hold_above_percent: config.sync.hold_above_percent }
}

async fn close(writers: Vec<JoinHandle<()>>) {
    let joined = tokio::task::spawn_blocking(move || writers.into_iter().all(|writer| writer.join().is_ok()));
    if !matches!(time::timeout(CLOSING, joined).await, Ok(Ok(true))) {
        tracing::error!(name: "service.slow-stop", "a writer did not end in order; what it called saved is saved");
    }
}

fn station(config: &Config, time: &TimeKeeper) -> Result<Station, AppError> {
    let today = time.now().day();
    let Chosen { tables, passed_over } = config.rules_on(today)?;
    tracing::info!(name: "rules.loaded", version = %tables.version, origin = tables.origin.code(), "rules in force");
    for PassedOver { version, why } in passed_over {
        match why {
            Why::Early(first) => {
                tracing::info!(name: "rules.passed-over", %version, %first, "newer rules are here and wait for their first day")
            }
            Why::WentBack => tracing::info!(name: "rules.passed-over", %version, "newer rules are here, and somebody went back from them"),
            Why::Unusable(reason) => tracing::warn!(name: "rules.passed-over", %version, reason, "newer rules are here and cannot be used"),
            Why::Unfitting => tracing::warn!(name: "rules.passed-over", %version, "newer rules are here and have nothing for this station"),
        }
    }
    let category = tables.provisional_category(&config.facility_class, today).ok_or(AppError::NoCategory)?;
    Ok(Station {
        facility: config.facility.clone(),
        class: config.facility_class.clone(),
        name: config.station_name.clone(),
        former_province: config.former_province.clone(),
        coverage_target: config.coverage_target,
        backup_late_after: config.backup.as_ref().map(|backup| backup.late_after),
        thresholds: config.freshness,
        operator: config.operator.clone(),
        recheck_days: config.sync.recheck_days,
        care_type: config.care_type.clone(),
        category,
        rules: Arc::new(tables),
    })
}

/// Whoever knows the process. The doors: the page's, the house's network's, the figures'.
fn running(desk: Desk, standing: Standing, started: Duration, doors: [Option<SocketAddr>; 3]) -> Arc<dyn Fn() -> Running + Send + Sync> {
    Arc::new(move || {
        let (reading, usage, [page, lan, metrics]) = (desk.time().reading(), Usage::now(), doors);
        let uptime = reading.since_boot.saturating_sub(started);
        Running {
            started_at: desk.time().judge(&reading).at - uptime,
            uptime,
            page,
            lan,
            metrics,
            memory: usage.resident,
            processor: usage.processor,
            files: [usage.open_files, usage.most_files],
            watchdog: notify::watchdog_limit(),
            rules_version: desk.current().station().rules.version.clone(),
            configuration: standing.configuration(),
        }
    })
}

/// The figures on their own door.
fn serve_figures(listener: TcpListener, control: Control, tasks: &mut JoinSet<Ended>, stop: &CancellationToken) {
    let make = Arc::new(move || -> Pin<Box<dyn Future<Output = String> + Send>> {
        let asked = control.clone();
        Box::pin(async move { asked.metrics().await })
    });
    let (figures, stopped) = (Figures { content_type: CONTENT_TYPE, make }, stop.clone());
    tasks.spawn(async move { ("metrics", reception::serve_metrics(listener, figures, stopped).await.err()) });
}

/// What the desk does by itself when something changes. Takes the last handle: a desk kept while the writers are waited for would keep them from ending.
fn follow(desk: Desk, tasks: &mut JoinSet<Ended>, stop: &CancellationToken) {
    let (stopped, noted) = (stop.clone(), desk.clone());
    tasks.spawn(async move {
        access::follow(noted, stopped).await;
        ("access log", None)
    });
    let (stopped, named) = (stop.clone(), desk.clone());
    tasks.spawn(async move {
        search::follow(named, stopped).await;
        ("names", None)
    });
    let (stopped, followed) = (stop.clone(), desk.clone());
    tasks.spawn(async move {
        outages::follow(followed, stopped).await;
        ("outages", None)
    });
    let (stopped, counted) = (stop.clone(), desk.clone());
    tasks.spawn(async move {
        coverage::follow(counted, stopped).await;
        ("coverage", None)
    });
    let stopped = stop.clone();
    tasks.spawn(async move {
        recheck::follow(desk, stopped).await;
        ("recheck", None)
    });
}

/// The page's listener: systemd's, if it made one and it is the configured one, or our own.
fn page_listener(address: SocketAddr) -> Result<TcpListener, AppError> {
    let refused = |source| AppError::Listen { address, source };
    let Some(handed) = handed_over::listener().map_err(refused)? else { return reception::bind(address).map_err(refused) };
    match handed.local_addr().map_err(refused)? {
        given if given != address => Err(AppError::HandedOver { given, wanted: address }),
        _ => TcpListener::from_std(handed).map_err(refused),
    }
}

/// A task's name, and the error it ended with.
type Ended = (&'static str, Option<io::Error>);

/// How long the writers may take to finish their queues: a long load, an emptied log. Below the unit's `TimeoutStopSec`.
const CLOSING: Duration = Duration::from_secs(10);

/// How often, and how far apart, a locked folder is tried at the start.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// The door to the house's network.
struct LanDoor {
    listener: TcpListener,
    shown: Arc<Shown>,
    hosts: Vec<String>,
}

/// The agent, ready to run.
pub struct App {
    opened: Opened,
    listener: TcpListener,
    lan: Option<LanDoor>,
    metrics: Option<TcpListener>,
    socket: ControlSocket,
    config: Config,
    source: Source,
    /// Since the machine's own start.
    started: Duration,
}

impl App {
    /// Opens, locks and binds everything. After this nothing can be refused any more.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let started = clock.read().since_boot;
        let opened = Self::open(&config, clock).await?;
        let listener = page_listener(config.page.listen)?;
        let bind = |address| reception::bind(address).map_err(|source| AppError::Listen { address, source });
        let metrics = config.metrics_listen.map(bind).transpose()?;
        let lan = Self::open_lan(&config, &opened.time)?;
        let path = config.control_socket.clone();
        let socket = ControlSocket::bind(&path).await.map_err(|source| AppError::ControlSocket { path, source })?;
        let source = Source { path: PathBuf::new(), stamp: Stamp::of(Path::new("")), hangups: None };
        Ok(Self { opened, listener, lan, metrics, socket, config, source, started })
    }

    /// The same, with where its configuration came from and what asks for it again.
    #[must_use]
    pub fn configured_by(self, source: Source) -> Self {
        Self { source, ..self }
    }

    fn open_lan(config: &Config, time: &TimeKeeper) -> Result<Option<LanDoor>, AppError> {
        let Some(lan) = &config.lan else { return Ok(None) };
        let refused = |source| AppError::Listen { address: lan.listen, source };
        let listener = reception::bind(lan.listen).map_err(refused)?;
        let hosts = lan.hosts(listener.local_addr().map_err(refused)?.port());
        Ok(Some(LanDoor { listener, shown: lan::shown(config, &lan.names, time)?, hosts }))
    }

    /// Opens the state; a reading verb of the command line may hold the folder for a moment.
    async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Opened, AppError> {
        for _ in 0..LOCK_TRIES {
            match Opened::open(config, Arc::clone(&clock)).await {
                Err(AppError::Storage(storage::Error::InUse { .. })) => time::sleep(LOCK_PAUSE).await,
                opened => return opened,
            }
        }
        Opened::open(config, clock).await
    }

    /// Where the page is.
    pub fn page(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where the page is on the house's network, if it is there.
    pub fn lan(&self) -> io::Result<Option<SocketAddr>> {
        self.lan.as_ref().map(|lan| lan.listener.local_addr()).transpose()
    }

    /// The desk, for tests.
    pub fn desk(&self) -> &Desk {
        &self.opened.desk
    }

    /// Runs until stopped. Returns after everything is closed.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        let Self { opened, listener, lan, metrics, socket, config, source, started } = self;
        let hands = opened.hands(&config);
        let Opened { folder, desk, sync, cards, visits, time, connected, writers } = opened;
        drop(cards);
        let (found, sticks) = watch::channel(Arc::from([]));
        let (errands, orders) = Errands::new(sticks);
        let address = listener.local_addr().map_err(|source| AppError::Listen { address: config.page.listen, source })?;
        let set_aside = Arc::clone(&folder);
        let quarantined: Arc<dyn Fn() -> Vec<String> + Send + Sync> = Arc::new(move || set_aside.quarantined());

        let set_aside = Arc::clone(&quarantined);
        let mut tasks = JoinSet::new();
        let desks = desk.others();
        if let Err(error) = desks.look().await {
            tracing::error!(name: "desks.failed", %error, "whether copies of desks were used cannot be read");
        }
        let page = Reception::new(desk.clone(), config.page.hosts(address.port()), move || set_aside());
        let mut page = page.with_errands(errands.clone()).set_to(reload::settings(&config));
        let lan_address = lan.as_ref().and_then(|lan| lan.listener.local_addr().ok());
        if let Some(LanDoor { listener, shown, hosts }) = lan {
            let tls = shown.acceptor()?;
            page = page.with_lan(Lan { hosts, shown: Arc::clone(&shown), desks: desks.clone() });
            let (page, stopped) = (page.clone(), stop.clone());
            tasks.spawn(async move { ("lan", reception::serve_lan(listener, page, tls, stopped).await.err()) });
            let stopped = stop.clone();
            tasks.spawn(async move { ("certificate", lan::renew(shown, time, stopped).await.err()) });
        }
        let Source { path, stamp, hangups } = source;
        let standing = Standing::new(path, stamp, desk.time().now().at);
        let in_force = watch::Sender::new(Arc::new(config.clone()));
        let reload =
            Reload { running: in_force.clone(), standing: standing.clone(), desk: desk.clone(), page: page.settings_door(), hangups };
        let stopped = stop.clone();
        tasks.spawn(async move {
            reload.follow(stopped).await;
            ("reload", None)
        });
        if let Some(backup) = &config.backup {
            let timetable = Timetable::new(backup.schedule.clone(), &config.facility);
            let (errands, visits, time, stopped) = (errands.clone(), visits.clone(), desk.time().clone(), stop.clone());
            tasks.spawn(async move {
                backups::keep(timetable, errands, visits, time, stopped).await;
                ("backups", None)
            });
        }
        let stopped = stop.clone();
        tasks.spawn(async move { ("page", reception::serve(listener, page, stopped).await.err()) });
        let figures = metrics.as_ref().and_then(|metrics| metrics.local_addr().ok());
        let look = running(desk.clone(), standing, started, [Some(address), lan_address, figures]);
        let control = Control::new(desk.clone(), quarantined).with_errands(errands).with_desks(desks).with_running(look);
        if let Some(listener) = metrics {
            serve_figures(listener, control.clone(), &mut tasks, &stop);
        }
        let stopped = stop.clone();
        tasks.spawn(async move { ("control", control.serve(socket, stopped).await.err()) });
        if config.province.is_some() {
            let stopped = stop.clone();
            tasks.spawn(async move {
                link_watch::watch(move || sync.link_up(), stopped).await;
                ("link", None)
            });
        }
        let (followed, stopped) = (in_force.subscribe(), stop.clone());
        tasks.spawn(async move {
            link::watch_sticks(followed, found, stopped).await;
            ("sticks", None)
        });
        let (keeper, stopped) =
            (LinkKeeper { hands, errands: orders, connected: Some(connected), config: in_force.subscribe() }, stop.clone());
        tasks.spawn(async move {
            keeper.run(stopped).await;
            ("sync", None)
        });
        let Retention { visits: of_visits, access: of_log, coverage: of_days } = config.retention;
        let rule = Rule { visits: of_visits, access: of_log, coverage: of_days };
        if rule != Rule::default() {
            let (pruned, noting, stopped) = (visits.clone(), desk.clone(), stop.clone());
            tasks.spawn(async move {
                retention::keep(rule, pruned, noting, stopped).await;
                ("retention", None)
            });
        }
        let (stopped, looked_at) = (stop.clone(), visits.clone());
        tasks.spawn(async move {
            room::watch(looked_at, stopped).await;
            ("room", None)
        });
        let (stopped, probe) = (stop.clone(), visits);
        tasks.spawn(async move {
            // Alive is who can still read the visits: a hung disk is what the watchdog is for.
            notify::watchdog_while(stopped, || async { probe.install_id().await.is_ok() }).await;
            ("watchdog", None)
        });
        let last = desk.clone();
        follow(desk, &mut tasks, &stop);
        let stopped = stop.clone();
        tasks.spawn(async move {
            // systemd hears of it before the drain, not after.
            stopped.cancelled().await;
            notify::stopping();
            ("farewell", None)
        });

        tracing::info!(name: "service.ready", page = %address, facility = %config.facility, "ready");
        notify::ready();
        let mut outcome = Ok(());
        while let Some(ended) = tasks.join_next().await {
            // A panic aborts the process in a release; in a test it shows here.
            let (task, error) = ended.unwrap_or(("panicked", None));
            if !stop.is_cancelled() {
                tracing::error!(name: "service.task-ended", task, ?error, "a task ended unasked: stopping, to be started anew as a whole");
                outcome = Err(AppError::TaskEnded(task));
                stop.cancel();
            }
        }
        last.close_log().await;
        last.note_head().await;
        drop(last);
        close(writers).await;
        drop(folder);
        tracing::info!(name: "service.stopped", "stopped");
        outcome
    }
}
