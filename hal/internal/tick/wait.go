package tick

import (
	"context"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// A Waiter waits without allocating on the machine's clock. One goroutine
// waits; Halt may be called from any.
type Waiter struct {
	clock hal.Clock
	timer *time.Timer // nil with a clock of tests
	once  sync.Once
	halt  chan struct{}
}

// NewWaiter returns a waiter. A nil clock is the machine's.
func NewWaiter(clock hal.Clock) *Waiter {
	w := &Waiter{clock: clock, halt: make(chan struct{})}
	if clock == nil {
		w.clock, w.timer = hal.Wall{}, time.NewTimer(time.Hour)
		w.timer.Stop()
	}
	return w
}

// Now is the clock's time.
func (w *Waiter) Now() time.Time { return w.clock.Now() }

// Wait returns after d, with ctx's error when it ends, or hal.ErrHalted.
func (w *Waiter) Wait(ctx context.Context, d time.Duration) error {
	var over <-chan time.Time
	switch {
	case d <= 0:
		return w.err(ctx)
	case w.timer != nil:
		w.timer.Reset(d)
		defer w.timer.Stop()
		over = w.timer.C
	default:
		if err := w.err(ctx); err != nil {
			return err
		}
		over = w.clock.After(d)
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.halt:
		return hal.ErrHalted
	}
}

func (w *Waiter) err(ctx context.Context) error {
	select {
	case <-w.halt:
		return hal.ErrHalted
	default:
		return ctx.Err()
	}
}

// Halt ends pending and later waits. It is idempotent.
func (w *Waiter) Halt() { w.once.Do(func() { close(w.halt) }) }
