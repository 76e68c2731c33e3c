//! Another database key, and the end of a change of keys that was cut off.
//!
//! Promise: whoever opens the files first ends what was begun. Never: beside a daemon; a key that systemd hands over, which this program cannot replace.

use zeroize::Zeroizing;

use super::opened;
use super::wipe;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::storage;
use crate::storage::folder::DataFolder;
use crate::storage::key::DatabaseKey;
use crate::storage::rotate;
use crate::storage::rotate::Keys;

/// Why there is no other key.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// It comes from systemd's credentials.
    #[error("the key is a credential")]
    Credential,
    /// Our own files: as before, or ended at the next start.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Ends a change of keys that was begun. Before the key is read.
pub(super) fn settle(config: &Config) -> Result<(), storage::Error> {
    let (present, next) = (config.keys.own_database_key(), config.keys.next_database_key());
    let keys = Keys { present: &present, next: &next };
    if rotate::is_open(&config.data_dir, keys) {
        tracing::warn!(name: "key.settled", "a change of keys was cut off: it is ended, or undone, now");
        rotate::settle(&DataFolder::hold(&config.data_dir)?, keys)?;
    }
    Ok(())
}

/// Gives both databases a new key.
pub async fn rotate(config: &Config, time: &TimeKeeper) -> Result<(), RotateError> {
    let (present, next) = (config.keys.own_database_key(), config.keys.next_database_key());
    if config.keys.database_key() != present {
        return Err(RotateError::Credential);
    }
    wipe::settle(config)?;
    opened::settled(config).await?;
    let key = DatabaseKey::read(&present)?;
    let folder = opened::locked(config, &key).await?;
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    let keys = Keys { present: &present, next: &next };
    // Without it older backups could be thinned out by no rule, and put back by nobody who has no identity.
    let former = (&*time.quarantine_stamp(), config.backup.is_some());
    Ok(rotate::rotate(&folder, keys, (&key, &DatabaseKey::from_bytes(&bytes)), former)?)
}
