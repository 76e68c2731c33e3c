//! A restore whose end meets trouble: what has its place is told as done.

use super::*;
use crate::app::by_hand::Place;
use crate::storage::test_support::damage;

/// An identity of nobody's is behind it.
const TABLE: &str = "[backup]\nfolder = \"FOLDER\"\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\n";

async fn backed_up() -> (Place, Config, std::path::PathBuf) {
    let place = Place::new("2026-11-22T01:00:00Z".parse().unwrap());
    let config = place.config(&TABLE.replace("FOLDER", place.backups().to_str().unwrap()));
    let opened = place.open(&config).await;
    let hands = opened.hands(&config);
    let file = place.backups().join(hands.back_up(None).await.unwrap().file);
    drop(hands);
    opened.close().await;
    (place, config, file)
}

#[tokio::test]
async fn a_restore_that_has_replaced_the_visits_is_no_failure_where_the_station_cannot_be_opened_afterwards() {
    let (place, config, file) = backed_up().await;
    let cards = place.dir.path().join("data/cards");
    let current = fs::read_to_string(cards.join("current")).unwrap();
    damage(&cards.join(current.trim()));
    let done = restore(&config, &file, None).await.unwrap();
    let unnoted = done.unsent_aside.unwrap_err();
    assert!(matches!(unnoted, AppError::Storage(storage::Error::Damaged { .. })), "its own cause: {unnoted:?}");
    assert!(done.put_back.set_aside && done.put_back.unfinished.is_none());
}

#[tokio::test]
async fn files_that_somebody_holds_for_a_moment_are_waited_for_and_else_called_held() {
    let (_place, config, file) = backed_up().await;
    let key = DatabaseKey::read(&config.keys.database_key()).unwrap();
    let held = opened::locked(&config, &key).await.unwrap();
    assert!(matches!(restore(&config, &file, None).await, Err(RestoreError::Storage(storage::Error::InUse { .. }))));
    let (restored, ()) = tokio::join!(restore(&config, &file, None), async move {
        tokio::time::sleep(core::time::Duration::from_millis(150)).await;
        drop(held);
    });
    assert_eq!(restored.unwrap().unsent_aside.unwrap(), 0);
}

#[tokio::test]
async fn a_file_with_its_log_beside_it_is_refused_and_nothing_is_changed() {
    let (place, config, file) = backed_up().await;
    fs::write(file.with_extension("db-wal"), "the last visits").unwrap();
    assert!(matches!(restore(&config, &file, None).await, Err(RestoreError::HasLog)));
    assert!(!place.dir.path().join("data/quarantine").exists());
}

#[tokio::test]
async fn a_key_that_cannot_be_written_leaves_the_files_as_they_were() {
    let (place, config, file) = backed_up().await;
    let data = place.dir.path().join("data");
    let before = fs::read(data.join("visits.db")).unwrap();
    let key = DatabaseKey::read(&config.keys.database_key()).unwrap();
    let folder = opened::locked(&config, &key).await.unwrap();
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    // There is one already, as where somebody else has just put it there.
    let refused = restore::put_back(&folder, &file, (&key, &key), &time, || keep_key(&config, &key, &time).map(drop));
    assert!(matches!(refused, Err(storage::Error::File { .. })), "{refused:?}");
    assert!(fs::read(data.join("visits.db")).unwrap() == before && !data.join("quarantine").exists());
}
