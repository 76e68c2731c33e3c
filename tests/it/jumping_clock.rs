//! A wall clock that jumps by years while the station works, over real databases and the page.
//!
//! Promise: the order of visits, their ids and numbers, what waits on the page, and what is due do not depend on the wall clock. `BHYT_JUMPS` sets the number of
//! jumps (400; 2,000 take minutes, for the day's list grows with every visit), `BHYT_SEED` the seed, which is printed. Never: a restart; within one
//! the machine's running time holds it all together.

#![allow(clippy::print_stdout, reason = "a run tells its seed and its figures")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use bhyt_agent::desk::CheckInError;
use bhyt_agent::desk::CheckedIn;
use bhyt_agent::desk::Lookup;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::counter::Counter;
use crate::counter::NOW;
use crate::counter::READ;
use crate::counter::VALID;
use crate::power_cut::number;
use crate::tab::Tab;

const JUMPS: u64 = 400;

struct Jumps {
    random: StdRng,
    made: u64,
}

impl Jumps {
    /// The clock is set, up to forty years either way; at times by seconds only, or back to what is right.
    fn jump(&mut self, counter: &Counter) {
        self.made += 1;
        let right = NOW.parse::<DateTime<Utc>>().unwrap();
        let by = match self.random.random_range(0..6) {
            0 => 0,
            1 => self.random.random_range(-90..90),
            2 => self.random.random_range(-172_800..172_800),
            _ => self.random.random_range(-1_262_304_000_i64..1_262_304_000),
        };
        counter.clock.set_wall(&(right + TimeDelta::seconds(by)).to_rfc3339());
    }
}

/// Saves, through as many new days as the jumps make.
async fn check_in(counter: &Counter, mut lookup: Lookup) -> (CheckedIn, Lookup) {
    loop {
        match counter.desk.check_in(&lookup).await {
            Ok(saved) => return (saved, lookup),
            Err(CheckInError::NewDay(again)) => {
                assert_eq!(again.visit_id, lookup.visit_id, "judged anew, it is the same visit");
                lookup = *again;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn f39_jumps_of_the_clock_change_no_order_no_id_and_nothing_that_waits() {
    let seed = number("BHYT_SEED", rand::random::<u32>().into());
    let most = number("BHYT_JUMPS", JUMPS);
    println!("BHYT_SEED={seed} BHYT_JUMPS={most}");
    let mut jumps = Jumps { random: StdRng::seed_from_u64(seed), made: 0 };
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let (mut ids, mut last, mut by_page, mut days) = (BTreeMap::new(), 0, 0, BTreeSet::new());

    while jumps.made < most {
        jumps.jump(&counter);
        let lookup = counter.desk.look_up(VALID).await.unwrap();
        days.insert(lookup.verdict.on);
        jumps.jump(&counter);
        let (first, lookup) = check_in(&counter, lookup).await;
        last += 1;
        assert!(!first.already_saved, "jump {}: two visits under one id", jumps.made);
        assert_eq!(first.sequence.0, last, "jump {}", jumps.made);
        assert!(ids.insert(first.id, last).is_none());
        // Tapped twice, with a jump between.
        jumps.jump(&counter);
        let (again, _) = check_in(&counter, lookup).await;
        assert_eq!((again.already_saved, again.id, again.sequence), (true, first.id, first.sequence), "jump {}", jumps.made);

        // On the page: what waits for its second Enter waits through jumps, and the form is taken.
        let shown = tab.enter(VALID).await;
        assert_eq!(shown.status, 200);
        assert!(shown.hidden("luot").is_some(), "jump {}: nothing waits: {}", jumps.made, shown.body);
        jumps.jump(&counter);
        counter.clock.advance(READ);
        let mut page = tab.enter("").await;
        if !page.has("ĐÃ LƯU") {
            // A new day: it was judged anew and shown again, and waits as before.
            assert!(page.label() == "lookup:new_day" && page.hidden("luot").is_some(), "jump {}: it expired: {}", jumps.made, page.body);
            counter.clock.advance(READ);
            page = tab.enter("").await;
        }
        last += 1;
        by_page += 1;
        assert!(page.has(&format!("ĐÃ LƯU lượt số {last} ")), "jump {}: {}", jumps.made, page.body);
    }

    // All are due, in the order in which people came.
    let now = counter.desk.time().stamped().wall;
    let due = counter.visits.due(usize::try_from(last).unwrap() + 1, now).await.unwrap();
    assert_eq!(due.iter().map(|visit| visit.sequence.0).collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
    assert!(due.iter().all(|visit| ids.get(&visit.content.id).is_none_or(|sequence| *sequence == visit.sequence.0)));
    assert_eq!(due.iter().map(|visit| visit.content.id).collect::<BTreeSet<_>>().len() as u64, last);
    // Running time goes on through all of it.
    assert!(due.is_sorted_by_key(|visit| visit.content.clock.boot_ms));
    assert_eq!(due.iter().map(|visit| &visit.content.clock.boot_id).collect::<BTreeSet<_>>().len(), 1);

    // What the province put off by seconds comes again within the longest time there is, wherever the clock is set.
    let put_off: Vec<_> = due
        .iter()
        .map(|visit| Receipt { id: visit.content.id, revision: Revision::FIRST, outcome: ReceiptOutcome::Retry { after_seconds: 30 } })
        .collect();
    counter.clock.set_wall("2060-01-01T00:00:00Z");
    counter.visits.store_receipts(put_off, counter.desk.time().stamped().wall).await.unwrap();
    counter.clock.set_wall(NOW);
    let back = counter.visits.due(usize::try_from(last).unwrap(), counter.desk.time().stamped().wall).await.unwrap();
    assert_eq!(back.len() as u64, last, "put off for decades by a clock that was wrong");
    println!("{last} visits, {by_page} of them by the page, on {} different days, through {} jumps", days.len(), jumps.made);
}
