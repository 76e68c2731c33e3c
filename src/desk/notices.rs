//! The one list of what is wrong or needs somebody, for the page's bar, the command line and the contract.
//!
//! Promise: most urgent first; a reason that stops several directions is told once; every notice has a stable code, since when, and one sentence in both
//! languages with what to do next. Pure. Never: a trouble left out because another one is there; words, which are in [`words`].

use core::net::SocketAddr;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::clock::ClockState;
use crate::domain::clock::OddTime;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::Machine;
use crate::domain::freshness::Freshness;
use crate::domain::outage::Outage;
use crate::storage::visits::Backups;
use crate::storage::visits::Counts;
use crate::storage::visits::LONGEST_PUT_OFF;
use crate::sync::status::Asked;
use crate::sync::status::AskedFor;
use crate::sync::status::Direction;
use crate::sync::status::Distrust;
use crate::sync::status::Link;
use crate::sync::status::MachineWord;
use crate::sync::status::SyncStatus;
use crate::sync::status::Trouble;

use super::Overview;
use super::words;
use super::words::Beside;
use super::words::Damaged;
use super::words::Sentence;
use super::words::Telling;

/// One thing that is wrong or needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable; what it leaves open comes after a dot.
    pub code: &'static str,
    /// What does not work because of it; `None`: several, or it is about the station itself.
    pub direction: Option<Direction>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// What is, and what to do.
    pub sentence: Sentence,
}

/// A door beside the page's own, which the desk can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideDoor {
    /// To the station's other desks.
    Lan,
    /// To the figures.
    Metrics,
}

impl SideDoor {
    /// Its table in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Metrics => "metrics",
        }
    }
}

/// So long it is told that the province was restored: by then all has been sent again.
const RESTORED_FOR: TimeDelta = TimeDelta::days(1);
/// So long it is told which visits a disk that fell back lacks, after the province knows it again.
const LACKING_FOR: TimeDelta = TimeDelta::days(30);

/// So long it is told that the record of visits is another one than the certificate was given for. Renewal is no sign that anybody has looked, and may be
/// eight months away; whoever has not found the old record in a month will not. It ends with the renewal all the same, which names the new one.
const OTHER_RECORD_FOR: TimeDelta = TimeDelta::days(30);

impl Notice {
    /// The service does not run: what is told then is read from its files.
    pub fn not_running() -> Self {
        Self::new("not_running", None, words::not_running())
    }

    /// The configuration was read again and has problems: the one before stays in force.
    pub fn configuration_refused(at: DateTime<Utc>, problems: usize) -> Self {
        Self::new("configuration.refused", Some(at), words::service::configuration_refused(problems))
    }

    /// The configuration on the disk is another one than what is in force.
    pub fn configuration_outdated() -> Self {
        Self::new("configuration.outdated", None, words::service::configuration_outdated())
    }

    /// Some of its keys wait for a restart.
    pub fn configuration_waits(keys: &str) -> Self {
        Self::new("configuration.waits", None, words::service::configuration_waits(keys))
    }

    /// A door beside the page's own cannot be opened.
    pub fn door_shut(door: SideDoor, address: SocketAddr, since: DateTime<Utc>, telling: Telling) -> Self {
        let code = match door {
            SideDoor::Lan => "door_shut.lan",
            SideDoor::Metrics => "door_shut.metrics",
        };
        Self::new(code, Some(since), words::service::door_shut(door, address, since, telling))
    }

    fn new(code: &'static str, since: Option<DateTime<Utc>>, sentence: Sentence) -> Self {
        Self { code, direction: None, since, sentence }
    }

    /// The mark on the page: what does not work, and why.
    pub fn label(&self) -> String {
        match self.direction {
            Some(direction) => format!("{}:{}", direction.name(), self.code),
            None => self.code.replacen('.', ":", 1),
        }
    }
}

