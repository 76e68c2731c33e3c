//! The stick, both sides together: what goes there and back, and every way it can be bad.

use crate::support::writers::Writer;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use bhyt_agent::domain::benefit::AttendanceCategory;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::card::InsuranceNumber;
use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::domain::clock::TimeKeeper;
use bhyt_agent::domain::facility::FacilityCode;
use bhyt_agent::domain::roster::Guard;
use bhyt_agent::domain::roster::RosterChange;
use bhyt_agent::domain::scan::Source;
use bhyt_agent::domain::visit::ClockStamp;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::Sequence;
use bhyt_agent::domain::visit::ShownVerdict;
use bhyt_agent::domain::visit::Visit;
use bhyt_agent::domain::visit::VisitId;
use bhyt_agent::domain::visit::VisitPerson;
use bhyt_agent::ops::clock::RELEASED_AT;
use bhyt_agent::ops::clock::SystemClock;
use bhyt_agent::storage::cards::CardStore;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::visits::VisitStore;
use bhyt_agent::sync::plan::PullRefusal;
use bhyt_agent::sync::pull::Pull;
use bhyt_agent::sync::pull::PullError;
use bhyt_agent::sync::pull::Pulled;
use bhyt_agent::upstream;
use bhyt_agent::upstream::ProvincialServer;
use bhyt_agent::upstream::province::enrol;
use bhyt_agent::upstream::province::enrol::StationKeys;
use bhyt_agent::upstream::province::stick;
use bhyt_agent::upstream::province::stick::StickError;
use bhyt_agent::upstream::province::stick::StickProvince;
use bhyt_agent::upstream::province::stick::StickReceipts;
use bhyt_agent::upstream::province::stick::Written;
use chrono::SubsecRound;
use provincial::Province;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;

/// A station that was enrolled and has no network since.
struct Remote {
    folder: TempDir,
    cards: CardStore,
    visits: VisitStore,
    time: TimeKeeper,
    code: FacilityCode,
    keys: StationKeys,
    index_key: String,
    recipient: Option<String>,
    install: Uuid,
}

impl Remote {
    async fn enrolled(province: &TestProvince, code: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
        let key = DatabaseKey::from_bytes(&[7; 32]);
        let (cards, cards_writer) = CardStore::open(folder.path(), &key, time.clone()).unwrap();
        let (visits, visits_writer) = VisitStore::open(folder.path(), &key, time.clone()).unwrap();
        let _ = [cards_writer, visits_writer].map(Writer::of);
        let install = visits.install_id().await.unwrap();
        let (keys, code) = (StationKeys::generate().unwrap(), FacilityCode::parse(code).unwrap());
        let url = Url::parse(&format!("https://{}/", province.address)).unwrap();
        let one_time = province.province.enrolment_code(code.as_str()).unwrap();
        let judged = upstream::judged_by(&time);
        let enrolment = enrol::enrol(&url, province.province.ca_pem(), &code, &one_time, install, &keys, &judged).await.unwrap();
        let (index_key, recipient) = (enrolment.index_public_key, enrolment.intake_recipient);
        Self { folder, cards, visits, time, code, keys, index_key, recipient, install }
    }

    async fn open(&self, stick: &Path) -> Result<StickProvince, StickError> {
        StickProvince::open(stick, &self.code, &self.keys.feed_key, &self.index_key).await
    }

    async fn pull(&self, stick: &Path) -> Result<Pulled, PullError> {
        let server = self.open(stick).await.unwrap();
        let parts = self.folder.path().join("parts");
        let guard = Guard { percent: 100, accepted: None };
        Pull { server: &server, cards: &self.cards, time: &self.time, parts: &parts, guard, stop_at: None }.run().await
    }

    /// Takes the receipts off a stick and stores them.
    async fn hear(&self, stick: &Path) -> StickReceipts {
        let heard = self.open(stick).await.unwrap().receipts().await.unwrap();
        self.visits.store_receipts(heard.receipts.clone(), self.time.reading().wall).await.unwrap();
        heard
    }

    async fn save(&self, visit: NewVisit) {
        self.visits.append(visit).await.unwrap();
    }

