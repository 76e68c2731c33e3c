//! The stick: what travels between the province and a station that no network reaches.
//!
//! Promises: what leaves is whole or is seen not to be (the index is written last and removed first), sealed to the
//! station, signed by the index key; what comes is taken only from the holder of the station's certificate, through the same
//! judging and keeping as over the network. One bad file hinders no other. Must never write anything unsealed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{SubsecRound as _, TimeDelta};
use rustls::SignatureScheme;
use x509_parser::{
    pem::parse_x509_pem,
    prelude::{FromDer as _, X509Certificate},
};

use crate::{
    Arrival, Error, Province,
    serve::{
        intake::{judge, store},
        keychain::is_statement,
    },
    wire::{FORMAT, Index, Instant, Receipt, StickReceipts, VisitKey, VisitsRequest},
};

/// The folder on a stick that is ours, with one folder for each station.
const ROOT: &str = "bhyt";
const TO_STATION: &str = "to-station";
const TO_PROVINCE: &str = "to-province";
const RECEIPTS: &str = "receipts.json.age";
/// Under what the instant of the last receipts made is kept.
const MADE_AT: &str = "receipts made at";
/// Days for which a stick tells of visits: longer than anybody waits before asking what became of them.
const TOLD_DAYS: i64 = 120;
/// The most bytes of a file of visits or receipts.
const MOST_BYTES: u64 = 16 << 20;

/// What was put on a stick.
#[derive(Clone, Debug)]
pub struct CarriedOut {
    /// For whom.
    pub station: String,
    /// The index on it.
    pub index: Index,
    /// Visits it tells of.
    pub receipts: usize,
}

/// What became of one file of a stick.
#[derive(Debug)]
pub struct CarriedIn {
    /// From whose folder.
    pub station: String,
    /// Its name.
    pub file: String,
    /// One receipt per visit, or why none was taken.
    pub outcome: Result<Vec<Receipt>, StickRefusal>,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StickRefusal {
    /// The folder is of no station here, or of one that has not enrolled.
    #[error("this province has no such station, or it is not enrolled")]
    UnknownStation,
    /// The file or its signature is missing or cut off.
    #[error("the stick was not written to its end; let the station write it again")]
    HalfCopied,
    /// Not signed by a key that was certified for the station and not revoked, or changed since.
    #[error("not signed by this station, altered since, or not written to its end")]
    Signature,
    /// Not sealed to this province.
    #[error("not sealed to this province")]
    Sealed,
    /// Too large, or no batch of visits of format 1.
    #[error("no batch of visits that this server can read")]
    Malformed,
    /// Signed by the station, for another one.
    #[error("the visits are said to be another station's")]
    OtherStation,
    /// The stick failed.
    #[error("the stick cannot be read: {0}")]
    Unreadable(io::Error),
    /// We failed.
    #[error("not stored: {0}")]
    Failed(#[from] Error),
}

impl StickRefusal {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownStation => "unknown_station",
            Self::HalfCopied => "half_copied",
            Self::Signature => "signature",
            Self::Sealed => "sealed",
            Self::Malformed => "malformed",
            Self::OtherStation => "other_station",
            Self::Unreadable(_) => "unreadable",
            Self::Failed(_) => "failed",
        }
    }

    fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::HalfCopied } else { Self::Unreadable(error) }
    }
}

