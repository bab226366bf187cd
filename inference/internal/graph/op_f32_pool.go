package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func poolF32(n *node) (*kernel.PoolF32, error) {
	if err := n.floats(n.in(0), n.out()); err != nil {
		return nil, err
	}
	w, err := n.poolWindow()
	if err != nil {
		return nil, err
	}
	r, err := rangeF32(n.n.Opt.Byte(5, 0))
	in := n.in(0)
	return &kernel.PoolF32{Window: w, Batch: in.Shape[0], C: in.Shape[3], Out: r}, err
}

func averagePoolF32(n *node) (Step, error) {
	p, err := poolF32(n)
	if err != nil {
		return Step{}, err
	}
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(p.C, 8)
	return Step{
		Kernel: "average_pool_f32", Tier: kernel.TierGeneric, Rule: ruleFloat,
		Run: func(mem []byte) { p.Average(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), viewOf[float64](acc.Bytes(mem))) },
	}, nil
}

func maxPoolF32(n *node) (Step, error) {
	p, err := poolF32(n)
	if err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "max_pool_f32", Tier: p.Pack(), Rule: ruleFloat,
		Run: func(mem []byte) { p.Maximum(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}

func lowerSum(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return reduceF32(n, "sum_f32", false)
	}
	return n.reduce8("sum", kernel.NewSum)
}

// reduceF32 lowers a sum or mean over any dimensions.
func reduceF32(n *node, name string, mean bool) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.floats(in, out); err != nil {
		return Step{}, err
	}
	axes, err := n.staticInts(1, "axes")
	if err != nil {
		return Step{}, err
	}
	r := &kernel.ReduceF32{Shape: append([]int{}, in.Shape...), OutStride: make([]int, len(in.Shape)), Divisor: 1}
	over := make([]bool, len(in.Shape))
	for _, a := range axes {
		d, err := axisOf(a, len(in.Shape))
		if err != nil {
			return Step{}, err
		}
		over[d] = true
	}
	kept := 1
	for d := len(over) - 1; d >= 0; d-- {
		if !over[d] {
			r.OutStride[d] = kept
			kept *= in.Shape[d]
		}
	}
	if kept != out.Elements() || kept == 0 {
		return Step{}, fmt.Errorf("output shape %v from %v over axes %v", out.Shape, in.Shape, axes)
	}
	if mean {
		r.Divisor = float64(in.Elements() / kept)
	}
	if err := n.b.mem.Work(n.n.Name, int64(in.Elements())); err != nil {
		return Step{}, err
	}
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(kept, 8)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleFloat,
		Run: func(mem []byte) { r.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem)), viewOf[float64](acc.Bytes(mem))) },
	}, nil
}
