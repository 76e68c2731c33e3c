//! Whether the access log is what was written.
//!
//! Promise: the lines are held against each other, against the visits, and against ends of the log that are kept elsewhere; what nothing bears out is not called
//! whole. All of it in one transaction. Never: a log called whole because it agrees with itself: whoever has the key of this file can make such a one.

use std::collections::HashMap;
use std::collections::HashSet;

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use super::VisitStore;
use super::access::BEGINNING;
use super::access::Confirmed;
use super::access::chained;
use super::access::logged;
use super::retention;
use super::row;
use crate::domain::access::Act;
use crate::domain::access::Head;
use crate::domain::roster::Sha256Digest;
use crate::domain::visit::Sequence;
use crate::storage::error::Error;

/// Visits that two desks save side by side may stand in the log in another order than in the file.
const SIDE_BY_SIDE: u64 = 8;

/// What a walk through the log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The end; `None` for a log without a line.
    pub head: Option<Head>,
    /// The first line that is not what was written, or that is missing.
    pub broken_at: Option<u64>,
    /// Whether an end that somebody has noted down is in this log; `None`: none was asked about.
    pub holds_noted: Option<bool>,
    /// The furthest end that the province has confirmed, and whether it is in this log; `None`: it has confirmed none.
    pub confirmed: Option<(Confirmed, bool)>,
    /// Places at which the log itself says that lines are missing.
    pub gaps: u64,
    /// Visits that no line tells of and no gap explains.
    pub unlogged: Vec<Sequence>,
    /// The first line that tells of a saved visit that is not here.
    pub visit_missing_at: Option<u64>,
}

impl Verified {
    /// Whether nothing speaks against the log.
    pub fn is_consistent(&self) -> bool {
        let held = self.holds_noted != Some(false) && self.confirmed.is_none_or(|(_, is_held)| is_held);
        held && self.broken_at.is_none() && self.unlogged.is_empty() && self.visit_missing_at.is_none()
    }

    /// Whether something that is kept elsewhere speaks for it.
    pub fn is_borne_out(&self) -> bool {
        self.is_consistent() && (self.holds_noted.is_some() || self.confirmed.is_some())
    }
}

impl VisitStore {
    /// Walks through the whole log. `noted`: an end that somebody has noted down before.
    pub async fn verify_access(&self, noted: Option<Head>) -> Result<Verified, Error> {
        self.ask(move |db| verify(db, noted)).await
    }
}

/// What the log says of saved visits, line by line.
struct Saved {
    /// The first revisions there are.
    visits: HashMap<String, u64>,
    logged: HashSet<u64>,
    /// The furthest so far.
    furthest: u64,
    /// After which visit and before which other one lines are missing.
    gaps: Vec<(u64, u64)>,
    missing_at: Option<u64>,
    /// Visits that a rule or a request has taken out.
    removed: HashSet<String>,
}

impl Saved {
    fn read(connection: &Connection) -> Result<Self, Error> {
        let mut statement = connection.prepare("SELECT id, sequence FROM visit WHERE revision = 1")?;
        let visits = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Self {
            visits,
            logged: HashSet::new(),
            furthest: 0,
            gaps: Vec::new(),
            missing_at: None,
            removed: retention::removed(connection)?,
        })
    }

    fn saved(&mut self, number: u64, visit: &str) {
        let Some(sequence) = self.visits.get(visit).copied() else {
            if !self.removed.contains(visit) {
                self.missing_at = self.missing_at.or(Some(number));
            }
            return;
        };
        for (_, before) in self.gaps.iter_mut().filter(|(after, before)| *before == u64::MAX && sequence > *after) {
            *before = sequence;
        }
        self.logged.insert(sequence);
        self.furthest = self.furthest.max(sequence);
    }

    fn gap(&mut self) {
        self.gaps.push((self.furthest, u64::MAX));
    }

    /// The visits after the beginning that nothing tells of.
    fn unlogged(&self, beginning: u64) -> Vec<Sequence> {
        let is_explained =
            |sequence: u64| self.gaps.iter().any(|(after, before)| sequence.saturating_add(SIDE_BY_SIDE) > *after && sequence < *before);
        let is_unlogged = |sequence: &u64| *sequence > beginning && !self.logged.contains(sequence) && !is_explained(*sequence);
        let mut unlogged: Vec<_> = self.visits.values().copied().filter(is_unlogged).map(Sequence).collect();
        unlogged.sort_unstable();
        unlogged
    }
}