/// All there is to tell, most urgent first. `quarantined` are the names of the files set aside.
pub fn of(overview: &Overview, quarantined: &[String]) -> Vec<Notice> {
    let Overview { now, roster, data_age, unsent, room, sync, outages, backup: _ } = overview;
    let telling = Telling::by(now);
    let mut notices = Vec::new();
    notices.extend(room.unsaved.map(|unsaved| {
        let code = if unsaved.is_full { "unsaved.disk_full" } else { "unsaved.disk_failed" };
        Notice::new(code, Some(unsaved.since), words::unsaved(unsaved, telling))
    }));
    notices.extend(damaged(Damaged::Visits, quarantined, telling));
    let (at_home, on_the_way): (Vec<_>, Vec<_>) =
        troubles(sync, outages, now.at, telling).into_iter().partition(|(is_at_home, _)| *is_at_home);
    // Where no visit can be saved, nothing is told of the room that is left to them, nor of another who wants to write.
    if room.unsaved.is_none() {
        notices.extend(at_home.into_iter().map(|(_, notice)| notice));
        notices.extend(room.is_little().map(|free| Notice::new("little_room", None, words::little_room(free))));
    }
    if unsent.aside > 0 {
        notices.push(Notice::new("set_aside.unsent", None, words::backup::aside_unsent(unsent.aside)));
    }
    notices.extend(sync.wipe_waits.map(|since| Notice::new("wipe_waits", Some(since), words::service::wipe_waits(since, telling))));
    notices.extend(machine(sync, now.at, telling));
    notices.extend(other_record(sync, quarantined, now.at, telling));
    notices.extend(damaged(Damaged::Cards, quarantined, telling));
    notices.extend(clock(sync.odd_time, now.state));
    match data_age.freshness {
        Freshness::Fresh | Freshness::Aging => {}
        Freshness::Stale => {
            let as_of = roster.cursor.as_ref().map(|cursor| cursor.as_of);
            notices.push(Notice::new("data.stale", as_of, words::data_stale(as_of, telling)));
        }
        Freshness::Absent => notices.push(Notice::new("data.absent", None, words::data_absent())),
    }
    if unsent.parked > 0 {
        notices.push(Notice::new("parked", None, words::parked(unsent.parked)));
    }
    notices.extend(put_off(unsent, now.at, telling));
    let open = open(sync);
    if let Some(asked) = open {
        notices.push(Notice::new("identity_open", asked.since, words::identity_open(asked, telling)));
    }
    if open.is_none_or(|asked| asked.what != AskedFor::Enrolment) {
        notices.extend(words::link(sync.link).map(|sentence| Notice::new(link_code(sync.link), None, sentence)));
    }
    let held = sync.held.as_ref().filter(|held| sync.agreed != Some(held.state));
    if sync.agreed.is_some() && held.is_none() {
        notices.push(Notice { direction: Some(Direction::Pull), ..Notice::new("roster_agreed", None, words::agreed()) });
    }
    if let Some(held) = held {
        let sentence = words::held(held.upheaval, Some(held.since), Some(telling));
        notices.push(Notice { direction: Some(Direction::Pull), ..Notice::new("roster_held", Some(held.since), sentence) });
    }
    notices.extend(on_the_way.into_iter().map(|(_, notice)| notice));
    notices.extend(backup(overview, telling));
    notices.extend(certificate(sync, now.at, telling));
    if unsent.rechecks > 0 {
        notices.push(Notice::new("rechecks", None, words::rechecks(unsent.rechecks)));
    }
    if let Some((visits, at)) = sync.requeued.filter(|(_, at)| now.at.signed_duration_since(*at) < RESTORED_FOR) {
        notices.push(Notice::new("province_restored", Some(at), words::requeued(visits, at, telling)));
    }
    notices
}

/// What a code was shown for that nobody has answered. Once there is a certificate, an enrolment that was asked for again changes nothing.
fn open(sync: &SyncStatus) -> Option<Asked> {
    sync.identity.asked.filter(|asked| asked.what == AskedFor::Replacement || sync.link == Link::NotEnrolled)
}

/// What stands in the place of a failure's own sentence: a machine whose replacement was asked for is not told that another one took its place.
pub(crate) fn instead(sync: &SyncStatus, trouble: &Trouble, telling: Telling) -> Option<Notice> {
    let is_replaced = matches!(trouble, Trouble::Refused(refusal) if refusal.as_str() == "replaced_certificate");
    let asked = open(sync).filter(|asked| is_replaced && asked.what == AskedFor::Replacement)?;
    Some(Notice::new("identity_open", asked.since, words::identity_open(asked, telling)))
}

