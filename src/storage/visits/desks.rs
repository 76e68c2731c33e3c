//! The desks elsewhere in the house, and the code that lets one in.
//!
//! Promise: a try is counted on the disk before the code is compared, so that no restart gives another one; a code is good for one desk. Whoever tries
//! while no code is open writes nothing. Never: a token or a code, only their digests; a desk forgotten, for its tokens may come back.

use core::time::Duration;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::row;
use crate::domain::field::Problem;
use crate::domain::paired::DeskName;
use crate::domain::paired::Ended;
use crate::domain::paired::KnownDesk;
use crate::domain::paired::PairedDesk;
use crate::domain::paired::Shown;
use crate::domain::paired::Tried;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::OperatorName;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// A code that is to be opened.
#[derive(Clone, Debug)]
pub struct OpenPairing {
    /// Its digest.
    pub code: Sha256Digest,
    /// Who opens it.
    pub by: OperatorName,
    /// On which start of the machine it is good, and until when.
    pub boot_id: Box<str>,
    /// Time since that start.
    pub until: Duration,
    /// How often it may be tried.
    pub tries: u32,
}

/// The time between two tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

impl VisitStore {
    /// Opens a code in the place of one that is open. Returns after the disk has it.
    pub async fn open_pairing(&self, pairing: OpenPairing) -> Result<(), Error> {
        self.write(move |db| {
            let OpenPairing { code, by, boot_id, until, tries } = pairing;
            let sql = "INSERT OR REPLACE INTO pairing VALUES (1, ?1, ?2, ?3, ?4, ?5, NULL)";
            db.execute(sql, (code.to_hex(), by.as_str(), &boot_id, millis(until), tries))?;
            Ok(())
        })
        .await
    }

    /// Closes the code that is open, if one is.
    pub async fn close_pairing(&self) -> Result<(), Error> {
        self.write(|db| Ok(db.execute("DELETE FROM pairing", []).map(drop)?)).await
    }

    /// Tries a code, at this moment of this start. If it is the one, the desk is there from now on, with this token.
    pub async fn try_pairing(
        &self,
        code: Sha256Digest,
        (boot_id, since_boot): (Box<str>, Duration),
        (name, token): (DeskName, Sha256Digest),
        (at, day): (DateTime<Utc>, NaiveDate),
    ) -> Result<Tried, Error> {
        // A question first: nobody makes the disk work without a code that is open.
        let asked = boot_id.clone();
        if self.ask(move |db| open_code(db, &asked, since_boot)).await?.is_none() {
            return Ok(Tried::Closed);
        }
        self.write(move |db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some((wanted, by, left, last)) = open_code(&transaction, &boot_id, since_boot)? else { return Ok(Tried::Closed) };
            if last.is_some_and(|last| since_boot < last.saturating_add(BETWEEN_TRIES)) {
                return Ok(Tried::TooSoon);
            }
            let left = left.saturating_sub(1);
            transaction.execute("UPDATE pairing SET tries_left = ?1, tried_ms = ?2", (left, millis(since_boot)))?;
            transaction.commit()?;
            if wanted != code.to_hex() {
                return Ok(Tried::Wrong { left });
            }
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql =
                "INSERT INTO desk (name, paired_at, paired_by, seen_at, token, renewed_on, is_shown) VALUES (?1, ?2, ?3, ?2, ?4, ?5, 0)";
            transaction.execute(sql, (name.as_str(), row::instant(at), by, token.to_hex(), day.to_string()))?;
            let number = u64::try_from(transaction.last_insert_rowid()).unwrap_or_default();
            transaction.execute("INSERT INTO desk_token VALUES (?1, ?2)", (token.to_hex(), number))?;
            transaction.execute("DELETE FROM pairing", [])?;
            transaction.commit()?;
            Ok(Tried::Paired(number))
        })
        .await
    }

    /// The desk that a token was given to.
    pub async fn desk_of_token(&self, token: Sha256Digest) -> Result<Option<KnownDesk>, Error> {
        self.ask(move |db| {
            let sql = "SELECT d.number, d.token = t.token, d.before IS t.token, d.is_shown, d.renewed_on, d.seen_at, d.ended, d.token \
                FROM desk_token t JOIN desk d ON d.number = t.desk WHERE t.token = ?1";
            Ok(db.prepare_cached(sql)?.query_row([token.to_hex()], known).optional()?)
        })
        .await
    }

    /// A desk has shown its newest token.
    pub async fn desk_seen(&self, number: u64, token: Sha256Digest, at: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |db| {
            let sql = "UPDATE desk SET is_shown = 1, seen_at = ?3 WHERE number = ?1 AND token = ?2";
            db.execute(sql, (number, token.to_hex(), row::instant(at)))?;
            Ok(())
        })
        .await
    }

    /// Gives a desk that has shown `held` its next token. A next one that it has never shown was lost on its way, and is a copy if it comes. `false`: it
    /// has been given another one since `newest` was its newest, or is no desk any more.
    pub async fn renew_desk(
        &self,
        number: u64,
        (held, newest): (Sha256Digest, Sha256Digest),
        next: Sha256Digest,
        day: NaiveDate,
    ) -> Result<bool, Error> {
        self.write(move |db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "UPDATE desk SET before = ?2, token = ?3, renewed_on = ?4, is_shown = 0 \
                WHERE number = ?1 AND ended IS NULL AND token = ?5 AND (token = ?2 OR (before = ?2 AND is_shown = 0))";
            let is_renewed = transaction.execute(sql, (number, held.to_hex(), next.to_hex(), day.to_string(), newest.to_hex()))? == 1;
            if is_renewed {
                transaction.execute("INSERT INTO desk_token VALUES (?1, ?2)", (next.to_hex(), number))?;
            }
            transaction.commit()?;
            Ok(is_renewed)
        })
        .await
    }

    /// A desk is none any more. `false`: it was none.
    pub async fn end_desk(&self, number: u64, why: Ended, at: DateTime<Utc>) -> Result<bool, Error> {
        self.write(move |db| {
            let sql = "UPDATE desk SET ended = ?2, ended_at = ?3 WHERE number = ?1 AND ended IS NULL";
            Ok(db.execute(sql, (number, why.code(), row::instant(at)))? == 1)
        })
        .await
    }

    /// A person has seen that copies were used.
    pub async fn settle_copies(&self) -> Result<(), Error> {
        self.write(|db| Ok(db.execute("UPDATE desk SET is_settled = 1 WHERE ended = 'copied'", []).map(drop)?)).await
    }

    /// All desks there are and were, the newest first.
    pub async fn desks(&self) -> Result<Vec<PairedDesk>, Error> {
        self.ask(|db| list(db, "1")).await
    }

    /// Those of which a copy was used and nobody has seen it.
    pub async fn copied_desks(&self) -> Result<Vec<PairedDesk>, Error> {
        self.ask(|db| list(db, "ended = 'copied' AND is_settled = 0")).await
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The code that is open, who opened it, how many tries are left, and when the last one was.
type Open = (String, String, u32, Option<Duration>);

fn open_code(db: &Connection, boot_id: &str, now: Duration) -> Result<Option<Open>, Error> {
    let sql = "SELECT code, opened_by, tries_left, tried_ms FROM pairing WHERE boot_id = ?1 AND until_ms > ?2 AND tries_left > 0";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<u64>>(3)?.map(Duration::from_millis)));
    Ok(db.prepare_cached(sql)?.query_row((boot_id, millis(now)), read).optional()?)
}

