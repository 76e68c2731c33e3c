//! Failed tries of PINs, remembered over restarts.
//!
//! Promise: a try is on the disk as a failed one before anybody compares a PIN, and is taken back only by the right one; how long ago it was is told by the
//! machine's running time, and after another start of the machine counts from that start: no clock that is set and no restart makes a wait shorter. Never: a PIN,
//! or part of one.

use core::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::row;
use crate::domain::clock::Reading;
use crate::domain::operator::OperatorId;
use crate::domain::tries::AN_HOUR;
use crate::domain::tries::Tries;
use crate::domain::tries::WINDOW;
use crate::storage::error::Error;

/// Browsers that are told apart: far more than a station has. What is beyond is counted with those nobody knows.
const BROWSERS: u32 = 200;

/// Against what, or from where, tries are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account.
    Account(OperatorId),
    /// A browser that shows this mark. One where nobody has signed in before shares its count with all others like it, so that a mark made up for each try
    /// does not help.
    Browser(Box<str>),
    /// All browsers that nobody knows.
    Unknown,
}

impl Subject {
    fn code(&self) -> String {
        match self {
            Self::Account(id) => format!("account:{id}"),
            Self::Browser(mark) => format!("browser:{mark}"),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// What became of a try that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// It is on the disk as a failed one: compare the PIN.
    Counted(Counted),
    /// It has to wait, and was not counted.
    TooSoon(TooSoon),
}

/// A try that was counted: what it is taken back by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    subjects: Vec<String>,
    numbers: Vec<i64>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// From now on.
    pub wait: Duration,
    /// When the last failed try was, by the station's clock.
    pub since: DateTime<Utc>,
}

impl VisitStore {
    /// Counts a try as a failed one, unless one of its subjects has to wait. Returns after the disk has it.
    pub async fn announce_try(&self, subjects: Vec<Subject>, reading: Reading) -> Result<Announced, Error> {
        self.write(move |db| announce(db, &subjects, &reading)).await
    }

    /// The try was the right one: it is taken back, and a browser is known from now on.
    pub async fn try_was_right(&self, counted: Counted, browser: Option<Box<str>>) -> Result<(), Error> {
        self.write(move |db| take_back(db, &counted, browser)).await
    }
}

fn announce(connection: &mut Connection, subjects: &[Subject], reading: &Reading) -> Result<Announced, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let subjects = subjects.iter().map(|subject| known(&transaction, subject)).collect::<Result<Vec<_>, _>>()?;
    let mut longest: Option<TooSoon> = None;
    for subject in &subjects {
        let (tries, since) = tries(&transaction, subject, reading)?;
        if let (Some(wait), Some(since)) = (tries.wait(), since)
            && longest.is_none_or(|longest| longest.wait < wait)
        {
            longest = Some(TooSoon { wait, since });
        }
    }
    if let Some(too_soon) = longest {
        return Ok(Announced::TooSoon(too_soon));
    }
    let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let (boot_ms, window) = (milliseconds(reading.since_boot), milliseconds(WINDOW));
    // What is over is forgotten while that is known: after the next start of the machine it would count as if it had just been.
    transaction.prepare_cached("DELETE FROM failed_try WHERE ?2 - ?3 >= CASE boot_id WHEN ?1 THEN boot_ms ELSE 0 END")?.execute((
        &reading.boot_id,
        boot_ms,
        window,
    ))?;
    let mut numbers = Vec::new();
    for subject in &subjects {
        transaction
            .prepare_cached(
                "INSERT INTO tries (subject, in_a_row) VALUES (?1, 1) ON CONFLICT (subject) DO UPDATE SET in_a_row = in_a_row + 1",
            )?
            .execute([subject])?;
        transaction.prepare_cached("INSERT INTO failed_try (subject, boot_id, boot_ms, at) VALUES (?1, ?2, ?3, ?4)")?.execute((
            subject,
            &reading.boot_id,
            boot_ms,
            row::instant(reading.wall),
        ))?;
        numbers.push(transaction.last_insert_rowid());
        // Only the last ones of an hour count.
        transaction
            .prepare_cached("DELETE FROM failed_try WHERE number IN (SELECT number FROM failed_try WHERE subject = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?2)")?
            .execute((subject, AN_HOUR))?;
    }
    transaction.commit()?;
    Ok(Announced::Counted(Counted { subjects, numbers }))
}

/// By what a subject is counted.
fn known(connection: &Connection, subject: &Subject) -> Result<String, Error> {
    let code = subject.code();
    let is_counted = |code: &str| -> Result<bool, Error> {
        Ok(connection.prepare_cached("SELECT 1 FROM tries WHERE subject = ?1")?.query_row([code], |_| Ok(())).optional()?.is_some())
    };
    Ok(if matches!(subject, Subject::Browser(_)) && !is_counted(&code)? { Subject::Unknown.code() } else { code })
}

fn tries(connection: &Connection, subject: &str, reading: &Reading) -> Result<(Tries, Option<DateTime<Utc>>), Error> {
    let in_a_row =
        connection.prepare_cached("SELECT in_a_row FROM tries WHERE subject = ?1")?.query_row([subject], |row| row.get(0)).optional()?;
    let mut statement = connection.prepare_cached("SELECT boot_id, boot_ms, at FROM failed_try WHERE subject = ?1 ORDER BY number DESC")?;
    let rows = statement.query_map([subject], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?, row.get::<_, String>(2)?)))?;
    let (mut ages, mut since) = (Vec::new(), None);
    for row in rows {
        let (boot_id, boot_ms, at) = row?;
        // Of another start of the machine it is only known that it was before this one: the clock may say anything.
        let is_of_this_start = *boot_id == *reading.boot_id;
        let then = if is_of_this_start { Duration::from_millis(boot_ms) } else { Duration::ZERO };
        let age = reading.since_boot.saturating_sub(then);
        if age < WINDOW {
            since = since.or(Some(row::read_instant(&at, 2)?));
            ages.push(age);
        }
    }
    Ok((Tries { in_a_row: in_a_row.unwrap_or_default(), ages }, since))
}

fn take_back(connection: &mut Connection, counted: &Counted, browser: Option<Box<str>>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (subject, number) in counted.subjects.iter().zip(&counted.numbers) {
        transaction.execute("DELETE FROM failed_try WHERE number = ?1", [number])?;
        transaction.execute("UPDATE tries SET in_a_row = 0 WHERE subject = ?1", [subject])?;
    }
    if let Some(mark) = browser {
        let subject = Subject::Browser(mark).code();
        transaction.execute("INSERT INTO tries (subject, in_a_row) VALUES (?1, 0) ON CONFLICT (subject) DO NOTHING", [subject])?;
        let oldest = "DELETE FROM tries WHERE number IN (SELECT number FROM tries WHERE subject LIKE 'browser:%' ORDER BY number DESC LIMIT -1 OFFSET ?1)";
        transaction.execute(oldest, [BROWSERS])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[path = "tries_tests.rs"]
mod tests;
