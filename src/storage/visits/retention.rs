//! What is taken out of the record by rule when it is old enough, and how anything is.
//!
//! Promise: a visit goes whole, with all its revisions and what was kept beside them, and only when nothing of it is still to be sent or waits for a person;
//! what is left of the access log can still be held against its beginning (an anchor) and against the visits; what was taken out is overwritten at once where it
//! lay, and a week later it is in none of the file's bytes any more, nor in its log. Never: a line of the log beyond the end that the province has confirmed, or
//! any while there is one that could and has not; a rule of this program's own making.

use std::fs;
use std::io;
use std::path::Path;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::aside;
use super::row;
use crate::domain::access::Act;
use crate::domain::clock;
use crate::storage::error::Error;
use crate::storage::files;
use crate::storage::key;

/// How long things stay; `None`: for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Visits that are delivered or ended.
    pub visits: Option<TimeDelta>,
    /// Lines of the access log.
    pub access: Option<TimeDelta>,
    /// The days' counts of cards in force, and outages that have ended.
    pub coverage: Option<TimeDelta>,
    /// Whether there is a province that confirms ends of the access log: before it has, no line goes.
    pub is_confirmed: bool,
}

impl Rule {
    /// Whether anything goes by it.
    pub fn is_set(self) -> bool {
        self.visits.or(self.access).or(self.coverage).is_some()
    }
}

/// What was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Visits,
    pub visits: u64,
    /// lines of the access log,
    pub lines: u64,
    /// and days.
    pub days: u64,
}

/// Says in the data folder since when bytes of what was taken out may lie in `visits.db`: SQLite overwrites what it deletes, but not what it had left behind
/// before, where pages were parted.
const LEFT_OVER: &str = "visits.left-over";

/// The file is written anew no more often than this: it holds up the desk for seconds, and wears a card.
const WRITTEN_ANEW: TimeDelta = TimeDelta::days(7);

/// Visits taken out at once: the desk saves between two such.
const AT_ONCE: u32 = 500;

/// Nothing of it is on its way or waits for a person.
pub(super) const IS_SETTLED: &str = "NOT EXISTS (SELECT 1 FROM visit other JOIN outbox USING (sequence) WHERE other.id = visit.id AND state IN ('pending', 'parked')) \
    AND NOT EXISTS (SELECT 1 FROM visit other JOIN recheck USING (sequence) WHERE other.id = visit.id AND (settled_at IS NULL OR sent_at IS NULL) \
    AND is_over = 0)";

/// It came before an instant. What a clock said that was not believed then is no proof of that, but the province's time at which it had it is; without either it
/// is not old.
const IS_OLD: &str = "NOT EXISTS (SELECT 1 FROM visit other WHERE other.id = visit.id AND clock_state NOT IN ('behind', 'far_ahead') AND arrived_at >= ?1) \
    AND (SELECT CASE WHEN clock_state IN ('behind', 'far_ahead') THEN (SELECT received_at FROM receipt WHERE receipt.sequence = other.sequence) \
    ELSE arrived_at END FROM visit other WHERE other.id = visit.id ORDER BY revision DESC LIMIT 1) < ?1";

impl VisitStore {
    /// Takes out what a rule says. `now` must be believed: a clock that is years ahead would take all.
    pub async fn prune(&self, rule: Rule, now: DateTime<Utc>) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        let mark = self.home.folder.join(LEFT_OVER);
        while let Some(age) = rule.visits {
            let mark = mark.clone();
            let removed = self.change(move |db| remove_old(db, now - age, now, &mark)).await?;
            pruned.visits += removed;
            if removed < AT_ONCE.into() {
                break;
            }
        }
        if let Some(age) = rule.access {
            let mark = mark.clone();
            pruned.lines = self.write(move |db| cut_log(db, (now - age, rule.is_confirmed), now, &mark)).await?;
        }
        if let Some(age) = rule.coverage {
            pruned.days = self.write(move |db| remove_days(db, now - age)).await?;
        }
        if let Err(error) = self.clear_away(&mark, pruned, now).await {
            tracing::warn!(name: "retention.late", %error, "what was taken out may still lie in visits.db or its log");
        }
        Ok(pruned)
    }

    /// What was deleted is overwritten; the log still has it, and what was left behind before.
    async fn clear_away(&self, mark: &Path, pruned: Pruned, now: DateTime<Utc>) -> Result<(), Error> {
        let since = match fs::read_to_string(mark) {
            Ok(text) => Some(DateTime::parse_from_rfc3339(text.trim()).map_or(DateTime::UNIX_EPOCH, |since| since.to_utc())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::file(mark, "cannot be read")(error)),
        };
        match since {
            Some(since) if (now - since).abs() >= WRITTEN_ANEW => {
                self.write_anew().await?;
                files::remove(mark)
            }
            None if pruned == Pruned::default() => Ok(()),
            _ => self.checkpoint().await,
        }
    }
}

/// Before the commit: whatever ends this program after it, what is left to do is known.
fn note_left_over(mark: &Path, now: DateTime<Utc>) -> Result<(), Error> {
    if mark.exists() { Ok(()) } else { key::write_new_secret(mark, format!("{}\n", row::instant(now)).as_bytes()) }
}

