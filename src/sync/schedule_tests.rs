//! Pacing: timetables, pauses, and the storms and standstills that must not come of them.

use core::str::FromStr;

use proptest::prelude::*;

use super::*;

fn timetable(expression: &str, station: &str) -> Timetable {
    Timetable::new(Schedule::from_str(expression).unwrap(), &FacilityCode::parse(station).unwrap())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn instants_are_vietnamese_and_a_station_keeps_its_offset() {
    let table = timetable("0 30 5 * * *", "99001");
    let first = table.next_after(at("2026-11-21T12:00:00Z")).unwrap();
    let offset = first - at("2026-11-21T22:30:00Z");
    assert!((TimeDelta::zero()..LARGEST_OFFSET).contains(&offset), "{offset}");
    assert_eq!(table.next_after(first).unwrap(), first + TimeDelta::days(1));
}

#[test]
fn stations_are_spread() {
    let instants: std::collections::BTreeSet<_> = (100..300)
        .map(|n| timetable("0 */15 * * * *", &format!("99{n}")).next_after(at("2026-11-22T00:00:01Z")).unwrap().timestamp())
        .collect();
    assert!(instants.len() > 120, "{}", instants.len());
}

#[test]
fn an_expression_without_further_instants_ends() {
    assert_eq!(timetable("0 0 0 1 1 * 2020", "99001").next_after(at("2026-11-22T00:00:00Z")), None);
}

#[test]
fn a_try_that_brought_something_is_the_first_again() {
    let mut counted = 0;
    let tries = [false, false, true, true, false, false, true].map(|progressed| {
        counted = counts_as(counted, progressed);
        counted
    });
    assert_eq!(tries, [1, 2, 1, 1, 2, 3, 1]);
    assert_eq!(counts_as(u32::MAX, false), u32::MAX);
}

proptest! {
    #[test]
    fn each_instant_comes_once_and_in_order(seconds in 0_i64..400_000_000, minutes in 1_u32..30, station in "[0-9]{5}") {
        let table = timetable(&format!("0 */{minutes} * * * *"), &station);
        let from = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds);
        let first = table.next_after(from).unwrap();
        let second = table.next_after(first).unwrap();
        prop_assert!(from < first && first < second);
        prop_assert!(first - from <= TimeDelta::minutes(i64::from(minutes)) + LARGEST_OFFSET);
        prop_assert!(second - first <= TimeDelta::minutes(i64::from(minutes)) + LARGEST_OFFSET);
    }

    #[test]
    fn pauses_stay_within_bounds(tries in any::<u32>(), cap in 1_u64..10_000, random in 0.0_f64..1.0, asked in prop::option::of(0_u64..5_000)) {
        let (cap, asked) = (Duration::from_secs(cap), asked.map(Duration::from_secs));
        let pause = pause(tries, cap, random, asked);
        prop_assert!(pause >= SHORTEST && pause >= asked.unwrap_or_default());
        prop_assert!(pause <= cap.max(asked.unwrap_or_default()));
    }
}

#[test]
fn the_bound_doubles_up_to_its_cap() {
    let bounds: Vec<_> = (1..=8).map(|tries| pause(tries, Duration::from_mins(5), 1.0, None).as_secs()).collect();
    assert_eq!(bounds, [4, 8, 16, 32, 64, 128, 256, 300]);
}

fn pace(expression: &str, station: &str, spread: u64) -> Pace {
    Pace { timetable: Some(timetable(expression, station)), longest_pause: Duration::from_mins(15), spread: Duration::from_secs(spread) }
}

fn reading(wall: DateTime<Utc>, since_boot: Duration) -> Reading {
    Reading { wall, since_boot, boot_id: "boot".into() }
}

const MORNING: &str = "2026-11-22T01:00:00Z";

/// A clock whose wall may be set.
struct Clocks {
    wall: DateTime<Utc>,
    since_boot: Duration,
}

impl Clocks {
    fn new() -> Self {
        Self { wall: at(MORNING), since_boot: Duration::from_secs(100) }
    }

