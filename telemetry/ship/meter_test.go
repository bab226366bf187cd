package ship

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// TestBudget: what is less important stops first, an hour frees what it held,
// and a new month only begins by a true clock.
func TestBudget(t *testing.T) {
	c := &clock{wall: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	path := filepath.Join(t.TempDir(), "spent")
	m, err := NewMeter(path, c, Budget{}, Budget{Hour: 100 << 10, Month: 300 << 10})
	if err != nil {
		t.Fatal(err)
	}
	fill := func(kind telemetry.Kind) (n int64) {
		for m.admit(Metered, kind, 1000-overhead) {
			n += 1000
		}
		return n
	}
	for _, want := range []struct {
		kind telemetry.Kind
		more int64
	}{{telemetry.KindCapture, 51000}, {telemetry.KindHealth, 20000}, {telemetry.KindResult, 21000}, {telemetry.KindEvent, 10000}, {telemetry.KindGap, 0}} {
		if got := fill(want.kind); got != want.more {
			t.Errorf("%v: %d bytes more, want %d", want.kind, got, want.more)
		}
	}
	if _, any := m.lowest(Metered); any {
		t.Error("a spent budget lets something through")
	}
	if k, any := m.lowest(Unmetered); !any || k != telemetry.KindCapture {
		t.Errorf("unmetered: %v, %v", k, any)
	}
	for spent := int64(102000); spent < 306000; spent += 102000 {
		c.mono += 65 * time.Minute
		if got := fill(telemetry.KindEvent); spent < 204000 && got != 102000 {
			t.Errorf("%d bytes in the next hour", got)
		}
	}
	c.mono += 5 * time.Hour
	if got := fill(telemetry.KindEvent); got != 1000 {
		t.Errorf("%d bytes, want the last 1000 of the month", got)
	}
	// A restart lends nothing, nor does a month that may not be true.
	c.wall = c.wall.AddDate(0, 1, 0)
	if m, err = NewMeter(path, c, Budget{}, Budget{Month: 300 << 10}); err != nil {
		t.Fatal(err)
	}
	if got := fill(telemetry.KindEvent); got != 0 {
		t.Errorf("%d bytes after a restart", got)
	}
	m.month = "2026-11"
	c.synced = true
	if got := fill(telemetry.KindEvent); got < 300000 {
		t.Errorf("%d bytes in a new month", got)
	}
	m.Spend(Metered, "update", 5)
	if purposes, month, err := m.Spent(); purposes["update"] != 5 || month[Metered] < 300000 || err != nil {
		t.Errorf("spent %v, %v, %v", purposes, month, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, err := NewMeter(path, c, Budget{}, Budget{}); err == nil || m == nil {
		t.Error("a damaged file passes")
	}
}

// mute takes chunks and never answers.
type mute struct {
	n   int
	err error
}

func (m *mute) Publish(context.Context, []byte) error { m.n++; return m.err }

// TestWaits: a window is kept, resends come later each time, failures pause
// everything, hello begins anew, and refused acks change nothing.
func TestWaits(t *testing.T) {
	c := &clock{}
	l, tr := mustLog(t, t.TempDir(), c), &mute{}
	for range 40 {
		l.Event(telemetry.Event{Code: telemetry.EventAgent})
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	s := mustShipper(t, l, tr, c, nil)
	s.jitter = func() float64 { return 0 }
	run := func(after time.Duration, want int, what string) {
		t.Helper()
		c.mono += after
		tr.n = 0
		if wait := s.step(t.Context()); tr.n != want || wait <= 0 || wait > idle {
			t.Errorf("%s: %d chunks, want %d; next after %v", what, tr.n, want, wait)
		}
	}
	run(0, 0, "before hello")
	at := mustHello(t, s, Unmetered)
	if at.Lo != 0 || at.Next != 40 {
		t.Errorf("standing %+v", at)
	}
	run(answerWait-1, 0, "waiting for the answer")
	run(1, 16, "first window")
	run(minResend-1, 0, "window full")
	run(1, 16, "first resend")
	run(minResend, 0, "second resend waits longer")
	run(minResend, 16, "second resend")
	s.Ack(telemetry.Ack{Epoch: at.Epoch, Hi: 16})
	run(0, 16, "the next, with the first not yet deleted from disk")
	s.Ack(telemetry.Ack{Epoch: at.Epoch, Hi: 41})
	s.Ack(telemetry.Ack{Epoch: at.Epoch + 1, Hi: 1})
	if st := s.Stats(); st.Refused != 2 || st.Acked != 16 || st.InFlight != 16 || st.Error == "" {
		t.Errorf("%+v", st)
	}
	tr.err = errors.New("no")
	mustHello(t, s, Unmetered)
	run(answerWait, 1, "a failure stops the rest")
	run(0, 0, "waits after a failure")
	run(firstRetry, 1, "tries again")
	run(firstRetry, 1, "longer")
	tr.err = nil
	mustHello(t, s, Metered)
	s.Ack(telemetry.Ack{Epoch: at.Epoch, Hi: 16})
	run(0, 16, "an answer ends the wait")
	s.Offline()
	run(time.Hour, 0, "offline")
}
