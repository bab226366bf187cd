package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerGatherND takes slices at coordinates computed while running. Coordinates
// outside the data end the run with an error, as in LiteRT.
func lowerGatherND(n *node) (Step, error) {
	in, index, out := n.in(0), n.in(1), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	rank := len(index.Shape)
	if rank == 0 || len(in.Shape) == 0 {
		return Step{}, fmt.Errorf("data of shape %v, indices %v", in.Shape, index.Shape)
	}
	depth := index.Shape[rank-1]
	if depth < 1 || depth > len(in.Shape) {
		return Step{}, fmt.Errorf("%d coordinates of %d dimensions", depth, len(in.Shape))
	}
	want := append(append([]int{}, index.Shape[:rank-1]...), in.Shape[depth:]...)
	if !equal(out.Shape, want) {
		return Step{}, fmt.Errorf("output shape %v, want %v", out.Shape, want)
	}
	elem := in.DType.Size()
	g := &kernel.GatherND{
		Dims: in.Shape[:depth], Stride: strides(in.Shape, elem)[:depth], Slice: product(in.Shape[depth:]) * elem,
	}
	src, at, dst, used := n.inRef(0), n.inRef(1), n.outRef(), n.usedOf(1)
	s := Step{Kernel: "gather_nd", Tier: kernel.TierGeneric, Rule: ruleExact}
	switch index.DType {
	case Int16:
		s.Run = func(mem []byte) {
			kernel.RunGatherND(g, dst.Bytes(mem), src.Bytes(mem), viewOf[int16](used(mem, at.Bytes(mem))))
		}
	case Int32:
		s.Run = func(mem []byte) {
			kernel.RunGatherND(g, dst.Bytes(mem), src.Bytes(mem), viewOf[int32](used(mem, at.Bytes(mem))))
		}
	case Int64:
		s.Run = func(mem []byte) {
			kernel.RunGatherND(g, dst.Bytes(mem), src.Bytes(mem), viewOf[int64](used(mem, at.Bytes(mem))))
		}
	default:
		return Step{}, unsupported("indices of %s", index.DType)
	}
	return s, nil
}
