-- +goose Up
-- Windows that devices have kept whole, as their records tell; have is how much
-- of the file is here.
CREATE TABLE captures (
	sha256 TEXT NOT NULL,
	device TEXT NOT NULL,
	size   BIGINT NOT NULL,
	why    BIGINT NOT NULL,
	at     BIGINT NOT NULL,
	have   BIGINT NOT NULL DEFAULT 0,
	whole  BIGINT NOT NULL DEFAULT 0, -- 1: the digest holds
	wrong  BIGINT NOT NULL DEFAULT 0, -- uploads whose digest did not
	PRIMARY KEY (device, sha256)
);
CREATE INDEX captures_at ON captures (at);

-- +goose Down
DROP TABLE captures;
