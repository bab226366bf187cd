-- +goose Up
-- What each device should run, and the count of its newest assignment.
ALTER TABLE devices ADD COLUMN desired_n BIGINT NOT NULL DEFAULT 0;

CREATE TABLE desired (
	device     TEXT NOT NULL,
	slot       TEXT NOT NULL,
	target     TEXT NOT NULL,
	length     BIGINT NOT NULL,
	sha256     TEXT NOT NULL,
	assignment TEXT NOT NULL, -- that wants it, or that was taken back
	PRIMARY KEY (device, slot)
);

-- What each device says of its slots.
CREATE TABLE slots (
	device  TEXT NOT NULL,
	slot    TEXT NOT NULL,
	loaded  TEXT NOT NULL, -- sha256
	active  TEXT NOT NULL,
	refused TEXT NOT NULL,
	state   TEXT NOT NULL,
	reason  TEXT NOT NULL,
	n       BIGINT NOT NULL, -- count of the assignment that it works towards
	updated BIGINT NOT NULL,
	PRIMARY KEY (device, slot)
);

CREATE TABLE assignments (
	id         TEXT PRIMARY KEY,
	slot       TEXT NOT NULL,
	target     TEXT NOT NULL,
	length     BIGINT NOT NULL,
	sha256     TEXT NOT NULL,
	bundle     TEXT NOT NULL, -- name@version
	query      TEXT NOT NULL,
	waves      TEXT NOT NULL, -- JSON
	soak       BIGINT NOT NULL, -- ms
	timeout    BIGINT NOT NULL, -- ms
	state      TEXT NOT NULL, -- running, paused, done, aborted
	reason     TEXT NOT NULL,
	wave       BIGINT NOT NULL,
	wave_since BIGINT NOT NULL,
	author     TEXT NOT NULL,
	created    BIGINT NOT NULL,
	updated    BIGINT NOT NULL
);
CREATE INDEX assignments_open ON assignments (state);

CREATE TABLE assigned (
	assignment TEXT NOT NULL,
	device     TEXT NOT NULL,
	wave       BIGINT NOT NULL,
	state      TEXT NOT NULL, -- waiting, sent, updating, done, failed, superseded, gone
	reason     TEXT NOT NULL DEFAULT '',
	previous   TEXT NOT NULL DEFAULT '', -- sha256 of what it ran before
	n          BIGINT NOT NULL DEFAULT 0,
	since      BIGINT NOT NULL, -- of the state
	PRIMARY KEY (assignment, device)
);
CREATE INDEX assigned_state ON assigned (assignment, state, wave);

-- +goose Down
DROP TABLE assigned;
DROP TABLE assignments;
DROP TABLE slots;
DROP TABLE desired;
ALTER TABLE devices DROP COLUMN desired_n;
