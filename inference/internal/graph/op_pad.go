package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// lowerPad serves PAD, which fills with the zero point, and PADV2, which names
// the value.
func lowerPad(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if n.in(1).Data == nil || n.rowsOf(0) != nil {
		return n.padInRun()
	}
	amounts, err := n.staticInts(1, "paddings")
	if err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
	if out.Unknown && len(amounts) == 2*rank {
		shape := make([]int, rank)
		for d := range shape {
			shape[d] = in.Shape[d] + max(amounts[2*d], 0) + max(amounts[2*d+1], 0)
		}
		if err := n.resolve(0, shape); err != nil {
			return Step{}, err
		}
	}
	if rank == 0 || len(amounts) != 2*rank || len(out.Shape) != rank {
		return Step{}, fmt.Errorf("%d paddings for shape %v to %v", len(amounts), in.Shape, out.Shape)
	}
	elem := out.DType.Size()
	st, base := strides(out.Shape, elem), 0
	for d := range rank {
		b, a := amounts[2*d], amounts[2*d+1]
		if b < 0 || a < 0 || int64(in.Shape[d])+int64(b)+int64(a) != int64(out.Shape[d]) {
			return Step{}, fmt.Errorf("paddings %v take %v to %v", amounts, in.Shape, out.Shape)
		}
		base += b * st[d]
	}
	fill, err := n.padValue(out)
	if err != nil {
		return Step{}, err
	}
	k := (&kernel.Copy{Shape: in.Shape, SrcStride: strides(in.Shape, elem), DstStride: st, DstBase: base, Elem: elem}).Compact()
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "pad", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			d := dst.Bytes(mem)
			kernel.Fill(d, fill)
			k.Run(d, src.Bytes(mem))
		},
	}, nil
}

// padInRun pads rows, or by what a run computes along one dimension.
func (n *node) padInRun() (Step, error) {
	in, elem := n.in(0), n.out().DType.Size()
	v, err := n.numbersOf(1, "paddings")
	if err != nil {
		return Step{}, err
	}
	known := n.b.boundsOf(n.n.In[1])
	if known == nil || slices.ContainsFunc(known, bounds.open) {
		return Step{}, unsupported("paddings of which nothing is known before the run")
	}
	if len(in.Shape) == 0 || len(known) != 2*len(in.Shape) {
		return Step{}, fmt.Errorf("%d paddings for shape %v", len(known), in.Shape)
	}
	shape, axis := make([]int, len(in.Shape)), -1
	for d, size := range in.Shape {
		before, after := known[2*d], known[2*d+1]
		if n.runs(d) || before.lo != before.hi || after.lo != after.hi {
			if axis >= 0 {
				return Step{}, unsupported("two dimensions that only a run decides")
			}
			axis = d
		} else if before.lo < 0 || after.lo < 0 {
			return Step{}, fmt.Errorf("paddings %v", known)
		}
		sum := int64(size) + int64(max(before.hi, 0)) + int64(max(after.hi, 0))
		if sum > maxTensor {
			return Step{}, fmt.Errorf("paddings %v of %v", known, in.Shape)
		}
		shape[d] = int(sum)
	}
	if axis < 0 {
		axis = 0
	}
	set, err := n.decided(0, shape, axis)
	if err != nil {
		return Step{}, err
	}
	fill, err := n.padValue(n.out())
	if err != nil {
		return Step{}, err
	}
	from, to := strides(in.Shape, elem), strides(n.out().Shape, elem)
	most, base := n.out().Shape[axis], 0
	for d := range in.Shape {
		if d != axis {
			base += known[2*d].lo * to[d]
		}
	}
	count, src, dst := n.countOf(0, axis), n.inRef(0), n.outRef()
	return Step{
		Kernel: "pad", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			b, rows, a := v.at(mem, 2*axis), count(mem), v.at(mem, 2*axis+1)
			if b < 0 || a < 0 || a > most-rows-b {
				panic(kernel.ValueError{What: fmt.Sprintf("paddings %d and %d of %d places", b, a, rows)})
			}
			set(mem, b+rows+a)
			d := dst.Bytes(mem)
			kernel.Fill(d, fill)
			var size [tflite.MaxRank]int
			copy(size[:], in.Shape)
			if size[axis] = rows; rows > 0 {
				c := kernel.Copy{Shape: size[:len(in.Shape)], SrcStride: from, DstStride: to, DstBase: base + b*to[axis], Elem: elem}
				c.Run(d, src.Bytes(mem))
			}
		},
	}, nil
}

// padValue returns the bytes of one element of padding.
func (n *node) padValue(out *Tensor) ([]byte, error) {
	if v := n.in(2); v != nil {
		data, err := n.static(2, "padding value")
		if err != nil {
			return nil, err
		}
		if v.DType != out.DType || v.Elements() != 1 {
			return nil, fmt.Errorf("padding value %v of %s", v.Shape, v.DType)
		}
		if v.Scale() != out.Scale() || v.Zero() != out.Zero() {
			return nil, unsupported("padding value quantized differently")
		}
		return append([]byte(nil), data...), nil
	}
	fill := make([]byte, out.DType.Size())
	if out.DType == Int8 || out.DType == Uint8 {
		fill[0] = byte(out.Zero())
	} else if out.Zero() != 0 {
		return nil, unsupported("zero point %d of %s", out.Zero(), out.DType)
	}
	return fill, nil
}