    fn now(&self) -> Reading {
        reading(self.wall, self.since_boot)
    }

    fn pass(&mut self, span: Duration) {
        self.since_boot += span;
        self.wall += TimeDelta::from_std(span).unwrap();
    }

    /// Sleeps as the engine does until the rest is over; how long that was.
    fn rest(&mut self, rest: &Rest) -> Duration {
        let begun = self.since_boot;
        while !rest.is_over(&self.now()) {
            let sleep = rest.sleep(&self.now());
            assert!(sleep > Duration::ZERO, "a loop without a pause: {rest:?} {:?}", self.now());
            self.pass(sleep);
        }
        self.since_boot.checked_sub(begun).unwrap()
    }
}

#[test]
fn a_rest_ends_with_the_timetable_or_what_is_due_before_it() {
    let pace = pace("0 */15 * * * *", "99001", 60);
    let mut clocks = Clocks::new();
    let planned = pace.timetable.as_ref().unwrap().next_after(clocks.wall).unwrap();
    let rest = pace.after(Ended::Done { next: None }, &clocks.now(), 0.5);
    assert_eq!(rest.ends_at(&clocks.now()), Some(planned));
    clocks.rest(&rest);
    assert_eq!(clocks.wall, planned);
    let soon = clocks.wall + TimeDelta::seconds(7);
    assert_eq!(clocks.rest(&pace.after(Ended::Done { next: Some(soon) }, &clocks.now(), 0.5)), Duration::from_secs(7));
    // Due long ago: soon, but not at once.
    let past = clocks.wall - TimeDelta::days(1);
    assert_eq!(clocks.rest(&pace.after(Ended::Done { next: Some(past) }, &clocks.now(), 0.5)), SHORTEST);
    assert_eq!(clocks.rest(&pace.after(Ended::Wait(Duration::from_secs(40)), &clocks.now(), 0.5)), Duration::from_secs(40));
}

#[test]
fn a_wake_ends_a_rest_but_not_the_servers_own_pause() {
    let pace = pace("0 */15 * * * *", "99001", 60);
    let mut clocks = Clocks::new();
    let mut rest = pace.after(Ended::Done { next: None }, &clocks.now(), 0.5);
    rest.wish();
    assert!(rest.is_over(&clocks.now()));
    let asked = Some(Duration::from_mins(20));
    let mut rest = pace.after(Ended::Failed { tries: 1, asked }, &clocks.now(), 0.0);
    rest.link_up(pace.spread, &clocks.now(), 0.0);
    rest.wish();
    clocks.pass(Duration::from_secs(20 * 60 - 1));
    assert!(!rest.is_over(&clocks.now()) && rest.ordered(&clocks.now()) == Duration::from_secs(1));
    clocks.pass(Duration::from_secs(1));
    assert!(rest.is_over(&clocks.now()));
}

/// The whole pause was taken for it, and whoever asked for a try in the rest of it was told that none is made.
#[test]
fn a_try_is_put_off_for_as_long_as_the_server_asked_and_no_longer() {
    let pace = pace("0 */15 * * * *", "99001", 60);
    let mut clocks = Clocks::new();
    let mut rest = pace.after(Ended::Failed { tries: 9, asked: Some(Duration::from_secs(2)) }, &clocks.now(), 1.0);
    let until = clocks.wall + TimeDelta::seconds(2);
    assert_eq!(rest.put_off(&clocks.now()), Some(PutOff { until, since_boot: clocks.now().since_boot + Duration::from_secs(2) }));
    assert!(rest.ends_at(&clocks.now()) > Some(clocks.wall + TimeDelta::minutes(1)), "the station's own pause is longer");
    rest.wish();
    assert_eq!(rest.ends_at(&clocks.now()), Some(until), "and is not waited for by whoever asks for a try");
    clocks.pass(Duration::from_secs(2));
    assert_eq!(rest.put_off(&clocks.now()), None);
    assert_eq!(pace.after(Ended::Failed { tries: 9, asked: None }, &clocks.now(), 1.0).put_off(&clocks.now()), None);
}

