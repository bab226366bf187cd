package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// captureNext keeps the next window of a pipeline whole, whatever its policy
// says of it. A pipeline whose own configuration keeps no captures keeps none.
func (a *Agent) captureNext(ctx context.Context, args json.RawMessage, _ func(any)) (any, error) {
	r, err := a.onPipeline(args)
	if err != nil {
		return nil, err
	}
	if r.tap == nil {
		return nil, fmt.Errorf("pipeline %s: its configuration keeps no captures, and the fleet cannot ask for what the device does not allow", r.cfg.Name)
	}
	done := make(chan captured, 1)
	asked := (chan<- captured)(done)
	if !r.tap.asked.CompareAndSwap(nil, &asked) {
		return nil, fmt.Errorf("pipeline %s: a capture was asked for already", r.cfg.Name)
	}
	select {
	case c := <-done:
		if c.err != nil {
			return nil, c.err
		}
		return struct {
			ID    string `json:"id"` // digest
			Bytes int64  `json:"bytes"`
		}{c.id, c.size}, nil
	case <-ctx.Done():
		r.tap.asked.CompareAndSwap(&asked, nil)
		return nil, fmt.Errorf("pipeline %s: no window was decided: %w", r.cfg.Name, ctx.Err())
	}
}

// Bench is a model timed on its device, while the pipelines run on.
type Bench struct {
	Bundle  string  `json:"bundle"`
	Runs    int     `json:"runs"`
	MinUS   float64 `json:"min_us"`
	P50US   float64 `json:"p50_us"`
	P95US   float64 `json:"p95_us"`
	MaxUS   float64 `json:"max_us"`
	Threads int     `json:"threads"`
	Tier    string  `json:"tier"`
}

// benchTime is how long a model is timed where no number of runs is given.
const (
	benchTime = time.Second
	benchRuns = 10_000
)

// bench times a pipeline's model beside it.
func (a *Agent) bench(ctx context.Context, args json.RawMessage, _ func(any)) (any, error) {
	var q struct {
		Pipeline string `json:"pipeline"`
		Runs     int    `json:"runs"`
	}
	const want = `{"pipeline": NAME, "runs": 100}`
	if err := readArgs(args, &q, want); err != nil {
		return nil, err
	}
	if q.Pipeline == "" || q.Runs < 0 || q.Runs > benchRuns {
		return nil, fmt.Errorf("arguments: want %s, at most %d runs", want, benchRuns)
	}
	r, err := a.runner(q.Pipeline)
	if err != nil {
		return nil, err
	}
	u := r.unit.Load()
	if u == nil {
		return nil, fmt.Errorf("pipeline %s: no bundle was assigned to it yet", q.Pipeline)
	}
	times, err := timeModel(ctx, u.Model, q.Runs)
	if err != nil {
		return nil, err
	}
	at := func(q float64) float64 { return float64(times[int(q*float64(len(times)-1))].Nanoseconds()) / 1e3 }
	return Bench{u.Name(), len(times), at(0), at(0.5), at(0.95), at(1), u.Model.Threads(), inference.Tier()}, nil
}

// timeModel returns the times of runs, or of as many as fit into benchTime,
// rising. Two runs before them warm it up.
func timeModel(ctx context.Context, m *inference.Model, runs int) ([]time.Duration, error) {
	s, err := m.NewSession()
	if err != nil {
		return nil, err
	}
	var times []time.Duration
	begun := time.Now()
	for i := -2; i < runs || runs == 0 && i < benchRuns && (i < 1 || time.Since(begun) < benchTime); i++ {
		at := time.Now()
		if err := s.Run(ctx); err != nil {
			return nil, err
		}
		if i >= 0 {
			times = append(times, time.Since(at))
		}
	}
	slices.Sort(times)
	return times, nil
}

// reboot runs the program that the device's own configuration names for it. It
// answers before the board goes down, or else the next start says interrupted.
func (a *Agent) reboot(ctx context.Context, _ json.RawMessage, _ func(any)) (any, error) {
	argv := a.cfg.Fleet.Reboot
	if len(argv) == 0 {
		return nil, errors.New("this device's configuration does not let the fleet reboot it (fleet.reboot)")
	}
	a.opts.Log.Warn("reboot by a command of the fleet", "program", argv[0])
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("reboot: %w: %.200q", err, out)
	}
	return struct{}{}, nil
}
