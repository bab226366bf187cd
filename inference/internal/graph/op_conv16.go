package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerConv16(n *node) (Step, error) {
	if err := n.bias16(6); err != nil {
		return Step{}, err
	}
	s, err := n.convShape()
	if err != nil {
		return Step{}, err
	}
	p, err := pack16(n, n.in(0), 2, s.groups*s.outC, 0, n.n.Opt.Byte(3, 0))
	if err != nil {
		return Step{}, err
	}
	return conv16Step(n, "conv2d_16x8", s, p)
}

// bias16 refuses layers for which LiteRT sums in int32: those that name such a
// bias in option field typed, and those without one.
func (n *node) bias16(typed int) error {
	if t := n.n.Opt.Byte(typed, 0); t != 0 {
		return unsupported("bias type %d", t)
	}
	if n.in(2) == nil {
		return unsupported("no bias")
	}
	return nil
}

func conv16Step(n *node, name string, s convShape, p *packed16) (Step, error) {
	c := &kernel.Conv16{
		Window: s.window, Batch: s.batch, Groups: s.groups, InC: s.inC, OutC: s.outC, Weights: p.weights, Bias: p.bias, Out: p.out,
		Workers: n.b.mem.Workers,
	}
	if err := n.packLater(c); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	staged, sums := c.ScratchSizes()
	in, acc := n.scratch(staged, 1), n.scratch(sums, 4)
	step := Step{
		Kernel: name, Tier: c.Tier(), Rule: ruleTFLite, MACs: c.MACs(),
		Run: func(mem []byte) { c.Run(i16(dst.Bytes(mem)), i16(src.Bytes(mem)), in.Bytes(mem), i32(acc.Bytes(mem))) },
	}
	if c.Splits() {
		step.Prepare = func(mem []byte) { c.Prepare(i16(src.Bytes(mem)), in.Bytes(mem)) }
		step.Part = func(mem []byte, worker, i, n int) {
			c.Part(i16(dst.Bytes(mem)), i16(src.Bytes(mem)), in.Bytes(mem), i32(acc.Bytes(mem)), worker, i, n)
		}
	}
	return step, nil
}

// lowerFullyConnected16 requantizes in float64, unlike the convolutions
// (kernels/internal/reference/integer_ops/fully_connected.h).
func lowerFullyConnected16(n *node) (Step, error) {
	if err := n.bias16(4); err != nil {
		return Step{}, err
	}
	s, err := n.denseShape()
	if err != nil {
		return Step{}, err
	}
	p, err := pack16(n, n.in(0), 2, s.outC, 0, n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	p.out.Real = make([]float64, s.outC)
	for c := range p.out.Real {
		w := n.in(1).Quant.Scale
		p.out.Real[c] = float64(n.in(0).Scale()) * float64(w[min(c, len(w)-1)]) / float64(n.out().Scale())
	}
	return conv16Step(n, "fully_connected_16x8", s, p)
}

func lowerDepthwise16(n *node) (Step, error) {
	w, mult, err := n.depthwiseShape()
	if err != nil {
		return Step{}, err
	}
	in := n.in(0)
	p, err := pack16(n, in, 2, in.Shape[3]*mult, 3, n.n.Opt.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	c := &kernel.Depthwise16{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], Multiplier: mult, Weights: p.weights, Bias: p.bias, Out: p.out,
	}
	if err := n.packLater(c); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	staged, sums := c.ScratchSizes()
	in16, acc := n.scratch(staged, 1), n.scratch(sums, 4)
	return Step{
		Kernel: "depthwise_16x8", Tier: c.Tier(), Rule: ruleTFLite, MACs: c.MACs(),
		Run: func(mem []byte) {
			c.Run(i16(dst.Bytes(mem)), i16(src.Bytes(mem)), in16.Bytes(mem), i32(acc.Bytes(mem)))
		},
	}, nil
}

// spreadShape checks TRANSPOSE_CONV: output shape, filter, input, bias. The
// shape the file declares for the output counts, whatever is fed as input 0.
func (n *node) spreadShape() (kernel.Window, error) {
	filter, in, out := n.in(1), n.in(2), n.out()
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || len(out.Shape) != 4 ||
		filter.Shape[0] != out.Shape[3] || filter.Shape[3] != in.Shape[3] {
		return kernel.Window{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	if n.in(0).Data != nil {
		want, err := n.staticInts(0, "output shape")
		if err != nil {
			return kernel.Window{}, err
		}
		if !equal(want, out.Shape) {
			return kernel.Window{}, fmt.Errorf("output shape %v, named as %v", out.Shape, want)
		}
	}
	o := n.n.Opt
	return windowOf(out, in, filter.Shape[1], filter.Shape[2], o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{1, 1})
}

func lowerTransposeConv16(n *node) (Step, error) {
	if t := n.n.Opt.Byte(4, 0); t != 0 {
		return Step{}, unsupported("bias type %d", t)
	}
	w, err := n.spreadShape()
	if err != nil {
		return Step{}, err
	}
	in, out := n.in(2), n.out()
	p, err := pack16(n, in, 3, out.Shape[3], 0, n.n.Opt.Byte(3, 0))
	if err != nil {
		return Step{}, err
	}
	if err := n.b.hold("weights", len(p.weights)); err != nil {
		return Step{}, err
	}
	s := &kernel.Spread[int16, int8, int64]{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], OutC: out.Shape[3], Weights: slices.Clone(p.weights),
	}
	src, dst, acc := n.inRef(2), n.outRef(), n.scratch(s.Scratch(), 8)
	return Step{
		Kernel: "transpose_conv_16x8", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: s.MACs(),
		Run: func(mem []byte) {
			sums, to := viewOf[int64](acc.Bytes(mem)), i16(dst.Bytes(mem))
			for b := range s.Batch {
				s.Image(sums, i16(src.Bytes(mem)), b)
				p.out.Store(to[b*len(sums):], sums, p.bias)
			}
		},
	}, nil
}
