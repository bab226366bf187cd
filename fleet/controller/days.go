package controller

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// daysVersion is the migration that cuts what grows into days, on Postgres.
const daysVersion = 18

// A dayTable grows with every record. On Postgres each day of it is a partition
// of its own, so that what is too old goes as a whole: erasing rows would leave
// as much work for vacuum as it frees. SQLite erases rows.
type dayTable struct {
	name, column string
	key          string // columns of the primary key, which has to hold column
	perDay       int64  // units of column
}

var dayTables = []dayTable{
	{"chunks", "received", "device, epoch, first, received", 86_400_000},
	{"results_hourly", "hour", "device, pipeline, model, class, hour", 24},
	{"histograms", "day", "device, model, pipeline, day", 1},
}

// daysAhead is how many days are ready before they come. What falls into none,
// by the clock of a device or of a controller, goes into the rest of its table,
// from which rows are erased.
const daysAhead = 3

// A part holds the days from, included, to to.
type part struct {
	name     string
	from, to int64 // Unix days
}

// Names of parts: one day, and all that was there before the table was cut.
const (
	dayPrefix    = "_day_"
	beforePrefix = "_before_"
)

// parts are the partitions of a table that have an end.
func (t dayTable) parts(ctx context.Context, db querier) ([]part, error) {
	names, err := texts(db.QueryContext(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = CAST($1 AS regclass)`, t.name))
	var all []part
	for _, name := range names {
		rest := strings.TrimPrefix(name, t.name)
		if text, ok := strings.CutPrefix(rest, dayPrefix); ok {
			if day, err := strconv.ParseInt(text, 10, 64); err == nil {
				all = append(all, part{name, day, day + 1})
			}
		}
		if text, ok := strings.CutPrefix(rest, beforePrefix); ok {
			if day, err := strconv.ParseInt(text, 10, 64); err == nil {
				all = append(all, part{name, math.MinInt64, day})
			}
		}
	}
	return all, err
}

// readyDays makes the partitions of today and of the days after it.
func (c *Controller) readyDays(ctx context.Context) error {
	today := c.now().Unix() / 86400
	var failed error
	for _, t := range dayTables {
		have, err := t.parts(ctx, c.store.db)
		if err != nil {
			return err
		}
	days:
		for day := today; day <= today+daysAhead; day++ {
			for _, p := range have {
				if p.from <= day && day < p.to {
					continue days
				}
			}
			err := c.lead(ctx, func(tx *sql.Tx) error {
				return run(ctx, tx, `SET LOCAL lock_timeout = '5s'`,
					fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s%s%d PARTITION OF %s FOR VALUES FROM (%d) TO (%d)`, t.name, dayPrefix, day, t.name, day*t.perDay, (day+1)*t.perDay))
			})
			if err != nil { // rows of that day may lie in the rest: it stays there
				failed = errors.Join(failed, fmt.Errorf("day %d of %s: %w", day, t.name, err))
			}
		}
	}
	return failed
}

// dropDays erases the days that have ended before a time, and returns how many
// chunks that were.
func (c *Controller) dropDays(ctx context.Context, before time.Time) (chunks int64, err error) {
	for _, t := range dayTables {
		all, err := t.parts(ctx, c.store.db)
		if err != nil {
			return chunks, err
		}
		for _, p := range all {
			if p.to > before.Unix()/86400 {
				continue
			}
			n, err := c.dropDay(ctx, t, p)
			if err != nil {
				return chunks, fmt.Errorf("drop %s: %w", p.name, err)
			}
			chunks += n
		}
	}
	return chunks, nil
}

