-- Visits that the province could not take even alone: why it could not the last time, and how often in a row.
ALTER TABLE outbox ADD COLUMN unfit TEXT;
ALTER TABLE outbox ADD COLUMN unfit_times INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_unfit ON outbox (unfit_times) WHERE unfit_times > 0;
