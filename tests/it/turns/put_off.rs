//! Visits that the province puts off or cannot take: none is sent twice in one run, and none holds up another.

use super::*;

fn sent(server: &MadeUp) -> Vec<Vec<u64>> {
    server.script(|script| core::mem::take(&mut script.sent))
}

/// An engine whose visits may go.
async fn opened(counter: &Counter, server: &MadeUp) -> Engine<MadeUp> {
    let engine = engine(counter, server, LIMITS);
    server.greet(at("2026-11-21T03:00:00Z"), 1, at("2026-01-01T00:00:00Z"));
    engine.turn(Direction::Contact).await;
    engine
}

/// Time goes on by itself: what is put off is stored at another instant than the run began.
fn time_goes_on(counter: &Counter, server: &MadeUp, by: Duration) {
    server.script(|script| {
        for _ in 0..100 {
            let clock = Arc::clone(&counter.clock);
            script.during.push_back(Box::new(move || clock.advance(by)));
        }
    });
}

#[tokio::test]
async fn visits_put_off_for_an_hour_are_sent_once_and_not_without_end() {
    for (seconds, by) in [(3600, 1), (u64::MAX, 1), (3600, 4000), (0, 60)] {
        let (counter, server) = (Counter::open().await, MadeUp::default());
        let engine = opened(&counter, &server).await;
        check_in(&counter, 3).await;
        time_goes_on(&counter, &server, Duration::from_secs(by));
        server.script(|script| script.retry_after = Some(seconds));
        engine.turn(Direction::Push).await;
        assert_eq!(sent(&server), [[1, 2, 3]], "after {seconds} s, answered in {by} s");
        if seconds >= 3600 {
            // One saved meanwhile goes at once, and takes none of them along.
            check_in(&counter, 1).await;
            let rest = engine.turn(Direction::Push).await;
            assert_eq!(sent(&server), [[4]]);
            assert!(!is_over(&counter, &rest));
            counter.clock.advance(Duration::from_mins(61));
            engine.turn(Direction::Push).await;
            assert_eq!(sent(&server), [[1, 2, 3, 4]]);
        }
    }
}

#[tokio::test]
async fn a_visit_refused_alone_is_sent_once_an_hour_alone_and_after_the_good_ones() {
    for is_unreadable in [false, true] {
        let (counter, server) = (Counter::open().await, MadeUp::default());
        let engine = opened(&counter, &server).await;
        check_in(&counter, 8).await;
        time_goes_on(&counter, &server, Duration::from_secs(1));
        server.script(|script| (script.is_unreadable, script.unfit) = (is_unreadable, [2, 8].into()));
        engine.turn(Direction::Push).await;
        let alone = |sent: &[Vec<u64>]| sent.iter().filter(|batch| batch.len() == 1).flatten().copied().collect::<Vec<_>>();
        let batches = sent(&server);
        let refused: Vec<_> = alone(&batches).into_iter().filter(|n| [2, 8].contains(n)).collect();
        assert_eq!(refused, [2, 8], "{batches:?}");
        let counts = *counter.visits.counts().borrow();
        let why = if is_unreadable { Unfit::Unreadable } else { Unfit::TooLarge };
        assert_eq!((counts.delivered, counts.pending, counts.unfit, counts.unfit_often, counts.unfit_why), (6, 2, 2, 0, Some(why)));
        assert_eq!(code(&engine, Direction::Push), None, "one that cannot be taken is no failure of the push");

        for often in [0, 2, 2] {
            counter.clock.advance(Duration::from_mins(61));
            check_in(&counter, 2).await;
            engine.turn(Direction::Push).await;
            let batches = sent(&server);
            assert_eq!((batches.len(), &batches[1..]), (3, &[vec![2], vec![8]][..]), "the good ones in one, then each alone");
            let counts = *counter.visits.counts().borrow();
            assert_eq!((counts.pending, counts.unfit, counts.unfit_often), (2, 2, often));
        }
        // Its reason is listed, and gone with its receipt.
        let listed = counter.visits.undelivered(10).await.unwrap();
        let unfit: Vec<_> = listed.iter().map(|logged| logged.put_off.unwrap().unfit.unwrap()).collect();
        assert_eq!(unfit, [(why, 4), (why, 4)]);
        server.script(|script| script.unfit.clear());
        counter.clock.advance(Duration::from_mins(61));
        engine.turn(Direction::Push).await;
        let counts = *counter.visits.counts().borrow();
        assert_eq!((counts.pending, counts.unfit, counts.put_off, counts.unfit_why), (0, 0, 0, None));
    }
}

