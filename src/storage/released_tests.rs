//! Databases as released programs wrote them: `tests/fixtures/databases/VERSION`, each with its key beside it.
//!
//! Promise: every one is opened by the present program, brought to the schema of a fresh file, and read as it was. The schema cannot change without a
//! folder for the version in `Cargo.toml`: `BHYT_WRITE_DATABASES=1 cargo test --lib released` writes it, by the present program's own stores. Set `released` in
//! its `made.toml` on the day of the release; from then on it is never written again.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use chrono::TimeDelta;
use uuid::Uuid;

use super::cards::Holding;
use super::folder::DataFolder;
use super::key::DatabaseKey;
use super::open;
use super::open::Schema;
use super::test_support::Station;
use super::test_support::at;
use super::test_support::delta;
use super::test_support::held;
use super::test_support::key;
use super::test_support::morning;
use super::test_support::names;
use super::test_support::people;
use super::test_support::person;
use super::test_support::receipt;
use super::test_support::refused;
use super::test_support::retry;
use super::test_support::revision_of;
use super::test_support::scanned;
use super::test_support::sparse_visit;
use super::test_support::visit;
use super::test_support::visit_id;
use super::visits::OpenPairing;
use super::visits::Paper;
use super::visits::Printing;
use super::visits::QueueDay;
use super::visits::VisitStore;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::attendance::Proof;
use crate::domain::clock::ClockState;
use crate::domain::contact::Machine;
use crate::domain::contact::TimeAnchor;
use crate::domain::coverage::DayTally;
use crate::domain::coverage::Tally;
use crate::domain::operator::NewAccount;
use crate::domain::operator::Role;
use crate::domain::outage::Outage;
use crate::domain::paired::DeskName;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Circumstances;
use crate::domain::visit::Delivery;
use crate::domain::visit::NewVisit;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::storage::cards;
use crate::storage::visits;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/databases")
}

/// What a folder says of itself.
struct Made {
    visits: i64,
    cards: i64,
    released: bool,
}

fn made(folder: &Path) -> Made {
    let table: toml::Table = fs::read_to_string(folder.join("made.toml")).unwrap().parse().unwrap();
    let number = |key: &str| table[key].as_integer().unwrap();
    Made { visits: number("visits"), cards: number("cards"), released: table["released"].as_bool().unwrap() }
}

fn current() -> (i64, i64) {
    (visits::SCHEMA.version().into(), cards::SCHEMA.version().into())
}

fn operator() -> OperatorName {
    OperatorName::parse("Nguyễn Thị Đầu").unwrap()
}

fn outage(direction: &str) -> Outage {
    Outage {
        direction: direction.into(),
        trouble: "unreachable".into(),
        began_at: morning(),
        last_try_at: morning(),
        tries: 2,
        ended_at: None,
    }
}

fn line(n: u32) -> Access {
    Access {
        at: morning() + TimeDelta::seconds(n.into()),
        clock: ClockState::Plausible,
        operator: None,
        place: Place::command_line(),
        act: if n == 0 { Act::LookedUp } else { Act::Saved },
        about: About { visit: (n > 0).then(|| visit_id(n)), ..About::person(&visit(n.max(1)).person) },
    }
}

/// The visits in the order in which they were saved.
fn saved() -> Vec<NewVisit> {
    let voided = NewVisit { voided: Some("nhầm người".into()), ..revision_of(5, 2) };
    let shown = NewVisit { proof: Some(Proof::Card), queue_number: None, ..visit(9) };
    let firsts = (1..=8).map(visit).chain([shown, sparse_visit(10)]);
    firsts.chain([revision_of(4, 2), voided]).collect()
}

