package inference

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func open(t testing.TB, name string) *Model {
	t.Helper()
	m, err := Open(zipModel(t, "testdata/ops.zip", name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func session(t testing.TB, m *Model) *Session {
	t.Helper()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRunAllocatesNothing covers every operator of the archives.
func TestRunAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	for _, name := range goldenArchives() {
		path := "testdata/" + name + ".zip"
		for _, e := range archive(t, path, ".golden") {
			m, err := openClear(e.model, Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := session(t, m)
			if n := testing.AllocsPerRun(1, func() {
				if err := s.Run(ctx); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations a run", e.name, n)
			}
		}
	}
}

// TestSessionsAreIndependent runs one model from many goroutines on different
// inputs; each must see its own result.
func TestSessionsAreIndependent(t *testing.T) {
	m := open(t, "conv_001")
	run := func(s *Session, fill byte) []byte {
		for i := range m.Inputs() {
			b := s.Input(i).Bytes()
			for k := range b {
				b[k] = fill * byte(k)
			}
		}
		if err := s.Run(t.Context()); err != nil {
			t.Error(err)
		}
		return s.Output(0).Bytes()
	}
	var wg sync.WaitGroup
	for g := range 8 {
		want := bytes.Clone(run(session(t, m), byte(g)))
		wg.Go(func() {
			s := session(t, m)
			for range 20 {
				if got := run(s, byte(g)); !bytes.Equal(got, want) {
					t.Errorf("goroutine %d: another session's numbers", g)
				}
			}
		})
	}
	wg.Wait()
}

// TestInputsSurviveRun: a caller may record what was decided on.
func TestInputsSurviveRun(t *testing.T) {
	for _, name := range []string{"conv_002", "reshape_000", "softmax_001", "float_edge_000"} {
		m := open(t, name)
		s := session(t, m)
		in := s.Input(0).Bytes()
		for i := range in {
			in[i] = byte(31 * i)
		}
		want := bytes.Clone(in)
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Input(0).Bytes(), want) {
			t.Errorf("%s: the run overwrote its input", name)
		}
	}
}

func TestRunStopsOnContext(t *testing.T) {
	s := session(t, open(t, "conv_000"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

// openClear opens a copy of a model, which it then overwrites: nothing that was
// opened may refer to the file, whose memory is given back.
func openClear(data []byte, o Options) (*Model, error) {
	data = bytes.Clone(data)
	m, err := Open(data, o)
	for i := range data {
		data[i] = 0x5A
	}
	return m, err
}

func TestSetFloats(t *testing.T) {
	s := session(t, open(t, "requantize_000")) // int8 input
	in := s.Input(0)
	n := in.Elements()
	v := make([]float32, n)
	v[0], v[1], v[2] = 1e9, -1e9, in.Scale*1.5
	if err := in.SetFloats(v); err != nil {
		t.Fatal(err)
	}
	got := in.Int8()
	want := int8(min(max(2+in.ZeroPoint, -128), 127)) // half away from zero
	if got[0] != 127 || got[1] != -128 || got[2] != want {
		t.Errorf("quantized to %v, want 127 -128 %d", got[:3], want)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		v[5] = bad
		if err := in.SetFloats(v); err == nil || !bytes.Contains([]byte(err.Error()), []byte("value 5")) {
			t.Errorf("%v: error %v, want one naming value 5", bad, err)
		}
	}
	if err := in.SetFloats(v[:3]); err == nil {
		t.Error("a wrong length is accepted")
	}
}

func TestRunReturnsIndexErrors(t *testing.T) {
	s := &Session{plan: &graph.Plan{Steps: []graph.Step{{Run: func([]byte) { panic(kernel.IndexError{Index: 7, Dim: 3}) }}}}}
	if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "index 7 of a dimension of 3") {
		t.Errorf("error %v", err)
	}
}
