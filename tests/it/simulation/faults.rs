//! What goes wrong, and how often: the one table.
//!
//! Promise: every fault is drawn from the run's own generator, so that a seed replays it. Rates are per try for a
//! [`Fate`] and per day for a [`Happening`], in thousandths, and are multiplied by the run's `trouble`. Never: a fault that depends on the length of
//! a sealed file, which differs from run to run.

use rand::RngExt;
use rand::rngs::StdRng;

use super::clock::DAY;
use super::clock::HOUR;
use super::clock::MINUTE;
use bhyt_agent::sync::driver::Direction;

/// What befalls one try of one direction on the link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Fate {
    #[default]
    Fine,
    /// The connection breaks before the request is through.
    CutBefore,
    /// A log-in page answers.
    Portal,
    /// The server answers 500 and has done nothing.
    Failed,
    /// The server answers 503 or 429 with `Retry-After` in seconds.
    Busy(u64),
    /// Nothing moves for so long; then the connection breaks.
    Stall(i64),
    /// An index of days ago is served: rolled back, or expired.
    OldIndex,
    /// Something is published between the index and its signature.
    TornIndex,
    /// A download breaks off after this share of its bytes.
    CutInFile(f64),
    /// A download takes this long in its middle.
    SlowFile(i64),
    /// A byte of a download is another one.
    WrongByte(f64),
    /// The station is killed after this share of a download.
    KilledInFile(f64),
    /// The answer to a batch is lost after the province has stored it.
    AnswerLost,
    /// 500 in its place.
    FailedAfterCommit,
    /// Batches above this size are answered 413.
    TooLarge(u32),
    /// The network delivers the request twice.
    Twice,
    /// An old duplicate of the request arrives after this time.
    Later(i64),
    /// The answer takes this long.
    SlowAnswer(i64),
    /// Every so many visits one is put off.
    PutOff(u32),
    /// Every so many visits one is refused.
    Reject(u32),
    /// The province holds the visits and says of the first that it holds another one by that name.
    Conflict,
    /// The station is killed before the request is through.
    KilledBefore,
    /// The station is killed when the province has stored and nobody has read the answer.
    KilledAfterCommit,
}

type DrawFate = fn(&mut StdRng) -> Fate;

const FATES: [(Direction, &str, u32, DrawFate); 39] = [
    (Direction::Pull, "pull_cut_before", 20, |_| Fate::CutBefore),
    (Direction::Pull, "pull_portal", 5, |_| Fate::Portal),
    (Direction::Pull, "pull_500", 5, |_| Fate::Failed),
    (Direction::Pull, "pull_503", 5, |random| Fate::Busy(random.random_range(1..1800))),
    (Direction::Pull, "pull_stall", 5, |random| Fate::Stall(random.random_range(MINUTE..HOUR))),
    (Direction::Pull, "old_index", 10, |_| Fate::OldIndex),
    (Direction::Pull, "torn_index", 5, |_| Fate::TornIndex),
    (Direction::Pull, "cut_in_file", 100, |random| Fate::CutInFile(random.random())),
    (Direction::Pull, "slow_file", 40, |random| Fate::SlowFile(random.random_range(MINUTE..HOUR))),
    (Direction::Pull, "wrong_byte", 40, |random| Fate::WrongByte(random.random())),
    (Direction::Pull, "killed_in_file", 20, |random| Fate::KilledInFile(random.random())),
    (Direction::Push, "push_cut_before", 30, |_| Fate::CutBefore),
    (Direction::Push, "push_portal", 5, |_| Fate::Portal),
    (Direction::Push, "push_500", 5, |_| Fate::Failed),
    (Direction::Push, "push_503", 5, |random| Fate::Busy(random.random_range(1..1800))),
    (Direction::Push, "answer_lost", 30, |_| Fate::AnswerLost),
    (Direction::Push, "500_after_commit", 20, |_| Fate::FailedAfterCommit),
    (Direction::Push, "413", 10, |random| Fate::TooLarge(random.random_range(1..5))),
    (Direction::Push, "delivered_twice", 20, |_| Fate::Twice),
    (Direction::Push, "delivered_late_again", 20, |random| Fate::Later(random.random_range(MINUTE..2 * DAY))),
    (Direction::Push, "slow_answer", 10, |random| Fate::SlowAnswer(random.random_range(1000..HOUR))),
    (Direction::Push, "put_off", 10, |random| Fate::PutOff(random.random_range(1..4))),
    (Direction::Push, "refused", 15, |random| Fate::Reject(random.random_range(1..4))),
    (Direction::Push, "conflict_told", 10, |_| Fate::Conflict),
    (Direction::Contact, "contact_cut_before", 40, |_| Fate::CutBefore),
    (Direction::Contact, "contact_portal", 10, |_| Fate::Portal),
    (Direction::Contact, "contact_500", 10, |_| Fate::Failed),
    (Direction::Contact, "contact_503", 10, |random| Fate::Busy(random.random_range(1..1800))),
    (Direction::Contact, "contact_stall", 10, |random| Fate::Stall(random.random_range(MINUTE..HOUR))),
    (Direction::Contact, "contact_answer_lost", 50, |_| Fate::AnswerLost),
    (Direction::Contact, "contact_500_after_commit", 20, |_| Fate::FailedAfterCommit),
    (Direction::Contact, "contact_slow_answer", 30, |random| Fate::SlowAnswer(random.random_range(1000..MINUTE))),
    (Direction::Contact, "killed_around_contact", 10, killed),
    (Direction::Ask, "ask_cut_before", 50, |_| Fate::CutBefore),
    (Direction::Ask, "ask_portal", 10, |_| Fate::Portal),
    (Direction::Ask, "ask_500", 10, |_| Fate::Failed),
    (Direction::Ask, "ask_503", 10, |random| Fate::Busy(random.random_range(1..1800))),
    (Direction::Ask, "ask_answer_lost", 50, |_| Fate::AnswerLost),
    (Direction::Push, "killed_around_commit", 8, killed),
];

