//! What must be remembered of the contacts with the province: the chain, what it makes of this machine, and its time.
//!
//! Promise: a link is on the disk before anybody can send it, and stays the same until the contact with it was answered; what an answer says is
//! stored in one transaction, and only what it changes: each contact is written on a disk that otherwise rests. Never: the sequence of a visit that the province has told of and this disk does not hold, given to another visit.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;
use core::time::Duration;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::VisitStore;
use super::ledger;
use super::row;
use super::traffic;
use crate::domain::contact::Ahead;
use crate::domain::contact::ChainLinks;
use crate::domain::contact::Machine;
use crate::domain::contact::TimeAnchor;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// Starts of the machine whose time is kept.
const BOOTS: u32 = 50;

/// Sequences beyond this are not believed: a number near the end of what SQLite can count to would leave none for the next visit.
const HIGHEST_BELIEVED: u64 = 1 << 52;

/// What the province makes of this machine, the visits that only it holds, and since when.
pub(super) type Standing = (Machine, Option<Ahead>, DateTime<Utc>);

/// How far the numbers reach of which it is known who holds them. In memory only: a start begins with what is on its disk.
#[derive(Debug)]
pub(super) struct Reach {
    /// The last number given when the file was opened, or when the province last told what it holds beyond.
    told: AtomicU64,
    /// The last of the visits that were handed out to be sent since the start; 0: none.
    handed: AtomicU64,
}

impl Reach {
    pub(super) fn of(connection: &Connection) -> Result<Self, Error> {
        Ok(Self { told: AtomicU64::new(last_given(connection)?), handed: AtomicU64::new(0) })
    }

    /// The file was opened anew, and may be another one.
    pub(super) fn opened_again(&self, connection: &Connection) -> Result<(), Error> {
        self.told.fetch_min(last_given(connection)?, Ordering::AcqRel);
        Ok(())
    }

    pub(super) fn hand_out(&self, visits: &[Visit]) {
        let last = visits.iter().map(|visit| visit.sequence.0).max();
        self.handed.fetch_max(last.unwrap_or_default(), Ordering::AcqRel);
    }
}

impl VisitStore {
    /// What the province holds of this record beyond this number is missing here for certain: it was not here when the disk was opened, or when the
    /// province last told what it holds, and nothing beyond has been handed out since. Visits saved since then may have numbers that lost ones had.
    pub fn accounted_to(&self) -> Sequence {
        Sequence(self.reach.told.load(Ordering::Acquire)).max(self.handed_to())
    }

    /// The last of the visits that [`due`](Self::due) has given out since the start; 0: none.
    pub fn handed_to(&self) -> Sequence {
        Sequence(self.reach.handed.load(Ordering::Acquire))
    }

    /// These were given out to be sent when [`handed_to`](Self::handed_to) was `before`, and it is certain that they were not.
    pub fn kept_back(&self, visits: &[Visit], before: Sequence) {
        let Some(last) = visits.last() else { return };
        // Whoever was given visits meanwhile may have sent them.
        let _ = self.reach.handed.compare_exchange(last.sequence.0, before.0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// How many visits of this record beyond one number, and up to another, were handed out.
    pub async fn handed_out(&self, beyond: Sequence, to: Sequence) -> Result<u64, Error> {
        let (beyond, to) = (number(beyond), number(to.min(self.handed_to())));
        let sql = "SELECT count(*) FROM visit WHERE sequence > ?1 AND sequence <= ?2";
        self.ask(move |db| Ok(db.query_row(sql, [beyond, to], |row| row.get(0))?)).await
    }

    /// The links to show and to leave. They are on the disk; until the contact was answered they are the same.
    pub async fn chain_links(&self) -> Result<ChainLinks, Error> {
        self.chain_links_and(None).await.map(|(links, _)| links)
    }

    /// The same, with bytes to be counted to a day, which go along where a link has to be written, for they are not worth a flush of their own. Says
    /// whether they did.
    pub async fn chain_links_and(&self, counted: Option<(NaiveDate, u64)>) -> Result<(ChainLinks, bool), Error> {
        self.write(move |db| links(db, counted)).await
    }

    /// The contact that left `next` was answered. An answer to another one, that of a machine replaced meanwhile, tells the time only.
    pub async fn contact_made(&self, next: Uuid, machine: Machine, ahead: Option<Ahead>, anchor: TimeAnchor) -> Result<(), Error> {
        if let Some(last_given) = self.write(move |db| made(db, next, (machine, ahead), &anchor)).await? {
            self.reach.told.fetch_max(last_given, Ordering::AcqRel);
        }
        Ok(())
    }

    /// What the province made of this machine at the last contact; the last visits it told of that this disk does not know, if ever; and since when
    /// that is so, by the province's time. `None` before the first contact.
    pub async fn machine(&self) -> Result<Option<(Machine, Option<Ahead>, DateTime<Utc>)>, Error> {
        self.ask(|db| standing(db)).await
    }

    /// The province's time at a moment of a start of this machine.
    pub async fn anchor(&self, boot_id: &str) -> Result<Option<TimeAnchor>, Error> {
        let boot_id: Box<str> = boot_id.into();
        self.ask(move |db| anchor(db, &boot_id)).await
    }

    /// Numbers were raised because of what the province told: it is not told of them again.
    pub(super) async fn counted_on(&self) -> Result<(), Error> {
        let last_given = self.ask(|db| last_given(db)).await?;
        self.reach.told.fetch_max(last_given, Ordering::AcqRel);
        Ok(())
    }

    /// Gives this record another identity and forgets the chain, as for a machine that takes the place of another one. Visits, and what is to be sent of
    /// them, stay. Where it is this record's already, nothing changes.
    pub async fn become_install(&self, install: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |db| renew(db, install, at)).await
    }
}

pub(super) fn stored_links(connection: &Connection) -> Result<(Option<Uuid>, Option<Uuid>), Error> {
    let read = |found: &Row<'_>| {
        let link = |at| found.get::<_, Option<String>>(at)?.map(|text| row::read_uuid(&text, at)).transpose();
        Ok((link(0)?, link(1)?))
    };
    Ok(connection.prepare_cached("SELECT previous, next FROM chain")?.query_row([], read).optional()?.unwrap_or_default())
}

