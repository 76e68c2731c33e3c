//! The pointer, what lies beside it, and what becomes of damage.

use super::*;
use crate::domain::person::PersonName;
use crate::storage::cards::Holding;
use crate::storage::cards::Roster;
use crate::storage::open::Schema;
use crate::storage::test_support::Open;
use crate::storage::test_support::People;
use crate::storage::test_support::Station;
use crate::storage::test_support::damage;
use crate::storage::test_support::delta;
use crate::storage::test_support::files;
use crate::storage::test_support::names;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;

fn crowd() -> People {
    people((1..=400).map(person))
}

/// A station that was loaded once and closed; its current file is `cards-000002.db`.
async fn loaded() -> Station {
    let station = Station::new();
    let cards = station.cards();
    cards.load(&crowd(), 1).await;
    cards.close();
    station
}

fn write(station: &Station, name: &str, content: &[u8]) {
    fs::write(station.cards_folder().join(name), content).unwrap();
}

fn pointer(station: &Station) -> String {
    fs::read_to_string(station.cards_folder().join(POINTER)).unwrap()
}

#[tokio::test]
async fn what_the_pointer_does_not_name_is_removed_at_the_start() {
    let station = loaded().await;
    for name in
        ["cards-000001.db", "cards-000001.db-wal", "cards-000001.db-shm", "cards-000003.db", "cards-000003.db-journal", "current.new"]
    {
        write(&station, name, b"half built");
    }
    let cards = station.cards();
    assert_eq!(cards.roster().borrow().cards, 400);
    cards.close();
    let left: Vec<_> = names(&station.cards_folder()).into_iter().filter(|name| !name.starts_with("cards-000002.db")).collect();
    assert!(left == ["current"] || left == ["current", "current.new"], "{left:?}");
}

#[tokio::test]
async fn a_left_over_pointer_does_not_hinder_the_next_snapshot() {
    let station = loaded().await;
    write(&station, "current.new", b"a long left-over of another time, cards-000077.db");
    let cards = station.cards();
    cards.load(&crowd(), 2).await;
    cards.close();
    assert_eq!(pointer(&station), "cards-000003.db\n");
}

#[tokio::test]
async fn a_pointer_that_is_damaged_does_not_cost_the_roster() {
    for content in [&b"cards-000009.db\n"[..], b"", b"\n", b"../visits.db\n", b"\0\0\0\0", b"\xff\xfe\x00 not text", &[b'x'; 5000]] {
        let station = loaded().await;
        write(&station, POINTER, content);
        let cards = station.try_cards().unwrap_or_else(|error| panic!("{content:?}: {error}"));
        assert_eq!(cards.roster().borrow().cards, 400, "{content:?}");
        assert!(matches!(cards.find(&scanned("097100000001")).await.unwrap().holding, Holding::Held(_)));
        assert_eq!(pointer(&station), "cards-000002.db\n", "{content:?}");
        cards.load(&crowd(), 2).await;
        cards.close();
        assert_eq!(station.cards().roster().borrow().cards, 400, "{content:?}");
    }
}

#[tokio::test]
async fn a_start_without_a_pointer_takes_the_newest_whole_roster_with_its_log() {
    let station = killed_after_a_delta().await;
    fs::remove_file(station.cards_folder().join(POINTER)).unwrap();
    // An older one, and what was begun and not finished: in name only, without a cursor, with a cursor and damaged.
    let older = loaded().await;
    fs::copy(older.cards_folder().join("cards-000002.db"), station.cards_folder().join("cards-000001.db")).unwrap();
    write(&station, "cards-000003.db", b"");
    drop(open::builder(&station.cards_folder().join("cards-000004.db"), &crate::storage::test_support::key(), &SCHEMA).unwrap());
    fs::copy(older.cards_folder().join("cards-000002.db"), station.cards_folder().join("cards-000005.db")).unwrap();
    damage(&station.cards_folder().join("cards-000005.db"));
    let cards = station.cards();
    assert_eq!(cards.roster().borrow().cards, 399, "the delta in the log is there");
    cards.close();
    assert_eq!(pointer(&station), "cards-000002.db\n");
    let left = names(&station.cards_folder());
    assert!(left.iter().all(|name| name == "current" || name.starts_with("cards-000002.db")), "{left:?}");
}

#[tokio::test]
async fn a_start_with_neither_pointer_nor_whole_roster_makes_an_empty_one() {
    let station = loaded().await;
    fs::remove_file(station.cards_folder().join(POINTER)).unwrap();
    damage(&station.cards_folder().join("cards-000002.db"));
    let cards = station.cards();
    assert_eq!(*cards.roster().borrow(), Roster::default());
    cards.close();
    assert!(station.cards_folder().join(pointer(&station).trim_end()).exists());
}

