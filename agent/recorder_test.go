package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// TestMain is also the child that checks a store, and those of TestSoak.
func TestMain(m *testing.M) {
	if child, err := soakChild(); child {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) != 3 || os.Args[1] != "check-store" {
		os.Exit(m.Run())
	}
	if err := telemetry.Check(os.Args[2]); errors.Is(err, telemetry.ErrDamaged) {
		os.Exit(3)
	} else if err != nil {
		os.Exit(1)
	}
}

var checkInChild = telemetry.CheckIn("/proc/self/exe", "check-store")

func keepIn(dir string) config.Telemetry {
	return config.Telemetry{Dir: dir, MaxBytes: 1 << 20, MaxAge: time.Minute}
}

const keptSeconds = 20

// runKeeping runs a pipeline to its recording's end with a store in dir, and
// returns the windows it decided and the status after.
func runKeeping(t *testing.T, dir string, check func(string) error) (uint64, *TelemetryStatus) {
	t.Helper()
	a := newAgent(t, &config.Config{
		Telemetry: keepIn(dir),
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(keptSeconds*machineRate))},
		Pipelines: []config.Pipeline{pipelineOn("one", "shaft", makeBundle(t, machineBundle, nil))},
	}, Options{UntilEOF: true, CheckStore: check})
	if err := a.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := a.Status()
	return s.Pipelines[0].Windows - machineWarmup, s.Telemetry
}

