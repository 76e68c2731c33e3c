//! The province over HTTPS with a client certificate.
//!
//! Promise: only the province's own CA is trusted, no redirect is followed, no proxy used, every body bounded; time limits are about silence and
//! progress, so that a slow link that still moves is not cut off. Never: an identifier in a URL; the server's text in an error.
//!
//! * [`connection`]: requests, limits, what they cost
//! * [`trust`]: TLS, by a time that can be believed
//! * [`index`], [`download`]: what there is, and the files; [`memory`]: the last index over a restart
//! * [`messages`]: visits, contacts, questions, rechecks
//! * [`renewal`]: the station's certificate

pub(super) mod connection;
mod download;
mod index;
mod memory;
pub(super) mod messages;
pub(super) mod renewal;
mod trust;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use age::x25519;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::connection::Connection;
use self::connection::Limits;
use self::download::Parts;
use self::index::LastIndex;
use self::trust::Identity;
pub(super) use self::trust::speaks_no_tls;
use super::feed;
use super::keychain::IndexKey;
use crate::domain::contact::Greeting;
use crate::domain::contact::Hello;
use crate::domain::facility::FacilityCode;
use crate::domain::recheck::Recheck;
use crate::domain::roster::Answered;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::roster::Wanted;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;
use crate::upstream::CertificateLife;
use crate::upstream::Error;
use crate::upstream::JudgedTime;
use crate::upstream::KeyKeeper;
use crate::upstream::ProvincialServer;

/// Everything that makes us this station to the province. Texts as they stand in the key files.
pub struct Credentials {
    /// Certificate of the province's CA, PEM.
    pub ca_pem: String,
    /// Client certificate, PEM.
    pub certificate_pem: String,
    /// Its key, PEM.
    pub key_pem: Zeroizing<String>,
    /// The feed's age identity.
    pub feed_key: Zeroizing<String>,
    /// Base64 line of the index's public key.
    pub index_public_key: String,
}

/// The connection.
pub struct HttpsProvince {
    base: Url,
    station: FacilityCode,
    ca_pem: String,
    key_pem: Zeroizing<String>,
    feed_key: x25519::Identity,
    judged: JudgedTime,
    keeper: Arc<dyn KeyKeeper>,
    limits: Limits,
    meter: Arc<AtomicU64>,
    shown: Mutex<(Connection, CertificateLife)>,
    index_key: Mutex<IndexKey>,
    last_index: Mutex<LastIndex>,
    /// Where that is kept over a restart.
    memory: Option<PathBuf>,
    parts: Parts,
    /// The province takes no packed bodies; as far as this process knows.
    sends_plain: AtomicBool,
}

impl HttpsProvince {
    /// Prepares the connection; sends nothing. Certificates are judged by the time that `judged` tells, and new ones are handed to `keeper`.
    pub fn new(
        base: Url,
        station: FacilityCode,
        credentials: &Credentials,
        judged: JudgedTime,
        keeper: Arc<dyn KeyKeeper>,
    ) -> Result<Self, Error> {
        Self::with_limits(base, station, credentials, judged, keeper, Limits::USUAL)
    }

    fn with_limits(
        base: Url,
        station: FacilityCode,
        credentials: &Credentials,
        judged: JudgedTime,
        keeper: Arc<dyn KeyKeeper>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let Credentials { ca_pem, certificate_pem, key_pem, feed_key, index_public_key } = credentials;
        let life = renewal::life(certificate_pem).ok_or(Error::Keys("the station's certificate cannot be read"))?;
        let meter = Arc::default();
        let shown = Connection::new(ca_pem, Some((&Identity { certificate_pem, key_pem }, life)), &judged, limits, &meter)?;
        let index_key = IndexKey::parse(index_public_key).ok_or(Error::Keys("the index's public key is not a minisign key"))?;
        let feed_key = feed_key.trim().parse().map_err(|_| Error::Keys("the feed key is not an age identity"))?;
        Ok(Self {
            base,
            station,
            ca_pem: ca_pem.clone(),
            key_pem: key_pem.clone(),
            feed_key,
            judged,
            keeper,
            limits,
            meter,
            shown: Mutex::new((shown, life)),
            index_key: Mutex::new(index_key),
            last_index: Mutex::default(),
            memory: None,
            parts: Parts::default(),
            sends_plain: AtomicBool::new(false),
        })
    }

    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        connection::url(&self.base, path)
    }

    fn shown(&self) -> MutexGuard<'_, (Connection, CertificateLife)> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection as it is now. What is under way on an older one goes on.
    fn connection(&self) -> Connection {
        self.shown().0.clone()
    }

    fn life(&self) -> CertificateLife {
        self.shown().1
    }

    /// A connection that shows no certificate.
    fn plain_connection(&self) -> Result<Connection, Error> {
        Connection::new(&self.ca_pem, None, &self.judged, self.limits, &self.meter)
    }

    /// A connection that shows another certificate.
    fn connection_with(&self, certificate_pem: &str, life: CertificateLife) -> Result<Connection, Error> {
        let identity = Identity { certificate_pem, key_pem: &self.key_pem };
        Connection::new(&self.ca_pem, Some((&identity, life)), &self.judged, self.limits, &self.meter)
    }

    fn use_connection(&self, connection: Connection, life: CertificateLife) {
        *self.shown() = (connection, life);
    }
}

impl ProvincialServer for HttpsProvince {
    async fn index(&self) -> Result<Index, Error> {
        self.verified_index().await
    }

    async fn fetch(&self, file: &FeedFile, path: &Path, allowance: u64) -> Result<(), Error> {
        let name = format!("{}.jsonl.zst.age", file.sha256.to_hex());
        let url = self.url(&["v1", "feed", self.station.as_str(), &name])?;
        download::fetch(&self.connection(), &self.parts, url, file, path, allowance).await
    }

    fn open(&self, path: &Path) -> Result<FeedLines, Error> {
        Ok(feed::open(path, &self.feed_key, self.station.as_str())?)
    }

    async fn deliver(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        self.send_visits(install, visits).await
    }

    async fn contact(&self, hello: &Hello) -> Result<Greeting, Error> {
        self.send_contact(hello).await
    }

    async fn look_up(&self, wanted: &Wanted) -> Result<Answered, Error> {
        self.send_question(wanted).await
    }

    async fn report(&self, install: Uuid, rechecks: &[Recheck]) -> Result<(), Error> {
        self.send_rechecks(install, rechecks).await
    }

    fn certificate(&self) -> Option<CertificateLife> {
        Some(self.life())
    }

    async fn renew(&self, install: Uuid) -> Result<(), Error> {
        self.send_renewal(install).await
    }

    fn traffic(&self) -> u64 {
        self.meter.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod download_tests;
#[cfg(test)]
mod packed_tests;
#[cfg(test)]
mod renewal_tests;
#[cfg(test)]
mod scripted_tests;
#[cfg(test)]
mod trust_tests;
