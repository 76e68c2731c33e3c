//! Who this station is to the province: another identity in the place of the one before.
//!
//! Promise: new keys, certificate and install wait in a folder of their own until they are all there; the certificate comes last, and with it the change
//! is decided: a cut before leaves the old identity, a cut after is made up for at the next start. A code that is refused changes nothing. Never: a
//! private key that leaves the machine; an old certificate beside a new key for longer than the way to the next start.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::storage;
use crate::storage::folder;
use crate::storage::key;
use crate::storage::open;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::province::enrol;
use crate::upstream::province::enrol::StationKeys;

/// The install that the waiting keys were certified for.
const INSTALL: &str = "install";

/// Why there is no other identity.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// No province is configured.
    #[error("no province is configured")]
    NoProvince,
    /// The province, or what it answered.
    #[error(transparent)]
    Province(#[from] upstream::Error),
    /// Our own files.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Takes another identity with a one-time code. Returns the station's name as the province has it. Whoever calls holds the data folder and uses no key
/// meanwhile.
pub async fn replace(config: &Config, visits: &VisitStore, time: &TimeKeeper, code: &str) -> Result<String, ReplaceError> {
    let province = config.province.as_ref().ok_or(ReplaceError::NoProvince)?;
    finish(&config.keys, visits, time).await?;
    let next = config.keys.next();
    forget(&next)?;
    folder::create_private(next.dir())?;
    let (keys, install) = (StationKeys::generate()?, Uuid::new_v4());
    key::write_new_secret(&next.station_key(), keys.key_pem.as_bytes())?;
    key::write_new_secret(&next.feed_key(), keys.feed_key.as_bytes())?;
    key::write_new_secret(&next.dir().join(INSTALL), install.to_string().as_bytes())?;
    open::sync_folder(config.keys.dir())?;
    let ca_pem = String::from_utf8_lossy(&province.authority.pem);
    let clock = time.clone();
    let judged: upstream::JudgedTime = Arc::new(move || clock.now().at);
    let enrolled = enrol::enrol(&province.url, &ca_pem, &config.facility, code, install, &keys, &judged).await;
    let enrolment = match enrolled {
        Ok(enrolment) => enrolment,
        Err(error) => {
            // Nothing waits for these keys. Where they cannot be removed, the next try begins with that.
            let _ = forget(&next);
            return Err(error.into());
        }
    };
    key::write_new_secret(&next.index_public_key(), enrolment.index_public_key.as_bytes())?;
    // An empty one says that visits are not taken on sticks any more.
    key::write_new_secret(&next.intake_recipient(), enrolment.intake_recipient.unwrap_or_default().as_bytes())?;
    key::write_new_secret(&next.station_certificate(), enrolment.certificate_pem.as_bytes())?;
    finish(&config.keys, visits, time).await?;
    Ok(enrolment.station_name)
}

/// Brings a change that was decided to its end. Without one it changes nothing. To be called before keys are read.
pub async fn finish(keys: &Keys, visits: &VisitStore, time: &TimeKeeper) -> Result<bool, storage::Error> {
    let next = keys.next();
    if !next.station_certificate().exists() {
        return Ok(false);
    }
    let path = next.dir().join(INSTALL);
    let text = fs::read_to_string(&path).map_err(storage::Error::file(&path, "cannot be read"))?;
    let unreadable = |error| storage::Error::file(&path, "is not an install id")(io::Error::new(io::ErrorKind::InvalidData, error));
    visits.become_install(Uuid::parse_str(text.trim()).map_err(unreadable)?, time.now().at).await?;
    let files = [
        (next.station_key(), keys.station_key()),
        (next.feed_key(), keys.feed_key()),
        (next.index_public_key(), keys.index_public_key()),
        (next.intake_recipient(), keys.intake_recipient()),
    ];
    for (from, to) in &files {
        put(from, to)?;
    }
    open::sync_folder(keys.dir())?;
    put(&next.station_certificate(), &keys.station_certificate())?;
    open::sync_folder(keys.dir())?;
    forget(&next)?;
    tracing::info!("the station has another identity");
    Ok(true)
}

/// Gives a waiting file its name. One that has it already stays.
fn put(from: &Path, to: &Path) -> Result<(), storage::Error> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage::Error::file(to, "cannot be replaced")(error)),
        _ => Ok(()),
    }
}

fn forget(next: &Keys) -> Result<(), storage::Error> {
    match fs::remove_dir_all(next.dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage::Error::file(next.dir(), "cannot be removed")(error)),
        _ => Ok(()),
    }
}
