package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerGatherAny takes slices along an axis; indices known only while running
// end the run with an error where they are outside the data.
func lowerGatherAny(n *node) (Step, error) {
	batch := int(n.n.Opt.Int32(1, 0))
	in, index, out := n.in(0), n.in(1), n.out()
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(in.Shape))
	if err != nil {
		return Step{}, err
	}
	if n.in(1).Data != nil && batch == 0 && !n.runs(axis) {
		return lowerGather(n)
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if batch < 0 {
		batch += len(index.Shape)
	}
	if batch < 0 || batch > axis || batch > len(index.Shape) || !equal(in.Shape[:batch], index.Shape[:batch]) {
		return Step{}, fmt.Errorf("%d batch dimensions of %v and %v", batch, in.Shape, index.Shape)
	}
	want := append(append(append([]int{}, in.Shape[:axis]...), index.Shape[batch:]...), in.Shape[axis+1:]...)
	if !equal(out.Shape, want) {
		return Step{}, fmt.Errorf("output shape %v, want %v", out.Shape, want)
	}
	batches, outer, size := product(in.Shape[:batch]), product(in.Shape[batch:axis]), n.countOf(0, axis)
	used, inner := n.usedOf(1), product(in.Shape[axis+1:])*in.DType.Size()
	src, at, dst := n.inRef(0), n.inRef(1), n.outRef()
	s := Step{Kernel: "gather", Tier: kernel.TierGeneric, Rule: ruleExact}
	switch index.DType {
	case Int32:
		s.Run = func(mem []byte) {
			list := i32(used(mem, at.Bytes(mem)))
			kernel.RunGather(dst.Bytes(mem), src.Bytes(mem), list, batches, outer, size(mem), len(list)/batches, inner)
		}
	case Int64:
		s.Run = func(mem []byte) {
			list := viewOf[int64](used(mem, at.Bytes(mem)))
			kernel.RunGather(dst.Bytes(mem), src.Bytes(mem), list, batches, outer, size(mem), len(list)/batches, inner)
		}
	default:
		return Step{}, unsupported("indices of %s", index.DType)
	}
	return s, nil
}

// lowerScatterND adds updates to zeros at coordinates computed while running.
func lowerScatterND(n *node) (Step, error) {
	switch n.in(1).DType {
	case Float32:
		return ruled(ruleFloat)(scatter[float32](n))
	case Int8:
		return scatter[int8](n)
	case Uint8:
		return scatter[uint8](n)
	case Int32:
		return scatter[int32](n)
	case Int64:
		return scatter[int64](n)
	}
	return Step{}, unsupported("updates of %s", n.in(1).DType)
}

func scatter[T kernel.Ordered](n *node) (Step, error) {
	return n.scatterBytes(func(g *kernel.GatherND, dst, src []byte, at []int32) {
		kernel.ScatterND(g, viewOf[T](dst), viewOf[T](src), at)
	})
}

func (n *node) scatterBytes(run func(g *kernel.GatherND, dst, src []byte, at []int32)) (Step, error) {
	index, updates, out := n.in(0), n.in(1), n.out()
	rank := len(index.Shape)
	if index.DType != Int32 || updates.DType != out.DType {
		return Step{}, unsupported("indices of %s, updates of %s -> %s", index.DType, updates.DType, out.DType)
	}
	if rank == 0 || index.Shape[rank-1] < 1 || index.Shape[rank-1] > len(out.Shape) {
		return Step{}, fmt.Errorf("indices %v into %v", index.Shape, out.Shape)
	}
	if shape, err := n.staticInts(2, "shape"); err != nil {
		return Step{}, err
	} else if !equal(shape, out.Shape) {
		return Step{}, fmt.Errorf("shape %v, output %v", shape, out.Shape)
	}
	depth := index.Shape[rank-1]
	if want := append(append([]int{}, index.Shape[:rank-1]...), out.Shape[depth:]...); !equal(updates.Shape, want) {
		return Step{}, fmt.Errorf("updates %v, want %v", updates.Shape, want)
	}
	if err := n.b.mem.Work(n.n.Name, int64(updates.Elements())); err != nil {
		return Step{}, err
	}
	g := &kernel.GatherND{Dims: out.Shape[:depth], Stride: strides(out.Shape, 1)[:depth], Slice: product(out.Shape[depth:])}
	at, src, dst := n.inRef(0), n.inRef(1), n.outRef()
	return Step{
		Kernel: "scatter_nd", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { run(g, dst.Bytes(mem), src.Bytes(mem), i32(at.Bytes(mem))) },
	}, nil
}

// lowerOneHot spreads indices along a new dimension.
func lowerOneHot(n *node) (Step, error) {
	index, out := n.in(0), n.out()
	depth, err := n.staticInts(1, "depth")
	if err != nil {
		return Step{}, err
	}
	if err := n.moves(out, n.in(2), n.in(3)); err != nil {
		return Step{}, err
	}
	axis := int(n.n.Opt.Int32(0, 0))
	if axis < 0 {
		axis += len(index.Shape) + 1
	}
	if len(depth) != 1 || axis < 0 || axis > len(index.Shape) || n.in(2).Elements() != 1 || n.in(3).Elements() != 1 {
		return Step{}, fmt.Errorf("depth %v along dimension %d of %v", depth, axis, index.Shape)
	}
	if want := append(append(append([]int{}, index.Shape[:axis]...), depth[0]), index.Shape[axis:]...); !equal(out.Shape, want) {
		return Step{}, fmt.Errorf("output shape %v, want %v", out.Shape, want)
	}
	outer, inner, elem := product(index.Shape[:axis]), product(index.Shape[axis:]), out.DType.Size()
	src, on, off, dst := n.inRef(0), n.inRef(2), n.inRef(3), n.outRef()
	s := Step{Kernel: "one_hot", Tier: kernel.TierGeneric, Rule: ruleExact}
	switch index.DType {
	case Int32:
		s.Run = func(mem []byte) {
			kernel.OneHot(dst.Bytes(mem), i32(src.Bytes(mem)), on.Bytes(mem), off.Bytes(mem), outer, depth[0], inner, elem)
		}
	case Int64:
		s.Run = func(mem []byte) {
			kernel.OneHot(dst.Bytes(mem), viewOf[int64](src.Bytes(mem)), on.Bytes(mem), off.Bytes(mem), outer, depth[0], inner, elem)
		}
	default:
		return Step{}, unsupported("indices of %s", index.DType)
	}
	return s, nil
}

// cumulate lowers CUMSUM of one type.
//
//go:noinline
func cumulate[T kernel.Ordered](name, rule string) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if err := n.moves(n.out(), n.in(0)); err != nil {
			return Step{}, err
		}
		if err := n.same(); err != nil {
			return Step{}, err
		}
		shape := n.in(0).Shape
		axis, err := n.staticAxis(1, len(shape))
		if err != nil {
			return Step{}, err
		}
		exclusive, reverse := n.n.Opt.Bool(0, false), n.n.Opt.Bool(1, false)
		outer, size, inner := product(shape[:axis]), shape[axis], product(shape[axis+1:])
		src, dst := n.inRef(0), n.outRef()
		return Step{
			Kernel: name, Tier: kernel.TierGeneric, Rule: rule,
			Run: func(mem []byte) {
				kernel.Cumulate(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), outer, size, inner, exclusive, reverse)
			},
		}, nil
	}
}
