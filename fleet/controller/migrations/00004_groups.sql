-- +goose Up
-- Queries by name, and commands that were given to a query as one.
CREATE TABLE groups (
	name    TEXT PRIMARY KEY,
	query   TEXT NOT NULL,
	author  TEXT NOT NULL,
	updated BIGINT NOT NULL
);
ALTER TABLE commands ADD COLUMN batch TEXT NOT NULL DEFAULT '';
CREATE INDEX commands_batch ON commands (batch, device);

-- +goose Down
DROP INDEX commands_batch;
ALTER TABLE commands DROP COLUMN batch;
DROP TABLE groups;
