package telemetry

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// pss returns this process' proportional set size in bytes.
func pss(t *testing.T) (n int64) {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\nPss:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// TestMemoryOfFullStore: a full store of 64 MiB adds at most 6 MB, after
// opening it, after an hour's commits at the cap, and while it is drained.
func TestMemoryOfFullStore(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxBytes = 64 << 20
	l, _ := mustLog(t, cfg)
	var b batch
	for i := range 12 {
		b.chunks = append(b.chunks, sample(KindResult, 480, uint64(i)))
	}
	for full := false; !full; {
		if err := l.store.write(b); err != nil {
			t.Fatal(err)
		}
		a, err := l.Account()
		if err != nil {
			t.Fatal(err)
		}
		full = a.Epochs[a.Epoch].Dropped[reasonFull] > 0
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if size := fileSize(t, cfg.Path); size < 60<<20 {
		t.Fatalf("the file has only %d bytes", size)
	}
	before := pss(t)
	l, _ = mustLog(t, cfg)
	opened := pss(t) - before
	for i := range 60 { // one a minute by default
		if err := l.store.write(batch{chunks: []*builder{sample(KindResult, 120, uint64(1000+i))}}); err != nil {
			t.Fatal(err)
		}
	}
	worked := pss(t) - before
	a, err := l.Account()
	if err != nil {
		t.Fatal(err)
	}
	most := int64(0)
	for n := uint64(0); n < a.Epochs[a.Epoch].Next/2; {
		found, err := l.Pending(32, KindCapture, nil)
		if err != nil {
			t.Fatal(err)
		}
		n = found[len(found)-1].End()
		if err := l.Ack(Ack{Epoch: a.Epoch, Hi: n}); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		if n%50 == 0 {
			most = max(most, pss(t)-before)
		}
	}
	t.Logf("%d bytes after opening, %d after an hour's commits, at most %d while draining", opened, worked, most)
	if max(opened, worked, most) > 6e6 {
		t.Errorf("the store adds %d bytes, %d after an hour, %d while draining", opened, worked, most)
	}
}
