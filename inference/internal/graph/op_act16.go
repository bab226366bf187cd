package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// sigmoid16 lowers LOGISTIC and TANH of int16, whose output scale is 2^-15. The
// input scale 2^-12, and 2^-11 of TANH, has a rule of its own
// (kernels/activations.cc, SigmoidEval, TanhEval).
//
//go:noinline
func sigmoid16(name string, most int, exact func(x int16, shift int) int16, run func(s *kernel.Sigmoid16, dst, src []int16)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if err := n.unary16(); err != nil {
			return Step{}, err
		}
		scale := n.in(0).Scale()
		log := math.Log2(float64(scale))
		whole := math.Round(log)
		if n.out().Scale() != 0x1p-15 || scale > 1 || log != whole && math.Abs(log-whole) < 1.1e-3 {
			return Step{}, unsupported("scales %g and %g", scale, n.out().Scale())
		}
		if shift := int(whole) + 12; log == whole && shift >= 0 && shift <= most {
			return n.step16(name, func(dst, src []int16) {
				for i, x := range src {
					dst[i] = exact(x, shift)
				}
			}), nil
		}
		if err := n.b.hold("table", 1024); err != nil {
			return Step{}, err
		}
		s := kernel.NewSigmoid16(scale)
		return n.step16(name, func(dst, src []int16) { run(s, dst, src) }), nil
	}
}

var (
	lowerLogistic16 = sigmoid16("logistic_16", 0, func(x int16, _ int) int16 { return kernel.Logistic16(x) }, (*kernel.Sigmoid16).Logistic)
	lowerTanh16     = sigmoid16("tanh_16", 1, func(x int16, shift int) int16 {
		return kernel.Tanh16(int16(min(max(int32(x)<<shift, math.MinInt16), math.MaxInt16)), 3)
	}, (*kernel.Sigmoid16).Tanh)
)

// unary16 checks a function of one int16 operand.
func (n *node) unary16() error {
	if err := n.symmetric(n.in(0), n.out()); err != nil {
		return err
	}
	return n.same()
}

func (n *node) step16(name string, run func(dst, src []int16)) Step {
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { run(i16(dst.Bytes(mem)), i16(src.Bytes(mem))) },
	}
}

func softmax16(n *node) (Step, error) {
	if err := n.unary16(); err != nil {
		return Step{}, err
	}
	beta, shape := n.n.Opt.Float32(0, 0), n.in(0).Shape
	if !positive(beta) || n.out().Scale() != 0x1p-15 || len(shape) == 0 || shape[len(shape)-1] > 1<<15 {
		return Step{}, unsupported("beta %g, output scale %g, shape %v", beta, n.out().Scale(), shape)
	}
	if r := n.in(0).Scale() * beta; r > 1 {
		return Step{}, unsupported("input scale %g", r)
	}
	if err := n.b.hold("tables", 2052); err != nil {
		return Step{}, err
	}
	s, depth := kernel.NewSoftmax16(n.in(0).Scale(), beta), shape[len(shape)-1]
	return n.step16("softmax_16", func(dst, src []int16) { s.Run(dst, src, depth) }), nil
}