// reopen decodes all that waits in the store under dir.
func reopen(t *testing.T, dir string) (all []*telemetry.Chunk) {
	t.Helper()
	clock, err := newBootClock()
	if err != nil {
		t.Fatal(err)
	}
	l, err := telemetry.New(telemetry.Config{Path: filepath.Join(dir, StoreFile), Identity: "bench", Clock: clock, MaxBytes: 1 << 20, Check: telemetry.Check})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	found, err := l.Pending(1<<20, telemetry.KindCapture, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		c, err := telemetry.Decode(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestRecords: every decision is in the store once, in order, with its
// pipeline and bundle.
func TestRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	for run := range 2 {
		windows, status := runKeeping(t, dir, nil)
		if status.Error != "" {
			t.Fatalf("%+v", status)
		}
		var results, starts, counted uint64
		var last time.Duration
		for _, c := range reopen(t, dir) {
			for _, r := range c.Results {
				results++
				if r.Source.Pipeline != "one" || r.Source.Model == [32]byte{} || r.Score <= 0 || r.Latency <= 0 || r.Time < last {
					t.Fatalf("%+v after %v", r, last)
				}
				last = r.Time
			}
			for _, e := range c.Events {
				if e.Code == eventStart {
					starts++
				}
				if e.Code == telemetry.EventProfile {
					counted += windowOf(t, e.Text).Profile.N()
				}
			}
			if c.Boot == [16]byte{} && c.Kind != telemetry.KindGap {
				t.Error("no boot id")
			}
		}
		if counted != results {
			t.Errorf("run %d: histograms of %d decisions, %d results", run, counted, results)
		}
		if results != windows*uint64(run+1) || starts != uint64(run+1) {
			t.Errorf("run %d: %d results of %d windows, %d starts", run, results, windows, starts)
		}
	}
}

// windowOf decodes histograms and checks that all of them count every decision.
func windowOf(t *testing.T, text string) *drift.Window {
	t.Helper()
	edges := drift.Uniform()
	w, err := drift.DecodeWindow([]byte(text), &edges)
	if err != nil || w.Pipeline != "one" || w.Model == [32]byte{} {
		t.Fatalf("%+v, %v", w, err)
	}
	for _, f := range drift.Features() {
		var n uint64
		for _, c := range w.Profile.Counts(f) {
			n += uint64(c)
		}
		if n != w.Profile.N() {
			t.Errorf("%s counts %d of %d", f, n, w.Profile.N())
		}
	}
	return w
}

// TestStoreTrouble: whatever is wrong with the store, every window is decided,
// and what is not kept is counted; what is damaged is set aside.
func TestStoreTrouble(t *testing.T) {
	put := func(data []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, StoreFile), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	spoil := func(change func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			runKeeping(t, dir, nil)
			data, err := os.ReadFile(filepath.Join(dir, StoreFile))
			if err != nil {
				t.Fatal(err)
			}
			put(change(data))(t, dir)
		}
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string)
		check   func(string) error
		found   string // "" where no store can be had
	}{
		"empty":     {put(nil), checkInChild, "damaged"},
		"foreign":   {put([]byte(strings.Repeat("not a store ", 5000))), checkInChild, "damaged"},
		"truncated": {spoil(func(b []byte) []byte { return b[:3*4096+100] }), checkInChild, "damaged"},
		"zeroed":    {spoil(func(b []byte) []byte { clear(b[2*4096 : 10*4096]); return b }), checkInChild, "damaged"},
		"is a folder": {func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, StoreFile, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, checkInChild, "damaged"},
		"check fails": {put(nil), func(string) error { return errors.New("input/output error") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			windows, s := runKeeping(t, dir, tt.check)
			if windows < keptSeconds*machineRate/machineHop-2*machineWarmup {
				t.Errorf("%d windows decided", windows)
			}
			switch { // the one more are the histograms at the end
			case tt.found == "" && (s.Error == "" || s.Unsealed != windows+1):
				t.Errorf("%d windows, %+v", windows, s)
			case tt.found != "" && (s.Error != "" || s.Found != tt.found):
				t.Errorf("%+v", s)
			}
			if tt.found == "damaged" {
				if _, err := os.Stat(filepath.Join(dir, StoreFile+".damaged")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestMissedAreDeclared: records from before there was a store are a gap in it.
func TestMissedAreDeclared(t *testing.T) {
	dir := t.TempDir()
	a := newAgent(t, &config.Config{
		Telemetry: keepIn(filepath.Join(dir, "later")),
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(1))},
		Pipelines: []config.Pipeline{pipelineOn("one", "shaft", makeBundle(t, machineBundle, nil))},
	}, Options{})
	defer a.Close()
	block := filepath.Join(dir, "later")
	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.records.start()
	for range 7 {
		a.records.result(telemetry.Result{})
	}
	if s := a.Status().Telemetry; s.Keeping || s.Error == "" || s.Unsealed != 7 {
		t.Errorf("%+v", s)
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	a.records.start()
	a.records.result(telemetry.Result{})
	if err := a.records.store.Load().Flush(); err != nil {
		t.Fatal(err)
	}
	s := a.Status().Telemetry
	if !s.Keeping || s.Error != "" || s.Dropped["overrun"] != 7 || s.Produced != s.Delivered+s.Waiting+7 || s.Unsealed != 0 || s.FileBytes == 0 {
		t.Errorf("%+v", s)
	}
	if err := a.records.store.Load().Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDriftWatch: a pipeline that decides as its bundle says is quiet; when
// its scores fall it warns, and three windows later it raises the alarm.
func TestDriftWatch(t *testing.T) {
	score := bundle.Histogram{Name: "score", Max: 1, Counts: make([]int64, 20)}
	for i := 10; i < 20; i++ {
		score.Counts[i] = 500
	}
	var decided uint64
	count := func(p *drift.Profile, lasted time.Duration) {
		decided += p.N()
		if lasted < driftWindow {
			t.Errorf("a window of %v", lasted)
		}
	}
	d := newDriftWatch(&bundle.Reference{Histograms: []bundle.Histogram{score, {Name: "odd", Max: 1, Counts: []int64{1}}}}, count)
	now := time.Duration(0)
	window := func(low float32) string {
		told := ""
		for i := range 3601 {
			now += time.Second
			s := low + float32(i%1000)/2000
			if level, text, changed := d.add(now, &pipeline.Result{Score: s, Scores: []float32{s, 1 - s}}); changed {
				told = fmt.Sprint(level, " ", text)
			}
		}
		return told
	}
	window(0.5)
	if told, s := window(0.5), d.read(); told != "" || s.Level != "quiet" || s.Windows == 0 {
		t.Errorf("no drift: %q, %+v", told, s)
	}
	if told := window(0.2); told != "1 score" {
		t.Errorf("a drop of 0.3: %q", told)
	}
	window(0.2)
	if told, s := window(0.2), d.read(); told != "2 score" || s.Level != "alarm" || s.Features[0].PSI < 0.25 {
		t.Errorf("after three windows: %q, %+v", told, s)
	}
	if decided != 5*3601 {
		t.Errorf("windows of %d decisions", decided)
	}
	d = newDriftWatch(nil, nil)
	if window(0.2); d.read().Level != "none" || d.drifting() {
		t.Error("drift without a reference")
	}
}

// BenchmarkRecord is what keeping a decision costs a pipeline, clock included.
func BenchmarkRecord(b *testing.B) {
	clock, err := newBootClock()
	if err != nil {
		b.Fatal(err)
	}
	l, err := telemetry.New(telemetry.Config{Path: filepath.Join(b.TempDir(), StoreFile), Identity: "bench", Clock: clock, Check: telemetry.Check})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	r := &recorder{clock: clock}
	r.store.Store(l)
	b.ReportAllocs()
	for i := range b.N {
		r.result(telemetry.Result{Source: telemetry.Source{Pipeline: "machine"}, Score: 0.9, Margin: 0.8})
		if i%500 == 499 {
			b.StopTimer()
			if err := l.Flush(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}
