// Package haltest has chips that exist in memory only, register by register as
// their datasheets describe them, on buses that can be made to fail.
//
// Start with [NewBus] or [NewPort], attach a chip such as [NewADXL345], and give
// both to a driver; [Clock] makes hours pass at once. The chips know nothing of
// the drivers: they answer transfers byte by byte, fill their FIFOs by the clock
// and lose samples when nobody reads.
package haltest

import (
	"sync"
	"time"
)

// A Clock is a hal.Clock on which waiting takes no time: After lets the time
// pass and fires.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at the beginning of 2026.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Now implements hal.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After implements hal.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	at := make(chan time.Time, 1)
	at <- c.Advance(d)
	return at
}

// Advance lets time pass.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
	return c.now
}

// A sampler counts the samples that a converter takes.
type sampler struct {
	now    func() time.Time
	start  time.Time
	rateHz float64 // 0 while it stands still
	taken  int64
}

// run starts it anew at a rate; 0 stops it.
func (s *sampler) run(rateHz float64) { s.start, s.rateHz, s.taken = s.now(), rateHz, 0 }

// due returns how many samples were taken since the last call.
func (s *sampler) due() int64 {
	if s.rateHz == 0 {
		return 0
	}
	n := int64(s.now().Sub(s.start).Seconds() * s.rateHz)
	fresh := n - s.taken
	s.taken = n
	return fresh
}
