-- Bytes on the wire per Vietnamese day.
CREATE TABLE traffic (
    day   TEXT NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
