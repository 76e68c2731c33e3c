//! A change of keys that meets a folder it cannot see into, or a copy that is gone.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::key;
use crate::storage::test_support::other_key;
use crate::storage::test_support::visit;

struct Place {
    station: Station,
    keys: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let (station, keys) = (Station::new(), tempfile::tempdir().unwrap());
        let visits = station.visits();
        visits.append(visit(0)).await.unwrap();
        visits.close();
        key().write_new(&keys.path().join("database.key")).unwrap();
        Self { station, keys }
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.keys.path().join("database.key"), self.keys.path().join("database.key.next"))
    }

    fn file(&self) -> PathBuf {
        self.station.path().join(visits::FILE)
    }

    /// As a power cut leaves it after all was decided.
    fn decided(&self) {
        let (_, next) = self.paths();
        other_key().write_new(&next).unwrap();
        copy(&self.file(), &visits::SCHEMA, &key(), &other_key()).unwrap();
        key::write_new_secret(&self.station.path().join(DECIDED), format!("{}\n", other_key().mark()).as_bytes()).unwrap();
    }

    fn settle(&self) -> Result<(), Error> {
        let (present, next) = self.paths();
        settle(&DataFolder::hold(self.station.path()).unwrap(), Keys { present: &present, next: &next })
    }
}

#[tokio::test]
async fn f58_the_key_stays_while_the_visits_are_under_it() {
    let place = Place::new().await;
    place.decided();
    let copied = files::beside(&place.file(), COPY);
    let away = place.keys.path().join("away");
    fs::rename(&copied, &away).unwrap();
    let refused = place.settle().unwrap_err();
    assert!(matches!(refused, Error::File { .. }), "{refused:?}");
    let (present, next) = place.paths();
    assert_eq!(DatabaseKey::read(&present).unwrap().text(), key().text());
    assert!(next.exists() && place.station.path().join(DECIDED).exists());
    fs::rename(&away, &copied).unwrap();
    place.settle().unwrap();
    assert_eq!(DatabaseKey::read(&present).unwrap().text(), other_key().text());
    assert!(open::untouched(&place.file(), &other_key()).is_ok() && !next.exists());
    let salt = fs::read_to_string(place.station.path().join("visits.salt")).unwrap();
    assert_eq!(salt.trim(), hex(&fs::read(place.file()).unwrap()[..SALT]), "the salt that is kept is the new file's");
}

#[tokio::test]
async fn f58_a_folder_that_cannot_be_listed_is_no_folder_without_copies() {
    let place = Place::new().await;
    place.decided();
    // In the place of a folder, for root lists every folder.
    let cards = place.station.path().join("cards");
    let _ = fs::remove_dir_all(&cards);
    fs::write(&cards, "no folder").unwrap();
    fs::set_permissions(&cards, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = place.settle().unwrap_err();
    assert!(matches!(refused, Error::File { what: "cannot be listed", .. }), "{refused:?}");
    let (present, _) = place.paths();
    assert_eq!(DatabaseKey::read(&present).unwrap().text(), key().text(), "the key is not swapped");
    fs::remove_file(&cards).unwrap();
    place.settle().unwrap();
    assert_eq!(DatabaseKey::read(&present).unwrap().text(), other_key().text());
}
