//! The page's own certificate authority, and the certificates it shows on the house's network.
//!
//! Promise: the authority can vouch for addresses of private networks and names that exist in them only, so that a browser that trusts it trusts nobody
//! else through it; its certificates are short-lived and made anew by themselves, with a new key each time. While this machine's clock is in doubt they
//! are long, because an end reckoned by it might lie in the past of a desk whose clock is right; they begin long ago, because a desk's clock may be slow.
//! Never: a private key on the disk but the authority's, which its caller keeps.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Datelike;
use chrono::NaiveDate;
use chrono::TimeDelta;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CidrSubnet;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::GeneralSubtree;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::NameConstraints;
use rcgen::date_time_ymd;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use sha2::Digest;
use sha2::Sha256;
use tokio_rustls::TlsAcceptor;

use crate::domain::clock::Now;

/// Names that mean something inside a house only: mDNS, and what routers give out.
pub const PRIVATE_DOMAINS: [&str; 4] = ["local", "lan", "internal", "home.arpa"];

/// Addresses that mean something inside a house only: private, of the link, of the machine itself.
const PRIVATE_V4: [([u8; 4], [u8; 4]); 5] = [
    ([10, 0, 0, 0], [255, 0, 0, 0]),
    ([172, 16, 0, 0], [255, 240, 0, 0]),
    ([192, 168, 0, 0], [255, 255, 0, 0]),
    ([169, 254, 0, 0], [255, 255, 0, 0]),
    ([127, 0, 0, 0], [255, 0, 0, 0]),
];
const PRIVATE_V6: [([u8; 2], [u8; 2]); 2] = [([0xfc, 0], [0xfe, 0]), ([0xfe, 0x80], [0xff, 0xc0])];

/// Both begin here: before any desk's clock, however long its battery has been dead.
const BEGIN: (i32, u8, u8) = (2010, 1, 1);
/// The last year that every browser can read in a certificate.
const END: (i32, u8, u8) = (2049, 12, 31);

/// Life of a certificate, and how much of it is left when the next one is made.
const LASTS: TimeDelta = TimeDelta::days(90);
const RENEWED_BEFORE: TimeDelta = TimeDelta::days(60);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The authority's files are not what they should be, or a name cannot stand in a certificate.
    #[error("no certificate for the house's network can be made")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be read as PEM.
    #[error("the certificate of the desks' authority cannot be read")]
    Pem,
    /// The TLS library refuses what was made.
    #[error("the TLS library refuses the certificate")]
    Tls(#[from] rustls::Error),
}

/// The authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A new authority's two files.
pub struct NewAuthority {
    /// Its key, PEM: its owner's alone.
    pub key_pem: String,
    /// Its certificate, PEM: for everybody.
    pub certificate_pem: String,
}

impl Authority {
    /// Makes one. Its name tells it from other stations' and does not tell which station's it is: everybody on the network may read it.
    pub fn make() -> Result<NewAuthority, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("BHYT {:06X}", rand::random::<u32>() >> 8));
        (params.not_before, params.not_after) = (date_time_ymd(BEGIN.0, BEGIN.1, BEGIN.2), date_time_ymd(END.0, END.1, END.2));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let names = PRIVATE_DOMAINS.into_iter().map(|domain| GeneralSubtree::DnsName(domain.to_owned()));
        let v4 = PRIVATE_V4.into_iter().map(|(address, mask)| GeneralSubtree::IpAddress(CidrSubnet::V4(address, mask)));
        let wide = |[a, b]: [u8; 2]| {
            let mut whole = [0; 16];
            (whole[0], whole[1]) = (a, b);
            whole
        };
        let v6 = PRIVATE_V6.into_iter().map(|(address, mask)| GeneralSubtree::IpAddress(CidrSubnet::V6(wide(address), wide(mask))));
        let permitted_subtrees = names.chain(v4).chain(v6).collect();
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(NewAuthority { key_pem: key.serialize_pem(), certificate_pem })
    }

    /// Reads one.
    pub fn read(key_pem: &str, certificate_pem: &str) -> Result<Self, TlsError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|_| TlsError::Pem)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, KeyPair::from_pem(key_pem)?)?;
        Ok(Self { issuer, certificate, pem: certificate_pem.to_owned() })
    }

    /// Its certificate, for a browser that is to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What browsers show of it as SHA-256, in groups of four digits.
    pub fn fingerprint(&self) -> Vec<String> {
        let digits: Vec<_> = Sha256::digest(&self.certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        digits.chunks(2).map(|pair| pair.concat()).collect()
    }

    fn certify(&self, names: &[String], end: NaiveDate) -> Result<CertifiedKey, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "BHYT");
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        params.not_before = date_time_ymd(BEGIN.0, BEGIN.1, BEGIN.2);
        params.not_after = date_time_ymd(end.year(), part(end.month()), part(end.day()));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| TlsError::Pem)?;
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone(), self.certificate.clone()], key))
    }
}

