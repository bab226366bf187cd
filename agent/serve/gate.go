package serve

import (
	"context"
	"sync/atomic"
	"time"
)

// A gate lets so many requests work at a time, and a bounded number wait.
type gate struct {
	slots   chan struct{}
	waiting atomic.Int64
	limit   int64
}

func newGate(workers, queue int) *gate {
	return &gate{slots: make(chan struct{}, workers), limit: int64(queue)}
}

// full tells that a request that came now would be refused.
func (g *gate) full() bool { return len(g.slots) == cap(g.slots) && g.waiting.Load() >= g.limit }

// enter waits for a slot; leave gives it back.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.limit {
		g.waiting.Add(-1)
		return errFull
	}
	defer g.waiting.Add(-1)
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errDeadline
	}
}

func (g *gate) leave() { <-g.slots }

// What an overloaded server answers. Sessions are short: in a second there is
// room again, or there are too many clients for this board.
var (
	errFull     = &Error{Kind: Overload, Text: "every session works and the queue is full", Retry: time.Second}
	errDeadline = &Error{Kind: Overload, Text: "the deadline passed before the answer was there", Retry: time.Second}
)
