//! Damage: what cannot be fetched again is set aside untouched, and the desk goes on.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;

use super::*;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Sequence;
use crate::storage::folder::DataFolder;
use crate::storage::key::replace_secret;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::damage;
use crate::storage::test_support::files;
use crate::storage::test_support::held;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::overwrite;
use crate::storage::test_support::receipt;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;

/// Some hundred visits, all in the file, the last ones in its log too.
async fn busy_station() -> (Station, Open<VisitStore>) {
    let station = Station::new();
    let visits = station.visits();
    for n in 0..120 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.checkpoint().await.unwrap();
    for n in 120..130 {
        visits.append(visit(n)).await.unwrap();
    }
    (station, visits)
}

/// The same, as a kill leaves it, and its install id.
async fn killed() -> (Station, Uuid) {
    let (live, visits) = busy_station().await;
    let station = Station::new();
    for name in ["visits.db", "visits.db-wal"] {
        fs::copy(live.path().join(name), station.path().join(name)).unwrap();
    }
    let id = visits.install_id().await.unwrap();
    visits.close();
    (station, id)
}

/// Length and digest of database and log.
fn pair(all: &BTreeMap<PathBuf, (usize, Sha256Digest)>) -> Vec<(usize, Sha256Digest)> {
    let ends = |end: &'static str| all.iter().filter(move |(path, _)| path.to_string_lossy().ends_with(end)).map(|(_, kept)| *kept);
    ends("visits.db").chain(ends("visits.db-wal")).collect()
}

fn quarantine(station: &Station) -> Vec<(usize, Sha256Digest)> {
    pair(&files(&station.path().join("quarantine")))
}

#[tokio::test]
async fn a_file_damaged_at_the_start_is_set_aside_untouched_and_a_new_one_goes_on() {
    let (station, old_id) = killed().await;
    damage(&station.path().join(FILE));
    let before = pair(&files(station.path()));
    assert_eq!(before.len(), 2, "file and log");
    let visits = station.visits();
    assert_eq!(quarantine(&station), before, "byte for byte");
    assert_ne!(visits.install_id().await.unwrap(), old_id);
    assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(131)));
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.due(10, morning()).await.unwrap().len(), 1);
    visits.close();
    assert_eq!(quarantine(&station), before, "and it stays");
}

#[tokio::test]
async fn a_damaged_header_is_set_aside_untouched() {
    let (station, _) = killed().await;
    let path = station.path().join(FILE);
    let mut content = fs::read(&path).unwrap();
    content[..4096].fill(0x5a);
    overwrite(&path, &content);
    let before = pair(&files(station.path()));
    let visits = station.visits();
    assert_eq!(quarantine(&station), before, "byte for byte");
    assert_eq!(visits.counts().borrow().pending, 0);
    visits.close();
}

async fn forget_what_was_read(visits: &VisitStore) {
    visits.writer.call(|writer| Ok(writer.connection.execute_batch("PRAGMA shrink_memory")?)).await.unwrap();
}

#[tokio::test]
async fn damage_met_while_saving_is_set_aside_untouched_and_the_visit_is_saved_in_the_new_file() {
    let (station, visits) = busy_station().await;
    let old_id = visits.install_id().await.unwrap();
    damage(&station.path().join(FILE));
    forget_what_was_read(&visits).await;
    let before = pair(&files(station.path()));
    assert_eq!(visits.append(visit(200)).await.unwrap(), Saved::New(Sequence(131)));
    assert_eq!(quarantine(&station), before, "byte for byte, with its log");
    assert_ne!(visits.install_id().await.unwrap(), old_id);
    let due = visits.due(10, morning()).await.unwrap();
    assert_eq!(due.into_iter().map(|visit| visit.content).collect::<Vec<_>>(), [visit(200)]);
    assert_eq!(visits.counts().borrow().pending, 1);
    visits.close();
    let visits = station.visits();
    assert_eq!(visits.counts().borrow().pending, 1, "and it is there after a restart");
    visits.close();
}

#[tokio::test]
async fn damage_met_by_a_question_is_set_aside_untouched() {
    let (station, visits) = busy_station().await;
    damage(&station.path().join(FILE));
    let before = pair(&files(station.path()));
    assert_eq!(visits.due(200, morning()).await.unwrap(), [], "what cannot be read cannot be sent");
    assert_eq!(quarantine(&station), before, "byte for byte");
    assert_eq!(visits.counts().borrow().pending, 0, "everyone hears of it");
    visits.append(visit(1)).await.unwrap();
    visits.close();
}