#[tokio::test]
async fn a_run_that_lasts_and_a_clock_that_is_set_send_nothing_twice() {
    for wall in ["2015-01-01T00:00:00Z", "2026-11-21T02:59:00Z", "2026-11-21T09:00:00Z", "2037-01-01T00:00:00Z"] {
        let (counter, server) = (Counter::open().await, MadeUp::default());
        // Nobody has told it the time: it goes by its own clock.
        let engine = engine(&counter, &server, LIMITS);
        check_in(&counter, 110).await;
        let clock = Arc::clone(&counter.clock);
        server.script(|script| {
            script.retry_after = Some(3600);
            script.unfit = [101].into();
            // After the first batch was put off.
            script.during.push_back(Box::new(|| {}));
            script.during.push_back(Box::new(move || clock.set_wall(wall)));
        });
        first_push(&engine).await;
        let batches = sent(&server);
        let mut answered: Vec<_> = batches.iter().filter(|batch| !batch.contains(&101)).flatten().copied().collect();
        answered.sort_unstable();
        let count = answered.len();
        answered.dedup();
        assert_eq!((answered.len(), count), (109, 109), "{wall}: {batches:?}");
        assert_eq!(batches.iter().filter(|batch| **batch == [101]).count(), 1, "{wall}: {batches:?}");
    }
}

#[tokio::test]
async fn a_visit_saved_during_a_run_goes_in_it() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = opened(&counter, &server).await;
    check_in(&counter, 2).await;
    server.script(|script| script.retry_after = Some(3600));
    let lookup = counter.desk.look_up(VALID).await.unwrap();
    server.script(|script| script.saves = Some((counter.desk.clone(), lookup)));
    engine.turn(Direction::Push).await;
    assert_eq!(sent(&server), [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn more_bad_visits_than_are_blamed_on_themselves_hold_up_the_good_ones_for_a_few_tries_only() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = opened(&counter, &server).await;
    check_in(&counter, 20).await;
    server.script(|script| script.unfit = (1..=12).collect());
    let mut tries = 0;
    while counter.visits.counts().borrow().delivered < 8 {
        tries += 1;
        assert!(tries <= 5, "the good ones wait");
        engine.turn(Direction::Push).await;
    }
    // Whoever comes next is held up by none of them, also when their hour is over.
    counter.clock.advance(Duration::from_mins(61));
    sent(&server);
    check_in(&counter, 1).await;
    engine.turn(Direction::Push).await;
    let batches = sent(&server);
    assert_eq!(batches[0], [21]);
    assert_eq!(batches[1..].concat(), (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_person_asks_for_goes_although_it_was_put_off_and_once() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = opened(&counter, &server).await;
    check_in(&counter, 4).await;
    time_goes_on(&counter, &server, Duration::from_secs(1));
    server.script(|script| (script.retry_after, script.unfit) = (Some(1800), [2].into()));
    engine.turn(Direction::Push).await;
    sent(&server);
    engine.turn(Direction::Push).await;
    assert_eq!(sent(&server), Vec::<Vec<u64>>::new());
    for _ in 0..2 {
        engine.handle.sync_now();
        engine.turn(Direction::Push).await;
        let mut each = sent(&server).concat();
        each.sort_unstable();
        assert_eq!(each, [1, 2, 3, 4], "each once");
        engine.turn(Direction::Push).await;
        assert_eq!(sent(&server), Vec::<Vec<u64>>::new(), "only the run that was asked for");
    }
    // One that could not be taken and is now asked to wait is like all others, and not sent again in the same run.
    server.script(|script| script.unfit.clear());
    engine.handle.sync_now();
    engine.turn(Direction::Push).await;
    let mut each = sent(&server).concat();
    each.sort_unstable();
    assert_eq!(each, [1, 2, 3, 4]);
    let counts = *counter.visits.counts().borrow();
    assert_eq!((counts.put_off, counts.unfit), (4, 0));
}

#[tokio::test]
async fn visits_that_nobody_answered_about_are_a_failure_at_the_end_and_not_sent_again_at_once() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = opened(&counter, &server).await;
    check_in(&counter, 5).await;
    server.script(|script| script.answers = Some(3));
    engine.turn(Direction::Push).await;
    assert_eq!((sent(&server), code(&engine, Direction::Push)), (vec![vec![1, 2, 3, 4, 5]], Some("contract")));
    engine.turn(Direction::Push).await;
    assert_eq!((sent(&server), code(&engine, Direction::Push)), (vec![vec![4, 5]], None));
}

#[tokio::test]
async fn the_bytes_of_a_long_push_are_counted_while_it_runs() {
    let (counter, server) = (Counter::open().await, MadeUp::default());
    let engine = opened(&counter, &server).await;
    check_in(&counter, 250).await;
    let (handle, seen) = (engine.handle.clone(), Arc::new(Mutex::new(Vec::new())));
    server.script(|script| {
        script.costs = 1_000;
        for _ in 0..3 {
            let (handle, seen) = (handle.clone(), Arc::clone(&seen));
            script.during.push_back(Box::new(move || seen.lock().unwrap().push(handle.status().borrow().used_today)));
        }
    });
    engine.turn(Direction::Push).await;
    assert_eq!(*seen.lock().unwrap(), [Some(0), Some(1_000), Some(2_000)]);
    assert_eq!(status(&engine).used_today, Some(3_000));
}
