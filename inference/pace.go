package inference

import (
	"context"
	"slices"
	"time"
)

// pacer decides before each run whether a session's threads share it. Other
// programs come and go: a helper that has to wait for its core holds the run up for
// longer than it ever saves.
type pacer struct {
	alone, shared recently
	sharing       bool
	runs          int
}

// probeEvery is how many runs there are between two that try the other way.
const probeEvery = 64

// recently is the last times of one way to run.
type recently struct {
	times [9]time.Duration
	next  int
}

func (r *recently) add(d time.Duration) {
	r.times[r.next] = d
	r.next = (r.next + 1) % len(r.times)
}

func (r *recently) median() time.Duration {
	sorted := r.times
	slices.Sort(sorted[:])
	return sorted[len(sorted)/2]
}

// newPacer begins with what a calibration saw.
func newPacer(alone, shared time.Duration) *pacer {
	p := &pacer{sharing: true}
	for range p.alone.times {
		p.alone.add(alone)
		p.shared.add(shared)
	}
	return p
}

// next tells whether to share the run that comes.
func (p *pacer) next() bool {
	p.runs++
	return p.sharing != (p.runs%probeEvery == 0)
}

// took takes down a run. Sharing ends when it is no gain, and begins again when it is
// one worth its cores.
func (p *pacer) took(shared bool, d time.Duration) {
	if shared {
		p.shared.add(d)
	} else {
		p.alone.add(d)
	}
	gain := float64(p.shared.median()) / float64(p.alone.median())
	if p.sharing {
		p.sharing = gain < 1
	} else {
		p.sharing = gain < worthGain
	}
}

// paced runs a session whose model was calibrated.
func (s *Session) paced(ctx context.Context) error {
	share, start, err := s.pace.next(), time.Now(), error(nil)
	if share {
		err = s.shared(ctx)
	} else {
		err = s.exec.Run(ctx, s.plan, s.arena)
	}
	s.pace.took(share, time.Since(start))
	return err
}
