-- Visits whose verdict would now be another: what it would be now. What the desk was shown is the visit's.
CREATE TABLE recheck (
    sequence       INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    standing       TEXT NOT NULL,
    identity_match TEXT NOT NULL,
    knowledge      TEXT NOT NULL,
    freshness      TEXT NOT NULL,
    session        TEXT,
    serial         INTEGER,
    as_of          TEXT,
    rate_percent   INTEGER,
    rules_version  TEXT,
    found_at       TEXT NOT NULL,
    sent_at        TEXT,
    settled_at     TEXT,
    -- The verdicts agree again, or the visit was corrected: kept because the province was told.
    is_over        INTEGER NOT NULL DEFAULT 0 CHECK (is_over IN (0, 1))
) STRICT;
CREATE INDEX recheck_open ON recheck (sequence) WHERE settled_at IS NULL AND is_over = 0;
CREATE INDEX recheck_unsent ON recheck (sequence) WHERE sent_at IS NULL AND is_over = 0;
