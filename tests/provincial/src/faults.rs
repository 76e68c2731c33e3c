//! Trouble on demand: what a station has to survive, switched on and off while the server runs.
//!
//! Promises: without a fault set the server behaves as the README says; a fault changes answers only, never what
//! the ledger holds beyond what a real server in that trouble would have stored. Must never be on by default.

use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every nth batch is stored, and the answer is 500 all the same.
    IntakeFailsAfterCommit(u32),
    /// Every nth batch is stored, and the connection dropped without an answer.
    IntakeDropsAfterCommit(u32),
    /// Every nth batch is stored, and then nothing is said, for as long as the process lives: for whoever ends it there.
    IntakeHangsAfterCommit(u32),
    /// Every batch is answered 503 with this `Retry-After`, in seconds; nothing is stored.
    IntakeBusy(u32),
    /// Batches of more than this many visits are answered 413.
    IntakeSmall(u32),
    /// Packed batches are answered 415, as by a province that does not know them.
    IntakePlain,
    /// Every nth visit is `rejected` as `malformed`.
    RejectVisits(u32),
    /// Every nth visit gets `retry` after one second; it is not stored.
    RetryVisits(u32),
    /// Every nth contact is taken in, and the connection dropped without an answer.
    ContactDrops(u32),
    /// Every nth enrolment that is taken in is not answered: the connection is dropped.
    EnrolDrops(u32),
    /// Look-ups are answered this many milliseconds late.
    LookupSlow(u32),
    /// Sealed files break off half-way.
    FeedBreaksOff,
    /// One byte of each sealed file is wrong.
    FeedWrongByte,
    /// The feed is answered 500.
    FeedFails,
    /// Every request is answered 200 with a log-in page, as a hotel network does.
    CaptivePortal,
    /// Every answer comes this many milliseconds late.
    Delay(u32),
    /// The server's clock is off by this many seconds.
    ClockSkew(i64),
}

impl Fault {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::IntakeFailsAfterCommit(_) => "intake-500-after-commit",
            Self::IntakeDropsAfterCommit(_) => "intake-drop-after-commit",
            Self::IntakeHangsAfterCommit(_) => "intake-hang-after-commit",
            Self::IntakeBusy(_) => "intake-503",
            Self::IntakeSmall(_) => "intake-413",
            Self::IntakePlain => "intake-415",
            Self::RejectVisits(_) => "reject-visits",
            Self::RetryVisits(_) => "retry-visits",
            Self::ContactDrops(_) => "contact-drop",
            Self::EnrolDrops(_) => "enrol-drop",
            Self::LookupSlow(_) => "lookup-slow",
            Self::FeedBreaksOff => "feed-break-off",
            Self::FeedWrongByte => "feed-wrong-byte",
            Self::FeedFails => "feed-500",
            Self::CaptivePortal => "captive-portal",
            Self::Delay(_) => "delay-ms",
            Self::ClockSkew(_) => "clock-skew",
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, number) = text.split_once('=').unwrap_or((text, ""));
        let count = || match number {
            "" => Ok(1),
            _ => number.parse::<u32>().map_err(|_| format!("{word} wants a whole number")),
        };
        Ok(match word {
            "intake-500-after-commit" => Self::IntakeFailsAfterCommit(count()?),
            "intake-drop-after-commit" => Self::IntakeDropsAfterCommit(count()?),
            "intake-hang-after-commit" => Self::IntakeHangsAfterCommit(count()?),
            "intake-503" => Self::IntakeBusy(count()?),
            "intake-413" => Self::IntakeSmall(count()?),
            "intake-415" => Self::IntakePlain,
            "reject-visits" => Self::RejectVisits(count()?),
            "retry-visits" => Self::RetryVisits(count()?),
            "contact-drop" => Self::ContactDrops(count()?),
            "enrol-drop" => Self::EnrolDrops(count()?),
            "lookup-slow" => Self::LookupSlow(count()?),
            "feed-break-off" => Self::FeedBreaksOff,
            "feed-wrong-byte" => Self::FeedWrongByte,
            "feed-500" => Self::FeedFails,
            "captive-portal" => Self::CaptivePortal,
            "delay-ms" => Self::Delay(count()?),
            "clock-skew" => Self::ClockSkew(number.parse().map_err(|_| "clock-skew wants seconds".to_owned())?),
            _ => return Err(format!("no fault is called {word}")),
        })
    }
}

#[derive(Debug, Default)]
struct Inner {
    set: Vec<Fault>,
    batches: u32,
    visits: u32,
    contacts: u32,
    enrolments: u32,
}

/// The faults that are on.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Inner>);

/// What befalls one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchFate {
    pub(crate) busy_seconds: Option<u32>,
    pub(crate) at_most: Option<u32>,
    pub(crate) fail_after_commit: bool,
    pub(crate) drop_after_commit: bool,
    pub(crate) hang_after_commit: bool,
}

/// What befalls one visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VisitFate {
    Judge,
    Reject,
    Retry,
}

impl Faults {
    /// Switches a fault on; one of the same kind is replaced. Its count starts anew.
    pub fn set(&self, fault: Fault) {
        let mut inner = self.inner();
        inner.set.retain(|other| other.word() != fault.word());
        inner.set.push(fault);
        (inner.batches, inner.visits, inner.contacts, inner.enrolments) = (0, 0, 0, 0);
    }

