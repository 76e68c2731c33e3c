-- Of a line about a list: how many people it showed, whom as keyed digests, and which list it was.
ALTER TABLE access ADD COLUMN shown INTEGER;
ALTER TABLE access ADD COLUMN people BLOB;
ALTER TABLE access ADD COLUMN detail TEXT;

-- The furthest end of the access log that the province has confirmed, and when it did.
CREATE TABLE access_confirmed (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    at     TEXT NOT NULL
) STRICT;

-- Visits up to this one were saved before the access log began; every later one is named in it.
CREATE TABLE access_begin (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL
) STRICT;
INSERT INTO access_begin SELECT 1, coalesce(
    (SELECT min(sequence) - 1 FROM visit WHERE id IN (SELECT visit FROM access WHERE act = 'saved')),
    (SELECT max(sequence) FROM visit), 0);
