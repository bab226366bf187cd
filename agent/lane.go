package agent

import (
	"context"
	"sync/atomic"

	"github.com/dunlin-edge/dunlin/hal"
)

// A chunk is a block of samples on its way to one pipeline.
type chunk struct {
	hal.Block
	samples []float32 // Frames * channels
	end     int64     // how many frames the lane had been offered with them
}

// A lane carries chunks or frames from a feed to one pipeline, in buffers that
// go round: free, filled by the feed, full, read by the pipeline, free again.
// Nothing is allocated once the buffers have grown to size. Closing full ends
// the stream.
type lane[T any] struct {
	free, full chan *T
	hop        atomic.Int64  // of its reader, in frames; 0: not known
	due        atomic.Int64  // how many frames offered complete its next window
	fed        int64         // frames offered so far, the feed's
	lost       atomic.Uint64 // samples or frames that the pipeline never saw
	gone       chan struct{} // closed when its reader ends before the stream does; nil: never
	lossy      bool          // nobody waits for its reader, whatever the source
	// What the next chunk must declare of those that were lost.
	pending uint64 // samples
	newItem bool   // one of them began a clip
}

// next waits for what comes next. False means that nothing does, or that the
// reader is to end and has read what was there.
func (l *lane[T]) next() (x *T, open bool) {
	select {
	case x, open = <-l.full:
		return x, open
	case <-l.gone:
	}
	select {
	case x, open = <-l.full:
		return x, open
	default:
		return nil, false
	}
}

// wants is how many frames complete the reader's next window, or the one before
// it: a reader that is behind says so late, by whole hops. 0: not known.
func (l *lane[T]) wants() int {
	hop := l.hop.Load()
	if hop == 0 {
		return 0
	}
	n := (l.due.Load() - l.fed) % hop
	if n <= 0 {
		n += hop
	}
	return int(n)
}

func newLane[T any](depth int) *lane[T] {
	l := &lane[T]{free: make(chan *T, depth), full: make(chan *T, depth)}
	for range depth {
		l.free <- new(T)
	}
	return l
}

// putSamples copies a block into the lane. A live lane without room loses it,
// and the next chunk says so; others wait.
func putSamples(ctx context.Context, l *lane[chunk], live bool, b hal.Block, samples []float32) error {
	l.lost.Add(b.Lost)
	l.fed += int64(b.Frames)
	var c *chunk
	select {
	case c = <-l.free:
	default:
		if live {
			l.pending += b.Lost + uint64(b.Frames)
			l.newItem = l.newItem || b.NewItem
			l.lost.Add(uint64(b.Frames))
			return nil
		}
		select {
		case c = <-l.free:
		case <-l.gone:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.Block, c.end = b, l.fed
	c.Lost += l.pending
	c.NewItem = c.NewItem || l.newItem
	l.pending, l.newItem = 0, false
	c.samples = append(c.samples[:0], samples...)
	l.full <- c
	return nil
}

// putFrame copies a frame into the lane. In a live lane the newest frame takes
// the place of one still waiting; others wait for room.
func putFrame(ctx context.Context, l *lane[hal.Frame], live bool, f *hal.Frame) error {
	var dst *hal.Frame
	if live {
		select {
		case dst = <-l.full:
			l.lost.Add(1)
		default:
		}
	}
	if dst == nil {
		select {
		case dst = <-l.free:
		case <-l.gone:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	pix := append(dst.Pix[:0], f.Pix...)
	*dst = *f
	dst.Pix = pix
	l.full <- dst
	return nil
}
