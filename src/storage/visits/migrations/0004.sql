-- Who we are to the province, and it to us.

-- The province's record of visits that we know. Another one: the province was restored from a backup.
CREATE TABLE ledger (
    one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    ledger      TEXT NOT NULL,
    complete_to TEXT NOT NULL
) STRICT;

-- The links of the chain of contacts. `next` is here before it is sent, so that a contact whose answer is lost is repeated with the same two.
CREATE TABLE chain (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    previous TEXT,
    next     TEXT
) STRICT;

-- What the province made of the chain, since when by its own time; and the last visits it told of that this disk does not know.
CREATE TABLE machine (
    one                     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    machine                 TEXT NOT NULL,
    since                   TEXT NOT NULL,
    ahead_highest           INTEGER,
    ahead_visits            INTEGER,
    ahead_first_received_at TEXT,
    ahead_last_received_at  TEXT
) STRICT;

-- The province's time tied to starts of the machine, one per start.
CREATE TABLE anchor (
    number        INTEGER NOT NULL PRIMARY KEY,
    boot_id       TEXT NOT NULL UNIQUE,
    since_boot_ms INTEGER NOT NULL,
    at            TEXT NOT NULL
) STRICT;

-- Who this database was before the machine was replaced.
CREATE TABLE former_identity (
    install_id TEXT NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL,
    ended_at   TEXT NOT NULL
) STRICT;
