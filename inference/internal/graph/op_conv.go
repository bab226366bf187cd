package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerConv(n *node) (Step, error) {
	s, err := n.convShape()
	if err != nil {
		return Step{}, err
	}
	switch n.in(0).DType {
	case Uint8:
		return convStep[uint8](n, "conv2d_qu8", s, n.n.Opt.Byte(3, 0))
	case Float32:
		if n.in(1).Packed4 {
			return hybridConv(n, s, n.n.Opt.Byte(3, 0))
		}
		return convStepF32(n, "conv2d_f32", s, n.n.Opt.Byte(3, 0))
	}
	if n.in(1).Packed4 {
		round := kernel.Multiplier.ApplyUp
		if s.groups > 1 {
			round = kernel.Multiplier.Apply
		}
		return convTFLite(n, "conv2d_qs8", s, n.n.Opt.Byte(3, 0), round)
	}
	return convStep[int8](n, "conv2d_qs8", s, n.n.Opt.Byte(3, 0))
}

// convShape checks the geometry of CONV_2D, whatever its types.
func (n *node) convShape() (convShape, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || len(out.Shape) != 4 {
		return convShape{}, fmt.Errorf("shapes %v, filter %v, output %v", in.Shape, filter.Shape, out.Shape)
	}
	o := n.n.Opt
	w, err := n.window(filter.Shape[1], filter.Shape[2], o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{o.Int32(5, 1), o.Int32(4, 1)})
	if err != nil {
		return convShape{}, err
	}
	outC, depth := filter.Shape[0], filter.Shape[3]
	groups := in.Shape[3] / max(depth, 1)
	if groups < 1 || groups*depth != in.Shape[3] || outC%groups != 0 || out.Shape[3] != outC {
		return convShape{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	return convShape{w, in.Shape[0], groups, depth, outC / groups}, nil
}

// convShape is the geometry of a convolution; channels are per group.
type convShape struct {
	window                   kernel.Window
	batch, groups, inC, outC int
}

func convStep[T kernel.Byte](n *node, name string, s convShape, activation byte) (Step, error) {
	p, err := pack[T](n, s.groups*s.outC, s.window.KH*s.window.KW*s.inC, 0, activation)
	if err != nil {
		return Step{}, err
	}
	c := &kernel.Conv[T]{
		Window: s.window, Batch: s.batch, Groups: s.groups, InC: s.inC, OutC: s.outC, Weights: p.weights, Bias: p.bias,
		Scale: p.scale, InZero: T(n.in(0).Zero()), Out: p.out, WeightZero: p.zero, WeightSums: p.sums, Workers: n.b.mem.Workers,
	}
	if err := n.packLater(c); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	nr, np, nb, ns := c.ScratchSizes()
	rows, pairs, staged, sums := n.scratch(nr, 1), n.scratch(np, 8), n.scratch(nb, 1), n.scratch(ns, 4)
	scratch := func(mem []byte) kernel.Scratch[T] {
		return kernel.Scratch[T]{
			Rows: viewOf[T](rows.Bytes(mem)), Pairs: viewOf[int64](pairs.Bytes(mem)),
			Staged: staged.Bytes(mem), Sums: i32(sums.Bytes(mem)),
		}
	}
	step := Step{
		Kernel: name, Tier: c.Tier(), Rule: ruleXNNPACK, MACs: c.MACs(),
		Run: func(mem []byte) { c.Run(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), scratch(mem)) },
	}
	if nr+ns == 0 { // most layers, and small ones take no longer than the other views
		step.Run = func(mem []byte) {
			c.Run(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), kernel.Scratch[T]{Staged: staged.Bytes(mem)})
		}
	}
	if c.Splits() {
		step.Prepare = func(mem []byte) { c.Prepare(viewOf[T](src.Bytes(mem)), scratch(mem)) }
		step.Part = func(mem []byte, worker, i, n int) {
			c.Part(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), scratch(mem), worker, i, n)
		}
	}
	return step, nil
}

