//! Contacts in the ledger: chains of links, anchors of time, and how each station was last heard.
//!
//! Promises: one contact is one transaction, committed before its answer; what a restored ledger or a new enrolment
//! makes meaningless is forgotten with it. Must never judge a chain: that is `chain`.

use core::fmt;

use chrono::{DateTime, FixedOffset};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::{Ledger, access_log, wipe};
use crate::{
    Error,
    chain::{Chain, Fork, Seen},
    wire::{Ahead, ContactAnswer, ContactRequest, Instant, Machine},
};

/// The most older links an install keeps.
const MOST_LINKS: u64 = 10_000;

/// How a station was last heard, one for each record of visits it spoke from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StationReport {
    /// Facility code.
    pub station: String,
    /// Its name.
    pub name: String,
    /// Which record of visits; `None`: never enrolled.
    pub install: Option<Uuid>,
    /// Whether this is the one that enrolled or renewed last, and was not revoked.
    pub in_force: bool,
    /// Whether this is the one that runs: it was heard last, or enrolled since.
    pub current: bool,
    /// Sequences between the held ones that are not held: refused ones, those that wait for a person, or what a backup put back has lost.
    pub missing: u64,
    /// The last contact; `None`: not heard yet.
    pub last: Option<LastContact>,
}

/// A station's last contact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastContact {
    /// When, by the province's clock.
    pub at: Instant,
    /// What it said.
    pub said: ContactRequest,
    /// What it was told about its chain.
    pub machine: Machine,
    /// The last time its chain forked.
    pub fork: Option<Fork>,
    /// Age in seconds of the data it held; `None`: it held none.
    pub data_age_seconds: Option<i64>,
}

/// A moment of one start of a machine tied to the province's time.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    boot_ms: i64,
    at: DateTime<FixedOffset>,
}

impl Anchor {
    /// When the milliseconds since that start were these.
    pub(super) fn place(&self, boot_ms: u64) -> Option<DateTime<FixedOffset>> {
        let since = i64::try_from(boot_ms).ok()?.checked_sub(self.boot_ms)?;
        self.at.checked_add_signed(chrono::TimeDelta::try_milliseconds(since)?)
    }
}

/// Where a restored record of visits ends, and why there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Restored {
    /// No visit received before this instant is missing.
    pub complete_to: Instant,
    /// What it was taken from.
    pub why: EndOf,
}

/// What the end of a restored record was taken from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum EndOf {
    /// The last visit that is held.
    LastHeld,
    /// Sequences of a station are missing, and later ones are held or were told of: stations have already sent since the backup was put back.
    Gap {
        /// Whose.
        station: String,
        /// In which record of visits.
        install: String,
        /// The last sequence before the gap; 0: none is held.
        after: u64,
        /// How many are missing there.
        missing: u64,
    },
    /// An earlier restore ended there, and somebody may have missed that one.
    EarlierRestore,
    /// The operator said so.
    Said,
}

impl fmt::Display for EndOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastHeld => f.write_str("the last visit that is held"),
            Self::Gap { station, install, after, missing } => {
                write!(f, "station {station}, {install}: {missing} visits are missing after sequence {after}")
            }
            Self::EarlierRestore => f.write_str("an earlier restore, which a station may have missed"),
            Self::Said => f.write_str("as said with --since"),
        }
    }
}

