package graph

import (
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerTransposeConv8 lowers TRANSPOSE_CONV of int8, which LiteRT delegates
// where same padding goes with a stride no longer than the filter.
func lowerTransposeConv8(n *node) (Step, error) {
	if n.in(2).DType == Float32 {
		return n.transposeConvF32()
	}
	if d := n.in(2).DType; d != Int8 {
		return Step{}, unsupported("types %s -> %s", d, n.out().DType)
	}
	if n.in(0).Data == nil {
		return Step{}, unsupported("output shape is not a constant")
	}
	w, err := n.spreadShape()
	if err != nil {
		return Step{}, err
	}
	if n.n.Opt.Byte(0, 0) == paddingSame && (w.KH < w.StrideH || w.KW < w.StrideW) {
		return Step{}, unsupported("stride %dx%d over filter %dx%d", w.StrideH, w.StrideW, w.KH, w.KW)
	}
	// The checks of a convolution, which has its input first.
	like := *n.n
	like.In = append([]int{n.n.In[2], n.n.In[1]}, n.n.In[3:]...)
	c := &node{n.b, &like, n.at}
	outC := n.out().Shape[3]
	p, err := pack[int8](c, outC, len(n.in(1).Data)/max(outC, 1), 0, n.n.Opt.Byte(3, 0))
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
	in := n.in(2)
	s := &kernel.Spread[int8, int8, int32]{
		Window: w, Batch: in.Shape[0], InC: in.Shape[3], OutC: outC, Weights: slices.Clone(p.weights), InZero: in.Zero(),
	}
	src, dst, acc := n.inRef(2), n.outRef(), n.scratch(s.Scratch(), 4)
	return Step{
		Kernel: "transpose_conv_qs8", Tier: kernel.TierGeneric, Rule: ruleXNNPACK, MACs: s.MACs(),
		Run: func(mem []byte) {
			sums, to := i32(acc.Bytes(mem)), i8(dst.Bytes(mem))
			for b := range s.Batch {
				s.Image(sums, i8(src.Bytes(mem)), b)
				kernel.StoreF32(to[b*len(sums):], sums, bias, p.scale, p.out)
			}
		},
	}, nil
}
