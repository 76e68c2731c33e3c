//! Accounts: who may sign in at the desk.
//!
//! Promise: no two open accounts have one name or one personal id; there is always an open head once there was one; an account is closed and never deleted. What is
//! They outlive damage to the rest of the file. What is
//! known of them is told at once to whoever asks without the disk. Never: a PIN; what is kept of it leaves this file only to be compared.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use rusqlite::types::Value;
use tokio::sync::watch;

use super::SCHEMA;
use super::VisitStore;
use super::row;
use crate::domain::operator;
use crate::domain::operator::Account;
use crate::domain::operator::NewAccount;
use crate::domain::operator::OperatorId;
use crate::domain::operator::Role;
use crate::domain::person::CitizenId;
use crate::domain::visit::OperatorName;
use crate::storage::error::Error;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::stored::unreadable;

/// Why an account was not made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfitting {
    /// An open account has this name.
    NameTaken,
    /// An open account has this personal id.
    PersonalIdTaken,
    /// There is no such open account.
    NoAccount,
    /// It is the last head's: somebody has to be left who can manage the accounts.
    LastHead,
}

/// A change of one account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Another PIN: what is kept of it.
    Pin(String),
    /// Another role.
    Role(Role),
    /// It is closed.
    Close,
}

const COLUMNS: &str = "id, name, name_key, personal_id, pin_hash, pin_number, role, created_at, closed_at";

/// The accounts that are open, the oldest first.
pub(super) type OpenAccounts = Arc<[Account]>;

impl VisitStore {
    /// The accounts that are open, now and whenever they change. Reads no file.
    pub fn open_accounts(&self) -> watch::Receiver<Arc<[Account]>> {
        self.accounts.subscribe()
    }

    /// All accounts, closed ones too, the oldest first.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.ask(|db| read(db, "SELECT * FROM operator ORDER BY id")).await
    }

    /// What is kept of an open account's PIN.
    pub async fn pin_hash(&self, id: OperatorId) -> Result<Option<String>, Error> {
        let sql = "SELECT pin_hash FROM operator WHERE id = ?1 AND closed_at IS NULL";
        self.ask(move |db| Ok(db.query_row(sql, [id.0], |row| row.get(0)).optional()?)).await
    }

    /// Makes an account. Returns after the disk has it.
    pub async fn add_account(&self, new: NewAccount, pin_hash: String, at: DateTime<Utc>) -> Result<Result<OperatorId, Unfitting>, Error> {
        self.change_accounts(move |db| add(db, &new, &pin_hash, at)).await
    }

    /// Changes an open account. Returns after the disk has it.
    pub async fn change_account(&self, id: OperatorId, change: AccountChange, at: DateTime<Utc>) -> Result<Result<(), Unfitting>, Error> {
        self.change_accounts(move |db| alter(db, id, &change, at)).await
    }

    async fn change_accounts<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let told = self.accounts.clone();
        self.write(move |db| {
            let done = job(db)?;
            told.send_replace(open_ones(db)?);
            Ok(done)
        })
        .await
    }
}

/// The accounts that are open.
pub(super) fn open_ones(connection: &Connection) -> Result<OpenAccounts, Error> {
    Ok(read(connection, "SELECT * FROM operator WHERE closed_at IS NULL ORDER BY id")?.into())
}

/// An account as it is in the file.
pub(super) struct Kept([Value; 9]);

/// The accounts of a file that is damaged elsewhere, as far as they can be read: whoever works at the desk must be able to go on, and damage to a page is found with
/// that page, so that what is read is what was written.
pub(super) fn taken_along(path: &Path, key: &DatabaseKey) -> Vec<Kept> {
    let read = || -> Result<Vec<Kept>, Error> {
        let connection = open::reader_of_rest(path, key, &SCHEMA)?;
        let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM operator ORDER BY id"))?;
        let kept = |row: &Row<'_>| {
            let mut values = [const { Value::Null }; 9];
            for (at, value) in values.iter_mut().enumerate() {
                *value = row.get(at)?;
            }
            Ok(Kept(values))
        };
        let accounts = statement.query_map([], kept)?.collect::<Result<_, _>>()?;
        Ok(accounts)
    };
    read().unwrap_or_else(|error| {
        tracing::error!(name: "storage.accounts-lost", %error, "the accounts cannot be taken along: nobody can sign in until the administrator has made new ones");
        Vec::new()
    })
}

