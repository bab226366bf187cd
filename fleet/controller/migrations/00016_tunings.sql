-- +goose Up
-- What devices are tuned to, by digest; assignments and desired rows name them.
CREATE TABLE tunings (
	sha256 TEXT PRIMARY KEY,
	text   TEXT NOT NULL -- JSON
);

-- +goose Down
DROP TABLE tunings;
