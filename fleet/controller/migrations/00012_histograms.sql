-- +goose Up
-- What each device saw in a day, added up; cohorts add devices up when asked.
CREATE TABLE histograms (
	device   TEXT NOT NULL,
	model    TEXT NOT NULL, -- sha256 of the bundle
	pipeline TEXT NOT NULL,
	day      BIGINT NOT NULL, -- Unix days
	board    TEXT NOT NULL,
	profile  BYTEA NOT NULL,
	PRIMARY KEY (device, model, pipeline, day)
);
CREATE INDEX histograms_day ON histograms (day);

-- +goose Down
DROP TABLE histograms;
