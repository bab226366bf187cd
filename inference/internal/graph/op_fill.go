package graph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// constant sets an output that is known while the model is planned.
func (n *node) constant(elements int, put func(data []byte)) (Step, error) {
	out := n.out()
	if err := n.resolve(0, []int{elements}); err != nil {
		return Step{}, err
	}
	if out.Elements() != elements {
		return Step{}, fmt.Errorf("output shape %v, want %d elements", out.Shape, elements)
	}
	if err := n.b.mem.Take("constant", int64(out.Size())); err != nil {
		return Step{}, err
	}
	out.Data = make([]byte, out.Size())
	put(out.Data)
	return Step{}, nil
}

// lowerShape knows the shape of its input when the model is planned.
func lowerShape(n *node) (Step, error) {
	shape, out := n.in(0).Shape, n.out()
	if out.DType != Int32 && out.DType != Int64 {
		return Step{}, unsupported("types %s", n.types())
	}
	if r := n.rowsOf(0); r != nil {
		return n.shapeInRun(r)
	}
	return n.constant(len(shape), func(data []byte) {
		for i, d := range shape {
			if out.DType == Int32 {
				binary.LittleEndian.PutUint32(data[4*i:], uint32(d))
			} else {
				binary.LittleEndian.PutUint64(data[8*i:], uint64(d))
			}
		}
	})
}

// lowerRange counts from a constant to a constant.
func lowerRange(n *node) (Step, error) {
	out := n.out().DType
	for i := range n.n.In {
		if n.in(i).DType != out {
			return Step{}, unsupported("types %s", n.types())
		}
	}
	switch out {
	case Float32:
		return rangeF32s(n)
	case Int32, Int64:
	default:
		return Step{}, unsupported("types %s", n.types())
	}
	if n.in(0).Data == nil || n.in(1).Data == nil {
		return n.rangeInRun()
	}
	var v [3]int
	for i := range v {
		list, err := n.staticInts(i, "bound")
		if err != nil {
			return Step{}, err
		}
		if len(list) != 1 {
			return Step{}, fmt.Errorf("bound of %d elements", len(list))
		}
		v[i] = list[0]
	}
	start, limit, delta := v[0], v[1], v[2]
	if delta == 0 {
		return Step{}, fmt.Errorf("range with step 0")
	}
	count := max(0, (limit-start+delta-sign(delta))/delta)
	return n.constant(count, func(data []byte) {
		for i := range count {
			if n.out().DType == Int32 {
				binary.LittleEndian.PutUint32(data[4*i:], uint32(start+i*delta))
			} else {
				binary.LittleEndian.PutUint64(data[8*i:], uint64(start+i*delta))
			}
		}
	})
}

func sign(v int) int {
	if v < 0 {
		return -1
	}
	return 1
}

func rangeF32s(n *node) (Step, error) {
	var v [3]float32
	for i := range v {
		list, err := n.staticFloats(i, "bound")
		if err != nil {
			return Step{}, err
		}
		if len(list) != 1 {
			return Step{}, fmt.Errorf("bound of %d elements", len(list))
		}
		v[i] = list[0]
	}
	count := math.Ceil(math.Abs(float64((v[1] - v[0]) / v[2])))
	if !(count >= 0 && count <= maxTensor/4) {
		return Step{}, fmt.Errorf("range from %v to %v by %v", v[0], v[1], v[2])
	}
	return n.constant(int(count), func(data []byte) {
		x := v[0]
		for i := range int(count) {
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
			x += v[2]
		}
	})
}

// lowerFill repeats one element.
func lowerFill(n *node) (Step, error) {
	if err := n.moves(n.out(), n.in(1)); err != nil {
		return Step{}, err
	}
	say, err := n.sizeInRun(0, "shape", nil)
	if err != nil {
		return Step{}, err
	}
	if say == nil {
		dims, err := n.staticInts(0, "shape")
		if err != nil {
			return Step{}, err
		}
		if err := n.resolve(0, dims); err != nil {
			return Step{}, err
		}
		if !equal(dims, n.out().Shape) {
			return Step{}, fmt.Errorf("shape %v, output %v", dims, n.out().Shape)
		}
	}
	if n.in(1).Elements() != 1 {
		return Step{}, fmt.Errorf("value of shape %v", n.in(1).Shape)
	}
	src, dst := n.inRef(1), n.outRef()
	return Step{
		Kernel: "fill", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { kernel.Fill(dst.Bytes(mem), src.Bytes(mem)) },
	}.first(say), nil
}

