package inference

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
)

// ThreadsAuto makes Open measure whether more than one thread pays.
const ThreadsAuto = -1

// maxThreads bounds the threads of a session.
const maxThreads = 8

// partsPerThread is how many parts of a step there are for each thread: one that
// the system holds up leaves its share to the others.
const partsPerThread = 2

// team is the helpers of a session. They sleep between runs and spin within one:
// waking a sleeper takes longer than most steps do. Parts are claimed one by one,
// so that a run never waits for a helper that has not begun.
type team struct {
	plan  *graph.Plan
	arena []byte
	wake  []chan struct{} // of each helper, with room for one

	// state is what there is to do: run (16 bits), step (16), its parts (16), the
	// next of them (16). One word, so that a late helper can never claim part of
	// another step.
	state atomic.Uint64
	done  atomic.Int32 // parts of the step
	run   uint64
}

// resting is the step of a team between two runs.
const resting = 0xFFFF

func newTeam(plan *graph.Plan, arena []byte, helpers int) *team {
	t := &team{plan: plan, arena: arena, wake: make([]chan struct{}, helpers)}
	t.state.Store(resting << 32)
	for i := range t.wake {
		t.wake[i] = make(chan struct{}, 1)
		go t.help(i+1, t.wake[i])
	}
	return t
}

// close ends the helpers. No run may be going on.
func (t *team) close() {
	for _, w := range t.wake {
		close(w)
	}
}

// begin wakes the helpers for a run.
func (t *team) begin() {
	t.run = (t.run + 1) & 0xFFFF
	t.publish(resting-1, 0)
	for _, w := range t.wake {
		select {
		case w <- struct{}{}:
		default: // still on its way from the run before
		}
	}
}

// end lets the helpers sleep.
func (t *team) end() { t.publish(resting, 0) }

func (t *team) publish(step, parts int) {
	t.state.Store(t.run<<48 | uint64(step)<<32 | uint64(parts)<<16)
}

// step runs a step that has parts.
func (t *team) step(i int) {
	s := &t.plan.Steps[i]
	if s.Prepare != nil {
		s.Prepare(t.arena)
	}
	parts := partsPerThread * (1 + len(t.wake))
	t.done.Store(0)
	t.publish(i, parts)
	for t.claim(0) {
	}
	for spins := 0; int(t.done.Load()) < parts; spins++ {
		pause(spins)
	}
}

// claim does a part of the step there is, if one is left.
func (t *team) claim(worker int) bool {
	s := t.state.Load()
	step, parts, next := int(s>>32&0xFFFF), int(s>>16&0xFFFF), int(s&0xFFFF)
	if next >= parts {
		return false
	}
	if t.state.CompareAndSwap(s, s+1) {
		t.plan.Steps[step].Part(t.arena, worker, next, parts)
		t.done.Add(1)
	}
	return true
}

// help is a helper's life.
func (t *team) help(worker int, wake <-chan struct{}) {
	for range wake {
		for spins := 0; t.state.Load()>>32&0xFFFF != resting; spins++ {
			if t.claim(worker) {
				spins = 0
			} else {
				pause(spins)
			}
		}
	}
}

// pause waits a moment in a loop of so many rounds: it gives way where somebody
// else wants the core.
func pause(spins int) {
	if spins%64 == 63 {
		runtime.Gosched()
	}
}

// Threads returns how many threads a run may use.
func (m *Model) Threads() int { return m.threads }

// Rounds of a calibration, the time below which a run is not worth sharing, and
// the gain that is.
const (
	calibrationRounds = 7
	worthSharing      = time.Millisecond
	worthGain         = 0.9
)

// calibrate chooses between one thread and all that were planned for, each timed in
// turn on zeros. A model that zeros are no input for runs on one.
func (m *Model) calibrate() {
	all := m.threads
	m.threads = 1
	one, err := m.session(1)
	if err != nil {
		return
	}
	if first, err := one.timed(); err != nil || first < worthSharing {
		return
	}
	many, err := m.session(all)
	if err != nil {
		return
	}
	defer many.team.close()
	var times [2][]time.Duration
	for range calibrationRounds {
		for i, s := range []*Session{one, many} {
			d, err := s.timed()
			if err != nil {
				return
			}
			times[i] = append(times[i], d)
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	const mid = calibrationRounds / 2
	if float64(times[1][mid]) < worthGain*float64(times[0][mid]) {
		m.threads = all
		m.calibrated = [2]time.Duration{times[0][mid], times[1][mid]}
	}
}

func (s *Session) timed() (time.Duration, error) {
	start := time.Now()
	err := s.Run(context.Background())
	return time.Since(start), err
}
