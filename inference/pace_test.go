package inference

import (
	"testing"
	"time"
)

// TestPacer lets another program take the helpers' core for a while.
func TestPacer(t *testing.T) {
	p := newPacer(1000*time.Microsecond, 600*time.Microsecond)
	run := func(n int, alone, shared time.Duration) (sharing int) {
		for range n {
			d, share := alone, p.next()
			if share {
				d = shared
				sharing++
			}
			p.took(share, d)
		}
		return sharing
	}
	const us = time.Microsecond
	steps := []struct {
		what            string
		alone, shared   time.Duration
		atLeast, atMost int // of 1000 runs
	}{
		{"a core of its own", 1000 * us, 600 * us, 980, 985},
		{"a busy core", 1100 * us, 2500 * us, 15, 25},
		{"a core of its own again", 1000 * us, 600 * us, 650, 750},
		{"little gain", 1000 * us, 950 * us, 980, 985},
		{"none", 1000 * us, 1001 * us, 0, 330},
		{"little gain again", 1000 * us, 950 * us, 15, 16},
	}
	for _, s := range steps {
		if n := run(1000, s.alone, s.shared); n < s.atLeast || n > s.atMost {
			t.Errorf("%s: %d of 1000 runs are shared, want %d to %d", s.what, n, s.atLeast, s.atMost)
		}
	}
}
