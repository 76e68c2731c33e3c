-- Whoever shows an old card is found by it, also where its insurance number was another one. Few people have one on record, and only they are in here.
CREATE INDEX card_by_predecessor ON card (substr(predecessor, 6)) WHERE predecessor IS NOT NULL;
