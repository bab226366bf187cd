-- +goose Up
-- The outbox also looks for commands whose end it has not heard.
CREATE INDEX commands_unended ON commands (created) WHERE state IN ('waiting', 'accepted', 'progress');
DROP INDEX commands_waiting;

-- +goose Down
DROP INDEX commands_unended;
CREATE INDEX commands_waiting ON commands (created) WHERE state = 'waiting';
