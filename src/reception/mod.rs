//! The local page: what a receptionist sees and types into.
//!
//! Promise: one input; what is scanned is answered at once, and one more Enter saves the visit. Nothing that is typed or shown stands in a URL, a
//! log line or a cache; it works without script; a request that is not from this page, under one of the names it was given, changes
//! nothing. Never: SQL, the network beyond its own listener, a judgement of its own.
//!
//! * [`server`]: connections, their limits, and the end of them
//! * [`guard`]: what every request must pass, static files included; [`session`] binds forms to a browser
//! * [`tls`]: the same on the house's network; [`place`]: who has to go when there are too many; [`pairing`]: which desks there are let in
//! * [`events`]: word of changes to open pages
//! * [`router`]: which address is what; [`handlers`]: what happens there; [`improve`]: the province's answer behind the disk's;
//!   [`actions`]: what is done with visits that are saved
//! * [`candidates`]: people to choose from, where a name was typed
//! * [`options`]: what can be chosen of a visit, and numbers to call by; [`visit_page`]: one visit with all there is to it; [`printing`]: paper
//! * [`seats`]: who sits at which browser; [`sign_in`]: how somebody comes there; [`accounts`]: who may; [`meter`]: how many people one looks up
//! * [`shelf`]: what waits between two requests (look-ups not yet saved), bounded in number and time; [`untold`]: what became of a visit after a restart
//! * [`renewals`], [`coverage`]: the roster as a whole, on pages of their own
//! * [`help`]: the manual; [`metrics`]: figures for a monitoring program, on a door of their own
//! * [`refused`]: what stands there while the service may not run
//! * [`sticks`]: what is done with a stick that is in
//! * [`view`]: what the templates print, made of the desk's values; [`assets`]: style, script and pictures, compiled in

mod accounts;
mod actions;
mod assets;
mod candidates;
mod corrections;
mod coverage;
mod events;
mod guard;
mod handlers;
mod help;
mod improve;
mod language;
mod meter;
mod metrics;
mod options;
mod pace;
mod pairing;
mod place;
mod printing;
pub mod refused;
mod renewals;
mod router;
mod seats;
mod server;
mod session;
mod shelf;
mod sign_in;
mod sticks;
pub mod tls;
mod untold;
mod view;
mod visit_page;

use core::time::Duration;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;

use crate::desk::Desk;
use crate::desk::Desks;
use crate::desk::Errands;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::operator::Operator;
use crate::domain::operator::Role;
use crate::domain::slip::SlipPaper;

use assets::Assets;
use corrections::Seen;
use events::Streams;
use handlers::Waiting;
use meter::Meter;
use meter::Whose;
use seats::Seated;
use seats::Seats;
use session::Secret;
use session::Session;
use session::Token;
use shelf::Shelf;
use sign_in::Choosing;
use view::problem::Problem;
use view::saved::SavedView;

pub use metrics::Figures;
pub use metrics::serve_metrics;
pub use server::bind;
pub use server::serve;
pub use server::serve_lan;

/// Look-ups that wait for their Enter: more than the browser tabs of any station.
const PENDING: usize = 64;

/// How long a look-up can be saved; after that the person is looked up again, for the verdict may have changed.
const PENDING_FOR: Duration = Duration::from_mins(15);

/// What a station may set, also while the page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// On which paper slips are printed, unless somebody asks for the other one.
    pub paper: SlipPaper,
    /// How long a desk that nobody touches stays open.
    pub idle: Duration,
    /// Look-ups in a minute, of one account or at one browser.
    pub lookups_a_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { paper: SlipPaper::default(), idle: Duration::from_mins(5), lookups_a_minute: 60 }
    }
}

/// How long somebody who was chosen may take for the PIN.
const CHOOSING_FOR: Duration = Duration::from_mins(2);

/// How long what became of a visit waits for somebody to sign in: as long as a working day.
const UNTOLD_FOR: Duration = Duration::from_hours(12);

/// How long "saved" stands on the page if nothing else is looked up.
const SAID_FOR: Duration = Duration::from_mins(2);

/// How long an answer about files set aside is good for: open pages ask for the bar every second or two, and the answer may cost a look at the disk.
const QUARANTINED_FOR: Duration = Duration::from_secs(10);

/// The page. Clones share it.
#[derive(Clone)]
pub struct Reception {
    shared: Arc<Shared>,
    errands: Option<Errands>,
    settings: watch::Sender<Settings>,
    lan: Option<Arc<Lan>>,
}

/// The page on the house's network.
pub struct Lan {
    /// The exact `host:port` names under which it may be asked for there.
    pub hosts: Vec<String>,
    /// What it shows of itself.
    pub shown: Arc<tls::Shown>,
    /// Who may come in.
    pub desks: Desks,
}

struct Shared {
    desk: Desk,
    hosts: Vec<String>,
    quarantined: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// The last answer about files set aside, and when it was given.
    asked: Mutex<Option<(Duration, Vec<String>)>>,
    assets: Assets,
    secret: Secret,
    /// Tells an open page that another process answers, whose forms it does not have.
    run: Token,
    streams: Streams,
    pending: Mutex<Shelf<Waiting>>,
    /// People who were shown before a visit becomes theirs.
    people: Mutex<Shelf<Arc<Seen>>>,
    said: Mutex<Shelf<SavedView>>,
    /// What became of a visit, where nobody had signed in when it was said.
    untold: Mutex<Shelf<Problem>>,
    choosing: Mutex<Shelf<Choosing>>,
    seats: Mutex<Seats>,
    meter: Mutex<Meter>,
    /// Numbers to call by that were taken.
    numbers: Mutex<Meter>,
}

