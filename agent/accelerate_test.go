package agent

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// onServer is an agent with one pipeline whose model may run on a server.
func onServer(t *testing.T, oip config.OIP) (*Agent, error) {
	t.Helper()
	cfg := &config.Config{
		Device:    config.Device{Name: "d"},
		Sources:   []config.Source{sensorSource("s", newFakeSensor(10*machineWindow))},
		Pipelines: []config.Pipeline{{Name: "machine", Source: "s", Bundle: demo(machineBundle), OIP: oip}},
	}
	return New(context.Background(), cfg, Options{})
}

// TestServerIsAway: the pipeline works on the CPU, and says so to people and to
// the fleet.
func TestServerIsAway(t *testing.T) {
	a, err := onServer(t, config.OIP{Server: "unix:" + filepath.Join(t.TempDir(), "nobody"), Model: "m", Tolerance: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s := a.Status().Pipelines[0]
	if s.Server == nil || s.Server.OnServer || s.Server.Tolerance != 0.1 || s.Golden == 0 {
		t.Errorf("%+v", s.Server)
	}
	r, err := a.runner("machine")
	if err != nil {
		t.Fatal(err)
	}
	r.server.now.Load().Watch(context.Background())
	problems := a.describe().Problems
	if len(problems) != 1 || !strings.Contains(problems[0], "machine runs on the CPU instead of its server: ") || !strings.Contains(problems[0], "no such file") {
		t.Errorf("%q", problems)
	}
}

func TestServerElsewhere(t *testing.T) {
	if _, err := onServer(t, config.OIP{Server: "http://192.168.1.7:8000", Model: "m"}); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("%v", err)
	}
}

// TestPeriod: half of it is the server's.
func TestPeriod(t *testing.T) {
	for name, want := range map[string]time.Duration{machineBundle: machineHop * time.Second / machineRate, digitsBundle: imagePeriod} {
		u, err := Load(context.Background(), demo(name), (&Agent{cfg: &config.Config{}}).engineOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := u.period(); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if samples, err := u.samples(); err != nil || len(samples) == 0 || len(samples) > maxServerSamples || len(samples[0]) != 1 {
			t.Errorf("%s: %d samples, %v", name, len(samples), err)
		}
	}
}