    async fn pending(&self) -> Vec<Visit> {
        self.visits.due(1000, self.time.reading().wall).await.unwrap()
    }

    fn pending_and_parked(&self) -> (u64, u64) {
        let counts = self.visits.counts();
        let counts = counts.borrow();
        (counts.pending, counts.parked)
    }

    async fn write(&self, stick: &Path) -> Result<Option<Written>, StickError> {
        self.write_as(stick, &self.keys.key_pem, &self.code).await
    }

    async fn write_as(&self, stick: &Path, key_pem: &str, code: &FacilityCode) -> Result<Option<Written>, StickError> {
        stick::write_visits(stick, code, self.install, &self.pending().await, self.recipient.as_deref(), key_pem)
    }

    /// Everything on a stick, verified and read, without keeping any of it.
    async fn take(&self, stick: &Path) -> Result<Taken, &'static str> {
        let server = self.open(stick).await.map_err(|error| error.code())?;
        let said = |error| StickError::of(&error).unwrap_or_else(|| panic!("{error}")).code();
        let index = server.index().await.map_err(said)?;
        let receipts = server.receipts().await.map_err(|error| error.code())?;
        let part = self.folder.path().join("part");
        let mut rows = Vec::new();
        for file in index.deltas.iter().chain([&index.snapshot]) {
            server.fetch(file, &part, 0).await.map_err(said)?;
            let lines = server.open(&part).map_err(said)?;
            rows.push(lines.changes.collect::<Result<Vec<_>, _>>().unwrap());
        }
        let key = server.newer_key().map(str::to_owned);
        Ok(Taken { index: format!("{index:?}"), rows, receipts: format!("{receipts:?}"), key })
    }
}

#[derive(Debug, PartialEq)]
struct Taken {
    index: String,
    rows: Vec<Vec<RosterChange>>,
    receipts: String,
    key: Option<String>,
}

fn visit(number: u32, category: &str) -> NewVisit {
    let now = chrono::Utc::now().trunc_subsecs(3);
    NewVisit {
        id: VisitId(Uuid::now_v7()),
        revision: Revision::FIRST,
        arrived_at: now,
        operator: OperatorName::parse("Người trực mẫu").unwrap(),
        source: Source::Typed,
        person: VisitPerson {
            card_number: None,
            insurance_number: InsuranceNumber::parse(&format!("99{number:08}")).ok(),
            personal_id: None,
            name: None,
            birth_date: None,
            sex: None,
        },
        attendance_category: AttendanceCategory::parse(category).unwrap(),
        care_type: CareType::parse("01").unwrap(),
        proof: None,
        queue_number: None,
        note: None,
        voided: None,
        verdict: ShownVerdict {
            standing: "not_covered".into(),
            identity_match: "not_checked".into(),
            knowledge: "unverified".into(),
            freshness: "absent".into(),
            basis: None,
            as_of: None,
            rate: None,
            rules_version: None,
        },
        clock: ClockStamp { state: ClockState::Plausible, boot_id: Uuid::from_u128(5).to_string().into(), boot_ms: 1000 },
    }
}

/// Work of the province, away from the thread its server runs on.
async fn at<T: Send + 'static>(province: &TestProvince, work: impl FnOnce(Province) -> T + Send + 'static) -> T {
    let province = province.province.clone();
    tokio::task::spawn_blocking(move || work(province)).await.unwrap()
}

async fn carry_out(province: &TestProvince, station: &'static str, stick: &Path) -> provincial::CarriedOut {
    let stick = stick.to_owned();
    at(province, move |province| province.carry_out(station, &stick).unwrap()).await
}

/// What the province says of the files on a stick: how many visits of each it takes, or why none.
async fn carry_in(province: &TestProvince, stick: &Path) -> Vec<Result<usize, &'static str>> {
    let stick = stick.to_owned();
    let carried = at(province, move |province| province.carry_in(&stick).unwrap()).await;
    carried.into_iter().map(|file| file.outcome.map(|receipts| receipts.len()).map_err(|refusal| refusal.code())).collect()
}

fn stick() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn to_station(stick: &Path) -> PathBuf {
    stick.join("bhyt").join(STATION).join("to-station")
}

