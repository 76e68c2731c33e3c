//! A province in a folder: ledger, keys, feed files, faults.
//!
//! Promises: everything that must survive is in the folder; clones share one province. Must never hand out the
//! private keys, only their work.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    http::{Request, Response},
};
use chrono::{DateTime, FixedOffset, NaiveDate, SubsecRound as _, TimeDelta};
use rand::RngExt as _;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{
    AdvanceReport, Error, Faults, Published, Restored, StationReport, StoredRecheck, StoredVisit, ToldHead, clock, evolve,
    feed::State,
    generate,
    keys::{Keys, Life, StationCertificate},
    ledger::Ledger,
    person::Person,
    publish, serve,
    serve::{Arrival, Counts},
    slip,
    wire::{self, Index, Instant, Visit, WipeEnvelope, WipeOrder},
};

/// Characters of an enrolment code: none that looks like another on paper.
const CODE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// Characters of an enrolment code.
const CODE_LENGTH: usize = 8;
/// Hours an enrolment code is good for.
const CODE_HOURS: i64 = 24;

/// Where the ledger keeps the life of certificates: seconds before and after their issue.
const CERTIFICATE_LIFE: &str = "certificate life";

/// What a new province is made of.
#[derive(Clone, Debug)]
pub struct CreateSettings {
    /// The same seed makes the same people.
    pub seed: u64,
    /// Its stations.
    pub stations: Vec<StationSettings>,
    /// The province's first day.
    pub today: NaiveDate,
    /// Names of the server beside `localhost`, `127.0.0.1` and `::1`.
    pub hosts: Vec<String>,
}

/// One station of a new province.
#[derive(Clone, Debug)]
pub struct StationSettings {
    /// Facility code, 5 characters.
    pub code: String,
    /// For the page.
    pub name: String,
    /// How many people.
    pub people: usize,
}

impl StationSettings {
    /// A station with a made-up name.
    pub fn new(code: &str, people: usize) -> Self {
        Self { code: code.to_owned(), name: format!("Trạm Y tế xã Mẫu {code}"), people }
    }
}

struct Inner {
    dir: PathBuf,
    keys: Keys,
    ledger: Mutex<Ledger>,
    faults: Faults,
    /// When each station looked somebody up, within the last minute.
    lookups_asked: std::sync::atomic::AtomicU64,
    lookups: Mutex<BTreeMap<String, Vec<DateTime<FixedOffset>>>>,
    /// A test's clock; the real one when there is none.
    clock: Mutex<Option<DateTime<FixedOffset>>>,
    arrivals: broadcast::Sender<Arrival>,
    enrolment: Mutex<()>,
    counts: Counts,
}

/// An open province. Clones share it.
#[derive(Clone)]
pub struct Province(Arc<Inner>);

