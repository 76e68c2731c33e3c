//! One person's data: given, and erased.
//!
//! Promise: what is not sent is kept, and that is said. Never: a number of the person in the log of accesses.

use super::Place;
use super::all_sent;
use super::json;
use super::synced_until;

#[tokio::test]
async fn one_persons_data_are_given_and_erased_and_what_is_not_sent_is_kept_and_said() {
    let Place { mut province, station, card, daemon, .. } = Place::new(50).await;
    station.check_in(&card).await.unwrap();
    synced_until(&station, "sent", all_sent).await;
    province.switch_off().await;
    station.check_in(&card).await.unwrap();
    let export = json(&station.run(&["person", "export", &card, "--json"]).await);
    assert_eq!(export["visits"].as_array().unwrap().len(), 2, "{export}");
    assert_eq!(export["visits"][0]["person"]["card_number"], *card);
    let erased = station.run(&["person", "erase", &card, "--json"]).await;
    assert_eq!(erased.status.code(), Some(75), "one is not sent yet: {erased:?}");
    assert_eq!((&json(&erased)["removed"], &json(&erased)["kept"]), (&1.into(), &1.into()));
    province.switch_on().await;
    synced_until(&station, "sent", all_sent).await;
    let erased = station.run(&["person", "erase", &card, "--english"]).await;
    assert_eq!(erased.status.code(), Some(0), "{erased:?}");
    assert!(String::from_utf8(erased.stdout).unwrap().contains("ERASED from this computer, visits: 1."));
    let nobody = station.run(&["person", "erase", &card]).await;
    assert_eq!(nobody.status.code(), Some(65), "{nobody:?}");
    assert!(String::from_utf8(nobody.stdout).unwrap().contains("KHÔNG TÌM THẤY"), "nothing was erased, and that is said");
    assert_eq!(station.run(&["person", "erase", "no number"]).await.status.code(), Some(65));
    assert_eq!(daemon.terminate().await, Some(0));
    let export = json(&station.run(&["person", "export", &card, "--json"]).await);
    assert_eq!(export["visits"], serde_json::json!([]), "also without the daemon");
    let log = String::from_utf8(station.run(&["access-log", "--json", "--limit", "100"]).await.stdout).unwrap();
    assert!(log.contains("person_erased") && log.contains("person_exported") && !log.contains(&card));
}