/// Puts them into a new file, under the same numbers. Those that are there already, because this was cut off, stay.
pub(super) fn take_in(connection: &Connection, accounts: &[Kept]) -> Result<(), Error> {
    let sql = format!("INSERT OR IGNORE INTO operator ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    for Kept(values) in accounts {
        connection.execute(&sql, rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

fn read(connection: &Connection, sql: &str) -> Result<Vec<Account>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let accounts = statement.query_map([], account)?.collect::<Result<_, _>>()?;
    Ok(accounts)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let text = |at: &str| row.get::<_, String>(at);
    let optional = |at: &str| row.get::<_, Option<String>>(at);
    Ok(Account {
        id: OperatorId(row.get("id")?),
        content: NewAccount {
            name: OperatorName::parse(&text("name")?).map_err(|problem| unreadable(1, problem.code()))?,
            personal_id: optional("personal_id")?
                .map(|text| CitizenId::parse(&text).map_err(|problem| unreadable(3, problem.code())))
                .transpose()?,
            role: Role::parse(&text("role")?).map_err(|problem| unreadable(6, problem.code()))?,
        },
        pin_number: row.get("pin_number")?,
        created_at: row::read_instant(&text("created_at")?, 7)?,
        closed_at: optional("closed_at")?.map(|text| row::read_instant(&text, 8)).transpose()?,
    })
}

fn add(connection: &mut Connection, new: &NewAccount, pin_hash: &str, at: DateTime<Utc>) -> Result<Result<OperatorId, Unfitting>, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = operator::name_key(&new.name);
    let personal_id = new.personal_id.as_ref().map(|id| id.as_str());
    let is_taken = |column: &str, value: Option<&str>| -> Result<bool, Error> {
        let sql = format!("SELECT count(*) FROM operator WHERE closed_at IS NULL AND {column} = ?1");
        Ok(transaction.query_row(&sql, [value], |row| row.get::<_, u32>(0))? > 0)
    };
    if is_taken("name_key", Some(&key))? {
        return Ok(Err(Unfitting::NameTaken));
    }
    if is_taken("personal_id", personal_id)? {
        return Ok(Err(Unfitting::PersonalIdTaken));
    }
    transaction.execute(
        "INSERT INTO operator (name, name_key, personal_id, pin_hash, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (new.name.as_str(), &key, personal_id, pin_hash, new.role.code(), row::instant(at)),
    )?;
    let id = OperatorId(u32::try_from(transaction.last_insert_rowid()).unwrap_or(u32::MAX));
    transaction.commit()?;
    Ok(Ok(id))
}

fn alter(connection: &mut Connection, id: OperatorId, change: &AccountChange, at: DateTime<Utc>) -> Result<Result<(), Unfitting>, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let accounts = open_ones(&transaction)?;
    let Some(account) = accounts.iter().find(|account| account.id == id) else { return Ok(Err(Unfitting::NoAccount)) };
    let is_head = |account: &&Account| account.content.role.is_head();
    let ends_a_head = matches!(change, AccountChange::Close | AccountChange::Role(Role::Reception)) && is_head(&account);
    if ends_a_head && accounts.iter().filter(is_head).count() == 1 {
        return Ok(Err(Unfitting::LastHead));
    }
    match change {
        AccountChange::Pin(hash) => {
            transaction.execute("UPDATE operator SET pin_hash = ?2, pin_number = pin_number + 1 WHERE id = ?1", (id.0, hash))?
        }
        AccountChange::Role(role) => transaction.execute("UPDATE operator SET role = ?2 WHERE id = ?1", (id.0, role.code()))?,
        AccountChange::Close => transaction.execute("UPDATE operator SET closed_at = ?2 WHERE id = ?1", (id.0, row::instant(at)))?,
    };
    transaction.commit()?;
    Ok(Ok(()))
}

#[cfg(test)]
#[path = "operators_tests.rs"]
mod tests;
