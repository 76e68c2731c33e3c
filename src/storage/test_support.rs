//! What the storage tests share: a clock that stands still, a made-up roster with its real digest, made-up visits, a folder per test.
//!
//! Promise: nobody here exists (personal ids begin 097 to 099, cards are of province 99); every digest is computed, none copied; every
//! database is a real one. Never: a sleep, or a state shared by two tests.

#[path = "../../tests/support/writers.rs"]
mod writers;

use self::writers::Writer;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;
use tempfile::TempDir;
use uuid::Uuid;

use super::cards::CardStore;
use super::error::Error;
use super::key::DatabaseKey;
use super::visits::VisitStore;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::CareType;
use crate::domain::card::CardNumber;
use crate::domain::clock::Clock;
use crate::domain::clock::ClockState;
use crate::domain::clock::Reading;
use crate::domain::clock::TimeKeeper;
use crate::domain::person::BirthDate;
use crate::domain::person::CitizenId;
use crate::domain::person::PersonName;
use crate::domain::person::Sex;
use crate::domain::roster::COLUMNS;
use crate::domain::roster::Column;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedHeader;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Guard;
use crate::domain::roster::Index;
use crate::domain::roster::PullCursor;
use crate::domain::roster::RosterChange;
use crate::domain::roster::RosterRow;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::SignerId;
use crate::domain::roster::StateDigest;
use crate::domain::scan;
use crate::domain::scan::Scan;
use crate::domain::scan::Source;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Revision;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;

/// The morning every test happens on.
pub(crate) fn morning() -> DateTime<Utc> {
    at("2026-11-22T01:00:00Z")
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A wall clock that stands still; only the machine's running time goes on, a millisecond a look, so that names made from it differ.
#[derive(Default)]
struct FakeClock(AtomicU64);

impl Clock for FakeClock {
    fn read(&self) -> Reading {
        let since_boot = Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed));
        Reading { wall: morning(), since_boot, boot_id: "00000000-0000-4000-8000-000000000001".into() }
    }
}

pub(super) fn time() -> TimeKeeper {
    TimeKeeper::new(Arc::new(FakeClock::default()), at("2026-01-01T00:00:00Z"))
}

pub(super) fn key() -> DatabaseKey {
    DatabaseKey::from_bytes(&[7; 32])
}

pub(super) fn other_key() -> DatabaseKey {
    DatabaseKey::from_bytes(&[8; 32])
}

/// One station's folder, with the two stores opened and closed as often as a test likes.
pub(crate) struct Station {
    pub(super) folder: TempDir,
    time: TimeKeeper,
}

impl Station {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), time: time() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn cards_folder(&self) -> PathBuf {
        self.path().join("cards")
    }

    pub(crate) fn cards(&self) -> Open<CardStore> {
        self.try_cards().unwrap()
    }

    pub(super) fn try_cards(&self) -> Result<Open<CardStore>, Error> {
        CardStore::open(&self.cards_folder(), &key(), self.time.clone()).map(Open::from)
    }

    pub(super) fn visits(&self) -> Open<VisitStore> {
        self.try_visits().unwrap()
    }

    pub(super) fn try_visits(&self) -> Result<Open<VisitStore>, Error> {
        VisitStore::open(self.path(), &key(), self.time.clone()).map(Open::from)
    }

    /// Names of the databases set aside below a folder of the station.
    pub(super) fn set_aside(folder: &Path) -> Vec<String> {
        names(&folder.join("quarantine"))
    }
}

/// A store with its thread: closing waits for the thread, as the daemon does.
pub(crate) struct Open<S> {
    pub(super) store: S,
    thread: Writer,
}

impl<S> From<(S, JoinHandle<()>)> for Open<S> {
    fn from((store, thread): (S, JoinHandle<()>)) -> Self {
        Self { store, thread: Writer::of(thread) }
    }
}

impl<S> Open<S> {
    pub(crate) fn close(self) {
        drop(self.store);
        self.thread.join();
    }
}

impl<S> core::ops::Deref for Open<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.store
    }
}

/// Sorted names in a folder; none if it is not there.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file below a folder with its length and the digest of its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, (usize, Sha256Digest)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            found.insert(path, (content.len(), Sha256Digest(Sha256::digest(&content).into())));
        }
    }
    found
}

/// Overwrites everything but the first pages of a database, as a failing disk might.
pub(crate) fn damage(path: &Path) {
    const PAGE: usize = 4096;
    let mut content = std::fs::read(path).unwrap();
    assert!(content.len() > 2 * PAGE, "too small to be damaged in its middle");
    content[PAGE..].fill(0xa5);
    overwrite(path, &content);
}

/// Writes into the file that is there, so that whoever has it open sees it.
pub(super) fn overwrite(path: &Path, content: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(content).unwrap();
    file.sync_all().unwrap();
}

/// Everything an error says, down to its last cause.
pub(super) fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = core::iter::successors(Some(error), |error| error.source());
    causes.map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join(" ")
}

// ---- the roster

/// The people of a roster by their key, so that they are in the order of the state digest.
pub(crate) type People = BTreeMap<Box<str>, RosterRow>;

