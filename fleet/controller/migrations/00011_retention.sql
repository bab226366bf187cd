-- +goose Up
-- Records end; that they were here does not.
CREATE INDEX chunks_received ON chunks (received);
ALTER TABLE ranges ADD COLUMN expired BIGINT NOT NULL DEFAULT 0; -- records delivered and erased

-- +goose Down
ALTER TABLE ranges DROP COLUMN expired;
DROP INDEX chunks_received;
