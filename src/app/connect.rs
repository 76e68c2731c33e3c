//! The connection to the province, made of what lies in the keys folder: at the start, and again whenever the keys may be others.
//!
//! Promise: a change of identity that was decided is ended before a key is read; a fault in keys or certificate never keeps the desk from working. Never: a
//! request.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::identity;
use super::keeping::KeysFolder;
use crate::domain::clock::TimeKeeper;
use crate::domain::facility::FacilityCode;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::ops::config::Province;
use crate::storage::visits::VisitStore;
use crate::sync::driver::SyncHandle;
use crate::sync::status::Identity;
use crate::sync::status::Link;
use crate::upstream;
use crate::upstream::ProvincialServer;
use crate::upstream::province::enrol;
use crate::upstream::province::https::Credentials;
use crate::upstream::province::https::HttpsProvince;

/// The station that the certificate was given to, if there is one that says so.
pub(crate) fn certified_station(config: &Config) -> Option<FacilityCode> {
    enrol::certified_station(&fs::read_to_string(config.keys.station_certificate()).ok()?)
}

/// What the keys make possible.
pub(super) struct Connected {
    /// The way to the province; `None`: the status says why.
    pub(super) server: Option<HttpsProvince>,
    /// The key files it was made of.
    pub(super) files: KeyFiles,
}

/// Connects as far as configuration and keys allow, and tells the engine's handle how that stands.
pub(super) async fn connect(config: &Config, visits: &VisitStore, time: &TimeKeeper, folder: &Path, sync: &SyncHandle) -> Connected {
    // Where it cannot be ended now, the keys are as good or bad as they are.
    if let Err(error) = identity::finish(&config.keys, visits, time).await {
        tracing::error!(name: "identity.unfinished", error = &error as &dyn std::error::Error, "a change of identity cannot be brought to its end yet");
    }
    // Before they are read: what changes while they are read is looked at again.
    let files = KeyFiles::of(&config.keys);
    let (link, server) = province(config, time, folder);
    sync.linked(link);
    sync.certificate_is(server.as_ref().and_then(ProvincialServer::certificate));
    let other_record = identity::other_record(&config.keys, visits).await.unwrap_or_else(|error| {
        tracing::warn!(name: "identity.unknown", %error, "whether the certificate is for this record of visits is not known");
        None
    });
    sync.identity_is(Identity { asked: identity::asked(&config.keys), other_record });
    match visits.machine().await {
        Ok(word) => sync.machine_is(word.map(Into::into)),
        Err(error) => tracing::warn!(name: "identity.unknown", %error, "what the province last made of this machine is not known"),
    }
    Connected { server, files }
}

/// The key files as they can be told apart without reading them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyFiles(Vec<Option<(u64, SystemTime)>>);

impl KeyFiles {
    pub(super) fn of(keys: &Keys) -> Self {
        let paths = [
            keys.station_certificate(),
            keys.station_key(),
            keys.feed_key(),
            keys.index_public_key(),
            keys.next().station_certificate(),
            keys.enrolment_asked(),
        ];
        let look = |path: PathBuf| fs::metadata(path).ok().and_then(|found| Some((found.len(), found.modified().ok()?)));
        Self(paths.into_iter().map(look).collect())
    }
}

fn province(config: &Config, time: &TimeKeeper, folder: &Path) -> (Link, Option<HttpsProvince>) {
    let Some(province) = &config.province else { return (Link::NotConfigured, None) };
    if !config.keys.station_certificate().exists() {
        return (Link::NotEnrolled, None);
    }
    if let Some(other) = certified_station(config).filter(|station| *station != config.facility) {
        tracing::error!(name: "link.other-station", certified = %other, configured = %config.facility, "the certificate was given to another station: working alone");
        return (Link::Unusable, None);
    }
    let keeper = Arc::new(KeysFolder::of(&config.keys));
    let server = credentials(config, province).and_then(|credentials| {
        HttpsProvince::new(province.url.clone(), config.facility.clone(), &credentials, upstream::judged_by(time), keeper)
    });
    match server {
        Ok(server) => (Link::Ready, Some(server.remembering(folder.join("last-index.json")))),
        Err(error) => {
            tracing::error!(name: "link.unusable", error = &error as &dyn std::error::Error, "the connection to the province cannot be made: working alone");
            (Link::Unusable, None)
        }
    }
}

fn credentials(config: &Config, province: &Province) -> Result<Credentials, upstream::Error> {
    Ok(Credentials {
        ca_pem: String::from_utf8_lossy(&province.authority.pem).into_owned(),
        certificate_pem: read_key_file(&config.keys.station_certificate())?.to_string(),
        key_pem: read_key_file(&config.keys.station_key())?,
        feed_key: read_key_file(&config.keys.feed_key())?,
        index_public_key: read_key_file(&config.keys.index_public_key())?.to_string(),
    })
}

/// Reads a file of the keys folder.
pub(crate) fn read_key_file(path: &Path) -> Result<Zeroizing<String>, upstream::Error> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|_| upstream::Error::Keys("a key file cannot be read"))
}
