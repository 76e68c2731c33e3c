-- A refused visit can end in two more ways: closed by a person with a note, or replaced by a newer revision. SQLite cannot change a CHECK, so the table
-- is made anew. Nothing refers to it, and it refers to `visit` as before.
CREATE TABLE outbox_new (
    sequence     INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'parked', 'closed', 'superseded')),
    -- The visit's own, here too so that the oldest pending one is found without reading them all.
    arrived_at   TEXT NOT NULL,
    not_before   TEXT,
    refused_code TEXT,
    refused_text TEXT,
    -- Kept also when the province turns out to hold the visit.
    closed_note  TEXT,
    closed_by    TEXT,
    closed_at    TEXT,
    CHECK ((state IN ('parked', 'closed', 'superseded')) = (refused_code IS NOT NULL)),
    CHECK ((closed_note IS NULL) = (closed_by IS NULL) AND (closed_note IS NULL) = (closed_at IS NULL)),
    CHECK (state <> 'closed' OR closed_note IS NOT NULL)
) STRICT;
-- A refused revision that has a newer one beside it waits for nobody.
INSERT INTO outbox_new (sequence, state, arrived_at, not_before, refused_code, refused_text)
    SELECT sequence,
        CASE WHEN state = 'parked' AND EXISTS (SELECT 1 FROM visit newer WHERE newer.id = visit.id AND newer.revision > visit.revision)
            THEN 'superseded' ELSE state END,
        arrived_at, not_before, refused_code, refused_text
    FROM outbox JOIN visit USING (sequence);
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_pending ON outbox (sequence) WHERE state = 'pending';
CREATE INDEX outbox_parked ON outbox (sequence) WHERE state = 'parked';
CREATE INDEX outbox_oldest ON outbox (arrived_at) WHERE state = 'pending';
CREATE INDEX outbox_put_off ON outbox (not_before) WHERE not_before IS NOT NULL;

-- How many visits are in which state, kept by whoever changes one and in the same transaction: counting them takes longer than saving one.
CREATE TABLE tally (
    state  TEXT NOT NULL PRIMARY KEY,
    visits INTEGER NOT NULL
) STRICT;
INSERT INTO tally
    SELECT column1, (SELECT count(*) FROM outbox WHERE state = column1)
    FROM (VALUES ('pending'), ('delivered'), ('parked'), ('closed'), ('superseded'));
CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
    UPDATE tally SET visits = visits + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER outbox_moved AFTER UPDATE OF state ON outbox WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET visits = visits - 1 WHERE state = OLD.state;
    UPDATE tally SET visits = visits + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
    UPDATE tally SET visits = visits - 1 WHERE state = OLD.state;
END;

-- Receipts for visits that the province has lost since and that were sent again. A receipt is for ever: it is moved here, not deleted.
CREATE TABLE past_receipt (
    number      INTEGER NOT NULL PRIMARY KEY,
    sequence    INTEGER NOT NULL REFERENCES visit (sequence),
    reference   TEXT NOT NULL,
    received_at TEXT NOT NULL,
    duplicate   INTEGER NOT NULL,
    stored_at   TEXT NOT NULL,
    -- The province's record of visits in which it is not certain to be.
    ledger      TEXT NOT NULL
) STRICT;
CREATE INDEX past_receipt_by_visit ON past_receipt (sequence);
