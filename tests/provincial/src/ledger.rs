//! `province.db`: the only SQL of the reference server.
//!
//! Promises: a visit is stored once per id and revision, and committed to the disk before its receipt exists; what
//! was published is committed before an index says so, so that no digest can change under a serial. Must never
//! judge or encode: rows go in and come out.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::{
    Error,
    feed::{State, full_row, person_of},
    person::Person,
    wire::{Defaults, Row, SealedFile},
};

mod access_log;
mod contact;
mod enrolment;
mod lookup;
mod rechecks;
mod stick;
mod visits;
mod wipe;

pub use access_log::{Compared, ToldHead};
pub use contact::{EndOf, LastContact, Restored, StationReport};
pub(crate) use enrolment::{Asker, CodeFailure, CodeUse, Enrolment};
pub use rechecks::StoredRecheck;
pub use visits::StoredVisit;
pub(crate) use visits::{Keeping, Presented};

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE stations (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    install TEXT,
    feed_recipient TEXT,
    -- The key of the certificate last issued, and that certificate; none: no certificate is in force.
    key_sha256 TEXT,
    certificate_pem TEXT,
    code_sha256 TEXT,
    code_expires_at INTEGER,
    code_tries INTEGER NOT NULL DEFAULT 0,
    code_used INTEGER NOT NULL DEFAULT 0
) STRICT;
-- What the register says now, and what the last published serial says. Both as full rows without defaults.
CREATE TABLE people (station TEXT, id TEXT, row TEXT NOT NULL, PRIMARY KEY (station, id)) STRICT, WITHOUT ROWID;
CREATE INDEX people_by_id ON people (id);
CREATE INDEX people_by_number ON people (substr(json_extract(row, '$.card'), 6));
CREATE TABLE published_people (station TEXT, id TEXT, row TEXT NOT NULL, PRIMARY KEY (station, id)) STRICT, WITHOUT ROWID;
CREATE TABLE published (
    station TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    serial INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    as_of TEXT NOT NULL,
    published_at TEXT NOT NULL,
    state_sha256 TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    deltas TEXT NOT NULL
) STRICT;
CREATE TABLE visits (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    station TEXT NOT NULL,
    install TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    body TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    received_at TEXT NOT NULL,
    times_seen INTEGER NOT NULL DEFAULT 1,
    UNIQUE (id, revision)
) STRICT;
CREATE INDEX visits_by_sequence ON visits (station, install, sequence);
-- Every key a station was ever given a certificate for.
-- With the last certificate for each, for what still comes on a stick from a machine that another has replaced; not after `revoke`.
CREATE TABLE keys (station TEXT, key_sha256 TEXT, certificate_pem TEXT, PRIMARY KEY (station, key_sha256)) STRICT, WITHOUT ROWID;
-- The records of visits a station has enrolled, renewed or spoken from.
CREATE TABLE installs (station TEXT, install TEXT, since TEXT NOT NULL, PRIMARY KEY (station, install)) STRICT, WITHOUT ROWID;
CREATE TABLE chains (station TEXT, install TEXT, state TEXT NOT NULL, PRIMARY KEY (station, install)) STRICT, WITHOUT ROWID;
CREATE TABLE links (
    station TEXT, install TEXT, link TEXT, position INTEGER NOT NULL, PRIMARY KEY (station, install, link)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_position ON links (station, install, position);
CREATE TABLE contacts (
    station TEXT, install TEXT, at TEXT NOT NULL, said TEXT NOT NULL, machine TEXT NOT NULL, PRIMARY KEY (station, install)
) STRICT, WITHOUT ROWID;
CREATE TABLE rechecks (
    station TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    session TEXT NOT NULL,
    serial INTEGER NOT NULL,
    install TEXT NOT NULL,
    received_at TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (station, id, revision, session, serial)
) STRICT;
CREATE TABLE anchors (
    station TEXT, boot_id TEXT, install TEXT NOT NULL, boot_ms INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (station, boot_id)
) STRICT, WITHOUT ROWID;
-- The ends of its access log that a station has told, in the order in which they were told first.
CREATE TABLE log_heads (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    station TEXT NOT NULL,
    install TEXT NOT NULL,
    lines INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    UNIQUE (station, install, lines, sha256)
) STRICT;
";

/// The version of the schema. A province of another one is generated anew: everybody in it is made up.
const VERSION: i64 = 4;

/// The open ledger.
pub(crate) struct Ledger {
    connection: Connection,
}

/// A station as the ledger holds it.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) name: String,
    pub(crate) feed_recipient: Option<String>,
    pub(crate) key_sha256: Option<String>,
    pub(crate) certificate_pem: Option<String>,
}

