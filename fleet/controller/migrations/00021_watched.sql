-- +goose Up
-- Until when somebody looks at a device, whose records are wanted sooner. Any
-- controller writes it; the one that leads tells the device.
CREATE TABLE watched (
	device TEXT PRIMARY KEY,
	until  BIGINT NOT NULL -- Unix ms
);
CREATE INDEX watched_until ON watched (until);

-- +goose Down
DROP TABLE watched;
