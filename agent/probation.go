package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// Defaults of a bundle's probation.
const (
	probationWindows   = 50
	probationAgreement = 0.8
	probationTime      = 30 * time.Minute
	probationSlow      = 0.05 // share of the input that a candidate may miss
)

// A Probation is what a candidate did in the shadow of the unit in use.
type Probation struct {
	Windows int            // that both decided
	Agree   int            // with the same label
	Changes map[string]int // "old -> new", of those that differ
	P95     time.Duration  // latency of a window
	Lost    float64        // share of the input it was too slow for
}

func (p *Probation) agreement() float64 { return float64(p.Agree) / float64(max(1, p.Windows)) }

// String words it for people.
func (p *Probation) String() string {
	s := fmt.Sprintf("agrees on %d of %d live windows", p.Agree, p.Windows)
	most, n := "", 0
	for change, k := range p.Changes {
		if k > n || k == n && change < most {
			most, n = change, k
		}
	}
	if n > 0 {
		s += fmt.Sprintf(", %d times %s", n, most)
	}
	return s
}

// judge tells why a candidate is not good, or "".
func (p *Probation) judge(limits bundle.Probation) string {
	switch {
	case p.Lost > probationSlow:
		return fmt.Sprintf("too slow on this board: it missed %.0f %% of the live input in the shadow of the model in use", 100*p.Lost)
	case p.agreement() < limits.MinAgreement:
		return fmt.Sprintf("%s; it allows no less than %.0f %%", p, 100*limits.MinAgreement)
	}
	return ""
}

// decisions are the latest of a pipeline, for comparison. Its memory is fixed.
type decisions struct {
	mu   sync.Mutex
	ring [128]decision
	n    uint64
}

type decision struct {
	end   time.Time // of the window
	label string
}

func (d *decisions) add(end time.Time, label string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring[d.n%uint64(len(d.ring))] = decision{end, label}
	d.n++
}

// at returns the decision nearest to a time, once there is one not before it.
func (d *decisions) at(t time.Time) (nearest decision, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range min(d.n, uint64(len(d.ring))) { // newest first
		x := d.ring[(d.n-1-i)%uint64(len(d.ring))]
		if i == 0 && x.end.Before(t) {
			return decision{}, false
		}
		if i == 0 || x.end.Sub(t).Abs() < nearest.end.Sub(t).Abs() {
			nearest = x
		}
	}
	return nearest, d.n > 0
}

// errNoInput marks a probation that ended without enough live input to judge.
var errNoInput = errors.New("no live input to judge by")

// A shadow runs a candidate on what a pipeline gets, and compares.
type shadow struct {
	r       *runner
	s       *stream
	tap     *shadowTap
	found   Probation
	wait    []decision // of the candidate, that the pipeline has not reached
	times   []time.Duration
	samples *lane[chunk]
	frames  *lane[hal.Frame]
	given   uint64
}

// probe lets a candidate decide in the shadow of what the pipeline runs, on
// live input, until it has seen enough. Nothing acts on what it decides, and
// the pipeline never waits for it. An error means that it could not be judged.
func (r *runner) probe(ctx context.Context, u *Unit, limits bundle.Probation, note func(string)) (Probation, error) {
	s := &shadow{r: r, found: Probation{Changes: map[string]int{}}}
	var err error
	if s.s, err = newStream(u, r.cfg.Enter, r.rate, s.decided); err != nil {
		return s.found, err
	}
	s.tap = r.tap.shadow()
	s.tap.watch(s.s)
	there := false
	if r.frames != nil {
		s.frames = newLane[hal.Frame](frameDepth)
		s.frames.lossy = true
		there = r.feed.addFrames(s.frames)
	} else {
		s.samples = newLane[chunk](chunkDepth)
		s.samples.lossy = true
		there = r.feed.addSamples(s.samples)
	}
	defer r.feed.remove(s.samples, s.frames)
	if !there {
		return s.found, fmt.Errorf("%w: source %s has ended", errNoInput, r.cfg.Source)
	}
	return s.found, s.run(ctx, limits, note)
}

func (s *shadow) run(ctx context.Context, limits bundle.Probation, note func(string)) error {
	over := s.r.clock.After(probationTime)
	told := 0
	for s.found.Windows < limits.Windows {
		if err := s.step(ctx, over); err != nil {
			return err
		}
		s.compare()
		if tenth := 10 * s.found.Windows / limits.Windows; tenth > told {
			told = tenth
			note(fmt.Sprintf("%d of %d windows in the shadow of the model in use", s.found.Windows, limits.Windows))
		}
	}
	slices.Sort(s.times)
	s.found.P95 = s.times[len(s.times)*95/100]
	lost := uint64(0)
	if s.frames != nil {
		return nil // of images the newest wins: passing some over is no fault
	}
	lost = s.samples.lost.Load()
	s.found.Lost = float64(lost) / float64(max(1, lost+s.given))
	return nil
}

// step takes one piece of input.
func (s *shadow) step(ctx context.Context, over <-chan time.Time) error {
	var chunks chan *chunk
	var frames chan *hal.Frame
	if s.frames != nil {
		frames = s.frames.full
	} else {
		chunks = s.samples.full
	}
	select {
	case c, ok := <-chunks:
		if !ok {
			return fmt.Errorf("%w: source %s ended", errNoInput, s.r.cfg.Source)
		}
		s.given += uint64(c.Frames)
		return useOne(ctx, s.samples, c, s.s.chunk)
	case f, ok := <-frames:
		if !ok {
			return fmt.Errorf("%w: source %s ended", errNoInput, s.r.cfg.Source)
		}
		return useOne(ctx, s.frames, f, s.s.image)
	case <-s.r.gone:
		return fmt.Errorf("%w: pipeline %s was configured anew", errNoInput, s.r.cfg.Name)
	case <-over:
		return fmt.Errorf("%w: only %d windows in %v, is source %s running?", errNoInput, s.found.Windows, probationTime, s.r.cfg.Source)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// decided keeps a result of the candidate until the pipeline has its own.
func (s *shadow) decided(_, end time.Time) {
	if !s.s.res.Warm {
		return
	}
	s.times = append(s.times, s.s.res.Pre+s.s.res.Infer+s.s.res.Post)
	s.wait = append(s.wait, decision{end, s.s.res.Label})
	s.tap.hold(s.s, end)
	if len(s.wait) > 64 { // the pipeline restarts, or waits
		s.tap.settle(s.wait[0].end, false)
		s.wait = s.wait[1:]
	}
}

func (s *shadow) compare() {
	for len(s.wait) > 0 {
		mine := s.wait[0]
		old, ok := s.r.recent.at(mine.end)
		if !ok {
			return
		}
		s.wait = s.wait[1:]
		s.found.Windows++
		s.tap.settle(mine.end, mine.label != old.label)
		if mine.label == old.label {
			s.found.Agree++
		} else {
			s.found.Changes[old.label+" -> "+mine.label]++
		}
	}
}