/// The certificate that is shown now.
pub struct Shown {
    authority: Authority,
    names: Vec<String>,
    held: RwLock<Held>,
}

struct Held {
    certified: Arc<CertifiedKey>,
    end: NaiveDate,
}

impl core::fmt::Debug for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Shown({} names)", self.names.len())
    }
}

/// Until when a certificate made now is good.
fn end(now: Now) -> NaiveDate {
    let last = NaiveDate::from_ymd_opt(END.0, END.1.into(), END.2.into()).unwrap_or(NaiveDate::MAX);
    if now.state.is_suspect() { last } else { (now.day() + LASTS).min(last) }
}

impl Shown {
    /// One for these names and addresses.
    pub fn new(authority: Authority, names: Vec<String>, now: Now) -> Result<Arc<Self>, TlsError> {
        let end = end(now);
        let held = Held { certified: Arc::new(authority.certify(&names, end)?), end };
        Ok(Arc::new(Self { authority, names, held: RwLock::new(held) }))
    }

    /// Who vouches for it.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Makes another one when it is time, or when the clock is in doubt now and was not, or the other way round. Whether it did.
    pub fn renew(&self, now: Now) -> Result<bool, TlsError> {
        let wanted = end(now);
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).end;
        if (wanted - LASTS + RENEWED_BEFORE..=wanted).contains(&held) {
            return Ok(false);
        }
        let certified = Arc::new(self.authority.certify(&self.names, wanted)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { certified, end: wanted };
        Ok(true)
    }

    /// What answers on the house's network.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_protocol_versions(&versions)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Shown {
    /// Whoever asks for a name that is not ours gets no certificate, which would tell what we are. Addresses are not asked for by name.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_ours = hello.server_name().is_none_or(|asked| self.names.iter().any(|name| name.eq_ignore_ascii_case(asked)));
        is_ours.then(|| Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner).certified))
    }
}

/// The bytes of a certificate in PEM, as browsers take them in.
pub(super) fn der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use chrono::Utc;

    use super::*;
    use crate::domain::clock::ClockState;

    fn now(day: &str, state: ClockState) -> Now {
        Now { at: format!("{day}T03:00:00Z").parse::<DateTime<Utc>>().unwrap(), state }
    }

    fn shown(now: Now) -> Arc<Shown> {
        let made = Authority::make().unwrap();
        Shown::new(Authority::read(&made.key_pem, &made.certificate_pem).unwrap(), vec!["192.168.1.9".into(), "tram.local".into()], now)
            .unwrap()
    }

    fn held_to(shown: &Shown) -> String {
        shown.held.read().unwrap().end.to_string()
    }

    #[test]
    fn a_certificate_is_short_and_renewed_in_time_and_long_while_the_clock_is_in_doubt() {
        let shown = shown(now("2026-11-21", ClockState::Plausible));
        assert_eq!(held_to(&shown), "2027-02-19");
        for (day, state, is_new, end) in [
            ("2026-12-20", ClockState::Plausible, false, "2027-02-19"),
            ("2026-12-22", ClockState::Plausible, true, "2027-03-22"),
            ("2027-05-01", ClockState::Learned, true, "2027-07-30"),
            // The battery is dead: the floor may be years behind the desks' clocks.
            ("2026-11-01", ClockState::Behind, true, "2049-12-31"),
            ("2026-11-02", ClockState::Behind, false, "2049-12-31"),
            ("2027-05-03", ClockState::Plausible, true, "2027-08-01"),
            // And back, to a time long before: the desks would not take a certificate that ends later amiss, but it is not short any more.
            ("2026-11-01", ClockState::Plausible, true, "2027-01-30"),
        ] {
            assert_eq!(shown.renew(now(day, state)).unwrap(), is_new, "{day} {state:?}");
            assert_eq!(held_to(&shown), end, "{day} {state:?}");
        }
    }

    #[test]
    fn the_fingerprint_is_the_one_that_browsers_show() {
        let shown = shown(now("2026-11-21", ClockState::Plausible));
        let digest = Sha256::digest(der(shown.authority().pem()).unwrap());
        let groups = shown.authority().fingerprint();
        assert_eq!(groups.len(), 16);
        assert_eq!(groups.concat().to_lowercase(), crate::domain::roster::hex(&digest));
    }

    #[test]
    fn files_that_are_no_authority_are_refused() {
        let made = Authority::make().unwrap();
        assert!(Authority::read("", &made.certificate_pem).is_err());
        assert!(Authority::read(&made.key_pem, "").is_err());
    }
}
