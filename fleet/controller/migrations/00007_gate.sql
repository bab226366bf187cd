-- +goose Up
-- What an assignment's gate has seen is kept with it, and each device's result
-- is added once: a tick costs what has changed, not what there is.
ALTER TABLE assignments ADD COLUMN gate TEXT NOT NULL DEFAULT '';
ALTER TABLE assigned ADD COLUMN judged BIGINT NOT NULL DEFAULT 0;
CREATE INDEX assigned_fresh ON assigned (assignment, since, device) WHERE judged = 0 AND state IN ('done', 'failed');
CREATE INDEX assigned_busy ON assigned (assignment, since) WHERE state = 'updating';
CREATE INDEX assigned_device ON assigned (device) WHERE state IN ('waiting', 'sent', 'updating');

-- +goose Down
DROP INDEX assigned_device;
DROP INDEX assigned_busy;
DROP INDEX assigned_fresh;
ALTER TABLE assigned DROP COLUMN judged;
ALTER TABLE assignments DROP COLUMN gate;
