-- +goose Up
-- Tokens for images: they enrol only the devices that somebody has allowed.
ALTER TABLE tokens ADD COLUMN listed BIGINT NOT NULL DEFAULT 0;
CREATE TABLE allowed (
	device TEXT PRIMARY KEY,
	labels TEXT NOT NULL,
	author TEXT NOT NULL,
	at     BIGINT NOT NULL
);
CREATE TABLE pending (
	device   TEXT PRIMARY KEY,
	key_hash TEXT NOT NULL, -- sha256 of the public key that asked first
	token    TEXT NOT NULL, -- hash
	at       BIGINT NOT NULL -- when it asked last
);

-- +goose Down
DROP TABLE pending;
DROP TABLE allowed;
ALTER TABLE tokens DROP COLUMN listed;
