package tick

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// TestLateAndHalted: a sensor that is always late can be halted all the same.
func TestLateAndHalted(t *testing.T) {
	k := New(nil, 1e6)
	for range 3 {
		if _, _, err := k.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := k.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	k.Halt()
	if _, _, err := k.Wait(t.Context()); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
}

// TestWaiter: it waits, ends with its context or Halt, and allocates nothing.
func TestWaiter(t *testing.T) {
	w := NewWaiter(nil)
	began := w.Now()
	if err := w.Wait(t.Context(), 5*time.Millisecond); err != nil || w.Now().Sub(began) < 5*time.Millisecond {
		t.Errorf("%v after %s", err, w.Now().Sub(began))
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(10, func() {
		if err := w.Wait(ctx, time.Microsecond); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := w.Wait(short, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	go w.Halt()
	if err := w.Wait(ctx, time.Hour); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
	if err := w.Wait(ctx, 0); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
}
