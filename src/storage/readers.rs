//! Read-only connections, borrowed for one question each.
//!
//! Promise: a question sees one state of the database (one read transaction), blocks no runtime thread, and cannot write. A connection
//! that met a failure is dropped, and so is one to a file that is no longer the current one. A file is not taken away from under a connection
//! that is half open. Never: a wait for a writer; WAL has none.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rusqlite::Connection;
use rusqlite::Transaction;
use tokio::task;

use super::error::Error;
use super::key::DatabaseKey;
use super::open;
use super::open::Schema;

/// Connections kept for the next question. A desk asks one at a time, its page a second one.
const KEPT: usize = 3;

struct Pool {
    path: PathBuf,
    epoch: u64,
    idle: Vec<Connection>,
}

struct Shared {
    key: DatabaseKey,
    schema: &'static Schema,
    pool: Mutex<Pool>,
}

/// The readers of one database. Clones share them.
#[derive(Clone)]
pub(super) struct Readers(Arc<Shared>);

impl Readers {
    pub(super) fn new(path: PathBuf, key: DatabaseKey, schema: &'static Schema) -> Self {
        Self(Arc::new(Shared { key, schema, pool: Mutex::new(Pool { path, epoch: 0, idle: Vec::new() }) }))
    }

    /// Nobody opens a file while `change` verifies it, sets it aside or makes another one current; from then on questions go to the one it
    /// returns. Answers under way keep the file they began with.
    pub(super) fn turn<T>(&self, change: impl FnOnce() -> Result<(PathBuf, T), Error>) -> Result<T, Error> {
        let mut pool = self.pool();
        pool.epoch += 1;
        pool.idle.clear();
        let (path, made) = change()?;
        pool.path = path;
        Ok(made)
    }

    /// Asks on a thread where blocking is allowed.
    pub(super) async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Transaction<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let readers = self.clone();
        task::spawn_blocking(move || readers.ask_now(question)).await.map_err(|_| Error::Stopped)?
    }

    /// Asks on this thread.
    pub(super) fn ask_now<R>(&self, question: impl FnOnce(&Transaction<'_>) -> Result<R, Error>) -> Result<R, Error> {
        let (epoch, connection) = {
            // Opened under the lock: SQLite finds a database's log by name, so the name must stay until both are open.
            let mut pool = self.pool();
            let connection = match pool.idle.pop() {
                Some(connection) => connection,
                None => open::reader(&pool.path, &self.0.key, self.0.schema)?,
            };
            (pool.epoch, connection)
        };
        let transaction = connection.unchecked_transaction()?;
        let answer = question(&transaction);
        drop(transaction);
        if !matches!(answer, Err(Error::Corrupt(_) | Error::Disk(_))) {
            let mut pool = self.pool();
            if pool.epoch == epoch && pool.idle.len() < KEPT {
                pool.idle.push(connection);
            }
        }
        answer
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // The pool is whole between any two of its statements, so a panic elsewhere does not spoil it.
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
