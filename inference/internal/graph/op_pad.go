package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerPad serves PAD, which fills with the zero point, and PADV2, which names
// the value.
func lowerPad(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	amounts, err := n.staticInts(1, "paddings")
	if err != nil {
		return Step{}, err
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
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
