package hal

import (
	"context"
	"sync"
	"time"
)

// A Clock tells the time and waits. Tests bring their own.
type Clock interface {
	Now() time.Time
	// After sends once d has passed, as time.After does.
	After(d time.Duration) <-chan time.Time
}

// Wall is the machine's clock.
type Wall struct{}

// Now is time.Now.
func (Wall) Now() time.Time { return time.Now() }

// After is time.After.
func (Wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

// A Pacer gives the frames of a made or recorded stream their times, and in
// real time holds them back until then. One goroutine uses it; Halt may be
// called from any.
type Pacer struct {
	clock    Clock
	rateHz   float64
	realtime bool
	start    time.Time
	frames   int64
	once     sync.Once
	halt     chan struct{}
}

// NewPacer returns a pacer whose first frame is now. A nil clock is the
// machine's.
func NewPacer(clock Clock, rateHz float64, realtime bool) *Pacer {
	if clock == nil {
		clock = Wall{}
	}
	return &Pacer{clock: clock, rateHz: rateHz, realtime: realtime, start: clock.Now(), halt: make(chan struct{})}
}

// Chunk returns how many frames to read at once where there is room for more:
// in real time at most a quarter of a second, so that an end is soon noticed. Who
// wants them sooner gives less room.
func (p *Pacer) Chunk(room int) int {
	if !p.realtime {
		return room
	}
	return min(room, max(1, int(p.rateHz/4)))
}

// Advance counts frames and returns the time of the first. In real time it
// waits until the last one is over. It ends early with ctx's error or
// ErrHalted.
func (p *Pacer) Advance(ctx context.Context, frames int) (time.Time, error) {
	at := p.at(p.frames)
	p.frames += int64(frames)
	if err := p.Err(ctx); err != nil || !p.realtime {
		return at, err
	}
	wait := p.at(p.frames).Sub(p.clock.Now())
	if wait <= 0 {
		return at, nil
	}
	select {
	case <-p.clock.After(wait):
		return at, nil
	case <-ctx.Done():
		return at, ctx.Err()
	case <-p.halt:
		return at, ErrHalted
	}
}

// Skip counts frames that the stream lost; the next ones come that much later.
func (p *Pacer) Skip(frames uint64) { p.frames += int64(frames) }

func (p *Pacer) at(frame int64) time.Time {
	whole := int64(p.rateHz)
	if float64(whole) == p.rateHz { // exact, however long the stream
		return p.start.Add(time.Duration(frame/whole)*time.Second + time.Duration(frame%whole)*time.Second/time.Duration(whole))
	}
	return p.start.Add(time.Duration(float64(frame) / p.rateHz * float64(time.Second)))
}

// Err returns ctx's error, ErrHalted after Halt, or nil.
func (p *Pacer) Err(ctx context.Context) error {
	select {
	case <-p.halt:
		return ErrHalted
	default:
		return ctx.Err()
	}
}

// Halt ends pending and later waits. It is idempotent.
func (p *Pacer) Halt() { p.once.Do(func() { close(p.halt) }) }