fn to_province(stick: &Path) -> PathBuf {
    stick.join("bhyt").join(STATION).join("to-province")
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn only_file(files: &BTreeMap<PathBuf, Vec<u8>>, end: &str) -> PathBuf {
    let mut fitting = files.keys().filter(|path| path.to_str().unwrap().ends_with(end));
    let found = fitting.next().unwrap().clone();
    assert_eq!(fitting.next(), None);
    found
}

#[tokio::test]
async fn visits_go_out_and_roster_and_receipts_come_back() {
    let province = TestProvince::new(100).await;
    let station = Remote::enrolled(&province, STATION).await;
    let stick = stick();
    for number in 1..=250 {
        station.save(visit(number, "1.2")).await;
    }
    station.save(visit(251, "9.9")).await;
    let written = station.write(stick.path()).await.unwrap().unwrap();
    assert_eq!((written.count, written.file.ends_with("-1-251.json.age")), (251, true), "{written:?}");
    for (name, bytes) in files(stick.path()) {
        assert!(!bytes.windows(8).any(|part| part == b"99000000"), "{} is readable", name.display());
    }

    assert_eq!(carry_in(&province, stick.path()).await, [Ok(251)]);
    assert_eq!(carry_in(&province, stick.path()).await, [Ok(251)], "taking it twice changes nothing");
    assert_eq!(province.stored().len(), 250);
    let carried = carry_out(&province, STATION, stick.path()).await;
    assert_eq!((carried.index.serial, carried.receipts), (1, 251));

    assert_eq!(station.pull(stick.path()).await.unwrap().serial.0, 1);
    assert_eq!(station.open(stick.path()).await.unwrap().newer_key(), None);
    let heard = station.hear(stick.path()).await;
    assert!(heard.complete_to < heard.made_at);
    assert_eq!(station.pending_and_parked(), (0, 1));
    let refused = heard.receipts.iter().filter(|receipt| matches!(receipt.outcome, ReceiptOutcome::Refused { .. })).count();
    assert_eq!(refused, 1);
    let ledger = heard.ledger;

    // The next round: a delta, what was refused is told again, what is new is delivered beside the file that was left there.
    station.save(visit(252, "1.2")).await;
    assert_eq!(station.write(stick.path()).await.unwrap().unwrap().count, 1);
    assert_eq!(carry_in(&province, stick.path()).await, [Ok(251), Ok(1)]);
    province.change(0.1, 1).await;
    let carried = carry_out(&province, STATION, stick.path()).await;
    assert_eq!((carried.index.serial, carried.index.deltas.len(), carried.receipts), (2, 1, 252));
    assert_eq!(files(&to_station(stick.path())).len(), 6, "what no index names is gone");
    let pulled = station.pull(stick.path()).await.unwrap();
    assert_eq!((pulled.serial.0, pulled.snapshot), (2, None));
    assert_eq!(station.hear(stick.path()).await.ledger, ledger);
    assert_eq!(station.visits.counts().borrow().pending, 0);
    assert_eq!(station.write(stick.path()).await.unwrap(), None, "nothing is due");
}

#[tokio::test]
async fn what_came_over_the_network_is_told_on_the_stick_as_well() {
    let province = TestProvince::new(20).await;
    let station = Remote::enrolled(&province, STATION).await;
    station.save(visit(1, "1.2")).await;
    let (first, second) = (stick(), stick());
    station.write(first.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, first.path()).await, [Ok(1)]);
    carry_out(&province, STATION, first.path()).await;
    station.save(visit(2, "1.2")).await;
    station.write(second.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, second.path()).await, [Ok(2)]);
    carry_out(&province, STATION, second.path()).await;
    // The newer stick first: the older one, played back, takes nothing away.
    assert_eq!(station.hear(second.path()).await.receipts.len(), 2);
    assert_eq!(station.visits.counts().borrow().pending, 0);
    assert_eq!(station.hear(first.path()).await.receipts.len(), 1);
    assert_eq!(station.visits.counts().borrow().pending, 0);
}

