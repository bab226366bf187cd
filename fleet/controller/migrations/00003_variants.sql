-- +goose Up
-- What each device of an assignment is to get: a program of the agent comes in
-- one variant for each architecture.
ALTER TABLE assigned ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE assigned ADD COLUMN length BIGINT NOT NULL DEFAULT 0;
ALTER TABLE assigned ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
UPDATE assigned SET
	target = (SELECT target FROM assignments a WHERE a.id = assigned.assignment),
	length = (SELECT length FROM assignments a WHERE a.id = assigned.assignment),
	sha256 = (SELECT sha256 FROM assignments a WHERE a.id = assigned.assignment);

-- +goose Down
ALTER TABLE assigned DROP COLUMN target;
ALTER TABLE assigned DROP COLUMN length;
ALTER TABLE assigned DROP COLUMN sha256;