// dropDay erases a day. The records of its chunks are counted first, without
// holding up ingest; as long as the term is the same, nobody else erases any.
func (c *Controller) dropDay(ctx context.Context, t dayTable, p part) (chunks int64, err error) {
	term := c.term.Load()
	var sums daySums
	if t.name == "chunks" {
		if sums, err = c.sumDay(ctx, p); err != nil {
			return 0, err
		}
	}
	return sums.chunks, c.lead(ctx, func(tx *sql.Tx) error {
		if c.term.Load() != term {
			return errFenced
		}
		if err := run(ctx, tx, `SET LOCAL lock_timeout = '5s'`, `DROP TABLE `+p.name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ranges SET expired = expired + x.n
			FROM unnest(CAST($1 AS text[]), CAST($2 AS bigint[]), CAST($3 AS bigint[])) AS x (device, epoch, n)
			WHERE ranges.device = x.device AND ranges.epoch = x.epoch`, sums.device, sums.epoch, sums.records)
		return err
	})
}

// daySums are the records of a day, by device and epoch.
type daySums struct {
	device         []string
	epoch, records []int64
	chunks         int64
}

func (c *Controller) sumDay(ctx context.Context, p part) (s daySums, err error) {
	tx, err := c.store.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if err := run(ctx, tx, `SET LOCAL statement_timeout = '10min'`); err != nil {
		return s, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT device, epoch, sum(count), count(*) FROM `+p.name+` GROUP BY device, epoch`)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var device string
		var epoch, records, chunks int64
		if err := rows.Scan(&device, &epoch, &records, &chunks); err != nil {
			return s, err
		}
		s.device, s.epoch, s.records = append(s.device, device), append(s.epoch, epoch), append(s.records, records)
		s.chunks += chunks
	}
	return s, rows.Err()
}

// days is the migration: what there is becomes one partition, which ends
// tomorrow. It is read through once and gets another index; who ingests
// meanwhile waits, or hears of a timeout and takes it again.
func (s *store) days() *goose.Migration {
	return goose.NewGoMigration(daysVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if !s.postgres {
			return nil
		}
		if err := run(ctx, tx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		tomorrow := time.Now().Unix()/86400 + 1
		for _, t := range dayTables {
			if err := t.cut(ctx, tx, tomorrow); err != nil {
				return fmt.Errorf("cut %s into days: %w", t.name, err)
			}
		}
		return nil
	}}, nil)
}

// cut turns a table into one of days. Rows of after its first part's end go into the rest.
func (t dayTable) cut(ctx context.Context, tx *sql.Tx, end int64) error {
	old, rest, limit := fmt.Sprint(t.name, beforePrefix, end), t.name+"_rest", end*t.perDay
	indexes, err := texts(tx.QueryContext(ctx, `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1 AND indexname <> $2`, t.name, t.name+"_pkey"))
	if err != nil {
		return err
	}
	names, err := texts(tx.QueryContext(ctx, `SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1`, t.name))
	if err != nil {
		return err
	}
	steps := []string{`ALTER TABLE ` + t.name + ` RENAME TO ` + old}
	for _, name := range names {
		steps = append(steps, `ALTER INDEX `+name+` RENAME TO `+name+`_before`)
	}
	if t.name == "chunks" { // its key lacks the time of reception
		steps = append(steps, `ALTER TABLE `+old+` DROP CONSTRAINT chunks_pkey_before`)
	}
	steps = append(steps,
		`CREATE TABLE `+t.name+` (LIKE `+old+` INCLUDING DEFAULTS) PARTITION BY RANGE (`+t.column+`)`,
		`ALTER TABLE `+t.name+` ADD PRIMARY KEY (`+t.key+`)`)
	steps = append(steps, indexes...)
	return run(ctx, tx, append(steps,
		`CREATE TABLE `+rest+` PARTITION OF `+t.name+` DEFAULT`,
		fmt.Sprintf(`WITH late AS (DELETE FROM %s WHERE %s >= %d RETURNING *) INSERT INTO %s SELECT * FROM late`, old, t.column, limit, t.name),
		fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (MINVALUE) TO (%d)`, t.name, old, limit))...)
}

func run(ctx context.Context, tx *sql.Tx, steps ...string) error {
	for _, text := range steps {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
