-- +goose Up
-- One schema for SQLite and Postgres: BIGINT times are Unix milliseconds,
-- TEXT documents are JSON, BYTEA is SQLite's BLOB by another name.
CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

CREATE TABLE tokens (
	hash    TEXT PRIMARY KEY, -- sha256 of the secret
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	uses    BIGINT NOT NULL, -- left
	labels  TEXT NOT NULL
);

CREATE TABLE devices (
	id          TEXT PRIMARY KEY,
	created     BIGINT NOT NULL,
	key_hash    TEXT NOT NULL,   -- sha256 of its public key
	serial      TEXT NOT NULL,   -- of its newest certificate
	not_after   BIGINT NOT NULL, -- of that certificate
	revoked     BIGINT NOT NULL DEFAULT 0,
	labels      TEXT NOT NULL,
	online      BIGINT NOT NULL DEFAULT 0,
	since       BIGINT NOT NULL DEFAULT 0, -- of online
	seen        BIGINT NOT NULL DEFAULT 0, -- last message
	boot        TEXT NOT NULL DEFAULT '',
	conn        BIGINT NOT NULL DEFAULT 0,
	reported    TEXT NOT NULL DEFAULT '',
	reported_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE revocations (
	serial TEXT PRIMARY KEY,
	device TEXT NOT NULL,
	at     BIGINT NOT NULL
);

-- Which numbers of an epoch are committed: all below hi, and rest.
CREATE TABLE ranges (
	device TEXT NOT NULL,
	epoch  BIGINT NOT NULL,
	hi     BIGINT NOT NULL,
	rest   TEXT NOT NULL,
	PRIMARY KEY (device, epoch)
);

CREATE TABLE chunks (
	device   TEXT NOT NULL,
	epoch    BIGINT NOT NULL,
	first    BIGINT NOT NULL,
	count    BIGINT NOT NULL,
	kind     BIGINT NOT NULL,
	received BIGINT NOT NULL,
	data     BYTEA NOT NULL,
	PRIMARY KEY (device, epoch, first)
);

CREATE TABLE gaps (
	device TEXT NOT NULL,
	epoch  BIGINT NOT NULL,
	first  BIGINT NOT NULL,
	count  BIGINT NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (device, epoch, first)
);

CREATE TABLE results_hourly (
	device   TEXT NOT NULL,
	pipeline TEXT NOT NULL,
	model    TEXT NOT NULL, -- sha256 of the bundle
	class    BIGINT NOT NULL,
	hour     BIGINT NOT NULL, -- Unix hours
	n        BIGINT NOT NULL,
	score    DOUBLE PRECISION NOT NULL, -- sum
	latency  BIGINT NOT NULL,           -- sum, microseconds
	PRIMARY KEY (device, pipeline, model, class, hour)
);

CREATE TABLE commands (
	id        TEXT PRIMARY KEY,
	device    TEXT NOT NULL,
	name      TEXT NOT NULL,
	args      TEXT NOT NULL,
	created   BIGINT NOT NULL,
	not_after BIGINT NOT NULL,
	author    TEXT NOT NULL,
	state     TEXT NOT NULL, -- waiting, then what the device answers, or expired
	output    TEXT NOT NULL DEFAULT '',
	error     TEXT NOT NULL DEFAULT '',
	updated   BIGINT NOT NULL
);
CREATE INDEX commands_open ON commands (device, state);

CREATE TABLE audit (
	n      BIGINT PRIMARY KEY,
	at     BIGINT NOT NULL,
	author TEXT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	detail TEXT NOT NULL,
	hash   TEXT NOT NULL -- sha256 over the hash before and this row
);

-- +goose Down
DROP TABLE audit;
DROP TABLE commands;
DROP TABLE results_hourly;
DROP TABLE gaps;
DROP TABLE chunks;
DROP TABLE ranges;
DROP TABLE revocations;
DROP TABLE devices;
DROP TABLE tokens;
DROP TABLE settings;
