//! Copies made beside the writer: whole, examined, thinned out, and nothing left of what was cut off.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;
use crate::storage::test_support::held;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::names as names_in;
use crate::storage::test_support::other_key;
use crate::storage::test_support::receipt;
use crate::storage::test_support::visit;

fn plan(station: &Station, folder: &Path) -> Plan {
    Plan {
        data: station.path().to_owned(),
        key: key(),
        sealed_key: b"sealed".to_vec(),
        folder: folder.to_owned(),
        station: FacilityCode::parse("99001").unwrap(),
        at: morning(),
        keep: Keep { days: 7, weeks: 4 },
        former: Vec::new(),
        is_set_aside: false,
    }
}

#[tokio::test]
async fn a_backup_is_made_beside_a_writer_that_goes_on_and_holds_one_state() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    for n in 0..40 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.store_receipts((0..10).map(|n| receipt(n, held(&format!("r{n}")))).collect(), morning()).await.unwrap();
    let store = visits.store.clone();
    let writing = tokio::spawn(async move {
        for n in 40..140 {
            store.append(visit(n)).await.unwrap();
        }
    });
    let mut made = Vec::new();
    for n in 0..4 {
        let plan = Plan { at: morning() + chrono::TimeDelta::days(n), ..plan(&station, folder.path()) };
        made.push(make(plan).await.unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    writing.await.unwrap();
    for made in &made {
        assert!(made.contents.visits >= 40 && made.contents.visits == made.contents.highest, "{made:?}");
        assert_eq!(made.contents.unsent, made.contents.visits - 10);
        assert_eq!(check(&made.file, &key()).unwrap(), made.contents);
        assert!(matches!(check(&made.file, &other_key()), Err(Error::Corrupt(_))), "under its own key only");
        let bytes = fs::read(&made.file).unwrap();
        assert!(!bytes.windows(8).any(|part| part == b"09710000"), "no number can be read");
        assert_eq!(fs::read(sealed_key_of(&made.file)).unwrap(), b"sealed");
    }
    assert_eq!(names_in(folder.path()).len(), 8, "two files each, and nothing beside them");
    assert_eq!(visits.counts().borrow().highest.0, 140);
    visits.close();
}

#[tokio::test]
async fn what_was_cut_off_is_removed_and_never_taken_for_a_backup() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    visits.append(visit(0)).await.unwrap();
    for name in ["visits-99001-20261101T000000Z.db.part", "visits-99001-20261101T000000Z.key.age.part", "visits-99001-x.db.part-journal"] {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    for name in ["visits-99002-20261101T000000Z.db.part", "letter.part", "visits-99001-20261101T000000Z.db.old"] {
        fs::write(folder.path().join(name), "somebody's").unwrap();
    }
    assert!(list(folder.path(), &FacilityCode::parse("99001").unwrap()).unwrap().is_empty());
    make(plan(&station, folder.path())).await.unwrap();
    assert_eq!(
        names_in(folder.path()),
        [
            "letter.part",
            "visits-99001-20261101T000000Z.db.old",
            "visits-99001-20261122T010000Z.db",
            "visits-99001-20261122T010000Z.key.age",
            "visits-99002-20261101T000000Z.db.part"
        ]
    );
    visits.close();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made_and_damage_makes_no_backup() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    for n in 0..200 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.checkpoint().await.unwrap();
    let missing = folder.path().join("stick");
    assert!(matches!(make(plan(&station, &missing)).await, Err(Error::File { .. })));
    assert!(!missing.exists());
    let good = make(plan(&station, folder.path())).await.unwrap();
    visits.close();
    crate::storage::test_support::damage(&station.path().join("visits.db"));
    let plan = Plan { at: morning() + chrono::TimeDelta::days(1), keep: Keep { days: 1, weeks: 1 }, ..plan(&station, folder.path()) };
    assert!(matches!(make(plan).await, Err(Error::Corrupt(_))));
    assert_eq!(names_in(folder.path()).len(), 2, "the old one stays, and nothing else");
    assert_eq!(check(&good.file, &key()).unwrap(), good.contents);
}

#[test]
fn every_flipped_bit_of_a_backup_is_found() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = runtime.block_on(async {
        let visits = station.visits();
        visits.append(visit(0)).await.unwrap();
        let made = make(plan(&station, folder.path())).await.unwrap();
        visits.close();
        made
    });
    let whole = fs::read(&made.file).unwrap();
    // Every 97th byte: each page many times, its start and end too.
    for at in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&made.file, &changed).unwrap();
        assert!(check(&made.file, &key()).is_err(), "byte {at} of {}", whole.len());
    }
    fs::write(&made.file, &whole[..whole.len() - 4096]).unwrap();
    assert!(check(&made.file, &key()).is_err(), "cut");
}

