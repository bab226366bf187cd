-- +goose Up
-- Who may use the interface: people by password, programs by token.
CREATE TABLE users (
	name     TEXT PRIMARY KEY,
	role     TEXT NOT NULL, -- viewer, operator, approver, admin
	password TEXT NOT NULL, -- Argon2id, in the PHC form
	author   TEXT NOT NULL,
	updated  BIGINT NOT NULL
);
CREATE TABLE api_tokens (
	name    TEXT PRIMARY KEY,
	hash    TEXT NOT NULL, -- sha256
	role    TEXT NOT NULL,
	author  TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_tokens_hash ON api_tokens (hash);
-- Whom to tell what the audit log says.
CREATE TABLE webhooks (
	name    TEXT PRIMARY KEY,
	url     TEXT NOT NULL,
	secret  TEXT NOT NULL, -- signs what is sent
	actions TEXT NOT NULL, -- JSON list
	author  TEXT NOT NULL,
	created BIGINT NOT NULL,
	told    BIGINT NOT NULL,           -- last line that it has
	failed  TEXT NOT NULL DEFAULT '',  -- why the next does not go through
	retry   BIGINT NOT NULL DEFAULT 0, -- not before
	tries   BIGINT NOT NULL DEFAULT 0
);
-- What the drift of each cohort was judged as last.
CREATE TABLE drift_levels (
	model    TEXT NOT NULL,
	board    TEXT NOT NULL,
	pipeline TEXT NOT NULL,
	feature  TEXT NOT NULL,
	level    TEXT NOT NULL,
	PRIMARY KEY (model, board, pipeline, feature)
);

-- +goose Down
DROP TABLE drift_levels;
DROP TABLE webhooks;
DROP TABLE api_tokens;
DROP TABLE users;
