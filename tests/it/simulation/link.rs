//! The link: a station's way to the province, with the product's own messages and the province's own routes, but without sockets.
//!
//! Promise: requests are written and answers judged as they are over TLS; files come in ranges, are resumed and verified; every fault of [`Fate`] happens here and
//! nowhere else. Waiting is waiting for virtual time: whoever drives the future is told until when. Never: an answer that the province did not give, but
//! where the fate says so.

mod messages;

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use bhyt_agent::domain::contact::Greeting;
use bhyt_agent::domain::contact::Hello;
use bhyt_agent::domain::recheck::Recheck;
use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::FeedFile;
use bhyt_agent::domain::roster::FeedLines;
use bhyt_agent::domain::roster::Index;
use bhyt_agent::domain::roster::Sha256Digest;
use bhyt_agent::domain::roster::Wanted;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::upstream::CertificateLife;
use bhyt_agent::upstream::Error;
use bhyt_agent::upstream::Fault;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::feed;
use bhyt_agent::upstream::province::keychain::IndexKey;
use bhyt_agent::upstream::province::wire;
use provincial::BreakConnection;
use provincial::Province;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use super::clock::VirtualTime;
use super::clock::instant;
use super::faults::Fate;
use bhyt_agent::sync::driver::Direction;

pub(super) use messages::CERTIFICATE;
pub(super) use messages::Enrolled;
use messages::judge;

/// What all links share.
pub(super) struct Network {
    pub(super) time: Arc<VirtualTime>,
    /// `None`: the server is down.
    pub(super) province: Mutex<Option<Province>>,
    /// How often its ledger was put back: a server that is stopped for that gives none of the answers that were under way.
    pub(super) restores: AtomicU64,
    /// Requests that the network delivers again: when, by whom, what.
    pub(super) late: Mutex<Vec<(i64, String, Bytes)>>,
    /// Fates that came to pass, by name: one of a download's that found nothing to download did not.
    pub(super) befell: Mutex<BTreeMap<&'static str, u64>>,
    /// How the links lie, for controls of the laws themselves.
    pub(super) lie: Option<Lie>,
}

/// What no network and no server does: with each of these a law must break, or it is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Receipts for visits that the province never got.
    Receipts,
    /// A visit at the province that nobody saved.
    Stranger,
    /// A visit arrives with another content.
    Changed,
    /// The station takes visits that were put off for delivered.
    Retry,
    /// The province falls back to a backup and says nothing of it.
    Backup,
}

impl Network {
    /// One request to the province, now.
    pub(super) async fn ask(&self, station: Option<&str>, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let province = self.province.lock().unwrap().clone().ok_or_else(broken)?;
        province.set_clock(Some(instant(self.time.now()).fixed_offset()));
        let response = province.answer(station, request).await;
        if response.extensions().get::<BreakConnection>().is_some() { Err(broken()) } else { Ok(response) }
    }

    /// The same batch as before, delivered by the network once more. Nobody waits for the answer.
    pub(super) async fn deliver_again(&self, station: &str, body: Bytes) {
        let _ = self.ask(Some(station), visits_request(body)).await;
    }
}

fn visits_request(body: Bytes) -> Request<Bytes> {
    Request::post("/v1/visits").header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}

fn broken() -> Error {
    Error::Unreachable(io::Error::from(io::ErrorKind::ConnectionReset).into())
}

/// How a try under way stands with the virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gate {
    /// It works.
    #[default]
    Open,
    /// It waits until then.
    AsleepUntil(i64),
    /// It has met the moment in which its station is killed.
    Killed,
}

#[derive(Default)]
struct Way {
    fate: Fate,
    name: &'static str,
    gate: Gate,
    latency: i64,
    /// A file has met this try's fate: the others are fine.
    is_met: bool,
}

