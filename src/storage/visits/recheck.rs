//! Visits whose verdict would now be another.
//!
//! Promise: one open row per visit, with what the desk was shown and what it would be shown now; an answer that is found again is not sent again and does
//! not trouble again whoever settled it. Never: a row about a revision that a newer one has replaced, or that does not count; a change to the visit.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::row;
use crate::domain::clock;
use crate::domain::recheck::Recheck;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::storage::error::Error;

/// A recheck and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRecheck {
    /// What was found.
    pub recheck: Recheck,
    /// When the province was told.
    pub sent_at: Option<DateTime<Utc>>,
    /// When a person had looked at it.
    pub settled_at: Option<DateTime<Utc>>,
    /// The verdicts agree again, or the visit was corrected.
    pub is_over: bool,
}

/// So many revisions back those are looked at whose time the clock could not tell: a month of a busy station.
pub(super) const DOUBTED: u64 = 2_000;

/// The clock could not be right when the visit was saved.
pub(super) const IS_DOUBTED: &str = "clock_state IN ('behind', 'far_ahead')";

/// A revision that no newer one replaces.
pub(super) const IS_LATEST: &str = "NOT EXISTS (SELECT 1 FROM visit newer WHERE newer.id = visit.id AND newer.revision > visit.revision)";

/// The columns of [`read`] after those of the visit.
const COLUMNS: &str = "recheck.standing, recheck.identity_match, recheck.knowledge, recheck.freshness, recheck.session, recheck.serial, \
    recheck.as_of, recheck.rate_percent, recheck.rules_version, found_at, sent_at, settled_at, is_over";

impl VisitStore {
    /// Visits to look at again: the latest revisions of those that came since an instant and count, in the station's order from behind `after`. Of the
    /// last [`DOUBTED`] revisions also those whose clock was doubted: when they came is for the caller to find out.
    pub async fn recheckable(&self, since: DateTime<Utc>, after: Sequence, limit: usize) -> Result<Vec<Visit>, Error> {
        self.ask(move |db| recheckable(db, since, after, limit)).await
    }

    /// Keeps what was found, and takes away or ends what agrees again. What was corrected meanwhile is left out.
    pub async fn put_rechecks(&self, found: Vec<Recheck>, resolved: Vec<Sequence>) -> Result<(), Error> {
        self.change(move |db| put(db, &found, &resolved)).await
    }

    /// What was found: open ones first, then the settled and those that are over; the newest visit first.
    pub async fn rechecks(&self, limit: usize) -> Result<Vec<ListedRecheck>, Error> {
        self.ask(move |db| listed(db, "ORDER BY is_over, settled_at IS NOT NULL, sequence DESC LIMIT ?1", limit)).await
    }

    /// What the province has not been told, oldest visit first.
    pub async fn unsent_rechecks(&self, limit: usize) -> Result<Vec<Recheck>, Error> {
        let unsent = "WHERE sent_at IS NULL AND is_over = 0 ORDER BY sequence LIMIT ?1";
        let listed = self.ask(move |db| listed(db, unsent, limit)).await?;
        Ok(listed.into_iter().map(|listed| listed.recheck).collect())
    }

    /// The province was told these. What was found anew meanwhile is still to be told.
    pub async fn rechecks_sent(&self, sent: Vec<Recheck>, at: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |db| mark_sent(db, &sent, at)).await
    }

    /// A person has looked at it. `false`: there is no open one for the visit.
    pub async fn settle_recheck(&self, sequence: Sequence, at: DateTime<Utc>) -> Result<bool, Error> {
        self.change(move |db| settle(db, sequence, at)).await
    }
}

