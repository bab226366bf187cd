package graph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// or16 lowers nodes whose activations are int16 by wide, all others by other.
// LiteRT's delegate takes none of them: TFLite's reference kernels rule.
//
//go:noinline
func or16(wide, other func(*node) (Step, error)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if n.out().DType == Int16 {
			return wide(n)
		}
		return other(n)
	}
}

// symmetric refuses int16 tensors without one scale or with a zero point.
func (n *node) symmetric(ts ...*Tensor) error {
	for _, t := range ts {
		if t.DType != Int16 {
			return unsupported("types %s", n.types())
		}
		if t.Zero() != 0 {
			return unsupported("int16 with zero point %d", t.Zero())
		}
	}
	return n.quantized(ts...)
}

// bounds16 returns what an activation leaves of int16. Bounds divide in
// float32 and round half away from zero (kernels/kernel_util.cc, Quantize).
func (n *node) bounds16(activation byte) (lo, hi int32, err error) {
	a, b, err := activationRange(activation)
	if err != nil {
		return 0, 0, err
	}
	scale := n.out().Scale()
	quant := func(f float32) int32 {
		q := math.Round(float64(f / scale))
		return int32(min(max(q, math.MinInt16), math.MaxInt16))
	}
	return quant(a), quant(b), nil
}

// factor converts a ratio of scales, which must stay below 2^limit.
func factor(ratio float64, limit int) (kernel.Multiplier, error) {
	if !(ratio >= 0 && ratio < math.Ldexp(1, limit)) {
		return kernel.Multiplier{}, unsupported("scale factor %g", ratio)
	}
	return kernel.NewMultiplier(ratio), nil
}

// packed16 is what a layer of int16 activations keeps of its constants.
type packed16 struct {
	weights []int8 // in the file: whoever keeps them copies them
	bias    []int64
	out     kernel.Out16
}

// pack16 checks a layer of in with filter input 1 and bias input biasAt.
// Channels are filter dimension axis.
func pack16(n *node, in *Tensor, biasAt, channels, axis int, activation byte) (*packed16, error) {
	filter := n.in(1)
	if filter.DType != Int8 {
		return nil, unsupported("types %s with %s weights", n.types(), filter.DType)
	}
	if err := n.symmetric(in, n.out()); err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if _, err := n.weightZero(); err != nil {
		return nil, err
	}
	if err := n.b.hold("bias and factors", 20*channels); err != nil {
		return nil, err
	}
	p := &packed16{weights: viewOf[int8](data)}
	if p.bias, err = n.bias64(biasAt, channels); err != nil {
		return nil, err
	}
	if p.out.Factor, err = n.factors(in, channels, axis); err != nil {
		return nil, err
	}
	p.out.Min, p.out.Max, err = n.bounds16(activation)
	return p, err
}

// bias64 returns a copy of an int64 bias, or zeros.
func (n *node) bias64(i, channels int) ([]int64, error) {
	b := make([]int64, channels)
	t := n.in(i)
	if t == nil {
		return b, nil
	}
	data, err := n.static(i, "bias")
	if err != nil {
		return nil, err
	}
	if t.DType != Int64 {
		return nil, unsupported("%s bias", t.DType)
	}
	if len(data) != 8*channels {
		return nil, fmt.Errorf("bias of %d elements, want %d", len(data)/8, channels)
	}
	for c := range b {
		b[c] = int64(binary.LittleEndian.Uint64(data[8*c:]))
	}
	return b, nil
}

// factors returns input * filter / output scale per channel, in float64
// (kernels/kernel_util.cc, PopulateConvolutionQuantizationParams).
func (n *node) factors(in *Tensor, channels, axis int) ([]kernel.Multiplier, error) {
	q, out := n.in(1).Quant, n.out()
	if len(q.Scale) == 0 || len(q.Scale) > 1 && (int(q.Axis) != axis || len(q.Scale) != channels) {
		return nil, unsupported("filter quantized with %d scales along dimension %d", len(q.Scale), q.Axis)
	}
	m := make([]kernel.Multiplier, channels)
	for c := range m {
		w := q.Scale[min(c, len(q.Scale)-1)]
		if !positive(w) {
			return nil, unsupported("filter scale %g", w)
		}
		var err error
		if m[c], err = factor(float64(in.Scale())*float64(w)/float64(out.Scale()), 14); err != nil {
			return nil, err
		}
	}
	return m, nil
}
