-- +goose Up
-- Counts of assignments become whole sequence numbers, the term in the upper
-- 32 bits: what one leader has counted never looks like another's.
UPDATE devices SET desired_n = desired_n + 4294967296 WHERE desired_n > 0;
UPDATE assigned SET n = n + 4294967296 WHERE state NOT IN ('waiting');
UPDATE slots SET n = n + 4294967296 WHERE n > 0;

-- +goose Down
UPDATE slots SET n = n % 4294967296;
UPDATE assigned SET n = n % 4294967296;
UPDATE devices SET desired_n = desired_n % 4294967296;