/// A data folder that began anew beside keys that stayed. A file set aside says so itself.
fn other_record(sync: &SyncStatus, quarantined: &[String], now: DateTime<Utc>, telling: Telling) -> Option<Notice> {
    let record = sync.identity.other_record?;
    let is_explained = open(sync).is_some() || quarantined.iter().any(|name| name.contains("visits"));
    let is_over = record.since.is_some_and(|since| now.signed_duration_since(since) >= OTHER_RECORD_FOR);
    (!is_explained && !is_over).then(|| Notice::new("other_record", record.since, words::other_record(record.since, telling)))
}

/// Visits that wait because the province asked for that, and those it could not take.
fn put_off(unsent: &Counts, now: DateTime<Utc>, telling: Telling) -> Vec<Notice> {
    // An instant that has passed, or that a wrong clock wrote, is no word on when they go.
    let until = unsent.put_off_until.filter(|until| *until > now && *until <= now + LONGEST_PUT_OFF);
    let mut notices = Vec::new();
    if let Some(why) = unsent.unfit_why.filter(|_| unsent.unfit > 0) {
        let is_often = unsent.unfit_often > 0;
        let code = if is_often { "put_off.unfit_often" } else { "put_off.unfit" };
        notices.push(Notice::new(code, None, words::unfit(unsent.unfit, why, is_often, until, telling)));
    }
    let asked = unsent.put_off.saturating_sub(unsent.unfit);
    if asked > 0 {
        notices.push(Notice::new("put_off.asked", None, words::put_off(asked, until, telling)));
    }
    notices.into_iter().map(|notice| Notice { direction: Some(Direction::Push), ..notice }).collect()
}

/// Copies elsewhere that cannot be made, or were not made for too long.
fn backup(overview: &Overview, telling: Telling) -> Option<Notice> {
    let (backups, late_after) = overview.backup.as_ref()?;
    let Backups { good_at, failing, began_at: _ } = backups;
    if let Some((since, code)) = failing {
        return Some(Notice::new("backup.failing", Some(*since), words::backup::failing(*since, code, *good_at, telling)));
    }
    let since = backups.counted_from(overview.now.at);
    let is_late = overview.now.at.signed_duration_since(since) > *late_after;
    is_late.then(|| Notice::new("backup.late", Some(since), words::backup::late(*good_at, telling)))
}

fn damaged(what: Damaged, quarantined: &[String], telling: Telling) -> Option<Notice> {
    let (code, of_visits) = match what {
        Damaged::Visits => ("quarantined.visits", true),
        Damaged::Cards => ("quarantined.cards", false),
    };
    let names: Vec<_> = quarantined.iter().filter(|name| name.contains("visits") == of_visits).collect();
    let newest = names.iter().filter_map(|name| TimeKeeper::quarantined_at(name)).max();
    (!names.is_empty()).then(|| Notice::new(code, newest, words::quarantined(what, names.len(), newest, telling)))
}

fn machine(sync: &SyncStatus, now: DateTime<Utc>, telling: Telling) -> Option<Notice> {
    let MachineWord { machine, ahead, since } = sync.machine?;
    let (code, sentence) = match (machine, ahead) {
        (Machine::Copied, _) => ("machine.copied", words::copied(since, telling)),
        (Machine::FellBack, None) => ("machine.fell_back", words::fell_back(None, since, telling)),
        (Machine::FellBack, Some(_)) => ("machine.lacks_visits", words::fell_back(ahead, since, telling)),
        // The province knows it again; what it lacks, it lacks all the same.
        (Machine::Known, Some(_)) if now.signed_duration_since(since) < LACKING_FOR => {
            ("machine.lacks_visits", words::fell_back(ahead, since, telling))
        }
        (Machine::Known, _) => return None,
    };
    Some(Notice::new(code, Some(since), sentence))
}

