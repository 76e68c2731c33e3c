//! A record of visits that was put back from a copy: what came after the copy only the province may know.
//!
//! Promise: which record it was, how far it went and the links to ask with are on the disk before anything is sent under the new identity, and stay until the
//! province has answered; numbers that it tells of are not given again; what was taken out here on purpose is not called missing. Never: a second question once it has answered.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use uuid::Uuid;

use super::VisitStore;
use super::aside;
use super::contact;
use super::row;
use crate::domain::contact::Ahead;
use crate::domain::contact::ChainLinks;
use crate::domain::contact::Machine;
use crate::domain::visit::Sequence;
use crate::storage::error::Error;

/// A record that the province is to be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// Which.
    pub install: Uuid,
    /// The links to show and to leave.
    pub links: ChainLinks,
    /// The last number of it that is here.
    pub highest: Sequence,
}

impl VisitStore {
    /// The records this one was put back from and about which the province has not been asked yet.
    pub async fn former_unasked(&self) -> Result<Vec<Former>, Error> {
        self.ask(|db| {
            let mut statement = db.prepare_cached("SELECT install, previous, next, highest FROM restored WHERE asked_at IS NULL")?;
            let found = statement.query_map([], read)?.collect::<Result<_, _>>()?;
            Ok(found)
        })
        .await
    }

    /// The province has told what it holds of such a record beyond what is here. Returns what of that is missing: not what was taken out here on purpose, nor
    /// what is here again.
    pub async fn former_told(&self, install: Uuid, ahead: Option<Ahead>, at: DateTime<Utc>) -> Result<Option<Ahead>, Error> {
        let missing = self.write(move |db| told(db, install, ahead, at)).await?;
        self.counted_on().await?;
        Ok(missing)
    }

    /// Somebody knows of the visits that only the province holds: they are told of no more. Returns which they were.
    pub async fn missing_known(&self) -> Result<Option<Ahead>, Error> {
        self.change(|db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let missing = contact::standing(&transaction)?.and_then(|(_, ahead, _)| ahead);
            contact::lacks_fewer(&transaction, None)?;
            transaction.commit()?;
            Ok(missing)
        })
        .await
    }

    /// Whether this record had that name before, or took the place of a damaged one that had it.
    pub async fn was(&self, install: Uuid) -> Result<bool, Error> {
        self.ask(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM former_identity WHERE install_id = ?1)";
            Ok(db.query_row(sql, [install.to_string()], |row| row.get(0))?)
        })
        .await
    }

    /// When this record was last put back from a copy; `None`: never.
    pub async fn restored_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(|db| last_restored(db)).await
    }
}

pub(super) fn last_restored(connection: &Connection) -> Result<Option<DateTime<Utc>>, Error> {
    let at: Option<String> = connection.query_row("SELECT max(restored_at) FROM restored", [], |row| row.get(0))?;
    Ok(at.map(|text| row::read_instant(&text, 0)).transpose()?)
}

pub(super) fn former_names(connection: &Connection) -> Result<Vec<Uuid>, Error> {
    let mut statement = connection.prepare_cached("SELECT install_id FROM former_identity")?;
    let names = statement.query_map([], |found| row::read_uuid(&found.get::<_, String>(0)?, 0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

fn read(found: &Row<'_>) -> rusqlite::Result<Former> {
    let uuid = |at| row::read_uuid(&found.get::<_, String>(at)?, at);
    let previous = found.get::<_, Option<String>>(1)?.map(|text| row::read_uuid(&text, 1)).transpose()?;
    Ok(Former { install: uuid(0)?, links: ChainLinks { previous, next: uuid(2)? }, highest: Sequence(found.get(3)?) })
}

/// Makes a copy another record than the one it was copied from. Returns who it is.
pub(crate) fn begin_restored(connection: &mut Connection, at: DateTime<Utc>) -> Result<Uuid, Error> {
    let install = Uuid::new_v4();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (previous, waiting) = contact::stored_links(&transaction)?;
    let next = waiting.unwrap_or_else(Uuid::new_v4);
    transaction.execute(
        "INSERT OR REPLACE INTO restored SELECT install_id, ?1, ?2, ?3, ?4, NULL FROM identity",
        (previous.map(|link| link.to_string()), next.to_string(), contact::last_given(&transaction)?, row::instant(at)),
    )?;
    contact::renew_within(&transaction, install, at)?;
    transaction.commit()?;
    Ok(install)
}

fn told(connection: &mut Connection, install: Uuid, ahead: Option<Ahead>, at: DateTime<Utc>) -> Result<Option<Ahead>, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut missing = None;
    if let Some(ahead) = ahead {
        contact::raise_sequence(&transaction, ahead.highest)?;
        let sql = "SELECT highest FROM restored WHERE install = ?1";
        let beyond = transaction.query_row(sql, [install.to_string()], |row| row.get(0)).optional()?.unwrap_or_default();
        missing = ahead.without(aside::accounted_for(&transaction, Sequence(beyond), ahead)?);
    }
    if missing.is_some() {
        contact::keep_standing(&transaction, Machine::Known, missing, at)?;
    }
    transaction.execute("UPDATE restored SET asked_at = ?2 WHERE install = ?1", (install.to_string(), row::instant(at)))?;
    transaction.commit()?;
    Ok(missing)
}

#[cfg(test)]
#[path = "restored_tests.rs"]
mod tests;