impl Ledger {
    /// Hears one contact.
    pub(crate) fn contact(&mut self, at: DateTime<FixedOffset>, said: &ContactRequest) -> Result<ContactAnswer, Error> {
        let transaction = self.begin()?;
        let machine = hear(&transaction, at, said)?;
        transaction.execute(
            "INSERT OR REPLACE INTO contacts (station, install, at, said, machine) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![said.station, said.install.to_string(), at.to_rfc3339(), serde_json::to_string(said)?, machine.word()],
        )?;
        let boot_ms = i64::try_from(said.clock.boot_ms).unwrap_or(i64::MAX);
        transaction.execute(
            "INSERT OR REPLACE INTO anchors (station, boot_id, install, boot_ms, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![said.station, said.clock.boot_id, said.install.to_string(), boot_ms, at.to_rfc3339()],
        )?;
        note_install(&transaction, &said.station, said.install, at)?;
        let answer = ContactAnswer {
            at: Instant(at),
            ledger: meta(&transaction, "ledger")?.parse().map_err(|_| Error::Unreadable("the ledger's identity".into()))?,
            complete_to: Instant(instant(&meta(&transaction, "complete to")?)?),
            machine,
            ahead: ahead(&transaction, said)?,
            log: access_log::hear(&transaction, at, said)?,
            wipe: wipe::of(&transaction, at, &said.station, said.install)?,
        };
        transaction.commit()?;
        Ok(answer)
    }

    /// Gives this ledger a new identity: it was put back from a backup, and what it says ends where the backup did.
    ///
    /// Where stations have already sent since, the last visit held is no end any more: what is missing lies before it. Too early an end costs
    /// duplicates, too late a one visits.
    pub(crate) fn restored(&mut self, since: Option<DateTime<FixedOffset>>) -> Result<Restored, Error> {
        let transaction = self.begin()?;
        let last: Option<String> =
            transaction.query_row("SELECT received_at FROM visits ORDER BY position DESC LIMIT 1", [], |row| row.get(0)).optional()?;
        let mut found = (instant(last.as_deref().unwrap_or(BEFORE_ALL))?, EndOf::LastHeld);
        let mut earlier = |end: DateTime<FixedOffset>, why: EndOf| {
            if end < found.0 {
                found = (end, why);
            }
        };
        for gap in gaps(&transaction)? {
            earlier(gap.end, EndOf::Gap { station: gap.station, install: gap.install, after: gap.after, missing: gap.missing });
        }
        if meta(&transaction, "restored")? == "yes" {
            // Who was away during an earlier restore has not sent again yet what that one lost.
            earlier(instant(&meta(&transaction, "complete to")?)?, EndOf::EarlierRestore);
        }
        let (end, why) = match (since, found) {
            (Some(since), (end, why)) if since > end => {
                let (since, end) = (since.to_rfc3339(), end.to_rfc3339());
                return Err(Error::Setting(format!("{since} is too late: the record may be incomplete from {end} on ({why})")));
            }
            (Some(since), (end, _)) => (since.with_timezone(&end.timezone()), EndOf::Said),
            (None, found) => found,
        };
        let ledger = Uuid::new_v4().to_string();
        for (key, value) in [("ledger", &*ledger), ("complete to", &end.to_rfc3339()), ("restored", "yes")] {
            transaction.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [key, value])?;
        }
        // Every station has gone on since the backup: to hold that against it would be to accuse it of our fault.
        transaction.execute("DELETE FROM chains", [])?;
        transaction.execute("DELETE FROM links", [])?;
        transaction.commit()?;
        Ok(Restored { complete_to: Instant(end), why })
    }

    /// Every station as it was last heard, those never heard included; of its records of visits the one that runs first.
    pub(crate) fn reports(&self) -> Result<Vec<StationReport>, Error> {
        let mut query = self.connection.prepare(
            "SELECT s.code, s.name, i.install, s.key_sha256 IS NOT NULL AND i.install IS s.install, c.at, c.said, c.machine, h.state,
                 (SELECT coalesce(max(sequence) - min(sequence) + 1 - count(DISTINCT sequence), 0) FROM visits v
                  WHERE v.station = s.code AND v.install = i.install)
             FROM stations s
             LEFT JOIN installs i ON i.station = s.code
             LEFT JOIN contacts c ON c.station = s.code AND c.install = i.install
             LEFT JOIN chains h ON h.station = s.code AND h.install = i.install
             ORDER BY s.code, max(coalesce(c.at, ''), i.since) DESC, i.install IS s.install DESC, i.since DESC",
        )?;
        let mut rows = query.query([])?;
        let mut reports = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |index| row.get::<_, Option<String>>(index);
            let last = match (text(4)?, text(5)?, text(6)?) {
                (Some(at), Some(said), Some(machine)) => {
                    let (at, said) = (instant(&at)?, serde_json::from_str::<ContactRequest>(&said)?);
                    let chain = text(7)?.map(|state| serde_json::from_str::<Chain>(&state)).transpose()?;
                    Some(LastContact {
                        at: Instant(at),
                        data_age_seconds: said.roster.map(|roster| (at - roster.as_of.0).num_seconds()),
                        machine: serde_json::from_value(machine.into())?,
                        fork: chain.and_then(|chain| chain.fork),
                        said,
                    })
                }
                _ => None,
            };
            let install = text(2)?.map(|install| install.parse().map_err(|_| Error::Unreadable("install".into()))).transpose()?;
            let missing = u64::try_from(row.get::<_, i64>(8)?).unwrap_or_default();
            let station: String = row.get(0)?;
            let current = reports.last().is_none_or(|before: &StationReport| before.station != station);
            reports.push(StationReport { station, name: row.get(1)?, install, in_force: row.get(3)?, current, missing, last });
        }
        Ok(reports)
    }

    /// The newest anchor of each start of a machine, by station and boot id.
    pub(super) fn anchors(&self) -> Result<std::collections::BTreeMap<(String, String), Anchor>, Error> {
        let mut query = self.connection.prepare("SELECT station, boot_id, boot_ms, at FROM anchors")?;
        let mut rows = query.query([])?;
        let mut anchors = std::collections::BTreeMap::new();
        while let Some(row) = rows.next()? {
            let anchor = Anchor { boot_ms: row.get(2)?, at: instant(&row.get::<_, String>(3)?)? };
            anchors.insert((row.get(0)?, row.get(1)?), anchor);
        }
        Ok(anchors)
    }
}

