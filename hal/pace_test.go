package hal

import (
	"context"
	"errors"
	"testing"
	"time"
)

// stepClock jumps to the end of every wait.
type stepClock struct {
	now   time.Time
	waits []time.Duration
	stuck bool
}

func (c *stepClock) Now() time.Time { return c.now }

func (c *stepClock) After(d time.Duration) <-chan time.Time {
	c.waits = append(c.waits, d)
	ch := make(chan time.Time, 1)
	if !c.stuck {
		c.now = c.now.Add(d)
		ch <- c.now
	}
	return ch
}

func TestPacerRealtime(t *testing.T) {
	start := time.Unix(1000, 0)
	c := &stepClock{now: start}
	p := NewPacer(c, 400, true)
	if n := p.Chunk(1000); n != 100 {
		t.Errorf("chunk of %d frames, want a quarter of a second", n)
	}
	for i := range 3 {
		at, err := p.Advance(t.Context(), 20)
		if want := start.Add(time.Duration(i) * 50 * time.Millisecond); err != nil || !at.Equal(want) {
			t.Errorf("block %d at %v, want %v (%v)", i, at, want, err)
		}
	}
	c.now = c.now.Add(time.Second) // a slow reader catches up without waiting
	if _, err := p.Advance(t.Context(), 20); err != nil || len(c.waits) != 3 {
		t.Errorf("waits %v, %v", c.waits, err)
	}
}

func TestPacerFast(t *testing.T) {
	c := &stepClock{now: time.Unix(0, 0)}
	p := NewPacer(c, 44100, false)
	for range 3 {
		if _, err := p.Advance(t.Context(), 44100*3600); err != nil {
			t.Fatal(err)
		}
	}
	at, err := p.Advance(t.Context(), 1)
	if err != nil || !at.Equal(time.Unix(3*3600, 0)) || len(c.waits) != 0 {
		t.Errorf("at %v after three hours, waits %v, %v", at, c.waits, err)
	}
}

func TestPacerStops(t *testing.T) {
	c := &stepClock{stuck: true}
	p := NewPacer(c, 1, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Advance(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	go p.Halt()
	if _, err := p.Advance(t.Context(), 1); !errors.Is(err, ErrHalted) {
		t.Errorf("got %v", err)
	}
	p.Halt()
}
