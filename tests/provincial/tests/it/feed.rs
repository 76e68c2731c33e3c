//! The published feed, read by the naive reader: snapshot n and the deltas make snapshot m.

use std::fs;

use chrono::{DateTime, FixedOffset, TimeDelta};
use provincial::{Error, Province, PublicationKind, feed, wire::Index};

use crate::{
    naive,
    station::{STATION, small_province},
};

struct Feed {
    province: Province,
    key: age::x25519::Identity,
    now: DateTime<FixedOffset>,
    _dir: tempfile::TempDir,
}

impl Feed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let province = small_province(dir.path());
        let key = age::x25519::Identity::generate();
        province.seal_to(STATION, &key.to_public().to_string()).unwrap();
        let now = DateTime::parse_from_rfc3339("2026-11-22T20:00:00+07:00").unwrap();
        Self { province, key, now, _dir: dir }
    }

    fn publish(&self) -> provincial::Published {
        let published = self.province.publish(STATION, self.now).unwrap();
        self.verify(&published.index);
        published
    }

    /// The index in the folder is the one returned, and its signature is good.
    fn verify(&self, index: &Index) {
        let folder = self.province.feed_dir(STATION);
        let bytes = fs::read(folder.join("index.json")).unwrap();
        assert_eq!(&serde_json::from_slice::<Index>(&bytes).unwrap(), index);
        let signature = fs::read_to_string(folder.join("index.json.minisig")).unwrap();
        let signature = minisign_verify::Signature::decode(&signature).unwrap();
        let key = minisign_verify::PublicKey::from_base64(&self.province.index_public_key().unwrap()).unwrap();
        key.verify(&bytes, &signature, false).unwrap();
    }

    fn unsealed(&self, sha256: &str) -> String {
        naive::unseal(&self.key, &self.province.feed_dir(STATION), sha256)
    }

    fn snapshot(&self, index: &Index) -> naive::State {
        let mut state = naive::State::new();
        naive::apply(&mut state, &self.unsealed(&index.snapshot.sha256));
        state
    }
}

#[test]
fn a_snapshot_and_its_deltas_make_the_later_snapshot() {
    let feed = Feed::new();
    let mut index = feed.publish().index;
    let mut state = feed.snapshot(&index);
    assert_eq!(naive::digest(&state), index.state_sha256);
    assert_eq!(state.len(), 400);
    // Long steps, so that every kind of event happens; each is checked by itself and against the whole.
    for (step, days) in [1, 30, 45, 120, 200, 3].into_iter().enumerate() {
        feed.province.advance(days, step as u64).unwrap();
        feed.province.change_validity(STATION, 0.1, step as u64).unwrap();
        feed.province
            .edit_people(STATION, |people| {
                let person = people.values_mut().nth(step * 7).unwrap();
                // The values whose cut or default is easy to get wrong.
                person.born = if step % 2 == 0 { person.born[..4].to_owned() } else { "1960-02-03".to_owned() };
                person.sex = if step % 2 == 0 { provincial::wire::Sex::Undetermined } else { provincial::wire::Sex::Male };
                person.valid_until = None;
                person.hamlet = None;
            })
            .unwrap();
        let published = feed.publish();
        assert!(matches!(published.kind, PublicationKind::Advanced { .. }));
        assert_eq!(published.index.serial, index.serial + 1);
        assert_eq!(published.index.session, index.session);
        index = published.index;
        // The newest delta may be left out when it is larger than the snapshot: then there is nothing to apply.
        if let Some(delta) = index.deltas.last() {
            assert_eq!(delta.serial, index.serial);
            naive::apply(&mut state, &feed.unsealed(&delta.sha256));
            let snapshot = feed.snapshot(&index);
            assert_eq!(naive::state_text(&state), naive::state_text(&snapshot));
        } else {
            state = feed.snapshot(&index);
        }
        assert_eq!(naive::digest(&state), index.state_sha256);
        let serials: Vec<u64> = index.deltas.iter().map(|delta| delta.serial).collect();
        assert!(serials.windows(2).all(|pair| pair[1] == pair[0] + 1), "{serials:?}");
        assert!(index.deltas.iter().map(|delta| delta.bytes).sum::<u64>() <= index.snapshot.bytes);
        assert!(index.deltas.len() <= 5);
    }
    let register: feed::State = feed.province.people(STATION).unwrap().into_iter().map(|person| (person.id.clone(), person)).collect();
    assert_eq!(feed::state_sha256(&register), index.state_sha256);
}