#[test]
fn a_link_that_comes_up_shortens_a_pause_once_and_no_other_rest() {
    let pace = pace("0 */15 * * * *", "99001", 60);
    let clocks = Clocks::new();
    let mut pause = pace.after(Ended::Failed { tries: 9, asked: None }, &clocks.now(), 1.0);
    pause.link_up(pace.spread, &clocks.now(), 0.5);
    assert_eq!(pause.ends_at(&clocks.now()), Some(clocks.wall + TimeDelta::seconds(30)));
    pause.link_up(pace.spread, &clocks.now(), 0.1);
    assert_eq!(pause.ends_at(&clocks.now()), Some(clocks.wall + TimeDelta::seconds(30)), "rung twice");
    let mut short = pace.after(Ended::Failed { tries: 1, asked: None }, &clocks.now(), 0.5);
    let before = short.ends_at(&clocks.now());
    short.link_up(pace.spread, &clocks.now(), 0.9);
    assert_eq!(short.ends_at(&clocks.now()), before, "never later");
    for ended in [Ended::Done { next: None }, Ended::Closed { until: at("2026-11-22T17:00:00Z") }] {
        let mut rest = pace.after(ended, &clocks.now(), 0.5);
        let before = rest.clone();
        rest.link_up(pace.spread, &clocks.now(), 0.0);
        assert_eq!(rest, before);
    }
}

#[test]
fn the_next_day_is_vietnams_and_stations_do_not_begin_it_together() {
    assert_eq!(next_day(at("2026-11-22T16:59:59Z")), at("2026-11-22T17:00:00Z"));
    assert_eq!(next_day(at("2026-11-22T17:00:00Z")), at("2026-11-23T17:00:00Z"));
    let ends: std::collections::BTreeSet<_> = (100..300)
        .map(|n| {
            let closed = Ended::Closed { until: next_day(at(MORNING)) };
            pace("0 */15 * * * *", &format!("99{n}"), 60).after(closed, &Clocks::new().now(), 0.5).ends_at(&Clocks::new().now())
        })
        .collect();
    assert!(ends.len() > 190 && *ends.first().unwrap() >= Some(at("2026-11-22T17:00:00Z")), "{}", ends.len());
}

#[test]
fn a_certificate_is_renewed_from_two_thirds_of_its_life_on() {
    let life = CertificateLife { not_before: at("2026-01-01T00:00:00Z"), not_after: at("2026-12-27T00:00:00Z") };
    for (now, due) in [
        ("2015-01-01T00:00:00Z", false),
        ("2026-08-28T23:59:59Z", false),
        ("2026-08-29T00:00:00Z", true),
        ("2026-12-26T00:00:00Z", true),
        ("2027-03-01T00:00:00Z", true),
    ] {
        assert_eq!(renewal_due(at(now), life), due, "{now}");
    }
}

/// A small generator of its own, so that a seed says everything.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bound by construction")]
        let number = (self.roll() * f64::from(bound)) as u32;
        number
    }
}

