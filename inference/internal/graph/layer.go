package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Names of the arithmetic a step follows.
const (
	ruleXNNPACK = "xnnpack"
	ruleTFLite  = "tflite"
	ruleExact   = "exact" // moves bytes, or both rules agree
)

// packed is what an 8-bit layer keeps of its constants.
type packed[T kernel.Byte] struct {
	weights []T // in the file: whoever keeps them copies them
	bias    []int32
	scale   []float32
	out     kernel.Clamp8
	zero    int32   // of the weights
	sums    []int32 // of each channel's weights less their zero point
}

// pack checks that XNNPACK would take the node, and folds the input zero
// point into the bias. Channels are filter dimension axis; depth is the number
// of weights of each.
func pack[T kernel.Byte](n *node, channels, depth, axis int, activation byte) (*packed[T], error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if filter.DType != in.DType || out.DType != in.DType || in.DType != Int8 && in.DType != Uint8 {
		return nil, unsupported("types %s with %s weights", n.types(), filter.DType)
	}
	if err := n.quantized(in, out); err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if err := n.b.hold("bias and scales", 8*channels); err != nil {
		return nil, err
	}
	p := &packed[T]{weights: viewOf[T](data)}
	if p.zero, err = n.weightZero(); err != nil {
		return nil, err
	}
	if p.bias, err = n.bias(channels); err != nil {
		return nil, err
	}
	if p.scale, err = n.requantScales(channels, axis); err != nil {
		return nil, err
	}
	if p.out, err = n.clamp(activation); err != nil {
		return nil, err
	}
	p.foldZero(in.Zero(), channels, depth, axis)
	return p, nil
}

// foldZero subtracts what the input's zero point adds to every sum.
func (p *packed[T]) foldZero(zero int32, channels, depth, axis int) {
	p.sums = make([]int32, channels)
	if axis == 3 {
		for w := p.weights; len(w) > 0; w = w[channels:] {
			for ch, x := range w[:channels] {
				p.sums[ch] += int32(x)
			}
		}
	} else {
		kernel.SumRows(p.sums, p.weights[:channels*depth])
	}
	for ch := range channels {
		p.sums[ch] -= int32(depth) * p.zero
		p.bias[ch] -= zero * p.sums[ch]
	}
}

// A packer is a layer whose weights may be rearranged for a faster kernel.
type packer interface {
	// Choose picks the kernel and returns the bytes that Pack takes.
	Choose() int
	// Pack copies the weights out of the file, to the room where that has some.
	Pack(room *kernel.Room)
}

// packLater chooses a layer's kernels and charges for its weights. They are
// packed once the whole plan is known to stand.
func (n *node) packLater(p packer) error {
	size := p.Choose()
	n.b.packers = append(n.b.packers, p)
	n.b.toPack += size
	return n.b.hold("packed weights", size)
}

// weightZero returns the filter's zero point: any for uint8, 0 for int8.
func (n *node) weightZero() (int32, error) {
	filter := n.in(1)
	if filter.DType == Uint8 {
		return filter.Zero(), n.quantized(filter)
	}
	for _, z := range filter.Quant.ZeroPoint {
		if z != 0 {
			return 0, unsupported("filter zero point %d", z)
		}
	}
	return 0, nil
}

// bias returns a copy of the bias. LiteRT's delegate takes convolutions only
// with one; fully connected layers and transposed convolutions may do without.
func (n *node) bias(channels int) ([]int32, error) {
	if n.in(2) == nil {
		if n.n.Op == tflite.CONV_2D || n.n.Op == tflite.DEPTHWISE_CONV_2D {
			return nil, unsupported("no bias")
		}
		return make([]int32, channels), nil
	}
	if d := n.in(2).DType; d != Int32 {
		return nil, unsupported("%s bias", d)
	}
	b, err := n.staticInt32s(2, "bias")
	if err == nil && len(b) != channels {
		err = fmt.Errorf("bias of %d elements, want %d", len(b), channels)
	}
	return b, err
}

// requantScales returns input * filter / output scale per channel in float32,
// as XNNPACK computes it; it refuses 256 and above.
func (n *node) requantScales(channels, axis int) ([]float32, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	q := filter.Quant
	if len(q.Scale) == 0 || len(q.Scale) > 1 && (int(q.Axis) != axis || len(q.Scale) != channels) {
		return nil, unsupported("filter quantized with %d scales along dimension %d", len(q.Scale), q.Axis)
	}
	s := make([]float32, channels)
	for c := range s {
		w := q.Scale[min(c, len(q.Scale)-1)]
		s[c] = float32(float32(in.Scale()*w) / out.Scale())
		if !positive(w) || !positive(s[c]) || s[c] >= 256 || s[c] < 0x1p-126 {
			return nil, unsupported("requantization scale %g of channel %d", s[c], c)
		}
	}
	return s, nil
}

// Fused activations as the schema numbers them.
const (
	actNone = iota
	actRelu
	actReluN1To1
	actRelu6
	actTanh
)

// clamp returns the output side by XNNPACK's rule: activation bounds divide
// in float32 and round half to even.
func (n *node) clamp(activation byte) (kernel.Clamp8, error) {
	lo, hi, err := activationRange(activation)
	if err != nil {
		return kernel.Clamp8{}, err
	}
	return n.clampRounded(lo, hi, math.RoundToEven), nil
}

// clampTFLite is clamp by TFLite's rule, which rounds half away from zero.
func (n *node) clampTFLite(activation byte) (kernel.Clamp8, error) {
	lo, hi, err := activationRange(activation)
	if err != nil {
		return kernel.Clamp8{}, err
	}
	return n.clampRounded(lo, hi, math.Round), nil
}

// wholeRange is the output side without an activation.
//
//go:noinline
func (n *node) wholeRange() kernel.Clamp8 {
	c := kernel.Clamp8{Zero: n.out().Zero(), Min: -128, Max: 127}
	if n.out().DType == Uint8 {
		c.Min, c.Max = 0, 255
	}
	return c
}

func (n *node) clampRounded(lo, hi float32, round func(float64) float64) kernel.Clamp8 {
	out, c := n.out(), n.wholeRange()
	quant := func(f float32) int32 {
		q := round(float64(f/out.Scale())) + float64(c.Zero)
		return int32(min(max(q, float64(c.Min)), float64(c.Max)))
	}
	if !math.IsInf(float64(lo), 0) {
		c.Min = quant(lo)
	}
	if !math.IsInf(float64(hi), 0) {
		c.Max = quant(hi)
	}
	return c
}

func activationRange(a byte) (lo, hi float32, err error) {
	switch a {
	case actNone:
		return -inf, inf, nil
	case actRelu:
		return 0, inf, nil
	case actReluN1To1:
		return -1, 1, nil
	case actRelu6:
		return 0, 6, nil
	}
	return 0, 0, unsupported("fused activation %d", a)
}
