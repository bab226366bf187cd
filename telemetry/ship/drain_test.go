package ship

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// wire is a link of so many bytes a second and a round trip: sending takes as
// long as the bytes take, an ack comes back a round trip later.
type wire struct {
	clock *clock
	rate  int
	trip  time.Duration
	bytes int
	kinds []telemetry.Kind
	desk  *reader
	back  []message
	test  *testing.T
}

func (w *wire) Publish(_ context.Context, chunk []byte) error {
	c, err := telemetry.Decode(chunk)
	if err != nil {
		return err
	}
	w.kinds = append(w.kinds, c.Kind)
	w.bytes += len(chunk)
	w.clock.mono += time.Duration(len(chunk)) * time.Second / time.Duration(w.rate)
	ack := w.desk.ack(w.desk.take(w.test, chunk))
	w.back = append(w.back, message{at: w.clock.mono + w.trip, ack: &ack})
	return nil
}

// TestDrainsByPriority: a device back from weeks offline sends what matters
// most first, all of it, and as fast as the link goes.
func TestDrainsByPriority(t *testing.T) {
	c := &clock{wall: time.Unix(1.8e9, 0), synced: true}
	l := mustLog(t, t.TempDir(), c)
	made := int64(0)
	for minute := range 1800 { // more than the store holds
		for range 120 {
			made++
			l.Result(telemetry.Result{Latency: time.Duration(made) * 10 * time.Microsecond})
		}
		if minute%60 == 0 {
			made++
			l.Event(telemetry.Event{Code: telemetry.EventAgent, Value: made})
		}
		if minute%5 == 0 {
			made++
			l.Health(telemetry.Health{Name: "n", Value: float32(made)})
		}
		c.mono += time.Minute
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	w := &wire{clock: c, rate: 20_000, trip: 300 * time.Millisecond, desk: newReader(), test: t}
	s := mustShipper(t, l, w, c, nil)
	mustHello(t, s, Unmetered)
	c.mono += answerWait
	began := c.mono
	for idle := 0; idle < 3; {
		s.step(t.Context())
		if len(w.back) == 0 {
			idle++
			c.mono += time.Second
			continue
		}
		next := w.back[0]
		w.back = w.back[1:]
		c.mono = max(c.mono, next.at)
		s.Ack(*next.ack)
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	took := (c.mono - began - 3*time.Second).Seconds()
	prove(t, l, w.desk, made)
	if w.desk.lost["full"] == 0 {
		t.Error("the store was not full")
	}
	rank := []telemetry.Kind{telemetry.KindEvent, telemetry.KindGap, telemetry.KindResult, telemetry.KindHealth}
	if !slices.IsSortedFunc(w.kinds, func(a, b telemetry.Kind) int { return slices.Index(rank, a) - slices.Index(rank, b) }) {
		t.Errorf("not by priority: %v", w.kinds)
	}
	best := float64(w.bytes) / float64(w.rate)
	t.Logf("%d chunks, %d bytes in %.1f s, %.1f s at the speed of the link; %d sent again", len(w.kinds), w.bytes, took, best, s.Stats().Again)
	if took > 1.1*best || s.Stats().Again > 0 {
		t.Errorf("%.1f s for what the link does in %.1f s, %d chunks sent again", took, best, s.Stats().Again)
	}
}
