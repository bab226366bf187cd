package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// twoModels makes a bundle of the demo's two machine models: 1.0.0's, which its
// publisher prefers, and 1.1.0's for boards that it does not fit.
func twoModels(t *testing.T, change func(m *bundle.Manifest, files fstest.MapFS)) string {
	t.Helper()
	_, model, in, out := demoParts(t, "machine-1.1.0.dunlin")
	return makeBundle(t, machineBundle, func(m *bundle.Manifest, files fstest.MapFS) {
		for name, data := range map[string][]byte{"small.tflite": model, "in1.bin": in[0], "out1.bin": out[0]} {
			files[name] = &fstest.MapFile{Data: data}
		}
		m.Variants = []bundle.Variant{{Model: bundle.ModelRef{File: "small.tflite", Format: "tflite"},
			Golden: []bundle.Golden{{Input: []string{"in1.bin"}, Output: []string{"out1.bin"}}}}}
		if change != nil {
			change(m, files)
		}
	})
}

// TestBestModelThatFits: of a bundle's models the first one that this board
// takes, measured on it, runs.
func TestBestModelThatFits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *bundle.Manifest, files fstest.MapFS)
		want   string // model file; "": refused
		why    []string
	}{
		"both fit":                        {nil, "model.tflite", nil},
		"fast enough":                     {func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{MaxLatencyMS: 60_000} }, "model.tflite", nil},
		"slower than it may be, here":     {func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{MaxLatencyMS: 1e-6} }, "small.tflite", nil},
		"larger than this board's memory": {func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{RAMBytes: 1 << 60} }, "small.tflite", nil},
		"not a model this engine runs":    {func(_ *bundle.Manifest, files fstest.MapFS) { files["model.tflite"].Data = []byte("TFL3?") }, "small.tflite", nil},
		"none fits": {func(m *bundle.Manifest, _ fstest.MapFS) {
			m.Requires, m.Variants[0].Requires = &bundle.Requires{RAMBytes: 1 << 60}, &bundle.Requires{MaxLatencyMS: 1e-6}
		}, "", []string{"model.tflite", "bytes of memory", "small.tflite", "a window on this board"}},
		"the better one gives other numbers": {func(_ *bundle.Manifest, files fstest.MapFS) { files["out0.bin"].Data[0] ^= 1 }, "", []string{"golden sample 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := Load(t.Context(), twoModels(t, c.change), inference.Options{})
			if c.want != "" {
				if err != nil || u.Manifest.Model.File != c.want || u.Golden != 1 {
					t.Fatalf("%v, %+v", err, u)
				}
				return
			}
			if err == nil {
				t.Fatalf("%s runs", u.Manifest.Model.File)
			}
			for _, w := range c.why {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v; want %q in it", err, w)
				}
			}
		})
	}
}

// TestLatencyIsMeasuredHere: the limit that decides between two models lies
// between what this board really takes for them.
func TestLatencyIsMeasuredHere(t *testing.T) {
	all, err := LoadAll(t.Context(), twoModels(t, nil), inference.Options{})
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	b, err := bundle.Open(all[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	took, err := all[0].latency(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []time.Duration{took / 50, took * 50} {
		u, err := Load(t.Context(), twoModels(t, func(m *bundle.Manifest, _ fstest.MapFS) {
			m.Requires = &bundle.Requires{MaxLatencyMS: float64(limit) / float64(time.Millisecond)}
		}), inference.Options{})
		if want := slices.Index([]time.Duration{took * 50, took / 50}, limit); err != nil || u.variant != want {
			t.Errorf("it takes %v here, %v are allowed: %+v, %v", took, limit, u, err)
		}
	}
}

// TestChosenModelStays: what was chosen in a trial is what loads after a
// restart, whatever the board measures then.
func TestChosenModelStays(t *testing.T) {
	path := twoModels(t, nil)
	all, err := LoadAll(t.Context(), path, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		again, err := LoadModel(t.Context(), path, inference.Options{}, u.ModelDigest())
		if err != nil || again.model != u.model || again.variant != u.variant {
			t.Errorf("%+v, %v", again, err)
		}
	}
	slow := twoModels(t, func(m *bundle.Manifest, _ fstest.MapFS) { m.Requires = &bundle.Requires{MaxLatencyMS: 1e-6} })
	if u, err := LoadModel(t.Context(), slow, inference.Options{}, all[0].model); err != nil || u.variant != 0 {
		t.Errorf("a busy board forgets what it runs: %v", err)
	}
	var l *LoadError
	if _, err := LoadModel(t.Context(), path, inference.Options{}, strings.Repeat("0", 64)); !errors.As(err, &l) {
		t.Errorf("a model that is not there: %v", err)
	}
}

// TestTrialNamesTheModel: the verdict says which of the models was tried.
func TestTrialNamesTheModel(t *testing.T) {
	path := twoModels(t, func(m *bundle.Manifest, _ fstest.MapFS) {
		m.Requires, m.Probation = &bundle.Requires{MaxLatencyMS: 1e-6}, &bundle.Probation{}
	})
	all, err := LoadAll(t.Context(), path, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := newAgent(t, &config.Config{
		Sources:   []config.Source{sensorSource("shaft", newFakeSensor(0))},
		Pipelines: []config.Pipeline{pipelineOn("p", "shaft", demo(machineBundle))},
	}, Options{})
	defer a.Close()
	r := a.wired.Load().runners[0]
	u := &updater{log: a.opts.Log, runner: func(string) *runner { return r }}
	v, err := u.trial(context.Background(), ota.Candidate{Installed: ota.Installed{SHA256: all[0].Digest, Name: "test", Version: "1.0.0"}, Slot: "p", Path: path})
	if err != nil || !v.Good || v.Model != all[1].model {
		t.Errorf("%+v, %v; want model %s", v, err, all[1].model)
	}
}
