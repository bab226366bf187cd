package oip

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/dunlin-edge/dunlin/inference"
)

// A runner runs a backend's model for one session.
type runner struct {
	b      *Backend
	cpu    *inference.Session
	specs  []Spec // of the server's inputs; nil until asked
	floats []float32
}

// Reset implements inference.Runner.
func (r *runner) Reset() error { return nil }

// Run implements inference.Runner: on the server while that is well, otherwise,
// and where it fails in the middle, on the CPU.
func (r *runner) Run(ctx context.Context, in, out []*inference.Tensor) error {
	if r.b.up.Load() {
		err := r.remote(ctx, in, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
		r.b.fail(err)
	}
	for i, t := range in {
		copy(r.cpu.Input(i).Bytes(), t.Bytes())
	}
	if err := r.cpu.Run(ctx); err != nil {
		return err
	}
	for i, t := range out {
		if len(t.Bytes()) != len(r.cpu.Output(i).Bytes()) {
			return fmt.Errorf("output %q: %d bytes on the CPU, %d were planned", t.Name, len(r.cpu.Output(i).Bytes()), len(t.Bytes()))
		}
		copy(t.Bytes(), r.cpu.Output(i).Bytes())
	}
	return nil
}

func (r *runner) remote(ctx context.Context, in, out []*inference.Tensor) error {
	ctx, cancel := context.WithTimeout(ctx, r.b.cfg.Timeout)
	defer cancel()
	if r.specs == nil {
		m, err := r.b.client.Metadata(ctx, r.b.cfg.Model, r.b.cfg.Version)
		if err == nil {
			err = r.learn(m)
		}
		if err != nil {
			return err
		}
	}
	resp, err := r.ask(ctx, in)
	if err != nil {
		r.specs = nil
		return err
	}
	return r.take(resp, out)
}

// learn checks that a server's model is this one: the same tensors, by name or
// by place, of the same type, or of floats where this one's are quantized.
func (r *runner) learn(m *Metadata) error {
	f := r.b.cfg.Fallback
	if err := agree("inputs", m.Inputs, f.Inputs()); err != nil {
		return err
	}
	if err := agree("outputs", m.Outputs, f.Outputs()); err != nil {
		return err
	}
	r.specs = m.Inputs
	return nil
}

func agree(what string, got []Spec, want []inference.TensorInfo) error {
	if len(got) != len(want) {
		return fmt.Errorf("the server's model has %d %s, the bundle's %d", len(got), what, len(want))
	}
	for i, t := range want {
		x := got[i]
		if !suits(x.Datatype, t) {
			return fmt.Errorf("%s[%d]: the server's is %s, the bundle's %s", what, i, x.Datatype, t)
		}
		if !fits(x.Shape, t.Shape) {
			return fmt.Errorf("%s[%d]: the server's shape is %v, the bundle's %v", what, i, x.Shape, t.Shape)
		}
	}
	return nil
}

// suits tells whether values of a type can stand for a tensor's.
func suits(d Datatype, t inference.TensorInfo) bool {
	return d == DatatypeOf(t.DType) || d == "FP32" && t.Scale != 0
}

// fits tells whether a shape with -1 for any number is that of a tensor.
func fits(shape, want []int) bool {
	if len(shape) != len(want) {
		return false
	}
	for i, n := range shape {
		if n != -1 && n != want[i] {
			return false
		}
	}
	return true
}

// ask sends inputs to the server.
func (r *runner) ask(ctx context.Context, in []*inference.Tensor) (*Response, error) {
	req := &Request{Inputs: make([]Tensor, len(in))}
	for i, t := range in {
		x := Tensor{Name: r.specs[i].Name, Datatype: r.specs[i].Datatype, Shape: t.Shape, Data: t.Bytes()}
		if x.Datatype != DatatypeOf(t.DType) {
			r.floats = t.AppendFloats(r.floats[:0])
			x.Data = floatBytes(r.floats)
		}
		req.Inputs[i] = x
	}
	return r.b.client.Infer(ctx, r.b.cfg.Model, r.b.cfg.Version, req)
}

// take copies a server's outputs, which must be those that were described.
func (r *runner) take(resp *Response, out []*inference.Tensor) error {
	if len(resp.Outputs) != len(out) {
		return fmt.Errorf("the server gave %d outputs, want %d", len(resp.Outputs), len(out))
	}
	for i, t := range out {
		x := &resp.Outputs[i]
		if !suits(x.Datatype, t.TensorInfo) || !slices.Equal(x.Shape, t.Shape) {
			return fmt.Errorf("the server gave %s%v for output %q, want %s", x.Datatype, x.Shape, t.Name, t.TensorInfo)
		}
		if x.Datatype == DatatypeOf(t.DType) && t.DType != inference.Float32 {
			copy(t.Bytes(), x.Data)
			continue
		}
		if err := t.SetFloats(bytesFloats(x.Data)); err != nil {
			return fmt.Errorf("the server's %w", err)
		}
	}
	return nil
}

// warm lets the server run once for as long as it wants: many compile or load
// with the first request.
func (r *runner) warm(ctx context.Context) error {
	in := make([]*inference.Tensor, r.cpu.Inputs())
	for i := range in {
		in[i] = r.cpu.Input(i)
	}
	_, err := r.ask(ctx, in)
	return err
}

// compare runs a sample on both sides, on the server in the time of a run.
func (r *runner) compare(ctx context.Context, sample [][]byte) (diff float64, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.b.cfg.Timeout)
	defer cancel()
	in, out := make([]*inference.Tensor, r.cpu.Inputs()), make([]*inference.Tensor, r.cpu.Outputs())
	for i := range in {
		in[i] = r.cpu.Input(i)
		copy(in[i].Bytes(), sample[i])
	}
	if err := r.cpu.Run(ctx); err != nil {
		return 0, "", err
	}
	want := make([][]float32, len(out))
	for i := range out {
		out[i] = r.cpu.Output(i)
		want[i] = out[i].AppendFloats(nil)
	}
	resp, err := r.ask(ctx, in)
	if err == nil {
		err = r.take(resp, out)
	}
	if err != nil {
		return 0, "", err
	}
	for i := range out {
		diff = max(diff, difference(out[i].AppendFloats(nil), want[i]))
	}
	return diff, resp.Version, nil
}

func floatBytes(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = putUint(b, uint64(math.Float32bits(x)), 4)
	}
	return b
}

func bytesFloats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24)
	}
	return v
}
