package inference

import (
	"bytes"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// A second session of a model takes its arena and next to nothing else: the weights
// are shared, whichever memory they are in.
func TestSecondSessionCostsItsArena(t *testing.T) {
	const small = 256 << 10
	m, err := Open(testmodels.Read(t, "vision/tf2_mobilenet_v2_1.0_224_ptq.tflite"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	arena, packed := m.Footprint().ArenaBytes, m.Footprint().PackedBytes
	if packed < 2<<20 {
		t.Fatalf("weights of %d bytes would not show", packed)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for i := range 3 { // the first one brings what a process needs once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		resident := rss(t)
		s := session(t, m)
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		grown := rss(t) - resident
		runtime.ReadMemStats(&after)
		heap := int64(after.TotalAlloc - before.TotalAlloc)
		if i > 0 && (heap > arena+small || grown > arena+small) {
			t.Errorf("session %d: %d bytes of the heap, %d more resident; arena %d, weights %d", i, heap, grown, arena, packed)
		}
		runtime.KeepAlive(s)
	}
}

// rss returns the resident bytes, counted page by page.
func rss(t *testing.T) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("resident bytes are counted by Linux's /proc/self/smaps_rollup, which is not here")
	}
	data, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	kib := regexp.MustCompile(`Rss: +(\d+) kB`).FindSubmatch(data)
	if kib == nil {
		t.Fatalf("%s", data)
	}
	n, err := strconv.ParseInt(string(kib[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// Weights lie beside the heap, and stay there while a session may read them.
func TestSessionKeepsWeights(t *testing.T) {
	data := testmodels.Read(t, "mlperf-tiny/vww_96_int8.tflite")
	var want []byte
	for range 5 {
		m, err := Open(data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, m)
		testmodels.Fill(s.Input(0).Bytes(), m.Inputs()[0].DType.String(), 1, 0)
		m = nil
		for range 3 { // a cleanup runs some time after a collection
			runtime.GC()
			if err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = bytes.Clone(s.Output(0).Bytes())
			}
			if !bytes.Equal(s.Output(0).Bytes(), want) {
				t.Error("another output")
			}
		}
	}
}
