package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

func pipelineOn(name, source, bundle string, actions ...config.Action) config.Pipeline {
	return config.Pipeline{Name: name, Source: source, Bundle: bundle, Actions: actions}
}

var everyResult = config.Action{Kind: config.JSON, File: "-", On: "result", Queue: 8}

func newAgent(t *testing.T, cfg *config.Config, o Options) *Agent {
	t.Helper()
	cfg.Device.Name = "bench"
	if cfg.Limits.Drain == 0 {
		cfg.Limits.Drain = time.Minute
	}
	a, err := New(context.Background(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func records(t *testing.T, r io.Reader) map[string][]action.Record {
	t.Helper()
	all := map[string][]action.Record{}
	for dec := json.NewDecoder(r); dec.More(); {
		var rec action.Record
		if err := dec.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		all[rec.Pipeline] = append(all[rec.Pipeline], rec)
	}
	return all
}

// TestNoWindowLost runs two pipelines on one recording that does not wait for
// anyone: each must see every window, in order, with the same results.
func TestNoWindowLost(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	const seconds = 30
	var out bytes.Buffer
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(seconds*machineRate))},
		Pipelines: []config.Pipeline{pipelineOn("one", "shaft", b, everyResult), pipelineOn("two", "shaft", b, everyResult)},
	}, Options{Stdout: &out, UntilEOF: true})
	if err := a.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	all := records(t, &out)
	want := (seconds*machineRate-machineWindow)/machineHop + 1
	for name, recs := range all {
		if len(recs) != want-machineWarmup {
			t.Errorf("%s: %d records, want %d", name, len(recs), want-machineWarmup)
		}
		for i, r := range recs {
			if r.Bundle != "test@1.0.0" || !r.Simulated || r.Device != "bench" || len(r.Model) != 64 {
				t.Fatalf("record %+v", r)
			}
			if d := r.End.Sub(r.Start); d != machineWindow*time.Second/machineRate {
				t.Fatalf("%s: window %d lasts %v", name, i, d)
			}
			if o := all["one"][i]; o.Score != r.Score || o.Label != r.Label {
				t.Fatalf("window %d differs: %+v and %+v", i, o, r)
			}
		}
	}
	if len(all) != 2 {
		t.Errorf("%d pipelines reported, want 2", len(all))
	}
	for _, p := range a.Status().Pipelines {
		if p.State != Ended || p.Lost != 0 || p.Windows != uint64(want) {
			t.Errorf("status %+v", p)
		}
	}
}

// TestPipelineRestartsAlone makes one of two pipelines panic at its first
// chunk: it must come back, and the other must not notice.
func TestPipelineRestartsAlone(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	const seconds = 20
	var out bytes.Buffer
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(seconds*machineRate))},
		Pipelines: []config.Pipeline{pipelineOn("sick", "shaft", b, everyResult), pipelineOn("well", "shaft", b, everyResult)},
	}, Options{Stdout: &out, UntilEOF: true, Clock: &fakeClock{now: time.Unix(0, 0)}})
	chunks := 0
	a.wired.Load().runners[0].hurt = func() {
		if chunks++; chunks == 10 {
			panic("out of luck")
		}
	}
	if err := a.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "pipeline sick failed 1 times") {
		t.Errorf("Run: %v, want the sick pipeline named", err)
	}
	sick, well := a.Status().Pipelines[0], a.Status().Pipelines[1]
	if sick.Restarts != 1 || sick.Reason != "panic: out of luck" || sick.Windows == 0 {
		t.Errorf("sick pipeline: %+v", sick)
	}
	if well.Restarts != 0 || well.Windows != (seconds*machineRate-machineWindow)/machineHop+1 || well.Lost != 0 {
		t.Errorf("the other one noticed: %+v\nsource %+v", well, a.Status().Sources[0].Health)
	}
}

// TestDrain stops an endless source: every record so far must be carried out
// before Run returns.
func TestDrain(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	path := t.TempDir() + "/out.jsonl"
	act := everyResult
	act.File = path
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(0))},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b, act)},
	}, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	waitFor(t, func() bool { return a.Status().Pipelines[0].Windows > 20 })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := a.Status().Pipelines[0]
	want := s.Windows - machineWarmup
	if n := len(records(t, bytes.NewReader(raw))["p"]); uint64(n) != want || s.Actions[0].Done != want {
		t.Errorf("%d records written, %d windows, stats %+v", n, s.Windows, s.Actions[0])
	}
}

// waitFor polls until ok, with a deadline.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 20 s")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestDrainDeadline has an action that never ends: the drain gives up.
func TestDrainDeadline(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	a := newAgent(t, &config.Config{
		Sources: []config.Source{sensorSource("shaft", newFakeSensor(0))},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b, config.Action{
			Kind: config.Exec, Argv: []string{"/bin/sleep", "1000"}, On: "result", Queue: 4, Timeout: time.Hour,
		})},
		Limits: config.Limits{Drain: 50 * time.Millisecond},
	}, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	waitFor(t, func() bool { return a.Status().Pipelines[0].Windows > 5 })
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "work was left undone") {
		t.Errorf("got %v, want the work left undone", err)
	}
}