fn keep_links(connection: &Connection, previous: Option<Uuid>, next: Option<Uuid>) -> Result<(), Error> {
    let text = |link: Option<Uuid>| link.map(|link| link.to_string());
    connection.prepare_cached("INSERT OR REPLACE INTO chain VALUES (1, ?1, ?2)")?.execute((text(previous), text(next)))?;
    Ok(())
}

fn links(connection: &mut Connection, counted: Option<(NaiveDate, u64)>) -> Result<(ChainLinks, bool), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (previous, waiting) = stored_links(&transaction)?;
    if let Some(next) = waiting {
        return Ok((ChainLinks { previous, next }, false));
    }
    let next = Uuid::new_v4();
    keep_links(&transaction, previous, Some(next))?;
    if let Some((day, bytes)) = counted {
        traffic::add_within(&transaction, day, bytes)?;
    }
    transaction.commit()?;
    Ok((ChainLinks { previous, next }, counted.is_some()))
}

/// Returns the last number that is not given any more, if it was this contact that was answered.
fn made(
    connection: &mut Connection,
    next: Uuid,
    (machine, ahead): (Machine, Option<Ahead>),
    anchor: &TimeAnchor,
) -> Result<Option<u64>, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    keep_anchor(&transaction, anchor)?;
    ledger::heard(&transaction, anchor.at)?;
    let is_this = stored_links(&transaction)?.1 == Some(next);
    let mut told = None;
    if is_this {
        keep_links(&transaction, Some(next), None)?;
        if let Some(ahead) = ahead {
            raise_sequence(&transaction, ahead.highest)?;
        }
        keep_standing(&transaction, machine, ahead, anchor.at)?;
        told = Some(last_given(&transaction)?);
    }
    transaction.commit()?;
    Ok(told)
}

pub(super) fn number(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

/// SQLite's own record of the highest number it has given; there is none before the first visit.
pub(super) fn last_given(connection: &Connection) -> Result<u64, Error> {
    Ok(connection.query_row("SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'visit'), 0)", [], |row| row.get(0))?)
}

/// No number up to this one is given to a visit any more.
pub(super) fn raise_sequence(connection: &Connection, highest: Sequence) -> Result<(), Error> {
    if highest.0 > HIGHEST_BELIEVED {
        tracing::error!(name: "province.impossible-number", "the province tells of a visit with an impossible number: it is not believed");
        return Ok(());
    }
    let raised = connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'visit'", [highest.0])?;
    if raised == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('visit', ?1)", [highest.0])?;
    }
    Ok(())
}

/// A word that is repeated keeps its date. Visits that only the province holds are no less missing here because a later contact does not tell of them
/// again: each tells of those beyond the last.
pub(super) fn keep_standing(connection: &Connection, machine: Machine, gap: Option<Ahead>, at: DateTime<Utc>) -> Result<(), Error> {
    let before = standing(connection)?;
    let gap = match before {
        Some((word, known, _)) => {
            let gap = match (gap, known) {
                (Some(gap), Some(known)) if gap.highest <= known.highest => Some(known),
                (Some(gap), Some(known)) if gap.highest.0 <= HIGHEST_BELIEVED => Some(gap.after(known)),
                (gap, known) => gap.or(known),
            };
            if word == machine && gap == known {
                return Ok(());
            }
            gap
        }
        None => gap,
    };
    let values = (
        machine.code(),
        row::instant(at),
        gap.map(|gap| i64::try_from(gap.highest.0).unwrap_or(i64::MAX)),
        gap.map(|gap| i64::try_from(gap.visits).unwrap_or(i64::MAX)),
        gap.map(|gap| row::instant(gap.first_received_at)),
        gap.map(|gap| row::instant(gap.last_received_at)),
    );
    connection.prepare_cached("INSERT OR REPLACE INTO machine VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)")?.execute(values)?;
    Ok(())
}

