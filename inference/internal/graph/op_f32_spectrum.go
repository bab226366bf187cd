package graph

import (
	"fmt"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// maxRFFT bounds a side of a transform.
const maxRFFT = 1 << 16

// lowerRFFT2D transforms the last two dimensions.
func lowerRFFT2D(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	size, err := n.staticInts(1, "transform length")
	if err != nil {
		return Step{}, err
	}
	if in.DType != Float32 || out.DType != Complex64 {
		return Step{}, unsupported("types %s", n.types())
	}
	at := len(in.Shape) - 2
	if at < 0 || len(out.Shape) != len(in.Shape) || len(size) != 2 {
		return Step{}, fmt.Errorf("input %v, output %v, %d lengths", in.Shape, out.Shape, len(size))
	}
	for _, v := range size {
		if v < 1 || v > maxRFFT || bits.OnesCount(uint(v)) != 1 {
			return Step{}, unsupported("transform of %v", size)
		}
	}
	h, w, batches := size[0], size[1], product(in.Shape[:at])
	if !equal(out.Shape[:at], in.Shape[:at]) || out.Shape[at] != h || out.Shape[at+1] != w/2+1 {
		return Step{}, fmt.Errorf("output shape %v, input %v, transform of %v", out.Shape, in.Shape, size)
	}
	f := &kernel.RFFT2D{H: h, W: w}
	if err := n.b.hold("transform", f.Tables()); err != nil {
		return Step{}, err
	}
	f = kernel.NewRFFT2D(h, w, in.Shape[at], in.Shape[at+1])
	src, dst, work := n.inRef(0), n.outRef(), n.scratch(f.Work(), 8)
	return Step{
		Kernel: "rfft2d_f32", Tier: f.Tier(), Rule: ruleFloat,
		MACs: 2 * int64(batches) * int64(h) * int64(w) * int64(bits.Len(uint(h*w))),
		Run: func(mem []byte) {
			to, from, w64 := f32(dst.Bytes(mem)), f32(src.Bytes(mem)), viewOf[float64](work.Bytes(mem))
			for i := range batches {
				f.Run(to[i*2*h*(w/2+1):], from[i*f.InH*f.InW:], w64)
			}
		},
	}, nil
}

func lowerComplexAbs(n *node) (Step, error) {
	if n.in(0).DType != Complex64 || n.out().DType != Float32 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	run, tier := kernel.VectorComplexAbsF32()
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "complex_abs_f32", Tier: tier, Rule: ruleFloat,
		Run: func(mem []byte) { run(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}
