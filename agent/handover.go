package agent

import (
	"context"
	"time"
)

// A handover is a unit about to take a pipeline over. It sees what the old one
// sees, from reset state, and takes over with its first warm result: no frame
// goes undecided, and none is lost.
type handover struct {
	unit *Unit
	s    *stream     // made by the pipeline's goroutine
	told func(error) // how it ended; called once, on the pipeline's goroutine
}

// handOver gives the pipeline to another unit. It returns at once; told hears
// when the unit decides, or why it never will. A handover before that is not
// over is forgotten.
func (r *runner) handOver(u *Unit, told func(error)) error {
	if err := fits(r.feed.input(), u); err != nil {
		return err
	}
	r.next.Store(&handover{unit: u, told: told})
	return nil
}

// turnTo is handOver unless the pipeline runs that unit's bundle already, and
// is about to go on with it: another one may be warming up.
func (r *runner) turnTo(u *Unit, told func(error)) error {
	waits := r.next.Load() != nil // asked first: a handover is over only when the unit is the new one
	if now := r.unit.Load(); !waits && now != nil && now.Digest == u.Digest {
		return nil
	}
	return r.handOver(u, told)
}

// advance gives the unit that takes over what the old one has just had. What
// goes wrong in it ends the handover, and nothing else.
func (r *runner) advance(h *handover, feed func(*stream) error) error {
	if r.now == nil {
		if err := r.take(h); err != nil {
			return err
		}
		return feed(r.now)
	}
	err := contain(r.ctx, func(context.Context) (err error) {
		if h.s == nil {
			h.s, err = newStream(h.unit, r.cfg.Enter, r.rate, nil)
			if err != nil {
				return err
			}
			h.s.use = func(start, end time.Time) { r.relieve(h, start, end) }
		}
		return feed(h.s)
	})
	if err != nil && r.now != h.s {
		r.next.CompareAndSwap(h, nil)
		h.told(err)
		return nil
	}
	return err
}

// relieve lets the old unit go at the first warm result of the new one. That
// result counts where the old one has not decided so far yet.
func (r *runner) relieve(h *handover, start, end time.Time) {
	if !h.s.res.Warm {
		return
	}
	r.install(h)
	if end.After(r.rec.End) {
		r.emit(start, end)
	}
}

func (r *runner) install(h *handover) {
	r.now = h.s
	r.now.use = r.onEmit
	r.tap.watch(r.now)
	r.dress(h.unit)
	r.next.CompareAndSwap(h, nil)
	r.log.Info("bundle in use", "bundle", h.unit.Name(), "digest", h.unit.Digest[:12])
	h.told(nil)
}

// take lets a unit take over at once, where nothing runs.
func (r *runner) take(h *handover) error {
	s, err := newStream(h.unit, r.cfg.Enter, r.rate, r.onEmit)
	if err != nil {
		r.next.CompareAndSwap(h, nil)
		h.told(err)
		return err
	}
	h.s = s
	r.install(h)
	return nil
}
