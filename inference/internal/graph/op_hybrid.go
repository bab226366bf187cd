package graph

import (
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// packedHybrid is what a float layer of 8-bit weights keeps of its constants.
type packedHybrid struct {
	weights     []int8
	scale, bias []float32
	out         kernel.Range
}

func packHybrid(n *node, channels, axis int, activation byte) (*packedHybrid, error) {
	if err := n.floats(n.in(0), n.out()); err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	if err := n.b.hold("weights", len(data)+4*channels); err != nil {
		return nil, err
	}
	p := &packedHybrid{weights: slices.Clone(i8(data))}
	if p.scale, err = n.filterScales(channels, axis); err != nil {
		return nil, err
	}
	if p.bias, err = n.biasF32(channels); err != nil {
		return nil, err
	}
	p.out, err = rangeF32(activation)
	return p, err
}

// hybridConv lowers a float convolution of int4 weights, which LiteRT's
// delegate leaves to TFLite. One scale for all channels makes it quantize
// around 0.
func hybridConv(n *node, s convShape, activation byte) (Step, error) {
	p, err := packHybrid(n, s.groups*s.outC, 0, activation)
	if err != nil {
		return Step{}, err
	}
	same := !slices.ContainsFunc(p.scale, func(x float32) bool { return x != p.scale[0] })
	c := &kernel.HybridConv{
		Hybrid: kernel.Hybrid{Symmetric: same && s.groups == 1}, Window: s.window, Batch: s.batch, Groups: s.groups,
		InC: s.inC, OutC: s.outC, Weights: p.weights, Scale: p.scale, Bias: p.bias, Out: p.out,
	}
	src, dst, image, row := n.inRef(0), n.outRef(), n.scratch(c.Image(), 1), n.scratch(c.Depth(), 1)
	return Step{
		Kernel: "conv2d_hybrid", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: c.MACs(),
		Run: func(mem []byte) {
			c.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), i8(image.Bytes(mem)), i8(row.Bytes(mem)))
		},
	}, nil
}

func hybridDepthwise(n *node, w kernel.Window, mult int) (Step, error) {
	in := n.in(0)
	channels := in.Shape[3] * mult
	if n.in(1).Packed4 || len(n.in(1).Quant.Scale) != channels && channels > 1 {
		return Step{}, unsupported("float values with int4 weights, or with one scale for all channels")
	}
	p, err := packHybrid(n, channels, 3, n.n.Opt.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	d := &kernel.HybridDepthwise{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], Multiplier: mult, Weights: p.weights, Scale: p.scale, Bias: p.bias, Out: p.out,
	}
	src, dst, image := n.inRef(0), n.outRef(), n.scratch(d.Image(), 1)
	return Step{
		Kernel: "depthwise_hybrid", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: d.MACs(),
		Run: func(mem []byte) { d.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), i8(image.Bytes(mem))) },
	}, nil
}
