package controller

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens a database that several controllers may share.
func openPostgres(ctx context.Context, address string) (*store, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err) // without the password: pgx leaves it out
	}
	cfg.ConnectTimeout = 5 * time.Second
	// A controller that stops in the middle of a transaction, by SIGSTOP or by a
	// cut line, holds up the others no longer than this.
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "5000"
	cfg.RuntimeParams["statement_timeout"] = "30000"
	cfg.RuntimeParams["synchronous_commit"] = "on"
	s := &store{db: stdlib.OpenDB(*cfg), postgres: true}
	s.db.SetMaxOpenConns(8)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s on %s: %w", cfg.Database, cfg.Host, err), s.db.Close())
	}
	return s, nil
}

// errFenced says that another controller leads: what this one was about to
// write is not written.
var errFenced = errors.New("another controller leads")

// lead runs f in a transaction that holds only while this controller leads.
func (c *Controller) lead(ctx context.Context, f func(*sql.Tx) error) error {
	if !c.store.postgres {
		return c.store.tx(ctx, f)
	}
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM lease WHERE id = 1 AND holder = $1 AND term = $2`, c.holder, c.term.Load()).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return errFenced
		}
		return f(tx)
	})
}

const databaseNow = `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`

// acquire takes the lease if nobody holds it, and returns its term; 0 means
// that somebody does.
func (c *Controller) acquire(ctx context.Context) (term int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Lease)
	defer cancel()
	err = c.store.db.QueryRowContext(ctx, `UPDATE lease SET holder = $1, term = term + 1, until = `+databaseNow+` + $2 WHERE id = 1 AND until < `+databaseNow+` RETURNING term`,
		c.holder, c.cfg.Lease.Milliseconds()).Scan(&term)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return term, err
}

// keepLease holds the lease for another while. It gives errFenced where another
// controller has it.
func (c *Controller) keepLease(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Lease/2)
	defer cancel()
	done, err := c.store.db.ExecContext(ctx, `UPDATE lease SET until = `+databaseNow+` + $1 WHERE id = 1 AND holder = $2 AND term = $3`, c.cfg.Lease.Milliseconds(), c.holder, c.term.Load())
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errFenced)
	}
	return nil
}

// takeTurns leads whenever this controller has the lease, until ctx ends.
func (c *Controller) takeTurns(ctx context.Context) {
	for ctx.Err() == nil {
		term, err := c.acquire(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("lease", "err", err)
		}
		if term == 0 {
			pauseFor(ctx, c.cfg.Lease/5)
			continue
		}
		c.term.Store(term)
		c.log.Info("leads", "term", term)
		leading, stop := context.WithCancel(ctx)
		go func() {
			defer stop()
			c.hold(leading)
		}()
		c.work(leading)
		stop()
		c.log.Info("leads no more", "term", term)
	}
	c.giveUp()
}

// hold renews the lease until that fails for too long, or ctx ends.
func (c *Controller) hold(ctx context.Context) {
	for last := time.Now(); ; {
		pauseFor(ctx, c.cfg.Lease/5)
		begun := time.Now()
		switch err := c.keepLease(ctx); {
		case ctx.Err() != nil, errors.Is(err, errFenced):
			return
		case err == nil:
			last = begun
		case time.Since(last) > c.cfg.Lease:
			c.log.Warn("lease lost", "err", err)
			return
		}
	}
}

// giveUp lets another controller lead at once.
func (c *Controller) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = c.store.db.ExecContext(ctx, `UPDATE lease SET until = 0 WHERE id = 1 AND holder = $1`, c.holder) // else it runs out
}
