//! What the province holds beyond a backup that is put back, and what of that is missing here.

use chrono::TimeDelta;

use super::*;
use crate::domain::facility::FacilityCode;
use crate::domain::person::CitizenId;
use crate::storage::backup;
use crate::storage::folder::DataFolder;
use crate::storage::restore;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held_since;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;
use crate::storage::visits::Numbers;

fn minute(n: u32) -> DateTime<Utc> {
    morning() + TimeDelta::minutes(n.into())
}

async fn deliver(visits: &VisitStore, numbers: core::ops::Range<u32>) {
    for n in numbers {
        visits.append(visit(n)).await.unwrap();
        visits.store_receipts(vec![receipt(n, held_since(&format!("VR-{n}"), minute(n)))], morning()).await.unwrap();
    }
}

/// Three visits that are backed up, `later` after them, all delivered, and some of them erased; then the backup is put back.
async fn put_back(station: &Station, later: u32, erased: &[u32]) -> Open<VisitStore> {
    let elsewhere = tempfile::tempdir().unwrap();
    let visits = station.visits();
    deliver(&visits, 0..3).await;
    let code = FacilityCode::parse("99001").unwrap();
    visits.belongs_to(&code).await.unwrap();
    let plan = backup::Plan {
        data: station.path().to_owned(),
        key: key(),
        former: Vec::new(),
        sealed_key: b"sealed".to_vec(),
        folder: elsewhere.path().to_owned(),
        station: code,
        at: morning(),
        keep: backup::Keep { days: 7, weeks: 4 },
        is_set_aside: false,
    };
    let made = backup::make(plan).await.unwrap();
    deliver(&visits, 3..3 + later).await;
    for n in erased {
        let person = Numbers { personal_id: CitizenId::parse(&format!("0971{n:08}")).ok(), insurance_number: None };
        assert_eq!(visits.erase_person(&person, minute(60 + n)).await.unwrap().removed, 1);
    }
    visits.close();
    let folder = DataFolder::lock(station.path(), &key()).unwrap();
    restore::put_back(&folder, &made.file, (&key(), &key()), &time(), || Ok(())).unwrap();
    drop(folder);
    station.visits()
}

/// The province answers what it holds of the record before: all of these, also those that were erased here.
async fn told(visits: &VisitStore, later: u32) -> Option<u64> {
    let [former] = visits.former_unasked().await.unwrap()[..] else { panic!("one record") };
    assert_eq!(former.highest, Sequence(3));
    let ahead = Ahead {
        highest: Sequence(u64::from(3 + later)),
        visits: later.into(),
        first_received_at: minute(3),
        last_received_at: minute(2 + later),
    };
    let missing = visits.former_told(former.install, Some(ahead), minute(100)).await.unwrap();
    assert_eq!(visits.former_unasked().await.unwrap(), []);
    assert_eq!(told_of(visits).await, missing.map(|missing| missing.visits));
    missing.map(|missing| missing.visits)
}

async fn told_of(visits: &VisitStore) -> Option<u64> {
    visits.machine().await.unwrap().and_then(|(_, ahead, _)| ahead).map(|ahead| ahead.visits)
}

#[tokio::test]
async fn a_visit_that_was_erased_here_is_not_called_missing_after_a_backup_is_put_back() {
    let station = Station::new();
    let visits = put_back(&station, 1, &[3]).await;
    assert_eq!(told(&visits, 1).await, None);
    assert_eq!(visits.append(visit(50)).await.unwrap().sequence(), Sequence(5), "its number is given to nobody");
    visits.close();
}

#[tokio::test]
async fn what_is_missing_is_told_all_the_same_and_no_erasure_hides_it() {
    let station = Station::new();
    let visits = put_back(&station, 4, &[4]).await;
    assert_eq!(told(&visits, 4).await, Some(3));
    visits.close();
    // One number beyond the backup, and one visit that is erased again from it: the two are not taken for each other.
    let station = Station::new();
    let visits = put_back(&station, 1, &[1]).await;
    assert_eq!(told(&visits, 1).await, Some(1));
    visits.close();
}

#[tokio::test]
async fn visits_that_are_taken_back_are_missing_no_more() {
    for salvaged_first in [false, true] {
        let station = Station::new();
        let visits = put_back(&station, 4, &[4]).await;
        if !salvaged_first {
            assert_eq!(told(&visits, 4).await, Some(3));
        }
        let name = visits.set_aside().await.unwrap()[0].name.clone();
        assert_eq!(visits.salvage(&name, time().now()).await.unwrap().unwrap().taken.len(), 3);
        if salvaged_first {
            assert_eq!(told(&visits, 4).await, None);
        }
        assert_eq!(told_of(&visits).await, None);
        visits.close();
    }
}

#[tokio::test]
async fn the_notice_of_missing_visits_ends_once_somebody_knows_them() {
    let station = Station::new();
    let visits = put_back(&station, 2, &[]).await;
    assert_eq!(told(&visits, 2).await, Some(2));
    assert_eq!(visits.missing_known().await.unwrap().map(|missing| missing.visits), Some(2));
    assert_eq!((told_of(&visits).await, visits.missing_known().await.unwrap()), (None, None));
    visits.close();
    let visits = station.visits();
    assert_eq!(told_of(&visits).await, None, "after a restart too");
    assert!(visits.accounted_to() >= Sequence(5), "the province is not asked for them again");
    visits.close();
}
