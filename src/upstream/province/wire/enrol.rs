//! The one conversation before there is a certificate, as it stands on the wire.
//!
//! Promise: keys as the protocol names them. Never: a private key.

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

/// What a station says of itself at enrolment.
#[derive(Serialize)]
pub struct EnrolRequest<'a> {
    /// Protocol version.
    pub format: u32,
    /// Facility code.
    pub station: &'a str,
    /// One-time code.
    pub code: &'a str,
    /// Install id.
    pub install: Uuid,
    /// Signing request of the client key.
    pub csr_pem: &'a str,
    /// Recipient the feed is to be sealed to.
    pub feed_recipient: &'a str,
}

/// What the province gives.
#[derive(Debug, Deserialize)]
pub struct EnrolAnswer {
    /// Facility code.
    pub station: String,
    /// The station's name.
    pub station_name: String,
    /// Client certificate.
    pub certificate_pem: String,
    /// Base64 line of the minisign public key of the index.
    pub index_public_key: String,
    /// age recipient of visits carried on a stick; a province may take none.
    pub intake_recipient: Option<String>,
}