/// A person of the made-up commune; `n` tells them apart.
pub(crate) fn person(n: u32) -> RosterRow {
    const FAMILY: [&str; 5] = ["NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HOÀNG"];
    const GIVEN: [&str; 7] = ["MẪU", "THỬ", "VÍ DỤ", "GIẢ", "PHỎNG", "TƯỞNG", "BỊA"];
    let name = format!("{} THỊ {}", FAMILY[n as usize % FAMILY.len()], GIVEN[n as usize % GIVEN.len()]);
    let mut row = RosterRow::default();
    for (column, value) in [
        (Column::Id, format!("0971{n:08}")),
        (Column::Card, format!("GD499{n:010}")),
        (Column::Name, name),
        (Column::Born, format!("{}-09-02", 1950 + n % 50)),
        (Column::Sex, "female".to_owned()),
        (Column::Facility, "99001".to_owned()),
        (Column::ValidFrom, "2026-01-01".to_owned()),
        (Column::ValidUntil, "2026-12-31".to_owned()),
    ] {
        row.set(column, Some(value.into()));
    }
    row
}

/// The same person with one value changed.
pub(crate) fn with(mut row: RosterRow, column: Column, value: Option<&str>) -> RosterRow {
    row.set(column, value.map(Into::into));
    row
}

pub(crate) fn id_of(row: &RosterRow) -> Box<str> {
    row.value(Column::Id).unwrap().into()
}

pub(crate) fn people(rows: impl IntoIterator<Item = RosterRow>) -> People {
    rows.into_iter().map(|row| (id_of(&row), row)).collect()
}

/// Lets every change through.
pub(crate) const NO_GUARD: Guard = Guard { percent: 100, accepted: None };

pub(super) fn session() -> SessionId {
    SessionId(Uuid::from_u128(0x99))
}

pub(crate) fn state_of(people: &People) -> Sha256Digest {
    let mut digest = StateDigest::default();
    for row in people.values() {
        digest.add(row);
    }
    digest.finish()
}

/// What the province signs for a state: the state's own digest, and the last three steps to it.
pub(crate) fn index(people: &People, serial: u64) -> Index {
    let file = |serial| FeedFile { serial: Serial(serial), bytes: 1, sha256: Sha256Digest([u8::try_from(serial % 256).unwrap(); 32]) };
    Index {
        session: session(),
        serial: Serial(serial),
        as_of: as_of(serial),
        published_at: as_of(serial) + TimeDelta::minutes(5),
        signed_by: SignerId("key".into()),
        expires_at: as_of(serial) + TimeDelta::days(7),
        state: state_of(people),
        snapshot: file(serial),
        deltas: (serial.saturating_sub(2).max(1)..=serial).map(file).collect(),
    }
}

fn as_of(serial: u64) -> DateTime<Utc> {
    morning() - TimeDelta::days(30) + TimeDelta::days(i64::try_from(serial).unwrap())
}

pub(super) fn cursor_of(index: &Index) -> PullCursor {
    index.cursor(morning())
}

pub(crate) fn lines(header: FeedHeader, changes: Vec<RosterChange>) -> FeedLines {
    FeedLines { header, changes: Box::new(changes.into_iter().map(Ok)) }
}

pub(super) fn snapshot(people: &People, serial: u64) -> FeedLines {
    let header = FeedHeader { from: None, session: session(), serial: Serial(serial), rows: people.len() as u64 };
    lines(header, people.values().map(|row| RosterChange::New(Box::new(row.clone()))).collect())
}

/// The lines that lead from one state to another, as the province would write them.
pub(crate) fn changes(from: &People, to: &People) -> Vec<RosterChange> {
    let mut changes = Vec::new();
    let ids: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).collect();
    for id in ids {
        match (from.get(id), to.get(id)) {
            (None, Some(row)) => changes.push(RosterChange::New(Box::new(row.clone()))),
            (Some(_), None) => changes.push(RosterChange::Gone { id: id.clone() }),
            (Some(old), Some(new)) if old != new => {
                let differs = |at: &usize| old.0[*at] != new.0[*at];
                let values = (0..COLUMNS).filter(differs).map(|at| (column(at), new.0[at].clone())).collect();
                changes.push(RosterChange::Changed { id: id.clone(), values });
            }
            _ => {}
        }
    }
    changes
}

fn column(at: usize) -> Column {
    use Column::*;
    [
        Id,
        Card,
        Name,
        Born,
        Sex,
        Hamlet,
        Facility,
        ValidFrom,
        ValidUntil,
        FiveYearsOn,
        CopayExemptFrom,
        Area,
        Standing,
        Predecessor,
        SuccessorCard,
        SuccessorValidFrom,
        SuccessorValidUntil,
        SuccessorFacility,
    ][at]
}

pub(super) fn delta_header(serial: u64, rows: usize) -> FeedHeader {
    FeedHeader { from: Some(Serial(serial - 1)), session: session(), serial: Serial(serial), rows: rows as u64 }
}

