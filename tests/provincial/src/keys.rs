//! The province's own keys: its CA, the server's certificate, and the pair that signs the index.
//!
//! Promises: made once, on first start, and kept under `DIR/keys` with mode 0600; a station's certificate names the
//! station it was issued to whatever the request asked for, and is good for client authentication only. Must never
//! let a private key leave this folder.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use chrono::{DateTime, Datelike, Days, FixedOffset, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use uuid::Uuid;
use x509_parser::{
    certification_request::X509CertificationRequest,
    pem::parse_x509_pem,
    prelude::{FromDer as _, X509Certificate},
};

use crate::{
    Error, clock,
    feed::sha256_hex,
    keychain::{IndexKey, KeyChain},
};

/// Days the CA and the server's certificate are good for.
const PROVINCE_DAYS: u64 = 3650;
/// Largest TLS record: what a broken line has cut off of a record is lost, however much of it came.
const TLS_RECORD: usize = 4 << 10;

/// The province's keys, read from their folder.
pub(crate) struct Keys {
    pub(crate) ca_pem: String,
    chain: KeyChain,
    intake: age::x25519::Identity,
    issuer: Issuer<'static, KeyPair>,
    server_pem: String,
    server_key_pem: String,
}

/// A certificate for a station.
pub(crate) struct StationCertificate {
    pub(crate) pem: String,
    pub(crate) key_sha256: String,
}

/// From when until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) from: DateTime<FixedOffset>,
    pub(crate) until: DateTime<FixedOffset>,
}

impl Keys {
    /// Makes every key; `hosts` are further names of the server beside the loopback ones.
    pub(crate) fn create(folder: &Path, hosts: &[String]) -> Result<(), Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file(folder))?;
        let ca_key = KeyPair::generate()?;
        let mut ca = params("Made-up province CA", PROVINCE_DAYS);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        write_secret(&folder.join("ca.pem"), &ca_pem)?;
        write_secret(&folder.join("ca.key"), &ca_key.serialize_pem())?;

        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(hosts.iter().filter(|host| !host.is_empty()).cloned());
        let server_key = KeyPair::generate()?;
        let mut server = CertificateParams::new(names)?;
        let frame = params("Made-up province", PROVINCE_DAYS);
        server.distinguished_name = frame.distinguished_name;
        (server.not_before, server.not_after) = (frame.not_before, frame.not_after);
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key)?;
        write_secret(&folder.join("server.pem"), &server.signed_by(&server_key, &issuer)?.pem())?;
        write_secret(&folder.join("server.key"), &server_key.serialize_pem())?;

        let intake = age::x25519::Identity::generate();
        write_secret(&folder.join("intake.key"), age::secrecy::ExposeSecret::expose_secret(&intake.to_string()))?;
        KeyChain::new(folder).create()
    }

    /// Reads the keys made before.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(Error::file(path))
        };
        let ca_pem = read("ca.pem")?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, KeyPair::from_pem(&read("ca.key")?)?)?;
        let chain = KeyChain::new(folder);
        chain.newest()?;
        let intake = read("intake.key")?.trim().parse().map_err(|_| Error::Unreadable("intake.key under keys/".into()))?;
        Ok(Self { ca_pem, chain, intake, issuer, server_pem: read("server.pem")?, server_key_pem: read("server.key")? })
    }

    /// The keys that sign the index, one after the other.
    pub(crate) fn chain(&self) -> &KeyChain {
        &self.chain
    }

    /// What visits carried on a stick are sealed to.
    pub(crate) fn intake(&self) -> &age::x25519::Identity {
        &self.intake
    }

    /// The key that signs now.
    pub(crate) fn index_key(&self) -> Result<IndexKey, Error> {
        self.chain.newest()
    }

    /// Answers a signing request. Only its key is used.
    pub(crate) fn certify(&self, station: &str, install: Uuid, csr_pem: &str, life: Life) -> Result<StationCertificate, Error> {
        // Reading it checks that it is signed by its own key.
        let mut request = CertificateSigningRequestParams::from_pem(csr_pem)?;
        let mut issued = CertificateParams::default();
        issued.distinguished_name = DistinguishedName::new();
        issued.distinguished_name.push(DnType::CommonName, station);
        let second = |at: DateTime<FixedOffset>| {
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or_default())
        };
        (issued.not_before, issued.not_after) = (second(life.from), second(life.until));
        issued.subject_alt_names = vec![SanType::URI(format!("urn:uuid:{install}").try_into()?)];
        // Of its own, because what would be chosen otherwise is the same for every certificate of one key.
        issued.serial_number = Some(Uuid::new_v4().as_bytes().to_vec().into());
        issued.is_ca = IsCa::ExplicitNoCa;
        issued.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        issued.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issued.use_authority_key_identifier_extension = true;
        request.params = issued;
        let certificate = request.signed_by(&self.issuer)?;
        let key_sha256 = key_sha256(certificate.der()).ok_or_else(|| Error::Unreadable("the certificate just issued".into()))?;
        Ok(StationCertificate { pem: certificate.pem(), key_sha256 })
    }

    /// TLS for the server: a client certificate is looked at when shown, and each route decides whether it needs one.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let unreadable = |what: &str| Error::Unreadable(format!("{what} under keys/"));
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes());
        let ca = certificate(&self.ca_pem).map_err(|_| unreadable("ca.pem"))?;
        let server = certificate(&self.server_pem).map_err(|_| unreadable("server.pem"))?;
        let key = PrivateKeyDer::from_pem_slice(self.server_key_pem.as_bytes()).map_err(|_| unreadable("server.key"))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .map_err(|error| Error::Setting(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.max_fragment_size = Some(TLS_RECORD);
        Ok(config)
    }
}

/// The digest of the public key in a certificate (DER).
pub(crate) fn key_sha256(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(sha256_hex(certificate.public_key().raw))
}

/// The digest of the public key in a signing request (PEM).
pub(crate) fn asked_key_sha256(csr_pem: &str) -> Option<String> {
    let (_, pem) = parse_x509_pem(csr_pem.as_bytes()).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    Some(sha256_hex(request.certification_request_info.subject_pki.raw))
}

/// The last instant of a certificate (PEM).
pub(crate) fn not_after(certificate_pem: &str) -> Option<DateTime<Utc>> {
    let (_, pem) = parse_x509_pem(certificate_pem.as_bytes()).ok()?;
    DateTime::from_timestamp(pem.parse_x509().ok()?.validity().not_after.timestamp(), 0)
}

fn params(common_name: &str, days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let today = clock::now().date_naive();
    // A day early, because stations' clocks may be a little behind.
    let start = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    let end = today.checked_add_days(Days::new(days)).unwrap_or(today);
    let at = |date: chrono::NaiveDate| {
        rcgen::date_time_ymd(date.year(), u8::try_from(date.month()).unwrap_or(1), u8::try_from(date.day()).unwrap_or(1))
    };
    params.not_before = at(start);
    params.not_after = at(end);
    params
}

pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(Error::file(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file(path))
}
