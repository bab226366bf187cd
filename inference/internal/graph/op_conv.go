package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// Names of the arithmetic a step follows.
const (
	ruleXNNPACK = "xnnpack"
	ruleTFLite  = "tflite"
	ruleExact   = "exact" // moves bytes, or both rules agree
)

func lowerConv(n *node) (Step, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || len(out.Shape) != 4 {
		return Step{}, fmt.Errorf("shapes %v, filter %v, output %v", in.Shape, filter.Shape, out.Shape)
	}
	o := n.n.Opt
	w, err := n.window(filter.Shape[1], filter.Shape[2], o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{o.Int32(5, 1), o.Int32(4, 1)})
	if err != nil {
		return Step{}, err
	}
	outC, depth := filter.Shape[0], filter.Shape[3]
	groups := in.Shape[3] / max(depth, 1)
	if groups < 1 || groups*depth != in.Shape[3] || outC%groups != 0 || out.Shape[3] != outC {
		return Step{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	p, err := n.packQS8(outC, w.KH*w.KW*depth, 0, o.Byte(3, 0))
	if err != nil {
		return Step{}, err
	}
	c := &kernel.Conv{
		Window: w, Batch: in.Shape[0], Groups: groups, InC: depth, OutC: outC / groups,
		Weights: p.weights, Bias: p.bias, Scale: p.scale, InZero: int8(in.Zero()), Out: p.out,
	}
	return n.convStep(c, "conv2d_qs8"), nil
}

func (n *node) convStep(c *kernel.Conv, name string) Step {
	src, dst, scratch := n.inRef(0), n.outRef(), n.scratch(c.Depth(), kernel.Lanes)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleXNNPACK, MACs: c.MACs(),
		Run: func(mem []byte) { c.Run(i8(dst.Bytes(mem)), i8(src.Bytes(mem)), i8(scratch.Bytes(mem))) },
	}
}

func lowerFullyConnected(n *node) (Step, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(filter.Shape) != 2 {
		return Step{}, fmt.Errorf("filter shape %v, want two dimensions", filter.Shape)
	}
	units, depth := filter.Shape[0], filter.Shape[1]
	rows := in.Elements() / max(depth, 1)
	if rows*depth != in.Elements() || rows*units != out.Elements() {
		return Step{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	if f := n.n.Opt.Byte(1, 0); f != 0 {
		return Step{}, unsupported("weights format %d", f)
	}
	p, err := n.packQS8(units, depth, 0, n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	c := &kernel.Conv{
		Window: kernel.Window{InH: 1, InW: rows, OutH: 1, OutW: rows, KH: 1, KW: 1,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
		Batch: 1, Groups: 1, InC: depth, OutC: units,
		Weights: p.weights, Bias: p.bias, Scale: p.scale, InZero: int8(in.Zero()), Out: p.out,
	}
	return n.convStep(c, "fully_connected_qs8"), nil
}

func lowerDepthwise(n *node) (Step, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || len(out.Shape) != 4 {
		return Step{}, fmt.Errorf("shapes %v, filter %v, output %v", in.Shape, filter.Shape, out.Shape)
	}
	o := n.n.Opt
	w, err := n.window(filter.Shape[1], filter.Shape[2], o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{o.Int32(6, 1), o.Int32(5, 1)})
	if err != nil {
		return Step{}, err
	}
	inC, outC := in.Shape[3], filter.Shape[3]
	mult := outC / max(inC, 1)
	if mult < 1 || mult*inC != outC || out.Shape[3] != outC || filter.Shape[0] != 1 {
		return Step{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	if m := o.Int32(3, 0); m != 0 && int(m) != mult {
		return Step{}, fmt.Errorf("depth multiplier %d, shapes give %d", m, mult)
	}
	p, err := n.packQS8(outC, w.KH*w.KW, 3, o.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	d := &kernel.Depthwise{
		Window: w, Batch: in.Shape[0], InC: inC, Multiplier: mult,
		Weights: p.weights, Bias: p.bias, Scale: p.scale, InZero: int8(in.Zero()), Out: p.out,
	}
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(d.Scratch(), 4)
	return Step{
		Kernel: "depthwise_qs8", Tier: kernel.TierGeneric, Rule: ruleXNNPACK, MACs: d.MACs(),
		Run: func(mem []byte) { d.Run(i8(dst.Bytes(mem)), i8(src.Bytes(mem)), i32(acc.Bytes(mem))) },
	}, nil
}

// packedQS8 is what an int8 layer keeps of its constants.
type packedQS8 struct {
	weights []int8
	bias    []int32
	scale   []float32
	out     kernel.Clamp8
}

// packQS8 checks that XNNPACK would take the node, and folds the input zero
// point into the bias. Channels are filter dimension axis; depth is the
// number of weights of each.
func (n *node) packQS8(channels, depth, axis int, activation byte) (*packedQS8, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if in.DType != Int8 || filter.DType != Int8 || out.DType != Int8 {
		return nil, unsupported("types %s with %s weights", n.types(), filter.DType)
	}
	if err := n.quantized(in, out); err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if err := n.b.hold("weights", len(data)+8*channels); err != nil {
		return nil, err
	}
	p := &packedQS8{weights: int8sOf(data)}
	if p.bias, err = n.bias(channels); err != nil {
		return nil, err
	}
	if p.scale, err = n.requantScales(channels, axis); err != nil {
		return nil, err
	}
	if p.out, err = n.clamp(activation); err != nil {
		return nil, err
	}
	zero := in.Zero()
	for i, w := range p.weights {
		ch := i / depth
		if axis == 3 {
			ch = i % channels
		}
		p.bias[ch] -= zero * int32(w)
	}
	return p, nil
}

// bias returns a copy of the bias. LiteRT's delegate takes convolutions only
// with one; a fully connected layer may do without.
func (n *node) bias(channels int) ([]int32, error) {
	if n.in(2) == nil {
		if n.n.Name != "FULLY_CONNECTED" {
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
	for _, z := range q.ZeroPoint {
		if z != 0 {
			return nil, unsupported("filter zero point %d", z)
		}
	}
	s := make([]float32, channels)
	for c := range s {
		w := q.Scale[min(c, len(q.Scale)-1)]
		s[c] = float32(float32(in.Scale()*w) / out.Scale())
		if !finite(w) || !finite(s[c]) || s[c] >= 256 || s[c] < 0x1p-126 {
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

func (n *node) clampRounded(lo, hi float32, round func(float64) float64) kernel.Clamp8 {
	out := n.out()
	c := kernel.Clamp8{Zero: out.Zero(), Min: -128, Max: 127}
	if out.DType == Uint8 {
		c.Min, c.Max = 0, 255
	}
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
	inf := float32(math.Inf(1))
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
