//! What the engine is doing and how it goes, for whoever shows it.
//!
//! Promise: facts with their instants; a failure stays here, with since when and how often, until a success ends it. Never: the word "synced".
//! Whether everything has arrived is counted elsewhere: by the outbox and the cursor.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::clock::OddTime;
use crate::domain::clock::Reading;
use crate::domain::contact::Ahead;
use crate::domain::contact::Machine;
use crate::domain::roster::Serial;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::domain::roster::Wanted;
use crate::storage;
use crate::upstream;

use super::schedule::Rest;

// The parts a status is made of: whoever shows it needs no other door into the engine.
pub use super::plan::PullRefusal;
pub use super::plan::SnapshotReason;
pub use super::schedule::PutOff;
pub use crate::domain::roster::Held;
pub use crate::upstream::CertificateLife;
pub use crate::upstream::Distrust;
pub use crate::upstream::Fault;
pub use crate::upstream::Refusal;
pub use crate::upstream::province::stick::StickError;

/// The whole engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncStatus {
    /// Whether a province is configured and this station enrolled; without it nothing below ever moves.
    pub link: Link,
    /// Roster, downwards.
    pub pull: Activity,
    /// Visits, upwards.
    pub push: Activity,
    /// What station and province tell each other about themselves.
    pub contact: Activity,
    /// Single look-ups.
    pub ask: Activity,
    /// Serial of the newest verified index.
    pub offered: Option<Serial>,
    /// Why the last whole snapshot was taken instead of deltas.
    pub snapshot_reason: Option<SnapshotReason>,
    /// A roster that waits for a person to agree to what it takes away.
    pub held: Option<Held>,
    /// The state of a roster that a person has agreed to and that has not come since, whatever it takes away.
    pub agreed: Option<Sha256Digest>,
    /// What the province makes of this machine, as it was last heard.
    pub machine: Option<MachineWord>,
    /// Bytes that have gone over the link today, both ways.
    pub used_today: Option<u64>,
    /// How many may, before downloads wait for tomorrow; `None`: as many as it takes.
    pub allowed_today: Option<u64>,
    /// From when until when the station's certificate is in force.
    pub certificate: Option<CertificateLife>,
    /// What is odd about the time that the province told last.
    pub odd_time: Option<OddTime>,
    /// What the keys tell of who this station is, where that is not settled.
    pub identity: Identity,
    /// How many visits are sent again since the province was restored from a backup, and when that was noticed.
    pub requeued: Option<(u64, DateTime<Utc>)>,
    /// Since when a wipe order waits, because the unsent visits could not be sealed.
    pub wipe_waits: Option<DateTime<Utc>>,
}

impl SyncStatus {
    /// One direction of it.
    pub fn activity(&self, direction: Direction) -> &Activity {
        match direction {
            Direction::Push => &self.push,
            Direction::Pull => &self.pull,
            Direction::Contact => &self.contact,
            Direction::Ask => &self.ask,
        }
    }

    /// Without the pauses that are over by now: the wall clock may be set meanwhile, or be held for wrong, and their ends were reckoned by it.
    #[must_use]
    pub fn at(mut self, now: &Reading) -> Self {
        for direction in Direction::ALL {
            direction.of(&mut self).put_off.take_if(|pause| pause.since_boot <= now.since_boot);
        }
        self
    }
}

/// Who this station is to the province, as far as that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// A code was shown, and its answer has not come.
    pub asked: Option<Asked>,
    /// The certificate was given for another record of visits than the one on this machine.
    pub other_record: Option<OtherRecord>,
}

/// What was asked for with a code whose answer has not come. The same code is good again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What for.
    pub what: AskedFor,
    /// Since when, by the station's clock; `None`: not known.
    pub since: Option<DateTime<Utc>>,
}

/// What a code is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFor {
    /// The first certificate.
    Enrolment,
    /// Another identity in the place of the one before.
    Replacement,
}

/// A record of visits that the certificate was not given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherRecord {
    /// When it was begun; `None`: by a clock that cannot have been right.
    pub since: Option<DateTime<Utc>>,
}

/// A question that did not get its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedQuestion {
    /// About whom.
    pub wanted: Wanted,
    /// The code of what was in the way.
    pub trouble: &'static str,
    /// When, by the machine's clocks.
    pub at: Reading,
}

/// What the engine does of its own accord, each at its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Visits, upwards.
    Push,
    /// Roster, downwards.
    Pull,
    /// What station and province tell each other about themselves.
    Contact,
    /// Single look-ups.
    Ask,
}

