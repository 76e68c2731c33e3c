-- Who works at the desk. Accounts are closed, never deleted: visits and the access log name them.
CREATE TABLE operator (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    -- The name in one form: no two open accounts have the same.
    name_key    TEXT NOT NULL,
    personal_id TEXT,
    pin_hash    TEXT NOT NULL,
    pin_number  INTEGER NOT NULL DEFAULT 1,
    role        TEXT NOT NULL CHECK (role IN ('reception', 'head')),
    created_at  TEXT NOT NULL,
    closed_at   TEXT
) STRICT;
CREATE UNIQUE INDEX operator_by_name ON operator (name_key) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX operator_by_personal_id ON operator (personal_id) WHERE closed_at IS NULL AND personal_id IS NOT NULL;
CREATE TRIGGER operator_is_not_deleted BEFORE DELETE ON operator BEGIN SELECT RAISE(ABORT, 'an account is closed, never deleted'); END;

-- Failed tries of PINs: against an account, from a browser where somebody has signed in before, or from all others together. In a row, until a right one.
CREATE TABLE tries (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    subject  TEXT NOT NULL UNIQUE,
    in_a_row INTEGER NOT NULL
) STRICT;
-- Those of the last hour, each on the clock of the machine's start, which nobody sets.
CREATE TABLE failed_try (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    boot_ms INTEGER NOT NULL,
    at      TEXT NOT NULL
) STRICT;
CREATE INDEX failed_try_by_subject ON failed_try (subject, number);

-- Who looked at whom. Each line holds the digest over the one before it and itself; none is changed or taken out.
CREATE TABLE access (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    clock_state TEXT NOT NULL,
    operator    INTEGER,
    place       TEXT NOT NULL,
    act         TEXT NOT NULL,
    person      BLOB,
    visit       TEXT,
    account     INTEGER,
    digest      BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE TRIGGER access_is_not_changed BEFORE UPDATE ON access BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END;
CREATE TRIGGER access_is_not_deleted BEFORE DELETE ON access BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END;

-- What the digests of people in the access log are keyed with. It never leaves this file.
CREATE TABLE access_key (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
INSERT INTO access_key VALUES (1, randomblob(32));
