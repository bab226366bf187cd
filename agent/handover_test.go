package agent

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// timedSensor is a fakeSensor whose blocks say when they were measured, and
// which tells at every block.
type timedSensor struct {
	*fakeSensor
	onBlock func(at int)
}

func (s *timedSensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	if s.onBlock != nil {
		s.onBlock(s.at)
	}
	at := s.at
	b, err := s.fakeSensor.Read(ctx, buf)
	b.Time = time.Unix(1000, 0).Add(time.Duration(at) * time.Second / machineRate)
	return b, err
}

func named(version string) func(*bundle.Manifest, fstest.MapFS) {
	return func(m *bundle.Manifest, _ fstest.MapFS) { m.Version = version }
}

// Swapping 1,000 times leaves no stretch of the input undecided, decides none
// twice, and keeps nothing.
func TestThousandHandovers(t *testing.T) {
	const every = 8 * machineHop
	swaps := 1000
	if testing.Short() {
		swaps = 200
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "records"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	b := [2]string{makeBundle(t, machineBundle, named("1.0.0")), makeBundle(t, machineBundle, named("2.0.0"))}
	var units [2]*Unit
	for i, path := range b {
		if units[i], err = Load(t.Context(), path, (&Agent{cfg: &config.Config{}}).engineOptions()); err != nil {
			t.Fatal(err)
		}
	}
	var r *runner
	var done, failed atomic.Int64
	var before, after runtime.MemStats
	var rssBefore, rssAfter int
	s := &timedSensor{fakeSensor: newFakeSensor((2*swaps + 2) * every)}
	last, begun := 0, 0
	s.onBlock = func(at int) {
		if at/every == last || begun == swaps {
			return
		}
		last = at / every
		for r.next.Load() != nil { // the sensor is faster than life
			runtime.Gosched()
			if len(r.samples.full) == 0 {
				return // the handover needs more input: the next one has to wait
			}
		}
		begun++
		switch begun {
		case 100:
			runtime.GC()
			runtime.ReadMemStats(&before)
			rssBefore = resident(t)
		case swaps:
			runtime.GC()
			runtime.ReadMemStats(&after)
			rssAfter = resident(t)
		}
		if err := r.handOver(units[begun%2], func(err error) {
			done.Add(1)
			if err != nil {
				failed.Add(1)
			}
		}); err != nil {
			t.Error(err)
		}
	}
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", s)},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b[0], everyResult)},
	}, Options{Stdout: out, UntilEOF: true})
	r = a.wired.Load().runners[0]
	if err := a.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if done.Load() != int64(swaps) || failed.Load() > 0 {
		t.Errorf("%d handovers ended, %d failed; want %d", done.Load(), failed.Load(), swaps)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	recs := records(t, out)["p"]
	hop := machineHop * time.Second / machineRate
	versions := map[string]int{}
	for i, rec := range recs {
		versions[rec.Bundle]++
		if i == 0 {
			continue
		}
		if d := rec.End.Sub(recs[i-1].End); d <= 0 || d >= 2*hop {
			t.Fatalf("record %d of %d comes %v after the one before; a hop is %v", i, len(recs), d, hop)
		}
	}
	if len(versions) != 2 || versions["test@1.0.0"] < swaps || versions["test@2.0.0"] < swaps {
		t.Errorf("records by bundle: %v", versions)
	}
	if lost := a.Status().Pipelines[0].Lost; lost != 0 {
		t.Errorf("%d samples lost", lost)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("900 handovers keep %d bytes", grown)
	}
	t.Logf("resident after 100 handovers: %d kB, after %d: %d kB", rssBefore, swaps, rssAfter)
	if rssAfter-rssBefore > 8<<10 {
		t.Error("the process grew")
	}
}

// resident is the memory of this process, in kB.
func resident(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// A unit that fails on live input never takes over; the old one goes on.
func TestHandoverFails(t *testing.T) {
	b := makeBundle(t, machineBundle, nil)
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", &timedSensor{fakeSensor: newFakeSensor(0)})},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b)},
	}, Options{})
	defer a.Close()
	r := a.wired.Load().runners[0]
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := *r.unit.Load()
	broken.spec = nil // newPipeline panics on it
	var told error
	if err := r.handOver(&broken, func(err error) { told = err }); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c := &chunk{Block: hal.Block{Frames: machineHop, Time: time.Unix(int64(i), 0)}, samples: make([]float32, machineHop*machineChannels)}
		if err := r.chunk(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if told == nil || r.next.Load() != nil {
		t.Errorf("told %v, waiting %v", told, r.next.Load())
	}
	if r.view.windows < 10 {
		t.Errorf("the old unit decided %d times", r.view.windows)
	}
}

// A bundle that is wanted back while another one is still warming up stays: the
// pipeline ends on what was asked for last.
func TestHandoverTakenBack(t *testing.T) {
	b := [2]string{makeBundle(t, machineBundle, named("1.0.0")), makeBundle(t, machineBundle, named("2.0.0"))}
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", &timedSensor{fakeSensor: newFakeSensor(0)})},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", b[0])},
	}, Options{})
	defer a.Close()
	r := a.wired.Load().runners[0]
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	feed := func(from, n int) {
		for i := range n {
			c := &chunk{Block: hal.Block{Frames: machineHop, Time: time.Unix(int64(from+i), 0)}, samples: make([]float32, machineHop*machineChannels)}
			if err := r.chunk(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	feed(0, 10)
	first := r.unit.Load()
	second, err := Load(t.Context(), b[1], a.engineOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*Unit{second, first} {
		if err := r.turnTo(u, func(err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	feed(10, 20)
	if now := r.unit.Load(); now.Digest != first.Digest || r.next.Load() != nil {
		t.Errorf("%s runs, %s was wanted last", now.Name(), first.Name())
	}
	if err := r.turnTo(first, func(error) { t.Error("it was handed over to itself") }); err != nil {
		t.Error(err)
	}
	feed(30, 10)
}