fn remove_old(connection: &mut Connection, before: DateTime<Utc>, now: DateTime<Utc>, mark: &Path) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = format!("SELECT id FROM visit WHERE revision = 1 AND {IS_SETTLED} AND {IS_OLD} ORDER BY sequence LIMIT {AT_ONCE}");
    let ids: Vec<String> = transaction.prepare(&sql)?.query_map([row::instant(before)], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in &ids {
        remove(&transaction, id, "retention", now)?;
    }
    if !ids.is_empty() {
        note_left_over(mark, now)?;
    }
    transaction.commit()?;
    Ok(ids.len() as u64)
}

/// Takes a visit out with everything beside it.
pub(super) fn remove(connection: &Connection, id: &str, why: &str, now: DateTime<Utc>) -> Result<(), Error> {
    // Damage that meets the file later has not taken them. What the province had confirmed is noted at the instant of the removal: if it tells of that number
    // to a record that is put back, nothing is missing. Of the others nobody says so.
    let numbers: Vec<(u64, bool)> = connection
        .prepare_cached("SELECT sequence, receipt.reference IS NOT NULL FROM visit LEFT JOIN receipt USING (sequence) WHERE id = ?1")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (number, is_confirmed) in numbers {
        let at = if is_confirmed { now } else { DateTime::UNIX_EPOCH };
        aside::note_gap(connection, number, number, &row::instant(at))?;
    }
    for table in ["receipt", "outbox", "past_receipt", "recheck", "printing", "confirmed", "circumstance"] {
        let sql = format!("DELETE FROM {table} WHERE sequence IN (SELECT sequence FROM visit WHERE id = ?1)");
        connection.prepare_cached(&sql)?.execute([id])?;
    }
    connection.prepare_cached("DELETE FROM link_try WHERE visit = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM visit WHERE id = ?1")?.execute([id])?;
    let sql = "INSERT OR REPLACE INTO removed_visit VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute((id, why, row::instant(now)))?;
    Ok(())
}

/// Cuts the log's beginning: lines older than an instant, none behind a younger one, and none beyond what the province has confirmed. Where it has confirmed
/// nothing yet and is to, whoever cut the log could not be told from whoever rewrote it.
fn cut_log(
    connection: &mut Connection,
    (before, is_confirmed): (DateTime<Utc>, bool),
    now: DateTime<Utc>,
    mark: &Path,
) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let first_kept: Option<i64> =
        transaction.query_row("SELECT min(number) FROM access WHERE at >= ?1", [row::instant(before)], |row| row.get(0))?;
    let confirmed: Option<i64> = transaction.query_row("SELECT number FROM access_confirmed", [], |row| row.get(0)).optional()?;
    if is_confirmed && confirmed.is_none() {
        return Ok(0);
    }
    // The last line stays: the end of the log is what is told of it.
    let last: Option<i64> = transaction.query_row("SELECT max(number) FROM access", [], |row| row.get(0))?;
    let ends = [first_kept, confirmed, last];
    let Some(end) = ends.into_iter().flatten().min().map(|first| first - 1) else { return Ok(0) };
    let anchor: Option<Vec<u8>> =
        transaction.query_row("SELECT digest FROM access WHERE number = ?1", [end], |row| row.get(0)).optional()?;
    let Some(digest) = anchor else { return Ok(0) };
    let sql = "UPDATE access_begin SET sequence = max(sequence, ifnull((SELECT max(visit.sequence) FROM access JOIN visit ON visit.id = access.visit \
        AND revision = 1 WHERE access.number <= ?1 AND act IN (?2, ?3)), 0))";
    transaction.execute(sql, (end, Act::Saved.code(), Act::Salvaged.code()))?;
    transaction.execute("INSERT OR REPLACE INTO access_anchor VALUES (1, ?1, ?2, ?3)", (end, digest, row::instant(now)))?;
    let lines = transaction.execute("DELETE FROM access WHERE number <= ?1", [end])?;
    if lines > 0 {
        note_left_over(mark, now)?;
    }
    transaction.commit()?;
    Ok(lines as u64)
}

fn remove_days(connection: &mut Connection, before: DateTime<Utc>) -> Result<u64, Error> {
    let day = clock::vietnam_day(before).to_string();
    let days = connection.execute("DELETE FROM coverage WHERE day < ?1", [day])?;
    let outages = connection.execute("DELETE FROM outage WHERE ended_at < ?1", [row::instant(before)])?;
    Ok((days + outages) as u64)
}

/// Which visits a rule or a request has taken out.
pub(super) fn removed(connection: &Connection) -> Result<std::collections::HashSet<String>, Error> {
    let mut statement = connection.prepare("SELECT id FROM removed_visit")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// The line before the first one that is left, and its digest.
pub(super) fn anchor(connection: &Connection) -> Result<Option<(u64, [u8; 32])>, Error> {
    Ok(connection.query_row("SELECT number, digest FROM access_anchor", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
