package inference

import (
	"bytes"
	"context"
	"runtime"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// threadModels have layers of every kind that is shared.
var threadModels = []string{
	"mlperf-tiny/kws_ref_model.tflite", "mlperf-tiny/vww_96_int8.tflite", "mlperf-tiny/vww_96_float.tflite",
	"vision/mobilenet_v1_0.25_128_quant.tflite", "seanet/conv8.tflite",
}

// withCPUs lets goroutines run at the same time even on one core.
func withCPUs(t *testing.T, n int) {
	old := runtime.GOMAXPROCS(max(n, runtime.GOMAXPROCS(0)))
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

// TestThreads compares every output of two, three and four threads with that of
// one.
func TestThreads(t *testing.T) {
	withCPUs(t, 4)
	for _, name := range threadModels {
		data := testmodels.Read(t, name)
		var want [][]byte
		for threads := 1; threads <= 4; threads++ {
			m, err := Open(data, Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			s := session(t, m)
			for c := range 8 {
				testmodels.Fill(s.Input(0).Bytes(), m.Inputs()[0].DType.String(), c, 0)
				if err := s.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if out := s.Output(0).Bytes(); threads == 1 {
					want = append(want, bytes.Clone(out))
				} else if !bytes.Equal(out, want[c]) {
					t.Fatalf("%s, input %d: %d threads answer %v, want %v", name, c, threads, out, want[c])
				}
			}
		}
	}
}

func TestThreadsAllocateNothing(t *testing.T) {
	withCPUs(t, 2)
	for _, name := range []string{threadModels[0], "seanet/conv8.tflite"} {
		m, err := Open(testmodels.Read(t, name), Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		s, ctx := session(t, m), context.Background()
		if n := testing.AllocsPerRun(100, func() {
			if err := s.Run(ctx); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: a run allocates %g times", name, n)
		}
	}
}

func TestThreadsAuto(t *testing.T) {
	m, err := Open(testmodels.Read(t, "tflite-micro/hello_world_int8.tflite"), Options{Threads: ThreadsAuto})
	if err != nil {
		t.Fatal(err)
	}
	if m.Threads() != 1 {
		t.Errorf("%d threads for a model of a few nanoseconds", m.Threads())
	}
}

// BenchmarkThreads compares threads; run it with -count to interleave.
func BenchmarkThreads(b *testing.B) {
	data := testmodels.Read(b, "vision/tf2_mobilenet_v2_1.0_224_ptq.tflite")
	for _, threads := range []int{1, 2} {
		m, err := Open(data, Options{Threads: threads})
		if err != nil {
			b.Fatal(err)
		}
		s, err := m.NewSession()
		if err != nil {
			b.Fatal(err)
		}
		b.Run([]string{"", "one", "two"}[threads], func(b *testing.B) {
			for b.Loop() {
				if err := s.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestSessionCostsItsArena opens many sessions of one model: none packs weights
// again.
func TestSessionCostsItsArena(t *testing.T) {
	m, err := Open(testmodels.Read(t, "vision/mobilenet_v1_0.25_128_quant.tflite"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 16
	var before, after runtime.MemStats
	sessions := make([]*Session, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range sessions {
		sessions[i] = session(t, m)
		if err := sessions[i].Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	// An allocation is rounded up to whole pages; views and names come on top.
	each := int64(after.TotalAlloc-before.TotalAlloc) / n
	if arena := m.Footprint().ArenaBytes; each > arena+16<<10 {
		t.Errorf("a session takes %d bytes, its arena %d", each, arena)
	}
	runtime.KeepAlive(sessions)
}
