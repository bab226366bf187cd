package controller

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// driftPoll is how often the cohorts are judged: a day's histograms change slowly.
const driftPoll = 10 * time.Minute

// watchDrift notes in the audit log whenever a cohort's drift gets another
// level, until ctx ends.
func (c *Controller) watchDrift(ctx context.Context) {
	for ; ctx.Err() == nil; pauseFor(ctx, driftPoll) {
		if err := c.noteDrift(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errFenced) {
			c.log.Error("drift", "err", err)
		}
	}
}

func (c *Controller) noteDrift(ctx context.Context) error {
	cohorts, err := c.Drift(ctx, "", 1)
	if err != nil {
		return err
	}
	return c.lead(ctx, func(tx *sql.Tx) error {
		for _, x := range cohorts {
			for _, f := range x.Features {
				if f.Level == "unknown" { // too little was seen to change a judgement
					continue
				}
				if err := c.noteLevel(ctx, tx, x, f); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// noteLevel keeps the level of one histogram of a cohort. That the first one is
// quiet is no news.
func (c *Controller) noteLevel(ctx context.Context, tx *sql.Tx, x Cohort, f FeatureDrift) error {
	before := "quiet"
	err := tx.QueryRowContext(ctx, `SELECT level FROM drift_levels WHERE model = $1 AND board = $2 AND pipeline = $3 AND feature = $4`, x.Model, x.Board, x.Pipeline, f.Name).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if before == f.Level {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO drift_levels (model, board, pipeline, feature, level) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (model, board, pipeline, feature) DO UPDATE SET level = excluded.level`, x.Model, x.Board, x.Pipeline, f.Name, f.Level); err != nil {
		return err
	}
	return audit(ctx, tx, c.now(), "controller", "drift."+f.Level, x.Pipeline, fmt.Sprintf("%s of %s on %q, %d devices: PSI %.2f, before %s", f.Name, cmp.Or(x.Bundle, x.Model), x.Board, x.Devices, f.PSI, before))
}