#[test]
fn f39_jumping_clocks_neither_stall_nor_storm() {
    const JUMPS: u32 = 10_000;
    for (seed, expression, longest) in [
        (1, "0 */15 * * * *", Duration::from_mins(21)),
        (2, "0 */5 * * * *", Duration::from_mins(11)),
        (3, "0 30 5 * * *", Duration::from_hours(25)),
    ] {
        println!("seed {seed}");
        let (mut dice, pace, mut clocks) = (Dice(seed), pace(expression, "99001", 60), Clocks::new());
        let (mut jumps, mut rests, mut tries) = (0, 0_u64, 0);
        while jumps < JUMPS {
            let (ended, least, most) = match dice.below(4) {
                0 => {
                    tries += 1;
                    let asked = (dice.below(4) == 0).then_some(Duration::from_secs(dice.below(2_000).into()));
                    (
                        Ended::Failed { tries, asked },
                        asked.unwrap_or(SHORTEST).max(SHORTEST),
                        pace.longest_pause.max(asked.unwrap_or_default()),
                    )
                }
                1 if dice.below(20) == 0 => (Ended::Closed { until: next_day(clocks.wall) }, SHORTEST, Duration::from_hours(25)),
                _ => {
                    tries = 0;
                    (Ended::Done { next: None }, SHORTEST_REST, longest)
                }
            };
            let (rest, begun) = (pace.after(ended, &clocks.now(), dice.roll()), clocks.since_boot);
            while !rest.is_over(&clocks.now()) {
                let sleep = rest.sleep(&clocks.now());
                assert!(sleep > Duration::ZERO && sleep <= LONGEST_SLEEP, "{sleep:?}");
                // Something rings before it is over.
                clocks.pass(if dice.below(3) == 0 { sleep.mul_f64(dice.roll()).max(Duration::from_millis(1)) } else { sleep });
                // The clock is set while the engine sleeps, up to ten years either way, or to just before what it waits for.
                if dice.below(3) == 0 {
                    jumps += 1;
                    let near = rest.due.filter(|_| dice.below(3) == 0).map(|due| due - TimeDelta::seconds(dice.below(90).into()));
                    clocks.wall = near.unwrap_or_else(|| at("2016-11-22T00:00:00Z") + TimeDelta::seconds(dice.below(631_000_000).into()));
                }
            }
            rests += 1;
            let rested = clocks.since_boot.checked_sub(begun).unwrap();
            assert!(rested >= least, "stormed after {rested:?}: {ended:?}, jump {jumps}");
            assert!(rested <= most, "stood still for {rested:?}: {ended:?}, jump {jumps}");
        }
        println!("{rests} rests through {jumps} jumps");
    }
}

/// What a province sees of a station's directions, in seconds after it is back.
struct Returning {
    paces: [Pace; 3],
    clocks: [Clocks; 3],
    rests: [Rest; 3],
}

const STATIONS: u32 = 700;

/// Visits, roster, contact: the paces the program is built with.
fn paces(station: u32) -> [Pace; 3] {
    let station = format!("{:02}{:03}", 99 - station / 1_000, station % 1_000);
    [pace("0 */5 * * * *", &station, 20), pace("0 */15 * * * *", &station, 60), pace("0 17 * * * *", &station, 60)]
}

impl Returning {
    /// A station that has failed for three hours.
    fn after_an_outage(station: u32, dice: &mut Dice) -> Self {
        let paces = paces(station);
        let outage = Duration::from_hours(3);
        let (mut clocks, mut rests) = (Vec::new(), Vec::new());
        for pace in &paces {
            let mut clock = Clocks::new();
            let end = clock.since_boot + outage;
            // Noticed when its own timetable came round.
            let mut rest = pace.after(Ended::Done { next: None }, &clock.now(), 0.5);
            let mut tries = 0;
            loop {
                let sleep = rest.sleep(&clock.now()).max(Duration::from_millis(1));
                if clock.since_boot + sleep >= end {
                    clock.pass(end.checked_sub(clock.since_boot).unwrap());
                    break;
                }
                clock.pass(sleep);
                if rest.is_over(&clock.now()) {
                    tries += 1;
                    rest = pace.after(Ended::Failed { tries, asked: None }, &clock.now(), dice.roll());
                }
            }
            clocks.push(clock);
            rests.push(rest);
        }
        let (Ok(clocks), Ok(rests)) = (clocks.try_into(), rests.try_into()) else { unreachable!() };
        Self { paces, clocks, rests }
    }

    fn link_up(&mut self, dice: &mut Dice) {
        for n in 0..3 {
            self.rests[n].link_up(self.paces[n].spread, &self.clocks[n].now(), dice.roll());
        }
    }

    /// When each direction asks for the first time. The first that gets through rings for the others.
    fn first_asked(mut self, dice: &mut Dice) -> [f64; 3] {
        let back = self.clocks[0].since_boot;
        let left = |rest: &Rest, clocks: &Clocks| (rest.ends_at(&clocks.now()).unwrap() - clocks.wall).to_std().unwrap();
        let first = (0..3).map(|n| left(&self.rests[n], &self.clocks[n])).min().unwrap();
        for n in 0..3 {
            self.clocks[n].pass(first);
        }
        self.link_up(dice);
        [0, 1, 2].map(|n| {
            self.clocks[n].rest(&self.rests[n]);
            self.clocks[n].since_boot.checked_sub(back).unwrap().as_secs_f64()
        })
    }
}

