-- +goose Up
-- Who leads, where several controllers share a database. Times are its own.
CREATE TABLE lease (
	id     BIGINT PRIMARY KEY,
	holder TEXT NOT NULL,
	term   BIGINT NOT NULL,
	until  BIGINT NOT NULL
);
INSERT INTO lease (id, holder, term, until) VALUES (1, '', 1, 0);

-- +goose Down
DROP TABLE lease;
