//! Whom the province is still to be asked about: single look-ups, beside the roster.
//!
//! Promise: a bounded list in memory; the newest person is asked about first and the oldest falls out; the same numbers are asked once an hour, and at
//! most [`MOST`] answers an hour are asked for; a link that has just failed is left alone. Never: a place in the way of an answer at the desk; a number in a
//! log.

use core::time::Duration;
use std::collections::VecDeque;

use super::status::FailedQuestion;
use super::status::Trouble;
use crate::domain::clock::Reading;
use crate::domain::roster::Wanted;

/// How many may wait.
const ROOM: usize = 16;
/// How many are asked about in [`SPAN`].
const MOST: usize = 60;
/// An hour: over it questions are counted, and so long an answer is not asked for again.
const SPAN: Duration = Duration::from_hours(1);
/// So long a link that failed is left alone.
const LINK_REST: Duration = Duration::from_mins(1);

/// The people to ask about, and those asked about. Instants are times since boot.
#[derive(Debug, Default)]
pub(super) struct Asks {
    waiting: VecDeque<Wanted>,
    under_way: Option<Wanted>,
    asked: VecDeque<(Duration, Option<Wanted>)>,
    link_failed: Option<Duration>,
    /// Questions that failed, which nobody has written down yet.
    failed: VecDeque<FailedQuestion>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask about this one.
    Ask(Wanted),
    /// Somebody waits, but not yet.
    Wait(Duration),
    /// Nobody waits.
    Nothing,
}

