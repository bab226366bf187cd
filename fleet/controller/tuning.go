package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

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
		return problem(400, err.Error(), `write it like {"captures": {"machine": {"below": 0.5}}, "enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}, "health_ms": 60000}`)
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	sha := t.Digest()
	p.tuning, p.Slot, p.Bundle = t, fleet.TuningSlot, "tuning@"+sha[:12]
	p.target = release.Released{Path: tuningPrefix + sha[:12], Length: int64(len(text)), SHA256: sha}
	return nil
}

// cannotTune tells why a device could not take a tuning.
func (p *Plan) cannotTune(d *Device) string {
	if d.Reported == nil {
		return "it has never said whether the fleet may tune it"
	}
	if !slices.ContainsFunc(d.Reported.Slots, func(s slotReported) bool { return s.Slot == fleet.TuningSlot }) {
		return "its agent is of before, or its configuration does not let the fleet tune it (fleet.tune: true)"
	}
	for _, name := range slices.Sorted(maps.Keys(p.tuning.Captures)) {
		if d.pipeline(name, "state") == "" {
			return "it has no pipeline " + name
		}
	}
	if len(p.tuning.Enter) == 0 && p.tuning.Health == 0 {
		return ""
	}
	may := d.Reported.Tunable
	switch {
	case may == nil:
		return "its agent is of before and knows no tuning but of captures"
	case p.tuning.Health > 0 && !may.Health:
		return "it takes no readings of health (telemetry.health)"
	}
	for _, name := range slices.Sorted(maps.Keys(p.tuning.Enter)) {
		if why := cannotEnter(d, may, name, p.tuning.Enter[name]); why != "" {
			return why
		}
	}
	return ""
}

// cannotEnter tells why a pipeline of a device could not take another score.
func cannotEnter(d *Device, may *fleet.Tunable, name string, e fleet.EnterTuning) string {
	of, ok := may.Enter[name]
	runs := d.pipeline(name, "bundle") + "@" + d.pipeline(name, "version")
	switch {
	case !ok && d.pipeline(name, "state") == "":
		return "it has no pipeline " + name
	case !ok:
		return "its configuration does not let the fleet set the score of pipeline " + name + " (tune: {enter_min, enter_max})"
	case e.Score < of.Min || e.Score > of.Max:
		return fmt.Sprintf("its configuration lets the fleet set the score of pipeline %s from %g to %g", name, of.Min, of.Max)
	case runs != e.Bundle:
		return fmt.Sprintf("pipeline %s runs %s, and the score is for %s", name, runs, e.Bundle)
	}
	return ""
}

// keepTuning notes the text of a planned tuning.
func (p *Plan) keepTuning(ctx context.Context, tx *sql.Tx) error {
	if p.tuning == nil {
		return nil
	}
	text, err := json.Marshal(p.tuning)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tunings (sha256, text) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.target.SHA256, string(text))
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
