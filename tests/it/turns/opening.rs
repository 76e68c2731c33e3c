//! How a start begins: a contact before the first visit, so that what the disk lost before it is told of whole; and what is counted of the link's bytes.

use bhyt_agent::domain::contact::Ahead;
use bhyt_agent::domain::visit::Sequence;
use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::*;

const NOW: &str = "2026-11-21T03:00:00Z";

/// The province holds three visits beyond what this disk knows of.
fn lost_three(server: &MadeUp) {
    server.greet(at(NOW), 1, at("2026-01-01T00:00:00Z"));
    let ahead = Ahead { highest: Sequence(3), visits: 3, first_received_at: at(SIGNED), last_received_at: at(NOW) };
    server.script(|script| {
        let greeting = script.greeting.as_mut().unwrap();
        (greeting.machine, greeting.ahead) = (Machine::FellBack, Some(ahead));
    });
}

fn missing(engine: &Engine<MadeUp>) -> Option<u64> {
    status(engine).machine.and_then(|word| word.ahead).map(|ahead| ahead.visits)
}

fn asked(server: &MadeUp) -> (Vec<u64>, Vec<usize>) {
    server.script(|script| (script.highest.clone(), script.batches.clone()))
}

#[tokio::test]
async fn f11_visits_saved_before_the_first_contact_wait_for_it_and_hide_none_that_the_disk_lost() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    lost_three(&server);
    check_in(&counter, 2).await;
    let rest = engine.turn(Direction::Push).await;
    assert_eq!((asked(&server), engine.handle.rung(Direction::Contact)), ((vec![], vec![]), Some(Wake::Now)));
    assert!(!is_over(&counter, &rest) && code(&engine, Direction::Push).is_none());
    // Whoever has asked for an exchange and waits for its end is not told of one that was none.
    assert_eq!(status(&engine).push.rounds, 0, "waiting for a contact is no try");
    assert!(engine.handle.rung(Direction::Push).is_none());
    engine.turn(Direction::Contact).await;
    assert_eq!((missing(&engine), engine.handle.rung(Direction::Push)), (Some(3), Some(Wake::Now)));
    engine.turn(Direction::Push).await;
    assert_eq!(asked(&server), (vec![0], vec![2]));
    // The lost ones were told of once and for good, and nobody waits any more.
    server.script(|script| script.greeting.as_mut().unwrap().ahead = None);
    check_in(&counter, 1).await;
    engine.turn(Direction::Push).await;
    engine.turn(Direction::Contact).await;
    assert_eq!((asked(&server), missing(&engine)), ((vec![0, 4], vec![2, 1]), Some(3)));
}

#[tokio::test]
async fn visits_pending_at_the_start_have_the_contact_made_at_once() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    assert!(!is_over(&counter, &engine.first_rest(Direction::Contact)));
    check_in(&counter, 1).await;
    assert!(is_over(&counter, &engine.first_rest(Direction::Contact)) && is_over(&counter, &engine.first_rest(Direction::Push)));
}

#[tokio::test]
async fn visits_wait_one_try_of_a_contact_and_where_nothing_of_them_was_taken_the_next_time_one_more() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    check_in(&counter, 1).await;
    server.script(|script| script.broken = [io::ErrorKind::ConnectionRefused].into());
    first_push(&engine).await;
    assert_eq!(asked(&server), (vec![0], vec![1]), "the contact failed, and the push was tried");
    // The link comes up.
    lost_three(&server);
    engine.turn(Direction::Push).await;
    assert_eq!(asked(&server), (vec![0], vec![1]));
    engine.turn(Direction::Contact).await;
    engine.turn(Direction::Push).await;
    assert_eq!((asked(&server), missing(&engine)), ((vec![0, 0], vec![1, 1]), Some(3)));
}

#[tokio::test]
async fn a_batch_that_may_have_been_taken_is_not_called_missing_and_ends_the_waiting() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    check_in(&counter, 2).await;
    server.script(|script| script.broken = [io::ErrorKind::ConnectionReset].into());
    first_push(&engine).await;
    check_in(&counter, 1).await;
    lost_three(&server);
    engine.turn(Direction::Contact).await;
    engine.turn(Direction::Push).await;
    assert_eq!(asked(&server), (vec![0, 2], vec![2, 1, 2]));
}

#[tokio::test]
async fn a_province_that_refuses_the_contact_or_knows_none_holds_up_no_visit() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    check_in(&counter, 1).await;
    server.script(|script| script.refuses = true);
    first_push(&engine).await;
    check_in(&counter, 1).await;
    engine.turn(Direction::Push).await;
    assert_eq!(asked(&server), (vec![0], vec![1, 1]));
}

#[tokio::test]
async fn over_another_connection_a_contact_comes_first_again() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    lost_three(&server);
    engine.turn(Direction::Contact).await;
    check_in(&counter, 1).await;
    engine.handle.linked(Link::Ready);
    engine.turn(Direction::Push).await;
    assert_eq!((asked(&server).1, engine.handle.rung(Direction::Contact)), (vec![], Some(Wake::Now)));
    engine.turn(Direction::Contact).await;
    engine.turn(Direction::Push).await;
    assert_eq!((asked(&server), missing(&engine)), ((vec![0, 3], vec![1]), Some(3)));
}

fn day() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

#[tokio::test]
async fn the_days_bytes_are_put_on_the_disk_with_a_contact_every_two_hours_or_64_kib_and_at_the_end() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = engine(&counter, &server, LIMITS);
    let stored = async || counter.visits.traffic(day()).await.unwrap();
    let pull = async |traffic: u64| {
        server.traffic.store(traffic, Ordering::Relaxed);
        engine.turn(Direction::Pull).await;
        assert_eq!(status(&engine).used_today, Some(traffic));
    };
    pull(1_000).await;
    counter.clock.advance(Duration::from_mins(119));
    pull(2_000).await;
    assert_eq!(stored().await, 0, "each time is a flush");
    counter.clock.advance(Duration::from_mins(1));
    pull(2_400).await;
    assert_eq!(stored().await, 2_400);
    counter.clock.advance(Duration::from_mins(100));
    pull(2_500).await;
    engine.turn(Direction::Contact).await;
    assert_eq!(stored().await, 2_500, "with the link that a contact has to write anyway");
    counter.clock.advance(Duration::from_mins(119));
    pull(2_500 + (64 << 10) - 1).await;
    assert_eq!(stored().await, 2_500);
    pull(2_500 + (64 << 10)).await;
    assert_eq!(stored().await, 2_500 + (64 << 10));
    pull(99_999).await;
    assert_eq!(stored().await, 2_500 + (64 << 10));
    let stop = CancellationToken::new();
    stop.cancel();
    engine.run(stop).await;
    assert_eq!(stored().await, 99_999);
}
