//! Outages of the ways to the province, written down as they come and go; and the visits that came meanwhile.
//!
//! Promise: an outage is on the disk soon after its second failed try, is the same one over a restart, and ends with a try that gets through; it is
//! written rarely, and whenever a visit is saved, with the tries before it and the first ones after it; a question that failed stands with the visit of whom it
//! was about. Never: an outage for what lies in this machine, or for a single try that failed, which every link has.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::ShownPeople;
use crate::domain::clock::Reading;
use crate::domain::outage::Checked;
use crate::domain::outage::FailedTry;
use crate::domain::outage::Outage;
use crate::domain::roster::Wanted;
use crate::domain::visit::NewVisit;
use crate::domain::visit::VisitId;
use crate::storage;
use crate::storage::visits::LoggedVisit;
use crate::sync::status::Activity;
use crate::sync::status::Direction;
use crate::sync::status::FailedQuestion;
use crate::sync::status::SyncStatus;

use super::Desk;

/// A visit that came on missing or old knowledge or while the province could not be reached.
#[derive(Clone, Debug)]
pub struct Unsure {
    /// Its latest revision.
    pub logged: LoggedVisit,
    /// How far looking at it again is.
    pub checked: Checked,
    /// An evidence sheet of it can be printed.
    pub is_evidenced: bool,
}

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
    /// What goes on by now, written down or not.
    known: Option<Outage>,
}

impl Way {
    fn of(written: Option<Outage>) -> Self {
        let carried = written.as_ref().map_or(0, |outage| outage.tries);
        Self { known: written.clone(), written, carried, before: None }
    }

    /// What is to be written down now. `anyway`: a visit has come, and what is known of its time is wanted.
    fn next(&mut self, direction: Direction, activity: &Activity, now: DateTime<Utc>, anyway: bool) -> Option<Outage> {
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
        let same_try = self.known.as_ref().filter(|known| known.tries == next.tries && known.began_at == next.began_at);
        // Looking again is no try.
        let next = Outage { last_try_at: same_try.map_or(next.last_try_at, |known| known.last_try_at), ..next };
        self.known = Some(next.clone()).filter(|outage| outage.ended_at.is_none());
        let is_news = self.written.as_ref().is_none_or(|written| next.is_news(written) || (anyway && next != *written));
        is_news.then_some(next)
    }

    fn wrote(&mut self, outage: Outage) {
        self.written = Some(outage).filter(|outage| outage.ended_at.is_none());
    }
}

/// Tries that wait in memory for a visit.
const WAITING: usize = 32;
/// Tries after a visit that are written down.
const AFTER: u32 = 6;
/// Visits whose questions are remembered, and tries of each that are written down.
const ASKED: usize = 64;
const TRIES_OF_ONE: u32 = 4;

/// Whose visits the province was to be asked for. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Questions(Arc<Mutex<VecDeque<(Wanted, VisitId, u32)>>>);

impl Questions {
    fn all(&self) -> MutexGuard<'_, VecDeque<(Wanted, VisitId, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer about these numbers was wanted for a visit.
    pub(super) fn are_of(&self, wanted: Wanted, visit: VisitId) {
        let mut all = self.all();
        if all.len() == ASKED {
            all.pop_front();
        }
        all.push_back((wanted, visit, TRIES_OF_ONE));
    }

    /// Whose visit a question that failed was for; of each only the first few.
    fn visit_of(&self, wanted: &Wanted) -> Option<VisitId> {
        let mut all = self.all();
        let (_, visit, left) = all.iter_mut().rev().find(|(known, _, left)| known == wanted && *left > 0)?;
        *left -= 1;
        Some(*visit)
    }
}

/// The tries of late.
#[derive(Default)]
struct Trail {
    /// Tries in a row that were seen of each way.
    seen: HashMap<Direction, u32>,
    waiting: VecDeque<(FailedTry, Option<Wanted>)>,
    /// So many more are written down after the last visit.
    owed: u32,
}

impl Trail {
    fn note(&mut self, status: &SyncStatus, questions: VecDeque<FailedQuestion>, now: &Reading) {
        for question in questions {
            let failed = failed(Direction::Ask, question.trouble, &question.at);
            self.keep(failed, Some(question.wanted));
        }
        for direction in [Direction::Push, Direction::Pull, Direction::Contact] {
            let failing = status.activity(direction).failing.as_ref().filter(|failing| failing.trouble.is_outage());
            let tries = failing.map_or(0, |failing| failing.tries);
            if self.seen.insert(direction, tries).unwrap_or_default() != tries
                && let Some(failing) = failing
            {
                self.keep(failed(direction, failing.trouble.code(), now), None);
            }
        }
    }