#[tokio::test]
async fn a_visit_that_differs_from_what_the_province_keeps_is_not_called_delivered() {
    let province = TestProvince::new(20).await;
    let (station, twin) = (Remote::enrolled(&province, STATION).await, Remote::enrolled(&province, NEIGHBOUR).await);
    let (mine, theirs) = (stick(), stick());
    let (shared, mut other) = (visit(1, "1.2"), visit(2, "1.2"));
    twin.save(shared.clone()).await;
    twin.write(theirs.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, theirs.path()).await, [Ok(1)]);
    // The second differs from what this very station has sent before: of that, too, the province keeps the first.
    let before = [Visit { sequence: Sequence(2), content: other.clone() }];
    let recipient = station.recipient.as_deref();
    stick::write_visits(mine.path(), &station.code, station.install, &before, recipient, &station.keys.key_pem).unwrap().unwrap();
    assert_eq!(carry_in(&province, mine.path()).await, [Ok(1)]);
    other.note = Some("khác".into());
    station.save(shared).await;
    station.save(other).await;
    station.write(mine.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, mine.path()).await, [Ok(2), Ok(1)]);
    carry_out(&province, STATION, mine.path()).await;
    station.hear(mine.path()).await;
    assert_eq!(station.pending_and_parked(), (0, 2));
}

#[tokio::test]
async fn enrolment_keeps_what_visits_are_sealed_to() {
    let province = TestProvince::new(20).await;
    let enrolled = TestStation::enrolled(&province).await;
    let keys = enrolled.dir.path().join("keys");
    let kept = fs::read_to_string(keys.join("intake.pub")).unwrap();
    let mut station = Remote::enrolled(&province, STATION).await;
    assert_eq!(Some(&kept), station.recipient.as_ref());
    // As it is read from the file, with the line end an administrator may have left there.
    station.recipient = Some(format!("{kept}\n"));
    station.save(visit(1, "1.2")).await;
    let stick = stick();
    station.write(stick.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, stick.path()).await, [Ok(1)]);
    // Enrolled again: the file is replaced, not refused.
    enrolled.enrol(&province).await;
    assert_eq!(fs::read_to_string(keys.join("intake.pub")).unwrap(), kept);
}

/// A stick with two serials, a rotation and receipts on it, for a station that holds the first key.
async fn full_stick(province: &TestProvince, station: &Remote) -> TempDir {
    let stick = stick();
    station.save(visit(1, "1.2")).await;
    station.save(visit(2, "9.9")).await;
    station.write(stick.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(province, stick.path()).await, [Ok(2)]);
    province.change(0.1, 1).await;
    at(province, |province| province.rotate_index_key().unwrap()).await;
    carry_out(province, STATION, stick.path()).await;
    stick
}

