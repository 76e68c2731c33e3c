//! F09: bit rot in `cards.db`. Whatever is damaged, before the start or beneath the running store, an answer is the right one or there is no roster.

use std::fs;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::domain::roster::RosterRow;
use crate::storage::test_support::Station;
use crate::storage::test_support::overwrite;
use crate::storage::test_support::people;
use crate::storage::test_support::person;
use crate::storage::test_support::scanned;

/// Damages of one run; `BHYT_DAMAGES` sets another number.
const DAMAGES: u64 = 40;
const PEOPLE: u32 = 300;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// How often an answer was right, and how often there was none.
#[derive(Default)]
struct Tally {
    right: u64,
    none: u64,
}

async fn ask(cards: &CardStore, random: &mut StdRng, tally: &mut Tally, round: u64) {
    for _ in 0..12 {
        let n = random.random_range(1..=PEOPLE);
        let row: RosterRow = person(n);
        match cards.find(&scanned(&format!("0971{n:08}"))).await.unwrap().holding {
            Holding::Held(record) => {
                assert_eq!(*record, row.to_record().unwrap(), "round {round}: person {n} is another one");
                tally.right += 1;
            }
            Holding::NoRoster => tally.none += 1,
            other => panic!("round {round}: person {n} is on the roster, and it is said: {other:?}"),
        }
    }
}

#[tokio::test]
async fn f09_bit_rot_in_the_roster_gives_no_wrong_answer_and_the_next_snapshot_mends_it() {
    let (damages, seed) = (number("BHYT_DAMAGES", DAMAGES), number("BHYT_SEED", 9_112_026));
    println!("{damages} damages, seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let held = people((1..=PEOPLE).map(person));
    let first = Station::new();
    let cards = first.cards();
    cards.load(&held, 1).await;
    cards.close();
    let name = fs::read_to_string(first.cards_folder().join("current")).unwrap().trim().to_owned();
    let whole = fs::read(first.cards_folder().join(&name)).unwrap();
    let mut tally = Tally::default();
    for round in 0..damages {
        let station = Station::new();
        let folder = station.cards_folder();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("current"), format!("{name}\n")).unwrap();
        let mut bytes = whole.clone();
        let (begin, is_spread) = (random.random_range(0..bytes.len()), random.random_bool(0.5));
        for step in 0..random.random_range(1..=64_usize) {
            let at = if is_spread { random.random_range(0..bytes.len()) } else { (begin + step) % bytes.len() };
            bytes[at] ^= random.random_range(1..=255_u8);
        }
        let is_beneath = round % 2 == 1;
        fs::write(folder.join(&name), if is_beneath { &whole } else { &bytes }).unwrap();
        let cards = station.cards();
        if is_beneath {
            overwrite(&folder.join(&name), &bytes);
        }
        ask(&cards, &mut random, &mut tally, round).await;
        cards.load(&held, 2).await;
        let before = tally.none;
        ask(&cards, &mut random, &mut tally, round).await;
        assert_eq!(tally.none, before, "round {round}: the next snapshot mends it");
        cards.close();
    }
    println!("{} right answers, {} times no roster, none wrong", tally.right, tally.none);
    assert!(tally.none > 0 && tally.right > 0);
}
