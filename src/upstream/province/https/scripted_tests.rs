//! A server below HTTP that does what a script says, and a station to meet it.
//!
//! Promise: real TLS with an authority of its own, real sockets; one connection per request, each answered by the script with bytes as they are.
//! Never: a person who exists; a port that others know.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::DateTime;
use chrono::Datelike;
use chrono::TimeDelta;
use chrono::Utc;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use super::*;
use crate::domain::roster::Serial;
use crate::domain::roster::Sha256Digest;
use crate::upstream::KeyFile;

pub(super) const STATION: &str = "99001";
/// The key that signed the examples' index.
pub(super) const INDEX_KEY: &str = "RWT/RCHAVvi0alKAwlKmjY4HpHGMTk5e7X8vfYhCjV3KGRR2ESzTxeYM";

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The day everything here happens on.
pub(super) fn today() -> DateTime<Utc> {
    instant("2026-11-22T03:00:00Z")
}

/// Days of a certificate, counted from today.
pub(super) type Days = (i64, i64);

/// From last week to next year.
pub(super) const USUAL: Days = (-7, 365);

/// An authority that signs servers and stations.
pub(super) struct Authority {
    pub(super) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, days: Days) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let at = |days| {
        let day = (today() + TimeDelta::days(days)).date_naive();
        rcgen::date_time_ymd(day.year(), u8::try_from(day.month()).unwrap(), u8::try_from(day.day()).unwrap())
    };
    (params.not_before, params.not_after) = (at(days.0), at(days.1));
    params
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params("Made-up authority", (-4000, 4000));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem: pem.clone(), issuer: Issuer::from_ca_cert_pem(&pem, key).unwrap() }
    }

    /// A certificate for a station's key.
    pub(super) fn station(&self, name: &str, key: &KeyPair, days: Days) -> String {
        let mut params = params(name, days);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// TLS for a server with a certificate of this authority; stations of `clients`, where given, have to show theirs.
    pub(super) fn server(&self, host: &str, days: Days, clients: Option<&Self>) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = params("Made-up province", days);
        params.subject_alt_names = CertificateParams::new(vec![host.to_owned()]).unwrap().subject_alt_names;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().skip(1).find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}

/// What the script answers: bytes, and whether the connection is then closed in order.
pub(super) enum Act {
    /// These bytes, then the end.
    Say(Vec<u8>),
    /// These bytes, then the plug is pulled.
    Cut(Vec<u8>),
    /// The first, then the second again and again with a pause between, for ever.
    Drip(Vec<u8>, Vec<u8>, Duration),
}

pub(super) type Script = Arc<dyn Fn(usize, &Seen) -> Act + Send + Sync>;

/// The server. It ends with its runtime.
pub(super) struct Scripted {
    pub(super) base: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// An answer with its length.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn request(stream: &mut TlsStream<TcpStream>) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut seen = Seen { head: String::from_utf8(bytes[..end].to_vec()).unwrap(), body: bytes[end..].to_vec() };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while seen.body.len() < length {
        stream.read_buf(&mut seen.body).await.ok().filter(|read| *read > 0)?;
    }
    Some(seen)
}

async fn act(mut stream: TlsStream<TcpStream>, act: Act) {
    // The station may hang up whenever it likes.
    match act {
        Act::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::Cut(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
        }
        Act::Drip(first, again, pause) => {
            let mut next = first;
            while stream.write_all(&next).await.is_ok() && stream.flush().await.is_ok() {
                next.clone_from(&again);
                tokio::time::sleep(pause).await;
            }
        }
    }
}

impl Scripted {
    /// Serves a script: called with the number of the request and the request.
    pub(super) async fn start(tls: TlsAcceptor, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (all, count) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, all, count) = (tls.clone(), Arc::clone(&script), Arc::clone(&all), Arc::clone(&count));
                tokio::spawn(async move {
                    let Ok(mut stream) = tls.accept(stream).await else { return };
                    let Some(seen) = request(&mut stream).await else { return };
                    all.lock().unwrap().push(seen.clone());
                    let next = script(count.fetch_add(1, Ordering::Relaxed), &seen);
                    act(stream, next).await;
                });
            }
        });
        Self { base, seen }
    }

    /// Everything that was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Keeps what it is given, for the test to see.
#[derive(Default)]
pub(super) struct Kept(pub(super) Mutex<Vec<(KeyFile, String)>>);

impl KeyKeeper for Kept {
    fn keep(&self, file: KeyFile, content: &str) -> Result<(), std::io::Error> {
        self.0.lock().unwrap().push((file, content.to_owned()));
        Ok(())
    }
}

/// A station with an authority of its own.
pub(super) struct Station {
    pub(super) authority: Authority,
    pub(super) key: KeyPair,
    pub(super) kept: Arc<Kept>,
    /// Days of its certificate.
    pub(super) days: Days,
    /// What it believes the time is.
    pub(super) judged: JudgedTime,
    pub(super) limits: Limits,
}

impl Station {
    pub(super) fn new() -> Self {
        let limits = Limits { connect: Duration::from_secs(20), idle: Duration::from_secs(20), ..Limits::USUAL };
        Self {
            authority: Authority::new(),
            key: KeyPair::generate().unwrap(),
            kept: Arc::default(),
            days: USUAL,
            judged: Arc::new(today),
            limits,
        }
    }

    /// The way to a server.
    pub(super) fn towards(&self, base: &Url) -> HttpsProvince {
        use age::secrecy::ExposeSecret;
        let feed_key = x25519::Identity::generate().to_string().expose_secret().to_owned();
        let credentials = Credentials {
            ca_pem: self.authority.pem.clone(),
            certificate_pem: self.authority.station(STATION, &self.key, self.days),
            key_pem: Zeroizing::new(self.key.serialize_pem()),
            feed_key: Zeroizing::new(feed_key),
            index_public_key: INDEX_KEY.to_owned(),
        };
        let station = FacilityCode::parse(STATION).unwrap();
        let kept: Arc<dyn KeyKeeper> = Arc::clone(&self.kept) as _;
        HttpsProvince::with_limits(base.clone(), station, &credentials, Arc::clone(&self.judged), kept, self.limits).unwrap()
    }

    /// A server of its own authority with a script.
    pub(super) async fn served(&self, script: Script) -> (Scripted, HttpsProvince) {
        let server = Scripted::start(self.authority.server("127.0.0.1", USUAL, None), script).await;
        let province = self.towards(&server.base);
        (server, province)
    }
}

/// A sealed file's worth of bytes that begin as one, and its entry in an index.
pub(super) fn sealed(length: usize) -> (Vec<u8>, FeedFile) {
    use sha2::Digest;
    let mut bytes = b"age-encryption.org/v1\n".to_vec();
    let mut state = 7_u64;
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push(state.to_be_bytes()[0]);
    }
    let sha256 = Sha256Digest(sha2::Sha256::digest(&bytes).into());
    let file = FeedFile { serial: Serial(8), bytes: u64::try_from(bytes.len()).unwrap(), sha256 };
    (bytes, file)
}
