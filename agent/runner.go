package agent

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// A runner is one pipeline at work: one goroutine owns its model session and
// everything between lane and actions.
type runner struct {
	cfg      config.Pipeline
	unit     atomic.Pointer[Unit] // what decides now; nil where nothing was assigned yet
	feed     *feed
	task     task             // once it runs
	gone     chan struct{}    // closed when another takes its place: it ends with what waits in its lane
	samples  *lane[chunk]     // nil for images
	frames   *lane[hal.Frame] // nil for samples
	actions  []*action.Action
	sup      *supervisor
	log      *slog.Logger // of the pipeline; dress adds the model
	view     view
	recent   decisions // warm ones
	records  *recorder
	source   telemetry.Source
	drift    atomic.Pointer[driftWatch] // nil without a unit
	next     atomic.Pointer[handover]   // nil unless another unit takes over
	again    atomic.Bool                // somebody wants it to begin anew
	tap      *tap                       // nil unless windows are captured
	audience audience
	server   *accelerator // nil where the model runs on this CPU
	hurt     func()       // tests make a pipeline fail with it; nil otherwise

	// What the goroutine works on; built once a life, reused for every window.
	now   *stream // nil without a unit
	rec   action.Record
	clock hal.Clock
	rate  float64         // of the source, in Hz; 0 for images
	ctx   context.Context // of this life, for the actions
	// Function values, made once per life since making one allocates.
	onFrame func(context.Context, *hal.Frame) error
	onChunk func(context.Context, *chunk) error
	onEmit  func(start, end time.Time)
}

// newRunner joins a unit to a feed, if they fit each other. A nil unit comes
// later, by handOver.
func newRunner(cfg config.Pipeline, u *Unit, f *feed, device string, clock hal.Clock, log *slog.Logger) (*runner, error) {
	if u != nil {
		if err := fits(f.input(), u); err != nil {
			return nil, setup(cfg.At, fmt.Errorf("pipeline %s: source %s does not suit bundle %s: %w", cfg.Name, cfg.Source, u.Name(), err), otherSource)
		}
	}
	log = log.With("pipeline", cfg.Name)
	r := &runner{cfg: cfg, feed: f, gone: make(chan struct{}), sup: newSupervisor(clock, log), log: log, clock: clock, source: telemetry.Source{Pipeline: cfg.Name}}
	r.sup.failed = func(int, error) { r.haltActions() }
	if f.input().camera != nil {
		r.frames = newLane[hal.Frame](frameDepth)
		r.frames.gone = r.gone
		if !f.addFrames(r.frames) {
			close(r.frames.full)
		}
	} else {
		r.samples = newLane[chunk](chunkDepth)
		r.samples.gone = r.gone
		if !f.addSamples(r.samples) {
			close(r.samples.full)
		}
		r.rate = f.input().sensor.Info().RateHz
	}
	r.rec = action.Record{Device: device, Pipeline: cfg.Name, Source: cfg.Source, Simulated: f.input().simulated()}
	if u != nil {
		r.dress(u)
	}
	return r, nil
}

// dress makes results those of a unit.
func (r *runner) dress(u *Unit) {
	r.rec.Bundle, r.rec.Model = u.Name(), u.model
	if r.samples != nil && u.spec.Window != nil {
		r.samples.hop.Store(int64(cmp.Or(u.spec.Window.Hop, u.spec.Window.Length)))
	}
	if _, err := hex.Decode(r.source.Model[:], []byte(u.Digest)); err != nil {
		panic(err) // the unit made it
	}
	if r.records != nil {
		r.drift.Load().end(r.records.clock.Mono()) // the old unit's
	}
	source := r.source
	r.drift.Store(newDriftWatch(u.Manifest.Reference, func(p *drift.Profile, lasted time.Duration) { r.profile(source, p, lasted) }))
	r.unit.Store(u)
}

// run keeps the pipeline going until its lane is closed and empty, or ctx ends.
func (r *runner) run(ctx context.Context) {
	r.sup.run(ctx, r.work, r.discard)
	if r.records != nil {
		r.drift.Load().end(r.records.clock.Mono())
	}
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
	r.ctx = ctx
	r.onFrame, r.onChunk, r.onEmit = r.image, r.chunk, r.emit
	if h := r.next.Load(); h != nil && r.sup.Health().Restarts > 0 {
		return r.take(h) // what failed is not worth waiting for
	}
	u := r.unit.Load()
	if u == nil {
		return nil
	}
	var err error
	if r.now, err = newStream(u, r.cfg.Enter, r.rate, r.onEmit); err == nil {
		r.tap.watch(r.now)
	}
	return err
}

