-- +goose Up
-- Records delivered, those of before erased by age included, counted by the
-- transaction that keeps them: to count three months of chunks takes seconds.
ALTER TABLE ranges ADD COLUMN delivered BIGINT NOT NULL DEFAULT 0;
UPDATE ranges SET delivered = expired + (SELECT coalesce(sum(count), 0) FROM chunks WHERE chunks.device = ranges.device AND chunks.epoch = ranges.epoch);

-- +goose Down
ALTER TABLE ranges DROP COLUMN delivered;
