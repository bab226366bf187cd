package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/signal"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// Pipeline is a model with its pre- and postprocessing and their state. It
// belongs to one goroutine.
type Pipeline struct {
	source  SourceSpec
	session *inference.Session
	input   *inference.Tensor
	output  *inference.Tensor
	direct  bool // micro_speech features enter the int8 input as TFLM makes them

	stream *stream
	scaler *scaler
	tensor *chain

	values []float32 // what enters the model, if not held elsewhere
	scores []float32
	post   *post
	meter  sampleMeter
	seq    uint64
	gaps   Gaps
	kept   *Snapshot // nil unless windows are kept
	tape   tape      // here, since it would be allocated for each window
}

// Gaps counts samples that sources reported lost.
type Gaps struct {
	Count   int64
	Samples int64
}

// Result is what one window or image gave. Its slices and Event are reused by
// the next call with the same Result.
type Result struct {
	Seq        uint64    // ordinal since Reset
	Start, End int64     // the window in sample frames since Reset; images and rows: ordinals
	Scores     []float32 // after postprocessing, one per label
	Raw        []float32 // before smoothing
	Top        []int     // best classes, with top_k
	Class      int       // the best class
	Label      string
	Score      float32
	Margin     float32 // to the second best; of a single score the score itself
	Warm       bool    // false during warmup_windows: do not act
	Event      *Event  // nil unless this window changed the decision
	// Boxes are the objects in the picture, best first, in parts of it; with the
	// stage boxes, whose scores are those of each label's best box.
	Boxes []vision.Box
	Input InputStats

	Pre, Infer, Post time.Duration
}

// New binds a spec to a model. Its error names the stage that does not fit and
// both shapes. The pipeline keeps nothing of the spec.
func New(m *inference.Model, s *Spec) (*Pipeline, error) {
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("pipeline spec: %w", err)
	}
	if in, out := len(m.Inputs()), len(m.Outputs()); in != 1 || out < 1 {
		return nil, fmt.Errorf("pipeline: model of %d inputs and %d outputs, want one input", in, out)
	}
	session, err := m.NewSession()
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	p := &Pipeline{source: s.Source, session: session, input: session.Input(0), output: session.Output(0)}
	p.source.Channels = orDefault(p.source.Channels, 1)
	if p.source.Kind == KindVibration {
		p.source.Unit = orDefault(p.source.Unit, "g")
	}
	if err := p.bind(s); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return p, nil
}

// bind builds the stages and checks them against the model.
func (p *Pipeline) bind(s *Spec) error {
	if !realValues(p.input.DType) || !realValues(p.output.DType) {
		return fmt.Errorf("model: input %s, output %s: want float32, int8, uint8 or int16", p.input.DType, p.output.DType)
	}
	var err error
	switch {
	case streams(s.Source.Kind):
		err = p.bindStream(s)
	case s.Source.Kind == KindImage:
		err = p.bindImage(s)
	default:
		p.tensor, err = newChain(s.Preprocess, []int{p.input.Elements()}, s.Source.Rate)
		p.meter = newSampleMeter(s.Source.Kind, p.input.Elements())
	}
	if err != nil {
		return err
	}
	n := p.output.Elements()
	if len(s.Postprocess) > 0 && s.Postprocess[0].Op == "boxes" {
		b, err := newBoxes(&s.Postprocess[0], len(s.Labels), p.session, p.scaler)
		if err != nil {
			return fmt.Errorf("postprocess[0] (boxes): %w", err)
		}
		p.post, err = newPost(s, len(s.Labels), s.Source.Rate)
		if err == nil {
			p.post.boxes = b
		}
		return err
	}
	if in := p.input.Elements(); len(s.Postprocess) > 0 && s.Postprocess[0].Op == "reconstruction_error" && in != n {
		return fmt.Errorf("postprocess[0] (reconstruction_error): output %v does not compare with input %v", p.output.Shape, p.input.Shape)
	}
	p.post, err = newPost(s, n, s.Source.Rate)
	return err
}

func realValues(t inference.DType) bool {
	return t == inference.Float32 || t == inference.Int8 || t == inference.Uint8 || t == inference.Int16
}

func (p *Pipeline) bindStream(s *Spec) error {
	c, err := newChain(s.Preprocess, []int{s.Window.Length, p.source.Channels}, s.Source.Rate)
	if err != nil {
		return err
	}
	if n := elements(c.out); n != p.input.Elements() {
		stage := "window"
		if c.last != "" {
			stage = fmt.Sprintf("preprocess[%d] (%s)", len(s.Preprocess)-1, c.last)
		}
		return fmt.Errorf("%s: gives %v, %d values, but the model's input is %v, %d values", stage, c.out, n, p.input.Shape, p.input.Elements())
	}
	p.direct = c.last == "micro_frontend" && p.input.DType == inference.Int8 && microInput(p.input.TensorInfo)
	p.stream = newStream(*s.Window, p.source.Channels, c)
	p.meter = newSampleMeter(s.Source.Kind, p.stream.hop*p.source.Channels)
	return nil
}

// microInput tells whether an int8 input has the quantization of micro_speech:
// 0 to 26 in 256 steps, within 2 %.
func microInput(t inference.TensorInfo) bool {
	return t.ZeroPoint == -128 && math.Abs(float64(t.Scale)*256/26-1) < 0.02
}

