//! The renewal of a certificate as it stands on the wire.
//!
//! Promise: keys as the protocol names them. Never: a private key.

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

/// What a station asks for, for the key that it has.
#[derive(Serialize)]
pub struct RenewRequest<'a> {
    /// Protocol version.
    pub format: u32,
    /// Facility code.
    pub station: &'a str,
    /// Install id.
    pub install: Uuid,
    /// Signing request, by the key of the certificate last issued.
    pub csr_pem: &'a str,
}

/// What the province gives.
#[derive(Debug, Deserialize)]
pub struct RenewAnswer {
    /// The new client certificate.
    pub certificate_pem: String,
}
