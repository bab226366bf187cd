package controller

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// cancels ends a context with the first line written.
type cancels context.CancelFunc

func (c cancels) Write(line []byte) (int, error) { c(); return len(line), nil }

// TestStopWhileBrokerIsDown: a controller that is stopped in the moment in which
// its broker has died, and no other runs yet, ends.
func TestStopWhileBrokerIsDown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &Controller{log: slog.New(slog.NewTextHandler(cancels(cancel), nil))}
	died := make(chan error, 1)
	died <- nil
	c.child.done = died
	ended := make(chan struct{})
	go func() { c.superviseBroker(ctx); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it waits for a broker that is gone")
	}
}
