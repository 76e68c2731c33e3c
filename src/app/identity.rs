//! Who this station is to the province: another identity in the place of the one before.
//!
//! Promise: new keys, certificate and install wait in a folder of their own until they are all there; the certificate comes last, and with it the change
//! is decided: a cut before leaves the old identity, a cut after is made up for at the next start. A code that is refused changes nothing. Keys that the
//! province may have certified, though its answer never came, wait for the next try: with them the same code is good again. Never: a private key that
//! leaves the machine; an old certificate beside a new key for longer than the way to the next start.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use uuid::Uuid;

use super::read_key_file;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::storage;
use crate::storage::folder;
use crate::storage::key;
use crate::storage::open;
use crate::storage::visits::VisitStore;
use crate::sync::status::Asked;
use crate::sync::status::AskedFor;
use crate::sync::status::OtherRecord;
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
    /// The province, or what it answered: everything is as before.
    #[error(transparent)]
    Province(#[from] upstream::Error),
    /// The same, but it is not known whether this try, or one before, has put the keys in force that wait: they wait on.
    #[error("whether the province has certified the keys that wait is not known")]
    Open(#[source] upstream::Error),
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
    let waiting = waiting(&next)?;
    let is_again = waiting.is_some();
    let (keys, install) = match waiting {
        Some(waiting) => waiting,
        None => make(&config.keys)?,
    };
    let ca_pem = String::from_utf8_lossy(&province.authority.pem);
    let enrolled = enrol::enrol(&province.url, &ca_pem, &config.facility, code, install, &keys, &upstream::judged_by(time)).await;
    let enrolment = match enrolled {
        Ok(enrolment) => enrolment,
        Err(error) if is_again || error.leaves_open() => return Err(ReplaceError::Open(error)),
        Err(error) => {
            // Nobody has certified these keys. Where they cannot be removed, the next try goes on with them.
            let _ = forget(&next);
            return Err(error.into());
        }
    };
    // In the place of what a try that was cut short has left of it.
    key::replace_secret(&next.index_public_key(), enrolment.index_public_key.as_bytes())?;
    // An empty one says that visits are not taken on sticks any more.
    key::replace_secret(&next.intake_recipient(), enrolment.intake_recipient.unwrap_or_default().as_bytes())?;
    key::replace_secret(&next.station_certificate(), enrolment.certificate_pem.as_bytes())?;
    finish(&config.keys, visits, time).await?;
    Ok(enrolment.station_name)
}

/// The keys of an earlier try that the province may have certified, and the install they are for; `None` if none were shown to it. Where they cannot be
/// read, nothing takes their place.
fn waiting(next: &Keys) -> Result<Option<(StationKeys, Uuid)>, ReplaceError> {
    // It is written last.
    if !next.dir().join(INSTALL).exists() {
        return Ok(None);
    }
    let keys = StationKeys { key_pem: read_key_file(&next.station_key())?, feed_key: read_key_file(&next.feed_key())? };
    Ok(Some((keys, read_install(next)?)))
}

/// When the waiting keys were made that the province may have certified; `None`: none wait.
pub(super) fn asked(keys: &Keys) -> Option<Asked> {
    let look = |path: &Path, what| {
        let found = fs::metadata(path).ok()?;
        Some(Asked { what, since: found.modified().ok().map(DateTime::from) })
    };
    let replacement = look(&keys.next().dir().join(INSTALL), AskedFor::Replacement);
    replacement.or_else(|| look(&keys.enrolment_asked(), AskedFor::Enrolment))
}

/// Whether the certificate was given for another record of visits than this one. A change of identity must have been brought to its end.
pub(super) async fn other_record(keys: &Keys, visits: &VisitStore) -> Result<Option<OtherRecord>, storage::Error> {
    let Ok(certificate) = fs::read_to_string(keys.station_certificate()) else { return Ok(None) };
    let Some(certified) = enrol::certified_install(&certificate) else { return Ok(None) };
    if certified == visits.install_id().await? {
        return Ok(None);
    }
    let since = visits.install_since().await?;
    // One that was put back from a backup, or was given a new name where it lies, is another one on purpose. What took the place of a damaged one is told of by
    // the file set aside, until somebody has taken the visits out of it and dropped it.
    if visits.restored_at().await?.is_some_and(|at| at <= since) || visits.was(certified).await? {
        return Ok(None);
    }
    // It was given for one that was there before.
    let is_later = enrol::certified_since(&certificate).is_some_and(|at| at <= since);
    Ok(Some(OtherRecord { since: Some(since).filter(|_| is_later) }))
}

fn read_install(next: &Keys) -> Result<Uuid, storage::Error> {
    let path = next.dir().join(INSTALL);
    let text = fs::read_to_string(&path).map_err(storage::Error::file(&path, "cannot be read"))?;
    let unreadable = |error| storage::Error::file(&path, "is not an install id")(io::Error::new(io::ErrorKind::InvalidData, error));
    Uuid::parse_str(text.trim()).map_err(unreadable)
}

/// Where the install waits that the keys beside it were certified for.
pub(super) fn install_file(next: &Keys) -> PathBuf {
    next.dir().join(INSTALL)
}

/// Makes keys and install, and returns after they are on the disk: what the province certifies must not be lost by a cut.
fn make(present: &Keys) -> Result<(StationKeys, Uuid), ReplaceError> {
    let next = present.next();
    forget(&next)?;
    folder::create_private(next.dir())?;
    let (keys, install) = (StationKeys::generate()?, Uuid::new_v4());
    key::write_new_secret(&next.station_key(), keys.key_pem.as_bytes())?;
    key::write_new_secret(&next.feed_key(), keys.feed_key.as_bytes())?;
    key::write_new_secret(&next.dir().join(INSTALL), install.to_string().as_bytes())?;
    open::sync_folder(present.dir())?;
    Ok((keys, install))
}

/// Brings a change that was decided to its end. Without one it changes nothing. To be called before keys are read.
pub async fn finish(keys: &Keys, visits: &VisitStore, time: &TimeKeeper) -> Result<bool, storage::Error> {
    let next = keys.next();
    if !next.station_certificate().exists() {
        return Ok(false);
    }
    visits.become_install(read_install(&next)?, time.now().at).await?;
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
    tracing::info!(name: "identity.changed", "the station has another identity");
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