impl Reception {
    /// Puts the page together. `hosts` are the exact `host:port` names under which it may be asked for; every other name is refused. `quarantined` lists
    /// the databases that were set aside; it is asked while a page is made, though not for each, and so must be quick.
    pub fn new(desk: Desk, hosts: Vec<String>, quarantined: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        let shared = Shared {
            desk,
            hosts,
            quarantined: Box::new(quarantined),
            asked: Mutex::new(None),
            assets: Assets::new(),
            secret: Secret::random(),
            run: Token::random(),
            streams: Streams::default(),
            pending: Mutex::new(Shelf::new(PENDING, PENDING_FOR)),
            people: Mutex::new(Shelf::new(PENDING, PENDING_FOR)),
            said: Mutex::new(Shelf::new(PENDING, SAID_FOR)),
            untold: Mutex::new(Shelf::new(PENDING, UNTOLD_FOR)),
            choosing: Mutex::new(Shelf::new(PENDING, CHOOSING_FOR)),
            seats: Mutex::default(),
            meter: Mutex::default(),
            numbers: Mutex::default(),
        };
        Self { shared: Arc::new(shared), errands: None, settings: watch::Sender::new(Settings::default()), lan: None }
    }

    /// The same with somebody who can read and write sticks.
    #[must_use]
    pub fn with_errands(self, errands: Errands) -> Self {
        Self { errands: Some(errands), ..self }
    }

    /// The same with a station's own settings.
    #[must_use]
    pub fn set_to(self, settings: Settings) -> Self {
        Self { settings: watch::Sender::new(settings), ..self }
    }

    /// Where the settings are changed while the page is served.
    pub fn settings_door(&self) -> watch::Sender<Settings> {
        self.settings.clone()
    }

    fn settings(&self) -> Settings {
        *self.settings.borrow()
    }

    fn paper(&self) -> SlipPaper {
        self.settings().paper
    }

    /// The same for desks on the house's network.
    #[must_use]
    pub fn with_lan(self, lan: Lan) -> Self {
        Self { lan: Some(Arc::new(lan)), ..self }
    }

    fn lan(&self) -> Option<&Lan> {
        self.lan.as_deref()
    }

    fn errands(&self) -> Option<&Errands> {
        self.errands.as_ref()
    }

    /// The desk by the configuration in force now.
    fn desk(&self) -> Desk {
        self.shared.desk.current()
    }

    /// The desk with whoever works in this browser at it: everything that a person does goes through it.
    fn desk_of(&self, session: Session) -> Desk {
        let operator = self.seats().operator(session.id);
        // Nobody: the guard lets nothing through that is done by somebody.
        let nobody = || Operator { id: None, name: self.desk().operator().name.clone(), role: Role::Reception };
        let place = session::mark(self.desk_token(session));
        self.desk().at(Place::browser(&place)).with(operator.unwrap_or_else(nobody))
    }

    /// What a browser is known by, or will be once somebody has signed in there.
    fn desk_token(&self, session: Session) -> Token {
        session.desk.unwrap_or_else(|| self.shared.secret.desk_token(session.id))
    }

    /// The session as it counts where the browser is: a cookie that somebody was given elsewhere is none.
    fn bound(&self, session: Session) -> Session {
        if self.seats().is_elsewhere(session.id, session.whence) { session.of_nobody() } else { session }
    }

    /// How a browser stands now.
    fn seated(&self, session: Session) -> Seated {
        self.look_at(session).0
    }

    /// The same, for whoever comes first: where this look has locked it, that is written down.
    async fn look_at_seat(&self, session: Session) -> Seated {
        let (seated, has_locked) = self.look_at(session);
        if has_locked {
            self.desk_of(session).access(Act::Locked, About::default()).await;
        }
        seated
    }

    fn look_at(&self, session: Session) -> (Seated, bool) {
        let (accounts, now) = (self.desk().accounts(), self.uptime());
        let looked = self.seats().look(session.id, &accounts, self.settings().idle, now);
        if looked.0 == Seated::Nobody {
            untold::closed(self, session);
        }
        looked
    }

    /// For whom the look-ups of a browser are counted.
    fn whose(&self, session: Session) -> [Whose; 2] {
        let account = self.seats().operator(session.id).and_then(|operator| operator.id);
        [Whose::Account(account), Whose::Browser(session.desk.map(session::mark).unwrap_or_default())]
    }

    /// After how long a page that nobody touches leaves the screen, where there is no script: a little later than the desk is locked.
    fn idle_seconds(&self) -> u64 {
        self.settings().idle.as_secs() + 1
    }

    /// Time since the machine started: what waits is measured by it, because the wall clock may be set.
    fn uptime(&self) -> Duration {
        self.desk().time().reading().since_boot
    }

    /// The databases that were set aside, as of a few seconds ago.
    fn quarantined(&self) -> Vec<String> {
        let now = self.uptime();
        let mut held = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, quarantined)) = held.as_ref()
            && now.saturating_sub(*since) < QUARANTINED_FOR
        {
            return quarantined.clone();
        }
        let quarantined = (self.shared.quarantined)();
        *held = Some((now, quarantined.clone()));
        quarantined
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.shared.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.shared.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbers(&self) -> MutexGuard<'_, Meter> {
        self.shared.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choosing(&self) -> MutexGuard<'_, Shelf<Choosing>> {
        self.shared.choosing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Shelf<Waiting>> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> MutexGuard<'_, Shelf<Arc<Seen>>> {
        self.shared.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> MutexGuard<'_, Shelf<SavedView>> {
        self.shared.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn untold(&self) -> MutexGuard<'_, Shelf<Problem>> {
        self.shared.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
