//! The connection to the province, for as long as its keys are what they were: made, let go for an errand, and made anew.
//!
//! Promise: the engine runs whenever there are keys it can run with, and keys that come, or are mended, are noticed without a restart; while an errand
//! changes keys or takes in a stick, no engine runs. Never: two errands at once; an engine that ended unasked and is not missed.

use core::time::Duration;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::connect;
use super::connect::Connected;
use super::connect::KeyFiles;
use super::hands::Hands;
use super::station::limits;
use super::station::timing;
use crate::desk::errands::Errand;
use crate::desk::errands::Linked;
use crate::desk::errands::Reply;
use crate::desk::errands::Undone;
use crate::desk::words;
use crate::ops::config::Config;
use crate::ops::sticks;
use crate::ops::sticks::Mounts;
use crate::sync::driver::Engine;
use crate::upstream::province::https::HttpsProvince;

/// How often keys that are missing or bad are looked at when nobody says that they have changed.
const LOOK: Duration = Duration::from_mins(1);
/// What is mounted is heard of from the kernel. How often the folders are looked at all the same, for the mark that makes a stick of a folder where nothing
/// is mounted: a person has just put it there, and may wait a moment.
const LOOK_FOR_MARKS: Duration = Duration::from_secs(5);

/// Whoever keeps the connection.
pub(super) struct LinkKeeper {
    pub(super) hands: Hands,
    pub(super) errands: mpsc::Receiver<Errand>,
    /// The connection as it was made at the start, before there is one of our own.
    pub(super) connected: Option<Connected>,
    /// What is in force; it may change.
    pub(super) config: watch::Receiver<Arc<Config>>,
}

/// The engine that runs, if one does.
struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        // One that panicked has ended as well.
        let _ = self.task.await;
    }
}

impl LinkKeeper {
    /// Runs until stopped, or until the engine ends unasked.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let (mut running, mut seen) = self.link(&stop).await;
        loop {
            let errand = tokio::select! {
                // What is in force counts before what is asked for by it.
                biased;
                () = stop.cancelled() => break,
                Ok(()) = self.config.changed() => {
                    if self.is_by_another_timetable() && let Some(ended) = running.take() {
                        // It learns nothing about the link.
                        self.hands.sync.same_link_follows();
                        ended.end().await;
                        (running, seen) = self.link(&stop).await;
                    }
                    continue;
                }
                () = unasked(&mut running) => return,
                () = time::sleep(LOOK), if running.is_none() => None,
                Some(errand) = self.errands.recv() => Some(errand),
            };
            let is_another = running.is_none() && seen != KeyFiles::of(&self.hands.config.keys);
            match errand {
                None if !is_another => {}
                Some(Errand::CarryOut { root, reply }) => {
                    let done = stop.run_until_cancelled(self.hands.carry_out(&root)).await;
                    done.map(|done| reply.send(done));
                }
                Some(Errand::BackUp { folder, reply }) => {
                    let done = stop.run_until_cancelled(self.hands.back_up(folder)).await;
                    done.map(|done| reply.send(done));
                }
                Some(Errand::Reload { always: false, reply }) if !is_another => {
                    let _ = reply.send(self.linked().await);
                }
                errand => {
                    if matches!(errand, Some(Errand::CarryIn { .. })) {
                        self.hands.sync.same_link_follows();
                    }
                    if let Some(running) = running.take() {
                        running.end().await;
                    }
                    let answer = self.alone(errand, &stop).await;
                    (running, seen) = self.link(&stop).await;
                    answer.send(self.linked().await);
                }
            }
        }
        if let Some(running) = running {
            running.end().await;
        }
    }

    /// Goes by what is in force from here on. Returns whether the engine has to be another one for that.
    fn is_by_another_timetable(&mut self) -> bool {
        let config = Config::clone(&self.config.borrow_and_update());
        let is_another = config.sync != self.hands.config.sync;
        self.hands.config = config;
        is_another
    }

    /// Does what no engine may run beside. The answer is given when it runs again.
    async fn alone(&self, errand: Option<Errand>, stop: &CancellationToken) -> Answer {
        match errand {
            Some(Errand::Replace { code, reply }) => {
                let done = stop.run_until_cancelled(self.hands.replace(&code)).await;
                done.map_or(Answer::Nobody, |done| Answer::Later(Box::new(move || drop(reply.send(done)))))
            }
            Some(Errand::CarryIn { root, reply }) => {
                let done = stop.run_until_cancelled(self.hands.carry_in(&root)).await;
                done.map_or(Answer::Nobody, |done| Answer::Later(Box::new(move || drop(reply.send(done)))))
            }
            Some(Errand::Reload { reply, .. }) => Answer::Linked(reply),
            Some(Errand::CarryOut { .. } | Errand::BackUp { .. }) | None => Answer::Nobody,
        }
    }

    /// Makes the connection, as far as the keys allow, and sets the engine going. Returns the key files it was made of too.
    async fn link(&mut self, stop: &CancellationToken) -> (Option<Running>, KeyFiles) {
        let Hands { config, visits, time, sync, folder, .. } = &self.hands;
        let connected = match self.connected.take() {
            Some(connected) => connected,
            None => connect::connect(config, visits, time, folder, sync).await,
        };
        let running = connected.server.map(|server| {
            let (engine, stop) = (self.engine(server), stop.child_token());
            Running { task: tokio::spawn(engine.run(stop.clone())), stop }
        });
        (running, connected.files)
    }

    fn engine(&self, server: HttpsProvince) -> Engine<HttpsProvince> {
        let Hands { config, cards, visits, time, sync, folder } = self.hands.clone();
        let (timing, limits, chance) = (timing(&config), limits(&config), rand::random);
        Engine { server, cards, visits, time, parts: folder.join("parts"), timing, limits, chance, handle: sync }
    }

    async fn linked(&self) -> Result<Linked, Undone> {
        let link = self.hands.sync.status().borrow().link;
        match self.hands.visits.install_id().await {
            Ok(install) => Ok(Linked { link, install }),
            Err(error) => Err(Undone { code: error.code().to_owned(), said: words::cannot_open(&error) }),
        }
    }
}

