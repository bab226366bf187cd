-- +goose Up
-- To find the devices that have fallen silent.
CREATE INDEX devices_online ON devices (online, seen);

-- +goose Down
DROP INDEX devices_online;