/// F22: the newer program's roster stays byte for byte, whether the pointer is there or lost and whether its log was written into it; this program's own comes
/// beside it, and goes when the newer one can be read again.
#[tokio::test]
async fn f22_a_newer_roster_is_not_touched_and_one_of_our_own_is_held_beside_it() {
    for (has_pointer, is_killed) in [(true, false), (true, true), (false, false), (false, true)] {
        let station = loaded().await;
        let path = station.cards_folder().join("cards-000002.db");
        let version = |version: u32| {
            let connection = open::writer(&path, &crate::storage::test_support::key(), &SCHEMA);
            // One that is newer is let in by nobody but its own program.
            let steps: &'static [&'static str] = Box::leak(vec![""; SCHEMA.migrations.len() + 1].into_boxed_slice());
            let newer = Schema { migrations: steps, application_id: SCHEMA.application_id, synchronous: SCHEMA.synchronous };
            let connection = connection.or_else(|_| open::reader(&path, &crate::storage::test_support::key(), &newer)).unwrap();
            connection.execute_batch("PRAGMA query_only = OFF").unwrap();
            connection.pragma_update(None, "user_version", version).unwrap();
            connection
        };
        let connection = version(SCHEMA.version() + 1);
        if !is_killed {
            open::checkpoint(&connection).unwrap();
        }
        drop(connection);
        if !has_pointer {
            fs::remove_file(station.cards_folder().join(POINTER)).unwrap();
        }
        let before = files(&station.cards_folder());
        let cards = station.cards();
        assert_eq!(*cards.roster().borrow(), Roster::default());
        cards.load(&crowd(), 7).await;
        assert!(matches!(cards.find(&scanned("097100000400")).await.unwrap().holding, Holding::Held(_)), "looked up in our own");
        cards.close();
        let again = station.cards();
        assert_eq!(again.roster().borrow().cards, 400, "kept over a restart");
        again.close();
        assert_eq!(files(&station.cards_folder()), before, "pointer: {has_pointer}, killed: {is_killed}");
        let beside = station.path().join(format!("cards-of-version-{}", SCHEMA.version()));
        assert!(beside.exists());
        drop(version(SCHEMA.version()));
        let cards = station.cards();
        assert_eq!(cards.roster().borrow().cursor.as_ref().unwrap().serial.0, 1, "the one that was here before");
        cards.close();
        assert!(!beside.exists());
    }
}

/// What was on the disk when the daemon was killed: the log is not yet in the file.
async fn killed_after_a_delta() -> Station {
    let (station, live) = (Station::new(), loaded().await);
    let cards = live.cards();
    let fewer = people((2..=400).map(person));
    cards.apply(vec![delta(&crowd(), &fewer, 2)], &fewer, 2).await.unwrap();
    fs::create_dir(station.cards_folder()).unwrap();
    for path in files(&live.cards_folder()).into_keys().filter(|path| !path.to_string_lossy().ends_with("-shm")) {
        fs::copy(&path, station.cards_folder().join(path.file_name().unwrap())).unwrap();
    }
    cards.close();
    station
}

#[tokio::test]
async fn after_a_kill_the_log_is_read() {
    let station = killed_after_a_delta().await;
    assert_ne!(fs::metadata(station.cards_folder().join("cards-000002.db-wal")).unwrap().len(), 0);
    let cards = station.cards();
    assert_eq!(cards.find(&scanned("097100000001")).await.unwrap().holding, Holding::Left);
    assert_eq!(cards.roster().borrow().cards, 399);
    cards.close();
}

#[tokio::test]
async fn a_file_damaged_at_the_start_is_set_aside_as_it_is_and_an_empty_one_goes_on() {
    let station = killed_after_a_delta().await;
    let folder = station.cards_folder();
    damage(&folder.join("cards-000002.db"));
    let before = files(&folder);
    let cards = station.cards();
    assert_eq!(*cards.roster().borrow(), Roster::default());
    assert_eq!(
        cards.find(&scanned("097100000002")).await.unwrap(),
        crate::storage::cards::Found { holding: Holding::NoRoster, cursor: None, asked: None }
    );
    let aside = files(&folder.join("quarantine"));
    for suffix in ["", "-wal"] {
        let name = format!("cards-000002.db{suffix}");
        let (_, kept) = aside.iter().find(|(path, _)| path.to_string_lossy().ends_with(&name)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(*kept, before[&folder.join(&name)], "{name}, byte for byte");
    }
    cards.load(&crowd(), 3).await;
    cards.close();
    assert_eq!(station.cards().roster().borrow().cards, 400);
    assert_eq!(files(&folder.join("quarantine")), aside, "and it stays");
}

/// A damaged file, of which SQLite has forgotten what it has read.
async fn opened_and_damaged() -> (Station, Open<crate::storage::cards::CardStore>) {
    let station = loaded().await;
    let cards = station.cards();
    damage(&station.cards_folder().join("cards-000002.db"));
    cards.writer.call(|writer| Ok(writer.connection.execute_batch("PRAGMA shrink_memory")?)).await.unwrap();
    (station, cards)
}

#[tokio::test]
async fn damage_that_a_question_meets_answers_no_roster_and_is_set_aside() {
    let (station, cards) = opened_and_damaged().await;
    let told = cards.roster();
    let mut scan = scanned("097100000200");
    scan.name = Some(PersonName::parse("Trần Thị Ví Dụ").unwrap());
    let found = cards.find(&scan).await.unwrap();
    assert_eq!(found, crate::storage::cards::Found { holding: Holding::NoRoster, cursor: None, asked: None });
    assert_eq!(*told.borrow(), Roster::default(), "everyone hears of it");
    assert_eq!(Station::set_aside(&station.cards_folder()).iter().filter(|name| name.ends_with("cards-000002.db")).count(), 1);
    cards.load(&crowd(), 2).await;
    assert!(matches!(cards.find(&scan).await.unwrap().holding, Holding::Held(_)), "and the next pull mends it");
    cards.close();
}

#[tokio::test]
async fn a_snapshot_replaces_a_damaged_roster() {
    let (station, cards) = opened_and_damaged().await;
    cards.load(&crowd(), 2).await;
    assert!(matches!(cards.find(&scanned("097100000200")).await.unwrap().holding, Holding::Held(_)));
    cards.close();
    assert_eq!(pointer(&station), "cards-000003.db\n");
}

#[tokio::test]
async fn damage_that_a_delta_meets_is_set_aside_before_the_next_change() {
    let (station, cards) = opened_and_damaged().await;
    let fewer = people((2..=400).map(person));
    let delta = || delta(&crowd(), &fewer, 2);
    let error = cards.apply(vec![delta()], &fewer, 2).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    let error = cards.apply(vec![delta()], &fewer, 2).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "there is no roster any more: {error:?}");
    assert_eq!(*cards.roster().borrow(), Roster::default());
    assert_eq!(Station::set_aside(&station.cards_folder()).iter().filter(|name| name.ends_with("cards-000002.db")).count(), 1);
    cards.close();
}

