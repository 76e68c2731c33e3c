//! Outages of the ways to the province, written down as they come and go; and the visits that came meanwhile.
//!
//! Promise: an outage is on the disk soon after its second failed try, is the same one over a restart, and ends with a try that gets through; it is
//! written rarely. Never: an outage for what lies in this machine; a single try that failed, which every link has.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::ShownPeople;
use crate::domain::outage::Checked;
use crate::domain::outage::Outage;
use crate::domain::visit::NewVisit;
use crate::storage;
use crate::storage::visits::LoggedVisit;
use crate::sync::status::Activity;
use crate::sync::status::Direction;

use super::Desk;

/// From so many tries on it is an outage.
const FROM_TRIES: u32 = 2;

/// One way, as far as it is written down.
#[derive(Clone, Debug, Default)]
struct Way {
    written: Option<Outage>,
    /// Tries of the outage before the program was started anew.
    carried: u32,
    /// The last success known when the outage was first seen by this process.
    before: Option<DateTime<Utc>>,
}

impl Way {
    fn of(written: Option<Outage>) -> Self {
        let carried = written.as_ref().map_or(0, |outage| outage.tries);
        Self { written, carried, before: None }
    }

    /// What is to be written down now.
    fn next(&mut self, direction: Direction, activity: &Activity, now: DateTime<Utc>) -> Option<Outage> {
        let failing = activity.failing.as_ref().filter(|failing| failing.trouble.is_outage());
        let next = match (&self.written, failing) {
            (None, Some(failing)) if failing.tries >= FROM_TRIES => {
                (self.carried, self.before) = (0, activity.succeeded_at);
                Outage {
                    direction: direction.name().into(),
                    trouble: failing.trouble.code().into(),
                    began_at: failing.since,
                    last_try_at: now,
                    tries: failing.tries,
                    ended_at: None,
                }
            }
            (Some(written), Some(failing)) => Outage {
                trouble: failing.trouble.code().into(),
                last_try_at: now,
                tries: self.carried.saturating_add(failing.tries),
                ..written.clone()
            },
            (Some(written), None) => {
                Outage { ended_at: Some(activity.succeeded_at.filter(|at| Some(*at) != self.before)?), ..written.clone() }
            }
            (None, _) => return None,
        };
        let is_news = self.written.as_ref().is_none_or(|written| next.is_news(written));
        is_news.then_some(next)
    }

    fn wrote(&mut self, outage: Outage) {
        self.written = Some(outage).filter(|outage| outage.ended_at.is_none());
    }
}

impl Desk {
    /// The outages that went on when the person of a visit came.
    pub async fn outages_of(&self, visit: &NewVisit) -> Result<Vec<Outage>, storage::Error> {
        self.visits.outages_at(visit.arrived_at).await
    }

    /// The visits of the last days that came on missing or old knowledge, newest first, and how far looking at them again is.
    pub async fn unsure(&self, most: usize) -> Result<Vec<(LoggedVisit, Checked)>, storage::Error> {
        let since = self.today_on() - TimeDelta::days(self.station.recheck_days.into());
        self.visits.unsure(since, most).await
    }

    /// The same, to be looked at by a person.
    pub async fn list_unsure(&self, most: usize) -> Result<Vec<(LoggedVisit, Checked)>, storage::Error> {
        let unsure = self.unsure(most).await?;
        let people = unsure.iter().map(|(logged, _)| &logged.visit.content.person);
        self.access(Act::Listed, About::list(Detail::code("unsure"), ShownPeople::of(people))).await;
        Ok(unsure)
    }
}

