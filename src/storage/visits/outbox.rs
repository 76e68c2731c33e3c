//! What is on its way to the province, and what the province answered.
//!
//! Promise: a visit leaves `pending` only together with the receipt or the refusal that says why; a refused one is parked for a person
//! and holds up nobody behind it, unless a newer revision goes instead. What is delivered has its receipt, and what has its receipt is delivered.
//! Never: a state kept in memory only; a count that reads every visit.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::recheck;
use super::row;
use crate::domain::visit::Circumstances;
use crate::domain::visit::Delivery;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Receipt;
use crate::domain::visit::ReceiptOutcome;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitId;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// How much is where. "Everything is sent" is `pending == 0 && parked == 0`, nothing less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Revisions that are not confirmed,
    pub pending: u64,
    /// and how many visits they are of.
    pub pending_visits: u64,
    /// Refused; waiting for a person.
    pub parked: u64,
    /// Confirmed.
    pub delivered: u64,
    /// Refused and ended by a person.
    pub closed: u64,
    /// Visits whose verdict would now be another, which nobody has looked at.
    pub rechecks: u64,
    /// In files set aside: neither here nor confirmed.
    pub aside: u64,
    /// Of the last revision saved.
    pub highest: Sequence,
    /// When the oldest pending visit came.
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// Earliest instant at which a visit that the province put off may be sent again; `None`: none was put off.
    pub put_off_until: Option<DateTime<Utc>>,
    /// How many were.
    pub put_off: u64,
    /// How many of them because the province could not take them even alone,
    pub unfit: u64,
    /// how many of those again and again,
    pub unfit_often: u64,
    /// and why the one could not be taken that was refused most often.
    pub unfit_why: Option<Unfit>,
}

/// From so many times in a row on somebody should ask the province why it cannot take a visit.
const AGAIN_AND_AGAIN: u32 = 3;

/// Why the province could not take a visit even alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is larger than the province takes.
    TooLarge,
    /// The province cannot read it.
    Unreadable,
}

impl Unfit {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }

    fn parse(code: &str) -> Option<Self> {
        [Self::TooLarge, Self::Unreadable].into_iter().find(|why| why.code() == code)
    }
}

/// Until when a visit is put off, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// It is not sent before, unless a person asks for it.
    pub until: DateTime<Utc>,
    /// Why the province could not take it even alone, and how often in a row; `None`: the province asked to wait.
    pub unfit: Option<(Unfit, u32)>,
}

/// How somebody goes through the pending visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Only those beyond this one.
    pub after: Sequence,
    /// Also those whose time has not come.
    pub put_off_too: bool,
    /// Also those that the province could not take even alone.
    pub unfit_too: bool,
}

/// A visit and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedVisit {
    /// The visit.
    pub visit: Visit,
    /// How far.
    pub delivery: Delivery,
    /// The province's proof.
    pub reference: Option<Box<str>>,
    /// Why it was refused.
    pub refused: Option<(Box<str>, Box<str>)>,
    /// How a person ended it; kept also when the province turned out to hold it.
    pub closing: Option<Closing>,
    /// That it is put off.
    pub put_off: Option<PutOff>,
    /// The number the visit is known by: of its first revision.
    pub number: Sequence,
    /// What was kept beside the revision.
    pub circumstances: Option<Circumstances>,
}

impl LoggedVisit {
    /// Who saved the revision.
    pub fn saved_by(&self) -> &OperatorName {
        self.circumstances.as_ref().map_or(&self.visit.content.operator, |kept| &kept.saved_by)
    }
}

/// The visits of a day, each as it was last corrected on that day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// How many there are.
    pub count: usize,
    /// How many of them were taken back.
    pub voided: usize,
    /// The newest of them, newest first.
    pub newest: Vec<LoggedVisit>,
}

impl Day {
    /// A day of which every visit is there.
    pub fn whole(newest: Vec<LoggedVisit>) -> Self {
        let voided = newest.iter().filter(|logged| logged.visit.content.voided.is_some()).count();
        Self { count: newest.len(), voided, newest }
    }
}

/// How a person ended a refused visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Why.
    pub note: Box<str>,
    /// Who.
    pub by: OperatorName,
    /// When.
    pub at: DateTime<Utc>,
}

