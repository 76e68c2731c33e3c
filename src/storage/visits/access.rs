//! The access log: who looked at whom, line after line, each bound to all before it.
//!
//! Promise: a line holds SHA-256 over the digest of the line before it and its own content, so that whoever knows one digest can prove everything up to it; a person
//! stands in it as an HMAC under a key that never leaves this file. Never: a name or number of a person; a line changed or taken out.

use chrono::DateTime;
use chrono::Utc;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::VisitStore;
use super::row;
use crate::domain::access::Access;
use crate::domain::access::PersonKey;
use crate::domain::roster::Sha256Digest;
use crate::storage::error::Error;

/// What the first line is bound to.
const BEGINNING: [u8; 32] = [0; 32];

/// A line as it was written. The texts are those of the codes, also where this program does not know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAccess {
    /// Its place.
    pub number: u64,
    /// When, by the station's clock.
    pub at: DateTime<Utc>,
    /// Whether that clock was believed.
    pub clock_state: String,
    /// By which account.
    pub operator: Option<u32>,
    /// Where.
    pub place: String,
    /// What was done.
    pub act: String,
    /// About whom: a keyed digest.
    pub person: Option<Vec<u8>>,
    /// About which visit.
    pub visit: Option<String>,
    /// About which account.
    pub account: Option<u32>,
}

/// The end of the log: whoever notes it down can prove later that nothing before it was changed or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last line.
    pub number: u64,
    /// Its digest.
    pub digest: Sha256Digest,
}

/// What a walk through the log came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The end; `None` for a log without a line.
    pub head: Option<Head>,
    /// The first line that is not what was written, or that is missing.
    pub broken_at: Option<u64>,
    /// Whether a head noted before is part of this log; `true` where none was asked about.
    pub holds_noted: bool,
}

impl Verified {
    /// Whether nothing speaks against the log.
    pub fn is_whole(&self) -> bool {
        self.broken_at.is_none() && self.holds_noted
    }
}

impl VisitStore {
    /// Writes lines, in this order. Returns after the disk has all of them.
    pub async fn write_access(&self, lines: Vec<Access>) -> Result<(), Error> {
        self.write(move |db| append(db, &lines)).await
    }

    /// The newest lines, newest first.
    pub async fn access(&self, limit: usize) -> Result<Vec<LoggedAccess>, Error> {
        self.ask(move |db| {
            let mut statement = db.prepare_cached("SELECT * FROM access ORDER BY number DESC LIMIT ?1")?;
            let lines = statement.query_map([limit], logged)?.collect::<Result<_, _>>()?;
            Ok(lines)
        })
        .await
    }

    /// Walks through the whole log. `noted`: a head that somebody has noted down before.
    pub async fn verify_access(&self, noted: Option<Head>) -> Result<Verified, Error> {
        self.ask(move |db| verify(db, noted)).await
    }
}

fn append(connection: &mut Connection, lines: &[Access]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key: Zeroizing<Vec<u8>> =
        Zeroizing::new(transaction.prepare_cached("SELECT key FROM access_key")?.query_row([], |row| row.get(0))?);
    let last = transaction
        .prepare_cached("SELECT number, digest FROM access ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (mut number, mut digest): (u64, [u8; 32]) = last.unwrap_or((0, BEGINNING));
    for line in lines {
        number += 1;
        let logged = LoggedAccess {
            number,
            at: line.at,
            clock_state: line.clock.code().to_owned(),
            operator: line.operator.map(|id| id.0),
            place: line.place.as_str().to_owned(),
            act: line.act.code().to_owned(),
            person: line.about.person.as_ref().map(|person| keyed(&key, person)).transpose()?,
            visit: line.about.visit.map(|visit| visit.0.to_string()),
            account: line.about.account.map(|id| id.0),
        };
        digest = chained(&digest, &logged);
        transaction.prepare_cached("INSERT INTO access VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?.execute((
            number,
            row::instant(logged.at),
            &logged.clock_state,
            logged.operator,
            &logged.place,
            &logged.act,
            &logged.person,
            &logged.visit,
            logged.account,
            digest,
        ))?;
    }
    transaction.commit()?;
    Ok(())
}

/// A person under the key of this file.
fn keyed(key: &[u8], person: &PersonKey) -> Result<Vec<u8>, Error> {
    // HMAC takes a key of any length.
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Bug(rusqlite::Error::InvalidQuery))?;
    hmac.update(person.as_str().as_bytes());
    Ok(hmac.finalize().into_bytes().to_vec())
}

/// FROZEN: how a line is bound to the one before it. Each part with its length before it, a missing one with a length that none has.
fn chained(previous: &[u8; 32], line: &LoggedAccess) -> [u8; 32] {
    let number = |number: Option<u32>| number.map(|number| number.to_string().into_bytes());
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let parts = [
        Some(line.number.to_string().into_bytes()),
        Some(row::instant(line.at).into_bytes()),
        text(&line.clock_state),
        number(line.operator),
        text(&line.place),
        text(&line.act),
        line.person.clone(),
        line.visit.as_deref().and_then(text),
        number(line.account),
    ];
    let mut hash = Sha256::new().chain_update(previous);
    for part in parts {
        let length = part.as_ref().map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.finalize().into()
}

fn logged(row: &Row<'_>) -> rusqlite::Result<LoggedAccess> {
    let at: String = row.get("at")?;
    Ok(LoggedAccess {
        number: row.get("number")?,
        at: row::read_instant(&at, 1)?,
        clock_state: row.get("clock_state")?,
        operator: row.get("operator")?,
        place: row.get("place")?,
        act: row.get("act")?,
        person: row.get("person")?,
        visit: row.get("visit")?,
        account: row.get("account")?,
    })
}

fn verify(connection: &Connection, noted: Option<Head>) -> Result<Verified, Error> {
    let mut statement = connection.prepare("SELECT * FROM access ORDER BY number")?;
    let mut rows = statement.query([])?;
    let (mut head, mut digest, mut broken_at) = (None, BEGINNING, None);
    let mut holds_noted = noted.is_none();
    while let Some(row) = rows.next()? {
        let number: u64 = row.get("number")?;
        let expected = head.map_or(0, |head: Head| head.number) + 1;
        // What cannot even be read is not what was written.
        let made = logged(row).ok().map(|line| chained(&digest, &line));
        let written: [u8; 32] = row.get("digest")?;
        if number != expected || made != Some(written) {
            broken_at = broken_at.or(Some(expected.min(number)));
        }
        digest = written;
        let here = Head { number, digest: Sha256Digest(written) };
        holds_noted |= noted == Some(here);
        head = Some(here);
    }
    // How far the numbers ever went is kept apart from the lines.
    let given: Option<u64> =
        connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'access'", [], |row| row.get(0)).optional()?;
    let reached = head.map_or(0, |head| head.number);
    if given.unwrap_or_default() != reached {
        broken_at = broken_at.or(Some(reached + 1));
    }
    Ok(Verified { head, broken_at, holds_noted })
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
