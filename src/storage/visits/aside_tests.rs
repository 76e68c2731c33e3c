//! What was set aside, as a person deals with it: taken back under its own number, erased for good, removed when it is done with.

use std::fs;

use super::super::Dropped;
use super::super::Numbers;
use super::refuse_other_facility;
use crate::domain::facility::FacilityCode;
use crate::domain::person::CitizenId;
use crate::storage::backup;
use crate::storage::error::Error;
use crate::storage::folder::DataFolder;
use crate::storage::key;
use crate::storage::restore;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::key as station_key;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;

fn person(n: u32) -> Numbers {
    Numbers { personal_id: CitizenId::parse(&format!("0971{n:08}")).ok(), insurance_number: None }
}

/// Twenty visits, of which the first `sent` are confirmed, in a file whose first page is damaged afterwards.
async fn damaged(sent: u32, erased: &[u32]) -> Station {
    let station = Station::new();
    let visits = station.visits();
    for n in 0..20 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.store_receipts((0..sent).map(|n| receipt(n, held(&format!("r{n}")))).collect(), morning()).await.unwrap();
    for n in erased {
        assert_eq!(visits.erase_person(&person(*n), morning()).await.unwrap().removed, 1);
    }
    visits.checkpoint().await.unwrap();
    visits.close();
    damage(&station);
    station
}

