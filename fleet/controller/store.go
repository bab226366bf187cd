package controller

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// errNewer marks a database that a later version has written.
var errNewer = errors.New("database is from a newer version of dunlin-fleet")

// store is the controller's database: SQLite, or Postgres that several share.
type store struct {
	db       *sql.DB
	postgres bool
	ingest   ingestStatements
}

// openStore opens the database of a configuration.
func openStore(ctx context.Context, cfg Config) (*store, error) {
	open := func() (*store, error) { return openSQLite(ctx, cfg.driver, filepath.Join(cfg.Dir, "fleet.db")) }
	if cfg.Store != "" {
		open = func() (*store, error) { return openPostgres(ctx, cfg.Store) }
	}
	s, err := open()
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), s.close())
	}
	return s, nil
}

// openSQLite opens or creates the database of a state folder. A commit is on
// disk when it returns.
func openSQLite(ctx context.Context, driver, path string) (*store, error) {
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	db, err := sql.Open(driver, "file:"+path+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(4)
	s := &store{db: db}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *store) migrate(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := s.provider(sub)
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	all := p.ListSources()
	if newest := all[len(all)-1].Version; have > newest {
		return s.newer(ctx, have, newest)
	}
	if _, err = p.Up(ctx); err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ('readable_from', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, strconv.Itoa(readableFrom))
	return err
}

// readableFrom is the oldest schema whose controllers work with the newest one:
// one version adds what the next begins to need, so that two may run together
// (TestReplicasVersions).
const readableFrom = 17

// newer judges a database of a later version, which says who may still use it.
func (s *store) newer(ctx context.Context, have, mine int64) error {
	var text string
	if err := s.db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'readable_from'`).Scan(&text); err != nil {
		return err
	}
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil || from > mine {
		return errors.Join(err, fmt.Errorf("%w: schema %d, this one knows %d", errNewer, have, mine))
	}
	return nil
}

func (s *store) close() error { return s.db.Close() }

// provider applies migrations, one controller at a time.
func (s *store) provider(migrations fs.FS) (*goose.Provider, error) {
	if !s.postgres {
		return goose.NewProvider(goose.DialectSQLite3, s.db, migrations, goose.WithGoMigrations(s.changes(), s.days()))
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, s.db, migrations, goose.WithSessionLocker(locker), goose.WithGoMigrations(s.changes(), s.days()))
}

// txTime bounds a transaction: a database that does not answer is as good as
// none, and what it did not commit is done again.
const txTime = 30 * time.Second

// tx runs f in one transaction, all or nothing. Transactions that may write run
// one after the other: SQLite has it so, and in Postgres they take one lock.
func (s *store) tx(ctx context.Context, f func(*sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, txTime)
	defer cancel()
	t, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if s.postgres {
		_, err = t.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext(current_schema()))`)
	}
	if err == nil {
		err = f(t)
	}
	if err != nil {
		return errors.Join(err, t.Rollback())
	}
	return t.Commit()
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// texts reads all of a query's only column, and closes it.
func texts(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