#[tokio::test]
async fn a_stick_that_is_half_copied_at_any_file_is_refused_and_said_to_be() {
    let province = TestProvince::new(50).await;
    let station = Remote::enrolled(&province, STATION).await;
    let stick = full_stick(&province, &station).await;
    let folder = to_station(stick.path());
    let whole = station.take(stick.path()).await.unwrap();
    let all = files(&folder);
    assert_eq!(all.len(), 8, "index, snapshot, delta, receipts, statement, and three signatures");
    for (name, bytes) in &all {
        let (path, text) = (folder.join(name), name.to_str().unwrap());
        fs::remove_file(&path).unwrap();
        let code = station.take(stick.path()).await.unwrap_err();
        // Without its statement a key is not known to be the province's.
        let expected = if text.starts_with("keys/") && !text.ends_with(".minisig") { "stick_other_signer" } else { "stick_half_copied" };
        assert_eq!(code, expected, "{text} is missing");
        for length in [0, 1, bytes.len() / 2, bytes.len() - 2] {
            fs::write(&path, &bytes[..length]).unwrap();
            let code = station.take(stick.path()).await.unwrap_err();
            // Of receipts nobody says how long they are.
            let fits = code == "stick_half_copied" || (text == "receipts.json.age" && code == "stick_altered");
            assert!(fits, "{text} cut to {length}: {code}");
        }
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(station.take(stick.path()).await.unwrap(), whole, "put back, all is well");

    // A pull from a half-copied stick leaves the roster, and what was fetched of a file before.
    let snapshot = all.iter().filter(|(name, _)| name.to_str().unwrap().ends_with(".jsonl.zst.age")).max_by_key(|(_, bytes)| bytes.len());
    let (name, bytes) = snapshot.unwrap();
    fs::write(folder.join(name), &bytes[..100]).unwrap();
    let Err(PullError::Upstream(error)) = station.pull(stick.path()).await else { panic!("a half file was taken") };
    assert_eq!(StickError::of(&error).unwrap().code(), "stick_half_copied");
    assert!(station.cards.roster().borrow().cursor.is_none());
}

#[tokio::test]
async fn visits_half_copied_forged_or_altered_are_refused_and_hinder_no_others() {
    let province = TestProvince::new(20).await;
    let station = Remote::enrolled(&province, STATION).await;
    let neighbour = Remote::enrolled(&province, NEIGHBOUR).await;
    let stick = stick();
    station.save(visit(1, "1.2")).await;
    station.write(stick.path()).await.unwrap().unwrap();
    let folder = to_province(stick.path());
    let all = files(&folder);
    let (sealed, signature) = (only_file(&all, ".age"), only_file(&all, ".sig"));
    for (name, bytes) in &all {
        let path = folder.join(name);
        fs::remove_file(&path).unwrap();
        assert_eq!(carry_in(&province, stick.path()).await, [Err("half_copied")], "{} is missing", name.display());
        for length in [0, 1, bytes.len() / 2, bytes.len() - 2] {
            fs::write(&path, &bytes[..length]).unwrap();
            let said = carry_in(&province, stick.path()).await;
            assert!(matches!(said[..], [Err("half_copied" | "signature")]), "{} cut to {length}: {said:?}", name.display());
        }
        let step = if *name == signature { 1 } else { 7 };
        for at in (0..bytes.len() - 1).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert_eq!(carry_in(&province, stick.path()).await, [Err("signature")], "byte {at} of {}", name.display());
        }
        fs::write(&path, bytes).unwrap();
    }
    assert!(province.stored().is_empty());

    // Another key's signature, another station's, an unknown station's, and a station's word for another one.
    let others = StationKeys::generate().unwrap();
    let unknown = FacilityCode::parse("99777").unwrap();
    for (key_pem, code, said) in [
        (&others.key_pem, &station.code, "signature"),
        (&neighbour.keys.key_pem, &station.code, "signature"),
        (&station.keys.key_pem, &neighbour.code, "signature"),
        (&station.keys.key_pem, &unknown, "unknown_station"),
    ] {
        let forged = tempfile::tempdir().unwrap();
        station.write_as(forged.path(), key_pem, code).await.unwrap().unwrap();
        assert_eq!(carry_in(&province, forged.path()).await, [Err(said)]);
    }
    let word = tempfile::tempdir().unwrap();
    station.write_as(word.path(), &station.keys.key_pem, &neighbour.code).await.unwrap().unwrap();
    fs::rename(word.path().join("bhyt").join(NEIGHBOUR), word.path().join("bhyt").join(STATION)).unwrap();
    assert_eq!(carry_in(&province, word.path()).await, [Err("other_station")]);
    assert!(province.stored().is_empty());

    // A bad file beside a good one, and another station's good one on the same stick.
    fs::write(folder.join("visits-0-0-0.json.age"), b"nothing").unwrap();
    symlink("/dev/zero", folder.join("visits-0-0-1.json.age")).unwrap();
    fs::write(folder.join("visits-0-0-1.json.age.sig"), b"nothing").unwrap();
    neighbour.save(visit(2, "1.2")).await;
    neighbour.write(stick.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, stick.path()).await, [Err("half_copied"), Err("malformed"), Ok(1), Ok(1)]);
    assert_eq!(province.stored().len(), 2);
    assert!(folder.join(sealed).exists());
}