    /// Switches every fault off.
    pub fn clear(&self) {
        *self.inner() = Inner::default();
    }

    /// The faults that are on.
    pub fn active(&self) -> Vec<Fault> {
        self.inner().set.clone()
    }

    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.inner().set.contains(&fault)
    }

    pub(crate) fn delay(&self) -> Option<Duration> {
        self.inner().set.iter().find_map(|fault| match fault {
            Fault::Delay(milliseconds) => Some(Duration::from_millis(u64::from(*milliseconds))),
            _ => None,
        })
    }

    pub(crate) fn clock_skew(&self) -> chrono::TimeDelta {
        let seconds = self.inner().set.iter().find_map(|fault| match fault {
            Fault::ClockSkew(seconds) => Some(*seconds),
            _ => None,
        });
        seconds.and_then(chrono::TimeDelta::try_seconds).unwrap_or_default()
    }

    pub(crate) fn next_batch(&self) -> BatchFate {
        let mut inner = self.inner();
        inner.batches = inner.batches.wrapping_add(1);
        let mut fate = BatchFate::default();
        for fault in &inner.set {
            match *fault {
                Fault::IntakeBusy(seconds) => fate.busy_seconds = Some(seconds),
                Fault::IntakeSmall(visits) => fate.at_most = Some(visits),
                Fault::IntakeFailsAfterCommit(every) => fate.fail_after_commit = is_nth(inner.batches, every),
                Fault::IntakeDropsAfterCommit(every) => fate.drop_after_commit = is_nth(inner.batches, every),
                Fault::IntakeHangsAfterCommit(every) => fate.hang_after_commit = is_nth(inner.batches, every),
                _ => {}
            }
        }
        fate
    }

    pub(crate) fn next_visit(&self) -> VisitFate {
        let mut inner = self.inner();
        inner.visits = inner.visits.wrapping_add(1);
        for fault in &inner.set {
            match *fault {
                Fault::RejectVisits(every) if is_nth(inner.visits, every) => return VisitFate::Reject,
                Fault::RetryVisits(every) if is_nth(inner.visits, every) => return VisitFate::Retry,
                _ => {}
            }
        }
        VisitFate::Judge
    }

    pub(crate) fn next_contact_drops(&self) -> bool {
        let mut inner = self.inner();
        inner.contacts = inner.contacts.wrapping_add(1);
        let drops = |fault: &Fault| matches!(*fault, Fault::ContactDrops(every) if is_nth(inner.contacts, every));
        inner.set.iter().any(drops)
    }

    pub(crate) fn next_enrolment_drops(&self) -> bool {
        let mut inner = self.inner();
        inner.enrolments = inner.enrolments.wrapping_add(1);
        let drops = |fault: &Fault| matches!(*fault, Fault::EnrolDrops(every) if is_nth(inner.enrolments, every));
        inner.set.iter().any(drops)
    }

    pub(crate) fn lookup_delay(&self) -> Option<Duration> {
        self.inner().set.iter().find_map(|fault| match fault {
            Fault::LookupSlow(milliseconds) => Some(Duration::from_millis(u64::from(*milliseconds))),
            _ => None,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A list of faults is whole after every step, so a panic elsewhere cannot have left it half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_nth(count: u32, every: u32) -> bool {
    every > 0 && count.is_multiple_of(every)
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())?;
        match self {
            Self::IntakeFailsAfterCommit(number)
            | Self::IntakeDropsAfterCommit(number)
            | Self::IntakeHangsAfterCommit(number)
            | Self::IntakeBusy(number)
            | Self::IntakeSmall(number)
            | Self::RejectVisits(number)
            | Self::RetryVisits(number)
            | Self::ContactDrops(number)
            | Self::EnrolDrops(number)
            | Self::LookupSlow(number)
            | Self::Delay(number) => write!(out, "={number}"),
            Self::ClockSkew(seconds) => write!(out, "={seconds}"),
            Self::IntakePlain | Self::FeedBreaksOff | Self::FeedWrongByte | Self::FeedFails | Self::CaptivePortal => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_what_it_prints() {
        for fault in [
            Fault::IntakeFailsAfterCommit(2),
            Fault::IntakeDropsAfterCommit(3),
            Fault::IntakeHangsAfterCommit(4),
            Fault::IntakeBusy(7),
            Fault::IntakeSmall(10),
            Fault::IntakePlain,
            Fault::RejectVisits(5),
            Fault::RetryVisits(4),
            Fault::ContactDrops(2),
            Fault::EnrolDrops(1),
            Fault::LookupSlow(900),
            Fault::FeedBreaksOff,
            Fault::FeedWrongByte,
            Fault::FeedFails,
            Fault::CaptivePortal,
            Fault::Delay(250),
            Fault::ClockSkew(-3600),
        ] {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert!("something-else".parse::<Fault>().is_err());
        assert!("delay-ms=soon".parse::<Fault>().is_err());
    }

    #[test]
    fn every_second_batch_fails_after_commit() {
        let faults = Faults::default();
        faults.set(Fault::IntakeFailsAfterCommit(2));
        let fates: Vec<bool> = (0..4).map(|_| faults.next_batch().fail_after_commit).collect();
        assert_eq!(fates, [false, true, false, true]);
        faults.clear();
        assert_eq!(faults.next_batch(), BatchFate::default());
    }
}
