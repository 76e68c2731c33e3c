-- What the province answered about single people who are not on the roster, and since when somebody is not.

-- One row per answer, the newest with the highest number. The record as in `card`; where the province knows nobody, `is_known` is 0 and all is NULL.
CREATE TABLE answer (
    seq                   INTEGER NOT NULL PRIMARY KEY,
    as_of                 TEXT NOT NULL,
    asked_at              TEXT NOT NULL,
    is_known              INTEGER NOT NULL CHECK (is_known IN (0, 1)),
    id                    TEXT,
    card                  TEXT,
    name                  TEXT,
    born                  TEXT,
    sex                   TEXT,
    hamlet                TEXT,
    facility              TEXT,
    valid_from            TEXT,
    valid_until           TEXT,
    five_years_on         TEXT,
    copay_exempt_from     TEXT,
    area                  TEXT,
    standing              TEXT,
    predecessor           TEXT,
    successor_card        TEXT,
    successor_valid_from  TEXT,
    successor_valid_until TEXT,
    successor_facility    TEXT
) STRICT;

-- The personal ids (12 digits) and insurance numbers (10) that an answer is about: those asked, and those of the record. A number belongs to the
-- newest answer only.
CREATE TABLE answer_number (
    number   TEXT NOT NULL PRIMARY KEY,
    answer   INTEGER NOT NULL REFERENCES answer (seq) ON DELETE CASCADE,
    is_asked INTEGER NOT NULL CHECK (is_asked IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_number_by_answer ON answer_number (answer);

-- The instant of the data that first were without the person. Serials begin anew with every session, so they cannot tell how long ago that was.
ALTER TABLE tombstone ADD COLUMN as_of TEXT NOT NULL DEFAULT '';
UPDATE tombstone SET as_of = coalesce((SELECT as_of FROM cursor), '');