// drain gives everything in a lane to use and returns the buffers, whatever
// use does.
func drain[T any](ctx context.Context, l *lane[T], use func(context.Context, *T) error) error {
	for {
		x, open := l.next()
		if !open {
			return nil
		}
		if err := useOne(ctx, l, x, use); err != nil {
			return err
		}
	}
}

func useOne[T any](ctx context.Context, l *lane[T], x *T, use func(context.Context, *T) error) error {
	defer func() { l.free <- x }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return use(ctx, x)
}

// chunk decides on the windows that samples complete.
func (r *runner) chunk(ctx context.Context, c *chunk) error {
	if r.hurt != nil {
		r.hurt()
	}
	if r.again.CompareAndSwap(true, false) {
		return errRestart
	}
	r.rec.Item = c.Item
	if r.now != nil {
		if err := r.now.chunk(ctx, c); err != nil {
			return err
		}
		r.samples.due.Store(c.end + int64(r.now.pipe.Missing()))
	}
	if h := r.next.Load(); h != nil {
		return r.advance(h, func(s *stream) error { return s.chunk(ctx, c) })
	}
	return nil
}

// image decides on one frame.
func (r *runner) image(ctx context.Context, f *hal.Frame) error {
	if r.hurt != nil {
		r.hurt()
	}
	if r.again.CompareAndSwap(true, false) {
		return errRestart
	}
	r.rec.Item = f.Item
	r.view.frame.keep(f)
	if r.now != nil {
		if err := r.now.image(ctx, f); err != nil {
			return err
		}
	}
	if h := r.next.Load(); h != nil {
		return r.advance(h, func(s *stream) error { return s.image(ctx, f) })
	}
	return nil
}

// emit shows a result and hands it to the actions. It does not allocate.
func (r *runner) emit(start, end time.Time) {
	res, rec := &r.now.res, &r.rec
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
	r.recent.add(end, res.Label)
	r.offer(r.ctx)
	r.audience.tell(rec)
	r.record()
	if !r.server.serving() { // what a server decided could not be computed again
		r.tap.take(r)
	}
	if ev := res.Event; ev != nil {
		rec.Kind, rec.Event = action.KindEvent, ev.Kind
		rec.Label, rec.Class, rec.Score = ev.Label, ev.Class, ev.Score
		rec.RawScore = rawScore(res, ev.Class)
		r.view.event(rec)
		r.offer(r.ctx)
		r.audience.tell(rec)
	}
}

// keep makes the pipeline leave records of what it decides.
func (r *runner) keep(records *recorder) {
	if records == nil {
		return
	}
	r.records = records
	tell := records.tellOf("pipeline " + r.cfg.Name)
	r.sup.failed = func(restarts int, err error) {
		tell(restarts, err)
		r.haltActions()
	}
}

func (r *runner) haltActions() {
	for _, act := range r.actions {
		act.Halt()
	}
}

// record keeps the decision, after the actions have it.
func (r *runner) record() {
	if r.records == nil {
		return
	}
	res := &r.now.res
	margin := res.Margin
	if len(res.Scores) < 2 {
		margin = float32(math.NaN())
	}
	r.records.result(telemetry.Result{
		Source: r.source, Class: uint16(min(max(res.Class, 0), math.MaxUint16)),
		Score: res.Score, Margin: margin, Latency: res.Pre + res.Infer + res.Post,
	})
	if level, text, changed := r.drift.Load().add(r.records.clock.Mono(), res); changed {
		r.records.event(telemetry.Event{Code: eventDrift, Value: int64(level), Text: r.cfg.Name + ": " + text})
	}
}

// profile keeps a window of histograms.
func (r *runner) profile(of telemetry.Source, p *drift.Profile, lasted time.Duration) {
	w := drift.Window{Pipeline: of.Pipeline, Model: of.Model, Profile: p}
	r.records.event(telemetry.Event{Code: telemetry.EventProfile, Value: int64(lasted / time.Second), Text: string(w.Encode())})
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
		case <-l.gone:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (r *runner) status() PipelineStatus {
	s := PipelineStatus{
		Name: r.cfg.Name, Source: r.cfg.Source, Health: r.sup.Health(), Simulated: r.rec.Simulated,
		Drift: r.drift.Load().read(), Server: r.server.status(),
	}
	if u := r.unit.Load(); u != nil {
		s.Kind, s.Bundle, s.Digest, s.Model, s.Golden = u.source.Kind, u.Name(), u.Digest, u.model, u.Golden
		s.Labels, s.Decides = u.labels, u.decides
	} else {
		s.Reason = "no bundle was assigned to it yet"
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