/// Sequences that are missing.
struct Gap {
    station: String,
    install: String,
    after: u64,
    missing: u64,
    /// What was received by then is certainly not among the missing.
    end: DateTime<FixedOffset>,
}

/// The sequences that each install must have sent and that are not held.
fn gaps(connection: &Connection) -> Result<Vec<Gap>, Error> {
    let mut gaps = Vec::new();
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let mut query = connection.prepare(
        "SELECT station, install, sequence, next - sequence - 1, min(received_at, next_at) FROM (
             SELECT station, install, sequence, received_at, lead(sequence) OVER following AS next, lead(received_at) OVER following AS next_at
             FROM (SELECT station, install, sequence, min(received_at) AS received_at FROM visits GROUP BY station, install, sequence)
             WINDOW following AS (PARTITION BY station, install ORDER BY sequence)
         ) WHERE next > sequence + 1",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (after, missing) = (number(row.get(2)?), number(row.get(3)?));
        gaps.push(Gap { station: row.get(0)?, install: row.get(1)?, after, missing, end: instant(&row.get::<_, String>(4)?)? });
    }
    // What stations have told of. A machine that took another identity counts on: where its new install has sent nothing, the one before speaks.
    let mut query = connection.prepare("SELECT station, install, said FROM contacts")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (station, install): (String, String) = (row.get(0)?, row.get(1)?);
        let said: ContactRequest = serde_json::from_str(&row.get::<_, String>(2)?)?;
        let mut newest = None;
        for held_by in [Some(&install), None] {
            let held = "SELECT sequence, min(received_at) FROM visits WHERE station = ?1 AND install = coalesce(?2, install)
                 GROUP BY sequence ORDER BY sequence DESC LIMIT 1";
            newest = newest.or(connection
                .query_row(held, params![station, held_by], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
                .optional()?);
        }
        let (after, end) = newest.map_or((0, BEFORE_ALL.to_owned()), |(sequence, at)| (number(sequence), at));
        let missing = said.highest.saturating_sub(after).saturating_sub(said.pending).saturating_sub(said.parked);
        if missing > 0 {
            gaps.push(Gap { station, install, after, missing, end: instant(&end)? });
        }
    }
    Ok(gaps)
}

