-- +goose Up
-- The outbox looks for commands to send each second.
CREATE INDEX commands_waiting ON commands (created) WHERE state = 'waiting';

-- +goose Down
DROP INDEX commands_waiting;
