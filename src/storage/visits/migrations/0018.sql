-- What was taken out by rule or on request. A record, and not the data.

-- The access log begins after this line; its digest is what the first line that is left is bound to.
CREATE TABLE access_anchor (
    one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number    INTEGER NOT NULL,
    digest    BLOB NOT NULL CHECK (length(digest) = 32),
    pruned_at TEXT NOT NULL
) STRICT;

-- Lines up to the anchor may go, and no others.
DROP TRIGGER access_is_not_deleted;
CREATE TRIGGER access_is_not_deleted BEFORE DELETE ON access
    WHEN OLD.number > ifnull((SELECT number FROM access_anchor), 0)
    BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END;

-- Visits that are not here any more: which, why and since when. Whoever holds the log against the visits must know of them.
CREATE TABLE removed_visit (
    id         TEXT NOT NULL PRIMARY KEY,
    why        TEXT NOT NULL CHECK (why IN ('retention', 'request')),
    removed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
