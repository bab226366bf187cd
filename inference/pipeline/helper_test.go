package pipeline

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
)

// copier opens one of the models of testdata/models.zip, which copy their
// input (scripts/golden/pipeline_models.py).
func copier(t testing.TB, name string) *inference.Model {
	t.Helper()
	z, err := zip.OpenReader("testdata/models.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open(name + ".tflite")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := inference.Open(data, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// piped makes a pipeline of a copying model from a spec in JSON.
func piped(t testing.TB, model, spec string) *Pipeline {
	t.Helper()
	s, err := ParseSpec([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(copier(t, model), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// noise returns seeded samples in [-1, 1) that are 16-bit exact.
func noise(seed uint32, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = float32(int(seed>>16)-32768) / 32768
	}
	return out
}

// ramp returns 0, 1, 2, ...
func ramp(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(i)
	}
	return out
}

// window is a kept result.
type window struct {
	start, end int64
	scores     []float32
}

// collect feeds samples in pieces of n frames and keeps every result.
func collect(t testing.TB, p *Pipeline, samples []float32, n int) (list []window) {
	t.Helper()
	feed(t, p, samples, n, func(r *Result) {
		list = append(list, window{r.Start, r.End, append([]float32(nil), r.Scores...)})
	})
	return list
}

func sameWindows(a, b []window) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d windows, want %d", len(a), len(b))
	}
	for i := range a {
		if a[i].start != b[i].start || a[i].end != b[i].end {
			return fmt.Errorf("window %d is [%d, %d), want [%d, %d)", i, a[i].start, a[i].end, b[i].start, b[i].end)
		}
		for j, v := range a[i].scores {
			if math.Float32bits(v) != math.Float32bits(b[i].scores[j]) {
				return fmt.Errorf("window %d value %d is %v, want %v", i, j, v, b[i].scores[j])
			}
		}
	}
	return nil
}

// row runs a row through a tensor pipeline.
func row(t testing.TB, p *Pipeline, values ...float32) *Result {
	t.Helper()
	var r Result
	if err := p.Tensors(context.Background(), values, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}
