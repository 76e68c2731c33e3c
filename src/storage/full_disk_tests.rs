//! F07 in the stores: a disk that is really full: a small file system of its own, where this machine lets us mount one. `tests/it/bad_disk.rs` has the same under
//! the running program.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::cards::CardStore;
use super::error::Error;
use super::folder::RESERVED;
use super::folder::free_bytes;
use super::test_support::People;
use super::test_support::Station;
use super::test_support::cursor_of;
use super::test_support::delta;
use super::test_support::index;
use super::test_support::key;
use super::test_support::morning;
use super::test_support::names;
use super::test_support::people;
use super::test_support::person;
use super::test_support::snapshot;
use super::test_support::time;
use super::test_support::visit;
use super::visits::Room;
use super::visits::Unsaved;
use super::visits::VisitStore;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::clock::ClockState;

/// A file system of one megabyte, taken away at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(folder.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            Some(Self(folder))
        } else {
            println!("skipped: no file system can be mounted here");
            None
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut filler = fs::File::create(self.path().join("filler")).unwrap();
        while std::io::Write::write_all(&mut filler, &[1; 512]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

#[tokio::test]
async fn a_visit_on_a_full_disk_is_refused_as_full_and_saved_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    visits.append(visit(0)).await.unwrap();
    disk.fill();
    let mut saved = 1;
    let error = loop {
        match visits.append(visit(saved)).await {
            Ok(_) => saved += 1,
            Err(error) => break error,
        }
        assert!(saved < 1000, "the disk is full");
    };
    assert!(matches!(error, Error::Full), "{error:?}");
    for _ in 0..3 {
        let again = visits.append(visit(saved)).await.unwrap_err();
        assert!(matches!(again, Error::Full), "{again:?}");
    }
    assert_eq!(visits.counts().borrow().pending, u64::from(saved));
    assert_eq!(visits.due(1000, morning()).await.unwrap().len(), saved as usize, "what was saved is there");
    disk.make_room();
    visits.append(visit(saved)).await.unwrap();
    drop(visits);
    thread.join().unwrap();
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    assert_eq!(visits.due(1000, morning()).await.unwrap().len(), saved as usize + 1);
    assert_eq!(names(&disk.path().join("quarantine")), Vec::<String>::new());
    drop(visits);
    thread.join().unwrap();
}

#[tokio::test]
async fn that_no_visit_can_be_saved_is_told_before_and_after_a_restart_until_one_can_be() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    visits.append(visit(0)).await.unwrap();
    visits.look_at_room().await;
    let room = visits.room();
    assert!(room.unsaved.is_none() && room.is_little().is_some_and(|free| free > 0), "{room:?}");
    disk.fill();
    // Nobody has come, and it is known.
    visits.look_at_room().await;
    let Room { unsaved: Some(Unsaved { since, is_full: true }), free: Some(0) } = visits.room() else { panic!("{:?}", visits.room()) };
    assert!(matches!(visits.append(visit(1)).await, Err(Error::Full)));
    visits.look_at_room().await;
    assert_eq!(visits.room().unsaved.map(|unsaved| unsaved.since), Some(since), "since it first was");
    drop(visits);
    thread.join().unwrap();
    // What its log had taken is free again.
    disk.fill();
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    visits.look_at_room().await;
    assert!(visits.room().unsaved.is_some_and(|unsaved| unsaved.is_full), "{:?}", visits.room());
    disk.make_room();
    visits.look_at_room().await;
    assert_eq!(visits.room().unsaved, None, "nobody had to try");
    disk.fill();
    visits.look_at_room().await;
    assert!(visits.room().unsaved.is_some());
    disk.make_room();
    visits.append(visit(1)).await.unwrap();
    assert_eq!(visits.room().unsaved, None, "a visit was saved");
    drop(visits);
    thread.join().unwrap();
}

#[tokio::test]
async fn a_station_that_starts_on_a_full_disk_says_so_and_sets_nothing_aside() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    visits.append(visit(0)).await.unwrap();
    drop(visits);
    thread.join().unwrap();
    for name in ["visits.db-wal", "visits.db-shm"] {
        let _ = fs::remove_file(disk.path().join(name));
    }
    disk.fill();
    match VisitStore::open(disk.path(), &key(), time()) {
        Ok((visits, thread)) => {
            assert_eq!(visits.counts().borrow().pending, 1);
            drop(visits);
            thread.join().unwrap();
        }
        Err(error) => assert!(matches!(error, Error::Full), "{error:?}"),
    }
    disk.make_room();
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    assert_eq!(visits.counts().borrow().pending, 1);
    assert_eq!(names(&disk.path().join("quarantine")), Vec::<String>::new());
    drop(visits);
    thread.join().unwrap();
}

/// F07: what downloads leave to the visits is enough for ten thousand of them, with the line of the access log that each brings.
#[tokio::test]
async fn f07_the_room_that_is_left_to_visits_holds_ten_thousand() {
    const EACH: u64 = 400;
    let station = Station::new();
    let visits = station.visits();
    let mut sizes = Vec::new();
    for n in 0..2 * u32::try_from(EACH).unwrap() {
        visits.append(visit(n)).await.unwrap();
        let saved = Access {
            at: morning(),
            clock: ClockState::Plausible,
            operator: None,
            place: Place::command_line(),
            act: Act::Saved,
            about: About { visit: Some(visit(n).id), ..About::person(&visit(n).person) },
        };
        visits.write_access(vec![saved]).await.unwrap();
        if (n + 1) % u32::try_from(EACH).unwrap() == 0 {
            visits.checkpoint().await.unwrap();
            sizes.push(fs::metadata(station.path().join("visits.db")).unwrap().len());
        }
    }
    visits.close();
    let each = (sizes[1] - sizes[0]) / EACH;
    println!("{each} bytes a visit: {} visits in {RESERVED} bytes", RESERVED / each);
    assert!(each > 0 && each * 10_000 < RESERVED, "{each} bytes a visit");
}

async fn load(cards: &CardStore, people: &People, serial: u64) -> Result<super::cards::Roster, Error> {
    let index = index(people, serial);
    let cursor = cursor_of(&index);
    cards.replace(snapshot(people, serial), index, cursor, super::test_support::NO_GUARD).await
}

#[tokio::test]
async fn a_roster_that_does_not_fit_on_the_disk_changes_nothing_and_leaves_the_room_to_the_visits() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (cards, thread) = CardStore::open(disk.path(), &key(), time()).unwrap();
    let (few, many) = (people((1..=200).map(person)), people((1..=9000).map(person)));
    let roster = load(&cards, &few, 1).await.unwrap();
    let (before, free) = (names(disk.path()), free_bytes(disk.path()).unwrap());
    let error = load(&cards, &many, 2).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    assert_eq!(names(disk.path()), before, "no half-built file");
    let steps = index(&many, 2);
    let target = cursor_of(&steps);
    let error = cards.apply_deltas(vec![delta(&few, &many, 2)], steps, target, super::test_support::NO_GUARD).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error:?}");
    assert!(free_bytes(disk.path()).unwrap() >= free, "what was undone takes no room");
    assert_eq!(*cards.roster().borrow(), roster);
    let found = cards.find(&super::test_support::scanned("097100000200")).await.unwrap();
    assert!(matches!(found.holding, super::cards::Holding::Held(_)), "the old roster answers");
    let more = people((1..=300).map(person));
    load(&cards, &more, 3).await.unwrap();
    drop(cards);
    thread.join().unwrap();
}