impl Province {
    /// Publishes a station and puts everything it needs on a stick.
    pub fn carry_out(&self, station: &str, stick: &Path) -> Result<CarriedOut, Error> {
        fs::metadata(stick).map_err(Error::file(stick))?;
        // Signed now: a stick may travel for days, and an index proves nothing after a week.
        let index = self.publish(station, self.now())?.index;
        let _lock = self.publication_lock()?;
        let folder = stick.join(ROOT).join(station).join(TO_STATION);
        let statements = folder.join("keys");
        fs::create_dir_all(&statements).map_err(Error::file(&statements))?;
        // Until it is there again, nobody takes the rest for whole.
        remove(&folder.join("index.json"))?;

        let mut named = BTreeSet::from(["index.json", "index.json.minisig", RECEIPTS, "receipts.json.age.minisig"].map(str::to_owned));
        for file in std::iter::once(&index.snapshot).chain(&index.deltas) {
            copy(&self.feed_dir(station), &folder, &file.file_name())?;
            named.insert(file.file_name());
        }
        let chain = self.keys().chain().statements();
        for name in names(&chain)?.into_iter().filter(|name| is_statement(name)) {
            copy(&chain, &statements, &name)?;
        }
        let receipts = self.put_receipts(station, &folder)?;
        copy(&self.feed_dir(station), &folder, "index.json.minisig")?;
        copy(&self.feed_dir(station), &folder, "index.json")?;
        for name in names(&folder)? {
            // What an earlier index named, and what a copy that was cut off left.
            if !named.contains(&name) && name != "keys" {
                remove(&folder.join(name))?;
            }
        }
        Ok(CarriedOut { station: station.to_owned(), index, receipts })
    }

    fn put_receipts(&self, station: &str, folder: &Path) -> Result<usize, Error> {
        let now = self.now().trunc_subsecs(3);
        let (recipient, message) = {
            let ledger = self.ledger();
            // It tells a newer stick from an older one, so it rises whatever becomes of our clock.
            let last = ledger.meta(MADE_AT).ok().and_then(|text| chrono::DateTime::parse_from_rfc3339(&text).ok());
            let made_at = last.map_or(now, |last| now.max(last + TimeDelta::milliseconds(1)));
            ledger.set_meta(MADE_AT, &made_at.to_rfc3339())?;
            let complete_to = chrono::DateTime::parse_from_rfc3339(&ledger.meta("complete to")?);
            let message = StickReceipts {
                format: FORMAT,
                station: station.to_owned(),
                ledger: ledger.meta("ledger")?.parse().map_err(|_| Error::Unreadable("the ledger's identity".into()))?,
                complete_to: Instant(complete_to.map_err(|_| Error::Unreadable("complete to".into()))?),
                made_at: Instant(made_at),
                receipts: ledger.receipts_since(station, now - TimeDelta::days(TOLD_DAYS))?,
            };
            (ledger.station(station)?.feed_recipient.ok_or_else(|| Error::NotEnrolled(station.to_owned()))?, message)
        };
        let recipient: age::x25519::Recipient = recipient.parse().map_err(|error: &str| Error::Seal(error.to_owned()))?;
        let sealed = age::encrypt(&recipient, &serde_json::to_vec(&message)?).map_err(|error| Error::Seal(error.to_string()))?;
        let signature = self.keys().index_key()?.sign(RECEIPTS, &sealed, now)?;
        put(folder, "receipts.json.age.minisig", signature.as_bytes())?;
        put(folder, RECEIPTS, &sealed)?;
        Ok(message.receipts.len())
    }

    /// Takes the visits that stations have put on a stick. They stay on it: taking them again changes nothing.
    pub fn carry_in(&self, stick: &Path) -> Result<Vec<CarriedIn>, Error> {
        let root = stick.join(ROOT);
        let mut taken = Vec::new();
        for station in names(&root)? {
            let folder = root.join(&station).join(TO_PROVINCE);
            if !folder.is_dir() {
                continue;
            }
            let is_visits = |name: &String| name.starts_with("visits-") && (name.ends_with(".json.age") || name.ends_with(".json.age.sig"));
            let files: BTreeSet<String> =
                names(&folder)?.into_iter().filter(is_visits).map(|name| name.trim_end_matches(".sig").to_owned()).collect();
            for file in files {
                let outcome = self.take_file(&station, &folder, &file);
                taken.push(CarriedIn { station: station.clone(), file, outcome });
            }
        }
        Ok(taken)
    }

