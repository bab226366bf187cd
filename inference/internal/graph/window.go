package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

const (
	paddingSame  = 0
	paddingValid = 1
)

// window checks a sliding window over the NHWC input against the output's
// shape. Stride and dilation are height, width.
func (n *node) window(kh, kw int, padding byte, stride, dilation [2]int32) (kernel.Window, error) {
	return windowOf(n.in(0), n.out(), kh, kw, padding, stride, dilation)
}

// windowOf is window between two tensors.
func windowOf(in, out *Tensor, kh, kw int, padding byte, stride, dilation [2]int32) (kernel.Window, error) {
	w := kernel.Window{
		InH: in.Shape[1], InW: in.Shape[2], OutH: out.Shape[1], OutW: out.Shape[2], KH: kh, KW: kw,
		StrideH: int(stride[0]), StrideW: int(stride[1]), DilationH: int(dilation[0]), DilationW: int(dilation[1]),
	}
	if in.Shape[0] != out.Shape[0] {
		return w, fmt.Errorf("batch %d, output batch %d", in.Shape[0], out.Shape[0])
	}
	const limit = 1 << 16 // products of two stay far from overflow
	for _, v := range []int{w.StrideH, w.StrideW, w.DilationH, w.DilationW, kh, kw} {
		if v < 1 || v > limit {
			return w, fmt.Errorf("window %dx%d, stride %v, dilation %v", kh, kw, stride, dilation)
		}
	}
	// Positions inside the window must fit an int on every CPU.
	if int64(kh)*int64(w.DilationH) > 1<<30 || int64(kw)*int64(w.DilationW) > 1<<30 {
		return w, fmt.Errorf("window %dx%d, dilation %v", kh, kw, dilation)
	}
	var okH, okW bool
	switch padding {
	case paddingSame, paddingValid:
		w.PadTop, okH = pad(w.InH, w.OutH, kh, w.StrideH, w.DilationH, padding)
		w.PadLeft, okW = pad(w.InW, w.OutW, kw, w.StrideW, w.DilationW, padding)
	default:
		return w, fmt.Errorf("padding kind %d", padding)
	}
	if !okH || !okW {
		return w, fmt.Errorf("output %v does not follow from input %v, window %dx%d, stride %v, dilation %v",
			out.Shape, in.Shape, kh, kw, stride, dilation)
	}
	return w, nil
}

// pad returns the padding before the first element along one dimension, and
// whether the output size is the one the window gives
// (kernels/padding.h, ComputePaddingHeightWidth).
func pad(in, out, k, stride, dilation int, padding byte) (before int, ok bool) {
	span := (k-1)*dilation + 1
	if padding == paddingValid {
		return 0, in >= span && out == (in-span)/stride+1
	}
	if out != (in-1)/stride+1 {
		return 0, false
	}
	return max((out-1)*stride+span-in, 0) / 2, true
}