/// So many of the visits that only the province held are here again, or known to whoever asks; all, if `None`.
pub(super) fn lacks_fewer(connection: &Connection, visits: Option<u64>) -> Result<(), Error> {
    let visits = visits.map(|visits| i64::try_from(visits).unwrap_or(i64::MAX));
    let fewer = "UPDATE machine SET ahead_visits = max(ahead_visits - ifnull(?1, ahead_visits), 0) WHERE ahead_visits IS NOT NULL";
    connection.execute(fewer, [visits])?;
    let none = "UPDATE machine SET ahead_highest = NULL, ahead_visits = NULL, ahead_first_received_at = NULL, ahead_last_received_at = NULL \
        WHERE ahead_visits = 0";
    connection.execute(none, [])?;
    Ok(())
}

pub(super) fn standing(connection: &Connection) -> Result<Option<Standing>, Error> {
    let sql = "SELECT machine, since, ahead_highest, ahead_visits, ahead_first_received_at, ahead_last_received_at FROM machine";
    Ok(connection.prepare_cached(sql)?.query_row([], read_standing).optional()?)
}

fn read_standing(found: &Row<'_>) -> rusqlite::Result<Standing> {
    let text = |at| found.get::<_, String>(at);
    let machine = Machine::parse(&text(0)?).ok_or_else(|| unreadable(0, "unknown machine"))?;
    let ahead = match (found.get(2)?, found.get(3)?) {
        (Some(highest), Some(visits)) => Some(Ahead {
            highest: Sequence(highest),
            visits,
            first_received_at: row::read_instant(&text(4)?, 4)?,
            last_received_at: row::read_instant(&text(5)?, 5)?,
        }),
        _ => None,
    };
    Ok((machine, ahead, row::read_instant(&text(1)?, 1)?))
}

/// The newest of each start. A start that is heard of again counts as the last one.
fn keep_anchor(connection: &Connection, anchor: &TimeAnchor) -> Result<(), Error> {
    let millis = i64::try_from(anchor.since_boot.as_millis()).unwrap_or(i64::MAX);
    // Of the start that is the last one already only the time moves on, in its place: one page instead of the three that another row takes.
    let moved = "UPDATE anchor SET since_boot_ms = max(since_boot_ms, ?2), at = iif(since_boot_ms > ?2, at, ?3) \
        WHERE boot_id = ?1 AND number = (SELECT max(number) FROM anchor)";
    if connection.prepare_cached(moved)?.execute((&anchor.boot_id, millis, row::instant(anchor.at)))? == 1 {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO anchor (boot_id, since_boot_ms, at) SELECT ?1, ?2, ?3 \
        WHERE NOT EXISTS (SELECT 1 FROM anchor WHERE boot_id = ?1 AND since_boot_ms > ?2)";
    connection.prepare_cached(sql)?.execute((&anchor.boot_id, millis, row::instant(anchor.at)))?;
    let sql = "DELETE FROM anchor WHERE number IN (SELECT number FROM anchor ORDER BY number DESC LIMIT -1 OFFSET ?1)";
    connection.prepare_cached(sql)?.execute([BOOTS])?;
    Ok(())
}

pub(super) fn anchor(connection: &Connection, boot_id: &str) -> Result<Option<TimeAnchor>, Error> {
    let read = |found: &Row<'_>| {
        let (millis, at): (u64, String) = (found.get(0)?, found.get(1)?);
        Ok(TimeAnchor { boot_id: boot_id.into(), since_boot: Duration::from_millis(millis), at: row::read_instant(&at, 1)? })
    };
    let sql = "SELECT since_boot_ms, at FROM anchor WHERE boot_id = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([boot_id], read).optional()?)
}

fn renew(connection: &mut Connection, install: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (install, at) = (install.to_string(), row::instant(at));
    if transaction.query_row("SELECT install_id FROM identity", [], |row| row.get::<_, String>(0))? == install {
        return Ok(());
    }
    put_on(&transaction, &install, &at)?;
    transaction.commit()?;
    Ok(())
}

/// The same within a transaction, for an identity that is new for certain.
pub(super) fn renew_within(transaction: &Connection, install: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
    put_on(transaction, &install.to_string(), &row::instant(at))
}

fn put_on(transaction: &Connection, install: &str, at: &str) -> Result<(), Error> {
    transaction.execute("INSERT OR REPLACE INTO former_identity SELECT install_id, created_at, ?1 FROM identity", [at])?;
    transaction.execute("UPDATE identity SET install_id = ?1, created_at = ?2", (install, at))?;
    // Another identity has another feed key: a stick that can be read from now on was made after this.
    transaction.execute_batch("DELETE FROM chain; DELETE FROM machine; DELETE FROM stick_receipts; UPDATE ledger SET heard_at = NULL;")?;
    Ok(())
}

#[cfg(test)]
#[path = "contact_tests.rs"]
mod tests;
