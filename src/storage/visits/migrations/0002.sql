-- Why a revision takes its visit back; NULL: it counts.
ALTER TABLE visit ADD COLUMN voided TEXT;
