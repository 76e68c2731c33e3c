//! From the bytes of the feed to rows: signature, seal, packing, lines.
//!
//! Promise: nothing is believed before it is verified (the index by its signature, a file by the digest the index names); every reader is
//! bounded; lines come out in the order of their keys or the file is refused; what a row leaves out is filled in from the id and the header, so that
//! its digest can be computed. Never: personal text in an error: a fault names a line's number.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use age::Decryptor;
use age::x25519;
use serde::Deserialize;
use serde::Deserializer;
use uuid::Uuid;

use super::keychain::IndexKey;
use super::wire;
use crate::domain::person::CitizenId;
use crate::domain::roster::Column;
use crate::domain::roster::FeedError;
use crate::domain::roster::FeedHeader;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::roster::RosterChange;
use crate::domain::roster::RosterRow;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::SignerId;
use crate::upstream::Fault;

/// Verifies an index and reads it.
pub fn verify_index(bytes: &[u8], signature: &str, key: &IndexKey, station: &str) -> Result<Index, Fault> {
    key.verify(bytes, signature)?;
    wire::read_index(bytes, station, SignerId(key.id().into()))
}

/// Largest window a frame may ask for: 8 MiB, which zstd's level 19 stays within.
const MAX_WINDOW_LOG: u32 = 23;

/// Opens a sealed file whose digest has been verified.
pub fn open(path: &Path, identity: &x25519::Identity, station: &str) -> Result<FeedLines, Fault> {
    let file = File::open(path).map_err(|_| Fault::Packed)?;
    let decryptor = Decryptor::new(BufReader::new(file)).map_err(|_| Fault::Sealed)?;
    let unsealed = decryptor.decrypt(core::iter::once(identity as &dyn age::Identity)).map_err(|_| Fault::Sealed)?;
    let mut unpacked = zstd::Decoder::new(unsealed).map_err(|_| Fault::Packed)?;
    unpacked.window_log_max(MAX_WINDOW_LOG).map_err(|_| Fault::Packed)?;
    lines(BufReader::new(unpacked.take(wire::MAX_UNPACKED + 1)), station)
}

#[derive(Deserialize)]
struct HeaderDto {
    kind: String,
    format: u32,
    station: String,
    session: Uuid,
    serial: u64,
    from: Option<u64>,
    rows: u64,
    defaults: Defaults,
}

#[derive(Default, Deserialize)]
struct Defaults {
    facility: Option<Box<str>>,
    valid_from: Option<Box<str>>,
    valid_until: Option<Box<str>>,
}

/// Reads unpacked lines: the header now, the others as they are asked for.
pub fn lines(input: impl BufRead + Send + 'static, station: &str) -> Result<FeedLines, Fault> {
    let mut reader = LineReader { input, line: Vec::new(), number: 0, unpacked: 0 };
    let header: HeaderDto = match reader.next() {
        Ok(Some(line)) => serde_json::from_slice(line).map_err(|_| Fault::Line(1))?,
        Ok(None) => return Err(Fault::Packed),
        Err(fault) => return Err(fault),
    };
    if header.format != wire::FORMAT {
        return Err(Fault::UnknownFormat);
    }
    if header.station != station {
        return Err(Fault::OtherStation);
    }
    let from = match (header.kind.as_str(), header.from) {
        ("snapshot", None) => None,
        ("delta", Some(from)) => Some(Serial(from)),
        _ => return Err(Fault::Line(1)),
    };
    let known = FeedHeader { from, session: SessionId(header.session), serial: Serial(header.serial), rows: header.rows };
    let decoder = Decoder { reader, defaults: header.defaults, is_delta: from.is_some(), last_id: None, ended: false };
    Ok(FeedLines { header: known, changes: Box::new(decoder) })
}

struct LineReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    unpacked: u64,
}

impl<R: BufRead> LineReader<R> {
    /// The next line without its line feed; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, Fault> {
        self.line.clear();
        self.number += 1;
        let limit = u64::try_from(wire::MAX_LINE).unwrap_or(u64::MAX) + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line).map_err(|_: io::Error| Fault::Packed)?;
        self.unpacked += u64::try_from(read).unwrap_or(u64::MAX);
        if self.unpacked > wire::MAX_UNPACKED {
            return Err(Fault::TooLarge);
        }
        match self.line.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(&self.line)),
            Some(_) if read > wire::MAX_LINE => Err(Fault::Line(self.number)),
            // A last line without its end: the file was cut off.
            Some(_) => Err(Fault::Packed),
        }
    }
}

