-- When this file was last copied elsewhere, whole and examined; and since when, and why, that fails.
CREATE TABLE backup (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    good_at       TEXT,
    failing_since TEXT,
    failing_code  TEXT,
    CHECK ((failing_since IS NULL) = (failing_code IS NULL))
) STRICT;

-- This file was put back from a copy: which record of visits that was, the last number it holds, and the links with which the province is asked once what
-- it has beyond. `asked_at`: it has answered.
CREATE TABLE restored (
    install     TEXT NOT NULL PRIMARY KEY,
    previous    TEXT,
    next        TEXT NOT NULL,
    highest     INTEGER NOT NULL,
    restored_at TEXT NOT NULL,
    asked_at    TEXT
) STRICT;
