//! The composition root: builds everything from the configuration, runs it, and stops it in order.
//!
//! Promise: what can be refused is refused before anything runs; readiness needs no network; every task owns the stop token, and one that ends unasked
//! ends the process, for systemd to start a whole one. At a stop: no new connections, those under way are drained, the engine drops what it can
//! repeat, the writers finish their queues and close. Never: a half-started agent.

mod backups;
mod connect;
mod doors;
mod escrow;
mod figures;
pub mod hands;
pub mod identity;
mod keeping;
mod lan;
mod life;
mod link;
mod no_key;
pub mod opened;
pub mod reload;
pub mod restore;
mod retention;
mod room;
pub mod rotate;
mod station;
mod tasks;
pub(crate) mod wipe;

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::connect::certified_station;
pub(crate) use self::connect::read_key_file;
use self::doors::Door;
use self::doors::Tried;
use self::life::Life;
use self::link::LinkKeeper;
pub use self::opened::Opened;
use self::reload::Reload;
use self::reload::Source;
use self::reload::Standing;
pub(crate) use self::station::next as next_rules;
use self::tasks::Tasks;
use crate::control::server::Control;
use crate::control::server::ControlSocket;
use crate::desk::Desk;
use crate::desk::Errands;
use crate::desk::SideDoor;
use crate::desk::access;
use crate::desk::coverage;
use crate::desk::outages;
use crate::desk::recheck;
use crate::desk::search;
use crate::domain::clock::Clock;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::ops::config::reload::Known;
use crate::ops::handed_over;
use crate::ops::link_watch;
use crate::ops::notify;
use crate::ops::rules::RulesError;
use crate::reception;
use crate::reception::Lan;
use crate::reception::Reception;
use crate::reception::tls::Shown;
use crate::reception::tls::TlsError;
use crate::storage;
use crate::storage::open::OnDamage;
use crate::sync::carry::CarryError;

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
    /// The province has ordered this computer wiped, and what is not sent cannot be sealed: all is as it was.
    #[error("the unsent visits cannot be sealed")]
    Unsealed(#[source] CarryError),
    /// A task ended that runs as long as the agent.
    #[error("the task {0} ended unasked")]
    TaskEnded(&'static str),
}

impl From<CarryError> for AppError {
    fn from(error: CarryError) -> Self {
        match error {
            CarryError::Storage(error) => Self::Storage(error),
            error => Self::Unsealed(error),
        }
    }
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

/// The door to the house's network.
struct LanDoor {
    tried: Tried,
    shown: Arc<Shown>,
    hosts: Vec<String>,
}

/// The agent, ready to run.
pub struct App {
    opened: Opened,
    listener: TcpListener,
    lan: Option<LanDoor>,
    metrics: Option<Tried>,
    socket: ControlSocket,
    config: Config,
    source: Source,
    /// Since the machine's own start.
    started: Duration,
}

impl App {
    /// Opens, locks and binds everything the desk needs. After this nothing can be refused any more; a door to somebody else may open later.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let started = clock.read().since_boot;
        let opened = Opened::open_when_free(&config, clock, OnDamage::SetAside).await?;
        let listener = page_listener(config.page.listen)?;
        let now = opened.time.now().at;
        let metrics = config.metrics_listen.map(|address| Door::tried(SideDoor::Metrics, address, now));
        let lan = Self::open_lan(&config, &opened.time)?;
        let path = config.control_socket.clone();
        let socket = ControlSocket::bind(&path).await.map_err(|source| AppError::ControlSocket { path, source })?;
        let source = Source { path: PathBuf::new(), known: Known::of(Path::new("")), hangups: None };
        Ok(Self { opened, listener, lan, metrics, socket, config, source, started })
    }

    /// The same, with where its configuration came from and what asks for it again.
    #[must_use]
    pub fn configured_by(self, source: Source) -> Self {
        Self { source, ..self }
    }

    fn open_lan(config: &Config, time: &TimeKeeper) -> Result<Option<LanDoor>, AppError> {
        let Some(lan) = &config.lan else { return Ok(None) };
        let shown = lan::shown(config, &lan.names, time)?;
        let tried = Door::tried(SideDoor::Lan, lan.listen, time.now().at);
        let hosts = lan.hosts(tried.door().wanted().port());
        Ok(Some(LanDoor { tried, shown, hosts }))
    }

    /// Where the page is.
    pub fn page(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where the page is on the house's network, if it is there.
    pub fn lan(&self) -> Option<SocketAddr> {
        self.lan.as_ref().and_then(|lan| lan.tried.door().address())
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
        let mut tasks = Tasks::new(stop);
        let desks = desk.others();
        if let Err(error) = desks.look().await {
            tracing::error!(name: "desks.failed", %error, "whether copies of desks were used cannot be read");
        }
        let page = Reception::new(desk.clone(), config.page.hosts(address.port()), move || set_aside());
        let mut page = page.with_errands(errands.clone()).set_to(reload::settings(&config));
        let lan_door = lan.as_ref().map(|lan| lan.tried.door().clone());
        if let Some(LanDoor { tried, shown, hosts }) = lan {
            let tls = shown.acceptor()?;
            page = page.with_lan(Lan { hosts, shown: Arc::clone(&shown), desks: desks.clone() });
            let page = page.clone();
            tasks.serve("lan", |stop| tried.serve(|listener, stop| reception::serve_lan(listener, page, tls, stop), stop));
            tasks.serve("certificate", |stop| lan::renew(shown, time, stop));
        }
        let Source { path, known, hangups } = source;
        let standing = Standing::new(path, known, desk.time().now().at);
        let in_force = watch::Sender::new(Arc::new(config.clone()));
        let reload =
            Reload { running: in_force.clone(), standing: standing.clone(), desk: desk.clone(), page: page.settings_door(), hangups };
        tasks.run("reload", |stop| reload.follow(stop));
        let (asked, copied, time, wanted) = (errands.clone(), visits.clone(), desk.time().clone(), in_force.subscribe());
        tasks.run("backups", |stop| backups::keep(wanted, asked, copied, time, stop));
        tasks.serve("page", |stop| reception::serve(listener, page, stop));
        let metrics_door = metrics.as_ref().map(|tried| tried.door().clone());
        let look = figures::running(desk.clone(), standing, started, address, [lan_door, metrics_door]);
        let control = Control::new(desk.clone(), quarantined).with_errands(errands).with_desks(desks).with_running(look);
        if let Some(tried) = metrics {
            let figures = figures::of(control.clone());
            tasks.serve("metrics", |stop| tried.serve(|listener, stop| reception::serve_metrics(listener, figures, stop), stop));
        }
        tasks.serve("control", |stop| control.serve(socket, stop));
        let ordered = Arc::new(OnceLock::new());
        if config.province.is_some() {
            let (hands, ordered) = (hands.clone(), Arc::clone(&ordered));
            tasks.run("wipe", |stop| wipe::follow(hands, ordered, stop));
            tasks.run("link", |stop| link_watch::watch(move || sync.link_up(), stop));
        }
        let followed = in_force.subscribe();
        tasks.run("sticks", |stop| link::watch_sticks(followed, found, stop));
        let keeper = LinkKeeper { hands, errands: orders, connected: Some(connected), config: in_force.subscribe() };
        tasks.run("sync", |stop| keeper.run(stop));
        let (terms, pruned, noting) = (in_force.subscribe(), visits.clone(), desk.clone());
        tasks.run("retention", |stop| retention::keep(terms, pruned, noting, stop));
        let looked_at = visits.clone();
        tasks.run("room", |stop| room::watch(looked_at, stop));
        // Alive is who can still read the visits and write them: a hung disk is what the watchdog is for.
        tasks.run("watchdog", |stop| async move {
            let life = Life::of(visits);
            notify::watchdog_while(stop, || life.is_there()).await;
        });
        let last = desk.clone();
        follow(desk, &mut tasks);
        // systemd hears of it before the drain, not after.
        tasks.run("farewell", |stop| async move {
            stop.cancelled().await;
            notify::stopping();
        });

        tracing::info!(name: "service.ready", page = %address, facility = %config.facility, "ready");
        notify::ready();
        let outcome = tasks.ended().await;
        last.close_log().await;
        last.note_head().await;
        let time = last.time().clone();
        drop(last);
        let is_closed = opened::close(writers).await;
        let outcome = match ordered.get() {
            None => outcome,
            Some(order) if is_closed => Err(wipe::obey(&config, &folder, order, &time).await),
            // Somebody may still save a visit: at the next contact again.
            Some(_) => Err(storage::Error::Stopped.into()),
        };
        drop(folder);
        tracing::info!(name: "service.stopped", "stopped");
        outcome
    }
}

/// What the desk does by itself when something changes. Takes the last handle: a desk kept while the writers are waited for would keep them from ending.
fn follow(desk: Desk, tasks: &mut Tasks) {
    let (noted, named, followed, counted) = (desk.clone(), desk.clone(), desk.clone(), desk.clone());
    tasks.run("access log", |stop| access::follow(noted, stop));
    tasks.run("names", |stop| search::follow(named, stop));
    tasks.run("outages", |stop| outages::follow(followed, stop));
    tasks.run("coverage", |stop| coverage::follow(counted, stop));
    tasks.run("recheck", |stop| recheck::follow(desk, stop));
}

#[cfg(test)]
mod by_hand;
