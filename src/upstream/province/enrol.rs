//! Enrolment: the one conversation before there is a certificate.
//!
//! Promise: both keys are made here and never leave the station; what the province gives is checked before it is returned. Never: the one-time
//! code in an error.

use age::secrecy::ExposeSecret;
use age::x25519;
use minisign_verify::PublicKey;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
use reqwest::header;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::https;
use super::seal;
use super::wire;
use crate::domain::facility::FacilityCode;
use crate::upstream::Error;
use crate::upstream::Fault;

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

/// Shows the code to the province and takes the certificate. Not idempotent: a code works once.
pub async fn enrol(
    base: &Url,
    ca_pem: &str,
    station: &FacilityCode,
    code: &str,
    install: Uuid,
    keys: &StationKeys,
) -> Result<Enrolment, Error> {
    let key = KeyPair::from_pem(&keys.key_pem).map_err(|_| Error::Keys("the station's key is not PEM"))?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, station.as_str());
    let request = params.serialize_request(&key).and_then(|request| request.pem());
    let csr_pem = request.map_err(|_| Error::Keys("no signing request could be made"))?;
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
    let body = serde_json::to_vec(&message).map_err(|_| Fault::Request)?;
    let client = https::builder(ca_pem)?.build().map_err(|_| Error::Keys("the CA certificate cannot be used"))?;
    let request = client.post(https::url(base, &["v1", "enrol"])?).header(header::CONTENT_TYPE, "application/json").body(body);
    let mut response = request.send().await.map_err(https::unreachable)?;
    https::expect_ok(&mut response).await?;
    let bytes = https::message(&mut response, wire::MAX_ANSWER).await?;
    let answer: wire::EnrolAnswer =
        serde_json::from_slice(&bytes).map_err(|_| Error::Stranger("an enrolment that is not the protocol's"))?;
    if answer.station != station.as_str() {
        return Err(Fault::OtherStation.into());
    }
    PublicKey::from_base64(&answer.index_public_key).map_err(|_| Error::Keys("the index's public key is not a minisign key"))?;
    if answer.intake_recipient.as_deref().is_some_and(|recipient| !seal::is_recipient(recipient)) {
        return Err(Error::Keys("the intake's recipient is not an age recipient"));
    }
    Ok(Enrolment {
        station_name: answer.station_name.chars().filter(|c| !c.is_control()).take(100).collect(),
        certificate_pem: answer.certificate_pem,
        index_public_key: answer.index_public_key,
        intake_recipient: answer.intake_recipient,
    })
}