impl Province {
    /// Makes a province in an empty or new folder: people, keys, ledger.
    pub fn create(dir: &Path, settings: &CreateSettings) -> Result<Self, Error> {
        let ledger_path = dir.join("province.db");
        if ledger_path.exists() {
            return Err(Error::Exists(dir.to_owned()));
        }
        for station in &settings.stations {
            if station.code.len() != 5 || !station.code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Error::Setting(format!("{} is no facility code of 5 characters", station.code)));
            }
        }
        fs::create_dir_all(dir).map_err(Error::file(dir))?;
        Keys::create(&dir.join("keys"), &settings.hosts)?;
        let mut ledger = Ledger::create(&ledger_path)?;
        ledger.set_meta("seed", &settings.seed.to_string())?;
        ledger.set_meta("today", &settings.today.to_string())?;
        ledger.set_meta(CERTIFICATE_LIFE, "86400 31536000")?;
        for station in &settings.stations {
            let people = generate::people(settings.seed, &station.code, station.people, settings.today);
            ledger.add_station(&station.code, &station.name, &people)?;
        }
        drop(ledger);
        Self::open(dir)
    }

    /// Opens a province made before.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let ledger = Ledger::open(&dir.join("province.db"))?;
        let keys = Keys::open(&dir.join("keys"))?;
        let (arrivals, _) = broadcast::channel(1024);
        Ok(Self(Arc::new(Inner {
            dir: dir.to_owned(),
            keys,
            ledger: Mutex::new(ledger),
            faults: Faults::default(),
            lookups_asked: std::sync::atomic::AtomicU64::default(),
            lookups: Mutex::default(),
            clock: Mutex::default(),
            arrivals,
            enrolment: Mutex::new(()),
            counts: Counts::default(),
        })))
    }

    /// The CA's certificate, PEM: what an administrator carries to a station.
    pub fn ca_pem(&self) -> &str {
        &self.0.keys.ca_pem
    }

    /// The base64 line of the newest minisign public key.
    pub fn index_public_key(&self) -> Result<String, Error> {
        Ok(self.keys().index_key()?.line)
    }

    /// Lets a new key follow the one that signs the index. Shows at the next publication. Returns the new one's base64 line.
    pub fn rotate_index_key(&self) -> Result<String, Error> {
        let _lock = self.publication_lock()?;
        Ok(self.keys().chain().rotate(self.now())?.line)
    }

    /// The facility codes, sorted.
    pub fn stations(&self) -> Result<Vec<String>, Error> {
        self.ledger().stations()
    }

    /// The province's day.
    pub fn today(&self) -> Result<NaiveDate, Error> {
        self.ledger().meta("today")?.parse().map_err(|_| Error::Unreadable("today".into()))
    }

    /// The server's clock, with the skew that [`Fault::ClockSkew`](crate::Fault::ClockSkew) may have set.
    pub fn now(&self) -> DateTime<FixedOffset> {
        let set = *self.0.clock.lock().unwrap_or_else(PoisonError::into_inner);
        set.unwrap_or_else(clock::now) + self.0.faults.clock_skew()
    }

    /// Stops the server's clock at an instant, for tests whose time is made up; `None` lets the real one speak again.
    pub fn set_clock(&self, at: Option<DateTime<FixedOffset>>) {
        *self.0.clock.lock().unwrap_or_else(PoisonError::into_inner) = at.map(|at| at.with_timezone(&clock::vietnam()));
    }

    /// Answers one request by the same routes, without a connection and without TLS, as to the holder of the
    /// certificate last issued to `station`; `None`: of no certificate. An answer that a fault breaks off carries
    /// [`BreakConnection`](crate::BreakConnection) among its extensions.
    pub async fn answer(&self, station: Option<&str>, request: Request<Bytes>) -> Response<Bytes> {
        serve::answer(self.clone(), station, request).await
    }

    /// Makes a new one-time code; the one before stops working.
    pub fn enrolment_code(&self, station: &str) -> Result<String, Error> {
        let mut rng = rand::rng();
        let code: String = (0..CODE_LENGTH).map(|_| char::from(CODE_ALPHABET[rng.random_range(0..CODE_ALPHABET.len())])).collect();
        let expires_at = self.now().timestamp() + CODE_HOURS * 3600;
        self.ledger().set_code(station, &code, expires_at)?;
        Ok(code)
    }

    /// The register of a station, sorted by id.
    pub fn people(&self, station: &str) -> Result<Vec<Person>, Error> {
        self.ledger().station(station)?;
        Ok(self.ledger().people(station)?.into_values().collect())
    }

    /// Changes the register of a station by hand. Shows at the next publication.
    pub fn edit_people<T>(&self, station: &str, edit: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let before = self.ledger().people(station)?;
        let mut after = before.clone();
        let result = edit(&mut after);
        self.ledger().change_people(station, &before, &after)?;
        Ok(result)
    }

    /// Lets days pass. Shows at the next publication.
    pub fn advance(&self, days: u32, seed: u64) -> Result<AdvanceReport, Error> {
        let today = self.today()?;
        let mut stations = Vec::new();
        for station in self.stations()? {
            let changes = self.edit_people(&station, |state| evolve::advance(&station, state, today, days, seed))?;
            stations.push((station, changes));
        }
        let today = today + chrono::Days::new(u64::from(days));
        self.ledger().set_meta("today", &today.to_string())?;
        Ok(AdvanceReport { today, stations })
    }

    /// Moves the last day of a share (0 to 1) of a station's cards. Returns how many.
    pub fn change_validity(&self, station: &str, share: f64, seed: u64) -> Result<usize, Error> {
        self.edit_people(station, |state| evolve::change_validity(station, state, share, seed))
    }

    /// Makes the next publication start a new session.
    pub fn new_session(&self, station: &str) -> Result<(), Error> {
        self.ledger().forget_session(station)
    }

    /// From when until when the certificates issued from now on are good, as seen from their issue: a test that needs
    /// one that is about to end, or has ended, asks for it here. A day before until 365 days after, if never set.
    pub fn set_certificate_life(&self, before: TimeDelta, after: TimeDelta) -> Result<(), Error> {
        self.ledger().set_meta(CERTIFICATE_LIFE, &format!("{} {}", before.num_seconds(), after.num_seconds()))
    }

    /// The same with the days after issue only; 0 or less: a certificate that has ended already.
    pub fn set_certificate_days(&self, days: i64) -> Result<(), Error> {
        self.set_certificate_life(TimeDelta::days(1.max(1 - days)), TimeDelta::days(days))
    }

    /// Answers a signing request; the caller puts the certificate in force.
    pub(crate) fn certify(&self, station: &str, install: Uuid, csr_pem: &str) -> Result<StationCertificate, Error> {
        let unreadable = || Error::Unreadable(CERTIFICATE_LIFE.into());
        let life = self.ledger().meta(CERTIFICATE_LIFE)?;
        let (before, after) = life.split_once(' ').ok_or_else(unreadable)?;
        let seconds = |text: &str| text.parse().ok().and_then(TimeDelta::try_seconds).ok_or_else(unreadable);
        let now = self.now();
        let life = Life { from: now - seconds(before)?, until: now + seconds(after)? };
        self.0.keys.certify(station, install, csr_pem, life)
    }

    /// Ends every certificate of a station, until it enrols again.
    pub fn revoke(&self, station: &str) -> Result<(), Error> {
        self.ledger().revoke(station)
    }

    /// Orders the computer of a station wiped that keeps this record of visits; without one the computer that enrolled last. Stands until it ends.
    pub fn order_wipe(&self, station: &str, install: Option<Uuid>, days: i64) -> Result<WipeOrder, Error> {
        let install = install.map_or_else(|| self.ledger().install_in_force(station), Ok)?;
        let (given_at, number) = (self.now().trunc_subsecs(0), self.ledger().next_wipe_number()?);
        let expires_at = given_at + TimeDelta::try_days(days).ok_or_else(|| Error::Setting(format!("{days} days are too many")))?;
        let order = WipeOrder {
            format: wire::FORMAT,
            number,
            station: station.to_owned(),
            install,
            given_at: Instant(given_at),
            expires_at: Instant(expires_at),
        };
        let envelope = serde_json::to_value(self.sign_wipe(&order)?)?;
        self.ledger().put_wipe(station, install, Some(&envelope), Some(expires_at))?;
        Ok(order)
    }

    /// Signs an order, whatever it says.
    pub fn sign_wipe(&self, order: &WipeOrder) -> Result<WipeEnvelope, Error> {
        let order_text = serde_json::to_string(order)?;
        let signed = [wire::WIPE_CONTEXT, order_text.as_bytes()].concat();
        let signature = self.keys().index_key()?.sign("wipe-order.json", &signed, order.given_at.0)?;
        Ok(WipeEnvelope { order: order_text, signature })
    }

    /// Puts anything in the place of a wipe order for an install, as a hostile or broken province would; `None`: nothing stands there any more.
    pub fn put_wipe(&self, station: &str, install: Uuid, envelope: Option<&serde_json::Value>) -> Result<(), Error> {
        self.ledger().put_wipe(station, install, envelope, None)
    }

    /// What an operator does after putting a backup of `province.db` back: the record of visits gets a new identity
    /// and says where it ends, every feed starts a new session, and no station is blamed for knowing more than we do.
    /// Before the first station is served again: until then it ends with the last visit it holds. Afterwards it is said to end before the first
    /// sequence that is missing, as far as that shows.
    pub fn restored(&self) -> Result<Restored, Error> {
        self.restored_since(None)
    }

    /// The same with an earlier end, as the operator knows it: when the backup was made.
    pub fn restored_since(&self, since: Option<DateTime<FixedOffset>>) -> Result<Restored, Error> {
        let restored = self.ledger().restored(since)?;
        self.stations()?.iter().try_for_each(|station| self.new_session(station))?;
        Ok(restored)
    }

    /// Copies `province.db` to a new file, as a nightly backup does.
    pub fn back_up(&self, to: &Path) -> Result<(), Error> {
        self.ledger().back_up(to)
    }

    /// Puts such a copy in the place of `province.db` while the province is open. [`Province::restored`] is up to the caller.
    pub fn put_back(&self, from: &Path) -> Result<(), Error> {
        self.ledger().put_back(from, &self.0.dir.join("province.db"))
    }

    /// Commits without waiting for the disk from now on: for tests that pull no plug.
    pub fn trust_the_disk(&self) -> Result<(), Error> {
        self.ledger().trust_the_disk()
    }

    /// Every station as it was last heard, sorted by code.
    pub fn station_reports(&self) -> Result<Vec<StationReport>, Error> {
        self.ledger().reports()
    }

    /// The ends of its access log that a station has told, in the order in which it did first.
    pub fn log_heads(&self, station: &str) -> Result<Vec<ToldHead>, Error> {
        self.ledger().log_heads(station)
    }

    /// Seals a station's feed to a key from now on, as enrolment does.
    pub fn seal_to(&self, station: &str, recipient: &str) -> Result<(), Error> {
        recipient.parse::<age::x25519::Recipient>().map_err(|error| Error::Seal(error.to_owned()))?;
        self.ledger().station(station)?;
        self.ledger().set_recipient(station, recipient)
    }

    /// Publishes one station as of `now`.
    pub fn publish(&self, station: &str, now: impl Into<DateTime<FixedOffset>>) -> Result<Published, Error> {
        publish::publish(self, station, now.into())
    }

    /// Publishes every enrolled station as of `now`.
    pub fn publish_all(&self, now: impl Into<DateTime<FixedOffset>>) -> Result<Vec<Published>, Error> {
        let now = now.into();
        let mut published = Vec::new();
        for station in self.stations()? {
            match self.publish(&station, now) {
                Ok(done) => published.push(done),
                Err(Error::NotEnrolled(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(published)
    }

    /// Signs and serves an index that the ledger knows nothing of: what a hostile or broken province would do.
    pub fn forge_index(&self, station: &str, index: &Index) -> Result<(), Error> {
        let bytes = serde_json::to_vec(index)?;
        publish::put_index(self, station, &bytes, index.published_at.0)
    }

    /// Seals any text to a station's key and puts it into its feed; returns what an index would list.
    pub fn forge_sealed(&self, station: &str, serial: u64, text: &[u8]) -> Result<crate::wire::SealedFile, Error> {
        let recipient = self.ledger().station(station)?.feed_recipient.ok_or_else(|| Error::NotEnrolled(station.to_owned()))?;
        let sealed = publish::seal(&recipient, text)?;
        let sha256 = crate::feed::sha256_hex(&sealed);
        let file = crate::wire::SealedFile { serial, bytes: sealed.len() as u64, sha256 };
        let path = self.feed_dir(station).join(file.file_name());
        fs::write(&path, &sealed).map_err(Error::file(path))?;
        Ok(file)
    }

    /// Every visit, in the order of arrival.
    pub fn visits(&self) -> Result<Vec<StoredVisit>, Error> {
        self.ledger().visits()
    }

    /// The code on the slip of each revision of a visit that is held, oldest revision first.
    pub fn slip_codes(&self, id: uuid::Uuid) -> Result<Vec<(u32, String)>, Error> {
        let mut codes = Vec::new();
        for stored in self.visits()?.into_iter().filter(|stored| stored.id == id) {
            let visit: Visit = serde_json::from_value(stored.body)?;
            codes.push((stored.revision, slip::code(&visit)));
        }
        codes.sort();
        Ok(codes)
    }

    /// Every recheck, in the order of arrival.
    pub fn rechecks(&self) -> Result<Vec<StoredRecheck>, Error> {
        self.ledger().rechecks()
    }

    /// Where a station's feed files lie, so that tests can damage them.
    pub fn feed_dir(&self, station: &str) -> PathBuf {
        self.0.dir.join("feed").join(station)
    }

    /// The faults, to switch on and off.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Visits as they arrive from now on. Holds no personal data.
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.0.arrivals.subscribe()
    }

    /// Single look-ups asked for since the start, the refused ones too.
    pub fn look_ups(&self) -> u64 {
        self.0.lookups_asked.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Bytes above TLS since the province was opened: what stations sent, and what they were sent. Heads and bodies.
    pub fn bytes_above_tls(&self) -> (u64, u64) {
        self.0.counts.read()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.counts.clone()
    }

    pub(crate) fn announce(&self, arrival: Arrival) {
        // Nobody listening is fine.
        let _ = self.0.arrivals.send(arrival);
    }

    /// Works on the instants at which a station looked somebody up.
    pub(crate) fn with_lookups<T>(&self, station: &str, work: impl FnOnce(&mut Vec<DateTime<FixedOffset>>) -> T) -> T {
        self.0.lookups_asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut lookups = self.0.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        work(lookups.entry(station.to_owned()).or_default())
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // An interrupted transaction is rolled back when it is dropped, so a panic elsewhere leaves nothing half-done.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One enrolment at a time: of two requests with one code, the second must find it used up before it can change
    /// to whom the feed is sealed.
    pub(crate) fn enrolment_lock(&self) -> MutexGuard<'_, ()> {
        self.0.enrolment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One publication at a time, also across processes.
    pub(crate) fn publication_lock(&self) -> Result<File, Error> {
        let path = self.0.dir.join("publish.lock");
        let file = File::create(&path).map_err(Error::file(&path))?;
        file.lock().map_err(Error::file(path))?;
        Ok(file)
    }
}