    fn keep(&mut self, failed: FailedTry, wanted: Option<Wanted>) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((failed, wanted));
    }

    /// What is to be written down now. `has_come`: a visit was saved.
    fn due(&mut self, has_come: bool, questions: &Questions) -> Vec<FailedTry> {
        if has_come {
            self.owed = AFTER;
        }
        let (mut due, mut kept) = (Vec::new(), VecDeque::new());
        for (failed, wanted) in core::mem::take(&mut self.waiting) {
            match wanted {
                Some(wanted) => match questions.visit_of(&wanted) {
                    about @ Some(_) => due.push(FailedTry { about, ..failed }),
                    // The person may still be checked in.
                    None => kept.push_back((failed, Some(wanted))),
                },
                None if has_come => due.push(failed),
                None if self.owed > 0 => {
                    self.owed -= 1;
                    due.push(failed);
                }
                None => kept.push_back((failed, None)),
            }
        }
        self.waiting = kept;
        due
    }
}

fn failed(direction: Direction, trouble: &str, at: &Reading) -> FailedTry {
    FailedTry {
        direction: direction.name().into(),
        trouble: trouble.into(),
        at: at.wall,
        boot_id: at.boot_id.clone(),
        boot_ms: at.since_boot_ms(),
        about: None,
    }
}

impl Desk {
    /// The outages that went on when the person of a visit came, as far as they are known by now.
    pub async fn outages_of(&self, visit: &NewVisit) -> Result<Vec<Outage>, storage::Error> {
        let mut outages = self.visits.outages_at(self.arrived(visit).await?).await?;
        let known = Arc::clone(&self.outages.borrow());
        for outage in outages.iter_mut().filter(|outage| outage.ended_at.is_none()) {
            let same = known.iter().find(|known| known.direction == outage.direction && known.began_at == outage.began_at);
            if let Some(same) = same {
                outage.clone_from(same);
            }
        }
        Ok(outages)
    }

    /// Since when the province cannot be reached; `None`: nothing is known to fail.
    pub(super) fn unreached_since(&self) -> Option<DateTime<Utc>> {
        let status = self.sync.status().borrow().clone();
        let failing = Direction::ALL.into_iter().filter_map(|direction| status.activity(direction).failing.as_ref());
        let failing = failing.filter(|failing| failing.trouble.is_outage()).map(|failing| failing.since);
        let open = Arc::clone(&self.outages.borrow());
        failing.chain(open.iter().map(|outage| outage.began_at)).min()
    }

    /// The visits of the last days that came on missing or old knowledge or while the province could not be reached, newest first, and how far looking at
    /// them again is.
    pub async fn unsure(&self, most: usize) -> Result<Vec<(LoggedVisit, Checked)>, storage::Error> {
        let since = self.today_on() - TimeDelta::days(self.station_in_force().recheck_days.into());
        self.visits.unsure(since, most).await
    }

    /// The same, to be looked at by a person.
    pub async fn list_unsure(&self, most: usize) -> Result<Vec<Unsure>, storage::Error> {
        let mut list = Vec::new();
        for (logged, checked) in self.unsure(most).await? {
            let is_evidenced = self.is_evidenced(&self.visit(logged.visit.content.id).await?).await?;
            list.push(Unsure { logged, checked, is_evidenced });
        }
        let people = list.iter().map(|unsure| &unsure.logged.visit.content.person);
        self.access(Act::Listed, About::list(Detail::code("unsure"), ShownPeople::of(people))).await;
        Ok(list)
    }
}

