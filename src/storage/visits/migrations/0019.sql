-- Whose record this is: a copy of another station's is not put in its place.
CREATE TABLE station (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    facility TEXT NOT NULL
) STRICT;

-- Numbers under which no visit of this record is to be looked for: they were given in a record before it, or what had them was taken out. Read out of a file
-- that was set aside by the shape of its rows, like the visits.
CREATE TABLE number_gap (
    first INTEGER NOT NULL PRIMARY KEY,
    last  INTEGER NOT NULL CHECK (last >= first),
    at    TEXT NOT NULL
) STRICT;

-- Files that were set aside and hold visits that are neither here nor confirmed.
CREATE TABLE set_aside (
    name   TEXT NOT NULL PRIMARY KEY,
    unsent INTEGER NOT NULL CHECK (unsent > 0)
) STRICT, WITHOUT ROWID;
