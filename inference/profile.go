package inference

import (
	"context"
	"runtime"
	"time"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// StepProfile is one step of a run and where its time went.
type StepProfile struct {
	Node   int    // position in the file
	Op     string // as TFLite prints it
	Kernel string // implementation that ran
	Tier   string // instruction set of the kernel
	Rule   string // whose arithmetic it follows: xnnpack, tflite or exact
	MACs   int64
	Time   time.Duration
}

// Peak returns the multiply-accumulates a second that this core can do with the
// instruction set of [Tier], of 8-bit integers and of floats, measured now with
// registers only; 0 for portable Go.
func Peak() (bytes, floats float64) { return kernel.Peak() }

// Profile runs once and returns the time of every step in order.
func (s *Session) Profile(ctx context.Context) ([]StepProfile, error) {
	list := make([]StepProfile, len(s.plan.Steps))
	s.exec.Start(ctx, s.plan)
	for i := range s.plan.Steps {
		st := &s.plan.Steps[i]
		start := time.Now()
		if err := s.exec.Step(st, s.arena); err != nil {
			return nil, err
		}
		list[i] = StepProfile{st.Node, st.Op, st.Kernel, st.Tier, st.Rule, st.MACs, time.Since(start)}
	}
	runtime.KeepAlive(s.plan)
	return list, nil
}