// lowerBlocks moves blocks of space to or from the batch: with a block of b by
// c, image (i*c + j)*batch + k of the many holds the pixels at i, j of each
// block of image k (kernels/internal/reference/space_to_batch_nd.h).
//
//go:noinline
func lowerBlocks(toBatch bool) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		many, few := n.in(0), n.out()
		if toBatch {
			many, few = few, many
		}
		if err := n.moves(few, many); err != nil {
			return Step{}, err
		}
		block, err := n.staticInts(1, "block")
		if err != nil {
			return Step{}, err
		}
		edge, err := n.staticInts(2, "edges")
		if err != nil {
			return Step{}, err
		}
		m, rank := len(block), len(few.Shape)
		if m == 0 || rank < m+1 || len(many.Shape) != rank || len(edge) != 2*m || rank > 4 || m > 2 {
			return Step{}, unsupported("blocks %v of %v", block, few.Shape)
		}
		count := 1
		for d, b := range block {
			before, after := edge[2*d], edge[2*d+1]
			if b < 1 || before < 0 || after < 0 || int64(many.Shape[d+1])*int64(b) != int64(few.Shape[d+1])+int64(before)+int64(after) {
				return Step{}, fmt.Errorf("blocks %v and edges %v take %v to %v", block, edge, few.Shape, many.Shape)
			}
			count *= b
		}
		if many.Shape[0] != few.Shape[0]*count || !equal(many.Shape[m+1:], few.Shape[m+1:]) {
			return Step{}, fmt.Errorf("blocks %v take %v to %v", block, few.Shape, many.Shape)
		}
		if err := n.b.hold("blocks", 256*count); err != nil {
			return Step{}, err
		}
		return n.blockStep(blockCopies(few, many, block, edge, toBatch), toBatch)
	}
}

func (n *node) blockStep(copies []*kernel.Copy, toBatch bool) (Step, error) {
	name, fill := "batch_to_space", []byte(nil)
	if toBatch {
		name = "space_to_batch"
		var err error
		if fill, err = zeroElement(n.out()); err != nil {
			return Step{}, err
		}
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			to, from := dst.Bytes(mem), src.Bytes(mem)
			if fill != nil {
				kernel.Fill(to, fill)
			}
			for _, c := range copies {
				c.Run(to, from)
			}
		},
	}, nil
}

// blockCopies makes one copy a place in the block, of the pixels inside few.
func blockCopies(few, many *Tensor, block, edge []int, toBatch bool) (list []*kernel.Copy) {
	elem := few.DType.Size()
	fs, ms := strides(few.Shape, elem), strides(many.Shape, elem)
	for i := range product(block) {
		c := &kernel.Copy{Shape: append([]int{few.Shape[0]}, many.Shape[1:]...), Elem: elem, SrcStride: append([]int{}, fs...), DstStride: append([]int{}, ms...)}
		c.DstBase = i * few.Shape[0] * ms[0]
		rest := i
		for d := len(block) - 1; d >= 0; d-- {
			b := block[d]
			at := rest%b - edge[2*d] // first pixel in few
			rest /= b
			first := 0
			if at < 0 {
				first = (-at + b - 1) / b
			}
			last := (few.Shape[d+1] - at + b - 1) / b // pixels end here
			c.Shape[d+1] = max(0, min(last, many.Shape[d+1])-first)
			c.SrcBase += (at + first*b) * fs[d+1]
			c.SrcStride[d+1] = b * fs[d+1]
			c.DstBase += first * ms[d+1]
		}
		if product(c.Shape) == 0 {
			continue
		}
		if !toBatch {
			c.SrcBase, c.DstBase, c.SrcStride, c.DstStride = c.DstBase, c.SrcBase, c.DstStride, c.SrcStride
		}
		list = append(list, c.Compact())
	}
	return list
}

// zeroElement returns the element that stands for 0.
func zeroElement(t *Tensor) ([]byte, error) {
	e := make([]byte, t.DType.Size())
	switch t.DType {
	case Int8, Uint8:
		e[0] = byte(t.Zero())
	case Int16:
		binary.LittleEndian.PutUint16(e, uint16(t.Zero()))
	}
	return e, nil
}
