package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota"
)

// tune lets pipelines capture and enter decisions as the fleet says, or with nil
// as their own configuration and bundles say. Where anything is wrong what was before runs on.
func (a *Agent) tune(ctx context.Context, t *fleet.Tuning) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	before := a.tuning.Load()
	if before == t || before != nil && t != nil && before.Digest() == t.Digest() {
		return nil
	}
	if a.work == nil {
		return errNotYet
	}
	cfg, err := a.opts.Configuration()
	if err == nil {
		cfg, err = tuned(cfg, t)
	}
	if err == nil {
		err = a.enters(t)
	}
	if err == nil {
		_, err = a.rewire(ctx, cfg)
	}
	if err == nil {
		a.noteTuning(t)
	}
	return err
}

// noteTuning keeps what the fleet tunes, and that readings of health may be due.
func (a *Agent) noteTuning(t *fleet.Tuning) {
	a.tuning.Store(t)
	select {
	case a.retuned <- struct{}{}:
	default:
	}
}

// healthEvery is the time between readings of health; 0 takes none.
func (a *Agent) healthEvery() time.Duration {
	own := a.cfg.Telemetry.Health
	if t := a.tuning.Load(); own > 0 && t != nil && t.Health > 0 {
		return time.Duration(t.Health) * time.Millisecond
	}
	return own
}

// tunable is what the fleet may tune beside captures.
func (a *Agent) tunable() *fleet.Tunable {
	if a.updates == nil || a.updates.tune == nil {
		return nil
	}
	t := &fleet.Tunable{Health: a.cfg.Telemetry.Dir != "" && a.cfg.Telemetry.Health > 0, Enter: map[string]fleet.Scores{}}
	for _, r := range a.wired.Load().runners {
		if may := r.cfg.Tune; may != (config.Tune{}) {
			t.Enter[r.cfg.Name] = fleet.Scores{Min: may.EnterMin, Max: may.EnterMax}
		}
	}
	return t
}

// enters refuses a score for a bundle that enters no decisions.
func (a *Agent) enters(t *fleet.Tuning) error {
	if t == nil {
		return nil
	}
	for _, r := range a.wired.Load().runners {
		u := r.unit.Load()
		if e, ok := t.Enter[r.cfg.Name]; ok && u != nil && u.Name() == e.Bundle && !u.decides {
			return fmt.Errorf("pipeline %s: bundle %s has no score at which it enters decisions", r.cfg.Name, e.Bundle)
		}
	}
	return nil
}

// errNotYet says that the agent is about to start or to end.
var errNotYet = errors.New("the agent takes no other configuration now")

var errNotTuned = errors.New("its configuration does not let the fleet tune it (fleet.tune; for captures and health also telemetry.dir)")

// tuned is a configuration with what the fleet tunes in it, where that is within
// what the device's own says. How much captures may hold, and how often at most,
// stays the device's own business.
func tuned(cfg *config.Config, t *fleet.Tuning) (*config.Config, error) {
	if t == nil {
		return cfg, nil
	}
	if !cfg.Fleet.Tune || cfg.Telemetry.Dir == "" && (len(t.Captures) > 0 || t.Health > 0) {
		return nil, errNotTuned
	}
	if t.Health > 0 && cfg.Telemetry.Health == 0 {
		return nil, errors.New("it takes no readings of health (telemetry.health)")
	}
	out := *cfg
	out.Pipelines = slices.Clone(cfg.Pipelines)
	for name, c := range t.Captures {
		p, err := pipelineOf(out.Pipelines, name)
		if err != nil {
			return nil, err
		}
		p.Capture = config.Capture{
			Every: c.Every, Below: c.Below, Labels: c.Labels, Drift: c.Drift, Disagree: c.Disagree,
			MinInterval: max(p.Capture.MinInterval, time.Duration(c.MinInterval)*time.Millisecond), Subject: p.Capture.Subject,
		}
		p.Digest = sha256.Sum256(fmt.Appendf(p.Digest[:], "%+v", c)) // another one, so that it begins anew
	}
	for name, e := range t.Enter {
		p, err := pipelineOf(out.Pipelines, name)
		if err != nil {
			return nil, err
		}
		switch may := p.Tune; {
		case may == (config.Tune{}):
			return nil, fmt.Errorf("its configuration does not let the fleet set the score of pipeline %s (tune: {enter_min, enter_max})", name)
		case e.Score < may.EnterMin || e.Score > may.EnterMax:
			return nil, fmt.Errorf("pipeline %s: score %g is outside %g to %g (tune)", name, e.Score, may.EnterMin, may.EnterMax)
		}
		p.Enter = config.Enter(e)
		p.Digest = sha256.Sum256(fmt.Appendf(p.Digest[:], "%+v", e))
	}
	return &out, nil
}

func pipelineOf(all []config.Pipeline, name string) (*config.Pipeline, error) {
	i := slices.IndexFunc(all, func(p config.Pipeline) bool { return p.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("it has no pipeline %s", name)
	}
	return &all[i], nil
}

// tuneTo is the assignment's part that is no artifact. false means that trying
// again may help.
func (u *updater) tuneTo(ctx context.Context, t *fleet.Tuning) bool {
	if u.tune == nil {
		return true
	}
	u.mu.Lock()
	refused := u.slot(fleet.TuningSlot).refused
	u.mu.Unlock()
	if t != nil && refused == t.Digest() {
		return true
	}
	err := u.tune(ctx, t)
	if ctx.Err() != nil || errors.Is(err, errNotYet) {
		return false
	}
	u.mu.Lock()
	s := u.slot(fleet.TuningSlot)
	changed := s.refused != "" || s.note != ""
	s.refused, s.note = "", ""
	if err != nil && t != nil {
		s.refused, s.note, changed = t.Digest(), err.Error(), true
		u.log.Error("tuning refused, what was before runs on", "err", err)
	}
	u.mu.Unlock()
	if changed || err == nil {
		u.report()
	}
	return true
}

// tuningStatus is how far the tuning is; u.mu is held.
func (u *updater) tuningStatus() (fleet.SlotReported, bool) {
	if u.tune == nil {
		r := fleet.SlotReported{Slot: fleet.TuningSlot, State: string(ota.Idle), Reason: errNotTuned.Error()}
		if u.want.Tuning != nil { // somebody has taken the permission back
			r.Refused = u.want.Tuning.Digest()
		}
		return r, u.want.Tuning != nil
	}
	s := u.slot(fleet.TuningSlot)
	r := fleet.SlotReported{Slot: fleet.TuningSlot, State: string(ota.Idle), Refused: s.refused, Reason: clip(s.note)}
	if t := u.tuning(); t != nil {
		r.State, r.Active = string(ota.Good), t.Digest()
		r.Loaded = r.Active
	}
	return r, true
}