    fn take_file(&self, station: &str, folder: &Path, name: &str) -> Result<Vec<Receipt>, StickRefusal> {
        // Also those that a later enrolment has replaced: what that machine has not sent has no other way to come.
        let issued = self.ledger().certificates(station)?;
        if issued.is_empty() {
            return Err(StickRefusal::UnknownStation);
        }
        let signature = read(&folder.join(format!("{name}.sig")))?;
        let sealed = read(&folder.join(name))?;
        let signature = BASE64_STANDARD.decode(signature.trim_ascii()).map_err(|_| StickRefusal::Signature)?;
        if !issued.iter().any(|certificate| signed_by(certificate, &sealed, &signature)) {
            return Err(StickRefusal::Signature);
        }
        let decryptor = age::Decryptor::new(&sealed[..]).map_err(|_| StickRefusal::Sealed)?;
        let identity: &dyn age::Identity = self.keys().intake();
        let unsealed = decryptor.decrypt(std::iter::once(identity)).map_err(|_| StickRefusal::Sealed)?;
        let mut plain = Vec::new();
        unsealed.take(MOST_BYTES).read_to_end(&mut plain).map_err(|_| StickRefusal::Sealed)?;
        let batch: VisitsRequest = serde_json::from_slice(&plain).map_err(|_| StickRefusal::Malformed)?;
        if batch.format != FORMAT {
            return Err(StickRefusal::Malformed);
        }
        if batch.station != station {
            return Err(StickRefusal::OtherStation);
        }
        // A receipt needs an identity to hang on.
        let keys = batch.visits.iter().map(|raw| serde_json::from_str::<VisitKey>(raw.get())).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|_| StickRefusal::Malformed)?;
        let judged: Vec<_> = batch.visits.iter().map(|raw| judge(raw)).collect();
        let sequences: Vec<_> = judged.iter().map(|visit| visit.as_ref().ok().map(|visit| visit.sequence)).collect();
        let (outcomes, received_at) = store(self, station, batch.install, judged)?;
        let receipts: Vec<_> =
            keys.into_iter().zip(outcomes).map(|(key, outcome)| Receipt { id: key.id, revision: key.revision, outcome }).collect();
        self.ledger().keep_stick_outcomes(station, received_at, &receipts)?;
        for (receipt, sequence) in receipts.iter().zip(sequences) {
            let reference = receipt.outcome.reference().map(str::to_owned);
            self.announce(Arrival { received_at, station: station.to_owned(), sequence, outcome: receipt.outcome.word(), reference });
        }
        Ok(receipts)
    }
}

/// Whether the holder of a certificate's key (PEM) signed: ECDSA P-256 over SHA-256, ASN.1. A renewal keeps the key.
fn signed_by(certificate_pem: &str, message: &[u8], signature: &[u8]) -> bool {
    let Ok((_, pem)) = parse_x509_pem(certificate_pem.as_bytes()) else { return false };
    let Ok((_, certificate)) = X509Certificate::from_der(&pem.contents) else { return false };
    let key = certificate.public_key();
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let mut fitting =
        algorithms.mapping.iter().filter(|(scheme, _)| *scheme == SignatureScheme::ECDSA_NISTP256_SHA256).flat_map(|(_, all)| *all);
    fitting.any(|algorithm| {
        algorithm.public_key_alg_id() == rustls::pki_types::alg_id::ECDSA_P256
            && algorithm.verify_signature(&key.subject_public_key.data, message, signature).is_ok()
    })
}

/// Reads a file of the stick, itself and not what it may lead to.
fn read(path: &Path) -> Result<Vec<u8>, StickRefusal> {
    let found = fs::symlink_metadata(path).map_err(StickRefusal::reading)?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(StickRefusal::Malformed);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(StickRefusal::reading)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(StickRefusal::reading)?;
    if bytes.is_empty() { Err(StickRefusal::HalfCopied) } else { Ok(bytes) }
}

/// Names in a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::file(folder))?,
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry.map_err(Error::file(folder))?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<Result<Vec<_>, Error>>()?;
    names.sort();
    Ok(names)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<(), Error> {
    let path: PathBuf = from.join(name);
    let bytes = fs::read(&path).map_err(Error::file(path))?;
    // What is there already is not written again: sticks are slow.
    let there = to.join(name);
    if fs::symlink_metadata(&there).is_ok_and(|found| found.is_file()) && fs::read(there).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    put(to, name, &bytes)
}

/// Writes a file beside its place, makes it durable, then puts it in place.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (path, beside) = (folder.join(name), folder.join(format!("{name}.new")));
    remove(&beside)?;
    let write = || {
        let mut file = File::create_new(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(Error::file(path.clone()))
}
