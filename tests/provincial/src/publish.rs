//! Publishing: from the register to signed, sealed files in a folder that any web server could serve.
//!
//! Promises: sealed files are on the disk before the ledger says what they are called, the ledger is committed
//! before an index says so, and the index is the last file to change; so a crash at any point leaves the old
//! publication or the new one, and no digest ever changes under a serial. Must never write a sealed file's name
//! twice or leave personal data unsealed on the disk of the web server.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use chrono::{DateTime, FixedOffset, SubsecRound as _, TimeDelta};

use crate::{
    Error, clock,
    feed::{self, State},
    ledger::PublishedState,
    province::Province,
    wire::{FORMAT, FeedHeader, FeedKind, Index, Instant, ProtocolRange, SEALED_SUFFIX, SealedFile},
};

/// The most deltas an index offers.
const MOST_DELTAS: usize = 5;
/// The most bytes an index may have.
const MOST_INDEX_BYTES: usize = 1000;
/// zstd's level.
const LEVEL: i32 = 19;
/// Days an index proves something. Long enough for a holiday without a publication, short enough to show a freeze.
const INDEX_DAYS: i64 = 7;

/// What a publication did.
#[derive(Clone, Debug)]
pub struct Published {
    /// For whom.
    pub station: String,
    /// The index now in place.
    pub index: Index,
    /// The same, byte for byte.
    pub index_bytes: usize,
    /// Why there is a new serial, or why not.
    pub kind: PublicationKind,
}

/// Why there is a new serial, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationKind {
    /// A new session: the first publication, another recipient, or by order.
    NewSession,
    /// Nothing changed; the index was signed again.
    Unchanged,
    /// A new serial.
    Advanced {
        /// Persons the serial before did not have.
        new: usize,
        /// Persons with changed values.
        changed: usize,
        /// Persons who left.
        gone: usize,
        /// Sealed size of the delta, whether offered or not.
        delta_bytes: u64,
    },
}

/// Publishes one station as of `now`.
pub(crate) fn publish(province: &Province, station: &str, now: DateTime<FixedOffset>) -> Result<Published, Error> {
    let _lock = province.publication_lock()?;
    let recipient = province.ledger().station(station)?.feed_recipient.ok_or_else(|| Error::NotEnrolled(station.to_owned()))?;
    let signer = province.keys().index_key()?.id;
    let (before, people, last) = {
        let ledger = province.ledger();
        (ledger.published(station)?, ledger.people(station)?, ledger.last_published_at(station, &signer)?)
    };
    let at = not_before(now.with_timezone(&clock::vietnam()).trunc_subsecs(0), last.as_deref())?;
    let folder = province.feed_dir(station);
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;

    let continued = before.filter(|before| before.recipient == recipient && files_are_there(&folder, before));
    let mut job = Job { folder: &folder, station, recipient: &recipient, at, people: &people };
    let (state, old_people, kind) = match continued {
        None => (job.new_session()?, State::new(), PublicationKind::NewSession),
        Some(before) => {
            let old_people = province.ledger().published_people(station)?;
            let (state, kind) = job.next(before, &old_people)?;
            (state, old_people, kind)
        }
    };
    if matches!(kind, PublicationKind::NewSession) {
        province.ledger().forget_session(station)?;
    }
    province.ledger().set_published(station, &state, &signer, &old_people, &people)?;

    let index = index(station, &state)?;
    let bytes = serde_json::to_vec(&index)?;
    put_index(province, station, &bytes, at)?;
    remove_unlisted(&folder, &index)?;
    Ok(Published { station: station.to_owned(), index_bytes: bytes.len(), index, kind })
}

/// Writes a signed index, whatever it says: the signature first, as the README orders.
pub(crate) fn put_index(province: &Province, station: &str, index: &[u8], at: DateTime<FixedOffset>) -> Result<(), Error> {
    let folder = province.feed_dir(station);
    put(&folder, "index.json.minisig", province.keys().index_key()?.sign("index.json", index, at)?.as_bytes())?;
    put(&folder, "index.json", index)
}

/// Under one key `published_at` never falls, whatever the clock does.
fn not_before(now: DateTime<FixedOffset>, last: Option<&str>) -> Result<DateTime<FixedOffset>, Error> {
    let Some(last) = last else { return Ok(now) };
    let last = DateTime::parse_from_rfc3339(last).map_err(|_| Error::Unreadable("published_at".into()))?;
    Ok(now.max(last))
}

fn files_are_there(folder: &Path, state: &PublishedState) -> bool {
    std::iter::once(&state.snapshot).chain(&state.deltas).all(|file| folder.join(file.file_name()).is_file())
}

struct Job<'a> {
    folder: &'a Path,
    station: &'a str,
    recipient: &'a str,
    at: DateTime<FixedOffset>,
    people: &'a State,
}