#[test]
fn days_and_weeks_are_kept_and_what_is_newest_always() {
    let keep = Keep { days: 3, weeks: 2 };
    let found = [
        "2026-11-22T09:00:00Z",
        "2026-11-22T01:00:00Z",
        "2026-11-21T01:00:00Z",
        "2026-11-19T01:00:00Z",
        "2026-11-18T01:00:00Z",
        "2026-11-14T01:00:00Z",
        "2026-11-13T01:00:00Z",
        "2026-10-01T01:00:00Z",
    ]
    .map(at);
    assert_eq!(kept(&found, keep), BTreeSet::from([0, 2, 3, 5]));
    assert_eq!(kept(&found, Keep { days: 1, weeks: 1 }), BTreeSet::from([0]));
    // 17:30 UTC is the next day here.
    let night = ["2026-11-21T17:30:00Z", "2026-11-21T16:30:00Z"].map(at);
    assert_eq!(kept(&night, Keep { days: 5, weeks: 1 }).len(), 2);
}

#[tokio::test]
async fn older_ones_are_thinned_out_with_their_keys_and_only_this_stations() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    visits.append(visit(0)).await.unwrap();
    for name in ["visits-99002-20260101T000000Z.db", "notes.db"] {
        fs::write(folder.path().join(name), "somebody's").unwrap();
    }
    let mut removed = 0;
    for day in 0..20 {
        let at = morning() + chrono::TimeDelta::days(day);
        removed += make(Plan { at, keep: Keep { days: 2, weeks: 3 }, ..plan(&station, folder.path()) }).await.unwrap().removed;
    }
    let left = names_in(folder.path());
    assert_eq!(
        left.iter().filter(|name| name.starts_with("visits-99001-") && Path::new(name).extension().is_some_and(|end| end == "db")).count(),
        4,
        "{left:?}"
    );
    assert_eq!(left.iter().filter(|name| name.ends_with(".key.age")).count(), 4);
    assert!(left.contains(&"notes.db".to_owned()) && left.contains(&"visits-99002-20260101T000000Z.db".to_owned()));
    assert_eq!(removed, 16);
    visits.close();
}

#[tokio::test]
async fn an_emptier_backup_after_damage_thins_out_no_fuller_one_and_says_why() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    for n in 0..60 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.checkpoint().await.unwrap();
    let good = make(plan(&station, folder.path())).await.unwrap();
    visits.close();
    crate::storage::test_support::damage(&station.path().join("visits.db"));
    let visits = station.visits();
    visits.append(visit(100)).await.unwrap();
    let later = |days, is_set_aside| Plan {
        at: morning() + chrono::TimeDelta::days(days),
        keep: Keep { days: 1, weeks: 1 },
        is_set_aside,
        ..plan(&station, folder.path())
    };
    let first = make(later(10, true)).await.unwrap();
    assert_eq!((first.contents.visits, first.removed, first.all_kept), (1, 0, Some(AllKept::SetAside)));
    let second = make(later(20, false)).await.unwrap();
    assert_eq!((second.removed, second.all_kept), (1, Some(AllKept::OtherRecord)), "the emptier one goes, the fuller one stays");
    assert!(!first.file.exists());
    fs::remove_file(&second.file).unwrap();
    let third = make(later(30, false)).await.unwrap();
    assert_eq!((third.removed, third.all_kept), (0, Some(AllKept::OtherRecord)), "the newest of the older ones is of another record");
    assert_eq!(check(&good.file, &key()).unwrap(), good.contents);
    for n in 101..180 {
        visits.append(visit(n)).await.unwrap();
    }
    let fourth = make(later(40, false)).await.unwrap();
    assert!(fourth.contents.visits > good.contents.visits);
    assert_eq!(
        (fourth.removed, fourth.all_kept),
        (1, Some(AllKept::OtherRecord)),
        "however full the new one is, those visits are not in it"
    );
    assert!(good.file.exists() && !third.file.exists());
    visits.close();
}

