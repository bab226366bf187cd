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

// tune lets pipelines capture what the fleet says, or with nil what their own
// configuration says. Where anything is wrong what was before runs on.
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
		_, err = a.rewire(ctx, cfg)
	}
	if err == nil {
		a.tuning.Store(t)
	}
	return err
}

// errNotYet says that the agent is about to start or to end.
var errNotYet = errors.New("the agent takes no other configuration now")

var errNotTuned = errors.New("its configuration does not let the fleet choose what is captured (fleet.tune, telemetry.dir)")

// tuned is a configuration with the fleet's captures in it. How much they may
// hold, and how often at most, stays the device's own business.
func tuned(cfg *config.Config, t *fleet.Tuning) (*config.Config, error) {
	if t == nil {
		return cfg, nil
	}
	if !cfg.Fleet.Tune || cfg.Telemetry.Dir == "" {
		return nil, errNotTuned
	}
	out := *cfg
	out.Pipelines = slices.Clone(cfg.Pipelines)
	for name, c := range t.Captures {
		i := slices.IndexFunc(out.Pipelines, func(p config.Pipeline) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("it has no pipeline %s", name)
		}
		p := &out.Pipelines[i]
		p.Capture = config.Capture{
			Every: c.Every, Below: c.Below, Labels: c.Labels, Drift: c.Drift, Disagree: c.Disagree,
			MinInterval: max(p.Capture.MinInterval, time.Duration(c.MinInterval)*time.Millisecond), Subject: p.Capture.Subject,
		}
		p.Digest = sha256.Sum256(fmt.Appendf(p.Digest[:], "%+v", c)) // another one, so that it begins anew
	}
	return &out, nil
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
