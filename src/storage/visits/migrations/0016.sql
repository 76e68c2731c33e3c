-- What is kept beside a revision that was saved at the desk: when and by whom, and since when the province could not be reached while the person was
-- judged.
CREATE TABLE circumstance (
    sequence        INTEGER NOT NULL PRIMARY KEY REFERENCES visit (sequence),
    saved_at        TEXT NOT NULL,
    saved_by        TEXT NOT NULL,
    unreached_since TEXT
) STRICT;
CREATE INDEX circumstance_unreached ON circumstance (sequence) WHERE unreached_since IS NOT NULL;

-- Tries that failed around visits, by the clock and by the machine's running; and whose visit, where the question was about one person.
CREATE TABLE link_try (
    number    INTEGER NOT NULL PRIMARY KEY,
    direction TEXT NOT NULL,
    trouble   TEXT NOT NULL,
    failed_at TEXT NOT NULL,
    boot_id   TEXT NOT NULL,
    boot_ms   INTEGER NOT NULL,
    visit     TEXT
) STRICT;
CREATE INDEX link_try_of_run ON link_try (boot_id, boot_ms);
CREATE INDEX link_try_of_visit ON link_try (visit) WHERE visit IS NOT NULL;

-- Corrections since a number are found without reading the other visits.
CREATE INDEX visit_revised ON visit (sequence, id) WHERE revision > 1;

-- On which start of the machine a number was given, and whether its clock was doubted: such a number is not given again on the day that turns out.
ALTER TABLE queue_number ADD COLUMN boot_id TEXT;
ALTER TABLE queue_number ADD COLUMN boot_ms INTEGER;
ALTER TABLE queue_number ADD COLUMN is_doubted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX queue_number_of_run ON queue_number (boot_id, boot_ms);
