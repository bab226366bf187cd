package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

const demo = "../../../cmd/dunlin/demo"

// committed opens a bundle of the demo and what runs it.
func committed(t *testing.T, name string) (*bundle.Bundle, *inference.Model, *pipeline.Spec) {
	t.Helper()
	b, err := bundle.Open(filepath.Join(demo, "bundles", name+".dunlin"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	data, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	m, err := inference.Open(data, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := pipeline.ParseSpec(b.Manifest().Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	return b, m, s
}

// What the cards and manifests state is measured again, here and now, to the
// last window.
func TestCardsAreTrue(t *testing.T) {
	for _, tc := range []struct {
		name  string
		gain  float64
		least float64 // accuracy promised
		most  float64 // on live data, for the version that is wrong on purpose
	}{
		{"machine-1.0.0", 1, 0.95, 1}, {"machine-1.1.0", 0.25, 0.95, 0.8}, {"digits-1.0.0", 1, 0.97, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b, m, s := committed(t, tc.name)
			q := quality{model: m, spec: s, scans: filepath.Join(demo, "scans"), gain: tc.gain}
			if err := q.measure(); err != nil {
				t.Fatal(err)
			}
			if got := b.Manifest().Evaluation; !reflect.DeepEqual(got, q.evaluation()) {
				t.Errorf("the manifest states %+v, measured %+v", got, q.evaluation())
			}
			if !reflect.DeepEqual(b.Manifest().Reference, q.reference()) {
				t.Error("the reference histograms are not what is measured")
			}
			card, err := b.File(b.Manifest().Card)
			if err != nil || !bytes.HasSuffix(card, []byte(q.card())) {
				t.Errorf("the card does not end with what is measured (%v):\n%s", err, q.card())
			}
			if a := q.own.raw.accuracy(); a < tc.least {
				t.Errorf("accuracy %v, promised %v", a, tc.least)
			}
			if q.live != nil && q.live.raw.accuracy() > tc.most {
				t.Errorf("live accuracy %v, want at most %v", q.live.raw.accuracy(), tc.most)
			}
		})
	}
}

func TestGoldenSamples(t *testing.T) {
	for _, name := range []string{"machine-1.0.0", "machine-1.1.0", "digits-1.0.0"} {
		b, m, _ := committed(t, name)
		s, err := m.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range b.Manifest().Golden {
			in, out, err := b.Golden(i)
			if err != nil {
				t.Fatal(err)
			}
			copy(s.Input(0).Bytes(), in[0])
			if err := s.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(s.Output(0).Bytes(), out[0]) {
				t.Errorf("%s: golden sample %d gives %v, want %v", name, i, s.Output(0).Bytes(), out[0])
			}
			seen[string(out[0])] = true
		}
		if len(seen) < 4 {
			t.Errorf("%s: golden samples have only %d different outputs", name, len(seen))
		}
	}
}

// The demo stays small enough to be cloned without a thought.
func TestDemoIsSmall(t *testing.T) {
	bundles, scans := sizeOf(t, "bundles"), sizeOf(t, "scans")
	if bundles > 400<<10 || scans > 200<<10 {
		t.Errorf("bundles %d bytes, scans %d bytes", bundles, scans)
	}
}

func sizeOf(t *testing.T, dir string) (total int64) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(demo, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

// The machines that test a model are not those that trained it.
func TestSeedsAreDisjoint(t *testing.T) {
	if trainSeeds+trainMachines > validSeeds || validSeeds+validMachines > testSeeds {
		t.Error("sets overlap")
	}
	for seed := range uint64(100) {
		if s := severityOf(seed, 1); s < 0.25 || s > 1 || s == severityOf(seed, 2) {
			t.Errorf("severity %v", s)
		}
	}
}

func TestConfusion(t *testing.T) {
	c := newConfusion([]string{"a", "b"})
	for _, v := range [][2]int{{0, 0}, {0, 0}, {0, 1}, {1, 1}} {
		c.add(v[0], v[1])
	}
	if c.accuracy() != 0.75 || c.total() != 4 {
		t.Errorf("accuracy %v of %d", c.accuracy(), c.total())
	}
	s := c.slices()
	if s[0].Metrics["recall"] != 0.6667 || s[1].Metrics["precision"] != 0.5 || math.IsNaN(s[1].Metrics["recall"]) {
		t.Errorf("slices %+v", s)
	}
	if want := "| a | 2 | 1 |\n| b | 0 | 1 |\n"; !strings.HasSuffix(c.markdown(), want) {
		t.Errorf("table %s", c.markdown())
	}
}

func TestCommands(t *testing.T) {
	for _, args := range [][]string{nil, {"nothing"}, {"pack"}, {"features", "--spec", "none.json"}, {"pack", "--bad"}} {
		if err := run(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