fn known(row: &Row<'_>) -> rusqlite::Result<KnownDesk> {
    let (is_current, is_before, is_shown): (bool, bool, bool) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let shown = match (is_current, is_before) {
        (true, _) => Shown::Current { is_first: !is_shown },
        (false, true) => Shown::Previous { is_followed: is_shown },
        (false, false) => Shown::Spent,
    };
    let renewed_on: String = row.get(4)?;
    Ok(KnownDesk {
        number: row.get(0)?,
        shown,
        renewed_on: renewed_on.parse().map_err(|error| unreadable(4, Box::new(error) as Box<dyn std::error::Error + Send + Sync>))?,
        seen_at: row::read_instant(&row.get::<_, String>(5)?, 5)?,
        ended: ended(row, 6)?,
        newest: parsed(7, Sha256Digest::parse(&row.get::<_, String>(7)?))?,
    })
}

fn ended(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Ended>> {
    let text: Option<String> = row.get(at)?;
    text.map(|text| parsed(at, Ended::parse(&text))).transpose()
}

fn parsed<T>(at: usize, result: Result<T, Problem>) -> rusqlite::Result<T> {
    result.map_err(|problem| unreadable(at, problem.code()))
}

fn list(db: &Transaction<'_>, which: &str) -> Result<Vec<PairedDesk>, Error> {
    let sql = format!("SELECT number, name, paired_at, paired_by, seen_at, ended, ended_at FROM desk WHERE {which} ORDER BY number DESC");
    let read = |row: &Row<'_>| {
        let instant = |at: usize| row::read_instant(&row.get::<_, String>(at)?, at);
        Ok(PairedDesk {
            number: row.get(0)?,
            name: parsed(1, DeskName::parse(&row.get::<_, String>(1)?))?,
            paired_at: instant(2)?,
            paired_by: parsed(3, OperatorName::parse(&row.get::<_, String>(3)?))?,
            seen_at: instant(4)?,
            ended: ended(row, 5)?.map(|why| Ok::<_, rusqlite::Error>((why, instant(6)?))).transpose()?,
        })
    };
    let mut statement = db.prepare_cached(&sql)?;
    let desks = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(desks)
}

#[cfg(test)]
#[path = "desks_tests.rs"]
mod tests;
