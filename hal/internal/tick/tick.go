// Package tick gives polled sensors their pace, and counts what came too late.
package tick

import (
	"context"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// A Tick is a pace. One goroutine waits; Halt may be called from any.
type Tick struct {
	clock  hal.Clock
	period time.Duration
	next   time.Time
	once   sync.Once
	halt   chan struct{}
}

// New returns a pace whose first reading is due at once. A nil clock is the
// machine's.
func New(clock hal.Clock, rateHz float64) *Tick {
	if clock == nil {
		clock = hal.Wall{}
	}
	return &Tick{clock: clock, period: time.Duration(float64(time.Second) / rateHz), halt: make(chan struct{})}
}

// Wait waits until the next reading is due, and returns how many were missed:
// a slow bus loses readings, it does not catch up.
func (t *Tick) Wait(ctx context.Context) (at time.Time, lost uint64, err error) {
	select { // also where there is nothing to wait for
	case <-t.halt:
		return t.clock.Now(), 0, hal.ErrHalted
	default:
	}
	if err := ctx.Err(); err != nil {
		return t.clock.Now(), 0, err
	}
	now := t.clock.Now()
	if t.next.IsZero() {
		t.next = now
	}
	if late := now.Sub(t.next); late > t.period {
		lost = uint64(late / t.period)
		t.next = t.next.Add(time.Duration(lost) * t.period)
	}
	if wait := t.next.Sub(now); wait > 0 {
		select {
		case <-t.clock.After(wait):
		case <-ctx.Done():
			return now, 0, ctx.Err()
		case <-t.halt:
			return now, 0, hal.ErrHalted
		}
	}
	t.next = t.next.Add(t.period)
	return t.clock.Now(), lost, nil
}

// Begin forgets what was due: the device was away.
func (t *Tick) Begin() { t.next = time.Time{} }

// Halt ends pending and later waits. It is idempotent.
func (t *Tick) Halt() { t.once.Do(func() { close(t.halt) }) }