fn recheckable(connection: &Connection, since: DateTime<Utc>, after: Sequence, limit: usize) -> Result<Vec<Visit>, Error> {
    // Years of visits lie before the first that matters: the index of days leads to it.
    let sql = format!(
        "SELECT {} FROM visit WHERE sequence > ?1 AND sequence >= min((SELECT max(sequence) FROM visit) - ?5, \
         ifnull((SELECT min(sequence) FROM visit WHERE station_day >= ?2), 9223372036854775807)) \
         AND (arrived_at >= ?3 OR ({IS_DOUBTED} AND sequence > (SELECT max(sequence) FROM visit) - ?5)) AND voided IS NULL AND {IS_LATEST} \
         ORDER BY sequence LIMIT ?4",
        row::COLUMNS
    );
    let values = (after.0, clock::vietnam_day(since).to_string(), row::instant(since), limit, DOUBTED);
    let mut statement = connection.prepare_cached(&sql)?;
    let visits = statement.query_map(values, row::read)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

fn put(connection: &mut Connection, found: &[Recheck], resolved: &[Sequence]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for recheck in found {
        if !is_known(&transaction, recheck)? {
            keep(&transaction, recheck)?;
        }
    }
    for sequence in resolved {
        end_one(&transaction, *sequence)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the same answer is there already. The state of the roster behind it moves on with every delta; that alone is no news.
fn is_known(connection: &Connection, recheck: &Recheck) -> Result<bool, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM recheck JOIN visit USING (sequence) WHERE sequence = ?1 AND id = ?2 AND revision = ?3 AND is_over = 0"
    );
    let key = (recheck.sequence.0, recheck.id.0.to_string(), recheck.revision.0);
    let known = connection.prepare_cached(&sql)?.query_row(key, |found| row::read_verdict(found, 0)).optional()?;
    Ok(known.is_some_and(|known| !Recheck::differs(&known, &recheck.now)))
}

fn keep(connection: &Connection, recheck: &Recheck) -> Result<(), Error> {
    let (now, basis) = (&recheck.now, recheck.now.basis.as_ref());
    let sql = format!(
        "INSERT OR REPLACE INTO recheck SELECT sequence, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, NULL, NULL, 0 FROM visit \
         WHERE sequence = ?1 AND id = ?2 AND revision = ?3 AND voided IS NULL AND {IS_LATEST}"
    );
    connection.prepare_cached(&sql)?.execute(rusqlite::params![
        recheck.sequence.0,
        recheck.id.0.to_string(),
        recheck.revision.0,
        now.standing,
        now.identity_match,
        now.knowledge,
        now.freshness,
        basis.map(|(session, _)| session.0.to_string()),
        basis.map(|(_, serial)| serial.0),
        now.as_of.map(row::instant),
        now.rate.map(|rate| rate.as_percent()),
        now.rules_version,
        row::instant(recheck.found_at),
    ])?;
    Ok(())
}

fn end_one(connection: &Connection, sequence: Sequence) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM recheck WHERE sequence = ?1 AND sent_at IS NULL")?.execute([sequence.0])?;
    connection.prepare_cached("UPDATE recheck SET is_over = 1 WHERE sequence = ?1")?.execute([sequence.0])?;
    Ok(())
}

/// What was found about a visit is over once it is corrected.
pub(super) fn end(connection: &Connection, id: &str) -> Result<(), Error> {
    let mut statement = connection.prepare_cached("SELECT sequence FROM recheck JOIN visit USING (sequence) WHERE id = ?1")?;
    let found: Vec<Sequence> = statement.query_map([id], |row| row.get(0).map(Sequence))?.collect::<Result<_, _>>()?;
    found.into_iter().try_for_each(|sequence| end_one(connection, sequence))
}

fn mark_sent(connection: &mut Connection, sent: &[Recheck], at: DateTime<Utc>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for recheck in sent {
        if is_known(&transaction, recheck)? {
            let sql = "UPDATE recheck SET sent_at = ?2 WHERE sequence = ?1 AND sent_at IS NULL";
            transaction.prepare_cached(sql)?.execute((recheck.sequence.0, row::instant(at)))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn settle(connection: &Connection, sequence: Sequence, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE recheck SET settled_at = ?2 WHERE sequence = ?1 AND settled_at IS NULL AND is_over = 0";
    Ok(connection.prepare_cached(sql)?.execute((sequence.0, row::instant(at)))? == 1)
}

fn listed(connection: &Connection, rest: &str, limit: usize) -> Result<Vec<ListedRecheck>, Error> {
    let sql = format!("SELECT {}, {COLUMNS} FROM recheck JOIN visit USING (sequence) {rest}", row::COLUMNS);
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map([limit], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn read(found: &Row<'_>) -> rusqlite::Result<ListedRecheck> {
    let at = row::COUNT;
    let visit = row::read(found)?;
    let instant = |at| found.get::<_, Option<String>>(at)?.map(|text| row::read_instant(&text, at)).transpose();
    let recheck = Recheck {
        id: visit.content.id,
        revision: visit.content.revision,
        sequence: visit.sequence,
        arrived_at: visit.content.arrived_at,
        shown: visit.content.verdict,
        now: row::read_verdict(found, at)?,
        found_at: row::read_instant(&found.get::<_, String>(at + 9)?, at + 9)?,
    };
    Ok(ListedRecheck { recheck, sent_at: instant(at + 10)?, settled_at: instant(at + 11)?, is_over: found.get(at + 12)? })
}

#[cfg(test)]
#[path = "recheck_tests.rs"]
mod tests;
