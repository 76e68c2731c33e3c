//! A restore that is cut off anywhere: the record before or the copy is there, and what had been taken out stays out.

use super::*;
use crate::storage::folder;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::key;
use crate::storage::test_support::morning;
use crate::storage::test_support::names;
use crate::storage::test_support::receipt;
use crate::storage::test_support::time;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;
use crate::storage::visits::Rule;

/// A station with three visits, of which one was taken out after a backup was made of all.
struct Place {
    station: Station,
    backup: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let place = Self { station: Station::new(), backup: tempfile::tempdir().unwrap() };
        let visits = place.station.visits();
        for n in 0..3 {
            visits.append(visit(n)).await.unwrap();
        }
        open::copy_into(&place.station.path().join(visits::FILE), &key(), &place.file()).unwrap();
        visits.store_receipts(vec![receipt(0, held("r0"))], morning()).await.unwrap();
        let rule = Rule { visits: Some(chrono::TimeDelta::days(1)), ..Rule::default() };
        assert_eq!(visits.prune(rule, morning() + chrono::TimeDelta::days(300)).await.unwrap().visits, 1);
        visits.close();
        place
    }

    fn file(&self) -> PathBuf {
        self.backup.path().join("visits.db")
    }

    fn put_back(&self, ready: impl FnOnce() -> Result<(), Error>) -> Result<PutBack, Error> {
        let folder = DataFolder::lock(self.station.path(), &key()).unwrap();
        put_back(&folder, &self.file(), (&key(), &key()), &time(), ready)
    }

    /// What a cut leaves: the copy is whole, that is decided, and nothing was moved.
    fn decided(&self) {
        let folder = DataFolder::lock(self.station.path(), &key()).unwrap();
        let beside = folder.path().join(UNFINISHED);
        copy(&folder, &self.file(), &beside, (&key(), &key()), &time()).unwrap();
        key::write_new_secret(&folder.path().join(DECIDED), b"20261122T010000Z-1-replaced\n").unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.station.path().join(name)
    }

    /// What the service finds when it starts: the copy, without what had been taken out.
    async fn is_put_back(&self) {
        let visits = self.station.visits();
        assert_eq!(visits.counts().borrow().highest.0, 3);
        assert!(visits.revisions(visit_id(0)).await.unwrap().is_empty(), "what was erased stays erased");
        assert_eq!(visits.revisions(visit_id(1)).await.unwrap().len(), 1);
        assert!(visits.restored_at().await.unwrap().is_some());
        visits.close();
        assert!(!self.at(DECIDED).exists() && !self.at(UNFINISHED).exists());
    }
}

#[tokio::test]
async fn a_restore_cut_off_after_any_of_its_steps_is_ended_by_the_next_start_and_forgets_no_erasure() {
    let moved = |place: &Place, names: &[&str]| {
        folder::create_private(&place.at("quarantine")).unwrap();
        for name in names {
            let _ = fs::rename(place.at(name), place.at("quarantine").join(format!("20261122T010000Z-1-replaced-{name}")));
        }
    };
    let steps: [&[&str]; 4] = [
        &[],
        &["visits.db"],
        &["visits.db", "visits.db-wal", "visits.db-shm"],
        &["visits.db", "visits.db-wal", "visits.db-shm", "visits.salt"],
    ];
    for step in steps {
        let place = Place::new().await;
        // As after a kill: the log is part of the record.
        fs::write(place.at("visits.db-wal"), [7; 100]).unwrap();
        place.decided();
        moved(&place, step);
        place.is_put_back().await;
        let aside = names(&place.at("quarantine"));
        assert!(aside.iter().all(|name| name.starts_with("20261122T010000Z-1-replaced-visits.")), "one case: {aside:?}");
        assert!(aside.len() >= 2, "the file and its log: {aside:?}");
    }
    // Cut off when the copy had its place already: it is not set aside itself.
    let place = Place::new().await;
    place.decided();
    let (path, beside) = (place.at(visits::FILE), place.at(UNFINISHED));
    open::quarantine(&path, "20261122T010000Z-1-replaced").unwrap();
    fs::rename(&beside, &path).unwrap();
    place.is_put_back().await;
}

#[tokio::test]
async fn a_second_restore_after_one_that_was_cut_off_forgets_no_erasure() {
    let place = Place::new().await;
    place.decided();
    open::quarantine(&place.at(visits::FILE), "20261122T010000Z-1-replaced").unwrap();
    let done = place.put_back(|| Ok(())).unwrap();
    assert_eq!((done.contents.visits, done.removed, done.unfinished.is_none()), (2, 1, true));
    place.is_put_back().await;
    // Also where a hand, or a program of before, has moved the record away and only the file set aside tells.
    let place = Place::new().await;
    open::quarantine(&place.at(visits::FILE), "20261122T010000Z-1-replaced").unwrap();
    let done = place.put_back(|| Ok(())).unwrap();
    assert_eq!((done.contents.visits, done.removed, done.set_aside), (2, 1, false));
    place.is_put_back().await;
}

#[tokio::test]
async fn what_fails_before_the_decision_changes_nothing_and_what_fails_after_it_is_no_failure() {
    let place = Place::new().await;
    let before = fs::read(place.at(visits::FILE)).unwrap();
    let failed = place.put_back(|| Err(Error::Full)).unwrap_err();
    assert!(matches!(failed, Error::Full));
    assert!(fs::read(place.at(visits::FILE)).unwrap() == before && !place.at("quarantine").exists() && !place.at(UNFINISHED).exists());
    // A file where the folder of what is set aside has to be.
    fs::write(place.at("quarantine"), "no folder").unwrap();
    let done = place.put_back(|| Ok(())).unwrap();
    assert!(done.unfinished.is_some(), "told, and left to the next start");
    assert!(place.station.try_visits().is_err(), "nothing is begun over it");
    fs::remove_file(place.at("quarantine")).unwrap();
    place.is_put_back().await;
}

#[tokio::test]
async fn a_half_copy_of_a_restore_that_was_cut_off_keeps_no_room() {
    let place = Place::new().await;
    fs::write(place.at(UNFINISHED), "half").unwrap();
    place.station.visits().close();
    assert!(!place.at(UNFINISHED).exists());
}
