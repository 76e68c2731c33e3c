-- The roster that is held back until a person agrees: since when, what it takes away from how many people, and the state it leads to: digest in hex.
CREATE TABLE held_roster (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    since   TEXT NOT NULL,
    held    INTEGER NOT NULL,
    gone    INTEGER NOT NULL,
    stopped INTEGER NOT NULL,
    state   TEXT NOT NULL
) STRICT;

-- Where it is tried whether a visit can be saved, after one could not be. Empty but for that moment.
CREATE TABLE trial (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    content BLOB NOT NULL
) STRICT;
