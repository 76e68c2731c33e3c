-- How many people of the roster had a card in force, one row for each Vietnamese day: counts, and of which state of the roster. Nobody is in it.
CREATE TABLE coverage (
    day      TEXT NOT NULL PRIMARY KEY,
    state    TEXT NOT NULL,
    as_of    TEXT NOT NULL,
    people   INTEGER NOT NULL,
    in_force INTEGER NOT NULL,
    ending   INTEGER NOT NULL,
    expired  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