/// One station's link.
pub(super) struct SimLink {
    station: String,
    network: Arc<Network>,
    /// On the disk beside the client's key: neither falls back with the visits.
    index_key: Mutex<IndexKey>,
    feed_key: age::x25519::Identity,
    client_key: rcgen::KeyPair,
    /// When the certificate was issued.
    certified: Mutex<i64>,
    traffic: AtomicU64,
    ways: [Mutex<Way>; Direction::ALL.len()],
    is_offline: Mutex<bool>,
    last_index: Mutex<Option<(header::HeaderValue, Index)>>,
    /// An index that was served days ago.
    old_index: Mutex<Option<(Bytes, String)>>,
    /// Receipts that the station was handed in the try under way.
    handed: Mutex<Vec<Receipt>>,
    /// Visits may have got through since the program started.
    has_sent: AtomicBool,
    /// Contacts that got through, answered or not.
    contacts: AtomicU64,
}

impl SimLink {
    pub(super) fn new(station: &str, network: &Arc<Network>, enrolled: Enrolled) -> Arc<Self> {
        Arc::new(Self {
            station: station.to_owned(),
            network: Arc::clone(network),
            index_key: Mutex::new(enrolled.index),
            feed_key: enrolled.feed,
            client_key: enrolled.client,
            certified: Mutex::new(network.time.now()),
            traffic: AtomicU64::new(0),
            ways: Default::default(),
            is_offline: Mutex::new(false),
            last_index: Mutex::default(),
            old_index: Mutex::default(),
            handed: Mutex::default(),
            has_sent: AtomicBool::new(false),
            contacts: AtomicU64::new(0),
        })
    }

    /// A try begins, and this will befall it.
    pub(super) fn begin(&self, direction: Direction, (fate, name): (Fate, &'static str), latency: i64) {
        *self.way(direction) = Way { fate, name, latency, ..Way::default() };
        if direction == Direction::Push {
            self.handed.lock().unwrap().clear();
        }
    }

    pub(super) fn gate(&self, direction: Direction) -> Gate {
        self.way(direction).gate
    }

    pub(super) fn set_offline(&self, is_offline: bool) {
        *self.is_offline.lock().unwrap() = is_offline;
    }

    pub(super) fn is_offline(&self) -> bool {
        *self.is_offline.lock().unwrap()
    }

    /// The process is gone, and what it knew of the last index.
    pub(super) fn forget(&self) {
        *self.last_index.lock().unwrap() = None;
        self.has_sent.store(false, Ordering::Relaxed);
    }

    pub(super) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }

    pub(super) fn contacts(&self) -> u64 {
        self.contacts.load(Ordering::Relaxed)
    }

    pub(super) fn take_handed(&self) -> Vec<Receipt> {
        core::mem::take(&mut self.handed.lock().unwrap())
    }

