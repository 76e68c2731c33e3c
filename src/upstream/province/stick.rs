//! The province on a USB stick: the same signed and sealed files, carried by hand.
//!
//! Promise: what is on the stick is believed as little as what comes over the network: signature, digest, seal and station are checked before anything is
//! handed on, every reader is bounded, and a bad stick leaves what was fetched elsewhere untouched; each way it can be bad is told apart, because a person
//! stands before it. Whether it is too old is the plan's to say. Never: plain visits on a stick; a link on it followed.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use age::x25519;
use chrono::DateTime;
use chrono::FixedOffset;
use chrono::Utc;
use minisign_verify::Signature;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use super::feed;
use super::keychain;
use super::keychain::IndexKey;
use super::seal;
use super::wire;
use crate::domain::facility::FacilityCode;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::SignerId;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;
use crate::upstream;
use crate::upstream::Fault;
use crate::upstream::ProvincialServer;

/// Largest file of receipts or visits, sealed or not.
pub const MAX_MESSAGE: u64 = 16 << 20;
/// The folder on a stick that is ours, with one folder for each station.
pub const ROOT: &str = "bhyt";
const TO_STATION: &str = "to-station";
const TO_PROVINCE: &str = "to-province";
const RECEIPTS: &str = "receipts.json.age";

/// What is wrong with a stick, sorted by what a person is told.
#[derive(Debug, thiserror::Error)]
pub enum StickError {
    /// Nothing on it is from the province: another stick, or one that has not been there yet.
    #[error("there is nothing from the province on the stick")]
    Empty,
    /// It was made for another station, or for a key this one does not have any more.
    #[error("the stick is for another station")]
    OtherStation,
    /// Signed by another province, or by a key from before the last rotation.
    #[error("the stick is signed by somebody else, or from before the province changed its key")]
    OtherSigner,
    /// A file is missing, or shorter than it should be: the copy was not finished.
    #[error("the stick was not written to its end")]
    HalfCopied,
    /// A file is not what was signed.
    #[error("a file on the stick has been altered or is damaged")]
    Altered,
    /// Made by a newer program.
    #[error("the stick has a format that this program does not know")]
    UnknownFormat,
    /// There is no room on it.
    #[error("there is no room on the stick")]
    Full,
    /// It cannot be read: taken out, or failing.
    #[error("the stick cannot be read")]
    Unreadable(#[source] io::Error),
    /// It cannot be written: taken out, write-protected, or failing.
    #[error("the stick cannot be written")]
    Unwritable(#[source] io::Error),
    /// The province has not said at enrolment what visits are to be sealed to.
    #[error("the province has given no recipient for visits on a stick")]
    NoRecipient,
    /// Our own keys: an administrator has to act.
    #[error("the station's keys cannot be used: {0}")]
    Keys(&'static str),
}

impl StickError {
    /// The stable text of log and contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "stick_empty",
            Self::OtherStation => "stick_other_station",
            Self::OtherSigner => "stick_other_signer",
            Self::HalfCopied => "stick_half_copied",
            Self::Altered => "stick_altered",
            Self::UnknownFormat => "stick_unknown_format",
            Self::Full => "stick_full",
            Self::Unreadable(_) => "stick_unreadable",
            Self::Unwritable(_) => "stick_unwritable",
            Self::NoRecipient => "stick_no_recipient",
            Self::Keys(_) => "station_keys",
        }
    }

    /// What a pull from a stick ended with, in the words of sticks; `None` if it was not the stick's fault.
    pub fn of(error: &upstream::Error) -> Option<Self> {
        match error {
            upstream::Error::Gone => Some(Self::HalfCopied),
            upstream::Error::Contract(fault) => Some(Self::from(*fault)),
            upstream::Error::Unreachable(source) => {
                let kind = source.downcast_ref::<io::Error>().map_or(io::ErrorKind::Other, io::Error::kind);
                Some(Self::Unreadable(kind.into()))
            }
            upstream::Error::Keys(what) => Some(Self::Keys(what)),
            _ => None,
        }
    }

    fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::HalfCopied } else { Self::Unreadable(error) }
    }

    fn writing(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Unwritable(error),
        }
    }
}

impl From<Fault> for StickError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::OtherStation | Fault::Sealed => Self::OtherStation,
            Fault::Signature => Self::OtherSigner,
            Fault::UnknownFormat => Self::UnknownFormat,
            _ => Self::Altered,
        }
    }
}

