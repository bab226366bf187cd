package agent

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// handClock is a telemetry.Clock that tests move.
type handClock struct{ mono atomic.Int64 }

func (c *handClock) Mono() time.Duration     { return time.Duration(c.mono.Load()) }
func (c *handClock) Wall() (time.Time, bool) { return time.Unix(1e9, 0).Add(c.Mono()), true }

func capturing(t *testing.T, dir string, frames int, c config.Capture) *config.Config {
	t.Helper()
	one := pipelineOn("one", "shaft", makeBundle(t, machineBundle, nil))
	one.Capture = c
	return &config.Config{
		Telemetry: keepIn(dir),
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(frames))},
		Pipelines: []config.Pipeline{one},
	}
}

func TestCaptureWants(t *testing.T) {
	res := func(label string, score float32) *pipeline.Result {
		return &pipeline.Result{Label: label, Score: score}
	}
	loud := &driftWatch{status: DriftStatus{Level: "warn"}}
	for name, tt := range map[string]struct {
		cfg  config.Capture
		d    *driftWatch
		res  *pipeline.Result
		want capture.Reason
	}{
		"nothing":      {config.Capture{Drift: true, Below: 0.5, Labels: []string{"person"}}, nil, res("cat", 0.5), 0},
		"score":        {config.Capture{Below: 0.5}, nil, res("cat", 0.49), capture.Score},
		"label":        {config.Capture{Below: 0.5, Labels: []string{"dog", "cat"}}, nil, res("cat", 0.1), capture.Label},
		"drift":        {config.Capture{Drift: true, Labels: []string{"cat"}}, loud, res("cat", 0.1), capture.Drift},
		"not drifting": {config.Capture{Drift: true}, &driftWatch{status: DriftStatus{Level: "quiet"}}, res("cat", 0.1), 0},
	} {
		if got := (&tap{cfg: tt.cfg}).wants(tt.res, tt.d); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	every := &tap{cfg: config.Capture{Every: 3}}
	for i := range 9 {
		if got := every.wants(res("cat", 1), nil) == capture.Every; got != (i%3 == 2) {
			t.Errorf("decision %d: %v", i, got)
		}
	}
}

// TestCaptureNeverWaits: with a disk that takes nothing, the pipeline decides on
// without allocating, and what is not kept is counted.
func TestCaptureNeverWaits(t *testing.T) {
	a := newAgent(t, capturing(t, t.TempDir(), 1, config.Capture{Every: 1, MinInterval: time.Second}), Options{})
	defer a.Close()
	clock := &handClock{}
	clock.mono.Store(int64(time.Hour))
	a.records.clock = clock
	r := a.wired.Load().runners[0]
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &chunk{Block: hal.Block{Frames: machineHop}, samples: make([]float32, machineHop*machineChannels)}
	for i := range c.samples {
		c.samples[i] = float32(i%31)/31 - 0.5
	}
	step := func() {
		clock.mono.Add(int64(500 * time.Millisecond))
		if err := r.now.chunk(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * machineWarmup {
		step()
	}
	if n := testing.AllocsPerRun(40, step); n != 0 {
		t.Errorf("%v allocations a window", n)
	}
	s := a.kept.status()
	if len(a.kept.queue) != spareSlots || s.Busy < 15 || s.Limited < 1 {
		t.Errorf("%d waiting, %+v", len(a.kept.queue), s)
	}
	// The disk comes back: what waited is kept, and goes on being kept.
	end := a.kept.start(t.Context())
	deadline := time.Now().Add(10 * time.Second)
	for a.kept.status().Kept < spareSlots+1 && time.Now().Before(deadline) {
		step()
	}
	if !end() || a.kept.status().Kept < spareSlots+1 {
		t.Errorf("%+v", a.kept.status())
	}
}

// TestCaptureRecords: each capture has a record with its digest, and computes
// to the same bytes; a folder that cannot be written loses captures only.
func TestCaptureRecords(t *testing.T) {
	dir := t.TempDir()
	cfg := capturing(t, dir, keptSeconds*machineRate, config.Capture{Every: 10, Subject: "pump"})
	a := newAgent(t, cfg, Options{UntilEOF: true})
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := a.Status().Captures; s.Kept == 0 || s.Failed != 0 || s.Files != int(s.Kept) || s.Bytes == 0 {
		t.Fatalf("%+v", s)
	}
	store, err := CaptureStore(cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[[32]byte]uint32{}
	for _, c := range reopen(t, dir) {
		for _, x := range c.Captures {
			sizes[x.Digest] = x.Size
		}
	}
	for _, e := range all {
		data, err := store.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		c, err := capture.Decode(data)
		if err != nil || c.Subject != "pump" || c.Pipeline != "one" {
			t.Fatalf("%+v, %v", c, err)
		}
		if _, err := a.wired.Load().runners[0].unit.Load().Replay(t.Context(), c); err != nil {
			t.Error(err)
		}
		if digest := sha256.Sum256(data); sizes[digest] != uint32(len(data)) {
			t.Errorf("%d records; none of %s with %d bytes", len(sizes), e.ID, len(data))
		}
	}
	if len(sizes) != len(all) {
		t.Errorf("%d records of %d captures", len(sizes), len(all))
	}

	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, CaptureFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a = newAgent(t, capturing(t, blocked, keptSeconds*machineRate, config.Capture{Every: 10}), Options{UntilEOF: true})
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := a.Status()
	if s.Captures.Kept != 0 || s.Captures.Failed == 0 || s.Captures.Error == "" || s.Pipelines[0].Windows == 0 || s.Telemetry.Error != "" {
		t.Errorf("%+v, %+v", s.Captures, s.Telemetry)
	}
}

// TestCaptureWithoutKey: where captures cannot be encrypted as they should be,
// there are none, and the pipelines run.
func TestCaptureWithoutKey(t *testing.T) {
	dir := t.TempDir()
	cfg := capturing(t, dir, keptSeconds*machineRate, config.Capture{Every: 10})
	cfg.Telemetry.Captures.Key = filepath.Join(dir, "no folder", "key")
	a := newAgent(t, cfg, Options{UntilEOF: true})
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := a.Status(); s.Captures.Error == "" || s.Captures.Kept != 0 || s.Pipelines[0].Windows == 0 {
		t.Errorf("%+v", s.Captures)
	}
	if _, err := os.Stat(filepath.Join(dir, CaptureFolder)); !os.IsNotExist(err) {
		t.Errorf("a folder of captures: %v", err)
	}
}