/// Everything a station can hold, through the stores that hold it.
async fn fill(station: &Station) {
    drop(DataFolder::lock(station.path(), &key()).unwrap());
    let visits = station.visits();
    let account = NewAccount { name: operator(), personal_id: None, role: Role::Head };
    visits.add_account(account, "a".into(), morning()).await.unwrap().unwrap();
    for saved in saved() {
        let unreached = Circumstances { saved_at: saved.arrived_at, saved_by: operator(), unreached_since: Some(morning()) };
        visits.append_under(saved.clone(), (saved.id == visit_id(6)).then_some(unreached)).await.unwrap();
    }
    visits.ledger_seen(Uuid::from_u128(77), morning()).await.unwrap();
    let answers = [(1, held("VR-1")), (2, refused()), (7, retry(3600)), (8, refused())].map(|(n, outcome)| receipt(n, outcome));
    visits.store_receipts(answers.to_vec(), morning()).await.unwrap();
    assert!(visits.close_parked(visit_id(8), Revision::FIRST, "đã báo tỉnh".into(), operator(), morning()).await.unwrap());
    visits.write_access((0..=10).map(line).collect()).await.unwrap();
    let digest = |n: u8| Sha256Digest([n; 32]);
    let until = core::time::Duration::from_mins(10);
    visits.open_pairing(OpenPairing { code: digest(1), by: operator(), boot_id: "boot".into(), until, tries: 5 }).await.unwrap();
    let desk = (DeskName::parse("Bàn 2").unwrap(), digest(9));
    visits.try_pairing(digest(1), ("boot".into(), core::time::Duration::ZERO), desk, (morning(), morning().date_naive())).await.unwrap();
    visits.next_number(today(), operator(), morning()).await.unwrap();
    visits.put_outage(outage("push")).await.unwrap();
    let links = visits.chain_links().await.unwrap();
    let anchor = TimeAnchor { boot_id: "boot".into(), since_boot: until, at: morning() };
    visits.contact_made(links.next, Machine::Known, None, anchor).await.unwrap();
    visits.printed(Printing { sequence: Sequence(1), paper: Paper::Slip, at: morning(), by: operator() }).await.unwrap();
    let tally = Tally { people: 60, in_force: 50, ending: 2, expired: 8 };
    visits.keep_coverage(DayTally { day: morning().date_naive(), tally }, digest(3), morning()).await.unwrap();
    visits.close();
    let cards = station.cards();
    let (first, second) = (people((1..=60).map(person)), people((2..=61).map(person)));
    cards.load(&first, 1).await;
    cards.apply(vec![delta(&first, &second, 2)], &second, 2).await.unwrap();
    cards.close();
}

fn today() -> QueueDay {
    QueueDay { day: morning().date_naive(), clock: visit(1).clock }
}

