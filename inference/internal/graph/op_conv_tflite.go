package graph

import (
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// convTFLite lowers an int8 layer that LiteRT's delegate leaves to TFLite: int4
// weights. round is how the kernel requantizes.
func convTFLite(n *node, name string, s convShape, activation byte, round func(kernel.Multiplier, int32) int32) (Step, error) {
	channels, depth := s.groups*s.outC, s.window.KH*s.window.KW*s.inC
	p, err := packTFLite(n, channels, 0, activation)
	if err != nil {
		return Step{}, err
	}
	zero := n.in(0).Zero()
	for ch := range channels {
		p.bias[ch] -= zero * kernel.SumBytes(p.weights[ch*depth:][:depth])
	}
	c := &kernel.ConvTFLite{
		Window: s.window, Batch: s.batch, Groups: s.groups, InC: s.inC, OutC: s.outC, Weights: p.weights, Bias: p.bias,
		Factor: p.factor, InZero: int8(zero), Out: p.out, Round: round,
	}
	src, dst, row := n.inRef(0), n.outRef(), n.scratch(c.Depth(), 1)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: c.MACs(),
		Run: func(mem []byte) { c.Run(i8(dst.Bytes(mem)), i8(src.Bytes(mem)), i8(row.Bytes(mem))) },
	}, nil
}

func depthwiseTFLite(n *node, w kernel.Window, mult int) (Step, error) {
	in := n.in(0)
	p, err := packTFLite(n, in.Shape[3]*mult, 3, n.n.Opt.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	d := &kernel.DepthwiseTFLite{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], Multiplier: mult, Weights: p.weights, Bias: p.bias,
		Factor: p.factor, InZero: in.Zero(), Out: p.out,
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "depthwise_qs8", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: d.MACs(),
		Run: func(mem []byte) { d.Run(i8(dst.Bytes(mem)), i8(src.Bytes(mem))) },
	}, nil
}

// packedTFLite is what such a layer keeps of its constants.
type packedTFLite struct {
	weights []int8
	bias    []int32
	factor  []kernel.Multiplier
	out     kernel.Clamp8
}

// packTFLite copies weights and bias, which may be absent, and makes the
// factors of the channels along dimension axis of the filter.
func packTFLite(n *node, channels, axis int, activation byte) (*packedTFLite, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if in.DType != Int8 || out.DType != Int8 || filter.DType != Int8 {
		return nil, unsupported("types %s with %s weights", n.types(), filter.DType)
	}
	if err := n.quantized(in, out); err != nil {
		return nil, err
	}
	scales, err := n.filterScales(channels, axis)
	if err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if err := n.b.hold("weights, bias and factors", len(data)+20*channels); err != nil {
		return nil, err
	}
	p := &packedTFLite{weights: slices.Clone(i8(data)), bias: make([]int32, channels), factor: make([]kernel.Multiplier, channels)}
	if n.in(2) != nil {
		if p.bias, err = n.bias(channels); err != nil {
			return nil, err
		}
	}
	for c, w := range scales {
		f := float64(in.Scale()) * float64(w) / float64(out.Scale())
		if p.factor[c] = kernel.NewMultiplier(f); f >= 1<<16 {
			return nil, unsupported("requantization scale %g of channel %d", f, c)
		}
	}
	p.out, err = n.clampTFLite(activation)
	return p, err
}

// filterScales returns the scale of each channel of a filter around 0.
func (n *node) filterScales(channels, axis int) ([]float32, error) {
	q := n.in(1).Quant
	if len(q.Scale) != 1 && (len(q.Scale) != channels || int(q.Axis) != axis) {
		return nil, unsupported("filter quantized with %d scales along dimension %d", len(q.Scale), q.Axis)
	}
	if _, err := n.weightZero(); err != nil {
		return nil, err
	}
	s := make([]float32, channels)
	for c := range s {
		if s[c] = q.Scale[min(c, len(q.Scale)-1)]; !positive(s[c]) {
			return nil, unsupported("filter scale %g", s[c])
		}
	}
	return s, nil
}