/// The longest a visit is put off, whatever the province asks or the clock once said.
pub const LONGEST_PUT_OFF: TimeDelta = TimeDelta::hours(1);
/// The shortest: a province that asks for none would have the same visit sent again and again without a pause.
const SHORTEST_PUT_OFF: TimeDelta = TimeDelta::seconds(5);
/// A clock that is set by a little calls nothing due that was put off for the longest.
const CLOCK_MAY_STEP: TimeDelta = TimeDelta::minutes(5);
/// Visits that cannot be taken are tried again so many at once, each alone.
const MOST_UNFIT: u32 = 100;

pub(super) fn counts(connection: &Connection) -> Result<Counts, Error> {
    // Each is one step into a table or an index, or goes through what waits alone: how many visits there are does not matter. A tally below nothing is a mistake of ours that stops no desk.
    let sql = "SELECT (SELECT min(arrived_at) FROM outbox WHERE state = 'pending'), \
        (SELECT min(not_before) FROM outbox WHERE not_before IS NOT NULL), \
        (SELECT count(*) FROM recheck WHERE settled_at IS NULL AND is_over = 0), (SELECT ifnull(max(sequence), 0) FROM visit), \
        (SELECT count(*) FROM outbox WHERE not_before IS NOT NULL), (SELECT count(*) FROM outbox WHERE unfit_times > 0), \
        (SELECT count(*) FROM outbox WHERE unfit_times > 0 AND unfit_times >= ?1), \
        (SELECT unfit FROM outbox WHERE unfit_times > 0 ORDER BY unfit_times DESC LIMIT 1), \
        (SELECT count(*) FROM visit INDEXED BY visit_revised JOIN outbox USING (sequence) WHERE revision > 1 AND state = 'pending' \
        AND visit.sequence > (SELECT min(sequence) FROM outbox WHERE state = 'pending') \
        AND EXISTS (SELECT 1 FROM visit older JOIN outbox waiting ON waiting.sequence = older.sequence \
        WHERE older.id = visit.id AND older.revision < visit.revision AND waiting.state = 'pending')), \
        (SELECT ifnull(sum(unsent), 0) FROM set_aside)";
    let (mut counts, further) = connection.prepare_cached(sql)?.query_row([AGAIN_AND_AGAIN], |found| {
        let instant = |at| found.get::<_, Option<String>>(at)?.map(|text| row::read_instant(&text, at)).transpose();
        let (oldest_pending_at, put_off_until) = (instant(0)?, instant(1)?);
        let counts = Counts {
            oldest_pending_at,
            put_off_until,
            rechecks: found.get(2)?,
            highest: Sequence(found.get(3)?),
            put_off: found.get(4)?,
            unfit: found.get(5)?,
            unfit_often: found.get(6)?,
            unfit_why: read_unfit(found, 7)?,
            aside: found.get(9)?,
            ..Counts::default()
        };
        Ok((counts, found.get::<_, u64>(8)?))
    })?;
    let mut statement = connection.prepare_cached("SELECT state, max(visits, 0) FROM tally")?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        match read_delivery(found, 0)? {
            Delivery::Pending => counts.pending = found.get(1)?,
            Delivery::Parked => counts.parked = found.get(1)?,
            Delivery::Delivered => counts.delivered = found.get(1)?,
            Delivery::Closed => counts.closed = found.get(1)?,
            Delivery::Superseded => {}
        }
    }
    counts.pending_visits = counts.pending.saturating_sub(further);
    Ok(counts)
}

/// A time far ahead is not believed: the clock was wrong when it was written.
const IS_DUE: &str = "(?1 OR not_before IS NULL OR not_before <= ?2 OR not_before > ?3)";

/// The values of [`IS_DUE`].
fn when(put_off_too: bool, now: DateTime<Utc>) -> (bool, String, String) {
    (put_off_too, row::instant(now), row::instant(now + LONGEST_PUT_OFF + CLOCK_MAY_STEP))
}