#[tokio::test]
async fn swapped_foreign_empty_and_older_sticks_are_told_apart() {
    let (province, elsewhere) = (TestProvince::new(50).await, TestProvince::new(50).await);
    let station = Remote::enrolled(&province, STATION).await;
    let neighbour = Remote::enrolled(&province, NEIGHBOUR).await;
    let foreign = Remote::enrolled(&elsewhere, STATION).await;
    let opened = async |stick: &Path| station.open(stick).await.err().unwrap().code();

    let (empty, swapped, own) = (stick(), stick(), stick());
    assert_eq!(opened(empty.path()).await, "stick_empty");
    assert_eq!(opened(&empty.path().join("not there")).await, "stick_unreadable");
    station.save(visit(1, "1.2")).await;
    station.write(empty.path()).await.unwrap().unwrap();
    assert_eq!(opened(empty.path()).await, "stick_empty", "written here, and not yet at the province");
    carry_out(&province, NEIGHBOUR, swapped.path()).await;
    assert_eq!(opened(swapped.path()).await, "stick_other_station");
    // Another station's files in our folder.
    fs::rename(swapped.path().join("bhyt").join(NEIGHBOUR), swapped.path().join("bhyt").join(STATION)).unwrap();
    assert_eq!(station.take(swapped.path()).await, Err("stick_other_station"));
    let Err(PullError::Upstream(error)) = station.pull(swapped.path()).await else { panic!("another station's roster was taken") };
    assert_eq!(StickError::of(&error).unwrap().code(), "stick_other_station");
    assert_eq!(station.open(swapped.path()).await.unwrap().receipts().await.unwrap_err().code(), "stick_other_station");

    // Another province's, for a station of the same code and even sealed to the same key.
    let other = stick();
    carry_out(&elsewhere, STATION, other.path()).await;
    assert_eq!(station.take(other.path()).await, Err("stick_other_signer"));
    assert!(foreign.take(other.path()).await.is_ok());
    assert_eq!(foreign.write(empty.path()).await.unwrap(), None);
    foreign.save(visit(3, "1.2")).await;
    let theirs = stick();
    foreign.write(theirs.path()).await.unwrap().unwrap();
    assert_eq!(carry_in(&province, theirs.path()).await, [Err("signature")]);

    // Older than what is held.
    carry_out(&province, STATION, own.path()).await;
    let newer = stick();
    province.change(0.1, 1).await;
    carry_out(&province, STATION, newer.path()).await;
    assert_eq!(station.pull(newer.path()).await.unwrap().serial.0, 2);
    assert!(matches!(station.pull(own.path()).await, Err(PullError::Refused(PullRefusal::Older))));
    assert_eq!(station.cards.roster().borrow().cursor.as_ref().unwrap().serial.0, 2);
    assert!(neighbour.cards.roster().borrow().cursor.is_none());
}