/// Before every receipt: where a ledger that holds none ends.
pub(super) const BEFORE_ALL: &str = "1970-01-01T07:00:00+07:00";

/// Moves the chain of the install that speaks.
fn hear(transaction: &Transaction<'_>, at: DateTime<FixedOffset>, said: &ContactRequest) -> Result<Machine, Error> {
    let install = said.install.to_string();
    let state: Option<String> = transaction
        .query_row("SELECT state FROM chains WHERE station = ?1 AND install = ?2", [&said.station, &install], |row| row.get(0))
        .optional()?;
    let mut chain: Chain = state.map(|state| serde_json::from_str(&state)).transpose()?.unwrap_or_default();
    let before = chain.clone();
    let seen = match said.previous {
        Some(previous)
            if transaction.prepare("SELECT 1 FROM links WHERE station = ?1 AND install = ?2 AND link = ?3")?.exists([
                &said.station,
                &install,
                &previous.to_string(),
            ])? =>
        {
            Seen::Before
        }
        _ => Seen::Never,
    };
    let machine = chain.hear(said.previous, said.next, seen, Instant(at));
    if chain == before {
        return Ok(machine);
    }
    transaction.execute(
        "INSERT OR REPLACE INTO chains (station, install, state) VALUES (?1, ?2, ?3)",
        params![said.station, install, serde_json::to_string(&chain)?],
    )?;
    transaction.execute(
        "INSERT OR REPLACE INTO links (station, install, link, position)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(position), 0) + 1 FROM links WHERE station = ?1 AND install = ?2))",
        params![said.station, install, said.next.to_string()],
    )?;
    transaction.execute(
        "DELETE FROM links WHERE station = ?1 AND install = ?2
         AND position <= (SELECT max(position) - ?3 FROM links WHERE station = ?1 AND install = ?2)",
        params![said.station, install, MOST_LINKS],
    )?;
    Ok(machine)
}

/// Forgets the chains of a station that enrols again.
pub(super) fn forget_chains(transaction: &Transaction<'_>, station: &str) -> Result<(), Error> {
    transaction.execute("DELETE FROM chains WHERE station = ?1", [station])?;
    transaction.execute("DELETE FROM links WHERE station = ?1", [station])?;
    Ok(())
}

/// Notes that a station has spoken from this record of visits.
pub(super) fn note_install(transaction: &Transaction<'_>, station: &str, install: Uuid, at: DateTime<FixedOffset>) -> Result<(), Error> {
    transaction.execute(
        "INSERT OR IGNORE INTO installs (station, install, since) VALUES (?1, ?2, ?3)",
        params![station, install.to_string(), at.to_rfc3339()],
    )?;
    Ok(())
}

/// What the ledger holds from this install beyond what the station says it has saved.
fn ahead(transaction: &Transaction<'_>, said: &ContactRequest) -> Result<Option<Ahead>, Error> {
    let highest = i64::try_from(said.highest).unwrap_or(i64::MAX);
    let found: (Option<i64>, i64, Option<String>, Option<String>) = transaction.query_row(
        "SELECT max(sequence), count(*), min(received_at), max(received_at) FROM visits
         WHERE station = ?1 AND install = ?2 AND sequence > ?3",
        params![said.station, said.install.to_string(), highest],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let (Some(highest), visits, Some(first), Some(last)) = found else { return Ok(None) };
    Ok(Some(Ahead {
        highest: u64::try_from(highest).unwrap_or_default(),
        visits: u64::try_from(visits).unwrap_or_default(),
        first_received_at: Instant(instant(&first)?),
        last_received_at: Instant(instant(&last)?),
    }))
}

fn meta(transaction: &Transaction<'_>, key: &str) -> Result<String, Error> {
    Ok(transaction.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?)
}

/// Reads an instant back.
pub(super) fn instant(text: &str) -> Result<DateTime<FixedOffset>, Error> {
    DateTime::parse_from_rfc3339(text).map_err(|_| Error::Unreadable("an instant".into()))
}
