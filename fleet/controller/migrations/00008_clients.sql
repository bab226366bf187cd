-- +goose Up
-- Programs beside the devices that use the broker, by certificate.
CREATE TABLE clients (
	name      TEXT PRIMARY KEY,
	role      TEXT NOT NULL, -- reader, commander
	serial    TEXT NOT NULL,
	created   BIGINT NOT NULL,
	not_after BIGINT NOT NULL,
	author    TEXT NOT NULL
);
-- To find two machines with one identity: the start of the agent before the one
-- in boot, and how often that came back.
ALTER TABLE devices ADD COLUMN boot_before TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN returns BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE devices DROP COLUMN returns;
ALTER TABLE devices DROP COLUMN boot_before;
DROP TABLE clients;
