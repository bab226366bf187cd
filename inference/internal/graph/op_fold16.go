package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// fold16 lowers MEAN and SUM of int16, over any dimensions. LiteRT adds in
// 32 bits.
//
//go:noinline
func fold16(name string, mean bool) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		in, out := n.in(0), n.out()
		if err := n.symmetric(in, out); err != nil {
			return Step{}, err
		}
		r, err := n.reduction()
		if err != nil {
			return Step{}, err
		}
		size := out.Elements()
		count := in.Elements() / max(size, 1)
		if count == 0 || count > 1<<16-1 {
			return Step{}, unsupported("%s over %d elements", name, count)
		}
		src, dst, acc := n.inRef(0), n.outRef(), n.scratch(size, 4)
		s := Step{Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite}
		finish := func(dst []int16, sums []int32) { kernel.ScaledSum16(dst, sums, in.Scale()/out.Scale()) }
		if mean {
			m, err := factor(float64(in.Scale())/float64(out.Scale()), 16)
			if err != nil {
				return Step{}, err
			}
			m = m.Over(count)
			finish = func(dst []int16, sums []int32) { kernel.Mean16(dst, sums, m) }
		}
		s.Run = func(mem []byte) {
			sums := i32(acc.Bytes(mem))[:size]
			kernel.RunReduce(r, sums, i16(src.Bytes(mem)), 0, func(a int32, x int16) int32 { return a + int32(x) })
			finish(i16(dst.Bytes(mem)), sums)
		}
		return s, nil
	}
}

// relu16 is relu for int16.
func relu16(n *node, lo, hi float32) (Step, error) {
	if err := n.unary16(); err != nil {
		return Step{}, err
	}
	m, err := factor(float64(n.in(0).Scale()/n.out().Scale()), 16)
	if err != nil {
		return Step{}, err
	}
	bound := func(f float32) int32 {
		return int32(min(max(math.Round(float64(f/n.out().Scale())), math.MinInt16), math.MaxInt16))
	}
	least, most := bound(lo), bound(hi)
	return n.step16("relu_16", func(dst, src []int16) { kernel.Relu16(dst, src, m, least, most) }), nil
}

func resizeBilinear16(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	align, half, err := n.resize(2)
	if err != nil {
		return Step{}, err
	}
	if max(in.Shape[1], in.Shape[2], out.Shape[1], out.Shape[2]) >= 1<<20 {
		return Step{}, unsupported("size %v to %v", in.Shape, out.Shape)
	}
	y, inside := kernel.Taps16(in.Shape[1], out.Shape[1], align, half)
	x, also := kernel.Taps16(in.Shape[2], out.Shape[2], align, half)
	if !inside || !also {
		return Step{}, unsupported("%v to %v: steps of 1/1024 pass the last pixel", in.Shape, out.Shape)
	}
	r := &kernel.Bilinear16{Y: y, X: x, Batch: in.Shape[0], H: in.Shape[1], W: in.Shape[2], C: in.Shape[3]}
	return n.step16("resize_bilinear_16", r.Run), nil
}
