//! Failed tries on a real database.

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;

fn reading(boot: &str, seconds: u64) -> Reading {
    Reading { wall: morning(), since_boot: Duration::from_secs(seconds), boot_id: boot.into() }
}

fn subjects() -> Vec<Subject> {
    vec![Subject::Account(OperatorId(1)), Subject::Browser("aa".into())]
}

#[tokio::test]
async fn a_wait_outlives_restarts_and_clocks_that_are_set() {
    let station = Station::new();
    let mut visits = station.visits();
    for n in 0..5 {
        assert!(matches!(visits.announce_try(subjects(), reading("one", 100 + n)).await.unwrap(), Announced::Counted(_)), "{n}");
    }
    let wait = |announced| match announced {
        Announced::TooSoon(TooSoon { wait, .. }) => wait.as_secs(),
        Announced::Counted(_) => 0,
    };
    assert_eq!(wait(visits.announce_try(subjects(), reading("one", 105)).await.unwrap()), 29);
    visits.close();
    visits = station.visits();
    let wall = Reading { wall: morning() + chrono::TimeDelta::days(4000), ..reading("one", 106) };
    assert_eq!(wait(visits.announce_try(subjects(), wall).await.unwrap()), 28, "a clock that was set shortens nothing");
    assert_eq!(wait(visits.announce_try(subjects(), reading("two", 3)).await.unwrap()), 27, "it begins anew with the machine");
    assert_eq!(wait(visits.announce_try(subjects(), reading("two", 31)).await.unwrap()), 0);
    assert_eq!(wait(visits.announce_try(subjects(), reading("two", 31)).await.unwrap()), 60);
    // Another account from the same unknown browser waits as well, and so does another unknown browser.
    let other = vec![Subject::Account(OperatorId(2)), Subject::Browser("bb".into())];
    assert_eq!(wait(visits.announce_try(other, reading("two", 32)).await.unwrap()), 59);
    visits.close();
}

#[tokio::test]
async fn the_right_one_is_taken_back_and_makes_its_browser_known() {
    let station = Station::new();
    let visits = station.visits();
    let announce = async |subjects, at| visits.announce_try(subjects, reading("one", at)).await.unwrap();
    for at in 0..5 {
        let Announced::Counted(counted) = announce(subjects(), at).await else { panic!("{at}") };
        if at == 3 {
            visits.try_was_right(counted, Some("aa".into())).await.unwrap();
        }
    }
    let held = |db: &Connection, sql: &str| -> u32 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    let (in_a_row, unknown, failed) = visits
        .ask(move |db| {
            let account = held(db, "SELECT in_a_row FROM tries WHERE subject = 'account:1'");
            let unknown = held(db, "SELECT in_a_row FROM tries WHERE subject = 'unknown'");
            Ok((account, unknown, held(db, "SELECT count(*) FROM failed_try WHERE subject = 'account:1'")))
        })
        .await
        .unwrap();
    assert_eq!((in_a_row, unknown, failed), (1, 0, 4), "the one after it is the browser's own");
    // Who guesses from elsewhere does not hold up the desk where people work.
    for at in 5..10 {
        announce(vec![Subject::Browser("cc".into())], at).await;
    }
    assert!(matches!(announce(vec![Subject::Browser("cc".into())], 10).await, Announced::TooSoon(_)));
    assert!(matches!(announce(vec![Subject::Browser("aa".into())], 10).await, Announced::Counted(_)));
    visits.close();
}

/// Whoever knows one PIN cannot buy tries of others with it.
#[tokio::test]
async fn right_ones_in_between_do_not_make_an_hour_longer() {
    let station = Station::new();
    let visits = station.visits();
    let mut failed = 0;
    for at in 0..600 {
        let whose = OperatorId(u32::try_from(at).unwrap() + 10);
        if let Announced::Counted(counted) =
            visits.announce_try(vec![Subject::Account(whose), Subject::Browser("aa".into())], reading("one", at)).await.unwrap()
        {
            if at % 3 == 0 {
                visits.try_was_right(counted, Some("aa".into())).await.unwrap();
            } else {
                failed += 1;
            }
        }
    }
    assert!(failed <= AN_HOUR + 1, "{failed}");
    visits.close();
}

/// A slip now and then is no slip of this morning.
#[tokio::test]
async fn what_is_over_does_not_count_after_the_next_start_of_the_machine() {
    let station = Station::new();
    let visits = station.visits();
    for day in 0..60 {
        let boot = format!("day {day}");
        for (slip, at) in [(true, 10), (true, 20), (false, 30), (false, 4000)] {
            let announced = visits.announce_try(subjects(), reading(&boot, at)).await.unwrap();
            let Announced::Counted(counted) = announced else { panic!("day {day}, {at} s: {announced:?}") };
            if !slip {
                visits.try_was_right(counted, Some("aa".into())).await.unwrap();
            }
        }
    }
    visits.close();
}
