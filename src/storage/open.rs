//! The one place where a database is opened.
//!
//! Promise, for every connection of this product: the key first; SQLite new enough; the pragmas of the design; the schema
//! migrated one numbered step per transaction, a newer file refused; and for readers, no way to write. Never: a second
//! writer, and never a decision to set a file aside, which is the caller's, because the two databases keep two promises.

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;
use rusqlite::TransactionBehavior;
use rusqlite::config::DbConfig;
use rustix::fs::Access;

use super::error::Error;
use super::files;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::folder;
use super::key::DatabaseKey;
use super::salvage::SALT_END;

// WAL databases could be damaged before this release when two connections wrote or checkpointed at once.
const OLDEST_SQLITE: i32 = 3_051_003;
const _: () = assert!(!is_affected(rusqlite::ffi::SQLITE_VERSION_NUMBER), "the SQLite built in has the WAL-reset bug");

/// Whether an SQLite of this version may damage a file.
const fn is_affected(version: i32) -> bool {
    version < OLDEST_SQLITE
}

/// The one that runs may be another than the one that was built against, where somebody links a shared one.
fn refuse_affected(version: i32) -> Result<(), Error> {
    if !is_affected(version) {
        return Ok(());
    }
    let said = format!("SQLite {version} has the WAL-reset bug and may damage the databases; {OLDEST_SQLITE} is the oldest without it");
    Err(Error::Bug(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE), Some(said))))
}

/// What makes a file one of our databases.
#[derive(Debug)]
pub struct Schema {
    /// Steps from version n to n + 1. Never edited once released; only added to.
    pub migrations: &'static [&'static str],
    /// Written in the file's header, so that a foreign database is not taken for ours.
    pub application_id: i32,
    /// `FULL` where a commit must survive a power cut, `NORMAL` where the data can be fetched again.
    pub synchronous: &'static str,
}

impl Schema {
    /// The version this program writes.
    pub fn version(&self) -> u32 {
        u32::try_from(self.migrations.len()).unwrap_or(u32::MAX)
    }
}

/// Where what was set aside lies, beside where it was.
const QUARANTINE: &str = "quarantine";

/// SQLCipher would write its own lines to standard error; what is wrong comes back as an error and is told in sentences.
const QUIET: &str = "PRAGMA cipher_log_level = NONE;";

/// How long a connection waits for another one to finish. Writers are one per file; this covers a reader's checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What becomes of a file that is damaged, or missing though it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDamage {
    /// It is set aside, and a new one goes on: the service's way, since the desk must not stand still.
    SetAside,
    /// It stays as it is, and so does all that would be answered from an empty one: [`Error::Damaged`].
    Refuse,
}

/// How long a file is looked at before it is opened by somebody who may not set it aside. What is left is checked by the opening.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// Refuses a file that is damaged before anything of it is written. One that is not there, or empty, is its caller's to judge.
pub(super) fn refuse_damaged(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<(), Error> {
    if fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return Ok(());
    }
    match look(path, key, schema, FIRST_LOOK) {
        Err(Error::Corrupt(source)) => Err(Error::Damaged { file: path.to_owned(), source }),
        looked => looked.map(|_| ()),
    }
}

/// Opens a database for its only writer, making or migrating it, and checks it: a file with damage that `quick_check` can see is `Corrupt` here and
/// not later. The check takes about 1.5 s per million rows.
pub fn writer(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = unlocked(path, key, flags)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 4194304;",
        schema.synchronous
    ))?;
    migrate(&mut connection, path, schema)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(connection) } else { Err(damaged()) }
}

/// Opens a new file that nobody else knows of, to be filled in one go and thrown away on any failure: without a log, and without
/// flushes, which are the caller's once the file is whole.
pub fn builder(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = unlocked(path, key, flags)?;
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;")?;
    migrate(&mut connection, path, schema)?;
    Ok(connection)
}