impl Asks {
    /// Somebody else. Whoever waits already comes to the front.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.waiting.retain(|waiting| *waiting != wanted);
        if self.waiting.len() == ROOM {
            self.waiting.pop_front();
        }
        self.waiting.push_back(wanted);
    }

    /// Takes out whom to ask about.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        self.asked.retain(|(at, _)| now.saturating_sub(*at) < SPAN);
        let asked = &self.asked;
        self.waiting.retain(|wanted| !asked.iter().any(|(_, known)| known.as_ref() == Some(wanted)));
        if self.waiting.is_empty() {
            return Next::Nothing;
        }
        let wait = self.wait(now);
        match self.waiting.pop_back_if(|_| wait.is_zero()) {
            Some(wanted) => {
                self.asked.push_back((now, None));
                self.under_way = Some(wanted.clone());
                Next::Ask(wanted)
            }
            None => Next::Wait(wait),
        }
    }

    /// How long nobody may be asked about.
    fn wait(&self, now: Duration) -> Duration {
        let left = |since: Option<Duration>, span: Duration| since.map_or(Duration::ZERO, |at| (at + span).saturating_sub(now));
        let oldest = self.asked.front().filter(|(at, _)| self.asked.len() >= MOST && now.saturating_sub(*at) < SPAN).map(|(at, _)| *at);
        left(oldest, SPAN).max(left(self.link_failed, LINK_REST))
    }

    /// Whether an answer about this one may come any moment: the question is under way, or waits and nothing forbids it.
    pub(super) fn is_awaited(&self, wanted: &Wanted, now: Duration) -> bool {
        self.under_way.as_ref() == Some(wanted) || (self.waiting.contains(wanted) && self.wait(now).is_zero())
    }

    /// The question that was under way is not any more: its answer is kept, or there is none, and why. One that failed for want of a province that answers
    /// waits to be written down.
    pub(super) fn ended(&mut self, trouble: Option<&Trouble>, at: Reading) {
        let failed = self.under_way.take().zip(trouble.filter(|trouble| trouble.is_outage()));
        self.failed.extend(failed.map(|(wanted, trouble)| FailedQuestion { wanted, trouble: trouble.code(), at }));
        if self.failed.len() > ROOM {
            self.failed.pop_front();
        }
    }

    /// The question has its answer, or no use in being asked again.
    pub(super) fn answered(&mut self, wanted: Wanted) {
        if let Some((_, last)) = self.asked.back_mut() {
            *last = Some(wanted);
        }
    }

    /// The question did not get through: it waits again, behind whoever came meanwhile.
    pub(super) fn put_back(&mut self, wanted: Wanted) {
        if self.waiting.len() < ROOM && !self.waiting.contains(&wanted) {
            self.waiting.push_front(wanted);
        }
    }

    /// Takes out what failed since this was last asked.
    pub(super) fn take_failed(&mut self) -> VecDeque<FailedQuestion> {
        core::mem::take(&mut self.failed)
    }

    /// Nobody is to be asked about any more: the province does not answer such questions.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A request found no link.
    pub(super) fn link_failed(&mut self, now: Duration) {
        self.link_failed = Some(now);
    }

    /// A request got through, a link came up, or a person asks all the same.
    pub(super) fn link_may_work(&mut self) {
        self.link_failed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::person::CitizenId;

    fn wanted(n: u32) -> Wanted {
        let id = CitizenId::parse(&format!("022085{n:06}")).unwrap();
        Wanted { card_number: None, insurance_number: None, personal_id: Some(id) }
    }

    fn reading() -> Reading {
        Reading { wall: "2026-11-22T01:00:00Z".parse().unwrap(), since_boot: seconds(11), boot_id: "test".into() }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn ask(asks: &mut Asks, now: u64) -> Wanted {
        match asks.next(seconds(now)) {
            Next::Ask(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_is_asked_first_and_the_oldest_falls_out() {
        let mut asks = Asks::default();
        for n in 0..20 {
            asks.want(wanted(n));
        }
        asks.want(wanted(7));
        let order: Vec<_> = (0..16).map(|_| ask(&mut asks, 10)).collect();
        let expected: Vec<_> = [7].into_iter().chain((8..20).rev()).chain((4..7).rev()).map(wanted).collect();
        assert_eq!(order, expected);
        assert_eq!(asks.next(seconds(10)), Next::Nothing);
    }

    #[test]
    fn an_answer_lasts_an_hour_and_a_question_that_failed_is_asked_again() {
        let mut asks = Asks::default();
        asks.want(wanted(1));
        let first = ask(&mut asks, 10);
        asks.put_back(first);
        let first = ask(&mut asks, 20);
        asks.answered(first);
        asks.want(wanted(1));
        assert_eq!(asks.next(seconds(20 + 3599)), Next::Nothing);
        asks.want(wanted(1));
        assert_eq!(ask(&mut asks, 20 + 3600), wanted(1));
    }

    #[test]
    fn an_answer_is_awaited_while_the_question_waits_or_is_under_way_and_not_while_it_may_not_be_asked() {
        let mut asks = Asks::default();
        assert!(!asks.is_awaited(&wanted(1), seconds(10)));
        asks.want(wanted(1));
        assert!(asks.is_awaited(&wanted(1), seconds(10)) && !asks.is_awaited(&wanted(2), seconds(10)));
        let first = ask(&mut asks, 10);
        assert!(asks.is_awaited(&first, seconds(11)), "under way");
        asks.answered(first.clone());
        assert!(asks.is_awaited(&first, seconds(11)), "answered, but not on the disk yet");
        asks.ended(None, reading());
        assert!(!asks.is_awaited(&first, seconds(11)));
        // No link: it waits, but nobody should wait for it.
        asks.want(wanted(2));
        let second = ask(&mut asks, 12);
        asks.put_back(second.clone());
        asks.link_failed(seconds(12));
        asks.ended(Some(&Trouble::Unreachable), reading());
        let failed = FailedQuestion { wanted: second.clone(), trouble: "unreachable", at: reading() };
        assert_eq!(asks.take_failed(), [failed]);
        assert!(asks.take_failed().is_empty(), "once");
        assert!(!asks.is_awaited(&second, seconds(71)) && asks.is_awaited(&second, seconds(72)));
    }

    #[test]
    fn sixty_an_hour_and_no_more() {
        let mut asks = Asks::default();
        for n in 0..60 {
            asks.want(wanted(n));
            let asked = ask(&mut asks, u64::from(n));
            asks.answered(asked);
        }
        asks.want(wanted(60));
        assert_eq!(asks.next(seconds(100)), Next::Wait(seconds(3_500)));
        assert_eq!(ask(&mut asks, 3_600), wanted(60));
    }

    #[test]
    fn a_link_that_has_just_failed_is_left_alone_until_somebody_says_otherwise() {
        let mut asks = Asks::default();
        asks.link_failed(seconds(100));
        asks.want(wanted(1));
        assert_eq!(asks.next(seconds(130)), Next::Wait(seconds(30)));
        asks.link_may_work();
        assert_eq!(ask(&mut asks, 130), wanted(1));
    }
}
