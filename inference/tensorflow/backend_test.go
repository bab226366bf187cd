//go:build tensorflow && cgo

package tensorflow

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// models is the folder that scripts/tensorflow/run makes.
func models(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DUNLIN_SAVEDMODELS")
	if dir == "" {
		t.Fatal("run me with: make test-tensorflow")
	}
	return dir
}

func raw(t *testing.T, dir, kind string, i int) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s%d.bin", kind, i)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEqualsPython: floats within 1e-6 of what Python computes, integers equal.
func TestEqualsPython(t *testing.T) {
	for _, name := range []string{"keras", "integers"} {
		dir := filepath.Join(models(t), name)
		m, err := Open(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Inputs() {
			if n := copy(s.Input(i).Bytes(), raw(t, dir, "in", i)); n != s.Input(i).Size() {
				t.Fatalf("%s: input %s of %d bytes", name, s.Input(i).TensorInfo, n)
			}
		}
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i := range s.Outputs() {
			out, want := s.Output(i), raw(t, dir, "out", i)
			if len(want) != out.Size() {
				t.Fatalf("%s: output %q %s, Python gave %d bytes", name, out.Name, out.TensorInfo, len(want))
			}
			if out.DType != inference.Float32 {
				if string(want) != string(out.Bytes()) {
					t.Errorf("%s: output %q is %v, want %v", name, out.Name, out.Bytes(), want)
				}
				continue
			}
			worst := 0.0
			for k, v := range out.Float32() {
				bits := uint32(want[4*k]) | uint32(want[4*k+1])<<8 | uint32(want[4*k+2])<<16 | uint32(want[4*k+3])<<24
				worst = max(worst, math.Abs(float64(v)-float64(math.Float32frombits(bits))))
			}
			t.Logf("%s: output %q %s is within %.2g of Python", name, out.Name, out.TensorInfo, worst)
			if !(worst <= 1e-6) {
				t.Errorf("%s: output %q is off by %g", name, out.Name, worst)
			}
		}
	}
}

// TestPipeline: a pipeline runs on a SavedModel as on any other model.
func TestPipeline(t *testing.T) {
	m, err := Open(filepath.Join(models(t), "keras"), ServingDefault)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := pipeline.ParseSpec([]byte(`{"source":{"kind":"vibration","rate":100,"channels":3},"window":{"length":96,"hop":48},"labels":["a","b","c","d"]}`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.New(m, spec)
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, 3*96*2)
	for i := range samples {
		samples[i] = float32(i%7) / 7
	}
	windows := 0
	var res pipeline.Result
	for len(samples) > 0 {
		samples = samples[3*p.Write(samples):]
		for {
			ok, err := p.Next(context.Background(), &res)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			windows++
			sum := float32(0)
			for _, v := range res.Scores {
				sum += v
			}
			if len(res.Scores) != 4 || math.Abs(float64(sum)-1) > 1e-5 {
				t.Fatalf("scores %v", res.Scores)
			}
		}
	}
	if windows != 3 {
		t.Errorf("%d windows, want 3", windows)
	}
}

func TestRefuses(t *testing.T) {
	for dir, want := range map[string]string{"texts": "strings are not taken", "nowhere": "no such file"} {
		if _, err := Open(filepath.Join(models(t), dir), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := Open(filepath.Join(models(t), "keras"), "other"); err == nil || !strings.Contains(err.Error(), `the file has "`) {
		t.Errorf("%v", err)
	}
}