impl Job<'_> {
    fn new_session(&mut self) -> Result<PublishedState, Error> {
        let mut state = PublishedState {
            session: uuid::Uuid::new_v4(),
            serial: 1,
            recipient: self.recipient.to_owned(),
            as_of: self.at.to_rfc3339(),
            published_at: self.at.to_rfc3339(),
            state_sha256: feed::state_sha256(self.people),
            snapshot: SealedFile { serial: 1, bytes: 0, sha256: String::new() },
            deltas: Vec::new(),
        };
        state.snapshot = self.snapshot(&state)?;
        Ok(state)
    }

    fn next(&mut self, before: PublishedState, old: &State) -> Result<(PublishedState, PublicationKind), Error> {
        let (lines, defaults) = feed::difference(old, self.people);
        let mut state = PublishedState { as_of: self.at.to_rfc3339(), published_at: self.at.to_rfc3339(), ..before };
        if lines.is_empty() {
            return Ok((state, PublicationKind::Unchanged));
        }
        state.serial += 1;
        state.state_sha256 = feed::state_sha256(self.people);
        let mut header = self.header(&state, FeedKind::Delta, lines.len());
        header.from = Some(state.serial - 1);
        header.defaults = defaults;
        let delta = self.seal(state.serial, &feed::text(&header, &lines)?)?;
        state.snapshot = self.snapshot(&state)?;
        let new = self.people.keys().filter(|id| !old.contains_key(*id)).count();
        let gone = old.keys().filter(|id| !self.people.contains_key(*id)).count();
        let kind = PublicationKind::Advanced { new, gone, changed: lines.len() - new - gone, delta_bytes: delta.bytes };
        state.deltas.push(delta);
        self.drop_old_deltas(&mut state)?;
        Ok((state, kind))
    }

    /// Five deltas at most, together no larger than the snapshot, in an index of at most a kilobyte.
    fn drop_old_deltas(&self, state: &mut PublishedState) -> Result<(), Error> {
        while !state.deltas.is_empty()
            && (state.deltas.len() > MOST_DELTAS
                || state.deltas.iter().map(|delta| delta.bytes).sum::<u64>() > state.snapshot.bytes
                || serde_json::to_vec(&index(self.station, state)?)?.len() > MOST_INDEX_BYTES)
        {
            state.deltas.remove(0);
        }
        Ok(())
    }

    fn snapshot(&self, state: &PublishedState) -> Result<SealedFile, Error> {
        let mut header = self.header(state, FeedKind::Snapshot, self.people.len());
        header.defaults = feed::common_values(self.people.values());
        let rows = self.people.values().map(|person| feed::full_row(person, &header.defaults));
        let text = feed::text(&header, rows)?;
        self.seal(state.serial, &text)
    }

    fn header(&self, state: &PublishedState, kind: FeedKind, rows: usize) -> FeedHeader {
        FeedHeader {
            kind,
            format: FORMAT,
            station: self.station.to_owned(),
            session: state.session,
            serial: state.serial,
            from: None,
            as_of: Instant(self.at),
            rows: rows as u64,
            defaults: crate::wire::Defaults::default(),
        }
    }

    fn seal(&self, serial: u64, text: &[u8]) -> Result<SealedFile, Error> {
        let sealed = seal(self.recipient, text)?;
        let file = SealedFile { serial, bytes: sealed.len() as u64, sha256: feed::sha256_hex(&sealed) };
        put(self.folder, &file.file_name(), &sealed)?;
        Ok(file)
    }
}

/// Compresses and seals the text of a feed file.
pub(crate) fn seal(recipient: &str, text: &[u8]) -> Result<Vec<u8>, Error> {
    let recipient: age::x25519::Recipient = recipient.parse().map_err(|error: &str| Error::Seal(error.to_owned()))?;
    let packed = zstd::bulk::compress(text, LEVEL)?;
    age::encrypt(&recipient, &packed).map_err(|error| Error::Seal(error.to_string()))
}

fn index(station: &str, state: &PublishedState) -> Result<Index, Error> {
    let instant = |text: &str| DateTime::parse_from_rfc3339(text).map_err(|_| Error::Unreadable("an instant of a publication".into()));
    let published_at = instant(&state.published_at)?;
    Ok(Index {
        format: FORMAT,
        station: station.to_owned(),
        session: state.session,
        serial: state.serial,
        as_of: Instant(instant(&state.as_of)?),
        published_at: Instant(published_at),
        expires_at: Instant(published_at + TimeDelta::days(INDEX_DAYS)),
        protocol: ProtocolRange { min: 1, max: 1 },
        state_sha256: state.state_sha256.clone(),
        snapshot: state.snapshot.clone(),
        deltas: state.deltas.clone(),
    })
}

/// Writes a file beside its place, makes it durable, then puts it in place.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (path, beside) = (folder.join(name), folder.join(format!("{name}.part")));
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(Error::file(path.clone()))
}

/// Removes sealed files that this index does not list, once they are an hour old: until then a station that read
/// the index before may be fetching them.
fn remove_unlisted(folder: &Path, index: &Index) -> Result<(), Error> {
    let listed: Vec<String> = std::iter::once(&index.snapshot).chain(&index.deltas).map(SealedFile::file_name).collect();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let entry = entry.map_err(Error::file(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let old = entry
            .metadata()
            .and_then(|about| about.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok())
            .is_some_and(|age| age.as_secs() > 3600);
        if old && name.ends_with(SEALED_SUFFIX) && !listed.contains(&name) {
            fs::remove_file(entry.path()).map_err(Error::file(entry.path()))?;
        }
    }
    Ok(())
}