fn damage(station: &Station) {
    let path = station.path().join("visits.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 0x10;
    fs::write(&path, bytes).unwrap();
}

#[tokio::test]
async fn f11_what_is_taken_back_keeps_its_number_so_that_the_province_knows_it_again() {
    let station = damaged(5, &[]).await;
    let visits = station.visits();
    assert_eq!(visits.append(visit(100)).await.unwrap().sequence().0, 21, "no number of the damaged file is given to another visit");
    let name = visits.set_aside().await.unwrap()[0].name.clone();
    let told = visits.salvage(&name, time().now()).await.unwrap().unwrap();
    assert_eq!((told.taken.len(), told.unsent, told.missing.len()), (20, 15, 0));
    for n in 0..20 {
        assert_eq!(visits.revisions(visit(n).id).await.unwrap()[0].visit.sequence.0, u64::from(n) + 1);
    }
    visits.close();
    // Damaged once more: the numbers that were never its own are not missed.
    let before = Station::new();
    let visits = before.visits();
    visits.append(visit(0)).await.unwrap();
    visits.close();
    damage(&before);
    let visits = before.visits();
    visits.append(visit(1)).await.unwrap();
    visits.checkpoint().await.unwrap();
    visits.close();
    damage(&before);
    let visits = before.visits();
    let holds: Vec<_> = visits.set_aside().await.unwrap().iter().map(|file| file.holds.unwrap().missing).collect();
    assert_eq!(holds, [0, 0]);
    visits.close();
}

/// The salt of the file in use lies beside it under another name than in quarantine.
#[tokio::test]
async fn f10_damage_in_the_first_bytes_neither_gives_a_number_twice_nor_forgets_what_was_erased() {
    for stale in [false, true] {
        let station = damaged(10, &[3]).await;
        let path = station.path().join("visits.db");
        let mut bytes = fs::read(&path).unwrap();
        if stale {
            // A change of keys that was made by an older program has left the salt of the file before.
            key::replace_secret(&station.path().join("visits.salt"), format!("{}\n", "5a".repeat(16)).as_bytes()).unwrap();
        } else {
            bytes[..512].fill(0);
        }
        fs::write(&path, bytes).unwrap();
        let visits = station.visits();
        assert_eq!(visits.append(visit(100)).await.unwrap().sequence().0, 21, "stale {stale}");
        let name = visits.set_aside().await.unwrap()[0].name.clone();
        let told = visits.salvage(&name, time().now()).await.unwrap().unwrap();
        assert!(told.taken.len() >= 10 && !told.taken.contains(&visit(3).id), "stale {stale}: {told:?}");
        assert!(visits.revisions(visit(3).id).await.unwrap().is_empty(), "stale {stale}");
        for logged in told.taken.iter().take(5) {
            let n = (0..20).find(|n| visit(*n).id == *logged).unwrap();
            assert_eq!(visits.revisions(*logged).await.unwrap()[0].visit.sequence.0, u64::from(n) + 1, "stale {stale}");
        }
        visits.close();
    }
}

/// Somebody removed `visits.db` and left its log.
#[tokio::test]
async fn a_log_that_was_set_aside_without_its_file_is_taken_back() {
    let (station, copy) = (Station::new(), Station::new());
    let visits = station.visits();
    for n in 0..5 {
        visits.append(visit(n)).await.unwrap();
    }
    for name in ["visits.db-wal", "visits.salt", "visits.mark", "key.mark"] {
        let _ = fs::copy(station.path().join(name), copy.path().join(name));
    }
    visits.close();
    let visits = copy.visits();
    let listed = visits.set_aside().await.unwrap();
    assert_eq!(listed[0].holds.map(|holds| holds.visits), Some(5), "{listed:?}");
    let told = visits.salvage(&listed[0].name, time().now()).await.unwrap().unwrap();
    assert_eq!((told.taken.len(), told.unsent), (5, 5));
    visits.close();
}

#[tokio::test]
async fn what_takes_the_place_of_a_damaged_record_is_known_by_its_name_and_of_one_that_is_gone_is_not() {
    let station = Station::new();
    let visits = station.visits();
    let mut names = vec![visits.install_id().await.unwrap()];
    for n in 0..3 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.checkpoint().await.unwrap();
    visits.close();
    for _ in 0..2 {
        damage(&station);
        let visits = station.visits();
        let name = visits.install_id().await.unwrap();
        for former in &names {
            assert!(*former != name && visits.was(*former).await.unwrap(), "{former}");
        }
        names.push(name);
        visits.checkpoint().await.unwrap();
        visits.close();
    }
    fs::write(station.path().join("visits.db"), "").unwrap();
    let visits = station.visits();
    for former in &names {
        assert!(!visits.was(*former).await.unwrap(), "what was taken away may be found somewhere: {former}");
    }
    visits.close();
}

#[tokio::test]
async fn an_erased_visit_is_neither_taken_back_nor_called_missing() {
    // Erased before the damage, and after it while the file waits.
    let station = damaged(10, &[3]).await;
    let visits = station.visits();
    let erased = visits.erase_person(&person(4), morning()).await.unwrap();
    assert_eq!((erased.removed, erased.aside, erased.aside_unsent), (0, 1, 0));
    let erased = visits.erase_person(&person(15), morning()).await.unwrap();
    assert_eq!((erased.aside, erased.aside_unsent), (0, 1), "the province may not have it: it is not lost");
    let name = visits.set_aside().await.unwrap()[0].name.clone();
    let told = visits.salvage(&name, time().now()).await.unwrap().unwrap();
    assert_eq!((told.taken.len(), told.removed, told.missing.as_slice()), (18, 1, &[][..]));
    assert!(visits.revisions(visit(3).id).await.unwrap().is_empty() && visits.revisions(visit(4).id).await.unwrap().is_empty());
    visits.close();
}

#[tokio::test]
async fn an_erased_visit_is_erased_again_from_a_backup_that_is_put_back() {
    let (station, elsewhere) = (Station::new(), tempfile::tempdir().unwrap());
    let visits = station.visits();
    for n in 0..6 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.store_receipts((0..6).map(|n| receipt(n, held(&format!("r{n}")))).collect(), morning()).await.unwrap();
    let station_code = crate::domain::facility::FacilityCode::parse("99001").unwrap();
    visits.belongs_to(&station_code).await.unwrap();
    let plan = backup::Plan {
        data: station.path().to_owned(),
        key: station_key(),
        former: Vec::new(),
        sealed_key: b"sealed".to_vec(),
        folder: elsewhere.path().to_owned(),
        station: station_code,
        at: morning(),
        keep: backup::Keep { days: 7, weeks: 4 },
        is_set_aside: false,
    };
    let made = backup::make(plan).await.unwrap();
    assert_eq!(backup::facility(&made.file, &station_key()).unwrap().as_deref(), Some("99001"), "it says whose it is");
    assert_eq!(visits.erase_person(&person(2), morning()).await.unwrap().removed, 1);
    visits.append(visit(50)).await.unwrap();
    visits.close();
    let folder = DataFolder::lock(station.path(), &station_key()).unwrap();
    let put_back =
        restore::put_back(&folder, &made.file, (&station_key(), &station_key()), &crate::storage::test_support::time(), || Ok(())).unwrap();
    assert_eq!((put_back.contents.visits, put_back.removed), (5, 1));
    drop(folder);
    let visits = station.visits();
    assert!(visits.revisions(visit(2).id).await.unwrap().is_empty());
    let aside = visits.set_aside().await.unwrap();
    assert_eq!(aside[0].holds.map(|holds| holds.unsent), Some(1));
    assert_eq!(visits.counts().borrow().aside, 1, "and that is told until it is taken back");
    visits.salvage(&aside[0].name, time().now()).await.unwrap().unwrap();
    visits.set_aside().await.unwrap();
    assert_eq!(visits.counts().borrow().aside, 0);
    assert_eq!(visits.revisions(visit(50).id).await.unwrap()[0].visit.sequence.0, 7, "under its own number");
    visits.close();
}

#[tokio::test]
async fn a_visit_in_two_files_is_counted_once_and_a_file_goes_only_when_nothing_is_lost_or_the_loss_is_named() {
    let station = damaged(5, &[]).await;
    let visits = station.visits();
    let name = visits.set_aside().await.unwrap()[0].name.clone();
    let folder = station.path().join("quarantine");
    let other = "20261123T010000Z-replaced-visits.db";
    for end in ["", ".salt"] {
        fs::copy(folder.join(format!("{name}{end}")), folder.join(format!("{other}{end}"))).unwrap();
    }
    let sum: u64 = visits.set_aside().await.unwrap().iter().map(|file| file.holds.unwrap().not_here).sum();
    assert_eq!((sum, visits.counts().borrow().aside), (20, 15));
    assert_eq!(visits.drop_aside(&name, None).await.unwrap(), Dropped::Holds(15));
    assert_eq!(visits.drop_aside(&name, Some(3)).await.unwrap(), Dropped::Holds(15));
    assert_eq!(visits.drop_aside("nothing.db", Some(0)).await.unwrap(), Dropped::Missing);
    assert!(folder.join(&name).exists());
    assert_eq!(visits.drop_aside(&name, Some(15)).await.unwrap(), Dropped::Gone(15));
    visits.salvage(other, time().now()).await.unwrap().unwrap();
    assert_eq!(visits.drop_aside(other, None).await.unwrap(), Dropped::Gone(0));
    // What was replaced and cannot be read may hold anything too.
    fs::write(folder.join(other), [0xa5; 8192]).unwrap();
    assert_eq!(visits.drop_aside(other, None).await.unwrap(), Dropped::Holds(0));
    assert_eq!(visits.drop_aside(other, Some(0)).await.unwrap(), Dropped::Gone(0));
    assert!(visits.set_aside().await.unwrap().is_empty() && fs::read_dir(&folder).unwrap().next().is_none(), "with its log and its salt");
    visits.close();
}

#[tokio::test]
async fn a_record_that_was_never_used_may_get_another_code_and_one_with_visits_may_not() {
    let station = Station::new();
    let code = |text: &str| FacilityCode::parse(text).unwrap();
    let (first, other) = (code("99002"), code("99001"));
    let look = |certified| refuse_other_facility(station.path(), &station_key(), &other, certified);
    look(None).unwrap();
    let visits = station.visits();
    look(None).unwrap();
    visits.belongs_to(&first).await.unwrap();
    visits.close();
    look(None).unwrap();
    look(Some(&other)).unwrap();
    let refused = |looked: Result<(), Error>| matches!(looked, Err(Error::OtherFacility { theirs, ours, .. }) if *theirs == *"99002" && *ours == *"99001");
    assert!(refused(look(Some(&first))), "enrolled as the first one, though nothing was saved yet");
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    visits.close();
    assert!(refused(look(None)));
    refuse_other_facility(station.path(), &station_key(), &first, Some(&other)).unwrap();
    // What it held counts as well.
    let visits = station.visits();
    visits.store_receipts(vec![receipt(1, held("r"))], morning()).await.unwrap();
    assert_eq!(visits.erase_person(&person(1), morning()).await.unwrap().removed, 1);
    visits.close();
    assert!(refused(look(None)));
}