impl Direction {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Push, Self::Pull, Self::Contact, Self::Ask];

    /// The name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Contact => "contact",
            Self::Ask => "ask",
        }
    }

    pub(super) fn of(self, status: &mut SyncStatus) -> &mut Activity {
        match self {
            Self::Push => &mut status.push,
            Self::Pull => &mut status.pull,
            Self::Contact => &mut status.contact,
            Self::Ask => &mut status.ask,
        }
    }
}

/// What the province makes of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineWord {
    /// Its word.
    pub machine: Machine,
    /// Visits of this machine that only the province holds.
    pub ahead: Option<Ahead>,
    /// Since when, by the province's time.
    pub since: DateTime<Utc>,
}

impl From<(Machine, Option<Ahead>, DateTime<Utc>)> for MachineWord {
    fn from((machine, ahead, since): (Machine, Option<Ahead>, DateTime<Utc>)) -> Self {
        Self { machine, ahead, since }
    }
}

/// Whether there is a province to talk to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// No province in the configuration.
    #[default]
    NotConfigured,
    /// A province, but no certificate yet.
    NotEnrolled,
    /// A certificate or key that cannot be used.
    Unusable,
    /// All there.
    Ready,
}

impl Link {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::NotEnrolled => "not_enrolled",
            Self::Unusable => "unusable",
            Self::Ready => "ready",
        }
    }
}

/// One direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// A try is under way.
    pub is_active: bool,
    /// Tries that came to an end since the start, well or not.
    pub rounds: u64,
    /// Of these, tries that failed.
    pub failures: u64,
    /// When it last went through to its end.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When it last failed, also where it has gone through since.
    pub failed_at: Option<DateTime<Utc>>,
    /// The failure that has not been followed by a success.
    pub failing: Option<Failing>,
    /// When it is tried next of its own accord.
    pub next_at: Option<DateTime<Utc>>,
    /// The province has asked for a pause.
    pub put_off: Option<PutOff>,
}

/// A failure that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since when, by the station's clock.
    pub since: DateTime<Utc>,
    /// Tries that failed so far.
    pub tries: u32,
    /// The latest reason.
    pub trouble: Trouble,
}

/// Why a try failed, as far as a person can do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No link.
    Unreachable,
    /// Server or station could not prove who they are.
    Untrusted(upstream::Distrust),
    /// Something else answered.
    Stranger,
    /// The server is busy or failed.
    ServerBusy,
    /// What may go over the link today has gone.
    AllowanceUsed,
    /// The server refuses this station; the code says why.
    Refused(upstream::Refusal),
    /// The server broke the protocol.
    Contract(upstream::Fault),
    /// The index is not to be believed.
    Index(PullRefusal),
    /// It would take away too much at once: a person has to look at it first.
    Held(Upheaval),
    /// The state we came to is not the one the index names.
    Mismatch(storage::Mismatch),
    /// The disk is full.
    DiskFull,
    /// Our own files cannot be read or written.
    Storage,
    /// Keys or certificate cannot be used.
    Keys,
}

impl Trouble {
    /// The stable code of the contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted(_) => "untrusted",
            Self::Stranger => "stranger",
            Self::ServerBusy => "server_busy",
            Self::AllowanceUsed => "allowance_used",
            Self::Refused(_) => "refused",
            Self::Contract(_) => "contract",
            Self::Index(refusal) => refusal.code(),
            Self::Held(_) => "held",
            Self::Mismatch(_) => "mismatch",
            Self::DiskFull => "disk_full",
            Self::Storage => "storage",
            Self::Keys => "keys",
        }
    }

    /// Whether a try of another direction that gets through makes this one worth trying again.
    pub(super) fn is_shared(&self) -> bool {
        self.is_outage()
    }

    /// Whether the province could not be asked because of it: what lies in this machine, or in what it was given, is none.
    pub fn is_outage(&self) -> bool {
        self.is_about_link() || matches!(self, Self::ServerBusy | Self::Refused(_))
    }

    /// Whether it was for want of a link to the province that a try failed.
    pub(super) fn is_about_link(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Untrusted(_) | Self::Stranger)
    }

    /// What the code leaves open, as a stable code of its own.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted(why) => Some(why.code()),
            _ => None,
        }
    }
}