/// Questions of the desk never touch the known deltas, so the pull alone meets this.
#[tokio::test]
async fn damage_that_the_pull_meets_is_set_aside() {
    let (station, cards) = opened_and_damaged().await;
    assert_eq!(cards.known_deltas().await.unwrap(), []);
    assert_eq!(*cards.roster().borrow(), Roster::default());
    assert_eq!(Station::set_aside(&station.cards_folder()).iter().filter(|name| name.ends_with("cards-000002.db")).count(), 1);
    cards.close();
}

#[tokio::test]
async fn a_current_file_that_somebody_removed_is_no_roster() {
    let station = loaded().await;
    let cards = station.cards();
    for name in ["cards-000002.db", "cards-000002.db-wal", "cards-000002.db-shm"] {
        fs::remove_file(station.cards_folder().join(name)).unwrap();
    }
    assert_eq!(cards.find(&scanned("097100000001")).await.unwrap().holding, Holding::NoRoster);
    cards.load(&crowd(), 2).await;
    cards.close();
    assert_eq!(station.cards().roster().borrow().cards, 400);
}

/// A disk that is full, as SQLite sees it: the file may not grow.
#[tokio::test]
async fn a_full_disk_changes_nothing_and_says_so() {
    let station = loaded().await;
    let cards = station.cards();
    let limit = |writer: &mut Writer, pages: u32| {
        writer.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, u32>(0)).map_err(Error::from)
    };
    cards.writer.call(move |writer| limit(writer, 1)).await.unwrap();
    let before = cards.roster().borrow().clone();
    let more = people((1..=900).map(person));
    let error = cards.apply(vec![delta(&crowd(), &more, 2)], &more, 2).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    assert_eq!(*cards.roster().borrow(), before);
    assert_eq!(cards.find(&scanned("097100000500")).await.unwrap().holding, Holding::NotHeld);
    cards.writer.call(move |writer| limit(writer, 100_000)).await.unwrap();
    cards.apply(vec![delta(&crowd(), &more, 2)], &more, 2).await.unwrap();
    cards.close();
}

#[tokio::test]
async fn closing_empties_the_log() {
    let station = killed_after_a_delta().await;
    let log = station.cards_folder().join("cards-000002.db-wal");
    station.cards().close();
    assert_eq!(fs::metadata(log).map_or(0, |log| log.len()), 0);
}

/// A kill between the renames of a damaged roster: what was left behind follows, and no mark of it stays.
#[tokio::test]
async fn f10_a_roster_that_was_half_set_aside_is_whole_in_quarantine_after_the_next_start() {
    let station = killed_after_a_delta().await;
    let folder = station.cards_folder();
    let aside = folder.join("quarantine");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("20261122T005959Z-77-cards-000002.db.moving"), "").unwrap();
    fs::rename(folder.join("cards-000002.db"), aside.join("20261122T005959Z-77-cards-000002.db")).unwrap();
    let log = fs::read(folder.join("cards-000002.db-wal")).unwrap();
    station.cards().close();
    assert_eq!(fs::read(aside.join("20261122T005959Z-77-cards-000002.db-wal")).unwrap(), log);
    let mut kept = Station::set_aside(&folder);
    kept.retain(|name| !name.ends_with("-shm"));
    assert_eq!(kept, ["20261122T005959Z-77-cards-000002.db", "20261122T005959Z-77-cards-000002.db-wal"]);
}
