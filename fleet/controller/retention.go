package controller

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// expireAtOnce bounds the chunks that one transaction erases: ingest waits for it.
const expireAtOnce = 1000

// expire erases telemetry that is older than the configuration keeps it, once
// an hour until ctx ends.
func (c *Controller) expire(ctx context.Context) {
	for ctx.Err() == nil {
		if c.store.postgres {
			if err := c.readyDays(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errFenced) {
				c.log.Warn("partitions of coming days", "err", err)
			}
		}
		n, err := c.expireOnce(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errFenced) {
			c.log.Error("retention", "err", err)
		}
		if n > 0 {
			c.log.Info("retention", "chunks", n, "older", c.cfg.Keep)
		}
		pauseFor(ctx, time.Hour)
	}
}

// expireOnce erases what is too old now, and returns how many chunks that were.
func (c *Controller) expireOnce(ctx context.Context) (chunks int64, err error) {
	before := c.now().Add(-c.cfg.Keep)
	if c.store.postgres {
		before = before.Truncate(24 * time.Hour) // the day that it falls in goes as a whole, later
		if chunks, err = c.dropDays(ctx, before); err != nil {
			return chunks, err
		}
	}
	for {
		var n int64
		err := c.lead(ctx, func(tx *sql.Tx) (err error) {
			n, err = expireSome(ctx, tx, ms(before))
			return err
		})
		chunks += n
		if err != nil || n < expireAtOnce {
			return chunks, err
		}
	}
}

// expireSome erases the oldest chunks. Their numbers stay committed, and their
// records counted.
func expireSome(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	const old = `SELECT device, epoch, first FROM chunks WHERE received < $1 ORDER BY received, device, epoch, first LIMIT $2`
	if _, err := tx.ExecContext(ctx, `UPDATE ranges SET expired = expired + x.n FROM
		(SELECT device, epoch, sum(count) AS n FROM chunks WHERE (device, epoch, first) IN (`+old+`) GROUP BY device, epoch) AS x
		WHERE ranges.device = x.device AND ranges.epoch = x.epoch`, before, expireAtOnce); err != nil {
		return 0, err
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM chunks WHERE (device, epoch, first) IN (`+old+`)`, before, expireAtOnce)
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM results_hourly WHERE hour < $1`, before/3_600_000); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM histograms WHERE day < $1`, before/86_400_000); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM captures WHERE at < $1 AND have = 0`, before); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM commands WHERE updated < $1 AND state IN ('done', 'failed', 'interrupted', 'expired')`, before); err != nil {
		return 0, err
	}
	return done.RowsAffected()
}