func lowerFullyConnected(n *node) (Step, error) {
	s, err := n.denseShape()
	if err != nil {
		return Step{}, err
	}
	switch n.in(0).DType {
	case Uint8:
		return convStep[uint8](n, "fully_connected_qu8", s, n.n.Opt.Byte(0, 0))
	case Float32:
		if n.in(1).Packed4 && s.inC%2 == 1 {
			return Step{}, unsupported("float values with int4 weights of odd depth")
		}
		return convStepF32(n, "fully_connected_f32", s, n.n.Opt.Byte(0, 0))
	}
	if n.in(1).Packed4 && s.inC%2 == 1 { // the delegate takes even depths
		return convTFLite(n, "fully_connected_qs8", s, n.n.Opt.Byte(0, 0), kernel.Multiplier.ApplyUp)
	}
	return convStep[int8](n, "fully_connected_qs8", s, n.n.Opt.Byte(0, 0))
}

// denseShape checks FULLY_CONNECTED as a convolution of one pixel a row.
func (n *node) denseShape() (convShape, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(filter.Shape) != 2 {
		return convShape{}, fmt.Errorf("filter shape %v, want two dimensions", filter.Shape)
	}
	units, depth := filter.Shape[0], filter.Shape[1]
	rows := in.Elements() / max(depth, 1)
	if rows*depth != in.Elements() || rows*units != out.Elements() {
		return convShape{}, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	if f := n.n.Opt.Byte(1, 0); f != 0 {
		return convShape{}, unsupported("weights format %d", f)
	}
	return convShape{
		window: kernel.Window{InH: 1, InW: rows, OutH: 1, OutW: rows, KH: 1, KW: 1,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
		batch: 1, groups: 1, inC: depth, outC: units,
	}, nil
}

func lowerDepthwise(n *node) (Step, error) {
	w, mult, err := n.depthwiseShape()
	if err != nil {
		return Step{}, err
	}
	switch n.in(0).DType {
	case Uint8:
		return depthwiseStep[uint8](n, "depthwise_qu8", w, mult)
	case Float32:
		return depthwiseStepF32(n, w, mult)
	}
	if n.in(1).Packed4 {
		return depthwiseTFLite(n, w, mult)
	}
	return depthwiseStep[int8](n, "depthwise_qs8", w, mult)
}

// depthwiseShape checks the geometry of DEPTHWISE_CONV_2D and returns its
// window and depth multiplier.
func (n *node) depthwiseShape() (w kernel.Window, mult int, err error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || len(out.Shape) != 4 {
		return w, 0, fmt.Errorf("shapes %v, filter %v, output %v", in.Shape, filter.Shape, out.Shape)
	}
	o := n.n.Opt
	w, err = n.window(filter.Shape[1], filter.Shape[2], o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{o.Int32(6, 1), o.Int32(5, 1)})
	if err != nil {
		return w, 0, err
	}
	inC, outC := in.Shape[3], filter.Shape[3]
	mult = outC / max(inC, 1)
	if mult < 1 || mult*inC != outC || out.Shape[3] != outC || filter.Shape[0] != 1 {
		return w, 0, fmt.Errorf("filter %v does not fit input %v and output %v", filter.Shape, in.Shape, out.Shape)
	}
	if m := o.Int32(3, 0); m != 0 && int(m) != mult {
		return w, 0, fmt.Errorf("depth multiplier %d, shapes give %d", m, mult)
	}
	return w, mult, nil
}

func depthwiseStep[T kernel.Byte](n *node, name string, w kernel.Window, mult int) (Step, error) {
	in := n.in(0)
	p, err := pack[T](n, in.Shape[3]*mult, w.KH*w.KW, 3, n.n.Opt.Byte(4, 0))
	if err != nil {
		return Step{}, err
	}
	d := &kernel.Depthwise[T]{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], Multiplier: mult, Weights: p.weights, Bias: p.bias,
		Scale: p.scale, InZero: T(in.Zero()), Out: p.out, WeightZero: p.zero, WeightSums: p.sums, Workers: n.b.mem.Workers,
	}
	if err := n.packLater(d); err != nil {
		return Step{}, err
	}
	src, dst, scratch := n.inRef(0), n.outRef(), n.scratch(d.Scratch(), 1)
	step := Step{
		Kernel: name, Tier: d.Tier(), Rule: ruleXNNPACK, MACs: d.MACs(),
		Run: func(mem []byte) { d.Run(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), scratch.Bytes(mem)) },
	}
	if d.Splits() {
		step.Part = func(mem []byte, worker, i, n int) {
			d.Part(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), scratch.Bytes(mem), worker, i, n)
		}
	}
	return step, nil
}