/// The delta that leads to `serial`.
pub(super) fn delta(from: &People, to: &People, serial: u64) -> FeedLines {
    let changes = changes(from, to);
    lines(delta_header(serial, changes.len()), changes)
}

impl Open<CardStore> {
    /// Loads a state as the snapshot of a serial.
    pub(crate) async fn load(&self, people: &People, serial: u64) {
        let index = index(people, serial);
        let cursor = cursor_of(&index);
        self.replace(snapshot(people, serial), index, cursor, NO_GUARD).await.unwrap();
    }

    /// Applies deltas that end at a state.
    pub(super) async fn apply(&self, deltas: Vec<FeedLines>, people: &People, serial: u64) -> Result<super::cards::Roster, Error> {
        let index = index(people, serial);
        let cursor = cursor_of(&index);
        self.apply_deltas(deltas, index, cursor, NO_GUARD).await
    }
}

/// What the desk's reader or keyboard sent.
pub(crate) fn scanned(text: &str) -> Scan {
    scan::read(text).unwrap()
}

/// A scan of everything a person can show.
pub(super) fn shown_by(row: &RosterRow) -> Scan {
    let mut scan = scanned(row.value(Column::Id).unwrap());
    scan.card_number = Some(CardNumber::parse(row.value(Column::Card).unwrap()).unwrap());
    scan.insurance_number = scan.card_number.as_ref().map(CardNumber::insurance_number);
    scan.name = Some(PersonName::parse(row.value(Column::Name).unwrap()).unwrap());
    scan
}

// ---- visits

/// A made-up visit; `n` gives its id, its minute and its person.
pub(crate) fn visit(n: u32) -> NewVisit {
    let card = CardNumber::parse(&format!("GD499{n:010}")).unwrap();
    let arrived_at = morning() + TimeDelta::minutes(i64::from(n));
    NewVisit {
        id: visit_id(n),
        revision: Revision::FIRST,
        arrived_at,
        operator: OperatorName::parse("Lê Thị Thử").unwrap(),
        source: Source::BhytCard,
        person: VisitPerson {
            insurance_number: Some(card.insurance_number()),
            card_number: Some(card),
            personal_id: Some(CitizenId::parse(&format!("0971{n:08}")).unwrap()),
            name: Some(PersonName::parse("Trần Thị Ví Dụ").unwrap()),
            birth_date: Some(BirthDate::parse_iso("1985-09-02").unwrap()),
            sex: Some(Sex::Female),
        },
        attendance_category: AttendanceCategory::parse("1.2").unwrap(),
        care_type: CareType::parse("01").unwrap(),
        proof: None,
        queue_number: None,
        note: Some("ghi chú thử".into()),
        voided: None,
        verdict: ShownVerdict {
            standing: "valid".into(),
            identity_match: "match".into(),
            knowledge: "cached".into(),
            freshness: "fresh".into(),
            basis: Some((session(), Serial(3))),
            as_of: Some(as_of(3)),
            rate: Some(BenefitRate::percent(100).unwrap()),
            rules_version: Some("2026-07".into()),
        },
        clock: ClockStamp { state: ClockState::Plausible, boot_id: "boot".into(), boot_ms: 1000 + u64::from(n) },
    }
}

/// A correction of the same visit.
pub(super) fn revision_of(n: u32, revision: u32) -> NewVisit {
    NewVisit { revision: Revision(revision), ..visit(n) }
}

/// The same visit with nothing in it that may be left out.
pub(super) fn sparse_visit(n: u32) -> NewVisit {
    let mut visit = visit(n);
    visit.person = VisitPerson { card_number: None, insurance_number: None, personal_id: None, name: None, birth_date: None, sex: None };
    visit.note = None;
    visit.verdict.basis = None;
    visit.verdict.as_of = None;
    visit.verdict.rate = None;
    visit.verdict.rules_version = None;
    visit
}

pub(super) fn visit_id(n: u32) -> VisitId {
    VisitId::new(morning() + TimeDelta::minutes(i64::from(n)), [u8::try_from(n % 256).unwrap(); 10])
}

pub(crate) fn receipt(n: u32, outcome: ReceiptOutcome) -> Receipt {
    Receipt { id: visit_id(n), revision: Revision::FIRST, outcome }
}

pub(crate) fn held(reference: &str) -> ReceiptOutcome {
    ReceiptOutcome::Held { reference: reference.into(), received_at: morning(), duplicate: false }
}

/// The same answer for another revision.
pub(super) fn receipt_of(n: u32, revision: u32, outcome: ReceiptOutcome) -> Receipt {
    Receipt { revision: Revision(revision), ..receipt(n, outcome) }
}

/// Held since an instant of the province's time.
pub(super) fn held_since(reference: &str, received_at: DateTime<Utc>) -> ReceiptOutcome {
    ReceiptOutcome::Held { reference: reference.into(), received_at, duplicate: false }
}

pub(crate) fn refused() -> ReceiptOutcome {
    ReceiptOutcome::Refused { code: "unknown_facility".into(), text: "Cơ sở không có".into() }
}

pub(super) fn retry(after_seconds: u64) -> ReceiptOutcome {
    ReceiptOutcome::Retry { after_seconds }
}
