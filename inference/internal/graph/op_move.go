package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerReshape makes no step: the output is the input's bytes.
func lowerReshape(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType != out.DType || in.Elements() != out.Elements() {
		return Step{}, fmt.Errorf("%v of %s from %v of %s", out.Shape, out.DType, in.Shape, in.DType)
	}
	if in.Data != nil {
		out.Data = in.Data
		return Step{}, nil
	}
	n.b.alias[n.n.Out[0]] = n.n.In[0]
	return Step{}, nil
}

func lowerPad(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType != Int8 || out.DType != Int8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	amounts, err := n.staticInt32s(1, "paddings")
	if err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
	if rank == 0 || len(amounts) != 2*rank || len(out.Shape) != rank {
		return Step{}, fmt.Errorf("%d paddings for shape %v to %v", len(amounts), in.Shape, out.Shape)
	}
	before := make([]int, rank)
	for d := range before {
		b, a := int(amounts[2*d]), int(amounts[2*d+1])
		if b < 0 || a < 0 || in.Shape[d]+b+a != out.Shape[d] {
			return Step{}, fmt.Errorf("paddings %v take %v to %v", amounts, in.Shape, out.Shape)
		}
		before[d] = b
	}
	if in.Scale() != out.Scale() || in.Zero() != out.Zero() {
		return Step{}, unsupported("input and output quantized differently")
	}
	k := &kernel.Pad{In: in.Shape, Out: out.Shape, Before: before, Fill: byte(out.Zero())}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "pad_8", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { k.Run(dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}