/// Writes outages down until stopped.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    let mut engine = desk.sync.status();
    let mut ways: Vec<(Direction, Way)> = Vec::new();
    loop {
        if ways.is_empty() {
            match desk.visits.open_outages().await {
                Ok(open) => {
                    let of = |direction: Direction| open.iter().find(|outage| *outage.direction == *direction.name()).cloned();
                    ways = Direction::ALL.into_iter().map(|direction| (direction, Way::of(of(direction)))).collect();
                    desk.outages.send_replace(open.into());
                }
                Err(error) => tracing::warn!(%error, "outages cannot be read; the next change of the engine tries anew"),
            }
        }
        let status = engine.borrow_and_update().clone();
        let (now, mut has_changed) = (desk.time.now().at, false);
        for (direction, way) in &mut ways {
            let Some(next) = way.next(*direction, status.activity(*direction), now) else { continue };
            match desk.visits.put_outage(next.clone()).await {
                Ok(()) => {
                    way.wrote(next);
                    has_changed = true;
                }
                Err(error) => tracing::warn!(%error, "an outage could not be written down; the next change of the engine tries anew"),
            }
        }
        if has_changed {
            let open: Vec<Outage> = ways.iter().filter_map(|(_, way)| way.written.clone()).collect();
            desk.outages.send_replace(open.into());
        }
        match stop.run_until_cancelled(engine.changed()).await {
            Some(Ok(())) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::status::Failing;
    use crate::sync::status::Trouble;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-11-22T01:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn failing(tries: u32, trouble: Trouble) -> Activity {
        Activity { failing: Some(Failing { since: at(0), tries, trouble }), succeeded_at: Some(at(-5)), ..Activity::default() }
    }

    fn write(way: &mut Way, activity: &Activity, minute: i64) -> Option<Outage> {
        let next = way.next(Direction::Pull, activity, at(minute));
        next.inspect(|outage| way.wrote(outage.clone()))
    }

    #[test]
    fn an_outage_begins_with_the_second_try_and_ends_with_one_that_gets_through() {
        let mut way = Way::default();
        assert_eq!(write(&mut way, &failing(1, Trouble::Unreachable), 1), None, "one try is no outage");
        let begun = write(&mut way, &failing(2, Trouble::Unreachable), 2).unwrap();
        assert_eq!((begun.began_at, begun.tries, begun.ended_at), (at(0), 2, None));
        assert_eq!(write(&mut way, &failing(3, Trouble::Unreachable), 3), None, "not every try");
        assert_eq!(write(&mut way, &failing(4, Trouble::Unreachable), 4).unwrap().tries, 4);
        assert_eq!(&*write(&mut way, &failing(5, Trouble::ServerBusy), 5).unwrap().trouble, "server_busy");
        // There is another connection: nothing was learned of the link.
        let linked = Activity { succeeded_at: Some(at(-5)), rounds: 5, ..Activity::default() };
        assert_eq!(write(&mut way, &linked, 6), None);
        let through = Activity { succeeded_at: Some(at(7)), rounds: 6, ..Activity::default() };
        assert_eq!(write(&mut way, &through, 7).unwrap().ended_at, Some(at(7)));
        assert_eq!(write(&mut way, &through, 8), None);
    }

    #[test]
    fn over_a_restart_it_is_the_same_outage() {
        let mut way = Way::default();
        let begun = write(&mut way, &failing(8, Trouble::Unreachable), 2).unwrap();
        let mut way = Way::of(Some(begun.clone()));
        assert_eq!(write(&mut way, &Activity::default(), 60), None, "nothing is known yet");
        let activity = Activity { succeeded_at: None, ..failing(8, Trouble::Unreachable) };
        let longer = write(&mut way, &activity, 61).unwrap();
        assert_eq!((longer.began_at, longer.tries), (begun.began_at, 16));
        let through = Activity { succeeded_at: Some(at(70)), ..Activity::default() };
        assert_eq!(write(&mut way, &through, 70).unwrap().ended_at, Some(at(70)));
    }

    #[test]
    fn what_lies_in_this_machine_is_no_outage() {
        for trouble in [Trouble::DiskFull, Trouble::AllowanceUsed, Trouble::Keys] {
            assert_eq!(write(&mut Way::default(), &failing(9, trouble.clone()), 9), None, "{trouble:?}");
        }
    }
}
