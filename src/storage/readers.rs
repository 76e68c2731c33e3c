//! Read-only connections, borrowed for one question each.
//!
//! Promise: a question sees one state of the database (one read transaction), blocks no runtime thread, and cannot write. A connection
//! that met a failure is dropped, and so is one to a file that is no longer the current one. Never: a wait for a writer; WAL has none.

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

    /// From now on questions go to this file. Answers under way keep the file they began with.
    pub(super) fn turn_to(&self, path: PathBuf) {
        let mut pool = self.pool();
        pool.path = path;
        pool.epoch += 1;
        pool.idle.clear();
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
        let (epoch, kept, path) = {
            let mut pool = self.pool();
            (pool.epoch, pool.idle.pop(), pool.path.clone())
        };
        let connection = match kept {
            Some(connection) => connection,
            None => open::reader(&path, &self.0.key, self.0.schema)?,
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