struct Decoder<R> {
    reader: LineReader<R>,
    defaults: Defaults,
    is_delta: bool,
    last_id: Option<Box<str>>,
    ended: bool,
}

impl<R: BufRead> Decoder<R> {
    fn read(&mut self) -> Result<Option<RosterChange>, Fault> {
        let Some(line) = self.reader.next()? else { return Ok(None) };
        let change = if self.is_delta {
            serde_json::from_slice::<DeltaLine>(line).ok().and_then(|line| line.read(&self.defaults))
        } else {
            serde_json::from_slice::<FullRow>(line).ok().map(|row| RosterChange::New(Box::new(row.read(&self.defaults))))
        };
        let change = change.ok_or(Fault::Line(self.reader.number))?;
        let id: &str = match &change {
            RosterChange::New(row) => row.value(Column::Id).unwrap_or_default(),
            RosterChange::Changed { id, .. } | RosterChange::Gone { id } => id,
        };
        if id.is_empty() || self.last_id.as_deref().is_some_and(|last| last >= id) {
            return Err(Fault::Line(self.reader.number));
        }
        self.last_id = Some(id.into());
        Ok(Some(change))
    }
}

impl<R: BufRead> Iterator for Decoder<R> {
    type Item = Result<RosterChange, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().map_err(FeedError::from).transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A key that may be left out, and may be `null`.
#[derive(Default)]
enum Given<T> {
    /// It is not there.
    #[default]
    LeftOut,
    /// It is there.
    Value(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(Self::Value)
    }
}

impl<T> Given<T> {
    #[expect(clippy::option_option, reason = "whether it is there, and what it is: the callers turn the first into a list")]
    fn given(self) -> Option<Option<T>> {
        match self {
            Self::LeftOut => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// One person's whole row.
#[derive(Deserialize)]
pub(super) struct FullRow {
    id: Box<str>,
    card: Box<str>,
    name: Box<str>,
    born: Option<Box<str>>,
    sex: Option<Box<str>>,
    hamlet: Option<Box<str>>,
    facility: Option<Box<str>>,
    valid_from: Option<Box<str>>,
    #[serde(default)]
    valid_until: Given<Box<str>>,
    five_years_on: Option<Box<str>>,
    copay_exempt_from: Option<Box<str>>,
    area: Option<Box<str>>,
    standing: Option<Box<str>>,
    predecessor: Option<Box<str>>,
    successor: Option<SuccessorDto>,
}

#[derive(Deserialize)]
struct SuccessorDto {
    card: Box<str>,
    valid_from: Box<str>,
    valid_until: Option<Box<str>>,
    facility: Box<str>,
}

/// The birth date in full: what the id says was cut. A cut value without an id that says it stays as it is, to be found unreadable.
fn whole_birth_date(id: &str, born: Option<Box<str>>) -> Option<Box<str>> {
    let year = CitizenId::parse(id).ok().map(|id| id.encoded_birth_year());
    match (born, year) {
        (None, Some(year)) => Some(format!("{year:04}").into()),
        (Some(cut), Some(year)) if cut.starts_with('-') => Some(format!("{year:04}{cut}").into()),
        (born, _) => born,
    }
}

fn whole_sex(id: &str, sex: Option<Box<str>>) -> Option<Box<str>> {
    sex.or_else(|| CitizenId::parse(id).ok().map(|id| id.encoded_sex().code().into()))
}

const SUCCESSOR: [Column; 4] = [Column::SuccessorCard, Column::SuccessorValidFrom, Column::SuccessorValidUntil, Column::SuccessorFacility];

fn successor_values(successor: Option<SuccessorDto>) -> [Option<Box<str>>; 4] {
    successor.map_or([const { None }; 4], |next| [Some(next.card), Some(next.valid_from), next.valid_until, Some(next.facility)])
}

impl FullRow {
    /// The row of an answer about one person, which no header stands before.
    pub(super) fn read_alone(self) -> RosterRow {
        self.read(&Defaults::default())
    }

    fn read(self, defaults: &Defaults) -> RosterRow {
        let mut row = RosterRow::default();
        for (column, value) in SUCCESSOR.into_iter().zip(successor_values(self.successor)) {
            row.set(column, value);
        }
        row.set(Column::Born, whole_birth_date(&self.id, self.born));
        row.set(Column::Sex, whole_sex(&self.id, self.sex));
        row.set(Column::Id, Some(self.id));
        row.set(Column::Card, Some(self.card));
        row.set(Column::Name, Some(self.name));
        row.set(Column::Hamlet, self.hamlet);
        row.set(Column::Facility, self.facility.or_else(|| defaults.facility.clone()));
        row.set(Column::ValidFrom, self.valid_from.or_else(|| defaults.valid_from.clone()));
        row.set(Column::ValidUntil, self.valid_until.given().unwrap_or_else(|| defaults.valid_until.clone()));
        row.set(Column::FiveYearsOn, self.five_years_on);
        row.set(Column::CopayExemptFrom, self.copay_exempt_from);
        row.set(Column::Area, self.area);
        row.set(Column::Standing, self.standing);
        row.set(Column::Predecessor, self.predecessor);
        row
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaLine {
    new: Option<FullRow>,
    gone: Option<Box<str>>,
    id: Option<Box<str>>,
    card: Given<Box<str>>,
    name: Given<Box<str>>,
    born: Given<Box<str>>,
    sex: Given<Box<str>>,
    hamlet: Given<Box<str>>,
    facility: Given<Box<str>>,
    valid_from: Given<Box<str>>,
    valid_until: Given<Box<str>>,
    five_years_on: Given<Box<str>>,
    copay_exempt_from: Given<Box<str>>,
    area: Given<Box<str>>,
    standing: Given<Box<str>>,
    predecessor: Given<Box<str>>,
    successor: Given<SuccessorDto>,
}

impl DeltaLine {
    /// The change; `None` if the line is not exactly one of the three kinds.
    fn read(self, defaults: &Defaults) -> Option<RosterChange> {
        match (self.new, self.gone, self.id) {
            (Some(row), None, None) => Some(RosterChange::New(Box::new(row.read(defaults)))),
            (None, Some(id), None) => Some(RosterChange::Gone { id }),
            (None, None, Some(id)) => {
                let born = self.born.given().map(|born| whole_birth_date(&id, born));
                let sex = self.sex.given().map(|sex| whole_sex(&id, sex));
                let changes = [
                    (Column::Card, self.card.given()),
                    (Column::Name, self.name.given()),
                    (Column::Born, born),
                    (Column::Sex, sex),
                    (Column::Hamlet, self.hamlet.given()),
                    (Column::Facility, self.facility.given()),
                    (Column::ValidFrom, self.valid_from.given()),
                    (Column::ValidUntil, self.valid_until.given()),
                    (Column::FiveYearsOn, self.five_years_on.given()),
                    (Column::CopayExemptFrom, self.copay_exempt_from.given()),
                    (Column::Area, self.area.given()),
                    (Column::Standing, self.standing.given()),
                    (Column::Predecessor, self.predecessor.given()),
                ];
                let mut values: Vec<_> = changes.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
                if let Given::Value(successor) = self.successor {
                    values.extend(SUCCESSOR.into_iter().zip(successor_values(successor)));
                }
                Some(RosterChange::Changed { id, values })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::roster::StateDigest;

    const SNAPSHOT: &str = include_str!("../../../tests/fixtures/wire/snapshot.jsonl");
    const DELTA: &str = include_str!("../../../tests/fixtures/wire/delta.jsonl");
    const STATE: &str = include_str!("../../../tests/fixtures/wire/state.txt");
    const INDEX: &[u8] = include_bytes!("../../../tests/fixtures/wire/index.json");
    const SIGNATURE: &str = include_str!("../../../tests/fixtures/wire/index.json.minisig");
    const KEY: &str = "RWT/RCHAVvi0alKAwlKmjY4HpHGMTk5e7X8vfYhCjV3KGRR2ESzTxeYM";

    type State = BTreeMap<Box<str>, RosterRow>;

    fn read(text: &str) -> Result<FeedLines, Fault> {
        lines(io::Cursor::new(text.to_owned().into_bytes()), "99001")
    }

    fn apply(state: &mut State, text: &str) {
        for change in read(text).unwrap().changes {
            match change.unwrap() {
                RosterChange::New(row) => assert!(state.insert(row.value(Column::Id).unwrap().into(), *row).is_none()),
                RosterChange::Changed { id, values } => {
                    let row = state.get_mut(&id).unwrap();
                    for (column, value) in values {
                        row.set(column, value);
                    }
                }
                RosterChange::Gone { id } => assert!(state.remove(&id).is_some()),
            }
        }
    }

    fn digest(state: &State) -> String {
        let mut digest = StateDigest::default();
        for row in state.values() {
            digest.add(row);
        }
        digest.finish().to_hex()
    }

    #[test]
    fn the_examples_lead_to_the_digests_of_the_specification() {
        let expected: Vec<_> = STATE.lines().filter_map(|line| line.strip_prefix("# sha256 ")).collect();
        let mut state = State::new();
        apply(&mut state, SNAPSHOT);
        assert_eq!(digest(&state), expected[0]);
        apply(&mut state, DELTA);
        assert_eq!(digest(&state), expected[1]);
        assert!(state.values().all(|row| row.to_record().is_ok()));
    }

    #[test]
    fn the_index_is_believed_with_its_signature_only() {
        let key = IndexKey::parse(KEY).unwrap();
        let index = verify_index(INDEX, SIGNATURE, &key, "99001").unwrap();
        assert_eq!((index.serial, index.deltas.len(), &*index.signed_by.0), (Serial(8), 2, key.id()));
        assert_eq!(verify_index(INDEX, SIGNATURE, &key, "99002").unwrap_err(), Fault::OtherStation);
        let mut other = INDEX.to_vec();
        other[80] ^= 1;
        assert_eq!(verify_index(&other, SIGNATURE, &key, "99001").unwrap_err(), Fault::Signature);
        assert_eq!(verify_index(INDEX, "no signature", &key, "99001").unwrap_err(), Fault::Signature);
    }

    #[test]
    fn a_line_that_breaks_the_rules_is_named_by_its_number() {
        let lines: Vec<&str> = SNAPSHOT.lines().collect();
        let header = lines[0];
        let with = |rest: &[&str]| format!("{header}\n{}\n", rest.join("\n"));
        let long = format!("{{\"id\":\"001055000002\",\"card\":\"X\",\"name\":\"{}\"}}", "N".repeat(wire::MAX_LINE));
        for (text, fault) in [
            (with(&[lines[2], lines[1]]), Fault::Line(3)),
            (with(&[lines[1], lines[1]]), Fault::Line(3)),
            (with(&["{}"]), Fault::Line(2)),
            (with(&[lines[1], "{\"gone\":\"9\"}"]), Fault::Line(3)),
            (with(&[&long]), Fault::Line(2)),
            (format!("{header}\n{}", lines[1]), Fault::Packed),
        ] {
            let error = read(&text).unwrap().changes.find_map(Result::err).expect("an error");
            assert_eq!(*error.downcast::<Fault>().unwrap(), fault);
        }
        assert_eq!(read("").err(), Some(Fault::Packed));
        assert_eq!(read(&SNAPSHOT.replace("99001", "99002")).err(), Some(Fault::OtherStation));
        assert_eq!(read(&SNAPSHOT.replace("\"format\":1", "\"format\":2")).err(), Some(Fault::UnknownFormat));
        assert_eq!(read(&SNAPSHOT.replace("\"snapshot\"", "\"delta\"")).err(), Some(Fault::Line(1)));
    }

    #[test]
    fn a_delta_line_is_one_of_three_kinds() {
        let header = DELTA.lines().next().unwrap();
        for line in ["{}", "{\"id\":\"1\",\"gone\":\"1\"}", "{\"gone\":null}", "[]", "null"] {
            let error = read(&format!("{header}\n{line}\n")).unwrap().changes.find_map(Result::err).expect("an error");
            assert_eq!(*error.downcast::<Fault>().unwrap(), Fault::Line(2), "{line}");
        }
    }

    /// A real file: every byte flipped in two places, and every length. Without the digest of the index, which comes first in earnest.
    #[test]
    fn f31_no_flipped_or_cut_byte_of_a_sealed_file_is_read_to_its_end() {
        use std::io::Write;
        let identity = x25519::Identity::generate();
        let packed = zstd::encode_all(SNAPSHOT.as_bytes(), 19).unwrap();
        let recipient = identity.to_public();
        let encryptor = age::Encryptor::with_recipients(core::iter::once(&recipient as &dyn age::Recipient)).unwrap();
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
        writer.write_all(&packed).unwrap();
        writer.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let reads = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            open(&path, &identity, "99001").is_ok_and(|lines| lines.changes.fold(true, |all, change| all & change.is_ok()))
        };
        assert!(reads(&sealed));
        let mut mutations = 0;
        for at in 0..sealed.len() {
            for bit in [at % 8, (at + 5) % 8] {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(!reads(&changed), "byte {at}, bit {bit}");
                mutations += 1;
            }
            assert!(!reads(&sealed[..at]), "cut after {at}");
            mutations += 1;
        }
        println!("{mutations} mutations of {} bytes", sealed.len());
        assert!(mutations > 2000);
    }
}
