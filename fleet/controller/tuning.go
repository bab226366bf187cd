package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// A tuning goes the way of a bundle: in waves, through the same gate, and back
// when it is aborted. Its slot has a name that no pipeline has, and its target
// is its own digest: there is no file.
const tuningPrefix = "tuning/"

// tune prepares a plan for a tuning instead of a release.
func (p *Plan) tune(o AssignmentOptions) error {
	if o.Target != "" || o.Slot != "" {
		return problem(400, "a tuning has no target and no pipeline of its own", `give either "target" or "tuning"`)
	}
	t, err := fleet.ParseTuning(o.Tuning)
	if err != nil {
		return problem(400, err.Error(), `write it like {"captures": {"machine": {"below": 0.5, "min_interval_ms": 60000}}}`)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	sha := t.Digest()
	p.tuning, p.Slot, p.Bundle = string(text), fleet.TuningSlot, "tuning@"+sha[:12]
	p.target = release.Released{Path: tuningPrefix + sha[:12], Length: int64(len(text)), SHA256: sha}
	for name := range t.Captures {
		p.tunes = append(p.tunes, name)
	}
	return nil
}

// cannotTune tells why a device could not take a tuning.
func (p *Plan) cannotTune(d *Device) string {
	if d.Reported == nil {
		return "it has never said whether the fleet may tune it"
	}
	for _, s := range d.Reported.Slots {
		if s.Slot != fleet.TuningSlot {
			continue
		}
		for _, name := range p.tunes {
			if d.pipeline(name, "state") == "" {
				return "it has no pipeline " + name
			}
		}
		return ""
	}
	return "its agent is of before, or its configuration does not let the fleet choose what is captured (fleet.tune: true)"
}

// keepTuning notes the text of a planned tuning.
func (p *Plan) keepTuning(ctx context.Context, tx *sql.Tx) error {
	if p.tuning == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tunings (sha256, text) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.target.SHA256, p.tuning)
	return err
}

// tuningOf reads one.
func (c *Controller) tuningOf(ctx context.Context, sha string) (*fleet.Tuning, error) {
	var text string
	if err := c.store.db.QueryRowContext(ctx, `SELECT text FROM tunings WHERE sha256 = $1`, sha).Scan(&text); err != nil {
		return nil, fmt.Errorf("tuning %.12s: %w", sha, err)
	}
	return fleet.ParseTuning([]byte(text))
}

// oldTuning is what devices go back to; none where they were not tuned before.
func (r *rollout) oldTuning(sha string) (release.Released, bool, error) {
	var length int64
	err := r.tx.QueryRowContext(r.ctx, `SELECT length(text) FROM tunings WHERE sha256 = $1`, sha).Scan(&length)
	if errors.Is(err, sql.ErrNoRows) {
		return release.Released{}, false, nil
	}
	return release.Released{Path: tuningPrefix + sha[:min(12, len(sha))], Length: length, SHA256: sha}, err == nil, err
}