func TestRefused(t *testing.T) {
	exclusive := newFakeSensor(0)
	exclusive.info.Exclusive = true
	slow := newFakeSensor(0)
	slow.info.RateHz = 800
	b := makeBundle(t, machineBundle, nil)
	broken := config.Source{Name: "shaft", Driver: "fake", Settings: opener(func() (*input, error) { return nil, errors.New("no such device") })}
	tests := []struct {
		name      string
		source    config.Source
		pipelines []config.Pipeline
		want      string
	}{
		{"exclusive source", sensorSource("shaft", exclusive), []config.Pipeline{pipelineOn("p", "shaft", b), pipelineOn("q", "shaft", b)}, "pipelines p and q: both want source shaft, which is exclusive"},
		{"wrong rate", sensorSource("shaft", slow), []config.Pipeline{pipelineOn("p", "shaft", b)}, "it runs at 800 Hz, the bundle wants 3200 Hz"},
		{"wrong kind", sensorSource("shaft", newFakeSensor(0)), []config.Pipeline{pipelineOn("p", "shaft", makeBundle(t, digitsBundle, nil))}, "it gives vibration, the bundle wants image"},
		{"no bundle", sensorSource("shaft", newFakeSensor(0)), []config.Pipeline{pipelineOn("p", "shaft", "/no/such.dunlin")}, "pipeline p: bundle /no/such.dunlin"},
		{"no device", broken, []config.Pipeline{pipelineOn("p", "shaft", b)}, "source shaft: no such device"},
		{"unwritable folder", sensorSource("shaft", newFakeSensor(0)), []config.Pipeline{pipelineOn("p", "shaft", b, config.Action{Kind: config.JSON, File: "/no/such/folder/x"})}, "/no/such/folder/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(context.Background(), &config.Config{Sources: []config.Source{tt.source}, Pipelines: tt.pipelines}, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bundle.Manifest, fstest.MapFS)
		want   string
	}{
		{"golden differs", func(_ *bundle.Manifest, f fstest.MapFS) { f["out0.bin"].Data[2] ^= 1 }, "golden sample 0: output 0 differs at byte 2"},
		{"golden of another size", func(_ *bundle.Manifest, f fstest.MapFS) { f["in0.bin"].Data = []byte{1} }, "golden sample 0: input 0 has 1 bytes, want 51"},
		{"numerics of the future", func(m *bundle.Manifest, _ fstest.MapFS) { m.Numerics = 99 }, "too old for the bundle"},
		{"foreign model", func(_ *bundle.Manifest, f fstest.MapFS) { f["model.tflite"].Data = []byte("not a model at all") }, "bundle"},
		{"memory", func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{RAMBytes: 1 << 60} }, "this board has"},
		{"latency", func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{MaxLatencyMS: 1e-6} }, "the bundle allows"},
		{"pipeline", func(m *bundle.Manifest, _ fstest.MapFS) { m.Pipeline = json.RawMessage(`{"sauce":{}}`) }, "sauce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var bad *LoadError
			_, err := Load(context.Background(), makeBundle(t, machineBundle, tt.change), inference.Options{})
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMismatchNamesTheByte(t *testing.T) {
	path := makeBundle(t, machineBundle, func(_ *bundle.Manifest, f fstest.MapFS) { f["out0.bin"].Data[1]++ })
	_, err := Load(context.Background(), path, inference.Options{})
	var m *MismatchError
	if !errors.As(err, &m) || m.Output != 0 || m.Byte != 1 || m.Want != m.Got+1 {
		t.Errorf("got %v", err)
	}
}

// TestLoopAllocatesNothing follows a chunk from the feed to the actions.
func TestLoopAllocatesNothing(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	a := newAgent(t, &config.Config{
		Telemetry: keepIn(t.TempDir()),
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(0))},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b, config.Action{Kind: config.Webhook, URL: "http://127.0.0.1:1", On: "result", Queue: 1})},
	}, Options{})
	defer a.Close()
	a.records.start()
	r, f := a.wired.Load().runners[0], a.wired.Load().feeds[0]
	ctx := context.Background()
	if err := r.begin(ctx); err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, machineChannels*machineHop)
	round := func() {
		blk := hal.Block{Frames: machineHop, Time: time.Unix(1, 0)}
		f.note(blk, samples)
		if err := putSamples(ctx, r.samples, true, blk, samples); err != nil {
			t.Fatal(err)
		}
		if err := useOne(ctx, r.samples, <-r.samples.full, r.onChunk); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * chunkDepth {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations per window, want 0", n)
	}
	if r.view.windows < 200 {
		t.Errorf("only %d windows ran", r.view.windows)
	}
}
