package graph

import (
	"encoding/binary"
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerTransposeBias lowers MediaPipe's Convolution2DTransposeBias: input,
// filter, bias; the options are a C struct of padding (1 same, 2 valid) and the
// strides (mediapipe/util/tflite/operations/transpose_conv_bias.cc).
func lowerTransposeBias(n *node) (Step, error) {
	in, filter, out := n.in(0), n.in(1), n.out()
	if err := n.floats(in, filter, out); err != nil {
		return Step{}, err
	}
	if len(in.Shape) != 4 || len(filter.Shape) != 4 || filter.Shape[3] != in.Shape[3] || len(n.n.Custom) < 12 {
		return Step{}, fmt.Errorf("filter %v, input %v, options of %d bytes", filter.Shape, in.Shape, len(n.n.Custom))
	}
	option := func(i int) int32 { return int32(binary.LittleEndian.Uint32(n.n.Custom[4*i:])) }
	w, err := spreadWindow(in.Shape, filter.Shape, option(0), [2]int32{option(2), option(1)})
	if err != nil {
		return Step{}, err
	}
	if want := []int{in.Shape[0], w.InH, w.InW, filter.Shape[0]}; !equal(out.Shape, want) {
		out.Unknown = true // files leave it to the operator
		if err := n.resolve(0, want); err != nil {
			return Step{}, err
		}
	}
	s := &kernel.SpreadF32{Window: w, Batch: in.Shape[0], InC: in.Shape[3], OutC: filter.Shape[0], Range: kernel.Range{Lo: -inf, Hi: inf}}
	if s.Weights, err = n.staticFloats(1, "filter"); err != nil {
		return Step{}, err
	}
	if s.Bias, err = n.biasF32(s.OutC); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	macs := int64(s.Batch) * int64(w.OutH) * int64(w.OutW) * int64(s.InC) * int64(s.OutC) * int64(w.KH) * int64(w.KW)
	return Step{
		Kernel: "transpose_bias_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: macs,
		Run: func(mem []byte) { s.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}

// spreadWindow works out how far an input and a filter spread: In is the
// output, as in kernel.Spread.
func spreadWindow(in, filter []int, padding int32, stride [2]int32) (kernel.Window, error) {
	const limit = 1 << 12 // products stay far from overflow
	w := kernel.Window{
		OutH: in[1], OutW: in[2], KH: filter[1], KW: filter[2], StrideH: int(stride[0]), StrideW: int(stride[1]), DilationH: 1, DilationW: 1,
	}
	for _, v := range []int{w.OutH, w.OutW, w.KH, w.KW, w.StrideH, w.StrideW} {
		if v < 1 || v > limit {
			return w, fmt.Errorf("input %v, filter %v, stride %v", in, filter, stride)
		}
	}
	w.InH, w.InW = w.StrideH*(w.OutH-1)+w.KH, w.StrideW*(w.OutW-1)+w.KW
	switch padding {
	case 1:
		h, v := max(0, w.KH-(w.OutH-1)%w.StrideH-1), max(0, w.KW-(w.OutW-1)%w.StrideW-1)
		w.InH, w.InW, w.PadTop, w.PadLeft = w.InH-h, w.InW-v, h/2, v/2
	case 2:
	default:
		return w, fmt.Errorf("padding %d", padding)
	}
	return w, nil
}