impl From<StickError> for upstream::Error {
    fn from(error: StickError) -> Self {
        match error {
            StickError::Empty | StickError::HalfCopied => Self::Gone,
            StickError::OtherStation => Fault::OtherStation.into(),
            StickError::OtherSigner => Fault::Signature.into(),
            StickError::UnknownFormat => Fault::UnknownFormat.into(),
            StickError::Altered => Fault::Digest.into(),
            StickError::Full => Self::Unreachable(Box::new(io::Error::from(io::ErrorKind::StorageFull))),
            StickError::Unreadable(error) | StickError::Unwritable(error) => Self::Unreachable(Box::new(error)),
            StickError::NoRecipient => Self::Keys("the province has given no recipient for visits on a stick"),
            StickError::Keys(what) => Self::Keys(what),
        }
    }
}

/// A stick with something from the province for this station.
pub struct StickProvince {
    folder: PathBuf,
    station: FacilityCode,
    feed_key: x25519::Identity,
    held: Box<str>,
    key: IndexKey,
}

/// What the province says on a stick about the visits it holds.
#[derive(Debug)]
pub struct StickReceipts {
    /// Which ledger it kept them in.
    pub ledger: Uuid,
    /// Until when that ledger is complete.
    pub complete_to: DateTime<Utc>,
    /// When it was said.
    pub made_at: DateTime<Utc>,
    /// One for each visit and revision it holds or refused.
    pub receipts: Vec<Receipt>,
}

impl StickProvince {
    /// Looks at a stick. `feed_key` and `index_public_key` are the texts of the key files; the second is followed along the chain on the stick.
    pub async fn open(root: &Path, station: &FacilityCode, feed_key: &str, index_public_key: &str) -> Result<Self, StickError> {
        let feed_key = feed_key.trim().parse().map_err(|_| StickError::Keys("the feed key is not an age identity"))?;
        let held = IndexKey::parse(index_public_key).ok_or(StickError::Keys("the index's public key is not a minisign key"))?;
        let (root, code) = (root.to_owned(), station.clone());
        let folder = apart(move || own_folder(&root, &code)).await?;
        let line = held.line().into();
        let statements = folder.join("keys");
        let fetch = |id: String| {
            let path = statements.join(format!("{id}.json"));
            apart(move || statement(&path))
        };
        let key = keychain::follow(held, fetch).await.map_err(|error| match error {
            // A statement lies under the id of the key that signed it: nobody else's was put there by mistake.
            StickError::OtherSigner => StickError::Altered,
            error => error,
        })?;
        Ok(Self { folder, station: station.clone(), feed_key, held: line, key })
    }

    /// The base64 line of the key that has followed the one given, to be kept in its place.
    pub fn newer_key(&self) -> Option<&str> {
        (*self.key.line() != *self.held).then(|| self.key.line())
    }

    /// What the province says about visits. Storing it twice, or after something newer, changes nothing.
    pub async fn receipts(&self) -> Result<StickReceipts, StickError> {
        let path = self.folder.join(RECEIPTS);
        let (sealed, signature) = apart(move || signed(&path, MAX_MESSAGE)).await?;
        let (key, feed_key, station) = (self.key.clone(), self.feed_key.clone(), self.station.clone());
        apart(move || read_receipts(&sealed, &signature, &key, &feed_key, &station)).await
    }
}

impl ProvincialServer for StickProvince {
    async fn index(&self) -> Result<Index, upstream::Error> {
        let path = self.folder.join("index.json");
        let limit = u64::try_from(wire::MAX_INDEX).unwrap_or(u64::MAX);
        let (bytes, signature) = apart(move || signed(&path, limit)).await?;
        if is_cut_off(&bytes) {
            return Err(StickError::HalfCopied.into());
        }
        verify(&self.key, &bytes, &signature)?;
        Ok(wire::read_index(&bytes, self.station.as_str(), SignerId(self.key.id().into()))?)
    }

    async fn fetch(&self, file: &FeedFile, path: &Path, _allowance: u64) -> Result<(), upstream::Error> {
        let source = self.folder.join(format!("{}.jsonl.zst.age", file.sha256.to_hex()));
        let (file, path) = (file.clone(), path.to_owned());
        tokio::task::spawn_blocking(move || copy(&source, &file, &path)).await.map_err(|e| upstream::Error::Disk(e.into()))?
    }

    fn open(&self, path: &Path) -> Result<FeedLines, upstream::Error> {
        Ok(feed::open(path, &self.feed_key, self.station.as_str())?)
    }

