package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// Waits before a restart double from first to last; a run of steadyRun starts
// over with the first.
const (
	firstRestartWait = time.Second
	lastRestartWait  = time.Minute
	steadyRun        = time.Minute
)

// State is what a source or a pipeline is doing.
type State string

// The states.
const (
	Starting State = "starting"
	Running  State = "running"
	Waiting  State = "waiting" // failed, restarts at RetryAt
	Ended    State = "ended"   // the recording is over
)

// Health is the state of one source or pipeline and how it came to be.
type Health struct {
	State    State     `json:"state"`
	Reason   string    `json:"reason,omitempty"` // of the last failure
	Restarts int       `json:"restarts"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
}

// supervisor restarts one task alone, whatever happens in it.
type supervisor struct {
	clock  hal.Clock
	log    *slog.Logger
	failed func(restarts int, err error) // may be nil

	mu     sync.Mutex
	health Health
}

func newSupervisor(clock hal.Clock, log *slog.Logger) *supervisor {
	return &supervisor{clock: clock, log: log, health: Health{State: Starting}}
}

// Health returns the state now.
func (s *supervisor) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

func (s *supervisor) set(change func(*Health)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.health)
}

// run repeats task until it ends without an error or ctx ends. Between two
// runs it calls idle, which returns when the wait is over, or false if there
// is nothing left to wait for.
func (s *supervisor) run(ctx context.Context, task func(context.Context) error, idle func(ctx context.Context, over <-chan time.Time) bool) {
	wait := firstRestartWait
	for {
		began := s.clock.Now()
		s.set(func(h *Health) { h.State, h.RetryAt = Running, time.Time{} })
		err := contain(ctx, task)
		if err == nil || ctx.Err() != nil {
			s.set(func(h *Health) { h.State = Ended })
			return
		}
		if s.clock.Now().Sub(began) >= steadyRun {
			wait = firstRestartWait
		}
		s.report(err, wait)
		s.set(func(h *Health) {
			h.State, h.Reason, h.RetryAt = Waiting, err.Error(), s.clock.Now().Add(wait)
			h.Restarts++
		})
		if s.failed != nil {
			s.failed(s.Health().Restarts, err)
		}
		if !idle(ctx, s.clock.After(wait)) {
			s.set(func(h *Health) { h.State, h.RetryAt = Ended, time.Time{} })
			return
		}
		wait = min(2*wait, lastRestartWait)
	}
}

// report logs a failure, a panic with the place it came from.
func (s *supervisor) report(err error, wait time.Duration) {
	var p *panicError
	if errors.As(err, &p) {
		s.log.Error("restarts after a panic", "wait", wait, "err", err, "stack", string(p.stack))
		return
	}
	s.log.Error("restarts after a failure", "wait", wait, "err", err)
}

// panicError is a panic that was caught, with the place it came from.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// contain runs task and turns a panic into an error.
func contain(ctx context.Context, task func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return task(ctx)
}

// pause waits for over or the end of ctx.
func pause(ctx context.Context, over <-chan time.Time) bool {
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}