// Source returns what the pipeline wants to be fed with.
func (p *Pipeline) Source() SourceSpec { return p.source }

// Labels returns the names of the scores, in order.
func (p *Pipeline) Labels() []string { return slices.Clone(p.post.labels) }

// Gaps returns what Gap was told since New.
func (p *Pipeline) Gaps() Gaps { return p.gaps }

// Reset starts anew, as at the start of a clip: windows, front ends, model
// state, smoothing, decisions and stream indices.
func (p *Pipeline) Reset() {
	p.seq = 0
	p.session.Reset()
	p.post.reset()
	if p.stream != nil {
		p.stream.chain.reset()
		p.stream.restart(0)
	}
}

// Write takes interleaved samples, whole frames only, and returns how many
// frames it took; fewer than given when its buffer is full: call Next until it
// reports no window, then write the rest. It takes none in a pipeline of
// another kind.
func (p *Pipeline) Write(samples []float32) int {
	if p.stream == nil {
		return 0
	}
	took := p.stream.ring.write(samples)
	p.meter.add(samples[:took*p.source.Channels])
	return took
}

// Missing returns how many frames the next window still lacks: what to pad a
// clip by that is shorter than a window.
func (p *Pipeline) Missing() int {
	if p.stream == nil {
		return 0
	}
	return int(max(0, p.stream.start+int64(p.stream.length)-p.stream.ring.end()))
}

// Gap says that the source lost frames here: windows restart after them.
// Windows that were complete before it must have been taken by Next.
func (p *Pipeline) Gap(lost int) {
	p.gaps.Count++
	p.gaps.Samples += int64(max(lost, 0))
	if p.stream != nil {
		p.stream.gap(lost)
	}
}

// Next runs the next complete window into r and reports whether there was one.
// After a sample that is no finite number, which the error names by index and
// channel, windows restart behind it.
func (p *Pipeline) Next(ctx context.Context, r *Result) (bool, error) {
	if p.stream == nil {
		return false, p.wrongKind("samples")
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	began := time.Now()
	if err := p.stream.check(); err != nil {
		return false, err
	}
	start := p.stream.start
	if p.stream.whole() {
		p.before()
	}
	x := p.stream.next()
	if x == nil {
		return false, nil
	}
	r.Start, r.End = start, start+int64(p.stream.length)
	r.Input = p.meter.take()
	return true, p.run(ctx, r, x, began)
}

// Image runs one picture into r.
func (p *Pipeline) Image(ctx context.Context, img vision.Image, r *Result) error {
	if p.scaler == nil {
		return p.wrongKind("images")
	}
	if err := errors.Join(ctx.Err(), p.scaler.check(img)); err != nil {
		return err
	}
	began := time.Now()
	if err := p.scaler.Run(p.values, img); err != nil {
		return fmt.Errorf("preprocess: %w", err)
	}
	r.Start, r.End = int64(p.seq), int64(p.seq)+1
	r.Input = imageStats(&img)
	p.before()
	return p.run(ctx, r, p.values, began)
}

// Tensors runs one row of real values, the whole input, into r.
func (p *Pipeline) Tensors(ctx context.Context, in []float32, r *Result) error {
	if p.tensor == nil {
		return p.wrongKind("tensors")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	if len(in) != p.input.Elements() {
		return fmt.Errorf("row of %d values, the model's input %v wants %d", len(in), p.input.Shape, p.input.Elements())
	}
	for i, v := range in {
		if !finite(v) {
			return fmt.Errorf("value %d of the row is %v, want a finite number", i, v)
		}
	}
	r.Start, r.End = int64(p.seq), int64(p.seq)+1
	p.meter.add(in)
	r.Input = p.meter.take()
	p.before()
	return p.run(ctx, r, p.tensor.window(in), began)
}

var errKind = errors.New("the pipeline takes another kind of input")

func (p *Pipeline) wrongKind(given string) error {
	return fmt.Errorf("%w: given %s, its source is %s", errKind, given, p.source.Kind)
}

// run feeds the model, runs it and postprocesses its output.
func (p *Pipeline) run(ctx context.Context, r *Result, x []float32, began time.Time) error {
	if p.direct {
		dst := p.input.Int8()
		for i, v := range x {
			dst[i] = signal.MicroInt8(int16(math.Round(float64(v) * 25.6)))
		}
	} else if err := p.input.SetFloats(x); err != nil {
		return fmt.Errorf("preprocess: %w", err)
	}
	return p.compute(ctx, r, x, began)
}

// compute runs the model on the input it has, of which x are the real values.
func (p *Pipeline) compute(ctx context.Context, r *Result, x []float32, began time.Time) error {
	fed := time.Now()
	if err := p.session.Run(ctx); err != nil {
		return fmt.Errorf("run model: %w", err)
	}
	ran := time.Now()
	p.scores = p.output.AppendFloats(p.scores[:0])
	for i, v := range p.scores {
		if !finite(v) {
			return fmt.Errorf("run model: output value %d is %v, want a finite number", i, v)
		}
	}
	p.after()
	r.Seq = p.seq
	p.seq++
	if err := p.post.run(r, x, p.scores); err != nil {
		return fmt.Errorf("postprocess: %w", err)
	}
	r.Pre, r.Infer, r.Post = fed.Sub(began), ran.Sub(fed), time.Since(ran)
	return nil
}
