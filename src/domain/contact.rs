//! A contact: what station and province tell each other about themselves, beside rows and visits.
//!
//! Promise: the words of the protocol's section on contact (`tests/provincial/README.md`) without its text forms. Never: a person; a decision.

use core::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use super::access::Head;
use super::clock::ClockState;
use super::clock::Reading;
use super::roster::PullCursor;
use super::visit::Sequence;
use super::wipe::Heard;

/// The chain by which a copied disk is noticed: each contact shows the link that the last one left and leaves a new one. Both are on the station's disk
/// before anything is sent, so a contact whose answer was lost is repeated with the same two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLinks {
    /// What the last answered contact left; `None` before the first.
    pub previous: Option<Uuid>,
    /// What this one leaves.
    pub next: Uuid,
}

/// What the station says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Which record of visits speaks.
    pub install: Uuid,
    /// Its place in the chain.
    pub links: ChainLinks,
    /// What the province holds beyond this sequence, this disk does not: it has sent none of it. 0 before the first visit.
    pub highest: Sequence,
    /// Visits not confirmed.
    pub pending: u64,
    /// Visits refused and waiting for a person.
    pub parked: u64,
    /// The roster it holds.
    pub roster: Option<PullCursor>,
    /// Its clocks, read as the message was made.
    pub reading: Reading,
    /// Whether it believes its wall clock.
    pub clock: ClockState,
    /// The end of its access log; `None`: that has no line.
    pub log: Option<Head>,
}

/// What the province answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The province's time as it answered.
    pub at: DateTime<Utc>,
    /// Identity of the province's record of visits. Another one than before: it was restored from a backup.
    pub ledger: Uuid,
    /// No visit received before this instant, by the province's own receipts, is missing there.
    pub complete_to: DateTime<Utc>,
    /// What the province makes of the chain.
    pub machine: Machine,
    /// Visits that the province holds from this install beyond [`Hello::highest`].
    pub ahead: Option<Ahead>,
    /// The furthest end of this install's access log that the province was ever told; `None`: none, or it keeps none.
    pub log: Option<Head>,
    /// What came in the place of a wipe order; `None`: nothing, as nearly always.
    pub wipe: Option<Heard>,
}

/// Who speaks, as far as the chain tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// The one that spoke last, or the first of its install.
    Known,
    /// One that has missed later contacts: its disk fell back, or it is a copy. Which of the two is not known yet.
    FellBack,
    /// Two machines speak from copies of one disk.
    Copied,
}

impl Machine {
    /// The stable text of wire and contract. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::FellBack => "fell_back",
            Self::Copied => "copied",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Known, Self::FellBack, Self::Copied].into_iter().find(|machine| machine.code() == text)
    }
}

/// Visits of this install that the province holds and this disk does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The highest of their sequences.
    pub highest: Sequence,
    /// How many.
    pub visits: u64,
    /// When the province received the first of them.
    pub first_received_at: DateTime<Utc>,
    /// And the last.
    pub last_received_at: DateTime<Utc>,
}

impl Ahead {
    /// What is left of it where so many are ours after all.
    pub fn without(self, ours: u64) -> Option<Self> {
        let visits = self.visits.saturating_sub(ours);
        (visits > 0).then_some(Self { visits, ..self })
    }

    /// The same with what was missing before: visits beyond those.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        Self {
            highest: self.highest.max(before.highest),
            visits: self.visits.saturating_add(before.visits),
            first_received_at: self.first_received_at.min(before.first_received_at),
            last_received_at: self.last_received_at.max(before.last_received_at),
        }
    }
}

/// The province's time tied to a start of the machine: whatever carries a boot id and a time since that boot can be placed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeAnchor {
    /// Which start of the machine.
    pub boot_id: Box<str>,
    /// Since that start.
    pub since_boot: Duration,
    /// The province's time at that moment.
    pub at: DateTime<Utc>,
}

impl TimeAnchor {
    /// Ties an answer to the two readings around the question: the middle of them, wrong by half of their distance at most.
    pub fn between(asked: &Reading, answered: &Reading, at: DateTime<Utc>) -> Self {
        let half = answered.since_boot.saturating_sub(asked.since_boot) / 2;
        Self { boot_id: answered.boot_id.clone(), since_boot: asked.since_boot + half, at }
    }

    /// The instant of another moment of the same start of the machine.
    pub fn place(&self, since_boot: Duration) -> Option<DateTime<Utc>> {
        let span = |span: Duration| TimeDelta::from_std(span).ok();
        if since_boot >= self.since_boot {
            self.at.checked_add_signed(span(since_boot.saturating_sub(self.since_boot))?)
        } else {
            self.at.checked_sub_signed(span(self.since_boot.saturating_sub(since_boot))?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(seconds: u64) -> Reading {
        Reading { wall: DateTime::UNIX_EPOCH, since_boot: Duration::from_secs(seconds), boot_id: "boot".into() }
    }

    #[test]
    fn an_anchor_lies_in_the_middle_and_places_both_ways() {
        let at: DateTime<Utc> = "2026-11-22T03:00:00Z".parse().unwrap();
        let anchor = TimeAnchor::between(&reading(100), &reading(104), at);
        assert_eq!(anchor.since_boot, Duration::from_secs(102));
        assert_eq!(anchor.place(Duration::from_secs(102)), Some(at));
        assert_eq!(anchor.place(Duration::from_secs(2)), Some(at - TimeDelta::seconds(100)));
        assert_eq!(anchor.place(Duration::from_secs(162)), Some(at + TimeDelta::minutes(1)));
        assert_eq!(anchor.place(Duration::MAX), None);
    }

    #[test]
    fn the_words_for_machines_are_read_back() {
        for machine in [Machine::Known, Machine::FellBack, Machine::Copied] {
            assert_eq!(Machine::parse(machine.code()), Some(machine));
        }
        assert_eq!(Machine::parse("other"), None);
    }
}
