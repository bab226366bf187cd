package telemetry

import (
	"errors"
	"testing"
	"time"
)

// TestMonthOffline: 30 days at two results a second, without a controller.
func TestMonthOffline(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxBytes = 4 << 20
	l, clock := mustLog(t, cfg)
	r := sample(KindResult, 100, 1)
	c, err := Decode(mustSeal(t, r))
	if err != nil {
		t.Fatal(err)
	}
	const n = 30 * 86400 * 2
	grown, before := int64(0), pss(t)
	for i := range n {
		clock.mono += 500 * time.Millisecond
		l.Result(c.Results[i%100])
		if i%120 == 119 {
			mustStep(t, l)
		}
		if i%(3*86400*2) == 0 {
			grown = max(grown, pss(t)-before)
		}
	}
	if grown > 5e6 {
		t.Errorf("memory grew by %d bytes", grown)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	a, err := l.Account()
	if err != nil {
		t.Fatal(err)
	}
	got := a.Epochs[a.Epoch]
	size := fileSize(t, cfg.Path)
	t.Logf("%d results: %d wait, %d dropped, file of %d bytes, memory grew by at most %d", got.Next, got.Waiting, got.Dropped[reasonFull], size, grown)
	if got.Next != n || !got.balanced() || got.Dropped[reasonFull]+got.Waiting != n || size > cfg.MaxBytes {
		t.Errorf("counters %+v, file of %d bytes", got, size)
	}
	// Drained, the next commit writes little however large the file is.
	if err := errors.Join(l.Ack(Ack{Epoch: a.Epoch, Hi: got.Next}), l.Flush()); err != nil {
		t.Fatal(err)
	}
	pages := allocated(l.store)
	l.Event(Event{Code: EventAgent})
	mustStep(t, l)
	if wrote := allocated(l.store) - pages + pageSize; wrote > 25<<10 {
		t.Errorf("%d bytes written by the first commit after draining", wrote)
	} else {
		t.Logf("%d bytes written by the first commit after draining", wrote)
	}
}