/// A province that contradicts itself is to blame for what our clock seems to be: nobody is to set it.
fn clock(odd: Option<OddTime>, state: ClockState) -> Option<Notice> {
    if let Some(odd) = odd {
        let code = match odd {
            OddTime::SignedAhead { .. } => "clock.signed_ahead",
            OddTime::ToldWrong { .. } => "clock.told_wrong",
            OddTime::Unclear { .. } => "clock.unclear",
        };
        return Some(Notice::new(code, None, words::odd_time(odd)));
    }
    words::clock(state).map(|sentence| Notice::new(clock_code(state), None, sentence))
}

fn clock_code(state: ClockState) -> &'static str {
    match state {
        ClockState::Plausible => "clock.plausible",
        ClockState::Behind => "clock.behind",
        ClockState::FarAhead => "clock.far_ahead",
        ClockState::Learned => "clock.learned",
    }
}

fn link_code(link: Link) -> &'static str {
    match link {
        Link::NotConfigured => "link.not_configured",
        Link::NotEnrolled => "link.not_enrolled",
        Link::Unusable => "link.unusable",
        Link::Ready => "link.ready",
    }
}

/// A certificate in the last sixth of its life should have been renewed in the third before.
fn certificate(sync: &SyncStatus, now: DateTime<Utc>, telling: Telling) -> Option<Notice> {
    let life = sync.certificate?;
    let is_told = Direction::ALL.into_iter().any(|direction| {
        let trouble = sync.activity(direction).failing.as_ref().map(|failing| &failing.trouble);
        trouble == Some(&Trouble::Untrusted(Distrust::OurCertificateExpired))
    });
    if now < life.not_before {
        return Some(Notice::new("certificate.not_yet", None, words::certificate_not_yet(life, telling)));
    }
    let last_sixth = life.not_after - life.not_after.signed_duration_since(life.not_before) / 6;
    if now >= life.not_after && !is_told {
        Some(Notice::new("certificate.ended", Some(life.not_after), words::certificate_ended(life, telling)))
    } else if now >= last_sixth && now < life.not_after {
        Some(Notice::new("certificate.ends", None, words::certificate_ends(life, telling)))
    } else {
        None
    }
}

/// What keeps the directions from working, each reason once, and whether it lies in this machine.
fn troubles(sync: &SyncStatus, outages: &[Outage], now: DateTime<Utc>, telling: Telling) -> Vec<(bool, Notice)> {
    let mut told: Vec<&Trouble> = Vec::new();
    let mut notices = Vec::new();
    for first in Direction::ALL {
        let Some(failing) = &sync.activity(first).failing else { continue };
        let trouble = &failing.trouble;
        // A roster held back has its own notice, which outlives a link that is lost meanwhile, and so has a certificate that has not begun.
        let is_not_yet =
            *trouble == Trouble::Untrusted(Distrust::OurCertificateExpired) && sync.certificate.is_some_and(|life| now < life.not_before);
        if instead(sync, trouble, telling).is_some()
            || told.contains(&trouble)
            || is_not_yet
            || (matches!(trouble, Trouble::Held(_)) && sync.held.is_some())
        {
            continue;
        }
        told.push(trouble);
        let alike: Vec<_> = Direction::ALL
            .into_iter()
            .filter_map(|direction| {
                let activity = sync.activity(direction);
                let failing = activity.failing.as_ref().filter(|failing| failing.trouble == *trouble)?;
                // What went on before the program was started anew is the same outage.
                let written = outages.iter().filter(|outage| trouble.is_outage() && *outage.direction == *direction.name());
                let since = written.map(|outage| outage.began_at).fold(failing.since, DateTime::min);
                Some((since, activity.next_at))
            })
            .collect();
        let direction = (alike.len() == 1).then_some(first);
        let since = alike.iter().map(|(since, _)| *since).min();
        let next_at = alike.iter().filter_map(|(_, next_at)| *next_at).min();
        let is_in_force = sync.certificate.is_some_and(|life| (life.not_before..life.not_after).contains(&now));
        let beside = Beside { next_at, used: sync.used_today, allowed: sync.allowed_today, is_in_force };
        let (code, sentence) = words::failing(direction, trouble, since, telling, beside);
        let is_at_home = matches!(trouble, Trouble::DiskFull | Trouble::Storage);
        notices.push((is_at_home, Notice { direction, ..Notice::new(code, since, sentence) }));
    }
    notices
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
