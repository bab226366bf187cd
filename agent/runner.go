package agent

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// A runner is one pipeline at work: one goroutine owns its model session and
// everything between lane and actions.
type runner struct {
	cfg     config.Pipeline
	unit    *Unit
	feed    *feed
	samples *lane[chunk]     // nil for images
	frames  *lane[hal.Frame] // nil for samples
	actions []*action.Action
	sup     *supervisor
	log     *slog.Logger
	view    view
	records *recorder
	source  telemetry.Source
	drift   *driftWatch // nil without a reference
	hurt    func()      // tests make a pipeline fail with it; nil otherwise

	// What the goroutine works on; built once, reused for every window.
	pipe  *pipeline.Pipeline
	res   pipeline.Result
	rec   action.Record
	clock hal.Clock
	anchor
	// Function values, made once per life since making one allocates.
	onFrame  func(context.Context, *hal.Frame) error
	onChunk  func(context.Context, *chunk) error
	onWindow func() error
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

// newRunner joins a unit to a feed, if they fit each other.
func newRunner(cfg config.Pipeline, u *Unit, f *feed, device string, clock hal.Clock, log *slog.Logger) (*runner, error) {
	if err := fits(f.input(), u); err != nil {
		return nil, setup(cfg.At, fmt.Errorf("pipeline %s: source %s does not suit bundle %s: %w", cfg.Name, cfg.Source, u.Name(), err), otherSource)
	}
	log = log.With("pipeline", cfg.Name, "model", u.model[:12])
	r := &runner{cfg: cfg, unit: u, feed: f, sup: newSupervisor(clock, log), log: log, clock: clock}
	if f.input().camera != nil {
		r.frames = newLane[hal.Frame](frameDepth)
		f.frames = append(f.frames, r.frames)
	} else {
		r.samples = newLane[chunk](chunkDepth)
		f.samples = append(f.samples, r.samples)
		r.rate = f.input().sensor.Info().RateHz
	}
	r.rec = action.Record{
		Device: device, Pipeline: cfg.Name, Source: cfg.Source,
		Bundle: u.Name(), Model: u.model, Simulated: f.input().simulated(),
	}
	return r, nil
}

// run keeps the pipeline going until its lane is closed and empty, or ctx ends.
func (r *runner) run(ctx context.Context) {
	r.sup.run(ctx, r.work, r.discard)
}

// work is one life of the pipeline, from fresh state.
func (r *runner) work(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if r.frames != nil {
		return drain(ctx, r.frames, r.onFrame)
	}
	return drain(ctx, r.samples, r.onChunk)
}

// begin makes what a life of the pipeline works with.
func (r *runner) begin(ctx context.Context) error {
	var err error
	if r.pipe, err = r.unit.newPipeline(); err != nil {
		return err
	}
	r.onFrame, r.onChunk = r.image, r.chunk
	r.onWindow = func() error {
		r.emit(ctx, r.time(r.res.Start), r.time(r.res.End))
		return nil
	}
	return nil
}

// drain gives everything in a lane to use and returns the buffers, whatever
// use does.
func drain[T any](ctx context.Context, l *lane[T], use func(context.Context, *T) error) error {
	for x := range l.full {
		if err := useOne(ctx, l, x, use); err != nil {
			return err
		}
	}
	return nil
}

func useOne[T any](ctx context.Context, l *lane[T], x *T, use func(context.Context, *T) error) error {
	defer func() { l.free <- x }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return use(ctx, x)
}

// chunk feeds samples to the pipeline and hands out the windows they complete.
func (r *runner) chunk(ctx context.Context, c *chunk) error {
	if r.hurt != nil {
		r.hurt()
	}
	r.rec.Item = c.Item
	if c.NewItem {
		r.pipe.Reset()
		r.anchor.index = 0
	} else if c.Lost > 0 {
		r.pipe.Gap(int(min(c.Lost, math.MaxInt32)))
		r.anchor.index += int64(c.Lost)
	}
	r.anchor.at = c.Time
	if r.unit.source.Kind == pipeline.KindTensor {
		return r.rows(ctx, c)
	}
	if err := feedWindows(ctx, r.pipe, r.unit.source.Channels, c.samples, &r.res, r.onWindow); err != nil {
		return err
	}
	r.anchor.index += int64(c.Frames)
	return nil
}

// rows gives each frame of samples to a pipeline that takes whole tensors.
func (r *runner) rows(ctx context.Context, c *chunk) error {
	width := len(c.samples) / max(1, c.Frames)
	for i := range c.Frames {
		if err := r.pipe.Tensors(ctx, c.samples[i*width:(i+1)*width], &r.res); err != nil {
			return err
		}
		at := r.time(r.anchor.index + int64(i))
		r.emit(ctx, at, at)
	}
	r.anchor.index += int64(c.Frames)
	return nil
}

// image classifies one frame.
func (r *runner) image(ctx context.Context, f *hal.Frame) error {
	if r.hurt != nil {
		r.hurt()
	}
	img := vision.Image{Width: f.Width, Height: f.Height, Stride: f.Stride, Channels: f.Channels, Pix: f.Pix}
	if err := r.pipe.Image(ctx, img, &r.res); err != nil {
		return err
	}
	r.rec.Item = f.Item
	r.view.frame.keep(f)
	r.emit(ctx, f.Time, f.Time)
	return nil
}

// emit shows a result and hands it to the actions. It does not allocate.
func (r *runner) emit(ctx context.Context, start, end time.Time) {
	res, rec := &r.res, &r.rec
	rec.Time = r.clock.Now()
	rec.Start, rec.End = start, end
	rec.Kind, rec.Event = action.KindResult, ""
	rec.Label, rec.Class, rec.Score, rec.Margin = res.Label, res.Class, res.Score, res.Margin
	rec.RawScore = rawScore(res, res.Class)
	rec.LatencyUS = (res.Pre + res.Infer + res.Post).Microseconds()
	r.view.update(res, rec)
	if !res.Warm {
		return
	}
	r.offer(ctx)
	r.record()
	if ev := res.Event; ev != nil {
		rec.Kind, rec.Event = action.KindEvent, ev.Kind
		rec.Label, rec.Class, rec.Score = ev.Label, ev.Class, ev.Score
		rec.RawScore = rawScore(res, ev.Class)
		r.view.event(rec)
		r.offer(ctx)
	}
}

// keep makes the pipeline leave records of what it decides.
func (r *runner) keep(records *recorder) {
	if records == nil {
		return
	}
	r.records = records
	r.source = telemetry.Source{Pipeline: r.cfg.Name}
	if _, err := hex.Decode(r.source.Model[:], []byte(r.unit.Digest)); err != nil {
		panic(err) // the unit made it
	}
	r.drift = newDriftWatch(r.unit.Manifest.Reference)
	r.sup.failed = records.tellOf("pipeline " + r.cfg.Name)
}

// record keeps the decision, after the actions have it.
func (r *runner) record() {
	if r.records == nil {
		return
	}
	res := &r.res
	margin := res.Margin
	if len(res.Scores) < 2 {
		margin = float32(math.NaN())
	}
	r.records.result(telemetry.Result{
		Source: r.source, Class: uint16(min(max(res.Class, 0), math.MaxUint16)),
		Score: res.Score, Margin: margin, Latency: res.Pre + res.Infer + res.Post,
	})
	if level, text, changed := r.drift.add(r.records.clock.Mono(), res); changed {
		r.records.event(telemetry.Event{Code: eventDrift, Value: int64(level), Text: r.cfg.Name + ": " + text})
	}
}

func rawScore(res *pipeline.Result, class int) float32 {
	if class < 0 || class >= len(res.Raw) {
		return 0
	}
	return res.Raw[class]
}

func (r *runner) offer(ctx context.Context) {
	for _, a := range r.actions {
		a.Offer(ctx, &r.rec)
	}
}

// discard keeps the lane moving while the pipeline waits for its restart, so
// that nobody else on the source is held up.
func (r *runner) discard(ctx context.Context, over <-chan time.Time) bool {
	if r.frames != nil {
		return discard(ctx, over, r.frames, func(*hal.Frame) uint64 { return 1 })
	}
	return discard(ctx, over, r.samples, func(c *chunk) uint64 { return uint64(c.Frames) })
}

func discard[T any](ctx context.Context, over <-chan time.Time, l *lane[T], size func(*T) uint64) bool {
	for {
		select {
		case x, open := <-l.full:
			if !open {
				return false
			}
			l.lost.Add(size(x))
			l.free <- x
		case <-over:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (r *runner) status() PipelineStatus {
	s := PipelineStatus{
		Name: r.cfg.Name, Source: r.cfg.Source, Health: r.sup.Health(),
		Kind: r.unit.source.Kind, Bundle: r.unit.Name(), Model: r.unit.model, Golden: r.unit.Golden,
		Simulated: r.rec.Simulated, Labels: r.unit.labels, Decides: r.unit.decides,
		Drift: r.drift.read(),
	}
	if r.frames != nil {
		s.Lost = r.frames.lost.Load()
	} else {
		s.Lost = r.samples.lost.Load()
	}
	r.view.fill(&s, r.clock.Now())
	for _, a := range r.actions {
		s.Actions = append(s.Actions, a.Stats())
	}
	return s
}