    fn way(&self, direction: Direction) -> std::sync::MutexGuard<'_, Way> {
        self.ways[direction as usize].lock().unwrap()
    }

    /// The try's fate came to pass.
    fn befell(&self, direction: Direction) {
        let name = self.way(direction).name;
        *self.network.befell.lock().unwrap().entry(name).or_default() += 1;
    }

    async fn sleep(&self, direction: Direction, milliseconds: i64) {
        let until = self.network.time.now() + milliseconds;
        poll_fn(|_| {
            let is_over = self.network.time.now() >= until;
            self.way(direction).gate = if is_over { Gate::Open } else { Gate::AsleepUntil(until) };
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// An answer that takes its time.
    async fn wait_for_answer(&self, direction: Direction, milliseconds: i64) -> Result<(), Error> {
        let restores = self.network.restores.load(Ordering::Relaxed);
        self.sleep(direction, milliseconds).await;
        if restores == self.network.restores.load(Ordering::Relaxed) { Ok(()) } else { Err(broken()) }
    }

    /// The station is killed here: nobody comes back.
    async fn killed<T>(&self, direction: Direction) -> T {
        self.way(direction).gate = Gate::Killed;
        std::future::pending().await
    }

    /// What happens before a request gets through, whichever it is.
    async fn set_out(&self, direction: Direction) -> Result<Fate, Error> {
        let (fate, latency) = {
            let way = self.way(direction);
            (way.fate, way.latency)
        };
        if latency > 0 {
            self.sleep(direction, latency).await;
        }
        if self.is_offline() {
            return Err(Error::Unreachable(io::Error::from(io::ErrorKind::NetworkUnreachable).into()));
        }
        if matches!(fate, Fate::CutBefore | Fate::Portal | Fate::Failed | Fate::Busy(_) | Fate::Stall(_) | Fate::KilledBefore) {
            self.befell(direction);
        }
        match fate {
            Fate::CutBefore => Err(broken()),
            Fate::Portal => Err(Error::Stranger("a web page")),
            Fate::Failed => Err(Error::Failed(500)),
            Fate::Busy(seconds) => Err(Error::Throttled(Some(Duration::from_secs(seconds)))),
            Fate::Stall(milliseconds) => {
                self.sleep(direction, milliseconds).await;
                Err(broken())
            }
            Fate::KilledBefore => self.killed(direction).await,
            fate => Ok(fate),
        }
    }

    async fn get(&self, file: &str, headers: &[(header::HeaderName, header::HeaderValue)]) -> Result<Response<Bytes>, Error> {
        let mut request = Request::get(format!("/v1/feed/{}/{file}", self.station)).body(Bytes::new()).unwrap();
        request.headers_mut().extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.show_certificate()?;
        let response = self.network.ask(Some(&self.station), request).await?;
        self.traffic.fetch_add(response.body().len() as u64, Ordering::Relaxed);
        Ok(response)
    }

    async fn read_index(&self, fate: Fate, conditional: bool) -> Result<Index, Error> {
        let known = self.last_index.lock().unwrap().clone().filter(|_| conditional);
        let tag: Vec<_> = known.iter().map(|(tag, _)| (header::IF_NONE_MATCH, tag.clone())).collect();
        let response = self.get("index.json", &tag).await?;
        if let (StatusCode::NOT_MODIFIED, Some((_, index))) = (response.status(), known) {
            return Ok(index);
        }
        judge(&response)?;
        if fate == Fate::TornIndex && conditional {
            self.befell(Direction::Pull);
            let province = self.network.province.lock().unwrap().clone().ok_or_else(broken)?;
            province.publish(&self.station, instant(self.network.time.now() + 1000).fixed_offset()).expect("a publication");
        }
        let signature = self.get("index.json.minisig", &[]).await?;
        judge(&signature)?;
        let text = String::from_utf8(signature.into_body().to_vec()).map_err(|_| Fault::Signature)?;
        let index = self.verify(response.body(), &text)?;
        self.old_index.lock().unwrap().get_or_insert_with(|| (response.body().clone(), text));
        *self.last_index.lock().unwrap() = response.headers().get(header::ETAG).map(|tag| (tag.clone(), index.clone()));
        Ok(index)
    }

    async fn download(&self, file: &FeedFile, path: &Path, have: u64) -> Result<(), Error> {
        let fate = self.set_out(Direction::Pull).await?;
        let fate = if core::mem::replace(&mut self.way(Direction::Pull).is_met, true) { Fate::Fine } else { fate };
        let mut headers = Vec::new();
        if have > 0 {
            headers.push((header::RANGE, format!("bytes={have}-").parse().unwrap()));
            headers.push((header::IF_RANGE, format!("\"{}\"", file.sha256.to_hex()).parse().unwrap()));
        }
        let response = self.get(&format!("{}.jsonl.zst.age", file.sha256.to_hex()), &headers).await?;
        let resumed = response.status() == StatusCode::PARTIAL_CONTENT && have > 0;
        if !resumed {
            judge(&response)?;
        }
        let mut part = fs::OpenOptions::new().create(true).append(true).open(path).map_err(Error::Disk)?;
        if !resumed {
            part.set_len(0).map_err(Error::Disk)?;
        }
        let mut bytes = response.into_body().to_vec();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a file")]
        let place = |share: f64| ((bytes.len() as f64) * share) as usize;
        if matches!(fate, Fate::CutInFile(_) | Fate::KilledInFile(_) | Fate::SlowFile(_) | Fate::WrongByte(_)) {
            self.befell(Direction::Pull);
        }
        match fate {
            Fate::CutInFile(share) => {
                part.write_all(&bytes[..place(share)]).map_err(Error::Disk)?;
                return Err(broken());
            }
            Fate::KilledInFile(share) => {
                part.write_all(&bytes[..place(share)]).map_err(Error::Disk)?;
                return self.killed(Direction::Pull).await;
            }
            Fate::SlowFile(milliseconds) => {
                let half = bytes.split_off(bytes.len() / 2);
                part.write_all(&bytes).map_err(Error::Disk)?;
                self.sleep(Direction::Pull, milliseconds).await;
                bytes = half;
            }
            Fate::WrongByte(share) => {
                let place = place(share);
                bytes[place] ^= 0x10;
            }
            _ => {}
        }
        part.write_all(&bytes).map_err(Error::Disk)
    }
}

fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// The engine's end of a link.
pub(super) struct Linked(pub(super) Arc<SimLink>);

impl ProvincialServer for Linked {
    async fn index(&self) -> Result<Index, Error> {
        self.0.index().await
    }

    async fn fetch(&self, file: &FeedFile, path: &Path, _: u64) -> Result<(), Error> {
        self.0.fetch(file, path).await
    }

    fn open(&self, path: &Path) -> Result<FeedLines, Error> {
        Ok(feed::open(path, &self.0.feed_key, &self.0.station)?)
    }

    async fn deliver(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        self.0.deliver(install, visits).await
    }

    async fn contact(&self, hello: &Hello) -> Result<Greeting, Error> {
        self.0.contact(hello).await
    }

    async fn look_up(&self, wanted: &Wanted) -> Result<Answered, Error> {
        self.0.look_up(wanted).await
    }

    async fn report(&self, install: Uuid, rechecks: &[Recheck]) -> Result<(), Error> {
        self.0.report(install, rechecks).await
    }

    fn certificate(&self) -> Option<CertificateLife> {
        Some(self.0.life())
    }

    async fn renew(&self, install: Uuid) -> Result<(), Error> {
        self.0.renew(install).await
    }

    fn traffic(&self) -> u64 {
        self.0.traffic.load(Ordering::Relaxed)
    }
}

impl SimLink {
    async fn index(&self) -> Result<Index, Error> {
        let fate = self.set_out(Direction::Pull).await?;
        if fate == Fate::OldIndex
            && let Some((bytes, signature)) = self.old_index.lock().unwrap().clone()
        {
            self.befell(Direction::Pull);
            return Ok(self.verify(&bytes, &signature)?);
        }
        match self.read_index(fate, true).await {
            Err(Error::Contract(Fault::Signature)) => {}
            read => return read,
        }
        match self.read_index(fate, false).await {
            Err(Error::Contract(Fault::Signature)) => {}
            read => return read,
        }
        self.follow_keys().await?;
        self.read_index(fate, false).await
    }

    fn verify(&self, bytes: &[u8], signature: &str) -> Result<Index, Fault> {
        feed::verify_index(bytes, signature, &self.index_key.lock().unwrap(), &self.station)
    }

    async fn fetch(&self, file: &FeedFile, path: &Path) -> Result<(), Error> {
        let mut have = fs::metadata(path).map_or(0, |found| found.len());
        if have > file.bytes {
            discard(path);
            have = 0;
        }
        if have < file.bytes {
            self.download(file, path, have).await?;
        }
        let bytes = fs::read(path).map_err(Error::Disk)?;
        if bytes.len() as u64 == file.bytes && Sha256Digest(Sha256::digest(&bytes).into()) == file.sha256 {
            return Ok(());
        }
        discard(path);
        Err(Fault::Digest.into())
    }

    async fn deliver(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        let fate = self.set_out(Direction::Push).await;
        if !self.is_offline() && !matches!(fate, Err(Error::Throttled(_))) {
            self.has_sent.store(true, Ordering::Relaxed);
        }
        let fate = fate?;
        self.show_certificate()?;
        let mut body = Bytes::from(serde_json::to_vec(&wire::VisitsRequest::new(&self.station, install, visits)).unwrap());
        match self.network.lie {
            Some(Lie::Receipts) => return Ok(self.hand(made_up_receipts(visits))),
            Some(Lie::Stranger) => {
                let strange = String::from_utf8_lossy(&body).replacen(&visits[0].content.id.0.to_string(), &Uuid::now_v7().to_string(), 1);
                self.network.ask(Some(&self.station), visits_request(strange.into())).await?;
            }
            Some(Lie::Changed) => body = String::from_utf8_lossy(&body).replacen("\"boot_ms\":", "\"boot_ms\":1", 1).into(),
            Some(Lie::Retry | Lie::Backup) | None => {}
        }
        let trouble = match fate {
            _ if self.network.lie == Some(Lie::Retry) => Some(provincial::Fault::RetryVisits(1)),
            Fate::TooLarge(most) => Some(provincial::Fault::IntakeSmall(most)),
            Fate::PutOff(every) => Some(provincial::Fault::RetryVisits(every)),
            Fate::Reject(every) => Some(provincial::Fault::RejectVisits(every)),
            _ => None,
        };
        let province = self.network.province.lock().unwrap().clone().ok_or_else(broken)?;
        if let Some(trouble) = trouble {
            province.faults().set(trouble);
        }
        let answered = self.network.ask(Some(&self.station), visits_request(body.clone())).await;
        province.faults().clear();
        // A server that is stopped while its answer is under way closes its ledger: nobody here keeps it open.
        drop(province);
        let response = answered?;
        if fate != Fate::Fine && (!matches!(fate, Fate::TooLarge(_)) || response.status() == StatusCode::PAYLOAD_TOO_LARGE) {
            self.befell(Direction::Push);
        }
        match fate {
            Fate::AnswerLost => return Err(broken()),
            Fate::FailedAfterCommit => return Err(Error::Failed(500)),
            Fate::KilledAfterCommit => self.killed(Direction::Push).await,
            Fate::SlowAnswer(milliseconds) => self.wait_for_answer(Direction::Push, milliseconds).await?,
            Fate::Twice => self.network.deliver_again(&self.station, body.clone()).await,
            Fate::Later(after) => {
                self.network.late.lock().unwrap().push((self.network.time.now() + after, self.station.clone(), body.clone()));
            }
            _ => {}
        }
        judge(&response)?;
        self.traffic.fetch_add(body.len() as u64, Ordering::Relaxed);
        let mut receipts = wire::read_receipts(response.body())?;
        if fate == Fate::Conflict
            && let Some(first) = receipts.first_mut()
        {
            first.outcome = ReceiptOutcome::Refused { code: "other_content".into(), text: "another visit has this name".into() };
        }
        let receipts = self.hand(receipts);
        Ok(if self.network.lie == Some(Lie::Retry) { made_up_receipts(visits) } else { receipts })
    }
}

impl SimLink {
    fn hand(&self, receipts: Vec<Receipt>) -> Vec<Receipt> {
        self.handed.lock().unwrap().extend(receipts.iter().cloned());
        receipts
    }
}

fn made_up_receipts(visits: &[Visit]) -> Vec<Receipt> {
    let receipt = |visit: &Visit| {
        let outcome = ReceiptOutcome::Held { reference: "99-1".into(), received_at: visit.content.arrived_at, duplicate: false };
        Receipt { id: visit.content.id, revision: visit.content.revision, outcome }
    };
    visits.iter().map(receipt).collect()
}
