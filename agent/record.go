package agent

import (
	"context"
	"fmt"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// tellOf returns what keeps an event of each failure of what.
func (r *recorder) tellOf(what string) func(int, error) {
	if r == nil {
		return nil
	}
	return func(restarts int, err error) {
		r.event(telemetry.Event{Code: eventFailed, Value: int64(restarts), Text: fmt.Sprintf("%s: %v", what, err)})
	}
}

// keepRecords begins to keep records and takes readings of health. The
// function it returns writes what is left, and tells false if it gave up
// because hard ended.
func (a *Agent) keepRecords(hard context.Context) (end func() bool) {
	if a.records == nil {
		return func() bool { return true }
	}
	a.records.start()
	ctx, stop := context.WithCancel(context.WithoutCancel(hard))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.records.run(ctx)
	}()
	if a.cfg.Telemetry.Health > 0 {
		go a.takeHealth(ctx)
	}
	return func() bool {
		stop()
		select {
		case <-done:
			return true
		case <-hard.Done():
			return false
		}
	}
}

// takeHealth keeps readings of every source and pipeline.
func (a *Agent) takeHealth(ctx context.Context) {
	for a.untilHealth(ctx) {
		s := a.Status()
		for _, f := range s.Sources {
			a.records.health(telemetry.Health{Name: "source." + f.Name + ".lost", Value: float32(f.Lost)})
		}
		for _, p := range s.Pipelines {
			a.records.health(telemetry.Health{Name: "pipeline." + p.Name + ".windows_per_s", Value: float32(p.PerSecond)})
			a.records.health(telemetry.Health{Name: "pipeline." + p.Name + ".p95_us", Value: float32(p.P95US)})
			a.records.health(telemetry.Health{Name: "pipeline." + p.Name + ".lost", Value: float32(p.Lost)})
		}
	}
}

// untilHealth waits for the next reading, from now on where the fleet says
// otherwise meanwhile. It is false when ctx ends.
func (a *Agent) untilHealth(ctx context.Context) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-a.opts.Clock.After(a.healthEvery()):
			return true
		case <-a.retuned:
		}
	}
}