#[test]
fn a_year_brings_every_kind_of_event() {
    let dir = tempfile::tempdir().unwrap();
    let settings = provincial::CreateSettings {
        seed: 9,
        stations: vec![provincial::StationSettings::new(STATION, 3000)],
        today: chrono::NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        hosts: Vec::new(),
    };
    let province = Province::create(dir.path(), &settings).unwrap();
    let mut sum = provincial::Changes::default();
    for step in 0..12 {
        let report = province.advance(30, step).unwrap();
        let changes = report.stations[0].1;
        sum.renewed += changes.renewed;
        sum.lapsed += changes.lapsed;
        sum.born += changes.born;
        sum.moved_in += changes.moved_in;
        sum.gone += changes.gone;
        sum.new_cards += changes.new_cards;
        sum.successors += changes.successors;
        sum.withdrawn += changes.withdrawn;
        sum.registered += changes.registered;
    }
    println!("{sum}");
    let counts = [sum.renewed, sum.lapsed, sum.born, sum.moved_in, sum.gone, sum.new_cards, sum.successors, sum.withdrawn, sum.registered];
    assert!(counts.iter().all(|count| *count > 0), "{sum}");
    assert_eq!(province.today().unwrap().to_string(), "2027-11-17");
}

#[test]
fn nothing_changed_keeps_the_serial_and_moves_the_instants() {
    let mut feed = Feed::new();
    let first = feed.publish().index;
    feed.now += TimeDelta::hours(24);
    let second = feed.publish();
    assert_eq!(second.kind, PublicationKind::Unchanged);
    let expected =
        Index { as_of: second.index.as_of, published_at: second.index.published_at, expires_at: second.index.expires_at, ..first.clone() };
    assert_eq!(second.index, expected);
    assert!(second.index.published_at > first.published_at);
    assert!(second.index.as_of > first.as_of);
}

#[test]
fn published_at_never_falls_even_across_sessions() {
    let mut feed = Feed::new();
    let first = feed.publish().index;
    feed.now -= TimeDelta::days(3);
    assert_eq!(feed.publish().index.published_at, first.published_at);
    feed.province.new_session(STATION).unwrap();
    let other = feed.publish();
    assert_eq!(other.kind, PublicationKind::NewSession);
    assert_ne!(other.index.session, first.session);
    assert_eq!(other.index.serial, 1);
    assert_eq!(other.index.published_at, first.published_at);
}

#[test]
fn another_recipient_or_a_lost_file_starts_a_session_and_no_serial_changes_its_digest() {
    let mut feed = Feed::new();
    let first = feed.publish().index;
    feed.key = age::x25519::Identity::generate();
    feed.province.seal_to(STATION, &feed.key.to_public().to_string()).unwrap();
    let second = feed.publish().index;
    assert_ne!(second.session, first.session);
    feed.snapshot(&second);
    fs::remove_file(feed.province.feed_dir(STATION).join(second.snapshot.file_name())).unwrap();
    assert_ne!(feed.publish().index.session, second.session);
}

#[test]
fn a_station_without_a_key_has_no_feed() {
    let feed = Feed::new();
    assert!(matches!(feed.province.publish("99002", feed.now), Err(Error::NotEnrolled(_))));
    assert!(matches!(feed.province.publish("99777", feed.now), Err(Error::NoStation(_))));
    assert_eq!(feed.province.publish_all(feed.now).unwrap().len(), 1);
}

#[test]
fn a_province_survives_being_closed() {
    let dir = tempfile::tempdir().unwrap();
    let province = small_province(dir.path());
    let (ca, key) = (province.ca_pem().to_owned(), province.index_public_key().unwrap());
    let people = province.people(STATION).unwrap();
    drop(province);
    let province = Province::open(dir.path()).unwrap();
    assert_eq!((province.ca_pem(), province.index_public_key().unwrap()), (ca.as_str(), key));
    assert_eq!(province.people(STATION).unwrap(), people);
    for name in ["ca.key", "server.key", "index.key"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(dir.path().join("keys").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
