//! How long the desk waits for a name: a roster of 72,012 people, thousands of names with errors, and without.
//!
//! Promise: the whole way is measured, from the text that was typed to the list, and in the same run the floor: a plain scan of the same encrypted table for
//! one exact name of one year, which finds nobody whose name has an error. Beside it: what the index in memory costs, and what a table of words would. The
//! target is printed beside the figure. Never: a failure by the clock, which on a shared machine says nothing; a search that did not count whom
//! it was made for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock itself")]
#![allow(dead_code, reason = "each benchmark uses its part of what they share")]

mod station;
#[path = "../support/typing.rs"]
mod typing;

use std::hint::black_box;
use std::time::Duration;

use bhyt_agent::desk::Answer;
use bhyt_agent::desk::Candidates;
use bhyt_agent::domain::person::PersonName;
use criterion::Criterion;
use provincial::Person;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rusqlite::Connection;

use station::Counter;
use station::PEOPLE;
use station::Times;
use station::ratio;
use station::timed;

/// What is asked of the desk.
const TARGET: Duration = Duration::from_millis(10);
/// Searches timed one by one, of each kind.
const TIMED: usize = 4_000;
/// Scans of the floor: each takes long.
const SCANS: usize = 100;

/// What is typed at the desk.
#[derive(Clone, Copy)]
enum Typed {
    NameAndYear,
    ErrorAndDate,
    OtherOrder,
    GivenNameAndYear,
    NameOnly,
    ErrorOnly,
}

const KINDS: [(&str, Typed); 6] = [
    ("name_and_year", Typed::NameAndYear),
    ("error_and_date", Typed::ErrorAndDate),
    ("other_order", Typed::OtherOrder),
    ("given_name_and_year", Typed::GivenNameAndYear),
    ("name_only", Typed::NameOnly),
    ("error_only", Typed::ErrorOnly),
];

fn main() {
    let Counter { world, data, people, desk, visits, writer, mut rng } = Counter::open();
    let search = |text: &str| match world.runtime.block_on(desk.ask(text)).unwrap() {
        Answer::Candidates(found) => found,
        Answer::Verdict(_) => panic!("a name was taken for a number"),
    };

    let (built, index) = timed(|| world.runtime.block_on(data.cards.read_names()).unwrap().unwrap());
    println!("index in memory: {} bytes, {} per person, built in {}", index.bytes(), index.bytes() / PEOPLE, station::shown(built));
    drop(index);

    let texts = KINDS.map(|(_, kind)| (0..TIMED).map(|_| text(kind, people.choose(&mut rng).unwrap(), &mut rng)).collect::<Vec<_>>());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("search");
    for ((name, _), texts) in KINDS.iter().zip(&texts) {
        let mut next = texts.iter().cycle();
        group.bench_function(*name, |b| b.iter(|| black_box(search(next.next().unwrap()))));
    }
    group.finish();

    let bare = station::bare_connection(&data.cards_file());
    let floor = floor(&bare, &people, &mut rng);
    println!("\nfloor, a plain scan of the same encrypted table for one exact name of one year: {}", floor.line());
    let mut all = Vec::new();
    for ((name, _), texts) in KINDS.iter().zip(&texts) {
        let times: Vec<_> = texts.iter().map(|text| timed(|| check(search(text))).0).collect();
        all.extend(&times);
        let times = Times::new(times);
        println!("desk/{name}: {}; {}", times.line(), ratio(times.median(), floor.median()));
    }
    println!("name search 72,012: {} – target p99 <= {}", Times::new(all).line(), station::shown(TARGET));
    words_table(&bare, &people);

    drop((bare, desk, visits));
    writer.join().unwrap();
    data.remove();
}

/// Everybody who is searched for is on the roster: nobody found would be a figure about nothing.
fn check(found: Candidates) -> Candidates {
    assert!(found.total > 0, "a person of the roster was not found");
    found
}

fn text(kind: Typed, person: &Person, rng: &mut StdRng) -> String {
    let words = typing::words(person);
    let (year, date) = (typing::year(person), typing::date(person));
    match kind {
        Typed::NameAndYear => format!("{} {year}", words.join(" ")),
        Typed::ErrorAndDate => format!("{} {date}", typing::with_error(words, rng).join(" ")),
        Typed::OtherOrder => format!("{date} {}", typing::swapped(words, rng).join(" ")),
        Typed::GivenNameAndYear => format!("{} {year}", words.last().unwrap()),
        Typed::NameOnly => words.join(" "),
        Typed::ErrorOnly => typing::with_error(words, rng).join(" "),
    }
}

fn floor(bare: &Connection, people: &[Person], rng: &mut StdRng) -> Times {
    let mut scan = bare.prepare("SELECT count(*) FROM card WHERE substr(born, 1, 4) = ?1 AND name = ?2").unwrap();
    let wanted: Vec<_> = (0..SCANS).map(|_| people.choose(rng).unwrap()).collect();
    let mut count = |person: &Person| scan.query_row([typing::year(person), &person.name], |row| row.get::<_, u32>(0)).unwrap();
    Times::new(wanted.into_iter().map(|person| timed(|| assert!(count(person) > 0)).0).collect())
}

/// What was not built: a row per word of each person in the same file, written as the roster is.
fn words_table(bare: &Connection, people: &[Person]) {
    let pages = || bare.query_row("PRAGMA page_count", [], |row| row.get::<_, u64>(0)).unwrap() * 4096;
    let before = pages();
    bare.execute_batch("BEGIN; CREATE TABLE word (word TEXT, year TEXT, id TEXT, PRIMARY KEY (word, year, id)) STRICT, WITHOUT ROWID;")
        .unwrap();
    let (time, ()) = timed(|| {
        let mut insert = bare.prepare("INSERT OR IGNORE INTO word VALUES (?1, ?2, ?3)").unwrap();
        for person in people {
            for word in PersonName::parse(&person.name).unwrap().folded().split(' ') {
                insert.execute([word, typing::year(person), &person.id]).unwrap();
            }
        }
    });
    println!("instead, a table of words in the file: {} bytes, {} more for a first load", pages() - before, station::shown(time));
    bare.execute_batch("ROLLBACK").unwrap();
}
