package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerGatherAny takes slices along an axis; indices known only while running
// end the run with an error where they are outside the data.
func lowerGatherAny(n *node) (Step, error) {
	batch := int(n.n.Opt.Int32(1, 0))
	if n.in(1).Data != nil && batch == 0 {
		return lowerGather(n)
	}
	in, index, out := n.in(0), n.in(1), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(in.Shape))
	if err != nil {
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
	batches, outer, size := product(in.Shape[:batch]), product(in.Shape[batch:axis]), in.Shape[axis]
	count, inner := product(index.Shape[batch:]), product(in.Shape[axis+1:])*in.DType.Size()
	src, at, dst := n.inRef(0), n.inRef(1), n.outRef()
	s := Step{Kernel: "gather", Tier: kernel.TierGeneric, Rule: ruleExact}
	switch index.DType {
	case Int32:
		s.Run = func(mem []byte) {
			kernel.RunGather(dst.Bytes(mem), src.Bytes(mem), i32(at.Bytes(mem)), batches, outer, size, count, inner)
		}
	case Int64:
		s.Run = func(mem []byte) {
			kernel.RunGather(dst.Bytes(mem), src.Bytes(mem), viewOf[int64](at.Bytes(mem)), batches, outer, size, count, inner)
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

func lowerTopK(n *node) (Step, error) {
	switch n.in(0).DType {
	case Float32:
		return topK[float32](n)
	case Int8:
		return topK[int8](n)
	case Uint8:
		return topK[uint8](n)
	case Int16:
		return topK[int16](n)
	case Int32:
		return topK[int32](n)
	case Int64:
		return topK[int64](n)
	}
	return Step{}, unsupported("types %s", n.types())
}

// topK lowers TOPK_V2 of one type; k is constant.
func topK[T kernel.Ordered](n *node) (Step, error) {
	return n.topBytes(func(values, src []byte, places, work []int32, size, k int) {
		kernel.TopK(viewOf[T](values), places, viewOf[T](src), size, k, work)
	})
}

func (n *node) topBytes(run func(values, src []byte, places, work []int32, size, k int)) (Step, error) {
	in := n.in(0)
	k, err := n.staticInts(1, "k")
	if err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
	if len(k) != 1 || len(n.n.Out) != 2 || rank == 0 || k[0] < 1 || k[0] > in.Shape[rank-1] {
		return Step{}, fmt.Errorf("the %v largest of %v", k, in.Shape)
	}
	values, places := n.out(), n.outAt(1)
	want := append(append([]int{}, in.Shape[:rank-1]...), k[0])
	if err := n.moves(values, in); err != nil {
		return Step{}, err
	}
	if places.DType != Int32 || !equal(values.Shape, want) || !equal(places.Shape, want) {
		return Step{}, unsupported("outputs %v and %s%v", values.Shape, places.DType, places.Shape)
	}
	if err := n.b.mem.Work(n.n.Name, int64(in.Elements())*16); err != nil {
		return Step{}, err
	}
	size := in.Shape[rank-1]
	src, v, p, work := n.inRef(0), n.outRef(), n.outRefAt(1), n.scratch(k[0], 4)
	return Step{
		Kernel: "top_k", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			run(v.Bytes(mem), src.Bytes(mem), i32(p.Bytes(mem)), i32(work.Bytes(mem)), size, k[0])
		},
	}, nil
}

// lowerNMS lowers NON_MAX_SUPPRESSION_V4 and, with scores, _V5.
func lowerNMS(n *node) (Step, error) {
	soft := len(n.n.In) == 6
	outs := []DType{Int32, Int32}
	if soft {
		outs = []DType{Int32, Float32, Int32}
	}
	most, err := n.staticInts(2, "number of boxes")
	if err != nil {
		return Step{}, err
	}
	boxes, scores := n.in(0), n.in(1)
	if err := n.floats(boxes, scores, n.in(3), n.in(4), n.in(len(n.n.In)-1)); err != nil {
		return Step{}, err
	}
	if len(boxes.Shape) != 2 || boxes.Shape[1] != 4 || scores.Elements() != boxes.Shape[0] || len(most) != 1 || len(n.n.Out) != len(outs) {
		return Step{}, fmt.Errorf("boxes %v, scores %v, %d outputs", boxes.Shape, scores.Shape, len(n.n.Out))
	}
	for i, d := range outs {
		want := most[0]
		if i == len(outs)-1 {
			want = 1
		}
		if t := n.outAt(i); t.DType != d || t.Elements() != want {
			return Step{}, fmt.Errorf("output %d: %s%v", i, t.DType, t.Shape)
		}
	}
	for i := 3; i < len(n.n.In); i++ {
		if n.in(i).Elements() != 1 {
			return Step{}, fmt.Errorf("threshold of shape %v", n.in(i).Shape)
		}
	}
	if most[0] < 0 || most[0] > math.MaxInt16 {
		return Step{}, unsupported("%d boxes", most[0])
	}
	if err := n.b.mem.Work(n.n.Name, int64(boxes.Shape[0])*int64(most[0]+32)); err != nil {
		return Step{}, err
	}
	m := &kernel.NMS{Max: most[0]}
	work := n.scratch(boxes.Shape[0], 12)
	s := n.bindSignal("non_max_suppression", func(in, out []*Ref, mem []byte) {
		l := kernel.NMSLimits{IoU: f32(in[3].Bytes(mem))[0], Score: f32(in[4].Bytes(mem))[0]}
		var kept []float32
		if soft {
			l.Sigma, kept = f32(in[5].Bytes(mem))[0], f32(out[1].Bytes(mem))
		}
		count := m.Run(i32(out[0].Bytes(mem)), kept, f32(in[0].Bytes(mem)), f32(in[1].Bytes(mem)), l, viewOf[kernel.Pending](work.Bytes(mem)))
		i32(out[len(out)-1].Bytes(mem))[0] = int32(count)
	})
	s.Rule = ruleTFLite
	return s, nil
}
