-- The province's roster for this station. Everything here can be fetched again.

-- One row per person, values as the province wrote them (RosterRow), absent values NULL.
-- `id`: the personal id, or the insurance number while the province knows no personal id.
CREATE TABLE card (
    id                    TEXT NOT NULL PRIMARY KEY,
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
) STRICT, WITHOUT ROWID;

-- The insurance number is the last ten digits of the card number. Not unique: two rows with one number are the province's
-- mistake, and a mistake there must not keep the other rows out.
CREATE INDEX card_by_insurance_number ON card (substr(card, 6));

-- People who left the roster, so that "was here" differs from "never heard of".
CREATE TABLE tombstone (
    id     TEXT NOT NULL PRIMARY KEY,
    card   TEXT,
    serial INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_by_insurance_number ON tombstone (substr(card, 6));

-- What the rows above are: written in the same transaction as they are. No row: nothing was ever applied.
CREATE TABLE cursor (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    session        TEXT NOT NULL,
    serial         INTEGER NOT NULL,
    state_sha256   TEXT NOT NULL,
    as_of          TEXT NOT NULL,
    published_at   TEXT NOT NULL,
    fetched_at     TEXT NOT NULL,
    unreadable     INTEGER NOT NULL
) STRICT;

-- Digests of the deltas seen in this session: a server that lists another digest for a serial has rewritten history.
CREATE TABLE known_delta (
    serial INTEGER NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL
) STRICT;
