package agent

import (
	"encoding/hex"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// A shadowTap captures windows that a candidate decides otherwise than the
// bundle in use. What that decided is known a little later, so one window is
// held until then. It belongs to the probation's goroutine; a nil one takes none.
type shadowTap struct {
	*tap
	held *slot
	end  time.Time // of the held window
}

// shadow makes the tap of a candidate.
func (t *tap) shadow() *shadowTap {
	if t == nil || !t.cfg.Disagree {
		return nil
	}
	return &shadowTap{tap: t.to.newTap(t.pipeline, t.cfg)}
}

func (t *shadowTap) watch(s *stream) {
	if t != nil {
		t.tap.watch(s)
	}
}

// hold keeps the window that a candidate has just decided, if one may be taken
// and none is held.
func (t *shadowTap) hold(s *stream, end time.Time) {
	if t == nil || t.held != nil || !t.live.Whole() {
		return
	}
	if _, ok := t.may(); !ok {
		return
	}
	select {
	case x := <-t.free:
		x.snap, t.live = t.live, x.snap
		a := &x.about
		a.Numerics, a.Why, a.Class, a.Label, a.Score = inference.Numerics, capture.Disagree, s.res.Class, s.res.Label, s.res.Score
		if _, err := hex.Decode(a.Bundle[:], []byte(s.unit.Digest)); err == nil {
			t.held, t.end = x, end
			return
		}
		t.free <- x
	default:
	}
}

// settle is told whether the candidate's window that ended at a time differs.
func (t *shadowTap) settle(end time.Time, differs bool) {
	if t == nil || t.held == nil || !t.end.Equal(end) {
		return
	}
	x := t.held
	t.held = nil
	if !differs {
		t.free <- x
		return
	}
	if t.to.put(x) {
		t.last, _ = t.may()
	}
}