/// What was last published for a station.
#[derive(Clone, Debug)]
pub(crate) struct PublishedState {
    pub(crate) session: uuid::Uuid,
    pub(crate) serial: u64,
    pub(crate) recipient: String,
    pub(crate) as_of: String,
    pub(crate) published_at: String,
    pub(crate) state_sha256: String,
    pub(crate) snapshot: SealedFile,
    pub(crate) deltas: Vec<SealedFile>,
}

impl Ledger {
    /// Makes a new ledger.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let ledger = Self::connect(path)?;
        ledger.connection.execute_batch(&format!(
            "BEGIN; {SCHEMA} {} {} PRAGMA user_version = {VERSION}; COMMIT;",
            stick::SCHEMA,
            wipe::SCHEMA
        ))?;
        ledger.set_meta("ledger", &uuid::Uuid::new_v4().to_string())?;
        ledger.set_meta("complete to", contact::BEFORE_ALL)?;
        ledger.set_meta("restored", "no")?;
        Ok(ledger)
    }

    /// Opens one made before.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::Setting(format!("{} holds no province", path.display())));
        }
        let ledger = Self::connect(path)?;
        let version: i64 = ledger.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != VERSION {
            return Err(Error::Setting(format!("{} was made by another version; generate the province anew", path.display())));
        }
        Ok(ledger)
    }

    /// Copies the whole ledger to a new file, as a backup does.
    pub(crate) fn back_up(&self, to: &Path) -> Result<(), Error> {
        self.connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Ok(())
    }

    /// Puts a copy in the place of everything this ledger says, the present connection included.
    pub(crate) fn put_back(&mut self, from: &Path, path: &Path) -> Result<(), Error> {
        let synchronous: i64 = self.connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        let closed = std::mem::replace(&mut self.connection, Connection::open_in_memory()?);
        closed.close().map_err(|(_, error)| error)?;
        for journal in ["-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(journal);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(name)(error)),
                _ => {}
            }
        }
        std::fs::copy(from, path).map_err(Error::file(path))?;
        *self = Self::open(path)?;
        Ok(self.connection.pragma_update(None, "synchronous", synchronous)?)
    }

    /// Commits without waiting for the disk: for tests that pull no plug.
    pub(crate) fn trust_the_disk(&self) -> Result<(), Error> {
        Ok(self.connection.pragma_update(None, "synchronous", "OFF")?)
    }

    #[allow(clippy::disallowed_methods, reason = "the rule is for the product's databases; nobody tells that a file was let go")]
    fn connect(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        // A copy put back has another journal, and the change to this one waits for nobody: not for a ledger that is just being closed either.
        let mut tries = 0;
        while let Err(error) = connection.pragma_update(None, "journal_mode", "WAL") {
            tries += 1;
            if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) || tries > 500 {
                return Err(error.into());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        // `publish` and `advance` may run beside `serve`.
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        Ok(Self { connection })
    }

    /// A transaction that takes the write lock at once: two processes may share the file.
    fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    pub(crate) fn set_meta(&self, key: &str, value: &str) -> Result<(), Error> {
        self.connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    pub(crate) fn meta(&self, key: &str) -> Result<String, Error> {
        self.connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Error::Unreadable(format!("no {key}")))
    }

    pub(crate) fn add_station(&mut self, code: &str, name: &str, people: &[Person]) -> Result<(), Error> {
        let transaction = self.begin()?;
        transaction.execute("INSERT INTO stations (code, name) VALUES (?1, ?2)", [code, name])?;
        put_people(&transaction, "people", code, people)?;
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn stations(&self) -> Result<Vec<String>, Error> {
        let mut query = self.connection.prepare("SELECT code FROM stations ORDER BY code")?;
        let codes = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(codes)
    }

    pub(crate) fn station(&self, code: &str) -> Result<Station, Error> {
        self.connection
            .query_row("SELECT name, feed_recipient, key_sha256, certificate_pem FROM stations WHERE code = ?1", [code], |row| {
                Ok(Station { name: row.get(0)?, feed_recipient: row.get(1)?, key_sha256: row.get(2)?, certificate_pem: row.get(3)? })
            })
            .optional()?
            .ok_or_else(|| Error::NoStation(code.to_owned()))
    }

    pub(crate) fn set_recipient(&self, code: &str, recipient: &str) -> Result<(), Error> {
        self.connection.execute("UPDATE stations SET feed_recipient = ?2 WHERE code = ?1", [code, recipient])?;
        Ok(())
    }

    pub(crate) fn people(&self, station: &str) -> Result<State, Error> {
        self.read_people("SELECT row FROM people WHERE station = ?1 ORDER BY id", station)
    }

    pub(crate) fn published_people(&self, station: &str) -> Result<State, Error> {
        self.read_people("SELECT row FROM published_people WHERE station = ?1 ORDER BY id", station)
    }

    fn read_people(&self, query: &str, station: &str) -> Result<State, Error> {
        let mut query = self.connection.prepare(query)?;
        let mut rows = query.query([station])?;
        let mut state = State::new();
        while let Some(row) = rows.next()? {
            let row: Row = serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
            let person = person_of(row, &Defaults::default())?;
            state.insert(person.id.clone(), person);
        }
        Ok(state)
    }

    /// Makes the register of a station say `after`, touching what differs from `before` only.
    pub(crate) fn change_people(&mut self, station: &str, before: &State, after: &State) -> Result<(), Error> {
        let transaction = self.begin()?;
        write_difference(&transaction, "people", station, before, after)?;
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn published(&self, station: &str) -> Result<Option<PublishedState>, Error> {
        let found = self
            .connection
            .query_row(
                "SELECT session, serial, recipient, as_of, published_at, state_sha256, snapshot, deltas
                 FROM published WHERE station = ?1",
                [station],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, String>(3)?,
                        row.get::<_, String>(4)?,
                        row.get::<_, String>(5)?,
                        row.get::<_, String>(6)?,
                        row.get::<_, String>(7)?,
                    ))
                },
            )
            .optional()?;
        let Some((session, serial, recipient, as_of, published_at, state_sha256, snapshot, deltas)) = found else {
            return Ok(None);
        };
        Ok(Some(PublishedState {
            session: session.parse().map_err(|_| Error::Unreadable("session".into()))?,
            serial: u64::try_from(serial).map_err(|_| Error::Unreadable("serial".into()))?,
            recipient,
            as_of,
            published_at,
            state_sha256,
            snapshot: serde_json::from_str(&snapshot)?,
            deltas: serde_json::from_str(&deltas)?,
        }))
    }

    /// Commits what an index is about to say, together with the rows behind it and with the key that is about to sign it.
    pub(crate) fn set_published(
        &mut self,
        station: &str,
        published: &PublishedState,
        signer: &str,
        before: &State,
        after: &State,
    ) -> Result<(), Error> {
        let transaction = self.begin()?;
        // Outlives the session: under one key `published_at` must not fall.
        transaction.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('last published ' || ?1 || ' by ' || ?2, ?3)",
            [station, signer, &published.published_at],
        )?;
        write_difference(&transaction, "published_people", station, before, after)?;
        transaction.execute(
            "INSERT OR REPLACE INTO published
             (station, session, serial, recipient, as_of, published_at, state_sha256, snapshot, deltas)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                station,
                published.session.to_string(),
                i64::try_from(published.serial).map_err(|_| Error::Unreadable("serial".into()))?,
                published.recipient,
                published.as_of,
                published.published_at,
                published.state_sha256,
                serde_json::to_string(&published.snapshot)?,
                serde_json::to_string(&published.deltas)?,
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets the numbering of a station: the next publication starts a new session.
    pub(crate) fn forget_session(&mut self, station: &str) -> Result<(), Error> {
        let transaction = self.begin()?;
        transaction.execute("DELETE FROM published WHERE station = ?1", [station])?;
        transaction.execute("DELETE FROM published_people WHERE station = ?1", [station])?;
        transaction.commit()?;
        Ok(())
    }

    /// When this station's index was last signed with this key, in any session.
    pub(crate) fn last_published_at(&self, station: &str, signer: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT value FROM meta WHERE key = 'last published ' || ?1 || ' by ' || ?2";
        Ok(self.connection.query_row(sql, [station, signer], |row| row.get(0)).optional()?)
    }
}

fn put_people<'a>(
    transaction: &Transaction<'_>,
    table: &str,
    station: &str,
    people: impl IntoIterator<Item = &'a Person>,
) -> Result<(), Error> {
    let mut insert = transaction.prepare(&format!("INSERT OR REPLACE INTO {table} (station, id, row) VALUES (?1, ?2, ?3)"))?;
    for person in people {
        let row = serde_json::to_string(&full_row(person, &Defaults::default()))?;
        insert.execute([station, &person.id, &row])?;
    }
    Ok(())
}

fn write_difference(transaction: &Transaction<'_>, table: &str, station: &str, before: &State, after: &State) -> Result<(), Error> {
    let mut delete = transaction.prepare(&format!("DELETE FROM {table} WHERE station = ?1 AND id = ?2"))?;
    for id in before.keys().filter(|id| !after.contains_key(*id)) {
        delete.execute([station, id])?;
    }
    let changed = after.values().filter(|person| before.get(&person.id) != Some(*person));
    put_people(transaction, table, station, changed)
}
