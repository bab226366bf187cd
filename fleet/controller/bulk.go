package controller

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Ingest says the same few statements over and over. Prepared ones need not be
// parsed each time, which takes SQLite longer than to do them, and those of
// many rows save Postgres a way there and back for each row.
const bulkRows = 32

// bulk inserts rows, as many at a time as it can.
type bulk struct {
	columns   int
	one, many *sql.Stmt
}

func (s *store) bulk(ctx context.Context, insert string, columns int, conflict string) (b bulk, err error) {
	b.columns = columns
	if b.one, err = s.db.PrepareContext(ctx, insert+" VALUES "+s.placeholders(1, columns)+conflict); err == nil {
		b.many, err = s.db.PrepareContext(ctx, insert+" VALUES "+s.placeholders(bulkRows, columns)+conflict)
	}
	return b, err
}

// insert writes rows, whose columns stand one after the other.
func (b *bulk) insert(ctx context.Context, tx *sql.Tx, rows []any) error {
	group := bulkRows * b.columns
	for one, many := tx.StmtContext(ctx, b.one), tx.StmtContext(ctx, b.many); len(rows) > 0; {
		stmt, n := one, b.columns
		if len(rows) >= group {
			stmt, n = many, group
		}
		if _, err := stmt.ExecContext(ctx, rows[:n]...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// lookup reads the rows of many keys.
type lookup struct {
	columns int // of a key
	stmt    *sql.Stmt
}

// lookup prepares a query that ends in IN.
func (s *store) lookup(ctx context.Context, query string, types ...string) (lookup, error) {
	stmt, err := s.db.PrepareContext(ctx, query+" (VALUES "+s.placeholders(bulkRows, len(types), types...)+")")
	return lookup{len(types), stmt}, err
}

// each calls f with every row found for keys, whose columns stand one after the
// other.
func (l *lookup) each(ctx context.Context, tx *sql.Tx, keys []any, f func(*sql.Rows) error) error {
	stmt := tx.StmtContext(ctx, l.stmt)
	group := bulkRows * l.columns
	for ; len(keys) > 0; keys = keys[min(group, len(keys)):] {
		some := keys
		for len(some) < group { // the last one over and over
			some = append(some[:len(some):len(some)], keys[len(keys)-l.columns:]...)
		}
		rows, err := stmt.QueryContext(ctx, some[:group]...)
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			err = f(rows)
		}
		if err = first(err, rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// placeholders returns ($1, $2), ($3, $4) and so on, cast where Postgres could
// not tell a type. For SQLite they have no names: its driver looks each one up.
func (s *store) placeholders(rows, columns int, types ...string) string {
	var b strings.Builder
	for r := range rows {
		for c := range columns {
			b.WriteString([]string{", (", ", "}[min(c, 1)])
			text := "?"
			if s.postgres {
				text = fmt.Sprintf("$%d", r*columns+c+1)
			}
			if c < len(types) {
				fmt.Fprintf(&b, "CAST(%s AS %s)", text, types[c])
			} else {
				b.WriteString(text)
			}
		}
		b.WriteByte(')')
	}
	return b.String()[2:]
}

// ingestStatements is what a batch needs, prepared.
type ingestStatements struct {
	known, ranges                     lookup
	chunks, gaps, results, watermarks bulk
}

func (s *store) prepare(ctx context.Context) (err error) {
	i := &s.ingest
	try := func(b *bulk, insert string, columns int, conflict string) {
		if err == nil {
			*b, err = s.bulk(ctx, insert, columns, conflict)
		}
	}
	if i.known, err = s.lookup(ctx, `SELECT id FROM devices WHERE revoked = 0 AND id IN`, "TEXT"); err != nil {
		return err
	}
	if i.ranges, err = s.lookup(ctx, `SELECT device, epoch, hi, rest FROM ranges WHERE (device, epoch) IN`, "TEXT", "BIGINT"); err != nil {
		return err
	}
	try(&i.chunks, `INSERT INTO chunks (device, epoch, first, count, kind, received, data)`, 7, "")
	try(&i.gaps, `INSERT INTO gaps (device, epoch, first, count, reason)`, 5, "")
	try(&i.watermarks, `INSERT INTO ranges (device, epoch, hi, rest, delivered)`, 5, ` ON CONFLICT (device, epoch) DO UPDATE SET hi = excluded.hi, rest = excluded.rest, delivered = ranges.delivered + excluded.delivered`)
	try(&i.results, `INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency)`, 8,
		` ON CONFLICT (device, pipeline, model, class, hour) DO UPDATE SET n = results_hourly.n + excluded.n, score = results_hourly.score + excluded.score, latency = results_hourly.latency + excluded.latency`)
	return err
}