    async fn deliver(&self, _install: Uuid, _visits: &[Visit]) -> Result<Vec<Receipt>, upstream::Error> {
        // Nobody answers on a stick: see `write_visits`.
        Err(upstream::Error::Gone)
    }
}

/// Reads a stick on a thread that may wait for it.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, StickError> + Send + 'static) -> Result<T, StickError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StickError::Unreadable(error.into()))?
}

/// The folder with what the province has put there for this station.
fn own_folder(root: &Path, station: &FacilityCode) -> Result<PathBuf, StickError> {
    fs::read_dir(root).map_err(StickError::Unreadable)?;
    let ours = root.join(ROOT);
    let own = ours.join(station.as_str());
    let folder = own.join(TO_STATION);
    if is_folder(&ours) && is_folder(&own) && is_folder(&folder) {
        return Ok(folder);
    }
    let others = fs::read_dir(&ours).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut others = others.filter(|other| *other != own && is_folder(&other.join(TO_STATION)));
    Err(if others.next().is_some() { StickError::OtherStation } else { StickError::Empty })
}

/// A folder itself, not a way to another one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Opens a file of the stick for reading, and says how long it is.
fn open_file(path: &Path) -> Result<(File, u64), StickError> {
    let found = fs::symlink_metadata(path).map_err(StickError::reading)?;
    if !found.is_file() {
        // A link, or a pipe that would keep us waiting.
        return Err(StickError::Altered);
    }
    Ok((File::open(path).map_err(StickError::reading)?, found.len()))
}

/// Reads a file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, StickError> {
    let (file, length) = open_file(path)?;
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(StickError::reading)?;
    match u64::try_from(read).unwrap_or(u64::MAX) {
        read if read > limit => Err(StickError::Altered),
        read if read < length || read == 0 => Err(StickError::HalfCopied),
        _ => Ok(bytes),
    }
}

/// Reads a file and its signature.
fn signed(path: &Path, limit: u64) -> Result<(Vec<u8>, String), StickError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".minisig");
    let signature = read(Path::new(&beside), u64::try_from(keychain::MAX_STATEMENT).unwrap_or(u64::MAX))?;
    let bytes = read(path, limit)?;
    Ok((bytes, String::from_utf8(signature).map_err(|_| StickError::Altered)?))
}

/// What a key said of its successor, if it said something.
fn statement(path: &Path) -> Result<Option<(Vec<u8>, String)>, StickError> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let (bytes, signature) = signed(path, u64::try_from(keychain::MAX_STATEMENT).unwrap_or(u64::MAX))?;
    if is_cut_off(&bytes) || Signature::decode(&signature).is_err() {
        return Err(StickError::HalfCopied);
    }
    Ok(Some((bytes, signature)))
}

/// Whether a JSON message ends before its end.
fn is_cut_off(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_err_and(|error| error.is_eof())
}

/// Tells another signer from an altered file.
fn verify(key: &IndexKey, bytes: &[u8], signature: &str) -> Result<(), StickError> {
    if Signature::decode(signature).is_err() {
        return Err(StickError::HalfCopied);
    }
    if keychain::signer(signature).as_deref() != Some(key.id()) {
        return Err(StickError::OtherSigner);
    }
    key.verify(bytes, signature).map_err(|_| StickError::Altered)
}

/// Verifies, unseals and reads receipts.
pub fn read_receipts(
    sealed: &[u8],
    signature: &str,
    key: &IndexKey,
    feed_key: &x25519::Identity,
    station: &FacilityCode,
) -> Result<StickReceipts, StickError> {
    #[derive(Deserialize)]
    struct Content {
        format: u32,
        station: String,
        ledger: Uuid,
        complete_to: DateTime<FixedOffset>,
        made_at: DateTime<FixedOffset>,
    }
    verify(key, sealed, signature)?;
    let plain = seal::unseal(feed_key, sealed, MAX_MESSAGE)?;
    let content: Content = serde_json::from_slice(&plain).map_err(|_| StickError::Altered)?;
    if content.format != wire::FORMAT {
        return Err(StickError::UnknownFormat);
    }
    if content.station != station.as_str() {
        return Err(StickError::OtherStation);
    }
    Ok(StickReceipts {
        ledger: content.ledger,
        complete_to: content.complete_to.to_utc(),
        made_at: content.made_at.to_utc(),
        receipts: wire::read_receipts(&plain)?,
    })
}

