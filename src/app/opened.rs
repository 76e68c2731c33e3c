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
use crate::storage::folder;
use crate::storage::folder::DataFolder;
use crate::storage::integrity::Whole;
use crate::storage::key::DatabaseKey;
use crate::storage::open::OnDamage;
use crate::storage::rotate::former;
use crate::storage::visits;
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

/// How often, and how far apart, a locked folder is tried: whoever looks at it, and a verb that is just ending, hold it for a moment.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Tries again while somebody holds the folder for a moment.
async fn patiently<T, E>(attempt: impl AsyncFn() -> Result<T, E>, is_in_use: impl Fn(&E) -> bool) -> Result<T, E> {
    for _ in 0..LOCK_TRIES {
        match attempt().await {
            Err(error) if is_in_use(&error) => time::sleep(LOCK_PAUSE).await,
            done => return done,
        }
    }
    attempt().await
}

/// Locks the data folder for whoever changes its files while no service runs.
pub(super) async fn locked(config: &Config, key: &DatabaseKey) -> Result<DataFolder, storage::Error> {
    patiently(async || DataFolder::lock(&config.data_dir, key), is_in_use).await
}

/// Ends a change of keys that was cut off, and waits for whoever holds the folder for a moment.
pub(super) async fn settled(config: &Config) -> Result<(), storage::Error> {
    patiently(async || rotate::settle(config), is_in_use).await
}

/// What opens the data, where there are any. A station that was wiped has neither, and says so.
fn must_be_there(config: &Config) -> Result<DatabaseKey, AppError> {
    wipe::settle(config)?;
    let key = DatabaseKey::read(&config.keys.database_key())?;
    folder::refuse_unused(&config.data_dir)?;
    Ok(key)
}

fn is_in_use(error: &storage::Error) -> bool {
    matches!(error, storage::Error::InUse { .. })
}

impl Opened {
    /// The same as [`open`](Self::open), and waits for whoever holds the folder for a moment. Only the service, which may set a damaged database aside, may also
    /// make new ones: for everybody else they must be there.
    pub async fn open_when_free(config: &Config, clock: Arc<dyn Clock>, on_damage: OnDamage) -> Result<Self, AppError> {
        if on_damage == OnDamage::Refuse {
            must_be_there(config)?;
        }
        let is_in_use = |error: &AppError| matches!(error, AppError::Storage(error) if is_in_use(error));
        patiently(async || Self::open(config, Arc::clone(&clock), on_damage).await, is_in_use).await
    }

    /// Locks the data folder, opens both databases, and puts the desk over them. Starts nothing but the writers. Only the service may set a damaged one aside.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, on_damage: OnDamage) -> Result<Self, AppError> {
        wipe::settle(config)?;
        rotate::settle(config)?;
        let key = DatabaseKey::read(&config.keys.database_key())?;
        let folder = Arc::new(DataFolder::lock(&config.data_dir, &key)?);
        visits::refuse_other_facility(folder.path(), &key, &config.facility, connect::certified_station(config).as_ref())?;
        storage::wipe::unstage(folder.path())?;
        // Before the first migration: one that is cut leaves the note on the careful side.
        let before = folder.note_schemas(&[("visits", visits::SCHEMA.version()), ("cards", storage::cards::SCHEMA.version())])?;
        let opened = Self::open_noted(config, &folder, &key, clock, on_damage).await;
        if opened.is_err() {
            // What was not migrated is not noted: the version before may go on with it.
            examine::note_as_they_are(&folder, &key, &before);
        }
        opened
    }

    async fn open_noted(
        config: &Config,
        folder: &Arc<DataFolder>,
        key: &DatabaseKey,
        clock: Arc<dyn Clock>,
        on_damage: OnDamage,
    ) -> Result<Self, AppError> {
        let time = TimeKeeper::new(clock, RELEASED_AT);
        let (visits, visits_writer) = VisitStore::open_or(on_damage, folder.path(), key, time.clone())?;
        let visits = visits.with_former_keys(former(config.keys.dir()));
        let (cards, cards_writer) = match CardStore::open_or(on_damage, &folder.path().join("cards"), key, time.clone()) {
            Ok(opened) => opened,
            Err(error) => {
                drop(visits);
                close(vec![visits_writer]).await;
                return Err(error.into());
            }
        };
        let writers = vec![visits_writer, cards_writer];
        match Self::over(config, Arc::clone(folder), time, (visits, cards)).await {
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
    let (data, key) = (config.data_dir.clone(), must_be_there(config)?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::by_hand::Place;
    use crate::storage::cards;
    use crate::storage::open;
    use crate::storage::open::Schema;

    /// The version before may go on after an upgrade that failed, unless something was migrated: "previous.schemas" of the package's scripts is held against this note.
    #[tokio::test]
    async fn what_was_not_migrated_is_not_noted_as_migrated() {
        let place = Place::new("2026-11-22T01:00:00Z".parse().unwrap());
        let (config, key) = (place.config(""), DatabaseKey::from_bytes(&[7; 32]));
        let data = place.dir.path().join("data");
        let folder = DataFolder::lock(&data, &key).unwrap();
        let (ours, before) = (visits::SCHEMA.version(), visits::SCHEMA.version() - 1);
        let older = Schema { migrations: &visits::SCHEMA.migrations[..visits::SCHEMA.migrations.len() - 1], ..visits::SCHEMA };
        let database = data.join(visits::FILE);
        drop(open::writer(&database, &key, &older).unwrap());
        let older_cards = cards::SCHEMA.version() - 1;
        folder.note_schemas(&[("visits", before), ("cards", older_cards)]).unwrap();
        drop(folder);
        let noted = || std::fs::read_to_string(data.join("schemas")).unwrap();
        let fails =
            async || Opened::open(&config, Arc::clone(&place.clock) as Arc<dyn Clock>, OnDamage::SetAside).await.err().expect("it fails");

        // The last step meets what it cannot go on with, and is undone.
        let blocked = open::writer(&database, &key, &older).unwrap();
        let step = visits::SCHEMA.migrations[visits::SCHEMA.migrations.len() - 1];
        blocked.execute_batch(step).unwrap();
        drop(blocked);
        fails().await;
        assert_eq!(noted(), format!("visits {before}\ncards {older_cards}\n"));

        // visits.db can be brought up, and what comes after it fails.
        std::fs::remove_file(&database).unwrap();
        drop(open::writer(&database, &key, &older).unwrap());
        std::fs::write(data.join("cards"), "no folder").unwrap();
        fails().await;
        assert_eq!(noted(), format!("visits {ours}\ncards {}\n", cards::SCHEMA.version()), "what cannot be asked is taken for migrated");
    }
}
