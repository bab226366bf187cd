package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestTuningEnters: the fleet moves the score at which a bundle's decisions are
// entered, within what the device's own configuration says, and of that bundle
// only.
func TestTuningEnters(t *testing.T) {
	dir := t.TempDir()
	own := strings.Replace(tuneText(dir, "true", "one", "two"), "one: {", "one: {tune: {enter_min: 0.4, enter_max: 0.9}, ", 1)
	r := startReloadable(t, own)
	ctx := t.Context()
	enter := func(pipeline, bundle string, score float64) error {
		return r.a.tune(ctx, &fleet.Tuning{Enter: map[string]fleet.EnterTuning{pipeline: {Bundle: bundle, Score: score}}})
	}
	thresholds := func(name string) (enter, leave float64) {
		t.Helper()
		run, err := r.a.runner(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range run.unit.Load().entering(run.cfg.Enter).spec.Postprocess {
			if s.Op == "decide" {
				return *s.Enter, *s.Leave
			}
		}
		t.Fatal("it decides nothing")
		return 0, 0
	}
	first, leave := thresholds("one")
	if err := enter("one", "machine@1.0.0", 0.45); err != nil {
		t.Fatal(err)
	}
	if e, l := thresholds("one"); e != 0.45 || l != e || l > leave {
		t.Errorf("entered at %g, left below %g", e, l)
	}
	if e, _ := thresholds("two"); e != first {
		t.Errorf("another pipeline of the bundle enters at %g", e)
	}
	r.deciding()
	for _, bad := range []struct {
		pipeline string
		score    float64
		want     string
	}{{"one", 0.95, "outside 0.4 to 0.9"}, {"one", 0.3, "outside"}, {"two", 0.6, "does not let"}, {"three", 0.6, "no pipeline"}} {
		if err := enter(bad.pipeline, "machine@1.0.0", bad.score); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if e, _ := thresholds("one"); e != 0.45 {
		t.Errorf("after refusals it enters at %g", e)
	}
	if err := enter("one", "machine@2.0.0", 0.6); err != nil {
		t.Fatal(err)
	}
	if e, _ := thresholds("one"); e != first {
		t.Errorf("the score of another bundle: %g", e)
	}
	if may := r.a.tunable(); may != nil {
		t.Errorf("an agent without a fleet says %+v", may)
	}
}

// TestTuningHealth: readings of health come as often as the fleet says, and
// only where the device takes any.
func TestTuningHealth(t *testing.T) {
	dir := t.TempDir()
	r := startReloadable(t, tuneText(dir, "true", "one"))
	if own := r.a.healthEvery(); own != 5*time.Minute {
		t.Fatalf("by itself every %v", own)
	}
	if err := r.a.tune(t.Context(), &fleet.Tuning{Health: 20_000}); err != nil || r.a.healthEvery() != 20*time.Second {
		t.Errorf("%v, every %v", err, r.a.healthEvery())
	}
	if err := r.a.tune(t.Context(), nil); err != nil || r.a.healthEvery() != 5*time.Minute {
		t.Errorf("back: %v, every %v", err, r.a.healthEvery())
	}
	off := startReloadable(t, strings.Replace(tuneText(t.TempDir(), "true", "one"), "telemetry: {", "telemetry: {health: 0s, ", 1))
	if err := off.a.tune(t.Context(), &fleet.Tuning{Health: 20_000}); err == nil || !strings.Contains(err.Error(), "telemetry.health") {
		t.Errorf("where it takes none: %v", err)
	}
}

// TestHealthIsRetuned: who waits for a reading begins to wait anew.
func TestHealthIsRetuned(t *testing.T) {
	asked := make(chan time.Duration, 4)
	a := &Agent{opts: Options{Clock: waits{asked}}, cfg: &config.Config{Telemetry: config.Telemetry{Health: time.Hour}}, retuned: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { ended <- a.untilHealth(ctx) }()
	if d := <-asked; d != time.Hour {
		t.Errorf("waits %v", d)
	}
	a.noteTuning(&fleet.Tuning{Health: 30_000})
	select {
	case d := <-asked:
		if d != 30*time.Second {
			t.Errorf("then waits %v", d)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on waiting as before")
	}
	if stop(); <-ended {
		t.Error("a reading was due at the end")
	}
}

// waits is a clock that tells what it is asked to wait, and never ends.
type waits struct{ asked chan<- time.Duration }

func (w waits) Now() time.Time { return time.Unix(0, 0) }
func (w waits) After(d time.Duration) <-chan time.Time {
	w.asked <- d
	return nil
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