/// Pending visits in the station's order.
pub(super) fn due(connection: &Connection, walk: Walk, limit: usize, now: DateTime<Utc>) -> Result<Vec<Visit>, Error> {
    let sql = format!(
        "SELECT {} FROM outbox JOIN visit USING (sequence) WHERE state = 'pending' AND sequence > ?4 AND (?5 OR unfit_times = 0) AND {IS_DUE} \
         ORDER BY sequence LIMIT ?6",
        row::COLUMNS
    );
    let (put_off_too, now, latest) = when(walk.put_off_too, now);
    let values = (put_off_too, now, latest, walk.after.0, walk.unfit_too, limit);
    let mut statement = connection.prepare_cached(&sql)?;
    let visits = statement.query_map(values, row::read)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

pub(super) fn unconfirmed(connection: &Connection, after: Sequence, limit: usize) -> Result<Vec<Visit>, Error> {
    let sql = format!(
        "SELECT {} FROM outbox JOIN visit USING (sequence) WHERE state IN ('pending', 'parked') AND sequence > ?1 ORDER BY sequence LIMIT ?2",
        row::COLUMNS
    );
    let visits = connection.prepare_cached(&sql)?.query_map((after.0, limit), row::read)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

pub(super) fn unfit(connection: &Connection, put_off_too: bool, now: DateTime<Utc>) -> Result<Vec<Sequence>, Error> {
    let sql = format!(
        "SELECT sequence FROM outbox WHERE unfit_times > 0 AND state = 'pending' AND {IS_DUE} ORDER BY unfit_times, sequence LIMIT {MOST_UNFIT}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(when(put_off_too, now), |found| Ok(Sequence(found.get(0)?)))?.collect::<Result<_, _>>()?;
    Ok(found)
}

pub(super) fn pending(connection: &Connection, sequence: Sequence) -> Result<Option<Visit>, Error> {
    let sql = format!("SELECT {} FROM outbox JOIN visit USING (sequence) WHERE state = 'pending' AND sequence = ?1", row::COLUMNS);
    Ok(connection.prepare_cached(&sql)?.query_row([sequence.0], row::read).optional()?)
}

pub(super) fn put_off_unfit(connection: &Connection, sequence: Sequence, why: Unfit, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE outbox SET not_before = ?2, unfit = ?3, unfit_times = unfit_times + 1 WHERE sequence = ?1 AND state = 'pending'";
    connection.prepare_cached(sql)?.execute((sequence.0, row::instant(now + LONGEST_PUT_OFF), why.code()))?;
    Ok(())
}

/// Stores answers, each with the state it leads to. Returns how many spoke of no visit of ours.
pub(super) fn store_receipts(connection: &mut Connection, receipts: &[Receipt], now: DateTime<Utc>) -> Result<usize, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let strangers = store_all(&transaction, receipts, now)?;
    transaction.commit()?;
    Ok(strangers)
}

/// The same, unless the station has heard since it asked that the province's record of visits is another one: then nothing is stored. Returns whether
/// it was.
pub(super) fn store_receipts_under(
    connection: &mut Connection,
    ledger: Option<Uuid>,
    receipts: &[Receipt],
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if super::ledger::known(&transaction)? != ledger {
        return Ok(false);
    }
    store_all(&transaction, receipts, now)?;
    transaction.commit()?;
    Ok(true)
}

/// Stores answers within a transaction; returns how many spoke of no visit of ours.
pub(super) fn store_all(transaction: &Connection, receipts: &[Receipt], now: DateTime<Utc>) -> Result<usize, Error> {
    let mut strangers = 0;
    for receipt in receipts {
        let sequence: Option<i64> = transaction
            .prepare_cached("SELECT sequence FROM visit WHERE id = ?1 AND revision = ?2")?
            .query_row((receipt.id.0.to_string(), receipt.revision.0), |row| row.get(0))
            .optional()?;
        match sequence {
            Some(sequence) => store(transaction, sequence, &receipt.outcome, now)?,
            None => strangers += 1,
        }
    }
    Ok(strangers)
}

fn store(connection: &Connection, sequence: i64, outcome: &ReceiptOutcome, now: DateTime<Utc>) -> Result<(), Error> {
    match outcome {
        ReceiptOutcome::Held { reference, received_at, duplicate } => {
            let keep = "INSERT INTO receipt VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
            let values = (sequence, reference, row::instant(*received_at), duplicate, row::instant(now));
            connection.prepare_cached(keep)?.execute(values)?;
            let deliver = "UPDATE outbox SET state = 'delivered', not_before = NULL, unfit = NULL, unfit_times = 0, refused_code = NULL, \
                refused_text = NULL WHERE sequence = ?1";
            connection.prepare_cached(deliver)?.execute([sequence])?;
        }
        // A receipt is for ever: a later refusal of the same revision cannot take it back. Of an older revision nobody need know that it was refused.
        ReceiptOutcome::Refused { code, text } => {
            let park = "UPDATE outbox SET not_before = NULL, unfit = NULL, unfit_times = 0, refused_code = ?2, refused_text = ?3, \
                state = CASE WHEN EXISTS (SELECT 1 FROM visit JOIN visit newer ON newer.id = visit.id AND newer.revision > visit.revision \
                WHERE visit.sequence = ?1) THEN 'superseded' ELSE 'parked' END WHERE sequence = ?1 AND state = 'pending'";
            connection.prepare_cached(park)?.execute((sequence, code, text))?;
        }
        ReceiptOutcome::Retry { after_seconds } => {
            let wait = TimeDelta::try_seconds(i64::try_from(*after_seconds).unwrap_or(i64::MAX)).unwrap_or(LONGEST_PUT_OFF);
            let put_off = "UPDATE outbox SET not_before = ?2, unfit = NULL, unfit_times = 0 WHERE sequence = ?1 AND state = 'pending'";
            connection.prepare_cached(put_off)?.execute((sequence, row::instant(now + wait.clamp(SHORTEST_PUT_OFF, LONGEST_PUT_OFF))))?;
        }
    }
    Ok(())
}

/// Refused revisions of a visit wait for nobody once a newer one goes.
pub(super) fn supersede(connection: &Connection, id: &str) -> Result<(), Error> {
    let sql = "UPDATE outbox SET state = 'superseded' WHERE state = 'parked' AND sequence IN (SELECT sequence FROM visit WHERE id = ?1)";
    connection.prepare_cached(sql)?.execute([id])?;
    Ok(())
}

pub(super) fn of_day(connection: &Connection, day: NaiveDate) -> Result<Vec<LoggedVisit>, Error> {
    logged(connection, "WHERE station_day = ?1 ORDER BY visit.sequence DESC", [day.to_string()])
}

/// All revisions of the day but those that have an earlier one on it: two indexes, and no visit is read.
const COUNT_OF_DAY: &str = "SELECT (SELECT count(*) FROM visit WHERE station_day = ?1) - (SELECT count(*) FROM visit WHERE station_day = ?1 \
    AND revision > 1 AND EXISTS (SELECT 1 FROM visit older WHERE older.id = visit.id AND older.revision < visit.revision \
    AND older.station_day = visit.station_day))";

/// Ordered by the table that is read first: by the other's number, all of the day would be read and sorted.
const NEWEST_OF_DAY: &str = "WHERE station_day = ?1 AND NOT EXISTS (SELECT 1 FROM visit newer WHERE newer.id = visit.id \
    AND newer.revision > visit.revision AND newer.station_day = visit.station_day) ORDER BY visit.sequence DESC LIMIT ?2";

/// A visit that was taken back is not corrected any more: one revision of it says so. Only corrected ones are read.
const VOIDED_OF_DAY: &str =
    "SELECT count(*) FROM visit INDEXED BY visit_corrected WHERE station_day = ?1 AND revision > 1 AND voided IS NOT NULL";

pub(super) fn newest_of_day(connection: &Connection, day: NaiveDate, most: usize) -> Result<Day, Error> {
    let day = day.to_string();
    let count = connection.prepare_cached(COUNT_OF_DAY)?.query_row([&day], |row| row.get(0))?;
    let voided = connection.prepare_cached(VOIDED_OF_DAY)?.query_row([&day], |row| row.get(0))?;
    Ok(Day { count, voided, newest: logged(connection, NEWEST_OF_DAY, (day, most))? })
}

/// The visits of a run of the machine since an instant of it, newest first: one is believed to be of today whatever the clock says.
pub(super) fn of_run(connection: &Connection, boot_id: &str, since_ms: u64) -> Result<Vec<LoggedVisit>, Error> {
    let rest =
        "WHERE visit.sequence > (SELECT max(sequence) FROM visit) - ?1 AND boot_id = ?2 AND boot_ms >= ?3 ORDER BY visit.sequence DESC";
    logged(connection, rest, (recheck::DOUBTED, boot_id, since_ms))
}

/// The first visit of a day by a clock that was believed.
pub(super) fn first_of_day(connection: &Connection, day: NaiveDate) -> Result<Option<Sequence>, Error> {
    let sql = format!("SELECT min(sequence) FROM visit WHERE station_day = ?1 AND revision = 1 AND NOT {}", recheck::IS_DOUBTED);
    Ok(connection.prepare_cached(&sql)?.query_row([day.to_string()], |row| row.get::<_, Option<_>>(0))?.map(Sequence))
}

pub(super) fn doubted(connection: &Connection) -> Result<Vec<LoggedVisit>, Error> {
    logged(connection, &doubted_rest(), [recheck::DOUBTED])
}

fn doubted_rest() -> String {
    format!("WHERE visit.sequence > (SELECT max(sequence) FROM visit) - ?1 AND {} ORDER BY visit.sequence DESC", recheck::IS_DOUBTED)
}

pub(super) fn revisions(connection: &Connection, id: VisitId) -> Result<Vec<LoggedVisit>, Error> {
    logged(connection, "WHERE id = ?1 ORDER BY revision", [id.0.to_string()])
}

pub(super) fn id_of(connection: &Connection, sequence: Sequence) -> Result<Option<VisitId>, Error> {
    let mut statement = connection.prepare_cached("SELECT id FROM visit WHERE sequence = ?1")?;
    let id: Option<String> = statement.query_row([sequence.0], |row| row.get(0)).optional()?;
    Ok(id.map(|id| row::read_uuid(&id, 0)).transpose()?.map(VisitId))
}

pub(super) fn at(connection: &Connection, sequence: Sequence) -> Result<Option<LoggedVisit>, Error> {
    Ok(logged(connection, "WHERE visit.sequence = ?1", [sequence.0])?.pop())
}

pub(super) fn undelivered(connection: &Connection, limit: usize) -> Result<Vec<LoggedVisit>, Error> {
    // One after the other, each by its own index.
    let mut found = logged(connection, "WHERE state = 'parked' ORDER BY sequence LIMIT ?1", [limit])?;
    let rest = limit.saturating_sub(found.len());
    found.append(&mut logged(connection, "WHERE state = 'pending' ORDER BY sequence LIMIT ?1", [rest])?);
    Ok(found)
}

fn logged(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> Result<Vec<LoggedVisit>, Error> {
    let sql = logged_sql(rest);
    let mut statement = connection.prepare_cached(&sql)?;
    let visits = statement.query_map(values, read_logged)?.collect::<Result<_, _>>()?;
    Ok(visits)
}

fn logged_sql(rest: &str) -> String {
    format!(
        "SELECT {}, state, reference, refused_code, refused_text, closed_note, closed_by, closed_at, not_before, unfit, \
         unfit_times, circumstance.saved_at, saved_by, unreached_since, \
         (SELECT first.sequence FROM visit first WHERE first.id = visit.id AND first.revision = 1) \
         FROM outbox JOIN visit USING (sequence) LEFT JOIN receipt USING (sequence) LEFT JOIN circumstance USING (sequence) {rest}",
        row::COLUMNS
    )
}

fn read_logged(found: &Row<'_>) -> rusqlite::Result<LoggedVisit> {
    let at = row::COUNT;
    let code: Option<Box<str>> = found.get(at + 2)?;
    let closing = match (found.get(at + 4)?, found.get::<_, Option<String>>(at + 5)?, found.get::<_, Option<String>>(at + 6)?) {
        (Some(note), Some(by), Some(closed_at)) => {
            let by = OperatorName::parse(&by).map_err(|problem| unreadable(at + 5, problem.code()))?;
            Some(Closing { note, by, at: row::read_instant(&closed_at, at + 6)? })
        }
        _ => None,
    };
    // A list that people need is read also where nobody can tell until when.
    let until = found.get::<_, Option<String>>(at + 7)?.and_then(|until| row::read_instant(&until, at + 7).ok());
    let unfit = read_unfit(found, at + 8)?.zip(found.get(at + 9)?);
    let put_off = until.map(|until| PutOff { until, unfit });
    let instant = |at| found.get::<_, Option<String>>(at)?.map(|text| row::read_instant(&text, at)).transpose();
    let circumstances = match (instant(at + 10)?, found.get::<_, Option<String>>(at + 11)?) {
        (Some(saved_at), Some(by)) => {
            let saved_by = OperatorName::parse(&by).map_err(|problem| unreadable(at + 11, problem.code()))?;
            Some(Circumstances { saved_at, saved_by, unreached_since: instant(at + 12)? })
        }
        _ => None,
    };
    let visit = row::read(found)?;
    Ok(LoggedVisit {
        put_off,
        number: found.get::<_, Option<_>>(at + 13)?.map_or(visit.sequence, Sequence),
        circumstances,
        visit,
        delivery: read_delivery(found, at)?,
        reference: found.get(at + 1)?,
        refused: code.zip(found.get::<_, Option<Box<str>>>(at + 3)?),
        closing,
    })
}

fn read_unfit(found: &Row<'_>, at: usize) -> rusqlite::Result<Option<Unfit>> {
    let code: Option<String> = found.get(at)?;
    code.map(|code| Unfit::parse(&code).ok_or_else(|| unreadable(at, "unknown reason"))).transpose()
}

fn read_delivery(found: &Row<'_>, at: usize) -> rusqlite::Result<Delivery> {
    let state: String = found.get(at)?;
    Delivery::parse(&state).map_err(|problem| unreadable(at, problem.code()))
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
