package graph

import (
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerBatchMatMul chooses by the type of the first operand.
func lowerBatchMatMul(n *node) (Step, error) {
	switch n.in(0).DType {
	case Float32:
		return n.matMulF32()
	case Int8:
		return n.matMul8()
	}
	return lowerBatchMatMul16(n)
}

func (n *node) matMulF32() (Step, error) {
	if err := n.floats(n.in(1), n.out()); err != nil {
		return Step{}, err
	}
	g, err := n.matShape()
	if err != nil {
		return Step{}, err
	}
	p := g.plain()
	return matStep(n, "batch_matmul_f32", ruleFloat, g, func(dst, a, b []float32) { p.Run(dst, a, b) }), nil
}

func (n *node) matMul8() (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	if b.DType != Int8 || out.DType != Int8 {
		return Step{}, unsupported("types %s by %s -> %s", a.DType, b.DType, out.DType)
	}
	if err := n.quantized(a, b, out); err != nil {
		return Step{}, err
	}
	g, err := n.matShape()
	if err != nil {
		return Step{}, err
	}
	p := &kernel.MatMul8{MatMulF32: g.plain(), AZero: a.Zero(), BZero: b.Zero(), Out: n.wholeRange()}
	if p.Factor, err = factor(float64(float32(a.Scale()*b.Scale()))/float64(out.Scale()), 20); err != nil {
		return Step{}, err
	}
	rule := ruleTFLite
	if b.Zero() == 0 { // what the delegate takes
		rule, p.Scale = ruleXNNPACK, float32(a.Scale()*b.Scale())/out.Scale()
		if p.Scale >= 256 {
			return Step{}, unsupported("scale factor %g", p.Scale)
		}
	}
	return matStep(n, "batch_matmul_qs8", rule, g, func(dst, a, b []int8) { p.Run(dst, a, b) }), nil
}

func (g *matShape) plain() kernel.MatMulF32 {
	return kernel.MatMulF32{M: g.m, K: g.k, N: g.n, ARow: g.aRow, ACol: g.aCol, BRow: g.bRow, BCol: g.bCol}
}

// matStep runs a product for each batch entry.
func matStep[T any](n *node, name, rule string, g matShape, run func(dst, a, b []T)) Step {
	x, y, dst := n.inRef(0), n.inRef(1), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: rule, MACs: int64(n.out().Elements()) * int64(g.k),
		Run: func(mem []byte) {
			to, l, r := viewOf[T](dst.Bytes(mem)), viewOf[T](x.Bytes(mem)), viewOf[T](y.Bytes(mem))
			for i := range g.aAt {
				run(to[i*g.m*g.n:][:g.m*g.n], l[g.aAt[i]:], r[g.bAt[i]:])
			}
		},
	}
}

// transposeConvF32 lowers TRANSPOSE_CONV of floats.
func (n *node) transposeConvF32() (Step, error) {
	in, out := n.in(2), n.out()
	if err := n.floats(in, n.in(1), out); err != nil {
		return Step{}, err
	}
	if n.in(0).Data == nil {
		return Step{}, unsupported("output shape is not a constant")
	}
	w, err := n.spreadShape()
	if err != nil {
		return Step{}, err
	}
	s := &kernel.SpreadF32{Window: w, Batch: in.Shape[0], InC: in.Shape[3], OutC: out.Shape[3]}
	if s.Weights, err = n.staticFloats(1, "filter"); err != nil {
		return Step{}, err
	}
	if b := n.in(3); b != nil {
		if b.Elements() != s.OutC {
			return Step{}, unsupported("bias of shape %v", b.Shape)
		}
		if s.Bias, err = n.staticFloats(3, "bias"); err != nil {
			return Step{}, err
		}
	}
	if s.Range, err = rangeF32(n.n.Opt.Byte(3, 0)); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(2), n.outRef()
	macs := int64(s.Batch) * int64(w.OutH) * int64(w.OutW) * int64(s.InC) * int64(s.OutC) * int64(w.KH) * int64(w.KW)
	return Step{
		Kernel: "transpose_conv_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: macs,
		Run: func(mem []byte) { s.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}
