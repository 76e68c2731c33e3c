//! The local page: what a receptionist sees and types into.
//!
//! Promise: one input; what is scanned is answered at once, and one more Enter saves the visit. Nothing that is typed or shown stands in a URL, a
//! log line or a cache; it works without script; a request that is not from this page, under one of the names it was given, changes
//! nothing. Never: SQL, the network beyond its own listener, a judgement of its own.
//!
//! * [`server`]: connections, their limits, and the end of them
//! * [`guard`]: what every request must pass, static files included; [`session`] binds forms to a browser
//! * [`router`]: which address is what; [`handlers`]: what happens there; [`improve`]: the province's answer behind the disk's;
//!   [`actions`]: what is done with visits that are saved
//! * [`shelf`]: what waits between two requests (look-ups not yet saved), bounded in number and time
//! * [`renewals`], [`coverage`]: the roster as a whole, on pages of their own
//! * [`sticks`]: what is done with a stick that is in
//! * [`view`]: what the templates print, made of the desk's values; [`assets`]: style and script, compiled in

mod actions;
mod assets;
mod coverage;
mod guard;
mod handlers;
mod improve;
mod renewals;
mod router;
mod server;
mod session;
mod shelf;
mod sticks;
mod view;

use core::time::Duration;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::desk::Desk;
use crate::desk::Errands;

use assets::Assets;
use handlers::Waiting;
use session::Secret;
use session::Session;
use session::Token;
use shelf::Shelf;
use view::saved::SavedView;

pub use server::serve;

/// Look-ups that wait for their Enter: more than the browser tabs of any station.
const PENDING: usize = 64;

/// How long a look-up can be saved; after that the person is looked up again, for the verdict may have changed.
const PENDING_FOR: Duration = Duration::from_mins(15);

/// How long "saved" stands on the page if nothing else is looked up.
const SAID_FOR: Duration = Duration::from_mins(2);

/// How long an answer about files set aside is good for: open pages ask for the bar every second or two, and the answer may cost a look at the disk.
const QUARANTINED_FOR: Duration = Duration::from_secs(10);

/// The page. Clones share it.
#[derive(Clone)]
pub struct Reception {
    shared: Arc<Shared>,
    errands: Option<Errands>,
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
    pending: Mutex<Shelf<Waiting>>,
    said: Mutex<Shelf<SavedView>>,
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
            pending: Mutex::new(Shelf::new(PENDING, PENDING_FOR)),
            said: Mutex::new(Shelf::new(PENDING, SAID_FOR)),
        };
        Self { shared: Arc::new(shared), errands: None }
    }

    /// The same with somebody who can read and write sticks.
    #[must_use]
    pub fn with_errands(self, errands: Errands) -> Self {
        Self { errands: Some(errands), ..self }
    }

    fn errands(&self) -> Option<&Errands> {
        self.errands.as_ref()
    }

    fn desk(&self) -> &Desk {
        &self.shared.desk
    }

    /// The desk with whoever works in this browser at it: everything that a person does goes through it.
    fn desk_of(&self, _session: Session) -> Desk {
        self.desk().with(self.desk().operator().clone())
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

    fn pending(&self) -> MutexGuard<'_, Shelf<Waiting>> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> MutexGuard<'_, Shelf<SavedView>> {
        self.shared.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
