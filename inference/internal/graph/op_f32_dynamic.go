package graph

import (
	"strings"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// dynamicStep lowers a float layer of int8 weights, as LiteRT's delegate takes
// it: the filter quantized per tensor or per output channel around 0.
func dynamicStep(n *node, name string, s convShape, activation byte) (Step, error) {
	if s.pointwise() || n.n.Name == "FULLY_CONNECTED" {
		s = s.byRow()
	}
	d, err := n.packDynamic(s.groups * s.outC)
	if err != nil {
		return Step{}, err
	}
	if d.Out, err = rangeF32(activation); err != nil {
		return Step{}, err
	}
	c := &d.Conv
	c.Window, c.Batch, c.Groups, c.InC, c.OutC = s.window, s.batch, s.groups, s.inC, s.outC
	if err := n.packLater(d); err != nil {
		return Step{}, err
	}
	src, dst, scratch := n.inRef(0), n.outRef(), n.scratch(d.Scratch(), 1)
	return Step{
		Kernel: strings.TrimSuffix(name, "f32") + "qd8", Tier: d.Tier(), Rule: ruleFloat, MACs: c.MACs(),
		Run: func(mem []byte) { d.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), scratch.Bytes(mem)) },
	}, nil
}

// pointwise tells whether XNNPACK computes a convolution as a fully connected
// layer (src/subgraph/convolution-2d.c).
func (s convShape) pointwise() bool {
	w := &s.window
	return s.groups == 1 && w.KH == 1 && w.KW == 1 && w.StrideH == 1 && w.StrideW == 1 && s.inC+s.outC > 2
}

// byRow makes an image of every pixel: the rows of a fully connected layer are
// quantized one by one.
func (s convShape) byRow() convShape {
	w := &s.window
	s.batch *= w.OutH * w.OutW
	w.InH, w.InW, w.OutH, w.OutW = 1, 1, 1, 1
	return s
}

// packDynamic copies scales and bias.
func (n *node) packDynamic(channels int) (*kernel.DynamicConv, error) {
	if err := n.floats(n.in(0), n.out()); err != nil {
		return nil, err
	}
	data, err := n.static(1, "filter")
	if err != nil {
		return nil, err
	}
	q := n.in(1).Quant
	if len(q.Scale) != 1 && (len(q.Scale) != channels || q.Axis != 0) {
		return nil, unsupported("filter quantized with %d scales along dimension %d", len(q.Scale), q.Axis)
	}
	if _, err := n.weightZero(); err != nil {
		return nil, err
	}
	if err := n.b.hold("scales", 8*channels); err != nil {
		return nil, err
	}
	d := &kernel.DynamicConv{WeightSum: make([]int32, channels), Scale: make([]float32, channels)}
	d.Conv.Weights = i8(data)
	for c := range d.Scale {
		if d.Scale[c] = q.Scale[min(c, len(q.Scale)-1)]; !positive(d.Scale[c]) {
			return nil, unsupported("filter scale %g", d.Scale[c])
		}
	}
	d.Bias, err = n.biasF32(channels)
	return d, err
}
