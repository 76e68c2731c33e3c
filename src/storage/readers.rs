//! Read-only connections, borrowed for one question each.
//!
//! Promise: a question sees one state of the database (one read transaction), blocks no runtime thread, and cannot write. A connection
//! that met a failure is dropped, and so is one to a file that is no longer the current one. A file is not taken away from under a connection
//! that is half open. Never: a wait for a writer; WAL has none.

use std::path::Path;
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

    /// Questions go to another whole file once `settle` has made it current. Nobody waits for that: the old file stays until the caller removes it, and
    /// the new one is open before it is asked.
    pub(super) fn turn_to(&self, path: &Path, settle: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let opened = open::reader(path, &self.0.key, self.0.schema)?;
        settle()?;
        let mut pool = self.pool();
        pool.epoch += 1;
        path.clone_into(&mut pool.path);
        let old = core::mem::replace(&mut pool.idle, vec![opened]);
        drop(pool);
        drop(old);
        Ok(())
    }

    /// A connection of one's own to the file that is current, for a long look.
    pub(super) fn own(&self) -> Result<Connection, Error> {
        open::reader(&self.pool().path, &self.0.key, self.0.schema)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::storage::test_support::key;
    use crate::storage::visits::SCHEMA;

    /// A database that knows its name.
    fn named(folder: &Path, name: &'static str) -> (PathBuf, Connection) {
        let path = folder.join(name);
        let writer = open::writer(&path, &key(), &SCHEMA).unwrap();
        writer.execute("INSERT INTO identity VALUES (1, ?1, '')", [name]).unwrap();
        (path, writer)
    }

    fn name(db: &Transaction<'_>) -> Result<String, Error> {
        Ok(db.query_row("SELECT install_id FROM identity", [], |row| row.get(0))?)
    }

    fn idle(readers: &Readers) -> usize {
        readers.pool().idle.len()
    }

    #[test]
    fn a_question_sees_one_state_whatever_is_written_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = named(folder.path(), "one");
        let readers = Readers::new(path, key(), &SCHEMA);
        readers
            .ask_now(|db| {
                assert_eq!(name(db)?, "one");
                writer.execute("UPDATE identity SET install_id = 'two'", []).unwrap();
                assert_eq!(name(db)?, "one");
                Ok(())
            })
            .unwrap();
        assert_eq!(readers.ask_now(name).unwrap(), "two", "and the next question the next one");
    }

    #[test]
    fn a_question_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _writer) = named(folder.path(), "one");
        let readers = Readers::new(path, key(), &SCHEMA);
        let written = readers.ask_now(|db| Ok(db.execute("DELETE FROM identity", [])?));
        assert!(matches!(written, Err(Error::ReadOnly)), "{written:?}");
    }

    #[test]
    fn a_connection_that_met_damage_is_not_lent_again_and_any_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _writer) = named(folder.path(), "one");
        let readers = Readers::new(path, key(), &SCHEMA);
        readers.ask_now(name).unwrap();
        assert_eq!(idle(&readers), 1);
        let failure = || rusqlite::Error::InvalidQuery;
        assert!(readers.ask_now(|_| Err::<(), _>(Error::Bug(failure()))).is_err());
        assert_eq!(idle(&readers), 1);
        for error in [Error::Corrupt(failure()), Error::Disk(failure())] {
            readers.ask_now(name).unwrap();
            assert!(readers.ask_now(|_| Err::<(), _>(error)).is_err());
            assert_eq!(idle(&readers), 0);
        }
    }

    /// Asks while asking, so many connections deep.
    fn ask_within(readers: &Readers, depth: usize) {
        let question = |db: &Transaction<'_>| {
            name(db)?;
            if depth > 1 {
                ask_within(readers, depth - 1);
            }
            Ok(())
        };
        readers.ask_now(question).unwrap();
    }

    #[test]
    fn no_more_connections_are_kept_than_a_desk_needs() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _writer) = named(folder.path(), "one");
        let readers = Readers::new(path, key(), &SCHEMA);
        ask_within(&readers, KEPT + 2);
        assert_eq!(idle(&readers), KEPT);
    }

    #[test]
    fn after_a_turn_questions_go_to_the_new_file_and_old_connections_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let ((one, _one), (two, _two)) = (named(folder.path(), "one"), named(folder.path(), "two"));
        let readers = Readers::new(one, key(), &SCHEMA);
        readers.ask_now(name).unwrap();
        readers
            .ask_now(|db| {
                readers.turn(|| Ok((two, ())))?;
                assert_eq!(name(db)?, "one", "an answer under way keeps its file");
                Ok(())
            })
            .unwrap();
        assert_eq!(idle(&readers), 0);
        assert_eq!(readers.ask_now(name).unwrap(), "two");
    }

    #[test]
    fn a_turn_that_fails_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (one, _one) = named(folder.path(), "one");
        let readers = Readers::new(one, key(), &SCHEMA);
        assert!(readers.turn(|| Err::<(PathBuf, ()), _>(Error::Busy)).is_err());
        assert_eq!(readers.ask_now(name).unwrap(), "one");
    }

    #[test]
    fn no_question_waits_while_another_file_is_made_current() {
        let folder = tempfile::tempdir().unwrap();
        let ((one, _one), (two, _two)) = (named(folder.path(), "one"), named(folder.path(), "two"));
        let readers = Readers::new(one, key(), &SCHEMA);
        let (answered, answer) = mpsc::channel();
        let ask = || {
            let (readers, answered) = (readers.clone(), answered.clone());
            thread::spawn(move || answered.send(readers.ask_now(name).unwrap()));
            answer.recv_timeout(Duration::from_secs(10)).expect("a question waits for a flush")
        };
        let failed = readers.turn_to(&two, || {
            assert_eq!(ask(), "one");
            Err(Error::Full)
        });
        assert!(failed.is_err());
        assert_eq!(ask(), "one", "a turn that failed changes nothing");
        let settled = || {
            assert_eq!(ask(), "one");
            Ok(())
        };
        readers.turn_to(&two, settled).unwrap();
        assert_eq!(idle(&readers), 1, "the new file is open already");
        assert_eq!(ask(), "two");
    }

    #[test]
    fn nobody_opens_a_file_while_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let ((one, _one), (two, _two)) = (named(folder.path(), "one"), named(folder.path(), "two"));
        let readers = Readers::new(one.clone(), key(), &SCHEMA);
        let (about_to_ask, asks) = mpsc::channel();
        let asked = readers
            .turn(|| {
                std::fs::remove_file(&one).unwrap();
                let readers = readers.clone();
                let asked = thread::spawn(move || {
                    about_to_ask.send(()).unwrap();
                    readers.ask_now(name)
                });
                asks.recv().unwrap();
                Ok((two, asked))
            })
            .unwrap();
        assert_eq!(asked.join().unwrap().unwrap(), "two");
    }
}
