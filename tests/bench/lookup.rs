//! How long the desk waits for an answer: a roster of 72,012 people, a person chosen at random each time.
//!
//! Promise: the whole way is measured, from the text a reader sends to the verdict, and the part of it that is storage, and in the same run the floor both
//! stand on: a prepared primary-key select on the same encrypted file. The target is printed beside the figure. Never: a failure by the clock, which
//! on a shared machine says nothing; a look-up that did not find what it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock itself")]
#![allow(dead_code, reason = "each benchmark uses its part of what they share")]

mod station;

use std::hint::black_box;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::desk::Lookup;
use bhyt_agent::domain::scan;
use bhyt_agent::domain::scan::Scan;
use bhyt_agent::storage::cards::Holding;
use criterion::Criterion;
use provincial::Person;
use provincial::payload;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use station::Counter;
use station::STATION;
use station::Times;
use station::World;
use station::ratio;
use station::timed;

/// What the brief asks of the desk.
const TARGET: Duration = Duration::from_millis(1);
/// Look-ups timed one by one, of each kind.
const TIMED: usize = 20_000;

/// What is shown at the desk.
#[derive(Clone, Copy)]
enum Shown {
    CitizenId,
    BhytCard,
    Typed,
    Miss,
}

const KINDS: [(&str, Shown); 4] =
    [("citizen_id", Shown::CitizenId), ("bhyt_card", Shown::BhytCard), ("typed", Shown::Typed), ("miss", Shown::Miss)];

fn main() {
    let Counter { world, data, people, desk, visits, writer, mut rng } = Counter::open();
    let look_up = |text: &str| world.runtime.block_on(desk.look_up(text)).unwrap();
    let held = |scan: &Scan| data.cards.find_now(scan).unwrap();

    let texts = KINDS.map(|(_, kind)| (0..TIMED).map(|_| text(kind, &people, &mut rng)).collect::<Vec<_>>());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("lookup");
    for ((name, _), texts) in KINDS.iter().zip(&texts) {
        let mut next = texts.iter().cycle();
        group.bench_function(format!("desk/{name}"), |b| b.iter(|| black_box(look_up(next.next().unwrap()))));
        let scans: Vec<_> = texts.iter().map(|text| scan::read(text).unwrap()).collect();
        let mut next = scans.iter().cycle();
        group.bench_function(format!("storage/{name}"), |b| b.iter(|| black_box(held(next.next().unwrap()))));
    }
    let bare = station::bare_connection(&data.cards_file());
    let mut select = bare.prepare("SELECT * FROM card WHERE id = ?1").unwrap();
    let mut read = |id: &str| -> Vec<Option<String>> {
        select.query_row([id], |row| (0..18).map(|at| row.get(at)).collect::<Result<_, _>>()).unwrap()
    };
    let ids: Vec<_> = (0..TIMED).map(|_| people.choose(&mut rng).unwrap().id.as_str()).collect();
    let mut next = ids.iter().cycle();
    group.bench_function("floor", |b| b.iter(|| black_box(read(next.next().unwrap()))));
    group.finish();

    let floor = Times::new(ids.iter().map(|id| timed(|| black_box(read(id))).0).collect());
    println!("\nfloor, a prepared primary-key select on the same encrypted file: {}", floor.line());
    let mut all = Vec::new();
    for ((name, kind), texts) in KINDS.iter().zip(&texts) {
        let scans: Vec<_> = texts.iter().map(|text| scan::read(text).unwrap()).collect();
        let storage = Times::new(scans.iter().map(|scan| timed(|| check(*kind, &held(scan).holding)).0).collect());
        let times: Vec<_> = texts.iter().map(|text| timed(|| checked(*kind, look_up(text))).0).collect();
        all.extend(&times);
        let desk = Times::new(times);
        println!("storage/{name}: {}; {}", storage.line(), ratio(storage.median(), floor.median()));
        println!("desk/{name}: {}; {}", desk.line(), ratio(desk.median(), floor.median()));
    }
    println!("lookup 72,012: {} – target p99 < {}", Times::new(all).line(), station::shown(TARGET));
    println!("lookup 72,012 while the roster is replaced: {}", while_replaced(&world, &data, &desk, &texts[0]).line());

    drop((desk, visits));
    writer.join().unwrap();
    data.remove();
}

/// The same look-ups while a new session's snapshot is built and takes the old one's place.
fn while_replaced(world: &World, data: &station::DataFolder, desk: &Desk, texts: &[String]) -> Times {
    world.province.new_session(STATION).unwrap();
    world.province.publish(STATION, world.province.now()).unwrap();
    let server = world.server();
    std::thread::scope(|scope| {
        let pull = scope.spawn(|| world.pull(&server, data));
        let mut times = Vec::new();
        for text in texts.iter().cycle() {
            times.push(timed(|| checked(Shown::CitizenId, world.runtime.block_on(desk.look_up(text)).unwrap())).0);
            if pull.is_finished() {
                break;
            }
        }
        assert!(pull.join().unwrap().snapshot.is_some());
        Times::new(times)
    })
}

/// A look-up that did not do what it was to be measured at would be a figure about nothing.
fn check(kind: Shown, holding: &Holding) {
    match (kind, holding) {
        (Shown::Miss, Holding::NotHeld) | (Shown::CitizenId | Shown::BhytCard | Shown::Typed, Holding::Held(_)) => {}
        _ => panic!("a person of the roster was not found, or one who is not on it was"),
    }
}

fn checked(kind: Shown, lookup: Lookup) -> Lookup {
    assert_eq!(lookup.record.is_none(), matches!(kind, Shown::Miss), "found, or not found, against what the roster says");
    lookup
}

/// What a reader or a keyboard sends for a person chosen at random.
fn text(kind: Shown, people: &[Person], rng: &mut StdRng) -> String {
    let person = people.choose(rng).unwrap();
    match kind {
        // Not everybody has a citizen id card.
        Shown::CitizenId => payload::citizen_id(person).unwrap_or_else(|| text(kind, people, rng)),
        Shown::BhytCard => payload::bhyt_card(person),
        Shown::Typed => person.insurance_number().to_owned(),
        Shown::Miss => miss(people, rng),
    }
}

/// A citizen id card of somebody who is not on the roster.
fn miss(people: &[Person], rng: &mut StdRng) -> String {
    loop {
        let id = format!("097185{:06}", rng.random_range(0..1_000_000));
        if people.binary_search_by(|person| person.id.as_str().cmp(&id)).is_err() {
            return format!("{id}||Trần Thị Ví Dụ|02091985|Nữ|Thôn Thử, Xã Mẫu|15032022");
        }
    }
}
