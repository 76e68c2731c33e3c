-- What the person showed, and the number the person was called under; NULL: nobody said so.
ALTER TABLE visit ADD COLUMN proof TEXT;
ALTER TABLE visit ADD COLUMN queue_number INTEGER;

-- Whether somebody was here before today is asked with every look-up: the day's part of this index tells, and no visit is read.
CREATE INDEX visit_of_person ON visit (station_day, insurance_number, personal_id, birth_date);
-- The few whose answer was missing or old when the person came.
CREATE INDEX visit_unsure ON visit (sequence) WHERE knowledge = 'unverified' OR freshness IN ('stale', 'absent');

-- Numbers given out, from 1 on each day.
CREATE TABLE queue_number (
    day      TEXT NOT NULL,
    number   INTEGER NOT NULL CHECK (number >= 1),
    given_at TEXT NOT NULL,
    given_by TEXT NOT NULL,
    PRIMARY KEY (day, number)
) STRICT, WITHOUT ROWID;

-- What was printed of which revision: whatever is printed again says that it is a copy.
CREATE TABLE printing (
    number     INTEGER NOT NULL PRIMARY KEY,
    sequence   INTEGER NOT NULL REFERENCES visit (sequence),
    paper      TEXT NOT NULL CHECK (paper IN ('slip', 'evidence')),
    printed_at TEXT NOT NULL,
    printed_by TEXT NOT NULL
) STRICT;
CREATE INDEX printing_of_visit ON printing (sequence, paper);

-- When a way to the province failed and why, from the first failed try to the next one that got through.
CREATE TABLE outage (
    number       INTEGER NOT NULL PRIMARY KEY,
    direction    TEXT NOT NULL,
    trouble      TEXT NOT NULL,
    began_at     TEXT NOT NULL,
    last_try_at  TEXT NOT NULL,
    tries        INTEGER NOT NULL,
    ended_at     TEXT
) STRICT;
CREATE UNIQUE INDEX outage_open ON outage (direction) WHERE ended_at IS NULL;

-- Visits whose missing or old answer newer data have borne out.
CREATE TABLE confirmed (
    sequence     INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    confirmed_at TEXT NOT NULL,
    as_of        TEXT NOT NULL
) STRICT;
