-- Desks elsewhere in the house. Of their tokens and of the code that lets one in only digests are kept, in hex.
CREATE TABLE desk (
    number     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    paired_at  TEXT NOT NULL,
    paired_by  TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    -- The token it was given last, on which day, whether it has shown it, and the one before.
    token      TEXT NOT NULL UNIQUE,
    renewed_on TEXT NOT NULL,
    is_shown   INTEGER NOT NULL,
    before     TEXT,
    ended      TEXT,
    ended_at   TEXT,
    -- A person has seen that a copy of its token was used.
    is_settled INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Every token that was ever given to a desk: one that comes back is a copy.
CREATE TABLE desk_token (
    token TEXT NOT NULL PRIMARY KEY,
    desk  INTEGER NOT NULL REFERENCES desk (number)
) STRICT, WITHOUT ROWID;

-- The code that is open, until when on which start of the machine, and how often it may still be tried.
CREATE TABLE pairing (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    code       TEXT NOT NULL,
    opened_by  TEXT NOT NULL,
    boot_id    TEXT NOT NULL,
    until_ms   INTEGER NOT NULL,
    tries_left INTEGER NOT NULL,
    tried_ms   INTEGER
) STRICT;