/// Opens a database for reading. Migrates nothing; a file of another version is refused.
pub fn reader(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<Connection, Error> {
    let connection = unlocked(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    let found = user_version(&connection)?;
    if found == schema.version() { Ok(connection) } else { Err(Error::TooNew { file: path.to_owned(), found, known: schema.version() }) }
}

/// The same for what is left of a database: of an empty file SQLite would delete the log, which is all that is left.
pub fn reader_of_rest(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<Connection, Error> {
    if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(damaged());
    }
    reader(path, key, schema)
}

/// Refuses a file of a newer program, or of another product, before anybody touches it. Whatever else is wrong with it is met by whoever opens it.
pub fn refuse_newer(path: &Path, key: &DatabaseKey, schema: &Schema) -> Result<(), Error> {
    match without_a_write(path, key, |connection| refuse_version(connection, path, schema)) {
        Err(error @ Error::TooNew { .. }) => Err(error),
        _ => refuse_affected(rusqlite::version_number()),
    }
}

/// Reads a file before anybody touches it: not one byte of it, its log or its log's index is written, and no file is made. `None`: there is none, or an empty one.
/// The caller holds the folder's lock: nobody else has the file open.
#[expect(clippy::disallowed_methods, reason = "opened as nothing else is: for one look, without a write")]
pub(super) fn without_a_write<T>(
    path: &Path,
    key: &DatabaseKey,
    read: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    refuse_affected(rusqlite::version_number())?;
    if fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return Ok(None);
    }
    let has_log = fs::metadata(files::beside(path, LOG)).is_ok_and(|log| log.len() > 0);
    let opened = if has_log {
        // A log left by a kill is part of the file. Held by this connection alone, its index is made in memory.
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    } else {
        // Without a log SQLite would make one.
        let escaped: String = path
            .to_string_lossy()
            .chars()
            .map(|c| if matches!(c, '%' | '?' | '#') { format!("%{:02x}", u32::from(c)) } else { c.into() })
            .collect();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
    };
    let connection = opened?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(QUIET)?;
    connection.execute_batch(&key.pragma())?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
    read(&connection).map(Some)
}

/// A database that was opened for a look.
pub struct Looked {
    /// It cannot write.
    pub connection: Connection,
    /// What its file is of. Below [`Schema::version`]: the service migrates it when it starts, and nothing in it is read before.
    pub version: u32,
    /// Whether all of it was checked in the time there was.
    pub is_checked: bool,
}

/// Opens a database for a look, and checks it for as long as `patience`. Makes, migrates and empties nothing. The caller holds the folder's lock.
pub fn look(path: &Path, key: &DatabaseKey, schema: &Schema, patience: Duration) -> Result<Looked, Error> {
    refuse_newer(path, key, schema)?;
    let connection = unlocked(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    let version = refuse_version(&connection, path, schema)?;
    let interrupt = connection.get_interrupt_handle();
    let (done, waiting) = mpsc::channel::<()>();
    let watch = move || {
        if waiting.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    };
    let watching = thread::Builder::new().name("patience".to_owned()).spawn(watch).map_err(Error::file(path, "cannot be checked"))?;
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    drop(done);
    // Before the connection is used again: an interrupt that comes late would break off something else.
    let _ = watching.join();
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(Looked { connection, version, is_checked: true }),
        Ok(_) => Err(damaged()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Ok(Looked { connection, version, is_checked: false })
        }
        Err(error) => Err(error.into()),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn unlocked(path: &Path, key: &DatabaseKey, flags: OpenFlags) -> Result<Connection, Error> {
    refuse_affected(rusqlite::version_number())?;
    let access = if flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) { Access::READ_OK } else { Access::READ_OK | Access::WRITE_OK };
    for file in [path.to_owned(), files::beside(path, LOG), files::beside(path, LOG_INDEX)] {
        folder::refuse_closed(&file, access)?;
    }
    let connection = Connection::open_with_flags(path, flags)?;
    // Else whoever closes last, be it a reader or the writer of a damaged file, would write the log into the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(QUIET)?;
    connection.execute_batch(&key.pragma())?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;",
    )?;
    // The first page is decrypted here: a wrong key or a damaged header shows now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// Writes a whole, compact copy of a database that goes on being used: one state of it, under the same key, without what was deleted. Nothing waits for it.
/// The copy is not flushed. A file that is there and not empty is refused.
pub fn copy_into(path: &Path, key: &DatabaseKey, to: &Path) -> Result<(), Error> {
    let connection = unlocked(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

/// Opens a file that nobody else uses and that is not to be changed.
pub fn untouched(path: &Path, key: &DatabaseKey) -> Result<Connection, Error> {
    unlocked(path, key, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Looks at every page of a database: that each is what was written under its key, and that they fit together. `Corrupt`: they are not.
pub fn examine(connection: &Connection) -> Result<(), Error> {
    let mut pages = connection.prepare("PRAGMA cipher_integrity_check")?;
    if pages.query([])?.next()?.is_some() {
        return Err(damaged());
    }
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(damaged()) }
}

/// Writes a file that nobody else knows of anew under another key.
pub fn rekey(path: &Path, from: &DatabaseKey, to: &DatabaseKey) -> Result<(), Error> {
    let connection = unlocked(path, from, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA journal_mode = DELETE;")?;
    connection.execute_batch(&to.other_pragma())?;
    Ok(())
}

/// Which version of a schema a file has, if it is one of ours that this program can read.
pub fn version(connection: &Connection, path: &Path, schema: &Schema) -> Result<u32, Error> {
    let found = user_version(connection)?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != schema.application_id {
        return Err(damaged());
    }
    if found > schema.version() { Err(Error::TooNew { file: path.to_owned(), found, known: schema.version() }) } else { Ok(found) }
}

fn user_version(connection: &Connection) -> Result<u32, Error> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// The version of a file that this program can take on.
fn refuse_version(connection: &Connection, path: &Path, schema: &Schema) -> Result<u32, Error> {
    let (found, known) = (user_version(connection)?, schema.version());
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if found > known || (found > 0 && application != schema.application_id) {
        return Err(Error::TooNew { file: path.to_owned(), found, known });
    }
    Ok(found)
}

fn migrate(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), Error> {
    let found = refuse_version(connection, path, schema)?;
    for (step, sql) in (0u32..).zip(schema.migrations).skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

pub(super) fn damaged() -> Error {
    Error::Corrupt(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None))
}

/// A file is not the one that it was.
pub(super) fn moved(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED), Some(what.to_owned()))
}

/// Moves the pages of the write-ahead log into the file and empties the log. The writer only. `Busy`: a question under way still needs the log.
pub fn checkpoint(connection: &Connection) -> Result<(), Error> {
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy { Err(Error::Busy) } else { Ok(()) }
}

/// Makes certain that all a new connection sees is on the disk. After a flush that failed, or a kill before one, the log may hold a commit that is in
/// the system's cache only and would never be written: it is read all the same. Copied into the file it is written anew, and flushed there.
pub fn settle(connection: &Connection, path: &Path) -> Result<(), Error> {
    checkpoint(connection)?;
    // The log's new length too: what is left of an old log must not be read over the newer file after a power cut.
    let log = files::beside(path, LOG);
    match File::open(&log).and_then(|log| log.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(log, "cannot be flushed")(error)),
        _ => Ok(()),
    }
}

/// Flushes a folder, so that a file made, renamed or removed in it stays so after a power cut.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::file(folder, "cannot be flushed"))
}

/// Lies beside a database that is being set aside: until it is gone, what it is called after belongs together.
pub(super) const MOVING: &str = ".moving";

/// A database on its way into quarantine.
pub(super) struct Moving {
    /// Where it is now, with its log.
    pub(super) to: PathBuf,
    home: PathBuf,
}

impl Moving {
    /// Nothing more is to be taken over from it.
    pub(super) fn done(self) -> Result<(), Error> {
        sync_folder(&self.home)?;
        files::remove(&files::beside(&self.to, MOVING))?;
        sync_folder(self.to.parent().unwrap_or(&self.home))
    }

    /// The file first: whoever comes between two of these finds it missing, and does not take an older state of it for the whole.
    fn move_all(&self, path: &Path) -> Result<(), Error> {
        let own = |end: &str| (files::beside(path, end), files::beside(&self.to, end));
        let salt = (path.with_extension(SALT_END), files::beside(&self.to, &format!(".{SALT_END}")));
        for (from, to) in [own(""), own(LOG), own(LOG_INDEX), salt] {
            if from.exists() {
                fs::rename(&from, &to).map_err(Error::file(&from, "cannot be set aside"))?;
            }
        }
        sync_folder(self.to.parent().unwrap_or(&self.home))?;
        sync_folder(&self.home)
    }
}

/// Moves a damaged database, with its log, untouched into `quarantine/` beside it. The stamp makes the name unique and says when. A kill on the way leaves it
/// [`half_moved`], and nothing else takes its name before that is finished.
pub(super) fn set_aside(path: &Path, stamp: &str) -> Result<Moving, Error> {
    let home = path.parent().unwrap_or(Path::new("."));
    let folder = home.join(QUARANTINE);
    folder::create_private(&folder)?;
    let to = folder.join(format!("{stamp}-{}", path.file_name().unwrap_or_default().to_string_lossy()));
    let mark = files::beside(&to, MOVING);
    File::create(&mark).map_err(Error::file(&mark, "cannot be created"))?;
    sync_folder(&folder)?;
    let moving = Moving { to, home: home.to_owned() };
    moving.move_all(path)?;
    Ok(moving)
}

/// A database whose setting aside was cut off, whole in quarantine now, under the name it was given.
pub(super) fn half_moved(path: &Path) -> Result<Option<Moving>, Error> {
    let Some(to) = begun(path) else { return Ok(None) };
    let home = path.parent().unwrap_or(Path::new("."));
    let moving = Moving { to, home: home.to_owned() };
    // A new one is made only when nothing of the old one is left here.
    if !(path.exists() && moving.to.exists()) {
        moving.move_all(path)?;
    }
    Ok(Some(moving))
}

/// The same for a look.
pub(super) fn is_half_moved(path: &Path) -> bool {
    begun(path).is_some()
}

/// Files of a folder, by how their names begin, whose setting aside was cut off.
pub(super) fn begun_in(home: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.join(QUARANTINE)).into_iter().flatten().filter_map(Result::ok);
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(MOVING).map(str::to_owned);
    entries.filter_map(name).filter_map(|name| Some(home.join(name.get(name.find(begin)?..)?))).collect()
}

fn begun(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(".")).join(QUARANTINE);
    let end = format!("-{}{MOVING}", path.file_name()?.to_string_lossy());
    let names = fs::read_dir(&folder).ok()?.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mark = names.filter(|name| name.ends_with(&end)).min()?;
    mark.strip_suffix(MOVING).map(|name| folder.join(name))
}

/// The same where nothing is to be taken over from it.
pub fn quarantine(path: &Path, stamp: &str) -> Result<(), Error> {
    if let Some(moving) = half_moved(path)? {
        moving.done()?;
    }
    set_aside(path, stamp)?.done()
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