#[tokio::test]
async fn damage_met_by_receipts_is_an_error_and_loses_no_later_visit() {
    let (station, visits) = busy_station().await;
    damage(&station.path().join(FILE));
    forget_what_was_read(&visits).await;
    let error = visits.store_receipts(vec![receipt(1, held("VR-1"))], morning()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(131)));
    visits.close();
    assert_eq!(quarantine(&station).len(), 2);
}

#[tokio::test]
async fn several_damaged_files_are_all_kept() {
    let station = Station::new();
    for round in 1..=3 {
        let visits = station.visits();
        for n in 0..60 {
            visits.append(visit(n)).await.unwrap();
        }
        visits.close();
        damage(&station.path().join(FILE));
        station.visits().close();
        let kept = Station::set_aside(station.path()).into_iter().filter(|name| name.ends_with("visits.db")).count();
        assert_eq!(kept, round);
    }
}

/// Setting aside is one rename per file; a power cut between two of them leaves the log behind, and SQLite deletes a log without its database.
#[tokio::test]
async fn a_log_without_its_database_is_set_aside_and_not_deleted() {
    let (station, _) = killed().await;
    fs::remove_file(station.path().join(FILE)).unwrap();
    let before = pair(&files(station.path()));
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    assert_eq!(quarantine(&station), before);
    visits.close();
}

/// A kill or a power cut while a damaged file is set aside: whichever of its files had been moved by then, the next start moves the rest to them, and the
/// one that goes on takes over from it.
#[tokio::test]
async fn f11_a_kill_between_the_renames_of_a_damaged_file_parts_nothing_and_forgets_no_number() {
    const STAMP: &str = "20261122T005959Z-77";
    let ends = [
        ("visits.db", "visits.db"),
        ("visits.db-wal", "visits.db-wal"),
        ("visits.db-shm", "visits.db-shm"),
        ("visits.salt", "visits.db.salt"),
    ];
    for moved in 0..=16_usize {
        let (station, _) = killed().await;
        fs::write(station.path().join("visits.db-shm"), "an index").unwrap();
        let salt = "5a".repeat(16);
        replace_secret(&station.path().join("visits.salt"), salt.as_bytes()).unwrap();
        damage(&station.path().join(FILE));
        let before = pair(&files(station.path()));
        let folder = station.path().join("quarantine");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(format!("{STAMP}-visits.db.moving")), "").unwrap();
        // The last round: all of them, and the new one was begun.
        for (at, (from, to)) in ends.iter().enumerate() {
            if moved == 16 || moved & (1 << at) != 0 {
                fs::rename(station.path().join(from), folder.join(format!("{STAMP}-{to}"))).unwrap();
            }
        }
        if moved == 16 {
            drop(open::writer(&station.path().join(FILE), &key(), &SCHEMA).unwrap());
        }
        let refused = VisitStore::open_or(OnDamage::Refuse, station.path(), &key(), time());
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{moved}: whoever may not set aside does not finish it");
        let visits = station.visits();
        assert_eq!(quarantine(&station), before, "{moved}: byte for byte, with its log");
        let names = ends.map(|(_, to)| format!("{STAMP}-{to}"));
        let mut kept = Station::set_aside(station.path());
        kept.retain(|name| !name.ends_with("-shm"));
        assert_eq!(kept, [&names[0], &names[1], &names[3]].map(String::as_str), "{moved}: under one name, and nothing is on its way");
        assert_eq!(fs::read_to_string(folder.join(&names[3])).unwrap(), salt, "{moved}");
        assert_eq!(visits.append(visit(1)).await.unwrap(), Saved::New(Sequence(131)), "{moved}: no number is given twice");
        visits.close();
    }
}

#[tokio::test]
async fn a_newer_file_is_refused_and_not_set_aside() {
    let station = Station::new();
    station.visits().close();
    let connection = open::writer(&station.path().join(FILE), &key(), &SCHEMA).unwrap();
    connection.pragma_update(None, "user_version", SCHEMA.version() + 1).unwrap();
    drop(connection);
    assert!(matches!(station.try_visits(), Err(Error::TooNew { .. })));
    assert_eq!(Station::set_aside(station.path()), Vec::<String>::new());
    assert!(station.path().join(FILE).exists());
}

