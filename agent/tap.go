package agent

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// spareSlots is how many windows of a pipeline may wait for the disk.
const spareSlots = 2

// A slot holds one window on its way to the disk.
type slot struct {
	snap  pipeline.Snapshot
	about capture.Capture // without time and tensors
	free  chan *slot      // where it goes back
	tell  chan<- captured // who asked for it; nil where nobody did
}

// captured is what became of a window that somebody asked for.
type captured struct {
	id   string // digest
	size int64
	err  error
}

// A tap chooses the windows of one pipeline that are captured. It belongs to
// the pipeline's goroutine, allocates nothing once warm and waits for nobody. A
// nil tap takes none.
type tap struct {
	pipeline string
	cfg      config.Capture
	to       *captures
	live     pipeline.Snapshot // of the window that was just decided
	free     chan *slot
	seen     int           // decisions since the last for cfg.Every
	last     time.Duration // when the last one was taken, since boot; 0: none yet
	asked    atomic.Pointer[chan<- captured]
}

func (c *captures) tap(p config.Pipeline) *tap {
	if c == nil || !p.Capture.Any() || c.open() == nil {
		return nil
	}
	return c.newTap(p.Name, p.Capture)
}

func (c *captures) newTap(pipeline string, cfg config.Capture) *tap {
	t := &tap{pipeline: pipeline, cfg: cfg, to: c, free: make(chan *slot, spareSlots)}
	for range spareSlots {
		t.free <- &slot{free: t.free, about: capture.Capture{Pipeline: pipeline, Subject: cfg.Subject}}
	}
	return t
}

// watch makes the tap see the windows of a stream, and those before no more.
func (t *tap) watch(s *stream) {
	if t == nil {
		return
	}
	for range len(t.free) { // memory is taken now, not with the first capture
		x := <-t.free
		s.pipe.Keep(&x.snap)
		t.free <- x
	}
	s.pipe.Keep(&t.live)
}

// take hands the window that r has decided to the disk, if it is wanted, not
// too soon, and the disk has caught up.
func (t *tap) take(r *runner) {
	if t == nil || !t.live.Whole() {
		return
	}
	why := t.wants(&r.now.res, r.drift.Load())
	asked := t.asked.Load()
	if asked != nil {
		why = capture.Asked
	}
	if why == 0 {
		return
	}
	now, ok := t.may()
	if !ok && asked == nil {
		t.to.limited.Add(1)
		return
	}
	select {
	case s := <-t.free:
		s.snap, t.live = t.live, s.snap // the pipeline goes on in the other's memory
		res, a := &r.now.res, &s.about
		a.Bundle, a.Numerics, a.Why = r.source.Model, inference.Numerics, why
		a.Class, a.Label, a.Score = res.Class, res.Label, res.Score
		if s.tell = nil; asked != nil && t.asked.CompareAndSwap(asked, nil) {
			s.tell = *asked
		}
		if t.to.put(s) {
			t.last = now
		}
	default:
		t.to.busy.Add(1)
	}
}

// put hands a window to the disk, unless too many wait for it.
func (c *captures) put(s *slot) bool {
	select {
	case c.queue <- s:
		return true
	default:
		c.busy.Add(1)
		s.answer(captured{err: errors.New("too many windows wait for the disk")})
		s.free <- s
		return false
	}
}

// may tells whether min_interval has passed, and the time.
func (t *tap) may() (now time.Duration, ok bool) {
	now = t.to.records.clock.Mono()
	return now, t.last == 0 || now-t.last >= t.cfg.MinInterval
}

// wants returns why a decision is to be kept, 0 if it is not.
func (t *tap) wants(res *pipeline.Result, d *driftWatch) capture.Reason {
	t.seen++
	switch {
	case t.cfg.Drift && d.drifting():
		return capture.Drift
	case slices.Contains(t.cfg.Labels, res.Label):
		return capture.Label
	case float64(res.Score) < t.cfg.Below:
		return capture.Score
	case t.cfg.Every > 0 && t.seen >= t.cfg.Every:
		t.seen = 0
		return capture.Every
	}
	return 0
}
