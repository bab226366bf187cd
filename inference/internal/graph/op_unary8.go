package graph

import (
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// table8 lowers a function of 8 bits that TFLite keeps as a table.
func table8(name string, f func(x float32) float32) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if err := n.unary8(); err != nil {
			return Step{}, err
		}
		return n.mapStep(name, ruleTFLite, kernel.NewTable8(side(n.in(0)), n.out().Scale(), n.wholeRange(), f))
	}
}

func lowerGelu8(n *node) (Step, error) {
	if n.n.Opt.Bool(0, false) {
		return table8("gelu_tanh_8", kernel.GeluTanhTable)(n)
	}
	return table8("gelu_8", kernel.GeluTable)(n)
}

func lowerElu8(n *node) (Step, error) {
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	return n.mapStep("elu_8", ruleXNNPACK, kernel.NewElu8(side(n.in(0)), n.out().Scale(), n.wholeRange()))
}

func lowerAbs8(n *node) (Step, error) {
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	ratio := n.in(0).Scale() / n.out().Scale()
	if ratio > 1<<20 {
		return Step{}, unsupported("input to output scale %g", ratio)
	}
	return n.mapStep("abs_8", ruleTFLite, kernel.NewAbs8(side(n.in(0)), float64(ratio), n.wholeRange()))
}

func lowerSquaredDifference8(n *node) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	if _, err := n.binary8(); err != nil {
		return Step{}, err
	}
	twice := float64(2 * max(a.Scale(), b.Scale()))
	result := twice * twice / float64(float32(1<<14)*out.Scale())
	if !(result > 0 && result < 1) {
		return Step{}, unsupported("scales %g, %g and %g", a.Scale(), b.Scale(), out.Scale())
	}
	s := &kernel.SquaredDifference8{
		A: kernel.NewMultiplier(float64(a.Scale()) / twice), B: kernel.NewMultiplier(float64(b.Scale()) / twice), Result: kernel.NewMultiplier(result),
		AZero: a.Zero(), BZero: b.Zero(), Out: n.wholeRange(),
	}
	return ruled(ruleTFLite)(zip("squared_difference_qs8", s.Apply)(n))
}

func lowerL2Norm8(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	middle := map[DType]int32{Int8: 0, Uint8: 128}[in.DType]
	if out.Scale() != 1.0/128 || out.Zero() != middle || len(in.Shape) == 0 || in.Shape[len(in.Shape)-1] > 1<<15 {
		return Step{}, unsupported("output scale %g, zero point %d, shape %v", out.Scale(), out.Zero(), in.Shape)
	}
	depth, zero := in.Shape[len(in.Shape)-1], in.Zero()
	src, dst := n.inRef(0), n.outRef()
	if in.DType == Uint8 {
		return Step{
			Kernel: "l2_normalization_qu8", Tier: kernel.TierGeneric, Rule: ruleTFLite,
			Run: func(mem []byte) { kernel.L2NormU8(dst.Bytes(mem), src.Bytes(mem), depth, zero) },
		}, nil
	}
	return Step{
		Kernel: "l2_normalization_qs8", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { kernel.L2Norm8(i8(dst.Bytes(mem)), i8(src.Bytes(mem)), depth, zero) },
	}, nil
}
