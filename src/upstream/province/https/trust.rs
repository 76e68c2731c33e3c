//! Whom we trust, and by which time.
//!
//! Promise: one authority and nothing else; certificates are judged by the time that the clock's keeper believes, so that a machine that wakes in 2000
//! reaches the province at the first try; a certificate that this authority signed proves that its first day has come. What TLS refuses is sorted by who
//! could not prove what. Never: the raw wall clock, a name that does not fit, the system's list of authorities.

use core::fmt;
use core::time::Duration;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::thread;

use chrono::DateTime;
use chrono::Utc;
use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::InvalidMessage;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;

use crate::upstream::Distrust;
use crate::upstream::Error;
use crate::upstream::JudgedTime;

/// What we show of ourselves.
pub(in crate::upstream::province) struct Identity<'a> {
    /// The certificate, and what leads from it to the authority, PEM.
    pub certificate_pem: &'a str,
    /// Its key, PEM.
    pub key_pem: &'a str,
}

/// TLS as this station speaks it.
pub(super) fn config(ca_pem: &str, identity: Option<&Identity<'_>>, judged: &JudgedTime) -> Result<ClientConfig, Error> {
    let no_ca = || Error::Keys("the CA certificate is not PEM");
    let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|_| no_ca())?;
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|_| Error::Keys("the CA certificate cannot be used"))?;
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    seed_early(&provider);
    let pinned = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().map_err(|_| no_ca())?;
    let verifier = AtJudgedTime { pinned, judged: Arc::clone(judged) };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Keys("no version of TLS can be spoken"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(Identity { certificate_pem, key_pem }) = identity else { return Ok(builder.with_no_client_auth()) };
    let not_pem = || Error::Keys("certificate or key is not PEM");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(not_pem)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| not_pem())?;
    builder.with_client_auth_cert(chain, key).map_err(|_| Error::Keys("certificate and key do not fit"))
}

/// The library gathers its first randomness for 10 ms and more, and every thread that wants some waits: on the threads of the page, at the first
/// handshake, that would be seen. On one of its own, before there is a handshake, it is not.
fn seed_early(provider: &CryptoProvider) {
    let random = provider.secure_random;
    // Whatever fails here is met again, and told, at the handshake.
    let _ = thread::Builder::new().name("seed".to_owned()).spawn(move || random.fill(&mut [0]));
}

/// The usual rules with another clock.
struct AtJudgedTime {
    pinned: Arc<WebPkiServerVerifier>,
    judged: JudgedTime,
}

impl fmt::Debug for AtJudgedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtJudgedTime(…)")
    }
}

/// How many certificates of one chain may begin after our time, each later than the one before.
const LONGEST_CHAIN: usize = 4;

fn unix_time(at: DateTime<Utc>) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or_default()))
}

impl ServerCertVerifier for AtJudgedTime {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _wall: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut at = unix_time((self.judged)());
        let verify = |at| self.pinned.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at);
        let mut verified = verify(at);
        for _ in 0..LONGEST_CHAIN {
            // Where the authority's signature holds, its first day has come and our clock is behind. Where it does not hold, the second look says so.
            match verified {
                Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) if not_before > at => {
                    at = not_before;
                    verified = verify(at);
                }
                _ => break,
            }
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.pinned.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.pinned.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.pinned.supported_verify_schemes()
    }
}

/// What TLS says among the causes of a failure, if it is among them. An `io::Error` keeps its own cause beside the chain, and may keep another one.
/// `connecting`: the failure was in the handshake.
pub(super) fn distrust(error: &(dyn StdError + 'static), connecting: bool) -> Option<Distrust> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return sort(error, connecting);
    }
    let kept = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    kept.and_then(|kept| distrust(kept, connecting)).or_else(|| error.source().and_then(|source| distrust(source, connecting)))
}

/// Whether what answered, among the causes of a failure, did not speak TLS.
pub(in crate::upstream::province) fn speaks_no_tls(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(error, rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion));
    }
    let kept = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    kept.is_some_and(|kept| speaks_no_tls(kept)) || error.source().is_some_and(speaks_no_tls)
}

/// `None`: it is not about trust. A byte that changed on the way fails the same checks as somebody who changed it, and the answer to both is to try again.
fn sort(error: &rustls::Error, connecting: bool) -> Option<Distrust> {
    let why = match error {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => Distrust::ServerExpired,
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Distrust::OtherServer,
        // What does not speak TLS at all stands in front of the province, like what shows another certificate.
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) if connecting => {
            Distrust::OtherServer
        }
        rustls::Error::InvalidMessage(_)
        | rustls::Error::DecryptError
        | rustls::Error::PeerMisbehaved(_)
        | rustls::Error::PeerSentOversizedRecord
        | rustls::Error::AlertReceived(
            AlertDescription::BadRecordMac
            | AlertDescription::RecordOverflow
            | AlertDescription::DecodeError
            | AlertDescription::UnexpectedMessage
            | AlertDescription::IllegalParameter,
        ) => return None,
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => Distrust::OurCertificateExpired,
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            // The only signatures a server looks at are those of our certificate and our key.
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => Distrust::OurCertificateRefused,
        _ => Distrust::Unclear,
    };
    Some(why)
}
