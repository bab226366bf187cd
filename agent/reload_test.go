package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/sim"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// oneUser is a device that one at a time may open. Opening it for the value
// "broken" fails.
type oneUser struct{ busy atomic.Bool }

func (d *oneUser) driver() config.Driver {
	return config.Driver{Name: "one", Parse: func(f *config.Fields) any {
		value := f.String("value", "")
		return opener(func() (*input, error) {
			if value == "broken" {
				return nil, errors.New("it is broken")
			}
			if !d.busy.CompareAndSwap(false, true) {
				return nil, errors.New("somebody else has it open")
			}
			m, err := sim.NewMachine(sim.Config{Seed: 1, RateHz: machineRate, Gain: 1, Fault: "normal", Severity: 1, Realtime: true})
			if err != nil {
				return nil, err
			}
			return &input{live: true, sensor: &ownedSensor{Sensor: m, of: d}}, nil
		})
	}}
}

type ownedSensor struct {
	hal.Sensor
	of   *oneUser
	once sync.Once
}

func (s *ownedSensor) Halt() error {
	s.once.Do(func() { s.of.busy.Store(false) })
	return s.Sensor.Halt()
}

// reloadable is an agent at work on a configuration that a test writes.
type reloadable struct {
	t    *testing.T
	a    *Agent
	text string
	dir  string
}

const machineSource = "{driver: sim.machine, rate: 3200}"

func startReloadable(t *testing.T, text string) *reloadable {
	t.Helper()
	r := &reloadable{t: t, text: text, dir: t.TempDir()}
	device := &oneUser{}
	read := func() (*config.Config, error) {
		return config.Parse(filepath.Join(r.dir, "agent.yaml"), []byte(r.text), append(Drivers(), device.driver()))
	}
	cfg, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if r.a, err = New(t.Context(), cfg, Options{Stdout: io.Discard, Configuration: read}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, ErrRestart) {
			t.Errorf("run: %v", err)
		}
		if device.busy.Load() {
			t.Error("the device is still open")
		}
	})
	r.deciding()
	return r
}

// deciding waits until every pipeline has decided anew.
func (r *reloadable) deciding() {
	r.t.Helper()
	before := r.a.Status()
	windows := func(s Status, name string) uint64 {
		for _, p := range s.Pipelines {
			if p.Name == name {
				return p.Windows
			}
		}
		return 0
	}
	waitFor(r.t, func() bool {
		now := r.a.Status()
		for _, p := range now.Pipelines {
			if p.Windows == 0 || p.Windows == windows(before, p.Name) {
				return false
			}
		}
		return true
	})
}

func (r *reloadable) reload(text string) (*Reloaded, error) {
	r.text = text
	return r.a.Reload(r.t.Context())
}

func twoPipelines(t *testing.T) string {
	path, err := filepath.Abs(demo(machineBundle))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`sources:
  pump: %s
  fan: {driver: one, value: "1"}
pipelines:
  pump: {source: pump, bundle: %q}
  fan: {source: fan, bundle: %q, actions: [{json: "-"}]}
`, machineSource, path, path)
}

func TestReloadChangesOnlyWhatChanged(t *testing.T) {
	text := twoPipelines(t)
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"nothing":        {"# a comment\n" + strings.ReplaceAll(text, "{source", "{  source"), "sources {[] [] [] 2} pipelines {[] [] [] 2}"},
		"an action":      {strings.Replace(text, `{json: "-"}`, `{json: "-", on: result}`, 1), "sources {[] [] [] 2} pipelines {[] [fan] [] 1}"},
		"a source":       {strings.Replace(text, `value: "1"`, `value: "2"`, 1), "sources {[] [fan] [] 1} pipelines {[] [fan] [] 1}"},
		"one less":       {text[:strings.Index(text, "  fan: {source")], "sources {[] [] [fan] 1} pipelines {[] [] [fan] 1}"},
		"one more":       {text + strings.Replace(text[strings.Index(text, "  pump: {source"):strings.Index(text, "  fan: {source")], "pump", "third", 1), "sources {[] [] [] 2} pipelines {[third] [] [] 2}"},
		"another name":   {strings.Replace(text, "  fan: {source", "  air: {source", 1), "sources {[] [] [] 2} pipelines {[air] [] [fan] 1}"},
		"labels of all":  {"device: {labels: {site: north}}\n" + text, "sources {[] [] [] 2} pipelines {[] [] [] 2}"},
		"another device": {strings.Replace(text, "driver: one, value: \"1\"", "driver: sim.machine", 1), "sources {[] [fan] [] 1} pipelines {[] [fan] [] 1}"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReloadable(t, text)
			pump := r.a.wired.Load().runners[0]
			done, err := r.reload(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("sources %v pipelines %v", done.Sources, done.Pipelines)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			r.deciding()
			if r.a.wired.Load().runners[0] != pump {
				t.Error("the pump's pipeline began anew")
			}
			if name == "labels of all" && r.a.Status().Labels["site"] != "north" {
				t.Error("labels are those of before")
			}
		})
	}
}

