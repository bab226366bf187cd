package agent

import (
	"context"
	"sync"
)

// work is what runs while Run does. Sources end softly, with ctx of Run;
// pipelines go on until they have worked off what their sources left, and are
// cut off only when hard ends.
type work struct {
	soft, hard context.Context
	feeds      sync.WaitGroup
	runners    sync.WaitGroup
}

// A task is a goroutine that can be ended alone.
type task struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
}

func start(ctx context.Context, all *sync.WaitGroup, do func(context.Context)) task {
	ctx, cancel := context.WithCancel(ctx)
	t := task{cancel, make(chan struct{})}
	all.Go(func() {
		defer close(t.done)
		defer cancel()
		do(ctx)
	})
	return t
}

// start lets a wiring's sources and pipelines work that do not yet.
func (w *work) start(of *wiring) {
	for _, f := range of.feeds {
		if f.task.done == nil {
			f.task = start(w.soft, &w.feeds, func(ctx context.Context) {
				defer context.AfterFunc(ctx, func() { f.input().halt() })() // a read may wait for it
				f.run(ctx)
			})
		}
	}
	for _, r := range of.runners {
		if r.task.done == nil {
			r.task = start(w.hard, &w.runners, r.runWithActions)
		}
	}
}

// runWithActions runs one pipeline and its actions until both have finished.
func (r *runner) runWithActions(ctx context.Context) {
	var workers sync.WaitGroup
	for _, act := range r.actions {
		workers.Go(func() { act.Run(ctx) })
	}
	watching, quit := context.WithCancel(ctx)
	defer quit()
	workers.Go(func() { r.server.run(watching) })
	r.run(ctx)
	quit()
	for _, act := range r.actions {
		act.Close()
	}
	workers.Wait()
}