/// The most that fall into one of the windows of so many seconds that follow each other.
fn peak(asked: &[f64], window: u32) -> usize {
    let holds = |from: u32| asked.iter().filter(|at| (f64::from(from)..f64::from(from + window)).contains(*at)).count();
    (0..600).step_by(usize::try_from(window).unwrap()).map(holds).max().unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn times_the_mean(asked: &[f64]) -> f64 {
    peak(asked, 10) as f64 / (asked.len() as f64 / 60.0)
}

#[test]
fn f35_seven_hundred_stations_do_not_return_in_one_second() {
    let within = |asked: Vec<f64>| asked.into_iter().filter(|at| *at < 600.0).collect::<Vec<_>>();
    let mut sum = 0.0;
    for seed in 1..=5 {
        let mut dice = Dice(seed);
        // One direction alone, by its own pauses.
        let alone = within(
            (0..STATIONS)
                .map(|station| {
                    let Returning { clocks: [_, clocks, _], rests: [_, rest, _], .. } = Returning::after_an_outage(station, &mut dice);
                    (rest.ends_at(&clocks.now()).unwrap() - clocks.wall).as_seconds_f64()
                })
                .collect(),
        );
        let times = times_the_mean(&alone);
        println!(
            "seed {seed}: province back, rosters alone: {} in 10 min, busiest 10 s {}, {times:.2} times the mean",
            alone.len(),
            peak(&alone, 10)
        );
        // Chance alone makes one of sixty windows nearly twice as full as the others.
        assert!(alone.len() > 500 && times <= 2.5, "{times}");
        sum += times;
        // All three, of which the first that gets through rings for the others: a link may not last.
        let all = within((0..STATIONS).flat_map(|station| Returning::after_an_outage(station, &mut dice).first_asked(&mut dice)).collect());
        let (second, times) = (peak(&all, 1), times_the_mean(&all));
        println!(
            "seed {seed}: province back, all: {} in 10 min, busiest second {second}, busiest 10 s {times:.2} times the mean",
            all.len()
        );
        assert!(all.len() > 2_000 && second <= 25 && times <= 3.0, "{second} {times}");
        // Every station hears of its link at the same instant.
        let returning = (0..STATIONS).flat_map(|station| {
            let mut station = Returning::after_an_outage(station, &mut dice);
            station.link_up(&mut dice);
            station.first_asked(&mut dice)
        });
        let together: Vec<_> = returning.collect();
        let second = peak(&together, 1);
        println!(
            "seed {seed}: all links up at once: {} requests, busiest second {second}, busiest 10 s {}",
            together.len(),
            peak(&together, 10)
        );
        assert!(second <= 100, "{second}");
    }
    assert!(sum / 5.0 <= 2.0, "{}", sum / 5.0);
}

#[test]
fn visits_wait_for_a_contact_once_in_each_start_and_for_one_that_cannot_be_made_one_try_each_time() {
    use Opening::Contact;
    use Opening::Over;
    use Opening::Push;
    use Opening::Waiting;
    #[rustfmt::skip]
    let table = [
        // Before, a push begins, a contact ends without a link, with one, a push ends with nothing sent, with something.
        (Contact, Waiting, Contact, Over, Contact, Over),
        (Waiting, Waiting, Push, Over, Waiting, Over),
        (Push, Push, Push, Over, Contact, Over),
        (Over, Over, Over, Over, Over, Over),
    ];
    for (before, begins, no_link, made, nothing, sent) in table {
        let after = [
            before.push_begins(),
            before.contact_ended(true),
            before.contact_ended(false),
            before.push_ended(false),
            before.push_ended(true),
        ];
        assert_eq!(after, [begins, no_link, made, nothing, sent], "{before:?}");
    }
    assert_eq!(Opening::default(), Contact);
}
