package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// Buffers between a feed and each of its pipelines.
const (
	blocksPerSecond = 20 // where nobody's windows are known
	fewestBlocks    = 4  // a second, where windows are rarer
	chunkDepth      = 64 // at least 3 s of them
	minBlockFrames  = 64
	frameDepth      = 3 // one read, one waiting, one being filled
)

// A feed reads one source and hands everything to each pipeline on it. One
// goroutine runs it.
type feed struct {
	cfg   config.Source
	open  opener
	task  task // once it runs
	sup   *supervisor
	log   *slog.Logger
	clock hal.Clock

	mu      sync.Mutex
	in      *input // replaced when the source restarts
	item    string
	data    time.Time // when the last came
	trace   trace
	ended   bool
	samples []*lane[chunk] // replaced when one comes or goes, never changed
	frames  []*lane[hal.Frame]

	read atomic.Uint64 // frames read
	lost atomic.Uint64 // frames the source itself lost
}

func newFeed(cfg config.Source, clock hal.Clock, log *slog.Logger) (*feed, error) {
	in, err := openInput(cfg)
	if err != nil {
		return nil, err
	}
	log = log.With("source", cfg.Name)
	f := &feed{cfg: cfg, open: cfg.Settings.(opener), sup: newSupervisor(clock, log), log: log, clock: clock, in: in}
	if in.sensor != nil {
		f.trace = newTrace(in.sensor.Info())
	}
	return f, nil
}

func (f *feed) input() *input {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.in
}

// run reads until the source ends or ctx does, then closes the lanes.
func (f *feed) run(ctx context.Context) {
	defer f.end()
	defer func() { f.input().halt() }()
	var last error
	f.sup.run(ctx, func(ctx context.Context) error {
		if errors.Is(last, hal.ErrAbsent) {
			if last = f.reopen(); last != nil {
				return last
			}
		}
		last = f.pump(ctx)
		return last
	}, pause)
}

// end closes the lanes.
func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, l := range f.samples {
		close(l.full)
	}
	for _, l := range f.frames {
		close(l.full)
	}
}

// addSamples lets a lane have what is read from now on; false means that
// nothing comes any more.
func (f *feed) addSamples(l *lane[chunk]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.samples = append(slices.Clip(f.samples), l)
	return !f.ended
}

func (f *feed) addFrames(l *lane[hal.Frame]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(slices.Clip(f.frames), l)
	return !f.ended
}

// remove takes lanes away. What they held may still be read.
func (f *feed) remove(samples *lane[chunk], frames *lane[hal.Frame]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.samples = slices.DeleteFunc(slices.Clone(f.samples), func(l *lane[chunk]) bool { return l == samples })
	f.frames = slices.DeleteFunc(slices.Clone(f.frames), func(l *lane[hal.Frame]) bool { return l == frames })
}

// reopen takes up a source that had gone.
func (f *feed) reopen() error {
	f.input().halt()
	in, err := f.open()
	if err != nil {
		return fmt.Errorf("%w: %w", hal.ErrAbsent, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.in = in
	return nil
}

// pump reads the source to its end or to an error, after which it can be
// called again.
func (f *feed) pump(ctx context.Context) error {
	in := f.input()
	var err error
	if in.camera != nil {
		err = f.pumpFrames(ctx, in)
	} else {
		err = f.pumpSamples(ctx, in)
	}
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (f *feed) pumpSamples(ctx context.Context, in *input) error {
	info := in.sensor.Info()
	buf := make([]float32, max(minBlockFrames, int(info.RateHz/fewestBlocks))*info.Channels)
	restarted := true
	for {
		b, err := in.sensor.Read(ctx, buf[:f.block(info.RateHz)*info.Channels])
		if errors.Is(err, hal.ErrNoData) {
			continue
		}
		if err != nil {
			return err
		}
		b.NewItem = b.NewItem || restarted
		restarted = false
		samples := buf[:b.Frames*info.Channels]
		for _, l := range f.note(b, samples) {
			if err := putSamples(ctx, l, in.live || l.lossy, b, samples); err != nil {
				return err
			}
		}
	}
}

// block is how many frames to read at once, at most. Every block wakes whoever
// reads it, and nobody decides before a window is whole: a block ends with the
// next window, so that it waits for no other samples and wakes no one in vain.
func (f *feed) block(rateHz float64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := int(rateHz / fewestBlocks)
	if len(f.samples) == 0 {
		n = int(rateHz / blocksPerSecond)
	}
	for _, l := range f.samples {
		n = min(n, cmp.Or(l.wants(), int(rateHz/blocksPerSecond)))
	}
	return max(n, minBlockFrames)
}

// note keeps what the views show of a block, and returns who gets it.
func (f *feed) note(b hal.Block, samples []float32) []*lane[chunk] {
	f.read.Add(uint64(b.Frames))
	f.lost.Add(b.Lost)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.item, f.data = b.Item, f.clock.Now()
	f.trace.add(samples)
	return f.samples
}

func (f *feed) pumpFrames(ctx context.Context, in *input) error {
	var frame hal.Frame
	for {
		err := in.camera.Capture(ctx, &frame)
		if errors.Is(err, hal.ErrNoData) {
			continue
		}
		if err != nil {
			return err
		}
		f.read.Add(1)
		f.mu.Lock()
		f.item, f.data = frame.Item, f.clock.Now()
		lanes := f.frames
		f.mu.Unlock()
		for _, l := range lanes {
			if err := putFrame(ctx, l, in.live || l.lossy, &frame); err != nil {
				return err
			}
		}
	}
}

// inject makes the source misbehave, where it can.
func (f *feed) inject(fault string, severity float64) error {
	in := f.input()
	if in.faults == nil {
		return &RequestError{NotFound, fmt.Sprintf("source %s: driver %s has no faults to inject", f.cfg.Name, f.cfg.Driver)}
	}
	if err := in.faults.Inject(fault, severity); err != nil {
		return &RequestError{Invalid, fmt.Sprintf("source %s: %v", f.cfg.Name, err)}
	}
	f.log.Info("fault injected", "fault", fault, "severity", severity)
	return nil
}

// status describes the source for people.
func (f *feed) status(now time.Time) SourceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := SourceStatus{
		Name: f.cfg.Name, Driver: f.cfg.Driver, Health: f.sup.Health(),
		Simulated: f.in.simulated(), Read: f.read.Load(), Lost: f.lost.Load(), Item: f.item,
	}
	switch {
	case s.State == Waiting && f.data.IsZero():
		s.Reason = "no data yet: " + s.Reason
	case s.State == Waiting:
		s.Reason = "no data since " + f.data.Format(time.TimeOnly) + ": " + s.Reason
	}
	if f.in.sensor != nil {
		info := f.in.sensor.Info()
		s.Kind, s.RateHz, s.Unit, s.Channels = info.Kind, info.RateHz, info.Unit, info.Names
		s.Trace = f.trace.read()
		if p, ok := f.in.sensor.(hal.Paced); ok {
			pace := p.Pace()
			s.Measured, s.JitterUS = pace.RateHz, float64(pace.Jitter)/1e3
		}
	} else {
		s.Kind, s.RateHz = pipeline.KindImage, f.in.camera.Info().RateHz
	}
	if f.in.faults != nil {
		s.Faults = f.in.faults.Faults()
		s.Fault, s.Severity = f.in.faults.Fault()
	}
	return s
}
