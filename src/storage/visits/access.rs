//! The access log: who looked at whom, line after line, each bound to all before it.
//!
//! Promise: a line holds SHA-256 over the digest of the line before it and its own content, so that whoever knows one digest can prove everything up to it; a person
//! stands in it as an HMAC under a key that never leaves this file. Never: a name or number of a person; a line changed or taken out.

use std::collections::BTreeSet;
use std::sync::Arc;

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
use crate::domain::access::Head;
use crate::domain::access::PersonKey;
use crate::domain::clock::ClockState;
use crate::domain::roster::Sha256Digest;
use crate::storage::error::Error;

const INSERT: &str = "INSERT INTO access (number, at, clock_state, operator, place, act, person, visit, account, digest, shown, people, detail) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// Bytes of a person's digest that stand in a list's line: enough to tell the people of a commune apart.
const TOKEN: usize = 8;

/// People named in a list's line; of more there is one digest over all.
const NAMED: usize = 32;

/// What the first line is bound to.
pub(super) const BEGINNING: [u8; 32] = [0; 32];

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
    /// Of a list: how many rows it showed.
    pub shown: Option<u64>,
    /// Whom: the beginnings of their keyed digests, or for a long list one digest over them.
    pub people: Option<Vec<u8>>,
    /// Which list, desk or filter.
    pub detail: Option<String>,
}

/// An end of the log that the province has confirmed to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub head: Head,
    /// When, by the province's time.
    pub at: DateTime<Utc>,
}

impl VisitStore {
    /// Writes lines, in this order, after the one that says what an earlier run took along. Returns after the disk has all of them.
    pub async fn write_access(&self, lines: Vec<Access>) -> Result<(), Error> {
        let gap = self.unwritten.gap();
        let is_told = gap.is_some();
        let lines: Vec<_> = gap.into_iter().chain(lines).collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.write(move |db| append(db, &lines)).await?;
        if is_told {
            let unwritten = Arc::clone(&self.unwritten);
            let _ = tokio::task::spawn_blocking(move || unwritten.gap_is_told()).await;
        }
        Ok(())
    }

    /// Says on the disk, for the next run, that lines wait since then, or that none does any more. Waits for the disk.
    pub async fn access_waits(&self, since: Option<(DateTime<Utc>, ClockState)>) {
        if self.unwritten.says(since) {
            return;
        }
        let unwritten = Arc::clone(&self.unwritten);
        let _ = tokio::task::spawn_blocking(move || unwritten.say(since)).await;
    }

    /// The end of the log; `None`: it has no line.
    pub async fn access_head(&self) -> Result<Option<Head>, Error> {
        self.ask(|db| head(db)).await
    }

    /// The province has told the furthest end that it holds. Returns whether that is in this log.
    pub async fn head_confirmed(&self, confirmed: Confirmed) -> Result<bool, Error> {
        self.write(move |db| confirm(db, &confirmed)).await
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
}

fn append(connection: &mut Connection, lines: &[Access]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    append_within(&transaction, lines)?;
    transaction.commit()?;
    Ok(())
}

/// The same, together with what the lines tell of.
pub(super) fn append_within(transaction: &Connection, lines: &[Access]) -> Result<(), Error> {
    let key: Zeroizing<Vec<u8>> =
        Zeroizing::new(transaction.prepare_cached("SELECT key FROM access_key")?.query_row([], |row| row.get(0))?);
    let (mut number, mut digest) = head(transaction)?.map_or((0, BEGINNING), |head| (head.number, head.digest.0));
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
            shown: line.about.shown.as_ref().map(|shown| u64::try_from(shown.count).unwrap_or(u64::MAX)),
            people: line.about.shown.as_ref().map(|shown| people(&key, &shown.people)).transpose()?,
            detail: line.about.detail.as_ref().map(|detail| detail.as_str().to_owned()),
        };
        digest = chained(&digest, &logged);
        transaction.prepare_cached(INSERT)?.execute((
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
            logged.shown,
            &logged.people,
            &logged.detail,
        ))?;
    }
    Ok(())
}

/// A person under the key of this file.
fn keyed(key: &[u8], person: &PersonKey) -> Result<Vec<u8>, Error> {
    // HMAC takes a key of any length.
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Bug(rusqlite::Error::InvalidQuery))?;
    hmac.update(person.as_str().as_bytes());
    Ok(hmac.finalize().into_bytes().to_vec())
}

/// Whom a list showed, in an order that says nothing.
fn people(key: &[u8], people: &[PersonKey]) -> Result<Vec<u8>, Error> {
    let tokens: BTreeSet<Vec<u8>> =
        people.iter().map(|person| keyed(key, person).map(|mut digest| digest.drain(..TOKEN).collect())).collect::<Result<_, _>>()?;
    let joined = tokens.iter().flatten().copied().collect::<Vec<_>>();
    Ok(if tokens.len() <= NAMED { joined } else { Sha256::digest(&joined).to_vec() })
}

fn head(connection: &Connection) -> Result<Option<Head>, Error> {
    let read = |row: &Row<'_>| Ok(Head { number: row.get(0)?, digest: Sha256Digest(row.get(1)?) });
    let mut statement = connection.prepare_cached("SELECT number, digest FROM access ORDER BY number DESC LIMIT 1")?;
    Ok(statement.query_row([], read).optional()?)
}

fn confirm(connection: &mut Connection, confirmed: &Confirmed) -> Result<bool, Error> {
    let Confirmed { head: Head { number, digest }, at } = confirmed;
    let number = i64::try_from(*number).unwrap_or(i64::MAX);
    // A province that was put back to an older state of its own takes nothing back.
    let sql = "INSERT INTO access_confirmed VALUES (1, ?1, ?2, ?3) \
        ON CONFLICT (one) DO UPDATE SET number = ?1, digest = ?2, at = ?3 WHERE number <= ?1";
    connection.prepare_cached(sql)?.execute((number, digest.0, row::instant(*at)))?;
    let here =
        connection.prepare_cached("SELECT digest FROM access WHERE number = ?1")?.query_row([number], |row| row.get(0)).optional()?;
    Ok(here == Some(digest.0))
}

/// FROZEN: how a line is bound to the one before it. Each part with its length before it, a missing one with a length that none has; the last three only where
/// one of them is there.
pub(super) fn chained(previous: &[u8; 32], line: &LoggedAccess) -> [u8; 32] {
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
    let of_list = [line.shown.map(|shown| shown.to_string().into_bytes()), line.people.clone(), line.detail.as_deref().and_then(text)];
    let of_list = of_list.iter().any(Option::is_some).then_some(of_list);
    let mut hash = Sha256::new().chain_update(previous);
    for part in parts.into_iter().chain(of_list.into_iter().flatten()) {
        let length = part.as_ref().map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.finalize().into()
}

pub(super) fn logged(row: &Row<'_>) -> rusqlite::Result<LoggedAccess> {
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
        shown: row.get("shown")?,
        people: row.get("people")?,
        detail: row.get("detail")?,
    })
}
