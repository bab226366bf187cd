-- +goose Up
-- The next devices to be told come out of the index in their order.
DROP INDEX assigned_state;
CREATE INDEX assigned_state ON assigned (assignment, state, wave, device);

-- +goose Down
DROP INDEX assigned_state;
CREATE INDEX assigned_state ON assigned (assignment, state, wave);
