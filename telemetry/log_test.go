package telemetry

import (
	"context"
	"errors"
	"testing"
	"time"
)

func mustLog(t testing.TB, cfg Config) (*Log, *fakeClock) {
	t.Helper()
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.store.db.NoSync = true
	t.Cleanup(func() { l.Close() })
	return l, cfg.Clock.(*fakeClock)
}

// chunks decodes all that waits.
func chunks(t testing.TB, l *Log) (all []*Chunk) {
	t.Helper()
	found, err := l.Pending(1<<30, KindCapture, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		c, err := Decode(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func mustStep(t testing.TB, l *Log) {
	t.Helper()
	if err := l.step(false); err != nil {
		t.Fatal(err)
	}
}

func TestSealing(t *testing.T) {
	l, clock := mustLog(t, testConfig(t))
	l.Result(Result{Score: 1, Margin: 1})
	clock.mono += time.Minute - 1
	if mustStep(t, l); len(chunks(t, l)) != 0 {
		t.Fatal("sealed before its time")
	}
	clock.mono++
	if mustStep(t, l); len(chunks(t, l)) != 1 {
		t.Fatal("not sealed after 60 s")
	}
	for range maxRecords - 1 {
		l.Result(Result{Score: 1, Margin: 1})
	}
	if mustStep(t, l); len(chunks(t, l)) != 1 {
		t.Fatal("sealed at 499")
	}
	l.Result(Result{Score: 1, Margin: 1})
	if mustStep(t, l); len(chunks(t, l)) != 2 {
		t.Fatal("not sealed at 500")
	}
	for range 200 {
		l.Capture(Capture{})
	}
	mustStep(t, l)
	found, err := l.Pending(99, KindCapture, nil)
	if err != nil || len(found) != 3 || len(found[2].Data) > chunkBytes || len(found[2].Data) < chunkBytes-worst-fixed {
		t.Fatalf("captures not sealed at one page: %d chunks, %v", len(found), err)
	}
	l.Event(Event{Code: EventAgent})
	mustStep(t, l)
	if all := chunks(t, l); len(all) != 4 || all[0].Kind != KindEvent {
		t.Fatal("an event is not sealed at once, or not first")
	}
}

// TestHasten: while somebody looks, records wait 5 s at most, and then as long
// as before; a shorter age of the configuration stays.
func TestHasten(t *testing.T) {
	l, clock := mustLog(t, testConfig(t))
	l.Hasten(20 * time.Second)
	l.Result(Result{Score: 1})
	if d := l.delay(); d != soonAge {
		t.Errorf("it looks again after %v", d)
	}
	clock.mono += 5*time.Second - 1
	if mustStep(t, l); len(chunks(t, l)) != 0 {
		t.Fatal("sealed before its time")
	}
	clock.mono++
	if mustStep(t, l); len(chunks(t, l)) != 1 {
		t.Fatal("not sealed after 5 s")
	}
	l.Hasten(time.Second) // of another who looks: the longer one counts
	clock.mono += 15*time.Second - 1
	l.Result(Result{Score: 1})
	if d := l.delay(); d != soonAge {
		t.Errorf("it looks again after %v", d)
	}
	clock.mono++
	if d := l.delay(); d != time.Minute-1 {
		t.Errorf("afterwards it looks again after %v", d)
	}
	clock.mono += time.Minute - 2
	if mustStep(t, l); len(chunks(t, l)) != 1 {
		t.Fatal("nobody looks, and it is sealed before its time")
	}
	cfg := testConfig(t)
	cfg.MaxAge = 2 * time.Second
	l, _ = mustLog(t, cfg)
	l.Hasten(time.Minute)
	if d := l.delay(); d != cfg.MaxAge {
		t.Errorf("with an age of 2 s it looks again after %v", d)
	}
}

// TestRun: an event reaches the store without any timer, and all the rest by
// the end of Run.
func TestRun(t *testing.T) {
	cfg := testConfig(t)
	l, _ := mustLog(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	l.Event(Event{Code: EventAgent})
	l.Result(Result{})
	for deadline := time.Now().Add(10 * time.Second); len(chunks(t, l)) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the event is not written")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	l, _ = mustLog(t, cfg)
	a, err := l.Account()
	if err != nil || a.Start != "clean" || a.Epochs[a.Epoch].Waiting != 2 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestWallTime: order and numbers follow the monotonic clock, whatever the
// wall clock does; an event corrects what was sealed before.
func TestWallTime(t *testing.T) {
	l, clock := mustLog(t, testConfig(t))
	clock.mono = 10 * time.Second
	l.Result(Result{Class: 1})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	clock.mono += time.Second
	l.Result(Result{Class: 2})
	boot := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	clock.offset, clock.synced = time.Duration(boot.UnixNano()), true
	clock.mono += time.Second
	l.Result(Result{Class: 3})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	clock.offset -= time.Hour
	clock.mono += time.Second
	l.Result(Result{Class: 4})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	all := chunks(t, l)
	var classes []uint16
	var offsets []int64
	for _, c := range all {
		for _, r := range c.Results {
			if want := time.Duration(9+r.Class) * time.Second; r.Time != want {
				t.Errorf("class %d at %v, want %v", r.Class, r.Time, want)
			}
			classes = append(classes, r.Class)
		}
		for _, e := range c.Events {
			offsets = append(offsets, e.Value)
		}
	}
	if len(classes) != 4 || classes[0] != 1 || classes[1] != 2 || classes[2] != 3 || classes[3] != 4 {
		t.Errorf("order %v", classes)
	}
	if len(offsets) != 2 || offsets[0] != boot.UnixMilli() || offsets[1] != boot.Add(-time.Hour).UnixMilli() {
		t.Errorf("clock events %v", offsets)
	}
	for _, c := range all {
		if c.Kind != KindResult {
			continue
		}
		if c.Results[0].Class == 1 && c.Synced {
			t.Error("a chunk sealed before the clock was set says it was")
		}
		if c.Results[0].Class == 2 && (!c.Synced || !c.Wall(c.Results[0].Time).Equal(boot.Add(11*time.Second))) {
			t.Errorf("record of the open chunk at %v", c.Wall(c.Results[0].Time))
		}
	}
}

// TestSlowDisk: while the disk hangs, records are taken without waiting, and
// those that find no room are declared, to the last one.
func TestSlowDisk(t *testing.T) {
	l, _ := mustLog(t, testConfig(t))
	l.store.mu.Lock() // a write that does not return
	done := make(chan error)
	go func() { done <- l.step(true) }()
	const n = 10000
	for range n {
		l.Result(Result{Score: 0.9, Latency: time.Millisecond})
	}
	l.store.mu.Unlock()
	if err := errors.Join(<-done, l.Flush()); err != nil {
		t.Fatal(err)
	}
	a, err := l.Account()
	if err != nil {
		t.Fatal(err)
	}
	c := a.Epochs[a.Epoch]
	if c.Next != n || c.Dropped[reasonOverrun] == 0 || c.Waiting < 3000 || !c.balanced() {
		t.Errorf("counters %+v", c)
	}
}

// TestFailingDisk: while writes fail, records wait in RAM and acks do not pile
// up; afterwards nothing is missing. Closing twice is fine, whatever came
// between.
func TestFailingDisk(t *testing.T) {
	l, clock := mustLog(t, testConfig(t))
	l.Result(Result{Class: 1})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	epoch := l.store.epoch
	l.store.epoch++ // no counters: every write fails
	for i := range uint16(20) {
		l.Result(Result{Class: 2 + i})
		if err := l.Flush(); err == nil {
			t.Fatal("the write does not fail")
		}
	}
	for range 2 * maxAcks {
		if err := l.Ack(Ack{Epoch: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.acks) != maxAcks {
		t.Errorf("%d acks wait", len(l.acks))
	}
	l.store.epoch = epoch
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	class := uint16(0)
	for _, c := range chunks(t, l) {
		for _, r := range c.Results {
			if class++; r.Class != class {
				t.Fatalf("result %d where %d was due", r.Class, class)
			}
		}
	}
	if class != 21 {
		t.Errorf("%d results, want 21", class)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	clock.synced = true
	l.Result(Result{})
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestResultAllocatesNothing(t *testing.T) {
	l, clock := mustLog(t, testConfig(t))
	res := Result{Source: Source{Pipeline: "machine"}, Score: 0.9, Margin: 0.8}
	if n := testing.AllocsPerRun(8000, func() { clock.mono += time.Millisecond; l.Result(res) }); n != 0 {
		t.Errorf("%v allocations a result", n)
	}
}

func BenchmarkLogResult(b *testing.B) {
	l, clock := mustLog(b, testConfig(b))
	res := Result{Source: Source{Pipeline: "machine"}, Score: 0.9, Margin: 0.8}
	b.ReportAllocs()
	for i := range b.N {
		clock.mono += time.Millisecond
		l.Result(res)
		if i%maxRecords == 0 {
			b.StopTimer()
			if err := l.Flush(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}
