package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// trial judges a candidate on this device: its files, its model, its golden
// samples, this board's memory and speed, the pipeline's source, and then live
// input in the shadow of what the pipeline runs.
func (u *updater) trial(ctx context.Context, c ota.Candidate) (ota.Verdict, error) {
	if c.Slot == ota.ProgramSlot {
		return u.trialProgram(ctx, c)
	}
	r := u.runner(c.Slot)
	if r == nil {
		return ota.Verdict{}, fmt.Errorf("no pipeline %s", c.Slot)
	}
	unit, err := Load(ctx, c.Path, u.engine)
	if ctx.Err() != nil {
		return ota.Verdict{}, ctx.Err()
	}
	if err == nil {
		err = unit.newerAgent(u.version)
	}
	if err == nil {
		err = suits(r, unit, c)
	}
	if err != nil {
		return ota.Verdict{Reason: reasonOf(err)}, nil
	}
	limits := unit.probation()
	if r.unit.Load() == nil || limits.Windows == 0 {
		return ota.Verdict{Good: true, Model: unit.model}, nil
	}
	return u.probation(ctx, r, unit, limits)
}

func (u *updater) probation(ctx context.Context, r *runner, unit *Unit, limits bundle.Probation) (ota.Verdict, error) {
	var found Probation
	err := contain(ctx, func(ctx context.Context) (err error) {
		found, err = r.probe(ctx, unit, limits, func(text string) { u.say(r.cfg.Name, text) })
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ota.Verdict{}, ctx.Err()
	case errors.Is(err, errNoInput):
		return ota.Verdict{}, err
	case err != nil:
		return ota.Verdict{Reason: "on live input: " + err.Error()}, nil
	}
	u.log.Info("probation", "pipeline", r.cfg.Name, "bundle", unit.Name(), "found", found.String())
	reason := found.judge(limits)
	return ota.Verdict{Good: reason == "", Reason: reason, Model: unit.model}, nil
}

// suits tells why a bundle is not the one that was signed, or not for this
// pipeline.
func suits(r *runner, unit *Unit, c ota.Candidate) error {
	if unit.Digest != c.SHA256 {
		return errors.New("its digest is that of other contents: publish the bundle uncompressed")
	}
	if m := unit.Manifest; m.Name != c.Name || m.Version != c.Version {
		return fmt.Errorf("it is %s, it was signed as %s@%s", unit.Name(), c.Name, c.Version)
	}
	if err := fits(r.feed.input(), unit); err != nil {
		return fmt.Errorf("source %s does not suit it: %w", r.cfg.Source, err)
	}
	return nil
}

// reasonOf words why a bundle is not good, without the path on this device.
func reasonOf(err error) string {
	var l *LoadError
	if errors.As(err, &l) {
		err = l.Err
	}
	return err.Error()
}

// probation is what the bundle asks for, or the default.
func (u *Unit) probation() bundle.Probation {
	if p := u.Manifest.Probation; p != nil {
		return *p
	}
	return bundle.Probation{Windows: probationWindows, MinAgreement: probationAgreement}
}