/// Brings a sealed file to `path` if it is the one the index names. The stick is read to its end first: a bad one must not cost what a link has brought.
fn copy(source: &Path, file: &FeedFile, path: &Path) -> Result<(), upstream::Error> {
    let (mut from, length) = open_file(source)?;
    if length < file.bytes {
        return Err(StickError::HalfCopied.into());
    }
    let whole = |found: (u64, Sha256Digest)| found == (file.bytes, file.sha256);
    let unreadable = |error| upstream::Error::from(StickError::reading(error));
    let mut nowhere = io::sink();
    if length > file.bytes || !whole(pass(&mut from, file.bytes, &mut nowhere).map_err(|(error, _)| unreadable(error))?) {
        return Err(StickError::Altered.into());
    }
    let (mut from, _) = open_file(source)?;
    let mut part = File::create(path).map_err(upstream::Error::Disk)?;
    let copied =
        pass(&mut from, file.bytes, &mut part).map_err(|(error, ours)| if ours { upstream::Error::Disk(error) } else { unreadable(error) });
    if !whole(copied?) {
        fs::remove_file(path).map_err(upstream::Error::Disk)?;
        return Err(StickError::Altered.into());
    }
    part.sync_all().map_err(upstream::Error::Disk)
}

/// Reads at most one byte more than `limit` and writes it on. An error says whether it was the writer's.
fn pass(from: &mut impl Read, limit: u64, to: &mut impl Write) -> Result<(u64, Sha256Digest), (io::Error, bool)> {
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    let mut from = from.take(limit.saturating_add(1));
    loop {
        let read = from.read(&mut buffer).map_err(|error| (error, false))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        to.write_all(bytes).map_err(|error| (error, true))?;
        length += u64::try_from(read).unwrap_or(u64::MAX);
    }
    Ok((length, Sha256Digest(hash.finalize().into())))
}

/// What was put on a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name of the file, for the log.
    pub file: String,
    /// How many of the visits given, from the first on: all, unless they are more than one file may hold.
    pub count: usize,
}

/// Puts visits on a stick, sealed to the province and signed by this station. They stay pending until a receipt comes. Blocks. `recipient` is what the
/// province gave at enrolment; `visits` come in the order of their sequences. Returns after file and folder are flushed.
pub fn write_visits(
    root: &Path,
    station: &FacilityCode,
    install: Uuid,
    visits: &[Visit],
    recipient: Option<&str>,
    key_pem: &str,
) -> Result<Option<Written>, StickError> {
    let recipient = recipient.filter(|text| seal::is_recipient(text)).ok_or(StickError::NoRecipient)?;
    let mut taken = visits;
    let plain = loop {
        let message = wire::VisitsRequest::new(station.as_str(), install, taken);
        let plain = serde_json::to_vec(&message).map_err(|_| StickError::Keys("the visits cannot be written down"))?;
        // The seal adds less than a kilobyte to each 64, and both have the same limit.
        if u64::try_from(plain.len()).unwrap_or(u64::MAX) <= MAX_MESSAGE - MAX_MESSAGE / 64 {
            break plain;
        }
        taken = taken.get(..taken.len() / 2).unwrap_or_default();
    };
    let (Some(first), Some(last)) = (taken.first(), taken.last()) else { return Ok(None) };
    let keys = |error| match error {
        upstream::Error::Keys(what) => StickError::Keys(what),
        _ => StickError::Keys("nothing could be sealed or signed"),
    };
    let sealed = seal::seal(recipient, &plain).map_err(keys)?;
    let signature = seal::sign(key_pem, &sealed).map_err(keys)?;
    let name = format!("visits-{install}-{}-{}.json.age", first.sequence.0, last.sequence.0);
    let folder = make_folders(root, station)?;
    let write = || {
        // Where the same visits were carried before, there must be no moment at which a file lies beside another's signature.
        remove(&folder.join(&name))?;
        put(&folder, &format!("{name}.sig"), format!("{signature}\n").as_bytes())?;
        put(&folder, &name, &sealed)
    };
    write().map_err(StickError::writing)?;
    Ok(Some(Written { file: name, count: taken.len() }))
}

