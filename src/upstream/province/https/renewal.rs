//! The station's certificate: how long it lasts, and another one for the same key.
//!
//! Promise: a certificate is taken only if it is for our key and our station and its days make sense, and it is on the disk before it is shown; the
//! request goes out without a certificate, because one that has ended could not be shown. Never: the key leaves the machine.

use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
use rcgen::PublicKeyData;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task;
use uuid::Uuid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::HttpsProvince;
use super::messages;
use crate::domain::facility::FacilityCode;
use crate::upstream::CertificateLife;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::KeyFile;
use crate::upstream::province::wire;

/// Longest certificate that is kept, PEM, with what leads from it to the authority.
const LONGEST: usize = 32 << 10;

/// The days of a certificate, PEM; `None` if it cannot be read.
pub(in crate::upstream::province) fn life(pem: &str) -> Option<CertificateLife> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    read_life(&certificate)
}

/// The record of visits that a certificate was given for, PEM; `None` if it names none.
pub(in crate::upstream::province) fn install(pem: &str) -> Option<Uuid> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Uuid::parse_str(uri.strip_prefix("urn:uuid:")?).ok(),
        _ => None,
    })
}

/// The station that a certificate was given to, PEM; `None` if it names none.
pub(in crate::upstream::province) fn station(pem: &str) -> Option<FacilityCode> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    FacilityCode::parse(name).ok()
}

fn read_life(certificate: &X509Certificate<'_>) -> Option<CertificateLife> {
    let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0);
    let days = certificate.validity();
    Some(CertificateLife { not_before: at(days.not_before.timestamp())?, not_after: at(days.not_after.timestamp())? })
}

/// Checks a certificate that we were given for our key, in the place of the one `held`.
fn check(pem: &str, key: &KeyPair, station: &FacilityCode, held: CertificateLife, now: DateTime<Utc>) -> Option<CertificateLife> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok().filter(|_| pem.len() <= LONGEST)?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let is_ours = certificate.public_key().raw == key.subject_public_key_info()
        && names.next().and_then(|name| name.as_str().ok()) == Some(station.as_str())
        && names.next().is_none();
    // Whether it has begun, or has ended, our clock need not know: the province's does. But one that ends before the one in hand begins was made by a clock
    // that is wrong, or follows one that was: ours has to bear out which.
    let is_late_enough = |end: DateTime<Utc>| end > held.not_before || end > now;
    let makes_sense = |life: &CertificateLife| life.not_before < life.not_after && is_late_enough(life.not_after);
    read_life(&certificate).filter(|life| is_ours && makes_sense(life))
}

/// A signing request for a key, PEM.
pub(in crate::upstream::province) fn signing_request(key: &KeyPair, station: &FacilityCode) -> Result<String, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, station.as_str());
    let request = params.serialize_request(key).and_then(|request| request.pem());
    request.map_err(|_| Error::Keys("no signing request could be made"))
}

impl HttpsProvince {
    pub(super) async fn send_renewal(&self, install: Uuid) -> Result<(), Error> {
        let key = KeyPair::from_pem(&self.key_pem).map_err(|_| Error::Keys("the station's key is not PEM"))?;
        let csr_pem = signing_request(&key, &self.station)?;
        let message = wire::RenewRequest { format: wire::FORMAT, station: self.station.as_str(), install, csr_pem: &csr_pem };
        let plain = self.plain_connection()?;
        let request = plain.post(self.url(&["v1", "renew"])?, &message)?;
        let answer = messages::ask(&plain, request, wire::MAX_ANSWER, "certificate_pem").await?;
        let answer: wire::RenewAnswer = serde_json::from_slice(&answer).map_err(|_| Fault::Answer)?;
        let pem = answer.certificate_pem;
        let life = check(&pem, &key, &self.station, self.life(), (self.judged)()).ok_or(Fault::Certificate)?;
        // All that could refuse it has been asked before it takes the place of the one that works.
        let connection = self.connection_with(&pem, life)?;
        let keeper = Arc::clone(&self.keeper);
        let kept = task::spawn_blocking(move || keeper.keep(KeyFile::Certificate, &pem)).await;
        kept.map_err(|e| Error::Disk(e.into()))?.map_err(Error::Disk)?;
        self.use_connection(connection, life);
        Ok(())
    }
}
