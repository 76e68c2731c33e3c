//! The station's state, opened and locked: for the daemon, and for a verb that works while none runs.
//!
//! Promise: one process at a time; a change of keys that was cut off is ended before anything is read; the clock's floor and what was held back or agreed to are
//! as the last run left them. Closed in order, and late writers are told. Never: a task, a listener.

use core::time::Duration;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::time;

use super::AppError;
use super::connect;
use super::connect::Connected;
use super::hands::Hands;
use super::rotate;
use super::station::station;
use super::wipe;
use crate::desk::Desk;
use crate::domain::clock::Clock;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::config::Config;
use crate::storage;
use crate::storage::cards::CardStore;
use crate::storage::examine;
use crate::storage::folder::DataFolder;
use crate::storage::integrity::Whole;
use crate::storage::key::DatabaseKey;
use crate::storage::open::OnDamage;
use crate::storage::rotate::former;
use crate::storage::visits::VisitStore;
use crate::sync::driver::SyncHandle;
use crate::sync::status::Link;

/// The station's state, opened and locked, with the desk over it.
pub struct Opened {
    /// The locked folder.
    pub folder: Arc<DataFolder>,
    /// The desk.
    pub desk: Desk,
    /// The engine's handle.
    pub sync: SyncHandle,
    pub(super) cards: CardStore,
    pub(super) visits: VisitStore,
    pub(super) time: TimeKeeper,
    pub(super) connected: Connected,
    pub(super) writers: Vec<JoinHandle<()>>,
}

impl Opened {
    /// Locks the data folder, opens both databases, and puts the desk over them. Starts nothing but the writers. Only the service may set a damaged one aside.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, on_damage: OnDamage) -> Result<Self, AppError> {
        wipe::settle(config)?;
        rotate::settle(config)?;
        let key = DatabaseKey::read(&config.keys.database_key())?;
        let folder = Arc::new(DataFolder::lock(&config.data_dir, &key)?);
        storage::wipe::unstage(folder.path())?;
        folder.note_schemas(&[("visits", storage::visits::SCHEMA.version()), ("cards", storage::cards::SCHEMA.version())])?;
        let time = TimeKeeper::new(clock, RELEASED_AT);
        let (visits, visits_writer) = VisitStore::open_or(on_damage, folder.path(), &key, time.clone())?;
        let visits = visits.with_former_keys(former(config.keys.dir()));
        let (cards, cards_writer) = match CardStore::open_or(on_damage, &folder.path().join("cards"), &key, time.clone()) {
            Ok(opened) => opened,
            Err(error) => {
                drop(visits);
                close(vec![visits_writer]).await;
                return Err(error.into());
            }
        };
        let writers = vec![visits_writer, cards_writer];
        match Self::over(config, folder, time, (visits, cards)).await {
            Ok(opened) => Ok(Self { writers, ..opened }),
            Err(error) => {
                // A process that ends while a connection is open under its thread is torn down under it.
                close(writers).await;
                Err(error)
            }
        }
    }

    /// The desk over what was opened.
    async fn over(
        config: &Config,
        folder: Arc<DataFolder>,
        time: TimeKeeper,
        (visits, cards): (VisitStore, CardStore),
    ) -> Result<Self, AppError> {
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
        if let Err(error) = visits.belongs_to(&config.facility).await {
            // The desk is answered all the same; the next start writes it.
            tracing::warn!(name: "storage.station-unwritten", %error, "whose record visits.db is could not be written into it");
        }
        visits.look_at_room().await;
        let sync = SyncHandle::new(Link::NotConfigured);
        let connected = connect::connect(config, &visits, &time, folder.path(), &sync).await;
        let state = cards.roster().borrow().cursor.as_ref().map(|cursor| cursor.state);
        // From a station without a roster nothing can be taken away.
        sync.held_before(visits.held_roster().await?.filter(|held| state.is_some_and(|state| state != held.state)));
        sync.agreed_before(visits.agreed_roster().await?.filter(|agreed| Some(*agreed) != state));
        let desk = Desk::new(station(config, &time)?, cards.clone(), visits.clone(), time.clone(), sync.clone());
        Ok(Self { folder, desk, sync, cards, visits, time, connected, writers: Vec::new() })
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

/// Whether each of both databases is whole, in a folder in which no service runs. Changes nothing.
pub async fn looked_at(config: &Config) -> Result<(Whole, Whole), AppError> {
    let (data, key) = (config.data_dir.clone(), DatabaseKey::read(&config.keys.database_key())?);
    let looked = tokio::task::spawn_blocking(move || examine::whole(&data, &key)).await;
    Ok(looked.map_err(|_| storage::Error::Stopped)??)
}

/// How long the writers may take to finish their queues: a long load, an emptied log. Below the unit's `TimeoutStopSec`.
const CLOSING: Duration = Duration::from_secs(10);

/// Waits for the writers, which end with the last handle. Returns whether they did.
pub(super) async fn close(writers: Vec<JoinHandle<()>>) -> bool {
    let joined = tokio::task::spawn_blocking(move || writers.into_iter().all(|writer| writer.join().is_ok()));
    let is_in_order = matches!(time::timeout(CLOSING, joined).await, Ok(Ok(true)));
    if !is_in_order {
        tracing::error!(name: "service.slow-stop", "a writer did not end in order; what it called saved is saved");
    }
    is_in_order
}
