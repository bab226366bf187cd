package agent

import (
	"context"
	"math"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// A stream is a session of a unit on what a source delivers. One goroutine
// uses it; nothing is allocated once warm.
type stream struct {
	unit *Unit
	pipe *pipeline.Pipeline
	res  pipeline.Result
	use  func(start, end time.Time) // is called with each result in res
	anchor
	each func() error // made once, since making a function value allocates
}

// An anchor ties a sample index of the stream to the time it was measured.
type anchor struct {
	index int64
	at    time.Time
	rate  float64
}

func (a *anchor) time(index int64) time.Time {
	return a.at.Add(time.Duration(float64(index-a.index) / a.rate * float64(time.Second)))
}

// newStream begins in reset state. rate is the source's, in Hz; enter is what
// the fleet has tuned.
func newStream(u *Unit, enter config.Enter, rate float64, use func(start, end time.Time)) (*stream, error) {
	pipe, err := u.entering(enter).newPipeline()
	if err != nil {
		return nil, err
	}
	s := &stream{unit: u, pipe: pipe, use: use, anchor: anchor{rate: rate}}
	s.each = func() error {
		s.use(s.time(s.res.Start), s.time(s.res.End))
		return nil
	}
	return s, nil
}

// chunk feeds samples and hands out the windows they complete.
func (s *stream) chunk(ctx context.Context, c *chunk) error {
	if c.NewItem {
		s.pipe.Reset()
		s.anchor.index = 0
	} else if c.Lost > 0 {
		s.pipe.Gap(int(min(c.Lost, math.MaxInt32)))
		s.anchor.index += int64(c.Lost)
	}
	s.anchor.at = c.Time
	if s.unit.source.Kind == pipeline.KindTensor {
		return s.rows(ctx, c)
	}
	if err := feedWindows(ctx, s.pipe, s.unit.source.Channels, c.samples, &s.res, s.each); err != nil {
		return err
	}
	s.anchor.index += int64(c.Frames)
	return nil
}

// rows gives each frame of samples to a pipeline that takes whole tensors.
func (s *stream) rows(ctx context.Context, c *chunk) error {
	width := len(c.samples) / max(1, c.Frames)
	for i := range c.Frames {
		if err := s.pipe.Tensors(ctx, c.samples[i*width:(i+1)*width], &s.res); err != nil {
			return err
		}
		at := s.time(s.anchor.index + int64(i))
		s.use(at, at)
	}
	s.anchor.index += int64(c.Frames)
	return nil
}

// image runs one frame.
func (s *stream) image(ctx context.Context, f *hal.Frame) error {
	img := vision.Image{Width: f.Width, Height: f.Height, Stride: f.Stride, Channels: f.Channels, Pix: f.Pix}
	if err := s.pipe.Image(ctx, img, &s.res); err != nil {
		return err
	}
	s.use(f.Time, f.Time)
	return nil
}