/// Writes outages and the tries around visits down until stopped.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    let (mut engine, mut counts) = (desk.sync.status(), desk.visits.counts());
    let mut ways: Vec<(Direction, Way)> = Vec::new();
    let (mut trail, mut highest) = (Trail::default(), counts.borrow_and_update().highest);
    loop {
        if ways.is_empty() {
            match desk.visits.open_outages().await {
                Ok(open) => {
                    let of = |direction: Direction| open.iter().find(|outage| *outage.direction == *direction.name()).cloned();
                    ways = Direction::ALL.into_iter().map(|direction| (direction, Way::of(of(direction)))).collect();
                }
                Err(error) => {
                    tracing::warn!(name: "storage.read-failed", %error, "outages cannot be read; the next change of the engine tries anew");
                }
            }
        }
        let status = engine.borrow_and_update().clone();
        let newest = counts.borrow_and_update().highest;
        let has_come = core::mem::replace(&mut highest, newest) != newest;
        let now = desk.time.now().at;
        for (direction, way) in &mut ways {
            let Some(next) = way.next(*direction, status.activity(*direction), now, has_come) else { continue };
            match desk.visits.put_outage(next.clone()).await {
                Ok(()) => way.wrote(next),
                Err(error) => {
                    tracing::warn!(name: "storage.write-failed", %error, "an outage could not be written down; the next change of the engine tries anew");
                }
            }
        }
        trail.note(&status, desk.sync.failed_questions(), &desk.time.stamped());
        let due = trail.due(has_come, &desk.questions);
        if !due.is_empty()
            && let Err(error) = desk.visits.put_tries(due).await
        {
            tracing::warn!(name: "storage.write-failed", %error, "tries that failed could not be written down: they are missing around the visits of this time");
        }
        let open: Arc<[Outage]> = ways.iter().filter_map(|(_, way)| way.known.clone()).collect();
        desk.outages.send_if_modified(|told| core::mem::replace(told, Arc::clone(&open)) != open);
        let changed = async {
            tokio::select! {
                changed = engine.changed() => changed.is_ok(),
                changed = counts.changed() => changed.is_ok(),
            }
        };
        if stop.run_until_cancelled(changed).await != Some(true) {
            return;
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
        let next = way.next(Direction::Pull, activity, at(minute), false);
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

    fn pushes(tries: u32) -> SyncStatus {
        SyncStatus { push: failing(tries, Trouble::Unreachable), ..SyncStatus::default() }
    }

    fn reading(minute: i64) -> Reading {
        let since_boot = core::time::Duration::from_secs(u64::try_from(minute * 60).unwrap());
        Reading { wall: at(minute), since_boot, boot_id: "test".into() }
    }

    #[test]
    fn tries_are_written_when_a_visit_comes_a_few_after_it_and_a_question_with_its_own_visit() {
        let (mut trail, questions) = (Trail::default(), Questions::default());
        let note = |trail: &mut Trail, tries, minute| trail.note(&pushes(tries), VecDeque::new(), &reading(minute));
        for tries in 1..=50 {
            note(&mut trail, tries, i64::from(tries));
            note(&mut trail, tries, i64::from(tries));
            assert_eq!(trail.due(false, &questions), [], "nobody has come");
        }
        let before = trail.due(true, &questions);
        assert_eq!((before.len(), before.last().unwrap().at), (WAITING, at(50)));
        let after = (51..70).map(|tries| {
            note(&mut trail, tries, i64::from(tries));
            trail.due(false, &questions).len()
        });
        assert_eq!(after.sum::<usize>(), 6);
        // The question fails before its person is checked in, and again and again after it.
        let wanted = Wanted { card_number: None, insurance_number: None, personal_id: None };
        let question = |minute| FailedQuestion { wanted: wanted.clone(), trouble: "unreachable", at: reading(minute) };
        let id = VisitId(uuid::Uuid::from_u128(7));
        let mut told = Vec::new();
        for minute in 70..90 {
            trail.note(&pushes(69), VecDeque::from([question(minute)]), &reading(minute));
            if minute == 71 {
                questions.are_of(wanted.clone(), id);
            }
            told.extend(trail.due(false, &questions));
        }
        assert!(told.iter().all(|one| one.about == Some(id) && &*one.direction == "ask"), "{told:?}");
        assert_eq!(told.iter().map(|one| one.at).collect::<Vec<_>>(), [70, 71, 72, 73].map(at));
    }

    #[test]
    fn what_is_known_when_a_visit_comes_is_written_whenever_it_was_written_before() {
        let mut way = Way::default();
        write(&mut way, &failing(2, Trouble::Unreachable), 2).unwrap();
        assert_eq!(way.next(Direction::Pull, &failing(3, Trouble::Unreachable), at(3), false), None);
        let known = way.next(Direction::Pull, &failing(3, Trouble::Unreachable), at(9), true).unwrap();
        assert_eq!((known.tries, known.last_try_at), (3, at(3)), "looking again is no try");
        way.wrote(known);
        assert_eq!(way.next(Direction::Pull, &failing(3, Trouble::Unreachable), at(10), true), None, "nothing new is known");
    }

    #[test]
    fn what_lies_in_this_machine_is_no_outage() {
        for trouble in [Trouble::DiskFull, Trouble::AllowanceUsed, Trouble::Keys] {
            assert_eq!(write(&mut Way::default(), &failing(9, trouble.clone()), 9), None, "{trouble:?}");
        }
    }
}
