package agent

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
)

func tuneText(dir, tune string, pipelines ...string) string {
	file, _ := filepath.Abs(demo(machineBundle)) // only fails without a working directory
	text := fmt.Sprintf("device: {name: press-7}\nsources: {vibration: %s}\ntelemetry: {dir: %s}\nfleet: {dir: %s, tune: %s}\npipelines:\n", machineSource, dir, dir, tune)
	for _, p := range pipelines {
		text += "  " + p + ": {source: vibration, bundle: " + file + ", capture: {disagree: true, min_interval: 10s, subject: hall}}\n"
	}
	return text
}

// captures is what a pipeline keeps now.
func (r *reloadable) captures(name string) config.Capture {
	r.t.Helper()
	run, err := r.a.runner(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return run.cfg.Capture
}

// TestTuning: the fleet chooses what is captured, within what the device's own
// configuration says; where anything is wrong, what was before runs on.
func TestTuning(t *testing.T) {
	dir := t.TempDir()
	r := startReloadable(t, tuneText(dir, "true", "one", "two"))
	ctx := t.Context()
	own := r.captures("two")
	want := &fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"one": {Below: 0.5, Every: 100, MinInterval: 1000}}}
	if err := r.a.tune(ctx, want); err != nil {
		t.Fatal(err)
	}
	if c := r.captures("one"); c.Below != 0.5 || c.Every != 100 || c.Disagree || c.MinInterval != own.MinInterval || c.Subject != "hall" {
		t.Errorf("tuned to %+v", c)
	}
	if c := r.captures("two"); fmt.Sprint(c) != fmt.Sprint(own) {
		t.Errorf("another pipeline was tuned: %+v", c)
	}
	r.deciding()
	bad := &fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"three": {Every: 1}}}
	if err := r.a.tune(ctx, bad); err == nil || !strings.Contains(err.Error(), "no pipeline three") {
		t.Errorf("a pipeline that there is not: %v", err)
	}
	if c := r.captures("one"); c.Below != 0.5 || r.a.tuning.Load().Digest() != want.Digest() {
		t.Errorf("after a refusal: %+v", c)
	}
	if _, err := r.a.Reload(ctx); err != nil || r.captures("one").Below != 0.5 {
		t.Errorf("a reload takes the tuning away: %v", err)
	}
	r.text = tuneText(dir, "true", "two") // the device's own configuration comes first
	if _, err := r.a.Reload(ctx); err != nil || r.a.tuning.Load() != nil {
		t.Errorf("the tuned pipeline is removed: %v", err)
	}
	r.text = tuneText(dir, "true", "one", "two")
	if _, err := r.a.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.a.tune(ctx, want); err != nil {
		t.Fatal(err)
	}
	if err := r.a.tune(ctx, nil); err != nil || r.captures("one").Below != 0 || !r.captures("one").Disagree {
		t.Errorf("back: %v, %+v", err, r.captures("one"))
	}
	r.deciding()
}

func TestTuningIsOff(t *testing.T) {
	r := startReloadable(t, tuneText(t.TempDir(), "false", "one"))
	err := r.a.tune(t.Context(), &fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"one": {Every: 1}}})
	if err == nil || !strings.Contains(err.Error(), "fleet.tune") || r.captures("one").Every != 0 {
		t.Errorf("%v, %+v", err, r.captures("one"))
	}
}

// TestTuningReports: what the fleet hears, from the assignment to the report.
func TestTuningReports(t *testing.T) {
	r := startReloadable(t, tuneText(t.TempDir(), "true", "one"))
	u := &updater{log: r.a.opts.Log, report: func() {}, tune: r.a.tune, tuning: r.a.tuning.Load, slots: map[string]*slotState{}}
	status := func(x *fleet.Tuning) fleet.SlotReported {
		t.Helper()
		u.want.Tuning = x
		waitFor(t, func() bool { return u.tuneTo(t.Context(), x) })
		s, ok := u.tuningStatus()
		if !ok {
			t.Fatal("it says nothing")
		}
		return s
	}
	good := &fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"one": {Every: 5}}}
	bad := &fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"two": {Every: 5}}}
	if s := status(nil); s.Active != "" || s.Refused != "" {
		t.Errorf("%+v", s)
	}
	if s := status(good); s.Active != good.Digest() || s.Loaded != s.Active || s.Refused != "" {
		t.Errorf("%+v", s)
	}
	if s := status(bad); s.Refused != bad.Digest() || s.Active != good.Digest() || !strings.Contains(s.Reason, "no pipeline two") {
		t.Errorf("%+v", s)
	}
	if s := status(nil); s.Active != "" || s.Refused != "" {
		t.Errorf("back: %+v", s)
	}
	u.tune = nil
	u.want.Tuning = good
	if s, ok := u.tuningStatus(); !ok || s.Refused != good.Digest() || !strings.Contains(s.Reason, "fleet.tune") {
		t.Errorf("not allowed any more: %+v", s)
	}
}