fn killed(random: &mut StdRng) -> Fate {
    if random.random() { Fate::KilledAfterCommit } else { Fate::KilledBefore }
}

/// Draws what befalls the next try.
pub(super) fn draw_fate(random: &mut StdRng, direction: Direction, trouble: f64) -> (Fate, &'static str) {
    let drawn = random.random::<f64>() * 1000.0;
    let mut above = 0.0;
    for (_, name, rate, make) in FATES.iter().filter(|row| row.0 == direction) {
        above += f64::from(*rate) * trouble;
        if drawn < above {
            return (make(random), name);
        }
    }
    (Fate::Fine, "fine")
}

/// What befalls a station or the province in the course of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// The machine loses power; it starts again later.
    Kill,
    /// The program is stopped in order and started at once.
    Restart,
    /// The roster's file is damaged while the machine is off.
    CardsDamaged,
    /// The wall clock is set to something else, years away at times.
    ClockJump,
    /// And to the right time.
    ClockRight,
    /// No link for hours or days.
    Offline,
    /// The disk fills up, for some hours.
    DiskFull,
    /// The province begins a new numbering.
    NewSession,
    /// The province serves an index in which a delta has another digest than before, until it publishes again.
    Rewritten,
    /// The station's disk falls back to a copy of some time ago.
    DiskFallsBack,
    /// Four in ten people leave the roster in one night; they come back later.
    Upheaval,
    /// The province signs its indexes with another key from now on.
    KeyRotated,
    /// The province's server is away for a while; its ledger is closed and opened.
    ProvinceRestart,
    /// The province's ledger falls back to a backup.
    ProvinceRestored,
}

pub(super) struct HappeningRow {
    pub(super) what: Happening,
    pub(super) name: &'static str,
    /// Thousandths per day and station; of the province's own, per day.
    rate: u32,
}

const fn row(what: Happening, name: &'static str, rate: u32) -> HappeningRow {
    HappeningRow { what, name, rate }
}

pub(super) const OF_STATIONS: [HappeningRow; 11] = [
    row(Happening::Kill, "station_killed", 100),
    row(Happening::Restart, "station_restarted", 100),
    row(Happening::CardsDamaged, "cards_damaged", 20),
    row(Happening::ClockJump, "clock_jump", 60),
    row(Happening::ClockRight, "clock_set_right", 100),
    row(Happening::Offline, "offline", 120),
    row(Happening::DiskFull, "disk_full", 200),
    row(Happening::NewSession, "new_session", 20),
    row(Happening::Rewritten, "rewritten_feed", 60),
    row(Happening::DiskFallsBack, "disk_fell_back", 20),
    row(Happening::Upheaval, "upheaval", 20),
];

pub(super) const OF_PROVINCE: [HappeningRow; 3] = [
    row(Happening::ProvinceRestart, "province_restarted", 1000),
    row(Happening::ProvinceRestored, "province_restored", 150),
    row(Happening::KeyRotated, "index_key_rotated", 100),
];

impl HappeningRow {
    /// Whether it happens on this day.
    pub(super) fn happens(&self, random: &mut StdRng, trouble: f64) -> bool {
        random.random_bool((f64::from(self.rate) * trouble / 1000.0).min(1.0))
    }
}
