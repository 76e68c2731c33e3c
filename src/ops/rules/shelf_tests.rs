//! Which set is in force: the newest whose day has come and nobody went back from; whatever else happens, one that is whole.

use super::super::bundle::tests::Publisher;
use super::*;

struct Place {
    folder: tempfile::TempDir,
    publisher: Publisher,
    shelf: Shelf,
}

const EVERYONE: fn(&RuleTables) -> bool = |_| true;

impl Place {
    fn new() -> Self {
        let (folder, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
        let shelf = Shelf::new(folder.path(), core::slice::from_ref(&publisher.key));
        Self { folder, publisher, shelf }
    }

    fn install(&self, version: &str) -> Result<Installed, ShelfError> {
        self.shelf.install(&self.publisher.set(version, "2026-11-01"), EVERYONE)
    }

    fn in_force(&self) -> String {
        in_force(&self.shelf)
    }

    fn go_back(&self, to_builtin: bool) -> Result<String, ShelfError> {
        self.shelf.go_back(to_builtin, today(), EVERYONE).map(|chosen| chosen.tables.version.into())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(FOLDER).join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn today() -> NaiveDate {
    "2026-11-22".parse().unwrap()
}

fn in_force(shelf: &Shelf) -> String {
    shelf.choose(today(), EVERYONE).unwrap().tables.version.into()
}

fn own() -> String {
    builtin().unwrap().version.into()
}

#[test]
fn the_newest_of_the_built_in_and_the_installed_is_in_force() {
    let place = Place::new();
    assert_eq!(place.in_force(), own());
    assert!(!place.path("").exists(), "looking makes nothing");
    assert!(matches!(place.install("2026-11-10.1").unwrap(), Installed::New(_)));
    assert_eq!(place.in_force(), "2026-11-10.1");
    assert!(matches!(place.install("2026-11-10.1").unwrap(), Installed::Already(_)));
    place.install("2026-11-20.1").unwrap();
    assert_eq!(place.in_force(), "2026-11-20.1");
    // A program that comes with a newer set than the installed ones: as if the installed ones were older.
    let state =
        fs::read_to_string(place.path(STATE)).unwrap().replace("2026-11-20.1", "2026-01-01.1").replace("2026-11-10.1", "2026-01-01.2");
    fs::write(place.path(STATE), state).unwrap();
    assert_eq!(place.in_force(), own());
    assert_eq!(place.shelf.choose(today(), EVERYONE).unwrap().passed_over, [], "what is older is not worth a word");
}

#[test]
fn what_is_refused_leaves_the_old_set_in_force() {
    let place = Place::new();
    place.install("2026-11-10.1").unwrap();
    let before = crate::ops::rules::bundle::tests::files("");
    let content = || (place.names(), fs::read(place.path(STATE)).unwrap());
    let held = content();
    let good = place.publisher.set("2026-11-20.1", "2026-11-01");
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    let stranger = Publisher::new().set("2026-11-20.1", "2026-11-01");
    let mut files = before;
    files.insert("renewal.toml".to_owned(), String::new());
    let wrong = place.publisher.signed(&crate::ops::rules::bundle::tests::text(&files, "2026-11-20.1", "2026-11-01"));
    for bytes in [&altered[..], &good[..good.len() / 2], &stranger, &wrong, b""] {
        assert!(matches!(place.shelf.install(bytes, EVERYONE), Err(ShelfError::Bundle(_))));
    }
    assert!(matches!(place.install("2026-11-09.9"), Err(ShelfError::Older { .. })), "older than what is here");
    assert!(matches!(place.install("2026-01-01.1"), Err(ShelfError::Older { .. })), "older than the program's");
    assert!(matches!(place.shelf.install(&good, |_| false), Err(ShelfError::Unfitting)));
    let other = place.publisher.set("2026-11-10.1", "2026-11-02");
    assert!(matches!(place.shelf.install(&other, EVERYONE), Err(ShelfError::OtherOfSameVersion(_))));
    assert!(content() == held && place.in_force() == "2026-11-10.1");
    place.shelf.install(&good, EVERYONE).unwrap();
    assert_eq!(place.in_force(), "2026-11-20.1");
}

#[test]
fn a_set_whose_day_has_not_come_waits() {
    let place = Place::new();
    place.install("2026-11-10.1").unwrap();
    place.shelf.install(&place.publisher.set("2026-11-20.1", "2026-11-23"), EVERYONE).unwrap();
    let Chosen { tables, passed_over } = place.shelf.choose(today(), EVERYONE).unwrap();
    assert_eq!(&*tables.version, "2026-11-10.1");
    assert_eq!(passed_over[0].why, Why::Early("2026-11-23".parse().unwrap()));
    let tomorrow = today().succ_opt().unwrap();
    assert_eq!(&*place.shelf.choose(tomorrow, EVERYONE).unwrap().tables.version, "2026-11-20.1");
}

#[test]
fn one_command_goes_back_and_the_next_newer_set_or_the_same_file_goes_on() {
    let place = Place::new();
    assert!(matches!(place.go_back(false), Err(ShelfError::NothingEarlier)));
    place.install("2026-11-10.1").unwrap();
    place.install("2026-11-20.1").unwrap();
    assert_eq!(place.go_back(false).unwrap(), "2026-11-10.1");
    assert_eq!(place.in_force(), "2026-11-10.1", "after a restart too");
    assert!(matches!(place.install("2026-11-15.1"), Err(ShelfError::Older { .. })), "older than one that was here");
    assert!(matches!(place.install("2026-11-20.1").unwrap(), Installed::New(_)), "the same file puts it in force again");
    assert_eq!(place.in_force(), "2026-11-20.1");
    assert_eq!(place.go_back(false).unwrap(), "2026-11-10.1");
    assert_eq!(place.go_back(false).unwrap(), own());
    assert!(matches!(place.go_back(false), Err(ShelfError::NothingEarlier)));
    place.install("2026-11-21.1").unwrap();
    assert_eq!(place.in_force(), "2026-11-21.1");
    assert_eq!(place.go_back(true).unwrap(), own());
    assert_eq!(place.in_force(), own());
    place.install("2026-11-21.2").unwrap();
    assert_eq!(place.in_force(), "2026-11-21.2");
}

#[test]
fn a_set_that_got_damaged_or_whose_key_is_gone_gives_way_to_the_next_one() {
    let place = Place::new();
    for version in ["2026-11-10.1", "2026-11-20.1"] {
        place.install(version).unwrap();
    }
    let newest = place.path("2026-11-20.1.rules");
    let whole = fs::read(&newest).unwrap();
    for length in [0, 100, whole.len() - 1] {
        fs::write(&newest, &whole[..length]).unwrap();
        assert_eq!(place.in_force(), "2026-11-10.1", "cut to {length}");
    }
    fs::copy(place.path("2026-11-10.1.rules"), &newest).unwrap();
    assert_eq!(place.in_force(), "2026-11-10.1", "an older file under a newer name");
    place.install("2026-11-20.1").unwrap();
    assert_eq!(place.in_force(), "2026-11-20.1", "brought again");
    fs::remove_file(&newest).unwrap();
    assert_eq!(place.in_force(), "2026-11-10.1");
    let without = Shelf::new(place.folder.path(), &[Publisher::new().key]);
    assert_eq!(in_force(&without), own());
    assert!(matches!(without.choose(today(), EVERYONE).unwrap().passed_over[0].why, Why::Unusable(_)));
    for spoilt in ["", "{", "[1]", "{\"installed\":[\"../../x\"]}"] {
        fs::write(place.path(STATE), spoilt).unwrap();
        assert_eq!(place.in_force(), own(), "{spoilt}");
    }
    place.install("2026-11-22.1").unwrap();
    assert_eq!(place.in_force(), "2026-11-22.1");
}

#[test]
fn few_sets_are_kept_and_what_a_killed_command_left_goes() {
    let place = Place::new();
    place.install("2026-11-01.1").unwrap();
    for left in ["2026-11-05.1.rules", "2026-11-05.1.new", "state.new"] {
        fs::write(place.path(left), "left by a killed command").unwrap();
    }
    assert_eq!(place.in_force(), "2026-11-01.1");
    for count in 2..=5 {
        place.install(&format!("2026-11-01.{count}")).unwrap();
    }
    assert_eq!(place.names(), ["2026-11-01.3.rules", "2026-11-01.4.rules", "2026-11-01.5.rules", "lock", "state"]);
}

#[test]
fn two_commands_at_once_do_not_mix() {
    let place = Place::new();
    place.install("2026-11-01.1").unwrap();
    let held = place.shelf.lock().unwrap();
    assert!(matches!(place.install("2026-11-02.1"), Err(ShelfError::InUse)));
    assert!(matches!(place.go_back(false), Err(ShelfError::InUse)));
    drop(held);
    place.install("2026-11-02.1").unwrap();
}