impl From<&upstream::Error> for Trouble {
    fn from(error: &upstream::Error) -> Self {
        match error {
            upstream::Error::Unreachable(_) => Self::Unreachable,
            upstream::Error::Untrusted { why, .. } => Self::Untrusted(*why),
            upstream::Error::Stranger(_) => Self::Stranger,
            upstream::Error::Throttled(_) | upstream::Error::Failed(_) | upstream::Error::TooLarge | upstream::Error::Gone => {
                Self::ServerBusy
            }
            upstream::Error::AllowanceUsed => Self::AllowanceUsed,
            upstream::Error::Refused(refusal) => Self::Refused(refusal.clone()),
            upstream::Error::Contract(fault) => Self::Contract(*fault),
            upstream::Error::Disk(source) if source.kind() == std::io::ErrorKind::StorageFull => Self::DiskFull,
            upstream::Error::Disk(_) => Self::Storage,
            upstream::Error::Keys(_) => Self::Keys,
        }
    }
}

impl From<&storage::Error> for Trouble {
    fn from(error: &storage::Error) -> Self {
        match error {
            storage::Error::Full => Self::DiskFull,
            storage::Error::Mismatch(storage::Mismatch::Upheaval(upheaval)) => Self::Held(*upheaval),
            storage::Error::Mismatch(mismatch) => Self::Mismatch(*mismatch),
            storage::Error::Feed(source) => match source.downcast_ref::<upstream::Fault>() {
                Some(fault) => Self::Contract(*fault),
                None => Self::Storage,
            },
            _ => Self::Storage,
        }
    }
}

impl Activity {
    /// A try begins.
    pub(super) fn begin(&mut self) {
        self.is_active = true;
        (self.next_at, self.put_off) = (None, None);
    }

    /// It rests, or the rest has become another.
    pub(super) fn rests(&mut self, rest: &Rest, now: &Reading) {
        (self.next_at, self.put_off) = (rest.ends_at(now), rest.put_off(now));
    }

    /// There is another connection, or none any more.
    pub(super) fn linked(&mut self) {
        let rounds = self.rounds + u64::from(self.is_active);
        *self = Self { rounds, ..self.ended() };
    }

    /// A try under way was broken off, and another one follows.
    pub(super) fn resumed(&mut self) {
        self.rounds += u64::from(self.is_active);
        (self.is_active, self.next_at, self.put_off) = (false, None, None);
    }

    /// It went through.
    pub(super) fn succeed(&mut self, at: DateTime<Utc>) {
        *self = Self { succeeded_at: Some(at), rounds: self.rounds + 1, ..self.ended() };
    }

    /// There was nothing to do, so nothing was learned about the link. A failure is over only with what there was to do.
    pub(super) fn idle(&mut self, nothing_is_left: bool) {
        let failing = self.failing.take().filter(|_| !nothing_is_left);
        *self = Self { failing, rounds: self.rounds + 1, ..self.ended() };
    }

    /// It failed. Returns how many tries have failed in a row.
    pub(super) fn fail(&mut self, at: DateTime<Utc>, trouble: Trouble) -> u32 {
        self.is_active = false;
        self.rounds += 1;
        self.failures += 1;
        self.failed_at = Some(at);
        let (since, tries) = self.failing.as_ref().map_or((at, 0), |failing| (failing.since, failing.tries));
        let tries = tries.saturating_add(1);
        self.failing = Some(Failing { since, tries, trouble });
        tries
    }

    /// What is known of it once nothing is under way and nothing fails.
    fn ended(&self) -> Self {
        let Self { rounds, failures, succeeded_at, failed_at, .. } = *self;
        Self { rounds, failures, succeeded_at, failed_at, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    /// Its end was held against a clock that was believed later: three hours afterwards it was still told.
    #[test]
    fn a_pause_that_is_over_is_told_no_more_whatever_the_wall_clock_says() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let put_off = Some(PutOff { until: at("2026-11-23T09:10:00Z"), since_boot: Duration::from_mins(70) });
        let push = Activity { put_off, ..Activity::default() };
        let status = SyncStatus { push, ..SyncStatus::default() };
        for (minutes, told) in [(69, put_off), (70, None)] {
            for wall in ["2026-11-23T06:09:00Z", "2026-11-23T12:00:00Z"] {
                let now = Reading { wall: at(wall), since_boot: Duration::from_mins(minutes), boot_id: "1".into() };
                assert_eq!(status.clone().at(&now).push.put_off, told, "{minutes} {wall}");
            }
        }
    }
}