func TestReloadRefusesAndRunsOn(t *testing.T) {
	text := twoPipelines(t)
	bundle := demo(machineBundle)
	for name, c := range map[string]struct{ text, want string }{
		"not YAML":         {"pipelines: [", "not YAML"},
		"unknown key":      {text + "pipeline: {}\n", "unknown key"},
		"bundle not there": {strings.ReplaceAll(text, "{source: fan, bundle: \"", "{source: fan, bundle: \"/absent"), "no such file"},
		"other images":     {strings.Replace(text, filepath.Base(bundle), digitsBundle, 1), "does not suit"},
		"broken device":    {strings.Replace(text, `value: "1"`, `value: broken`, 1), "it is broken"},
		"bad action":       {strings.Replace(text, `{json: "-"}`, `{json: /absent/file}`, 1), "no such file"},
		"limits":           {"limits: {drain: 3s}\n" + text, "limits: a change here takes a restart"},
		"name":             {"device: {name: other}\n" + text, "device.name: a change here takes a restart"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReloadable(t, text)
			if _, err := r.reload(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if s := r.a.Status().Loaded; s.Failed.IsZero() || !strings.Contains(s.Reason, c.want) {
				t.Errorf("status %+v", s)
			}
			if n := len(r.a.Status().Pipelines); n != 2 {
				t.Fatalf("%d pipelines", n)
			}
			r.deciding()
			if _, err := r.reload(text); err != nil {
				t.Fatal(err)
			}
			if s := r.a.Status().Loaded; !s.Failed.IsZero() || s.Reason != "" {
				t.Errorf("status after a good one: %+v", s)
			}
		})
	}
}

func TestReloadTakesAChangedBundle(t *testing.T) {
	path := makeBundle(t, machineBundle, nil)
	r := startReloadable(t, fmt.Sprintf("sources: {pump: %s}\npipelines: {pump: {source: pump, bundle: %q}}\n", machineSource, path))
	before := r.a.Status().Pipelines[0]
	other := makeBundle(t, machineBundle, func(m *bundle.Manifest, _ fstest.MapFS) { m.Version = "2.0.0" })
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	done, err := r.reload(r.text)
	if err != nil || len(done.Pipelines.Restarted) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	r.deciding()
	if now := r.a.Status().Pipelines[0]; now.Digest == before.Digest || !strings.HasSuffix(now.Bundle, "@2.0.0") {
		t.Errorf("%s runs", now.Bundle)
	}
}

func TestReloadAgainAndAgain(t *testing.T) {
	text := twoPipelines(t)
	r := startReloadable(t, text)
	other := strings.Replace(strings.Replace(text, `value: "1"`, `value: "2"`, 1), `{json: "-"}`, `{json: "-", on: result}`, 1)
	var goroutines int
	for i := range 100 {
		next := text
		if i%2 == 0 {
			next = other
		}
		if _, err := r.reload(next); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			goroutines = runtime.NumGoroutine()
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines after 100 reloads, %d after 10", n, goroutines)
	}
	r.deciding()
}

func TestReloadOnlyWhileAtWork(t *testing.T) {
	cfg, err := config.Parse("agent.yaml", []byte(twoPipelines(t)), append(Drivers(), (&oneUser{}).driver()))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, Options{Configuration: func() (*config.Config, error) { return cfg, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var busy *RequestError
	if _, err := a.Reload(t.Context()); !errors.As(err, &busy) || busy.Reason != Busy {
		t.Errorf("got %v", err)
	}
}