/// An answer that waits until the engine runs again.
enum Answer {
    Nobody,
    Linked(Reply<Linked>),
    Later(Box<dyn FnOnce() + Send>),
}

impl Answer {
    fn send(self, linked: Result<Linked, Undone>) {
        match self {
            Self::Nobody => {}
            Self::Linked(reply) => drop(reply.send(linked)),
            Self::Later(send) => send(),
        }
    }
}

/// Waits for the end of an engine that runs; for ever where none does.
async fn unasked(running: &mut Option<Running>) {
    match running {
        // A panic shows in the log, and in a release ends the process.
        Some(running) => drop((&mut running.task).await),
        None => core::future::pending().await,
    }
}

/// Tells which sticks are in, until stopped. A disk that hangs holds up nobody but a thread of its own, which costs one wake-up for a look.
pub(super) async fn watch_sticks(mut config: watch::Receiver<Arc<Config>>, found: watch::Sender<Arc<[PathBuf]>>, stop: CancellationToken) {
    let followed = config.clone();
    let started = Mounts::listen().and_then(|(mounts, caller)| {
        thread::Builder::new().name("sticks".to_owned()).spawn(move || look_for_sticks(mounts, &followed, &found))?;
        Ok(caller)
    });
    let mut caller = match started {
        Ok(caller) => caller,
        Err(error) => {
            tracing::error!(name: "sticks.unwatched", %error, "sticks are not looked for: the page shows none until the next start");
            return stop.cancelled().await;
        }
    };
    let call = async {
        while config.changed().await.is_ok() {
            // Other folders may count now. A call that finds no room is one of many that wait.
            let _ = caller.write(&[0]);
        }
        core::future::pending::<()>().await;
    };
    stop.run_until_cancelled(call).await;
}

fn look_for_sticks(mut mounts: Mounts, config: &watch::Receiver<Arc<Config>>, found: &watch::Sender<Arc<[PathBuf]>>) {
    loop {
        let patterns = config.borrow().stick_folders.clone();
        let now = sticks::find(&patterns);
        found.send_if_modified(|known| {
            let is_another = **known != *now;
            if is_another {
                *known = now.into();
            }
            is_another
        });
        match mounts.wait(LOOK_FOR_MARKS) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(name: "sticks.unwatched", %error, "sticks are not looked for: the page shows those of now until the next start");
                return;
            }
        }
    }
}
