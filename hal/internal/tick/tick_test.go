package tick

import (
	"errors"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// stepClock jumps to the end of every wait.
type stepClock struct{ now time.Time }

func (c *stepClock) Now() time.Time { return c.now }
func (c *stepClock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

func TestPace(t *testing.T) {
	start := time.Unix(1000, 0)
	c := &stepClock{start}
	k := New(c, 10)
	for i, s := range []struct {
		late time.Duration // of the reading before
		at   time.Duration
		lost uint64
	}{{0, 0, 0}, {0, 100, 0}, {40, 200, 0}, {350, 550, 2}, {0, 600, 0}, {0, 700, 0}} {
		c.now = c.now.Add(s.late * time.Millisecond)
		at, lost, err := k.Wait(t.Context())
		if got := at.Sub(start); got != s.at*time.Millisecond || lost != s.lost || err != nil {
			t.Errorf("reading %d at %s, %d lost, %v; want %s, %d", i, got, lost, err, s.at*time.Millisecond, s.lost)
		}
	}
	c.now = c.now.Add(time.Hour)
	k.Begin()
	if _, lost, err := k.Wait(t.Context()); lost != 0 || err != nil {
		t.Errorf("after it was away: %d lost, %v", lost, err)
	}
}

func TestHalt(t *testing.T) {
	k := New(nil, 0.01)
	if _, _, err := k.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.Halt()
	k.Halt()
	if _, _, err := k.Wait(t.Context()); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("%v", err)
	}
}
