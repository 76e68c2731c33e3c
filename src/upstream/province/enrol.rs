//! Enrolment: the one conversation before there is a certificate.
//!
//! Promise: both keys are made here and never leave the station; what the province gives is checked before it is returned. Never: the one-time
//! code in an error.

use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::x25519;
use chrono::DateTime;
use chrono::Utc;
use minisign_verify::PublicKey;
use rcgen::KeyPair;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::https::connection;
use super::https::connection::Connection;
use super::https::connection::Limits;
use super::https::messages;
use super::https::renewal;
use super::seal;
use super::wire;
use crate::domain::facility::FacilityCode;
use crate::upstream::CertificateLife;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::JudgedTime;

/// The station's own secrets, made once by `init`.
pub struct StationKeys {
    /// Private key of the client certificate, PEM.
    pub key_pem: Zeroizing<String>,
    /// The feed's age identity.
    pub feed_key: Zeroizing<String>,
}

impl StationKeys {
    /// Makes both keys from the system's random numbers.
    pub fn generate() -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(|_| Error::Keys("no key could be made"))?;
        let feed_key = Zeroizing::new(x25519::Identity::generate().to_string().expose_secret().to_owned());
        Ok(Self { key_pem: Zeroizing::new(key.serialize_pem()), feed_key })
    }
}

/// The record of visits that the province gave a certificate for; `None` if the certificate names none.
pub fn certified_install(certificate_pem: &str) -> Option<Uuid> {
    renewal::install(certificate_pem)
}

/// The station that a certificate was given to; `None` if it names none.
pub fn certified_station(certificate_pem: &str) -> Option<FacilityCode> {
    renewal::station(certificate_pem)
}

/// From when on a certificate is in force.
pub fn certified_since(certificate_pem: &str) -> Option<DateTime<Utc>> {
    renewal::life(certificate_pem).map(|life| life.not_before)
}

/// From when until when a certificate is in force, PEM; `None` if it cannot be read.
pub fn certified_life(certificate_pem: &str) -> Option<CertificateLife> {
    renewal::life(certificate_pem)
}

/// What the province gives in exchange for the code.
#[derive(Debug)]
pub struct Enrolment {
    /// The station's name as the province has it.
    pub station_name: String,
    /// Client certificate, PEM.
    pub certificate_pem: String,
    /// Base64 line of the index's public key.
    pub index_public_key: String,
    /// age recipient of visits carried on a stick; a province may take none.
    pub intake_recipient: Option<String>,
}

/// Shows the code to the province and takes the certificate. A code works once, but may be shown again with the same keys and install by whoever did not
/// hear the answer. Of an error, [`Error::leaves_open`] tells whether that is so. The province's certificate is judged by the time that
/// `judged` tells.
pub async fn enrol(
    base: &Url,
    ca_pem: &str,
    station: &FacilityCode,
    code: &str,
    install: Uuid,
    keys: &StationKeys,
    judged: &JudgedTime,
) -> Result<Enrolment, Error> {
    let key = KeyPair::from_pem(&keys.key_pem).map_err(|_| Error::Keys("the station's key is not PEM"))?;
    let csr_pem = renewal::signing_request(&key, station)?;
    let identity: x25519::Identity = keys.feed_key.trim().parse().map_err(|_| Error::Keys("the feed key is not an age identity"))?;
    let feed_recipient = identity.to_public().to_string();
    let message = wire::EnrolRequest {
        format: wire::FORMAT,
        station: station.as_str(),
        code,
        install,
        csr_pem: &csr_pem,
        feed_recipient: &feed_recipient,
    };
    let connection = Connection::new(ca_pem, None, judged, Limits::USUAL, &Arc::default())?;
    let request = connection.post(connection::url(base, &["v1", "enrol"])?, &message)?;
    let bytes = messages::ask(&connection, request, wire::MAX_ANSWER, "certificate_pem").await?;
    let answer: wire::EnrolAnswer =
        serde_json::from_slice(&bytes).map_err(|_| Error::Stranger("an enrolment that is not the protocol's"))?;
    if answer.station != station.as_str() {
        return Err(Fault::OtherStation.into());
    }
    PublicKey::from_base64(&answer.index_public_key).map_err(|_| Error::Stranger("an index key that is none"))?;
    if answer.intake_recipient.as_deref().is_some_and(|recipient| !seal::is_recipient(recipient)) {
        return Err(Error::Stranger("an intake recipient that is none"));
    }
    Ok(Enrolment {
        station_name: answer.station_name.chars().filter(|c| !c.is_control()).take(100).collect(),
        certificate_pem: answer.certificate_pem,
        index_public_key: answer.index_public_key,
        intake_recipient: answer.intake_recipient,
    })
}
