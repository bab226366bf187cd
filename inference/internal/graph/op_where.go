package graph

import (
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerWhere lists where a condition holds. A run decides how many places these
// are: then they are an output of the model, or what follow takes on.
func lowerWhere(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	switch in.DType {
	case Bool, Float32, Int64, Int32, Int8, Uint8, Uint32:
	default:
		return Step{}, unsupported("types %s", n.types())
	}
	if out.DType != Int64 || len(in.Shape) == 0 {
		return Step{}, unsupported("types %s, shape %v", n.types(), in.Shape)
	}
	size, float, shape := in.DType.Size(), in.DType == Float32, in.Shape
	out.Unknown = true
	src, dst := n.inRef(0), n.outRef()
	s := Step{Kernel: "where", Tier: kernel.TierGeneric, Rule: ruleExact}
	if in.Data != nil {
		if err := n.resolve(0, []int{kernel.Where(nil, in.Data, size, float, shape), len(shape)}); err != nil {
			return Step{}, err
		}
		s.Run = func(mem []byte) { kernel.Where(viewOf[int64](dst.Bytes(mem)), src.Bytes(mem), size, float, shape) }
		return s, nil
	}
	set, err := n.decided(0, []int{in.Elements(), len(shape)}, 0)
	if err != nil {
		return Step{}, err
	}
	used := n.usedOf(0)
	s.Run = func(mem []byte) {
		set(mem, kernel.Where(viewOf[int64](dst.Bytes(mem)), used(mem, src.Bytes(mem)), size, float, shape))
	}
	return s, nil
}
