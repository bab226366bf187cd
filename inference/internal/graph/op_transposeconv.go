package graph

import (
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerTransposeConv8 lowers TRANSPOSE_CONV of 8 bits.
func lowerTransposeConv8(n *node) (Step, error) {
	switch d := n.in(2).DType; d {
	case Float32:
		return n.transposeConvF32()
	case Int8:
		return transposeConv8[int8](n, "transpose_conv_qs8")
	case Uint8:
		return transposeConv8[uint8](n, "transpose_conv_qu8")
	default:
		return Step{}, unsupported("types %s -> %s", d, n.out().DType)
	}
}

// transposeConv8 follows XNNPACK where same padding goes with a stride no longer
// than the filter, as LiteRT's delegate takes it, otherwise TFLite.
func transposeConv8[T kernel.Byte](n *node, name string) (Step, error) {
	if n.in(0).Data == nil {
		return Step{}, unsupported("output shape is not a constant")
	}
	w, err := n.spreadShape()
	if err != nil {
		return Step{}, err
	}
	// The checks of a convolution, which has its input first.
	like := *n.n
	like.In = append([]int{n.n.In[2], n.n.In[1]}, n.n.In[3:]...)
	c := &node{b: n.b, n: &like, at: n.at}
	outC := n.out().Shape[3]
	p, err := pack[T](c, outC, len(n.in(1).Data)/max(outC, 1), 0, n.n.Opt.Byte(3, 0))
	if err != nil {
		return Step{}, err
	}
	if err := n.b.hold("weights", len(p.weights)); err != nil {
		return Step{}, err
	}
	// Each output pixel meets other taps, so the zero point stays unfolded.
	bias, err := c.bias(outC)
	if err != nil {
		return Step{}, err
	}
	store, rule := func(dst []T, sums []int32) { kernel.StoreF32(dst, sums, bias, p.scale, p.out) }, ruleXNNPACK
	if n.n.Opt.Byte(0, 0) == paddingSame && (w.KH < w.StrideH || w.KW < w.StrideW) {
		rule = ruleTFLite
		if store, err = storeTFLite[T](c, outC, bias, n.n.Opt.Byte(3, 0)); err != nil {
			return Step{}, err
		}
	}
	in := n.in(2)
	s := &kernel.Spread[T, T, int32]{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], OutC: outC, Weights: slices.Clone(p.weights), InZero: in.Zero(), WeightZero: p.zero,
	}
	src, dst, acc := n.inRef(2), n.outRef(), n.scratch(s.Scratch(), 4)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: rule, MACs: s.MACs(),
		Run: func(mem []byte) {
			sums, to := i32(acc.Bytes(mem)), viewOf[T](dst.Bytes(mem))
			for b := range s.Batch {
				s.Image(sums, viewOf[T](src.Bytes(mem)), b)
				store(to[b*len(sums):], sums)
			}
		},
	}, nil
}

// storeTFLite requantizes sums by TFLite's rule; c has its input first.
func storeTFLite[T kernel.Byte](c *node, channels int, bias []int32, activation byte) (func(dst []T, sums []int32), error) {
	in, filter, out := c.in(0), c.in(1), c.out()
	factors := make([]kernel.Multiplier, channels)
	if err := c.b.hold("factors", 16*channels); err != nil {
		return nil, err
	}
	for i := range factors {
		w := filter.Quant.Scale[min(i, len(filter.Quant.Scale)-1)]
		f := float64(in.Scale()) * float64(w) / float64(out.Scale())
		if in.DType == Uint8 {
			f = float64(float32(in.Scale()*w)) / float64(out.Scale())
		}
		factors[i] = kernel.NewMultiplier(f)
	}
	clamp, err := c.clampTFLite(activation)
	images := c.in(0).Shape[0]
	if in.DType == Uint8 && images > 1 {
		return nil, unsupported("several images with a stride longer than the filter")
	}
	return func(dst []T, sums []int32) { kernel.StoreTFLite(dst, sums, bias, factors, clamp) }, err
}