fn make_folders(root: &Path, station: &FacilityCode) -> Result<PathBuf, StickError> {
    fs::read_dir(root).map_err(StickError::Unwritable)?;
    let mut folder = root.to_owned();
    for name in [ROOT, station.as_str(), TO_PROVINCE] {
        let outer = folder.clone();
        folder.push(name);
        match fs::create_dir(&folder) {
            Ok(()) => sync_folder(&outer).map_err(StickError::writing)?,
            Err(_) if is_folder(&folder) => {}
            Err(error) => return Err(StickError::writing(error)),
        }
    }
    Ok(folder)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file beside its place, flushes it, puts it in place.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    remove(&beside)?;
    let written = (|| {
        // A new file: what a link on the stick leads to is not ours to write.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, folder.join(name))?;
        sync_folder(folder)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Makes names durable. Some of the file systems sticks have cannot: then there is nothing to wait for.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pull_ends_with_is_said_in_the_words_of_sticks() {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        let table = [
            StickError::OtherStation,
            StickError::OtherSigner,
            StickError::HalfCopied,
            StickError::Altered,
            StickError::UnknownFormat,
            StickError::Unreadable(gone()),
            StickError::Keys("a key"),
        ];
        for error in table {
            let code = error.code();
            assert_eq!(StickError::of(&error.into()).unwrap().code(), code);
        }
        assert!(StickError::of(&upstream::Error::Disk(gone())).is_none(), "our own disk is not the stick");
        assert_eq!(StickError::of(&Fault::Line(3).into()).unwrap().code(), "stick_altered");
        assert_eq!(StickError::of(&Fault::Sealed.into()).unwrap().code(), "stick_other_station");
    }

    #[test]
    fn only_the_file_the_index_names_is_brought_over_and_a_bad_one_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("source"), folder.path().join("part"));
        let content = vec![7; 200_000];
        let file =
            FeedFile { serial: crate::domain::roster::Serial(1), bytes: 200_000, sha256: Sha256Digest(Sha256::digest(&content).into()) };
        let mut other = content.clone();
        other[150_000] = 8;
        fs::write(&path, "a part that came over the network").unwrap();
        for (bytes, code) in
            [(&other[..], "stick_altered"), (&[&content[..], b"x"].concat(), "stick_altered"), (&content[1..], "stick_half_copied")]
        {
            fs::write(&source, bytes).unwrap();
            let error = copy(&source, &file, &path).unwrap_err();
            assert_eq!(StickError::of(&error).unwrap().code(), code);
            assert_eq!(fs::read(&path).unwrap(), b"a part that came over the network");
        }
        fs::write(&source, &content).unwrap();
        copy(&source, &file, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content);
    }

    #[test]
    fn a_full_stick_is_not_a_broken_one() {
        for (kind, code) in [
            (io::ErrorKind::StorageFull, "stick_full"),
            (io::ErrorKind::QuotaExceeded, "stick_full"),
            (io::ErrorKind::ReadOnlyFilesystem, "stick_unwritable"),
            (io::ErrorKind::NotFound, "stick_unwritable"),
        ] {
            assert_eq!(StickError::writing(kind.into()).code(), code);
        }
        // A device that has no room, as the system says it.
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(StickError::writing(full.write_all(b"visits").unwrap_err()).code(), "stick_full");
    }

    const RECEIPTS: &[u8] = include_bytes!("../../../tests/fixtures/wire/stick-receipts.json");

    #[test]
    fn receipts_are_read_as_the_example_whoever_reads_them() {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let key = IndexKey::parse(&pair.pk.to_base64()).unwrap();
        let (own, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let read = |content: &[u8], identity: &x25519::Identity, station: &str| {
            let sealed = age::encrypt(&own.to_public(), content).unwrap();
            let signature = minisign::sign(None, &pair.sk, &sealed[..], None, None).unwrap().to_string();
            read_receipts(&sealed, &signature, &key, identity, &FacilityCode::parse(station).unwrap())
        };
        let receipts = read(RECEIPTS, &own, "99001").unwrap();
        assert_eq!(receipts.ledger, Uuid::parse_str("5b1e6a0c-9d2f-4c67-8f10-a1b2c3d4e5f6").unwrap());
        assert_eq!((receipts.complete_to < receipts.made_at, receipts.receipts.len()), (true, 3));
        let code = |read: Result<StickReceipts, StickError>| read.unwrap_err().code();
        assert_eq!(code(read(RECEIPTS, &own, "99002")), "stick_other_station");
        assert_eq!(code(read(RECEIPTS, &other, "99001")), "stick_other_station");
        let text = String::from_utf8(RECEIPTS.to_vec()).unwrap();
        assert_eq!(code(read(text.replace("\"format\": 1", "\"format\": 2").as_bytes(), &own, "99001")), "stick_unknown_format");
        assert_eq!(code(read(&RECEIPTS[..200], &own, "99001")), "stick_altered");
    }
}