#[tokio::test]
async fn the_roster_in_the_place_of_the_visits_is_refused_and_not_set_aside() {
    let station = Station::new();
    drop(open::writer(&station.path().join(FILE), &key(), &crate::storage::cards::SCHEMA).unwrap());
    assert!(matches!(station.try_visits(), Err(Error::TooNew { .. })));
    assert_eq!(Station::set_aside(station.path()), Vec::<String>::new());
}

#[tokio::test]
async fn closing_saves_what_is_queued_and_empties_the_log() {
    let station = Station::new();
    let visits = station.visits();
    let saving: Vec<_> = (0..50)
        .map(|n| {
            let store = visits.store.clone();
            tokio::spawn(async move { store.append(visit(n)).await.unwrap() })
        })
        .collect();
    // The tasks hold the last handles: the thread ends when the queue is empty.
    tokio::task::yield_now().await;
    tokio::task::spawn_blocking(move || visits.close()).await.unwrap();
    for saved in saving {
        saved.await.unwrap();
    }
    assert_eq!(fs::metadata(station.path().join("visits.db-wal")).map_or(0, |log| log.len()), 0);
    let visits = station.visits();
    assert_eq!(visits.counts().borrow().pending, 50);
    visits.close();
}

#[tokio::test]
async fn a_checkpoint_empties_the_log() {
    let (station, visits) = busy_station().await;
    visits.checkpoint().await.unwrap();
    assert_eq!(fs::metadata(station.path().join("visits.db-wal")).unwrap().len(), 0);
    assert_eq!(visits.due(1000, morning()).await.unwrap().len(), 130);
    visits.close();
}

fn log_length(station: &Station) -> u64 {
    fs::metadata(station.path().join("visits.db-wal")).map_or(0, |log| log.len())
}

/// What a failed flush leaves behind: the commit is in the log as everybody reads it, and perhaps nowhere else.
async fn save_without_flush(visits: &Open<VisitStore>, n: u32) {
    let failure = || Error::Disk(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None));
    let failed = visits.writer.call(move |writer| log::append(&mut writer.connection, &visit(n), None).and(Err::<(), _>(failure()))).await;
    assert!(matches!(failed, Err(Error::Disk(_))));
}

#[tokio::test]
async fn a_visit_whose_flush_failed_is_called_saved_only_after_it_was_flushed_again() {
    let (station, visits) = busy_station().await;
    save_without_flush(&visits, 200).await;
    assert_ne!(log_length(&station), 0);
    assert_eq!(visits.append(visit(200)).await.unwrap(), Saved::Already(Sequence(131)));
    assert_eq!(log_length(&station), 0, "it is in the file");
    assert_eq!(visits.counts().borrow().pending, 131);
    visits.close();
}

#[tokio::test]
async fn a_visit_whose_flush_failed_is_not_called_saved_while_it_cannot_be_flushed_again() {
    let (station, visits) = busy_station().await;
    save_without_flush(&visits, 200).await;
    let reader = open::reader(&station.path().join(FILE), &key(), &SCHEMA).unwrap();
    let asking = reader.unchecked_transaction().unwrap();
    asking.query_row("SELECT count(*) FROM visit", [], |row| row.get::<_, u32>(0)).unwrap();
    let error = visits.append(visit(200)).await.unwrap_err();
    assert!(matches!(error, Error::Busy), "{error:?}");
    drop(asking);
    assert_eq!(visits.append(visit(200)).await.unwrap(), Saved::Already(Sequence(131)));
    assert_eq!(log_length(&station), 0);
    visits.close();
}

#[tokio::test]
async fn a_start_flushes_what_a_kill_left_in_the_log() {
    let (station, _) = killed().await;
    assert_ne!(log_length(&station), 0);
    let visits = station.visits();
    assert_eq!(log_length(&station), 0);
    assert_eq!(visits.append(visit(129)).await.unwrap(), Saved::Already(Sequence(130)));
    visits.close();
}

