//! F54 and F55: who finds the disk, or only a file of it, finds nobody. Known numbers and names are planted, and every byte of the data folder and of the
//! backups is searched for them: as they are, as UTF-16, and as hashes that need no key or one that lies in the folder.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use md5::Md5;
use sha1::Sha1;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha512;

use super::backup;
use super::open;
use super::test_support::Station;
use super::test_support::key;
use super::test_support::morning;
use super::test_support::people;
use super::test_support::person;
use super::test_support::visit;
use super::test_support::with;
use super::visits;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::clock::ClockState;
use crate::domain::facility::FacilityCode;
use crate::domain::person::PersonName;
use crate::domain::roster::Column;
use crate::domain::visit::NewVisit;
use crate::domain::visit::VisitId;

/// People planted; `BHYT_PLANTED` sets another number.
const PLANTED: u32 = 600;

/// A name that nobody else has.
fn name(n: u32) -> String {
    let letters: String = (0..6).map(|at| char::from(b'A' + u8::try_from(n / 20_u32.pow(at) % 20).unwrap())).collect();
    format!("QUÁCH {letters} MẪU")
}

/// What to look for, by its length.
#[derive(Default)]
struct Needles(BTreeMap<usize, HashSet<Vec<u8>>>);

impl Needles {
    fn add(&mut self, bytes: Vec<u8>) {
        self.0.entry(bytes.len()).or_default().insert(bytes);
    }

    fn hex(&mut self, digest: &[u8]) {
        self.add(digest.to_vec());
        self.add(crate::domain::roster::hex(digest).into_bytes());
    }

    fn plant(&mut self, text: &str, keys: &[Vec<u8>]) {
        self.add(text.as_bytes().to_vec());
        self.add(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        self.add(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        self.hex(&Md5::digest(text));
        self.hex(&Sha1::digest(text));
        self.hex(&Sha256::digest(text));
        self.hex(&Sha512::digest(text));
        for key in keys {
            let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            hmac.update(text.as_bytes());
            self.hex(&hmac.finalize().into_bytes());
        }
    }

    fn hits(&self, bytes: &[u8]) -> usize {
        self.0.iter().map(|(length, set)| bytes.windows(*length).filter(|window| set.contains(*window)).count()).sum()
    }

    fn in_folder(&self, folder: &Path, seen: &mut Vec<String>) -> usize {
        let mut hits = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                hits += self.in_folder(&path, seen);
            } else {
                seen.push(path.file_name().unwrap().to_str().unwrap().to_owned());
                hits += self.hits(&fs::read(&path).unwrap());
            }
        }
        hits
    }
}

#[tokio::test]
async fn f54_f55_nobody_who_was_planted_is_found_in_any_byte_of_the_folder_or_of_a_backup() {
    let planted = std::env::var("BHYT_PLANTED").ok().map_or(PLANTED, |text| text.parse().unwrap());
    let (station, elsewhere) = (Station::new(), tempfile::tempdir().unwrap());
    let (visits, cards) = (station.visits(), station.cards());
    key().check_mark_as_made(station.path());
    let roster = people((1..=planted).map(|n| with(person(n), Column::Name, Some(&name(n)))));
    cards.load(&roster, 1).await;
    let mut lines = Vec::new();
    for n in 1..=planted {
        let mut visit: NewVisit = visit(n);
        visit.id = VisitId(uuid::Uuid::from_u128(u128::from(n)));
        visit.person.name = Some(PersonName::parse(&name(n)).unwrap());
        lines.push(Access {
            at: morning() + TimeDelta::seconds(n.into()),
            clock: ClockState::Plausible,
            operator: None,
            place: Place::command_line(),
            act: Act::LookedUp,
            about: About::person(&visit.person),
        });
        visits.append(visit).await.unwrap();
        if n == planted / 2 {
            visits.checkpoint().await.unwrap();
        }
    }
    visits.write_access(lines).await.unwrap();
    let plan = backup::Plan {
        former: Vec::new(),
        is_set_aside: false,
        data: station.path().to_owned(),
        key: key(),
        sealed_key: b"sealed".to_vec(),
        folder: elsewhere.path().to_owned(),
        station: FacilityCode::parse("99001").unwrap(),
        at: morning(),
        keep: backup::Keep { days: 1, weeks: 1 },
    };
    backup::make(plan).await.unwrap();

    // Keys that whoever has the folder has: none, the mark, the salt, the beginning of the file.
    let of_file = |name: &str| fs::read(station.path().join(name)).unwrap();
    let trimmed = |name: &str| String::from_utf8(of_file(name)).unwrap().trim().as_bytes().to_vec();
    let keys = [Vec::new(), trimmed("key.mark"), trimmed("visits.salt"), of_file("visits.db")[..16].to_vec()];
    let mut needles = Needles::default();
    for n in 1..=planted {
        let number = format!("0971{n:08}");
        for text in [&*number, &format!("GD499{n:010}"), &name(n), &format!("personal_id:{number}")] {
            needles.plant(text, &keys);
        }
    }
    let mut seen = Vec::new();
    let hits = needles.in_folder(station.path(), &mut seen) + needles.in_folder(elsewhere.path(), &mut seen);
    println!("{planted} people planted, {} files searched, {hits} hits", seen.len());
    for wanted in ["visits.db", "visits.db-wal", "key.mark"] {
        assert!(seen.iter().any(|name| name == wanted), "{wanted} was searched: {seen:?}");
    }
    assert!(seen.iter().any(|name| name.starts_with("cards-")) && seen.iter().any(|name| name.starts_with("visits-99001-")));
    assert_eq!(hits, 0);
    visits.close();
    cards.close();

    // Negative control: the same record without its encryption.
    let bare = tempfile::tempdir().unwrap();
    let connection = open::writer(&station.path().join("visits.db"), &key(), &visits::SCHEMA).unwrap();
    let path = bare.path().join("plain.db");
    connection.execute("ATTACH ?1 AS plain KEY ''", [path.to_str().unwrap()]).unwrap();
    connection.query_row("SELECT sqlcipher_export('plain')", [], |_| Ok(())).unwrap();
    drop(connection);
    let found = needles.in_folder(bare.path(), &mut Vec::new());
    assert!(found >= planted as usize, "the search finds them where they can be found: {found}");
}
