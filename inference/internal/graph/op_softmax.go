package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerSoftmax(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType == Float32 {
		return softmaxF32(n)
	}
	if in.DType != out.DType || in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	beta := n.n.Opt.Float32(0, 0)
	if !positive(beta) { // below 0 exponentials have no bound, and their sum may be no number
		return Step{}, fmt.Errorf("beta %v", beta)
	}
	depth := 1
	if r := len(in.Shape); r > 0 {
		depth = in.Shape[r-1]
	}
	if err := n.b.hold("softmax table", 1024); err != nil {
		return Step{}, err
	}
	if in.DType == Uint8 {
		return softmaxStep[uint8](n, "softmax_qu8_lut", beta, depth), nil
	}
	return softmaxStep[int8](n, "softmax_qs8_lut", beta, depth), nil
}

func softmaxStep[T kernel.Byte](n *node, name string, beta float32, depth int) Step {
	in, out := n.in(0), n.out()
	k := kernel.NewSoftmax[T](in.Scale(), beta, out.Scale(), n.wholeRange())
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: k.Tier(), Rule: ruleTFLite,
		Run: func(mem []byte) { k.Run(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), depth) },
	}
}

//go:noinline
func logSoftmax8[T kernel.Byte](name string) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		in, out := n.in(0), n.out()
		if err := n.unary8(); err != nil {
			return Step{}, err
		}
		whole := n.wholeRange()
		if out.Scale() != 1.0/16 || out.Zero() != whole.Max || in.Scale() > 1<<20 || len(in.Shape) == 0 {
			return Step{}, unsupported("scales %g and %g, zero point %d, shape %v", in.Scale(), out.Scale(), out.Zero(), in.Shape)
		}
		if err := n.b.hold("softmax table", 1024); err != nil {
			return Step{}, err
		}
		k := kernel.NewSoftmax[T](in.Scale(), 1, out.Scale(), whole)
		src, dst, depth := n.inRef(0), n.outRef(), in.Shape[len(in.Shape)-1]
		return Step{
			Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite,
			Run: func(mem []byte) { k.RunLog(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), depth, in.Scale()) },
		}, nil
	}
}