#[tokio::test]
async fn backups_of_the_record_that_a_restore_has_put_back_go_by_the_rule_because_the_new_one_has_all_of_them() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    let on =
        |days| Plan { at: morning() + chrono::TimeDelta::days(days), keep: Keep { days: 1, weeks: 1 }, ..plan(&station, folder.path()) };
    visits.append(visit(0)).await.unwrap();
    let first = make(Plan { keep: Keep { days: 9, weeks: 9 }, ..on(0) }).await.unwrap();
    visits.append(visit(1)).await.unwrap();
    let second = make(Plan { keep: Keep { days: 9, weeks: 9 }, ..on(10) }).await.unwrap();
    visits.append(visit(2)).await.unwrap();
    let third = make(Plan { keep: Keep { days: 9, weeks: 9 }, ..on(20) }).await.unwrap();
    visits.close();
    let held = folder::DataFolder::lock(station.path(), &key()).unwrap();
    crate::storage::restore::put_back(&held, &second.file, (&key(), &key()), &crate::storage::test_support::time(), || Ok(())).unwrap();
    drop(held);
    let visits = station.visits();
    visits.append(visit(3)).await.unwrap();
    visits.append(visit(4)).await.unwrap();
    let fourth = make(on(30)).await.unwrap();
    assert_eq!((fourth.removed, fourth.all_kept), (2, Some(AllKept::OtherRecord)));
    let left = [&first, &second, &third, &fourth].map(|made| made.file.exists());
    assert_eq!(left, [false, false, true, true], "what only the third has stays");
    visits.close();
}

#[tokio::test]
async fn backups_under_a_key_of_before_are_thinned_out_too_as_long_as_that_key_is_kept() {
    let (station, folder) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    visits.append(visit(0)).await.unwrap();
    let old = make(plan(&station, folder.path())).await.unwrap();
    let older = Plan { at: morning() - chrono::TimeDelta::days(30), ..plan(&station, folder.path()) };
    let older = make(older).await.unwrap();
    visits.close();
    open::rekey(&station.path().join(visits::FILE), &key(), &other_key()).unwrap();
    fs::write(station.path().join("key.mark"), other_key().mark()).unwrap();
    let later = |days, former| Plan {
        at: morning() + chrono::TimeDelta::days(days),
        key: other_key(),
        keep: Keep { days: 1, weeks: 1 },
        former,
        ..plan(&station, folder.path())
    };
    let without = make(later(30, Vec::new())).await.unwrap();
    assert_eq!((without.removed, without.all_kept), (0, Some(AllKept::OtherRecord)), "which record they are of is not known");
    let with = make(later(60, vec![key()])).await.unwrap();
    assert_eq!((with.removed, with.all_kept), (3, None));
    assert!([&old, &older, &without].iter().all(|made| !made.file.exists()) && with.file.exists());
}

#[test]
fn only_digits_behind_its_instant_make_a_name_one_of_a_backup() {
    let station = FacilityCode::parse("99001").unwrap();
    for (name, is_one) in [
        ("visits-99001-20261101T000000Z.db", true),
        ("visits-99001-20261101T000000Z-2.db", true),
        ("visits-99001-20261101T000000Z-copy.db", false),
        ("visits-99001-20261101T000000Z-.db", false),
        ("visits-99001-20261101T000000Z-2-keep this.db", false),
        ("visits-99001-20261101T000000Z-2 (1).db", false),
        ("visits-99001-20261101T000000Z.db.old", false),
        ("visits-99002-20261101T000000Z.db", false),
    ] {
        assert_eq!(made_as(name, &station).is_some(), is_one, "{name}");
    }
}
