package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// reduction checks an operator that folds dimensions and returns its geometry.
func (n *node) reduction() (*kernel.Reduce, error) {
	in, out := n.in(0), n.out()
	axes, err := n.staticInts(1, "axes")
	if err != nil {
		return nil, err
	}
	gone := make([]bool, len(in.Shape))
	for _, a := range axes {
		if a, err = axisOf(a, len(in.Shape)); err != nil {
			return nil, err
		}
		gone[a] = true
	}
	r := &kernel.Reduce{Shape: in.Shape, Stride: make([]int, len(in.Shape))}
	size := 1
	for d := len(in.Shape) - 1; d >= 0; d-- {
		if !gone[d] {
			r.Stride[d] = size
			size *= in.Shape[d]
		}
	}
	if out.Elements() != size {
		return nil, fmt.Errorf("output shape %v from %v over axes %v", out.Shape, in.Shape, axes)
	}
	return r, n.b.mem.Work(n.n.Name, int64(in.Elements()))
}

// reduceTo lowers a fold that keeps type and quantization.
//
//go:noinline
func reduceTo[T any](name string, first T, f func(a, x T) T) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		return n.reduceBytes(name, func(r *kernel.Reduce, dst, src []byte) { kernel.RunReduce(r, viewOf[T](dst), viewOf[T](src), first, f) })
	}
}

func (n *node) reduceBytes(name string, run func(r *kernel.Reduce, dst, src []byte)) (Step, error) {
	if err := n.moves(n.out(), n.in(0)); err != nil {
		return Step{}, err
	}
	r, err := n.reduction()
	if err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { run(r, dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

var reduceMax = byType{
	{Float32, reduceTo("reduce_max_f32", -inf, kernel.MaxF32)}, {Int8, reduceTo("reduce_max_i8", -128, kernel.Max[int8])},
	{Uint8, reduceTo("reduce_max_u8", 0, kernel.Max[uint8])}, {Int16, reduceTo("reduce_max_i16", math.MinInt16, kernel.Max[int16])},
	{Int32, reduceTo("reduce_max_i32", math.MinInt32, kernel.Max[int32])}, {Int64, reduceTo("reduce_max_i64", math.MinInt64, kernel.Max[int64])},
}

var reduceMin = byType{
	{Float32, reduceTo("reduce_min_f32", inf, kernel.MinF32)}, {Int8, reduceTo("reduce_min_i8", 127, kernel.Min[int8])},
	{Uint8, reduceTo("reduce_min_u8", 255, kernel.Min[uint8])}, {Int16, reduceTo("reduce_min_i16", math.MaxInt16, kernel.Min[int16])},
	{Int32, reduceTo("reduce_min_i32", math.MaxInt32, kernel.Min[int32])}, {Int64, reduceTo("reduce_min_i64", math.MaxInt64, kernel.Min[int64])},
}

var reduceProd = byType{
	{Float32, func(n *node) (Step, error) {
		return ruled(ruleFloat)(reduceTo("reduce_prod_f32", 1, func(a, x float32) float32 { return kernel.Quiet(a * x) })(n))
	}},
	{Int8, prodSmall}, {Int16, prodSmall},
	{Int32, reduceTo("reduce_prod_i32", 1, kernel.Product[int32])}, {Int64, reduceTo("reduce_prod_i64", 1, kernel.Product[int64])},
}

var (
	reduceAny = byType{{Bool, reduceTo("reduce_any", 0, kernel.Or)}}
	reduceAll = byType{{Bool, reduceTo("reduce_all", 1, kernel.And)}}
	sumInt    = byType{
		{Int32, reduceTo("sum_i32", 0, kernel.Sum[int32])}, {Int64, reduceTo("sum_i64", 0, kernel.Sum[int64])},
	}
)