#[tokio::test]
async fn what_a_stick_leads_to_is_neither_read_nor_written() {
    let province = TestProvince::new(20).await;
    let station = Remote::enrolled(&province, STATION).await;
    let stick = full_stick(&province, &station).await;
    let folder = to_station(stick.path());
    let outside = tempfile::tempdir().unwrap();
    for name in files(&folder).keys() {
        let (path, aside) = (folder.join(name), outside.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        symlink(&aside, &path).unwrap();
        assert_eq!(station.take(stick.path()).await, Err("stick_altered"), "{}", name.display());
        fs::rename(&aside, &path).unwrap();
    }
    // Where visits would be written beside their place, and where the folder should be.
    let victim = outside.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    station.save(visit(3, "1.2")).await;
    let pending = station.pending().await;
    let name = format!("visits-{}-{}-{}.json.age", station.install, pending[0].sequence.0, pending[pending.len() - 1].sequence.0);
    let folder = to_province(stick.path());
    symlink(&victim, folder.join(format!("{name}.new"))).unwrap();
    symlink(&victim, folder.join(&name)).unwrap();
    assert_eq!(station.write(stick.path()).await.unwrap().unwrap().file, name);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    fs::remove_dir_all(&folder).unwrap();
    symlink(outside.path(), &folder).unwrap();
    assert_eq!(station.write(stick.path()).await.unwrap_err().code(), "stick_unwritable");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(station.write(&outside.path().join("not there")).await.unwrap_err().code(), "stick_unwritable");
    let without = stick::write_visits(stick.path(), &station.code, station.install, &pending, None, &station.keys.key_pem);
    assert_eq!(without.unwrap_err().code(), "stick_no_recipient");
}

#[tokio::test]
async fn no_flipped_byte_of_a_stick_is_believed() {
    let province = TestProvince::new(20).await;
    let station = Remote::enrolled(&province, STATION).await;
    let stick = full_stick(&province, &station).await;
    let folder = to_station(stick.path());
    let whole = station.take(stick.path()).await.unwrap();
    assert!(whole.key.is_some());
    let (mut flipped, mut harmless) = (0, 0);
    for (name, bytes) in files(&folder) {
        let text = name.to_str().unwrap().to_owned();
        let step = if text.ends_with(".jsonl.zst.age") { 13 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(folder.join(&name), &changed).unwrap();
            flipped += 1;
            match station.take(stick.path()).await {
                Err(code) => assert!(code == "stick_altered" || !text.contains(".jsonl.zst"), "byte {at} of {text}: {code}"),
                // The first line of a signature is a remark that nobody signs, and its end is the file's.
                Ok(taken) => {
                    harmless += 1;
                    assert_eq!(taken, whole, "byte {at} of {text}");
                    assert!(text.ends_with(".minisig"), "byte {at} of {text}");
                }
            }
        }
        fs::write(folder.join(&name), bytes).unwrap();
    }
    println!("{flipped} bytes flipped, {harmless} of them in remarks");
    assert!(flipped > 2000 && harmless < 200);
}

/// How many; `BHYT_FULL` for as many as the table of faults asks for.
fn many(short: usize, full: usize) -> usize {
    if std::env::var_os("BHYT_FULL").is_some() { full } else { short }
}

#[tokio::test]
async fn f30_a_mix_of_parts_from_two_states_or_provinces_is_refused() {
    let (province, elsewhere) = (TestProvince::new(30).await, TestProvince::new(30).await);
    let station = Remote::enrolled(&province, STATION).await;
    // The other province seals to the very same key: only its signature is another one.
    let recipient = station.keys.feed_key.parse::<age::x25519::Identity>().unwrap().to_public().to_string();
    elsewhere.province.seal_to(STATION, &recipient).unwrap();
    at(&elsewhere, |province| province.publish(STATION, province.now()).unwrap()).await;
    let sources = [stick(), stick(), stick()];
    province.change(0.2, 1).await;
    carry_out(&province, STATION, sources[0].path()).await;
    province.change(0.2, 2).await;
    carry_out(&province, STATION, sources[1].path()).await;
    elsewhere.change(0.2, 1).await;
    carry_out(&elsewhere, STATION, sources[2].path()).await;
    let whole = [station.take(sources[0].path()).await.unwrap(), station.take(sources[1].path()).await.unwrap()];
    assert_eq!(station.take(sources[2].path()).await, Err("stick_other_signer"));

    // Each source as named parts; a sealed file goes by its place, so that it can stand in for another's.
    let parts: Vec<BTreeMap<PathBuf, Vec<u8>>> = sources.iter().map(|source| files(&to_station(source.path()))).collect();
    let sealed = |source: usize| -> Vec<&PathBuf> {
        let is_sealed = |path: &&PathBuf| path.to_str().unwrap().ends_with(".jsonl.zst.age");
        parts[source].keys().filter(is_sealed).collect()
    };
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let put_together = stick();
    let folder = to_station(put_together.path());
    fs::create_dir_all(folder.join("keys")).unwrap();
    let (mut mixes, mut pure, mut refusals) = (0, 0, BTreeMap::<_, usize>::new());
    while mixes < many(1000, 10_000) {
        for name in files(&folder).keys() {
            fs::remove_file(folder.join(name)).unwrap();
        }
        let mut used = Vec::new();
        // Most parts are of one source: what is mixed out of all of them falls at the first check.
        let base = random.random_range(0..3);
        let mut pick = |random: &mut StdRng| {
            let source = if random.random_ratio(1, 4) { random.random_range(0..3) } else { base };
            used.push(source);
            source
        };
        let index = pick(&mut random);
        fs::write(folder.join("index.json"), &parts[index][Path::new("index.json")]).unwrap();
        for name in ["index.json.minisig", "receipts.json.age", "receipts.json.age.minisig"] {
            let source = pick(&mut random);
            fs::write(folder.join(name), &parts[source][Path::new(name)]).unwrap();
        }
        let mut swapped = false;
        for name in sealed(index) {
            let source = pick(&mut random);
            let others = sealed(source);
            let other = others[random.random_range(0..others.len())];
            let content = if source == index && random.random_ratio(3, 4) { name } else { other };
            swapped |= content != name;
            fs::write(folder.join(name), &parts[source][content]).unwrap();
        }
        let one_source = used.iter().all(|source| *source == used[0]) && !swapped;
        let taken = station.take(put_together.path()).await;
        if one_source {
            pure += 1;
            assert_eq!(taken.is_ok(), used[0] < 2, "sources {used:?}");
            continue;
        }
        mixes += 1;
        // Receipts stand for themselves: a whole feed of one state beside whole receipts of another is no mix of either.
        *refusals.entry(taken.as_ref().err().copied()).or_default() += 1;
        if let Ok(taken) = taken {
            assert!(!swapped && used[2] == used[3] && used[2] < 2, "sources {used:?}");
            let feed = whole.iter().any(|whole| (&whole.index, &whole.rows) == (&taken.index, &taken.rows));
            assert!(feed && used[0] == used[1] && used[0] < 2, "sources {used:?}");
        }
    }
    println!("{mixes} mixes: {refusals:?}; {pure} that were none");
    assert!(pure > 0 && refusals.contains_key(&Some("stick_altered")) && refusals.contains_key(&Some("stick_half_copied")));
}

#[tokio::test]
async fn f37_three_missed_key_rotations_are_followed() {
    let province = TestProvince::new(20).await;
    let mut station = Remote::enrolled(&province, STATION).await;
    let stick = stick();
    let rounds = many(20, 100);
    for round in 0..rounds {
        let held = station.index_key.clone();
        for _ in 0..3 {
            at(&province, |province| province.rotate_index_key().unwrap()).await;
        }
        province.change(0.1, round as u64).await;
        carry_out(&province, STATION, stick.path()).await;
        let server = station.open(stick.path()).await.unwrap();
        let newer = server.newer_key().unwrap().to_owned();
        assert_eq!(newer, province.province.index_public_key().unwrap());
        assert_eq!(station.pull(stick.path()).await.unwrap().serial.0, round as u64 + 2);
        station.hear(stick.path()).await;
        station.index_key = newer;
        assert_eq!(station.open(stick.path()).await.unwrap().newer_key(), None, "kept: nothing more to follow");
        assert_ne!(station.index_key, held);
    }
    println!("{rounds} times three rotations followed");
}

#[tokio::test]
async fn a_key_that_was_left_signs_nothing_any_more_and_sixteen_steps_are_taken_at_once() {
    let province = TestProvince::new(20).await;
    let mut station = Remote::enrolled(&province, STATION).await;
    let (old, new) = (stick(), stick());
    carry_out(&province, STATION, old.path()).await;
    for _ in 0..20 {
        at(&province, |province| province.rotate_index_key().unwrap()).await;
    }
    carry_out(&province, STATION, new.path()).await;
    assert_eq!(station.take(new.path()).await, Err("stick_other_signer"), "four steps are left");
    station.index_key = station.open(new.path()).await.unwrap().newer_key().unwrap().to_owned();
    let taken = station.take(new.path()).await.unwrap();
    station.index_key = taken.key.unwrap();
    assert_eq!(station.index_key, province.province.index_public_key().unwrap());
    assert_eq!(station.take(old.path()).await, Err("stick_other_signer"), "signed by a key that was left");
}

#[tokio::test]
async fn receipts_made_later_say_so_whatever_the_clock_of_the_province_does() {
    let province = TestProvince::new(40).await;
    let station = Remote::enrolled(&province, STATION).await;
    let mut made = Vec::new();
    for clock in ["2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-22T20:00:00Z", "2026-11-23T09:00:00Z"] {
        province.province.set_clock(Some(clock.parse().unwrap()));
        let stick = stick();
        carry_out(&province, STATION, stick.path()).await;
        made.push(station.open(stick.path()).await.unwrap().receipts().await.unwrap().made_at);
    }
    assert!(made.is_sorted_by(|before, after| before < after), "{made:?}");
    assert_eq!(
        made[3],
        "2026-11-23T09:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap(),
        "by its clock again as soon as that may be"
    );
}
