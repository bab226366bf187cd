package graph

import (
	"context"
	"errors"
)

// ErrSteps is returned by a run whose loops used up the limit of steps.
var ErrSteps = errors.New("the step limit is used up")

// Exec is one run of a plan: what stops it. It belongs to a session, so that a
// run allocates nothing.
type Exec struct {
	ctx  context.Context
	done <-chan struct{}
	left int64 // steps that loops may still take
}

// Run computes a plan's outputs in mem, its arena.
func (x *Exec) Run(ctx context.Context, p *Plan, mem []byte) error {
	x.Start(ctx, p)
	return x.Steps(p.Steps, mem)
}

// Begin sets the plan's variables in mem, all 0.
func (x *Exec) Begin(p *Plan, mem []byte) error {
	x.Start(context.Background(), p)
	return x.Steps(p.Init, mem)
}

// Start prepares x for the steps of a run, one by one.
func (x *Exec) Start(ctx context.Context, p *Plan) {
	x.ctx, x.done, x.left = ctx, ctx.Done(), p.left
}

// Steps runs steps in order and looks at the context between them.
func (x *Exec) Steps(steps []Step, mem []byte) error {
	for i := range steps {
		if err := x.Step(&steps[i], mem); err != nil {
			return err
		}
	}
	return nil
}

// Stopped tells whether the run's context has ended.
func (x *Exec) Stopped() error {
	if x.done == nil { // a step may take less time than asking
		return nil
	}
	select {
	case <-x.done:
		return x.ctx.Err()
	default:
		return nil
	}
}

// Step runs one step.
func (x *Exec) Step(s *Step, mem []byte) error {
	if err := x.Stopped(); err != nil {
		return err
	}
	if s.Flow != nil {
		return s.Flow(x, mem)
	}
	s.Run(mem)
	return nil
}

// charge takes what one more turn of a loop costs.
func (x *Exec) charge(steps int64) error {
	if x.left -= steps; x.left < 0 {
		return ErrSteps
	}
	return nil
}