/// Whether a line tells that a visit came into this record.
fn is_of_a_visit(act: &str) -> bool {
    [Act::Saved, Act::Salvaged].iter().any(|known| known.code() == act)
}

fn verify(connection: &Connection, noted: Option<Head>) -> Result<Verified, Error> {
    let (confirmed, mut saved) = (confirmed(connection)?, Saved::read(connection)?);
    let (mut holds_noted, mut holds_confirmed, mut gaps) = (false, false, 0);
    let mut statement = connection.prepare("SELECT * FROM access ORDER BY number")?;
    let mut rows = statement.query([])?;
    let anchor = retention::anchor(connection)?;
    let (mut head, mut digest, mut broken_at) = (None, anchor.map_or(BEGINNING, |(_, digest)| digest), None);
    let is_anchor = |head: Head| anchor == Some((head.number, head.digest.0));
    holds_noted |= noted.is_some_and(is_anchor);
    holds_confirmed |= confirmed.is_some_and(|confirmed| is_anchor(confirmed.head));
    let before_first = anchor.map_or(0, |(number, _)| number);
    while let Some(row) = rows.next()? {
        let number: u64 = row.get("number")?;
        let expected = head.map_or(before_first, |head: Head| head.number) + 1;
        // What cannot even be read is not what was written.
        let line = logged(row).ok();
        let made = line.as_ref().map(|line| chained(&digest, line));
        let written: [u8; 32] = row.get("digest")?;
        if number != expected || made != Some(written) {
            broken_at = broken_at.or(Some(expected.min(number)));
        }
        if let Some(line) = &line {
            if line.act == Act::Gap.code() {
                gaps += 1;
                saved.gap();
            } else if let (true, Some(visit)) = (is_of_a_visit(&line.act), &line.visit) {
                saved.saved(number, visit);
            }
        }
        digest = written;
        let here = Head { number, digest: Sha256Digest(written) };
        holds_noted |= noted == Some(here);
        holds_confirmed |= confirmed.is_some_and(|confirmed| confirmed.head == here);
        head = Some(here);
    }
    // How far the numbers ever went is kept apart from the lines.
    let given: Option<u64> =
        connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'access'", [], |row| row.get(0)).optional()?;
    let reached = head.map_or(before_first, |head| head.number);
    if given.unwrap_or_default() != reached {
        broken_at = broken_at.or(Some(reached + 1));
    }
    let beginning: Option<u64> = connection.query_row("SELECT sequence FROM access_begin", [], |row| row.get(0)).optional()?;
    Ok(Verified {
        head,
        broken_at,
        // Of an end before the beginning that is left nothing can be said.
        holds_noted: noted.filter(|noted| noted.number >= before_first).map(|_| holds_noted),
        confirmed: confirmed.map(|confirmed| (confirmed, holds_confirmed)),
        gaps,
        unlogged: saved.unlogged(beginning.unwrap_or_default()),
        visit_missing_at: saved.missing_at,
    })
}

fn confirmed(connection: &Connection) -> Result<Option<Confirmed>, Error> {
    let read = |found: &rusqlite::Row<'_>| {
        let at: String = found.get(2)?;
        Ok(Confirmed { head: Head { number: found.get(0)?, digest: Sha256Digest(found.get(1)?) }, at: row::read_instant(&at, 2)? })
    };
    Ok(connection.query_row("SELECT number, digest, at FROM access_confirmed", [], read).optional()?)
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
