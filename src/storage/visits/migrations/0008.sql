-- What a page asks for with every answer must not take longer with every visit: the few that came while the clock could not be right, and the few
-- that were corrected, are found without reading the others.
CREATE INDEX visit_doubted ON visit (sequence) WHERE clock_state IN ('behind', 'far_ahead');
CREATE INDEX visit_corrected ON visit (station_day, id) WHERE revision > 1;