/// How a file can be lost, and its name.
type Way = (&'static str, fn(&Path));

/// A station that saved visits, was closed and then lost its file in the way given.
async fn lost(lose: impl FnOnce(&Path)) -> Station {
    let (station, visits) = busy_station().await;
    visits.close();
    lose(&station.path().join(FILE));
    station
}

/// Locked once per station and kept: what lists the alarms.
fn locked(station: &Station) -> DataFolder {
    DataFolder::lock(station.path(), &key()).unwrap()
}

#[tokio::test]
async fn visits_that_are_missing_or_empty_at_the_start_are_an_alarm_once() {
    let ways: [Way; 3] = [
        ("removed", |path| fs::remove_file(path).unwrap()),
        ("removed with its log", |path| {
            fs::remove_file(path).unwrap();
            let _ = fs::remove_file(path.with_extension("db-wal"));
            let _ = fs::remove_file(path.with_extension("db-shm"));
        }),
        ("emptied", |path| drop(File::create(path).unwrap())),
    ];
    for (way, lose) in ways {
        let station = lost(lose).await;
        let folder = locked(&station);
        for _ in 0..2 {
            let visits = station.visits();
            assert_eq!(folder.quarantined().len(), 1, "{way}");
            assert!(folder.quarantined()[0].ends_with("-visits.db"), "{way}");
            visits.append(visit(1)).await.unwrap();
            assert_eq!(visits.counts().borrow().pending, 1, "{way}");
            visits.close();
        }
    }
}

#[tokio::test]
async fn a_first_start_and_an_ordinary_one_are_no_alarm() {
    let station = Station::new();
    let folder = locked(&station);
    for _ in 0..3 {
        let visits = station.visits();
        visits.append(visit(1)).await.unwrap();
        visits.close();
    }
    assert_eq!(folder.quarantined(), Vec::<String>::new());
    // A first start that was cut short before anything was saved.
    let station = Station::new();
    let folder = locked(&station);
    File::create(station.path().join(FILE)).unwrap();
    station.visits().close();
    assert_eq!(folder.quarantined(), Vec::<String>::new());
}

/// The log of an emptied database holds the last visits: SQLite would delete it.
#[tokio::test]
async fn the_log_of_an_emptied_database_is_set_aside_with_it() {
    let (station, _) = killed().await;
    File::create(station.path().join(FILE)).unwrap();
    let before = pair(&files(station.path()));
    station.visits().close();
    assert_eq!(quarantine(&station), before);
    assert_ne!(before[1].0, 0);
}

#[tokio::test]
async fn a_visit_is_never_called_saved_in_a_file_that_is_gone() {
    let ways: [Way; 5] = [
        ("removed", |path| fs::remove_file(path).unwrap()),
        ("renamed", |path| fs::rename(path, path.with_extension("old")).unwrap()),
        ("emptied", |path| drop(File::create(path).unwrap())),
        ("replaced by an empty one", |path| {
            fs::remove_file(path).unwrap();
            File::create(path.with_extension("new")).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("replaced by a copy", |path| {
            fs::copy(path, path.with_extension("copy")).unwrap();
            fs::rename(path.with_extension("copy"), path).unwrap();
        }),
    ];
    for (way, lose) in ways {
        let (station, visits) = busy_station().await;
        let folder = locked(&station);
        let old_id = visits.install_id().await.unwrap();
        lose(&station.path().join(FILE));
        assert_eq!(visits.append(visit(200)).await.unwrap(), Saved::New(Sequence(1)), "{way}");
        assert_eq!(folder.quarantined().len(), 1, "{way}");
        assert_ne!(visits.install_id().await.unwrap(), old_id, "{way}");
        assert_eq!(visits.counts().borrow().pending, 1, "{way}");
        visits.append(visit(201)).await.unwrap();
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.due(10, morning()).await.unwrap().len(), 2, "{way}: it is there after a restart");
        assert_eq!(folder.quarantined().len(), 1, "{way}");
        visits.close();
    }
}

#[tokio::test]
async fn receipts_for_a_file_that_is_gone_are_an_error() {
    let (station, visits) = busy_station().await;
    let folder = locked(&station);
    fs::remove_file(station.path().join(FILE)).unwrap();
    let error = visits.store_receipts(vec![receipt(1, held("VR-1"))], morning()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert_eq!(visits.append(visit(200)).await.unwrap(), Saved::New(Sequence(1)));
    assert_eq!(folder.quarantined().len(), 1);
    visits.close();
}
