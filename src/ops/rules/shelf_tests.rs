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
        self.bring(version, "2026-11-01")
    }

    fn bring(&self, version: &str, valid_from: &str) -> Result<Installed, ShelfError> {
        self.put(&self.publisher.set(version, valid_from), today(), EVERYONE)
    }

    fn put(&self, bytes: &[u8], on: NaiveDate, fits: impl Fn(&RuleTables) -> bool) -> Result<Installed, ShelfError> {
        when_free(|| self.shelf.install(bytes, on, &fits))
    }

    fn in_force(&self) -> String {
        in_force(&self.shelf)
    }

    fn go_back(&self, to_builtin: bool) -> Result<String, ShelfError> {
        when_free(|| self.shelf.go_back(to_builtin, today(), EVERYONE)).map(|chosen| chosen.tables.version.into())
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

/// A process that another test is just starting holds on to a lock that was open here until it is a program of its own.
fn when_free<T>(ask: impl Fn() -> Result<T, ShelfError>) -> Result<T, ShelfError> {
    let mut tries = core::iter::repeat_with(ask).take(100_000).inspect(|_| std::thread::yield_now());
    tries.find(|answered| !matches!(answered, Err(ShelfError::InUse))).expect("locked for ever")
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
        assert!(matches!(place.put(bytes, today(), EVERYONE), Err(ShelfError::Bundle(_))));
    }
    assert!(matches!(place.install("2026-11-09.9"), Err(ShelfError::Older { .. })), "older than what is here");
    assert!(matches!(place.install("2026-01-01.1"), Err(ShelfError::Older { .. })), "older than the program's");
    assert!(matches!(place.put(&good, today(), |_| false), Err(ShelfError::Unfitting)));
    let other = place.publisher.set("2026-11-10.1", "2026-11-02");
    assert!(matches!(place.put(&other, today(), EVERYONE), Err(ShelfError::OtherOfSameVersion(_))));
    assert!(content() == held && place.in_force() == "2026-11-10.1");
    place.put(&good, today(), EVERYONE).unwrap();
    assert_eq!(place.in_force(), "2026-11-20.1");
}

#[test]
fn a_set_whose_day_has_not_come_waits() {
    let place = Place::new();
    place.install("2026-11-10.1").unwrap();
    place.bring("2026-11-20.1", "2026-11-23").unwrap();
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
}

#[test]
fn a_state_that_is_lost_or_cannot_be_read_puts_no_set_out_of_force_and_deletes_none() {
    for spoilt in [Some(""), Some("{"), Some("[1]"), Some("{}"), Some("{\"installed\":[\"../../x\"]}"), None] {
        let place = Place::new();
        for version in ["2026-11-10.1", "2026-11-20.1"] {
            place.install(version).unwrap();
        }
        match spoilt {
            Some(spoilt) => fs::write(place.path(STATE), spoilt).unwrap(),
            None => fs::remove_file(place.path(STATE)).unwrap(),
        }
        assert_eq!(place.in_force(), "2026-11-20.1", "{spoilt:?}");
        place.bring("2026-11-22.1", "2027-01-01").unwrap();
        assert_eq!(place.in_force(), "2026-11-20.1", "{spoilt:?}: the one brought waits");
        assert_eq!(place.go_back(false).unwrap(), "2026-11-10.1", "{spoilt:?}: and what can be gone back to is there");
    }
    // What the disk does not give out for now changes nothing.
    let place = Place::new();
    place.install("2026-11-20.1").unwrap();
    fs::remove_file(place.path(STATE)).unwrap();
    fs::create_dir(place.path(STATE)).unwrap();
    assert_eq!(place.in_force(), "2026-11-20.1");
    assert!(matches!(place.install("2026-11-21.1"), Err(ShelfError::File { .. })));
    assert!(matches!(place.go_back(false), Err(ShelfError::File { .. })));
    assert!(place.path("2026-11-20.1.rules").exists());
}

#[test]
fn sets_that_wait_for_their_day_do_not_push_the_one_in_force_off_the_shelf() {
    let place = Place::new();
    place.install("2026-11-10.1").unwrap();
    for (version, first) in [("2026-11-15.1", "2027-01-01"), ("2026-11-16.1", "2027-02-01"), ("2026-11-17.1", "2027-03-01")] {
        place.bring(version, first).unwrap();
        assert_eq!(place.in_force(), "2026-11-10.1", "{version}");
    }
    for (version, first) in [("2026-11-18.1", "2027-04-01"), ("2026-11-19.1", "2027-05-01")] {
        // By a clock that ran years ahead all of them have begun.
        let ahead = "2031-01-01".parse().unwrap();
        place.put(&place.publisher.set(version, first), ahead, EVERYONE).unwrap();
        assert_eq!(place.in_force(), "2026-11-10.1", "{version}");
    }
    let later = |day: &str| place.shelf.choose(day.parse().unwrap(), EVERYONE).unwrap().tables.version;
    assert_eq!((&*later("2027-01-31"), &*later("2027-02-01")), ("2026-11-15.1", "2026-11-16.1"), "none of those that waited is missing");
    // Nor do sets that cannot be used, or that somebody went back from.
    fs::write(place.path("2026-11-18.1.rules"), "damaged").unwrap();
    for count in 1..=4 {
        place.bring(&format!("2026-11-21.{count}"), "2026-11-01").unwrap();
        assert_eq!(place.go_back(false).unwrap(), "2026-11-10.1", "{count}");
    }
}

#[test]
fn a_set_of_the_built_in_version_is_there_already_if_it_says_the_same_and_else_refused() {
    let place = Place::new();
    let same = place.publisher.set(&own(), "2026-11-01");
    assert!(matches!(place.put(&same, today(), EVERYONE).unwrap(), Installed::OfProgram(_)));
    let mut files = crate::ops::rules::bundle::tests::files(&own());
    let renewal = files.get_mut("renewal.toml").unwrap();
    let changed = renewal.replace("gap_days = 90", "gap_days = 91");
    assert_ne!(*renewal, changed);
    *renewal = changed;
    let other = place.publisher.signed(&crate::ops::rules::bundle::tests::text(&files, &own(), "2026-11-01"));
    assert!(matches!(place.put(&other, today(), EVERYONE), Err(ShelfError::OtherOfSameVersion(_))));
    assert_eq!(place.names(), ["lock"]);
    assert_eq!(place.in_force(), own());
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
    assert!(matches!(place.shelf.install(&place.publisher.set("2026-11-02.1", "2026-11-01"), today(), EVERYONE), Err(ShelfError::InUse)));
    assert!(matches!(place.shelf.go_back(false, today(), EVERYONE), Err(ShelfError::InUse)));
    drop(held);
    place.install("2026-11-02.1").unwrap();
}
