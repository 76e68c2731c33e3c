-- What has been heard of the province's record of visits, and when by the province's own clock.

-- Until when the ledger is known to be the one: the last contact, or a stick made later than that.
ALTER TABLE ledger ADD COLUMN heard_at TEXT;

-- Ledgers that the province has had and left. A stick from then brings none of them back.
CREATE TABLE left_ledger (
    ledger TEXT NOT NULL PRIMARY KEY
) STRICT;

-- The newest receipts that were taken off a stick.
CREATE TABLE stick_receipts (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    made_at TEXT NOT NULL
) STRICT;

-- The state of the roster that a person has agreed to, whatever it takes away: digest in hex. Here and not in cards.db, which a snapshot makes anew.
CREATE TABLE agreed_roster (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    state TEXT NOT NULL
) STRICT;
