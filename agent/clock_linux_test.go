package agent

import (
	"testing"
	"time"
)

// TestClockAfterSleep: the first record after the board slept has the time that
// includes it, and order never changes, whatever happens to the wall clock.
func TestClockAfterSleep(t *testing.T) {
	c, err := newBootClock()
	if err != nil {
		t.Fatal(err)
	}
	var awake, slept, stepped time.Duration // since c.start
	asked := 0
	c.wall = func() time.Duration { return awake + slept + stepped }
	c.awake = func() time.Duration { return awake }
	c.boot = func() (time.Duration, error) { asked++; return time.Hour + awake + slept, nil }
	c.since.Store(int64(time.Hour))
	check := func(what string, asks int) {
		t.Helper()
		asked = 0
		if got, want := c.Mono(), time.Hour+awake+slept; got != want || asked != asks {
			t.Errorf("%s: %v since boot, want %v; asked %d times, want %d", what, got, want, asked, asks)
		}
	}
	check("start", 0)
	awake += lookEvery
	awake += time.Second
	check("awake", 0)
	awake += lookEvery
	slept += 8 * time.Hour
	check("after a night", 1)
	awake += time.Second
	check("awake again", 0)
	awake += lookEvery
	stepped -= 20 * time.Hour
	check("wall clock set back", 1)
	awake += lookEvery
	stepped += 48 * time.Hour
	slept += time.Minute
	check("set ahead while asleep", 1)
	awake += lookEvery
	slept += 90 * time.Millisecond
	if d := time.Hour + awake + slept - c.Mono(); d != 90*time.Millisecond {
		t.Errorf("a nap of 90 ms: %v missing", d)
	}
	if _, synced := c.Wall(); c.Mono() != time.Hour+awake+slept {
		t.Errorf("not caught up at the next write, synced %v", synced)
	}
}

func BenchmarkBootClock(b *testing.B) {
	c, err := newBootClock()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.Mono()
	}
}
