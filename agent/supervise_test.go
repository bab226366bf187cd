package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeClock moves only when told to; every After is noted and fires at once.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = append(c.waits, d)
	c.now = c.now.Add(d)
	fired := make(chan time.Time, 1)
	fired <- c.now
	return fired
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestBackOff(t *testing.T) {
	clock := &fakeClock{now: time.Unix(0, 0)}
	s := newSupervisor(clock, slog.New(slog.DiscardHandler))
	runs := 0
	s.run(context.Background(), func(context.Context) error {
		runs++
		switch {
		case runs == 9: // a steady run earns a fresh start
			clock.advance(steadyRun)
		case runs == 11:
			return nil
		case runs%2 == 0:
			panic("sensor on fire")
		}
		return errors.New("no luck")
	}, pause)
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 1, 2}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(clock.waits, want) {
		t.Errorf("waits %v, want %v", clock.waits, want)
	}
	h := s.Health()
	if h.State != Ended || h.Restarts != 10 || !strings.Contains(h.Reason, "panic: sensor on fire") {
		t.Errorf("health %+v", h)
	}
}

func TestSupervisorEndsWithContext(t *testing.T) {
	s := newSupervisor(&fakeClock{}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	runs := 0
	s.run(ctx, func(context.Context) error { runs++; cancel(); return ctx.Err() }, pause)
	if runs != 1 || s.Health().Restarts != 0 {
		t.Errorf("%d runs, health %+v", runs, s.Health())
	}
}
