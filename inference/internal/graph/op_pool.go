package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerAveragePool(n *node) (Step, error) {
	switch n.in(0).DType {
	case Uint8:
		return averagePool[uint8](n, "average_pool_qu8")
	case Float32:
		return averagePoolF32(n)
	}
	return averagePool[int8](n, "average_pool_qs8")
}

func averagePool[T kernel.Byte](n *node, name string) (Step, error) {
	p, err := pool[T](n)
	if err != nil {
		return Step{}, err
	}
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(p.C, 4)
	return Step{
		Kernel: name, Tier: kernel.ChoosePool(p), Rule: ruleTFLite,
		Run: func(mem []byte) { p.Average(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), i32(acc.Bytes(mem))) },
	}, nil
}

func lowerMaxPool(n *node) (Step, error) {
	switch n.in(0).DType {
	case Uint8:
		return maxPool[uint8](n, "max_pool_qu8")
	case Float32:
		return maxPoolF32(n)
	}
	return maxPool[int8](n, "max_pool_qs8")
}

func maxPool[T kernel.Byte](n *node, name string) (Step, error) {
	p, err := pool[T](n)
	if err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.ChoosePool(p), Rule: ruleExact,
		Run: func(mem []byte) { p.Maximum(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem))) },
	}, nil
}

func pool[T kernel.Byte](n *node) (*kernel.Pool[T], error) {
	in, out := n.in(0), n.out()
	if in.DType != out.DType || in.DType != Int8 && in.DType != Uint8 {
		return nil, unsupported("types %s", n.types())
	}
	if err := n.quantized(in, out); err != nil {
		return nil, err
	}
	if in.Scale() != out.Scale() || in.Zero() != out.Zero() {
		return nil, unsupported("input and output quantized differently")
	}
	w, err := n.poolWindow()
	if err != nil {
		return nil, err
	}
	clamp, err := n.clampTFLite(n.n.Opt.Byte(5, 0))
	return &kernel.Pool[T]{Window: w, Batch: in.Shape[0], C: in.Shape[3], Min: clamp.Min, Max: clamp.Max}, err
}

// poolWindow checks the geometry of a pool and charges its work.
func (n *node) poolWindow() (kernel.Window, error) {
	in, out := n.in(0), n.out()
	if len(in.Shape) != 4 || len(out.Shape) != 4 || in.Shape[3] != out.Shape[3] {
		return kernel.Window{}, fmt.Errorf("shapes %v, output %v", in.Shape, out.Shape)
	}
	o := n.n.Opt
	w, err := n.window(int(o.Int32(4, 0)), int(o.Int32(3, 0)), o.Byte(0, 0),
		[2]int32{o.Int32(2, 0), o.Int32(1, 0)}, [2]int32{1, 1})
	if err != nil {
		return w, err
	}
	// Every window covers at least one pixel: padding is less than a window.
	return w, n.b.mem.Work(n.n.Name, int64(out.Elements())*int64(w.KH)*int64(w.KW))
}

func lowerMean(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return reduceF32(n, "mean_f32", true)
	}
	return n.reduce8("mean", kernel.NewMean)
}

// reduce8 lowers a sum or mean of 8 bits.
func (n *node) reduce8(name string, prepare func(n int, inOut float32, inZero, outZero int32) kernel.Mean) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType != out.DType || in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	axes, err := n.staticInt32s(1, "axes")
	if err != nil {
		return Step{}, err
	}
	first, last, err := adjacent(axes, len(in.Shape))
	if err != nil {
		return Step{}, err
	}
	outer, count, inner := product(in.Shape[:first]), product(in.Shape[first:last]), product(in.Shape[last:])
	if out.Elements() != outer*inner {
		return Step{}, fmt.Errorf("output shape %v from %v over axes %v", out.Shape, in.Shape, axes)
	}
	if count > 1<<23 {
		return Step{}, unsupported("%s over %d elements", name, count)
	}
	if err := n.b.mem.Work(n.n.Name, int64(in.Elements())); err != nil {
		return Step{}, err
	}
	k := prepare(count, in.Scale()/out.Scale(), in.Zero(), out.Zero())
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(inner+16, 4)
	clamp := n.wholeRange()
	s := Step{Kernel: name + "_qs8", Tier: k.Tier(), Rule: ruleXNNPACK}
	s.Run = func(mem []byte) {
		kernel.RunMean(k, i8(dst.Bytes(mem)), i8(src.Bytes(mem)), i32(acc.Bytes(mem)), outer, count, inner, clamp)
	}
	if in.DType == Uint8 {
		s.Kernel = name + "_qu8"
		s.Run = func(mem []byte) {
			kernel.RunMean(k, dst.Bytes(mem), src.Bytes(mem), i32(acc.Bytes(mem)), outer, count, inner, clamp)
		}
	}
	return s, nil
}

// adjacent resolves reduction axes to one range [first, last) of dimensions.
func adjacent(axes []int32, rank int) (first, last int, err error) {
	in := make([]bool, rank)
	first, last = rank, 0
	for _, a := range axes {
		d := int(a)
		if d < 0 {
			d += rank
		}
		if d < 0 || d >= rank {
			return 0, 0, fmt.Errorf("axis %d of %d dimensions", a, rank)
		}
		in[d] = true
		first, last = min(first, d), max(last, d+1)
	}
	for d := first; d < last; d++ {
		if !in[d] {
			return 0, 0, unsupported("reduction over separate axes %v", axes)
		}
	}
	if first >= last {
		return 0, 0, unsupported("reduction over no axis")
	}
	return first, last, nil
}
