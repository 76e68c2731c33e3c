-- This station's own record. Nothing here can be fetched again; nothing is changed or deleted once written.

-- Who this database is. A copy of it on another machine has the same install_id: the province notices.
CREATE TABLE identity (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    install_id TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

-- One row per saved revision of a visit. `sequence` only rises (AUTOINCREMENT never reuses a number).
CREATE TABLE visit (
    sequence            INTEGER PRIMARY KEY AUTOINCREMENT,
    id                  TEXT NOT NULL,
    revision            INTEGER NOT NULL CHECK (revision >= 1),
    station_day         TEXT NOT NULL,
    arrived_at          TEXT NOT NULL,
    operator            TEXT NOT NULL,
    source              TEXT NOT NULL,
    card_number         TEXT,
    insurance_number    TEXT,
    personal_id         TEXT,
    name                TEXT,
    birth_date          TEXT,
    sex                 TEXT,
    attendance_category TEXT NOT NULL,
    care_type           TEXT NOT NULL,
    note                TEXT,
    standing            TEXT NOT NULL,
    identity_match      TEXT NOT NULL,
    knowledge           TEXT NOT NULL,
    freshness           TEXT NOT NULL,
    session             TEXT,
    serial              INTEGER,
    as_of               TEXT,
    rate_percent        INTEGER,
    rules_version       TEXT,
    clock_state         TEXT NOT NULL,
    boot_id             TEXT NOT NULL,
    boot_ms             INTEGER NOT NULL,
    UNIQUE (id, revision)
) STRICT;
CREATE INDEX visit_by_day ON visit (station_day, sequence);

-- Visits on their way to the province; written in the visit's own transaction. Read is not delete.
CREATE TABLE outbox (
    sequence     INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'parked')),
    not_before   TEXT,
    refused_code TEXT,
    refused_text TEXT,
    CHECK ((state = 'parked') = (refused_code IS NOT NULL))
) STRICT;
CREATE INDEX outbox_pending ON outbox (sequence) WHERE state = 'pending';
CREATE INDEX outbox_parked ON outbox (sequence) WHERE state = 'parked';

-- The province's proof for a delivered visit.
CREATE TABLE receipt (
    sequence    INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    reference   TEXT NOT NULL,
    received_at TEXT NOT NULL,
    duplicate   INTEGER NOT NULL,
    stored_at   TEXT NOT NULL
) STRICT;
