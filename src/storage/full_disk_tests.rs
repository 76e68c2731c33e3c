//! F07 in the stores: a disk that is really full: a small file system of its own, where this machine lets us mount one. `tests/it/bad_disk.rs` has the same under
//! the running program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::backup;
use super::backup::Plan;
use super::cards::CardStore;
use super::error::Error;
use super::folder::DataFolder;
use super::folder::RESERVED;
use super::folder::free_bytes;
use super::restore;
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
use crate::domain::facility::FacilityCode;

/// A small file system, taken away at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        Self::of("1m")
    }

    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder.path()).output();
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

async fn filled(folder: &Path, count: u32) {
    let (visits, thread) = VisitStore::open(folder, &key(), time()).unwrap();
    for n in 0..count {
        visits.append(visit(n)).await.unwrap();
    }
    visits.checkpoint().await.unwrap();
    drop(visits);
    thread.join().unwrap();
}

/// F07 where copies go: whenever the room ends, before the copy, or in it, or after it, there is no half one; the old one stays; with room again the next is made.
#[tokio::test]
async fn f07_a_backup_that_finds_no_room_leaves_the_old_ones_and_nothing_half_made() {
    const ROUNDS: u64 = 40;
    let Some(disk) = SmallDisk::mount() else { return };
    let station = Station::new();
    filled(station.path(), 10).await;
    let plan = |days| Plan {
        data: station.path().to_owned(),
        key: key(),
        former: Vec::new(),
        sealed_key: b"sealed".to_vec(),
        folder: disk.path().to_owned(),
        station: FacilityCode::parse("99001").unwrap(),
        at: morning() + chrono::TimeDelta::days(days),
        // Whoever thinned out before the new one is whole would have none.
        keep: backup::Keep { days: 1, weeks: 1 },
        is_set_aside: false,
    };
    let good = backup::make(plan(0)).await.unwrap();
    let before = names(disk.path());
    let stays = |when: &str| {
        let left: Vec<_> = names(disk.path()).into_iter().filter(|name| name != "filler").collect();
        assert_eq!(left, before, "{when}");
        assert_eq!(backup::check(&good.file, &key()).unwrap(), good.contents, "{when}");
    };
    disk.fill();
    assert!(matches!(backup::make(plan(10)).await, Err(Error::Full)));
    stays("full before it began");
    disk.make_room();
    // What nobody reckons with: the copy fits, and what comes after it does not.
    let free = usize::try_from(free_bytes(disk.path()).unwrap()).unwrap();
    let much = Plan { sealed_key: vec![1; free], ..plan(11) };
    assert!(matches!(backup::make(much).await, Err(Error::Full)));
    stays("full after the copy");
    // And the copy itself: somebody fills the disk while it is made, each time a little later.

    let (mut refused, mut made, good_bytes) = (0, 0, good.bytes);
    for round in 0..u32::try_from(ROUNDS).unwrap() {
        let filling = disk.path().to_owned();
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        let filler = std::thread::spawn(move || {
            let copied = || names(&filling).iter().filter(|name| name.contains(".part")).count();
            let of_copy = || fs::metadata(filling.join("visits-99001-20261212T010000Z.db.part")).map_or(0, |part| part.len());
            while (copied() == 0 || of_copy() < u64::from(round) * good_bytes / ROUNDS) && !ended.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let mut filler = fs::File::create(filling.join("filler")).unwrap();
            while std::io::Write::write_all(&mut filler, &[1; 4096]).is_ok() {}
        });
        let copied = backup::make(Plan { keep: backup::Keep { days: 1000, weeks: 1 }, ..plan(20) }).await;
        is_over.store(true, Ordering::SeqCst);
        filler.join().unwrap();
        disk.make_room();
        match copied {
            Ok(whole) => {
                made += 1;
                assert_eq!(backup::check(&whole.file, &key()).unwrap(), good.contents);
                fs::remove_file(backup::sealed_key_of(&whole.file)).unwrap();
                fs::remove_file(whole.file).unwrap();
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error, Error::Full), "{error:?}");
            }
        }
        stays("full in the middle of it");
    }
    println!("filled while it was copied: {refused} refused, {made} whole");
    assert!(refused > 0, "the filler comes too late");
    let next = backup::make(plan(30)).await.unwrap();
    assert_eq!((next.contents, next.removed), (good.contents, 1), "with room the next one is made, and only then the old one goes");
}

/// F07 where a backup is put back: what is there stays as it is, nothing of the try keeps room, and with room it is put back.
#[tokio::test]
async fn f07_a_backup_that_is_put_back_on_a_full_disk_changes_nothing_and_takes_no_room() {
    let Some(disk) = SmallDisk::of("4m") else { return };
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    filled(station.path(), 300).await;
    let plan = Plan {
        data: station.path().to_owned(),
        key: key(),
        former: Vec::new(),
        sealed_key: b"sealed".to_vec(),
        folder: folder.path().to_owned(),
        station: FacilityCode::parse("99001").unwrap(),
        at: morning(),
        keep: backup::Keep { days: 1, weeks: 1 },
        is_set_aside: false,
    };
    let good = backup::make(plan).await.unwrap();
    filled(disk.path(), 1).await;
    disk.fill();
    // Room for half of it.
    let filler = fs::OpenOptions::new().write(true).open(disk.path().join("filler")).unwrap();
    filler.set_len(filler.metadata().unwrap().len().saturating_sub(good.bytes / 2)).unwrap();
    drop(filler);
    let held = DataFolder::lock(disk.path(), &key()).unwrap();
    let (before, free) = (super::test_support::files(disk.path()), free_bytes(disk.path()).unwrap());
    assert!(free < good.bytes && free > 0, "{free} of {}", good.bytes);
    let refused = restore::put_back(&held, &good.file, (&key(), &key()), &time(), || Ok(()));
    assert!(matches!(refused, Err(Error::Full)), "{refused:?}");
    assert_eq!(super::test_support::files(disk.path()), before);
    assert_eq!(free_bytes(disk.path()).unwrap(), free, "half a file would keep the visits' room");
    disk.make_room();
    let put = restore::put_back(&held, &good.file, (&key(), &key()), &time(), || Ok(())).unwrap();
    assert_eq!((put.contents.visits, put.set_aside), (300, true));
    drop(held);
    let (visits, thread) = VisitStore::open(disk.path(), &key(), time()).unwrap();
    assert_eq!(visits.counts().borrow().pending, 300);
    drop(visits);
    thread.join().unwrap();
}
