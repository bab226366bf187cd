package graph

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// ruleFloat is arithmetic that NUMERICS.md defines itself: LiteRT's within
// rounding, but the same on every CPU.
const ruleFloat = "float"

// floats refuses operands that are not float32.
func (n *node) floats(ts ...*Tensor) error {
	for _, t := range ts {
		if t.DType != Float32 {
			return unsupported("types %s", n.types())
		}
	}
	return nil
}

// staticFloats returns a copy of the constant float32 elements of input i,
// which the plan keeps.
func (n *node) staticFloats(i int, what string) ([]float32, error) {
	data, err := n.static(i, what)
	if err != nil {
		return nil, err
	}
	if d := n.in(i).DType; d != Float32 {
		return nil, unsupported("%s %s of a float32 operator", d, what)
	}
	if err := n.b.hold(what, len(data)); err != nil {
		return nil, err
	}
	return float32sOf(data), nil
}

// packF32 returns the weights and the bias of a float layer.
func (n *node) packF32(channels int) (weights, bias []float32, err error) {
	if err := n.floats(n.in(0), n.out()); err != nil {
		return nil, nil, err
	}
	if weights, err = n.staticFloats(1, "filter"); err != nil {
		return nil, nil, err
	}
	bias, err = n.biasF32(channels)
	return weights, bias, err
}

// filterF32 returns the weights of a layer that packs them later: in the file where
// it holds them aligned.
func (n *node) filterF32() ([]float32, error) {
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if n.in(1).DType != Float32 || len(data) == 0 || uintptr(unsafe.Pointer(&data[0]))%4 != 0 {
		return n.staticFloats(1, "filter")
	}
	return f32(data), nil
}

// biasF32 returns the bias; only a fully connected layer may do without, as in
// LiteRT.
func (n *node) biasF32(channels int) ([]float32, error) {
	if n.in(2) == nil {
		if n.n.Name != "FULLY_CONNECTED" {
			return nil, unsupported("no bias")
		}
		return make([]float32, channels), n.b.hold("bias", 4*channels)
	}
	bias, err := n.staticFloats(2, "bias")
	if err == nil && len(bias) != channels {
		err = fmt.Errorf("bias of %d elements, want %d", len(bias), channels)
	}
	return bias, err
}

// rangeF32 returns the bounds of a fused activation.
func rangeF32(activation byte) (kernel.Range, error) {
	lo, hi, err := activationRange(activation)
	return kernel.Range{Lo: lo, Hi: hi}, err
}

// convStepF32 lowers a layer of float values; its weights may be int8.
func convStepF32(n *node, name string, s convShape, activation byte) (Step, error) {
	if n.in(1).DType == Int8 {
		return dynamicStep(n, name, s, activation)
	}
	if err := n.floats(n.in(0), n.out()); err != nil {
		return Step{}, err
	}
	weights, err := n.filterF32()
	if err != nil {
		return Step{}, err
	}
	bias, err := n.biasF32(s.groups * s.outC)
	if err != nil {
		return Step{}, err
	}
	r, err := rangeF32(activation)
	if err != nil {
		return Step{}, err
	}
	c := &kernel.ConvF32{
		Window: s.window, Batch: s.batch, Groups: s.groups, InC: s.inC, OutC: s.outC, Weights: weights, Bias: bias, Out: r,
	}
	if err := n.packLater(c); err != nil {
		return Step{}, err
	}
	src, dst, scratch := n.inRef(0), n.outRef(), n.scratch(c.Scratch(), 4)
	step := Step{
		Kernel: name, Tier: c.Tier(), Rule: ruleFloat, MACs: c.MACs(),
		Run: func(mem []byte) { c.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), f32(scratch.Bytes(mem))) },
	}
	if c.Splits() {
		step.Prepare = func(mem []byte) { c.Prepare(f32(src.Bytes(mem)), f32(scratch.Bytes(mem))) }
		step.Part = func(mem []byte, _, i, n int) {
			c.Part(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), f32(scratch.Bytes(mem)), i, n)
		}
	}
	return step, nil
}

func depthwiseStepF32(n *node, w kernel.Window, mult int) (Step, error) {
	in := n.in(0)
	if n.in(1).DType == Int8 {
		return hybridDepthwise(n, w, mult)
	}
	weights, bias, err := n.packF32(in.Shape[3] * mult)
	if err != nil {
		return Step{}, err
	}
	r, err := rangeF32(n.n.Opt.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	d := &kernel.DepthwiseF32{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], Multiplier: mult, Weights: weights, Bias: bias, Out: r,
	}
	d.Pack()
	src, dst, scratch := n.inRef(0), n.outRef(), n.scratch(d.Scratch(), 4)
	step := Step{
		Kernel: "depthwise_f32", Tier: d.Tier(), Rule: ruleFloat, MACs: d.MACs(),
		Run: func(mem []byte) { d.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), f32(scratch.Bytes(mem))) },
	}
	if d.Splits() {
		step.Prepare = func(mem []byte) { d.Prepare(f32(src.Bytes(mem)), f32(scratch.Bytes(mem))) }
		step.Part = func(mem []byte, _, i, n int) {
			d.Part(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), f32(scratch.Bytes(mem)), i, n)
		}
	}
	return step, nil
}

// float32sOf copies constant data out of the file, where nothing is aligned.
func float32sOf(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}