/// What was filled in, read back.
async fn check(visits: &VisitStore, name: &str) {
    let mut logged = visits.of_day("2026-11-22".parse().unwrap()).await.unwrap();
    logged.sort_by_key(|logged| logged.visit.sequence);
    let contents: Vec<_> = logged.iter().map(|logged| logged.visit.content.clone()).collect();
    assert_eq!(contents, saved(), "{name}");
    let states: Vec<_> = logged.iter().map(|logged| logged.delivery).collect();
    let pending = Delivery::Pending;
    let expected = [Delivery::Delivered, Delivery::Parked, pending, pending, pending, pending, pending, Delivery::Closed];
    assert_eq!(states[..8], expected, "{name}");
    assert!(states[8..].iter().all(|state| *state == pending) && states.len() == 12, "{name}");
    assert_eq!(logged[0].reference.as_deref(), Some("VR-1"), "{name}");
    let counts = *visits.counts().borrow();
    assert_eq!((counts.parked, counts.delivered, counts.closed, counts.put_off), (1, 1, 1, 1), "{name}: {counts:?}");
    let due = visits.due(100, morning()).await.unwrap();
    assert!(due.iter().all(|visit| visit.content.id != visit_id(7)) && due.iter().any(|visit| visit.content.id == visit_id(3)), "{name}");
    let verified = visits.verify_access(None).await.unwrap();
    assert!(verified.is_consistent() && verified.head.unwrap().number == 11, "{name}: the chain of the access log holds");
    assert!(
        visits.unsure("2026-11-22".parse().unwrap(), 100).await.unwrap().iter().any(|(logged, _)| logged.visit.content.id == visit_id(6))
    );
    let accounts = visits.accounts().await.unwrap();
    assert_eq!((accounts.len(), &accounts[0].content.name), (1, &operator()), "{name}");
    let desks = visits.desks().await.unwrap();
    assert_eq!((desks.len(), desks[0].name.as_str()), (1, "Bàn 2"), "{name}");
    let second = visits.next_number(today(), operator(), morning()).await.unwrap();
    assert_eq!(second.get(), 2, "{name}: no number of the day is given twice");
    assert_eq!(visits.open_outages().await.unwrap(), [outage("push")], "{name}");
    assert_eq!(
        (visits.ledger().await.unwrap(), visits.machine().await.unwrap().unwrap().0),
        (Some(Uuid::from_u128(77)), Machine::Known),
        "{name}"
    );
    assert_eq!(visits.printings(vec![Sequence(1)]).await.unwrap().len(), 1, "{name}");
    assert_eq!(visits.coverage("2026-11-30".parse().unwrap(), 9).await.unwrap().len(), 1, "{name}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// A station with a copy of a released program's files.
fn station_of(folder: &Path) -> Station {
    let station = Station::new();
    copy(&folder.join("data"), station.path());
    assert!(DatabaseKey::read(&folder.join("database.key")).is_ok(), "its key is beside it");
    station
}

#[tokio::test]
async fn databases_are_written_where_that_is_asked_for() {
    let folder = home().join(env!("CARGO_PKG_VERSION"));
    if std::env::var_os("BHYT_WRITE_DATABASES").is_none() {
        return;
    }
    assert!(!folder.exists() || !made(&folder).released, "{} was released: raise the version in Cargo.toml", folder.display());
    let station = Station::new();
    fill(&station).await;
    let _ = fs::remove_dir_all(&folder);
    copy(station.path(), &folder.join("data"));
    for left in ["lock", "visits.db-wal", "visits.db-shm"] {
        let _ = fs::remove_file(folder.join("data").join(left));
    }
    for name in names(&folder.join("data/cards")).iter().filter(|name| name.ends_with("-wal") || name.ends_with("-shm")) {
        fs::remove_file(folder.join("data/cards").join(name)).unwrap();
    }
    key().write_new(&folder.join("database.key")).unwrap();
    let (visits, cards) = current();
    fs::write(folder.join("made.toml"), format!("visits = {visits}\ncards = {cards}\nreleased = false\n")).unwrap();
}

/// So that nobody forgets.
#[test]
fn the_schema_has_not_changed_since_the_databases_of_this_version_were_written() {
    let folder = home().join(env!("CARGO_PKG_VERSION"));
    let how = "write them: BHYT_WRITE_DATABASES=1 cargo test --lib released";
    assert!(folder.exists(), "there are no databases of version {}; {how}", env!("CARGO_PKG_VERSION"));
    let Made { visits, cards, released } = made(&folder);
    let then = if released { "it was released: raise the version in Cargo.toml, then" } else { "it was not released yet:" };
    assert_eq!(
        (visits, cards),
        current(),
        "the schema has changed since the databases of {} were written; {then} {how}",
        env!("CARGO_PKG_VERSION")
    );
}

#[tokio::test]
async fn what_every_released_version_wrote_is_brought_up_to_date_and_read_as_it_was() {
    let described = |path: &Path, schema: &Schema| {
        let connection = open::reader(path, &key(), schema).unwrap();
        let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").unwrap();
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?)));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let fresh = Station::new();
    fresh.visits().close();
    fresh.cards().close();
    let roster =
        |station: &Station| station.cards_folder().join(fs::read_to_string(station.cards_folder().join("current")).unwrap().trim_end());
    let released = names(&home());
    assert!(!released.is_empty());
    for name in released {
        let station = station_of(&home().join(&name));
        drop(DataFolder::lock(station.path(), &key()).unwrap());
        let visits = station.visits();
        check(&visits, &name).await;
        visits.close();
        let cards = station.cards();
        assert_eq!(cards.roster().borrow().cards, 60, "{name}");
        let found = cards.find(&scanned("097100000061")).await.unwrap();
        assert!(matches!(found.holding, Holding::Held(_)), "{name}");
        assert!(matches!(cards.find(&scanned("097100000001")).await.unwrap().holding, Holding::Left), "{name}");
        cards.close();
        let path = |station: &Station| station.path().join(visits::FILE);
        assert_eq!(described(&path(&station), &visits::SCHEMA), described(&path(&fresh), &visits::SCHEMA), "{name}");
        assert_eq!(described(&roster(&station), &cards::SCHEMA), described(&roster(&fresh), &cards::SCHEMA), "{name}");
        assert_eq!(Station::set_aside(station.path()), Vec::<String>::new(), "{name}");
        assert!(at("2026-11-22T01:00:00Z") == morning(), "the day on which they were written");
    }
}
