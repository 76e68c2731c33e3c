//! A machine that wakes with its clock in another year, against the real province.

use std::sync::Arc;

use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::sync::driver::Direction;
use bhyt_agent::sync::driver::Engine;
use bhyt_agent::sync::driver::Limits;
use bhyt_agent::sync::driver::SyncHandle;
use bhyt_agent::sync::driver::Timing;
use bhyt_agent::sync::schedule::Timetable;
use bhyt_agent::sync::status::Link;
use chrono::DateTime;
use chrono::TimeDelta;

use crate::counter::Counter;
use crate::messages::Kept;
use crate::messages::connected;
use crate::support::TestProvince;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f42_a_station_that_wakes_in_2000_syncs_at_the_first_try() {
    let province = TestProvince::new(200).await;
    let counter = Counter::without_roster().await;
    counter.clock.set_wall("2000-01-01T00:00:00Z");
    let time = counter.desk.time().clone();
    let judged = time.clone();
    let install = counter.visits.install_id().await.unwrap();
    let connect = connected(&province, install, Arc::new(move || judged.now().at), Arc::new(Kept::default())).await;
    let table = || Timetable::new("0 0 * * * *".parse().unwrap(), &counter.desk.station().facility);
    let engine = Engine {
        server: connect(),
        cards: counter.cards.clone(),
        visits: counter.visits.clone(),
        time: time.clone(),
        parts: counter.parts(),
        timing: Timing::new(table(), table(), table(), std::time::Duration::from_mins(15)),
        limits: Limits { daily_bytes: None, hold_above_percent: 30 },
        chance: || 0.5,
        handle: SyncHandle::new(Link::Ready),
    };
    let person = province.person_in_force();
    // Before anything was heard: somebody is served all the same.
    assert_eq!(time.now().state, ClockState::Behind);
    let lookup = counter.desk.look_up(&person.card).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap();
    for direction in [Direction::Pull, Direction::Push, Direction::Contact] {
        engine.turn(direction).await;
        let status = engine.handle.status().borrow().clone();
        let failing = [&status.pull, &status.push, &status.contact].into_iter().find_map(|activity| activity.failing.clone());
        assert_eq!(failing, None, "{direction:?}");
    }
    assert_eq!(counter.cards.roster().borrow().cards, 200);
    let real = provincial::now().to_utc();
    let near = |at: DateTime<chrono::Utc>| (at - real).abs() < TimeDelta::minutes(2);
    assert!(time.now().state == ClockState::Learned && near(time.now().at), "{:?}", time.now());
    let lookup = counter.desk.look_up(&person.card).await.unwrap();
    assert_eq!(lookup.verdict.standing.code(), "valid");
    counter.desk.check_in(&lookup).await.unwrap();
    engine.turn(Direction::Push).await;
    // Both visits lie at their time: the one that was saved in the year 2000 too.
    let visits = province.province.visits().unwrap();
    assert_eq!(visits.len(), 2);
    for visit in visits {
        let placed = visit.placed_at.as_deref().expect("a contact of the same start tells").parse::<DateTime<chrono::FixedOffset>>();
        assert!(near(placed.unwrap().to_utc()), "{:?}", visit.placed_at);
    }
}
